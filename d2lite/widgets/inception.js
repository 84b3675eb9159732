// What an inception block costs by branch; `branches` counts as in inception.py, without BatchNorm, biases included.

const BRANCHES = ["1×1", "3×3", "5×5", "pool"];
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

/** The output's channels as a strip, each branch as wide as its share; its key stands below, where a narrow branch has no room. */
function strip(rows, total) {
  const colour = (index) => `background: var(--d2l-${index + 1})`;
  const parts = rows.map(([out], index) => h("div", { style: `flex: ${out} 1 0; min-width: 1px; height: 1.1rem; ${colour(index)}` }));
  const key = rows.map(([out], index) =>
    h("small", {}, h("span", { style: `display: inline-block; width: 0.7em; height: 0.7em; ${colour(index)}` }), ` ${BRANCHES[index]}: ${out}`),
  );
  return h(
    "div",
    {
      role: "img", "aria-label": `Channels out, ${total} in all: ${rows.map(([out], index) => `${BRANCHES[index]} ${out}`).join(", ")}.`,
      style: "margin-bottom: 0.4rem",
    },
    h("div", { style: "display: flex; gap: 2px" }, ...parts),
    h("div", { class: "d2l-key", style: "display: flex; flex-wrap: wrap; gap: 0 1rem; margin-top: 0.2rem" }, ...key),
  );
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
    const off = interactive({
      model, el, label: "Budgets of an inception block",
      controls: [{ trait: "block", label: "block", kind: "choice", options: [...Object.keys(blocks), OWN].map((name) => [name, name]) }, ...CONTROLS],
      draw(stage) {
        const values = read(), block = Object.entries(blocks).find(([, published]) => fits(values, published))?.[0] ?? OWN;
        if (block !== model.get("block")) model.set("block", block);
        const rows = branches(values), totals = rows[0].map((_, column) => rows.reduce((sum, row) => sum + row[column], 0));
        const layers = [
          `1×1 to ${values.c1}`, `1×1 to ${values.r2}, 3×3 to ${values.c2}`, `1×1 to ${values.r3}, 5×5 to ${values.c3}`,
          `3×3 max-pooling, 1×1 to ${values.c4}`,
        ];
        const most = Math.max(...rows.flatMap((row) => [row[1], row[3]]));
        const table = rows.map(([out, parameters, macs, plain], index) => [
          h("span", {}, BRANCHES[index], h("small", {}, layers[index])), out,
          ...[parameters, plain].map((count) => barCell(shown(count), count / most, `var(--d2l-${index + 1})`)), shown(macs),
        ]);
        table.push(["block", ...[totals[0], totals[1], totals[3], totals[2]].map((count) => shown(count))]);
        stage.replaceChildren(strip(rows, totals[0]), tableOf(["branch", "out", "parameters", "without reduction", "MACs"], table));
        return { say: told(block, rows, totals, values), result: { block, rows, totals } };
      },
    });
    return () => {
      model.off("change:block", publish);
      off();
    };
  },
};
