"""The trained network that ships with the package: a small one that knows eight of CIFAR-10's classes, and no other."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from .catalog import build, recipe

FILE = Path(__file__).with_name("eight_classes.npz")
#: what the network never saw: it stands in for photographs of one's own
LEFT_OUT = ("dog", "horse")
FACTS = "facts"  # the entry that says where the weights come from


@dataclass(frozen=True)
class Pretrained:
    """A trained network with where it comes from; ``make pretrained`` trains it.

    Attributes:
        net: maps normalized images (N, 3, size, size) to logits (N, 8), on the CPU, in evaluation mode.
        classes: the names of its classes.
        left_out: the classes of the data set that it never saw.
        size: height and width, in pixels, of the images that it was trained on.
        mean, std: with which the red, green and blue of images in [0, 1] were normalized.
        network: the name of its recipe, from which :func:`d2lite.build` builds it.
        dataset: what it was trained on.
        images, epochs, seed: how long, and from which seed.
        test_accuracy: on the test images of its own classes.
    """

    net: nn.Module
    classes: tuple[str, ...]
    left_out: tuple[str, ...]
    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    network: str
    dataset: str
    images: int
    epochs: int
    seed: int
    test_accuracy: float

    def __repr__(self) -> str:
        return (
            f"{self.network}, trained on {self.images:,} images of {len(self.classes)} classes of {self.dataset} at "
            f"{self.size} px for {self.epochs} epochs: test accuracy {self.test_accuracy:.4f}. "
            f"It never saw: {', '.join(self.left_out)}."
        )


def pretrained() -> Pretrained:
    """The small network that ships with this package, trained on eight of CIFAR-10's ten classes, and its origin.

    Its weights take half a megabyte, so it needs no network connection. They were trained by ``tools/pretrain.py`` on
    the images that ``dataset`` names, which are not part of the package. Each call gives a network of its own.
    """
    with np.load(FILE) as archive:
        facts = json.loads(archive[FACTS].tobytes())
        state = {name: torch.from_numpy(archive[name]) for name in archive.files if name != FACTS}
    net = build(recipe(facts["network"]), 3, len(facts["classes"]), facts["size"])
    net.load_state_dict(state)
    facts |= {name: tuple(fact) for name, fact in facts.items() if isinstance(fact, list)}
    return Pretrained(net=net.eval(), **{name: facts[name] for name in Pretrained.__match_args__[1:]})
