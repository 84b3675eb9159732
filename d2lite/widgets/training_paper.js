// The image that the chosen run looks at, large: one may draw on it, and see what the network makes of that.

const SOFT = 0.35;  // of full light, around a point of the pen
const BESIDE = [[-1, 0], [1, 0], [0, -1], [0, 1]];

/** `numbers` of a square picture, 0 to 1, after a dab of the pen. */
function dabbed(numbers, side, row, column) {
  const at = (down, right) => (row + down) * side + column + right, inside = (value) => value >= 0 && value < side;
  const next = Float32Array.from(numbers);
  next[at(0, 0)] = 1;
  for (const [down, right] of BESIDE) {
    if (inside(row + down) && inside(column + right)) next[at(down, right)] = Math.max(next[at(down, right)], SOFT);
  }
  return next;
}

/**
 * A picture to draw on, by pointer or with arrow keys and Space. `read()` gives its numbers, `write(numbers)` takes them
 * once they were changed, `name()` says what it is.
 */
function paper({ side, read, write, name }) {
  const middle = Math.floor(side / 2), cursor = [middle, middle];
  let walking = false;
  const dab = (row, column) => {
    write(dabbed(read(), side, row, column));
    update();
  };
  const step = (down, right) => {
    walking = true;
    [down, right].forEach((way, axis) => { cursor[axis] = clamp(cursor[axis] + way, 0, side - 1); });
    update();
  };
  const grid = pixels({ width: 152, point() {}, step });
  const touched = ({ clientX, clientY }) => {
    const box = grid.node.getBoundingClientRect(), place = (at, length) => Math.floor(clamp(at / length, 0, 0.9999) * side);
    dab(place(clientY - box.top, box.height), place(clientX - box.left, box.width));
  };
  fill(grid.node, {
    ...dragged({
      take(event) {
        const before = read();
        walking = false;
        touched(event);
        return { before };
      },
      move: touched,
      undo({ before }) {
        write(before);
        update();
      },
    }),
    onkeydown(event) {
      if (event.key !== " " && event.key !== "Enter") return;
      event.preventDefault();
      dab(...cursor);
    },
    onblur() { walking = false; update(); },
  }, []);
  grid.node.classList.add("d2l-paper");
  const clear = h("button", { type: "button", onclick: () => { write(new Float32Array(side * side)); update(); } }, "clear");
  const caption = h("figcaption");
  const node = h("figure", {}, caption, grid.node, clear);
  const update = () => {
    const numbers = read();
    grid.draw(side, side, (row, column) => Array(3).fill(255 * numbers[row * side + column]), `${name()}. Draw on it.`);
    grid.node.setAttribute("aria-label", `${name()}. Draw on it: the arrow keys move, Space draws.`);
    grid.mark(walking ? [{ row: cursor[0], column: cursor[1] }] : []);
    caption.textContent = name();
  };
  return { node, update };
}
