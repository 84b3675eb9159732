// A picture to draw on, and what a small network makes of it: the output of each layer, the probabilities.

const BARS = { full: { long: 150, tall: 22 }, wide: { long: 108, tall: 28 }, narrow: { long: 54, tall: 22 } };

/** The layers whose maps a compact interactive shows: the last of each run of equal shapes, two at most. */
function firstMaps(outputs) {
  const shapes = outputs.map(({ shape }) => shape);
  return [...shapes.keys()].filter((at) => shapes[at].length === 3 && `${shapes[at]}` !== `${shapes[at + 1]}`).slice(0, 2);
}

const PICTURE = ["image", "own", "negative", "pen"];
const OTHERWISE = { width: 2.5, centered: false, compact: false, unit: [] };  // where an older notebook stored none

export default {
  render({ model, el }) {
    const data = model.get("data"), network = model.get("network"), layers = unpack(network), images = bytesOf(data.images);
    const { side, classes, labels } = data, size = side * side, count = classes.length, narrow = matchMedia("(max-width: 47.99rem)");
    for (const [trait, value] of Object.entries(OTHERWISE)) if (model.get(trait) === undefined) model.set(trait, value);
    const test = () => whole(model.get("image"), 0, images.length / size - 1, 0);
    const mine = () => { const bytes = bytesOf(model.get("own")); return bytes.length === size ? bytes : null; };
    const current = () => mine() ?? images.slice(test() * size, (test() + 1) * size);
    const own = (bytes, more = {}) => give(model, { own: btoa(String.fromCharCode(...bytes)), ...more });
    const past = [];
    let sentence = null, view = null, seen = null, film = false;  // what is built, computed; whether the first image is being drawn
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
    const clear = () => { remember(); empty(); };
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
      const compact = form !== "full", width = (compact ? 10 : 12) * side + 2, picture = sheet({ side, width, begin, line, undo });
      const note = h("output", { style: "display: block" });
      const take = (file) => file && grayOf(file, side).then(
        (bytes) => { remember(); own(bytes, { negative: lightBorder(bytes, side) }); picture.pen(false); note.textContent = ""; },
        () => { note.textContent = `${file.name} is no picture that this browser can read.`; },
      );
      const rolls = (on) => () => { film = on; if (on) empty(); else give(model, { own: "", image: 0 }); };
      const watch = data.strokes?.length ? replay(data.strokes, { line, clear: rolls(true), done: rolls(false) }) : null;
      const button = (text, onclick) => h("button", { type: "button", onclick }, text);
      const back = button("undo", undo), tools = h("div", { class: "d2l-row d2l-tools" }, back, button("clear", clear), watch?.node);
      const names = layers.map(({ kind }, at) => `${kind} ${seen.outputs[at].shape.join(" × ")}`);
      const listed = compact ? firstMaps(seen.outputs) : [...layers.keys()];
      const plan = ([maps]) => {
        const across = Math.ceil(maps / 4);  // four rows, as high as the picture
        return { full: { wide: WIDE }, wide: { across, stretch: (width * across) / 4 }, narrow: { across: 8, stretch: 2 * WIDE } }[form];
      };
      const named = (at) => (compact ? `layer ${listed.indexOf(at) + 1}: ${seen.outputs[at].shape[0]} maps` : names[at]);
      const grids = listed.map((at) => gridOf(at, seen.outputs[at], named(at), plan(seen.outputs[at].shape), looked, look));
      const thumbs = compact ? [] : thumbsOf(data, images, (image) => change({ image, own: "", negative: false }));
      const probabilities = h("div", { class: "d2l-answers" });
      const beside = h("div", { class: "d2l-beside" }, compact ? h("p", {}, "its answer") : null, probabilities);
      const what = classes.every((name) => /^\d$/.test(name)) ? "a digit " : "";
      const invitation = compact ? h("p", { class: "d2l-invitation" }, h("b", {}, `✎ Draw ${what}here`)) : null;
      const pad = h("div", { class: "d2l-pad" }, invitation, picture.node, tools);
      const file = h("input", { type: "file", accept: "image/*", onchange: () => take(file.files[0]) });
      const choice = compact ? null : h("div", { class: "d2l-choice" }, h("label", {}, "Or drop a picture here, or choose one: ", file), note);
      const offered = thumbs.length ? h("div", { class: "d2l-row d2l-thumbs" }, ...thumbs) : null;
      const node = h("div", { class: `d2l-live d2l-${form}` }, offered, pad, beside, choice, ...grids.map(({ figure }) => figure));
      if (compact) fill(node, { onpointerleave: () => look(null) }, []);
      return { form, node, take, picture, watch, back, thumbs, probabilities, beside, grids };
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
      const [[top, left], [bottom, right]] = [0, 1].map((end) => (
        place(found.box.rows[end], found.box.columns[end]).map((at) => clamp(at, 0, side))  // what is padded is not drawn
      ));
      view.picture.frame([{ row: top, column: left, rows: bottom - top, columns: right - left, color: "var(--d2l-4)" }]);
      if (view.form === "full" && grid) {
        const { shape } = seen.outputs[at], place = `map ${map + 1}, row ${row + 1}, column ${column + 1}`;
        view.panel = panelOf(found, shape.length > 1 ? place : `number ${map + 1} of ${shape[0]}`);
        view.panel.classList.toggle("d2l-up", at > layers.length / 2);
        grid.figure.append(view.panel);
      }
      return found;
    }

    function draw(stage) {
      const drawn = mine() !== null, negative = model.get("negative") === true, label = drawn ? null : labels[test()];
      const bytes = current().map((value) => (negative ? 255 - value : value)), middle = model.get("centered") === true;
      if (seen?.key !== `${middle}${bytes}`) {
        const { gray: given, place } = middle ? centered(bytes, side) : { gray: bytes, place: (...point) => point };
        const input = { shape: [1, side, side], values: Float32Array.from(given, (value) => (value / 255 - data.mean) / data.std) };
        seen = { key: `${middle}${bytes}`, place, input, outputs: forward(layers, given, data) };
      }
      const { outputs } = seen, form = model.get("compact") === true ? (narrow.matches ? "narrow" : "wide") : "full";
      if (view?.form !== form) {
        halt();
        stage.replaceChildren((view = build(form)).node);
        view.beside.append((sentence ??= el.querySelector(".d2l-say")));
        stage.parentElement.classList.toggle("d2l-small", form !== "full");
      }
      const logits = [...outputs.at(-1).values], probabilities = softmax(logits), guess = probabilities.indexOf(Math.max(...probabilities));
      view.picture.draw(side, side, gray(side, bytes), "The picture.");
      view.back.setAttribute("aria-disabled", !past.length);
      view.thumbs.forEach((thumb, at) => thumb.setAttribute("aria-pressed", !drawn && at === test()));
      for (const grid of view.grids) if (grid.shown !== seen) { grid.draw(outputs[grid.at]); grid.shown = seen; }
      const long = Math.max(...classes.map((name) => name.length)) * 7 + 8;
      const room = { name: long, ...BARS[form], after: form === "full" && labels.length ? 106 : 50 };
      view.probabilities.replaceChildren(bars(probabilities, classes, guess, label, room));
      const unit = explain(seen.input, seen.place), sums = outputs.map(({ values }) => values.reduce((a, b) => a + b));
      const result = {
        logits, probabilities, guess: classes[guess], sums, ink: inkOf(model), width: clamp(model.get("width"), 1, 5, 2.5),
        unit: unit && { value: unit.value, box: unit.box },
      };
      return { say: form === "full" ? verdict(bytes, probabilities, guess, label) : answer(bytes, probabilities, guess, unit), result };
    }

    /** What the network says of the picture, in a few words. */
    function answer(bytes, probabilities, guess, unit) {
      if (unit) return `This number, ${shown(unit.value, 2)}, depends on what is in the frame.`;
      if (bytes.every((byte) => byte === bytes[0])) return "Draw: the network answers at each stroke.";
      return `The network says ${classes[guess]}: ${percent(probabilities[guess])}.${mine() ? "" : " Your turn: draw another."}`;
    }

    /** The same with what it has to be judged by. */
    function verdict(bytes, probabilities, guess, label) {
      let judged = classes[label] ? `; the label says ${classes[label]}.` : ".";
      if (label === guess) judged = ", and that is right.";
      if (mine() || model.get("negative") === true) {
        judged = `. It knows these ${count} classes and nothing else: whatever it is shown, the probabilities add up to 100%.`;
      }
      const work = `${shown(bytesOf(network.weights).length)} learned numbers turn these ${size} pixels into ${count} probabilities.`;
      const [pen, ground, other] = model.get("pen") === "dark" ? ["dark", "black", "light"] : ["light", "white", "dark"];
      const nothing = ` The ${pen} pen leaves nothing on ${ground}: choose the ${other} one.`, ink = inkOf(model);
      const unseen = current().every((byte) => byte === ink) ? nothing : "";
      return `${work} The largest, ${percent(probabilities[guess])}, says ${classes[guess]}${judged}${unseen}`;
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
    const stage = el.querySelector(".d2l-stage"), resized = () => { sentence.textContent = draw(stage).say; };
    const dropped = (event) => { event.preventDefault(); view?.take(event.dataTransfer.files[0]); };
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
