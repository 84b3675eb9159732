// A run of the training lab: a network, the order of its images, its optimizer, and what was measured of it.

const DECAY = { SGD: 5e-4, AdamW: 0.01 };  // weight decay
const EXPLODED = 100;  // a loss at which a run is given up; guessing has 2.3
const MAPS = 6;  // of a layer, that are shown
const CHUNK = 64;  // images that are looked at together, outside of training

/** One step of an optimizer, by PyTorch's formulas; `moments` hold what it remembers, `count` its steps with this one. */
const OPTIMIZERS = {
  SGD(values, gradients, [buffer], { rate, momentum }) {
    for (let at = 0; at < values.length; at += 1) {
      buffer[at] = momentum * buffer[at] + gradients[at] + DECAY.SGD * values[at];
      values[at] -= rate * buffer[at];
    }
  },
  AdamW(values, gradients, [mean, square], { rate, momentum }, count) {
    const step = rate / (1 - momentum ** count), spread = Math.sqrt(1 - 0.999 ** count);
    for (let at = 0; at < values.length; at += 1) {
      const gradient = gradients[at];
      mean[at] = momentum * mean[at] + (1 - momentum) * gradient;
      square[at] = 0.999 * square[at] + 0.001 * gradient * gradient;
      values[at] -= rate * DECAY.AdamW * values[at] + (step * mean[at]) / (Math.sqrt(square[at]) / spread + 1e-8);
    }
  },
};

/** Text with a letter for each pixel, "0" black and "g" (16) white, from one where "h" to "z" are 2 to 20 black ones. */
const unpacked = (text) => text.replace(/[h-z]/g, (letter) => "0".repeat(parseInt(letter, 36) - 15));

/** Images as the network gets them. */
function imagesOf({ pixels, labels, mean, std }) {
  const levels = Array.from({ length: 17 }, (_, level) => (Math.round((level * 255) / 16) / 255 - mean) / std);
  return { pixels: Float32Array.from(unpacked(pixels), (letter) => levels[parseInt(letter, 17)]), labels: Uint8Array.from(labels), black: levels[0] };
}

class Run {
  /** From the start, or where another run is: `state` is what its `state()` gave. */
  constructor(id, settings, data, state = null, kernels = fastKernels) {
    Object.assign(this, { id, settings, data, size: data.side ** 2, exploded: false, steps: 0, images: 0, seconds: 0, norms: [], batch: null });
    const most = Math.max(settings.batch, CHUNK);
    this.net = new Network(settings, { side: data.side, classes: data.classes.length, most, seed: settings.seed, kernels });
    this.random = new Random(settings.seed + 1);
    this.moments = [0, 1].map(() => new Float32Array(this.net.numbers));
    this.updates = 0;  // of this optimizer
    this.order = Uint16Array.from({ length: data.train.labels.length }, (_, at) => at);
    this.next = this.order.length;
    this.points = [];  // [epochs, loss, accuracy] of steps that were not told yet
    this.tests = [];
    if (state) this.restore(state);
  }

  get epochs() { return this.images / this.data.train.labels.length; }

  state() {
    const { net, moments, updates, order, next, steps, images, seconds, exploded, norms } = this;
    const running = net.buffers.map(({ at, size }) => net.heap.slice(at, at + size));
    return {
      values: net.values.slice(), running, moments: moments.map((moment) => moment.slice()), updates, order: order.slice(), next,
      random: this.random.state, steps, images, seconds, exploded, norms: [...norms],
    };
  }
  restore({ values, running, random, ...state }) {
    this.net.values.set(values);
    this.net.buffers.forEach(({ at }, which) => this.net.heap.set(running[which], at));
    this.random.state = random;
    Object.assign(this, state);
  }

  /** Other settings for what follows; those of the network itself stay. Returns the run that goes on. */
  changed(settings) {
    const run = settings.batch === this.settings.batch ? this : new Run(this.id, settings, this.data, this.state());
    if (settings.optimizer !== this.settings.optimizer) {
      for (const moment of run.moments) moment.fill(0);
      run.updates = 0;
    }
    Object.assign(run, { settings, points: this.points, tests: this.tests });
    return run;
  }

  /** The images of the next batch; each pass has an order of its own, and a rest that fills no batch is left out. */
  draw() {
    const { order, random, settings: { batch } } = this, count = Math.min(batch, order.length);
    if (this.next + count > order.length) {
      for (let at = order.length - 1; at > 0; at -= 1) {
        const other = Math.floor(random.next() * (at + 1));
        [order[at], order[other]] = [order[other], order[at]];
      }
      this.next = 0;
    }
    this.next += count;
    return order.slice(this.next - count, this.next);
  }

