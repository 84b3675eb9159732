// How the numbers of a small network are shown: the maps of its layers, what one of them is made of, its answer.

const CELLS = 120;  // of a vector, in one row
const WIDE = 500;  // pixels that the maps of a layer may take
const SMALL = { wide: 168, most: 10 };  // what a number is made of

/** How an output is laid out: `count` maps of height × width with a gap between, `across` of them a row; a vector is a strip of cells. */
function layout(shape, { wide = WIDE, most = 4, across: wanted = Infinity } = {}) {
  const [count, height, width] = shape.length === 1 ? [shape[0], 3, 1] : shape, gap = shape.length === 1 ? 0 : 1;
  const fit = Math.max(1, Math.floor(wide / (width + gap)));
  const across = gap ? Math.min(count, fit, wanted) : Math.ceil(count / Math.ceil(count / Math.min(CELLS, wide >> 2)));
  const columns = across * (width + gap) - gap, rows = Math.ceil(count / across) * (height + gap) - gap;
  const scale = gap ? clamp(Math.floor(60 / height), 1, most) : clamp(Math.floor(160 / across), 4, 12);
  return { count, height, width, gap, across, columns, rows, scale: Math.max(1, Math.min(scale, Math.floor(wide / columns))) };
}

/** Paints one layer's output: black is 0 where nothing is negative; else 0 is gray, and black the most negative. */
function paint(grid, { shape, values }, label, { count, height, width, gap, across, columns, rows } = layout(shape)) {
  const most = values.reduce((so, value) => Math.max(so, Math.abs(value)), 0), low = values.some((value) => value < 0) ? -most : 0;
  grid.draw(rows, columns, (row, column) => {
    const map = Math.floor(row / (height + gap)) * across + Math.floor(column / (width + gap));
    const y = row % (height + gap), x = column % (width + gap);
    if (y === height || x === width || map >= count) return [128, 128, 128, gap ? 0 : 90];
    const shade = (255 * (values[gap ? (map * height + y) * width + x : map] - low)) / (most - low || 1);
    return [shade, shade, shade];
  }, label);
}

/** The box of an output in its plan: a frame for each map, or one around all where they are many. */
function frames({ height, width, gap, across, rows: tall, columns: long }, { maps, rows, columns }) {
  if (maps[1] - maps[0] > 40) return [{ row: 0, column: 0, rows: tall, columns: long }];
  const clip = ([first, end], most) => [Math.max(0, first), Math.min(most, end)];
  const [top, bottom] = gap ? clip(rows, height) : [0, height], [left, right] = clip(columns, width);
  return Array.from({ length: maps[1] - maps[0] }, (_, at) => maps[0] + at).map((map) => ({
    row: Math.floor(map / across) * (height + gap) + top, column: (map % across) * (width + gap) + left, rows: bottom - top, columns: right - left,
  }));
}

/** The output of layer `at`: `look([at, map, row, column])` is called with the number that the reader points at. */
function gridOf(at, { shape }, name, form, looked, look) {
  const plan = layout(shape, form), { height, width, gap, across, columns, scale, count } = plan, tall = gap ? height : 1;
  const point = (row, column) => {
    const map = Math.floor(row / (height + gap)) * across + Math.floor(column / (width + gap)), y = row % (height + gap), x = column % (width + gap);
    if (map < count && y < height && x < width) look([at, map, gap ? y : 0, x]);
  };
  const step = (down, right) => {
    const unit = looked();
    if (unit?.[0] !== at) return look([at, 0, 0, 0]);
    const [y, x] = [unit[2] + down, unit[3] + right], beside = x < 0 ? -1 : Number(x >= width), under = y < 0 ? -across : across * Number(y >= tall);
    const map = unit[1] + beside + under;
    return map >= 0 && map < count ? look([at, map, (y + tall) % tall, (x + width) % width]) : undefined;
  };
  const grid = pixels({ width: form.stretch ?? columns * scale + 2, point, step });
  return {
    at, figure: h("figure", {}, h("figcaption", {}, name), grid.node),
    draw: (output) => paint(grid, output, `${name}.`, plan), mark: (box) => grid.mark(box ? frames(plan, box) : []),
  };
}

/** What a number is made of: the numbers that it reads, their weights, and a sentence. */
function panelOf({ patch, kernel, how }, where) {
  const tile = (part, name) => {
    const grid = pixels({ width: layout(part.shape, SMALL).columns * layout(part.shape, SMALL).scale + 2 });
    paint(grid, part, `${name}, ${where}.`, layout(part.shape, SMALL));
    return h("figure", {}, h("figcaption", {}, name), grid.node);
  };
  const tiles = kernel || patch.values.length > 1 ? [tile(patch, "what it reads"), kernel && tile(kernel, "its weights")] : [];
  return h("div", { class: "d2l-unit" }, h("b", {}, where), ...tiles, h("p", {}, `${how}.`));
}

const percent = (share) => `${shown(100 * share, share > 0.1 ? 0 : 1)}%`;  // not parted at the end of a line

function bars(probabilities, classes, guess, label, { name, long, after, tall = 22 }) {
  const its = guess === label ? "✓ its label" : "← its label";
  const rows = classes.flatMap((text, at) => [
    s("text", { x: name, y: at * tall + tall - 7, "text-anchor": "end", "font-weight": at === guess ? "bold" : null }, text),
    s("rect", { x: name + 6, y: at * tall + 2, width: Math.max(1, long * probabilities[at]), height: tall - 5, fill: `var(--d2l-${at === guess ? 2 : 1})` }),
    s("text", { x: name + 12 + long * probabilities[at], y: at * tall + tall - 7 }, `${percent(probabilities[at])}${at === label ? `  ${its}` : ""}`),
  ]);
  const told = `Probabilities: ${classes.map((text, at) => `${text} ${percent(probabilities[at])}`).join(", ")}.`, width = name + long + after;
  return s("svg", { viewBox: `0 0 ${width} ${tall * classes.length}`, width, role: "img", "aria-label": told }, ...rows);
}
