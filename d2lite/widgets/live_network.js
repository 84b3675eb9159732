// A small network, run forward in the page. `forward` computes what `rounded(net)` in live_network.py does.

const CELLS = 120;  // of a vector, in one row
const WIDE = 530;  // pixels that the maps of a layer may take

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

/** How many places a window of this layer has along `length` pixels. */
const places = (length, { kernel_size, stride, padding }) => Math.floor((length + 2 * padding - kernel_size) / stride) + 1;

function convolution({ shape: [inputs, height, width], values }, layer) {
  const { form: [outputs], kernel_size: kernel, stride, padding, weight, bias } = layer;
  const rows = places(height, layer), columns = places(width, layer), out = new Float32Array(outputs * rows * columns);
  for (let o = 0, at = 0; o < outputs; o += 1) for (let r = 0; r < rows; r += 1) for (let c = 0; c < columns; c += 1, at += 1) {
    let sum = bias ? bias[o] : 0;
    for (let i = 0; i < inputs; i += 1) for (let a = 0; a < kernel; a += 1) {
      const y = r * stride + a - padding;
      if (y < 0 || y >= height) continue;
      for (let b = 0; b < kernel; b += 1) {
        const x = c * stride + b - padding;
        if (x >= 0 && x < width) sum += weight[((o * inputs + i) * kernel + a) * kernel + b] * values[(i * height + y) * width + x];
      }
    }
    out[at] = sum;
  }
  return { shape: [outputs, rows, columns], values: out };
}

/** Each window becomes one number: `join` takes what there is and the next value, `end` the last and how many. */
function pooling({ shape: [maps, height, width], values }, layer, start, join, end) {
  const { kernel_size: kernel, stride } = layer;
  const rows = places(height, layer), columns = places(width, layer), out = new Float32Array(maps * rows * columns);
  for (let m = 0, at = 0; m < maps; m += 1) for (let r = 0; r < rows; r += 1) for (let c = 0; c < columns; c += 1, at += 1) {
    let value = start;
    for (let a = 0; a < kernel; a += 1) for (let b = 0; b < kernel; b += 1) value = join(value, values[(m * height + r * stride + a) * width + c * stride + b]);
    out[at] = end(value, kernel * kernel);
  }
  return { shape: [maps, rows, columns], values: out };
}

function connected({ values }, { form: [outputs, inputs], weight, bias }) {
  const out = Float32Array.from({ length: outputs }, (_, o) => {
    let sum = bias ? bias[o] : 0;
    for (let i = 0; i < inputs; i += 1) sum += weight[o * inputs + i] * values[i];
    return sum;
  });
  return { shape: [outputs], values: out };
}

const each = (x, change) => ({ shape: x.shape, values: x.values.map(change) });

const LAYERS = {
  convolution,
  "fully connected": connected,
  flatten: ({ values }) => ({ shape: [values.length], values }),
  ReLU: (x) => each(x, (value) => Math.max(0, value)),
  sigmoid: (x) => each(x, (value) => 1 / (1 + Math.exp(-value))),
  tanh: (x) => each(x, Math.tanh),
  "max pooling": (x, layer) => pooling(x, layer, -Infinity, Math.max, (value) => value),
  "average pooling": (x, layer) => pooling(x, layer, 0, (sum, value) => sum + value, (sum, count) => sum / count),
};

/** What each layer puts out for a picture of bytes. */
function forward(layers, grey, { side, mean, std }) {
  let x = { shape: [1, side, side], values: Float32Array.from(grey, (value) => (value / 255 - mean) / std) };
  return layers.map((layer) => (x = LAYERS[layer.kind](x, layer)));
}

function softmax(logits) {
  const most = Math.max(...logits), powers = [...logits].map((value) => Math.exp(value - most));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

/** A file as grey bytes, `side` × `side`: whole, in the middle, its first line or column continued beside it. */
async function greyOf(file, side) {
  const picture = await createImageBitmap(file), fine = 8 * side;
  const context = Object.assign(document.createElement("canvas"), { width: fine, height: fine }).getContext("2d", { willReadFrequently: true });
  const { width, height } = picture, share = fine / Math.max(width, height);
  context.fillStyle = "#fff";
  context.fillRect(0, 0, fine, fine);
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, height > width ? 1 : width, height > width ? height : 1, 0, 0, fine, fine);
  context.drawImage(picture, (fine - width * share) / 2, (fine - height * share) / 2, width * share, height * share);
  const { data } = context.getImageData(0, 0, fine, fine), sums = new Float64Array(side * side);
  for (let at = 0; at < fine * fine; at += 1) {
    sums[Math.floor(at / fine / 8) * side + Math.floor((at % fine) / 8)] += (0.299 * data[4 * at] + 0.587 * data[4 * at + 1] + 0.114 * data[4 * at + 2]) / 64;
  }
  return Uint8Array.from(sums, Math.round);
}

