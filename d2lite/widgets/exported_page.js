// A page that classifies pictures with a network from Python: `steps` as exported_page.py writes them.

const net = JSON.parse(document.getElementById("data").textContent);
const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const NUMBERS = new Float32Array(bytesOf(net.numbers).buffer);
const CHANNELS = net.mean.length, SIZE = net.size, LISTED = 10;  // classes that are listed
const one = (id) => document.getElementById(id);
const sum = (values) => values.reduce((a, b) => a + b, 0);

/** Logits and probabilities for SIZE × SIZE pixels, CHANNELS bytes each. */
function classify(bytes) {
  const logits = [...outputsOf(net, NUMBERS, bytes).at(-1).values];
  return { logits, probabilities: probabilitiesOf(logits) };
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
