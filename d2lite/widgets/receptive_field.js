// Which pixels a unit of each layer sees. `seen` and `paths` are those of receptive_field.py.

const OWN = "own layers";
const [MOST, LARGEST, WIDEST] = [13, 11, 4];
const conv = (kernel, stride = 1) => [kernel, stride, 0], pool = (kernel) => [kernel, 2, 1];
const STACKS = {
  "three 3×3": [conv(3), conv(3), conv(3)],
  "two 3×3": [conv(3), conv(3)],
  "one 5×5": [conv(5)],
  "one 7×7": [conv(7)],
  LeNet: [conv(5), pool(2), conv(5), pool(2)],
  AlexNet: [conv(11, 4), pool(3), conv(5), pool(3), conv(3), conv(3), conv(3), pool(3)],
  "VGG-11": [conv(3), pool(2), conv(3), pool(2), ...[1, 2, 3].flatMap(() => [conv(3), conv(3), pool(2)])],
};

/** Units in a row that one unit behind the layers depends on: pixels first, 1 at the end. */
const seen = (layers) => layers.reduceRight((counts, [kernel, stride]) => [(counts[0] - 1) * stride + kernel, ...counts], [1]);

/** Ways, in one direction, from each pixel to the unit. */
function paths(layers) {
  return layers.reduceRight((ways, [kernel, stride]) => {
    const below = Array((ways.length - 1) * stride + kernel).fill(0);
    ways.forEach((number, unit) => { for (let tap = 0; tap < kernel; tap += 1) below[unit * stride + tap] += number; });
    return below;
  }, [1]);
}

const weightsOf = (layers) => layers.reduce((sum, [kernel, , pooling]) => sum + (pooling ? 0 : kernel ** 2), 0);
const usable = (layers) =>
  (Array.isArray(layers) ? layers : [])
    .slice(0, MOST)
    .filter(Array.isArray)
    .map(([kernel, stride, pooling]) => [whole(kernel, 1, LARGEST, 3), whole(stride, 1, WIDEST, 1), pooling === 1 ? 1 : 0]);
/** A table with a name. */
const named = (label, table) => fill(table, { "aria-label": label }, []);
const square = (side) => `${shown(side)}×${shown(side)}`;

