// Challenges of the training lab. Each is met by what runs measured, and by nothing else.

const LAST = 20;  // steps whose mean loss counts
const BLIND = 2.25;  // a loss from which on a run guesses, to one decimal

const lossOf = ({ train }) => meanOf(train.slice(-LAST).map((point) => point[1])) ?? NaN;
const best = ({ test }) => Math.max(0, ...test.map((point) => point[2]));
const now = ({ test }) => test.at(-1)?.[2] ?? 0;

/** The least loss that a run had with its settings after its first epoch, as a mean of LAST steps: at high rates it leaps. */
function leastOf({ train, born }) {
  const losses = train.filter(([epochs]) => epochs - born >= 1).map((point) => point[1]);
  let least = Infinity;
  for (let end = LAST; end <= losses.length; end += LAST) least = Math.min(least, meanOf(losses.slice(end - LAST, end)) ?? Infinity);
  return least;
}

/** Two runs whose settings are the same but for one, and the seed: all pairs, in both orders. */
function twins(runs, but) {
  const same = (a, b) => Object.keys(a.settings).every((name) => [but, "seed"].includes(name) || a.settings[name] === b.settings[name]);
  return runs.flatMap((a) => runs.filter((b) => a !== b && same(a, b)).map((b) => [a, b]));
}

const CHALLENGES = [
  {
    name: "deep",
    title: "Deep and plain",
    text: "Make a plain network of at least 20 layers learn: 80% of the test images within 6 epochs.",
    hint: "No BatchNorm, no shortcuts. Another optimizer? Another activation? Another rate?",
    met: (runs) => runs.some(({ settings: { kind, depth }, test }) => (
      kind === "plain" && depth >= 20 && test.some(([epochs, , right]) => epochs <= 6 && right >= 0.8)
    )),
    why: "So depth alone is no wall. In a plain stack each layer multiplies the gradient by its own factor, and one rate has to suit them all; AdamW " +
      "gives each weight a step of its own, and tanh keeps the signal alive. BatchNorm and shortcuts do it without such care.",
  },
  {
    name: "batch",
    title: "Batches too small",
    text: "Break BatchNorm with the batch size: after a whole epoch on batches of one or two, a normalized network of at least 20 layers is below 50%; " +
      "its twin with 16 or more is at 85%.",
    hint: "Fork the run that has BatchNorm, and change nothing but its batch.",
    met: (runs) => twins(runs, "batch").some(([small, large]) => (
      ["BatchNorm", "both", "dense"].includes(small.settings.kind) && small.settings.depth >= 20 && small.settings.batch <= 2 && large.settings.batch >= 16 &&
      small.epochs - small.born >= 1 && now(small) < 0.5 && best(large) >= 0.85
    )),
    why: "Mean and variance come from one or two images; in the last stage, with maps of 2 × 2 pixels, from four or eight numbers. Each image is then " +
      "normalized by itself, which removes much of what tells it from others, and the averages kept for test images fit none of them.",
  },
  {
    name: "small",
    title: "Small and quick",
    text: "95% of the test images within 30 seconds of its own training time, with at most 20,000 numbers.",
    hint: "Width costs more than depth. Which kind learns soonest?",
    met: (runs) => runs.some(({ numbers, seconds, test }) => numbers <= 20_000 && seconds <= 30 && test.at(-1)?.[2] >= 0.95),
    why: "The numbers of a convolution grow with the square of its width: half the width leaves a quarter. On images this small a few thousand are " +
      "enough, if the gradient reaches all of them.",
  },
  {
    name: "edge",
    title: "Just short of exploding",
    text: "Find the rate at which training explodes: make two runs that differ in the rate alone, by at most a factor of two. After an epoch one has " +
      "learned (loss below 1.6); the other is no better than guessing (2.3), or has exploded.",
    hint: "Start two runs of eight layers from the same settings, and double the rate of one until it fails. Plain networks fail first.",
    met: (runs) => twins(runs, "rate").some(([wild, tame]) => (
      wild.settings.rate > tame.settings.rate && wild.settings.rate <= 2.001 * tame.settings.rate &&
      (wild.exploded || (wild.epochs - wild.born >= 1 && lossOf(wild) >= BLIND)) && leastOf(tame) < 1.6
    )),
    why: "Between learning and exploding lies a factor of two at most. Below the edge a step is shorter than the valley is wide; above it each step lands " +
      "higher on the other side. Few explosions end at infinity: most throw the weights so far that units die, and what is left guesses. BatchNorm " +
      "moves the edge up by an order of magnitude.",
  },
];

/**
 * The list of challenges, and `news`, which tells of the one that was met last, where the reader looks while runs train.
 * `check(runs)` gives the names of those that were met since the page opened.
 */
function challenges() {
  const solved = new Set(), rows = new Map();
  const row = ({ name, title, text, hint }) => {
    const mark = h("span", { class: "d2l-mark", role: "img", "aria-label": "open" }, "○"), more = h("p", { class: "d2l-why" }, hint);
    const details = h("details", {}, h("summary", {}, mark, h("span", {}, h("b", {}, title), ": ", text)), more);
    rows.set(name, { mark, more, details });
    return h("li", { "data-challenge": name }, details);
  };
  const node = h("ol", { class: "d2l-challenges", "aria-label": "Challenges" }, ...CHALLENGES.map(row));
  const news = h("p", { class: "d2l-news", hidden: true });
  const tell = (title, details) => {
    const why = () => {
      details.scrollIntoView({ block: "center", behavior: still() ? "auto" : "smooth" });
      details.querySelector("summary").focus({ preventScroll: true });
    };
    news.hidden = false;
    news.replaceChildren(h("span", { role: "status" }, "✓ Challenge met: ", h("b", {}, title)), h("button", { type: "button", onclick: why }, "why?"));
  };
  const check = (runs) => {
    for (const { name, title, met, why } of CHALLENGES) {
      if (solved.has(name) || !met(runs)) continue;
      solved.add(name);
      const { mark, more, details } = rows.get(name);
      mark.textContent = "✓";
      mark.setAttribute("aria-label", "met");
      more.textContent = why;
      details.classList.add("d2l-met");
      details.open = true;
      tell(title, details);
    }
    return [...solved];
  };
  return { node, news, check };
}
