// A box "Predict first" where a notebook runs: its form and verdict, a question that was missed in an earlier chapter,
// and what this browser keeps of it all.
const reader = window.d2lReader, { ask, triesOf } = window.d2lAsking, { make, readable } = reader;
const BACK = "The page My predictions on the book's site reads such a file.";

/** The questions that were missed before a chapter was reached → the chapter that asked last. */
function missedBefore(chapter) {
  const earlier = Object.entries(reader.get().tries).filter(([id]) => !id.startsWith(`${chapter}.`))
    .map(([id, tries]) => [id, tries.filter(({ page }) => page !== chapter).at(-1)]);
  return Object.fromEntries(earlier.filter(([, made]) => made && !made.right).map(([id, { page }]) => [id, page]));
}

/** How many first guesses are kept, and how many of them are right. */
function counted() {
  const first = Object.values(reader.get().tries).map(([made]) => made), right = first.filter((made) => made.right).length;
  return { count: first.length, words: `My predictions: ${first.length}, of which ${right} right` };
}

/** What is kept, folded: a button saves it in a file, another forgets it, after a second press. */
function mine(lasts) {
  const summary = make("summary"), forget = make("button", { type: "button" }), save = make("button", { type: "button", text: "Save in a file" });
  const node = make("details", { className: "d2l-mine" }, summary,
    make("p", { text: `They stay in this browser, for this address, and nothing leaves it. ${lasts}`.trim() }), make("p", {}, save, " ", forget),
    make("p", { text: BACK }));
  let pressed = false;
  const draw = () => {
    const { count, words } = counted();
    node.hidden = !count;
    summary.textContent = words;
    forget.textContent = pressed ? "Really forget it all?" : "Forget it all";
  };
  forget.addEventListener("click", () => {  // a frame of Colab's shows no dialogs
    pressed = !pressed;
    if (!pressed) reader.forget();
    draw();
  });
  forget.addEventListener("blur", () => { pressed = false; draw(); });
  save.addEventListener("click", () => {
    const url = URL.createObjectURL(new Blob([JSON.stringify(reader.get(), null, 1)], { type: "application/json" }));
    make("a", { href: url, download: "my-predictions.json" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  });
  draw();
  return { node, off: reader.listen(draw) };
}

/** Where a question is asked; the box above holds its words already, unless it holds several. */
function asked(found, words, tried, chapter) {
  const place = make("div", { className: "d2l-question", "data-question": found.id });
  const node = make("div", { role: "group", "aria-label": found.text }, words ? make("p", { className: "d2l-asked", text: words }) : null, place);
  return { node, off: ask(place, readable(found), tried, chapter) };
}

export default {
  render({ model, el }) {
    const chapter = model.get("chapter"), questions = model.get("questions"), [{ text: lead }] = questions;
    const own = questions.map((found, at) => asked(found,
      questions.length === 1 ? "" : (at ? found.text.slice(found.text.startsWith(lead) ? lead.length : 0).trim() : lead), () => triesOf(found.id)[0], chapter));
    const kept = mine(model.get("lasts")), again = make("div", { className: "d2l-again" });
    let off = [];
    const askAgain = () => {
      for (const end of off) end();
      const before = (model.get("again") ?? []).map((found) => asked(found, `You missed this earlier, in “${found.title}”. ${found.text}`,
        () => triesOf(found.id).slice(1).find(({ page }) => page === chapter), chapter));
      off = before.map((made) => made.off);
      again.replaceChildren(...before.map(({ node }) => node));
      again.hidden = !before.length;
    };
    el.replaceChildren(make("div", { className: "d2l-predict" }, ...own.map(({ node }) => node), again, kept.node));
    askAgain();
    model.on("change:again", askAgain);
    const missed = missedBefore(chapter);
    if (Object.keys(missed).length) model.send({ missed });
    return () => {
      model.off("change:again", askAgain);
      for (const end of [...off, ...own.map((made) => made.off), kept.off]) end();
    };
  },
};
