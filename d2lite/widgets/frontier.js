// Accuracy against a cost, the frontier, and the best within a budget: the same as in frontier.py.

const COLUMNS = {
  name: ["network", String],
  year: ["year", String],
  accuracy: ["test accuracy", (value) => value.toFixed(4)],
  sd: ["± sd", (value) => value.toFixed(4)],
  seeds: ["seeds", (value) => shown(value)],
  parameters: ["parameters", (value) => shown(value)],
  macs: ["M MACs", (value) => shown(value / 1e6, 1)],
  epoch_s: ["s an epoch", (value) => shown(value, 1)],
  memory_mb: ["MB a step", (value) => shown(value)],
};
const COSTS = {
  parameters: ["parameters", "parameters"],  // on the axis and in a sentence
  macs: ["MACs for one image", "MACs for one image"],
  epoch_s: ["seconds an epoch", "seconds an epoch"],
  memory_mb: ["MB, training step", "MB in a training step"],
};
const SIGNS = { on: "on the frontier", off: "not on it: another costs no more and is at least as good", best: "the best within the budget" };
const [HEIGHT, LEFT, BOTTOM, TOP] = [300, 44, 40, 12];
let WIDTH = 620;  // less on a phone, so that the text stays as large

/** A cost with three digits: 758 k, 21.6, 0.35. */
function three(value) {
  const rounded = Number(value.toPrecision(3));
  return rounded >= 1000 ? brief(rounded) : shown(rounded, 6);
}

/** What stands for a network in the picture, to be explained below it and to stand beside its name. */
function sign(kind) {
  const dot = s("circle", { cx: 9, cy: 9, r: 4, stroke: "var(--d2l-1)", "stroke-width": 1.8, fill: kind === "on" ? "var(--d2l-1)" : "none" });
  const ring = s("circle", { cx: 9, cy: 9, r: 7.5, stroke: "var(--d2l-2)", "stroke-width": 2.5, fill: "none" });
  const line = s("path", { d: "M9,1V17", stroke: "var(--d2l-2)", "stroke-width": 1.5, "stroke-dasharray": "5 4" });
  return s("svg", { viewBox: "0 0 18 18", width: 15, "aria-hidden": "true" }, kind === "budget" ? line : kind === "best" ? ring : dot);
}

/** The networks of a trait that may hold anything: numbers, or null where one is not known. */
function rowsOf(given) {
  const numbers = (row) => Object.fromEntries(Object.keys(COLUMNS).map((key) => [key, isNumber(row[key]) ? row[key] : null]));
  return (Array.isArray(given) ? given : []).filter((row) => isNumber(row?.accuracy)).slice(0, 60)
    .map((row, index) => ({ ...numbers(row), name: String(row.name ?? `network ${index + 1}`) }));
}

/** Networks on the frontier, from cheap to costly. */
function frontier(rows, cost) {
  let best = -Infinity;
  return [...rows].sort((a, b) => a[cost] - b[cost] || b.accuracy - a.accuracy).filter((row) => {
    const better = row.accuracy > best;
    best = Math.max(best, row.accuracy);
    return better;
  });
}

/** The ends of the axis, a little beyond the cheapest and the dearest. */
function ends(costs) {
  const low = Math.min(...costs), high = Math.max(...costs), margin = Math.max(high / low, 3) ** 0.08;
  return [low / margin, high * margin];
}

/** With three digits, those that are shown: no network may fit what is said and not what is meant. */
const budgetAt = (share, [low, high]) => Number((low * (high / low) ** (share / 100)).toPrecision(3));

/** The most accurate within the budget, of equals the cheapest. */
function choose(rows, cost, budget) {
  const fits = rows.filter((row) => row[cost] <= budget).sort((a, b) => b.accuracy - a.accuracy || a[cost] - b[cost]);
  return [fits[0] ?? null, fits.length];
}

