// What is seen of the lab: runs to choose from, buttons, curves, settings, challenges, and the inside of a run.

const percent = (share) => (share === undefined || share === null ? "–" : `${Math.round(100 * share)}\u00a0%`);
const nameOf = ({ settings: { kind, depth } }) => `${kind === "both" ? "BatchNorm + shortcuts" : kind}, ${depth} layers`;

/** One button a run, which chooses it; each tells how far it is. */
function chips(lab) {
  const node = h("div", { class: "d2l-chips", role: "group", "aria-label": "Runs" });
  const update = () => {
    while (node.children.length > lab.runs.length) node.lastChild.remove();
    lab.runs.forEach((run, at) => {
      if (!node.children[at]) {
        const choose = () => { give(lab.model, { selected: at }); lab.changed(); };
        node.append(h("button", { type: "button", class: "d2l-chip", style: `--own: ${STYLES[at].colour}`, onclick: choose }, h("b"), h("span"), h("em")));
      }
      const [letter, name, state] = node.children[at].children;
      node.children[at].setAttribute("aria-pressed", at === lab.selected);
      letter.textContent = NAMES[at];
      name.textContent = nameOf(run);
      state.textContent = run.exploded ? "exploded" : run.steps ? percent(now(run)) : "untrained";
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
  const link = document.querySelector(STATE) && button("copy link", "Copy a link to this page with these runs", async () => {
    const address = new URL(linked(lab.runs.map(({ settings }) => settings)), location.href).href;
    try {
      history.replaceState(null, "", address);
      await navigator.clipboard.writeText(address);
      copied.textContent = "copied";
    } catch {
      copied.replaceChildren(h("input", { value: address, readonly: true, "aria-label": "The link" }));
    }
  });
  const update = () => {
    train.textContent = lab.training ? "❚❚ Pause" : "▶ Train";
    fork.setAttribute("aria-disabled", full());
    remove.setAttribute("aria-disabled", alone());
  };
  return { node: h("div", { class: "d2l-buttons" }, train, step, again, fork, remove, link, copied), update };
}

/** Controls of the chosen run. */
function settings(proxy) {
  const made = Object.fromEntries(Object.entries(CONTROLS).map(([group, list]) => [group, list.map((one) => control(proxy, one))]));
  const legends = { network: "network (a change starts this run anew)", training: "training (changes at once)" }, title = h("summary");
  const groups = Object.entries(made).map(([group, list]) => h(
    "fieldset", {}, h("legend", {}, legends[group]), h("div", { class: "d2l-controls" }, ...list.map(({ node }) => node)),
  ));
  const node = h("details", { class: "d2l-settings", open: true }, title, ...groups);
  return {
    node, off: () => Object.values(made).flat().forEach(({ off }) => off()),
    update: (name) => { title.textContent = `Settings of run ${name}`; },
  };
}

/** Pictures and labels of the data, as they are looked at. */
function shelf({ train, test, side, classes }) {
  const size = side * side;
  const picture = ({ pixels }) => (which) => Float32Array.from(pixels.slice(which * size, (which + 1) * size), (letter) => parseInt(letter, 17) / 16);
  return { pictures: { train: picture(train), test: picture(test) }, labels: test.labels, classes };
}

function sentence({ runs, training }) {
  const begun = runs.filter(({ steps }) => steps), loud = runs.flatMap((run, at) => (run.exploded ? [NAMES[at]] : []));
  if (!begun.length) {
    const faint = "The faint curves were recorded before, from the same settings and seed: yours will retrace them.";
    return `The same images in the same order for every run; guessing gets 10\u00a0% of them. ${faint}`;
  }
  const far = shown(Math.max(...runs.map(({ epochs }) => epochs)), 1), when = training ? `Epoch ${far}` : `After ${far} epochs`;
  const over = loud.length ? ` ${loud.join(" and ")} exploded: the loss left all bounds, and no step brings it back.` : "";
  const right = runs.map((run, at) => (run.steps ? `${NAMES[at]} reads ${percent(now(run))}` : `${NAMES[at]} is untrained`));
  return `${when}: of the test images ${right.join(", ")}.${over}`;
}

/** All of it; `update()` draws what is new and returns the sentence and the numbers shown. */
function bench(lab, proxy, model) {
  const data = shelf(model.get("data")), parts = { chips: chips(lab), buttons: buttons(lab), settings: settings(proxy), challenges: challenges() };
  const charts = h("div", { class: "d2l-charts" }), layers = h("div", { class: "d2l-wide" }), opened = h("div"), title = h("h4");
  const image = control(proxy, { trait: "image", label: "test image", min: 0, max: data.labels.length - 1 });
  const key = h("p", { class: "d2l-key" }, "thin: training images · thick: test images");
  const won = h("output");
  const node = h(
    "div", { class: "d2l-lab" }, parts.chips.node, parts.buttons.node, charts, key, parts.settings.node,
    h("section", { class: "d2l-tasks" }, h("h4", {}, "Challenges ", won), parts.challenges.node),
    h("section", { class: "d2l-opened" }, title, layers, h("div", { class: "d2l-controls" }, image.node), opened),
  );
  let last = null;
  const update = () => {
    const { runs, selected } = lab, drawn = runs.map((run) => lab.drawn(run));
    const most = Math.max(SPAN, ...runs.map(({ epochs }) => 1.02 * epochs)), solved = parts.challenges.check(runs);
    const told = (what) => runs.map((run, at) => `${NAMES[at]} ${nameOf(run)}: ${what(run)}`).join("; ");
    parts.chips.update();
    parts.buttons.update();
    parts.settings.update(NAMES[selected]);
    charts.replaceChildren(
      curves(drawn, "loss", most, `Loss by epochs, logarithmic. ${told((run) => digits(lossOf(run)))}.`),
      curves(drawn, "accuracy", most, `Accuracy by epochs. ${told((run) => percent(now(run)))}.`),
    );
    title.textContent = `Inside run ${NAMES[selected]}`;
    layers.replaceChildren(gradients(runs, selected));
    if (lab.seen && lab.seen !== last && lab.seen.id === lab.run.id) {
      opened.replaceChildren(...inside({ seen: lab.seen, ...data }));
      last = lab.seen;
    }
    won.textContent = `${solved.length} of ${CHALLENGES.length} met`;
    const { training, seen } = lab;
    return { say: sentence(lab), result: { runs: runs.map((run) => lab.told(run)), selected, training, solved, image: seen?.image ?? null } };
  };
  return { node, update, off: () => { parts.settings.off(); image.off(); } };
}
