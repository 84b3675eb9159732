// Every page: what a link leads to is shown beside it, what scrolls can be scrolled with the keyboard, paper is white.
document.addEventListener("DOMContentLoaded", () => {
  const SCROLLS = ".pst-scrollable-table-container, .katex-display, .cell_output .text_html, .d2l-stage, .d2l-side";
  const names = {
    "pst-scrollable-table-container": "Table", "katex-display": "Equation", text_html: "Output",
    "d2l-stage": "Interactive", "d2l-side": "Numbers",
  };

  /** What is wider than its place gets a place in the order of the tab key, and a name. */
  function reachable() {
    for (const box of document.querySelectorAll(SCROLLS)) {
      const scrolls = box.scrollWidth > box.clientWidth;
      const kind = names[Object.keys(names).find((word) => box.classList.contains(word))];
      const name = box.closest(".d2l-interactive")?.getAttribute("aria-label") ?? kind;
      for (const [key, value] of Object.entries({ tabindex: 0, role: "group", "aria-label": `${name}, scrolls sideways` })) {
        if (scrolls) box.setAttribute(key, value);
        else box.removeAttribute(key);
      }
    }
  }

  const tip = document.createElement("div");
  Object.assign(tip, { id: "d2l-preview", className: "d2l-preview", hidden: true });
  tip.setAttribute("role", "tooltip");
  let link = null, timer;

  function hide() {
    clearTimeout(timer);
    tip.hidden = true;
    link?.removeAttribute("aria-describedby");
    link = null;
  }

  function show(wanted) {
    hide();
    link = wanted;
    tip.textContent = link.dataset.preview;
    tip.hidden = false;
    link.setAttribute("aria-describedby", tip.id);
    const line = link.getClientRects()[0], [width, height] = [tip.offsetWidth, tip.offsetHeight];
    const left = Math.min(Math.max(8, line.left), document.documentElement.clientWidth - width - 8);
    const top = line.bottom + height + 12 < window.innerHeight ? line.bottom + 4 : line.top - height - 4;
    Object.assign(tip.style, { left: `${left}px`, top: `${top}px` });
  }

  function later(action) {
    clearTimeout(timer);
    timer = setTimeout(action, 250);  // time to pass over a link, or to reach the preview
  }

  for (const each of document.querySelectorAll("article a.reference[title]")) {
    each.dataset.preview = each.title;
    each.removeAttribute("title");
    each.addEventListener("mouseenter", () => later(() => show(each)));
    each.addEventListener("mouseleave", () => later(hide));
    each.addEventListener("focus", () => each.matches(":focus-visible") && show(each));
    each.addEventListener("blur", hide);
  }
  tip.addEventListener("mouseenter", () => clearTimeout(timer));
  tip.addEventListener("mouseleave", () => later(hide));
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  window.addEventListener("scroll", () => tip.hidden || hide(), { passive: true });
  document.body.append(tip);

  const { dataset } = document.documentElement;
  let theme = dataset.theme;
  window.addEventListener("beforeprint", () => {
    theme = dataset.theme;
    dataset.theme = "light";
  });
  window.addEventListener("afterprint", () => { dataset.theme = theme; });

  new ResizeObserver(reachable).observe(document.querySelector("article") ?? document.body);
});
