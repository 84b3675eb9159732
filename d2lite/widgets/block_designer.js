// A block of one's own. `parts`, `apart` and `nearest` are the same as in block_designer.py.

const KERNELS = [3, 1, 5, 7];
const GROUPS = ["all channels", "groups of 4", "each channel alone"];
const EXPANSIONS = { "1": 1, "1/4": 0.25, "1/2": 0.5, "2": 2, "4": 4, "6": 6 };

/** [name, parameters, MACs for one image] of each part. */
function parts({ channels, kernel, groups, expansion, gate, size }) {
  const inner = Math.round(channels * EXPANSIONS[expansion]), reads = [inner, 4, 1][GROUPS.indexOf(groups)];
  const found = [
    ["1×1 in", channels * inner, 2 * inner],
    [`${kernel}×${kernel}`, kernel ** 2 * reads * inner, 2 * inner],
    ["1×1 out", inner * channels, 2 * channels],
  ];
  const rows = found.map(([name, weights, norm]) => [name, weights + norm, weights * size ** 2]);
  const squeezed = Math.floor(channels / 4);
  if (gate) rows.splice(2, 0, ["gate", 2 * inner * squeezed + inner + squeezed, 2 * inner * squeezed]);
  return rows;
}

/** How far two settings are from each other: powers of two in expansion, and steps in the rest. */
function apart(one, other) {
  return Math.abs(Math.log2(EXPANSIONS[one.expansion] / EXPANSIONS[other.expansion])) +
    Math.abs(GROUPS.indexOf(one.groups) - GROUPS.indexOf(other.groups)) + Math.abs(one.kernel - other.kernel) / 2 +
    (one.gate !== other.gate) + (one.shortcut !== other.shortcut);
}

/** The trained block whose settings are nearest, the first of equals; null where none was trained. */
function nearest(setting, trained) {
  return trained.reduce((best, block) => (best && apart(setting, best) <= apart(setting, block) ? best : block), null);
}

const isTrained = (row) => row && typeof row.name === "string" && GROUPS.includes(row.groups) && row.expansion in EXPANSIONS &&
  KERNELS.includes(row.kernel) && isNumber(row.accuracy);

/** In which settings a trained block differs. */
function differences(setting, block) {
  const names = { kernel: "kernel", groups: "groups", expansion: "width of the middle", gate: "gate", shortcut: "shortcut" };
  return Object.keys(names).filter((name) => setting[name] !== block[name]).map((name) => names[name]);
}

const HEIGHT = 200, WORDS = 150;  // of the drawing, and what its words take
const HALF = 0.5;  // the share of the work that a kernel shall do

/**
 * The block from top to bottom: as wide as its channels, each part in its color, the shortcut at the side. What one may
 * drag or tap is marked `data-part`; `room` is the width that the page has.
 */
