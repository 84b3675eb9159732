// The scatter of the frontier explorer, on which the budget is dragged.

const COSTS = {
  parameters: ["parameters", "parameters"],  // on the axis and in a sentence
  macs: ["MACs for one image", "MACs for one image"],
  epoch_s: ["seconds an epoch", "seconds an epoch"],
  memory_mb: ["MB, training step", "MB in a training step"],
};
const NEAR = 16;  // px around a point that belong to it
const [HEIGHT, LEFT, BOTTOM, TOP] = [320, 44, 46, 12], FLOOR = HEIGHT - BOTTOM;
let WIDTH = 620;  // less on a phone, so that the text stays as large

/** A cost with three digits: 758 k, 21.6, 0.35; seconds and MB have a unit already: 1,030. */
function three(value, cost) {
  const rounded = Number(value.toPrecision(3)), counted = cost === "parameters" || cost === "macs";
  return rounded >= 1000 && counted ? brief(rounded) : shown(rounded, 6);
}

/** Round numbers from low to high: on a logarithmic scale 1, 3, 10 …, on a plain one about four. */
function ticks(low, high, logarithmic) {
  if (!logarithmic) {
    const raw = (high - low) / 4, power = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 5, 10].find((n) => n * power >= raw) * power;
    return Array.from({ length: 8 }, (_, k) => (Math.ceil(low / step) + k) * step).filter((value) => value <= high);
  }
  const powers = Array.from({ length: 24 }, (_, k) => 10 ** (k - 6));
  const all = (high / low > 300 ? powers : powers.flatMap((power) => (high / low < 8 ? [1, 2, 3, 5].map((n) => n * power) : [power, 3 * power])));
  return all.filter((value) => value >= low && value <= high);
}

/** Tells how wide a text of `svg` is in bold, so that nothing moves when the ring does; `svg` holds the text it tries that on. */
function ruler(svg) {
  const probe = svg.appendChild(s("text", { "font-weight": "bold", visibility: "hidden", "aria-hidden": "true" })), known = new Map();
  return (text) => {
    if (known.has(text)) return known.get(text);
    probe.textContent = text;
    const wide = probe.getComputedTextLength();
    probe.textContent = "";
    if (wide) known.set(text, wide);
    return wide || 8 * text.length;
  };
}

/** Names beside points, as many as find room, each with its box; those given first are placed first. `taken` has no room. */
function labels(points, taken, long) {
  const boxes = [...taken, ...points.map(({ x, y }) => [x - 5, y - 5, x + 5, y + 5])];
  return points.flatMap(({ x, y, row }) => {
    const wide = long(row.name) + 6;
    const places = [
      [x - 9, y - 7, "end"], [x - 9, y + 14, "end"], [x + 9, y - 7, "start"], [x + 9, y + 14, "start"],
      [x, y - 13, "middle"], [x, y + 22, "middle"],
    ];
    for (const [left, base, anchor] of places) {
      const from = left - (anchor === "end" ? wide : anchor === "middle" ? wide / 2 : 0), box = [from, base - 10, from + wide, base + 3];
      const meets = (other) => box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1];
      if (box[0] < LEFT || box[2] > WIDTH || boxes.some(meets)) continue;
      boxes.push(box);
      return [{ row, x: left, y: base, anchor, box }];
    }
    return [];
  });
}

/** A line down at x, with a gap wherever a name stands. */
function gapped(x, from, to, boxes) {
  let at = from, path = "";
  const met = boxes.filter(([left, , right]) => left - 3 < x && x < right + 3).sort((a, b) => a[1] - b[1]);
  for (const [, top, , bottom] of met) {
    if (top > at) path += `M${x},${at}V${top}`;
    at = Math.max(at, bottom);
  }
  return at < to ? `${path}M${x},${at}V${to}` : path;
}

