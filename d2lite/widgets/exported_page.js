// A page that classifies pictures with a network from Python: `steps` as exported_page.py writes them.
"use strict";

const net = JSON.parse(document.getElementById("data").textContent);
const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const NUMBERS = new Float32Array(bytesOf(net.numbers).buffer);
const CHANNELS = net.mean.length, SIZE = net.size, LISTED = 10;  // classes that are listed
const one = (id) => document.getElementById(id);
const sum = (values) => values.reduce((a, b) => a + b, 0);

/** Convolution of maps [C, H, W]: adds each weight times a shifted map to the sums of its output map. */
function convolution([{ shape: [maps, height, width], values }], { shape, kernel_size: [tall, wide], stride, padding, dilation, groups, weight, bias }) {
  const [outputs, rows, columns] = shape, each = maps / groups, out = new Float32Array(outputs * rows * columns);
  const sums = new Float64Array(rows * columns);
  let w = weight;
  for (let o = 0; o < outputs; o += 1) {
    sums.fill(bias == null ? 0 : NUMBERS[bias + o]);
    const first = Math.floor(o / (outputs / groups)) * each;
    for (let i = first; i < first + each; i += 1) {
      for (let a = 0; a < tall; a += 1) {
        for (let b = 0; b < wide; b += 1) {
          const factor = NUMBERS[w];
          w += 1;
          if (!factor) continue;
          const left = b * dilation[1] - padding[1];  // the column that output column 0 reads
          const begin = Math.max(0, Math.ceil(-left / stride[1])), end = Math.min(columns, Math.ceil((width - left) / stride[1]));
          for (let row = 0; row < rows; row += 1) {
            const y = row * stride[0] + a * dilation[0] - padding[0];
            if (y < 0 || y >= height) continue;  // padding adds nothing
            const from = (i * height + y) * width + left, to = row * columns;
            for (let column = begin; column < end; column += 1) sums[to + column] += factor * values[from + column * stride[1]];
          }
        }
      }
    }
    out.set(sums, o * rows * columns);
  }
  return out;
}

/** Max or average pooling; a window may reach over the border by its padding, or by ceil_mode. */
function pooling([{ shape: [, height, width], values }], { shape: [maps, rows, columns], kernel_size, stride, padding, padded }, isMax) {
  const out = new Float32Array(maps * rows * columns);
  for (let at = 0; at < out.length; at += 1) {
    const column = at % columns, row = Math.floor(at / columns) % rows, map = Math.floor(at / columns / rows);
    const top = row * stride[0] - padding[0], left = column * stride[1] - padding[1];
    const bottom = Math.min(top + kernel_size[0], height + padding[0]), right = Math.min(left + kernel_size[1], width + padding[1]);
    const [first, last] = [Math.max(0, top), Math.min(height, bottom)], [begin, end] = [Math.max(0, left), Math.min(width, right)];
    let largest = -Infinity, total = 0;
    for (let y = first; y < last; y += 1) {
      for (let x = begin; x < end; x += 1) {
        const value = values[(map * height + y) * width + x];
        total += value;
        if (value > largest) largest = value;
      }
    }
    const count = padded ? (bottom - top) * (right - left) : (last - first) * (end - begin);
    out[at] = isMax ? largest : total / count;
  }
  return out;
}

const map = (change) => ([{ values }]) => values.map(change);
const sigmoid = (x) => 1 / (1 + Math.exp(-x));

const KINDS = {
  convolution,
  "max pooling": (given, step) => pooling(given, step, true),
  "average pooling": (given, step) => pooling(given, step, false),
  "fully connected": ([{ values }], { shape: [outputs], weight, bias }) => Float32Array.from({ length: outputs }, (_, o) => {
    let total = bias == null ? 0 : NUMBERS[bias + o];
    for (let i = 0; i < values.length; i += 1) total += NUMBERS[weight + o * values.length + i] * values[i];
    return total;
  }),
  "scale and shift": ([{ shape: [, height, width], values }], { weight, bias }) => values.map((value, at) => {
    const channel = Math.floor(at / height / width);
    return value * NUMBERS[weight + channel] + NUMBERS[bias + channel];
  }),
  addition: ([a, b]) => a.values.map((value, at) => value + b.values[at]),
  concatenation: (given, { shape }) => {
    const out = new Float32Array(shape.reduce((a, b) => a * b));
    let at = 0;
    for (const { values } of given) { out.set(values, at); at += values.length; }
    return out;
  },
  reshaping: ([{ values }]) => values,
  ReLU: map((x) => Math.max(0, x)),
  ReLU6: map((x) => Math.min(6, Math.max(0, x))),
  SiLU: map((x) => x * sigmoid(x)),
  sigmoid: map(sigmoid),
  tanh: map(Math.tanh),
};

/** Logits and probabilities for SIZE × SIZE pixels, CHANNELS bytes each. */
function classify(bytes) {
  const area = SIZE * SIZE;
  const values = Float32Array.from({ length: area * CHANNELS }, (_, at) => {
    const channel = Math.floor(at / area);
    return (bytes[(at % area) * CHANNELS + channel] / 255 - net.mean[channel]) / net.std[channel];
  });
  const outputs = [], image = { shape: [CHANNELS, SIZE, SIZE], values };
  for (const step of net.steps) {
    const given = step.from.map((at) => (at < 0 ? image : outputs[at]));
    outputs.push({ shape: step.shape, values: KINDS[step.kind](given, step) });
  }
  const logits = [...outputs.at(-1).values], largest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - largest)), total = sum(powers);
  return { logits, probabilities: powers.map((power) => power / total) };
}

