// Slides a kernel over an image, as torch.nn.functional.conv2d does. `weightsOf` and `convolve` are those of convolution.py.

const OWN = "own numbers";
const MEANS = {  // of a kernel that has more than one weight
  "vertical edge": "This kernel subtracts what lies left from what lies right: far from 0 where the image changes from left to right.",
  "horizontal edge": "This kernel subtracts what lies above from what lies below: far from 0 where the image changes from top to bottom.",
  identity: "This kernel keeps one pixel of the patch and ignores all others.",
  blur: "This kernel averages the patch: all its weights are equal, and their sum is 1.",
  sharpen: "This kernel adds to a pixel what sets it apart from its neighbors; the weights sum to 1.",
  [OWN]: "",
};

const DOES = { "vertical edge": "right − left", "horizontal edge": "below − above" };  // what these find is for the reader to see

const grid = (rows, columns, value) => Array.from({ length: rows }, (_, row) => Array.from({ length: columns }, (_, column) => value(row, column)));

const ALONE = {
  edge: "A kernel of 1×1 sees one pixel and has nothing to compare it with: no edge kernel is so small, and its weight is 0. Take size 2 or more.",
  other: "Its only weight is 1: it copies the image.",
};
const meaning = (name, size) => (size > 1 || name === OWN ? MEANS[name] : ALONE[name.endsWith("edge") ? "edge" : "other"]);

/** The kernel of that name; one's own is what `own` holds, zero where it holds no number. */
function weightsOf(name, size, own) {
  const middle = Math.floor((size - 1) / 2);
  const side = (place) => Math.sign(2 * place - (size - 1));
  const beside = ([row, column]) => Math.abs(row - middle) + Math.abs(column - middle) === 1;
  const neighbors = grid(size, size, (...place) => beside(place)).flat().filter(Boolean).length;
  const rules = {
    "vertical edge": (row, column) => side(column),
    "horizontal edge": (row) => side(row),
    identity: (row, column) => Number(row === middle && column === middle),
    blur: () => 1 / size ** 2,
    sharpen: (row, column) => (row === middle && column === middle ? 1 + neighbors : 0) - Number(beside([row, column])),
    [OWN]: (row, column) => clamp(own?.[row]?.[column], -1e6, 1e6, 0),
  };
  return grid(size, size, rules[name]);
}

/** What conv2d makes of an image, and `patch(row, column)`: the pixels behind one output. No rows where no window fits. */
function convolve(image, kernel, stride, padding, dilation) {
  const span = dilation * (kernel.length - 1) + 1;
  const padded = [image.length + 2 * padding, image[0].length + 2 * padding];
  const [rows, columns] = padded.map((side) => Math.floor((side - span) / stride) + 1);
  const pixel = (row, column, i, j) => image[row * stride + i * dilation - padding]?.[column * stride + j * dilation - padding] ?? 0;
  const patch = (row, column) => kernel.map((line, i) => line.map((_, j) => pixel(row, column, i, j)));
  const products = (row, column) => kernel.map((line, i) => line.map((weight, j) => weight * pixel(row, column, i, j)));
  const sum = (row, column) => {
    let total = 0;
    for (let i = 0; i < kernel.length; i += 1) for (let j = 0; j < kernel.length; j += 1) total += kernel[i][j] * pixel(row, column, i, j);
    return total;
  };
  const fits = rows > 0 && columns > 0;
  const output = fits ? grid(rows, columns, sum) : [];
  return { span, padded, rows: fits ? rows : 0, columns: fits ? columns : 0, patch, products, output };
}

const isImage = (image) => Array.isArray(image) && image.length > 0 && image.length <= 64 && image.every((row) => Array.isArray(row)
  && row.length > 0 && row.length <= 64 && row.length === image[0].length && row.every(Number.isFinite));

/** A weight as people write it: 1/9, not 0.1111. */
const written = (value) => ([4, 9, 16, 25].includes(1 / value) ? `1/${1 / value}` : shown(value, 3));

/** The number in a text such as -1, 0.5, 1/9 or 1,500; NaN where it is none. A comma is read where `written` sets one, not in 0,5. */
function read(text) {
  const plain = (part) => (/^\s*-?[1-9]\d{0,2}(,\d{3})+(\.\d*)?\s*$/.test(part) ? part.replaceAll(",", "") : part);
  const [above, below = "1"] = text.replaceAll("−", "-").split("/").map(plain);
  const value = clamp(above, -1e6, 1e6, NaN) / clamp(below, -1e6, 1e6, NaN);
  return Number.isFinite(value) ? clamp(value, -1e6, 1e6) : NaN;
}

