// A network that exported_page.py has taken apart into steps, run forward on one picture.
"use strict";

/**
 * Convolution of maps [C, H, W]: adds each weight times a shifted map to the sums of its output map. Four output maps at a
 * time, so that what is read of a map is used four times.
 */
function convolution([{ shape: [maps, height, width], values }], step, numbers) {
  const { shape, kernel_size: [tall, wide], stride, padding, dilation, groups, weight, bias } = step;
  const [outputs, rows, columns] = shape, each = maps / groups, area = rows * columns, out = new Float32Array(outputs * area);
  const together = outputs / groups, kernel = tall * wide, size = each * kernel;  // weights of an output map
  const sums = [0, 1, 2, 3].map(() => new Float64Array(area)), [s0, s1, s2, s3] = sums;
  for (let o = 0; o < outputs; ) {
    const count = Math.min(4, together - (o % together)), first = Math.floor(o / together) * each;
    for (let k = 0; k < count; k += 1) sums[k].fill(bias == null ? 0 : numbers[bias + o + k]);
    for (let i = 0; i < each; i += 1) {
      for (let a = 0; a < tall; a += 1) {
        for (let b = 0; b < wide; b += 1) {
          const at = weight + o * size + i * kernel + a * wide + b, w0 = numbers[at];
          const w1 = count > 1 ? numbers[at + size] : 0, w2 = count > 2 ? numbers[at + 2 * size] : 0, w3 = count > 3 ? numbers[at + 3 * size] : 0;
          const left = b * dilation[1] - padding[1];  // the column that output column 0 reads
          const begin = Math.max(0, Math.ceil(-left / stride[1])), end = Math.min(columns, Math.ceil((width - left) / stride[1]));
          for (let row = 0; row < rows; row += 1) {
            const y = row * stride[0] + a * dilation[0] - padding[0];
            if (y < 0 || y >= height) continue;  // padding adds nothing
            const from = ((first + i) * height + y) * width + left, to = row * columns;
            for (let column = begin; column < end; column += 1) {
              const value = values[from + column * stride[1]];
              if (value === 0) continue;  // most that a ReLU has left
              s0[to + column] += w0 * value;
              s1[to + column] += w1 * value;
              s2[to + column] += w2 * value;
              s3[to + column] += w3 * value;
            }
          }
        }
      }
    }
    for (let k = 0; k < count; k += 1) out.set(sums[k], (o + k) * area);
    o += count;
  }
  return out;
}

/** Max or average pooling; a window may reach over the border by its padding, or by ceil_mode. */
function pooling([{ shape: [, height, width], values }], { shape: [maps, rows, columns], kernel_size, stride, padding, padded }, isMax) {
  const out = new Float32Array(maps * rows * columns);
  for (let at = 0; at < out.length; at += 1) {
    const column = at % columns, row = Math.floor(at / columns) % rows, map = Math.floor(at / columns / rows);
    const top = row * stride[0] - padding[0], left = column * stride[1] - padding[1];
    const bottom = Math.min(top + kernel_size[0], height + padding[0]), right = Math.min(left + kernel_size[1], width + padding[1]);
    const [first, last] = [Math.max(0, top), Math.min(height, bottom)], [begin, end] = [Math.max(0, left), Math.min(width, right)];
    let largest = -Infinity, total = 0;
    for (let y = first; y < last; y += 1) {
      for (let x = begin; x < end; x += 1) {
        const value = values[(map * height + y) * width + x];
        total += value;
        if (value > largest) largest = value;
      }
    }
    const count = padded ? (bottom - top) * (right - left) : (last - first) * (end - begin);
    out[at] = isMax ? largest : total / count;
  }
  return out;
}

const map = (change) => ([{ values }]) => values.map(change);
const sigmoid = (x) => 1 / (1 + Math.exp(-x));

const KINDS = {
  convolution,
  "max pooling": (given, step) => pooling(given, step, true),
  "average pooling": (given, step) => pooling(given, step, false),
  "fully connected": ([{ values }], { shape: [outputs], weight, bias }, numbers) => Float32Array.from({ length: outputs }, (_, o) => {
    let total = bias == null ? 0 : numbers[bias + o];
    for (let i = 0; i < values.length; i += 1) total += numbers[weight + o * values.length + i] * values[i];
    return total;
  }),
  "scale and shift": ([{ shape: [, height, width], values }], { weight, bias }, numbers) => values.map((value, at) => {
    const channel = Math.floor(at / height / width);
    return value * numbers[weight + channel] + numbers[bias + channel];
  }),
  addition: ([a, b]) => a.values.map((value, at) => value + b.values[at]),
  concatenation: (given, { shape }) => {
    const out = new Float32Array(shape.reduce((a, b) => a * b));
    let at = 0;
    for (const { values } of given) { out.set(values, at); at += values.length; }
    return out;
  },
  reshaping: ([{ values }]) => values,
  ReLU: map((x) => Math.max(0, x)),
  ReLU6: map((x) => Math.min(6, Math.max(0, x))),
  SiLU: map((x) => x * sigmoid(x)),
  sigmoid: map(sigmoid),
  tanh: map(Math.tanh),
};

/** All outputs for size × size pixels, a byte a channel, step after step; `numbers` holds the weights of all steps. */
function outputsOf({ steps, size, mean, std }, numbers, bytes) {
  const area = size * size, channels = mean.length;
  const values = Float32Array.from({ length: area * channels }, (_, at) => {
    const channel = Math.floor(at / area);
    return (bytes[(at % area) * channels + channel] / 255 - mean[channel]) / std[channel];
  });
  const outputs = [], image = { shape: [channels, size, size], values };
  for (const step of steps) {
    const given = step.from.map((at) => (at < 0 ? image : outputs[at]));
    outputs.push({ shape: step.shape, values: KINDS[step.kind](given, step, numbers) });
  }
  return outputs;
}

function probabilitiesOf(logits) {
  const largest = Math.max(...logits), powers = Array.from(logits, (logit) => Math.exp(logit - largest));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / total);
}
