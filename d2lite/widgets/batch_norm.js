// Batch normalization of one channel. The numbers are those of batch_norm.py, and so PyTorch's.

const EPS = 1e-5;
const LARGEST = 256, STEPS = 60;
const LEFT = -8.25, RIGHT = 12.25, BIN = 0.5;  // a bin lies around 0, so that what is 0 stands at 0, not beside it

/** Pseudo-random numbers of mean 0 and spread 1, leaning to the left, the same as in Python. */
function stream() {
  let state = 1;
  return Float64Array.from({ length: LARGEST * (STEPS + 1) }, () => {
    let product = 1;
    for (let factor = 0; factor < 3; factor += 1) {
      state = (Math.imul(1664525, state) + 1013904223) >>> 0;
      product *= (state + 0.5) / 2 ** 32;
    }
    return (-Math.log(product) - 3) / Math.sqrt(3);
  });
}

const NUMBERS = stream();

/** The values of one channel at a step from 1 on; at step 0, those that are shown. */
function batch(step, { size, mean, spread }) {
  const start = step ? LARGEST + (step - 1) * size : 0;
  return [...NUMBERS.subarray(start, start + size)].map((number) => mean + spread * number);
}

/** Variance with division by `values.length - less`. */
function varianceOf(values, less = 0) {
  const mean = meanOf(values);
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - less);
}

/** Running mean and variance at the start, 0 and 1, and after each step; `means` says what came in. `came` is a batch's mean. */
function running(means, options) {
  const pages = [{ mean: 0, variance: 1, came: null }];
  for (const [step, mean] of means.entries()) {
    const values = batch(step + 1, { ...options, mean }), came = meanOf(values), before = pages.at(-1), { momentum } = options;
    const variance = (1 - momentum) * before.variance + momentum * varianceOf(values, 1);
    pages.push({ mean: (1 - momentum) * before.mean + momentum * came, variance, came });
  }
  return pages;
}

const normalized = (values, { mean, variance }, { gamma, beta }) => values.map((value) => (gamma * (value - mean)) / Math.sqrt(variance + EPS) + beta);

const described = (values) => ({ mean: meanOf(values), spread: Math.sqrt(varianceOf(values)) });

/** A number with two decimals and no minus zero. */
const short = (value) => (Math.abs(value) < 0.005 ? 0 : value).toFixed(2).replace("-", "−");

let SIDE = 640;  // of a drawing, in pixels; on a phone it is smaller, and not less high
const X = (value) => ((clamp(value, LEFT, RIGHT) - LEFT) / (RIGHT - LEFT)) * SIDE;

/** A title and what is told of it, above a drawing. */
const titled = (title, told) => h(
  "div", { style: "display: flex; justify-content: space-between; gap: 1rem; max-width: 640px; font-size: 0.85rem; margin-top: 0.4rem" },
  h("b", { style: "white-space: nowrap" }, title), h("span", { style: "text-align: right" }, told),
);

/** The histogram of one stage, its mean and spread above it; what lies beyond the axis is told there. */
function histogram({ title, values, mean, spread, color, grip = false }) {
  const [width, floor, high] = [SIDE, 64, 52], counts = Array((RIGHT - LEFT) / BIN).fill(0);
  const inside = values.filter((value) => value >= LEFT && value < RIGHT);
  for (const value of inside) counts[Math.floor((value - LEFT) / BIN)] += 1;
  const most = Math.max(...counts), wide = width / counts.length;
  const beyond = inside.length < values.length ? `, ${values.length - inside.length} of ${values.length} beyond the axis` : "";
  const told = `mean ${short(mean)}, spread ${short(spread)}${beyond}`;
  const cross = mean >= LEFT && mean < RIGHT ? `M${X(mean)},2V${floor}` : "";
  const drawing = s(
    "svg", { viewBox: `0 0 ${width} ${floor + 1}`, width, role: "img", "aria-label": `Histogram of what ${title}: ${told}.` },
    ...counts.map((count, bin) =>
      count
        ? s("rect", { x: bin * wide + 0.5, y: floor - (high * count) / most, width: wide - 1, height: (high * count) / most, fill: color })
        : null,
    ),
    s("line", { x1: 0, x2: width, y1: floor, y2: floor, stroke: "var(--d2l-line)" }),
    s("path", { d: `M${X(mean - spread)},6H${X(mean + spread)}${cross}`, stroke: "currentColor", "stroke-width": 1.5, fill: "none" }),
  );
  if (grip)
    drawing.append(s("path", { d: `M${X(mean) - 13},${floor - 20}l-9,7l9,7zm26,0l9,7l-9,7z`, fill: "currentColor",
      stroke: "var(--pst-color-background, Canvas)" }));
  return [titled(title, told), drawing];
}

/**
 * The diary on the axis of the histograms, its pages from top to bottom: where the running mean stood after each step, and
 * the running spread around the last. `write` lets the newest batch's mean fall into it.
 */
