// The small trained network in a worker of a page: tools/known_network.py packs its numbers, exported_network.js runs it.

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", ZERO = 31;

/** All numbers: a letter is a whole number, which its output channel's size multiplies; biases are as they are. */
function unpackedNumbers({ steps, letters, sizes, biases }) {
  const levels = Object.fromEntries([...LETTERS].map((letter, at) => [letter, at - ZERO])), numbers = [];
  let at = 0, channel = 0;
  for (const { shape: [channels], weight, bias } of steps.filter((step) => step.weight != null)) {
    const each = (bias - weight) / channels;
    for (let one = 0; one < channels; one += 1) {
      for (let k = 0; k < each; k += 1) numbers.push(levels[letters[at++]] * sizes[channel + one]);
    }
    for (const end = channel + channels; channel < end; channel += 1) numbers.push(biases[channel]);
  }
  return Float32Array.from(numbers);
}

/** The logits of a picture, and how much each place speaks for each class: the mean of these maps, and a bias, is the logit. */
function seenBy(net, numbers, bytes) {
  const outputs = outputsOf(net, numbers, bytes), logits = [...outputs.at(-1).values];
  const { shape: [channels, ...sides], values } = outputs.findLast(({ shape }) => shape.length === 3 && shape[1] > 1);
  const area = sides[0] * sides[1], { weight } = net.steps.at(-1);
  const maps = logits.map((_, label) => Array.from({ length: area }, (__, place) => {
    let total = 0;
    for (let c = 0; c < channels; c += 1) total += numbers[weight + label * channels + c] * values[c * area + place];
    return total;
  }));
  return { logits, maps };
}

/** In a worker: its first message holds the network, and each other one a picture with a number, which is answered. */
function serve(scope) {
  let net = null, numbers = null;
  scope.onmessage = ({ data }) => {
    if (data.net) [net, numbers] = [data.net, unpackedNumbers(data.net)];
    else scope.postMessage({ id: data.id, ...seenBy(net, numbers, data.bytes) });
  };
}

if (typeof WorkerGlobalScope !== "undefined") serve(self);