/**
 * How an output is painted. A kernel that keeps a gray patch's sign (its weights sum to more than 0) makes an image again:
 * gray, white being what becomes of a white patch. Any other: blue below 0, white at 0, orange above.
 */
function palette(output, kernel, lowest, highest) {
  const low = Math.min(...output.flat()), high = Math.max(...output.flat()), sum = kernel.flat().reduce((a, b) => a + b, 0);
  if (sum > 1e-9)
    return {
      low, high, color: (value) => Array(3).fill((255 * (value / sum - lowest)) / (highest - lowest)),
      legend: `black: ${shown(sum * lowest, 2)} or less, white: ${shown(sum * highest, 2)} or more`,
    };
  const most = Math.max(high, -low) || 1;
  const end = (value) => (value < 0 ? [47, 110, 190] : [200, 105, 15]);
  const color = (value) => end(value).map((channel) => 255 - (255 - channel) * (Math.abs(value) / most) ** 0.8);
  return { low, high, color, legend: `blue: below 0, orange: above; the ends are ±${shown(most, 2)}` };
}

/** A table of numbers or inputs; `look(row, column)` is the style of a cell. */
const table = (rows, name, look = () => null) => h(
  "table", { class: "d2l-cells", "aria-label": name }, ...rows.map((row, i) => h("tr", {}, ...row.map((cell, j) => h("td", { style: look(i, j) }, cell)))),
);

/** A cell as gray as its pixel; the text is black or white, whichever reads. */
const grayCell = (share) => {
  const gray = Math.round(255 * share);
  return `background: rgb(${gray} ${gray} ${gray}); color: ${gray < 118 ? "#fff" : "#000"}`;
};

/** A cell tinted blue below 0 and orange above, as the output is; `share` from -1 to 1. */
const signedCell = (share) => `background: color-mix(in srgb, var(${share < 0 ? "--d2l-1" : "--d2l-2"}) ${Math.round(45 * Math.abs(share))}%, transparent)`;
const part = (caption, node) => h("figure", {}, node, h("figcaption", {}, caption));