/** Round numbers from low to high: on a logarithmic scale 1, 3, 10 …, on a plain one about four. */
function ticks(low, high, logarithmic) {
  if (!logarithmic) {
    const raw = (high - low) / 4, power = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 5, 10].find((n) => n * power >= raw) * power;
    return Array.from({ length: 8 }, (_, k) => (Math.ceil(low / step) + k) * step).filter((value) => value <= high);
  }
  const powers = Array.from({ length: 24 }, (_, k) => 10 ** (k - 6));
  const all = (high / low > 300 ? powers : powers.flatMap((power) => (high / low < 8 ? [1, 2, 3, 5].map((n) => n * power) : [power, 3 * power])));
  return all.filter((value) => value >= low && value <= high);
}

/** Names beside points, as many as find room; those given first are placed first. */
function labels(points) {
  const taken = points.map(({ x, y }) => [x - 5, y - 5, x + 5, y + 5]);
  return points.flatMap(({ x, y, name, bold }) => {
    const wide = 6.4 * name.length + (bold ? 6 : 0);
    const places = [
      [x - 9, y - 6, "end"], [x - 9, y + 13, "end"], [x + 9, y - 6, "start"], [x + 9, y + 13, "start"],
      [x, y - 11, "middle"], [x, y + 20, "middle"],
    ];
    for (const [left, base, anchor] of places) {
      const from = left - (anchor === "end" ? wide : anchor === "middle" ? wide / 2 : 0), box = [from, base - 10, from + wide, base + 3];
      const meets = (other) => box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1];
      if (box[0] < LEFT || box[2] > WIDTH || taken.some(meets)) continue;
      taken.push(box);
      return [s("text", { x: left, y: base, "text-anchor": anchor, "font-weight": bold ? "bold" : null, class: "d2l-halo" }, name)];
    }
    return [];
  });
}

/** The scatter with its frontier; right of the budget it is pale. */
function plot(rows, cost, front, best, budget, [low, high]) {
  const spread = rows.flatMap(({ accuracy, sd }) => [accuracy - (sd ?? 0), accuracy + (sd ?? 0)]);
  WIDTH = clamp(window.innerWidth - 64, 300, 620);
  const margin = 0.08 * (Math.max(...spread) - Math.min(...spread)) || 0.01;
  const [bottom, top] = [Math.min(...spread) - margin, Math.max(...spread) + margin];
  const X = (value) => LEFT + (Math.log(value / low) / Math.log(high / low)) * (WIDTH - LEFT - 6);
  const Y = (value) => TOP + ((top - value) / (top - bottom)) * (HEIGHT - TOP - BOTTOM);
  const floor = HEIGHT - BOTTOM;
  const decimals = top - bottom < 0.05 ? 3 : 2;
  const grid = [
    ...ticks(bottom, top, false).flatMap((value) => [
      s("line", { x1: LEFT, x2: WIDTH, y1: Y(value), y2: Y(value), stroke: "var(--d2l-faint)" }),
      s("text", { x: LEFT - 6, y: Y(value) + 4, "text-anchor": "end" }, value.toFixed(top > 2 ? 1 : decimals).replace("-", "−")),
    ]),
    ...ticks(low, high, true).flatMap((value) => [
      s("line", { x1: X(value), x2: X(value), y1: TOP, y2: floor + 4, stroke: "var(--d2l-line)" }),
      s("text", { x: X(value), y: floor + 17, "text-anchor": "middle" }, three(value)),
    ]),
    s("text", { x: (WIDTH + LEFT) / 2, y: HEIGHT - 5, "text-anchor": "middle" }, COSTS[cost][0]),
  ];
  const steps = front.map((row) => `H${X(row[cost])}V${Y(row.accuracy)}`).join("").replace(/^H([^V]+)V([^H]+)/, "M$1,$2");
  const over = s("rect", { x: X(budget), y: TOP, width: Math.max(0, WIDTH - X(budget)), height: floor - TOP, fill: "var(--d2l-faint)" });
  const edge = s("line", { x1: X(budget), x2: X(budget), y1: TOP, y2: floor, stroke: "var(--d2l-2)", "stroke-dasharray": "5 4", "stroke-width": 1.5 });
  const line = s("path", { d: `${steps}H${WIDTH}`, fill: "none", stroke: "currentColor", "stroke-opacity": 0.55, "stroke-width": 1.5 });
  const whiskers = (x, from, to) => s("path", { d: `M${x},${from}V${to}m-4,0h8M${x - 4},${from}h8` });
  const points = rows.map((row) => s("g", { opacity: row[cost] <= budget ? 1 : 0.4, stroke: "var(--d2l-1)", "stroke-width": 1.8 },
    s("title", {}, `${row.name}: ${row.accuracy.toFixed(4)}, ${three(row[cost])} ${COSTS[cost][1]}`),
    row.sd ? whiskers(X(row[cost]), Y(row.accuracy - row.sd), Y(row.accuracy + row.sd)) : null,
    s("circle", { cx: X(row[cost]), cy: Y(row.accuracy), r: 4.5, fill: front.includes(row) ? "var(--d2l-1)" : "none" })));
  const around = { r: 9, fill: "none", stroke: "var(--d2l-2)", "stroke-width": 2.5 };
  const ring = best ? s("circle", { cx: X(best[cost]), cy: Y(best.accuracy), ...around }) : null;
  const first = [...front, ...rows.filter((row) => !front.includes(row))];
  const names = labels(first.map((row) => ({ x: X(row[cost]), y: Y(row.accuracy), name: row.name, bold: row === best })));
  const label = `Test accuracy against ${COSTS[cost][0]}, logarithmic. The frontier: ${front.map((row) => row.name).join(", ")}.`;
  const frame = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, role: "img", "aria-label": label };
  return s("svg", frame, over, ...grid, line, edge, ...points, ring, ...names);
}

