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

/** Running mean and running variance after the steps: from 0 and 1, a share `momentum` of each batch's. */
function running(options) {
  let mean = 0, variance = 1;
  for (let step = 1; step <= options.steps; step += 1) {
    const values = batch(step, options);
    mean = (1 - options.momentum) * mean + options.momentum * meanOf(values);
    variance = (1 - options.momentum) * variance + options.momentum * varianceOf(values, 1);
  }
  return { mean, variance };
}

const normalized = (values, { mean, variance }, { gamma, beta }) => values.map((value) => (gamma * (value - mean)) / Math.sqrt(variance + EPS) + beta);

const described = (values) => ({ mean: meanOf(values), spread: Math.sqrt(varianceOf(values)) });

/** A number with two decimals and no minus zero. */
const short = (value) => (Math.abs(value) < 0.005 ? 0 : value).toFixed(2).replace("-", "−");

/** The histogram of one stage, its mean and spread above it; what lies beyond the axis is told there. */
function histogram({ title, values, mean, spread, colour }) {
  const [width, floor, high] = [640, 64, 52], counts = Array((RIGHT - LEFT) / BIN).fill(0);
  const X = (value) => ((clamp(value, LEFT, RIGHT) - LEFT) / (RIGHT - LEFT)) * width;
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
        ? s("rect", { x: bin * wide + 0.5, y: floor - (high * count) / most, width: wide - 1, height: (high * count) / most, fill: colour })
        : null,
    ),
    s("line", { x1: 0, x2: width, y1: floor, y2: floor, stroke: "var(--d2l-line)" }),
    s("path", { d: `M${X(mean - spread)},6H${X(mean + spread)}${cross}`, stroke: "currentColor", "stroke-width": 1.5, fill: "none" }),
  );
  const line = h(
    "div", { style: "display: flex; justify-content: space-between; gap: 1rem; max-width: 640px; font-size: 0.85rem; margin-top: 0.4rem" },
    h("b", {}, title), h("span", {}, told),
  );
  return h("div", {}, line, drawing);
}

/** What the running statistics hold: of their start, and of the batches that they have seen. */
function diaryOf({ mean, earlier, momentum, steps }) {
  const left = (1 - momentum) ** steps;
  if (!steps) return "the running statistics have seen nothing, and stand at mean 0 and variance 1";
  if (!momentum) return "with momentum 0 the running statistics learn nothing, and stay at mean 0 and variance 1";
  const share = left < 0.0005 ? "next to nothing" : `${shown(100 * left, left < 0.1 ? 1 : 0)}\u00a0%`;
  const rest = Math.abs(mean - earlier) < 0.05 ? "" : `; the rest comes from batches of mean ${short(earlier)}`;
  return `after ${steps} ${steps === 1 ? "step" : "steps"}, ${share} of the running statistics is still their start, mean 0 and variance 1${rest}`;
}

function told(options, training, prediction) {
  const { size, gamma, beta } = options;
  const first = `In training, what goes out has mean ${short(training.mean)} (beta) and spread ${short(training.spread)} (gamma), whatever comes in.`;
  const pair = size === 2 ? " Of two values only the order is left: they become beta − gamma and beta + gamma." : "";
  const same = Math.abs(prediction.mean - beta) + Math.abs(prediction.spread - gamma) < 0.25 * Math.max(gamma, 0.1);
  return `${first}${pair} In prediction it has mean ${short(prediction.mean)} and spread ${short(prediction.spread)}: ` +
    `${diaryOf(options)}.${same ? " So nearly the same goes out." : ""}`;
}

const CONTROLS = [
  { trait: "mean", label: "mean of what comes in", min: -4, max: 4, step: 0.1 },
  { trait: "earlier", label: "mean in the steps so far", min: -4, max: 4, step: 0.1 },
  { trait: "spread", label: "spread of what comes in", min: 0.1, max: 3, step: 0.1 },
  { trait: "size", label: "batch size", min: 2, max: LARGEST, step: 1 },
  { trait: "gamma", label: "gamma (scale)", min: 0, max: 3, step: 0.1 },
  { trait: "beta", label: "beta (shift)", min: -4, max: 4, step: 0.1 },
  { trait: "momentum", label: "momentum", min: 0, max: 1, step: 0.01 },
  { trait: "steps", label: "training steps so far", min: 0, max: STEPS, step: 1 },
];
const START = { mean: 3, earlier: 3, spread: 1.5, size: 64, gamma: 1, beta: 0, momentum: 0.1, steps: 5 };

export default {
  render({ model, el }) {
    return interactive({
      model, el, label: "Batch normalization of one channel", controls: CONTROLS,
      draw(stage) {
        const options = Object.fromEntries(CONTROLS.map(({ trait, min, max }) => [trait, clamp(model.get(trait), min, max, START[trait])]));
        for (const whole of ["size", "steps"]) options[whole] = Math.round(options[whole]);
        const values = batch(0, options), diary = running({ ...options, mean: options.earlier });
        const stages = [
          { title: "comes in", values, colour: "var(--d2l-2)" },
          {
            title: "goes out in training", values: normalized(values, { mean: meanOf(values), variance: varianceOf(values) }, options),
            colour: "var(--d2l-1)",
          },
          { title: "goes out in prediction", values: normalized(values, diary, options), colour: "var(--d2l-3)" },
        ].map((one) => ({ ...one, ...described(one.values) }));
        const marks = [-8, -4, 0, 4, 8, 12].map((value, at, all) => {
          const share = (100 * (value - LEFT)) / (RIGHT - LEFT), back = at === 0 ? 0 : at === all.length - 1 ? 100 : 50;
          return h("span", { style: `position: absolute; left: ${share}%; transform: translateX(-${back}%)` }, String(value).replace("-", "−"));
        });
        const ticks = h("div", { "aria-hidden": "true", style: "position: relative; height: 1.3rem; max-width: 640px; font-size: 0.8rem" }, ...marks);
        stage.replaceChildren(...stages.map(histogram), ticks);
        const [before, training, prediction] = stages.map(({ mean, spread, values: all }) => ({ mean, spread, first: all[0], last: all.at(-1) }));
        return { say: told(options, training, prediction), result: { before, training, prediction, running: diary } };
      },
    });
  },
};