/** Whether the border of a picture is light: then it is probably dark on light, unlike the data. */
function lightBorder(grey, side) {
  const border = grey.filter((_, at) => at < side || at >= side * (side - 1) || at % side === 0 || at % side === side - 1);
  return border.reduce((a, b) => a + b, 0) / border.length > 127;
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
  let low = 0, most = 0;
  for (const value of values) [low, most] = [Math.min(low, value), Math.max(most, Math.abs(value))];
  low = low < 0 ? -most : 0;
  grid.draw(rows, columns, (row, column) => {
    const map = Math.floor(row / (height + gap)) * across + Math.floor(column / (width + gap)), y = row % (height + gap), x = column % (width + gap);
    if (y === height || x === width || map >= count) return [128, 128, 128, 90];
    const shade = (255 * (values[gap ? (map * height + y) * width + x : map] - low)) / (most - low || 1);
    return [shade, shade, shade];
  }, label);
}

const percent = (share) => `${shown(100 * share, share > 0.1 ? 0 : 1)}%`;

function bars(probabilities, classes, label) {
  const guess = probabilities.indexOf(Math.max(...probabilities)), tall = 22;
  const rows = classes.flatMap((name, at) => [
    s("text", { x: 92, y: at * tall + 15, "text-anchor": "end", "font-weight": at === guess ? "bold" : null }, name),
    s("rect", { x: 98, y: at * tall + 3, width: Math.max(1, 180 * probabilities[at]), height: tall - 6, fill: at === guess ? "var(--d2l-2)" : "var(--d2l-1)" }),
    s("text", { x: 104 + 180 * probabilities[at], y: at * tall + 15 }, `${percent(probabilities[at])}${at === label ? "  ◂ label" : ""}`),
  ]);
  const told = classes.map((name, at) => `${name} ${percent(probabilities[at])}`).join(", ");
  return s("svg", { viewBox: `0 0 360 ${tall * classes.length}`, width: 360, role: "img", "aria-label": `Probabilities: ${told}.` }, ...rows);
}

