// The curves of the runs, and the gradient of each layer.

const NAMES = ["A", "B", "C", "D"];
const STYLES = NAMES.map((_, at) => ({ color: `var(--d2l-${at + 1})`, dash: [null, "7 3", "2 3", "9 3 2 3"][at] }));
const BINS = { train: 66, test: 400 };  // of a curve; a batch alone says little
const GUESSING = { loss: Math.log(10), accuracy: 0.1 };
const CHART = { width: 344, height: 216, left: 44, right: 26, top: 24, bottom: 36 };

/** Points [epochs, loss, accuracy] as [epochs, value]: the mean of each bin; what is no number is far above. */
function binned(points, which, most, bins = BINS.test) {
  const sums = new Map();
  for (const point of points) {
    const bin = Math.floor((point[0] / most) * bins), value = Number.isFinite(point[which]) ? point[which] : 1e9;
    const sum = sums.get(bin) ?? [0, 0, 0];
    sums.set(bin, [sum[0] + point[0], sum[1] + value, sum[2] + 1]);
  }
  return [...sums.values()].map(([epochs, value, count]) => [epochs / count, value / count]);
}

/** Half as many points, each the mean of two neighbors. */
const halved = (points) => points.flatMap((point, at) => (at % 2 ? [point.map((value, which) => (value + points[at - 1][which]) / 2)] : []));

/** Functions that give places in a chart, and one that draws its axes. `ticks` are [value, text] on the vertical axis. */
function axes({ low, high, log, ticks, most, title, across }) {
  const { width, height, left, right, top, bottom } = CHART, scale = log ? Math.log10 : (value) => value;
  const X = (value) => left + (value / most) * (width - left - right);
  const Y = (value) => top + (1 - (scale(clamp(value, low, high)) - scale(low)) / (scale(high) - scale(low))) * (height - top - bottom);
  const apart = [1, 2, 5, 10, 20, 50].find((step) => most / step <= 6.5) ?? 100;
  const steps = Array.from({ length: Math.floor(most / apart) + 1 }, (_, at) => at * apart);
  const nodes = () => [
    ...ticks.flatMap(([value, text]) => [
      s("line", { x1: left, x2: width - right, y1: Y(value), y2: Y(value), stroke: "var(--d2l-line)", "stroke-width": 0.7 }),
      s("text", { x: left - 5, y: Y(value) + 4, "text-anchor": "end" }, text),
    ]),
    ...steps.map((step) => s("text", { x: X(step), y: height - bottom + 16, "text-anchor": "middle" }, step)),
    s("text", { x: left, y: 13, "font-weight": 600 }, title),
    s("text", { x: (left + width - right) / 2, y: height - 4, "text-anchor": "middle" }, across),
  ];
  return { X, Y, nodes };
}

/** A line through [epochs, value]. */
function line(points, { X, Y }, attributes) {
  const d = points.map(([x, y], at) => `${at ? "L" : "M"}${X(x).toFixed(1)},${Y(y).toFixed(1)}`).join("");
  return s("path", { d, fill: "none", "stroke-linejoin": "round", ...attributes });
}

/**
 * A drawing whose frame stays as long as `key` does: most of the work is the layout of its text. `frame()` gives what
 * stands still, `moving()` the rest.
 */
function drawing(viewBox, width) {
  const fixed = s("g"), free = s("g"), node = s("svg", { viewBox, width, role: "img" }, fixed, free);
  let known = null;
  const draw = (key, label, frame, moving) => {
    if (key !== known) fixed.replaceChildren(...frame());
    known = key;
    free.replaceChildren(...moving());
    node.setAttribute("aria-label", label);
  };
  return { node, draw };
}

/**
 * The curves of a measure ("loss" or "accuracy"): training thin, test thick, the letter of its run at its end; runs that
 * were recorded before are pale.
 */
