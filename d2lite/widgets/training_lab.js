// The training lab: runs that a trainer works on, and the page that sets, starts, compares and opens them.

const PACE = 120;  // milliseconds between two drawings, at least; reports of more come together
const SPAN = 6;  // epochs that are trained at a time
/** The epochs at which a run that has come this far rests; the last batch may end a little after. */
const spansOf = (epochs) => SPAN * Math.max(1, Math.ceil(epochs / SPAN - 0.02));

const KEPT = 6000;  // points of a curve
const SITE = ".d2l-widget";  // what a built page, which has an address to share, holds interactives in

let ids = 0;

/** The runs of the page, and the messages from and to who trains them. */
class Lab {
  constructor(model, changed) {
    const recorded = model.get("recorded") ?? {};
    Object.assign(this, { model, changed, recorded, runs: [], seen: null, drawing: null, failed: null, training: false, turns: 0 });
    this.trainer = trainer(model.get("_esm"), (report) => this.hear(report));
    this.trainer.send({ order: "data", data: model.get("data") });
  }

  get selected() { return whole(this.model.get("selected"), 0, this.runs.length - 1, 0); }
  get run() { return this.runs[this.selected]; }

  /** A run from the start, or where another one is. */
  made(settings, from = null) {
    const id = (ids += 1), fresh = { train: [], test: [], norms: [], steps: 0, epochs: 0, seconds: 0, exploded: false, numbers: null };
    const curves = from && { ...from, train: [...from.train], test: [...from.test], norms: [...from.norms] };
    this.trainer.send(from ? { order: "fork", id, from: from.id, settings } : { order: "make", id, settings });
    return { ...fresh, ...curves, id, settings, born: from?.epochs ?? 0 };
  }

  /** Brings the runs to these settings: what a run can go on with it does, otherwise it starts anew. */
  adopt(wanted) {
    this.failed = null;
    this.runs.slice(wanted.length).forEach(({ id }) => this.trainer.send({ order: "drop", id }));
    this.runs = wanted.map((settings, at) => {
      const run = this.runs[at];
      if (run && equal(run.settings, settings)) return run;
      if (!run || !equal(run.settings, settings, OF_NETWORK)) {
        if (run) this.trainer.send({ order: "drop", id: run.id });
        return this.made(settings);
      }
      this.trainer.send({ order: "change", id: run.id, settings });
      return { ...run, settings, born: run.epochs };
    });
    this.look();
  }
  again() {
    this.failed = null;
    for (const { id } of this.runs) this.trainer.send({ order: "drop", id });
    this.runs = this.runs.map(({ settings }) => this.made(settings));
    this.pause();
    this.look();
  }
  fork() {
    this.runs = [...this.runs, this.made({ ...this.run.settings }, this.run)];
    this.keep(this.runs.length - 1);
  }
  remove() {
    const { selected } = this;
    this.trainer.send({ order: "drop", id: this.run.id });
    this.runs = this.runs.filter((_, at) => at !== selected);
    this.keep(Math.min(selected, this.runs.length - 1));
  }
  /** Writes the settings of the runs into the traits, and which of them is chosen. */
  keep(selected = this.selected) {
    this.keeping = true;
    give(this.model, { runs: this.runs.map(({ settings }) => settings), selected });
    this.keeping = false;
    this.look();
  }

  get image() { return whole(this.model.get("image"), 0, this.model.get("data").test.labels.length - 1, 0); }
  look() { if (this.run) this.trainer.send({ order: "look", id: this.run.id, image: this.image, drawn: this.drawing }); }
  /** Shows the network a drawing, numbers from 0 to 1; null is the test image again. */
  draw(numbers) {
    this.drawing = numbers;
    this.look();
  }
  train() {
    const least = Math.min(...this.runs.filter(({ exploded }) => !exploded).map(({ epochs }) => epochs));
    if (!Number.isFinite(least)) return;
    this.training = true;
    this.turns += 1;
    this.trainer.send({ order: "train", turn: this.turns, until: spansOf(least + 0.03 * SPAN) });
    this.changed();
  }
  pause() {
    this.training = false;
    this.trainer.send({ order: "pause" });
    this.changed();
  }
  step() { for (const { id } of this.runs) this.trainer.send({ order: "step", id }); }

  hear({ id, seen, points, tests, rests, failed, ...numbers }) {
    const run = this.runs.find((one) => one.id === id);
    if (failed) this.failed = failed;
    if (failed || rests === this.turns) this.training = false;
    if (run && seen) this.seen = { id, ...seen };
    if (run && points) {
      run.train.push(...points);
      run.test.push(...tests);
      Object.assign(run, numbers);
      if (run.train.length > KEPT) run.train = halved(run.train);
    }
    this.changed();
  }

