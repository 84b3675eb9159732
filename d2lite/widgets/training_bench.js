// What is seen of the lab: runs to choose from, buttons, curves, settings, challenges, and the inside of a run.

const percent = (share) => (share === undefined || share === null ? "–" : `${Math.round(100 * share)}%`);
const nameOf = ({ settings: { kind, depth } }) => `${new Map(CONTROLS.network[0].options).get(kind)}, ${depth} layers`;

/** Gives a node its text; the same text again would cost a layout. */
function write(node, text) { if (node.textContent !== text) node.textContent = text; }

/** One button a run, which chooses it; each tells how far it is. */
function chips(lab) {
  const node = h("div", { class: "d2l-chips", role: "group", "aria-label": "Runs" });
  const update = () => {
    while (node.children.length > lab.runs.length) node.lastChild.remove();
    lab.runs.forEach((run, at) => {
      if (!node.children[at]) {
        const choose = () => { give(lab.model, { selected: at }); lab.changed(); };
        node.append(h("button", { type: "button", class: "d2l-chip", style: `--own: ${STYLES[at].color}`, onclick: choose }, h("b"), h("span"), h("em")));
      }
      const [letter, name, state] = node.children[at].children;
      node.children[at].setAttribute("aria-pressed", at === lab.selected);
      write(letter, NAMES[at]);
      write(name, nameOf(run));
      write(state, run.exploded ? "exploded" : run.steps ? percent(now(run)) : "untrained");
    });
  };
  return { node, update };
}

/** Start and pause, one step, start over, fork, remove, and the link. */
function buttons(lab) {
  const button = (text, label, onclick, kind = null) => h("button", { type: "button", class: kind, title: label, onclick }, text);
  const unless = (blocked, act) => () => { if (!blocked()) act(); };
  const full = () => lab.runs.length >= MOST_RUNS, alone = () => lab.runs.length < 2;
  const train = button("▶ Train", "Train all runs for six epochs", () => (lab.training ? lab.pause() : lab.train()), "d2l-go");
  const step = button("one step", "One batch for each run", () => lab.step());
  const again = button("start over", "All runs from their first weights", () => lab.again());
  const fork = button("fork", "A copy of the chosen run as it is now, to be set otherwise", unless(full, () => lab.fork()));
  const remove = button("remove", "Take the chosen run away", unless(alone, () => lab.remove()));
  const copied = h("output", { class: "d2l-copied" });
  const link = document.querySelector(SITE) && button("copy link", "Copy a link to this page with these runs", async () => {
    const address = new URL(linked(lab.runs.map(({ settings }) => settings)), location.href).href;
    try {
      history.replaceState(null, "", address);
      await navigator.clipboard.writeText(address);
      copied.textContent = "copied";
      setTimeout(() => { copied.textContent = ""; }, 3000);
    } catch {
      copied.replaceChildren(h("input", { value: address, readonly: true, "aria-label": "The link" }));
    }
  });
  const update = () => {
    write(train, lab.training ? "❚❚ Pause" : "▶ Train");
    fork.setAttribute("aria-disabled", full());
    remove.setAttribute("aria-disabled", alone());
  };
  return { node: h("div", { class: "d2l-buttons" }, train, step, again, fork, remove, link, copied), update };
}

/** Lets the page answer whoever waits for it: all at once, what follows would be too long a task. */
const breath = () => new Promise((done) => setTimeout(done));

/** Controls of the chosen run. */
async function settings(proxy) {
  const made = {};
  for (const [group, list] of Object.entries(CONTROLS)) {
    made[group] = list.map((one) => control(proxy, one));
    await breath();
  }
  const legends = { network: "network (a change starts this run anew)", training: "training (changes at once)" }, title = h("summary");
  const groups = Object.entries(made).map(([group, list]) => h(
    "fieldset", {}, h("legend", {}, legends[group]), h("div", { class: "d2l-controls" }, ...list.map(({ node }) => node)),
  ));
  const narrow = matchMedia("(max-width: 40rem)").matches;  // where they would lie between the curves and the challenges
  const node = h("details", { class: "d2l-settings", open: !narrow }, title, ...groups);
  return {
    node, off: () => Object.values(made).flat().forEach(({ off }) => off()),
    update: (name) => write(title, `Settings of run ${name}`),
  };
}

/** Pictures and labels of the data, as they are looked at. */
function shelf({ train, test, side, classes }) {
  const size = side * side;
  const picture = ({ pixels }) => {
    const text = unpacked(pixels);
    return (which) => Float32Array.from(text.slice(which * size, (which + 1) * size), (letter) => parseInt(letter, 17) / 16);
  };
  return { pictures: { train: picture(train), test: picture(test) }, labels: test.labels, classes, side };
}

