// The gradients of a small network of dense layers with some of its shortcuts, computed as in skip_connection.py.

const BATCH = 64, WIDTH = 32, EPS = 1e-5, MOST = 27;  // of the small network; its most blocks

/** Normal numbers from uniform ones, the same as in Python. */
function normal(count) {
  let state = 7;
  const uniform = () => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return Float64Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()));
}

/** A · B, of rows × inner and inner × columns numbers; `turnA`, `turnB`: the matrix is stored transposed. */
function product(A, B, rows, inner, columns, turnA = false, turnB = false) {
  const out = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row += 1)
    for (let at = 0; at < inner; at += 1) {
      const a = turnA ? A[at * rows + row] : A[row * inner + at];
      if (a) for (let column = 0; column < columns; column += 1) out[row * columns + column] += a * B[turnB ? column * inner + at : at * columns + column];
    }
  return out;
}

const meanBy = (column, value) => {
  let sum = 0;
  for (let row = 0; row < BATCH; row += 1) sum += value(row * WIDTH + column);
  return sum / BATCH;
};

/** BatchNorm without scale and shift: what it puts out, and the spread of each feature. */
function normalize(z) {
  const out = new Float64Array(z.length), spreads = [];
  for (let column = 0; column < WIDTH; column += 1) {
    const mean = meanBy(column, (at) => z[at]), spread = Math.sqrt(meanBy(column, (at) => (z[at] - mean) ** 2) + EPS);
    for (let at = column; at < z.length; at += WIDTH) out[at] = (z[at] - mean) / spread;
    spreads.push(spread);
  }
  return { out, spreads };
}

/** The gradient at the input of a BatchNorm, from that at its output. */
function unnormalize(d, { out, spreads }) {
  const before = new Float64Array(d.length);
  for (let column = 0; column < WIDTH; column += 1) {
    const mean = meanBy(column, (at) => d[at]), along = meanBy(column, (at) => d[at] * out[at]);
    for (let at = column; at < d.length; at += WIDTH) before[at] = (d[at] - mean - out[at] * along) / spreads[column];
  }
  return before;
}

let pool = null;
const solved = new Map();

/** The norm of the weights' gradient for each of the 2n layers of n blocks, where `shortcuts` holds n truths. */
function gradients(shortcuts) {
  const name = shortcuts.map(Number).join("");
  if (solved.has(name)) return solved.get(name);
  const inputs = BATCH * WIDTH, square = WIDTH ** 2, relu = (values) => values.map((value) => Math.max(value, 0));
  pool ??= normal(2 * inputs + 2 * MOST * square);
  const weights = (layer) => pool.subarray(2 * inputs + layer * square, 2 * inputs + (layer + 1) * square).map((value) => value * Math.sqrt(2 / WIDTH));
  let x = relu(pool.subarray(0, inputs));
  const tape = shortcuts.map((shortcut, block) => {
    const first = weights(2 * block), second = weights(2 * block + 1), one = normalize(product(x, first, BATCH, WIDTH, WIDTH)), hidden = relu(one.out);
    const two = normalize(product(hidden, second, BATCH, WIDTH, WIDTH)), before = x;
    x = relu(shortcut ? two.out.map((value, at) => value + before[at]) : two.out);
    return { shortcut, first, second, one, two, hidden, before, after: x };
  });
  let d = pool.subarray(inputs, 2 * inputs).map((value) => value / BATCH);
  const norms = [], norm = (left, right) => norms.unshift(Math.hypot(...product(left, right, WIDTH, BATCH, WIDTH, true)));
  for (const { shortcut, first, second, one, two, hidden, before, after } of tape.reverse()) {
    const here = d.map((value, at) => (after[at] > 0 ? value : 0)), dTwo = unnormalize(here, two);
    norm(hidden, dTwo);
    const dOne = unnormalize(product(dTwo, second, BATCH, WIDTH, WIDTH, false, true).map((value, at) => (one.out[at] > 0 ? value : 0)), one);
    norm(before, dOne);
    d = product(dOne, first, BATCH, WIDTH, WIDTH, false, true);
    if (shortcut) d = d.map((value, at) => value + here[at]);
  }
  solved.set(name, norms);
  return norms;
}
