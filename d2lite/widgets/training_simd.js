// The two loops of training_kernels.js once more, in WebAssembly with four numbers an instruction: about four times as
// fast. The module is put together here, an instruction a word, so that there is no binary file whose source is elsewhere.

/** A whole number as WebAssembly writes it (signed LEB128; the same as unsigned where bit 6 of the last byte is free). */
function leb(value) {
  const bytes = [];
  for (;;) {
    const byte = value & 0x7f;
    value >>= 7;
    if ((value === 0 && !(byte & 0x40)) || (value === -1 && byte & 0x40)) return [...bytes, byte];
    bytes.push(byte | 0x80);
  }
}

const WASM = {
  get: (which) => [0x20, which], set: (which) => [0x21, which], tee: (which) => [0x22, which],
  add: [0x6a], subtract: [0x6b], less: [0x48], times4: [0x41, 2, 0x74], number: (value) => [0x41, ...leb(value)],
  load: (offset) => [0x28, 2, offset], load4: (offset) => [0xfd, 0x00, 2, offset], spread: (offset) => [0xfd, 0x09, 2, offset],
  store4: (offset) => [0xfd, 0x0b, 2, offset], store: (offset) => [0x38, 2, offset],
  add4: [0xfd, 0xe4, 0x01], multiply4: [0xfd, 0xe6, 0x01], lane: (which) => [0xfd, 0x1f, which], plus: [0x92],
  zero4: [0xfd, 0x0c, ...Array(16).fill(0)],
  /** Repeat the words while the last of them leaves something other than 0. */
  repeat: (...words) => [0x03, 0x40, ...words.flat(), 0x0d, 0, 0x0b],
};

/** The local variables of a function, by name: `names` are whole numbers, its arguments first, `vectors` come after. */
function variables(names, vectors) {
  return Object.fromEntries([...names, ...vectors].map((name, at) => [name, at]));
}

const EIGHT = [0, 1, 2, 3, 4, 5, 6, 7];

function gatherWords() {
  const { get, set, tee, add, less, times4, number, load, load4, spread, store4, add4, multiply4, subtract, repeat } = WASM;
  const given = ["out", "outStep", "input", "inputStep", "channels", "weights", "weightStep", "list", "end", "lanes"];
  const own = ["lane", "channel", "x", "w", "entry", "tap", "place", "at0", "at1", "at2", "at3"];
  const vectors = ["a", "b", ...EIGHT.map((which) => `sum${which}`)], v = variables([...given, ...own], vectors);
  const at = (row) => get(v[`at${row}`]), sum = (which) => v[`sum${which}`];
  const bytes = given.filter((name) => name !== "channels").flatMap((name) => [...get(v[name]), ...times4, ...set(v[name])]);
  const step = (name, by) => [...get(v[name]), ...by, ...add, ...set(v[name])];
  // sum 2·row + half belongs to a row and to the first or second four images
  const code = [
    ...bytes,
    ...repeat(
      get(v.out), get(v.lane), add, set(v.at0), [1, 2, 3].flatMap((row) => [...at(row - 1), ...get(v.outStep), ...add, ...set(v[`at${row}`])]),
      EIGHT.flatMap((which) => [...at(which >> 1), ...load4(16 * (which & 1)), ...set(sum(which))]),
      get(v.input), get(v.lane), add, set(v.x), get(v.weights), set(v.w), get(v.channels), set(v.channel),
      repeat(
        get(v.list), set(v.entry),
        repeat(
          get(v.entry), load(0), times4, get(v.w), add, set(v.tap), get(v.entry), load(4), times4, get(v.x), add, tee(v.place),
          load4(0), set(v.a), get(v.place), load4(16), set(v.b),
          EIGHT.flatMap((which) => [
            ...get(sum(which)), ...get(v.tap), ...spread(4 * (which >> 1)), ...get(which & 1 ? v.b : v.a), ...multiply4, ...add4, ...set(sum(which)),
          ]),
          step("entry", number(8)), get(v.entry), get(v.end), less,
        ),
        step("x", get(v.inputStep)), step("w", get(v.weightStep)), get(v.channel), number(1), subtract, tee(v.channel),
      ),
      EIGHT.flatMap((which) => [...at(which >> 1), ...get(sum(which)), ...store4(16 * (which & 1))]),
      step("lane", number(32)), get(v.lane), get(v.lanes), less,
    ),
  ];
  return { given: given.length, own: own.length, vectors: vectors.length, code };
}

