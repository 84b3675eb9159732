"""A trained network as one HTML file: it runs in any browser, without a kernel, a server or a network."""

from __future__ import annotations

import base64
import copy
import html
import json
import math
import operator
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp
from torch.nn import functional as F

from ..arguments import check_whole
from ..files import write_atomically
from .base import HERE

SCRIPTS = ("exported_network", "exported_page")
SAMPLES = 12  # images to try the page with
SILENT = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d)  # they do nothing in prediction
#: activations, as modules, functions and methods, with their names in ``exported_network.js``
ACTIVATIONS = {
    nn.ReLU: "ReLU", nn.ReLU6: "ReLU6", nn.Sigmoid: "sigmoid", nn.Tanh: "tanh", nn.SiLU: "SiLU",
    F.relu: "ReLU", F.relu6: "ReLU6", F.silu: "SiLU", torch.relu: "ReLU", torch.sigmoid: "sigmoid",
    torch.tanh: "tanh", "relu": "ReLU", "relu_": "ReLU", "sigmoid": "sigmoid", "tanh": "tanh",
}  # fmt: skip
ADDITIONS = (operator.add, operator.iadd, torch.add, "add", "add_")
CONCATENATIONS = (torch.cat, torch.concat)
RESHAPINGS = (torch.flatten, torch.squeeze, torch.reshape, "flatten", "view", "reshape", "squeeze", "contiguous")
MEANS = (torch.mean, "mean")
POOLINGS = {F.max_pool2d: nn.MaxPool2d, F.avg_pool2d: nn.AvgPool2d, F.adaptive_avg_pool2d: nn.AdaptiveAvgPool2d}


def export_page(
    net: nn.Module, classes: Sequence[str], path: str | os.PathLike = "network.html", *, size: int, mean, std,
    images: torch.Tensor | None = None, title: str = "A network of my own",
) -> Path:  # fmt: skip
    """Write ``net`` into one HTML file that classifies the pictures of whoever opens it; return the path of the file.

    The page takes a file, a photograph from a phone's camera, what is dropped or pasted. It prepares pictures as
    ``d2l.load`` does those of a folder, computes in 32 bits what ``net`` computes in evaluation mode, and asks for
    nothing from anywhere: it works offline, and no picture leaves the device. BatchNorm layers are merged into the
    convolutions before them.

    Args:
        net: maps (N, C, size, size), C = 1 or 3, to logits (N, num_classes). Its ``forward`` may call convolutions,
            linear layers, BatchNorm, dropout, max and average pooling, ReLU, ReLU6, SiLU, sigmoid and tanh, add and
            concatenate maps, and flatten them: all networks of this book but those with layers written by hand.
        classes: names, one for each logit.
        path: what stands there is replaced.
        size: height and width, in pixels, of the images that ``net`` was trained on.
        mean, std: with which their pixels between 0 and 1 were normalized: a number for each channel, as ``data.mean``
            and ``data.std`` of what was trained on.
        images: uint8, (n, C, size, size): pictures to try the page with; the first twelve are taken.
        title: heading of the page.

    Raises:
        ValueError: ``net`` computes something that does not run in the page, does not fit ``size``, ``mean`` or
            ``classes``, or holds numbers that are infinite or none; ``images`` are not of the form above.
        OSError: the file cannot be written; what stood there stays.
    """
    size, names = check_whole("size", size, 1), [*map(str, classes)]
    mean, std = (torch.as_tensor(value, dtype=torch.float32).flatten().tolist() for value in (mean, std))
    if len(mean) not in (1, 3) or len(std) != len(mean) or not (all(map(math.isfinite, mean)) and min(std) > 0):
        raise ValueError(
            f"mean {mean} and std {std} normalize no picture: give a number for each of 1 or 3 channels, std above 0."
        )
    steps, numbers = steps_of(net, torch.zeros(1, len(mean), size, size), len(names))
    data = {
        "classes": names, "size": size, "mean": mean, "std": std, "steps": steps,
        "numbers": base64.b64encode(numbers.numpy().astype("<f4").tobytes()).decode(),
        "samples": _samples(images, (len(mean), size, size)),
    }  # fmt: skip
    page = (HERE / "exported_page.html").read_text("utf-8")
    parts = {
        "TITLE": html.escape(str(title)), "STYLE": (HERE / "exported_page.css").read_text("utf-8"),
        "SCRIPT": "\n".join((HERE / f"{name}.js").read_text("utf-8") for name in SCRIPTS),
        "DATA": json.dumps(data, ensure_ascii=False).replace("<", "\\u003c"),
    }  # fmt: skip
    for name, text in parts.items():
        page = page.replace(f"<!--{name}-->", text, 1)
    return write_atomically(path, lambda file: file.write(page.encode()))


