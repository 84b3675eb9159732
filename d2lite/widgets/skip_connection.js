// Plain against residual: the gradient of each layer and the training loss, from runs that Python measured.

const SMOOTH = 12, LAST = 32;
const TIMES = ["before training", "after training"];
const STYLES = { plain: { colour: "var(--d2l-2)", dash: "6 3" }, residual: { colour: "var(--d2l-1)", dash: null } };

/** The mean of each step and those before it; null where these are too few or one is no number. */
const smooth = (losses) => losses.map((_, at) => (at + 1 < SMOOTH ? null : meanOf(losses.slice(at + 1 - SMOOTH, at + 1))));

/** Lines on axes: `lines` are [{ block, values }], the first value at 1; `mark` is a place on the horizontal axis. */
function chart({ lines, log, across, title, label, mark = null }) {
  const [width, height, left, bottom] = [318, 230, 44, 36],
    numbers = lines.flatMap(({ values }) => values.filter((value) => isNumber(value) && (!log || value > 0)));
  const scale = log ? Math.log10 : (value) => value;
  let low = log ? Math.floor(scale(Math.min(...numbers))) : 0, high = log ? Math.ceil(scale(Math.max(...numbers))) : Math.max(...numbers) * 1.05;
  if (!numbers.length) [low, high] = [0, 1];
  if (high <= low) high = low + 1;
  const most = Math.max(2, ...lines.map(({ values }) => values.length));
  const X = (place) => left + ((place - 1) / (most - 1)) * (width - left - 12),
    Y = (value) => 24 + (1 - (scale(value) - low) / (high - low)) * (height - 24 - bottom);
  const step = log ? Math.max(1, Math.ceil((high - low) / 5)) : ([0.1, 0.2, 0.5, 1, 2, 5, 10, 100, 1e4].find((size) => high / size <= 6) ?? high);
  const ticks = Array.from({ length: Math.floor((high - low) / step) + 1 }, (_, at) => low + at * step).flatMap((tick) => {
    const value = log ? 10 ** tick : tick;
    return [
      s("line", { x1: left, x2: width - 12, y1: Y(value), y2: Y(value), stroke: "var(--d2l-line)" }),
      s("text", { x: left - 5, y: Y(value) + 4, "text-anchor": "end" }, log && Math.abs(tick) > 3 ? raised(tick) : shown(value, 3)),
    ];
  });
  const paths = lines.map(({ block, values }) => {
    const d = values
      .map((value, at) =>
        isNumber(value) && (!log || value > 0) ? `${at && isNumber(values[at - 1]) ? "L" : "M"}${X(at + 1).toFixed(1)},${Y(value).toFixed(1)}` : "",
      )
      .join("");
    return s("path", {
      d: d.replace(/^L/, "M"), fill: "none", stroke: STYLES[block].colour, "stroke-width": 2, "stroke-dasharray": STYLES[block].dash,
    });
  });
  const key = lines.flatMap(({ block }, at) => [
    s("line", {
      x1: left + 4 + at * 90, x2: left + 30 + at * 90, y1: 10, y2: 10, stroke: STYLES[block].colour, "stroke-width": 3,
      "stroke-dasharray": STYLES[block].dash,
    }),
    s("text", { x: left + 35 + at * 90, y: 14 }, block),
  ]);
  const cursor = mark === null ? null : s("line", { x1: X(mark), x2: X(mark), y1: 24, y2: height - bottom, stroke: "currentColor", "stroke-dasharray": "2 3" });
  const ends = [1, most].map((place, at) => s("text", { x: X(place), y: height - bottom + 15, "text-anchor": at ? "end" : "start" }, place));
  return s(
    "svg", { viewBox: `0 0 ${width} ${height}`, width, role: "img", "aria-label": label }, ...ticks, ...key, cursor, ...paths, ...ends,
    s("text", { x: (left + width) / 2, y: height - bottom + 15, "text-anchor": "middle" }, across),
    s("text", { x: (left + width) / 2, y: height - 4, "text-anchor": "middle", "font-weight": "bold" }, title),
  );
}

