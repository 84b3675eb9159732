"""Run by several processes in test_distributed.py: trains in float64 and writes what it saw as JSON, a file a process.

python -m torch.distributed.run --nproc-per-node=2 tests/together.py FOLDER IMAGES EPOCHS
"""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import torch
from torch import nn

import d2lite as d2l
from d2lite.data.splits import Split
from d2lite.machine import distributed


class Noted(Split):
    """A split that notes the labels that it handed out in each pass; the network gets its images in float64."""

    seen: list

    def __iter__(self):
        self.seen.append([])
        for X, y in super().__iter__():
            self.seen[-1].append(y.tolist())
            yield X, y


def main(folder: Path, images: int, epochs: int) -> None:
    """Train on random images, a new order and new shifts in each epoch."""
    draw = torch.Generator().manual_seed(3)
    pixels = torch.randint(256, (images, 8, 8, 1), dtype=torch.uint8, generator=draw)
    labels = torch.randint(10, (images,), generator=draw)
    options = {"mean": [0.5], "std": [0.5], "size": 8, "batch_size": 16}
    train, val = Noted(pixels, labels, shuffle=True, augment=True, **options), Noted(pixels, labels, **options)
    train.seen, val.seen = [], []
    d2l.seed_everything(7)
    with distributed.processes():
        if distributed.rank():
            torch.manual_seed(1000 + distributed.rank())  # whatever they drew: process 0's weights and order count
        net = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 10)).double()
        options = {"momentum": 0.9, "precision": "float32", "quick_epochs": None, "listener": None}
        history = d2l.fit(net, SimpleNamespace(train=train, val=val), epochs, 0.5, **options)
        norm = nn.BatchNorm1d(2)
        norm.running_mean += distributed.rank()
        distributed.agree(norm)
        seen = {"train": train.seen, "val": val.seen, "drawn": torch.rand(1).item(), "mean": norm.running_mean.tolist()}
        weights = [parameter.detach().flatten().tolist() for parameter in net.parameters()]
        (folder / f"{distributed.rank()}.json").write_text(
            json.dumps({**seen, **history.state_dict(), "weights": weights}), "utf-8"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