function drawing(setting, rows, label, room) {
  const { channels, expansion, groups, gate, shortcut } = setting, inner = Math.round(channels * EXPANSIONS[expansion]);
  const full = room - WORDS - 70, middle = full / 2 + 48, right = middle + full / 2 + 22;
  const scale = full / Math.max(channels, inner), [outer, wide] = [channels, inner].map((width) => Math.max(6, scale * width));
  const bar = (y, width, color) => s("rect", { x: middle - width / 2, y, width, height: 8, fill: color });
  const funnel = (y, from, to) => s("path", {
    d: `M${middle - from / 2} ${y} H${middle + from / 2} L${middle + to / 2} ${y + 30} H${middle - to / 2} Z`, fill: "var(--d2l-1)", opacity: 0.35,
  });
  const text = (y, words) => s("text", { x: right, y, "font-size": 12, fill: "currentColor" }, words);
  const line = (d) => s("path", {
    d, fill: "none", stroke: "currentColor", "stroke-width": 1.5, opacity: shortcut ? 1 : 0.3, "stroke-dasharray": shortcut ? null : "3 4",
  });
  const touched = (part, area, ...children) => s("g", { "data-part": part }, ...children, s("rect", { ...area, fill: "transparent" }));
  const apiece = { "all channels": Infinity, "groups of 4": 20, "each channel alone": 6 }[groups];  // pixels of the drawing for a strand
  const strands = apiece === Infinity ? 1 : Math.max(2, Math.round(wide / apiece));
  const step = wide / strands;
  const kernels = Array.from({ length: strands }, (_, index) => s("rect", {
    x: middle - wide / 2 + index * step + 0.5, y: 62, width: Math.max(1, step - (strands > 1 ? 1.5 : 1)), height: 26, fill: "var(--d2l-2)",
  }));
  const grips = [-1, 1].map((side) => {
    const x = middle + side * (wide / 2 + 5);
    return touched("width", { x: x - (side < 0 ? 22 : 4), y: 54, width: 26, height: 42 }, s("rect", {
      x: x - 4, y: 59, width: 8, height: 32, rx: 4, fill: "currentColor",
    }));
  });
  const last = 110, sum = last + 60;  // where the last convolution begins, and where the input is added
  const squeezed = s("rect", {
    x: middle - wide / 2, y: 94, width: wide, height: 12, fill: gate ? "var(--d2l-4)" : "none",
    ...(gate ? {} : { stroke: "var(--d2l-4)", "stroke-dasharray": "3 4" }),
  });
  return s(
    "svg", {
      viewBox: `0 0 ${right + WORDS} ${HEIGHT}`, width: right + WORDS, role: "img", "aria-label": label, style: "max-width: 100%; height: auto",
    },
    bar(10, outer, "currentColor"), funnel(22, outer, wide),
    touched("kernel", { x: middle - Math.max(wide, 44) / 2, y: 58, width: Math.max(wide, 44), height: 34 },
      text(79, `${rows[1][0]} on ${inner} channels`), ...kernels),
    touched("gate", { x: middle - Math.max(wide, 60) / 2, y: 92, width: Math.max(wide, 60), height: 18 }, text(104, gate ? "a gate" : "no gate"), squeezed),
    funnel(last, wide, outer), bar(last + 34, outer, "currentColor"),
    touched("shortcut", { x: 4, y: 8, width: 24, height: sum }, text(sum + 4, shortcut ? "plus the input" : "no shortcut"),
      line(`M${middle - outer / 2} 14 H16 V${sum} H${middle - 9}`), line(`M${middle} ${last + 42} V${sum - 9} M${middle} ${sum + 9} v12`),
      s("circle", { cx: middle, cy: sum, r: 9, fill: "none", stroke: "currentColor", "stroke-width": 1.5, opacity: shortcut ? 1 : 0.3 }),
      line(`M${middle - 5} ${sum} h10 M${middle} ${sum - 5} v10`)),
    text(18, `${channels} channels`), text(42, rows[0][0]), text(last + 20, "1×1 out"), text(last + 42, `${channels} channels`), ...grips,
  );
}

/** The multiple whose power of two is nearest. */
const snapped = (times) => Object.keys(EXPANSIONS).reduce((best, name) => (
  Math.abs(Math.log2(EXPANSIONS[name] / times)) < Math.abs(Math.log2(EXPANSIONS[best] / times)) ? name : best
));

/** Where the drawing stands: its grips are dragged, its other parts tapped. A control does the same for the keyboard. */
function touchable(model) {
  const far = ({ clientX }) => {
    const { left, right } = node.querySelector("[data-part=kernel] > rect:last-child").getBoundingClientRect();
    return Math.max(4, Math.abs(clientX - (left + right) / 2));
  };
  const partAt = ({ target }) => target.closest?.("[data-part]")?.dataset.part;
  const next = (list, value) => list[(list.indexOf(value) + 1) % list.length];
  const node = h("div", {
    class: "d2l-block",
    ...dragged({
      take: (event) => (partAt(event) === "width" ? { from: far(event), times: EXPANSIONS[chosen(model, "expansion", Object.keys(EXPANSIONS), "1")] } : null),
      move: (event, { from, times }) => {
        const expansion = snapped((times * far(event)) / from);
        if (expansion !== model.get("expansion")) give(model, { expansion });
      },
      undo: ({ times }) => give(model, { expansion: snapped(times) }),
    }),
    onclick: (event) => {
      const part = partAt(event);
      if (part === "kernel") give(model, { groups: next(GROUPS, model.get("groups")) });
      if (part === "gate") give(model, { gate: model.get("gate") !== true });
      if (part === "shortcut") give(model, { shortcut: model.get("shortcut") === false });
    },
  });
  return node;
}

