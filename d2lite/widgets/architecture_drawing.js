// The drawing of a network by its costs: slabs and bars that move, and that can be dragged.

const [HEIGHT, DEPTH, TRACK, FLOOR, MORPH] = [128, 0.3, 50, 186, 450];  // of a slab, its slant, a track; where slabs stand; milliseconds
const TRACKS = ["parameters", "MACs", "bytes"];
const NONE = { high: 0, thick: 0, bars: [0, 0, 0], ghosts: [0, 0, 0] };

/** A slab seen from the front left: faces that are lit differently. */
function slab(x, { high, thick }, linear) {
  const slant = DEPTH * high, left = x - (thick + slant) / 2, top = FLOOR - high, color = linear ? "var(--d2l-4)" : "var(--d2l-1)";
  const face = (d, light) => s("path", { d, fill: `color-mix(in srgb, ${color} ${light}%, white)`,
    stroke: `color-mix(in srgb, ${color} 75%, black)`, "stroke-width": 0.7, "stroke-linejoin": "round" });
  return [
    face(`M${left},${FLOOR}v${-high}h${thick}v${high}z`, 75),
    face(`M${left},${top}l${slant},${-slant}h${thick}l${-slant},${slant}z`, 40),
    face(`M${left + thick},${FLOOR}v${-high}l${slant},${-slant}v${high}z`, 95),
  ];
}

/**
 * The network from left to right: a slab for what each block puts out, and below it a bar for each of its costs. `show`
 * brings it up to date; slabs and bars move to their new sizes. A slab can be dragged, or changed by the keys + and −:
 * `grab(column)` gives what that begins with, null where nothing can change, and `drag(from, right, up, column)` changes it.
 */