/** The two scales: from costs and accuracies to places in the picture, and back from x to percent of the axis. */
function scales(rows, [low, high]) {
  const spread = rows.flatMap(({ accuracy, sd }) => [accuracy - (sd ?? 0), accuracy + (sd ?? 0)]);
  const margin = 0.08 * (Math.max(...spread) - Math.min(...spread)) || 0.01, wide = WIDTH - LEFT - 6;
  const bottom = Math.min(...spread) - margin, top = Math.max(...spread) + margin;
  return {
    low, high, bottom, top,
    X: (value) => LEFT + (Math.log(value / low) / Math.log(high / low)) * wide,
    Y: (value) => TOP + ((top - value) / (top - bottom)) * (HEIGHT - TOP - BOTTOM),
    share: (x) => clamp((100 * (x - LEFT)) / wide, 0, 100),
  };
}

/** Both axes with their lines and numbers. */
function axes({ low, high, bottom, top, X, Y }, cost) {
  const decimals = top > 2 ? 1 : top - bottom < 0.05 ? 3 : 2;
  return [
    ...ticks(bottom, top, false).flatMap((value) => [
      s("line", { x1: LEFT, x2: WIDTH, y1: Y(value), y2: Y(value), stroke: "var(--d2l-faint)" }),
      s("text", { x: LEFT - 6, y: Y(value) + 4, "text-anchor": "end" }, value.toFixed(decimals).replace("-", "−")),
    ]),
    ...ticks(low, high, true).flatMap((value) => [
      s("line", { x1: X(value), x2: X(value), y1: TOP, y2: FLOOR + 4, stroke: "var(--d2l-faint)" }),
      s("text", X(value) > WIDTH - 20 ? { x: WIDTH, y: FLOOR + 22, "text-anchor": "end" } : { x: X(value), y: FLOOR + 22, "text-anchor": "middle" },
        three(value, cost)),
    ]),
    s("text", { x: (WIDTH + LEFT) / 2, y: HEIGHT - 5, "text-anchor": "middle" }, COSTS[cost][0]),
  ];
}

/**
 * The scatter. Of the frontier it draws what lies between the budgets `tried`. `point(row, tapped)` hears of the network
 * under the pointer, `budget(percent)` of a drag or a tap elsewhere; a finger that scrolls the page takes it back.
 */
