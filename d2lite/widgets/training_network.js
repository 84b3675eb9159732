// A network of the training lab: its layers in order, its numbers in one heap, and what one batch makes of it. The same
// network in PyTorch is `network()` in training_lab.py: parameters in the same order, forward and backward equal.

/** Random numbers from 0 to 1, the same from the same seed (mulberry32); `state` is all that has to be kept. */
class Random {
  constructor(state) { this.state = state >>> 0; }
  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }
  normal() { return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next()); }
}

/** Numbers between two channels: side by side, channels of 2ⁿ numbers would all compete for the same lines of the cache. */
const APART = 16;

/** How many of `count` blocks each of three stages gets: equal shares, the first ones what is left over. */
const stagesOf = (count) => [2, 1, 0].map((late) => Math.floor((count + late) / 3));

/** Where a place in the heap is still free. */
class Arena {
  constructor() { this.size = 0; }
  take(count) {
    const at = this.size;
    this.size += 4 * Math.ceil(count / 4);
    return at;
  }
}

/** The first values of parameters: He's rule for convolutions, as in the book, and PyTorch's own for the last layer. */
const STARTS = {
  he: (random, fan) => Math.sqrt(2 / fan) * random.normal(),
  torch: (random, fan) => (2 * random.next() - 1) / Math.sqrt(fan),
  one: () => 1,
  zero: () => 0,
};

class Network {
  /** `settings` are kind, depth, width, activation; `most` is the largest batch. */
  constructor({ kind, depth, width, activation }, { side, classes, most, seed = 0, kernels = fastKernels }) {
    Object.assign(this, { side, activation, classes, most: 8 * Math.ceil(most / 8), arena: new Arena() });
    Object.assign(this, { layers: [], maps: [], parameters: [], buffers: [], shown: [], geometries: [], laidOut: 0 });
    this.normalized = ["BatchNorm", "both", "dense"].includes(kind);
    this.shortcuts = ["residual", "both"].includes(kind);
    this.input = this.map(1, side, false);
    let x = this.convolved(this.input, width);
    x = kind === "dense" ? this.denseStages(x, depth - 2, 4 * Math.ceil(width / 8)) : this.stages(x, (depth - 2) / 2, width);
    const mean = this.add(AveragePooling, x, this.map(x.channels, 1), x.side);
    this.logits = this.map(classes, 1);
    this.add(Convolution, mean, this.logits, { kernel: 1, fan: "torch" });
    this.counted = this.layers.filter((layer) => layer.kernel === 3 || layer.output === this.logits);
    this.allocate(kernels, seed);
  }

  // Building: what a layer asks for, and layers that come together.

  map(channels, side, gradient = true) {
    const made = { channels, side, size: 4 * Math.ceil(channels / 4) * (side ** 2 * this.most + APART), gradient };
    this.maps.push(made);
    return made;
  }
  geometry(side, kernel, stride) {
    const known = this.geometries.find((one) => one.side === side && one.kernel === kernel && one.stride === stride);
    if (!known) this.geometries.push(new Geometry(this, side, kernel, stride));
    return known ?? this.geometries.at(-1);
  }
  parameter(size, start, fan = 1) {
    this.parameters.push({ size, start, fan });
    return this.parameters.at(-1);
  }
  buffer(size, ones) {
    const at = this.arena.take(size);
    this.buffers.push({ at, size, ones });
    return at;
  }
  add(Layer, input, output, ...options) {
    this.layers.push(new Layer(this, input, output, ...options));
    return output;
  }
  activated(x) { return this.add(Activation, x, this.map(x.channels, x.side), this.activation); }
  normed(x) { return this.normalized ? this.add(BatchNorm, x, this.map(x.channels, x.side)) : x; }
  /** A convolution, with BatchNorm where the network has it, which brings the bias; `kernel` 3 counts as a layer. */
  linear(x, channels, { kernel = 3, stride = 1 } = {}) {
    const output = this.map(channels, Math.ceil(x.side / stride));
    return this.normed(this.add(Convolution, x, output, { kernel, stride, bias: !this.normalized }));
  }
  convolved(x, channels, stride = 1) {
    const output = this.activated(this.linear(x, channels, { stride }));
    this.shown.push(output);
    return output;
  }
  /** Two convolutions, and what the block got added before the last activation: `Residual` of the chapter on ResNet. */
  block(x, channels, stride) {
    let y = this.linear(this.convolved(x, channels, stride), channels);
    if (this.shortcuts) {
      const short = stride === 1 && x.channels === channels ? x : this.linear(x, channels, { kernel: 1, stride });
      const sum = this.map(channels, y.side);
      this.layers.push(new Addition(this, y, short, sum));
      y = sum;
    }
    this.shown.push(this.activated(y));
    return this.shown.at(-1);
  }
  stages(x, blocks, width) {
    stagesOf(blocks).forEach((count, stage) => {
      for (let block = 0; block < count; block += 1) x = this.block(x, width << stage, stage && !block ? 2 : 1);
    });
    return x;
  }
  /** Layers that append `growth` maps to what all before them left; between stages half the maps at half the side. */
  denseStages(x, layers, growth) {
    for (const [stage, count] of stagesOf(layers).entries()) {
      if (!count) break;
      const before = stage ? 4 * Math.ceil(x.channels / 8) : x.channels, side = stage ? x.side / 2 : x.side;
      const all = this.map(before + count * growth, side), part = (first, channels) => ({ all, first, channels, side });
      const views = Array.from({ length: count + 1 }, (_, layer) => part(0, before + layer * growth));
      if (stage) {
        const fewer = this.add(Convolution, this.activated(this.normed(x)), this.map(before, x.side), { kernel: 1, bias: false });
        this.add(AveragePooling, fewer, views[0], 2);
      } else this.add(AveragePooling, x, views[0], 1);  // a copy to the front of the stage's maps
      this.maps.push(...views);
      for (let layer = 0; layer < count; layer += 1) {
        const added = part(before + layer * growth, growth);
        this.maps.push(added);
        this.shown.push(this.add(Convolution, this.activated(this.normed(views[layer])), added, { bias: false }));
      }
      x = views[count];
    }
    return layers > 0 ? this.activated(this.normed(x)) : x;
  }