function sentence({ runs, training, failed }, faint) {
  if (failed) return `This browser cannot compute that: ${failed}. A smaller network, or a smaller batch, asks for less.`;
  const begun = runs.filter(({ steps }) => steps), loud = runs.flatMap((run, at) => (run.exploded ? [NAMES[at]] : []));
  if (!begun.length) {
    const before = faint ? " The faint curves were recorded before, from the same settings and seed: yours will retrace them." : "";
    return `The same images in the same order for every run; guessing gets 10% of them.${before}`;
  }
  const far = shown(Math.max(...runs.map(({ epochs }) => epochs)), 1), when = training ? `Epoch ${far}` : `After ${far} epoch${far === "1" ? "" : "s"}`;
  const over = loud.length ? ` ${loud.join(" and ")} exploded: the loss left all bounds, and no step brings it back.` : "";
  const right = runs.map((run, at) => (run.steps ? `${NAMES[at]} reads ${percent(now(run))}` : `${NAMES[at]} is untrained`));
  return `${when}: of the test images ${right.join(", ")}.${over}`;
}

/** All of it, made piece by piece; `update()` draws what is new and returns the sentence and the numbers shown. */
async function bench(lab, proxy, model) {
  const data = shelf(model.get("data")), parts = { chips: chips(lab), buttons: buttons(lab), settings: await settings(proxy), challenges: challenges() };
  const loss = curves("loss"), accuracy = curves("accuracy"), charts = h("div", { class: "d2l-charts" }, loss.node, accuracy.node);
  const layers = h("div", { class: "d2l-layers" }), strip = h("div"), title = h("p", { class: "d2l-part" });
  const image = control(proxy, { trait: "image", label: "test image", min: 0, max: data.labels.length - 1 });
  const key = h("p", { class: "d2l-key" }, "thin: training images · thick: test images");
  const won = h("output"), others = h("div", { class: "d2l-row" }), own = paper({
    side: data.side, read: () => lab.drawing ?? data.pictures.test(lab.image), write: (numbers) => lab.draw(numbers),
    name: () => (lab.drawing ? "your drawing" : `test image ${lab.image}, labeled ${data.classes[data.labels[lab.image]]}`),
  });
  const seen = h("div", { class: "d2l-row d2l-seen" }, own.node, others);
  const node = h(
    "div", { class: "d2l-lab" }, parts.chips.node, parts.buttons.node, parts.challenges.news, charts, key, parts.settings.node,
    h("section", { class: "d2l-tasks" }, h("p", { class: "d2l-part" }, "Challenges ", won), parts.challenges.node),
    h("section", { class: "d2l-opened" }, title, layers, h("div", { class: "d2l-controls" }, image.node), strip, seen),
  );
  let last = null, bars = null;
  const pieces = [
    () => { for (const part of [parts.chips, parts.buttons, parts.settings]) part.update(NAMES[lab.selected]); },
    ({ drawn, most, told }) => loss.update(drawn, most, `Loss by epochs, logarithmic. ${told((run) => digits(lossOf(run)))}.`),
    ({ drawn, most, told }) => accuracy.update(drawn, most, `Accuracy by epochs. ${told((run) => percent(now(run)))}.`),
    () => own.update(),
  ];
  const state = () => {
    const { runs } = lab, told = (what) => runs.map((run, at) => `${NAMES[at]} ${nameOf(run)}: ${what(run)}`).join("; ");
    return { drawn: runs.map((run) => lab.drawn(run)), most: Math.max(...runs.map(({ epochs }) => spansOf(epochs))), told };
  };
  const update = () => {
    const { runs, selected } = lab, width = layers.offsetWidth, here = state(), solved = parts.challenges.check(runs);
    for (const piece of pieces) piece(here);
    write(title, `Inside run ${NAMES[selected]}`);
    if (bars?.width !== width) {
      bars = gradients(width);
      layers.replaceChildren(bars.node);
    }
    bars.update(runs, selected);
    if (lab.seen && lab.seen !== last && lab.seen.id === lab.run.id) {
      const found = inside({ seen: lab.seen, ...data });
      strip.replaceChildren(found.strip);
      others.replaceChildren(...found.others);
      last = lab.seen;
    }
    write(won, `${solved.length} of ${CHALLENGES.length} met`);
    const { training } = lab, faint = here.drawn.some(({ before }) => before), look = lab.seen;
    const looked = look && { image: look.image, drawn: Boolean(look.drawn), probabilities: [...look.probabilities], wrong: look.wrong.length };
    return { say: sentence(lab, faint), result: { runs: runs.map((run) => lab.told(run)), selected, training, solved, seen: looked } };
  };
  for (const piece of pieces) {
    await breath();
    piece(state());
  }
  await breath();
  return { node, update, off: () => { parts.settings.off(); image.off(); } };
}