function diary(pages) {
  const high = 58, Y = (page) => 6 + (page / Math.max(8, pages.length - 1)) * (high - 12), { mean, variance, came } = pages.at(-1),
    last = [X(mean), Y(pages.length - 1)];
  const spread = Math.sqrt(variance),
    told = `running mean ${short(mean)}, spread ${short(spread)}, ${pages.length - 1} ${pages.length === 2 ? "step" : "steps"}`;
  const drop = s("circle", { r: 5, fill: "var(--d2l-2)", opacity: 0 });
  const drawing = s(
    "svg", { viewBox: `0 0 ${SIDE} ${high}`, width: SIDE, role: "img", "aria-label": `The diary: ${told}.` },
    s("rect", { x: 0.5, y: 0.5, width: SIDE - 1, height: high - 1, rx: 4, fill: "var(--d2l-faint)", stroke: "var(--d2l-line)" }),
    s("polyline", { points: pages.map((page, at) => `${X(page.mean)},${Y(at)}`).join(" "), fill: "none", stroke: "var(--d2l-4)", "stroke-width": 1.5 }),
    ...pages.map((page, at) => s("circle", { cx: X(page.mean), cy: Y(at), r: 2, fill: "var(--d2l-4)" })),
    s("path", { d: `M${X(mean - spread)},${last[1]}H${X(mean + spread)}`, stroke: "var(--d2l-4)", "stroke-width": 2 }),
    s("circle", { cx: last[0], cy: last[1], r: 6, fill: "var(--d2l-4)" }), drop,
  );
  const at = (x, y, opacity) => ({ transform: `translate(${x}px, ${y}px)`, opacity });
  const write = () => still() || came === null || drop.animate([at(X(came), -12, 1), at(X(came), last[1], 1), at(...last, 1), at(...last,
    0)], { duration: 500, easing: "ease-in-out" });
  return { nodes: [titled("the diary", told), drawing], write };
}

/** What the running statistics hold: of their start, and of the batches that they have seen. */
function diaryOf({ mean, earlier, momentum, steps, means }) {
  const count = means.length, left = (1 - momentum) ** count, others = [...new Set(means.slice(steps))];
  if (!count) return "the running statistics have seen nothing, and stand at mean 0 and variance 1";
  if (!momentum) return "with momentum 0 the running statistics learn nothing, and stay at mean 0 and variance 1";
  const share = left < 0.0005 ? "next to nothing" : `${shown(100 * left, left < 0.1 ? 1 : 0)}%`;
  const before = steps ? [`${steps} ${steps === 1 ? "batch" : "batches"} of mean ${short(earlier)}`] : [];
  const last = count - steps, after = `${last} later${others.length === 1 ? ` of mean ${short(others[0])}` : ""}`;
  const rest = last ? `; the rest comes from ${[...before, after].join(" and ")}` : Math.abs(mean - earlier) < 0.05 ? ""
    : `; the rest comes from batches of mean ${short(earlier)}`;
  return `after ${count} ${count === 1 ? "step" : "steps"}, ${share} of the running statistics is still their start, mean 0 and variance 1${rest}`;
}

function told(options, training, prediction) {
  const { size, gamma, beta, mean, earlier } = options, moved = Math.abs(mean - earlier) < 0.05 ? "" : ", whatever comes in";
  const first = `In training, what goes out has mean ${short(training.mean)} (beta) and spread ${short(training.spread)} (gamma)${moved}.`;
  const pair = size === 2 ? " Of two values only the order is left: they become beta − gamma and beta + gamma." : "";
  const same = Math.abs(prediction.mean - beta) + Math.abs(prediction.spread - gamma) < 0.25 * Math.max(gamma, 0.1);
  return `${first}${pair} In prediction it has mean ${short(prediction.mean)} and spread ${short(prediction.spread)}: ` +
    `${diaryOf(options)}.${same ? " So nearly the same goes out." : ""}`;
}

const CONTROLS = [
  { trait: "mean", label: "mean of what comes in", min: -4, max: 4, step: 0.1 },
  { trait: "earlier", label: "mean in the steps so far", min: -4, max: 4, step: 0.1 },
  { trait: "steps", label: "training steps so far", min: 0, max: STEPS, step: 1 },
];
const MORE = [
  { trait: "momentum", label: "momentum", min: 0, max: 1, step: 0.01 },
  { trait: "size", label: "batch size", min: 2, max: LARGEST, step: 1 },
  { trait: "spread", label: "spread of what comes in", min: 0.1, max: 3, step: 0.1 },
  { trait: "gamma", label: "gamma (scale)", min: 0, max: 3, step: 0.1 },
  { trait: "beta", label: "beta (shift)", min: -4, max: 4, step: 0.1 },
];
const START = { mean: 3, earlier: 3, spread: 1.5, size: 64, gamma: 1, beta: 0, momentum: 0.1, steps: 5 };

