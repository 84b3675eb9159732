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
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** `value` brought into low … high; what is no number becomes `otherwise`. */
function clamp(value, low, high, otherwise = low) {
  const number = typeof value === "string" && value.trim() === "" ? NaN : Number(value);
  return Number.isNaN(number) ? otherwise : Math.min(Math.max(number, low), high);
}

/** A number for people: thousands apart, and no more than `digits` decimals. */
function shown(value, digits = 0) {
  if (!Number.isFinite(value)) return String(value);
  return value.toLocaleString("en-US", { maximumFractionDigits: digits, minimumFractionDigits: 0 });
}

let numberOfControls = 0;

/**
 * A labelled control bound to a trait. `kind` is "range" (min, max, step), "choice" (options: [[value, text], …]) or
 * "switch". A range also takes a typed number; what is out of range is brought back into it.
 */
function control(model, { trait, label, kind = "range", min, max, step = 1, options = [], format = (value) => shown(value, 3) }) {
  const id = `d2l-control-${(numberOfControls += 1)}-${trait}`;
  const give = (value) => {
    model.set(trait, value);
    model.save_changes();
  };
  let input, output = null, refresh;
  if (kind === "choice") {
    input = h("select", { id, onchange: () => give(options[input.selectedIndex][0]) }, ...options.map(([, text]) => h("option", {}, text)));
    refresh = () => { input.selectedIndex = Math.max(0, options.findIndex(([value]) => value === model.get(trait))); };
  } else if (kind === "switch") {
    input = h("input", { id, type: "checkbox", onchange: () => give(input.checked) });
    refresh = () => { input.checked = Boolean(model.get(trait)); };
  } else {
    const middle = clamp(model.get(trait), min, max);
    input = h("input", { id, type: "range", min, max, step, oninput: () => give(clamp(input.value, min, max, middle)) });
    output = h("output", { for: id });
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
  const sentence = h("p", { class: "d2l-say", "aria-live": "polite" });
  const frame = h("div", { class: "d2l-interactive", role: "group", "aria-label": label }, h("div", { class: "d2l-controls" }, ...made.map(({ node }) => node)), stage, sentence);
  el.replaceChildren(frame);
  const redraw = () => {
    try {
      const { say, result } = draw(stage);
      sentence.textContent = say;
      model.set("result", result);
      model.save_changes();
    } catch (error) {
      sentence.textContent = `This cannot be drawn: ${error.message}`;
    }
  };
  const watched = [...new Set([...traits, ...controls.map(({ trait }) => trait)])].map((trait) => `change:${trait}`);
  for (const event of watched) model.on(event, redraw);
  redraw();
  return () => {
    for (const event of watched) model.off(event, redraw);
    for (const { off } of made) off();
  };
}
