// A photograph through the eyes of the small trained network: what it gets, what it says, and how little changes its mind.

const CELLS = 8;  // squares a side that can be covered: as many as the places of the network's last maps
const LONGEST = 320;  // pixels of a photograph that is kept here
const TURN = 180, LEAST = 30, WIDEST = 160;  // degrees; percent of the photograph's shorter side

let h, pixels, dragged, clamp, shown, meanOf, isShortcut, MOVES;  // of shared.js, whose copy is the interactive's

/** The network that comes with the site's page, in a worker, or the notebook's: `see(bytes)`, and where that ends. */
function knownNetwork({ source, net }, notebook) {
  if (!source) return { see: (bytes) => notebook.ask({ see: btoa(String.fromCharCode(...bytes)) }), off: () => {} };
  const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" }))), waiting = new Map();
  let last = 0;
  worker.onmessage = ({ data }) => {
    waiting.get(data.id)?.({ ...data, classes: net.classes });
    waiting.delete(data.id);
  };
  worker.postMessage({ net });
  return {
    see: (bytes) => new Promise((resolve) => { waiting.set(last += 1, resolve); worker.postMessage({ id: last, bytes }); }),
    off: () => worker.terminate(),
  };
}

/** A picture as a canvas that is no larger than LONGEST, over white. */
function sheetFrom(picture, width, height) {
  const scale = Math.min(1, LONGEST / Math.max(width, height));
  const sheet = h("canvas", { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) });
  const pen = sheet.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, sheet.width, sheet.height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(picture, 0, 0, sheet.width, sheet.height);
  return sheet;
}

/** The pixels of a turned square of a sheet, gray where there is no picture: `size` rows and columns, three bytes each. */
function cutOut(sheet, { x, y, side, turn }, size, gray) {
  const pen = h("canvas", { width: size, height: size }).getContext("2d", { willReadFrequently: true });
  pen.fillStyle = `rgb(${gray})`;
  pen.fillRect(0, 0, size, size);
  pen.imageSmoothingQuality = "high";
  pen.translate(size / 2, size / 2);
  pen.scale(size / side, size / side);
  pen.rotate((-turn * Math.PI) / 180);
  pen.drawImage(sheet, -x, -y);
  const { data } = pen.getImageData(0, 0, size, size);
  return Uint8Array.from({ length: size * size * 3 }, (_, at) => data[Math.floor(at / 3) * 4 + (at % 3)]);
}

/** How much each square speaks for a class, and against (below 0), compared with the mean of all classes. */
const spokenFor = (maps, label) => maps[label].map((value, place) => value - meanOf(maps.map((map) => map[place])));

const softmax = (logits) => {
  const powers = logits.map((value) => Math.exp(value - Math.max(...logits))), sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
};

