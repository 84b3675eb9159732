// Boxes "Predict first": a form for each question, the verdict after it, results covered until then, and questions that
// were missed earlier. The answers stand in the page, encoded: not at a glance, though no secret from the curious.
(() => {
  const reader = window.d2lReader, { make, SURE, answerOf, numberOf, readable } = reader;
  let forms = 0;

  const isRight = ({ right, within }, guess) => Math.abs(guess - right) <= within + 1e-9;
  const triesOf = (id) => reader.get().tries[id] ?? [];

  function radios(legend, name, options) {
    return make("fieldset", {}, make("legend", { text: legend }), ...options.map(([value, content]) =>
      make("label", {}, make("input", { type: "radio", name, value, required: true }), make("span", {}, ...content))));
  }

  const number = (name, unit) => {
    const input = make("input", { type: "text", name, inputMode: "decimal", required: true, autocomplete: "off", size: 9 });
    input.addEventListener("input", () => input.setCustomValidity(Number.isNaN(numberOf(input.value)) ? "A number, such as 6400 or 2.3" : ""));
    return make("label", { className: "d2l-number" }, "Your guess ", input, unit && ` ${unit}`);
  };

  /** What is asked, as a form; ``done(guess, sure)`` gets what was committed. */
  function form({ choices, unit }, done) {
    const name = `d2l-guess-${++forms}`;
    const asked = choices.length ? radios("Your guess", name, choices.map((choice, at) => [at + 1, choice])) : number(name, unit);
    const sure = radios("How sure are you?", `${name}-sure`, Object.entries(SURE).map(([value, words]) => [value, [`${words}, ${value}\u00a0%`]]));
    sure.className = "d2l-sure";
    const made = make("form", { className: "d2l-guess" }, asked, sure, make("button", { type: "submit", text: "Commit my guess" }));
    made.addEventListener("submit", (event) => {
      event.preventDefault();
      const given = new FormData(made), guess = given.get(name);
      done(choices.length ? Number(guess) : numberOf(guess), Number(given.get(`${name}-sure`)));
    });
    return made;
  }

  /** The verdict on a try, with the choices marked. */
  function verdict({ choices, right, unit }, { guess, sure, right: hit }) {
    const mine = `You were ${SURE[sure]}, ${sure}\u00a0%.`, kept = reader.keeps() ? "" : " This browser keeps nothing: it is forgotten with this page.";
    const answer = choices.length ? "" : ` It is ${right}${unit && ` ${unit}`}${hit && Number(guess) === right ? "" : `, and you said ${guess}`}.`;
    const line = make("p", { className: "d2l-verdict", role: "status", tabIndex: -1 },
      make("strong", { text: hit ? "✓ Right." : "✗ Not this time." }), `${answer} ${mine}${kept}`);
    const marked = choices.map((choice, at) => {
      const notes = [at + 1 === right && "the answer", at + 1 === Number(guess) && "your guess"].filter(Boolean).join(", ");
      return make("li", { className: at + 1 === right ? "d2l-right" : "" }, ...choice, notes && make("strong", { text: ` (${notes})` }));
    });
    return make("div", { className: "d2l-judged", "data-right": String(hit) }, marked.length ? make("ul", {}, ...marked) : null, line);
  }

  /** Ask into ``place`` until there is a try, and keep that; ``tried()`` finds it. */
  function ask(place, question, tried) {
    const copies = () => ({ ...question, choices: question.choices.map((nodes) => nodes.map((node) => node.cloneNode?.(true) ?? node)) });
    let shown;
    function draw() {
      const made = tried();
      if (shown === Boolean(made)) return;
      shown = Boolean(made);
      place.replaceChildren(made ? verdict(copies(), made) : form(copies(), commit));
    }
    function commit(guess, sure) {
      const made = { guess: String(guess), sure, right: isRight(question, guess), at: Date.now(), page: reader.page };
      if (!tried()) reader.change((state) => { (state.tries[question.id] ??= []).push(made); });
      place.querySelector(".d2l-verdict")?.focus({ preventScroll: true });
    }
    draw();
    reader.listen(draw);
  }

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
