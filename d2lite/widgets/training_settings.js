// The settings of a run: what may be set, how it is brought back into range, and how it is written into a link.

/** Numbers from low to high in steps, lists of options, and switches; the same as SETTINGS in training_lab.py. */
const SETTINGS = {
  kind: { options: ["plain", "BatchNorm", "residual", "both", "dense"] },
  depth: { low: 2, high: 32, step: 2, start: 20 },
  width: { low: 4, high: 32, step: 4, start: 8 },
  activation: { options: ["ReLU", "sigmoid", "tanh", "GELU"] },
  seed: { low: 0, high: 99, step: 1, start: 0 },
  optimizer: { options: ["SGD", "AdamW"] },
  rate: { low: 1e-4, high: 10, start: 0.05 },
  momentum: { low: 0, high: 0.99, start: 0.9 },
  batch: { low: 1, high: 128, step: 1, start: 32 },
  augment: { options: [false, true] },
};
const OF_NETWORK = ["kind", "depth", "width", "activation", "seed"];  // a change of these starts a run anew
const MOST_RUNS = 4;

/** All settings, those that are missing or make no sense at their nearest or default value. */
function settingsOf(given) {
  const one = ([name, { options, low, high, step, start }]) => {
    const value = given?.[name];
    if (options) return [name, options.includes(value) ? value : options[0]];
    const number = typeof value === "number" ? clamp(value, low, high, start) : start;
    return [name, step ? step * Math.round(number / step) : number];
  };
  return Object.fromEntries(Object.entries(SETTINGS).map(one));
}

/** The settings of one to four runs. */
function runsOf(given) {
  const runs = (Array.isArray(given) ? given : []).filter((run) => run && typeof run === "object" && !Array.isArray(run)).map(settingsOf);
  return runs.length ? runs.slice(0, MOST_RUNS) : ["plain", "BatchNorm", "both"].map((kind) => settingsOf({ kind }));
}

const equal = (a, b, names = Object.keys(SETTINGS)) => names.every((name) => a[name] === b[name]);

/** Runs as the end of an address: `kind:both;depth:32~kind:plain`, without what is as at the start. */
function linked(runs) {
  const plain = settingsOf({});
  const one = (run) => Object.keys(SETTINGS).filter((name) => run[name] !== plain[name] || name === "kind").map((name) => `${name}:${run[name]}`).join(";");
  return `#lab=${runs.map(one).join("~")}`;
}

/** The runs of such an address; null where there are none. */
function unlinked(hash) {
  if (!hash.startsWith("#lab=")) return null;
  const value = (name, text) => {
    if (!SETTINGS[name]?.options) return Number(text);
    return text === "true" ? true : text === "false" ? false : text;
  };
  const one = (text) => Object.fromEntries(text.split(";").map((part) => part.split(":")).map(([name, rest = ""]) => [name, value(name, rest)]));
  return runsOf(decodeURIComponent(hash.slice(5)).split("~").map(one));
}

const RATE = (rate) => (rate < 0.001 ? rate.toFixed(5).replace(/0+$/, "") : shown(rate, 4));

/** The controls of the chosen run, in two groups; the rate's slider moves in powers of ten. */
const CONTROLS = {
  network: [
    {
      trait: "kind", label: "kind", kind: "choice",
      options: [["plain", "plain"], ["BatchNorm", "BatchNorm"], ["residual", "shortcuts"], ["both", "BatchNorm + shortcuts"], ["dense", "dense"]],
    },
    { trait: "activation", label: "activation", kind: "choice", options: SETTINGS.activation.options.map((name) => [name, name]) },
    { trait: "depth", label: "layers", min: 2, max: 32, step: 2 },
    { trait: "width", label: "width", min: 4, max: 32, step: 4 },
    { trait: "seed", label: "seed", min: 0, max: 99 },
  ],
  training: [
    { trait: "optimizer", label: "optimizer", kind: "choice", options: [["SGD", "SGD"], ["AdamW", "AdamW"]] },
    { trait: "batch", label: "images a batch", kind: "choice", options: [1, 2, 4, 8, 16, 32, 64, 128].map((size) => [size, String(size)]) },
    { trait: "rate", label: "rate", min: -4, max: 1, step: 0.1, format: (power) => RATE(rounded(10 ** power)) },
    { trait: "momentum", label: "momentum", min: 0, max: 0.99, step: 0.01 },
    { trait: "augment", label: "shift images", kind: "switch" },
  ],
};

/** Two digits of a rate, so that a slider's place is a number one would write. */
const rounded = (rate) => Number(rate.toPrecision(2));
