// What a reader did, kept in this browser alone: predictions, sections seen, answers. One key, read anew before each
// change, so that two tabs agree. What lies there is checked. Boxes in a notebook share the first of these scripts.
window.d2lReader ??= (() => {
  const KEY = "d2l-reader-1", MAPS = ["seen", "tries", "solved"];
  const listeners = new Set();
  let inMemory = null;  // the state, once the storage has refused

  const ofKind = (value, kind) => (value && typeof value === "object" && Array.isArray(value) === (kind === "list") ? value : null);
  const text = (value, most = 300) => (typeof value === "string" && value.length <= most ? value : null);

  function validTry(given) {
    const { guess, sure, right, at, page } = ofKind(given, "map") ?? {};
    const fine = text(guess) !== null && [50, 75, 95].includes(sure) && typeof right === "boolean" && Number.isFinite(at) && text(page);
    return fine ? { guess, sure, right, at, page } : null;
  }

  const valid = {
    tries: (list) => (ofKind(list, "list") ?? []).slice(0, 20).map(validTry).filter(Boolean),
    seen: (list) => [...new Set((ofKind(list, "list") ?? []).filter((id) => text(id)))].slice(0, 200),
    solved: (answer) => text(answer) ?? "",
  };

  /** The state that ``given`` holds, without what is not as it should be. */
  function clean(given) {
    const state = { tries: {}, seen: {}, solved: {}, last: null, cover: ofKind(given, "map")?.cover !== false };
    for (const name of MAPS) {
      for (const [key, value] of Object.entries(ofKind(given?.[name], "map") ?? {}).slice(0, 500)) {
        const kept = valid[name](value);
        if (/^[a-z0-9_.-]{1,80}$/.test(key) && kept.length) state[name][key] = kept;
      }
    }
    const { page, section, title } = ofKind(given?.last, "map") ?? {};
    if (/^[a-z0-9_]+$/.test(text(page) ?? "") && /^[\w-]*$/.test(text(section) ?? "!") && text(title)) state.last = { page, section, title };
    return state;
  }

  function get() {
    if (inMemory) return inMemory;
    try {
      return clean(JSON.parse(localStorage.getItem(KEY) ?? "null"));
    } catch (error) {
      if (error instanceof SyntaxError) return clean(null);
      return (inMemory = clean(null));
    }
  }

  function tell() { for (const listener of [...listeners]) listener(); }

  /** Call `listener` after each change; what is returned ends that. */
  function listen(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** Change the state: ``edit`` gets it and may write into it, or return another. */
  function change(edit) {
    const state = get(), edited = edit(state) ?? state;
    try {
      if (!inMemory) localStorage.setItem(KEY, JSON.stringify(edited));
    } catch {
      inMemory = edited;
    }
    if (inMemory) inMemory = edited;
    tell();
  }

  function forget() {
    change(() => clean(null));
    try { localStorage.removeItem(KEY); } catch { /* there was nothing to keep it */ }
  }

  addEventListener("storage", (event) => (event.key === KEY || event.key === null) && tell());

  /** An element with properties, attributes where a name has a hyphen, and children. */
  function make(tag, { text: words, ...given } = {}, ...children) {
    const node = document.createElement(tag);
    // JupyterLab would take arrow keys and letters for commands.
    if (/^(input|button|summary)$/.test(tag)) node.setAttribute("data-lm-suppress-shortcuts", "");
    for (const [name, value] of Object.entries(given)) {
      if (name.includes("-") || name === "role" || name === "for") node.setAttribute(name, value);
      else node[name] = value;
    }
    if (words !== undefined) node.textContent = words;
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  }

  /** The number that somebody typed, or NaN. */
  function numberOf(typed) {
    const bare = typed.trim().replace(/[\s_]/g, "").replace("−", "-");
    return /^-?[1-9]\d{0,2}(,\d{3})+(\.\d+)?$/.test(bare) ? Number(bare.replaceAll(",", "")) : bare === "" ? NaN : Number(bare.replace(",", "."));
  }

  const SURE = { 50: "a guess", 75: "fairly sure", 95: "certain" };  // in percent and in words

  /** Of a question; right is the place of a choice from 1 on, or a number. */
  function answerOf(key) {
    const [right, within, unit] = JSON.parse(atob(key));
    return { right, within, unit };
  }

  /** A question as the script questions.js has it, with its answer, and choices that are lists of nodes. */
  const readable = ({ id, text, choices, key }) => ({ id, text, choices: choices.map((choice) => [choice]), ...answerOf(key) });

  const page = location.pathname.split("/").pop().replace(/\.html$/, "") || "index";
  return { get, change, forget, clean, make, page, SURE, answerOf, numberOf, readable, keeps: () => (get(), !inMemory),
    listen };
})();
