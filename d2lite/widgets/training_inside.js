// The inside of a run: what its layers make of a test image, its first filters, and the last batch's mistakes.

const WHITE = [1, 1], ORANGE = [0.5, 0.1];  // green and blue, as shares of red: of numbers above and below zero
const CELL = 24;  // pixels of a map on the canvas, whatever its side

/** A canvas of `columns` × `rows` square tiles; `value(column, row)` gives the numbers of one, -1 to 1, or nothing. */
function tiles({ columns, rows, gap = 2, zoom = 1, label, value }) {
  const width = columns * (CELL + gap) - gap, height = rows * (CELL + gap) - gap;
  const canvas = h("canvas", { width, height, role: "img", "aria-label": label, style: `width: ${zoom * width}px` }), context = canvas.getContext("2d");
  const small = document.createElement("canvas"), brush = small.getContext("2d");  // a tile at its own size; the browser enlarges it
  context.imageSmoothingEnabled = false;
  for (let column = 0; column < columns; column += 1) {
    for (let row = 0; row < rows; row += 1) {
      const tile = value(column, row);
      if (!tile) continue;
      const side = Math.sqrt(tile.length), image = new ImageData(side, side);
      tile.forEach((number, at) => {
        const light = 255 * Math.abs(number), [green, blue] = number < 0 ? ORANGE : WHITE;
        image.data[4 * at] = light;
        image.data[4 * at + 1] = green * light;
        image.data[4 * at + 2] = blue * light;
        image.data[4 * at + 3] = 255;
      });
      if (small.width !== side) [small.width, small.height] = [side, side];
      brush.putImageData(image, 0, 0);
      context.drawImage(small, column * (CELL + gap), row * (CELL + gap), CELL, CELL);
    }
  }
  return canvas;
}

/** The maps of each layer as a strip of film: a column a layer, the picture itself first. */
function film(picture, layers) {
  const most = Math.max(...layers.map(({ channels }) => channels));
  const canvas = tiles({
    columns: layers.length + 1, rows: most,
    label: `${most} maps of each of ${layers.length} layers, first to last; white is positive, orange negative, black zero.`,
    value(column, row) {
      if (!column) return row ? null : picture;
      const { side, channels, values } = layers[column - 1];
      return row < channels ? Float32Array.from(values.subarray(row * side * side, (row + 1) * side * side), (value) => value / 127) : null;
    },
  });
  const told = "the image, then some maps of each layer, first to last; each layer is as bright as its largest number allows";
  return h("figure", { class: "d2l-film" }, canvas, h("figcaption", {}, told));
}

function filters(weights) {
  const count = weights.length / 9, most = Math.max(...Array.from(weights, Math.abs)) || 1;
  const kernel = (which) => (which < count ? Float32Array.from(weights.subarray(9 * which, 9 * which + 9), (weight) => weight / most) : null);
  const canvas = tiles({
    columns: Math.min(4, count), rows: Math.ceil(count / 4), gap: 3, zoom: 1.5, value: (column, row) => kernel(4 * row + column),
    label: `The ${count} kernels of the first layer; white is positive, orange negative.`,
  });
  return h("figure", {}, h("figcaption", {}, "first filters"), canvas);
}

/** The probabilities of the classes as bars; the true one, if it is known, has a tick. */
function chances(probabilities, classes, label) {
  const top = probabilities.indexOf(Math.max(...probabilities)), told = (share) => `${Math.round(100 * share)}%`;
  const rows = classes.flatMap((name, at) => [
    s("text", { x: 12, y: at * 15 + 12, "text-anchor": "end", "font-weight": at === top ? 700 : null }, name),
    s("rect", { x: 18, y: at * 15 + 3, width: Math.max(1, 90 * (probabilities[at] || 0)), height: 10, fill: `var(--d2l-${at === label ? 3 : 2})` }),
    at === label ? s("text", { x: 24 + 90 * (probabilities[at] || 0), y: at * 15 + 12 }, "✓") : null,
  ].filter(Boolean));
  const spoken = classes.map((name, at) => `${name} ${told(probabilities[at])}`).join(", "), truth = label === null ? "" : ` It is a ${classes[label]}.`;
  return s("svg", { viewBox: "0 0 130 152", width: 130, role: "img", "aria-label": `Probabilities: ${spoken}.${truth}` }, ...rows);
}

/** Images of the last batch that were taken for something else. */
function mistakes(wrong, batch, pictureOf, classes) {
  const some = wrong.slice(0, 8).map(({ image, guess, label }) => h(
    "figure", { class: "d2l-mistake" },
    tiles({ columns: 1, rows: 1, label: `A ${classes[label]}, taken for a ${classes[guess]}.`, value: () => pictureOf(image) }),
    h("figcaption", {}, `${classes[label]} → ${classes[guess]}`),
  ));
  const told = `mistakes in the last batch: ${batch ? `${wrong.length} of ${batch} (label → guess)` : "it has seen none yet"}`;
  return h("figure", {}, h("figcaption", {}, told), h("div", { class: "d2l-mistakes" }, ...some));
}

/** All but the picture itself. `pictures` are functions that give a training or test image, -1 to 1. */
function inside({ seen, pictures, labels, classes }) {
  return {
    strip: film(seen.drawn ?? pictures.test(seen.image), seen.layers),
    others: [
      h("figure", {}, h("figcaption", {}, "its guess"), chances([...seen.probabilities], classes, seen.drawn ? null : labels[seen.image])),
      filters(seen.filters),
      mistakes(seen.wrong, seen.batch, pictures.train, classes),
    ],
  };
}