/** The lens; `known` holds its photographs, and on the site the network. `changed()` is called when what is said changes. */
function photoLens(known, notebook, changed) {
  const SIZE = 32, GRAY = [125, 123, 114];  // of the network's training: pixels, and their mean
  const network = knownNetwork(known, notebook);
  let photo = null, frame = null, covered = new Set(), heat = false, at = [0, 0], seen = null, first = null, problem = "", gone = false;
  const fewest = new Map();  // of each photograph: squares that were enough

  const strip = h("div", { class: "d2l-samples", role: "group", "aria-label": "photographs" });
  const own = h("input", { type: "file", accept: "image/*", "aria-label": "a photograph of your own", onchange: () => {
    openFile(own.files[0]);
    own.value = "";
  } });
  const mine = h("label", { class: "d2l-own" }, "your own", own);
  const whole = h("canvas", {
    class: "d2l-framed", tabindex: 0, role: "application", "aria-label": "The photograph with a frame. The arrow keys move the frame.",
  });
  const grid = pixels({ width: 288, point: (row, column, tapped) => {
    at = [row, column].map((place) => Math.floor((place * CELLS) / SIZE));
    if (tapped) toggle();
    else mark();
  }, step: (down, right) => {
    at = [at[0] + down, at[1] + right].map((place) => clamp(place, 0, CELLS - 1));
    mark();
  } });
  grid.node.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    toggle();
  });
  const ruler = (named, min, max, value, choose, format) => {
    let before = value;  // a finger that turns out to scroll the page has changed nothing
    const told = h("span", {}), input = h("input", {
      type: "range", min, max, step: 1, value, oninput: () => { choose(Number(input.value)); show(); },
      onpointerdown: () => { before = input.value; }, onpointercancel: () => { set(before); choose(Number(before)); },
    });
    const show = () => {
      told.textContent = format(input.value);
      input.setAttribute("aria-valuetext", format(input.value));
    };
    const set = (given) => { input.value = given; show(); };
    show();
    return { node: h("label", { class: "d2l-range" }, named(told), input), set };
  };
  const resize = (percent) => reframe({ side: (percent / 100) * shorter() });
  const wide = ruler((told) => h("span", {}, "size of the frame: ", told), LEAST, WIDEST, 100, resize, (value) => `${value}%`);
  const turned = ruler((told) => h("span", {}, "turned by: ", told), -TURN, TURN, 0, (turn) => reframe({ turn }), (value) => `${value}°`);
  const bars = h("div", { class: "d2l-said" });
  const glow = h("button", { type: "button", "aria-pressed": "false", onclick: () => { heat = !heat; draw(); } }, "show what speaks for it");
  const clear = h("button", { type: "button", onclick: () => { covered = new Set(); look(); } }, "uncover all");
  const goal = h("p", { class: "d2l-goal" }), below = h("figcaption", {});
  const credits = known.photographs.map(({ credit }) => credit).filter(Boolean).join(" ");
  const node = h("div", { class: "d2l-lens" }, strip,
    h("figure", { class: "d2l-source" }, whole, h("figcaption", {}, "Drag the frame, or change it."), wide.node, turned.node),
    h("figure", { class: "d2l-target" }, grid.node, below),
    h("div", { class: "d2l-answers" }, bars, h("div", { class: "d2l-buttons" }, glow, clear)), goal,
    credits ? h("p", { class: "d2l-credit" }, credits) : null);

  const shorter = () => Math.min(photo.sheet.width, photo.sheet.height);
  function reframe(given) {
    if (!photo) return;
    frame = { ...frame, ...given };
    [frame.x, frame.y] = [clamp(frame.x, 0, photo.sheet.width), clamp(frame.y, 0, photo.sheet.height)];
    covered = new Set();
    first = null;
    look();
  }
  function open(sheet, name) {
    photo = { sheet, name };
    problem = "";
    wide.set(100);
    turned.set(0);
    seen = null;
    for (const button of strip.querySelectorAll("button")) button.setAttribute("aria-pressed", button.dataset.name === name);
    reframe({ x: sheet.width / 2, y: sheet.height / 2, side: Math.min(sheet.width, sheet.height), turn: 0 });
  }
  async function openFile(file) {
    if (!file) return;
    const picture = await createImageBitmap(file).catch(() => null);
    if (gone) return;
    problem = picture ? "" : `${file.name} is no picture that this browser can decode.`;
    if (!picture) { changed(); return; }
    open(sheetFrom(picture, picture.width, picture.height), file.name);
    picture.close();
  }

  function toggle() {
    const place = at[0] * CELLS + at[1];
    if (!covered.delete(place)) covered.add(place);
    look();
  }
  const bytesNow = (squares = covered) => {
    const bytes = cutOut(photo.sheet, frame, SIZE, GRAY), wideness = SIZE / CELLS;
    for (const place of squares) {
      for (let k = 0; k < wideness * wideness; k += 1) {
        const row = Math.floor(place / CELLS) * wideness + Math.floor(k / wideness), column = (place % CELLS) * wideness + (k % wideness);
        bytes.set(GRAY, (row * SIZE + column) * 3);
      }
    }
    return bytes;
  };

  let busy = false, again = false;
  /** Draws what is there at once, and asks the network; while it thinks, only the last picture waits. */
  async function look() {
    draw();
    if (busy) { again = true; return; }
    busy = true;
    do {
      again = false;
      const asked = photo, framed = frame, plain = first === null, gray = plain ? 0 : covered.size;
      const told = await network.see(bytesNow(plain ? new Set() : covered));
      if (gone || !Array.isArray(told?.logits)) break;
      if (asked !== photo) { again = true; continue; }
      const shares = softmax(told.logits), top = shares.indexOf(Math.max(...shares));
      seen = { ...told, shares, top, gray };
      if (plain && framed === frame) first = top;
      if (plain && covered.size) again = true;
      if (isReached() && !again) fewest.set(photo.name, Math.min(covered.size, fewest.get(photo.name) ?? Infinity));
    } while (again);
    busy = false;
    if (!gone) { draw(); changed(); }
  }
  const isReached = () => Boolean(seen && covered.size && seen.gray === covered.size && first !== null && seen.top !== first);

  function mark() {
    const cell = SIZE / CELLS, frameOf = (row, column, more) => ({ row: row * cell, column: column * cell, rows: cell, columns: cell, ...more });
    const grayed = [...covered].map((place) => frameOf(Math.floor(place / CELLS), place % CELLS, { dashed: true, color: "#fff" }));
    grid.mark([...grayed, frameOf(...at, { color: "var(--d2l-1)" })]);
  }
  function drawWhole() {
    const { sheet } = photo, scale = 240 / sheet.width, pen = whole.getContext("2d");
    [whole.width, whole.height] = [240, Math.round(sheet.height * scale)];
    pen.imageSmoothingEnabled = scale < 2;
    pen.drawImage(sheet, 0, 0, whole.width, whole.height);
    const { x, y, side, turn } = frame, half = (side * scale) / 2;
    pen.translate(x * scale, y * scale);
    pen.rotate((turn * Math.PI) / 180);
    for (const [color, width] of [["#fff", 5], ["#c8701a", 2.5]]) {
      pen.strokeStyle = color;
      pen.lineWidth = width;
      pen.strokeRect(-half + 2, -half + 2, 2 * half - 4, 2 * half - 4);
    }
    pen.beginPath();  // this way up
    pen.moveTo(0, -half + 12);
    pen.lineTo(8, -half + 24);
    pen.lineTo(-8, -half + 24);
    pen.fillStyle = "#c8701a";
    pen.fill();
  }
  function draw() {
    if (!photo) return;
    drawWhole();
    const bytes = bytesNow(), speaks = heat && seen ? spokenFor(seen.maps, seen.top) : null, most = speaks && Math.max(...speaks.map(Math.abs), 1e-6);
    const blend = (base, place) => {
      const share = 0.75 * Math.abs(speaks[place]) / most, [r, g, b] = speaks[place] > 0 ? [245, 130, 20] : [110, 60, 190];
      return [r, g, b].map((value, c) => base[c] + share * (value - base[c]));
    };
    grid.draw(SIZE, SIZE, (row, column) => {
      const from = (row * SIZE + column) * 3, base = [...bytes.subarray(from, from + 3)];
      const place = Math.floor((row * CELLS) / SIZE) * CELLS + Math.floor((column * CELLS) / SIZE);
      return speaks && !covered.has(place) ? blend(base, place) : base;
    }, `What the network gets, ${covered.size} of ${CELLS * CELLS} squares gray. Enter covers a square.`);
    mark();
    glow.setAttribute("aria-pressed", heat);
    below.textContent = speaks ? `Orange speaks for ${seen.classes[seen.top]}, purple against it.`
      : `All that the network gets: ${SIZE} × ${SIZE} pixels. Tap squares to gray them out.`;
    clear.setAttribute("aria-disabled", !covered.size);
    if (seen) drawBars();
    const few = fewest.get(photo.name);
    goal.dataset.reached = isReached();
    const next = few < covered.size ? `You needed ${few} before.` : "Can you do it with fewer?", best = few ? ` Fewest so far: ${few}.` : "";
    goal.textContent = isReached() ? `✓ Gray squares that change its mind: ${covered.size}. ${next}`
      : `Challenge: change its mind with as few gray squares as you can. Gray: ${covered.size}.${best}`;
  }
  function drawBars() {
    const { classes, shares, top } = seen;
    if (bars.childElementCount !== classes.length) {
      bars.replaceChildren(...classes.map((name) => h("p", {}, h("span", {}, name), h("i", {}, h("b", {})), h("output", { "aria-live": "off" }))));
    }
    [...bars.children].forEach((row, label) => {
      row.dataset.top = label === top;
      row.querySelector("b").style.width = `${100 * shares[label]}%`;
      row.lastChild.textContent = `${shown(100 * shares[label], 0)}%`;
    });
  }

  const moved = dragged({
    take: ({ clientX, clientY }) => photo && { clientX, clientY, x: frame.x, y: frame.y, scale: photo.sheet.width / whole.getBoundingClientRect().width },
    move: ({ clientX, clientY }, held) => reframe({ x: held.x + (clientX - held.clientX) * held.scale, y: held.y + (clientY - held.clientY) * held.scale }),
    undo: ({ x, y }) => reframe({ x, y }),
  });
  for (const [event, listener] of Object.entries(moved)) whole.addEventListener(event.slice(2), listener);
  whole.addEventListener("keydown", (event) => {
    if (!(event.key in MOVES) || isShortcut(event) || !photo) return;
    event.preventDefault();
    const [down, right] = MOVES[event.key], by = shorter() / 16;
    reframe({ x: frame.x + right * by, y: frame.y + down * by });
  });
  for (const [event, over] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
    node.addEventListener(event, (given) => {
      given.preventDefault();
      node.classList.toggle("d2l-over", over);
      if (event === "drop") openFile(given.dataTransfer.files[0]);
    });
  }

  const given = known.photographs.map(({ name, src }, number) => {
    const picture = h("img", { class: "dark-light", src, alt: name }), unlike = `${number} ${name}`;
    const choose = () => picture.decode().then(() => open(sheetFrom(picture, picture.naturalWidth, picture.naturalHeight), unlike), () => {});
    return { choose, node: h("button", { type: "button", "data-name": unlike, "aria-pressed": "false", onclick: choose }, picture) };
  });
  strip.append(...given.map((each) => each.node), mine);
  given[0]?.choose();

  function said() {
    if (problem || !seen) return problem;
    const [best, second] = [...seen.shares.keys()].sort((a, b) => seen.shares[b] - seen.shares[a]);
    const named = (label) => `${seen.classes[label]}, ${shown(100 * seen.shares[label], 0)}%`;
    const before = isReached() ? ` Before, it said ${seen.classes[first]}.` : "";
    return `The network says ${named(best)}; then ${named(second)}.${before} It knows eight classes, and must choose one of them whatever you show it.`;
  }
  return {
    node, openFile, said,
    result: () => ({ says: seen ? seen.classes[seen.top] : null, logits: seen?.logits ?? [], covered: covered.size, reached: isReached() }),
    reset: () => { heat = false; fewest.clear(); if (photo) open(photo.sheet, photo.name); },
    off: () => { gone = true; network.off(); },
  };
}

export default (shared) => {
  ({ h, pixels, dragged, clamp, shown, meanOf, isShortcut, MOVES } = shared);
  return photoLens;
};
