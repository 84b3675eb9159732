// Test images with what networks take them for: `selected`, `shared` and `confusion` are the same as in predictions.py.

const EVERY = "every class", ANY = "any class";
const WHICH = ["wrong", "right", "networks disagree", "all networks wrong", "all"];
const MOST = 120;
const SQUARES = 12;  // classes, the most of which the squares find room
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
  const everyone = model.get("counts") ?? {}, fine = (count) => Number.isInteger(count) && count >= 0;
  const counted = answers.length && answers.every(({ name }) => everyone[name]?.length === classes.length
    && everyone[name].every((row) => row?.length === classes.length && row.every(fine)));
  return {
    rows, columns, apart, classes, sheet, labels, everyone: counted ? everyone : null,
    answers: Object.fromEntries(answers.map((given) => [String(given.name), given])),
  };
}

/** Numbers of the images of class `label` of which `which` is true and which the network takes for `taken`; -1 is every class. */
function selected({ labels, answers }, network, which, label, taken = -1) {
  const disagree = (image) => new Set(Object.values(answers).map(({ predicted }) => predicted[image])).size > 1;
  const right = (image) => answers[network].predicted[image] === labels[image];
  const allWrong = (image) => Object.values(answers).every(({ predicted }) => predicted[image] !== labels[image]);
  const wrong = (image) => !right(image);
  const rule = { all: () => true, right, wrong, "networks disagree": disagree, "all networks wrong": allWrong }[which];
  const fits = (actual, image) => (label < 0 || actual === label) && (taken < 0 || answers[network].predicted[image] === taken);
  return labels.flatMap((actual, image) => (fits(actual, image) && rule(image) ? [image] : []));
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
    const to = { ArrowLeft: at() - 1, ArrowRight: at() + 1, ArrowUp: at() - across, ArrowDown: at() + across, Home: 0, End: options.length - 1,
      PageUp: Math.max(0, at() - 3 * across), PageDown: Math.min(options.length - 1, at() + 3 * across) }[event.key];
    if (to === undefined || isShortcut(event)) return;
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

/** What the network gives to each class, where that is known. */
function shares({ classes, labels, answers }, network, image) {
  const row = answers[network].shares?.[image];
  if (!row?.every(isNumber)) return null;
  const color = (guess) => (guess === labels[image] ? "var(--d2l-3)" : "var(--d2l-2)");
  const lines = classes.flatMap((text, guess) => [
    h("span", {}, text), h("span", { class: "d2l-track" }, h("span", { class: "d2l-bar",
      style: `width: ${100 * clamp(row[guess], 0, 1)}%; background: ${color(guess)}` })), h("span", {}, row[guess].toFixed(2)),
  ]);
  return h("div", { class: "d2l-shares" }, h("small", {}, `${network}’s probabilities`), ...lines);
}

/** What one class is taken for, by each network. */
function counts({ classes }, tables, label) {
  const names = Object.keys(tables), taken = names.map((name) => tables[name][label]), most = Math.max(1, ...taken.flat());
  const rows = classes.map((text, guess) => {
    const [title, color] = guess === label ? [`${text} (right)`, "var(--d2l-3)"] : [text, "var(--d2l-2)"];
    return [title, ...taken.map((row) => barCell(shown(row[guess]), row[guess] / most, color))];
  });
  return tableOf([`${classes[label]}, taken for`, ...names], rows.filter((_, guess) => taken.some((row) => row[guess])));
}

/**
 * A square for each class and what it is taken for, closed until `open(actual, taken)` says otherwise. `choose(actual,
 * taken)` hears of a click; -1 stands for every class, as of the name of a row or column. The arrow keys move, Enter opens.
 */
function squares({ classes }, choose) {
  let at = [0, 0], drawn = () => {};
  const cells = h("div", { class: "d2l-cells-of", style: `grid-template-columns: auto repeat(${classes.length}, minmax(0, 1fr))`, "aria-hidden": "true" });
  const node = h("div", { class: "d2l-squares", tabindex: 0, role: "application", onkeydown: (event) => {
    if (isShortcut(event) || !(event.key in MOVES || event.key === "Enter" || event.key === " ")) return;
    event.preventDefault();
    if (event.key in MOVES) at = at.map((place, axis) => clamp(place + MOVES[event.key][axis], 0, classes.length - 1));
    else choose(...at);
    drawn();
  } }, cells);
  const draw = (table, open, label, taken, hints) => {
    const off = table.flatMap((row, actual) => row.filter((_, guess) => guess !== actual && open(actual, guess))), most = Math.max(1, ...off);
    const square = (count, actual, guess) => {
      const seen = open(actual, guess), right = actual === guess, all = table[actual].reduce((a, b) => a + b, 0);
      const share = seen && count ? 15 + Math.round((75 * count) / (right ? all : most)) : 0;
      return h("span", {
        class: `d2l-square${seen ? "" : " d2l-closed"}${actual === at[0] && guess === at[1] ? " d2l-at" : ""}`, "data-cell": `${actual},${guess}`,
        style: share ? `background: color-mix(in srgb, var(--d2l-${right ? 3 : 2}) ${share}%, transparent)` : null,
        "data-chosen": actual === label && guess === taken, onclick: () => { at = [actual, guess]; choose(actual, guess); },
      }, seen ? String(count) : "");
    };
    const sums = { line: classes.map((_, at) => lostOf(table, at)), column: classes.map((_, at) => wonOf(table, at)) };  // bars behind names
    const named = (at, way, on, pick) => h("span", { class: `d2l-${way}`, "data-chosen": on, onclick: pick,
      style: hints ? `--share: ${Math.round((100 * sums[way][at]) / Math.max(1, ...sums[way]))}%` : null }, classes[at]);
    cells.replaceChildren(h("small", {}, "taken for →"), ...classes.map((_, guess) => named(guess, "column", guess === taken, () => choose(-1, guess))),
      ...table.flatMap((row, actual) => [named(actual, "line", actual === label, () => choose(actual, -1)), ...row.map((count,
        guess) => square(count, actual, guess))]));
    drawn = () => {
      const [actual, guess] = at, what = open(actual, guess) ? `: ${table[actual][guess]}` : ", closed";
      for (const one of cells.querySelectorAll(".d2l-square")) one.classList.toggle("d2l-at", one.dataset.cell === at.join());
      node.setAttribute("aria-label", `${classes[actual]} taken for ${classes[guess]}${what}. The arrow keys move, Enter opens.`);
    };
    drawn();
  };
  return { node, draw };
}

/** How many images of a class go wrong, and how many others are taken for it. */
const lostOf = (table, label) => table[label].reduce((sum, count, guess) => sum + (guess === label ? 0 : count), 0);
const wonOf = (table, taken) => table.reduce((sum, row, actual) => sum + (actual === taken ? 0 : row[taken]), 0);

/** What the hunt for the commonest mistake has come to: a line in words, and whether it has ended. */
function hunted(table, classes, tries) {
  const count = ([actual, guess]) => table[actual][guess];
  const most = Math.max(0, ...table.flatMap((row, actual) => row.filter((_, guess) => guess !== actual)));
  const words = ([actual, guess]) => `${classes[actual]} for ${classes[guess]}`, found = tries.findIndex((pair) => count(pair) === most), last = tries.at(-1);
  if (!tries.length || !most) return ["The commonest mistake hides in one of these squares. How many must you open?", false];
  if (found >= 0) return [`✓ ${words(tries[found])}, ${shown(most)} times: no mistake is more common. It was your square number ${found + 1}.`, true];
  const step = tries.length < 2 ? "" : count(last) === Math.max(...tries.map(count)) ? " Warmer than before." : " Colder than before.";
  return [`${words(last)}: ${shown(count(last))}.${step} Bars behind the names: which classes go wrong, and what they are taken for.`, false];
}

/** Pairs that go wrong most often among those that are open: how often, and in words. */
function worst(table, classes, open) {
  const pairs = table.flatMap((row, actual) => row.map((count, guess) => ({ count, actual, guess }))).filter(({ actual, guess }) =>
    actual !== guess && open(actual, guess));
  const most = Math.max(0, ...pairs.map(({ count }) => count)), found = pairs.filter(({ count }) => count === most);
  const words = found.slice(0, 3).map(({ actual, guess }) => `${classes[actual]} for ${classes[guess]}`).join(", ");
  return { opened: pairs.length, most, words: `${words}${found.length > 3 ? ` and ${found.length - 3} more` : ""}` };
}

/** The counts and the chosen image, in words; who shares mistakes, and which is the commonest, once it was asked for. */
function told(data, { network, which, label, taken, list, image, own, revealed, found }) {
  const { labels, answers, classes, everyone } = data, sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
  const rows = label < 0 ? classes.map((_, at) => at) : [label], of = sum(rows.map((row) => sum(own[row]))), lost = sum(rows.map((row) => lostOf(own, row)));
  const what = label < 0 ? "images" : `images of ${classes[label]}`;
  const wrong = selected(data, network, "wrong", label), others = Object.entries(shared(data, network, label));
  const also = others.map(([name, [both, alike]]) => `${name} gets ${both} wrong as well${both ? `, ${alike} of them for the same class` : ""}`);
  const apart = others.length ? ` The networks disagree on ${list.length}.` : " With one network there is nothing to disagree on.";
  const more = { "networks disagree": apart, "all networks wrong": others.length > 1 ? ` All networks get ${list.length} wrong.` : "" }[which] ?? "";
  const pairs = (classes.length - 1) * classes.length, times = found.most === 1 ? "once" : `${shown(found.most)} times`;
  const around = label < 0 || taken < 0 || label === taken ? ""  // a hint for the hunt: where to look next
    : ` In all, ${shown(lost)} of ${classes[label]} go wrong, and ${shown(wonOf(own, taken))} of others are taken for ${classes[taken]}.`;
  const counted = everyone ? ` That is of all ${shown(sum(own.flat()))} images; ${labels.length} of them are shown.`
    : ` That is of these ${labels.length} images alone: in the whole test set it may be another.`;
  const hunt = revealed ? ` Its commonest mistake, ${times}: ${found.words}.${counted}`
    : `${around} You have opened ${found.opened} of ${pairs} mistakes; the commonest so far, ${times}: ${found.words}.`;
  const cell = taken < 0 ? "" : ` It takes ${shown(sum(rows.map((row) => own[row][taken])))} of ${label < 0 ? "all images" : "these"} for ${classes[taken]}.`;
  const here = everyone ? ` Of the ${wrong.length} that are shown,` : ` Of the ${wrong.length},`;
  const text = `${network} gets ${shown(lost)} of ${shown(of)} ${what} wrong.${cell}${found.most ? hunt : ""}` +
    `${revealed && also.length && wrong.length ? `${here} ${also.join("; ")}.` : ""}${more}`;
  if (image === undefined) return `${text} ${everyone ? `None of them is among the ${labels.length} images here.` : "There is no such image."}`;
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
    const images = grid((number) => give(model, { image: number })), spoken = (name) => (names.length === 2 ? name.replace("all networks", "both") : name);
    const opened = new Set(), few = data.classes.length <= SQUARES;
    const choose = (label, taken) => {
      const [to, as] = [data.classes[label] ?? EVERY, data.classes[taken] ?? ANY], again = to === model.get("label") && as === model.get("taken");
      if (label >= 0 && taken >= 0) opened.add(JSON.stringify([model.get("network"), label, taken]));
      give(model, again ? { label: EVERY, taken: ANY, image: 0 } : { label: to, taken: as, image: 0, ...(taken < 0 ? {} : { which: "all" }) });
    };
    const board = squares(data, choose), table = h("div", { class: "d2l-by-network" }), detail = h("div",
      { class: "d2l-detail d2l-sticky" }), bars = h("div", { class: "d2l-all-shares" });
    const goal = h("p", { class: "d2l-goal", role: "status" }), confusions = h("div", { class: "d2l-confusions" }, ...(few ? [board.node, goal] : []));
    const read = (revealed) => {
      const network = chosen(model, "network", names, names[0]), which = chosen(model, "which", WHICH, WHICH[0]);
      const label = data.classes.indexOf(chosen(model, "label", [EVERY, ...data.classes], EVERY)),
        taken = data.classes.indexOf(chosen(model, "taken", [ANY, ...data.classes], ANY));
      const list = selected(data, network, which, label, taken), number = whole(model.get("image"), 0, Math.max(0, list.length - 1), 0);
      const tables = data.everyone ?? Object.fromEntries(names.map((name) => [name, data.classes.map((_, actual) =>
        confusion(data, data.answers[name].predicted, actual))])), own = tables[network];
      const open = (actual, guess) => revealed || (actual === label && taken < 0) || opened.has(JSON.stringify([network, actual, guess]));
      const tries = [...opened].map((one) => JSON.parse(one)).filter(([of, actual, guess]) => of === network && actual !== guess);
      return { network, which, label, taken, list, number, image: list[number], tables, own, open, revealed,
        tries: tries.map(([, ...pair]) => pair), found: worst(own, data.classes, open) };
    };
    const draw = (stage, revealed) => {
      const empty = problem ?? "There are no images with predictions to show.";
      if (!pictures.length || !names.length) return { say: empty, result: { shown: [] } };
      if (!stage.firstChild) stage.append(h("div", { class: "d2l-browse" }, images.node, detail, bars, confusions, table));
      const view = read(revealed), { network, label, taken, list, number, image } = view, { predicted } = data.answers[network];
      images.draw(list.map((one) => {
        const [actual, said] = [data.labels[one], predicted[one]].map((label) => data.classes[label]);
        return { picture: pictures[one], actual, taken: said, right: actual === said };
      }), number);
      const large = image === undefined ? [] : [h("div", { class: "d2l-large" }, drawn(data, image)), h("div", {}, h("strong", {},
        data.classes[data.labels[image]]), verdicts(data, image))];
      detail.replaceChildren(...large);
      bars.replaceChildren(...[image === undefined ? null : shares(data, network, image)].filter(Boolean));
      board.draw(view.own, view.open, label, taken, revealed || view.tries.length > 0);
      const [aim, ended] = revealed ? ["", false] : hunted(view.own, data.classes, view.tries);
      if (goal.textContent !== aim) goal.textContent = aim;
      goal.dataset.reached = ended;
      table.replaceChildren(...(label >= 0 && taken < 0 ? [counts(data, view.tables, label)] : []));
      const result = { shown: list, image: image ?? null, confusion: view.tables, shared: shared(data, network, label), opened: view.found.opened };
      return { say: told(data, view), result };
    };
    const adopt = ({ target }) => {  // no mistake is among those of a class that are taken for it
      const [label, taken] = ["label", "taken"].map((trait) => el.querySelector(`[data-trait=${trait}] select`));
      if ((target !== label && target !== taken) || label.value !== taken.value) return;
      if (["wrong", "all networks wrong"].includes(model.get("which"))) model.set("which", "right");
    };
    el.addEventListener("change", adopt, true);  // before the choice itself is heard of
    const off = interactive({
      model, el, title: "What is taken for what?", traits: ["image"], draw,
      hint: few ? "Open squares to hunt for the commonest mistake. Tap an image to see what each network says."
        : "Tap an image to see what each network says; choose a class to see what it is taken for.",
      controls: [
        { trait: "network", label: "network", kind: "choice", options: names.map((name) => [name, name]) },
        { trait: "which", label: "show", kind: "choice", options: WHICH.map((name) => [name, spoken(name)]) },
        { trait: "label", label: "class", kind: "choice", options: [EVERY, ...data.classes].map((name) => [name, name]) },
        { trait: "taken", label: "taken for", kind: "choice", options: [ANY, ...data.classes].map((name) => [name, name]) },
      ],
      answer: { label: "show all mistakes" }, reset: () => opened.clear(),
    });
    return () => {
      el.removeEventListener("change", adopt, true);
      off();
    };
  },
};
