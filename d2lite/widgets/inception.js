// What an inception block costs by branch, shown by a race; `branches` counts as in inception.py, without BatchNorm, biases included.

const OWN = "your own";
const CONTROLS = [
  { trait: "in_channels", label: "channels in", min: 16, max: 1024, step: 16, start: 480 },
  { trait: "size", label: "map, px", min: 1, max: 56, step: 1, start: 6 },
  { trait: "c1", label: "1×1", start: 192 },
  { trait: "r2", label: "1×1 before the 3×3", start: 96 },
  { trait: "c2", label: "3×3", start: 208 },
  { trait: "r3", label: "1×1 before the 5×5", start: 16 },
  { trait: "c3", label: "5×5", start: 48 },
  { trait: "c4", label: "1×1 after the pooling", start: 64 },
].map((control) => ({ min: 8, max: 512, step: 8, ...control }));

/** [channels out, parameters, MACs, parameters without reduction, MACs without] of each branch. */
function branches({ in_channels, c1, r2, c2, r3, c3, c4, size }) {
  const cost = (convolutions) => {
    const weights = convolutions.reduce((sum, [from, to, kernel]) => sum + from * to * kernel ** 2, 0);
    return [weights + convolutions.reduce((sum, [, to]) => sum + to, 0), weights * size ** 2];
  };
  const row = (out, plain, reduced = plain) => [out, ...cost(reduced), ...cost(plain)];
  return [
    row(c1, [[in_channels, c1, 1]]),
    row(c2, [[in_channels, c2, 3]], [[in_channels, r2, 1], [r2, c2, 3]]),
    row(c3, [[in_channels, c3, 5]], [[in_channels, r3, 1], [r3, c3, 5]]),
    row(c4, [[in_channels, c4, 1]]),
  ];
}

const OUT = ["c1", "c2", "c3", "c4"];  // what the four branches put out, in their order

/**
 * The output's channels as a strip, each branch as wide as its share; its key stands below, where a narrow branch has no
 * room. An edge is dragged: what one branch loses, the next one gets. The sliders under *more* do the same by keyboard.
 */
function strip(model, read) {
  const node = h("div", { class: "d2l-outputs" });
  const move = ({ clientX }, { edge, before, start }) => {
    const [one, other] = [OUT[edge], OUT[edge + 1]], sum = before[one] + before[other];
    const channels = OUT.reduce((all, trait) => all + before[trait], 0), moved = ((clientX - start) / node.firstChild.offsetWidth) * channels;
    const to = clamp(8 * Math.round((before[one] + moved) / 8), Math.max(8, sum - 512), Math.min(512, sum - 8));
    give(model, { [one]: to, [other]: sum - to });
  };
  const take = (event) => {
    const edge = event.target.dataset.edge;
    if (edge === undefined) return null;
    event.preventDefault();
    return { edge: Number(edge), before: read(), start: event.clientX };
  };
  const undo = ({ before }) => give(model, Object.fromEntries(OUT.map((trait) => [trait, before[trait]])));
  fill(node, dragged({ take, move, undo }), []);
  return { node, draw: (rows, total) => node.replaceChildren(...outputs(rows, total)) };
}

/** The strip and its key, with a handle on each inner edge. */
function outputs(rows, total) {
  const color = (index) => `background: var(--d2l-${index + 1})`;
  const parts = rows.map(([out], index) => h("div", { style: `flex: ${out} 1 0; min-width: 1px; ${color(index)}` }));
  const key = rows.map(([out], index) =>
    h("small", {}, h("span", { style: `display: inline-block; width: 0.7em; height: 0.7em; ${color(index)}` }), ` ${BRANCHES[index]}: ${out}`),
  );
  const ends = rows.map((_, index) => rows.slice(0, index + 1).reduce((sum, [out]) => sum + out, 0) / total).slice(0, -1);
  const handles = ends.map((end, index) => h("div", { class: "d2l-handle", style: `left: ${100 * end}%`, "data-edge": index,
    title: `${BRANCHES[index]} | ${BRANCHES[index + 1]}` }));
  const label = `Channels out, ${total} in all: ${rows.map(([out], index) => `${BRANCHES[index]} ${out}`).join(", ")}.`;
  return [
    h("div", { class: "d2l-strip", role: "img", "aria-label": label }, ...parts, ...handles),
    h("div", { class: "d2l-key", style: "display: flex; flex-wrap: wrap; gap: 0 1rem; margin-top: 0.2rem" }, ...key),
  ];
}

function told(block, rows, [out, parameters, macs, plain], { in_channels, size, r2, r3 }) {
  const times = (a, b) => (a / b < 1.05 ? "hardly more" : `${shown(a / b, a / b < 9.95 ? 1 : 0)} times as many`);
  const what = block === OWN ? "A setting of your own" : `Block ${block} as published`;
  const counted = `${what}: ${shown(in_channels)} channels in, ${shown(out)} out, ` +
    `${shown(parameters)} parameters, ${shown(macs)} multiply–accumulates (MACs) on a map of ${size}×${size}. `;
  const dear = [[1, r2], [2, r3]]
    .filter(([index]) => rows[index][1] >= rows[index][3])
    .map(([index, width]) => `before the ${BRANCHES[index]} kernel the 1×1 convolution to ${width} channels saves nothing`);
  if (dear.length) return `${counted}Without the reductions: ${shown(plain)} parameters. Mind: ${dear.join(", and ")}.`;
  return `${counted}Without the reductions it would have ${shown(plain)} parameters, ${times(plain, parameters)}; ` +
    `its 5×5 branch alone ${times(rows[2][3], rows[2][1])}.`;
}

