// Photographs that a network gets wrong, surest first: each is kept as it is labeled, relabeled, or dropped.

const WHICH = ["all", "undecided", "decided"];
const MOST = 60;
const RANDOM = 0.1;  // of the labels are wrong where the sentence compares with looks at random
const SIGNS = { keep: "✓", relabel: "→", drop: "✕" };
const KEYS = { k: "keep", r: "relabel", d: "drop" };

export default {
  render({ model, el }) {
    const list = (trait) => (Array.isArray(model.get(trait)) ? model.get(trait).slice(0, MOST) : []);
    const classes = () => list("classes").map(String);
    const picture = (text) => (/^data:image\/jpeg;base64,[\w+/=]+$/.test(text) ? text : "data:,");
    const sureOf = (at) => clamp(list("sure")[at], 0, 1, 0), percent = (share) => `${shown(100 * share, 0)}%`;
    const decisionOf = (given) => {
      const [decision, name] = Array.isArray(given) ? given : [];
      if (decision === "relabel") return classes().includes(name) ? { decision, name } : { decision: "", name: "" };
      return { decision: ["keep", "drop"].includes(decision) ? decision : "", name: "" };
    };
    const decisions = () => list("files").map((_, at) => decisionOf(list("decisions")[at]));
    let redraw = () => {}, problem = "", gone = false, selected = 0;
    const notebook = askedNotebook(model, () => { if (!gone) redraw(); });

    /** Decides about the chosen photograph, and goes on to the next that is open; the same decision again takes it back. */
    async function decide(decision, name = "") {
      const at = selected, told = list("files").map((_, place) => list("decisions")[place] ?? ["", ""]), before = decisionOf(told[at]);
      const back = before.decision === decision && before.name === name;
      if (back) [decision, name] = ["", ""];
      told[at] = [decision, name];
      give(model, { decisions: told });
      if (!back) selected = following(at);
      redraw();
      const answer = await notebook.ask({ file: list("files")[at], decision, class: name });
      problem = answer.problem ?? "";
      if (answer.problem) give(model, { decisions: answer.decisions });  // what the table says
      if (!gone) redraw();
    }
    /** The next photograph that is shown and open after `at`, from the first on after the last; else the same. */
    function following(at) {
      const states = decisions(), order = [...states.keys()].map((_, step) => (at + 1 + step) % states.length);
      return order.find((place) => !tiles[place].hidden && !states[place].decision) ?? at;
    }

    // The wall: a photograph each, which the arrow keys reach.
    const keys = "Arrow keys choose one; K keeps its label, R takes the network's, D drops it.";
    const wall = h("div", { class: "d2l-wall", role: "listbox", tabindex: 0, "aria-label": `Photographs, the most doubtful label first. ${keys}` });
    const pressed = (event) => {
      if (isShortcut(event) || event.target === other) return;
      const decision = KEYS[event.key.toLowerCase()];
      if (decision) act(decision);
      else if (event.key in MOVES) walk(...MOVES[event.key]);
      else return;
      event.preventDefault();
    };
    const act = (decision) => { if (list("files").length) decide(decision, decision === "relabel" ? String(list("taken")[selected]) : ""); };
    function walk(down, right) {
      const places = tiles.filter(({ hidden }) => !hidden), at = places.indexOf(tiles[selected]);
      const row = Math.max(1, places.filter(({ offsetTop }) => offsetTop === places[0].offsetTop).length);
      const next = places[clamp(at + right + down * row, 0, places.length - 1)];
      if (next) choose(tiles.indexOf(next));
    }
    const choose = (at) => { selected = at; redraw(); };

    // The judge's bench: the chosen photograph, the two who contradict each other, and the decisions.
    const large = h("img", { class: "d2l-case dark-light", alt: "" }), says = h("p", { class: "d2l-versus" });
    const [keep, relabel, drop] = ["keep", "relabel", "drop"].map((decision) => h("button", { type: "button", onclick: () => act(decision) }));
    drop.append("drop it ", h("kbd", {}, "D"));
    const other = h("select", { "aria-label": "another label", onchange: () => { if (other.value) decide("relabel", other.value); } });
    const bench = h("div", { class: "d2l-bench" }, large, h("div", {}, says, h("div", { class: "d2l-buttons" }, keep, relabel, drop, other)));
    const court = h("div", { class: "d2l-court", onkeydown: pressed }, wall, bench);
    const finds = h("div", { class: "d2l-finds", role: "img" });
    const score = h("p", { class: "d2l-goal" });
    const none = h("p", {}, "The network makes no mistake on these images.");

    const id = freshId("photograph");
    let tiles = [], key = "";
    function build() {
      const files = list("files"), fresh = JSON.stringify([files, list("labels"), list("taken"), list("sure"), classes()]);
      if (fresh === key) return;
      key = fresh;
      selected = clamp(selected, 0, files.length - 1);
      tiles = files.map((file, at) => h("div", { id: `${id}-${at}`, role: "option", title: String(file), onclick: () => choose(at) },
        h("img", { class: "dark-light", src: picture(list("pictures")[at]), alt: "" }),
        h("b", { "aria-hidden": "true" }), h("span", {}, String(list("labels")[at]))));
      wall.replaceChildren(...tiles);
    }
    function drawBench(states) {
      const label = String(list("labels")[selected]), taken = String(list("taken")[selected]), { decision, name } = states[selected];
      const others = classes().filter((one) => one !== label && one !== taken);
      large.src = picture(list("pictures")[selected]);
      large.alt = `the photograph ${list("files")[selected]}`;
      says.replaceChildren("The label says ", h("b", {}, label), ". The network says ", h("b", {}, taken), `, ${percent(sureOf(selected))}.`);
      keep.replaceChildren(`it is: ${label} `, h("kbd", {}, "K"));
      relabel.replaceChildren(`it is: ${taken} `, h("kbd", {}, "R"));
      other.hidden = !others.length;
      other.replaceChildren(h("option", { value: "" }, "something else"), ...others.map((one) => h("option", { value: one }, one)));
      other.value = decision === "relabel" && name !== taken ? name : "";
      keep.setAttribute("aria-pressed", decision === "keep");
      drop.setAttribute("aria-pressed", decision === "drop");
      relabel.setAttribute("aria-pressed", decision === "relabel" && name === taken);
    }

    function draw(stage) {
      build();
      const states = decisions(), which = WHICH.includes(model.get("which")) ? model.get("which") : WHICH[0];
      if (!stage.firstChild) stage.replaceChildren(court, finds, score, none);
      for (const node of [court, finds, score]) node.hidden = !states.length;
      none.hidden = Boolean(states.length);
      tiles.forEach((tile, at) => {
        const { decision, name } = states[at];
        tile.dataset.decision = decision;
        tile.setAttribute("aria-selected", at === selected);
        tile.setAttribute("aria-label", `${at + 1}: label ${list("labels")[at]}, network ${list("taken")[at]}, ${percent(sureOf(at))}. ${decision} ${name}`);
        tile.querySelector("b").textContent = SIGNS[decision] ?? "";
        tile.querySelector("span").textContent = name || String(list("labels")[at]);
        tile.hidden = which !== "all" && (which === "decided") !== Boolean(decision);
      });
      wall.setAttribute("aria-activedescendant", `${id}-${selected}`);
      const count = (wanted) => states.filter(({ decision }) => decision === wanted).length;
      const result = {
        images: states.length, keep: count("keep"), relabel: count("relabel"), drop: count("drop"), undecided: count(""),
        shown: tiles.filter(({ hidden }) => !hidden).length, selected,
      };
      if (states.length) {
        drawBench(states);
        drawScore(states, result);
      }
      return { say: said(result), result };
    }

    /** A square for each photograph, in the order of doubt, and what the looks so far have found. */
    function drawScore(states, { relabel: found, keep: kept, drop: dropped }) {
      const looks = found + kept + dropped, all = states.length;
      finds.replaceChildren(...states.map(({ decision }) => h("i", { "data-decision": decision })));
      finds.setAttribute("aria-label", `${found} wrong labels found in ${looks} of ${all} looks`);
      score.dataset.reached = looks === all;
      const random = `If one label in ten is wrong, as many looks at random find about ${shown(RANDOM * looks, 1)}.`;
      score.textContent = looks ? `Looks so far: ${looks}. Wrong labels found: ${found}, which is ${percent(found / looks)}. ${random}`
        : "Who is right? Count how many wrong labels your looks find.";
    }

    function said({ images, keep: kept, relabel: relabeled, drop: dropped, undecided }) {
      if (!images) return "The network makes no mistake on these images.";
      const state = undecided ? `${shown(images)} mistakes: ${kept} kept, ${relabeled} relabeled, ${dropped} dropped, ${undecided} to decide.`
        : `All ${shown(images)} are decided. Wrong labels: ${relabeled}; wrong answers of the network: ${kept}; dropped: ${dropped}.`;
      const trouble = notebook.trouble("decisions then go into corrections.csv, in the folder of the photographs.");
      if (problem) return `${state} The last decision was not saved: ${problem}`;
      return `${state} ${trouble || "Each decision is in corrections.csv at once; d2l.load honors it when the folder is loaded again."}`;
    }

    const off = interactive({
      model, el, title: "Is the label wrong, or the network?", traits: ["which"],
      hint: "These labels the network doubts most. Look at each photograph and say what it shows; the same button takes it back.",
      controls: [{ trait: "which", label: "show", kind: "choice", options: WHICH.map((name) => [name, name]) }],
      reset: () => { problem = ""; selected = 0; },
      draw: (stage) => draw(stage),
    });
    const stage = el.querySelector(".d2l-stage"), sentence = el.querySelector(".d2l-say"), spoken = el.querySelector(".d2l-spoken");
    let rest = null;
    redraw = () => {
      const { say, result } = draw(stage);
      sentence.textContent = say;
      give(model, { result });
      clearTimeout(rest);
      rest = setTimeout(() => { spoken.textContent = say; }, REST);
    };
    const data = ["pictures", "files", "labels", "taken", "sure", "classes", "decisions"].map((trait) => `change:${trait}`);
    const update = () => redraw();
    for (const event of data) model.on(event, update);
    notebook.ask({ hello: true }).then(() => { if (!gone) redraw(); });
    return () => {
      gone = true;
      notebook.off();
      for (const event of data) model.off(event, update);
      off();
    };
  },
};
