// Photographs that a network gets wrong, surest first: each is kept as it is labeled, relabeled, or dropped.

const WHICH = ["all", "undecided", "decided"];
const MOST = 60;

export default {
  render({ model, el }) {
    const list = (trait) => (Array.isArray(model.get(trait)) ? model.get(trait).slice(0, MOST) : []);
    const classes = () => list("classes").map(String);
    const picture = (text) => (/^data:image\/jpeg;base64,[\w+/=]+$/.test(text) ? text : "data:,");
    const decisionOf = (given) => {
      const [decision, name] = Array.isArray(given) ? given : [];
      if (decision === "relabel") return classes().includes(name) ? { decision, name } : { decision: "", name: "" };
      return { decision: ["keep", "drop"].includes(decision) ? decision : "", name: "" };
    };
    let redraw = () => {}, problem = "", gone = false;
    const notebook = askedNotebook(model, () => { if (!gone) redraw(); });

    async function decide(at, decision, name = "") {
      const decisions = list("decisions"), before = decisionOf(decisions[at]);
      if (before.decision === decision && before.name === name) [decision, name] = ["", ""];  // pressed again: taken back
      decisions[at] = [decision, name];
      give(model, { decisions });
      const told = await notebook.ask({ file: list("files")[at], decision, class: name });
      problem = told.problem ?? "";
      if (told.problem) give(model, { decisions: told.decisions });  // what the table says
      if (!gone) redraw();
    }

    /** A photograph with its label, what the network says, and the three decisions. */
    function card(at) {
      const label = String(list("labels")[at]), taken = String(list("taken")[at]), file = String(list("files")[at]);
      const sure = `${shown(100 * clamp(list("sure")[at], 0, 1, 0), 0)}%`, others = classes().filter((name) => name !== label);
      const button = (text, choose) => h("button", { type: "button", "aria-label": `${text}: ${file}`, onclick: choose }, text);
      const keep = button("keep", () => decide(at, "keep")), drop = button("drop", () => decide(at, "drop"));
      const relabel = button(`→ ${taken}`, () => decide(at, "relabel", taken));
      const other = others.length > 1 ? h("select", {
        "aria-label": `another label: ${file}`, onchange: () => { if (other.value) decide(at, "relabel", other.value); },
      }, h("option", { value: "" }, "→ other"), ...others.map((name) => h("option", { value: name }, `→ ${name}`))) : null;
      const node = h("figure", { class: "d2l-judged" },
        h("img", { src: picture(list("pictures")[at]), alt: `the photograph ${file}` }),
        h("figcaption", {}, "label: ", h("b", {}, label), `; the network: ${taken}, ${sure}`, h("small", { title: file }, file)),
        h("div", { class: "d2l-buttons" }, keep, relabel, drop, other));
      const show = ({ decision, name }) => {
        keep.setAttribute("aria-pressed", decision === "keep");
        drop.setAttribute("aria-pressed", decision === "drop");
        relabel.setAttribute("aria-pressed", decision === "relabel" && name === taken);
        if (other) other.value = decision === "relabel" && name !== taken ? name : "";
        node.dataset.decision = decision;
      };
      return { node, show };
    }

    let cards = [], key = "";
    function draw(stage) {
      const files = list("files"), fresh = JSON.stringify([files, list("labels"), list("taken"), list("sure"), classes()]);
      if (fresh !== key) {
        cards = files.map((_, at) => card(at));
        stage.replaceChildren(h("div", { class: "d2l-cards" }, ...cards.map(({ node }) => node)));
        key = fresh;
      }
      const decisions = files.map((_, at) => decisionOf(list("decisions")[at]));
      const which = WHICH.includes(model.get("which")) ? model.get("which") : WHICH[0];
      cards.forEach(({ node, show }, at) => {
        show(decisions[at]);
        node.hidden = which !== "all" && (which === "decided") !== Boolean(decisions[at].decision);
      });
      const count = (wanted) => decisions.filter(({ decision }) => decision === wanted).length;
      const visible = cards.filter(({ node }) => !node.hidden).length;
      const result = {
        images: files.length, keep: count("keep"), relabel: count("relabel"), drop: count("drop"), undecided: count(""), shown: visible,
      };
      return { say: said(result), result };
    }

    function said({ images, keep, relabel, drop, undecided }) {
      if (!images) return "The network makes no mistake on these images.";
      const state = undecided ? `${shown(images)} mistakes: ${keep} kept, ${relabel} relabeled, ${drop} dropped, ${undecided} to decide.`
        : `All ${shown(images)} are decided. Wrong labels: ${relabel}; wrong answers of the network: ${keep}; dropped: ${drop}.`;
      const trouble = notebook.trouble("decisions then go into corrections.csv, in the folder of the photographs.");
      if (problem) return `${state} The last decision was not saved: ${problem}`;
      return `${state} ${trouble || "Each decision is in corrections.csv at once; d2l.load honors it when the folder is loaded again."}`;
    }

    const off = interactive({
      model, el, title: "Is the label wrong, or the network?", traits: ["which"],
      hint: "Press keep where the label is right, the arrow where the network is, drop where neither is. Press again to take it back.",
      controls: [{ trait: "which", label: "show", kind: "choice", options: WHICH.map((name) => [name, name]) }],
      reset: () => { problem = ""; },
      draw: (stage) => draw(stage),
    });
    const stage = el.querySelector(".d2l-stage"), sentence = el.querySelector(".d2l-say");
    redraw = () => {
      const { say, result } = draw(stage);
      sentence.textContent = say;
      give(model, { result });
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
