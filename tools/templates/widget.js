// Where a kernel stands on a row of pixels. `starts` is the same as in new_name.py.

const PIXELS = 12;

/** The first pixel below each place where a kernel fits whole. */
function starts(kernel, stride) {
  const found = [];
  for (let start = 0; start + kernel <= PIXELS; start += stride) found.push(start);
  return found;
}

function row(places, kernel) {
  const [side, gap, bar] = [32, 6, 10];
  const width = PIXELS * side, height = side + gap + PIXELS * bar;
  const pixels = Array.from({ length: PIXELS }, (_, pixel) => s("rect", {
    x: pixel * side, y: 0, width: side, height: side, fill: "none", stroke: "currentColor",
  }));
  const bars = places.map((start, index) => s("rect", {
    x: start * side + 1, y: side + gap + index * bar, width: kernel * side - 2, height: bar - 3, fill: "var(--d2l-1)",
  }));
  return s(
    "svg",
    { viewBox: `-1 -1 ${width + 2} ${height + 2}`, width, role: "img", "aria-label": "A row of pixels, and a bar below each place of the kernel." },
    ...pixels, ...bars,
  );
}

export default {
  render({ model, el }) {
    return interactive({
      model, el, title: "The places of a kernel", hint: "Change the kernel or its stride, and see which pixels it covers.",
      controls: [
        { trait: "kernel", label: "kernel", min: 1, max: 7 },
        { trait: "stride", label: "stride", min: 1, max: 4 },
      ],
      draw(stage) {
        const kernel = whole(model.get("kernel"), 1, 7, 3), stride = whole(model.get("stride"), 1, 4, 2);
        const places = starts(kernel, stride), left = Math.max(0, PIXELS - (places.at(-1) + kernel));
        stage.replaceChildren(row(places, kernel));
        const say = `The kernel fits at ${places.length} places. ` +
          (left ? `The last ${left === 1 ? "pixel is" : `${left} pixels are`} never covered.` : "Its last place ends at the last pixel.");
        return { say, result: { places, left } };
      },
    });
  },
};
