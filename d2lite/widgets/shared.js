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
  return value.toLocaleString("en-US", { maximumFractionDigits: digits, minimumFractionDigits: 0 }).replace("-", "−");
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
 * A labelled control bound to a trait. `kind` is "range" (min, max, step), "choice" (options: [[value, text], …]) or
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
    let before = null;  // a finger that turns out to scroll the page has moved nothing
    input = h("input", {
      id, type: "range", min, max, step, oninput: () => choose(clamp(input.value, min, max, middle)),
      onpointerdown: () => { before = model.get(trait); }, onpointercancel: () => choose(before),
    });
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

/**
 * The frame of an interactive: controls, a stage to draw on, and a sentence that says what is seen.
 *
 * `draw(stage)` is called at once and after each change of one of `traits`. It fills the stage and returns
 * `{ say, result }`: the sentence, and the numbers shown. An error in it is shown in place of the sentence.
 */
function interactive({ model, el, label, controls = [], traits = [], draw }) {
  const made = controls.map((options) => control(model, options));
  const stage = h("div", { class: "d2l-stage" });
  const sentence = h("p", { class: "d2l-say" }), spoken = h("p", { class: "d2l-spoken", "aria-live": "polite" });
  const board = h("div", { class: "d2l-controls" }, ...made.map(({ node }) => node));
  const frame = h("div", { class: "d2l-interactive", role: "group", "aria-label": label }, board, stage, sentence, spoken);
  el.replaceChildren(frame);
  let timer = null;
  const redraw = () => {
    try {
      const { say, result } = draw(stage);
      sentence.textContent = say;
      give(model, { result });
    } catch (error) {
      sentence.textContent = `This cannot be drawn: ${error.message}`;
    }
    // What is below does not move while a slider does; another choice may be lower.
    stage.style.minHeight = `${Math.max(parseFloat(stage.style.minHeight) || 0, stage.offsetHeight)}px`;
  };
  const loosen = () => { stage.style.minHeight = ""; };
  const speak = () => {  // once, when the reader has come to rest
    clearTimeout(timer);
    timer = setTimeout(() => { spoken.textContent = sentence.textContent; }, REST);
  };
  let waiting = false, gone = false;
  const soon = () => {  // once, however many traits change together
    if (!waiting) queueMicrotask(() => { waiting = false; if (!gone) redraw(); });
    waiting = true;
    speak();
  };
  const watched = [...new Set([...traits, ...controls.map(({ trait }) => trait)])].map((trait) => `change:${trait}`);
  const choices = controls.filter(({ kind }) => kind === "choice").map(({ trait }) => `change:${trait}`);
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
const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/**
 * A grid of coloured cells. `draw(rows, columns, colour, label)` paints it: `colour(row, column)` is [red, green, blue],
 * or these and alpha, from 0 to 255. `mark(frames)` lays frames { row, column, rows, columns, colour, dashed } over it.
 * With `point` one may walk on it: hover and tap call `point(row, column)`, the arrow keys `step(down, right)`. A finger
 * that moves scrolls the page.
 */
function pixels({ width, point = null, step = null }) {
  const canvas = h("canvas", { role: "img" });
  const frames = s("svg", { "aria-hidden": "true", preserveAspectRatio: "none" });
  const node = h("div", { class: "d2l-pixels", style: `width: ${width}px` }, canvas, frames);
  const touched = ({ clientX, clientY }) => {
    const box = canvas.getBoundingClientRect();
    const cell = (at, length, count) => Math.floor(clamp(at / length, 0, 0.9999) * count);
    point(cell(clientY - box.top, box.height, canvas.height), cell(clientX - box.left, box.width, canvas.width));
  };
  const pressed = (event) => {
    if (!(event.key in ARROWS) || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    step(...ARROWS[event.key]);
  };
  const hovered = (event) => event.pointerType !== "touch" && touched(event);
  if (point) fill(node, { tabindex: 0, role: "application", onpointermove: hovered, onclick: touched, onkeydown: pressed }, []);
  const draw = (rows, columns, colour, label) => {
    [canvas.width, canvas.height] = [columns, rows];
    const image = new ImageData(columns, rows);
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        const cell = colour(row, column), at = 4 * (row * columns + column);
        for (let channel = 0; channel < 4; channel += 1) image.data[at + channel] = cell[channel] ?? 255;
      }
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
    canvas.setAttribute("aria-label", label);
    if (point) node.setAttribute("aria-label", `${label} The arrow keys move over it.`);
    frames.setAttribute("viewBox", `0 0 ${columns} ${rows}`);
  };
  const mark = (list) => frames.replaceChildren(...list.flatMap(({ row, column, rows = 1, columns = 1, colour = "var(--d2l-2)", dashed = false }) => {
    const place = { x: column, y: row, width: columns, height: rows, fill: "none", "vector-effect": "non-scaling-stroke" };
    const under = s("rect", { ...place, stroke: "#fff", "stroke-width": 4 });
    return [dashed ? null : under, s("rect", { ...place, stroke: colour, "stroke-width": 2, "stroke-dasharray": dashed ? "4 3" : null })].filter(Boolean);
  }));
  return { node, draw, mark };
}

/** The trait's value where it is one of `options`; else `otherwise`, which the trait then gets, so that a choice shows it. */
function chosen(model, trait, options, otherwise) {
  if (options.includes(model.get(trait))) return model.get(trait);
  model.set(trait, otherwise);
  return otherwise;
}

/** A table; a cell is a node, text, or what `barCell` makes. The first of a row is its header. */
function tableOf(head, rows) {
  const made = (cell, heads) => (cell?.tagName === "TD" ? cell : heads ? h("th", { scope: heads }, cell) : h("td", {}, cell));
  const first = h("thead", {}, h("tr", {}, ...head.map((cell) => made(cell, "col"))));
  const others = rows.map((row) => h("tr", {}, ...row.map((cell, index) => made(cell, index ? null : "row"))));
  return h("table", { class: "d2l-table" }, first, h("tbody", {}, ...others));
}

/** A cell of a table with a bar below its text: `share`, 0 to 1, of the cell's width; `colour` as in CSS. */
function barCell(text, share, colour) {
  return h("td", {}, text, h("span", { class: "d2l-bar", style: `width: ${100 * clamp(share, 0, 1, 0)}%; background: ${colour}` }));
}
