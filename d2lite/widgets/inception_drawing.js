// An inception block drawn to scale: each branch a funnel as wide as its channels, and an image on its way through all four.

const BRANCHES = ["1×1", "3×3", "5×5", "pool"];
const SIDE = 24, SHEET = 26, SHEETS = 4;  // pixels of the example image; its size on the page, and how many show a branch's maps
const LEVELS = { top: 22, waist: 78, out: 138, rest: 146, strip: 208 };  // heights in the drawing
const PACE = 1e5, LONGEST = 8;  // multiplications for each pixel in a second of the show; its seconds, at most

/** The example, a house in the sun, as numbers from 0 to 1. */
function example(row, column) {
  if (Math.hypot(row - 4, column - 19) < 2.6) return 1;
  if (row > 19) return 0.35;
  if (column > 4 && column < 16 && row > 10) return column > 8 && column < 12 && row > 13 ? 0.1 : 0.85;
  return row > 3 && row < 11 && Math.abs(column - 10) < row - 2.5 ? 0.55 : 0.2;
}

/** What a branch may find in it: a point by itself, an outline, a broad edge, the largest value nearby. */
const FINDINGS = [
  (at, row, column) => 1 - at(row, column),
  (at, row, column) => Math.min(1, Math.abs(near(1).reduce((sum, [i, j]) => sum + at(row + i, column + j), -9 * at(row, column))) / 2.5),
  (at, row, column) => Math.min(1, Math.abs(near(2).reduce((sum, [i, j]) => sum + Math.sign(j) * at(row + i, column + j), 0)) / 6),
  (at, row, column) => Math.max(...near(1).map(([i, j]) => at(row + i, column + j))),
];
const near = (reach) => Array.from({ length: (2 * reach + 1) ** 2 }, (_, at) => [Math.floor(at / (2 * reach + 1)) - reach, (at % (2 * reach + 1)) - reach]);

/** A picture of `value(row, column)`, as an address. */
function pictureOf(value) {
  const canvas = h("canvas", { width: SIDE, height: SIDE }), context = canvas.getContext("2d"), image = context.createImageData(SIDE, SIDE);
  for (let at = 0; at < SIDE ** 2; at += 1) image.data.set([...Array(3).fill(255 * value(Math.floor(at / SIDE), at % SIDE)), 255], 4 * at);
  context.putImageData(image, 0, 0);
  return canvas.toDataURL();
}

let painted = null;
/** The example, and one map of each branch. */
function pictures() {
  const at = (row, column) => example(clamp(row, 0, SIDE - 1), clamp(column, 0, SIDE - 1));
  painted ??= [at, ...FINDINGS.map((find) => (row, column) => find(at, row, column))].map(pictureOf);
  return painted;
}

/** Where each branch narrows and widens: [height, channels] from top to bottom, and the names of what lies between. */
function funnels({ in_channels, c1, r2, c2, r3, c3, c4 }, plain) {
  const { top, waist, out } = LEVELS, direct = (to) => [[top, in_channels], [out, to]], by = (width, to) => [[top, in_channels], [waist, width], [out, to]];
  return [
    { places: direct(c1), names: ["1×1"] },
    plain ? { places: direct(c2), names: ["3×3"] } : { places: by(r2, c2), names: ["1×1", "3×3"], trait: "r2" },
    plain ? { places: direct(c3), names: ["5×5"] } : { places: by(r3, c3), names: ["1×1", "5×5"], trait: "r3" },
    { places: by(in_channels, c4), names: ["3×3 max", "1×1"] },
  ];
}

/** The channels at a height of a branch. */
function widthAt(places, y) {
  const below = Math.max(1, places.findIndex(([height]) => height >= y)), [[y1, from], [y2, to]] = places.slice(below - 1, below + 1);
  return from + (to - from) * clamp((y - y1) / (y2 - y1), 0, 1);
}

/** Seconds that each branch takes in the show, all on one scale; `rows` are those of `branches`. */
function spans(rows, size, plain) {
  const each = rows.map((row) => row[plain ? 4 : 2] / size ** 2 / PACE), most = Math.max(...rows.map((row) => row[4] / size ** 2 / PACE));
  return each.map((seconds) => Math.max(0.25, seconds * Math.min(1, LONGEST / most)));
}

/**
 * The drawing. `widen(trait, channels)` hears of a waist that is dragged, `restore(values)` of a finger that scrolled
 * instead, and `light(branch)` of a branch that is pointed at, or null.
 */