/** What the picture shows, in words. */
function told(rows, cost, front, best, budget, fits) {
  const unit = COSTS[cost][1], limit = `At most ${three(budget)} ${unit}:`;
  const next = front.find((row) => row[cost] > budget);
  let more = " No larger budget buys more.";
  if (next) {
    const times = shown(next[cost] / (best?.[cost] ?? 1), 1);
    const dearer = { 1: "nearly the same cost", 2: "twice the cost" }[times] ?? `${times} times the cost`;
    const gain = () => `+${(next.accuracy - best.accuracy).toFixed(4)} for ${dearer}`;
    more = ` The next step of the frontier is ${next.name}: ${best ? gain() : `${three(next[cost])} ${unit}`}.`;
  }
  if (!best) return `${limit} no network fits.${more}`;
  const runs = best.seeds === null ? "" : ` over ${best.seeds} seed${best.seeds === 1 ? "" : "s"}`;
  const spread = best.sd === null ? "" : ` ± ${best.sd.toFixed(4)}${runs}`;
  const count = rows.filter((row) => row[cost] > best[cost] && row.accuracy <= best.accuracy).length;
  const worse = count === 1 ? "; 1 that costs more is no better" : `; ${count} that cost more are no better`;
  const among = fits === 1 ? "the only one that fits" : `the ${fits === 2 ? "better" : "best"} of the ${fits} that fit`;
  return `${limit} ${best.name}, ${best.accuracy.toFixed(4)}${spread}, is ${among}${count ? worse : ""}.${more}`;
}

