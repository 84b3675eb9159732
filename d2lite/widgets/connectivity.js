// A dense block: who reads whom, channels and parameters by layer; `dense` and `chain` count as in connectivity.py.

/** Parameters of BatchNorm, ReLU and a convolution. */
const convolution = (inputs, outputs, kernel, bias) => 2 * inputs + outputs * (inputs * kernel ** 2 + bias);

/** [channels read, channels written, parameters] of each layer, and of the transition after them. */
function dense({ layers, growth, channels, bottleneck, compression }) {
  const rows = Array.from({ length: layers }, (_, number) => {
    const read = channels + number * growth;
    return [read, growth, bottleneck ? convolution(read, 4 * growth, 1, 0) + convolution(4 * growth, growth, 3, 0) : convolution(read, growth, 3, 1)];
  });
  const read = channels + layers * growth, written = Math.max(1, Math.floor(read * compression + 1e-9));
  return [...rows, [read, written, convolution(read, written, 1, bottleneck ? 0 : 1)]];
}

/** [channels, parameters of a layer] of a chain of 3×3 layers that hands on as many channels as the block puts out. */
function chain({ layers, growth, channels }) {
  const width = channels + layers * growth;
  return [width, convolution(width, width, 3, 1)];
}

const [WIDTH, MARGIN, ARCS, TALL] = [640, 24, 150, 90];

/** Arcs from each source to each reader, those of one reader marked; and a dot and a name for each place. */
function arcs(X, count, reader, named) {
  const arc = (source, target) => s("path", {
    d: `M${X(source)},${ARCS}A${(X(target) - X(source)) / 2},${(ARCS - 24) * (0.25 + (0.75 * (target - source)) / count)} 0 0 1 ${X(target)},${ARCS}`,
    fill: "none", stroke: target === reader ? "var(--d2l-2)" : "var(--d2l-line)", "stroke-width": target === reader ? 2.5 : 1,
  });
  const order = Array.from({ length: count }, (_, index) => index + 1).sort((a, b) => (a === reader) - (b === reader));  // the marked last, on top
  const lines = order.flatMap((target) => Array.from({ length: target }, (_, source) => arc(source, target)));
  const places = Array.from({ length: count + 1 }, (_, place) => place);
  const dots = places.map((place) =>
    s("circle", { cx: X(place), cy: ARCS, r: place === reader ? 7 : 5, fill: place === reader ? "var(--d2l-2)" : "var(--d2l-1)" }),
  );
  const names = places.map((place) =>
    named(place) || !place
      ? s(
          "text", { x: X(place), y: ARCS + 24, "text-anchor": "middle", "font-weight": place === reader ? "bold" : null },
          place === 0 ? "input" : place < count ? place : "after",
        )
      : null,
  );
  return [...lines, ...dots, ...names];
}

/** Totals on one scale, so that they can be compared: the block, the same without a bottleneck, and one layer that adds. */
function totals(rows, reader, each, plain, top) {
  const costs = rows.slice(0, -1).map(([, , cost]) => cost), all = costs.reduce((sum, cost) => sum + cost, 0);
  const most = Math.max(all, each, plain ?? 0), [left, tall] = [210, 16], wide = (cost) => (cost / most) * (WIDTH - left - 90);
  const lines = [["all layers of the block", all, "var(--d2l-3)"], ...(plain === null ? [] : [["without the bottleneck", plain,
    "var(--d2l-4)"]]), ["one layer that adds", each, "var(--d2l-1)"]];
  let x = left;
  const parts = costs.map((cost, index) => {
    const part = s("rect", { x, y: top, width: Math.max(0.3, wide(cost) - 0.7), height: tall, fill: "var(--d2l-3)", opacity: index + 1 === reader ? 1 : 0.6 });
    x += wide(cost);
    return part;
  });
  return lines.flatMap(([name, cost, fill], row) => [
    s("text", { x: 0, y: top + 26 * row + 13 }, name),
    ...(row ? [s("rect", { x: left, y: top + 26 * row, width: Math.max(1, wide(cost)), height: tall, fill, class: "d2l-total" })] : parts),
    s("text", { x: left + wide(cost) + 6, y: top + 26 * row + 13 }, brief(cost)),
  ]);
}

