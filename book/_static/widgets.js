// Hosts interactives on a page without a kernel: a script gets a model with the few methods that it has in Jupyter.
(() => {
  const STATE = "application/vnd.jupyter.widget-state+json";
  const VIEW = "application/vnd.jupyter.widget-view+json";
  const scripts = new Map();  // text of a script → promise of its module
  const styles = new Set();

  class Model {
    constructor(state) {
      this.state = state;
      this.listeners = new Map();
    }
    get(name) { return this.state[name]; }
    set(name, value) {
      const changed = JSON.stringify(this.state[name]) !== JSON.stringify(value);
      this.state[name] = value;
      if (changed) {
        this.tell(`change:${name}`, value);
        this.tell("change");
      }
    }
    tell(event, value) { for (const listener of [...(this.listeners.get(event) ?? [])]) listener(this, value); }
    on(event, listener) { this.listeners.set(event, (this.listeners.get(event) ?? new Set()).add(listener)); }
    off(event, listener) { this.listeners.get(event)?.delete(listener); }
    save_changes() {}
    send() {}
  }

  function load(text) {
    if (!scripts.has(text)) {
      const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
      scripts.set(text, import(url).then((module) => module.default));
    }
    return scripts.get(text);
  }

  function style(text) {
    if (!text || styles.has(text)) return;
    styles.add(text);
    document.head.append(Object.assign(document.createElement("style"), { textContent: text }));
  }

  async function mount(box, models) {
    const view = box.querySelector(`script[type="${VIEW}"]`);
    const model = models.get(JSON.parse(view.textContent).model_id);
    if (!model) return;
    style(model.get("_css"));
    const el = document.createElement("div");
    const host = await load(model.get("_esm"));
    const widget = typeof host === "function" ? await host() : host;
    await widget.initialize?.({ model });
    await widget.render({ model, el });
    for (const picture of box.querySelectorAll("img")) (picture.closest("a") ?? picture).remove();
    box.append(el);
    box.model = model;  // for tests and the curious
    box.dataset.mounted = "yes";
  }

  /** The models of the page by their names; two views of one model move together, as they do in Jupyter. */
  function read() {
    const stored = document.querySelector(`script[type="${STATE}"]`);
    const { state } = stored ? JSON.parse(stored.textContent) : { state: {} };
    return new Map(Object.entries(state).map(([name, { state: traits }]) => [name, new Model(traits)]));
  }

  const failed = (error) => console.error("An interactive did not start; its picture stays.", error);
  try {
    const models = read();
    const started = [...document.querySelectorAll(".d2l-widget")].map((box) => mount(box, models).catch(failed));
    const loaded = new Promise((resolve) => (document.readyState === "complete" ? resolve() : addEventListener("load", resolve)));
    let moved = false;  // by the reader
    for (const kind of ["wheel", "touchmove", "keydown", "pointerdown"]) {
      addEventListener(kind, () => { moved = true; }, { once: true, passive: true });
    }
    Promise.all([...started, loaded]).then(() => {  // interactives differ in height from their pictures: only now is
      const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));  // known where the named part is
      if (!named) return;
      // Pictures and questions above it may still come: until the page has rested, each change of height is followed.
      const watch = new ResizeObserver(() => { if (!moved) named.scrollIntoView({ behavior: "instant" }); });
      watch.observe(document.body);
      setTimeout(() => watch.disconnect(), 3000);
    });
  } catch (error) {
    failed(error);
  }
})();
