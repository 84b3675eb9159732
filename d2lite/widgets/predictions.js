// Test images with what networks take them for: `selected`, `shared` and `confusion` are the same as in predictions.py.

const EVERY = "every class";
const WHICH = ["wrong", "right", "networks disagree", "all networks wrong", "all"];
const MOST = 120;
const FIRST = 12;  // images that a phone shows at once
const BLOCK = 8;  // an image has as many rows and columns of the sheet as make whole blocks of JPEG

/** The sheet with the images one below the other; null where the text holds no picture. */
function sheetOf(text) {
  if (!/^data:image\/(png|jpeg);base64,/.test(text)) return null;
  return new Promise((resolve) => {
    const sheet = h("img", { onload: () => resolve(sheet), onerror: () => resolve(null) });
    sheet.src = text;
  });
}

/** What the traits hold, checked: nothing but images with a label and an answer of each network. */
async function dataOf(model) {
  const [rows, columns] = model.get("size"), classes = model.get("classes").map(String);
  const labels = model.get("labels").slice(0, MOST);
  const answers = model.get("answers").filter((given) => given?.predicted?.length >= labels.length);
  const named = [labels, ...answers.map(({ predicted }) => predicted)].every((list) => list.every((value) => value in classes));
  const sheet = await sheetOf(model.get("pixels")), apart = BLOCK * Math.ceil(rows / BLOCK);
  const fits = sheet && columns <= sheet.naturalWidth && apart * labels.length <= sheet.naturalHeight;
  if (!named || (labels.length && !fits)) throw new Error("images, labels, classes and answers do not fit together.");
  return { rows, columns, apart, classes, sheet, labels, answers: Object.fromEntries(answers.map((given) => [String(given.name), given])) };
}

/** Numbers of the images of a class (-1: of every class) of which `which` is true. */
function selected({ labels, answers }, network, which, label) {
  const disagree = (image) => new Set(Object.values(answers).map(({ predicted }) => predicted[image])).size > 1;
  const right = (image) => answers[network].predicted[image] === labels[image];
  const allWrong = (image) => Object.values(answers).every(({ predicted }) => predicted[image] !== labels[image]);
  const wrong = (image) => !right(image);
  const rule = { all: () => true, right, wrong, "networks disagree": disagree, "all networks wrong": allWrong }[which];
  return labels.flatMap((actual, image) => ((label < 0 || actual === label) && rule(image) ? [image] : []));
}

/** How many mistakes of `network` each other one makes too, and in how many of them it says the same class. */
function shared(data, network, label) {
  const { labels, answers } = data, wrong = selected(data, network, "wrong", label), own = answers[network].predicted;
  return Object.fromEntries(Object.entries(answers).filter(([name]) => name !== network).map(([name, { predicted }]) => {
    const both = wrong.filter((image) => predicted[image] !== labels[image]);
    return [name, [both.length, both.filter((image) => predicted[image] === own[image]).length]];
  }));
}

/** How many images of class `label` are taken for each class. */
function confusion({ labels, classes }, predicted, label) {
  return classes.map((_, guess) => labels.filter((actual, image) => actual === label && predicted[image] === guess).length);
}

/** An image as a canvas. */
function drawn({ rows, columns, apart, sheet }, image) {
  const canvas = h("canvas", { width: columns, height: rows, "aria-hidden": "true" });
  canvas.getContext("2d").drawImage(sheet, 0, image * apart, columns, rows, 0, 0, columns, rows);
  return canvas;
}

/**
 * The grid: one place for the keyboard, on which the arrow keys choose an image. On a phone it does not scroll by itself,
 * which would catch a finger that moves the page; there a button shows more of it.
 */
function grid(choose) {
  const node = h("div", { class: "d2l-images", role: "listbox", tabindex: 0, "aria-label": "Test images. The arrow keys choose one." });
  const id = freshId("images");
  const more = h("button", { type: "button", onclick: () => { most += 2 * FIRST; fold(); } });
  let options = [], most = FIRST;
  const fold = () => {
    options.forEach((option, index) => option.classList.toggle("d2l-later", index >= most));
    more.textContent = `more images (${Math.min(most, options.length)} of ${options.length} are shown)`;
    more.hidden = most >= options.length;
  };
  const at = () => options.findIndex((option) => option.getAttribute("aria-selected") === "true");
  node.addEventListener("keydown", (event) => {
    const second = options.findIndex((option) => option.offsetTop > options[0].offsetTop), across = second < 0 ? options.length : second;
    const to = { ArrowLeft: at() - 1, ArrowRight: at() + 1, ArrowUp: at() - across, ArrowDown: at() + across, Home: 0, End: options.length - 1 }[event.key];
    if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    if (to in options) choose(to);
  });
  const draw = (made, number) => {
    options = made.map(({ picture, actual, taken, right }, index) => h("div", {
      id: `${id}-${index}`, role: "option", class: right ? "d2l-right" : "d2l-wrong", onclick: () => choose(index),
      "aria-selected": String(index === number), "aria-label": `${actual}, ${right ? "recognized" : `taken for ${taken}`}`,
    }, picture, h("span", {}, actual), h("span", {}, `${right ? "✓" : "✗"} ${taken}`)));
    node.replaceChildren(...options);
    most = Math.max(most, number + 1);  // the keys go on to the next
    fold();
    if (options.length) node.setAttribute("aria-activedescendant", `${id}-${number}`);
    else node.removeAttribute("aria-activedescendant");
    const { offsetTop = 0, offsetHeight = 0 } = options[number] ?? {};  // seen in the grid; the page stays where it is
    node.scrollTop = clamp(node.scrollTop, offsetTop + offsetHeight - node.clientHeight, offsetTop);
  };
  return { node: h("div", { class: "d2l-listed" }, node, more), draw };
}