function block({ read, widen, restore, light }) {
  const svg = s("svg", { role: "img", class: "d2l-block" }), narrow = matchMedia("(max-width: 40rem)");
  const scaleOf = ({ in_channels }) => ((narrow.matches ? 340 : 690) / 4 - 14) / Math.max(512, in_channels);
  const node = h("div", {}, svg);
  let last = null;
  const across = ({ clientX }) => {
    const box = svg.getBoundingClientRect();
    return ((clientX - box.left) / box.width) * (narrow.matches ? 340 : 690);
  };
  const drag = dragged({
    take(event) {
      const { trait, middle } = event.target.dataset;
      if (!trait) return null;
      event.preventDefault();
      return { trait, way: across(event) < Number(middle) ? -1 : 1, start: across(event), before: read() };
    },
    move(event, { trait, way, start, before }) {
      widen(trait, before[trait] + (2 * way * (across(event) - start)) / scaleOf(before));
    },
    undo: ({ before }) => restore(before),
  });
  fill(svg, {
    ...drag, onpointerleave: () => light(null),
    onpointerover: ({ target, pointerType }) => { if (pointerType === "mouse") light(target.dataset.branch ? Number(target.dataset.branch) : null); },
    onclick: ({ target }) => { if (target.dataset.branch) light(Number(target.dataset.branch)); },
  }, []);

  /** `shares`: how far the image has come in each branch, 0 to 1. */
  const draw = (values, { plain, shares, lit, label }) => {
    last = [values, { plain, shares, lit, label }];
    const wide = narrow.matches ? 340 : 690, column = wide / 4, scale = scaleOf(values), { top, out, strip } = LEVELS;
    const outs = [values.c1, values.c2, values.c3, values.c4], total = outs.reduce((sum, channels) => sum + channels, 0);
    let before = 0;
    const parts = funnels(values, plain).flatMap(({ places, names, trait }, branch) => {
      const middle = (branch + 0.5) * column, half = (channels) => Math.max(1, (channels * scale) / 2), color = `var(--d2l-${branch + 1})`;
      const [left, right] = [before, before += outs[branch]].map((sum) => (sum / total) * wide), faint = lit !== null && lit !== branch;
      const sides = places.map(([y, channels]) => [y, half(channels)]), knee = (out + strip) / 2, end = half(outs[branch]);
      const funnel = [...sides.map(([y, w]) => `${middle - w},${y}`), ...[...sides].reverse().map(([y, w]) => `${middle + w},${y}`)].join("L");
      const ribbon = `M${middle - end},${out}C${middle - end},${knee} ${left},${knee} ${left},${strip}H${right}` +
        `C${right},${knee} ${middle + end},${knee} ${middle + end},${out}Z`;
      const bars = sides.slice(1).map(([y, w]) => s("rect", { x: middle - w, y: y - 3, width: 2 * w, height: 6, fill: color }));
      const counts = places.slice(1, -1).filter(() => trait).map(([y, channels]) => {
        const beside = middle + half(channels) + (column > 100 ? 14 : 10), room = beside + 28 < middle + column / 2 + 8;
        return s("text", { x: room ? beside : middle, y: y + 5, "text-anchor": room ? "start" : "middle", class: "d2l-halo", "font-weight": 700 }, channels);
      });
      const kernels = names.map((name, at) => s("text", {
        x: middle, y: (places[at][0] + places[at + 1][0]) / 2 + 5, "text-anchor": "middle", class: "d2l-halo",
      }, name));
      const grips = trait ? [-1, 1].map((side) => s("rect", {
        x: middle + side * half(places[1][1]) + (side < 0 ? -6 : 0), y: places[1][0] - 9, width: 6, height: 18, rx: 3, class: "d2l-grip",
      })) : [];
      const hold = trait && s("rect", {
        x: Math.max(branch * column, middle - half(places[1][1]) - 22), y: places[1][0] - 22, width: Math.min(column, 2 * half(places[1][1]) + 44), height: 44,
        class: "d2l-waist", "data-trait": trait, "data-middle": middle, "data-branch": branch,
      });
      return [s("g", { opacity: faint ? 0.35 : 1 },
        s("path", { d: ribbon, fill: color, opacity: 0.35 }), s("path", { d: `M${funnel}Z`, fill: color, opacity: 0.25 }),
        ...bars, ...kernels, ...sheets(branch, places, middle, scale, shares[branch]), ...grips, ...counts,
        s("rect", { x: branch * column, y: 0, width: column, height: strip, fill: "transparent", "data-branch": branch }), hold)];
    });
    fill(svg, { viewBox: `0 0 ${wide} ${strip}`, width: wide, "aria-label": label }, []);
    const input = s("rect", { x: 0, y: top - 5, width: wide, height: 5, fill: "currentColor", opacity: 0.55 });
    const told = narrow.matches ? `${shown(values.in_channels)} channels in, read by all four`
      : `${shown(values.in_channels)} channels in: every branch reads all of them`;
    svg.replaceChildren(...parts, input, s("text", { x: wide / 2, y: 12, "text-anchor": "middle" }, told));
  };

  /** Maps of a branch, side by side as wide as its channels are; those beyond the kernel show what it found. */
  const sheets = (branch, places, middle, scale, share) => {
    const { top, rest, out } = LEVELS, y = top + share * (rest - top), kernel = (places.at(-2)[0] + places.at(-1)[0]) / 2, pool = branch === 3;
    const room = Math.max(0, widthAt(places, Math.min(y, out)) * scale - SHEET), found = y > (pool ? (places[0][0] + places[1][0]) / 2 : kernel);
    const href = pictures()[found ? branch + 1 : 0], count = Math.min(SHEETS, 1 + Math.floor(room / 5));
    return Array.from({ length: count }, (_, at) => {
      const x = middle - SHEET / 2 + (count > 1 ? (at / (count - 1) - 0.5) * Math.min(room, SHEETS * SHEET) : 0);
      return s("g", {}, s("image", { href, x, y, width: SHEET, height: SHEET }),
        s("rect", { x, y, width: SHEET, height: SHEET, fill: "none", stroke: `var(--d2l-${branch + 1})`, "stroke-width": 1.5 }));
    });
  };
  const again = () => last && draw(...last);
  narrow.addEventListener("change", again);
  return { node, draw, off: () => narrow.removeEventListener("change", again) };
}