/** What comes in, to be dragged: `get` and `set` its mean. A finger that moves up or down scrolls the page. */
function handle({ get, set }) {
  const choose = (value) => set(Number(clamp(value, -4, 4).toFixed(1)));
  const node = h("div", {
    tabindex: 0, role: "slider", "aria-label": "mean of what comes in", "aria-valuemin": -4, "aria-valuemax": 4,
      style: "touch-action: pan-y; cursor: ew-resize; max-width: 640px",
    ...dragged({
      take: ({ clientX }) => ({ x: clientX, mean: get() }),
      move: ({ clientX }, { x, mean }) => choose(mean + ((clientX - x) / node.clientWidth) * (RIGHT - LEFT)),
      undo: ({ mean }) => set(mean),
    }),
    onkeydown: (event) => {
      if (!(event.key in MOVES) || isShortcut(event)) return;
      event.preventDefault();
      choose(get() + (MOVES[event.key][1] - MOVES[event.key][0]) / 10);
    },
  });
  const show = (nodes, mean) => {
    node.replaceChildren(...nodes);
    fill(node, { "aria-valuenow": mean, "aria-valuetext": short(mean) }, []);
  };
  return { node, show };
}

export default {
  render({ model, el }) {
    const all = [...CONTROLS, ...MORE], value = ({ trait, min, max }) => clamp(model.get(trait), min, max, START[trait]);
    const settings = () => {
      const options = Object.fromEntries(all.map((one) => [one.trait, value(one)])), row = model.get("seen")?.[0];
      for (const whole of ["size", "steps"]) options[whole] = Math.round(options[whole]);
      const further = (Array.isArray(row) ? row : []).map((mean) => clamp(mean, -4, 4, 0));
      return { ...options, means: [...Array(options.steps).fill(options.earlier), ...further].slice(0, STEPS) };
    };
    const grip = handle({ get: () => settings().mean, set: (mean) => give(model, { mean }) }), parts = [h("div"), h("div"), h("div"), h("div")];
    let frame = null, written = 0;
    const glide = (to) => {  // as if dragged
      const from = settings().mean, started = performance.now();
      const move = (time) => {
        const share = still() ? 1 : clamp((time - started) / 900, 0, 1);
        give(model, { mean: Number((from + (to - from) * share * share * (3 - 2 * share)).toFixed(1)) });
        frame = share < 1 ? requestAnimationFrame(move) : null;
      };
      cancelAnimationFrame(frame);
      move(started);
    };
    const train = () => {
      const { means, steps, mean } = settings();
      if (means.length < STEPS) give(model, { seen: [[...means.slice(steps), Number(mean.toFixed(2))]] });
      return means.length + 1 < STEPS;
    };
    const step = h("button", { type: "button", onclick: () => train() }, "train a step"), on = player({ label: "train on", every: 250, tick: train });
    const stop = () => {
      cancelAnimationFrame(frame);
      on.stop();
    };
    const off = interactive({
      model, el, title: "Batch normalization of one channel", hint: "Drag what comes in, and train: each step writes into the diary, which prediction reads.",
      controls: CONTROLS, more: MORE, traits: ["seen"], buttons: [step, on.node], reset: stop,
      answer: { label: "show the mean at −4", show: () => glide(-4) },
      draw(stage) {
        SIDE = matchMedia("(max-width: 40rem)").matches ? 340 : 640;
        const options = settings(), values = batch(0, options), pages = running(options.means, options), { mean: average, variance } = pages.at(-1);
        const now = { mean: average, variance }, stages = [
          { title: "comes in", values, color: "var(--d2l-2)", grip: true },
          {
            title: "goes out in training", values: normalized(values, { mean: meanOf(values), variance: varianceOf(values) }, options),
            color: "var(--d2l-1)",
          },
          { title: "goes out in prediction", values: normalized(values, now, options), color: "var(--d2l-3)" },
        ].map((one) => ({ ...one, ...described(one.values) }));
        const marks = [-8, -4, 0, 4, 8, 12].map((place, at, them) => {
          const share = (100 * (place - LEFT)) / (RIGHT - LEFT), back = at === 0 ? 0 : at === them.length - 1 ? 100 : 50;
          return h("span", { style: `position: absolute; left: ${share}%; transform: translateX(-${back}%)` }, String(place).replace("-", "−"));
        });
        const ticks = h("div", { "aria-hidden": "true", style: "position: relative; height: 1.3rem; max-width: 640px; font-size: 0.8rem" }, ...marks);
        const { nodes, write } = diary(pages), [came, training, prediction] = stages.map(histogram);
        if (!stage.contains(grip.node)) stage.replaceChildren(grip.node, ...parts);
        grip.show(came, options.mean);
        [training, nodes, prediction, [ticks]].forEach((part, at) => parts[at].replaceChildren(...part));
        if (pages.length === written + 1) write();
        written = pages.length;
        step.setAttribute("aria-disabled", pages.length > STEPS);
        const [before, trained, predicted] = stages.map(({ mean, spread, values: every }) => ({ mean, spread, first: every[0], last: every.at(-1) }));
        return { say: told(options, trained, predicted), result: { before, training: trained, prediction: predicted, running: now } };
      },
    });
    return () => {
      stop();
      off();
    };
  },
};
