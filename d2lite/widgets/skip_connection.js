// Plain against residual: the gradient of each layer and the training loss, from runs that Python measured; and above
// them a small network of dense layers, whose gradients are computed in the page (shortcut_gradients.js).

const SMOOTH = 12, LAST = 32;
const TIMES = ["before training", "after training"];
const STYLES = { plain: { color: "var(--d2l-2)", dash: "6 3" }, residual: { color: "var(--d2l-1)", dash: null } };

/** The mean of each step and those before it; null where these are too few or one is no number. */
const smooth = (losses) => losses.map((_, at) => (at + 1 < SMOOTH ? null : meanOf(losses.slice(at + 1 - SMOOTH, at + 1))));

const SWEEP = 900;  // milliseconds that a gradient takes from the loss to the first layer

/**
 * The small network: blocks with their shortcuts, which a click, or the space bar, takes away and gives back (a mouse may wipe over many), and a bar
 * for the gradient of each layer. After a change the bars take their new heights from the last layer to the first.
 */
function miniature({ toggle, wipe }) {
  // A part that is drawn anew between press and release would swallow the click.
  const svg = s("svg", { style: "pointer-events: none", role: "img" }), narrow = matchMedia("(max-width: 40rem)");
  let now = [], from = [], data = null, cursor = 0, started = 0, frame = null, wiping = null;
  const layout = () => {
    const count = data.shortcuts.length, width = narrow.matches ? 340 : 690, lines = narrow.matches ? Math.ceil(count / 7) : 1;
    return { count, width, per: Math.ceil(count / lines), cell: width / Math.max(Math.ceil(count / lines), 5), top: 62 * lines + 8 };
  };
  const place = (block, { per, cell, width, count }) => [(width - Math.min(per, count) * cell) / 2 + (block % per) * cell, 62 * Math.floor(block / per)];
  const blockAt = ({ clientX, clientY }) => {
    const box = svg.getBoundingClientRect(), now = layout(), by = now.width / box.width, x = (clientX - box.left) * by, y = (clientY - box.top) * by;
    return Array.from({ length: now.count }, (_, block) => place(block, now)).findIndex(([left, top]) => x >= left && x < left + now.cell
      && y >= top && y < top + 62);
  };
  const step = (by) => {
    cursor = clamp(cursor + by, 0, data.shortcuts.length - 1);
    paint(1);
  };
  const node = h("div", {
    class: "d2l-look", tabindex: 0, role: "application",
    onpointerdown: (event) => {
      const block = event.pointerType === "mouse" && event.button === 0 ? blockAt(event) : -1;
      wiping = block < 0 ? null : { to: !data.shortcuts[block], from: block, moved: false };
    },
    onpointermove: (event) => {
      const block = wiping && event.buttons & 1 ? blockAt(event) : -1;
      if (block < 0 || (block === wiping.from && !wiping.moved)) return;
      wiping.moved = true;
      cursor = block;
      wipe([wiping.from, block], wiping.to);
    },
    onclick: (event) => {
      const block = blockAt(event), wiped = wiping?.moved;
      wiping = null;
      if (block < 0 || wiped) return;
      cursor = block;
      toggle(block);
    },
    onkeydown: (event) => {
      if (isShortcut(event) || !(event.key in MOVES || [" ", "Enter"].includes(event.key))) return;
      event.preventDefault();
      if (event.key in MOVES) step(MOVES[event.key][0] + MOVES[event.key][1]);
      else toggle(cursor);
    },
  }, svg);
  const paint = (share) => {
    const where = layout(), { count, width, cell, top } = where, { shortcuts, most } = data, layers = 2 * count, tall = 100, floor = top + tall + 30;
    const up = (value) => clamp(Math.log10(Math.max(value, 0.5) / 0.5) / Math.log10((2 * most) / 0.5), 0, 1) * tall;
    const style = (shortcut) => STYLES[shortcut ? "residual" : "plain"], passed = (1 - share) * layers, wide = width / layers;
    const blocks = shortcuts.flatMap((shortcut, block) => {
      const [left, line] = place(block, where), [x, y, side] = [left + cell / 2, line + 40, Math.min(24, cell - 10)], lit = share < 1
        && Math.floor(passed / 2) === block;
      const { color, dash } = style(shortcut), reach = Math.min(cell / 2, 26) - 1;
      return [
        s("line", { x1: left, x2: left + cell, y1: y, y2: y, stroke: "currentColor", "stroke-width": 1.5 }),
        s("path", {
          d: `M${x - reach},${y}C${x - reach},${y - 36} ${x + reach},${y - 36} ${x + reach},${y}`, fill: "none", stroke: color,
            "stroke-width": shortcut ? 2.5 : 1,
          "stroke-dasharray": dash && "2 4", opacity: shortcut ? 1 : 0.7,
        }),
        s("rect", { x: x - side / 2, y: y - 13, width: side, height: 26, rx: 4, fill: color, stroke: lit || block === cursor
          ? "currentColor" : "none", "stroke-width": lit ? 5 : 2 }),
        s("title", {}, `block ${block + 1}, ${shortcut ? "with its" : "without its"} shortcut`),
      ];
    });
    const bars = now.map((value, layer) => s("rect", {
      x: layer * wide + 0.5, y: floor - up(value), width: wide - 1, height: up(value), fill: style(shortcuts[layer >> 1]).color,
        opacity: share < 1 && Math.floor(passed) === layer ? 0.5 : 1,
    }));
    const lines = [["all", "residual"], ["none", "plain"]].map(([name, block]) => s("polyline", {
      points: data[name].map((value, layer) => `${(layer + 0.5) * wide},${floor - up(value)}`).join(" "), fill: "none",
        stroke: "currentColor", "stroke-opacity": 0.75,
      "stroke-width": 1.5, "stroke-dasharray": block === "plain" ? "6 3" : null,
    }));
    const powers = [1, 10, 100, 1000, 1e4].filter((power) => power < 1.5 * most).flatMap((power) => [
      s("line", { x1: 0, x2: width, y1: floor - up(power), y2: floor - up(power), stroke: "var(--d2l-line)" }),
      s("text", { x: width, y: floor - up(power) - 2, "text-anchor": "end", class: "d2l-halo" }, power > 1 ? `${shown(power)} ×` : ""),
    ]);
    const goal = floor - up(data.goal), [first] = data.ratios, tip = Math.max(up(first), 12);
    const aims = [
      s("line", { x1: 0, x2: width, y1: goal, y2: goal, stroke: "var(--d2l-3)", "stroke-width": 1.5, "stroke-dasharray": "1 3" }),
      s("text", { x: width / 2, y: goal - 4, "text-anchor": "middle", class: "d2l-halo", fill: "var(--d2l-3)" }, `goal: ${shown(data.goal)} ×`),
      s("text", { x: 3, y: floor - tip - 5, class: "d2l-halo", "font-weight": "bold" }, `${digits(first)} ×`),
    ];
    fill(svg, { viewBox: `0 0 ${width} ${floor + 18}`, width }, []);
    svg.replaceChildren(
      ...blocks, ...bars, ...powers, ...aims, ...lines, s("line", { x1: 0, x2: width, y1: floor, y2: floor, stroke: "var(--d2l-line)" }),
      s("text", { x: width - 2, y: top + 14, "text-anchor": "end" }, narrow.matches ? "gradient by layer, log scale"
        : "gradient by layer, against the last layer's, log scale · lines: all shortcuts, and none (dashed)"),
      s("text", { x: 0, y: floor + 14 }, "first"), s("text", { x: width, y: floor + 14, "text-anchor": "end" }, "← the loss"),
    );
    node.setAttribute("aria-label",
      `${data.label} At block ${cursor + 1}, ${shortcuts[cursor] ? "with its" : "without its"} shortcut. ` +
      `The arrow keys go through the blocks, the space bar takes a shortcut away or gives it back.`);
  };
  const move = (time) => {
    const share = clamp((time - started) / SWEEP, 0, 1), { ratios } = data;
    now = ratios.map((value, layer) => (layer >= (1 - share) * ratios.length ? value : from[layer] ?? 1));
    frame = share < 1 ? requestAnimationFrame(move) : null;
    paint(share);
  };
  const show = (next) => {
    const changed = JSON.stringify(next.ratios) !== JSON.stringify(data?.ratios), moves = data && !still();
    data = next;
    cursor = Math.min(cursor, next.shortcuts.length - 1);
    svg.setAttribute("aria-label", next.label);
    if (!changed) return frame || paint(1);
    cancelAnimationFrame(frame);
    [from, started] = [now.length === next.ratios.length ? now : [], moves ? performance.now() : -SWEEP];
    move(moves ? started : 0);
  };
  const repaint = () => paint(1);
  narrow.addEventListener("change", repaint);
  return { node, show, off: () => { cancelAnimationFrame(frame); narrow.removeEventListener("change", repaint); } };
}

