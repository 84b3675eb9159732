// A 1×1 convolution on an image in color: nine weights, the same at every pixel. The presets are those of mixer.py.

const OWN = "own numbers";
const HIDES = { "red and not green": "those for the center" };  // which the question before asks for
const CHANNELS = ["red", "green", "blue"];
const LARGEST = 2;
const all = (row) => [row, row, row];
const MIXES = {
  identity: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  "red and not green": all([1, -1, 0]),
  gray: all([0.299, 0.587, 0.114]),
  "swap red and blue": [[0, 0, 1], [0, 1, 0], [1, 0, 0]],
  "only red": [[1, 0, 0], [0, 0, 0], [0, 0, 0]],
  sepia: [[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]],
};
const MEANS = {  // of three rows, and of the first alone
  identity: ["Each new channel is the old one: nothing changes.", "The new channel is the old red one."],
  "red and not green": [
    "All three rows subtract green from red: bright where the one is strong and the other weak.",
    "Red minus green: bright where the one is strong and the other weak.",
  ],
  gray: ["All three rows are equal, so the three new numbers are, too: a gray image.", "As bright as the eye finds the three colors together."],
  "swap red and blue": ["The first row takes blue alone, the last one red alone.", "The new channel is the old blue one."],
  "only red": ["Two rows are zero, and so are the channels that they make.", "The new channel is the old red one."],
  sepia: ["Three grays, each a little darker than the one before: brown, as of an old photograph.", "A gray, a little brighter than the photograph."],
  [OWN]: ["", ""],
};

/** Three dot products: row by row, the weights with the pixel. */
const mixed = (weights, pixel) => weights.map(([red, green, blue]) => red * pixel[0] + green * pixel[1] + blue * pixel[2]);

const gray = (value) => [value, value, value];
const BYTE = { top: 255, low: -255 };

const BELOW = [70, 150, 255];  // black is 0, and a blue of its own what lies below: else it would be taken for 0

/** The color of a value in a channel alone: `top` is white, 0 black, and `low`, or what lies as far below 0 as `top` above, blue. */
function shade(value, { top, low }) {
  if (value >= 0) return gray(top > 0 ? (255 * value) / top : 0);
  const far = clamp(value / Math.min(low, -top), 0, 1);
  return BELOW.map((part) => part * far);
}

/** A strip of the colors from `low` to `top`, with their numbers; 0 lies where it belongs. */
function legend({ top, low }) {
  const zero = (100 * Math.max(0, -low)) / (Math.max(0, top) - Math.min(0, low) || 1), css = (color) => `rgb(${color.map(Math.round).join(" ")})`;
  const mark = (at, value) => h("span", { style: `left: ${at}%` }, shown(value, 0));
  const marks = [low < 0 && mark(0, low), (zero % 100 === 0 || Math.abs(zero - 50) < 38) && mark(zero, 0), top > 0 && mark(100, top)];
  const colors = `--low: ${css(shade(low, { top, low }))}; --zero: ${zero}%; --top: ${css(shade(top, { top, low }))}`;
  return h("div", { class: "d2l-scale", "aria-hidden": "true" }, h("i", { style: colors }), ...marks.filter(Boolean));
}

/** A patch of a color, [red, green, blue]. */
const swatch = (color) => h("span", { class: "d2l-swatch", style: `background: rgb(${color.map((value) => clamp(value, 0, 255)).join(" ")})` });