function digits(value) {
  if (!isNumber(value)) return "no number";
  if (value && (value >= 1e6 || value < 1e-4)) return `about ${raised(Math.round(Math.log10(value)))}`;
  return value >= 100 ? shown(value) : String(Number(value.toPrecision(2)));
}

/** How a gradient compares with that of the last convolution; nothing for this one itself, which alone is equal. */
function beside(growth) {
  if (!isNumber(growth) || growth === 1) return "";
  return digits(growth) === "1" ? ", about as large as the last convolution's" : `, ${digits(growth)} times the last convolution's`;
}

function told(depth, when, results) {
  const words = { plain: "without shortcuts", residual: "with shortcuts" }, blocks = Object.entries(results);
  if (!blocks.length) return `${depth} layers: these were not measured.`;
  const gradients = blocks.map(
    ([block, { norm, growth }]) => `${digits(norm)} ${words[block]}${beside(growth)}`,
  );
  const ends = blocks.map(([block, { loss }]) => `${digits(loss)} ${words[block]}`);
  return `${depth} layers, ${when}: the gradient at convolution ${blocks[0][1].layer} is ${gradients.join("; and ")}. ` +
    `The loss at the end of training is ${ends.join(", and ")}.`;
}

export default {
  render({ model, el }) {
    const runs = model.get("runs"), depths = Object.keys(runs).map(Number).sort((a, b) => a - b);
    const all = Object.values(runs).flatMap((blocks) => Object.values(blocks));
    const longest = Math.max(...all.map((run) => run["before training"].length));
    const later = all.some((run) => run["after training"]);
    const nearest = () => {
      const wanted = clamp(model.get("depth"), 1, 1e4, 44);
      return depths.reduce((best, depth) => (Math.abs(depth - wanted) < Math.abs(best - wanted) ? depth : best));
    };
    return interactive({
      model, el, label: "Plain against residual networks", traits: ["when"],
      controls: [
        { trait: "depth", label: "layers", kind: "choice", options: depths.map((depth) => [depth, String(depth)]) },
        {
          trait: "shortcuts", label: "shortcuts", kind: "choice",
          options: [["both", "with and without"], ["without", "without (plain)"], ["with", "with (residual)"]],
        },
        ...(later ? [{ trait: "when", label: "gradient", kind: "choice", options: TIMES.map((time) => [time, time]) }] : []),
        { trait: "layer", label: "look at convolution", min: 1, max: longest, step: 1 },
      ],
      draw(stage) {
        const depth = chosen(model, "depth", depths, nearest()), hidden = { without: "residual", with: "plain" }[model.get("shortcuts")];
        const blocks = Object.entries(runs[depth]).filter(([block]) => block !== hidden),
          when = later && model.get("when") === "after training" ? "after training" : "before training";
        const norms = (run) => run[when] ?? run["before training"];
        const results = Object.fromEntries(blocks.map(([block, run]) => {
          const layer = whole(model.get("layer"), 1, norms(run).length, 1), norm = norms(run)[layer - 1], last = norms(run).at(-1);
          return [block, { layer, norm, growth: isNumber(norm) && last ? norm / last : null, loss: meanOf(run.losses.slice(-LAST)) }];
        }));
        const mark = Object.values(results)[0]?.layer ?? null;
        stage.replaceChildren(
          h(
            "div", { class: "d2l-row" },
            chart({
              lines: blocks.map(([block, run]) => ({ block, values: norms(run) })), log: true, across: "convolution",
              title: `gradient norm, ${when}`, label: `Gradient norm of each 3 × 3 convolution, ${when}, on a logarithmic scale.`, mark,
            }),
            chart({
              lines: blocks.map(([block, run]) => ({ block, values: smooth(run.losses) })), log: false, across: "step",
              title: `training loss, mean of ${SMOOTH} steps`, label: "Training loss by step.",
            }),
          ),
        );
        return { say: told(depth, when, results), result: { depth, when, blocks: results } };
      },
    });
  },
};
