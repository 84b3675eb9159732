"""Every network of the book as data that a script can count with, read off the modules themselves."""

from __future__ import annotations

import functools
import operator
import re
from collections import Counter

import torch
from torch import fx, nn

from ..models import alexnet, batch_norm, data_and_training, densenet, googlenet, nin, resnet, vgg

NETWORKS = {
    "lenet": ("LeNet", data_and_training.lenet),
    "lenet_batch_norm": ("LeNet, BatchNorm", batch_norm.lenet_batch_norm),
    "alexnet": ("AlexNet", alexnet.alexnet),
    "vgg11": ("VGG-11", vgg.vgg11),
    "vgg13": ("VGG-13", vgg.vgg13),
    "vgg16": ("VGG-16", vgg.vgg16),
    "vgg16_unpadded": ("VGG-16, no padding", vgg.vgg16_unpadded),
    "vgg19": ("VGG-19", vgg.vgg19),
    "nin": ("NiN", nin.nin),
    "googlenet": ("GoogLeNet", googlenet.googlenet),
    "googlenet_batch_norm": ("GoogLeNet, BatchNorm", googlenet.googlenet_batch_norm),
    "resnet18": ("ResNet-18", resnet.resnet18),
    "resnet26": ("ResNet-26", resnet.resnet26),
    "resnet34": ("ResNet-34", resnet.resnet34),
    "resnet50": ("ResNet-50", resnet.resnet50),
    "densenet": ("DenseNet", densenet.densenet),
    "densenet121": ("DenseNet-121", densenet.densenet121),
}
CLASSES = 100_003  # more than any layer puts out but the one that puts out the classes
PASS_ON = (nn.Flatten, nn.Dropout, nn.Identity)  # these write nothing new
KINDS = {
    nn.Conv2d: "conv", nn.Linear: "linear", nn.BatchNorm2d: "norm", batch_norm.BatchNorm: "norm", nn.ReLU: "same",
    nn.Sigmoid: "same", nn.MaxPool2d: "max-pool", nn.AvgPool2d: "mean-pool", nn.AdaptiveAvgPool2d: "average",
    operator.add: "same", nn.functional.relu: "same", torch.cat: "join",
}  # fmt: skip


def step(work, back: list[int]) -> list:
    """What a layer or function does: its kind, how many steps back its inputs were made, and its numbers."""
    kind, numbers = KINDS[type(work) if isinstance(work, nn.Module) else work], []
    if kind == "conv":
        numbers = [work.out_channels % CLASSES, work.kernel_size[0], work.stride[0], work.padding[0]]
        numbers.append(int(work.bias is not None))
    elif kind == "linear":
        numbers = [work.out_features % CLASSES]  # 0: as many as there are classes
    elif kind.endswith("pool"):
        numbers = [work.kernel_size, work.stride, work.padding, int(work.ceil_mode)]
    return [kind, back, *numbers]


def steps_by_row(net: nn.Module) -> dict[str, list]:
    """The steps of a network by the name of the row that they belong to, one name of ``d2l.summary(…, depth=2)``."""
    tracer = fx.Tracer()
    tracer.is_leaf_module = lambda module, name: not any(True for _ in module.children())
    rows, place, made, row = {}, {}, 0, ""
    for node in tracer.trace(net).nodes:
        sources = [place[source] for source in node.all_input_nodes]
        module = net.get_submodule(node.target) if node.op == "call_module" else None
        if node.op == "output" or isinstance(module, PASS_ON):
            place[node] = sources[0]
            continue
        if node.op != "placeholder":
            work = step(module or node.target, [made - source for source in sources])
            name = ".".join(node.target.split(".")[:2]) if module else row
            alone = name == node.target and work[0] in (
                "norm",
                "same",
            )  # a layer between two others goes with the first
            if not (alone and name.rpartition(".")[0] == row.rpartition(".")[0]):
                row = name
            rows.setdefault(row, []).append(work)
        place[node], made = made, made + 1
    return rows


def label(steps: list) -> str:
    """The layers of a row in words; a BatchNorm only where there is nothing else."""
    kernels = Counter(f"conv {numbers[1]}×{numbers[1]}" for kind, _, *numbers in steps if kind == "conv")
    words = [f"{count} {name}" if count > 1 else name for name, count in kernels.items()]
    words += dict.fromkeys(kind for kind, *_ in steps if kind in ("max-pool", "mean-pool", "average", "linear"))
    return ", ".join(words) or "BatchNorm"


@functools.cache
def described(name: str) -> dict:
    """A network as data: ``title``, ``smallest`` image (height and width in pixels), ``rows`` of [name, label, steps].

    Raises:
        KeyError: ``name`` is none of ``NETWORKS``, or the network has a layer that is none of ``KINDS``.
    """
    title, build = NETWORKS[name]
    with torch.device("meta"):
        rows = steps_by_row(build(3, CLASSES, 224))
        try:
            build(size=1)
        except ValueError as error:  # it ends with the smallest size that works
            smallest = int(re.findall(r"\d+", str(error))[-1])
    return {"title": title, "smallest": smallest, "rows": [[row, label(steps), steps] for row, steps in rows.items()]}