/** What is built once: pictures to choose from, the picture itself to draw on, a grid for each layer. */
function build(model, data, images, outputs, layers, current) {
  const { side, classes, labels } = data, size = side * side, pen = [side >> 1, side >> 1];
  const own = (grey) => ({ own: btoa(String.fromCharCode(...grey)) });
  const dot = (row, column) => {
    const grey = current().slice(), light = (model.get("pen") !== "dark") !== (model.get("negative") === true);
    for (let y = Math.max(0, row - 1); y <= Math.min(side - 1, row + 1); y += 1) for (let x = Math.max(0, column - 1); x <= Math.min(side - 1, column + 1); x += 1) {
      const ink = y === row || x === column ? 255 : 130, at = y * side + x;
      grey[at] = light ? Math.max(grey[at], ink) : Math.min(grey[at], 255 - ink);
    }
    give(model, own(grey));
  };
  const mark = () => picture.mark([{ row: pen[0], column: pen[1] }]);
  const touched = (event) => {
    if (event.type === "pointermove" && !event.buttons) return;
    const box = picture.node.getBoundingClientRect(), from = [...pen];
    pen[0] = Math.floor(clamp((event.clientY - box.top) / box.height, 0, 0.999) * side);
    pen[1] = Math.floor(clamp((event.clientX - box.left) / box.width, 0, 0.999) * side);
    const steps = event.type === "pointermove" ? Math.max(1, Math.abs(pen[0] - from[0]), Math.abs(pen[1] - from[1])) : 1;
    if (steps === 1) picture.node.setPointerCapture(event.pointerId);
    for (let step = 1; step <= steps; step += 1) dot(...pen.map((end, axis) => Math.round(end + ((from[axis] - end) * (steps - step)) / steps)));
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
  const picture = pixels({ width: 8 * side + 2 });
  fill(picture.node, { tabindex: 0, role: "application", style: `width: ${8 * side + 2}px; touch-action: none; cursor: crosshair`, onpointerdown: touched, onpointermove: touched, onkeydown: pressed, onfocus: mark, onblur: () => picture.mark([]) }, []);
  const note = h("output");
  const take = async (file) => {
    if (!file) return;
    try {
      const grey = await greyOf(file, side);
      give(model, { ...own(grey), negative: lightBorder(grey, side) });
      note.textContent = "";
    } catch {
      note.textContent = `${file.name} is no picture that this browser can read.`;
    }
  };
  const thumbs = Array.from({ length: images.length / size }, (_, at) => {
    const small = pixels({ width: side + 10 }), name = `test image ${at + 1}${classes[labels[at]] ? `: ${classes[labels[at]]}` : ""}`;
    const grey = images.subarray(at * size, (at + 1) * size);
    small.draw(side, side, (row, column) => Array(3).fill(grey[row * side + column]), name);
    return h("button", { type: "button", style: "padding: 2px", "aria-label": name, onclick: () => give(model, { image: at, own: "", negative: false }) }, small.node);
  });
  const blank = h("button", { type: "button", onclick: () => give(model, { ...own(new Uint8Array(size)), negative: false }) }, "blank sheet");
  const file = h("input", { type: "file", accept: "image/*", style: "max-width: 100%", onchange: ({ target }) => take(target.files[0]) });
  const probabilities = h("div"), grids = outputs.map(({ shape }) => pixels({ width: layout(shape).columns * layout(shape).scale + 2 }));
  const names = layers.map(({ kind }, at) => `${kind} ${outputs[at].shape.join(" × ")}`);
  const rows = grids.map(({ node }, at) => h("div", { class: "d2l-row", style: "align-items: center; gap: 0 0.75rem; margin-top: 0.3rem" }, h("span", { style: "flex: 0 0 10rem; font-size: 0.8rem; line-height: 1.2" }, names[at]), node));
  const how = h("div", { style: "font-size: 0.8rem; line-height: 1.4" }, "Draw on it: mouse, finger, or arrow keys and space.", h("label", { style: "display: block" }, "Or drop a picture here, or choose one: ", file), note);
  const node = h("div", { ondragover: (event) => event.preventDefault(), ondrop: (event) => { event.preventDefault(); take(event.dataTransfer.files[0]); } },
    h("div", { class: "d2l-row", style: "gap: 0.3rem; margin-bottom: 0.75rem" }, ...thumbs, blank), h("div", { class: "d2l-row" }, picture.node, probabilities), how, ...rows);
  return { node, picture, thumbs, probabilities, grids, names };
}

export default {
  render({ model, el }) {
    const data = model.get("data"), layers = unpack(model.get("network")), images = bytesOf(data.images);
    const { side, classes, labels } = data, size = side * side;
    const test = () => whole(model.get("image"), 0, images.length / size - 1, 0);
    const mine = () => { const grey = bytesOf(model.get("own")); return grey.length === size ? grey : null; };
    const current = () => mine() ?? images.slice(test() * size, (test() + 1) * size);
    const numbers = layers.reduce((sum, { weight, bias }) => sum + (weight?.length ?? 0) + (bias?.length ?? 0), 0);
    let view = null;
    return interactive({
      model, el, label: "A trained network, layer by layer", traits: ["image", "own"],
      controls: [
        { trait: "pen", label: "pen", kind: "choice", options: [["light", "light"], ["dark", "dark"]] },
        { trait: "negative", label: "negative (light ↔ dark)", kind: "switch" },
      ],
      draw(stage) {
        const drawn = mine() !== null, negative = model.get("negative") === true, label = drawn ? null : labels[test()] ?? null;
        const grey = current().map((value) => (negative ? 255 - value : value));
        const begin = performance.now(), outputs = forward(layers, grey, data), milliseconds = performance.now() - begin;
        if (!view) stage.replaceChildren((view = build(model, data, images, outputs, layers, current)).node);
        const logits = [...outputs.at(-1).values], probabilities = softmax(logits), guess = probabilities.indexOf(Math.max(...probabilities));
        view.picture.draw(side, side, (row, column) => Array(3).fill(grey[row * side + column]), "The picture.");
        view.picture.node.setAttribute("aria-label", `A picture of ${side} × ${side} pixels to draw on: arrow keys move the pen, space draws a dot, shift and an arrow a line.`);
        view.thumbs.forEach((thumb, at) => thumb.setAttribute("aria-pressed", !drawn && at === test()));
        view.grids.forEach((grid, at) => paint(grid, outputs[at], view.names[at]));
        view.probabilities.replaceChildren(bars(probabilities, classes, label));
        const says = `${numbers.toLocaleString("en-US")} learned numbers turn these ${size} pixels into ${classes.length} probabilities. The largest, ${percent(probabilities[guess])}, says ${classes[guess]}`;
        const verdict = drawn || negative ? `. It knows these ${classes.length} classes and nothing else: whatever it is shown, the probabilities add up to 100%.` : label === guess ? ", and that is right." : classes[label] ? `; the label says ${classes[label]}.` : ".";
        return { say: says + verdict, result: { logits, probabilities, guess: classes[guess], milliseconds, sums: outputs.map(({ values }) => values.reduce((a, b) => a + b, 0)) } };
      },
    });
  },
};
