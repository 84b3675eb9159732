"""Instant checks of problem set 2, on batch normalization: hints, no marks."""

from __future__ import annotations

from ..checks import exercise, number, numbers


def _inventory(values: list[float]) -> str:
    shared, learned, kept = values
    if shared != 6272:
        return {
            196: "the values of one map share a mean with those of the other images: count all 32.",
            32: "each image brings a whole map of 14 × 14 values, not one.",
            3136: "that is LayerNorm, all channels of an image. Here a channel is averaged over all images.",
            100_352: "that is all values; 16 channels share them out.",
            512: "channels do not share a mean: take images and places, and leave the 16 out.",
        }.get(shared, "the first number: images times the places of a map, of one channel.")
    if learned != 32:
        return "the second number: each channel learns a scale and a shift."
    return {
        32: "the third number: nearly. Besides mean and variance of each channel, the layer counts something.",
        16: "the third number: a running mean and a running variance per channel, and one thing more.",
        64: "the third number: the learned ones are parameters; count the buffers alone.",
        65: "the third number: the learned ones are parameters; count the buffers alone.",
    }.get(kept, "the third number: look at the names in the state_dict of nn.BatchNorm2d(16).")


exercise(
    "ps2-1",
    numbers((6272, 32, 33), _inventory),
    "right: 32 · 14 · 14 values per mean; scale and shift; running mean, running variance and a counter.",
)

_RELU = "the second convolution meets a ReLU before the mean, and what it cuts off depends on the bias."
_GROUP = "GroupNorm's channels share a mean in fives: a bias that lifts one of the five is not removed."
_POOL = "the largest of four values, each with c added, is the largest of the four, plus c. What follows removes it."

exercise(
    "ps2-2",
    number(
        48,
        "go through the six biases: is a mean over just this channel subtracted before anything bends the values?",
        {
            60: _RELU,
            68: _GROUP,
            80: f"{_RELU} And GroupNorm?",
            52: f"{_GROUP} And is the maximum really in the way?",
            64: f"{_RELU} And GroupNorm? And is the maximum really in the way?",
            44: f"{_RELU} And is the maximum really in the way?",
            32: _POOL,
            58: "nothing follows the last linear layer: its bias goes straight into the logits.",
            90: "nothing follows the last linear layer, for one: its bias goes straight into the logits.",
            24: "convolutions count as well, and so do linear layers: look once more at both.",
            3: "that is the number of layers; how many numbers do their biases hold?",
        },
        whole=True,
    ),
    "right: 8 + 16 + 24. A maximum passes a constant on; a ReLU does not, and a group of channels shares its mean.",
)


exercise(
    "ps2-3",
    number(
        28,
        "draw the 8 × 8 map, and mark each place whose 3 × 3 window reaches beyond the border.",
        {
            36: "those are the places that are right: the inside of the map. Asked is the rest.",
            32: "four sides of eight, but a corner lies on two sides: do not count it twice.",
            24: "nearly: the corners belong to it too.",
            4: "not the corners alone: each place on the border has neighbors outside.",
            0: "the zeros of the padding were not shifted by b: at the border the folded bias is not the right one.",
            64: "inside the map no window meets the padding.",
            48: "that is a frame two wide. A kernel of three reaches only one place beyond the border.",
        },
        whole=True,
    ),
    "right: a frame of one place all around.",
)
