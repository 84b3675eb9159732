// Accuracy against a cost, the frontier, and the best within a budget: the same as in frontier.py.

const COLUMNS = {
  name: ["network", String],
  year: ["year", String],
  accuracy: ["test accuracy", (value) => value.toFixed(4)],
  sd: ["± sd", (value) => value.toFixed(4)],
  seeds: ["seeds", (value) => shown(value)],
  parameters: ["parameters", (value) => shown(value)],
  macs: ["M MACs", (value) => shown(value / 1e6, 1)],
  epoch_s: ["s an epoch", (value) => shown(value, value < 100 ? 1 : 0)],
  memory_mb: ["MB a step", (value) => shown(value)],
};

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

/** What the picture shows, in words; `known` once all budgets were tried, or the frontier was asked for. */
function told({ rows, cost, front, best, limit: budget, fits, seen, known }) {
  const unit = COSTS[cost][1], limit = `At most ${three(budget, cost)} ${unit}:`, next = front.find((row) => row[cost] > budget);
  const count = Math.max(0, seen.length - 1);
  const changes = `the choice ${count ? `changes ${{ 1: "once", 2: "twice" }[count] ?? `${count} times`}` : "does not change"}`;
  let more = " No larger budget buys more.";
  if (next) {
    const ratio = shown(next[cost] / (best?.[cost] ?? 1), 1);
    const dearer = { 1: "nearly the same cost", 2: "twice the cost" }[ratio] ?? `${ratio} times the cost`;
    const gain = () => `+${(next.accuracy - best.accuracy).toFixed(4)} for ${dearer}`;
    more = ` The next step of the frontier is ${next.name}: ${best ? gain() : `${three(next[cost], cost)} ${unit}`}.`;
  }
  more += ` From the smallest budget to the largest, ${changes}${count ? `: ${seen.map((row) => row.name).join(", ")}` : ""}.`;
  if (!known) more = ` Between the budgets that you have tried, ${changes}.`;
  if (!best) return `${limit} no network fits.${more}`;
  const runs = best.seeds === null ? "" : ` over ${best.seeds} seed${best.seeds === 1 ? "" : "s"}`;
  const spread = best.sd === null ? "" : ` ± ${best.sd.toFixed(4)}${runs}`;
  const dear = known ? rows.filter((row) => row[cost] > best[cost] && row.accuracy <= best.accuracy).length : 0;
  const worse = dear === 1 ? "; 1 that costs more is no better" : `; ${dear} that cost more are no better`;
  const among = fits === 1 ? "the only one that fits" : `the ${fits === 2 ? "better" : "best"} of the ${fits} that fit`;
  return `${limit} ${best.name}, ${best.accuracy.toFixed(4)}${spread}, is ${among}${dear ? worse : ""}.${more}`;
}

/** All that is known of a network, in a line. */
function described(row) {
  const known = (key, text) => (row[key] === null ? "" : text(row[key]));
  const first = `${row.name}${known("year", (year) => `, ${year}`)}: ${row.accuracy.toFixed(4)}${known("sd", (sd) => ` ± ${sd.toFixed(4)}`)}`;
  const runs = known("seeds", (seeds) => ` over ${seeds} seed${seeds === 1 ? "" : "s"}`);
  const costs = Object.keys(COSTS).filter((cost) => row[cost] !== null).map((cost) => `${COLUMNS[cost][1](row[cost])} ${COLUMNS[cost][0]}`);
  return [`${first}${runs}`, ...costs].join(" · ");
}

/** The table: its head and its lines are made once, so that what has the focus keeps it. `point` as in the chart. */
function sortable(model, rows, point) {
  const shownColumns = Object.keys(COLUMNS).filter((key) => key === "name" || rows.some((row) => row[key] !== null));
  const sortBy = (key) => {
    const same = model.get("sort") === key;
    give(model, { descending: same ? !model.get("descending") : key !== "name", sort: key });
  };
  const buttons = shownColumns.map((key) => h("button", { type: "button", onclick: () => sortBy(key) }));
  const cell = (row, key) => h("td", { "data-column": key }, row[key] === null ? "–" : COLUMNS[key][1](row[key]));
  const line = (row) => {
    const hovered = (on) => ({ pointerType }) => pointerType !== "touch" && point(on ? row : null, false);
    const name = h("button", { type: "button", onclick: () => point(row, true) }, h("span"), h("span", {}, row.name));
    return h("tr", { onpointerenter: hovered(true), onpointerleave: hovered(false) }, h("th", { scope: "row" }, name),
      ...shownColumns.slice(1).map((key) => cell(row, key)));
  };
  const lines = new Map(rows.map((row) => [row, line(row)]));
  const table = tableOf(buttons, []);
  table.classList.add("d2l-sortable");
  shownColumns.forEach((key, index) => { buttons[index].parentNode.dataset.column = key; });
  const order = () => {
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
    if (table.tBodies[0].rows.length !== sorted.length || sorted.some((row, index) => table.tBodies[0].rows[index] !== lines.get(row)))
      table.tBodies[0].replaceChildren(...sorted.map((row) => lines.get(row)));
    return sorted.map((row) => row.name);
  };
  const light = (cost, seen, lit, pinned) => {
    table.dataset.cost = cost;
    for (const [row, line] of lines) {
      const [name] = line.firstChild.children;
      name.firstChild.replaceChildren(sign(seen.includes(row) ? "on" : "off"));
      name.setAttribute("aria-pressed", String(row === pinned));
      line.classList.toggle("d2l-lit", row === lit);
    }
  };
  return { table, order, light };
}

