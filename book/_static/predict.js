// Boxes "Predict first": a form for each question, answers covered until there is a guess, and questions that were
// missed earlier.
(() => {
  const reader = window.d2lReader, { make, answerOf, readable } = reader, { ask, triesOf } = window.d2lAsking;

  // --- answers stay covered until there is a guess

  const isText = (node) => !node.matches(".cell, .d2l-again, .d2l-end, script");

  /**
   * What answers a box: the text right below it, the outputs that follow, and the text after the first of them, or after
   * the last cell tagged ``answer``, but no farther than the next heading or box. Code stays in sight, and so do outputs
   * about the data, and interactives, which cover themselves. In groups, between which something is in sight.
   */
  function answersOf(box) {
    const after = [], groups = [];
    for (let node = box.nextElementSibling; node && !node.matches("section, .d2l-predict-first"); node = node.nextElementSibling) after.push(node);
    const tagged = after.findLastIndex((node) => node.matches(".tag_answer"));
    let apart = true, shown = false;  // whether something in sight comes between; whether there was an output or an interactive
    for (const [at, node] of after.entries()) {
      const text = isText(node), output = node.querySelector(":scope > .cell_output"), own = Boolean(output?.querySelector(".d2l-widget"));
      if (shown && at > tagged && !text && isText(after[at - 1])) break;
      const found = text ? (shown || after.slice(0, at).every(isText)) && node : !own && !node.matches(".tag_data-output") && output;
      apart ||= own || Boolean(node.querySelector(":scope > .cell_input")) && !node.matches(".tag_check");
      shown ||= own || Boolean(found && !text);
      if (!found) continue;
      if (apart) groups.push([]);
      groups.at(-1).push(found);
      apart = false;
    }
    return groups;
  }

  function cover(box, answered) {
    const groups = answersOf(box), bars = [];
    let looked = false;
    function draw() {
      const covered = !looked && reader.get().cover && !answered();
      for (const answer of groups.flat()) {
        answer.classList.toggle("d2l-covered", covered);
        answer.inert = covered;
      }
      for (const bar of bars) bar.hidden = !covered;
    }
    const button = (text, action) => {
      const made = make("button", { type: "button", text });
      made.addEventListener("click", () => { action(); draw(); });
      return made;
    };
    for (const [at, [first]] of groups.entries()) {
      const bar = make("div", { className: "d2l-cover" }, "The answer below is covered until you commit a guess. ",
        button("Show it", () => { looked = true; }));
      if (!at) bar.append(" ", button("Never cover answers", () => reader.change((state) => { state.cover = false; })));
      first.before(bar);
      bars.push(bar);
    }
    draw();
    if (bars.length) reader.listen(draw);
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
