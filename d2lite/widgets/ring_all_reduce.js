// An all-reduce round by round. The numbers are those of ring_all_reduce.py: pieces as sets of contributions (bits), the
// clock, and what each link has carried.

const SPEED = 10, LATENCY = 10e-6, MOST = 8;  // gigabytes a second, seconds a message, processes
// One for each process, told apart by everybody.
const HUES = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#8C8C8C"];

/** Seconds that a link takes for a message; that of process 1 may be slow. */
const seconds = (link, megabytes, slow) => LATENCY + (megabytes * 1e-3) / (link === 1 ? slow : SPEED);

/** The states before the first round and after each: `{ held, clock, carried, moves }`; a move is { from, to, pieces }. */
function simulate({ way, n, size, slow }) {
  const all = Array.from({ length: n }, (_, rank) => rank), piece = size / n;
  const states = [{ held: all.map((rank) => all.map(() => 1 << rank)), clock: 0, carried: all.map(() => 0), moves: [] }];
  for (let step = 0; step < 2 * (n - 1); step += 1) {
    const { held: before, clock, carried } = states.at(-1), held = before.map((row) => [...row]), adds = step < n - 1;
    if (way === "ring") {
      const moves = all.map((rank) => ({ from: rank, to: (rank + 1) % n, pieces: [(rank - step + 2 * n) % n] }));
      for (const { from, to, pieces: [number] } of moves) {
        held[to][number] = before[from][number] | (adds ? before[to][number] : 0);
      }
      const longest = Math.max(...all.map((link) => seconds(link, piece, slow)));
      states.push({ held, moves, clock: clock + longest, carried: carried.map((sum) => sum + piece) });
    } else {
      const other = (step % (n - 1)) + 1, [from, to] = adds ? [other, 0] : [0, other];
      held[to] = before[0].map((mine, at) => mine | before[other][at]);
      const sums = carried.map((sum, link) => sum + (link === 0 || link === other ? size : 0));
      const longer = Math.max(seconds(0, size, slow), seconds(other, size, slow));
      states.push({ held, moves: [{ from, to, pieces: all }], clock: clock + longer, carried: sums });
    }
  }
  return states;
}

const bits = (held) => Array.from({ length: MOST }, (_, rank) => rank).filter((rank) => held & (1 << rank));
const time = (value) => (value >= 1 ? `${shown(value, 2)}\u00a0s` : `${shown(1000 * value, value < 0.1 ? 2 : 1)}\u00a0ms`);
const megabytes = (value) => `${shown(value, value < 100 ? 1 : 0)}\u00a0MB`;

const LEGEND = "A disk is a process, a sector a piece of its gradient, a color whose contribution is in it.";
const [CENTER, RADIUS, FLIGHT] = [170, 118, 700];  // of the ring, in pixels; milliseconds of a message

