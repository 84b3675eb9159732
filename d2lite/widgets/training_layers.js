// The layers of the training lab, forward and backward. Each adds to the gradients that it finds, since a map may be
// read by several layers. What takes long is a generator that pauses now and then.

/** Which inputs the taps of a kernel meet at each output, which outputs they reach from each input, and both for each tap. */
class Geometry {
  constructor(net, side, kernel, stride) {
    Object.assign(this, { side, kernel, stride, out: Math.floor((side + 2 * (kernel >> 1) - kernel) / stride) + 1, net });
    const padding = kernel >> 1, met = [];
    for (let place = 0; place < this.out ** 2; place += 1) {
      for (let tap = 0; tap < kernel * kernel; tap += 1) {
        const row = Math.floor(place / this.out) * stride + Math.floor(tap / kernel) - padding;
        const column = (place % this.out) * stride + (tap % kernel) - padding;
        if (Math.min(row, column) >= 0 && Math.max(row, column) < side) met.push({ place, tap, from: row * side + column });
      }
    }
    const lists = (count, key, pairs) => Array.from({ length: count }, (_, which) => met.filter((one) => one[key] === which).map(pairs));
    // an entry's first number counts weights, four to a tap, or places; its second one places
    this.forward = lists(this.out ** 2, "place", ({ tap, from }) => [4 * tap, from]);
    this.backward = lists(side ** 2, "from", ({ tap, place }) => [4 * tap, place]);
    this.weights = lists(kernel ** 2, "tap", ({ place, from }) => [place, from]);
    for (const list of [...this.forward, ...this.backward, ...this.weights]) list.at = net.arena.take(2 * list.length);
  }

  /** Write the tables for a batch of so many lanes. */
  write(table, lanes) {
    const put = (lists, first) => {
      for (const list of lists) list.forEach(([one, two], at) => table.set([one * first, two * lanes], list.at + 2 * at));
    };
    put(this.forward, 1);
    put(this.backward, 1);
    put(this.weights, lanes);
  }
}

class Convolution {
  constructor(net, input, output, { kernel = 3, stride = 1, bias = true, fan = "he" } = {}) {
    Object.assign(this, { net, input, output, taps: kernel * kernel, geometry: net.geometry(input.side, kernel, stride), kernel });
    this.weight = net.parameter(output.channels * input.channels * this.taps, fan, input.channels * this.taps);
    this.bias = bias ? net.parameter(output.channels, fan === "he" ? "zero" : fan, input.channels * this.taps) : null;
    this.packed = net.arena.take(4 * Math.ceil(output.channels / 4) * input.channels * this.taps);
    this.turned = net.arena.take(4 * Math.ceil(input.channels / 4) * output.channels * this.taps);
    this.sums = net.arena.take(8);
  }

  /** The weights as `gather` reads them: four rows side by side; `turned`, with inputs and outputs exchanged. */
  pack(turned) {
    const { heap } = this.net, { taps, weight: { at } } = this, to = turned ? this.turned : this.packed;
    const [rows, columns] = turned ? [this.input.channels, this.output.channels] : [this.output.channels, this.input.channels];
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        const from = at + (turned ? column * rows + row : row * columns + column) * taps;
        const first = to + ((row >> 2) * columns + column) * taps * 4 + (row & 3);
        for (let tap = 0; tap < taps; tap += 1) heap[first + 4 * tap] = heap[from + tap];
      }
    }
  }

  *forward() {
    const { net, input, output, taps, geometry } = this, { heap, lanes } = net, step = net.stepOf(output), inputStep = net.stepOf(input);
    this.pack(false);
    for (let row = 0; row < output.channels; row += 1) {
      heap.fill(this.bias ? heap[this.bias.at + row] : 0, output.at + row * step, output.at + (row + 1) * step);
    }
    for (let row = 0; row < output.channels; row += 4) {
      const weights = this.packed + row * input.channels * taps;
      geometry.forward.forEach((list, place) => net.gather(
        output.at + row * step + place * lanes, step, input.at, inputStep, input.channels,
        weights, 4 * taps, list.at, list.at + 2 * list.length, lanes,
      ));
      yield;
    }
  }

  *backward() {
    const { net, input, output, taps, geometry } = this, { heap, lanes } = net;
    const step = net.stepOf(output), inputStep = net.stepOf(input);
    for (let row = 0; row < output.channels; row += 4) {
      for (let channel = 0; channel < input.channels; channel += 2) {
        geometry.weights.forEach((list, tap) => {
          net.correlate(
            this.sums, output.grad + row * step, step, input.at + channel * inputStep, inputStep, list.at, list.at + 2 * list.length, lanes,
          );
          for (let which = 0; which < 8; which += 1) {
            const o = row + (which & 3), i = channel + (which >> 2);
            if (o < output.channels && i < input.channels) heap[this.weight.grad + (o * input.channels + i) * taps + tap] += heap[this.sums + which];
          }
        });
      }
      yield;
    }
    for (let row = 0; this.bias && row < output.channels; row += 1) {
      let sum = 0;
      for (let at = output.grad + row * step, end = at + geometry.out ** 2 * lanes; at < end; at += 1) sum += heap[at];
      heap[this.bias.grad + row] += sum;
    }
    if (input.grad === null) return;
    this.pack(true);
    for (let row = 0; row < input.channels; row += 4) {
      const weights = this.turned + row * output.channels * taps;
      geometry.backward.forEach((list, place) => list.length && net.gather(
        input.grad + row * inputStep + place * lanes, inputStep, output.grad, step, output.channels,
        weights, 4 * taps, list.at, list.at + 2 * list.length, lanes,
      ));
      yield;
    }
  }
}

