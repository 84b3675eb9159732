// The drawings of the receptive field: layers from the side, the image from above, and the patch alone.

/** Units in a row that one unit behind the layers depends on: pixels first, 1 at the end. */
const seen = (layers) => layers.reduceRight((counts, [kernel, stride]) => [(counts[0] - 1) * stride + kernel, ...counts], [1]);

const square = (side) => `${shown(side)}×${shown(side)}`;

const [LEFT, WIDTH] = [98, 214];  // of the rows of units, in pixels of the drawing

/**
 * Where the units of each layer lie on an image of `size` pixels: `levels` holds the distance of neighbors and their reach in
 * pixels, from the image itself on, and `origin` is the first pixel of unit 0 of each, which in the last layer sees the middle.
 * In one direction, `near(layer, center)` counts from the unit nearest to the middle of the image to that nearest to a pixel,
 * `start(layer, right)` is the first pixel of the unit so many behind it, and at most `most(layer)` have their center inside.
 */
function lattice(layers, size) {
  const levels = [{ step: 1, reach: 1 }];
  for (const [kernel, stride] of layers)
    levels.push({ step: levels.at(-1).step * stride, reach: levels.at(-1).reach + (kernel - 1) * levels.at(-1).step });
  const origin = Math.floor((size - levels.at(-1).reach) / 2);
  const unit = (layer, center) => Math.round((center - levels[layer].reach / 2 - origin) / levels[layer].step);
  return {
    levels, origin, near: (layer, center) => unit(layer, center) - unit(layer, size / 2),
    start: (layer, right) => origin + (unit(layer, size / 2) + right) * levels[layer].step,
    most: (layer) => Math.floor(size / 2 / levels[layer].step),
  };
}

/** Which pixels the side view shows: the whole stack in the middle of the image, moved along where the unit is not there. */
function viewed({ levels, origin }, layer, start) {
  const extent = levels.at(-1).reach, margin = Math.max(2, 0.08 * extent), wide = extent + 2 * margin, reach = levels[layer].reach;
  const low = clamp(origin - margin, start + reach + margin / 2 - wide, start - margin / 2);
  return { low, wide, scale: WIDTH / wide };
}

/** Rows of units over a row of pixels; those on which the unit of `layer` depends are filled. */
function side(layers, layer, ways, places, start, size) {
  const { levels, origin } = places, { low, wide, scale } = viewed(places, layer, start);
  const pitch = clamp(200 / (layers.length + 1), 19, 40), height = (layers.length + 1) * pitch + 34;
  const X = (pixel) => LEFT + (pixel - low) * scale, Y = (level) => height - 34 - (level + 1) * pitch;
  const lit = seen(layers.slice(0, layer)), reach = lit[0];
  const rows = levels.map(({ step, reach: own }, level) => {
    const edge = (own - step) / 2, thick = pitch * 0.55, count = lit[level] ?? 0;
    const unit = (pixel, units, filled) => {
      const padding = level === 0 && units === 1 && (pixel < 0 || pixel >= size);
      return s("rect", {
        x: X(pixel), y: Y(level), width: Math.max(units * step * scale - (step * scale > 3 ? 1 : 0), 0.5), height: thick, class: "d2l-unit",
        fill: filled ? "var(--d2l-1)" : padding ? "none" : "var(--d2l-faint)", "fill-opacity": filled && padding ? 0.4 : null,
        stroke: filled ? "none" : "var(--d2l-line)", "stroke-dasharray": padding ? "2 2" : null, "data-level": level || null,
      });
    };
    const first = Math.ceil((low - origin - edge) / step), last = Math.floor((low + wide - origin - edge) / step) - 1;
    const many = last - first > 120;
    const off = many
      ? [unit(origin + edge + first * step, last - first + 1, false)]
      : Array.from({ length: Math.max(last - first + 1, 0) }, (_, i) => unit(origin + edge + (first + i) * step, 1, false));
    const on = many
      ? [count && unit(start + edge, count, true)].filter(Boolean)
      : Array.from({ length: count }, (_, i) => unit(start + edge + i * step, 1, true));
    const name = level
      ? `${level}: ${layers[level - 1][2] ? "pool " : ""}${square(layers[level - 1][0])}${layers[level - 1][1] > 1 ? ` /${layers[level - 1][1]}` : ""}`
      : "pixels";
    const texts = [
      s("text", { x: 0, y: Y(level) + thick / 2 + 4, "font-weight": level === layer ? "bold" : null }, name),
      s("text", { x: LEFT + WIDTH + 6, y: Y(level) + thick / 2 + 4 }, count ? shown(count) : ""),
    ];
    const under = s("rect", { x: 0, y: Y(level), width: 366, height: pitch, fill: "transparent", "data-level": level || null, "data-row": level || null });
    const { step: below, reach: belowReach } = levels[level - 1] ?? {};
    const cone =
      level && count
        ? [
            s("polygon", {
              points: [
                [X(start + edge), Y(level) + thick], [X(start + edge + count * step), Y(level) + thick],
                [X(start + (belowReach - below) / 2 + lit[level - 1] * below), Y(level - 1)],
                [X(start + (belowReach - below) / 2), Y(level - 1)],
              ].join(" "),
              fill: "var(--d2l-1)", opacity: 0.25, "pointer-events": "none",
            }),
          ]
        : [];
    return [under, ...cone, ...off, ...on, ...texts];
  });
  const most = Math.max(...ways);
  const bars = ways.map((number, pixel) =>
    s("rect", {
      x: X(start + pixel), y: height - 34, width: Math.max(scale - (scale > 3 ? 1 : 0), 0.5), height: (24 * number) / most,
      fill: "var(--d2l-2)",
    }),
  );
  const label = ways.length
    ? [
        s("text", { x: 0, y: height - 20 }, "paths"),
        s("text", { x: LEFT + WIDTH + 6, y: height - 22 }, most > 1 ? "1 to" : "1"),
        s("text", { x: LEFT + WIDTH + 6, y: height - 8 }, most > 1 ? (most < 1e5 ? shown(most) : brief(most)) : ""),
      ]
    : [];
  return s(
    "svg",
    {
      viewBox: `0 0 366 ${height}`, width: 366, role: "img",
      "aria-label": `Layers from the side: one unit of layer ${layer} depends on ${reach} pixels in a row.`,
    },
    ...rows.flat(), ...bars, ...label,
  );
}