/** Lines on axes: `lines` are [{ block, values }], the first value at 1; `mark` is a place on the horizontal axis, which `choose(place)` changes. */
function chart({ lines, log, across, title, label, mark = null, choose = null }) {
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
      d: d.replace(/^L/, "M"), fill: "none", stroke: STYLES[block].color, "stroke-width": 2, "stroke-dasharray": STYLES[block].dash,
    });
  });
  const key = lines.flatMap(({ block }, at) => [
    s("line", {
      x1: left + 4 + at * 90, x2: left + 30 + at * 90, y1: 10, y2: 10, stroke: STYLES[block].color, "stroke-width": 3,
      "stroke-dasharray": STYLES[block].dash,
    }),
    s("text", { x: left + 35 + at * 90, y: 14 }, block),
  ]);
  const cursor = mark === null ? null : s("line", { x1: X(mark), x2: X(mark), y1: 24, y2: height - bottom, stroke: "currentColor", "stroke-dasharray": "2 3" });
  const ends = [1, most].map((place, at) => s("text", { x: X(place), y: height - bottom + 15, "text-anchor": at ? "end" : "start" }, place));
  const clicked = ({ clientX, currentTarget }) => {
    const box = currentTarget.getBoundingClientRect(), share = (((clientX - box.left) / box.width) * width - left) / (width - left - 12);
    choose(Math.round(1 + clamp(share, 0, 1) * (most - 1)));
  };
  return s(
    "svg",
    {
      viewBox: `0 0 ${width} ${height}`, width,
        style: `flex: 1 1 15rem; min-width: 0; max-width: 24rem; ${choose ? "cursor: pointer" : ""}`, role: "img", "aria-label": label,
      ...(choose && { onclick: clicked }),
    },
    ...ticks, ...key, cursor, ...paths, ...ends,
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

function told(depth, when, results, steps) {
  const words = { plain: "without shortcuts", residual: "with shortcuts" }, blocks = Object.entries(results);
  if (!blocks.length) return `${depth} layers: these were not measured.`;
  const gradients = blocks.map(
    ([block, { norm, growth }]) => `${digits(norm)} ${words[block]}${beside(growth)}`,
  );
  const ends = blocks.map(([block, { loss }]) => `${digits(loss)} ${words[block]}`);
  return `${depth} layers, ${when}: the gradient at convolution ${blocks[0][1].layer} is ${gradients.join("; and ")}. ` +
    `The loss after ${steps} steps is ${ends.join(", and ")}.`;
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
    const without = (count) => {
      const row = model.get("removed")?.[0], gone = new Set(Array.isArray(row) ? row : []);
      return Array.from({ length: count }, (_, block) => !gone.has(block + 1));
    };
    const blocksOf = (depth) => clamp(Math.round((depth - 2) / 2), 1, MOST), now = () => without(blocksOf(nearest()));
    const remove = (shortcuts) => give(model, { removed: [shortcuts.flatMap((shortcut, block) => (shortcut ? [] : [block + 1]))].filter((row) => row.length) });
    const view = miniature({
      toggle: (block) => remove(now().map((shortcut, at) => (at === block ? !shortcut : shortcut))),
      wipe: (ends, to) => remove(now().map((shortcut, at) => (at >= Math.min(...ends) && at <= Math.max(...ends) ? to : shortcut))),
    });
    const note = h("p", { class: "d2l-note" }), goal = h("p", { class: "d2l-goal", role: "status" });
    const part = h("p", { class: "d2l-part" }, "Measured on this page, with convolutions"), best = {}, charts = h("div", { class: "d2l-row d2l-below" });
    const measured = [  // what concerns the charts stands beside them
      {
        trait: "shortcuts", label: "curves", kind: "choice",
        options: [["both", "with and without"], ["without", "without (plain)"], ["with", "with (residual)"]],
      },
      ...(later ? [{ trait: "when", label: "gradient", kind: "choice", options: TIMES.map((time) => [time, time]) }] : []),
      { trait: "layer", label: "look at convolution", min: 1, max: longest },
    ].map((options) => control(model, options)), board = h("div", { class: "d2l-controls d2l-below" }, ...measured.map(({ node }) => node));
    const adopt = ({ target }) => { if (target.matches("[data-trait=depth] select")) model.set("removed", []); };  // they were another network's
    el.addEventListener("change", adopt, true);
    const button = (text, shortcut) => h("button", { type: "button", onclick: () => remove(now().map(() => shortcut)) }, text);
    const shallow = depths[0] < nearest() ? { label: `show ${depths[0]} layers`, show: () => give(model, { depth: depths[0], removed: [] }) } : null;

    /** Bring the small network up to date; returns its numbers. */
    const showSmall = (depth) => {
      const shortcuts = without(blocksOf(depth)), relative = (norms) => norms.map((value) => value / norms.at(-1));
      const [ratios, all, none] = [shortcuts, shortcuts.map(() => true), shortcuts.map(() => false)].map((which) => relative(gradients(which)));
      const taken = shortcuts.filter((shortcut) => !shortcut).length, first = ratios[0], count = shortcuts.length;
      note.textContent = `Computed here: ${2 * count} dense layers with BatchNorm, two a block. ` +
        `${taken ? `Without ${taken === count ? "any" : taken} of the ${count} shortcuts` : "With all shortcuts"} ` +
        `the first layer's gradient is ${digits(first)} times the last's` +
        `${taken ? `; with all of them ${digits(all[0])} times` : ""}. ` +
        (taken === count ? "One path leads back to it." : `${shown(2 ** (count - taken))} paths lead back to it: each shortcut doubles their number.`);
      const aim = Number(Math.sqrt(all[0] * none[0]).toPrecision(1)), reached = first >= aim;  // halfway between all and none
      if (reached) best[count] = Math.min(best[count] ?? count, taken);
      const fewest = best[count] === 1 ? "is 1 shortcut" : `are ${best[count]} shortcuts`;
      const words = best[count] ? `${reached ? "✓ " : ""}${shown(aim)} times the last's: your fewest ${fewest}. Try other blocks: will fewer do?`
        : `A challenge: bring the first layer's gradient to ${shown(aim)} times the last's. How few shortcuts must go?`;
      if (goal.textContent !== words) goal.textContent = words;
      goal.dataset.reached = reached;
      view.show({ shortcuts, ratios, all, none, most: none[0], goal: aim, label: note.textContent });
      return { first, taken, all: all[0], none: none[0] };
    };
    const off = interactive({
      model, el, title: "What shortcuts do to the gradient",
      hint: "Click blocks, or wipe over them, to take their shortcuts away, and see how the gradient grows on its way back.",
      traits: ["when", "removed", "shortcuts", "layer"], answer: shallow, reset: () => { for (const count of Object.keys(best)) delete best[count]; },
      buttons: [button("take all away", false), button("give all back", true)],
      controls: [
        { trait: "depth", label: "layers", kind: "choice", options: depths.map((depth) => [depth, String(depth)]) },
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
        if (!stage.contains(view.node)) stage.replaceChildren(view.node, note, goal, part, board, charts);
        charts.replaceChildren(
          chart({
            lines: blocks.map(([block, run]) => ({ block, values: norms(run) })), log: true, across: "convolution",
            title: `gradient norm, ${when}`, label: `Gradient norm of each 3 × 3 convolution, ${when}, on a logarithmic scale.`, mark,
            choose: (layer) => give(model, { layer }),
          }),
          chart({
            lines: blocks.map(([block, run]) => ({ block, values: smooth(run.losses) })), log: false, across: "step",
            title: `training loss, mean of ${SMOOTH} steps`, label: "Training loss by step.",
          }),
        );
        return { say: told(depth, when, results, blocks[0]?.[1].losses.length), result: { depth, when, blocks: results, small: showSmall(depth) } };
      },
    });
    return () => {
      view.off();
      el.removeEventListener("change", adopt, true);
      for (const one of measured) one.off();
      off();
    };
  },
};
