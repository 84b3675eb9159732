// Boxes "Predict first": a form for each question, results covered until there is a guess, and questions that were
// missed earlier.
(() => {
  const reader = window.d2lReader, { make, answerOf, readable } = reader, { ask, triesOf } = window.d2lAsking;

  // --- results stay covered until there is a guess

  /** The outputs that answer a box: those that follow it, up to the first text after them. Interactives cover themselves. */
  function resultsOf(box) {
    const found = [];
    for (let node = box.nextElementSibling; node && !node.matches("section, .d2l-predict-first"); node = node.nextElementSibling) {
      if (node.matches("p, ul, div.math") && found.length) break;
      if (node.matches(".cell.tag_data-output")) continue;
      found.push(...[...node.querySelectorAll(":scope > .cell_output")].filter((output) => !output.querySelector(".d2l-widget")));
    }
    return found;
  }

  function cover(box, answered) {
    const results = resultsOf(box);
    if (!results.length) return;
    let looked = false, bar = null;
    function draw() {
      const covered = !looked && reader.get().cover && !answered();
      for (const result of results) {
        result.classList.toggle("d2l-covered", covered);
        result.inert = covered;
      }
      bar.hidden = !covered;
    }
    const button = (text, action) => {
      const made = make("button", { type: "button", text });
      made.addEventListener("click", () => { action(); draw(); });
      return made;
    };
    bar = make("div", { className: "d2l-cover" }, "The result below is covered until you commit a guess. ",
      button("Show it", () => { looked = true; }), " ", button("Never cover results", () => reader.change((state) => { state.cover = false; })));
    results[0].before(bar);
    draw();
    reader.listen(draw);
  }

  // --- the boxes of a page

  function setUp(mark) {
    const list = mark.previousElementSibling?.matches("ul") ? mark.previousElementSibling : null;
    const items = list ? [...list.children].map((item) => [...(item.querySelector(":scope > p") ?? item).childNodes]) : [];
    const question = { id: mark.dataset.question, choices: items, ...answerOf(mark.dataset.key) };
    if (list) list.hidden = true;
    ask(mark, question, () => triesOf(question.id)[0]);
    return question.id;
  }

  const boxes = [...document.querySelectorAll(".d2l-predict-first")].filter((box) => box.querySelector(".d2l-question"));
  for (const box of boxes) {
    const ids = [...box.querySelectorAll(".d2l-question")].map(setUp);
    cover(box, () => ids.every((id) => triesOf(id).length));
  }

  // --- questions that were missed in an earlier chapter come back, one a box, in the first chapter read after it

  function all() {
    if (window.d2lQuestions) return Promise.resolve(window.d2lQuestions);
    const script = make("script", { src: new URL("questions.js", own) });
    document.head.append(script);
    return new Promise((resolve) => script.addEventListener("load", () => resolve(window.d2lQuestions)));
  }
  const own = document.currentScript.src;

  async function askAgain() {
    const state = reader.get();
    const missed = new Set(Object.keys(state.tries).filter((id) => !state.tries[id].at(-1).right && !id.startsWith(`${reader.page}.`)));
    if (!missed.size || !boxes.length) return;
    const pages = await all(), order = pages.map(({ page }) => page), here = order.indexOf(reader.page);
    const due = pages.slice(0, here).flatMap(({ title, page, questions }) => questions
      .filter(({ id }) => missed.has(id) && order.indexOf(state.tries[id].at(-1).page) < here).map((question) => ({ title, page, ...question })));
    for (const [at, found] of due.slice(0, boxes.length).entries()) {
      const place = make("div"), question = readable(found);
      const link = make("a", { href: `${found.page}.html#${found.id}`, text: found.title });
      boxes[at].before(make("div", { className: "admonition d2l-callout d2l-again", role: "group", "aria-label": "Asked again" },
        make("p", { className: "admonition-title", text: "You missed this earlier" }), make("p", {}, found.text, " (", link, ")"), place));
      ask(place, question, () => triesOf(found.id).slice(1).find((made) => made.page === reader.page && made.at >= began));
    }
  }
  const began = Date.now();
  askAgain();
})();