def _samples(images: torch.Tensor | None, shape: tuple[int, ...]) -> list[str]:
    """Pixel after pixel, a byte a channel, in base64: what the page gets from a picture as well."""
    if images is None:
        return []
    images = torch.as_tensor(images)
    if images.dtype != torch.uint8 or tuple(images.shape[1:]) != shape:
        raise ValueError(
            f"images are {images.dtype} {tuple(images.shape)}: give uint8 (n, {', '.join(map(str, shape))})."
        )
    return [base64.b64encode(image.permute(1, 2, 0).contiguous().numpy()).decode() for image in images[:SAMPLES].cpu()]


def steps_of(net: nn.Module, image: torch.Tensor, classes: int) -> tuple[list[dict], torch.Tensor]:
    """What ``net`` computes, step by step, and all its numbers in one row.

    A step has a ``kind``, the steps ``from`` which it reads, -1 for the picture, the ``shape`` of what it puts out, and
    where its ``weight`` and ``bias`` begin among the numbers.
    """
    twin = copy.deepcopy(net).to("cpu", torch.float32).eval()
    try:
        graph = fx.symbolic_trace(twin)
        graph.graph.eliminate_dead_code()
    except Exception as error:  # whatever the network's own code makes of a stand-in for a tensor
        raise ValueError(
            f"this network cannot be taken apart: its forward decides by the values or shape of its input ({error})."
        ) from None
    try:
        with torch.no_grad():
            ShapeProp(graph).propagate(image)
    except RuntimeError as error:
        cause = str(error.__cause__ or error).strip().splitlines()[0]
        raise ValueError(f"the network does not take images of {tuple(image.shape)}: {cause}") from None
    page = _Page(graph)
    for node in graph.graph.nodes:
        page.add(node)
    if page.shape != [classes]:
        given = " × ".join(map(str, page.shape))
        raise ValueError(f"the network puts out {given} for an image, and there are {classes} classes.")
    numbers = torch.cat([torch.zeros(0), *(number.detach().flatten() for number in page.numbers)])
    if not numbers.isfinite().all():
        raise ValueError("this network holds numbers that are infinite or none: its training went wrong.")
    return page.told(), numbers


