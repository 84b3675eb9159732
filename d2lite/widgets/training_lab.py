"""The training lab: convolutional networks that are trained in the page, and compared while they learn."""

from __future__ import annotations

import csv
import re
from functools import lru_cache
from pathlib import Path

import torch
import traitlets
from matplotlib.figure import Figure
from torch import nn

from ..data import load
from .base import Choice, Interactive, Number, Switch

KINDS = ("plain", "BatchNorm", "residual", "both", "dense")
NORMALIZED, SHORTCUTS = ("BatchNorm", "both", "dense"), ("residual", "both")
ACTIVATIONS = {"ReLU": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "GELU": nn.GELU}
LEVELS = "0123456789abcdefg"  # a letter for each of the 17 shades that a pixel of the digits has
FIRST = ("plain", "BatchNorm", "both")  # the runs of the first frame
RUNS = 4  # that are compared, at most
COLORS = ("#2f7fc9", "#c8701a", "#23936a", "#b05cab")
PARTS = (
    "kernels", "simd", "layers", "network", "run", "worker", "settings", "charts", "inside", "paper",
    "challenges", "bench",
)  # of the script  # fmt: skip
RECORDED = Path(__file__).with_suffix(".csv")
WORDS = {"residual": "shortcuts", "both": "BatchNorm + shortcuts"}  # what the page calls a kind

#: what can be set for a run
SETTINGS = {
    "kind": Choice(*KINDS), "depth": Number(20, 2, 32), "width": Number(8, 4, 32), "activation": Choice(*ACTIVATIONS),
    "optimizer": Choice("SGD", "AdamW"), "rate": Number(0.05, 1e-4, 10.0), "momentum": Number(0.9, 0.0, 0.99),
    "batch": Number(32, 1, 128), "augment": Switch(False), "seed": Number(0, 0, 99),
}  # fmt: skip
STEPS = {"depth": 2, "width": 4}  # these come in multiples


def settings_of(given) -> dict:
    """All settings of a run, those that are missing or make no sense at their nearest or default value."""
    given = given if isinstance(given, dict) else {}
    found = {name: setting.validate(None, given.get(name, setting.default_value)) for name, setting in SETTINGS.items()}
    return found | {name: step * round(found[name] / step) for name, step in STEPS.items()}


class Runs(traitlets.TraitType):
    """Synchronized settings of one to four runs; what is no list of dicts becomes the runs of the first frame."""

    def validate(self, obj, value):
        """All settings of each run."""
        runs = [settings_of(run) for run in value if isinstance(run, dict)] if isinstance(value, (list, tuple)) else []
        return runs[:RUNS] or [settings_of({"kind": kind}) for kind in FIRST]


def stages_of(count: int) -> list[int]:
    """How many of ``count`` blocks each of three stages gets: equal shares, the first ones what is left over."""
    return [(count + late) // 3 for late in (2, 1, 0)]


class Block(nn.Module):
    """Two convolutions, each with BatchNorm if ``normalized``; with ``shortcut`` the input is added to them."""

    def __init__(self, in_channels: int, channels: int, stride: int, normalized: bool, shortcut: bool, activation):
        super().__init__()
        self.activation, self.added = activation, shortcut
        self.first = conv_norm(in_channels, channels, 3, stride, normalized)
        self.second = conv_norm(channels, channels, 3, 1, normalized)
        same = stride == 1 and in_channels == channels
        self.shortcut = nn.Identity()
        if shortcut and not same:
            self.shortcut = conv_norm(in_channels, channels, 1, stride, normalized)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        Y = self.second(self.activation(self.first(X)))
        return self.activation(Y + self.shortcut(X) if self.added else Y)


class DenseLayer(nn.Module):
    """BatchNorm, activation, convolution; what comes out is put behind what came in."""

    def __init__(self, in_channels: int, growth: int, activation):
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm2d(in_channels), activation, nn.Conv2d(in_channels, growth, 3, padding=1, bias=False)
        )

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return torch.cat((X, self.body(X)), dim=1)