export default {
  render({ model, el }) {
    const trained = () => (Array.isArray(model.get("trained")) ? model.get("trained").filter(isTrained) : []);
    const choice = (values) => values.map((value) => [value, String(value)]);
    const block = touchable(model), board = h("div"), goal = h("p", { class: "d2l-goal", role: "status" });
    let half = false;  // whether the challenge was met, but for its harder half
    return interactive({
      model, el, title: "A block of your own",
      hint: "Drag the grips to make the middle wider; tap the kernel, the gate or the shortcut. Where do the multiply–accumulates go?",
      controls: [
        { trait: "kernel", label: "kernel, pixels a side", kind: "choice", options: choice([1, 3, 5, 7]) },
        { trait: "groups", label: "a kernel reads", kind: "choice", options: choice(GROUPS) },
        { trait: "expansion", label: "middle, times as wide", kind: "choice", options: choice(["1/4", "1/2", "1", "2", "4", "6"]) },
        { trait: "gate", label: "gate", kind: "switch" },
      ],
      more: [
        { trait: "shortcut", label: "shortcut", kind: "switch" },
        { trait: "channels", label: "channels", min: 16, max: 512, step: 16 },
        { trait: "size", label: "map, px", min: 1, max: 112 },
      ],
      traits: ["trained"], reset: () => { half = false; },
      answer: { label: "show 7×7, four times as wide", show: () => give(model, { kernel: 7, groups: "each channel alone", expansion: "4" }) },
      draw(stage) {
        const setting = {
          channels: Math.max(16, 16 * Math.round(clamp(model.get("channels"), 16, 512, 64) / 16)),
          kernel: chosen(model, "kernel", KERNELS, 3), groups: chosen(model, "groups", GROUPS, "each channel alone"),
          expansion: chosen(model, "expansion", Object.keys(EXPANSIONS), "1"), gate: model.get("gate") === true,
          shortcut: model.get("shortcut") !== false, size: whole(model.get("size"), 1, 112, 16),
        };
        const rows = parts(setting), [parameters, macs] = [1, 2].map((column) => rows.reduce((sum, row) => sum + row[column], 0));
        const near = rows[1][2] / macs, sees = setting.kernel, best = nearest(setting, trained());
        const say = `A block of ${setting.channels} channels: ${shown(parameters)} parameters, ${brief(macs)} MACs on a map of ` +
          `${setting.size}×${setting.size}, of which the ${sees}×${sees} kernel does ${shown(100 * near, near < 0.1 ? 1 : 0)}%. ` +
          `A value sees ${sees}×${sees} places of the map; after four such blocks, ${4 * (sees - 1) + 1}×${4 * (sees - 1) + 1}. ` +
          (setting.shortcut ? "The shortcut costs nothing." : "There is no shortcut.");
        const most = Math.max(...rows.flatMap((row) => [row[1] / parameters, row[2] / macs]));
        const color = (name) => `var(--d2l-${name === "gate" ? 4 : name.endsWith("in") || name.endsWith("out") ? 1 : 2})`;
        const table = rows.map(([name, count, work]) => [
          name, barCell(shown(count), count / parameters / most, color(name)), barCell(brief(work), work / macs / most, color(name)),
        ]);
        table.push(["block", shown(parameters), brief(macs)]);
        const other = best ? differences(setting, best) : [];
        const told = !best ? "No block was trained here." :
          `Trained here, nearest: ${best.name}, ${shown(100 * best.accuracy, 1)}% of the test images. ` +
          (other.length ? `It differs in: ${other.join(", ")}.` : "It is this very block.");
        if (!stage.contains(block)) stage.replaceChildren(block, goal, board);
        const label = `The block drawn: ${rows.map(([name]) => name).join(", ")}${setting.shortcut ? ", and a shortcut around them" : ""}.`;
        block.replaceChildren(drawing(setting, rows, label, matchMedia("(max-width: 40rem)").matches ? 340 : 460));
        board.replaceChildren(tableOf(["part", "parameters", "MACs"], table), h("p", { class: "d2l-note" }, told));
        const reached = near >= HALF, alone = setting.groups === "each channel alone";
        half ||= reached && !alone;
        const looks = sees ** 2, mixes = 2 * setting.channels;
        const words = reached && alone
          ? `✓ Half of the work, each channel alone: for each value in the middle, the kernel multiplies ${looks} times, the 1×1 layers ${mixes} times.`
          : reached ? "✓ Half of the work. Can a kernel that reads each channel alone do it, too?"
            : half ? "The second half of the challenge: do the same with a kernel that reads each channel alone."
              : "A challenge: make the kernel do at least half of the work.";
        if (goal.textContent !== words) goal.textContent = words;
        goal.dataset.reached = reached;
        return { say, result: { rows, totals: [parameters, macs], sees, adds: setting.shortcut, nearest: best ? best.name : null, near } };
      },
    });
  },
};
