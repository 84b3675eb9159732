// Which pixels a unit of each layer sees. `seen` and `paths` are those of receptive_field.py.

const OWN = "own layers";
const [MOST, LARGEST, WIDEST] = [13, 11, 4];
const conv = (kernel, stride = 1) => [kernel, stride, 0], pool = (kernel) => [kernel, 2, 1];
const STACKS = {
  "three 3×3": [conv(3), conv(3), conv(3)],
  "two 3×3": [conv(3), conv(3)],
  "ten 3×3": Array(10).fill(conv(3)),
  "one 5×5": [conv(5)],
  "one 7×7": [conv(7)],
  LeNet: [conv(5), pool(2), conv(5), pool(2)],
  AlexNet: [conv(11, 4), pool(3), conv(5), pool(3), conv(3), conv(3), conv(3), pool(3)],
  "VGG-11": [conv(3), pool(2), conv(3), pool(2), ...[1, 2, 3].flatMap(() => [conv(3), conv(3), pool(2)])],
};

/** Ways, in one direction, from each pixel to the unit. */
function paths(layers) {
  return layers.reduceRight((ways, [kernel, stride]) => {
    const below = Array((ways.length - 1) * stride + kernel).fill(0);
    ways.forEach((number, unit) => { for (let tap = 0; tap < kernel; tap += 1) below[unit * stride + tap] += number; });
    return below;
  }, [1]);
}

const NATURAL = { AlexNet: 224, "VGG-11": 224, LeNet: 28 };  // pixels a side of the images that it was made for

const weightsOf = (layers) => layers.reduce((sum, [kernel, , pooling]) => sum + (pooling ? 0 : kernel ** 2), 0);
const usable = (layers) =>
  (Array.isArray(layers) ? layers : [])
    .slice(0, MOST)
    .filter(Array.isArray)
    .map(([kernel, stride, pooling]) => [whole(kernel, 1, LARGEST, 3), whole(stride, 1, WIDEST, 1), pooling === 1 ? 1 : 0]);
/** A table with a name. */
const named = (label, table) => fill(table, { "aria-label": label }, []);

