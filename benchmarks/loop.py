"""How near is ``d2l.fit`` to the bare arithmetic, and how far ahead of the usual loop? Images a second of each.

* bare: forward, loss, backward and step on one batch that lies on the device, with the same arithmetic as ``fit``: the
  limit, since nothing is loaded, shuffled, prepared or counted;
* fit: whole epochs of ``d2l.fit`` over Fashion-MNIST, resized to the size of the network, without validation;
* usual: torchvision's data set, ``Resize``, ``ToTensor`` and ``Normalize`` on one image after the other, a
  ``DataLoader`` with 0 or 4 workers, float32, and ``loss.item()`` at each step.

All train the same network from the same weights with SGD. They take turns; the first turn, in which workers start and
libraries choose their kernels, does not count.

    python -m benchmarks.loop [--networks resnet18] [--pairs 5]
"""

import os
import statistics
import warnings
from collections.abc import Callable
from types import SimpleNamespace

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import FashionMNIST

import d2lite as d2l
from benchmarks import common
from d2lite.machine.devices import fast_type

WORKERS = (0, 4)
STEPS = {"cpu": {28: 80, 96: 5}, "cuda": {28: 200, 96: 200}}  # batches in an epoch, by device and size


class InMemory(FashionMNIST):
    """torchvision's data set, item by item as it is, around images that were read already."""

    def __init__(self, images: torch.Tensor, labels: torch.Tensor, transform: Callable):
        self.data, self.targets = images, labels
        self.transform, self.target_transform = transform, None


def bare(net: nn.Module, X: torch.Tensor, y: torch.Tensor, steps: int) -> float:
    """Seconds of ``steps`` training steps on one batch."""
    train = common.stepper(net, X, y, fast_type(X.device))
    return common.timed(lambda: train(steps), X.device)


def fit(net: nn.Module, data: d2l.ImageData) -> float:
    """Seconds of an epoch of the book's loop."""
    watch = common.Stopwatch(data.train.device)
    training = SimpleNamespace(train=data.train, val=None)
    d2l.fit(net, training, 1, common.RATE, momentum=common.MOMENTUM, listener=watch, quick_epochs=None)
    return watch.seconds


def usual(net: nn.Module, loader: DataLoader, on: torch.device) -> float:
    """Seconds of an epoch of the loop that courses show."""
    net.to(on).train()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=common.RATE, momentum=common.MOMENTUM)

    def train() -> None:
        total = correct = 0.0
        for X, y in loader:
            X, y = X.to(on), y.to(on)
            optimizer.zero_grad()
            logits = net(X)
            loss = criterion(logits, y)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(y)
            correct += (logits.argmax(1) == y).sum().item()

    return common.timed(train, on)


def usual_loader(data: d2l.ImageData, workers: int) -> DataLoader:
    """The images of ``data`` as torchvision's users load them."""
    steps = [transforms.ToTensor(), transforms.Normalize(data.mean, data.std)]
    if data.size != data.train.images.shape[-1]:
        steps.insert(0, transforms.Resize((data.size, data.size)))
    images = InMemory(data.train.images[:, 0].cpu(), data.train.labels.cpu(), transforms.Compose(steps))
    return DataLoader(
        images, batch_size=data.batch_size, shuffle=True, num_workers=workers, persistent_workers=workers > 0,
        pin_memory=data.train.device.type == "cuda",
    )  # fmt: skip


def measure(name: str, steps: int, pairs: int, stand_in: bool) -> dict:
    """The row of one network: images a second of each loop, and their ratios."""
    recipe, size = d2l.recipe(name), common.SIZES[name]
    images = steps * recipe.batch_size
    data = d2l.load(
        "fashion_mnist", size=size, batch_size=recipe.batch_size, quick_images=images, fallback=stand_in
    )  # the quick profile's cap takes exactly so many
    on = data.train.device
    X, y = next(iter(data.train))

    def net() -> nn.Module:
        d2l.seed_everything(0)
        return d2l.build(recipe, data.channels, len(data.classes), size)

    loaders = {workers: usual_loader(data, workers) for workers in WORKERS}
    contestants = {
        "bare": lambda: bare(net(), X, y, steps),
        "fit": lambda: fit(net(), data),
        **{f"usual_{w}": lambda loader=loader: usual(net(), loader, on) for w, loader in loaders.items()},
    }
    times = common.in_turns(contestants, pairs)
    row = {"network": name, "input_px": size, "batch_size": recipe.batch_size, "images": images, "pairs": pairs}
    row |= {who: images / statistics.median(spent) for who, spent in times.items()}
    for other in times:
        if other != "fit":
            row |= common.compared(f"fit_over_{other}", times[other], times["fit"])
    return row


def main(argv: list[str] | None = None) -> int:
    """Command line."""
    parser = common.parser(__doc__, pairs=5)
    common.add_networks(parser)
    options = parser.parse_args(argv)
    os.environ["D2LITE_PROFILE"] = "quick"  # whose cap is the number of images here
    warnings.filterwarnings("ignore", "This DataLoader will create")  # also on two cores: so courses have it
    networks, rows = options.networks, []
    steps = STEPS["cuda" if d2l.device().type == "cuda" else "cpu"]
    if options.quick:
        networks, steps, options.pairs = ["lenet_batch_norm"], {28: 2}, 1
    for name in networks:
        print(f"{name} …", flush=True)
        rows.append(measure(name, steps[common.SIZES[name]], options.pairs, stand_in=options.quick))
    return common.finish("loop", rows, options, keys=("network",))


if __name__ == "__main__":
    raise SystemExit(main())