/** What each network says of the chosen image. */
function verdicts({ classes, labels, answers }, image) {
  return tableOf(["network", "says", "sure"], Object.entries(answers).map(([name, { predicted, sure }]) => {
    const said = h("td", {}, `${predicted[image] === labels[image] ? "✓" : "✗"} ${classes[predicted[image]]}`);
    return [name, said, sure?.length ? sure[image].toFixed(2) : "–"];
  }));
}

/** One class: what it is taken for, by each network. Every class: how many are right, and the commonest mistake. */
function counts(data, network, label) {
  const names = Object.keys(data.answers), { classes } = data;
  if (label >= 0) {
    const taken = names.map((name) => confusion(data, data.answers[name].predicted, label)), most = Math.max(1, ...taken.flat());
    const rows = classes.map((text, guess) => {
      const [title, colour] = guess === label ? [`${text} (right)`, "var(--d2l-3)"] : [text, "var(--d2l-2)"];
      return [title, ...taken.map((row) => barCell(String(row[guess]), row[guess] / most, colour))];
    });
    return tableOf([`${classes[label]}, taken for`, ...names], rows.filter((_, guess) => taken.some((row) => row[guess])));
  }
  return tableOf([network, "right", "most often taken for"], classes.map((text, actual) => {
    const row = confusion(data, data.answers[network].predicted, actual), all = row.reduce((a, b) => a + b, 0);
    const wrong = row.map((count, guess) => (guess === actual ? 0 : count)), most = Math.max(...wrong);
    return [text, barCell(`${row[actual]} of ${all}`, row[actual] / all, "var(--d2l-3)"), most ? `${classes[wrong.indexOf(most)]} (${most})` : "–"];
  }));
}

/** The counts and the chosen image, in words. */
function told(data, network, which, label, list, image) {
  const { labels, answers, classes } = data, of = labels.filter((actual) => label < 0 || actual === label).length;
  const what = label < 0 ? "images" : `images of ${classes[label]}`;
  const wrong = selected(data, network, "wrong", label), others = Object.entries(shared(data, network, label));
  const also = others.map(([name, [both, alike]]) => `${name} gets ${both} wrong as well${both ? `, ${alike} of them for the same class` : ""}`);
  const apart = others.length ? ` The networks disagree on ${list.length}.` : " With one network there is nothing to disagree on.";
  const more = { "networks disagree": apart, "all networks wrong": others.length > 1 ? ` All networks get ${list.length} wrong.` : "" }[which] ?? "";
  const counted = `${network} gets ${wrong.length} of ${of} ${what} wrong.`;
  const text = `${counted}${also.length && wrong.length ? ` Of these, ${also.join("; ")}.` : ""}${more}`;
  if (image === undefined) return `${text} There is no such image.`;
  const says = Object.entries(answers).map(([name, { predicted, sure }]) => (
    `${name} says ${classes[predicted[image]]}${sure?.length ? ` (${sure[image].toFixed(2)})` : ""}`
  ));
  return `${text} Test image ${image + 1}: ${classes[labels[image]]}. ${says.join(", ")}.`;
}

export default {
  async render({ model, el }) {
    let data, problem = null;
    try {
      data = await dataOf(model);
    } catch (error) {
      problem = error.message;
      data = { classes: [], labels: [], answers: {} };
    }
    const names = Object.keys(data.answers), pictures = data.labels.map((_, image) => drawn(data, image));
    const images = grid((number) => give(model, { image: number }));
    const side = h("div", { class: "d2l-side" }), spoken = (name) => (names.length === 2 ? name.replace("all networks", "both") : name);
    return interactive({
      model, el, label: "Test images and predictions", traits: ["image"],
      controls: [
        { trait: "network", label: "network", kind: "choice", options: names.map((name) => [name, name]) },
        { trait: "which", label: "show", kind: "choice", options: WHICH.map((name) => [name, spoken(name)]) },
        { trait: "label", label: "class", kind: "choice", options: [EVERY, ...data.classes].map((name) => [name, name]) },
      ],
      draw(stage) {
        const empty = problem ?? "There are no images with predictions to show.";
        if (!pictures.length || !names.length) return { say: empty, result: { shown: [] } };
        if (!stage.firstChild) stage.append(h("div", { class: "d2l-row" }, images.node, side));
        const network = chosen(model, "network", names, names[0]), which = chosen(model, "which", WHICH, WHICH[0]);
        const label = data.classes.indexOf(chosen(model, "label", [EVERY, ...data.classes], EVERY));
        const list = selected(data, network, which, label), number = whole(model.get("image"), 0, Math.max(0, list.length - 1), 0);
        const { predicted } = data.answers[network], image = list[number];
        images.draw(list.map((one) => {
          const [actual, taken] = [data.labels[one], predicted[one]].map((label) => data.classes[label]);
          return { picture: pictures[one], actual, taken, right: actual === taken };
        }), number);
        const large = image === undefined ? null : h("div", { class: "d2l-row" },
          h("div", { class: "d2l-large" }, drawn(data, image)),
          h("div", {}, h("strong", {}, data.classes[data.labels[image]]), verdicts(data, image)));
        side.replaceChildren(...[large, counts(data, network, label)].filter(Boolean));
        const table = Object.fromEntries(names.map((name) => [name, data.classes.map((_, actual) => confusion(data, data.answers[name].predicted, actual))]));
        const result = { shown: list, image: image ?? null, confusion: table, shared: shared(data, network, label) };
        return { say: told(data, network, which, label, list, image), result };
      },
    });
  },
};
