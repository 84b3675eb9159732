// How far the reader is: sections seen, ticks in both lists of contents, a link that goes on.
(() => {
  const reader = window.d2lReader, { make, page } = reader;
  const WHOLE = "*", DWELL = 1000;  // a whole chapter; milliseconds on screen
  const article = document.querySelector("article");
  const isChapter = Boolean(document.querySelector(".d2l-question"));
  const sections = isChapter ? [...document.querySelectorAll("article section section")].filter((node) => node.querySelector(":scope > h2")) : [];
  const seenOf = (name) => reader.get().seen[name] ?? [];

  function titleOf(heading) {
    const copy = heading.cloneNode(true);
    for (const link of copy.querySelectorAll(".headerlink, .katex-mathml")) link.remove();
    return copy.textContent.trim();
  }

  /** Note sections as seen; the chapter is read with the last of them. */
  function note(...ids) {
    reader.change((state) => {
      const all = new Set([...(state.seen[page] ?? []), ...ids]);
      if (sections.every(({ id }) => all.has(id))) all.add(WHOLE);
      state.seen[page] = [...all];
    });
  }

  function watch() {
    const timers = new Map();
    const ends = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        clearTimeout(timers.get(target));
        const { id } = target.parentElement;
        if (isIntersecting && !seenOf(page).includes(id)) timers.set(target, setTimeout(() => note(id), DWELL));
      }
    });
    for (const section of sections) {
      section.append(make("span", { className: "d2l-end" }));
      ends.observe(section.lastElementChild);
    }
    const chapter = titleOf(article.querySelector("h1"));
    const starts = new IntersectionObserver((entries) => {  // the section in the upper part of the window
      const at = entries.filter(({ isIntersecting }) => isIntersecting).at(-1)?.target;
      if (!at || reader.get().last?.section === at.id) return;
      const title = `${chapter}, ${titleOf(at.querySelector("h2"))}`.slice(0, 300);
      reader.change((state) => { state.last = { page, section: at.id, title }; });
    }, { rootMargin: "-15% 0px -80% 0px" });
    for (const section of sections) starts.observe(section);
  }

  function checkbox() {
    const box = make("input", { type: "checkbox" });
    box.addEventListener("change", () => (box.checked ? note(...sections.map(({ id }) => id)) : reader.change((state) => { delete state.seen[page]; })));
    article.append(make("p", { className: "d2l-done" }, make("label", {}, box, " I have read this chapter")));
    return () => { box.checked = seenOf(page).includes(WHOLE); };
  }

  /** Put a tick beside a link, or take it away. */
  function tick(link, ticked, words) {
    const mark = link.querySelector(".d2l-tick");
    if (ticked && !mark) link.append(make("span", { className: "d2l-tick" }, make("span", { "aria-hidden": "true", text: " ✓" }),
      make("span", { className: "visually-hidden", text: ` (${words})` })));
    if (!ticked) mark?.remove();
  }

  const pageOf = (link) => link.getAttribute("href").replace(/^.*\/|\.html$/g, "").replace("#", "") || page;
  const chapters = [...document.querySelectorAll(".bd-sidebar-primary .bd-links a.reference.internal")];
  const contents = [...document.querySelectorAll(".bd-sidebar-secondary a[href^='#']")];
  const places = [document.querySelector(".bd-sidebar-primary .bd-links"), document.querySelector("body:has(.d2l-doors) article h1")];

  function goOn() {
    const { last } = reader.get();
    for (const link of document.querySelectorAll(".d2l-continue")) link.remove();
    if (!last || last.page === page) return;
    const made = () => make("p", { className: "d2l-continue" }, make("a", { href: `${last.page}.html#${last.section}` },
      "Continue where you left off: ", make("span", { text: last.title })));
    places[0]?.prepend(made());
    places[1]?.after(made());
  }

  const drawn = [goOn, () => {
    for (const link of chapters) tick(link, seenOf(pageOf(link)).includes(WHOLE), "read");
    for (const link of contents) tick(link, isChapter && seenOf(page).includes(link.getAttribute("href").slice(1)), "seen");
  }];
  if (isChapter) drawn.push(checkbox());
  const draw = () => drawn.forEach((part) => part());
  draw();
  reader.listen(draw);
  if (isChapter) watch();
})();
