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

/** "layer 2", "layers 2 and 3", "layers 2 to 5" */
const spell = (from, to) => (from === to ? `layer ${from}` : `layers ${from} ${to === from + 1 ? "and" : "to"} ${to}`);

/** What becomes of the channels of one source, 0 for the input. */
function followed(source, { layers, growth, channels }) {
  const readers = source < layers ? `${spell(source + 1, layers)} and the transition read` : "the transition reads";
  const [who, some] = source ? [`Layer ${source} puts out`, growth] : ["The input has", channels];
  return `${who} ${some} ${some === 1 ? "channel" : "channels"}: ${readers} ${some === 1 ? "it" : "them"} unchanged. ` +
    `Layers that add would have mixed ${some === 1 ? "it" : "them"} with all the others at once.`;
}

function told(rows, reader, [width, each], { layers, bottleneck }, plain, revealed) {
  const all = rows.slice(0, -1).reduce((sum, [, , cost]) => sum + cost, 0), links = ((layers + 1) * (layers + 2)) / 2;
  const [read, written, cost] = rows[reader - 1];
  const sources = reader === 1 ? "the input" : `the input and ${spell(1, reader - 1)}`;
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
    let source = null, held = false, before = null, again = () => {};  // channels that are followed, pinned or not; and what was shown
    const marked = () => Math.min(setting("reader", 1, 25, 3), read().layers + 1);
    const free = () => { [source, held] = [null, false]; };
    const pick = (reader, tapped = false) => {
      if (held && !tapped) return;
      free();
      give(model, { reader: whole(reader, 1, read().layers + 1) });
      again();
    };
    const follow = (next, tapped = false) => {
      if ((held && !tapped) || (next === source && !tapped)) return;
      held = tapped && !(held && next === source);
      source = held || !tapped ? next : null;
      again();
    };
    const pressed = (event) => {
      const reader = marked(), { layers } = read();
      const to = { ArrowLeft: reader - 1, ArrowRight: reader + 1, Home: 1, End: 25 }[event.key];
      const up = { ArrowUp: source === null ? 0 : Math.min(source + 1, layers), ArrowDown: source ? source - 1 : null, Escape: null,
        PageUp: layers, PageDown: 0 }[event.key];
      if ((to === undefined && up === undefined) || isShortcut(event)) return;
      event.preventDefault();
      [held, source] = [false, null];
      if (to !== undefined) return pick(to, true);
      [source, held] = [up, up !== null];
      el.querySelector(".d2l-spoken").textContent = again();
    };
    const view = lanes({ pick, follow });
    const walk = h("div", { class: "d2l-walk", tabindex: 0, role: "application", onkeydown: pressed }, view.node);
    const run = player({
      label: "run the block", every: FLOW + 150,
      tick() {
        const last = read().layers + 1, reader = running ? marked() + 1 : 1;
        free();
        running = reader < last;
        give(model, { reader });
        again();
        return running;
      },
    });
    let running = false;
    const stop = () => {
      run.stop();
      running = false;
    };
    const off = interactive({
      model, el, title: "Who reads whom in a dense block, and what it costs", traits: ["reader"],
      hint: "Point at a layer to see what it reads, at channels to see who reads them, or run the block. Arrow keys do the same.",
      buttons: [run.node], reset() { stop(); free(); },
      controls: [
        { trait: "layers", label: "layers", min: 1, max: 24 },
        { trait: "growth", label: "growth rate", min: 1, max: 64 },
        { trait: "channels", label: "channels in", min: 1, max: 512 },
        { trait: "bottleneck", label: "bottleneck", kind: "switch" },
      ],
      more: [{ trait: "compression", label: "transition keeps", min: 0.1, max: 1, step: 0.1 }],
      answer: { label: "show what the bottleneck saves or costs" },
      draw(stage, revealed) {
        const settings = read(), rows = dense(settings), beside = chain(settings), { layers, bottleneck } = settings;
        const list = (chosen) => chosen.slice(0, -1).map(([, , cost]) => cost), sum = (costs) => costs.reduce((total, cost) => total + cost, 0);
        const direct = list(dense({ ...settings, bottleneck: false })), plain = sum(direct), reader = marked();
        const totals = [
          { name: `${layers} that concatenate`, short: "concatenating", list: list(rows), color: "var(--d2l-3)" },
          ...(revealed && bottleneck ? [{ name: "no bottleneck", short: "no bottleneck", list: direct, color: "var(--d2l-4)" }] : []),
          { name: `${layers} that add`, short: "adding", list: Array(layers).fill(beside[1]), color: "var(--d2l-1)" },
        ].map((total) => ({ ...total, name: `parameters: ${total.name}` }));
        if (source !== null && source > layers) free();
        if (walk.parentNode !== stage) stage.replaceChildren(walk);
        again = () => {
          const say = source === null ? told(rows, marked(), beside, settings, plain, revealed) : followed(source, settings);
          const line = el.querySelector(".d2l-say"), now = [source ?? -marked(), ...Object.values(settings), revealed].map(String), old = before;
          before = now;
          if (line) line.textContent = say;
          if (String(now) === String(old)) return say;
          const flows = old !== null && now[0] !== old[0] && String(now.slice(1)) === String(old.slice(1));
          view.show({ rows, reader: marked(), source, settings, wide: beside[0], totals, label: say }, flows);
          walk.setAttribute("aria-label", `${say} Left and right go from layer to layer, up and down follow channels.`);
          return say;
        };
        return {
          say: again(),
          result: { rows, chain: beside, reader, parameters: sum(list(rows)), plain, links: ((layers + 1) * (layers + 2)) / 2 },
        };
      },
    });
    return () => {
      stop();
      view.off();
      off();
    };
  },
};
