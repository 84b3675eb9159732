// Starts a deck: sets formulas, lets interactives have their keys, makes each slide fit, on the screen and in print, and hands over to reveal.js.
(async () => {
  const WIDTH = 1280, HEIGHT = 720, SMALLEST = 0.5, STEP = 0.05;
  const sections = [...document.querySelectorAll(".slides > section")];

  renderMathInElement(document.querySelector(".slides"), {
    delimiters: [{ left: "\\(", right: "\\)", display: false }, { left: "\\[", right: "\\]", display: true }],
    ignoredClasses: ["notes"],
  });

  const widgets = [...document.querySelectorAll(".d2l-widget")];
  const started = () => widgets.every((box) => box.dataset.mounted);
  for (let tries = 0; !started() && tries < 100; tries += 1) await new Promise((resolve) => setTimeout(resolve, 50));
  for (const inner of document.querySelectorAll(".d2l-widget section")) {  // reveal.js would take it for a slide below
    const plain = Object.assign(document.createElement("div"), { className: inner.className });
    plain.append(...inner.childNodes);
    inner.replaceWith(plain);
  }
  for (const box of widgets) {
    for (const fold of box.querySelectorAll("details[open]")) fold.open = false;  // there is room for it when it is asked for
    box.dataset.preventSwipe = "";
    // Its arrows and spaces are its own; a presenter's remote sends these, and goes on.
    box.addEventListener("keydown", (event) => { if (!["PageUp", "PageDown", "Escape"].includes(event.key)) event.stopPropagation(); });
  }

  /** Make what is on a slide smaller until it fits; an interactive as a whole, since it sizes its own text. */
  const fit = (section) => {
    const before = section.style.display, content = section.querySelector(".content");
    section.style.display = "block";
    for (let size = 1; section.scrollHeight > HEIGHT + 1 || content.scrollWidth > content.clientWidth + 1; size -= STEP) {
      if (size < SMALLEST) break;
      if (section.classList.contains("interactive")) content.style.zoom = size;
      else content.style.fontSize = `${size}em`;
    }
    section.style.display = before;
    if (section.classList.contains("interactive")) Object.assign(section.style, { maxHeight: `${HEIGHT}px`, overflowY: "auto" });
  };
  await document.fonts.ready;
  await Promise.all([...document.images].map((image) => image.decode().catch(() => {})));
  sections.forEach(fit);

  await Reveal.initialize({
    width: WIDTH, height: HEIGHT, margin: 0.02, center: false, hash: true, slideNumber: "c/t", transition: "none",
    pdfSeparateFragments: false, pdfMaxPagesPerSlide: 1, plugins: [RevealNotes],
  });
  document.body.dataset.ready = "yes";
})();