def conv_norm(in_channels: int, out_channels: int, kernel: int, stride: int, normalized: bool) -> nn.Sequential:
    """A convolution that keeps the side, or halves it; with BatchNorm, which brings the bias, if ``normalized``."""
    conv = nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, bias=not normalized)
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels)) if normalized else nn.Sequential(conv)


def network(kind="plain", depth=20, width=8, activation="ReLU", classes=10) -> nn.Sequential:
    """The network that the page trains, in PyTorch: (N, 1, side, side) to logits (N, classes), for an even side.

    ``depth`` counts the 3×3 convolutions and the linear layer, as for ResNet; each of three stages has half the side
    of the one before, and twice the channels. The dense network adds maps layer by layer, and halves them and their
    side between its stages. Parameters come in the order in which the page keeps them.
    """
    act, normalized = ACTIVATIONS[activation](), kind in NORMALIZED
    layers, channels = [conv_norm(1, width, 3, 1, normalized), act], width
    if kind == "dense":
        growth = 4 * -(-width // 8)
        for stage, count in enumerate(stages_of(depth - 2)):
            if stage and count:
                fewer = 4 * -(-channels // 8)
                half = nn.Conv2d(channels, fewer, 1, bias=False)
                layers += [nn.BatchNorm2d(channels), act, half, nn.AvgPool2d(2)]
                channels = fewer
            layers += [DenseLayer(channels + growth * number, growth, act) for number in range(count)]
            channels += growth * count
        layers += [nn.BatchNorm2d(channels), act] if depth > 2 else []
    else:
        for stage, count in enumerate(stages_of((depth - 2) // 2)):
            for number in range(count):
                stride = 2 if stage and not number else 1
                layers.append(Block(channels, width << stage, stride, normalized, kind in SHORTCUTS, act))
                channels = width << stage
    net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return net


@lru_cache(maxsize=1)
def digits() -> dict:
    """The training and test images of ``d2l.load("digits")`` as text, with their labels.

    A letter of ``LEVELS`` stands for a pixel, and one from ``h`` to ``z`` for 2 to 20 black ones.
    """
    data = load("digits", device="cpu")

    def part(split) -> dict:
        levels = (split.images.double() * 16 / 255).round().int().flatten().tolist()
        text = "".join(LEVELS[level] for level in levels)
        pixels = re.sub("0{2,20}", lambda run: chr(ord("h") + len(run[0]) - 2), text)
        return {"pixels": pixels, "labels": split.labels.tolist()}

    parts = {"train": part(data.train), "test": part(data.test)}
    return parts | {"side": data.size, "classes": [*data.classes], "mean": data.mean[0], "std": data.std[0]}


def name_of(run: dict) -> str:
    """A run as the recorded ones are named: its kind, and whatever is set otherwise than at the start."""
    usual = settings_of({"kind": run["kind"]})
    return ", ".join([run["kind"], *(f"{name} {value}" for name, value in run.items() if value != usual[name])])


@lru_cache(maxsize=1)
def recorded() -> dict[str, dict[str, list]]:
    """Runs that the page made before, by ``name_of``: points (epochs, loss, accuracy) of both parts."""
    found: dict[str, dict[str, list]] = {}
    with RECORDED.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            point = [float(row[name]) for name in ("epochs", "loss", "accuracy")]
            found.setdefault(row["kind"], {"train": [], "test": []})[row["part"]].append(point)
    return found


class TrainingLab(Interactive):
    """Up to four convolutional networks that learn the digits in the page, side by side.

    The page trains by itself, in a worker: forward, backward and the optimizer's step, equal to PyTorch's. No kernel
    and no network is needed.

    Args:
        runs: a dict of settings for each run, four at most; none stands for three networks of 20 layers: plain, with
            BatchNorm, and with both BatchNorm and shortcuts. Settings are ``kind`` ("plain", "BatchNorm", "residual",
            "both", "dense"), ``depth`` (2 to 32, even) and ``width`` (4 to 32, by four), ``activation`` ("ReLU",
            "sigmoid", "tanh", "GELU"), ``optimizer`` ("SGD", "AdamW"), ``rate``, ``momentum``, ``batch`` (1 to 128),
            ``augment`` and ``seed``; :func:`network` is the network of the first four in PyTorch.
        selected: the run whose settings and inside are shown, from 0.
        image: the test image whose maps are shown, from 0.
        preview: whether runs that were recorded before are shown faintly, for networks that have not been trained yet.

    Settings out of range become the nearest in it, and what makes no sense the default: nothing is raised. Weight
    decay is 5e-4 for SGD and 0.01 for AdamW, whose first beta is ``momentum``. Sources: He et al., 2016
    (arXiv:1512.03385); Ioffe and Szegedy, 2015 (arXiv:1502.03167); Huang et al., 2017 (arXiv:1608.06993).
    """

    scripts = tuple(f"training_{part}" for part in PARTS)
    runs = Runs().tag(sync=True)
    selected = Number(0, 0, RUNS - 1)
    image = Number(0, 0, 359)
    preview = Switch(True)
    data = traitlets.Dict().tag(sync=True)
    recorded = traitlets.Dict().tag(sync=True)
    alt = "Training loss and test accuracy of convolutional networks over six epochs, recorded before."

    def __init__(self, *runs, **options):
        before = {kind: recorded()[kind] for kind in KINDS}
        super().__init__(**({"runs": list(runs), "data": digits(), "recorded": before} | options))
        self.alt = self._in_words()

    def _shown(self) -> list[dict]:
        """The runs of the picture: these, where all of them were recorded; else those of the first frame."""
        runs = [settings_of(run) for run in self.runs]
        return runs if {*map(name_of, runs)} <= {*recorded()} else [settings_of({"kind": kind}) for kind in FIRST]

    def _layers(self) -> str:
        return " or ".join(str(depth) for depth in sorted({run["depth"] for run in self._shown()})) + " layers"

    def _before(self) -> list[tuple[str, dict]]:
        """What was recorded of the runs of the picture, with their letters and names on the page."""
        names = [name_of(run) for run in self._shown()]
        kind_and_rest = (re.sub(r", depth \d+", "", name).partition(", ") for name in names)  # the title tells it
        titles = [WORDS.get(kind, kind) + comma + rest for kind, comma, rest in kind_and_rest]
        return [(f"{letter} {title}", recorded()[name]) for letter, title, name in zip("ABCD", titles, names)]

    def _in_words(self) -> str:
        """The picture for whoever does not see it."""
        ends = (
            f"{title}: loss {parts['train'][-1][1]:.2g}, {parts['test'][-1][2]:.0%} right"
            for title, parts in self._before()
        )
        return (
            f"Runs of networks of {self._layers()} that were recorded before, over six epochs; left the training loss, "
            f"right the share of test images that are right. At the end {'; '.join(ends)}."
        )

    def picture(self) -> Figure:
        figure = Figure(figsize=(6.8, 2.8), layout="constrained")
        left, right = figure.subplots(1, 2)
        for color, style, (title, parts) in zip(COLORS, ("-", "--", "-.", (0, (4, 1, 1, 1, 1, 1))), self._before()):
            epochs, losses, _ = zip(*parts["train"])
            left.plot(epochs, losses, color=color, linestyle=style, label=title)
            epochs, _, accuracies = zip(*parts["test"])
            right.plot(epochs, [100 * share for share in accuracies], color=color, linestyle=style, label=title)
        left.set(title="training loss", xlabel="epochs", yscale="log")
        right.set(title="test images that are right, %", xlabel="epochs", ylim=(0, 100))
        figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize="small")
        figure.suptitle(f"{self._layers()}, recorded before", fontsize="medium")
        return figure
