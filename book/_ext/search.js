// The search page: SECTIONS, written before this by d2l_search.py, holds [page, title of the page, title, anchor, text]
// for each section. What a title says counts most; a hit leads to its section. Nothing is fetched, so files do as well.
document.addEventListener("DOMContentLoaded", () => {
  const MOST = 30, BEFORE = 60, EXCERPT = 220;  // hits that are shown; letters before a match, and of an excerpt
  const SMALL = new Set(["a", "an", "and", "as", "at", "by", "for", "in", "is", "of", "on", "or", "the", "to", "with", "的", "是", "了", "和", "与", "在"]);
  const HAN = /\p{Script=Han}/u;
  const plain = (text) => text.toLowerCase().replaceAll("×", "x").normalize("NFKD").replace(/[\u0300-\u036f]/g, "").replace(/[^\p{L}\p{N}_.]+/gu, " ").trim();
  const squeezed = (text) => plain(text).replace(/[ .]/g, "");
  const escaped = (word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

  /** Chinese has no spaces between its words, which the browser knows. */
  const spaced = (text) => (HAN.test(text) && Intl.Segmenter
    ? Array.from(new Intl.Segmenter("zh", { granularity: "word" }).segment(text), ({ segment }) => segment).join(" ") : text);

  /** A word as it begins in a text, where a Chinese one may stand anywhere. */
  const begun = (word) => (HAN.test(word) ? word : ` ${word}`);

  const entries = SECTIONS.map(([page, top, title, anchor, text]) => ({
    page, top, title, anchor, text,
    first: !anchor, heading: ` ${plain(title)} `, chapter: ` ${plain(top)} `, body: ` ${plain(text)} `, tight: squeezed(title),
  }));

  /** The words of a query, without the small ones unless there are no others, and in the singular. */
  function wordsOf(query) {
    const all = plain(spaced(query)).split(" ").filter(Boolean), large = all.filter((word) => !SMALL.has(word));
    return (large.length ? large : all).map((word) => (word.length > 4 ? word.replace(/(?<!s)s$/, "") : word));
  }

  /** How well a word stands in a text: as it is, as the beginning of a word, not at all. */
  const within = (text, word) => (text.includes(`${begun(word)} `) ? 1 : text.includes(begun(word)) ? 0.8 : 0);

  function score(entry, words, phrase, all) {
    const tight = phrase.replace(/[ .]/g, "");  // so that "batchnorm" is the beginning of "Batch normalization"
    const titled = entry.heading.includes(` ${phrase}`) || (tight.length > (HAN.test(tight) ? 1 : 3) && entry.tight.includes(tight));
    let sum = 0;
    for (const word of words) {
      const [title, chapter, text] = [entry.heading, entry.chapter, entry.body].map((part) => within(part, word));
      if (all && !titled && !title && !chapter && !text) return 0;
      sum += 10 * title + 3 * chapter + 2 * text + Math.min(3, entry.body.split(begun(word)).length - 1) / 2;
    }
    if (titled) sum += 20 + (entry.first ? 10 : 0);
    if (words.length > 1 && entry.body.includes(HAN.test(tight) ? tight : ` ${phrase}`)) sum += 8;
    return sum / words.length + (entry.heading.trim() === phrase || (HAN.test(tight) && entry.tight === tight) ? 20 : 0);
  }

  /** The sections that have all words of a query, or where there are none, some; the best first. */
  function find(query) {
    const words = wordsOf(query), phrase = words.join(" ");
    const ranked = (all) => entries.map((entry) => ({ entry, value: score(entry, words, phrase, all) }))
      .filter(({ value }) => value).sort((a, b) => b.value - a.value).map(({ entry }) => entry);
    const whole = phrase ? ranked(true) : [];
    return { words, whole: whole.length > 0, hits: whole.length || !phrase ? whole : ranked(false) };
  }

  /** Some of a text around the first match, its matches marked. */
  function excerpt(text, words) {
    const marked = words.map((word) => (HAN.test(word) ? "" : "(?<![\\p{L}\\p{N}])") + escaped(word));
    const pattern = new RegExp(`(${marked.join("|")})`, "giu");
    const both = new RegExp(words.map(escaped).join(words.some((word) => HAN.test(word)) ? "\\P{L}*" : "\\P{L}+"), "iu").exec(text) ?? pattern.exec(text);
    pattern.lastIndex = 0;
    let from = both ? Math.max(0, both.index - BEFORE) : 0;
    const space = text.indexOf(" ", from);
    if (from && space > 0 && space < both.index) from = space + 1;
    const more = from + EXCERPT < text.length, end = text.lastIndexOf(" ", from + EXCERPT);
    const to = !more ? text.length : end > from + EXCERPT / 2 ? end : from + EXCERPT;
    const parts = [from ? "… " : "", ...text.slice(from, to).split(pattern), more ? " …" : ""];
    return parts.map((part, place) => (place > 1 && place < parts.length - 1 && place % 2 === 0
      ? Object.assign(document.createElement("mark"), { textContent: part }) : part));
  }

  const made = (tag, className, ...inside) => {
    const node = Object.assign(document.createElement(tag), { className });
    node.append(...inside);
    return node;
  };

  function item({ page, top, title, anchor, text }, words) {
    const link = made("a", "", title);
    link.href = page + (anchor && `#${anchor}`);
    const inside = [link];
    if (anchor) inside.push(made("span", "d2l-search-in", ` in ${top}`));
    if (text) inside.push(made("p", "context", ...excerpt(text, words)));
    return made("li", "", ...inside);
  }

  const fields = document.querySelectorAll("input[name=q]"), field = document.querySelector(".bd-search-container input[name=q]");
  const place = document.getElementById("search-results");
  const told = made("p", "search-summary"), list = made("ul", "search");
  told.setAttribute("role", "status");
  place.append(told, list);

  function show() {
    const { words, whole, hits } = find(field.value);
    const count = `${hits.length} section${hits.length === 1 ? "" : "s"}${hits.length > MOST ? `, of which the first ${MOST} are shown` : ""}`;
    told.textContent = !words.length ? "" : !hits.length ? "No section has these words." : whole ? count
      : `No section has all of these words. With some of them: ${count}.`;
    list.replaceChildren(...hits.slice(0, MOST).map((hit) => item(hit, words)));
  }

  for (const each of fields) each.value = new URLSearchParams(location.search).get("q") ?? "";
  field.addEventListener("input", () => {
    history.replaceState(null, "", `?q=${encodeURIComponent(field.value)}`);
    show();
  });
  show();
});
