// A 1×1 convolution on an image in colour: nine weights, the same at every pixel. The presets are those of mixer.py.

const OWN = "own numbers";
const CHANNELS = ["red", "green", "blue"];
const LARGEST = 2;
const all = (row) => [row, row, row];
const MIXES = {
  "red and not green": all([1, -1, 0]),
  identity: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  grey: all([0.299, 0.587, 0.114]),
  "swap red and blue": [[0, 0, 1], [0, 1, 0], [1, 0, 0]],
  "only red": [[1, 0, 0], [0, 0, 0], [0, 0, 0]],
  sepia: [[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]],
};
const MEANS = {
  "red and not green": "All three rows subtract green from red: bright where the one is strong and the other weak.",
  identity: "Each new channel is the old one: nothing changes.",
  grey: "All three rows are equal, so the three new numbers are, too: a grey image.",
  "swap red and blue": "The first row takes blue alone, the last one red alone.",
  "only red": "Two rows are zero, and so are the channels that they make.",
  sepia: "Three greys, each a little darker than the one before: brown, as of an old photograph.",
  [OWN]: "",
};

/** Three dot products: row by row, the weights with the pixel. */
const mixed = (weights, pixel) => weights.map(([red, green, blue]) => red * pixel[0] + green * pixel[1] + blue * pixel[2]);

const grey = (value) => [value, value, value];

