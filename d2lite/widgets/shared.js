// What all interactives share. It stands in front of each one's own script; nothing here is exported.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element; `attributes` may hold listeners (`onclick`), and null leaves one out. */
function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** An SVG element. */
function s(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  // JupyterLab would take the arrow keys for moves from cell to cell and letters for commands, wherever the focus is.
  if (/^(input|select|button)$/i.test(node.tagName) || "tabindex" in attributes) node.setAttribute("data-lm-suppress-shortcuts", "");
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** `value`, a number or the text of one, brought into low … high; anything else becomes `otherwise`. */
function clamp(value, low, high, otherwise = low) {
  const number = typeof value === "string" && value.trim() ? Number(value) : value;
  return typeof number === "number" && !Number.isNaN(number) ? Math.min(Math.max(number, low), high) : otherwise;
}

/** The same as a whole number. */
const whole = (value, low, high, otherwise = low) => Math.round(clamp(value, low, high, otherwise));

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

/** The mean of numbers; null where there are none, or where one is no number. */
const meanOf = (values) => (values.length && values.every(isNumber) ? values.reduce((sum, value) => sum + value, 0) / values.length : null);

/** The bytes of a base64 text; none where it is no such text. */
function bytesOf(text) {
  try {
    return Uint8Array.from(atob(typeof text === "string" ? text : ""), (letter) => letter.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}

/** A number for people: thousands apart, and no more than `digits` decimals. */
function shown(value, digits = 0) {
  if (!Number.isFinite(value)) return String(value);
  return value.toLocaleString("en-US", { maximumFractionDigits: digits, minimumFractionDigits: 0, signDisplay: "negative" }).replace("-", "−");
}

/** 758226 → 758 k: three digits, then thousands, millions or billions (k, M, G). */
function brief(value) {
  const [by, unit] = [[1e9, " G"], [1e6, " M"], [1e3, " k"]].find(([size]) => value >= size) ?? [1, ""];
  return `${isNumber(value) && by > 1 ? Number((value / by).toPrecision(3)).toLocaleString("en-US") : shown(value, value < 10 ? 1 : 0)}${unit}`;
}

/** Ten to a whole power as people write it: 10⁸. */
const raised = (power) => `10${String(power).replace(/./g, (digit) => (digit === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]))}`;

/** Give several traits their values at once. */
function give(model, values) {
  for (const [trait, value] of Object.entries(values)) model.set(trait, value);
  model.save_changes();
}

const COPY = Math.random().toString(36).slice(2, 8);  // each interactive has a copy of this script of its own
let numberOfIds = 0;

/** An id that nothing else in the document has. */
const freshId = (name) => `d2l-${COPY}-${(numberOfIds += 1)}-${name}`;

/**
 * A range input. `value()` is what is set now, `choose(number)` sets it, which changes `traits` of the model. A finger that
 * turns out to scroll the page has changed nothing.
 */
function slider(model, { traits, value, choose, min, max, ...attributes }) {
  let before = {};
  const input = h("input", {
    ...attributes, type: "range", min, max, oninput: () => choose(clamp(input.value, min, max, value())),
    onpointerdown: () => { before = Object.fromEntries(traits.map((trait) => [trait, model.get(trait)])); }, onpointercancel: () => give(model, before),
  });
  return input;
}

/**
 * The handlers of a drag. `take(event)` gives what it begins with, or null where there is nothing to drag; `move(event,
 * held)` follows it. A finger that turns out to scroll the page has changed nothing: `undo(held)`.
 */
function dragged({ take, move, undo }) {
  let held = null;
  return {
    onpointerdown: (event) => {
      held = event.button ? null : take(event);
      if (held) event.currentTarget.setPointerCapture(event.pointerId);
    },
    onpointermove: (event) => { if (held) move(event, held); },
    onpointerup: () => { held = null; },
    onpointercancel: () => {
      if (held) undo(held);
      held = null;
    },
  };
}

/** Whether a key belongs to the browser. */
const isShortcut = (event) => event.altKey || event.ctrlKey || event.metaKey;

/**
 * A labeled control bound to a trait. `kind` is "range" (min, max, step), "choice" (options: [[value, text], …]) or
 * "switch". A value out of range is shown as the nearest in it.
 */
function control(model, { trait, label, kind = "range", min, max, step = 1, options = [], format = (value) => shown(value, 3) }) {
  const id = freshId(trait), choose = (value) => give(model, { [trait]: value });
  let input, output = null, refresh;
  if (kind === "choice") {
    input = h("select", { id, onchange: () => choose(options[input.selectedIndex][0]) }, ...options.map(([, text]) => h("option", {}, text)));
    refresh = () => { input.selectedIndex = Math.max(0, options.findIndex(([value]) => value === model.get(trait))); };
  } else if (kind === "switch") {
    input = h("input", { id, type: "checkbox", onchange: () => choose(input.checked) });
    refresh = () => { input.checked = Boolean(model.get(trait)); };
  } else {
    const middle = clamp(model.get(trait), min, max);
    input = slider(model, { id, min, max, step, choose, traits: [trait], value: () => clamp(model.get(trait), min, max, middle) });
    output = h("output", { for: id, "aria-live": "off" });  // the slider itself tells its value
    refresh = () => {
      const value = clamp(model.get(trait), min, max, middle);
      input.value = value;
      output.textContent = format(value);
      input.setAttribute("aria-valuetext", format(value));
    };
  }
  refresh();
  model.on(`change:${trait}`, refresh);
  const node = h("div", { class: `d2l-control d2l-${kind}`, "data-trait": trait }, h("label", { for: id }, label), input, output);
  return { node, off: () => model.off(`change:${trait}`, refresh) };
}

/** Whether the reader asked for no motion. */
const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/**
 * A button that plays and pauses: `tick()` is called each `every` milliseconds until it returns false, and must do so in
 * the end. Where the reader asked for no motion, all ticks follow at once. `stop()` pauses; call it on reset and at the
 * end. `on()` says whether it plays.
 */
function player({ label, every, tick }) {
  let timer = null;
  const node = h("button", { type: "button", class: "d2l-play", onclick: () => (timer ? stop() : start()) });
  const show = () => { node.textContent = timer ? "❚❚ pause" : `▶ ${label}`; };
  const stop = () => {
    clearInterval(timer);
    timer = null;
    show();
  };
  const start = () => {
    if (still()) while (tick());
    else timer = setInterval(() => { if (!tick()) stop(); }, every);
    show();
  };
  show();
  return { node, stop, on: () => timer !== null };
}

/**
 * The frame of an interactive: its title and a line of instruction (`hint`), controls, a stage to draw on, and a
 * sentence that says what is seen. `buttons` stand behind the controls; controls of `more` are folded away.
 *
 * `draw(stage, revealed)` is called at once and after each change of one of `traits`. It fills the stage and returns
 * `{ say, result }`: the sentence, and the numbers shown. An error in it is shown in place of the sentence.
 *
 * `answer` is `{ label, show }`, a button for what the question before the interactive asks. Where it has no `show`, the
 * button turns `revealed` on and off, false at first; with it, the button calls `show()`, which sets traits.
 *
 * A button brings all traits back to what they were when the page opened, and calls `reset()` for what the script keeps.
 */
function interactive({ model, el, title, hint = "", controls = [], more = [], buttons = [], traits = [], answer = null, reset = () => {},
  draw }) {
  const made = [...controls, ...more].map((options) => control(model, options)), nodes = made.map(({ node }) => node);
  let revealed = false;
  const asked = answer && h("button", {
    type: "button", class: "d2l-answer", "aria-pressed": answer.show ? null : "false",
    onclick: () => (answer.show ? answer.show() : reveal(!revealed)),
  }, answer.label);
  const reveal = (value) => {
    revealed = value;
    if (asked && !answer.show) asked.setAttribute("aria-pressed", revealed);
    soon();
  };
  const told = freshId("hint");
  const head = h(
    "div", { class: "d2l-head" }, h("p", { class: "d2l-title" }, title),
    h("button", { type: "button", class: "d2l-reset", onclick: () => restart() }, "reset"), h("p", { class: "d2l-hint", id: told }, hint),
  );
  const stage = h("div", { class: "d2l-stage" });
  const sentence = h("p", { class: "d2l-say" }), spoken = h("p", { class: "d2l-spoken", "aria-live": "polite" });
  const folded = more.length ? h("details", { class: "d2l-more" }, h("summary", {}, "more"), h("div", { class: "d2l-controls" },
    ...nodes.splice(controls.length))) : null;
  const board = h("div", { class: "d2l-controls" }, ...nodes, asked || buttons.length ? h("div", { class: "d2l-buttons" }, ...buttons, asked) : null);
  const frame = h("div", { class: "d2l-interactive", role: "group", "aria-label": title, "aria-describedby": told }, head, board,
    folded, stage, sentence, spoken);
  el.replaceChildren(frame);
  let timer = null;
  const redraw = () => {
    try {
      const { say, result } = draw(stage, revealed);
      sentence.textContent = say;
      give(model, { result });
    } catch (error) {
      sentence.textContent = `This cannot be drawn: ${error.message}`;
    }
    // What is below does not move while a slider does; at rest, or after another choice, the stage may be lower.
    stage.style.minHeight = `${Math.max(parseFloat(stage.style.minHeight) || 0, stage.offsetHeight)}px`;
  };
  const loosen = () => { stage.style.minHeight = ""; };
  const rest = () => {
    spoken.textContent = sentence.textContent;
    loosen();
  };
  const settle = () => {  // once, when the reader has come to rest
    clearTimeout(timer);
    timer = setTimeout(rest, REST);
  };
  let waiting = false, gone = false;
  const soon = () => {  // once, however many traits change together
    if (!waiting) queueMicrotask(() => { waiting = false; if (!gone) redraw(); });
    waiting = true;
    settle();
  };
  const names = [...new Set([...traits, ...[...controls, ...more].map(({ trait }) => trait)])];
  const first = Object.fromEntries(names.map((trait) => [trait, model.get(trait)]));
  const restart = () => {
    reset();
    loosen();
    give(model, first);
    reveal(false);
  };
  const watched = names.map((trait) => `change:${trait}`);
  const choices = [...controls, ...more].filter(({ kind }) => kind === "choice").map(({ trait }) => `change:${trait}`);
  for (const event of choices) model.on(event, loosen);
  for (const event of watched) model.on(event, soon);
  addEventListener("resize", loosen);
  redraw();
  return () => {
    gone = true;
    clearTimeout(timer);
    removeEventListener("resize", loosen);
    for (const event of choices) model.off(event, loosen);
    for (const event of watched) model.off(event, soon);
    for (const { off } of made) off();
  };
}

const REST = 600;  // milliseconds
/** Keys that move on a drawing: [down, right] of each. Home and End go as far as it reaches, and the page stays where it is. */
const MOVES = {
  ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -1e4], End: [0, 1e4], PageUp: [-5, 0], PageDown: [5, 0],
};

/**
 * A grid of colored cells. `draw(rows, columns, color, label)` paints it: `color(row, column)` is [red, green, blue],
 * or these and alpha, from 0 to 255. `mark(frames)` lays frames { row, column, rows, columns, color, dashed } over it.
 * With `point` one may walk on it: hover and tap call `point(row, column, tapped)`, the arrow keys `step(down, right)`. A
 * finger that moves scrolls the page.
 */
function pixels({ width, point = null, step = null }) {
  const canvas = h("canvas", { role: "img" });
  const frames = s("svg", { "aria-hidden": "true", preserveAspectRatio: "none" });
  const node = h("div", { class: "d2l-pixels", style: `width: ${width}px` }, canvas, frames);
  const touched = ({ clientX, clientY, type }) => {
    const box = canvas.getBoundingClientRect();
    const cell = (at, length, count) => Math.floor(clamp(at / length, 0, 0.9999) * count);
    point(cell(clientY - box.top, box.height, canvas.height), cell(clientX - box.left, box.width, canvas.width), type === "click");
  };
  const pressed = (event) => {
    if (!(event.key in MOVES) || isShortcut(event)) return;
    event.preventDefault();
    step(...MOVES[event.key]);
  };
  const hovered = (event) => event.pointerType !== "touch" && touched(event);
  if (point) fill(node, { tabindex: 0, role: "application", onpointermove: hovered, onclick: touched, onkeydown: pressed }, []);
  const draw = (rows, columns, color, label) => {
    [canvas.width, canvas.height] = [columns, rows];
    const image = new ImageData(columns, rows);
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        const cell = color(row, column), at = 4 * (row * columns + column);
        for (let channel = 0; channel < 4; channel += 1) image.data[at + channel] = cell[channel] ?? 255;
      }
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
    canvas.setAttribute("aria-label", label);
    if (point) node.setAttribute("aria-label", `${label} The arrow keys move over it.`);
    frames.setAttribute("viewBox", `0 0 ${columns} ${rows}`);
  };
  const mark = (list) => frames.replaceChildren(...list.flatMap(({ row, column, rows = 1, columns = 1, color = "var(--d2l-2)", dashed = false }) => {
    const place = { x: column, y: row, width: columns, height: rows, fill: "none", "vector-effect": "non-scaling-stroke" };
    const under = s("rect", { ...place, stroke: "#fff", "stroke-width": 4 });
    return [dashed ? null : under, s("rect", { ...place, stroke: color, "stroke-width": 2, "stroke-dasharray": dashed ? "4 3" : null })].filter(Boolean);
  }));
  return { node, draw, mark };
}

/**
 * What a pointer looks at on grids of pixels: hover moves the look, a click pins it, and a click on the same place, or
 * Escape, lets it go. `look(…place)` moves it, `place()` says where it is now, `changed()` hears of a pin. Gives
 * `{ point, key, held, release }`: listeners for the grids, whether there is a pin, and how to take it away.
 */
function pinned({ look, place, changed }) {
  let held = false;
  const release = () => {
    held = false;
    changed();
  };
  const point = (row, column, tapped) => {
    if (held && !tapped) return;
    const before = place();
    look(row, column);
    if (!tapped) return;
    held = !held || before !== place();
    changed();
  };
  return { point, release, held: () => held, key: ({ key }) => { if (key === "Escape" && held) release(); } };
}

/** The trait's value where it is one of `options`; else `otherwise`, which the trait then gets, so that a choice shows it. */
function chosen(model, trait, options, otherwise) {
  if (options.includes(model.get(trait))) return model.get(trait);
  model.set(trait, otherwise);
  return otherwise;
}

/** A table; a cell is a node, text, or what `barCell` makes. The first of a row is its header; an empty text heads nothing. */
function tableOf(head, rows) {
  const made = (cell, heads) => (cell?.tagName === "TD" ? cell : heads && cell !== "" ? h("th", { scope: heads }, cell) : h("td", {}, cell));
  const first = h("thead", {}, h("tr", {}, ...head.map((cell) => made(cell, "col"))));
  const others = rows.map((row) => h("tr", {}, ...row.map((cell, index) => made(cell, index ? null : "row"))));
  return h("table", { class: "d2l-table" }, first, h("tbody", {}, ...others));
}

/** A cell of a table with a bar below its text: `share`, 0 to 1, of the cell's width; `color` as in CSS. */
function barCell(text, share, color) {
  return h("td", {}, text, h("span", { class: "d2l-bar", style: `width: ${100 * clamp(share, 0, 1, 0)}%; background: ${color}` }));
}