function chart({ point, budget, percent }) {
  const clip = freshId("tried"), part = s("rect", { y: 0, height: HEIGHT });
  const layers = Array.from({ length: 3 }, () => s("g")), trace = s("path", { class: "d2l-trace", "clip-path": `url(#${clip})` });
  const ring = s("circle", { class: "d2l-ring", r: 9 });  // it stays in the page, so that it can glide
  const svg = s("svg", { role: "img" }, s("defs", {}, s("clipPath", { id: clip }, part)), layers[0], trace, layers[1], ring, layers[2]);
  const node = h("div", { class: "d2l-frontier" }, svg), long = ruler(svg);
  let points = [], to = null, held = null;
  const place = ({ clientX, clientY }) => {
    const box = svg.getBoundingClientRect();
    return [((clientX - box.left) * WIDTH) / box.width, ((clientY - box.top) * HEIGHT) / box.height];
  };
  const nearest = (event) => {
    const [left, top] = place(event), far = (one) => Math.hypot(one.x - left, one.y - top);
    const [first] = [...points].sort((a, b) => far(a) - far(b));
    return first && far(first) < NEAR ? first.row : null;
  };
  const moveTo = (event) => budget(Math.round(2 * to.share(place(event)[0])) / 2);
  fill(node, {
    onpointerdown: (event) => { if (event.button === 0 && to) held = { x: event.clientX, before: percent(), moved: false }; },
    onpointermove: (event) => {
      if (!held) return event.pointerType !== "touch" && point(nearest(event), false);
      if (!held.moved && Math.abs(event.clientX - held.x) < 4) return;
      if (!held.moved) node.setPointerCapture(event.pointerId);
      held.moved = true;
      moveTo(event);
    },
    onpointerup: (event) => {
      if (held && !held.moved) nearest(event) ? point(nearest(event), true) : moveTo(event);
      held = null;
    },
    onpointercancel: () => {
      if (held?.moved) budget(held.before);
      held = null;
    },
    onpointerleave: () => point(null, false),
  }, []);
  const draw = ({ rows, cost, front, seen, tried, best, limit, axis, lit }) => {
    WIDTH = clamp(window.innerWidth - 64, 300, 620);
    fill(svg, { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH }, []);
    svg.setAttribute("aria-label",
      `Test accuracy against ${COSTS[cost][0]}, logarithmic. On the frontier: ${seen.map((row) => row.name).join(", ") || "none yet"}.`);
    to = scales(rows, axis);
    const { X, Y } = to, edge = X(limit);
    points = [...[...front].reverse(), ...rows.filter((row) => !front.includes(row))].map((row) => ({ row, x: X(row[cost]), y: Y(row.accuracy) }));
    const runs = front.flatMap((row, index) => {  // to the right, and from there up
      const [x, y] = [X(row[cost]), Y(row.accuracy)], next = front[index + 1], [to, up] = next ? [X(next[cost]), Y(next.accuracy)] : [WIDTH, y];
      return [[x, y - 2, to, y + 2], [to - 2, up, to + 2, y]];
    });
    const spreads = points.filter(({ row }) => row.sd).map(({ row, x }) => [x - 4, Y(row.accuracy + row.sd), x + 4, Y(row.accuracy - row.sd)]);
    const names = labels(points, [...runs, ...spreads], long), boxes = names.map(({ box }) => box), shade = { y: TOP, height: FLOOR - TOP };
    layers[0].replaceChildren(s("rect", { x: edge, width: Math.max(0, WIDTH - edge), ...shade, fill: "var(--d2l-faint)" }), ...axes(to, cost));
    trace.setAttribute("d", `${front.map((row) => `H${X(row[cost])}V${Y(row.accuracy)}`).join("").replace(/^H([^V]+)V([^H]+)/, "M$1,$2")}H${WIDTH}`);
    fill(part, { x: X(tried[0]), width: Math.max(0, X(tried[1]) - X(tried[0])) }, []);
    const whiskers = (x, from, until) => s("path", { d: `M${x},${from}V${until}m-4,0h8M${x - 4},${from}h8` });
    layers[1].replaceChildren(
      s("path", { class: "d2l-edge", d: gapped(edge, TOP, FLOOR, boxes) }),
      s("path", { class: "d2l-handle", d: `M${edge - 3},${FLOOR - 6}l-7,6l7,6zM${edge + 3},${FLOOR - 6}l7,6l-7,6z` }),
      s("rect", { class: "d2l-hold", x: edge - 12, width: 24, y: TOP, height: FLOOR - TOP + 8 }),
      ...points.map(({ row, x, y }) => s("g", { class: "d2l-point", opacity: row[cost] <= limit ? 1 : 0.5 },
        row === lit ? s("path", { class: "d2l-cross", d: `M${LEFT},${y}H${x}V${FLOOR}` }) : null,
        row.sd ? whiskers(x, Y(row.accuracy - row.sd), Y(row.accuracy + row.sd)) : null,
        s("circle", { cx: x, cy: y, r: row === lit ? 7 : 4.5, fill: seen.includes(row) ? "var(--d2l-1)" : "none" }))),
    );
    ring.style.display = best ? "" : "none";
    if (best) ring.style.transform = `translate(${X(best[cost])}px, ${Y(best.accuracy)}px)`;
    layers[2].replaceChildren(...names.map(({ row, x, y, anchor }) => s("text", {
      x, y, "text-anchor": anchor, "font-weight": row === best || row === lit ? "bold" : null, class: "d2l-halo",
    }, row.name)));
  };
  return { node, draw };
}