export default {
  render({ model, el }) {
    let now = null, painted = null, weights = MIXES.identity;
    const look = (row, column) => {
      if (!now) return;
      give(model, { row: clamp(row, 0, now.rows - 1), column: clamp(column, 0, now.columns - 1) });
    };
    const step = (down, right) => now && look(now.row + down, now.column + right);
    const pin = pinned({ look, place: () => `${model.get("row")}, ${model.get("column")}`, changed: () => tell() });
    const [image, output] = [0, 1].map(() => pixels({ width: 330, point: pin.point, step }));
    for (const { node } of [image, output]) fill(node, { onkeydown: pin.key }, []);
    const [before, after] = [0, 1].map(() => CHANNELS.map(() => pixels({ width: 120 })));
    const corner = h("td"), olds = CHANNELS.map(() => h("span")), news = CHANNELS.map(() => h("strong"));

    const weigh = (to, from, value) => {
      give(model, { weights: weights.map((row, i) => row.map((weight, j) => (i === to && j === from ? value : weight))), mix: OWN });
    };
    const sliders = CHANNELS.map((to, i) =>
      CHANNELS.map((from, j) => {
        const text = h("output", { "aria-live": "off" });
        const input = slider(model, {
          traits: ["weights", "mix"], min: -LARGEST, max: LARGEST, step: 0.05, "aria-label": `weight of ${from} in the new ${to}`,
          value: () => weights[i][j], choose: (value) => weigh(i, j, value),
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
    const heads = CHANNELS.map((name, i) => board.querySelectorAll("tbody th")[i]);
    const imageText = h("figcaption"), outputText = h("figcaption"), scale = h("div");
    const parts = [
      h("div", { class: "d2l-pictures d2l-sticky" }, h("figure", {}, image.node, imageText), h("figure", {}, output.node, scale, outputText)), board,
    ];
    const credit = h("p", { class: "d2l-credit" });
    const tell = () => {
      imageText.textContent = pin.held() ? `the image; pixel ${now?.row}, ${now?.column} is pinned` : "the image";
    };

    /** Mixes and paints all pixels. Gives `made`, rows of columns of three numbers, and `ends`, the largest and least of the first. */
    const paint = (rows, columns, pixel, single) => {
      const made = Array.from({ length: rows }, (_, i) => Array.from({ length: columns }, (__, j) => mixed(weights, pixel(i, j))));
      const ends = made.flat().reduce(({ top, low }, [value]) => ({ top: Math.max(top, value), low: Math.min(low, value) }), { top: 0, low: 0 });
      image.draw(rows, columns, pixel, `The image, ${rows} by ${columns} pixels.`);
      output.draw(rows, columns, (i, j) => (single ? shade(made[i][j][0], ends) : made[i][j]), `The mixed image, ${rows} by ${columns} pixels.`);
      CHANNELS.forEach((channel, k) => {
        before[k].draw(rows, columns, (i, j) => gray(pixel(i, j)[k]), `The ${channel} channel.`);
        after[k].draw(rows, columns, (i, j) => shade(made[i][j][k], BYTE), `The new ${channel} channel.`);
      });
      return { made, ends };
    };

    const adopt = ({ target }) => {  // one's own numbers start from those that are shown; another mix is shown whole
      if (!target.matches("[data-trait=mix] select")) return;
      if (target.value === OWN) model.set("weights", weights);
      else if (new Set((MIXES[target.value] ?? []).map(String)).size > 1) model.set("channels", 3);
    };
    el.addEventListener("change", adopt, true);  // before the choice itself is heard of

    const draw = (stage) => {
      const bytes = bytesOf(model.get("image")), columns = whole(model.get("width"), 1, 96, 1), rows = bytes.length / (3 * columns);
      if (!Number.isInteger(rows) || rows < 1 || rows > 96) {
        now = null;
        stage.replaceChildren();
        return { say: "There is no image: it must have rows, columns and three channels, at most 96 rows and columns.", result: { rows: 0 } };
      }
      const name = Object.hasOwn(MEANS, model.get("mix")) ? model.get("mix") : "identity";
      const single = chosen(model, "channels", [1, 3], 1) === 1;
      const own = model.get("weights");
      weights = MIXES[name] ?? CHANNELS.map((_, i) => CHANNELS.map((__, j) => clamp(own?.[i]?.[j], -LARGEST, LARGEST, 0)));
      const pixel = (row, column) => Array.from(bytes.subarray(3 * (row * columns + column), 3 * (row * columns + column) + 3));
      const place = (trait, side, otherwise) => whole(model.get(trait), 0, side - 1, Math.min(otherwise, side - 1));
      const row = place("row", rows, 22), column = place("column", columns, 34);
      now = { rows, columns, row, column };
      if (!stage.contains(board)) stage.replaceChildren(...parts, credit);
      credit.textContent = String(model.get("credit") ?? "");
      const key = JSON.stringify([model.get("image"), columns, weights, single]);
      if (painted?.key !== key) painted = { key, ...paint(rows, columns, pixel, single) };  // else only the place has changed
      const { made, ends } = painted, { top, low } = ends, values = made.flat().map(([value]) => value), first = values.indexOf(Math.max(...values));
      const brightest = [Math.floor(first / columns), first % columns];
      const old = pixel(row, column), fresh = made[row][column];
      CHANNELS.forEach((_, k) => {
        sliders[k].forEach(({ show }, j) => show(weights[k][j], old[j]));
        olds[k].textContent = old[k];
        news[k].textContent = `= ${shown(fresh[k], 2)}`;
      });
      corner.replaceChildren(`pixel ${row}, ${column} `, h("span", {}, swatch(old), " → ", swatch(single ? shade(fresh[0], ends) : fresh)));
      [...board.tBodies[0].rows].forEach((line, k) => { line.hidden = single && k > 0; });
      heads.forEach((head, k) => { head.textContent = single ? "new channel" : `new ${CHANNELS[k]}`; });
      outputText.textContent = single
        ? `new channel, ${low < 0 ? "blue: below 0, " : ""}${top > 0 ? `black: 0 to white: ${shown(top, 0)}; dashed: its brightest pixel` : "black: 0"}`
        : "mixed: the new red, green and blue together";
      scale.replaceChildren(...(single ? [legend(ends)] : []));
      after[0].node.hidden = single;  // the large picture shows it
      tell();
      const spot = single && top > 0 ? [{ row: brightest[0] - 1, column: brightest[1] - 1, rows: 3, columns: 3, color: "#00a8e8", dashed: true }] : [];
      for (const { mark } of [image, output]) mark([...spot, { row, column }]);
      const beyond = single
        ? top > 0 ? "" : low < 0 ? " No pixel is above 0, so none is white." : " All pixels are 0, so all are black."
        : fresh.some((value) => value < 0 || value > 255)
          ? " The mixed image shows values below 0 as 0 and above 255 as 255; the small ones show values below 0 in blue."
          : "";
      const three = `three dot products of the old pixel there, (${old.join(", ")}): (${fresh.map((value) => shown(value, 2)).join(", ")})`;
      const one = `one dot product of the three weights with the old pixel there, (${old.join(", ")}): ${shown(fresh[0], 2)}`;
      const end = single
        ? top > 0 && `Its brightest pixel lies at row ${brightest[0]}, column ${brightest[1]}.`
        : "Neighbors are never asked: whatever the nine weights, this finds no edge and blurs nothing.";
      const say = `The new pixel at row ${row}, column ${column} is ${single ? one : three}.${beyond} ${MEANS[name][Number(single)]} ${end || ""}`.trim();
      const means = CHANNELS.map((_, k) => made.flat().reduce((sum, value) => sum + value[k], 0) / (rows * columns));
      return {
        say,
        result: {
          rows, columns, row, column, pixel: old, products: weights.map((line) => line.map((weight, j) => weight * old[j])), mixed: fresh,
          means, brightest,
        },
      };
    };

    const off = interactive({
      model, el, title: "A 1×1 convolution on a photograph", traits: ["image", "width", "weights", "row", "column", "credit"], draw,
      hint: "Move the weights: which part of the picture lights up? Point at a pixel to see its numbers; a click pins it.",
      controls: [
        { trait: "channels", label: "new channels", kind: "choice", options: [[1, "one: three weights"], [3, "three: nine weights"]] },
        { trait: "mix", label: "mix", kind: "choice", options: Object.keys(MEANS).map((name) => [name, HIDES[name] ?? name]) },
      ],
      answer: { label: "show weights that find the center", show: () => give(model, { mix: "red and not green" }) },
      reset: pin.release,
    });
    return () => {
      el.removeEventListener("change", adopt, true);
      off();
    };
  },
};
