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
  if (share > 0.995 && share < 1) return "over 99%";
  if (share > 0 && share < 0.0005) return "less than 0.1%";
  return `${shown(100 * share, share < 0.0995 ? 1 : 0)}%`;
}

const isLinear = ([, , steps]) => steps[0][0] === "linear";

/** How many times the parameters, MACs and bytes of `plain` (channels × 1) the blocks of `table` have that are no linear layers. */
function growth(rows, table, plain) {
  const sum = (all, column) => all.reduce((total, row, index) => total + (isLinear(rows[index]) ? 0 : row[column]), 0);
  return [2, 3, 4].map((column) => sum(table, column) / sum(plain, column));
}

const times = (ratio) => `${shown(Number(ratio.toPrecision(3)), 3)}\u00a0times`;

function told(title, rows, table, totals, grown, { size, width }) {
  const [parameters, macs, memory] = totals;
  const counted = `${title} for images of ${size}×${size} px: ${shown(parameters)} parameters and ` +
    `${shown(macs)} multiply–accumulates (MACs); the layers write ${brief(memory)}B for one image. `;
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
      ? `Row ${table[most][0]} has both the most parameters, ${percent(table[most][2] / parameters)}, and the most work, ${percent(table[most][3] / macs)}.`
      : `The most parameters, ${percent(table[most][2] / parameters)}, are in ${table[most][0]}; ` +
        `the most work, ${percent(table[busiest][3] / macs)}, in ${table[busiest][0]}.`;
  return `${counted}${where} ${linear.includes(true) ? `Linear layers hold ${percent(share)} of the parameters.` : "There is no linear layer."}`;
}

const [HEIGHT, DEPTH, TRACK, FLOOR, MORPH] = [128, 0.3, 50, 186, 450];  // of a slab, its slant, a track; where slabs stand; milliseconds
const TRACKS = ["parameters", "MACs", "bytes"];
const NONE = { high: 0, thick: 0, bars: [0, 0, 0], ghosts: [0, 0, 0] };

/** A slab seen from the front left: faces that are lit differently. */
function slab(x, { high, thick }, linear) {
  const slant = DEPTH * high, left = x - (thick + slant) / 2, top = FLOOR - high, color = linear ? "var(--d2l-4)" : "var(--d2l-1)";
  const face = (d, light) => s("path", { d, fill: `color-mix(in srgb, ${color} ${light}%, white)`,
    stroke: `color-mix(in srgb, ${color} 75%, black)`, "stroke-width": 0.7, "stroke-linejoin": "round" });
  return [
    face(`M${left},${FLOOR}v${-high}h${thick}v${high}z`, 75),
    face(`M${left},${top}l${slant},${-slant}h${thick}l${-slant},${slant}z`, 40),
    face(`M${left + thick},${FLOOR}v${-high}l${slant},${-slant}v${high}z`, 95),
  ];
}

/**
 * The network from left to right: a slab for what each block puts out, and below it a bar for each of its costs. `show`
 * brings it up to date; slabs and bars move to their new sizes. `look(column)` is called as the reader goes through them.
 */
function drawing({ point, step, key }) {
  const svg = s("svg", { role: "img" }), narrow = matchMedia("(max-width: 40rem)");
  let now = [], from = [], goal = [], shownAs = null, started = 0, frame = null;
  const columnAt = ({ clientX }) => {
    const box = svg.getBoundingClientRect();
    return Math.floor(clamp((clientX - box.left) / box.width, 0, 0.9999) * goal.length);
  };
  const node = h("div", {
    class: "d2l-look", tabindex: 0, role: "application",
    onpointermove: (event) => event.pointerType !== "touch" && point(0, columnAt(event), false), onclick: (event) => point(0, columnAt(event), true),
    onkeydown: (event) => {
      key(event);
      if (!(event.key in MOVES) || isShortcut(event)) return;
      event.preventDefault();
      step(MOVES[event.key][0] + MOVES[event.key][1]);
    },
  }, svg);
  const paint = () => {
    const { titles, at, linear, tops, sides, scaled } = shownAs, width = narrow.matches ? 350 : 690, pitch = width / goal.length, roomy = pitch > 24;
    const wide = Math.min(30, pitch - 4), X = (column) => (column + 0.5) * pitch, text = (x, y, what, more = {}) => s("text", { x, y,
      "text-anchor": "middle", ...more }, what);
    const each = now.map((one, column) => {
      const x = X(Math.min(column, goal.length - 1)), bars = one.bars.flatMap((share, track) => {
        const floor = FLOOR + 46 + (track + 1) * (TRACK + 20), high = Math.max(share ? 1 : 0, share * TRACK), ghost = floor - one.ghosts[track] * TRACK;
        return [
          s("rect", { x: x - wide / 2, y: floor - high, width: wide, height: high, fill: `var(--d2l-${track + 1})` }),
          one.ghosts[track] ? s("line", { x1: x - wide / 2 - 2, x2: x + wide / 2 + 2, y1: ghost, y2: ghost, stroke: "currentColor",
            "stroke-width": 1.5, "stroke-dasharray": "3 2" }) : null,
        ];
      });
      const named = column < goal.length && (roomy || column === at) ? [text(x, FLOOR + 16, tops[column]), text(x, FLOOR + 31,
        `${sides[column]}${sides[column] && !narrow.matches ? " px" : ""}`)] : [];
      return s("g", {}, ...slab(x, one, linear[column]), ...bars.filter(Boolean), ...named);
    });
    const bottom = FLOOR + 50 + 3 * (TRACK + 20);
    fill(svg, { viewBox: `0 0 ${width} ${bottom}`, width }, []);
    svg.replaceChildren(
      s("rect", { x: X(at) - pitch / 2, y: 0, width: pitch, height: bottom, fill: "var(--d2l-line)", "fill-opacity": 0.45 }),
      ...each, ...titles.map((title, track) => s("text", { x: 2, y: FLOOR + 58 + track * (TRACK + 20), class: "d2l-halo", "font-weight": "bold" }, title)),
      s("text", { x: width - 2, y: 14, "text-anchor": "end" }, "edges: square roots of pixels and of channels"),
      ...(scaled ? [s("text", { x: width - 2, y: FLOOR + 58, "text-anchor": "end", class: "d2l-halo" }, "dashed: channels × 1")] : []),
    );
  };
  const between = (a, b, share) => (share < 1 ? a + (b - a) * share : b);
  const move = (time) => {
    const share = 1 - (1 - clamp((time - started) / MORPH, 0, 1)) ** 3, lists = (a, b) => a.map((value, index) => between(value, b[index], share));
    now = Array.from({ length: Math.max(goal.length, share < 1 ? from.length : 0) }, (_, column) => {
      const a = from[column] ?? NONE, b = goal[column] ?? NONE;
      return { high: between(a.high, b.high, share), thick: between(a.thick, b.thick, share), bars: lists(a.bars, b.bars), ghosts: lists(a.ghosts, b.ghosts) };
    });
    frame = share < 1 ? requestAnimationFrame(move) : null;
    paint();
  };
  const show = (columns, { label, ...others }) => {
    const changed = JSON.stringify(columns) !== JSON.stringify(goal);
    shownAs = others;
    svg.setAttribute("aria-label", label);
    node.setAttribute("aria-label", `${label} The arrow keys go through the blocks.`);
    if (!changed) return paint();
    [from, goal, started] = [now, columns, goal.length && !still() ? performance.now() : -MORPH];
    cancelAnimationFrame(frame);
    move(goal.length && started > 0 ? started : performance.now());
  };
  const repaint = () => paint();
  narrow.addEventListener("change", repaint);
  return { node, show, off: () => { cancelAnimationFrame(frame); narrow.removeEventListener("change", repaint); } };
}