export default {
  render({ model, el }) {
    let now = null, painted = null, weights = MIXES.identity;
    const look = (row, column) => {
      if (!now) return;
      give(model, { row: clamp(row, 0, now.rows - 1), column: clamp(column, 0, now.columns - 1) });
    };
    const step = (down, right) => now && look(now.row + down, now.column + right);
    const [image, output] = [0, 1].map(() => pixels({ width: 330, point: look, step }));
    const [before, after] = [0, 1].map(() => CHANNELS.map(() => pixels({ width: 120 })));
    const corner = h("td"), olds = CHANNELS.map(() => h("span")), news = CHANNELS.map(() => h("strong"));

    const weigh = (to, from, value) => {
      give(model, { weights: weights.map((row, i) => row.map((weight, j) => (i === to && j === from ? value : weight))), mix: OWN });
    };
    const sliders = CHANNELS.map((to, i) =>
      CHANNELS.map((from, j) => {
        const text = h("output");
        const input = h("input", {
          type: "range", min: -LARGEST, max: LARGEST, step: 0.05, "aria-label": `weight of ${from} in the new ${to}`,
          oninput: () => weigh(i, j, clamp(input.value, -LARGEST, LARGEST, 0)),
        });
        return {
          node: h("div", { "data-trait": `weight-${i}-${j}` }, text, input),
          show: (value, old) => {
            if (clamp(input.value, -LARGEST, LARGEST) !== value) input.value = value;
            text.textContent = `${value < 0 ? "−" : ""}${j && value >= 0 ? "+" : ""}${j ? " " : ""}${shown(Math.abs(value), 3)} · ${old}`;
            input.setAttribute("aria-valuetext", shown(value, 3));
          },
        };
      }),
    );
    const board = h(
      "table", { class: "d2l-mix" },
      h("thead", {}, h("tr", {}, corner, ...CHANNELS.map((name, j) => h("th", { scope: "col" }, `${name} `, olds[j], before[j].node)), h("td"))),
      h(
        "tbody", {},
        ...CHANNELS.map((name, i) =>
          h(
            "tr", {}, h("th", { scope: "row" }, `new ${name}`), ...sliders[i].map(({ node }, j) => h("td", { "data-channel": CHANNELS[j] }, node)),
            h("td", {}, news[i], after[i].node),
          ),
        ),
      ),
    );
    const parts = [
      h(
        "div", { class: "d2l-pictures" }, h("figure", {}, image.node, h("figcaption", {}, "image")),
        h("figure", {}, output.node, h("figcaption", {}, "mixed: the new red, green and blue together")),
      ),
      board,
    ];
    const credit = h("p", { class: "d2l-credit" });

    /** Mixes and paints all pixels; gives what came out, rows of columns of three numbers. */
    const paint = (rows, columns, pixel) => {
      const made = Array.from({ length: rows }, (_, i) => Array.from({ length: columns }, (__, j) => mixed(weights, pixel(i, j))));
      image.draw(rows, columns, pixel, `The image, ${rows} by ${columns} pixels.`);
      output.draw(rows, columns, (i, j) => made[i][j], `The mixed image, ${rows} by ${columns} pixels.`);
      CHANNELS.forEach((channel, k) => {
        before[k].draw(rows, columns, (i, j) => grey(pixel(i, j)[k]), `The ${channel} channel.`);
        after[k].draw(rows, columns, (i, j) => grey(made[i][j][k]), `The new ${channel} channel.`);
      });
      return made;
    };

    const adopt = ({ target }) => {  // one's own numbers start from those that are shown
      if (target.matches("[data-trait=mix] select") && target.value === OWN) model.set("weights", weights);
    };
    el.addEventListener("change", adopt, true);  // before the choice itself is heard of

    const draw = (stage) => {
      const bytes = bytesOf(model.get("image")), columns = whole(model.get("width"), 1, 96, 1), rows = bytes.length / (3 * columns);
      if (!Number.isInteger(rows) || rows < 1 || rows > 96) {
        now = null;
        stage.replaceChildren();
        return { say: "There is no image: it must have rows, columns and three channels, at most 96 rows and columns.", result: { rows: 0 } };
      }
      const name = Object.hasOwn(MEANS, model.get("mix")) ? model.get("mix") : "red and not green";
      const own = model.get("weights");
      weights = MIXES[name] ?? CHANNELS.map((_, i) => CHANNELS.map((__, j) => clamp(own?.[i]?.[j], -LARGEST, LARGEST, 0)));
      const pixel = (row, column) => Array.from(bytes.subarray(3 * (row * columns + column), 3 * (row * columns + column) + 3));
      const place = (trait, side, otherwise) => whole(model.get(trait), 0, side - 1, Math.min(otherwise, side - 1));
      const row = place("row", rows, 22), column = place("column", columns, 34);
      now = { rows, columns, row, column };
      if (!stage.contains(board)) stage.replaceChildren(...parts, credit);
      credit.textContent = String(model.get("credit") ?? "");
      const key = JSON.stringify([model.get("image"), columns, weights]);
      if (painted?.key !== key) painted = { key, made: paint(rows, columns, pixel) };  // else only the place has changed
      const old = pixel(row, column), fresh = painted.made[row][column];
      CHANNELS.forEach((_, k) => {
        sliders[k].forEach(({ show }, j) => show(weights[k][j], old[j]));
        olds[k].textContent = old[k];
        news[k].textContent = `= ${shown(fresh[k], 2)}`;
      });
      corner.textContent = `pixel ${row}, ${column}`;
      for (const { mark } of [image, output]) mark([{ row, column }]);
      const beyond = fresh.some((value) => value < 0 || value > 255) ? " Below 0 is shown as 0, above 255 as 255." : "";
      const say = `The new pixel at row ${row}, column ${column} is three dot products of the old pixel there, ` +
        `(${old.join(", ")}): (${fresh.map((value) => shown(value, 2)).join(", ")}).${beyond} ${MEANS[name]} ` +
        `Neighbours are never asked: whatever the nine weights, this finds no edge and blurs nothing.`;
      const means = CHANNELS.map((_, k) => painted.made.flat().reduce((sum, value) => sum + value[k], 0) / (rows * columns));
      return {
        say,
        result: {
          rows, columns, row, column, pixel: old, products: weights.map((line) => line.map((weight, j) => weight * old[j])), mixed: fresh,
          means,
        },
      };
    };

    const off = interactive({
      model, el, label: "A 1×1 convolution on a photograph", traits: ["image", "width", "weights", "row", "column", "credit"], draw,
      controls: [{ trait: "mix", label: "mix", kind: "choice", options: Object.keys(MEANS).map((name) => [name, name]) }],
    });
    return () => {
      el.removeEventListener("change", adopt, true);
      off();
    };
  },
};