/** Batch normalization with PyTorch's rules: momentum 0.1, the running variance unbiased, epsilon 1e-5. */
class BatchNorm {
  constructor(net, input, output) {
    Object.assign(this, { net, input, output, weight: net.parameter(input.channels, "one"), bias: net.parameter(input.channels, "zero") });
    this.running = net.buffer(2 * input.channels, input.channels);  // means, then variances
    Object.assign(this, { mean: new Float64Array(input.channels), scale: new Float64Array(input.channels) });
  }

  /** The numbers of a channel that belong to images, not to spare lanes, lie in `runs` runs of `length`, `step` apart. */
  spans() {
    const { count, lanes } = this.net, places = this.input.side ** 2;
    return count === lanes ? { runs: 1, length: places * lanes, step: places * lanes } : { runs: places, length: count, step: lanes };
  }

  forward() {
    const { net, input, output, running } = this, { heap, training, count } = net, { channels } = input, many = count * input.side ** 2;
    const { runs, length, step } = this.spans(), apart = net.stepOf(input);
    for (let channel = 0; channel < channels; channel += 1) {
      const first = input.at + channel * apart, over = output.at - input.at;
      let mean = heap[running + channel], variance = heap[running + channels + channel];
      if (training) {
        let sum = 0, squares = 0;
        for (let run = first; run < first + runs * step; run += step) for (let at = run; at < run + length; at += 1) sum += heap[at];
        mean = sum / many;
        for (let run = first; run < first + runs * step; run += step) {
          for (let at = run; at < run + length; at += 1) { const far = heap[at] - mean; squares += far * far; }
        }
        variance = squares / many;
        heap[running + channel] += 0.1 * (mean - heap[running + channel]);
        heap[running + channels + channel] += 0.1 * (squares / (many - 1) - heap[running + channels + channel]);
      }
      this.mean[channel] = mean;
      this.scale[channel] = 1 / Math.sqrt(variance + 1e-5);
      const scale = this.scale[channel] * heap[this.weight.at + channel], shift = heap[this.bias.at + channel] - mean * scale;
      for (let at = first; at < first + runs * step; at += 1) heap[at + over] = heap[at] * scale + shift;
    }
  }

  backward() {
    const { net, input, output } = this, { heap, count } = net, many = count * input.side ** 2;
    const { runs, length, step } = this.spans(), apart = net.stepOf(input);
    for (let channel = 0; channel < input.channels; channel += 1) {
      const mean = this.mean[channel], scale = this.scale[channel], start = channel * apart, end = start + runs * step;
      let sum = 0, product = 0;
      for (let run = start; run < end; run += step) {
        for (let at = run; at < run + length; at += 1) { const g = heap[output.grad + at]; sum += g; product += g * (heap[input.at + at] - mean); }
      }
      product *= scale;
      heap[this.weight.grad + channel] += product;
      heap[this.bias.grad + channel] += sum;
      // dx = weight · scale · (dy − mean of dy − normalized x · mean of (dy · normalized x))
      const own = heap[this.weight.at + channel] * scale, slope = (-own * product * scale) / many, rest = (-own * sum) / many - slope * mean;
      for (let run = start; run < end; run += step) {
        for (let at = run; at < run + length; at += 1) heap[input.grad + at] += own * heap[output.grad + at] + slope * heap[input.at + at] + rest;
      }
    }
  }
}