function correlateWords() {
  const { get, set, add, less, times4, number, load, load4, store, add4, multiply4, lane, plus, repeat } = WASM;
  const given = ["out", "y", "yStep", "x", "xStep", "list", "end", "lanes"], own = ["entry", "stop", "x0", "x1", "y0", "y1", "y2", "y3"];
  const vectors = ["a", "b", "d", ...EIGHT.map((which) => `sum${which}`)], v = variables([...given, ...own], vectors);
  const sum = (which) => v[`sum${which}`], step = (name) => [...get(v[name]), ...number(16), ...add, ...set(v[name])];
  const product = (which, of) => [...get(sum(which)), ...get(v.d), ...get(of), ...multiply4, ...add4, ...set(sum(which))];
  // sum `row` belongs to a row of y and the first map of x, sum 4 + row to the second
  const code = [
    ...given.flatMap((name) => [...get(v[name]), ...times4, ...set(v[name])]), ...get(v.list), ...set(v.entry),
    ...repeat(
      get(v.entry), load(0), times4, get(v.y), add, set(v.y0),
      [1, 2, 3].flatMap((row) => [...get(v[`y${row - 1}`]), ...get(v.yStep), ...add, ...set(v[`y${row}`])]),
      get(v.entry), load(4), times4, get(v.x), add, set(v.x0), get(v.x0), get(v.xStep), add, set(v.x1), get(v.x0), get(v.lanes), add, set(v.stop),
      repeat(
        get(v.x0), load4(0), set(v.a), get(v.x1), load4(0), set(v.b),
        [0, 1, 2, 3].flatMap((row) => [...get(v[`y${row}`]), ...load4(0), ...set(v.d), ...product(row, v.a), ...product(4 + row, v.b)]),
        ["x0", "x1", "y0", "y1", "y2", "y3"].flatMap(step), get(v.x0), get(v.stop), less,
      ),
      get(v.entry), number(8), add, set(v.entry), get(v.entry), get(v.end), less,
    ),
    ...EIGHT.flatMap((which) => [
      ...get(v.out), ...[0, 1, 2, 3].flatMap((at) => [...get(sum(which)), ...lane(at), ...(at ? plus : [])]), ...store(4 * which),
    ]),
  ];
  return { given: given.length, own: own.length, vectors: vectors.length, code };
}

/** The bytes of a module that imports a memory and exports `gather` and `correlate`. */
function moduleBytes() {
  const counted = (items) => [...leb(items.length), ...items.flat()], named = (text) => counted([...text].map((letter) => letter.charCodeAt(0)));
  const section = (id, content) => [id, ...unsigned(content.length), ...content], whole = 0x7f, vector = 0x7b;
  const functions = [gatherWords(), correlateWords()];
  const bodies = functions.map(({ own, vectors, code }) => {
    const body = [2, own, whole, vectors, vector, ...code, 0x0b];
    return [...unsigned(body.length), ...body];
  });
  return Uint8Array.from([
    0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, counted(functions.map(({ given }) => [0x60, given, ...Array(given).fill(whole), 0]))),
    ...section(2, counted([[...named("m"), ...named("m"), 2, 0, 1]])),
    ...section(3, counted([[0], [1]])),
    ...section(7, counted(["gather", "correlate"].map((name, at) => [...named(name), 0, at]))),
    ...section(10, counted(bodies)),
  ]);
}

/** A length as WebAssembly writes it (unsigned LEB128). */
const unsigned = (value) => (value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >> 7)]);

let compiled = null;

/** As `plainKernels`, and that itself where the browser cannot or may not run WebAssembly. */
function fastKernels(size) {
  try {
    compiled ??= new WebAssembly.Module(moduleBytes());
    const memory = new WebAssembly.Memory({ initial: Math.ceil((4 * size) / 65536) });
    const { gather, correlate } = new WebAssembly.Instance(compiled, { m: { m: memory } }).exports;
    return { heap: new Float32Array(memory.buffer, 0, size), table: new Int32Array(memory.buffer), gather, correlate };
  } catch {
    return plainKernels(size);
  }
}