class _Page:
    """The steps so far, those of each node of the traced network, and their numbers."""

    def __init__(self, graph: fx.GraphModule):
        self.modules = dict(graph.named_modules())
        self.steps: list[dict] = []
        self.at: dict[fx.Node, int] = {}
        self.shape: list[int] = []  # of what the network puts out for an image

    @property
    def numbers(self) -> list[torch.Tensor]:
        """Weights and biases, in the order of the steps."""
        return [step[name] for step in self.steps for name in ("weight", "bias") if step.get(name) is not None]

    def told(self) -> list[dict]:
        """The steps for the script: in the place of each tensor of numbers the index of its first."""
        place, told = 0, []
        for step in self.steps:
            step = dict(step)
            for name in ("weight", "bias"):
                if step.get(name) is not None:
                    place, step[name] = place + step[name].numel(), place
            told.append(step)
        return told

    def add(self, node: fx.Node) -> None:
        """Add the step of a node; a node that computes nothing of its own stands for the one that it reads."""
        if node.op == "placeholder":
            self.at[node] = -1
        elif node.op == "output":
            self._end(node)
        elif "tensor_meta" in node.meta and isinstance(node.meta["tensor_meta"], tuple):
            module = self.modules[node.target] if node.op == "call_module" else None
            kind = node.target if module is None else type(module)
            given = [self.at[each] for each in node.all_input_nodes if each in self.at]
            shape = [*node.meta["tensor_meta"].shape[1:]]
            if not given or node.op == "get_attr":
                raise ValueError(f"{node.name} does not depend on the picture: the page takes no such constant.")
            if kind in SILENT or kind in (F.dropout, F.dropout2d):
                self.at[node] = given[0]
            else:
                found = self._step(node, kind, module, given, shape)
                self.at[node] = self._put(found, given, shape) if found else given[0]

    def _put(self, found: dict, given: list[int], shape: list[int]) -> int:
        self.steps.append({"from": given, "shape": shape, **found})
        return len(self.steps) - 1

    def _end(self, node: fx.Node) -> None:
        (result,) = node.args
        if not isinstance(result, fx.Node) or self.at.get(result, -1) != len(self.steps) - 1 or not self.steps:
            raise ValueError("the network puts out something else than one tensor of logits: give one that does.")
        self.shape = [*_shape(result)[1:]]

    def _step(self, node: fx.Node, kind, module, given: list[int], shape: list[int]) -> dict | None:
        """What the script has to know of a step; None where it was merged into the one before."""
        before = node.all_input_nodes[0].meta["tensor_meta"].shape[1:]
        if kind in ACTIVATIONS:
            return {"kind": ACTIVATIONS[kind]}
        if kind in ADDITIONS and len(given) == 2 and len({*map(_shape, node.all_input_nodes)}) == 1:
            return {"kind": "addition"}
        if kind in CONCATENATIONS and (node.kwargs.get("dim", node.args[-1]) in (1, -3)):
            return {"kind": "concatenation"}
        if kind in (nn.Flatten, *RESHAPINGS) and math.prod(shape) == math.prod(before):
            return {"kind": "reshaping"}
        if kind in MEANS and len(before) == 3 and math.prod(shape) == before[0]:
            return {**_pooling(nn.AdaptiveAvgPool2d(1), before), "shape": [before[0], 1, 1]}
        if kind in POOLINGS:
            words = {key: value for key, value in node.kwargs.items() if key != "input"}
            module, kind = POOLINGS[kind](*node.args[1:], **words), POOLINGS[kind]
        if kind in (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d):
            return _pooling(module, before)
        if kind is nn.Conv2d:
            return _convolution(module)
        if kind is nn.Linear and len(before) == 1:
            return {"kind": "fully connected", "weight": module.weight, "bias": module.bias}
        if kind is nn.BatchNorm2d and module.running_mean is not None:
            return self._normalization(node, module, given[0])
        name = getattr(kind, "__name__", str(kind))
        raise ValueError(
            f"no {name} runs in the page, at least not on {' × '.join(map(str, before))}: "
            f"`help(d2l.export_page)` names the layers that do."
        )

    def _normalization(self, node: fx.Node, norm: nn.BatchNorm2d, given: int) -> dict | None:
        """Scale and shift a channel; where only it reads a convolution's maps, that convolution does it."""
        one = torch.ones_like(norm.running_var)
        scale = (one if norm.weight is None else norm.weight) / (norm.running_var + norm.eps).sqrt()
        shift = (0 * one if norm.bias is None else norm.bias) - norm.running_mean * scale
        step = self.steps[given] if given >= 0 else {}
        if step.get("kind") != "convolution" or len(node.all_input_nodes[0].users) > 1:
            return {"kind": "scale and shift", "weight": scale, "bias": shift}
        step["weight"] = step["weight"] * scale[:, None, None, None]
        step["bias"] = shift if step["bias"] is None else step["bias"] * scale + shift
        return None


def _shape(node: fx.Node) -> tuple[int, ...]:
    return tuple(node.meta["tensor_meta"].shape)


def _pair(value) -> list[int]:
    return [*value] if isinstance(value, (tuple, list)) else [value, value]


def _convolution(layer: nn.Conv2d) -> dict:
    if layer.padding_mode != "zeros":
        raise ValueError(f"no {layer} runs in the page: its padding_mode has to be 'zeros'.")
    left, _, top, _ = layer._reversed_padding_repeated_twice  # also where padding is "same"
    return {
        "kind": "convolution", "kernel_size": [*layer.kernel_size], "stride": [*layer.stride], "padding": [top, left],
        "dilation": [*layer.dilation], "groups": layer.groups, "weight": layer.weight, "bias": layer.bias,
    }  # fmt: skip


def _pooling(layer: nn.Module, before: Sequence[int]) -> dict:
    if isinstance(layer, nn.AdaptiveAvgPool2d):
        parts = [side if part is None else part for part, side in zip(_pair(layer.output_size), before[1:])]
        if any(side % part for part, side in zip(parts, before[1:])):
            raise ValueError(f"no {layer} of {before[1]} × {before[2]} px runs in the page: its windows are unequal.")
        kernel = [side // part for part, side in zip(parts, before[1:])]
        return {"kind": "average pooling", "kernel_size": kernel, "stride": kernel, "padding": [0, 0], "padded": True}
    if getattr(layer, "dilation", 1) not in (1, (1, 1)) or getattr(layer, "divisor_override", None):
        raise ValueError(f"no {layer} runs in the page: it may have neither dilation nor divisor_override.")
    is_max = isinstance(layer, nn.MaxPool2d)
    return {
        "kind": "max pooling" if is_max else "average pooling", "kernel_size": _pair(layer.kernel_size),
        "stride": _pair(layer.stride), "padding": _pair(layer.padding),
        "padded": is_max or layer.count_include_pad,
    }  # fmt: skip