/** Processes in a circle with their pieces, and the pieces on their way. `tap(process)` hears of clicks, `walk(by)` of arrow keys. */
function scene({ tap, walk }) {
  const svg = s("svg", { role: "img", style: "cursor: pointer; width: 100%" });
  const node = h("div", {
    tabindex: 0, role: "application", style: "flex: 1 1 20rem; min-width: 0; max-width: 26rem; touch-action: manipulation",
    onkeydown: (event) => {
      if (!(event.key in MOVES) || isShortcut(event)) return;
      event.preventDefault();
      walk(MOVES[event.key][0] + MOVES[event.key][1]);
    },
  }, svg);
  const place = (rank, n) => {
    const turn = 2 * Math.PI * (rank / n) - Math.PI / 2;
    return [CENTER + RADIUS * Math.cos(turn), CENTER + RADIUS * Math.sin(turn)];
  };
  const wedge = (rank, n, [x, y], radius, held) => {  // piece `rank`, a sector, in rings of the contributions' colors
    const at = (share, r) => {
      const turn = 2 * Math.PI * share;
      return `${(x + r * Math.sin(turn)).toFixed(2)},${(y - r * Math.cos(turn)).toFixed(2)}`;
    };
    const [a, b] = [rank / n, (rank + 1) / n], who = bits(held), edge = (from) => 6 + ((radius - 6) * from) / n;
    const arc = (r, way, end) => `A${r},${r} 0 ${b - a > 0.5 ? 1 : 0} ${way} ${at(end, r)}`;
    const sector = (inner, outer, fill) => s("path", {
      d: `M${at(a, inner)}L${at(a, outer)}${arc(outer, 1, b)}L${at(b, inner)}${arc(inner, 0, a)}Z`,
      fill, stroke: "var(--d2l-line)", "stroke-width": 0.7,
    });
    return [sector(6, radius, "var(--d2l-faint)"), ...who.map((other, index) => sector(edge(index), edge(index + 1), HUES[other]))];
  };
  const paint = ({ way, n, slow, state, next, share, chosen }) => {
    const radius = Math.min(44, (RADIUS * Math.PI) / n - 4), links = next.moves.length && share ? next.moves : [];
    const ends = way === "ring" ? Array.from({ length: n }, (_, rank) => [rank, (rank + 1) % n]) : Array.from({ length: n - 1 }, (_, rank) => [rank + 1, 0]);
    const lines = ends.map(([from, to]) => {
      const [[x1, y1], [x2, y2]] = [place(from, n), place(to, n)], weak = from === 1 && slow < SPEED;
      return s("line", {
        x1, y1, x2, y2, stroke: weak ? "var(--d2l-2)" : "currentColor", "stroke-width": weak ? 2 + 2 * (slow / SPEED) : 5,
        "stroke-opacity": weak ? 1 : 0.3, "stroke-dasharray": weak ? "7 4" : null,
      });
    });
    const nodes = Array.from({ length: n }, (_, rank) => {
      const middle = place(rank, n), whole = state.held[rank].every((held) => bits(held).length === n);
      const [x, y] = middle.map((value) => CENTER + ((RADIUS - radius - 13) * (value - CENTER)) / RADIUS);
      const ring = {
        cx: middle[0], cy: middle[1], r: radius + 3, fill: "var(--pst-color-background, Canvas)",
        stroke: whole ? "var(--d2l-3)" : HUES[rank], "stroke-width": whole || rank === chosen ? 4 : 2,
      };
      return s(
        "g", { onclick: () => tap(rank) }, s("circle", ring),
        ...state.held[rank].flatMap((held, piece) => wedge(piece, n, middle, radius, held)),
        s("text", { x, y: y + 4, "text-anchor": "middle", "font-weight": "bold", class: "d2l-halo" }, rank),
      );
    });
    const flying = links.flatMap(({ from, to, pieces }) => {
      const [[x1, y1], [x2, y2]] = [place(from, n), place(to, n)];
      const pace = Math.min(1, share * (way === "ring" && from !== 1 ? SPEED / slow : 1));
      const at = [x1 + (x2 - x1) * pace, y1 + (y2 - y1) * pace];
      const disk = { cx: at[0], cy: at[1], r: radius * 0.62, fill: "var(--pst-color-background, Canvas)" };
      return [s("circle", { ...disk, stroke: "currentColor" }),
        ...pieces.flatMap((piece) => wedge(piece, n, at, radius * 0.62, state.held[from][piece]))];
    });
    fill(svg, { viewBox: `0 0 ${2 * CENTER} ${2 * CENTER}`, width: 2 * CENTER }, []);
    svg.replaceChildren(...lines, ...nodes, ...flying);
  };
  const label = (text) => {
    svg.setAttribute("aria-label", text);
    node.setAttribute("aria-label", `${text} The arrow keys go from process to process.`);
  };
  return { node, paint, label };
}

function told({ way, n, size, slow, at, states }, compare) {
  const { clock, carried } = states[at], last = states.length - 1, share = `1/${n}`;
  const step = !at
    ? `${n} processes, each with a gradient of ${megabytes(size)}${way === "ring" ? ` in ${n} pieces` : ""}. Nothing is sent yet.`
    : `After ${at} of ${last} ${way === "ring" ? "rounds" : "messages"}, ${time(clock)}: ` +
      (at === last
        ? "every process holds the whole sum. "
        : way !== "ring" ? "all others wait. "
          : at < n - 1 ? `each process has passed on a piece, ${share} of the gradient, that sums ${at} contribution${at === 1 ? "" : "s"}. `
          : at === n - 1 ? "each process owns one finished piece; now these go round. " : "finished pieces go round. ") +
      `The busiest link has carried ${megabytes(Math.max(...carried))}.`;
  if (!compare) return step;
  const [ring, one] = ["ring", "all to one"].map((name) => simulate({ way: name, n, size, slow }).at(-1));
  return `${step} In all: the ring takes ${time(ring.clock)}, ${megabytes(Math.max(...ring.carried))} over each link; ` +
    `all to one takes ${time(one.clock)}, ${megabytes(Math.max(...one.carried))} over the link of process 0. ` +
    "The ring's time is about 2(N − 1)/N · size / slowest link, nearly the same for any N.";
}

/** What to try, and whether it is done: twice the time, but for the messages' delays, of four processes with equal links. */
function challenge({ n, size, slow }) {
  const ring = (processes, speed) => simulate({ way: "ring", n: processes, size, slow: speed }).at(-1).clock;
  const now = ring(n, slow), reached = now > 1.95 * ring(4, SPEED);
  return { reached, words: reached
    ? `✓ The ring of ${n} takes ${time(now)}; with equal links it would take ${time(ring(n, SPEED))}. All wait for the slowest link.`
    : "A challenge: double the ring's time for this gradient. Does it take more processes, or one slow link?" };
}

