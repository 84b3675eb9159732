// A small network, run forward in the page: `forward` computes what `rounded(net)` in live_network.py does.

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

/** What each layer puts out for a picture of numbers from 0 to 255. */
function forward(layers, gray, { side, mean, std }) {
  let x = { shape: [1, side, side], values: Float32Array.from(gray, (value) => (value / 255 - mean) / std) };
  return layers.map((layer) => (x = LAYERS[layer.kind](x, layer)));
}

function softmax(logits) {
  const powers = logits.map((value) => Math.exp(value - Math.max(...logits))), sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

// What a number of a layer is made of.

/** The box of its input { maps, rows, columns: [first, end] } that a box of a layer's output is computed from. */
function below({ kind, kernel_size: kernel, stride, padding }, [maps, height = 1, width = 1], box) {
  const all = { maps: [0, maps], rows: [0, height], columns: [0, width] };
  if (kind === "fully connected") return all;
  if (kind === "flatten") {
    const at = box.maps[0], row = Math.floor(at / width) % height, map = Math.floor(at / width / height);
    return box.maps[1] - at > 1 ? all : { maps: [map, map + 1], rows: [row, row + 1], columns: [at % width, (at % width) + 1] };
  }
  if (!kernel) return box;
  const window = ([first, end]) => [first * stride - padding, (end - 1) * stride - padding + kernel];
  return { maps: kind === "convolution" ? all.maps : box.maps, rows: window(box.rows), columns: window(box.columns) };
}

/** The numbers of an output in a box; beyond its border they are 0. */
function inside({ shape: [, height = 1, width = 1], values }, { maps, rows, columns }) {
  const range = ([first, end]) => Array.from({ length: end - first }, (_, at) => first + at);
  const there = (row, column) => row >= 0 && column >= 0 && row < height && column < width;
  const value = (map, row, column) => (there(row, column) ? values[(map * height + row) * width + column] : 0);
  const all = range(maps).flatMap((map) => range(rows).flatMap((row) => range(columns).map((column) => value(map, row, column))));
  return { shape: [maps, rows, columns].map(([first, end]) => end - first), values: Float32Array.from(all) };
}

/** All about one number: what it reads, its kernel, what comes out, and the box of the picture that it depends on. */
function explained(layers, input, outputs, [at, map, row, column]) {
  const layer = layers[at], given = [input, ...outputs], one = { maps: [map, map + 1], rows: [row, row + 1], columns: [column, column + 1] };
  const read = below(layer, given[at].shape, one);
  let patch = inside(given[at], read), kernel = null;
  if (layer.weight) {
    const size = layer.weight.length / layer.form[0];
    if (layers[at - 1]?.kind === "flatten") patch = { shape: given[at - 1].shape, values: patch.values };
    kernel = { shape: patch.shape, values: layer.weight.subarray(map * size, (map + 1) * size) };
  }
  let box = one;
  for (let down = at; down >= 0; down -= 1) box = below(layers[down], given[down].shape, box);
  const [value] = inside(outputs[at], one).values, bias = layer.bias ? layer.bias[map] : 0, number = (x) => shown(x, 2);
  const [first] = patch.values, count = patch.values.length, from = `${number(value)} from ${number(first)}`;
  const how = {
    "max pooling": `${number(value)} is the largest of these ${count} numbers`, "average pooling": `${number(value)} is the mean of these ${count} numbers`,
    flatten: `${number(value)} is copied`, ReLU: `${from}: ${first < 0 ? "what is negative becomes 0" : "what is positive stays"}`,
  }[layer.kind] ?? `${layer.kind} makes ${from}`;
  const added = `${shown(count)} number${count > 1 ? "s" : ""} times as many weights add up to ${number(value - bias)}`;
  const sum = `${added}; with the bias, ${number(bias)}, that is ${number(value)}`;
  return { patch, kernel, value, box, read, how: kernel ? sum : how };
}
