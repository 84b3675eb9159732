// What a small network is shown, and how it is drawn: `stroke` and `centered` are `drawn` and `centered` in live_network.py.

/** The bytes after a stroke `width` pixels wide from one point [row, column] to another; `ink` is 255 or 0. */
function stroke(bytes, side, from, to, width, ink) {
  const way = [to[0] - from[0], to[1] - from[1]], length = way[0] ** 2 + way[1] ** 2;
  return bytes.map((byte, at) => {
    const place = [Math.floor(at / side) + 0.5 - from[0], (at % side) + 0.5 - from[1]];
    const share = length ? clamp((place[0] * way[0] + place[1] * way[1]) / length, 0, 1) : 0;
    const cover = clamp(width / 2 + 0.5 - Math.hypot(place[0] - share * way[0], place[1] - share * way[1]), 0, 1);
    return ink ? Math.max(byte, Math.round(255 * cover)) : Math.min(byte, Math.round(255 * (1 - cover)));
  });
}

/** A picture as MNIST's were made, `gray`, and `place(row, column)`, where a point of it is in the picture given. */
function centered(bytes, side) {
  const pixel = [...Array(side).keys()], sum = (values) => values.reduce((a, b) => a + b, 0), mass = sum([...bytes]);
  const lines = [(line, at) => bytes[line * side + at], (line, at) => bytes[at * side + line]];  // rows, columns
  const inked = lines.map((value) => pixel.filter((line) => pixel.some((at) => value(line, at) > 64)));
  if (!inked[0].length) return { gray: bytes, place: (...point) => point };
  const scale = clamp((Math.max(...inked.map((found) => found.at(-1) - found[0])) + 1) / ((20 / 28) * side), 0.6, 1.4), wide = Math.max(1, scale);
  const middle = lines.map((value) => sum(pixel.map((line) => (line + 0.5) * sum(pixel.map((at) => value(line, at))))) / mass);
  const place = (...point) => point.map((at, axis) => middle[axis] + (at - side / 2) * scale);
  const shares = [0, 1].map((axis) => pixel.map((to) => {
    const at = place(to + 0.5, to + 0.5)[axis] - 0.5;
    return pixel.map((from) => Math.max(0, 1 - Math.abs(at - from) / wide) / wide);
  }));
  const half = shares[0].map((share) => pixel.map((x) => sum(pixel.map((y) => share[y] * bytes[y * side + x]))));
  return { gray: half.flatMap((row) => shares[1].map((share) => sum(pixel.map((x) => share[x] * row[x])))), place };
}

/** A file as gray bytes, `side` × `side`: whole, in the middle, its first line or column continued beside it. */
async function grayOf(file, side) {
  const picture = await createImageBitmap(file), fine = 8 * side;
  const context = h("canvas", { width: fine, height: fine }).getContext("2d", { willReadFrequently: true });
  const { width, height } = picture, share = fine / Math.max(width, height);
  Object.assign(context, { fillStyle: "#fff", imageSmoothingQuality: "high" });
  context.fillRect(0, 0, fine, fine);
  context.drawImage(picture, 0, 0, height > width ? 1 : width, height > width ? height : 1, 0, 0, fine, fine);
  context.drawImage(picture, (fine - width * share) / 2, (fine - height * share) / 2, width * share, height * share);
  const { data } = context.getImageData(0, 0, fine, fine), sums = new Float64Array(side * side);
  const light = (at) => 0.299 * data[4 * at] + 0.587 * data[4 * at + 1] + 0.114 * data[4 * at + 2];
  for (let at = 0; at < fine * fine; at += 1) sums[Math.floor(at / fine / 8) * side + Math.floor((at % fine) / 8)] += light(at) / 64;
  return Uint8Array.from(sums, Math.round);
}

/** Whether the border of a picture is light: then it is probably dark on light, unlike the data. */
function lightBorder(gray, side) {
  const last = side - 1, onBorder = (at) => at < side || at >= side * last || at % side === 0 || at % side === last;
  return meanOf([...gray].filter((_, at) => onBorder(at))) > 127;
}