export default {
  render({ model, el }) {
    let layers = [], rows = [];
    const credit = h("p", { class: "d2l-credit" });
    const own = (list) => give(model, { layers: list, stack: OWN, layer: 0, down: 0, right: 0 });
    const adopt = ({ target }) => {  // one's own layers start from those that are shown
      if (!target.matches("[data-trait=stack] select")) return;
      if (target.value === OWN) return model.set("layers", layers);
      const before = NATURAL[model.get("stack")] ?? 28, after = NATURAL[target.value] ?? (model.get("size") === before ? 28 : null);
      if (after) model.set("size", after);  // a network comes with the size of its images
    };
    el.addEventListener("change", adopt, true);  // before the choice itself is heard of
    const note = h("p", { class: "d2l-note", role: "status" });
    let now = null;  // what is drawn: the lattice, the layer, and its unit, `down` and `right` of the middle one
    const group = freshId("layer");
    const add = h("button", { type: "button", onclick: () => layers.length < MOST && own([...layers, layers.at(-1) ?? conv(3)]) }, "add a layer");
    const remove = h("button", { type: "button", onclick: () => layers.length && own(layers.slice(0, -1)) }, "remove the last");

    /** Look from another layer: from its unit that sees about the same place. */
    const look = (layer) => {
      const { places } = now, center = (trait) => places.start(now.layer, now[trait]) + places.levels[now.layer].reach / 2;
      give(model, { layer, down: places.near(layer, center("down")), right: places.near(layer, center("right")) });
    };
    const move = (down, right) => {
      const most = now.places.most(now.layer);
      give(model, { down: clamp(now.down + down, -most, most), right: clamp(now.right + right, -most, most) });
    };
    // Listeners of the boxes, not of the drawings in them, which are made anew at each change.
    const box = (name, touched, pressed) => {
      const found = (event) => {
        const area = event.currentTarget.querySelector("svg").getBoundingClientRect();
        if (now) touched((event.clientX - area.left) / area.width, (event.clientY - area.top) / area.height, event.target);
      };
      return h("div", {
        class: `d2l-look ${name}`, tabindex: 0, role: "application", onclick: found,
        onpointermove: (event) => event.pointerType !== "touch" && event.buttons & 1 && found(event),
        onkeydown: (event) => {
          if (!now || !(event.key in MOVES) || isShortcut(event)) return;
          event.preventDefault();
          pressed(...MOVES[event.key]);
        },
      });
    };
    const pyramid = box("d2l-pyramid", (across, _, target) => {
      const { places, layer, down, right } = now, level = Number(target.closest("[data-level]")?.dataset.level), at = 366 * across;
      if (!level) return;
      if (at < LEFT) return look(level);  // the name of the layer
      const { low, wide } = viewed(places, layer, places.start(layer, right)), most = places.most(level);
      const center = low + ((at - LEFT) / WIDTH) * wide, height = places.start(layer, down) + places.levels[layer].reach / 2;
      give(model, { layer: level, down: places.near(level, height), right: clamp(places.near(level, center), -most, most) });
    }, (down, right) => (down ? look(clamp(now.layer - down, 1, layers.length)) : move(0, right)));
    const photo = box("d2l-photo", (across, along) => {
      const { places, layer, size } = now, most = places.most(layer), near = (share) => clamp(places.near(layer, share * size), -most, most);
      give(model, { down: near(along), right: near(across) });
    }, move);
    const patch = h("div"), photoText = h("figcaption"), patchText = h("figcaption");
    const drawing = h("div", { class: "d2l-row" }, pyramid, h(
      "div", { class: "d2l-patches" }, h("figure", {}, photo, photoText), h("figure", {}, patch, patchText),
    ));
    const compared = h("div", { class: "d2l-below" }), list = h("div");
    const editor = h("details", { class: "d2l-more d2l-below" }, h("summary", {}, "edit the layers"), list, note, h("div",
      { class: "d2l-row d2l-below" }, add, remove));
    const climb = player({  // from layer to layer, as the patch grows
      label: "layer by layer", every: 700,
      tick: () => {
        const at = whole(model.get("layer"), 0, layers.length, 0) || layers.length;
        if (layers.length) give(model, { layer: (at % layers.length) + 1, down: 0, right: 0 });
        return at % layers.length + 1 < layers.length;
      },
    });

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
              note.textContent = right ? "" : `A ${name} is a whole number from 1 to ${max}: “${input.value}” is not taken.`;
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
      if (!stage.contains(drawing)) stage.replaceChildren(drawing, credit, compared, editor);
      drawing.hidden = compared.hidden = credit.hidden = !layers.length;
      add.setAttribute("aria-disabled", layers.length >= MOST);  // not `disabled`, which would take the focus from whoever pressed it
      remove.setAttribute("aria-disabled", layers.length === 0);
      if (!layers.length) {
        now = null;
        editor.open = true;
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
      const places = lattice(layers, size), most = places.most(layer), unit = (trait) => whole(model.get(trait), -most, most, 0);
      now = { places, layer, size, down: unit("down"), right: unit("right") };
      const start = [places.start(layer, now.down), places.start(layer, now.right)], source = model.get("photograph");
      pyramid.replaceChildren(side(layers, layer, ways, places, start[1], size));
      photo.replaceChildren(above(reaches, layer, size, start, source));
      patch.replaceChildren(alone(reach, size, start, source));
      photoText.textContent = `image, ${square(size)}`;
      patchText.textContent = "all that the unit sees";
      pyramid.setAttribute("aria-label", `Units of all layers. Arrows up and down change the layer, now ${layer}; left and right the unit.`);
      photo.setAttribute("aria-label", "The image. The arrow keys move to the next unit of the layer.");
      credit.textContent = String(model.get("credit") ?? "");
      const weights = weightsOf(stack), one = reach ** 2, larger = Math.max(weights, one);
      const relus = stack.filter(([, , pooling]) => !pooling).length;
      const table = tableOf(
        ["", "sees", "weights", "ReLUs"],
        [
          [
            layer === 1 ? "layer 1" : `layers 1\u00a0to\u00a0${layer}`, square(reach),
            barCell(`${shown(weights)} c²`, weights / larger, "var(--d2l-1)"), relus,
          ],
          ["one kernel", square(reach), barCell(`${shown(one)} c²`, one / larger, "var(--d2l-2)"), 1],
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
          : `${shown((100 * reach) / size, reach / size < 0.0995 ? 1 : 0)}% of the image's width`;
      const say = `One unit of layer ${layer} sees ${square(reach)} pixels (${share}). ` +
        `With c channels throughout, the convolutions up to there have ${shown(weights)} c² weights; ` +
        `one kernel that sees as far has ${shown(one)} c², ${times}.`;
      return { say, result: { layer, reach: reaches, steps, seen: seen(stack), weights, one, relus, start, paths: ways } };
    };

    const off = interactive({
      model, el, title: "What one unit of each layer sees", traits: ["layers", "layer", "down", "right", "photograph", "credit"], draw,
      hint: "Click a unit of a layer, or a place on the photograph, to see the pixels behind it.",
      buttons: [climb.node], reset: climb.stop,
      answer: { label: "show ten 3×3, the first with stride 2", show: () => own([conv(3, 2), ...Array(9).fill(conv(3))]) },
      controls: [
        { trait: "stack", label: "layers", kind: "choice", options: [...Object.keys(STACKS), OWN].map((name) => [name, name]) },
        { trait: "size", label: "image, px a side", min: 8, max: 256, step: 4 },
      ],
    });
    return () => {
      climb.stop();
      el.removeEventListener("change", adopt, true);
      off();
    };
  },
};