function curves(measure) {
  const which = measure === "loss" ? 1 : 2, { width, right, height, bottom, left } = CHART, { node, draw } = drawing(`0 0 ${width} ${height}`, width);
  const scale = measure === "loss"
    ? { low: 0.01, high: 10, log: true, ticks: [[0.01, "0.01"], [0.1, "0.1"], [1, "1"], [10, "10"]] }
    : { low: 0, high: 1, log: false, ticks: [0, 0.25, 0.5, 0.75, 1].map((share) => [share, `${100 * share}%`]) };
  const update = (runs, most, label) => {
    const frame = axes({ ...scale, most, title: measure, across: "epochs" });
    draw(most, label, () => [...frame.nodes(), ...guessing(frame.Y(GUESSING[measure]))], () => [...lines(runs, frame, most), ...letters(runs, frame)]);
  };
  const guessing = (y) => [
    s("line", { x1: left, x2: width - right, y1: y, y2: y, stroke: "currentColor", "stroke-dasharray": "1 4" }),
    s("text", { x: width - right - 2, y: y - 5, "text-anchor": "end", class: "d2l-halo", style: "font-size: 11px" }, "guessing"),
  ];
  const lines = (runs, frame, most) => runs.flatMap(({ train, test, before }, at) => {
    const { color, dash } = STYLES[at], thick = { stroke: color, "stroke-width": 2.4, "stroke-dasharray": dash };
    return [
      before && line(binned(before.test, which, most), frame, { ...thick, opacity: 0.4 }),
      train.length > 1 && line(binned(train, which, most, BINS.train), frame, { stroke: color, "stroke-width": 1 }),
      test.length > 1 && line(binned(test, which, most), frame, thick),
      test.length && s("circle", { cx: frame.X(test.at(-1)[0]), cy: frame.Y(binned(test.slice(-1), which, most)[0][1]), r: 3.5, fill: color }),
    ].filter(Boolean);
  });
  const letters = (runs, frame) => {
    const ends = runs.map(({ test, before }, at) => {
      const last = (test.length > 1 || !before ? test : before.test).at(-1);
      return { at, y: last ? frame.Y(Number.isFinite(last[which]) ? last[which] : 1e9) : null };
    }).filter(({ y }) => y !== null).sort((a, b) => a.y - b.y);
    ends.forEach((end, at) => { if (at) end.y = Math.max(end.y, ends[at - 1].y + 14); });
    const over = Math.max(0, (ends.at(-1)?.y ?? 0) - (height - bottom));
    return ends.map(({ at, y }) => s("text", {
      x: width - right + 8, y: y - over + 4, style: `fill: ${STYLES[at].color}; font-weight: 700`, class: "d2l-halo",
    }, NAMES[at]));
  };
  return { node, update };
}

/** The gradient's norm for each layer: bars for the chosen run, lines for the others, on a logarithmic scale; `width` in pixels. */
function gradients(width) {
  const wide = { width: clamp(width, 320, 700), height: 190 }, [left, right, top, bottom] = [52, 12, 28, 36], base = wide.height - bottom;
  const { node, draw } = drawing(`0 0 ${wide.width} ${wide.height}`, wide.width);
  const update = (runs, selected) => {
    const all = runs.flatMap(({ norms }) => norms).filter((norm) => norm > 0 && Number.isFinite(norm));
    const low = Math.max(-12, Math.floor(Math.log10(Math.min(0.1, ...all)))), high = Math.min(6, Math.ceil(Math.log10(Math.max(1, ...all))));
    const most = Math.max(1, ...runs.map(({ norms }) => norms.length)), slot = (wide.width - left - right) / most;
    const X = (layer) => left + (layer + 0.5) * slot;
    const Y = (norm) => top + (1 - (clamp(Math.log10(norm), low, high, low) - low) / (high - low)) * (base - top);
    const named = runs.flatMap(({ norms }, at) => (norms.length ? [`${NAMES[at]}: first ${digits(norms[0])}, last ${digits(norms.at(-1))}`] : []));
    draw(`${low} ${high}`, `Norm of the gradient by layer, logarithmic. ${named.join("; ")}.`, () => frame(low, high, Y), () => [
      ...(runs[selected]?.norms ?? []).map((norm, layer) => s("rect", {
        x: X(layer) - 0.36 * slot, width: 0.72 * slot, y: Y(norm), height: Math.max(0, base - Y(norm)), fill: STYLES[selected].color, opacity: 0.8,
      })),
      ...runs.flatMap(({ norms }, at) => {
        if (at === selected || !norms.length) return [];
        const { color, dash } = STYLES[at];
        return [line(norms.map((norm, layer) => [layer, norm]), { X, Y }, { stroke: color, "stroke-width": 2, "stroke-dasharray": dash })];
      }),
    ]);
  };
  const frame = (low, high, Y) => {
    const every = Math.ceil((high - low) / 4), ticks = Array.from({ length: Math.floor((high - low) / every) + 1 }, (_, at) => low + at * every);
    return [
      ...ticks.flatMap((power) => [
        s("line", { x1: left, x2: wide.width - right, y1: Y(10 ** power), y2: Y(10 ** power), stroke: "var(--d2l-line)", "stroke-width": 0.7 }),
        s("text", { x: left - 5, y: Y(10 ** power) + 4, "text-anchor": "end" }, raised(power)),
      ]),
      s("text", { x: left, y: 16, "font-weight": 600 }, "norm of the gradient, by layer"),
      s("text", { x: left, y: wide.height - 18 }, "first layer"),
      s("text", { x: wide.width - right, y: wide.height - 18, "text-anchor": "end" }, "last layer"),
    ];
  };
  return { node, update, width };
}

/** A number with two digits. */
function digits(value) {
  if (!Number.isFinite(value)) return "no number";
  const size = Math.abs(value);
  return size && (size < 1e-3 || size > 1e6) ? `about ${raised(Math.round(Math.log10(size)))}` : shown(Number(value.toPrecision(2)), 4);
}
