// A picture to draw on, and what a small network makes of it: the output of each layer, the probabilities.

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

/** Paints one layer's output: black is 0 where nothing is negative; else 0 is grey, and black the most negative. */
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

const percent = (share) => `${shown(100 * share, share > 0.1 ? 0 : 1)}\u00a0%`;  // not parted at the end of a line

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

/** The colours of a picture of bytes. */
const grey = (side, bytes) => (row, column) => Array(3).fill(bytes[row * side + column]);

/** What the pen leaves, 255 or 0, so that it is light or dark on the page: in a negative the other way round. */
const inkOf = (model) => ((model.get("pen") !== "dark") !== (model.get("negative") === true) ? 255 : 0);

/** The picture, drawn on by mouse, finger and keys: `begin()` before a stroke, `line(from, to)` for each piece of it. */
function sheet({ side, width, begin, line, undo }) {
  const picture = pixels({ width }), pen = [Math.floor(side / 2) + 0.5, Math.floor(side / 2) + 0.5];
  let frame = [], seen = false;  // what a number depends on; the pen
  const mark = (visible = true) => { seen = visible; picture.mark(seen ? [...frame, { row: pen[0] - 0.5, column: pen[1] - 0.5 }] : frame); };
  const to = (point) => { line([...pen], point); [pen[0], pen[1]] = point; mark(); };
  const touched = (event) => {
    const moved = event.type === "pointermove", box = picture.node.getBoundingClientRect();
    if (moved ? !event.buttons : event.button) return;
    const points = ((moved && event.getCoalescedEvents?.()) || []).map((one) => one), all = points.length ? points : [event];
    const places = all.map(({ clientX, clientY }) => [clamp((clientY - box.top) / box.height, 0, 1) * side, clamp((clientX - box.left) / box.width, 0, 1) * side]);
    if (!moved) {
      picture.node.setPointerCapture(event.pointerId);
      begin();
      [pen[0], pen[1]] = places[0];
    }
    places.forEach(to);
  };
  const pressed = (event) => {
    const arrow = ARROWS[event.key], back = event.key === "z" && (event.ctrlKey || event.metaKey);
    if (!back && ((!arrow && event.key !== " ") || event.altKey || event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    if (back) return undo();
    const goal = pen.map((at, axis) => clamp(Math.floor(at) + 0.5 + (arrow ? arrow[axis] : 0), 0.5, side - 0.5));
    if (!arrow || event.shiftKey) begin(); else [pen[0], pen[1]] = goal;
    if (!arrow) [pen[0], pen[1]] = goal;
    if (!arrow || event.shiftKey) to(goal); else mark();
  };
  fill(picture.node, {
    tabindex: 0, role: "application", style: `width: ${width}px; touch-action: none; cursor: crosshair`,
    "aria-label": `A picture of ${side} × ${side} pixels to draw on: arrow keys move the pen, space draws a dot, shift and an arrow a line.`,
    onpointerdown: touched, onpointermove: touched, onkeydown: pressed, onfocus: () => mark(), onblur: () => mark(false),
  }, []);
  return { ...picture, pen: mark, frame: (list) => { frame = list; mark(seen); } };
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

/** Test images to choose from. */
function thumbsOf({ side, classes, labels }, images, choose) {
  return Array.from({ length: images.length / side ** 2 }, (_, at) => {
    const { node, draw } = pixels({ width: side + 10 }), name = `test image ${at + 1}${classes[labels[at]] ? `: ${classes[labels[at]]}` : ""}`;
    draw(side, side, grey(side, images.subarray(at * side ** 2)), name);
    return h("button", { type: "button", style: "padding: 2px", "aria-label": name, onclick: () => choose(at) }, node);
  });
}

/** The layers whose maps a compact interactive shows: the last of each run of equal shapes, two at most. */
function firstMaps(outputs) {
  const shapes = outputs.map(({ shape }) => shape);
  return [...shapes.keys()].filter((at) => shapes[at].length === 3 && `${shapes[at]}` !== `${shapes[at + 1]}`).slice(0, 2);
}

/** A button that draws the first image anew, from the points of its lines; `done` is called when it is there. */
function replay(strokes, { line, clear, done }) {
  const pieces = strokes.flatMap((points) => points.map((point, at) => [points[Math.max(0, at - 1)], point]));
  let next = 0;
  return player({
    label: "watch", every: 1600 / Math.max(1, pieces.length),
    tick() {
      if (next === 0) clear();
      line(...pieces[next]);
      next = (next + 1) % pieces.length;
      if (next === 0) done();
      return next > 0;
    },
  });
}

const PICTURE = ["image", "own", "negative", "pen"];
const OTHERWISE = { width: 2.5, centered: false, compact: false, unit: [] };  // where an older notebook stored none

export default {
  render({ model, el }) {
    const data = model.get("data"), network = model.get("network"), layers = unpack(network), images = bytesOf(data.images);
    const { side, classes, labels } = data, size = side * side, count = classes.length, narrow = matchMedia("(max-width: 40rem)");
    for (const [trait, value] of Object.entries(OTHERWISE)) if (model.get(trait) === undefined) model.set(trait, value);
    const test = () => whole(model.get("image"), 0, images.length / size - 1, 0);
    const mine = () => { const bytes = bytesOf(model.get("own")); return bytes.length === size ? bytes : null; };
    const current = () => mine() ?? images.slice(test() * size, (test() + 1) * size);
    const own = (bytes, more = {}) => give(model, { own: btoa(String.fromCharCode(...bytes)), ...more });
    const past = [];
    let view = null, seen = null, film = false;  // what is built, computed, and whether the first image is being drawn
    const halt = () => {
      if (film) give(model, { own: "" });
      film = false;
      view?.watch?.stop();
    };
    const remember = () => {
      halt();
      past.push(Object.fromEntries(PICTURE.map((trait) => [trait, model.get(trait)])));
      if (past.length > 100) past.shift();
    };
    const change = (values) => { remember(); give(model, values); };
    const empty = () => own(new Uint8Array(size), { negative: false, pen: "light" });
    const undo = () => { halt(); if (past.length) give(model, past.pop()); };
    const line = (from, to) => own(stroke(current(), side, from, to, clamp(model.get("width"), 1, 5, 2.5), inkOf(model)));
    const begin = () => {  // a drawing does not begin on a picture that was there to be looked at
      remember();
      if (model.get("compact") === true && !mine()) empty();
    };
    const looked = () => {
      const [unit] = Array.isArray(model.get("unit")) ? model.get("unit") : [];
      if (!Array.isArray(unit) || unit.length !== 4 || !unit.every(isNumber)) return null;
      const at = whole(unit[0], 0, layers.length - 1), shape = seen?.outputs[at].shape ?? [1];
      return [at, ...[shape[0], shape[1] ?? 1, shape[2] ?? 1].map((length, axis) => whole(unit[axis + 1], 0, length - 1))];
    };
    const look = (unit) => give(model, { unit: unit ? [unit] : [] });

    /** What is built once for each form: the picture, its buttons, a grid for each layer. */
    function build(form) {
      const compact = form !== "full", picture = sheet({ side, width: compact ? 8 * side + 2 : 12 * side + 2, begin, line, undo });
      const note = h("output", { style: "display: block" });
      const take = (file) => file && greyOf(file, side).then(
        (bytes) => { remember(); own(bytes, { negative: lightBorder(bytes, side) }); picture.pen(false); note.textContent = ""; },
        () => { note.textContent = `${file.name} is no picture that this browser can read.`; },
      );
      const watch = data.strokes?.length ? replay(data.strokes, { line, clear: () => { film = true; empty(); }, done: () => { film = false; give(model, { own: "", image: 0 }); } }) : null;
      const back = h("button", { type: "button", onclick: undo }, "undo"), clear = h("button", { type: "button", onclick: () => { remember(); empty(); } }, "clear");
      const tools = h("div", { class: "d2l-row d2l-tools" }, back, clear, watch?.node);
      const names = layers.map(({ kind }, at) => `${kind} ${seen.outputs[at].shape.join(" × ")}`);
      const listed = compact ? firstMaps(seen.outputs) : [...layers.keys()];
      const plan = ([maps]) => ({ full: { wide: WIDE }, wide: { across: Math.ceil(maps / 4), most: 7 }, narrow: { across: 8, stretch: 400 } }[form]);
      const named = (at) => (compact ? `layer ${listed.indexOf(at) + 1}` : names[at]);
      const grids = listed.map((at) => gridOf(at, seen.outputs[at], named(at), plan(seen.outputs[at].shape), looked, look));
      const thumbs = compact ? [] : thumbsOf(data, images, (image) => change({ image, own: "", negative: false }));
      const probabilities = h("div", { class: "d2l-answers" }), beside = h("div", { class: "d2l-beside" }, compact ? h("p", {}, "answer") : null, probabilities);
      const invitation = compact ? h("p", { class: "d2l-invitation" }, h("b", {}, "✎ Draw here")) : null;
      const pad = h("div", { class: "d2l-pad" }, invitation, picture.node, tools);
      const file = h("input", { type: "file", accept: "image/*", onchange: () => take(file.files[0]) });
      const choice = compact ? null : h("div", { class: "d2l-choice" }, h("label", {}, "Or drop a picture here, or choose one: ", file), note);
      const node = h("div", { class: `d2l-live d2l-${form}` }, thumbs.length ? h("div", { class: "d2l-row d2l-thumbs" }, ...thumbs) : null, pad, beside, choice, ...grids.map(({ figure }) => figure));
      if (compact) fill(node, { onpointerleave: () => look(null) }, []);
      return { form, node, take, picture, watch, back, thumbs, probabilities, beside, grids, names };
    }

    /** Frames around the number that is looked at, what it reads, and what of the picture it depends on. */
    function explain(input, place) {
      const unit = looked();
      view.panel?.remove();
      for (const { mark } of view.grids) mark(null);
      view.picture.frame([]);
      if (!unit) return null;
      const found = explained(layers, input, seen.outputs, unit), [at, map, row, column] = unit;
      const one = { maps: [map, map + 1], rows: [row, row + 1], columns: [column, column + 1] };
      const grid = view.grids.find((each) => each.at === at), lower = view.grids.find((each) => each.at === at - 1);
      grid?.mark(one);
      if (lower) lower.mark(found.read);
      const [top, left] = place(found.box.rows[0], found.box.columns[0]), [bottom, right] = place(found.box.rows[1], found.box.columns[1]);
      view.picture.frame([{ row: top, column: left, rows: bottom - top, columns: right - left, colour: "var(--d2l-4)" }]);
      const { shape } = seen.outputs[at], where = shape.length > 1 ? `map ${map + 1}, row ${row + 1}, column ${column + 1}` : `number ${map + 1} of ${shape[0]}`;
      if (view.form === "full" && grid) {
        view.panel = panelOf(found, where);
        view.panel.classList.toggle("d2l-up", at > layers.length / 2);
        grid.figure.append(view.panel);
      }
      return { ...found, where };
    }

    function draw(stage) {
      const drawn = mine() !== null, negative = model.get("negative") === true, label = drawn ? null : labels[test()];
      const bytes = current().map((value) => (negative ? 255 - value : value)), middle = model.get("centered") === true;
      if (seen?.key !== `${middle}${bytes}`) {
        const { grey: given, place } = middle ? centered(bytes, side) : { grey: bytes, place: (...point) => point };
        const input = { shape: [1, side, side], values: Float32Array.from(given, (value) => (value / 255 - data.mean) / data.std) };
        seen = { key: `${middle}${bytes}`, place, input, outputs: forward(layers, given, data) };
      }
      const { outputs } = seen, form = model.get("compact") === true ? (narrow.matches ? "narrow" : "wide") : "full";
      if (view?.form !== form) {
        stage.replaceChildren((view = build(form)).node);
        view.beside.append(stage.parentElement.querySelector(".d2l-say"));
        stage.parentElement.classList.toggle("d2l-small", form !== "full");
      }
      const logits = [...outputs.at(-1).values], probabilities = softmax(logits), guess = probabilities.indexOf(Math.max(...probabilities));
      view.picture.draw(side, side, grey(side, bytes), "The picture.");
      view.back.setAttribute("aria-disabled", !past.length);
      view.thumbs.forEach((thumb, at) => thumb.setAttribute("aria-pressed", !drawn && at === test()));
      for (const grid of view.grids) if (grid.shown !== seen) { grid.draw(outputs[grid.at]); grid.shown = seen; }
      const long = Math.max(...classes.map((name) => name.length)) * 7 + 8;
      view.probabilities.replaceChildren(bars(probabilities, classes, guess, label, { name: long, long: { full: 150, wide: 130, narrow: 96 }[form], after: form === "full" && labels.length ? 106 : 56, tall: form === "narrow" ? 19 : 22 }));
      const unit = explain(seen.input, seen.place), sums = outputs.map(({ values }) => values.reduce((a, b) => a + b)), ink = inkOf(model);
      const result = { logits, probabilities, guess: classes[guess], sums, ink, width: clamp(model.get("width"), 1, 5, 2.5), unit: unit && { value: unit.value, box: unit.box } };
      const blank = bytes.every((byte) => byte === bytes[0]);
      let verdict = classes[label] ? `; the label says ${classes[label]}.` : ".";
      if (label === guess) verdict = ", and that is right.";
      if (form !== "full") {
        const now = blank ? "Draw: the network answers at each stroke." : `It says ${classes[guess]}, with ${percent(probabilities[guess])}.`;
        return { say: unit ? `This number, ${shown(unit.value, 2)}, depends on what is in the frame.` : `${now}${drawn || blank ? "" : " Your turn: draw another."}`, result };
      }
      if (drawn || negative) verdict = `. It knows these ${count} classes and nothing else: whatever it is shown, the probabilities add up to 100\u00a0%.`;
      const work = `${shown(bytesOf(network.weights).length)} learned numbers turn these ${size} pixels into ${count} probabilities.`;
      const [pen, ground, other] = model.get("pen") === "dark" ? ["dark", "black", "light"] : ["light", "white", "dark"];
      const unseen = current().every((byte) => byte === ink) ? ` The ${pen} pen leaves nothing on ${ground}: choose the ${other} one.` : "";
      return { say: `${work} The largest, ${percent(probabilities[guess])}, says ${classes[guess]}${verdict}${unseen}`, result };
    }

    const off = interactive({
      model, el, title: "A trained network, layer by layer", traits: ["image", "own", "unit", "compact"], draw,
      hint: "Draw on the picture or choose another. Point at a number of a layer to see what it is made of.",
      controls: [
        { trait: "pen", label: "pen", kind: "choice", options: [["light", "light"], ["dark", "dark"]] },
        { trait: "width", label: "pen width", min: 1, max: 5, step: 0.5, format: (value) => `${shown(value, 1)} pixels` },
        { trait: "negative", label: "negative (light ↔ dark)", kind: "switch" },
      ],
      more: [{ trait: "centered", label: "center and scale what is drawn, as MNIST does", kind: "switch" }],
      reset: () => { halt(); past.length = 0; },
    });
    const stage = el.querySelector(".d2l-stage"), resized = () => draw(stage), dropped = (event) => { event.preventDefault(); view?.take(event.dataTransfer.files[0]); };
    fill(el.firstChild, { ondragover: (event) => event.preventDefault(), ondrop: dropped }, []);  // wherever, or the browser leaves the page
    narrow.addEventListener("change", resized);
    const once = new IntersectionObserver(([{ isIntersecting }]) => {
      if (!isIntersecting) return;
      once.disconnect();
      if (view.watch && !still() && !mine()) view.watch.node.click();
    }, { threshold: 0.6 });
    once.observe(el);
    return () => {
      once.disconnect();
      halt();
      narrow.removeEventListener("change", resized);
      off();
    };
  },
};
