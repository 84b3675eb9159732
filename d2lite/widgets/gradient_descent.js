// SGD on the bowl (x² + curvature · y²) / 2. `descend` is the same walk as in gradient_descent.py.

const START = [-9, 2.5];
const STEPS = 40;

function descend(lr, momentum, curvature) {
  let [x, y] = START, vx = 0, vy = 0;
  const points = [[x, y]];
  for (let step = 0; step < STEPS; step += 1) {
    vx = momentum * vx + x;
    vy = momentum * vy + curvature * y;
    x -= lr * vx;
    y -= lr * vy;
    points.push([x, y]);
  }
  return points;
}

const loss = ([x, y], curvature) => (x * x + curvature * y * y) / 2;

/** The rate below which a direction of this curvature converges. */
const limit = (momentum, curvature) => (2 * (1 + momentum)) / curvature;

/** Ten to a whole power as people write it: 1,000, 0.001, 10⁸⁵. */
const tenTo = (power) => (Math.abs(power) < 4 ? shown(10 ** power, 3) : raised(power));

/** A height for people: two digits, three from 100 on, and its order of magnitude where it is very large or small. */
function written(value) {
  if (!Number.isFinite(value)) return "beyond all numbers";
  if (value === 0) return "0";
  if (value >= 1e6 || value < 1e-4) return `about ${tenTo(Math.round(Math.log10(value)))}`;
  return shown(Number(value.toPrecision(value >= 100 && value < 1000 ? 3 : 2)), 5);
}

function bowl(points, curvature) {
  const [left, right, half, width, height] = [-10.5, 10.5, 3.6, 380, 220];
  const X = (x) => clamp((x - left) / (right - left), -5, 6) * width;
  const Y = (y) => (0.5 - clamp(y / (2 * half), -5, 5)) * height;
  const rings = [0.5, 2, 6, 14, 28, 48].map((level) => s("ellipse", {
    cx: X(0), cy: Y(0), rx: (Math.sqrt(2 * level) / (right - left)) * width, ry: (Math.sqrt((2 * level) / curvature) / (2 * half)) * height,
    fill: "none", stroke: "var(--d2l-line)",
  }));
  const seen = points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
  const path = s("polyline", { points: seen.map(([x, y]) => `${X(x)},${Y(y)}`).join(" "), fill: "none", stroke: "var(--d2l-1)", "stroke-width": 1.5 });
  const dots = seen.map(([x, y], index) => s("circle", { cx: X(x), cy: Y(y), r: index ? 2.5 : 4.5, fill: index ? "var(--d2l-1)" : "var(--d2l-2)" }));
  const goal = s("path", { d: `M${X(0) - 5},${Y(0)}h10M${X(0)},${Y(0) - 5}v10`, stroke: "currentColor" });
  return s(
    "svg",
    {
      viewBox: `0 0 ${width} ${height}`, width, role: "img",
      "aria-label": "The bowl from above, its contours, and the steps from the start to the lowest point.",
    },
    ...rings, goal, path, ...dots,
  );
}

function curve(losses) {
  const [width, height, bottom, top] = [250, 220, -6, 4];
  const X = (step) => 34 + (step / STEPS) * (width - 44);
  const Y = (value) => 10 + (1 - (clamp(Math.log10(value), bottom, top, top) - bottom) / (top - bottom)) * (height - 40);
  const ticks = [-6, -3, 0, 3].flatMap((power) => [
    s("line", { x1: 34, x2: width - 10, y1: Y(10 ** power), y2: Y(10 ** power), stroke: "var(--d2l-line)" }),
    s("text", { x: 30, y: Y(10 ** power) + 4, "text-anchor": "end" }, tenTo(power)),
  ]);
  const line = s("polyline", {
    points: losses.map((value, step) => `${X(step)},${Y(value)}`).join(" "), fill: "none", stroke: "var(--d2l-2)", "stroke-width": 2,
  });
  return s(
    "svg", { viewBox: `0 0 ${width} ${height}`, width, role: "img", "aria-label": "Loss by step, on a logarithmic scale." }, ...ticks, line,
    s("text", { x: width - 10, y: height - 12, "text-anchor": "end" }, `loss, ${STEPS} steps`),
  );
}

function told(first, last, lr, momentum, curvature) {
  const most = limit(momentum, curvature);
  const end = `After ${STEPS} steps the loss is ${written(last)} (it began at ${written(first)}).`;
  if (!lr) return `${end} At a rate of 0 nothing moves.`;
  const near = lr / most;  // rates and limits are both rounded: what differs by less is the same
  if (Math.abs(near - 1) < 1e-9)
    return `${end} The rate is at its limit, ${shown(most, 3)}: in the steep direction the walk never settles. Below it, it converges.`;
  if (near > 1)
    return `${end} The rate is above ${shown(most, 3)}: each step overshoots the floor by more than it came down, so the walk climbs out of the valley.`;
  if (near >= 0.85 && momentum < 0.5)
    return `${end} The rate is close to its limit, ${shown(most, 3)}, which the steep direction alone decides: ` +
      `the walk jumps from wall to wall and creeps along the floor.`;
  return `${end} Below a rate of ${shown(most, 3)} it converges.`;
}

export default {
  render({ model, el }) {
    return interactive({
      model, el, label: "Gradient descent on a bowl",
      controls: [
        { trait: "lr", label: "learning rate", min: 0, max: 0.4, step: 0.002 },
        { trait: "momentum", label: "momentum", min: 0, max: 0.99, step: 0.01 },
        { trait: "curvature", label: "steep : flat", min: 1, max: 30, step: 0.5 },
      ],
      draw(stage) {
        const lr = clamp(model.get("lr"), 0, 0.4, 0.18), momentum = clamp(model.get("momentum"), 0, 0.99, 0),
          curvature = clamp(model.get("curvature"), 1, 30, 10);
        const points = descend(lr, momentum, curvature);
        const losses = points.map((point) => loss(point, curvature));
        stage.replaceChildren(h("div", { class: "d2l-row" }, bowl(points, curvature), curve(losses)));
        const last = losses.at(-1);
        return { say: told(losses[0], last, lr, momentum, curvature), result: { loss: last, end: points.at(-1), limit: limit(momentum, curvature) } };
      },
    });
  },
};