/** The colors of a picture of bytes. */
const gray = (side, bytes) => (row, column) => Array(3).fill(bytes[row * side + column]);

/** What the pen leaves, 255 or 0, so that it is light or dark on the page: in a negative the other way round. */
const inkOf = (model) => ((model.get("pen") !== "dark") !== (model.get("negative") === true) ? 255 : 0);

/** The picture, drawn on by mouse, finger and keys: `begin()` before a stroke, `line(from, to)` for each piece of it. */
function sheet({ side, width, begin, line, undo }) {
  const picture = pixels({ width }), pen = [Math.floor(side / 2) + 0.5, Math.floor(side / 2) + 0.5];
  let frame = [], seen = false;  // what a number depends on; the pen
  const mark = (visible = true) => { seen = visible; picture.mark(seen ? [...frame, { row: pen[0] - 0.5, column: pen[1] - 0.5 }] : frame); };
  const to = (point) => { line([...pen], point); [pen[0], pen[1]] = point; mark(); };
  const touched = (event) => {
    const moved = event.type === "pointermove", box = picture.node.getBoundingClientRect();
    if (moved ? !event.buttons : event.button) return;
    const points = (moved && event.getCoalescedEvents?.()) || [], share = (at, first, length) => clamp((at - first) / length, 0, 1) * side;
    const places = (points.length ? points : [event]).map(({ clientX, clientY }) => (
      [share(clientY, box.top, box.height), share(clientX, box.left, box.width)]
    ));
    if (!moved) {
      picture.node.setPointerCapture(event.pointerId);
      begin();
      [pen[0], pen[1]] = places[0];
    }
    places.forEach(to);
  };
  const pressed = (event) => {
    const arrow = MOVES[event.key], back = event.key === "z" && (event.ctrlKey || event.metaKey);
    if (!back && ((!arrow && event.key !== " ") || isShortcut(event))) return;
    event.preventDefault();
    if (back) return undo();
    const goal = pen.map((at, axis) => clamp(Math.floor(at) + 0.5 + (arrow ? arrow[axis] : 0), 0.5, side - 0.5));
    if (!arrow || event.shiftKey) begin(); else [pen[0], pen[1]] = goal;
    if (!arrow) [pen[0], pen[1]] = goal;
    if (!arrow || event.shiftKey) to(goal); else mark();
  };
  fill(picture.node, {
    tabindex: 0, role: "application", style: `width: ${width}px; touch-action: none; cursor: crosshair`,
    "aria-label": `A picture of ${side} × ${side} pixels to draw on: arrow keys move the pen, space draws a dot, shift and an arrow a line.`,
    onpointerdown: touched, onpointermove: touched, onkeydown: pressed, onfocus: () => mark(), onblur: () => mark(false),
  }, []);
  return { ...picture, pen: mark, frame: (list) => { frame = list; mark(seen); } };
}

/** Test images to choose from. */
function thumbsOf({ side, classes, labels }, images, choose) {
  return Array.from({ length: images.length / side ** 2 }, (_, at) => {
    const { node, draw } = pixels({ width: side + 10 }), name = `test image ${at + 1}${classes[labels[at]] ? `: ${classes[labels[at]]}` : ""}`;
    draw(side, side, gray(side, images.subarray(at * side ** 2)), name);
    return h("button", { type: "button", style: "padding: 2px", "aria-label": name, onclick: () => choose(at) }, node);
  });
}

/** A button that draws the first image anew, from the points of its lines; `done` is called when it is there. */
function replay(strokes, { line, clear, done }) {
  const pieces = strokes.flatMap((points) => points.map((point, at) => [points[Math.max(0, at - 1)], point]));
  let next = 0;
  return player({
    label: "watch", every: 1600 / Math.max(1, pieces.length),
    tick() {
      if (next === 0) clear();
      line(...pieces[next]);
      next = (next + 1) % pieces.length;
      if (next === 0) done();
      return next > 0;
    },
  });
}