/** The table: its head is made once, so that a heading keeps the focus when it sorts. */
function sortable(model, rows) {
  const shownColumns = Object.keys(COLUMNS).filter((key) => key === "name" || rows.some((row) => row[key] !== null));
  const sortBy = (key) => {
    const same = model.get("sort") === key;
    give(model, { descending: same ? !model.get("descending") : key !== "name", sort: key });
  };
  const buttons = shownColumns.map((key) => h("button", { type: "button", onclick: () => sortBy(key) }));
  const cell = (row, key) => h("td", {}, row[key] === null ? "–" : COLUMNS[key][1](row[key]));
  const line = (row) => h("tr", {}, h("th", { scope: "row" }), ...shownColumns.slice(1).map((key) => cell(row, key)));
  const lines = new Map(rows.map((row) => [row, line(row)]));
  const table = tableOf(buttons, []);
  table.classList.add("d2l-sortable");
  const order = (front) => {
    const key = chosen(model, "sort", shownColumns, "accuracy"), down = model.get("descending") !== false;
    const compare = (a, b) => (key === "name" ? a.name.localeCompare(b.name) : a[key] - b[key]);
    const unknown = (row) => Number(row[key] === null);  // these come last, from whichever end
    const sorted = [...rows].sort((a, b) => unknown(a) - unknown(b) || (down ? compare(b, a) : compare(a, b)));
    buttons.forEach((button, index) => {
      const now = shownColumns[index] === key;
      const arrow = h("span", { "aria-hidden": "true" }, now ? (down ? " ↓" : " ↑") : " ↕");  // aria-sort tells it
      button.replaceChildren(COLUMNS[shownColumns[index]][0], arrow);
      if (now) button.parentNode.setAttribute("aria-sort", down ? "descending" : "ascending");
      else button.parentNode.removeAttribute("aria-sort");
    });
    for (const [row, line] of lines) line.firstChild.replaceChildren(sign(front.includes(row) ? "on" : "off"), ` ${row.name}`);
    table.tBodies[0].replaceChildren(...sorted.map((row) => lines.get(row)));
    return sorted.map((row) => row.name);
  };
  return { table, order };
}

export default {
  render({ model, el }) {
    const meanings = Object.entries({ ...SIGNS, budget: "the budget: what is right of it is too dear" });
    const key = h("p", { class: "d2l-credit d2l-signs" }, ...meanings.map(([kind, text]) => h("span", {}, sign(kind), text))), picture = h("div");
    const below = h("div", { class: "d2l-stage" });
    let rows = null, made;
    const off = interactive({
      model, el, label: "Accuracy, cost and the frontier", traits: ["networks", "sort", "descending"],
      controls: [
        { trait: "cost", label: "cost", kind: "choice", options: Object.entries(COSTS).map(([value, [text]]) => [value, text]) },
        { trait: "budget", label: "budget", min: 0, max: 100, step: 0.5 },
      ],
      draw(stage) {
        if (rows === null || model.get("networks") !== made.given) {
          rows = rowsOf(model.get("networks"));
          made = { given: model.get("networks"), ...sortable(model, rows) };
          stage.replaceChildren(picture, key);
          below.replaceChildren(made.table);
        }
        const cost = chosen(model, "cost", Object.keys(COSTS), "parameters");
        const priced = rows.filter((row) => row[cost] > 0);
        const front = frontier(priced, cost), table = made.order(front);
        const output = el.querySelector("[data-trait=budget] output"), input = el.querySelector("[data-trait=budget] input");
        if (!priced.length) {
          picture.replaceChildren();
          output.textContent = "–";
          const unknown = `No network has a known cost in ${COSTS[cost][0]}. Choose another cost.`;
          const say = rows.length ? unknown : "There are no networks to compare.";
          return { say, result: { frontier: [], best: null, budget: null, table } };
        }
        const axis = ends(priced.map((row) => row[cost])), budget = budgetAt(clamp(model.get("budget"), 0, 100, 50), axis);
        const [best, fits] = choose(priced, cost, budget);
        picture.replaceChildren(plot(priced, cost, front, best, budget, axis));
        output.textContent = `≤ ${three(budget)}`;
        input.setAttribute("aria-valuetext", `at most ${three(budget)} ${COSTS[cost][1]}`);
        const result = { frontier: front.map((row) => row.name), best: best?.name ?? null, budget, table };
        return { say: told(priced, cost, front, best, budget, fits), result };
      },
    });
    el.firstChild.append(below);
    return off;
  },
};
