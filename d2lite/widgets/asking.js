// A question as a form, and the verdict once a guess is committed: on the site, and where a notebook runs. The answers
// are encoded: not to be read at a glance, though no secret from the curious.
window.d2lAsking ??= (() => {
  const reader = window.d2lReader, { make, SURE, numberOf } = reader;
  let forms = 0;

  const apart = (value) => Number(value).toLocaleString("en-US", { maximumFractionDigits: 6 }).replace("-", "−");  // 1,000,000
  const isRight = ({ right, within }, guess) => Math.abs(guess - right) <= within + 1e-9;
  const triesOf = (id) => reader.get().tries[id] ?? [];

  function radios(legend, name, options) {
    return make("fieldset", {}, make("legend", { text: legend }), ...options.map(([value, content]) =>
      make("label", {}, make("input", { type: "radio", name, value, required: true }), make("span", {}, ...content))));
  }

  const number = (name, unit) => {
    const input = make("input", { type: "text", name, inputMode: "decimal", required: true, autocomplete: "off", size: 9 });
    input.addEventListener("input", () => {
      const typed = numberOf(input.value);
      input.setCustomValidity(Number.isNaN(typed) ? "A number, such as 6400 or 2.3" : unit && typed < 0 ? "There are none below zero" : "");
    });
    return make("label", { className: "d2l-number" }, "Your guess ", input, unit && ` ${unit}`);
  };

  /** What is asked, as a form; ``done(guess, sure)`` gets what was committed. */
  function form({ choices, unit }, done) {
    const name = `d2l-guess-${++forms}`;
    const asked = choices.length ? radios("Your guess", name, choices.map((choice, at) => [at + 1, choice])) : number(name, unit);
    const sure = radios("How sure are you?", `${name}-sure`, Object.entries(SURE).map(([value, words]) => [value, [`${words}, ${value}%`]]));
    sure.className = "d2l-sure";
    const button = make("button", { type: "submit", text: "Commit my guess" });
    const made = make("form", { className: "d2l-guess" }, asked, sure, button);
    button.addEventListener("click", (event) => {  // Enter clicks as well; and a notebook's frame may forbid forms to submit
      event.preventDefault();
      if (!made.reportValidity()) return;
      const given = new FormData(made), guess = given.get(name);
      done(choices.length ? Number(guess) : numberOf(guess), Number(given.get(`${name}-sure`)));
    });
    return made;
  }

  /** The verdict on a try, with the choices marked. */
  function verdict({ choices, right, unit }, { guess, sure, right: hit }) {
    const mine = `You said: ${SURE[sure]}, ${sure}%.`, kept = reader.keeps() ? "" : " This browser keeps nothing: it is forgotten with this page.";
    const said = hit && Number(guess) === right ? "" : `, and you said ${apart(guess)}`;
    const answer = choices.length ? "" : ` It is ${apart(right)}${unit && ` ${unit}`}${said}.`;
    const line = make("p", { className: "d2l-verdict", role: "status", tabIndex: -1 },
      make("strong", { text: hit ? "✓ Right." : "✗ Not this time." }), `${answer} ${mine}${kept}`);
    const marked = choices.map((choice, at) => {
      const notes = [at + 1 === right && "the answer", at + 1 === Number(guess) && "your guess"].filter(Boolean).join(", ");
      return make("li", { className: at + 1 === right ? "d2l-right" : "" }, ...choice, notes && make("strong", { text: ` (${notes})` }));
    });
    return make("div", { className: "d2l-judged", "data-right": String(hit) }, marked.length ? make("ul", {}, ...marked) : null, line);
  }

  /**
   * Ask into ``place``, on the page of a chapter, until there is a try, and keep that; ``tried()`` finds it. What is
   * returned takes the listener away.
   */
  function ask(place, question, tried, page = reader.page) {
    const copies = () => ({ ...question, choices: question.choices.map((nodes) => nodes.map((node) => node.cloneNode?.(true) ?? node)) });
    let shown;
    function draw() {
      const made = tried();
      if (shown === Boolean(made)) return;
      shown = Boolean(made);
      place.replaceChildren(made ? verdict(copies(), made) : form(copies(), commit));
    }
    function commit(guess, sure) {
      const made = { guess: String(guess), sure, right: isRight(question, guess), at: Date.now(), page };
      if (!tried()) reader.change((state) => { (state.tries[question.id] ??= []).push(made); });
      place.querySelector(".d2l-verdict")?.focus({ preventScroll: true });
    }
    draw();
    return reader.listen(draw);
  }

  return { ask, triesOf };
})();
