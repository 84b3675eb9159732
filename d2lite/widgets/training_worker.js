// Who trains: a worker, so that the page stays free, or in its place the page itself, a few milliseconds at a time.

const TOLD = 90;  // milliseconds between two reports of the runs
const SEEN = 500;  // and between two looks into one of them

/** Holds the runs and works on them; `post` tells the page. Messages are obeyed between steps, never within one. */
class Trainer {
  constructor(post) { Object.assign(this, { post, runs: new Map(), inbox: [], task: null, until: null, turn: 0, once: [], told: 0, seen: 0, watched: null }); }

  obey({ order, id, settings, from, data, until, turn, image, drawn }) {
    const run = this.runs.get(id);
    if (order === "data") this.data = { ...data, train: imagesOf({ ...data, ...data.train }), test: imagesOf({ ...data, ...data.test }) };
    if (order === "make") this.begin(new Run(id, settings, this.data));
    if (order === "fork") this.begin(new Run(id, settings, this.data, this.runs.get(from).state()));
    if (order === "change" && run) this.runs.set(id, run.changed(settings));
    if (order === "drop") this.runs.delete(id);
    if (order === "train") Object.assign(this, { until, turn });
    if (order === "pause") this.until = null;
    if (order === "step" && run) this.once.push(run.id);
    if (order === "look") Object.assign(this, { watched: { id, image, drawn }, seen: 0, looked: null });
  }

  stop() { Object.assign(this, { task: null, until: null, once: [], watched: null }); }

  begin(run) {
    this.runs.set(run.id, run);
    run.untested = true;
    this.told = 0;
  }

  /** What to do next, as a generator; null where all is done. The run that has seen the fewest images goes first. */
  next() {
    const runs = [...this.runs.values()], untested = runs.find((run) => run.untested), watched = this.runs.get(this.watched?.id);
    const news = watched && this.looked !== watched.steps;
    if (untested) return this.tested(untested);
    if (news && performance.now() - this.seen > SEEN) return this.look(watched);
    const once = this.runs.get(this.once.shift());
    if (once && !once.exploded) return this.step(once);
    const waiting = this.until === null ? [] : runs.filter((run) => !run.exploded && run.epochs < this.until);
    if (waiting.length) return this.step(waiting.reduce((a, b) => (b.epochs < a.epochs ? b : a)));
    this.until = null;
    return news ? this.look(watched) : null;
  }
  *tested(run) {
    run.untested = false;
    if (!run.norms.length) yield* run.measure();
    yield* run.test();
  }
  *step(run) {
    yield* run.step();
    run.untested = run.steps % run.every === 0 || run.exploded || run.epochs >= (this.until ?? Infinity);
  }
  *look(run) {
    this.looked = run.steps;
    const seen = yield* run.look(this.watched.image, this.watched.drawn);
    this.seen = performance.now();
    this.post({ id: run.id, seen });
  }

  /** Works for about so many milliseconds; whether there is more to do. */
  work(milliseconds) {
    const end = performance.now() + milliseconds;
    let idle = false;
    while (!idle && performance.now() < end) {
      if (this.task) {
        if (this.task.next().done) this.task = null;
      } else if (this.inbox.length) this.obey(this.inbox.shift());
      else {
        this.task = this.next();
        idle = !this.task;
      }
    }
    if (idle || performance.now() - this.told > TOLD) this.report();
    return !idle;
  }
  report() {
    for (const run of this.runs.values()) {
      const { id, points, tests, norms, steps, epochs, seconds, images, exploded, net: { numbers } } = run;
      if (points.length || tests.length) this.post({ id, points, tests, norms, steps, epochs, seconds, images, exploded, numbers });
      Object.assign(run, { points: [], tests: [] });
    }
    this.told = performance.now();
    this.post({ rests: this.until === null ? this.turn : null });
  }
}

/** Lets a trainer work in turns: `rest` calls its argument once others had their turn. */
function worker(post, milliseconds, rest) {
  const trainer = new Trainer(post);
  let busy = false;
  const turn = () => {
    try {
      busy = trainer.work(milliseconds);
    } catch (error) {  // no memory, most likely: the largest networks ask for hundreds of megabytes
      trainer.stop();
      post({ failed: error.message });
      busy = trainer.inbox.length > 0;
    }
    if (busy) rest(turn);
  };
  return (message) => {
    trainer.inbox.push(message);
    if (!busy) rest(turn);
    busy = true;
  };
}

/** In a worker: the messages of the page come in, reports go out. */
function serve() {
  const channel = new MessageChannel();
  let next = null;
  channel.port1.onmessage = () => next();
  const receive = worker((message) => postMessage(message), 40, (turn) => { next = turn; channel.port2.postMessage(null); });
  onmessage = ({ data }) => receive(data);
  postMessage({ ready: true });
}

/**
 * Someone who trains. `text` is this script, all of it, which the worker gets; `tell` gets the reports. Where there is no
 * worker, because the browser has none or the page may not start one, the page does its work.
 */
function trainer(text, tell) {
  const sent = [];  // before it was known whether there is a worker
  let send, made = null, ready = false, gone = false;
  const here = () => {
    send = worker((message) => !gone && tell(message), 12, (turn) => setTimeout(() => !gone && turn(), 12));
    for (const message of sent) send(message);
  };
  try {
    // a classic script: a page from a file may not start a module, so nothing may be exported
    const classic = `${text.replace(/^export default/m, "const page =")}\nserve();`;
    const url = URL.createObjectURL(new Blob([classic], { type: "text/javascript" }));
    made = new Worker(url);
    send = (message) => made.postMessage(message);
    made.onerror = (event) => {
      event.preventDefault();
      if (ready) {
        tell({ failed: event.message });
        return;
      }
      made.terminate();
      here();
    };
    made.onmessage = ({ data }) => {
      if (!data.ready) tell(data);
      else URL.revokeObjectURL(url);
      ready = true;
    };
  } catch {
    here();
  }
  return {
    send(message) { if (!ready) sent.push(message); send(message); },
    off() { gone = true; made?.terminate(); },
  };
}