/** What the drawing shows, for whoever does not see it. */
function pictured({ in_channels, c1, r2, c2, r3, c3, c4 }, plain) {
  const [three, five] = [[r2, c2], [r3, c3]].map(([waist, out]) => (plain ? `${out}` : `${waist}, then ${out}`));
  return `Four funnels, each from ${in_channels} channels: 1×1 to ${c1}; 3×3 to ${three}; 5×5 to ${five}; pooling, then 1×1 to ${c4}.`;
}

/** How far the image is, and who is waited for. */
function raced(rows, { plain, time }, shares) {
  const macs = rows.map((row) => row[plain ? 4 : 2]), last = macs.indexOf(Math.max(...macs));
  const without = plain ? " without the 1×1 convolutions before" : "";
  if (time < Infinity) return `Ready${without}: ${BRANCHES.filter((_, index) => shares[index] === 1).join(", ") || "none yet"}.`;
  return `Run side by side${without}, the ${BRANCHES[last]} branch would be last: ${brief(macs[last])} MACs. (The maps are examples.)`;
}

const FRAME = 1 / 30;  // of the show, in seconds

export default {
  render({ model, el }) {
    const blocks = model.get("blocks");
    const read = () => Object.fromEntries(CONTROLS.map(({ trait, min, max, start }) => [trait, whole(model.get(trait), min, max, start)]));
    const fits = (values, published) => Object.entries(published).every(([trait, value]) => trait === "size" || values[trait] === value);
    const publish = () => {  // unless it was these channels that made the name: then the map is kept
      const published = blocks[model.get("block")] ?? {};
      if (!fits(read(), published)) for (const [trait, value] of Object.entries(published)) model.set(trait, value);
    };
    model.on("change:block", publish);  // before the controls and the drawing hear of it
    const show = { plain: false, time: Infinity, lit: null };  // of the image that is sent, in seconds, and of the branch that is pointed at
    let again = () => {}, key = null;
    const widen = (trait, channels) => give(model, { [trait]: clamp(8 * Math.round(channels / 8), 8, 512) });
    const light = (branch) => {
      if (show.lit === branch) return;
      show.lit = branch;
      again();
    };
    const view = block({ read, widen, restore: (before) => give(model, before), light });
    const send = (plain) => player({
      label: plain ? "without the reductions" : "send an image", every: 1000 * FRAME,
      tick() {
        if (show.plain !== plain || show.time === Infinity) {
          others(plain).stop();
          Object.assign(show, { plain, time: 0 });
        }
        const { size } = read(), longest = Math.max(...spans(branches(read()), size, plain));
        show.time = show.time + FRAME < longest ? show.time + FRAME : Infinity;
        again();
        return show.time < Infinity;
      },
    });
    const senders = [send(false), send(true)], others = (plain) => senders[plain ? 0 : 1];
    const stop = () => {
      for (const sender of senders) sender.stop();
      Object.assign(show, { plain: false, time: Infinity });
    };
    const note = h("p", { class: "d2l-note d2l-race" });
    const bar = strip(model, read), costs = h("div"), board = ["r3"];
    const off = interactive({
      model, el, title: "What each branch of an inception block costs",
      hint: "Drag a waist, or an edge of the bar below. Then send an image: each branch is as quick as its multiplications allow.",
      buttons: senders.map(({ node }) => node), reset: stop,
      controls: [
        { trait: "block", label: "block", kind: "choice", options: [...Object.keys(blocks), OWN].map((name) => [name, name]) },
        ...board.map((name) => CONTROLS.find(({ trait }) => trait === name)),
      ],
      more: CONTROLS.filter(({ trait }) => !board.includes(trait)),
      answer: { label: "show 64 before the 5×5", show: () => {
        stop();
        give(model, { r3: 64 });
        again();
      } },
      draw(stage) {
        const values = read(), block = Object.entries(blocks).find(([, published]) => fits(values, published))?.[0] ?? OWN;
        if (block !== model.get("block")) model.set("block", block);
        el.querySelector("[data-trait=block] option:last-child").disabled = block !== OWN;  // by channels alone, not by its name
        const rows = branches(values), totals = rows[0].map((_, column) => rows.reduce((sum, row) => sum + row[column], 0));
        if (key !== null && key !== JSON.stringify(values)) stop();  // the race was that of another block
        key = JSON.stringify(values);
        if (show.time === Infinity) show.plain = false;
        const most = Math.max(...rows.flatMap((row) => [row[1], row[3]]));
        const table = rows.map(([out, parameters, macs, plain], index) => [
          BRANCHES[index], out,
          ...[parameters, plain].map((count) => barCell(shown(count), count / most, `var(--d2l-${index + 1})`)), brief(macs),
        ]);
        table.push(["block", shown(totals[0]), shown(totals[1]), shown(totals[3]), brief(totals[2])]);
        bar.draw(rows, totals[0]);
        if (bar.node.parentNode !== stage) stage.replaceChildren(view.node, bar.node, note, costs);  // they stay while one drags
        costs.replaceChildren(tableOf(["branch", "out", "parameters", "without reduction", "MACs"], table));
        again = () => {
          const all = spans(rows, values.size, show.plain), shares = all.map((span) => Math.min(1, show.time / span));
          view.draw(values, { plain: show.plain, shares, lit: show.lit, label: pictured(values, show.plain) });
          note.textContent = raced(rows, show, shares);
          [...costs.querySelectorAll("tbody tr")].forEach((row, index) => row.classList.toggle("d2l-lit", index === show.lit));
        };
        again();
        return { say: told(block, rows, totals, values), result: { block, rows, totals } };
      },
    });
    return () => {
      stop();
      view.off();
      model.off("change:block", publish);
      off();
    };
  },
};
