// The page My predictions: how calibrated the reader is, each question that was answered, and what is kept of it all.
(() => {
  const reader = window.d2lReader, { make, SURE, readable } = reader;
  const percent = (share) => `${Math.round(100 * share)}%`;
  const times = (count, what) => `${count} ${what}${count === 1 ? "" : "s"}`;

  /** [said, count, right] for each degree of confidence, of first tries alone: a second one has seen the answer. */
  function calibration() {
    const first = Object.values(reader.get().tries).map(([made]) => made);
    return Object.keys(SURE).map(Number).map((said) => {
      const its = first.filter(({ sure }) => sure === said);
      return { said, count: its.length, right: its.filter(({ right }) => right).length };
    });
  }

  function svg(tag, attributes, words) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    if (words !== undefined) node.textContent = words;
    return node;
  }

  /** Share right against what was said; on the diagonal a reader knows what he knows. A larger dot counts more. */
  function plot(rows) {
    const X = (share) => 50 + 2.4 * share, Y = (share) => 265 - 2.4 * share;
    const chart = svg("svg", { viewBox: "0 0 330 305", role: "img", class: "d2l-calibration",
      "aria-label": `Share right against confidence. ${rows.map(sentence).join(" ")}` });
    chart.append(svg("path", { d: `M${X(0)} ${Y(100)}V${Y(0)}H${X(100)}M${X(0)} ${Y(0)}L${X(100)} ${Y(100)}`, class: "d2l-axes" }));
    for (const at of [0, 50, 100]) chart.append(svg("text", { x: X(0) - 6, y: Y(at) + 4, "text-anchor": "end" }, `${at}%`));
    for (const { said, count, right } of rows) {
      chart.append(svg("text", { x: X(said), y: Y(0) + 18, "text-anchor": "middle" }, `${said}%`));
      if (!count) continue;
      const share = (100 * right) / count;
      chart.append(svg("path", { d: `M${X(said)} ${Y(said)}V${Y(share)}`, class: "d2l-gap" }), svg("circle", { cx: X(said), cy: Y(share),
        r: 5 + 2 * Math.sqrt(count) }));
    }
    chart.append(svg("text", { x: X(50), y: Y(0) + 36, "text-anchor": "middle" }, "how sure you were"), svg("text", { x: X(0), y: 14,
      "text-anchor": "middle" }, "right"));
    return chart;
  }

  const sentence = ({ said, count, right }) => (count
    ? `${said}% sure: right ${right} of ${times(count, "time")}, ${percent(right / count)}.` : `${said}% sure: never said.`);

  function summary(rows) {
    const count = rows.reduce((sum, row) => sum + row.count, 0), right = rows.reduce((sum, row) => sum + row.right, 0);
    if (!count) return "You have committed no guess yet. The first box is in the first chapter.";
    const said = rows.reduce((sum, row) => sum + row.said * row.count, 0) / count, off = said - (100 * right) / count;
    const judged = count < 10 ? " That is too few to judge." : Math.abs(off) < 8 ? " You know quite well what you know." : off > 0
      ? " You are surer than you are right." : " You know more than you trust yourself to.";
    return `${times(count, "prediction")}, ${right} right: ${percent(right / count)}. On average you were ${percent(said / 100)} sure.${judged}`;
  }

  function calibrated() {
    const rows = calibration();
    const head = make("tr", {}, ...["You said", "Times", "Right"].map((text) => make("th", { text, scope: "col" })));
    const body = rows.map(({ said, count, right }) => make("tr", {}, make("td", { text: `${SURE[said]}, ${said}%` }), make("td", { text: count }),
      make("td", { text: count ? `${right}, ${percent(right / count)}` : "–" })));
    return [make("p", { className: "d2l-summary", text: summary(rows) }), make("div", { className: "d2l-calibrated" }, plot(rows),
      make("table", { className: "table" }, make("thead", {}, head), make("tbody", {}, ...body)))];
  }

  /** What a question itself asks; the text of a later one in a box begins with that of the first. */
  function alone({ text }, questions) {
    const lead = questions.find((other) => text.startsWith(`${other.text} `))?.text ?? "";
    return text.slice(lead.length).trim();
  }

  function listed() {
    const { tries } = reader.get();
    return window.d2lQuestions.map(({ page, title, questions }) => {
      const made = questions.filter(({ id }) => tries[id]), right = made.filter(({ id }) => tries[id][0].right).length;
      const items = made.map((found) => {
        const { choices, right: place, unit } = readable(found), [first, ...later] = tries[found.id];
        const answer = choices.length ? choices[place - 1]?.[0] : `${place} ${unit}`.trim();
        const since = later.length ? (later.at(-1).right ? " Right when asked again." : " Missed again.") : "";
        return make("li", {}, make("strong", { text: first.right ? "✓ right" : "✗ missed" }), `, ${first.sure}% sure: `,
          make("a", { href: `${page}.html#${found.id}`, text: alone(found, questions) }), ` ${answer}${/[.!?]$/.test(answer) ? "" : "."}${since}`);
      });
      const name = make("a", { href: `${page}.html`, text: title });
      return make("div", { className: "d2l-chapter" }, make("h3", {}, name,
        `: ${made.length} of ${questions.length} answered${made.length ? `, ${right} right` : ""}`), items.length ? make("ul", {}, ...items) : null);
    });
  }

  function tools() {
    const said = make("p", { role: "status" }), file = make("input", { type: "file", accept: ".json,application/json", hidden: true });
    const button = (text, action) => {
      const made = make("button", { type: "button", text });
      made.addEventListener("click", action);
      return made;
    };
    file.addEventListener("change", async () => {
      try {
        const given = reader.clean(JSON.parse(await file.files[0].text()));
        reader.change(() => given);
        said.textContent = `${times(Object.keys(given.tries).length, "question")} brought back.`;
      } catch {
        said.textContent = "This is no file that this page has saved. Nothing was changed.";
      }
      file.value = "";
    });
    const save = button("Save in a file", () => {
      const url = URL.createObjectURL(new Blob([JSON.stringify(reader.get(), null, 1)], { type: "application/json" }));
      make("a", { href: url, download: "my-predictions.json" }).click();
      setTimeout(() => URL.revokeObjectURL(url), 1000);
    });
    const forget = button("Forget it all", () => {
      if (!confirm("Forget all predictions, progress and answers in this browser?")) return;
      reader.forget();
      said.textContent = "All is forgotten.";
    });
    const box = make("input", { type: "checkbox", checked: reader.get().cover });
    box.addEventListener("change", () => reader.change((state) => { state.cover = box.checked; }));
    reader.listen(() => { box.checked = reader.get().cover; });
    const label = make("label", {}, box, " Cover answers until I have committed a guess");
    return [make("p", { className: "d2l-keep" }, save, " ", button("Bring back from a file", () => file.click()), " ", forget), make("p",
      {}, label), file, said];
  }

  const places = { "how-well-you-know-what-you-know": calibrated, "chapter-by-chapter": listed };
  for (const [name, draw] of Object.entries(places)) {
    const place = make("div");
    document.getElementById(name).append(place);
    const redraw = () => place.replaceChildren(...draw());
    redraw();
    reader.listen(redraw);
  }
  document.getElementById("keep-it-move-it-forget-it").append(make("div", {}, ...tools()));
})();
