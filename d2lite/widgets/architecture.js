// A network is a list of rows [name, label, steps]; described.py reads them off the modules. `costs` counts as in
// architecture.py: what each row puts out, its parameters, multiply–accumulates, and the bytes that it writes.

/** Side of what a pooling puts out; with `ceil` its last window may hang over, but not start outside. */
function pooled(side, kernel, stride, padding, ceil) {
  const room = side + 2 * padding - kernel;
  return (ceil ? Math.min(Math.ceil(room / stride), Math.floor((side + padding - 1) / stride)) : Math.floor(room / stride)) + 1;
}

/** [name, output shape, parameters, MACs, bytes] of each row for one image; `width` scales the convolutions. */
function costs(rows, { size, channels, classes, width }) {
  const made = [[channels, size]];
  return rows.map(([name, , steps]) => {
    let parameters = 0, macs = 0, values = 0;
    for (const [kind, back, ...numbers] of steps) {
      const [inputs, before] = made.at(-back[0]);
      let out = inputs, side = before;
      if (kind === "conv") {
        const [wide, kernel, stride, padding, bias] = numbers;
        out = wide ? Math.max(1, Math.floor(wide * width + 0.5)) : classes;
        side = Math.floor((before + 2 * padding - kernel) / stride) + 1;
        parameters += out * (inputs * kernel ** 2 + bias);
        macs += out * inputs * kernel ** 2 * side ** 2;
      } else if (kind === "linear") {
        out = numbers[0] || classes;
        side = 1;
        parameters += out * (inputs * before ** 2 + 1);
        macs += out * inputs * before ** 2;
      } else if (kind.endsWith("pool")) side = pooled(before, ...numbers);
      else if (kind === "average") side = 1;
      else if (kind === "norm") parameters += 2 * inputs;
      else if (kind === "join") out = back.reduce((sum, source) => sum + made.at(-source)[0], 0);
      made.push([out, side]);
      values += out * side ** 2;
    }
    const [out, side] = made.at(-1);
    return [name, steps[0][0] === "linear" ? [out] : [out, side, side], parameters, macs, 4 * values];
  });
}

/** A share in percent; what rounds to nothing or to all of it is not called so. */
function percent(share) {
  if (share > 0.995 && share < 1) return "over 99\u00a0%";
  if (share > 0 && share < 0.0005) return "less than 0.1\u00a0%";
  return `${shown(100 * share, share < 0.0995 ? 1 : 0)}\u00a0%`;
}

function told(title, rows, table, totals, { size }) {
  const [parameters, macs, memory] = totals;
  const counted = `${title} for images of ${size}×${size} px: ${shown(parameters)} parameters and ` +
    `${shown(macs)} multiply–accumulates (MACs); the layers write ${brief(memory)}B for one image. `;
  const linear = rows.map(([, , steps]) => steps[0][0] === "linear");
  const inHead = (column) => table.reduce((sum, row, index) => sum + (linear[index] ? row[column] : 0), 0);
  const share = inHead(2) / parameters;
  if (share > 0.3)
    return `${counted}Linear layers hold ${percent(share)} of the parameters and do ${percent(inHead(3) / macs)} of the work; convolutions do the rest.`;
  const top = (column) => table.reduce((best, row, index) => (row[column] > table[best][column] ? index : best), 0);
  const [most, busiest] = [top(2), top(3)];
  const where =
    most === busiest
      ? `Row ${table[most][0]} has both the most parameters, ${percent(table[most][2] / parameters)}, and the most work, ${percent(table[most][3] / macs)}.`
      : `The most parameters, ${percent(table[most][2] / parameters)}, are in ${table[most][0]}; ` +
        `the most work, ${percent(table[busiest][3] / macs)}, in ${table[busiest][0]}.`;
  return `${counted}${where} ${linear.includes(true) ? `Linear layers hold ${percent(share)} of the parameters.` : "There is no linear layer."}`;
}

export default {
  render({ model, el }) {
    const networks = model.get("networks");
    return interactive({
      model, el, label: "Costs of a network by block",
      controls: [
        { trait: "network", label: "network", kind: "choice", options: Object.entries(networks).map(([key, { title }]) => [key, title]) },
        { trait: "width", label: "channels ×", min: 0.25, max: 4, step: 0.25 },
        { trait: "size", label: "image, px", min: 8, max: 320 },
        { trait: "channels", label: "image's channels", min: 1, max: 4 },
        { trait: "classes", label: "classes", min: 2, max: 1000 },
      ],
      draw(stage) {
        const network = chosen(model, "network", Object.keys(networks), "vgg11");
        const setting = (trait, low, high, otherwise) => whole(model.get(trait), low, high, otherwise);
        const settings = {
          size: setting("size", 8, 320, 224), channels: setting("channels", 1, 4, 1), classes: setting("classes", 2, 1000, 10),
          width: clamp(model.get("width"), 0.25, 4, 1),
        };
        const { title, smallest, rows } = networks[network];
        if (settings.size < smallest) {
          stage.replaceChildren();
          return {
            say: `An image of ${settings.size}×${settings.size} px is too small for ${title}: the smallest size that works is ${smallest} px.`,
            result: { network, smallest },
          };
        }
        const table = costs(rows, settings), totals = [2, 3, 4].map((column) => table.reduce((sum, row) => sum + row[column], 0));
        const body = table.map(([name, shape, ...numbers], index) => [
          h("span", {}, rows[index][1], h("small", {}, name)),
          shape.join("×"),
          ...numbers.map((value, column) => barCell(value ? brief(value) : "–", value / totals[column], `var(--d2l-${column + 1})`)),
        ]);
        stage.replaceChildren(tableOf(["layers", "puts out", "parameters", "MACs", "bytes"], body));
        return {
          say: told(title, rows, table, totals, settings),
          result: { network, smallest, rows: table, parameters: totals[0], macs: totals[1], bytes: totals[2] },
        };
      },
    });
  },
};
