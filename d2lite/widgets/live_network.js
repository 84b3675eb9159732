// A small network, run forward in the page, and what it is shown: a picture to draw on, the output of each layer.

// The network: `forward` computes what `rounded(net)` in live_network.py does.

/** The layers, each with the numbers of its weight and bias. */
function unpack({ layers, steps, weights }) {
  const all = new Int8Array(bytesOf(weights).buffer);
  let at = 0, tensor = 0;
  const next = (shape) => {
    if (!shape) return null;
    const count = shape.reduce((a, b) => a * b), step = steps[tensor++];
    return Float32Array.from(all.subarray(at, (at += count)), (value) => value * step);
  };
  return layers.map((layer) => ({ ...layer, form: layer.weight, weight: next(layer.weight), bias: next(layer.bias) }));
}

/** Slides a window over maps of height × width: `value(output, top, left)` is what it gives where it stands there. */
function slide(outputs, height, width, { kernel_size: kernel, stride, padding }, value) {
  const [rows, columns] = [height, width].map((length) => Math.floor((length + 2 * padding - kernel) / stride) + 1);
  const values = Float32Array.from({ length: outputs * rows * columns }, (_, at) => {
    const row = Math.floor(at / columns) % rows, column = at % columns;
    return value(Math.floor(at / rows / columns), row * stride - padding, column * stride - padding);
  });
  return { shape: [outputs, rows, columns], values };
}

function convolution({ shape: [inputs, height, width], values }, layer) {
  const { form: [outputs], kernel_size: kernel, weight, bias } = layer;
  return slide(outputs, height, width, layer, (o, top, left) => {
    let sum = bias ? bias[o] : 0;
    for (let i = 0; i < inputs; i += 1) {
      for (let a = Math.max(0, -top); a < Math.min(kernel, height - top); a += 1) {  // the padding adds nothing
        const own = ((o * inputs + i) * kernel + a) * kernel, below = (i * height + top + a) * width + left;
        for (let b = Math.max(0, -left); b < Math.min(kernel, width - left); b += 1) sum += weight[own + b] * values[below + b];
      }
    }
    return sum;
  });
}

/** Each window becomes one number: `join` makes it of the values in the window. */
function pooling({ shape: [maps, height, width], values }, layer, join) {
  const { kernel_size: kernel } = layer, places = [...Array(kernel * kernel).keys()];
  return slide(maps, height, width, layer, (map, top, left) => (
    join(places.map((at) => values[(map * height + top + Math.floor(at / kernel)) * width + left + (at % kernel)]))
  ));
}

/** A fully connected layer: a convolution of maps that have one pixel each. */
function connected({ values }, layer) {
  const { values: out } = convolution({ shape: [values.length, 1, 1], values }, { ...layer, kernel_size: 1, stride: 1, padding: 0 });
  return { shape: [out.length], values: out };
}

const each = (x, change) => ({ shape: x.shape, values: x.values.map(change) });

const LAYERS = {
  convolution,
  "fully connected": connected,
  flatten: ({ values }) => ({ shape: [values.length], values }),
  ReLU: (x) => each(x, (value) => Math.max(0, value)),
  sigmoid: (x) => each(x, (value) => 1 / (1 + Math.exp(-value))),
  tanh: (x) => each(x, Math.tanh),
  "max pooling": (x, layer) => pooling(x, layer, (window) => Math.max(...window)),
  "average pooling": (x, layer) => pooling(x, layer, meanOf),
};

/** What each layer puts out for a picture of bytes. */
function forward(layers, grey, { side, mean, std }) {
  let x = { shape: [1, side, side], values: Float32Array.from(grey, (value) => (value / 255 - mean) / std) };
  return layers.map((layer) => (x = LAYERS[layer.kind](x, layer)));
}

