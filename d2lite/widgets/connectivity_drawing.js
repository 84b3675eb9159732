// A dense block beside layers that add, to one scale of channels: who reads whom, and what becomes of what each has found.

const WIDE = { width: 640, arcs: 118, tall: 84, dot: 6 }, NARROW = { width: 340, arcs: 96, tall: 70, dot: 5 };
const FLOW = 700;  // milliseconds that channels are on their way to the layer that reads them

/** The color of what place `at` puts out, 0 for the input; neighbors differ most. */
const hue = (at) => (250 + 137.5 * at) % 360;
const own = (at) => `oklch(60% 0.13 ${hue(at)})`;

/** The color of a sum of the first `count`: what is added up cannot be told apart. */
function blended(count) {
  const [x, y] = [Math.cos, Math.sin].map((of) => meanOf(Array.from({ length: count }, (_, at) => of((hue(at) * Math.PI) / 180))));
  return `oklch(60% ${(0.13 * Math.hypot(x, y)).toFixed(3)} ${((Math.atan2(y, x) * 180) / Math.PI + 360) % 360})`;
}

/**
 * The drawing. `pick(reader)` hears of a layer that is pointed at or tapped, `follow(source)` of channels: 0 for those
 * that came in, null for none.
 */
function lanes({ pick, follow }) {
  const svg = s("svg", { role: "img", class: "d2l-lanes" }), narrow = matchMedia("(max-width: 40rem)");
  let last = null, frame = null, moving = () => {};

  const paint = () => {
    const { rows, reader, source, settings: { channels, growth }, wide, totals, label } = last, count = rows.length;
    const { width, arcs, tall, dot } = narrow.matches ? NARROW : WIDE, step = width / (count + 1), thick = Math.min(38, 0.74 * step);
    const X = (place) => (place + 0.5) * step, crowded = count > (narrow.matches ? 7 : 13), every = narrow.matches && count > 13 ? 4 : 2;
    const named = (place) => !crowded || ((count - place) % every === 0 && place > 1);
    const U = (value) => (value / wide) * tall, floor = arcs + 58 + tall, ground = floor + 44 + tall;
    const channelsOf = (origin) => (origin ? growth : channels), under = (origin) => (origin ? channels + (origin - 1) * growth : 0);
    const marked = (from, to) => (source === null ? to === reader : from === source);
    const rise = (from, to) => (arcs - 26) * (0.25 + (0.75 * (to - from)) / count), places = Array.from({ length: count + 1 }, (_, place) => place);

    const columns = rows.map((_, at) => s("rect", {
      x: X(at + 1) - step / 2, y: 0, width: step, height: ground, fill: "transparent", "data-reader": at + 1,
    }));
    const pairs = places.flatMap((to) => places.slice(0, to).map((from) => [from, to]));
    const lines = pairs.sort((a, b) => marked(...a) - marked(...b)).map(([from, to]) => s("path", {
      d: `M${X(from)},${arcs}A${(X(to) - X(from)) / 2},${rise(from, to)} 0 0 1 ${X(to)},${arcs}`, fill: "none",
      stroke: marked(from, to) ? own(from) : "var(--d2l-line)", "stroke-width": marked(from, to) ? 3 : 1, class: marked(from, to) ? "d2l-marked" : null,
    }));
    const dots = places.map((place) => s("circle", {
      cx: X(place), cy: arcs, r: place === (source ?? reader) ? dot + 2 : dot, fill: place < count ? own(place) : "currentColor",
      stroke: place === (source ?? reader) ? "currentColor" : "none", "stroke-width": 2,
    }));
    const side = (place, inside = crowded) => (inside && place === count ? { x: width, "text-anchor": "end" } : inside && !place ? { x: 0 } : {
      x: X(place), "text-anchor": "middle",
    });
    const names = places.filter((place) => named(place) || !place).map((place) => s("text", {
      ...side(place), y: arcs + 22, "font-weight": place === (source ?? reader) ? "bold" : null, class: "d2l-place",
    }, place === 0 ? "input" : place < count ? place : "after"));
    const clear = (place, origin) => (source === null ? place === reader : origin === source);
    const stacks = pairs.map(([origin, place]) => s("rect", {
      x: X(place) - thick / 2, width: thick, y: floor - U(under(origin) + channelsOf(origin)), height: Math.max(0.6, U(channelsOf(origin)) - 0.8),
      fill: own(origin), opacity: clear(place, origin) ? 1 : 0.35, "data-source": origin,
    }));
    const counts = rows.flatMap(([read], at) => (named(at + 1) || (at + 1 === reader && !crowded)
      ? [s("text", { ...side(at + 1), y: floor - U(read) - 4, class: "d2l-halo" }, read)] : []));
    const sums = places.slice(1).map((place) => s("rect", {
      x: X(place) - thick / 2, width: thick, y: ground - tall, height: tall, fill: blended(place),
      opacity: clear(place, null) || (source !== null && place > source) ? 1 : 0.35, class: "d2l-sum",
    }));
    const plus = step > 30 ? places.slice(1, -1).map((place) => s("text", {
      x: X(place) + step / 2, y: ground - tall / 2 + 5, "text-anchor": "middle", "font-weight": 700,
    }, "+")) : [];
    const titles = (narrow.matches ? ["who reads whom", "channels read, each kept", `layers that add: ${wide}, always mixed`]
      : ["who reads whom", "channels read: what each layer found stays as it is", `layers that add: always ${wide} channels, and all is mixed in them`]
    ).map((text, at) => s("text", { x: 0, y: [14, arcs + 44, floor + 24][at], "font-weight": 600 }, text));
    const input = s("circle", { cx: X(0), cy: arcs, r: Math.min(22, step / 2), fill: "transparent", "data-source": 0 });
    fill(svg, { viewBox: `0 0 ${width} ${ground + 30 + 24 * totals.length}`, width, "aria-label": label }, []);
    const below = costs(totals, reader, ground + 30, width);
    const fixed = s("g", { class: "d2l-still" }, ...lines, ...dots, ...names, ...counts, ...sums, ...plus, ...titles, ...below);
    svg.replaceChildren(...columns, fixed, ...stacks, input);

    const flying = lines.filter((path) => path.matches(".d2l-marked")).map((path, at) => {
      const [from, to] = pairs.filter((pair) => marked(...pair))[at], ball = s("circle", { r: dot, fill: own(from), stroke: "currentColor" });
      const move = (share) => {
        const turn = Math.PI * (1 - share), half = (X(to) - X(from)) / 2;
        fill(ball, { cx: X(from) + half * (1 + Math.cos(turn)), cy: arcs - rise(from, to) * Math.sin(turn) }, []);
      };
      return { ball, move };
    });
    const late = stacks.filter((_, at) => marked(...pairs[at]));
    moving = (share) => {
      if (share === 0) fixed.append(...flying.map(({ ball }) => ball));
      for (const { ball, move } of flying) share < 1 ? move(share) : ball.remove();
      for (const band of late) band.setAttribute("opacity", 0.15 + 0.85 * share ** 3);
    };
  };

  /** Totals on one scale, each of its layers a part: [name, parameters of each layer, color]. */
  const costs = (totals, reader, top, width) => {
    const sum = (list) => list.reduce((all, cost) => all + cost, 0), most = Math.max(...totals.map(({ list }) => sum(list)));
    const left = narrow.matches ? 106 : 206, wide = (cost) => (cost / most) * (width - left - 56);
    return totals.flatMap(({ name, short, list, color }, row) => {
      const y = top + 24 * row;
      const parts = list.map((cost, at) => s("rect", {
        x: left + wide(sum(list.slice(0, at))), y, width: Math.max(0.3, wide(cost) - 0.7), height: 16, fill: color, class: "d2l-cost", "data-row": row,
        opacity: at + 1 === reader ? 1 : 0.6,
      }));
      return [s("text", { x: 0, y: y + 13 }, narrow.matches ? short : name), ...parts,
        s("text", { x: left + wide(sum(list)) + 5, y: y + 13 }, brief(sum(list)))];
    });
  };

  const heard = ({ target, type }) => {
    const { reader, source } = target.dataset;
    if (source !== undefined) follow(Number(source), type === "click");
    else if (reader !== undefined) pick(Number(reader), type === "click");
  };
  fill(svg, { onclick: heard, onpointermove: (event) => { if (event.pointerType === "mouse") heard(event); }, onpointerleave: () => follow(null) }, []);

  /** Shows a state; where it `flows`, the marked channels are on their way to their readers. */
  const show = (state, flows) => {
    last = state;
    cancelAnimationFrame(frame);
    frame = null;
    paint();
    if (!flows || still()) return;
    const began = performance.now();
    const move = (now) => {
      const share = clamp((now - began) / FLOW, 0, 1);
      moving(share);
      frame = share < 1 ? requestAnimationFrame(move) : null;
    };
    moving(0);
    frame = requestAnimationFrame(move);
  };
  const again = () => { if (last) show(last, false); };
  narrow.addEventListener("change", again);
  return { node: svg, show, off: () => { cancelAnimationFrame(frame); narrow.removeEventListener("change", again); } };
}
