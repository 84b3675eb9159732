"""How does the time of an epoch grow with the images, their size, and the batch? Seconds, and the fitted exponent.

One of the three is varied at a time: the number of Fashion-MNIST images (again and again the same, beyond what there
are) and the batch size with LeNet and batch normalization at 28 pixels, the size of the images with ResNet-18. The
exponent b is that of seconds = a · n^b, fitted on logarithms to all points of a sweep; R² says how well it fits. Points
take turns, up and down; the first turn does not count, and resizes the images.

    python -m benchmarks.scaling [--pairs 5]
"""

import os
from collections.abc import Callable
from types import SimpleNamespace

import d2lite as d2l
from benchmarks import common

SWEEPS = {
    "images": (1_000, 2_000, 5_000, 10_000, 20_000, 40_000, 60_000),
    "input_px": (28, 48, 64, 96, 128, 160, 224),
    "batch_size": (16, 32, 64, 128, 256, 512, 1024),
}
NETWORKS = {"images": "lenet_batch_norm", "input_px": "resnet18", "batch_size": "lenet_batch_norm"}
# what stays the same in the other sweeps; a GPU needs more work to be timed
IMAGES = {"cpu": {"input_px": 64, "batch_size": 8_192}, "cuda": {"input_px": 4_096, "batch_size": 32_768}}
BATCH_SIZES = {"cpu": {"images": 256, "input_px": 32}, "cuda": {"images": 256, "input_px": 256}}


def settings(sweep: str, value: int, on: str) -> dict[str, int]:
    """Images, size and batch size of a point."""
    same = {"images": IMAGES[on].get(sweep), "input_px": 28, "batch_size": BATCH_SIZES[on].get(sweep)}
    return {**same, sweep: value}


def epoch(name: str, data: d2l.ImageData, images: int, input_px: int, batch_size: int) -> Callable[[], float]:
    """A call that trains for an epoch and returns its seconds."""
    recipe = d2l.recipe(name)
    train = common.split_of(data, images, input_px, batch_size)
    watch = common.Stopwatch(train.device)

    def run() -> float:
        d2l.seed_everything(0)
        net = d2l.build(recipe, data.channels, len(data.classes), input_px)
        training = SimpleNamespace(train=train, val=None)
        d2l.fit(net, training, 1, common.RATE, momentum=common.MOMENTUM, listener=watch, quick_epochs=None)
        return watch.seconds

    return run


def measure(sweep: str, values: tuple[int, ...], data: d2l.ImageData, pairs: int) -> list[dict]:
    """The rows of one sweep."""
    on = "cuda" if data.train.device.type == "cuda" else "cpu"
    points = {str(value): settings(sweep, value, on) for value in values}
    times = common.in_turns({name: epoch(NETWORKS[sweep], data, **point) for name, point in points.items()}, pairs)
    spreads = {name: common.spread("seconds", spent) for name, spent in times.items()}
    exponent, explained = common.power_law(values, (spread["seconds"] for spread in spreads.values()))
    return [
        {
            "sweep": sweep, "network": NETWORKS[sweep], **point, "pairs": pairs, **spreads[name],
            "images_per_second": point["images"] / spreads[name]["seconds"], "exponent": exponent, "r2": explained,
        }
        for name, point in points.items()
    ]  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    """Command line."""
    options = common.parser(__doc__, pairs=5).parse_args(argv)
    os.environ["D2LITE_PROFILE"] = "quick" if options.quick else "full"
    data = d2l.load("fashion_mnist", fallback=options.quick)
    sweeps = SWEEPS
    if options.quick:
        sweeps, options.pairs = {"images": (256, 512, 1_024)}, 1
    rows = []
    for sweep, values in sweeps.items():
        print(f"{sweep} …", flush=True)
        rows += measure(sweep, values, data, options.pairs)
    return common.finish("scaling", rows, options)


if __name__ == "__main__":
    raise SystemExit(main())
