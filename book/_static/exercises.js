// Exercises whose answer is a number, several, or a word are checked in the page, against hashes; see tools/exercises.py.
// Browsers offer SHA-256 on https alone, and the site is also read from files and from plain http: so it is here.
(() => {
  const reader = window.d2lReader, { make, numberOf } = reader;

  const primes = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((prime) => n % prime)) primes.push(n);
  const fraction = (root) => Math.floor((root % 1) * 2 ** 32);
  const KEYS = primes.map((prime) => fraction(Math.cbrt(prime)));
  const turn = (word, by) => (word >>> by) | (word << (32 - by));

  /** One block of 16 words, taken into the hash of those before it. */
  function taken(hash, block) {
    const w = [...block];
    for (let t = 16; t < 64; t++) {
      const [a, b] = [w[t - 15], w[t - 2]];
      w[t] = (w[t - 16] + w[t - 7] + (turn(a, 7) ^ turn(a, 18) ^ (a >>> 3)) + (turn(b, 17) ^ turn(b, 19) ^ (b >>> 10))) | 0;
    }
    let [a, b, c, d, e, f, g, h] = hash;
    for (let t = 0; t < 64; t++) {
      const one = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + KEYS[t] + w[t]) | 0;
      const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [a, b, c, d, e, f, g, h] = [(one + two) | 0, a, b, c, (d + one) | 0, e, f, g];
    }
    return [a, b, c, d, e, f, g, h].map((word, at) => (word + hash[at]) | 0);
  }

  function sha256(text) {
    const bytes = new TextEncoder().encode(text), words = new Int32Array((((bytes.length + 8) >> 6) + 1) * 16);
    [...bytes, 0x80].forEach((byte, at) => { words[at >> 2] |= byte << (24 - 8 * (at & 3)); });
    words[words.length - 1] = 8 * bytes.length;
    let hash = primes.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)) | 0);
    for (let at = 0; at < words.length; at += 16) hash = taken(hash, words.subarray(at, at + 16));
    return hash.map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }

  const digest = (name, key) => sha256(`${name}|${key}`).slice(0, 16);

  function keyOf(value, kind, rel) {
    if (kind === "i" || value === 0) return String(value);
    return `${value < 0 ? "-" : ""}~${Math.floor(Math.log(Math.abs(value)) / Math.log1p(rel) + 0.5)}`;
  }

  /** [right, what is said] of what somebody typed. */
  function judge(name, { count, rel, kinds, kind, said, each, other, praise }, typed) {
    if (!count) {
      const hint = said[digest(name, typed.toLowerCase().replace(/[^a-z]/g, ""))] ?? other;
      return [!hint, hint || praise];
    }
    const bare = typed.replace(/[()[\]]/g, "").trim();
    const values = count === 1 ? [numberOf(bare)] : bare.split(bare.includes(";") ? ";" : /[\s,]+/).map(numberOf);
    if (values.length !== count || values.some(Number.isNaN)) return [false, count === 1 ? "give a number."
      : `give ${count} numbers, with commas between them and none in them.`];
    for (const form of kinds) {
      const hint = said[digest(name, values.map((value, at) => keyOf(value, form[at], rel)).join(";"))];
      if (hint !== undefined) return [!hint, hint || praise];
    }
    if (values.some((value, at) => kind[at] === "i" && value % 1)) return [false, "give a whole number."];
    const fine = values.map((value, at) => each[at].includes(digest(`${name}/${at}`, keyOf(value, kind[at], rel))));
    const good = count > 1 && fine.some(Boolean)
      ? ` Of yours, ${fine.flatMap((right, at) => (right ? [`number ${at + 1}`] : [])).join(" and ")} is right.` : "";
    return [false, (other || "not yet.") + good];
  }

  for (const place of document.querySelectorAll(".d2l-try[data-exercise]")) {
    const name = place.dataset.exercise, asked = JSON.parse(place.dataset.asked);
    const input = make("input", { type: "text", autocomplete: "off", required: true, size: 12 });
    const said = make("p", { role: "status" });
    const what = asked.count > 1 ? `Your ${asked.count} numbers ` : asked.count ? "Your answer " : "Your letters ";
    const made = make("form", {}, make("label", {}, what, input), " ", make("button", { type: "submit", text: "Check" }), said);
    const show = () => {
      const [right, words] = judge(name, asked, input.value);
      said.replaceChildren(make("strong", { text: right ? "✓ " : "✗ " }), words);
      said.dataset.right = right;
      return right;
    };
    made.addEventListener("submit", (event) => {
      event.preventDefault();
      if (show()) reader.change((state) => { state.solved[name] = input.value.slice(0, 300); });
    });
    input.value = reader.get().solved[name] ?? "";
    if (input.value) show();
    place.replaceChildren(made);
  }
})();