/** Panels over one axis: arcs from sources to readers, channels read, parameters; and totals below. */
function drawing(rows, reader, [, each], { channels, growth }, plain, pick) {
  const count = rows.length, step = (WIDTH - 2 * MARGIN) / (count + 1), thick = Math.min(34, 0.7 * step);
  const X = (place) => MARGIN + (place + 0.5) * step, crowded = count > 13;
  const named = (place) => !crowded || ((count - place) % 2 === 0 && place !== 1);  // a 1 would touch the word before it
  const floor = ARCS + 170, ground = floor + 36 + TALL, below = ground + 42, opacity = (index) => (index + 1 === reader ? 1 : 0.6);
  const U = (value) => (value / rows.at(-1)[0]) * TALL, most = Math.max(...rows.map(([, , cost]) => cost)), V = (value) => (value / most) * TALL;
  const bar = (index, from, tall, color) =>
    s("rect", {
      x: X(index + 1) - thick / 2, width: thick, y: from - tall, height: Math.max(0.5, tall - 0.8), fill: `var(--d2l-${color})`,
      opacity: opacity(index),
    });
  const bands = rows.flatMap(([read], index) => [
    bar(index, floor, U(channels), 1),
    ...Array.from({ length: index }, (_, from) => bar(index, floor - U(channels + from * growth), U(growth), 4)),
    named(index + 1) ? s("text", { x: X(index + 1), y: floor - U(read) - 4, "text-anchor": "middle" }, read) : null,
  ]);
  const costs = rows.map(([, , cost], index) => bar(index, ground, V(cost), 3));
  const titles = [
    ["who reads whom", 14], ["channels read", ARCS + 52],
    [`parameters of each, up to ${shown(most)}`, floor + 24], ["parameters, to one scale", ground + 28],
  ].map(([text, y]) => s("text", { x: 0, y }, text));
  const targets = rows.map((_, index) =>
    s("rect", {
      x: X(index + 1) - step / 2, y: 0, width: step, height: ground, fill: "transparent", style: "cursor: pointer",
      "data-reader": index + 1, onclick: () => pick(index + 1), onpointermove: ({ pointerType }) => pointerType === "mouse" && pick(index + 1),
    }),
  );
  const told = "Arcs lead from the input and each layer to all later ones. Bars below: channels that each reads, and parameters.";
  return s(
    "svg", { viewBox: `0 0 ${WIDTH} ${below + 26 * (plain === null ? 2 : 3)}`, width: WIDTH, class: "d2l-wide", role: "img", "aria-label": told },
    ...arcs(X, count, reader, named), ...bands, ...costs, ...totals(rows, reader, each, plain, below), ...titles, ...targets,
  );
}

function told(rows, reader, [width, each], { layers, bottleneck }, plain, revealed) {
  const all = rows.slice(0, -1).reduce((sum, [, , cost]) => sum + cost, 0), links = ((layers + 1) * (layers + 2)) / 2;
  const [read, written, cost] = rows[reader - 1];
  const sources = reader === 1 ? "the input" : `the input and ${reader === 2 ? "layer 1" : `layers 1 ${reader === 3 ? "and" : "to"} ${reader - 1}`}`;
  const one =
    reader > layers
      ? `The transition reads ${sources}, ${read} channels, and hands on ${written}.`
      : `Layer ${reader} reads ${sources}, ${read} channels, and adds ${written} with ${shown(cost)} parameters.`;
  const detour = bottleneck && revealed
    ? ` Without the bottleneck the layers would have ${shown(plain)}: here it ${all < plain ? "saves" : "costs"} ${shown(Math.abs(plain - all))}.`
    : "";
  return `${one} ${links} connections where a chain has ${layers + 1}; ` +
    `${layers === 1 ? "the layer has" : `the ${layers} layers have`} ${shown(all)} parameters. ` +
    `${layers === 1 ? "A layer that adds," : `${layers} layers that add, each`} ${shown(width)} channels wide, would have ${shown(layers * each)}.${detour}`;
}

export default {
  render({ model, el }) {
    const setting = (trait, low, high, otherwise) => whole(model.get(trait), low, high, otherwise);
    const read = () => ({
      layers: setting("layers", 1, 24, 4), growth: setting("growth", 1, 64, 32), channels: setting("channels", 1, 512, 64),
      bottleneck: model.get("bottleneck") === true, compression: clamp(model.get("compression"), 0.1, 1, 0.5),
    });
    const pick = (reader) => give(model, { reader: whole(reader, 1, read().layers + 1) });
    const pressed = (event) => {
      const reader = Math.min(setting("reader", 1, 25, 3), read().layers + 1);
      const to = { ArrowLeft: reader - 1, ArrowDown: reader - 1, ArrowRight: reader + 1, ArrowUp: reader + 1, Home: 1, End: 25 }[event.key];
      if (to === undefined || isShortcut(event)) return;
      event.preventDefault();
      pick(to);
    };
    const walk = h("div", { class: "d2l-walk", tabindex: 0, role: "slider", "aria-label": "Reader whose sources are marked", onkeydown: pressed });
    return interactive({
      model, el, title: "Who reads whom in a dense block, and what it costs", traits: ["reader"],
      hint: "Point at a layer, or tap it, to mark what it reads; the arrow keys on the picture do the same.",
      controls: [
        { trait: "layers", label: "layers", min: 1, max: 24 },
        { trait: "growth", label: "growth rate", min: 1, max: 64 },
        { trait: "channels", label: "channels in", min: 1, max: 512 },
        { trait: "bottleneck", label: "bottleneck", kind: "switch" },
      ],
      more: [{ trait: "compression", label: "transition keeps", min: 0.1, max: 1, step: 0.1 }],
      answer: { label: "show what the bottleneck saves or costs" },
      draw(stage, revealed) {
        const settings = read(), rows = dense(settings), beside = chain(settings);
        const reader = Math.min(setting("reader", 1, 25, 3), settings.layers + 1);
        const sum = (list) => list.slice(0, -1).reduce((total, [, , cost]) => total + cost, 0);
        const plain = sum(dense({ ...settings, bottleneck: false })), say = told(rows, reader, beside, settings, plain, revealed);
        fill(
          walk,
          {
            "aria-valuemin": 1, "aria-valuemax": settings.layers + 1, "aria-valuenow": reader,
            "aria-valuetext": reader > settings.layers ? "the transition" : `layer ${reader}`,
          },
          [],
        );
        walk.replaceChildren(drawing(rows, reader, beside, settings, revealed && settings.bottleneck ? plain : null, pick));
        if (walk.parentNode !== stage) stage.replaceChildren(walk);
        return {
          say,
          result: { rows, chain: beside, reader, parameters: sum(rows), plain, links: ((settings.layers + 1) * (settings.layers + 2)) / 2 },
        };
      },
    });
  },
};