/** What the drawing needs of each block, the image before all: edges of its slab, and its shares of each cost. */
function columnsOf(table, plain, { size, channels }, across) {
  const most = [2, 3, 4].map((column) => Math.max(...table.map((row) => row[column]), ...plain.map((row) => row[column])));
  const unit = HEIGHT / Math.sqrt(320), thin = Math.min(1, (0.8 * across) / 64);  // of edges, which are drawn as square roots
  const edges = ([wide, side = 1]) => ({ high: unit * Math.sqrt(side), thick: thin * Math.sqrt(wide) });
  const rows = table.map((row, index) => ({
    ...edges(row[1]), bars: most.map((value, column) => row[column + 2] / value),
    ghosts: most.map((value, column) => (row[column + 2] === plain[index][column + 2] ? 0 : plain[index][column + 2] / value)),
  }));
  return [{ ...NONE, ...edges([channels, size]) }, ...rows];
}

export default {
  render({ model, el }) {
    const networks = model.get("networks"), note = h("p", { class: "d2l-note" }), message = h("p", { class: "d2l-note", role: "status" });
    const list = h("details", { class: "d2l-more" }, h("summary", {}, "all blocks as a table")), place = h("div");
    let at = null, tell = () => {}, length = 1;  // the column looked at, from 0, which is the image; null: that of the most parameters
    const pin = pinned({ look: (_, column) => { at = column; tell(); }, place: () => at, changed: () => tell() });
    const view = drawing({ point: pin.point, key: pin.key, step: (by) => { at = clamp((at ?? 0) + by, 0, length - 1); tell(); } });
    list.append(place);
    const setting = (trait, low, high, otherwise) => whole(model.get(trait), low, high, otherwise);

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
        const pinned = pin.held() ? "Pinned: " : "";
        note.textContent = row
          ? `${pinned}Block ${at} of ${table.length}, ${rows[at - 1][1]}, puts out ${row[1].join("×")}: ${costs.join(", ")}. In code: ${row[0]}.`
          : `The image: ${settings.channels}×${size}×${size}, ${brief(4 * settings.channels * size ** 2)}B.`;
        view.show(columns, {
          at, titles, linear: [false, ...rows.map(isLinear)], tops: shapes.map(([wide]) => wide),
          sides: shapes.map(([, side]) => side ?? ""), scaled: settings.width !== 1, label: `${title}, block by block. ${note.textContent}`,
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
      model, el, title: "What a network costs, block by block", hint: "Each slab is what a block puts out. Point at one or tap it; choose another network.",
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
        const network = chosen(model, "network", Object.keys(networks), "vgg11"), { title, smallest, rows } = networks[network];
        const wanted = setting("size", 8, 320, 224), small = wanted < smallest;
        const settings = {
          size: Math.max(wanted, smallest), channels: setting("channels", 1, 4, 1), classes: setting("classes", 2, 1000, 10),
            width: clamp(model.get("width"), 0.25, 4, 1),
        };
        const table = costs(rows, settings), plain = costs(rows, { ...settings, width: 1 }), grown = growth(rows, table, plain);
        const totals = [2, 3, 4].map((column) => table.reduce((sum, row) => sum + row[column], 0));
        if (!stage.contains(view.node)) stage.replaceChildren(message, view.node, note, list);
        showAll(networks[network], table, plain, totals, settings);
        message.textContent = small ? `Too small: shown is the smallest image that works, ${smallest} px.` : "";
        view.node.style.opacity = small ? 0.4 : 1;
        if (small)
          return {
            say: `An image of ${wanted}×${wanted} px is too small for ${title}: the smallest size that works is ${smallest} px.`,
            result: { network, smallest },
          };
        return {
          say: told(title, rows, table, totals, grown, settings),
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