/** The error function to 1.2e-7: Press et al., Numerical Recipes, 2007, after a Chebyshev fit. */
function erf(x) {
  const t = 1 / (1 + Math.abs(x) / 2);
  const powers = [0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196, 1.00002368, -1.26551223];
  const rest = t * Math.exp(-x * x + powers.reduce((sum, power) => sum * t + power, 0));
  return x < 0 ? rest - 1 : 1 - rest;
}

/** Functions of x, and their slopes by x and by the value y. */
const ACTIVATIONS = {
  ReLU: [(x) => (x > 0 ? x : 0), (x, y) => (y > 0 ? 1 : 0)],
  sigmoid: [(x) => 1 / (1 + Math.exp(-x)), (x, y) => y * (1 - y)],
  tanh: [Math.tanh, (x, y) => 1 - y * y],
  GELU: [(x) => (x / 2) * (1 + erf(x / Math.SQRT2)), (x) => (1 + erf(x / Math.SQRT2)) / 2 + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI)],
};

class Activation {
  constructor(net, input, output, kind) {
    const [value, slope] = ACTIVATIONS[kind];
    Object.assign(this, { net, input, output, value, slope });
  }
  forward() {
    const { net, input, output, value } = this, { heap } = net, length = input.channels * net.stepOf(input);
    for (let at = 0; at < length; at += 1) heap[output.at + at] = value(heap[input.at + at]);
  }
  backward() {
    const { net, input, output, slope } = this, { heap } = net, length = input.channels * net.stepOf(input);
    for (let at = 0; at < length; at += 1) heap[input.grad + at] += heap[output.grad + at] * slope(heap[input.at + at], heap[output.at + at]);
  }
}

/** A block's shortcut: output = one + two. */
class Addition {
  constructor(net, one, two, output) { Object.assign(this, { net, one, two, output }); }
  forward() {
    const { net, one, two, output } = this, { heap } = net, length = output.channels * net.stepOf(output);
    for (let at = 0; at < length; at += 1) heap[output.at + at] = heap[one.at + at] + heap[two.at + at];
  }
  backward() {
    const { net, one, two, output } = this, { heap } = net, length = output.channels * net.stepOf(output);
    for (let at = 0; at < length; at += 1) { const g = heap[output.grad + at]; heap[one.grad + at] += g; heap[two.grad + at] += g; }
  }
}

/** The mean of windows of size × size, side by side. */
class AveragePooling {
  constructor(net, input, output, size) { Object.assign(this, { net, input, output, size }); }

  /** Calls `visit(place of the output, place of an input in its window)`, as offsets in the heap, for each channel. */
  pairs(visit) {
    const { net, input, output, size } = this, { lanes } = net, { channels, side } = input, step = net.stepOf(input), outStep = net.stepOf(output);
    for (let channel = 0; channel < channels; channel += 1) {
      for (let place = 0; place < output.side ** 2 * size * size; place += 1) {
        const row = Math.floor(place / (output.side * size)), column = place % (output.side * size);
        const to = Math.floor(row / size) * output.side + Math.floor(column / size);
        visit(channel * outStep + to * lanes, channel * step + (row * side + column) * lanes);
      }
    }
  }
  forward() {
    const { net, input, output, size } = this, { heap, lanes } = net, share = 1 / size ** 2;
    heap.fill(0, output.at, output.at + output.channels * net.stepOf(output));
    this.pairs((to, from) => { for (let lane = 0; lane < lanes; lane += 1) heap[output.at + to + lane] += share * heap[input.at + from + lane]; });
  }
  backward() {
    const { net: { heap, lanes }, input, output, size } = this, share = 1 / size ** 2;
    this.pairs((to, from) => { for (let lane = 0; lane < lanes; lane += 1) heap[input.grad + from + lane] += share * heap[output.grad + to + lane]; });
  }
}