export default {
  render({ model, el }) {
    let made = null, now = null, inputs = [], weights = [];
    let visited = new Set();  // outputs that the window has been at
    const step = (down, right) => now && look(now.row + down, now.column + right);
    const look = (row, column) => {
      if (!now?.rows) return;
      give(model, { row: clamp(row, 0, now.rows - 1), column: clamp(column, 0, now.columns - 1) });
    };
    const pin = pinned({ look, place: () => `${model.get("row")}, ${model.get("column")}`, changed: () => tell() });
    const touch = (row, column, tapped) => {
      if (tapped) slide.stop();
      if (!slide.on()) pin.point(row, column, tapped);
    };
    const middle = (place) => Math.round((place - (now.span - 1) / 2) / now.stride);
    const from = pixels({ width: 340, step, point: (row, column, tapped) => now && touch(middle(row), middle(column), tapped) });
    const to = pixels({ width: 340, step, point: touch });
    to.node.classList.add("d2l-unknown");
    for (const { node } of [from, to]) fill(node, { onkeydown: pin.key }, []);
    const slide = player({  // one output at a time in the first row, then faster
      label: "slide it", every: 60,
      tick: () => {
        if (!now) return false;
        // The traits, since the drawing follows them only after all ticks where the reader asked for no motion.
        const [i, j] = ["row", "column"].map((trait) => (model.get(trait) >= 0 ? Math.min(model.get(trait), now[`${trait}s`] - 1) : now[trait]));
        const count = now.rows * now.columns, at = i * now.columns + j;
        const begin = at === count - 1 ? -1 : at, next = Math.min(begin + (begin < now.columns ? 1 : Math.ceil(count / 200)), count - 1);
        if (begin < 0) visited.clear();
        for (let place = begin + 1; place <= next; place += 1) visited.add(place);
        look(Math.floor(next / now.columns), next % now.columns);
        return next < count - 1;
      },
    });
    const tell = () => { pinText.textContent = pin.held() ? "The window is pinned: click the same place, or press Escape, to let it go." : ""; };
    const pinText = h("p", { class: "d2l-credit" });
    const fromText = h("figcaption"), toText = h("figcaption");
    const patchBox = h("div"), kernelBox = h("div"), productBox = h("div"), sumBox = h("span");
    const wrong = h("p", { class: "d2l-note", role: "status" });
    const sums = h(
      "div", { class: "d2l-row d2l-sums" }, part("pixels in the frame", patchBox),
      h("div", { class: "d2l-row d2l-sums" }, "×", part("kernel: type your own", kernelBox)),
      h("div", { class: "d2l-row d2l-sums" }, "=", part("products", productBox)), sumBox,
    );

    /** Writes the kernel into its cells; they stay the same ones while their number does, and whoever types in one goes on. */
    const fillKernel = (kernel) => {
      const change = (input) => {
        const value = read(input.value);
        input.setAttribute("aria-invalid", Number.isNaN(value));
        wrong.textContent = Number.isNaN(value) ? `“${input.value}” is no number, so nothing has changed: write −1, 0.5 or 1/9.` : "";
        if (Number.isNaN(value)) return;
        // The other cells show rounded numbers: theirs are taken from the kernel.
        give(model, { weights: weights.map((row, i) => row.map((old, j) => (inputs[i][j] === input ? value : old))), kernel: OWN });
      };
      const show = (input, value) => {
        input.value = written(value);
        input.setAttribute("aria-invalid", false);
      };
      if (inputs.length !== kernel.length) {
        inputs = kernel.map((row, i) =>
          row.map((_, j) => {
            const input = h("input", {
              type: "text", autocomplete: "off", "aria-label": `weight, row ${i + 1}, column ${j + 1}`, oninput: () => change(input),
              onblur: () => show(input, weights[i][j]),
            });
            return input;
          }),
        );
        kernelBox.replaceChildren(table(inputs, "The kernel"));
      }
      weights = kernel;
      inputs.forEach((row, i) => row.forEach((input, j) => input.matches(":focus") || show(input, kernel[i][j])));
    };

    const adopt = ({ target }) => {  // one's own numbers start from those that are shown
      if (target.matches("[data-trait=kernel] select") && target.value === OWN) model.set("weights", weights);
    };
    el.addEventListener("change", adopt, true);  // before the choice itself is heard of

    const draw = (stage, revealed) => {
      const setting = (name, low, high, otherwise) => whole(model.get(name), low, high, otherwise);
      const [size, stride, padding, dilation] = [
        setting("size", 1, 5, 3), setting("stride", 1, 5, 1), setting("padding", 0, 5, 0), setting("dilation", 1, 8, 1),
      ];
      const image = model.get("image"), name = Object.hasOwn(MEANS, model.get("kernel")) ? model.get("kernel") : "vertical edge";
      if (!isImage(image)) {
        now = null;
        stage.replaceChildren();
        return { say: "There is no image: it must be a table of numbers, at most 64 rows and columns.", result: { rows: 0, columns: 0 } };
      }
      const kernel = weightsOf(name, size, model.get("weights"));
      const key = JSON.stringify([image, kernel, stride, padding, dilation]);
      const moved = made?.key === key;  // nothing but the place that is looked at: the image stays as it is
      if (!moved) {
        made = { ...convolve(image, kernel, stride, padding, dilation), key };
        visited = new Set();
        wrong.textContent = "";
      }
      const { span, padded, rows, columns, output } = made;
      const lowest = Math.min(0, ...image.flat()), highest = Math.max(lowest + 1e-9, ...image.flat());
      if (!moved)
        from.draw(
          ...padded,
          (row, column) => Array(3).fill((255 * ((image[row - padding]?.[column - padding] ?? 0) - lowest)) / (highest - lowest)),
          `The image, ${padded.join(" by ")} pixels with its padding.`,
        );
      fromText.textContent = `image ${image.length}×${image[0].length}${padding ? `, with zeros around it ${padded.join("×")}` : ""}`;
      const unread = padded.map((side) => (rows ? (side - span) % stride : 0)), place = { color: "var(--d2l-4)", dashed: true };
      const lost = [
        unread[0] && { row: padded[0] - unread[0], column: 0, rows: unread[0], columns: padded[1], ...place },
        unread[1] && { row: 0, column: padded[1] - unread[1], rows: padded[0], columns: unread[1], ...place },
      ].filter(Boolean);
      const border = padding ? [{ row: padding, column: padding, rows: image.length, columns: image[0].length, color: "var(--d2l-1)" }] : [];
      fillKernel(kernel);
      if (!stage.contains(from.node))
        stage.replaceChildren(
          h("div", { class: "d2l-pictures" }, h("figure", {}, from.node, fromText), h("figure", {}, to.node, toText)), pinText, sums, wrong,
          h("p", { class: "d2l-credit" }, String(model.get("credit") ?? "")),
        );
      if (!rows) {
        now = null;
        from.mark(border);
        to.draw(1, 1, () => [0, 0, 0, 0], "No output.");
        to.mark([]);
        toText.textContent = "no output";
        for (const box of [patchBox, productBox, sumBox]) box.replaceChildren("–");
        return {
          say: `No window fits: ${dilation > 1 ? `with its weights ${dilation} pixels apart ` : ""}` +
            `the kernel spans ${span} pixels, and the ${padding ? "padded " : ""}image has ${Math.min(...padded)}.`,
          result: { rows: 0, columns: 0, span },
        };
      }
      const best = !revealed ? 0 : output.flat().reduce((top, value, place, all) => (Math.abs(value) > Math.abs(all[top]) ? place : top), 0);
      const asked = [setting("row", -1, rows - 1, -1), setting("column", -1, columns - 1, -1)];
      const row = asked[0] < 0 ? Math.floor(best / columns) : asked[0], column = asked[1] < 0 ? best % columns : asked[1];
      now = { ...made, row, column, stride };
      const { low, high, color, legend } = palette(output, kernel, lowest, highest);
      to.node.style.width = `${(100 * columns) / padded[1]}%`;
      visited.add(row * columns + column);
      const known = revealed || visited.size === rows * columns;
      to.draw(rows, columns, (i, j) => (known || visited.has(i * columns + j) ? color(output[i][j]) : [0, 0, 0, 0]), `The output, ${rows} by ${columns}.`);
      to.mark([{ row, column }]);
      toText.textContent = `output ${rows}×${columns}; ${legend}`;
      const taps = dilation > 1 ? grid(size, size, (i, j) => ({ row: row * stride + i * dilation, column: column * stride + j * dilation })).flat() : [];
      from.mark([...border, ...lost, ...taps, { row: row * stride, column: column * stride, rows: span, columns: span }]);
      const patch = made.patch(row, column), products = made.products(row, column), sum = output[row][column];
      const texts = (values) => values.map((line) => line.map((value) => shown(value, 2)));
      const largest = Math.max(1e-9, ...products.flat().map(Math.abs)), light = (value) => (value - lowest) / (highest - lowest);
      patchBox.replaceChildren(table(texts(patch), "The patch", (i, j) => grayCell(light(patch[i][j]))));
      productBox.replaceChildren(table(texts(products), "The products", (i, j) => signedCell(products[i][j] / largest)));
      sumBox.replaceChildren("sum: ", h("strong", {}, shown(sum, 2)));
      const side = (n) =>
        `⌊(${n} + 2·${padding} − ${dilation}·(${size} − 1) − 1) / ${stride}⌋ + 1 = ${Math.floor((n + 2 * padding - span) / stride) + 1}`;
      const formula =
        image.length === image[0].length
          ? `Side of the output: ${side(image.length)}.`
          : `Height of the output: ${side(image.length)}; width: ${side(image[0].length)}.`;
      // two sentences and no word in the middle of one, since other languages bend it
      const rowsLeft = (count) => (count ? ` The last ${count === 1 ? "row is" : `${count} rows are`} never read.` : "");
      const columnsLeft = (count) => (count ? ` The last ${count === 1 ? "column is" : `${count} columns are`} never read.` : "");
      const alone = size === 1 && name.endsWith("edge");  // of which there is nothing to see
      const told = known || alone ? ` ${meaning(name, size)}` : " Where the window has not been, the output is not known yet: slide it there.";
      const say = `Row ${row}, column ${column} of the output is the sum of ` +
        `${size ** 2} product${size > 1 ? "s" : ""}: ${shown(sum, 2)}.${told} ${formula}${rowsLeft(unread[0])}` +
        `${unread[0] === unread[1] ? "" : columnsLeft(unread[1])}`;
      return { say, result: { rows, columns, row, column, known: known ? rows * columns : visited.size, patch, products, sum, low, high,
        total: output.flat().reduce((a, b) => a + b, 0) } };
    };

    const off = interactive({
      model, el, title: "A kernel slides over an image", traits: ["image", "weights", "row", "column", "credit"], draw,
      hint: "Point at either picture: each place of the window is one output. A click pins it. Type your own numbers into the kernel.",
      controls: [
        { trait: "kernel", label: "kernel", kind: "choice", options: Object.keys(MEANS).map((name) => [name, DOES[name] ?? name]) },
        { trait: "size", label: "size", min: 1, max: 5, format: (value) => `${Math.round(value)}×${Math.round(value)}` },
        { trait: "stride", label: "stride", min: 1, max: 5 },
        { trait: "padding", label: "padding", min: 0, max: 5 },
      ],
      more: [{ trait: "dilation", label: "dilation", min: 1, max: 8 }],
      buttons: [slide.node], answer: { label: "show the whole output" },
      reset: () => {
        slide.stop();
        pin.release();
        made = null;
      },
    });
    return () => {
      slide.stop();
      el.removeEventListener("change", adopt, true);
      off();
    };
  },
};
