"""What do data cost that do not fit the device? Images a second over 2 GB of synthetic images, from several places.

With a GPU, ResNet-18 trains for an epoch over the whole set: resident on the device; in host memory, fetched ahead; in
a memory-mapped file, fetched ahead; and in host memory with nothing fetched ahead, each batch copied when it is its
turn. Without one there is nothing to fetch ahead to, so only the way from host memory and from the file to a prepared
batch is measured, and nothing is trained. The file has just been written, so that the system holds what it can of it
in memory.

    python -m benchmarks.streaming [--pairs 3]
"""

import contextlib
import os
import shutil
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

import d2lite as d2l
from benchmarks import common

BYTES, QUICK_BYTES = 2 * 10**9, 2 * 10**7
SIZE, CHANNELS, CLASSES, BATCH = 96, 3, 10, 256
MEAN = STD = (0.5,) * CHANNELS
RECIPE = "resnet18"


class OnDemand:
    """Batches of a host tensor, each copied to the device and normalized there when it is its turn, and not before."""

    def __init__(self, images: torch.Tensor, labels: torch.Tensor, on: torch.device):
        self.rows, self.answers, self.on = images, labels, on

    def __len__(self) -> int:
        return -(-len(self.answers) // BATCH)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for index in torch.randperm(len(self.answers)).split(BATCH):
            X = self.rows[index].to(self.on).permute(0, 3, 1, 2).float().div_(255 * STD[0]).sub_(MEAN[0] / STD[0])
            yield X, self.answers[index].to(self.on)


@contextlib.contextmanager
def mapped(total: int) -> Iterator[np.ndarray]:
    """Random images, uint8 (n, SIZE, SIZE, CHANNELS), in a temporary file. Raises SystemExit where the disk is full."""
    with tempfile.TemporaryDirectory(prefix="bench-streaming-") as folder:
        if shutil.disk_usage(folder).free < 1.2 * total:
            raise SystemExit(f"streaming: {folder} has no room for {total / 1e9:g} GB: point TMPDIR to a larger disk")
        path, draw = Path(folder) / "images", np.random.default_rng(0)
        count = total // (SIZE * SIZE * CHANNELS)
        images = np.memmap(path, np.uint8, "w+", shape=(count, SIZE, SIZE, CHANNELS))
        for rows in np.array_split(images, 20):
            rows[:] = np.frombuffer(draw.bytes(rows.size), np.uint8).reshape(rows.shape)
        images.flush()
        yield images
        del images, rows


def split(images: torch.Tensor, labels: torch.Tensor, on: torch.device) -> d2l.Split:
    """A shuffled split of images wherever they lie, whose batches come on the device."""
    return d2l.Split(images, labels, mean=MEAN, std=STD, size=SIZE, batch_size=BATCH, shuffle=True, device=on)


def trained(data, on: torch.device) -> float:
    """Seconds of an epoch of training."""
    d2l.seed_everything(0)
    watch = common.Stopwatch(on)
    net = d2l.build(d2l.recipe(RECIPE), CHANNELS, CLASSES, SIZE)
    training = SimpleNamespace(train=data, val=None)
    d2l.fit(net, training, 1, common.RATE, momentum=common.MOMENTUM, listener=watch, quick_epochs=None)
    return watch.seconds


def delivered(data, on: torch.device) -> float:
    """Seconds in which all batches of a pass come, and nothing is done with them."""
    d2l.seed_everything(0)

    def go_through() -> None:
        for X, _ in data:
            X.shape  # noqa: B018 - only to have it

    return common.timed(go_through, on)


def main(argv: list[str] | None = None) -> int:
    """Command line."""
    options = common.parser(__doc__, pairs=3).parse_args(argv)
    os.environ["D2LITE_PROFILE"] = "full"
    on, total = d2l.device(), QUICK_BYTES if options.quick else BYTES
    turns = 1 if options.quick else options.pairs
    with mapped(total) as file:
        in_file, labels = torch.from_numpy(file), torch.arange(len(file)) % CLASSES
        in_memory = in_file.clone()
        places = {"host memory, fetched ahead": split(in_memory, labels, on)}
        places["memory-mapped file, fetched ahead"] = split(in_file, labels, on)
        if on.type == "cuda":
            places = {"resident on the device": split(in_memory.to(on), labels.to(on), on), **places}
            places["host memory, on demand"] = OnDemand(in_memory, labels, on)
        else:
            print("no GPU here: the way from the host's memory and from a file to a prepared batch, without training")
            places = {name.removesuffix(", fetched ahead"): data for name, data in places.items()}
        work, measured = ("training", trained) if on.type == "cuda" else ("batches alone", delivered)
        contestants = {name: lambda data=data: measured(data, on) for name, data in places.items()}
        times = common.in_turns(contestants, turns)
        count = len(labels)
        del in_file, places, contestants
    first = next(iter(times.values()))
    rows = [
        {
            "images_from": name, "work": work, "gigabytes": total / 1e9, "images": count, "pairs": turns,
            "images_per_second": count / statistics.median(spent), **common.compared("of_first", first, spent),
        }
        for name, spent in times.items()
    ]  # fmt: skip
    return common.finish("streaming", rows, options)


if __name__ == "__main__":
    raise SystemExit(main())