/** What a budget and the budgets `tried`, in percent, show of networks with a known cost. */
function seenOf(priced, cost, percent, tried, revealed) {
  const front = frontier(priced, cost), costs = priced.map((row) => row[cost]), axis = ends(costs), limit = budgetAt(percent, axis);
  const [best, fits] = choose(priced, cost, limit), [from, until] = tried.map((share) => budgetAt(share, axis));
  const known = revealed || (from <= front[0][cost] && until >= Math.max(...costs));
  const met = (row, index) => row[cost] <= until && (front[index + 1]?.[cost] ?? Infinity) > from;
  return { rows: priced, cost, front, axis, limit, best, fits, known, seen: known ? front : front.filter(met), tried: known ? axis : [from, until] };
}

/** The budget in percent, those that were tried, and a button that goes through all of them. */
function budgets(model) {
  let tried = null, at = null;
  const percent = () => clamp(model.get("budget"), 0, 100, 50), set = (value) => give(model, { budget: value });
  const play = player({  // from the smallest budget on; where the reader paused it, it goes on
    label: "raise the budget", every: 70, tick: () => {
      at = at === null || at >= 100 ? 0 : Math.min(100, at + 1.5);
      set(at);
      return at < 100;
    },
  });
  const stop = () => {
    play.stop();
    at = null;
  };
  const widen = () => { tried = [Math.min(tried?.[0] ?? 100, percent()), Math.max(tried?.[1] ?? 0, percent())]; };
  const moved = () => {
    if (percent() !== at) stop();
    widen();
  };
  const forget = () => { tried = null; };
  model.on("change:budget", moved);
  model.on("change:cost", forget);
  return {
    percent, set, stop, forget, play: play.node,
    tried: () => {
      if (!tried) widen();
      return tried;
    },
    off: () => {
      stop();
      model.off("change:budget", moved);
      model.off("change:cost", forget);
    },
  };
}

const MEANINGS = {
  on: "on the frontier: the best at some budget", off: "not the best at a budget you tried", best: "the best within the budget",
  budget: "the budget: what is right of it is too dear",
};
const NEVER = "not on it: another costs no more and is at least as good";

export default {
  render({ model, el }) {
    const key = h("p", { class: "d2l-credit d2l-signs" }), note = h("p", { class: "d2l-note d2l-numbers" }), below = h("div", { class: "d2l-stage" });
    const given = budgets(model);
    let made = null, view = null, over = null, pinned = null;
    const show = () => {  // also when only the pointer moves
      const lit = over ?? pinned;
      picture.node.hidden = note.hidden = key.hidden = !view;
      if (view) picture.draw({ ...view, lit: view.rows.includes(lit) ? lit : null });
      made.light(model.get("cost"), view?.seen ?? [], lit, pinned);
      note.textContent = lit ? described(lit) : "Point at a network, here or in the table, to see all its numbers.";
    };
    const point = (row, tapped) => {
      if (!tapped && over === row) return;
      if (tapped) pinned = pinned === row ? null : row;
      else over = row;
      show();
    };
    const picture = chart({ point, budget: given.set, percent: given.percent });
    const fresh = () => {
      given.forget();
      [over, pinned] = [null, null];
    };
    const build = (stage) => {
      fresh();
      const rows = rowsOf(model.get("networks"));
      made = { given: model.get("networks"), rows, ...sortable(model, rows, point) };
      stage.replaceChildren(picture.node, note, key);
      below.replaceChildren(made.table);
    };
    const draw = (stage, revealed) => {
      if (model.get("networks") !== made?.given) build(stage);
      const cost = chosen(model, "cost", Object.keys(COSTS), "parameters"), table = made.order();
      const output = el.querySelector("[data-trait=budget] output"), input = el.querySelector("[data-trait=budget] input");
      const priced = made.rows.filter((row) => row[cost] > 0);
      view = priced.length ? seenOf(priced, cost, given.percent(), given.tried(), revealed) : null;
      show();
      if (!view) {
        output.textContent = "–";
        const unknown = `No network has a known cost in ${COSTS[cost][0]}. Choose another cost.`;
        return { say: made.rows.length ? unknown : "There are no networks to compare.", result: { frontier: [], best: null, budget: null, table, seen: [] } };
      }
      key.replaceChildren(...Object.entries({ ...MEANINGS, ...(view.known ? { off: NEVER } : {}) }).map(([kind, text]) => h("span", {}, sign(kind), text)));
      output.textContent = `≤ ${three(view.limit, cost)}`;
      input.setAttribute("aria-valuetext", `at most ${three(view.limit, cost)} ${COSTS[cost][1]}`);
      const [front, seen] = [view.front, view.seen].map((list) => list.map((row) => row.name));
      return { say: told(view), result: { frontier: front, best: view.best?.name ?? null, budget: view.limit, table, seen } };
    };
    const off = interactive({
      model, el, title: "Which network for which budget?", traits: ["networks", "sort", "descending"], draw,
      hint: "Drag the dashed line: the ring marks the best network within the budget. Tap a network for its numbers.",
      controls: [
        { trait: "cost", label: "cost", kind: "choice", options: Object.entries(COSTS).map(([value, [text]]) => [value, text]) },
        { trait: "budget", label: "budget", min: 0, max: 100, step: 0.5 },
      ],
      buttons: [given.play], answer: { label: "show the whole frontier" },
      reset: () => {
        given.stop();
        fresh();
      },
    });
    addEventListener("resize", show);
    el.firstChild.append(below);
    return () => {
      removeEventListener("resize", show);
      given.off();
      off();
    };
  },
};