/** Rows of units over a row of pixels; those on which the unit in the middle of `layer` depends are filled. */
function side(layers, layer, ways) {
  const [left, width, pitch] = [88, 224, clamp(200 / (layers.length + 1), 19, 40)];
  const extent = seen(layers)[0], margin = Math.max(2, 0.08 * extent), scale = width / (extent + 2 * margin);
  const height = (layers.length + 1) * pitch + 34, X = (pixel) => left + (pixel + margin) * scale, Y = (level) => height - 34 - (level + 1) * pitch;
  const lit = seen(layers.slice(0, layer)), reach = lit[0];
  const geometry = [{ step: 1, reach: 1 }];
  for (const [kernel, stride] of layers)
    geometry.push({ step: geometry.at(-1).step * stride, reach: geometry.at(-1).reach + (kernel - 1) * geometry.at(-1).step });
  const start = Math.floor((seen(layers.slice(layer))[0] - 1) / 2) * geometry[layer].step;  // first pixel of the patch
  const rows = geometry.map(({ step, reach: own }, level) => {
    const edge = (own - step) / 2, thick = pitch * 0.55, count = lit[level] ?? 0;
    const unit = (pixel, units, filled) =>
      s("rect", {
        x: X(pixel), y: Y(level), width: Math.max(units * step * scale - (step * scale > 3 ? 1 : 0), 0.5), height: thick,
        fill: filled ? "var(--d2l-1)" : "var(--d2l-faint)", stroke: filled ? "none" : "var(--d2l-line)",
      });
    const first = Math.ceil((-margin - edge) / step), last = Math.floor((extent + margin - edge) / step) - 1;
    const many = last - first > 120;
    const off = many
      ? [unit(edge + first * step, last - first + 1, false)]
      : Array.from({ length: Math.max(last - first + 1, 0) }, (_, i) => unit(edge + (first + i) * step, 1, false));
    const on = many
      ? [count && unit(start + edge, count, true)].filter(Boolean)
      : Array.from({ length: count }, (_, i) => unit(start + edge + i * step, 1, true));
    const name = level
      ? `${level}: ${layers[level - 1][2] ? "pool " : ""}${square(layers[level - 1][0])}${layers[level - 1][1] > 1 ? ` /${layers[level - 1][1]}` : ""}`
      : "pixels";
    const texts = [
      s("text", { x: 0, y: Y(level) + thick / 2 + 4, "font-weight": level === layer ? "bold" : null }, name),
      s("text", { x: left + width + 6, y: Y(level) + thick / 2 + 4 }, count ? shown(count) : ""),
    ];
    const hover = s("rect", { x: 0, y: Y(level), width: 366, height: pitch, fill: "transparent", "data-level": level });
    const { step: below, reach: belowReach } = geometry[level - 1] ?? {};
    const cone =
      level && count
        ? [
            s("polygon", {
              points: [
                [X(start + edge), Y(level) + thick], [X(start + edge + count * step), Y(level) + thick],
                [X(start + (belowReach - below) / 2 + lit[level - 1] * below), Y(level - 1)],
                [X(start + (belowReach - below) / 2), Y(level - 1)],
              ].join(" "),
              fill: "var(--d2l-1)", opacity: 0.25,
            }),
          ]
        : [];
    return [...cone, ...off, ...on, ...texts, hover];
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
        s("text", { x: left + width + 6, y: height - 22 }, most > 1 ? "1 to" : "1"),
        s("text", { x: left + width + 6, y: height - 8 }, most > 1 ? (most < 1e5 ? shown(most) : brief(most)) : ""),
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

/** The image from above, and on it the patch that a unit of each layer sees. */
function above(reaches, layer, size) {
  const frames = reaches.map((reach, index) =>
    s("rect", {
      x: (size - reach) / 2, y: (size - reach) / 2, width: reach, height: reach, fill: index + 1 === layer ? "var(--d2l-1)" : "none",
      "fill-opacity": 0.3, stroke: index + 1 === layer ? "var(--d2l-1)" : "currentColor", "stroke-width": index + 1 === layer ? 2.5 : 1,
      "vector-effect": "non-scaling-stroke",
    }),
  );
  const lines = size > 64 ? "" : Array.from({ length: size + 1 }, (_, i) => `M${i},0V${size}M0,${i}H${size}`).join("");
  return s(
    "svg",
    {
      viewBox: `0 0 ${size} ${size}`, width: 190, role: "img",
      "aria-label": `The image of ${square(size)} pixels, and in its middle what a unit of each layer sees.`,
    },
    s("rect", { width: size, height: size, fill: "var(--d2l-faint)", stroke: "currentColor", "vector-effect": "non-scaling-stroke" }),
    s("path", { d: lines, stroke: "var(--d2l-line)", "stroke-width": 0.5, "vector-effect": "non-scaling-stroke" }), ...frames,
  );
}

export default {
  render({ model, el }) {
    let layers = [], rows = [];
    const own = (list) => give(model, { layers: list, stack: OWN, layer: 0 });
    const adopt = ({ target }) => {  // one's own layers start from those that are shown
      if (target.matches("[data-trait=stack] select") && target.value === OWN) model.set("layers", layers);
    };
    el.addEventListener("change", adopt, true);  // before the choice itself is heard of
    const look = (level) => give(model, { layer: level });
    const group = freshId("layer");
    const add = h("button", { type: "button", onclick: () => layers.length < MOST && own([...layers, layers.at(-1) ?? conv(3)]) }, "add a layer");
    const remove = h("button", { type: "button", onclick: () => layers.length && own(layers.slice(0, -1)) }, "remove the last");
    // Here, not on the drawing's parts: these are made anew, and a new one below a mouse at rest would be entered again.
    const hovered = ({ target }) => {
      const level = Number(target.closest("[data-level]")?.dataset.level);
      if (level) look(level);
    };
    const drawing = h("div", { class: "d2l-row", onpointermove: hovered, onpointerdown: hovered }), compared = h("div", { class: "d2l-below" }),
      list = h("div", { class: "d2l-below" });

    /** The rows of the table of layers; kept while their number stays, so that no input loses the focus. */
    const makeRows = () => {
      const change = (index, place, value) => own(layers.map((layer, i) => (i === index ? layer.map((old, j) => (j === place ? value : old)) : layer)));
      rows = layers.map((_, index) => {
        const box = (place, name, max) => {
          const input = h("input", {
            type: "number", min: 1, max, "aria-label": `${name} of layer ${index + 1}`, "data-cell": `${name}-${index + 1}`,
            oninput: () => {
              const value = Number(input.value), right = input.value !== "" && Number.isInteger(value) && value >= 1 && value <= max;
              input.setAttribute("aria-invalid", !right);
              if (right) change(index, place, value);
            },
            onblur: () => {
              input.value = layers[index]?.[place];
              input.setAttribute("aria-invalid", false);
            },
          });
          return input;
        };
        const pooling = h("input", {
          type: "checkbox", "aria-label": `layer ${index + 1} is a pooling`, onchange: () => change(index, 2, Number(pooling.checked)),
        });
        const chosenLayer = h("input", { type: "radio", name: group, "aria-label": `look from layer ${index + 1}`, onchange: () => look(index + 1) });
        return { radio: chosenLayer, boxes: [box(0, "kernel", LARGEST), box(1, "stride", WIDEST)], pooling, reach: h("span"), step: h("span") };
      });
      const table = tableOf(
        ["layer", "kernel", "stride", "pooling", "one unit sees", "apart, px"],
        rows.map(({ radio, boxes, pooling, reach, step }, index) => [
          h("label", { style: "white-space: nowrap" }, radio, ` ${index + 1}`), ...boxes, pooling, reach, step,
        ]),
      );
      list.replaceChildren(named("The layers, and what one unit of each sees", table));
    };

    const draw = (stage) => {
      const name = chosen(model, "stack", [...Object.keys(STACKS), OWN], "three 3×3"), size = whole(model.get("size"), 8, 256, 28);
      layers = STACKS[name] ?? usable(model.get("layers"));
      if (rows.length !== layers.length || !stage.contains(drawing)) makeRows();
      if (!stage.contains(drawing)) stage.replaceChildren(drawing, compared, list, h("div", { class: "d2l-row d2l-below" }, add, remove));
      add.setAttribute("aria-disabled", layers.length >= MOST);  // not `disabled`, which would take the focus from whoever pressed it
      remove.setAttribute("aria-disabled", layers.length === 0);
      if (!layers.length) {
        for (const box of [drawing, compared]) box.replaceChildren();
        return { say: "Without a layer there is nothing but the image, and each pixel sees itself. Add a layer.", result: { layer: 0, reach: [], paths: [1] } };
      }
      const layer = whole(model.get("layer"), 0, layers.length, 0) || layers.length;
      const stack = layers.slice(0, layer), reaches = layers.map((_, index) => seen(layers.slice(0, index + 1))[0]);
      const steps = layers.map((_, index) => layers.slice(0, index + 1).reduce((step, [, stride]) => step * stride, 1));
      const reach = reaches[layer - 1], ways = reach <= 400 ? paths(stack) : [];
      rows.forEach(({ radio, boxes, pooling, reach: sees, step }, index) => {
        radio.checked = index + 1 === layer;
        boxes.forEach((box, place) => { if (!box.matches(":focus")) box.value = layers[index][place]; });
        pooling.checked = layers[index][2] === 1;
        sees.textContent = square(reaches[index]);
        step.textContent = shown(steps[index]);
      });
      drawing.replaceChildren(side(layers, layer, ways), h("figure", {}, above(reaches, layer, size), h("figcaption", {}, `on an image of ${square(size)}`)));
      const weights = weightsOf(stack), one = reach ** 2, most = Math.max(weights, one);
      const relus = stack.filter(([, , pooling]) => !pooling).length;
      const table = tableOf(
        ["", "sees", "weights", "ReLUs"],
        [
          [layer === 1 ? "layer 1" : `layers 1 to ${layer}`, square(reach), barCell(`${shown(weights)} c²`, weights / most, "var(--d2l-1)"), relus],
          ["one kernel", square(reach), barCell(`${shown(one)} c²`, one / most, "var(--d2l-2)"), 1],
        ],
      );
      compared.replaceChildren(named("The stack against one kernel that sees as far", table));
      const times =
        weights && Math.abs(one / weights - 1) >= 0.05
          ? one > weights
            ? `${shown(one / weights, 1)} times as many`
            : `${shown(weights / one, 1)} times fewer`
          : weights
            ? one === weights ? "the same" : "nearly the same"
            : "and pooling has none";
      const share =
        reach > size
          ? `more than the image of ${square(size)}: the rest is padding`
          : `${shown((100 * reach) / size, reach / size < 0.0995 ? 1 : 0)}\u00a0% of the image's width`;
      const say = `One unit of layer ${layer} sees ${square(reach)} pixels (${share}). ` +
        `With c channels throughout, the convolutions up to there have ${shown(weights)} c² weights; ` +
        `one kernel that sees as far has ${shown(one)} c², ${times}.`;
      return { say, result: { layer, reach: reaches, steps, seen: seen(stack), weights, one, relus, paths: ways } };
    };

    const off = interactive({
      model, el, label: "What one unit of each layer sees", traits: ["layers", "layer"], draw,
      controls: [
        { trait: "stack", label: "layers", kind: "choice", options: [...Object.keys(STACKS), OWN].map((name) => [name, name]) },
        { trait: "size", label: "image, pixels a side", min: 8, max: 256, step: 4 },
      ],
    });
    return () => {
      el.removeEventListener("change", adopt, true);
      off();
    };
  },
};
