// A network is a list of rows [name, label, steps]; described.py reads them off the modules. `costs` counts as in
// architecture.py: what each row puts out, its parameters, multiply–accumulates, and the bytes that it writes.

/** Side of what a pooling puts out; with `ceil` its last window may hang over, but not start outside. */
function pooled(side, kernel, stride, padding, ceil) {
  const room = side + 2 * padding - kernel;
  return (ceil ? Math.min(Math.ceil(room / stride), Math.floor((side + padding - 1) / stride)) : Math.floor(room / stride)) + 1;
}

/** [name, output shape, parameters, MACs, bytes] of each row for one image; `width` scales the convolutions, `own` a row. */
function costs(rows, { size, channels, classes, width, own = [] }) {
  const made = [[channels, size]];
  return rows.map(([name, , steps], row) => {
    const mine = own[row] ?? 1;
    let parameters = 0, macs = 0, values = 0;
    for (const [kind, back, ...numbers] of steps) {
      const [inputs, before] = made.at(-back[0]);
      let out = inputs, side = before;
      if (kind === "conv") {
        const [wide, kernel, stride, padding, bias] = numbers;
        out = wide ? Math.max(1, Math.floor(wide * width * mine + 0.5)) : classes;
        side = Math.floor((before + 2 * padding - kernel) / stride) + 1;
        parameters += out * (inputs * kernel ** 2 + bias);
        macs += out * inputs * kernel ** 2 * side ** 2;
      } else if (kind === "linear") {
        out = numbers[0] ? Math.max(1, Math.floor(numbers[0] * mine + 0.5)) : classes;
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
  if (share > 0.995 && share < 1) return "over 99%";
  if (share > 0 && share < 0.0005) return "less than 0.1%";
  return `${shown(100 * share, share < 0.0995 ? 1 : 0)}%`;
}

const isLinear = ([, , steps]) => steps[0][0] === "linear";

/** A block as people speak of it, with its name in code. */
const named = (rows, row) => `block ${row + 1} (${rows[row][1]}; ${rows[row][0]} in code)`;

/** Whether a network adds maps, which must then be alike: its blocks cannot change one at a time. */
const adds = (rows) => rows.some(([, , steps]) => steps.some(([kind, back]) => kind === "same" && back.length > 1));

/** Whether a row has a width that one may change: those that put out the classes have none. */
const isFree = ([, , steps]) => steps.some(([kind, , wide]) => (kind === "conv" || kind === "linear") && wide);

/** What to reach by dragging, against the published network, and whether it is: [text, reached]. */
function challenge(rows, [parameters, macs], published) {
  const inHead = rows.reduce((sum, row, index) => sum + (isLinear(row) ? published.table[index][2] : 0), 0);
  const [least, most] = [parameters / published.totals[0], macs / published.totals[1]];
  if (inHead > published.totals[0] / 2) {
    const done = least <= 0.25 && most >= 0.9;
    return [done ? "✓ A quarter of the parameters does nine tenths of the work, and more: the linear layers held the rest."
      : "A challenge: keep a quarter of the parameters at most, and nine tenths of the work at least.", done];
  }
  const done = least >= 0.99 && most <= 0.5;
  return [done ? "✓ Half of the work, with all the parameters: kernels know nothing of the image’s size."
    : "A challenge: do half of the work at most, and keep all the parameters.", done];
}

/** How many times the parameters, MACs and bytes of `plain` (channels × 1) the blocks of `table` have that are no linear layers. */
function growth(rows, table, plain) {
  const sum = (all, column) => all.reduce((total, row, index) => total + (isLinear(rows[index]) ? 0 : row[column]), 0);
  return [2, 3, 4].map((column) => sum(table, column) / sum(plain, column));
}

const times = (ratio) => `${shown(Number(ratio.toPrecision(3)), 3)}\u00a0times`;

function told(title, rows, table, totals, grown, { size, width, own }, published) {
  const [parameters, macs, memory] = totals;
  const counted = `${title} for images of ${size}×${size} px: ${shown(parameters)} parameters and ` +
    `${shown(macs)} multiply–accumulates (MACs); the layers write ${brief(memory)}B for one image. `;
  if (own.some((factor) => factor !== 1))
    return `${counted}That is ${times(parameters / published[0])} the parameters and ${times(macs / published[1])} the work of the published network.`;
  const linear = rows.map(isLinear);
  if (width !== 1)
    return `${counted}With ${shown(width, 2)} times the channels, the blocks of convolutions have ${times(grown[0])} the parameters and ` +
      `${times(grown[1])} the work, and write ${times(grown[2])} the bytes.`;
  const inHead = (column) => table.reduce((sum, row, index) => sum + (linear[index] ? row[column] : 0), 0);
  const share = inHead(2) / parameters;
  if (share > 0.3)
    return `${counted}Linear layers hold ${percent(share)} of the parameters and do ${percent(inHead(3) / macs)} of the work; convolutions do the rest.`;
  const top = (column) => table.reduce((best, row, index) => (row[column] > table[best][column] ? index : best), 0);
  const [most, busiest] = [top(2), top(3)];
  const where =
    most === busiest
      ? `The most parameters, ${percent(table[most][2] / parameters)}, and the most work, ${percent(table[most][3] / macs)}, are in ${named(rows, most)}.`
      : `The most parameters, ${percent(table[most][2] / parameters)}, are in ${named(rows, most)}; ` +
        `the most work, ${percent(table[busiest][3] / macs)}, in ${named(rows, busiest)}.`;
  return `${counted}${where} ${linear.includes(true) ? `Linear layers hold ${percent(share)} of the parameters.` : "There is no linear layer."}`;
}

const sums = (table) => [2, 3, 4].map((column) => table.reduce((sum, row) => sum + row[column], 0));

export default {
  render({ model, el }) {
    const networks = model.get("networks"), note = h("p", { class: "d2l-note" }), message = h("p", { class: "d2l-note", role: "status" });
    const list = h("details", { class: "d2l-more" }, h("summary", {}, "all blocks as a table")), place = h("div");
    const goal = h("p", { class: "d2l-goal", role: "status" });
    let at = null, tell = () => {}, length = 1;  // the column looked at, from 0, which is the image; null: that of the most parameters
    const pin = pinned({ look: (_, column) => { at = column; tell(); }, place: () => at, changed: () => tell() });
    const setting = (trait, low, high, otherwise) => whole(model.get(trait), low, high, otherwise);
    const chosenNetwork = () => chosen(model, "network", Object.keys(networks), "vgg11"), factors = (network) => model.get("own")?.[network] ?? [];
    const view = drawing({
      point: pin.point, key: pin.key, step: (by) => { at = clamp((at ?? 0) + by, 0, length - 1); tell(); },
      grab(column = at) {  // what a drag of this slab changes: the image's size, the block's own width, or that of all blocks
        const network = chosenNetwork(), { rows } = networks[network];
        if (column === 0) return setting("size", 8, 320, 224);
        if (adds(rows)) return clamp(model.get("width"), 0.25, 4, 1);
        return isFree(rows[column - 1]) ? factors(network)[column - 1] ?? 1 : null;
      },
      drag(from, right, up, column = at) {
        const network = chosenNetwork(), { rows } = networks[network];
        at = column;
        if (column === 0) return give(model, { size: clamp(Math.round(from * 2 ** ((right + up) / 120)), 8, 320) });
        if (adds(rows)) return give(model, { width: clamp(Math.round(4 * from + right / 15) / 4, 0.25, 4) });
        const own = rows.map((_, row) => factors(network)[row] ?? 1);
        own[column - 1] = clamp(2 ** (Math.round(4 * Math.log2(from) + right / 15) / 4), 1 / 16, 4);
        return give(model, { own: { ...model.get("own"), [network]: own } });
      },
    });
    if (!model.get("own")) give(model, { own: {} });  // factors of the reader, by network; there is something to go back to
    const start = { size: setting("size", 8, 320, 224), width: 1 };
    list.append(place);

    /** Bring drawing, note and table up to date; they show the smallest image where the reader's is too small. */
    const showAll = ({ title, rows }, table, plain, totals, settings) => {
      length = table.length + 1;
      const columns = columnsOf(table, plain, settings, (matchMedia("(max-width: 40rem)").matches ? 350 : 690) / length);
      const shapes = [[settings.channels, settings.size], ...table.map(([, shape]) => shape)];
      const titles = totals.map((total, track) => `${TRACKS[track]} ${brief(total)}${track === 2 ? "B" : ""}`);
      tell = () => {
        const most = 1 + table.reduce((best, row, index) => (row[2] > table[best][2] ? index : best), 0);
        at = at === null || at >= length ? most : at;
        const row = table[at - 1], size = settings.size;
        const costs = row && row.slice(2).map((value, track) => {
          const unit = ["\u00a0parameters", "\u00a0MACs", value < 1000 ? "\u00a0B written" : "B written"][track];
          return `${brief(value).replace(" ", "\u00a0")}${unit} (${percent(value / totals[track])})`;
        });
        const pinned = pin.held() ? "Pinned: " : "", was = row && plain[at - 1][1].join("×"), now = row?.[1].join("×");
        const together = settings.width !== 1 && adds(rows) ? " Its blocks add their maps, so all of them change together." : "";
        note.textContent = row
          ? `${pinned}Block ${at} of ${table.length}, ${rows[at - 1][1]}, puts out ${now}${was === now ? "" : ` (published: ${was})`}: ` +
            `${costs.join(", ")}. In code: ${row[0]}.${together}`
          : `The image: ${settings.channels}×${size}×${size}, ${brief(4 * settings.channels * size ** 2)}B.`;
        view.show(columns, {
          at, titles, linear: [false, ...rows.map(isLinear)], tops: shapes.map(([wide]) => wide), grip: at === 0 || adds(rows) || isFree(rows[at - 1]),
          sides: shapes.map(([, side]) => side ?? ""), dashed: table.some((row, index) => row.join() !== plain[index].join()),
          label: `${title}, block by block. ${note.textContent}`,
        });
      };
      tell();
      const body = table.map(([name, shape, ...numbers], index) => [
        h("span", {}, rows[index][1], h("small", {}, name)), shape.join("×"),
        ...numbers.map((value, column) => barCell(value ? brief(value) : "–", value / totals[column], `var(--d2l-${column + 1})`)),
      ]);
      place.replaceChildren(tableOf(["layers", "puts out", ...TRACKS], body));
    };

    const off = interactive({
      model, el, title: "What a network costs, block by block", traits: ["own"],
      hint: "Each slab is what a block puts out. Point at one, and drag it wider or narrower; the first one is the image.",
      answer: { label: "show twice the channels", show: () => give(model, { width: 2 }) }, reset: () => { at = null; pin.release(); },
      controls: [
        { trait: "network", label: "network", kind: "choice", options: Object.entries(networks).map(([key, { title }]) => [key, title]) },
        { trait: "width", label: "channels ×", min: 0.25, max: 4, step: 0.25 },
        { trait: "size", label: "image, px", min: 8, max: 320 },
      ],
      more: [
        { trait: "channels", label: "image's channels", min: 1, max: 4 },
        { trait: "classes", label: "classes", min: 2, max: 1000 },
      ],
      draw(stage) {
        const network = chosenNetwork(), { title, smallest, rows } = networks[network];
        const wanted = setting("size", 8, 320, 224), small = wanted < smallest, own = factors(network);
        const settings = {
          size: Math.max(wanted, smallest), channels: setting("channels", 1, 4, 1), classes: setting("classes", 2, 1000, 10),
            width: clamp(model.get("width"), 0.25, 4, 1), own,
        };
        const table = costs(rows, settings), plain = costs(rows, { ...settings, width: 1, own: [] }), grown = growth(rows, table, plain);
        const published = costs(rows, { ...settings, ...start, size: Math.max(start.size, smallest), own: [] }), totals = sums(table);
        if (!stage.contains(view.node)) stage.replaceChildren(message, view.node, note, goal, list);
        showAll(networks[network], table, plain, totals, settings);
        message.textContent = small ? `Too small: shown is the smallest image that works, ${smallest} px.` : "";
        view.node.style.opacity = small ? 0.4 : 1;
        const [aim, reached] = small ? ["", false] : challenge(rows, totals, { table: published, totals: sums(published) });
        if (goal.textContent !== aim) goal.textContent = aim;
        goal.dataset.reached = reached;
        if (small)
          return {
            say: `An image of ${wanted}×${wanted} px is too small for ${title}: the smallest size that works is ${smallest} px.`,
            result: { network, smallest },
          };
        return {
          say: told(title, rows, table, totals, grown, settings, sums(plain)),
          result: { network, smallest, rows: table, parameters: totals[0], macs: totals[1], bytes: totals[2], grown },
        };
      },
    });
    return () => {
      view.off();
      off();
    };
  },
};