export default {
  render({ model, el }) {
    const look = (rank) => {
      looked = rank;
      again();
    };
    const view = scene({
      tap: (rank) => look(looked === rank ? null : rank),
      walk: (by) => {
        const { n } = settings();
        const to = looked === null && Math.abs(by) === 1 ? 0 : (looked ?? 0) + by;  // round and round by arrows alone
        look(Math.abs(by) === 1 ? (to + n) % n : clamp(to, 0, n - 1));
      },
    });
    const goal = h("p", { class: "d2l-goal", role: "status" }), bars = h("div", { style: "flex: 1 1 14rem; min-width: 0" });
    let frame = null, last = null, looked = null, again = () => {};
    const settings = () => {
      const n = whole(model.get("processes"), 2, MOST, 4), way = model.get("way") === "all to one" ? "all to one" : "ring";
      const size = whole(model.get("size"), 1, 1000, 100), slow = clamp(model.get("slow"), 0.5, SPEED, SPEED);
      return { n, way, size, slow, at: whole(model.get("rounds"), 0, 2 * (n - 1), 0), states: simulate({ n, way, size, slow }) };
    };
    const go = (by) => {
      const { at, states } = settings(), to = clamp(at + by, 0, states.length - 1);
      give(model, { rounds: to });
      return to < states.length - 1;
    };
    const back = h("button", { type: "button", "aria-label": "a round back", onclick: () => go(-1) }, "◀");
    const step = h("button", { type: "button", onclick: () => go(1) }, "next round");
    const play = player({ label: "play", every: FLIGHT + 250, tick: () => go(settings().at === settings().states.length - 1 ? -99 : 1) });
    const stop = () => {
      cancelAnimationFrame(frame);
      play.stop();
    };
    const off = interactive({
      model, el, title: "All-reduce over a ring", hint: "Send the pieces round by round. Tap a process to see what it holds; slow one link down.",
      traits: ["rounds", "compare"], buttons: [back, step, play.node],
      reset: () => {
        stop();
        looked = null;
        last = null;
      },
      answer: { label: "compare the times", show: () => give(model, { compare: model.get("compare") !== true }) },
      controls: [
        { trait: "way", label: "way", kind: "choice", options: [["ring", "ring"], ["all to one", "all to one"]] },
        { trait: "processes", label: "processes N", min: 2, max: MOST },
        { trait: "slow", label: "speed of link 1, GB/s", min: 0.5, max: SPEED, step: 0.5 },
        { trait: "size", label: "gradient, MB", min: 1, max: 1000 },
      ],
      draw(stage) {
        let now = settings();
        const name = [now.way, now.n, now.size, now.slow].join(), rounds = model.get("rounds"), end = now.states.length - 1;
        if (last && last.name !== name && last.rounds === rounds) {  // another network has another past: from the start, or all of it
          model.set("rounds", last.at && last.at === last.end ? end : 0);
          now = settings();
        }
        const { at, states, n, way, slow } = now, state = states[at];
        const most = Math.max(...states.at(-1).carried);
        if (!stage.contains(view.node)) stage.replaceChildren(h("div", { class: "d2l-row" }, view.node, bars), goal);
        const aim = challenge(now);
        if (goal.textContent !== aim.words) goal.textContent = aim.words;
        goal.dataset.reached = aim.reached;
        const forward = last && last.name === name && at === last.at + 1 && !still();
        cancelAnimationFrame(frame);
        again = () => {
          const paint = (share) => view.paint({ way, n, slow, chosen: looked, share, state: share ? states[at - 1] : state, next: state });
          paint(0);
          const pieces = looked !== null && looked < n ? state.held[looked] : [];
          const list = pieces.map((held, piece) => `piece ${piece}: ${bits(held).join(" + ")}`).join("; ");
          const rows = state.carried.map((sum, link) => {
            const weak = link === 1 && slow < SPEED, name = `link ${link}${weak ? `, ${shown(slow, 1)} GB/s` : ""}`;
            return [name, barCell(megabytes(sum), sum / most, weak ? "var(--d2l-2)" : HUES[link])];
          });
          bars.replaceChildren(
            h("p", { style: "margin: 0 0 0.3rem; font-size: 1.3rem; font-variant-numeric: tabular-nums" }, `clock: ${time(state.clock)}`),
            tableOf(["carried so far", ""], rows),
            h("p", { class: "d2l-note", style: "min-height: 2.8em" }, list ? `Process ${looked} holds contributions of: ${list}.` : LEGEND),
          );
          const sent = `${n} processes, ${at} of ${states.length - 1} ${way === "ring" ? "rounds" : "messages"} sent.`;
          view.label(list ? `${sent} Process ${looked} holds contributions of: ${list}.` : sent);
          return paint;
        };
        const paint = again();
        if (forward) {
          const started = performance.now();
          const move = (clock) => {
            const share = clamp((clock - started) / FLIGHT, 0.001, 1);
            paint(share < 1 ? share : 0);
            frame = share < 1 ? requestAnimationFrame(move) : null;
          };
          move(started);
        }
        last = { name, at, end, rounds: model.get("rounds") };
        back.setAttribute("aria-disabled", at === 0);
        step.setAttribute("aria-disabled", at === states.length - 1);
        const held = state.held.map((row) => row.map(bits));
        const result = { rounds: at, held, clock: state.clock, carried: state.carried, total: states.at(-1).clock, busiest: most };
        return { say: told(now, model.get("compare") === true), result };
      },
    });
    return () => {
      stop();
      off();
    };
  },
};
