// The two loops in which a convolutional network spends its time, on one heap of numbers.
//
// Maps lie as [channel][row][column][image]: the images of a batch are innermost, `lanes` of them, a multiple of 8. So a
// pixel of the padding is no number at all but one term less in a sum, whatever the kernel's size and stride, and
// several maps side by side are one longer map.

/** The loops in plain JavaScript, on a heap of `size` numbers. */
function plainKernels(size) {
  const heap = new Float32Array(size), table = new Int32Array(heap.buffer);

  /**
   * Four output maps at one place: out[row][image] += Σ weights[channel][tap][row] · input[channel][place of tap][image].
   * The table holds, from `list` to `end`, pairs of a tap's offset in the weights and its place in the input.
   */
  function gather(out, outStep, input, inputStep, channels, weights, weightStep, list, end, lanes) {
    for (let lane = 0; lane < lanes; lane += 2) {
      const at0 = out + lane, at1 = at0 + outStep, at2 = at1 + outStep, at3 = at2 + outStep;
      let a0 = heap[at0], b0 = heap[at0 + 1], a1 = heap[at1], b1 = heap[at1 + 1];
      let a2 = heap[at2], b2 = heap[at2 + 1], a3 = heap[at3], b3 = heap[at3 + 1];
      for (let entry = list; entry < end; entry += 2) {
        let tap = weights + table[entry], place = input + lane + table[entry + 1];
        for (let channel = 0; channel < channels; channel += 1, tap += weightStep, place += inputStep) {
          const a = heap[place], b = heap[place + 1], w0 = heap[tap], w1 = heap[tap + 1], w2 = heap[tap + 2], w3 = heap[tap + 3];
          a0 += w0 * a; b0 += w0 * b; a1 += w1 * a; b1 += w1 * b;
          a2 += w2 * a; b2 += w2 * b; a3 += w3 * a; b3 += w3 * b;
        }
      }
      heap[at0] = a0; heap[at0 + 1] = b0; heap[at1] = a1; heap[at1 + 1] = b1;
      heap[at2] = a2; heap[at2 + 1] = b2; heap[at3] = a3; heap[at3 + 1] = b3;
    }
  }

  /**
   * Of four maps y and two maps x the sum over places and images of their products, eight numbers at `out`: the gradient of
   * one tap. The table holds, from `list` to `end`, pairs of places in y and in x.
   */
  function correlate(out, y, yStep, x, xStep, list, end, lanes) {
    let a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
    for (let entry = list; entry < end; entry += 2) {
      const y0 = y + table[entry], y1 = y0 + yStep, y2 = y1 + yStep, y3 = y2 + yStep, x0 = x + table[entry + 1], x1 = x0 + xStep;
      for (let lane = 0; lane < lanes; lane += 1) {
        const a = heap[x0 + lane], b = heap[x1 + lane];
        const d0 = heap[y0 + lane], d1 = heap[y1 + lane], d2 = heap[y2 + lane], d3 = heap[y3 + lane];
        a0 += d0 * a; a1 += d1 * a; a2 += d2 * a; a3 += d3 * a;
        b0 += d0 * b; b1 += d1 * b; b2 += d2 * b; b3 += d3 * b;
      }
    }
    heap[out] = a0; heap[out + 1] = a1; heap[out + 2] = a2; heap[out + 3] = a3;
    heap[out + 4] = b0; heap[out + 5] = b1; heap[out + 6] = b2; heap[out + 7] = b3;
  }

  return { heap, table, gather, correlate };
}
