// SGD on the bowl (x² + curvature · y²) / 2. `descend` is the same walk as in gradient_descent.py.

const START = [-9, 2.5];
const [WIDE, HIGH] = [10, 3.4];  // how far from the middle a walk may start
const STEPS = 40;
const RATE = 0.4;  // the largest
const GOAL = 0.001;  // a loss to aim at

function descend(lr, momentum, curvature, start) {
  let [x, y] = start, vx = 0, vy = 0;
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

const [LEFT, RIGHT, HALF, WIDTH, HEIGHT] = [-10.5, 10.5, 3.6, 380, 220];  // of the valley: in its units, and in pixels
const X = (x) => clamp((x - LEFT) / (RIGHT - LEFT), -5, 6) * WIDTH;
const Y = (y) => (0.5 - clamp(y / (2 * HALF), -5, 5)) * HEIGHT;
const inside = ([x, y]) => x >= LEFT && x <= RIGHT && Math.abs(y) <= HALF;

/** The valley from above, drawn once: contours, the walk, the ball, and what is out of sight. `show` brings it up to date. */
function valley(place) {
  const [rings, walk] = [s("g"), s("g")], ghost = s("polyline", { fill: "none", stroke: "currentColor", "stroke-opacity": 0.45, "stroke-width": 1.2 });
  const off = s("text", { x: WIDTH - 8, y: 18, "text-anchor": "end", "font-weight": "bold", class: "d2l-halo" });
  const grip = h("div", { class: "d2l-grip" });  // of HTML: a browser may scroll from within a drawing, whatever its touch-action
  const ball = s("g", { class: "d2l-ball" }, s("circle", { r: 7, fill: "var(--d2l-2)", stroke: "#fff", "stroke-width": 1.5 }));
  const svg = s(
    "svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, "aria-hidden": "true" }, rings,
    s("path", { d: `M${X(0) - 5},${Y(0)}h10M${X(0)},${Y(0) - 5}v10`, stroke: "currentColor", "stroke-width": 1.5 }),
    s("g", {}, ghost), walk, s("text", { x: 8, y: HEIGHT - 8, class: "d2l-halo" }, "flat →"), s("text", { x: 8, y: 14, class: "d2l-halo" }, "↑ steep"),
    ball, off,
  );
  const moved = ({ clientX, clientY }) => {
    const box = svg.getBoundingClientRect(), share = [(clientX - box.left) / box.width, (clientY - box.top) / box.height];
    place.set(LEFT + share[0] * (RIGHT - LEFT), (1 - 2 * share[1]) * HALF);
  };
  const node = h(
    "div",
    {
      class: "d2l-valley", tabindex: 0, role: "application",
      ...dragged({
        take: (event) => {  // a finger drags the ball alone: elsewhere it scrolls the page, and a tap moves the start
          if (event.pointerType === "touch" && event.target !== grip) return null;
          const before = place.get();
          if (event.target !== grip) moved(event);
          return before;
        },
        move: moved, undo: (before) => place.set(...before),
      }),
      onclick: (event) => event.target !== grip && moved(event),
      onkeydown: (event) => {
        if (!(event.key in MOVES) || isShortcut(event)) return;
        event.preventDefault();
        const [down, right] = MOVES[event.key], [x, y] = place.get();
        place.set(x + right / 2, y - down / 4);
      },
    },
    svg, grip,
  );
  const across = (walked) => walked.map(([x, y]) => `${X(x)},${Y(y)}`).join(" ");
  const show = (points, curvature, at, before) => {
    const [levels, start] = [[150, 90, 48, 28, 14, 6, 2, 0.5], points[0]];
    rings.replaceChildren(...levels.map((level) => s("ellipse", {
      cx: X(0), cy: Y(0), rx: X(Math.sqrt(2 * level)) - X(0), ry: Y(0) - Y(Math.sqrt((2 * level) / curvature)),
      fill: "var(--d2l-1)", "fill-opacity": 0.09, stroke: "var(--d2l-line)",
    })));
    const walked = points.slice(0, at + 1).filter((point) => point.every(Number.isFinite)), gone = walked.findIndex((point) => !inside(point));
    walk.replaceChildren(
      s("polyline", { points: across(walked), fill: "none", stroke: "var(--d2l-1)", "stroke-width": 1.5 }),
      ...walked.map(([x, y], step) => s("circle", { cx: X(x), cy: Y(y), r: step ? 2.5 : 4, fill: step ? "var(--d2l-1)" : "var(--d2l-2)" })),
    );
    ghost.setAttribute("points", before ? across(before.points.filter((point) => point.every(Number.isFinite))) : "");
    const now = walked.at(-1);
    ball.style.transform = `translate(${X(now[0])}px, ${Y(now[1])}px)`;
    grip.style.left = `${(100 * X(start[0])) / WIDTH}%`;
    grip.style.top = `${(100 * Y(start[1])) / HEIGHT}%`;
    off.textContent = gone < 0 ? "" : `off the chart from step ${gone} on`;
    const where = start.map((value) => shown(value, 2)).join(", ");
    node.setAttribute("aria-label", `The valley from above, and the walk from its start at ${where}. The arrow keys move the start.`);
    return gone;
  };
  return { node, show };
}

/** The loss by step, on a logarithmic scale, as far as the walk is shown; faint, that of the roll before. */
function curve(losses, at, before) {
  const [left, width, height, bottom, top] = [42, 258, 220, -6, 4];
  const across = (step) => left + (step / STEPS) * (width - left - 10);
  const up = (value) => 10 + (1 - (clamp(Math.log10(value), bottom, top, top) - bottom) / (top - bottom)) * (height - 40);
  const line = (values) => values.map((value, step) => `${across(step)},${up(value)}`).join(" ");
  const outside = (values) => values.findIndex((value) => !(Math.log10(value) <= top));
  const ticks = [-6, -3, 0, 3].flatMap((power) => [
    s("line", { x1: left, x2: width - 10, y1: up(10 ** power), y2: up(10 ** power), stroke: "var(--d2l-line)" }),
    s("text", { x: left - 4, y: up(10 ** power) + 4, "text-anchor": "end" }, tenTo(power)),
  ]);
  const gone = outside(losses.slice(0, at + 1)), seen = losses.slice(0, gone < 0 ? at + 1 : gone + 1);
  const end = [across(seen.length - 1), up(seen.at(-1))], right = end[0] < width / 2, there = reached(losses, at);
  const leaves = gone < 0 ? [] : [
    s("path", { d: `M${end[0] - 5},14L${end[0]},4L${end[0] + 5},14Z`, fill: "var(--d2l-2)" }),
    ...["off the chart", `${written(losses[at])} at step ${at}`].map((text, index) =>
      s("text", { x: end[0] + (right ? 9 : -9), y: 16 + 15 * index, "text-anchor": right ? "start" : "end", class: "d2l-halo" }, text)),
  ];
  const goal = [
    s("line", { x1: left, x2: width - 10, y1: up(GOAL), y2: up(GOAL), stroke: "var(--d2l-3)", "stroke-width": 2, "stroke-dasharray": "5 4" }),
    s("text", { x: left + 4, y: up(GOAL) + 15, class: "d2l-halo" }, there < 0 ? "goal" : `goal, reached at step ${there}`),
    there < 0 ? null : s("circle", { cx: across(there), cy: up(losses[there]), r: 6, fill: "none", stroke: "var(--d2l-3)", "stroke-width": 2.5 }),
  ].filter(Boolean);
  const old = before?.heights, ghost = old && s("polyline", {
    points: line(old.slice(0, outside(old) < 0 ? old.length : outside(old) + 1)), fill: "none", stroke: "currentColor",
      "stroke-opacity": 0.45, "stroke-width": 1.5,
  });
  return s(
    "svg", { viewBox: `0 0 ${width} ${height}`, width, role: "img", "aria-label": "Loss by step, on a logarithmic scale." }, ...ticks, ...goal, ghost,
    s("polyline", { points: line(seen), fill: "none", stroke: "var(--d2l-2)", "stroke-width": 2 }),
    s("circle", { cx: end[0], cy: end[1], r: 4, fill: "var(--d2l-2)" }), ...leaves,
    s("text", { x: width - 10, y: height - 12, "text-anchor": "end" }, `loss, ${STEPS} steps`),
  );
}

/** The first step whose loss is below the goal; -1 where there is none up to `at`. */
const reached = (losses, at) => losses.slice(0, at + 1).findIndex((value) => value < GOAL);

function told({ at, gone, heights, lr, momentum, curvature, start, before }) {
  const most = limit(momentum, curvature), [first, now, there] = [heights[0], heights[at], reached(heights, at)],
    place = `(${start.map((value) => shown(value, 2)).join(", ")})`;
  if (!at) return `The ball starts at ${place}, where the loss is ${written(first)}. Which way does it roll, and how far do ${STEPS} steps take it?`;
  const left = gone < 0 ? "" : ` From step ${gone} on it is off the chart.`;
  const old = before ? ` The faint walk is your roll before; it ended at ${written(before.heights.at(-1))}.` : "";
  const goal = there >= 0 ? ` It reached the goal, ${GOAL}, at step ${there}.` : at === STEPS && gone < 0 ? ` The goal is ${GOAL}.` : "";
  const end = `After ${at} step${at > 1 ? "s" : ""} the loss is ${written(now)} (it began at ${written(first)}).${left}${goal}${old}`;
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
    const start = () => [clamp(model.get("x"), -WIDE, WIDE, START[0]), clamp(model.get("y"), -HIGH, HIGH, START[1])];
    const round = (value, most) => Number(clamp(value, -most, most).toFixed(2));
    const view = valley({ get: start, set: (x, y) => give(model, { x: round(x, WIDE), y: round(y, HIGH) }) });
    const losses = h("div", { class: "d2l-losses" }), mark = h("div", { class: "d2l-limit", "aria-hidden": "true" });
    const steps = () => whole(model.get("steps"), 0, STEPS, 0);
    /** The walk that the settings give, with the loss at each point; two walks with the same `key` are the same. */
    const walk = () => {
      const lr = clamp(model.get("lr"), 0, RATE, 0.18), momentum = clamp(model.get("momentum"), 0, 0.99, 0),
        curvature = clamp(model.get("curvature"), 1, 30, 10), points = descend(lr, momentum, curvature, start());
      return { lr, momentum, curvature, points, heights: points.map((point) => loss(point, curvature)), key: [lr, momentum, curvature, start()].join() };
    };
    let rolling = null, rolls = [];  // the last two different walks for which the button was pressed
    const roll = player({
      label: "roll the ball", every: 130,
      tick: () => {
        if (steps() % STEPS === 0) rolls = [...rolls.filter(({ key }) => key !== walk().key), walk()].slice(-2);
        give(model, { steps: (steps() + 1) % (STEPS + 1) });
        return steps() < STEPS;
      },
    });

    /** The largest stable rate, below the slider of the rate: a mark, or a word where it lies beyond the slider. */
    const markLimit = (most) => {
      const slot = el.querySelector("[data-trait=lr]"), left = most < 0.25;
      const place = left ? `left: ${(100 * most) / RATE}%` : `right: ${Math.max(0, 100 - (100 * most) / RATE)}%`;
      if (!slot.contains(mark)) slot.append(mark);
      mark.replaceChildren(h("span", { class: left ? null : "d2l-left", style: place }, `limit ${shown(most, 3)}${most > RATE ? " →" : ""}`));
    };

    const off = interactive({
      model, el, title: "A ball rolls down a valley", hint: "Drag the ball to a start, choose a learning rate, and let it roll.",
      traits: ["x", "y"], buttons: [roll.node],
      reset: () => {
        roll.stop();
        rolls = [];
      },
      controls: [
        { trait: "lr", label: "learning rate", min: 0, max: RATE, step: 0.002 },
        { trait: "momentum", label: "momentum", min: 0, max: 0.99, step: 0.01 },
        { trait: "curvature", label: "steep : flat", min: 1, max: 30, step: 0.5 },
        { trait: "steps", label: "steps", min: 0, max: STEPS },
      ],
      draw(stage) {
        const now = walk();
        if (rolling !== null && rolling !== now.key && roll.on()) model.set("steps", 0);  // another walk, from its start
        rolling = now.key;
        const { points, heights, momentum, curvature } = now, at = steps(), most = limit(momentum, curvature);
        const before = at ? rolls.filter(({ key }) => key !== now.key).at(-1) : null;
        if (!stage.contains(view.node)) stage.replaceChildren(h("div", { class: "d2l-row" }, view.node, losses));
        const gone = view.show(points, curvature, at, before);
        losses.replaceChildren(curve(heights, at, before));
        markLimit(most);
        mark.style.visibility = at ? "" : "hidden";  // a first frame does not tell it
        return {
          say: told({ ...now, at, gone, start: start(), before }),
          result: { loss: heights.at(-1), end: points.at(-1), limit: most, gone, reached: reached(heights, at) },
        };
      },
    });
    return () => {
      roll.stop();
      off();
    };
  },
};