/** The photograph on `size` pixels, nothing where there is none. */
const photograph = (source, size) =>
  typeof source === "string" && source.startsWith("data:image/") ? s("image", { href: source, width: size, height: size, preserveAspectRatio: "none" }) : null;

/** The image from above: dim but for the patch that the unit sees, and around its middle what a unit of each layer sees. */
function above(reaches, layer, size, [down, right], source) {
  const own = reaches[layer - 1], frames = reaches.map((reach, index) =>
    s("rect", {
      x: right + (own - reach) / 2, y: down + (own - reach) / 2, width: reach, height: reach, fill: "none",
      stroke: index + 1 === layer ? "var(--d2l-2)" : "currentColor", "stroke-width": index + 1 === layer ? 2.5 : 0.8,
      "stroke-opacity": index + 1 === layer ? 1 : 0.5, "vector-effect": "non-scaling-stroke",
    }),
  );
  const lines = size > 64 ? "" : Array.from({ length: size + 1 }, (_, i) => `M${i},0V${size}M0,${i}H${size}`).join("");
  const [x0, x1, y0, y1] = [right, right + own, down, down + own].map((edge) => clamp(edge, 0, size));
  return s(
    "svg",
    {
      viewBox: `0 0 ${size} ${size}`, width: 200, role: "img",
      "aria-label": `The image of ${square(size)} pixels, and on it what the unit of layer ${layer} sees.`,
    },
    s("rect", { width: size, height: size, fill: "var(--d2l-faint)" }), photograph(source, size),
    s("path", { d: `M0,0H${size}V${size}H0ZM${x0},${y0}V${y1}H${x1}V${y0}Z`,
      fill: "var(--pst-color-background, var(--jp-layout-color0, Canvas))", "fill-opacity": 0.6 }),
    s("path", { d: lines, stroke: "var(--d2l-line)", "stroke-width": 0.5, "vector-effect": "non-scaling-stroke" }), ...frames,
  );
}

/** That patch alone, as large as the image; around the image there is nothing but zeros. */
const alone = (reach, size, [down, right], source) => s(
  "svg", { viewBox: `${right} ${down} ${reach} ${reach}`, width: 120, role: "img", "aria-label": `Those ${square(reach)} pixels alone.` },
  s("rect", { x: right, y: down, width: reach, height: reach }), photograph(source, size),
);