  // The heap: tables, maps, gradients of maps and of parameters (which are set to zero together), parameters.

  allocate(kernels, seed) {
    const whole = this.maps.filter((map) => !map.all), { arena } = this;
    for (const map of whole) map.at = arena.take(map.size);
    const first = arena.size;
    for (const map of whole) map.grad = map.gradient ? arena.take(map.size) : null;
    this.numbers = this.parameters.reduce((sum, { size }) => sum + size, 0);
    const grads = arena.take(this.numbers);
    this.zeroed = [first, arena.size];
    const own = arena.take(this.numbers);
    let at = 0;
    for (const parameter of this.parameters) {
      Object.assign(parameter, { at: own + at, grad: grads + at });
      at += parameter.size;
    }
    const { heap, table, gather: four, correlate: eight } = kernels(arena.size);
    Object.assign(this, { heap, table, gather: four, correlate: eight });
    this.values = heap.subarray(own, own + this.numbers);
    this.gradients = heap.subarray(grads, grads + this.numbers);
    const random = new Random(seed);
    for (const { at: from, size, start, fan } of this.parameters) {
      for (let which = 0; which < size; which += 1) heap[from + which] = STARTS[start](random, fan);
    }
    for (const { at: from, size, ones } of this.buffers) for (let which = 0; which < size; which += 1) heap[from + which] = which < ones ? 0 : 1;
  }

  /** How far apart the channels of a map lie. */
  stepOf({ side }) { return side ** 2 * this.lanes + APART; }

  /** Makes the heap ready for batches of `count` images. */
  layOut(count) {
    this.count = count;
    this.lanes = 8 * Math.ceil(count / 8);
    if (this.laidOut === this.lanes) return;
    this.laidOut = this.lanes;
    for (const geometry of this.geometries) geometry.write(this.table, this.lanes);
    for (const map of this.maps.filter(({ all }) => all)) {
      const offset = map.first * this.stepOf(map);
      Object.assign(map, { at: map.all.at + offset, grad: map.all.grad + offset });
    }
    this.heap.fill(0, ...this.zeroed);  // spare lanes have no gradient, wherever they lay before
  }

  /** The logits of images, which `pixel(place, image)` gives; `training` decides whose statistics BatchNorm takes. */
  *forward(count, pixel, training) {
    this.layOut(count);
    this.training = training;
    const { heap, lanes, input } = this;
    for (let place = 0; place < this.side ** 2; place += 1) {
      for (let lane = 0; lane < lanes; lane += 1) heap[input.at + place * lanes + lane] = lane < count ? pixel(place, lane) : 0;
    }
    for (const layer of this.layers) {
      const work = layer.forward();
      if (work) yield* work;
      else yield;
    }
  }

  /** The mean loss of the logits for these labels, and how many are right; `slope` also fills the logits' gradient. */
  loss(labels, slope = false) {
    const { heap, count, classes, logits } = this, step = this.stepOf(logits), guesses = [];
    let loss = 0, right = 0;
    for (let lane = 0; lane < count; lane += 1) {
      const scores = Array.from({ length: classes }, (_, which) => heap[logits.at + which * step + lane]);
      const top = Math.max(...scores), powers = scores.map((score) => Math.exp(score - top)), sum = powers.reduce((a, b) => a + b);
      loss += (Math.log(sum) + top - scores[labels[lane]]) / count;
      guesses.push(scores.indexOf(top));
      right += guesses[lane] === labels[lane];
      for (let which = 0; slope && which < classes; which += 1) {
        heap[logits.grad + which * step + lane] = (powers[which] / sum - (which === labels[lane])) / count;
      }
    }
    return { loss, right, guesses };
  }

  /** The gradient's norm for the weights of each layer that counts. */
  norms() {
    return this.counted.map(({ weight: { grad, size } }) => Math.sqrt(this.heap.subarray(grad, grad + size).reduce((sum, slope) => sum + slope * slope, 0)));
  }

  /** Loss and gradients of a batch. */
  *learn(labels, pixel) {
    yield* this.forward(labels.length, pixel, true);
    this.heap.fill(0, ...this.zeroed);
    const told = this.loss(labels, true);
    for (const layer of [...this.layers].reverse()) {
      const work = layer.backward();
      if (work) yield* work;
      else yield;
    }
    return told;
  }
}