  /** Reads pixels of these images; `moves` shifts each, and what comes in at the border is black. */
  reader({ pixels, black }, which, moves = null) {
    const { size, data: { side } } = this;
    if (!moves) return (place, lane) => pixels[which[lane] * size + place];
    return (place, lane) => {
      const row = Math.floor(place / side) + moves[lane][0], column = (place % side) + moves[lane][1];
      return Math.min(row, column) < 0 || Math.max(row, column) >= side ? black : pixels[which[lane] * size + row * side + column];
    };
  }

  *step() {
    const { net, random, settings, data: { train } } = this, which = this.draw(), labels = train.labels;
    const shift = () => Math.floor(3 * random.next()) - 1, moves = settings.augment ? Array.from(which, () => [shift(), shift()]) : null;
    const own = Array.from(which, (at) => labels[at]), began = performance.now();
    const { loss, right, guesses } = yield* net.learn(own, this.reader(train, which, moves));
    this.norms = net.norms();
    this.updates += 1;
    OPTIMIZERS[settings.optimizer](net.values, net.gradients, this.moments, settings, this.updates);
    this.steps += 1;
    this.images += which.length;
    this.seconds += (performance.now() - began) / 1000;
    this.batch = { which, guesses };
    this.exploded = !(loss < EXPLODED);
    this.points.push([this.epochs, loss, right / which.length]);
  }

  /** The gradient of each layer before the first step, from some images; nothing is learned of them. */
  *measure() {
    const { net, data: { train } } = this, { running, ...rest } = this.state(), which = Array.from({ length: CHUNK }, (_, at) => at);
    yield* net.learn(which.map((at) => train.labels[at]), this.reader(train, which));
    const norms = net.norms();
    this.restore({ ...rest, running, norms });
  }

  /** How many steps lie between two looks at the test images: half an epoch, or a quarter in the first two. */
  get every() { return Math.max(1, Math.round(this.order.length / this.settings.batch / (this.epochs < 2 ? 4 : 2))); }

  *test() {
    const { net, data: { test } } = this, many = test.labels.length;
    let loss = 0, right = 0;
    for (let first = 0; first < many; first += CHUNK) {
      const which = Array.from({ length: Math.min(CHUNK, many - first) }, (_, at) => first + at);
      yield* net.forward(which.length, this.reader(test, which), false);
      const told = net.loss(which.map((at) => test.labels[at]));
      loss += told.loss * which.length;
      right += told.right;
    }
    this.tests.push([this.epochs, loss / many, right / many]);
  }

  /**
   * What the layers make of a test image, or of `drawn`, numbers from 0 to 1: the first maps of each, in steps of the
   * largest; and what else can be seen.
   */
  *look(image, drawn = null) {
    const { net, size, data: { test, train, mean, std } } = this;
    yield* net.forward(1, drawn ? (place) => (drawn[place] - mean) / std : this.reader(test, [image]), false);
    const { heap, lanes, logits, classes } = net;
    const layers = net.shown.map((map) => {
      const places = map.side ** 2, channels = Math.min(MAPS, map.channels), step = net.stepOf(map);
      const numbers = Array.from({ length: channels * places }, (_, at) => heap[map.at + Math.floor(at / places) * step + (at % places) * lanes]);
      const most = Math.max(...numbers.map(Math.abs));
      return { side: map.side, channels, most, values: Int8Array.from(numbers, (value) => (127 * value) / (most || 1)) };
    });
    const scores = Array.from({ length: classes }, (_, which) => heap[logits.at + which * net.stepOf(logits)]);
    const powers = scores.map((score) => Math.exp(score - Math.max(...scores))), sum = powers.reduce((a, b) => a + b);
    const { weight: { at, size: all } } = net.counted[0];
    const wrong = [...(this.batch?.which ?? [])].flatMap((which, lane) => {
      const guess = this.batch.guesses[lane], label = train.labels[which];
      return guess === label ? [] : [{ image: which, guess, label }];
    });
    return {
      image, drawn, layers, probabilities: powers.map((power) => power / sum), filters: heap.slice(at, at + all), steps: this.steps,
      wrong, batch: this.batch?.which.length ?? 0, size,
    };
  }
}