/** Weights with which the middle `side` of `length` numbers become SIZE: triangles as wide as a result, as Pillow's BILINEAR. */
function triangles(length, side) {
  const scale = side / SIZE, wide = Math.max(1, scale), begin = (length - side) / 2;
  return Array.from({ length: SIZE }, (_, at) => {
    const middle = begin + (at + 0.5) * scale, first = Math.max(0, Math.floor(middle - wide)), end = Math.min(length, Math.ceil(middle + wide));
    const weights = Array.from({ length: end - first }, (_, k) => Math.max(0, 1 - Math.abs(first + k + 0.5 - middle) / wide));
    const total = sum(weights);
    return { first, weights: weights.map((weight) => weight / total) };
  });
}

/** SIZE × SIZE pixels of a picture's middle square, over white, CHANNELS bytes each. */
function prepared(picture) {
  const edge = Math.min(picture.width, picture.height), side = Math.min(edge, Math.max(4 * SIZE, 1024));
  const [width, height] = [picture.width, picture.height].map((length) => Math.round((length * side) / edge));
  const sheet = Object.assign(document.createElement("canvas"), { width, height });
  const pen = sheet.getContext("2d", { willReadFrequently: true });
  pen.fillStyle = "white";
  pen.fillRect(0, 0, width, height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(picture, 0, 0, width, height);
  const { data } = pen.getImageData(0, 0, width, height), columns = triangles(width, side), rows = triangles(height, side);
  const across = new Float32Array(height * SIZE * 3), colors = new Float32Array(SIZE * SIZE * 3);
  for (let y = rows[0].first; y < rows.at(-1).first + rows.at(-1).weights.length; y += 1) {
    columns.forEach(({ first, weights }, x) => weights.forEach((weight, k) => {
      for (let c = 0; c < 3; c += 1) across[(y * SIZE + x) * 3 + c] += weight * data[(y * width + first + k) * 4 + c];
    }));
  }
  rows.forEach(({ first, weights }, y) => weights.forEach((weight, k) => {
    for (let at = 0; at < SIZE * 3; at += 1) colors[y * SIZE * 3 + at] += weight * across[(first + k) * SIZE * 3 + at];
  }));
  if (CHANNELS === 3) return Uint8Array.from(colors, Math.round);
  return Uint8Array.from({ length: SIZE * SIZE }, (_, at) => Math.round(0.299 * colors[3 * at] + 0.587 * colors[3 * at + 1] + 0.114 * colors[3 * at + 2]));
}

function draw(canvas, bytes) {
  canvas.width = canvas.height = SIZE;
  const pixels = new ImageData(SIZE, SIZE);
  for (let at = 0; at < SIZE * SIZE; at += 1) {
    for (let c = 0; c < 3; c += 1) pixels.data[4 * at + c] = bytes[at * CHANNELS + (CHANNELS === 3 ? c : 0)];
    pixels.data[4 * at + 3] = 255;
  }
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}

const percent = (share) => `${(100 * share).toFixed(share > 0.995 || share < 0.1 ? 1 : 0)}%`;

/** Shows what the network says of a picture's bytes. */
function show(bytes, sample = -1) {
  draw(one("seen"), bytes);
  const { probabilities } = classify(bytes), order = [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]);
  const listed = net.classes.length > LISTED ? order.slice(0, 5) : [...order.keys()];
  one("say").textContent = `${net.classes[order[0]]}: ${percent(probabilities[order[0]])}`;
  one("bars").replaceChildren(...listed.map((at) => {
    const row = document.createElement("tr"), bar = document.createElement("i"), name = document.createElement("th");
    name.scope = "row";
    name.textContent = net.classes[at];
    bar.style.width = `${100 * probabilities[at]}%`;
    row.append(name);
    row.insertCell().append(bar);
    row.insertCell().textContent = percent(probabilities[at]);
    return row;
  }));
  [...one("samples").children].forEach((button, at) => button.setAttribute("aria-pressed", at === sample));
}

async function take(file) {
  if (!file) return;
  try {
    const picture = await createImageBitmap(file);
    show(prepared(picture));
  } catch {
    one("say").textContent = `${file.name || "This"} is no picture that this browser can read.`;
  }
}

one("title").textContent = document.title;
one("about").textContent = `This network tells ${net.classes.length} classes apart: ${net.classes.join(", ")}. `
  + "It runs in this page. No picture leaves your device.";
one("caution").textContent = `It knows these ${net.classes.length} classes and nothing else: whatever you show it, the probabilities add up to 100%.`;
for (const id of ["file", "camera"]) one(id).addEventListener("change", ({ target }) => { take(target.files[0]); target.value = ""; });
const main = document.querySelector("main");
for (const [name, over] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
  document.addEventListener(name, (event) => { event.preventDefault(); main.classList.toggle("over", over); });
}
document.addEventListener("drop", ({ dataTransfer }) => take(dataTransfer.files[0]));
document.addEventListener("paste", ({ clipboardData }) => take([...clipboardData.files][0]));
net.samples.map(bytesOf).forEach((bytes, at) => {
  const button = document.createElement("button"), canvas = document.createElement("canvas");
  button.type = "button";
  button.setAttribute("aria-label", `picture ${at + 1}`);
  draw(canvas, bytes);
  button.append(canvas);
  button.addEventListener("click", () => show(bytes, at));
  one("samples").append(button);
});
if (net.samples.length) show(bytesOf(net.samples[0]), 0);