  /** The curves of a run, and those that were recorded with the same settings. */
  drawn(run) {
    const before = equal(run.settings, settingsOf({ kind: run.settings.kind })) && this.model.get("preview") !== false;
    return { ...run, before: before ? this.recorded[run.settings.kind] ?? null : null };
  }
  told(run) {
    const { settings, steps, epochs, seconds, exploded, norms, numbers, train, test } = run, last = test.at(-1) ?? [];
    const finite = (value) => (Number.isFinite(value) ? value : null);
    return {
      ...settings, steps, epochs, seconds, exploded, norms, numbers, loss: finite(lossOf(run)), test_loss: finite(last[1]), test_accuracy: last[2] ?? null,
      losses: train.slice(0, 64).map((point) => finite(point[1])), tests: test.length,
    };
  }
}

/** What controls and frame take for the model: settings are those of the chosen run, the rest the widget's own traits. */
function facade(model, lab, place) {
  const listeners = new Map();
  const tell = (name) => [...(listeners.get(`change:${name}`) ?? [])].forEach((listener) => listener());
  let published = 0, training = false, waiting = null;
  const publish = (result) => {  // a kernel need not hear of each frame
    clearTimeout(waiting);
    const send = () => {
      [published, training] = [performance.now(), result.training];
      give(model, { result });
    };
    if (!training || !result.training || performance.now() - published > 500) send();
    else waiting = setTimeout(send, 500);
  };
  return {
    tell,
    get(name) {
      if (name === "rate") return Math.log10(lab().run.settings.rate);
      if (name === "batch") return place(lab().run.settings.batch);
      return name in SETTINGS ? lab().run.settings[name] : model.get(name);
    },
    set(name, value) {
      if (name === "result") publish(value);
      else if (name === "runs") lab().adopt(runsOf(value));
      else if (name in SETTINGS) {
        const wanted = lab().runs.map(({ settings }) => settings), own = name === "rate" ? rounded(10 ** value) : value;
        wanted[lab().selected] = settingsOf({ ...lab().run.settings, [name]: own });
        lab().adopt(wanted);
      } else if (name !== "tick") model.set(name, value);
      if (name === "runs" || name in SETTINGS) lab().keep();
    },
    save_changes() { model.save_changes(); },
    on(event, listener) { listeners.set(event, (listeners.get(event) ?? new Set()).add(listener)); },
    off(event, listener) { listeners.get(event)?.delete(listener); },
    stop() { clearTimeout(waiting); },
  };
}

/** Nearest of the batch sizes that the list offers. */
const offered = (batch) => 2 ** Math.round(Math.log2(batch));

export default {
  async render({ model, el }) {
    await breath();
    let lab = null, view = null, frame = null, drawn = 0;
    const proxy = facade(model, () => lab, offered);
    const redraw = () => {
      frame = null;
      drawn = performance.now();
      proxy.tell("tick");
    };
    const soon = () => { frame ??= setTimeout(() => requestAnimationFrame(redraw), Math.max(0, drawn + (still() ? 600 : PACE) - performance.now())); };
    lab = new Lab(model, soon);
    const shared = document.querySelector(SITE) ? unlinked(location.hash) : null;
    lab.adopt(shared ?? runsOf(model.get("runs")));
    give(model, { runs: lab.runs.map(({ settings }) => settings) });
    const outside = {
      "change:runs": () => {
        if (!lab.keeping) lab.adopt(runsOf(model.get("runs")));
        for (const name of [...Object.keys(SETTINGS), "tick"]) proxy.tell(name);
      },
      "change:selected": () => { lab.look(); for (const name of [...Object.keys(SETTINGS), "tick"]) proxy.tell(name); },
      "change:image": () => { lab.draw(null); proxy.tell("image"); proxy.tell("tick"); },
      "change:preview": () => proxy.tell("tick"),
    };
    for (const [event, listener] of Object.entries(outside)) model.on(event, listener);
    view = await bench(lab, proxy, model);
    const off = interactive({
      model: proxy, el, title: "Training lab", traits: ["runs", "selected", "image", "tick"],
      hint: "Networks learn to read digits, here in your browser. Train them, and watch them part ways.",
      reset() { lab.drawing = null; lab.again(); },
      draw(stage) {
        if (view.node.parentNode !== stage) stage.replaceChildren(view.node);
        return view.update();
      },
    });
    const hidden = () => { if (document.hidden && lab.training) lab.pause(); };
    document.addEventListener("visibilitychange", hidden);
    if (shared) requestAnimationFrame(() => el.scrollIntoView());
    return () => {
      document.removeEventListener("visibilitychange", hidden);
      clearTimeout(frame);
      for (const [event, listener] of Object.entries(outside)) model.off(event, listener);
      view.off();
      proxy.stop();
      lab.trainer.off();
      off();
    };
  },
};