function drawing({ point, step, key, grab, drag }) {
  const svg = s("svg", { role: "img" }), narrow = matchMedia("(max-width: 40rem)");
  let now = [], from = [], goal = [], shownAs = null, started = 0, frame = null, swept = false, hasty = false;
  const columnAt = ({ clientX }) => {
    const box = svg.getBoundingClientRect();
    return Math.floor(clamp((clientX - box.left) / box.width, 0, 0.9999) * goal.length);
  };
  const onSlab = ({ clientY }) => {
    const box = svg.getBoundingClientRect();
    return (clientY - box.top) * (svg.viewBox.baseVal.height / box.height) < FLOOR + 36;
  };
  const drags = dragged({
    take(event) {
      const column = columnAt(event), start = onSlab(event) ? grab(column) : null;
      swept = false;
      return start === null ? null : { column, start, x: event.clientX, y: event.clientY };
    },
    move(event, { column, start, x, y }) {
      const [right, up] = [event.clientX - x, y - event.clientY];
      if (!swept && Math.abs(right) + Math.abs(up) < 5) return;
      swept = hasty = true;
      drag(start, right, up, column);
    },
    undo: ({ column, start }) => swept && drag(start, 0, 0, column),
  });
  const node = h("div", {
    ...drags, class: "d2l-look d2l-slabs", tabindex: 0, role: "application",
    onpointermove: (event) => {
      if (event.pointerType !== "touch" && !event.buttons) point(0, columnAt(event), false);
      drags.onpointermove(event);
    },
    onclick: (event) => swept || point(0, columnAt(event), true),
    onkeydown: (event) => {
      key(event);
      const by = { "+": 1, "=": 1, "-": -1, "−": -1 }[event.key];
      if (by && !isShortcut(event) && grab() !== null) {
        event.preventDefault();
        drag(grab(), 15 * by, 0);
      }
      if (!(event.key in MOVES) || isShortcut(event)) return;
      event.preventDefault();
      step(MOVES[event.key][0] + MOVES[event.key][1]);
    },
  }, svg);
  const paint = () => {
    const { titles, at, linear, tops, sides, dashed, grip } = shownAs, width = narrow.matches ? 350 : 690, pitch = width / goal.length, roomy = pitch > 24;
    const wide = Math.min(30, pitch - 4), X = (column) => (column + 0.5) * pitch, text = (x, y, what, more = {}) => s("text", { x, y,
      "text-anchor": "middle", ...more }, what);
    const each = now.map((one, column) => {
      const x = X(Math.min(column, goal.length - 1)), bars = one.bars.flatMap((share, track) => {
        const floor = FLOOR + 46 + (track + 1) * (TRACK + 20), high = Math.max(share ? 1 : 0, share * TRACK), ghost = floor - one.ghosts[track] * TRACK;
        return [
          s("rect", { x: x - wide / 2, y: floor - high, width: wide, height: high, fill: `var(--d2l-${track + 1})` }),
          one.ghosts[track] ? s("line", { x1: x - wide / 2 - 2, x2: x + wide / 2 + 2, y1: ghost, y2: ghost, stroke: "currentColor",
            "stroke-width": 1.5, "stroke-dasharray": "3 2" }) : null,
        ];
      });
      const named = column < goal.length && (roomy || column === at) ? [text(x, FLOOR + 16, tops[column]), text(x, FLOOR + 31,
        `${sides[column]}${sides[column] && !narrow.matches ? " px" : ""}`)] : [];
      return s("g", {}, ...slab(x, one, linear[column]), ...bars.filter(Boolean), ...named);
    });
    const bottom = FLOOR + 50 + 3 * (TRACK + 20), held = now[at], reach = held ? (held.thick + DEPTH * held.high) / 2 + 4 : 0;
    const grips = grip && held ? [-1, 1].map((way) => s("path", {
      d: `M${X(at) + way * reach},${FLOOR - 14}l${7 * way},5l${-7 * way},5z`, fill: "currentColor",
    })) : [];
    fill(svg, { viewBox: `0 0 ${width} ${bottom}`, width }, []);
    const heads = titles.map((title, track) => s("text", { x: 2, y: FLOOR + 58 + track * (TRACK + 20), class: "d2l-halo", "font-weight": "bold" }, title));
    svg.replaceChildren(
      s("rect", { x: X(at) - pitch / 2, y: 0, width: pitch, height: bottom, fill: "var(--d2l-line)", "fill-opacity": 0.45 }),
      ...each, ...grips, ...heads,
      s("text", { x: width - 2, y: 14, "text-anchor": "end" }, "edges: square roots of pixels and of channels"),
      ...(dashed ? [s("text", { x: width - 2, y: FLOOR + 58, "text-anchor": "end", class: "d2l-halo" }, "dashed: as published")] : []),
    );
  };
  const between = (a, b, share) => (share < 1 ? a + (b - a) * share : b);
  const move = (time) => {
    const share = 1 - (1 - clamp((time - started) / MORPH, 0, 1)) ** 3, lists = (a, b) => a.map((value, index) => between(value, b[index], share));
    now = Array.from({ length: Math.max(goal.length, share < 1 ? from.length : 0) }, (_, column) => {
      const a = from[column] ?? NONE, b = goal[column] ?? NONE;
      return { high: between(a.high, b.high, share), thick: between(a.thick, b.thick, share), bars: lists(a.bars, b.bars), ghosts: lists(a.ghosts, b.ghosts) };
    });
    frame = share < 1 ? requestAnimationFrame(move) : null;
    paint();
  };
  const show = (columns, { label, ...others }) => {
    const changed = JSON.stringify(columns) !== JSON.stringify(goal);
    shownAs = others;
    svg.setAttribute("aria-label", label);
    node.setAttribute("aria-label", `${label} The arrow keys go through the blocks, + and − change one.`);
    if (!changed) return paint();
    [from, goal, started] = [now, columns, goal.length && !still() && !hasty ? performance.now() : -MORPH];
    cancelAnimationFrame(frame);
    hasty = false;  // under a finger slabs do not lag behind
    move(goal.length && started > 0 ? started : performance.now());
  };
  const repaint = () => paint();
  narrow.addEventListener("change", repaint);
  return { node, show, off: () => { cancelAnimationFrame(frame); narrow.removeEventListener("change", repaint); } };
}

/** What the drawing needs of each block, the image before all: edges of its slab, and its shares of each cost. */
function columnsOf(table, plain, { size, channels }, across) {
  const most = [2, 3, 4].map((column) => Math.max(...table.map((row) => row[column]), ...plain.map((row) => row[column])));
  const unit = HEIGHT / Math.sqrt(320), thin = Math.min(1, (0.8 * across) / 64);  // of edges, which are drawn as square roots
  const edges = ([wide, side = 1]) => ({ high: unit * Math.sqrt(side), thick: Math.min(thin * Math.sqrt(wide), 0.95 * across) });
  const rows = table.map((row, index) => ({
    ...edges(row[1]), bars: most.map((value, column) => row[column + 2] / value),
    ghosts: most.map((value, column) => (row[column + 2] === plain[index][column + 2] ? 0 : plain[index][column + 2] / value)),
  }));
  return [{ ...NONE, ...edges([channels, size]) }, ...rows];
}