function softmax(logits) {
  const powers = logits.map((value) => Math.exp(value - Math.max(...logits))), sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

// What is seen of it.

const CELLS = 120;  // of a vector, in one row
const WIDE = 530;  // pixels that the maps of a layer may take

/** A file as grey bytes, `side` × `side`: whole, in the middle, its first line or column continued beside it. */
async function greyOf(file, side) {
  const picture = await createImageBitmap(file), fine = 8 * side;
  const context = h("canvas", { width: fine, height: fine }).getContext("2d", { willReadFrequently: true });
  const { width, height } = picture, share = fine / Math.max(width, height);
  Object.assign(context, { fillStyle: "#fff", imageSmoothingQuality: "high" });
  context.fillRect(0, 0, fine, fine);
  context.drawImage(picture, 0, 0, height > width ? 1 : width, height > width ? height : 1, 0, 0, fine, fine);
  context.drawImage(picture, (fine - width * share) / 2, (fine - height * share) / 2, width * share, height * share);
  const { data } = context.getImageData(0, 0, fine, fine), sums = new Float64Array(side * side);
  const light = (at) => 0.299 * data[4 * at] + 0.587 * data[4 * at + 1] + 0.114 * data[4 * at + 2];
  for (let at = 0; at < fine * fine; at += 1) sums[Math.floor(at / fine / 8) * side + Math.floor((at % fine) / 8)] += light(at) / 64;
  return Uint8Array.from(sums, Math.round);
}

/** Whether the border of a picture is light: then it is probably dark on light, unlike the data. */
function lightBorder(grey, side) {
  const last = side - 1, onBorder = (at) => at < side || at >= side * last || at % side === 0 || at % side === last;
  return meanOf([...grey].filter((_, at) => onBorder(at))) > 127;
}

/** How the output of a layer is laid out: `count` maps of height × width with a gap between; a vector is a strip of cells. */
function layout(shape) {
  const [count, height, width] = shape.length === 1 ? [shape[0], 3, 1] : shape, gap = shape.length === 1 ? 0 : 1;
  const across = gap ? Math.min(count, Math.floor(WIDE / (width + gap))) : Math.ceil(count / Math.ceil(count / CELLS));
  const columns = across * (width + gap) - gap, rows = Math.ceil(count / across) * (height + gap) - gap;
  const scale = gap ? clamp(Math.floor(60 / height), 1, 4) : clamp(Math.floor(160 / across), 4, 12);
  return { count, height, width, gap, across, columns, rows, scale: Math.max(1, Math.min(scale, Math.floor(WIDE / columns))) };
}

/** Paints one layer's output: black is 0 where nothing is negative; else 0 is grey, and black the most negative. */
function paint(grid, { shape, values }, label) {
  const { count, height, width, gap, across, columns, rows } = layout(shape);
  const most = values.reduce((so, value) => Math.max(so, Math.abs(value)), 0), low = values.some((value) => value < 0) ? -most : 0;
  grid.draw(rows, columns, (row, column) => {
    const map = Math.floor(row / (height + gap)) * across + Math.floor(column / (width + gap));
    const y = row % (height + gap), x = column % (width + gap);
    if (y === height || x === width || map >= count) return [128, 128, 128, 90];
    const shade = (255 * (values[gap ? (map * height + y) * width + x : map] - low)) / (most - low || 1);
    return [shade, shade, shade];
  }, label);
}

const percent = (share) => `${shown(100 * share, share > 0.1 ? 0 : 1)}\u00a0%`;  // not parted at the end of a line

function bars(probabilities, classes, guess, label) {
  const tall = 22, its = guess === label ? "✓ its label" : "← its label";
  const rows = classes.flatMap((name, at) => [
    s("text", { x: 92, y: at * tall + 15, "text-anchor": "end", "font-weight": at === guess ? "bold" : null }, name),
    s("rect", { x: 98, y: at * tall + 3, width: Math.max(1, 180 * probabilities[at]), height: tall - 6, fill: `var(--d2l-${at === guess ? 2 : 1})` }),
    s("text", { x: 104 + 180 * probabilities[at], y: at * tall + 15 }, `${percent(probabilities[at])}${at === label ? `  ${its}` : ""}`),
  ]);
  const told = `Probabilities: ${classes.map((name, at) => `${name} ${percent(probabilities[at])}`).join(", ")}.`;
  return s("svg", { viewBox: `0 0 384 ${tall * classes.length}`, width: 384, role: "img", "aria-label": told }, ...rows);
}

/** The colours of a picture of bytes. */
const grey = (side, bytes) => (row, column) => Array(3).fill(bytes[row * side + column]);

/** What the pen leaves, 255 or 0, so that it is light or dark on the page: in a negative the other way round. */
const inkOf = (model) => ((model.get("pen") !== "dark") !== (model.get("negative") === true) ? 255 : 0);

/** The picture, drawn on by mouse, finger and keys; `current()` are its bytes, `own(bytes)` makes them the reader's. */
function sheet(model, side, current, own) {
  const pen = [side >> 1, side >> 1], width = 8 * side + 2, picture = pixels({ width });
  const dot = (row, column) => own(current().map((byte, at) => {
    const down = Math.abs(Math.floor(at / side) - row), right = Math.abs((at % side) - column);
    const corner = down && right ? 125 : 0;  // paler
    if (Math.max(down, right) > 1) return byte;
    return inkOf(model) ? Math.max(byte, 255 - corner) : Math.min(byte, corner);
  }));
  const mark = () => picture.mark([{ row: pen[0], column: pen[1] }]);
  const touched = (event) => {
    const moved = event.type === "pointermove", from = [...pen], box = picture.node.getBoundingClientRect();
    if (moved && !event.buttons) return;
    pen[0] = Math.floor(clamp((event.clientY - box.top) / box.height, 0, 0.999) * side);
    pen[1] = Math.floor(clamp((event.clientX - box.left) / box.width, 0, 0.999) * side);
    const steps = moved ? Math.max(1, Math.abs(pen[0] - from[0]), Math.abs(pen[1] - from[1])) : 1;
    if (steps === 1) picture.node.setPointerCapture(event.pointerId);
    for (let left = steps - 1; left >= 0; left -= 1) dot(...pen.map((end, axis) => Math.round(end + ((from[axis] - end) * left) / steps)));
    mark();
  };
  const pressed = (event) => {
    const arrow = ARROWS[event.key];
    if ((!arrow && event.key !== " ") || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    if (arrow) arrow.forEach((step, axis) => { pen[axis] = clamp(pen[axis] + step, 0, side - 1); });
    if (!arrow || event.shiftKey) dot(...pen);
    mark();
  };
  fill(picture.node, {
    tabindex: 0, role: "application", style: `width: ${width}px; touch-action: none; cursor: crosshair`,
    "aria-label": `A picture of ${side} × ${side} pixels to draw on: arrow keys move the pen, space draws a dot, shift and an arrow a line.`,
    onpointerdown: touched, onpointermove: touched, onkeydown: pressed, onfocus: mark, onblur: () => picture.mark([]),
  }, []);
  return picture;
}

/** What is built once: pictures to choose from, the picture itself to draw on, a grid for each layer. */
function build(model, { side, classes, labels }, images, outputs, layers, current) {
  const size = side * side;
  const own = (bytes, more = {}) => give(model, { own: btoa(String.fromCharCode(...bytes)), ...more });
  const picture = sheet(model, side, current, own), note = h("output", { style: "display: block; min-height: 1.4em" });
  const take = (file) => file && greyOf(file, side).then(
    (bytes) => { own(bytes, { negative: lightBorder(bytes, side) }); picture.mark([]); note.textContent = ""; },
    () => { note.textContent = `${file.name} is no picture that this browser can read.`; },
  );
  const thumbs = Array.from({ length: images.length / size }, (_, at) => {
    const { node, draw } = pixels({ width: side + 10 }), onclick = () => give(model, { image: at, own: "", negative: false });
    const name = `test image ${at + 1}${classes[labels[at]] ? `: ${classes[labels[at]]}` : ""}`;
    draw(side, side, grey(side, images.subarray(at * size)), name);
    return h("button", { type: "button", style: "padding: 2px", "aria-label": name, onclick }, node);
  });
  const empty = () => own(new Uint8Array(size), { negative: false, pen: "light" }), blank = h("button", { type: "button", onclick: empty }, "blank sheet");
  const file = h("input", { type: "file", accept: "image/*", style: "max-width: 100%", onchange: () => take(file.files[0]) });
  const probabilities = h("div"), names = layers.map(({ kind }, at) => `${kind} ${outputs[at].shape.join(" × ")}`);
  const grids = outputs.map(({ shape }) => pixels({ width: layout(shape).columns * layout(shape).scale + 2 }));
  const rows = grids.map(({ node }, at) => h("figure", { style: "margin-top: 0.4rem" }, h("figcaption", {}, names[at]), node));
  const choice = h("label", { style: "display: block" }, "Or drop a picture here, or choose one: ", file);
  const node = h("div", { class: "d2l-live" },
    h("div", { class: "d2l-row", style: "gap: 0.3rem; margin-bottom: 0.75rem" }, ...thumbs, blank),
    h("div", { class: "d2l-row" }, picture.node, probabilities),
    h("div", { style: "font-size: 0.8rem; line-height: 1.4" }, "Draw on it: mouse, finger, or arrow keys and space.", choice, note), ...rows,
  );
  return { node, take, picture, thumbs, probabilities, grids, names };
}

export default {
  render({ model, el }) {
    const data = model.get("data"), network = model.get("network"), layers = unpack(network), images = bytesOf(data.images);
    const { side, classes, labels } = data, size = side * side, numbers = bytesOf(network.weights).length;
    const test = () => whole(model.get("image"), 0, images.length / size - 1, 0);
    const mine = () => { const bytes = bytesOf(model.get("own")); return bytes.length === size ? bytes : null; };
    const current = () => mine() ?? images.slice(test() * size, (test() + 1) * size);
    let view = null;
    const off = interactive({
      model, el, label: "A trained network, layer by layer", traits: ["image", "own"],
      controls: [
        { trait: "pen", label: "pen", kind: "choice", options: [["light", "light"], ["dark", "dark"]] },
        { trait: "negative", label: "negative (light ↔ dark)", kind: "switch" },
      ],
      draw(stage) {
        const drawn = mine() !== null, negative = model.get("negative") === true, label = drawn ? null : labels[test()];
        const bytes = current().map((value) => (negative ? 255 - value : value)), outputs = forward(layers, bytes, data);
        if (!view) stage.replaceChildren((view = build(model, data, images, outputs, layers, current)).node);
        const logits = [...outputs.at(-1).values], probabilities = softmax(logits);
        const guess = probabilities.indexOf(Math.max(...probabilities)), count = classes.length;
        view.picture.draw(side, side, grey(side, bytes), "The picture.");
        view.thumbs.forEach((thumb, at) => thumb.setAttribute("aria-pressed", !drawn && at === test()));
        view.grids.forEach((grid, at) => paint(grid, outputs[at], view.names[at]));
        view.probabilities.replaceChildren(bars(probabilities, classes, guess, label));
        let verdict = classes[label] ? `; the label says ${classes[label]}.` : ".";
        if (label === guess) verdict = ", and that is right.";
        if (drawn || negative) verdict = `. It knows these ${count} classes and nothing else: whatever it is shown, the probabilities add up to 100\u00a0%.`;
        const work = `${shown(numbers)} learned numbers turn these ${size} pixels into ${count} probabilities.`;
        const ink = inkOf(model), [pen, ground, other] = model.get("pen") === "dark" ? ["dark", "black", "light"] : ["light", "white", "dark"];
        const unseen = current().every((byte) => byte === ink) ? ` The ${pen} pen leaves nothing on ${ground}: choose the ${other} one.` : "";
        const say = `${work} The largest, ${percent(probabilities[guess])}, says ${classes[guess]}${verdict}${unseen}`;
        const sums = outputs.map(({ values }) => values.reduce((a, b) => a + b));
        return { say, result: { logits, probabilities, guess: classes[guess], sums, ink } };
      },
    });
    const dropped = (event) => { event.preventDefault(); view?.take(event.dataTransfer.files[0]); };
    fill(el.firstChild, { ondragover: (event) => event.preventDefault(), ondrop: dropped }, []);  // wherever, or the browser leaves the page
    return off;
  },
};
