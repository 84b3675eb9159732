"""A recipe becomes a network: the one place that finds a network by its name."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from torch import nn

from .arguments import check_whole
from .recipes import Recipe


def build(recipe: Recipe, in_channels: int, num_classes: int, size: int) -> nn.Module:
    """The network that ``recipe`` names, for images (N, in_channels, size, size) and ``num_classes`` logits.

    Its weights start as the recipe says: as the network itself starts them, or by Xavier's rule. The recipe stays with
    it as ``net.recipe``, from which ``fit`` knows how the weights started; a checkpoint of another start is refused.

    Raises:
        ValueError: a number is not a whole one from 1, or the network cannot take images of that size; the message
            names the smallest it can.
    """
    in_channels, num_classes, size = (
        check_whole(name, value, 1)
        for name, value in (("in_channels", in_channels), ("num_classes", num_classes), ("size", size))
    )
    module, function = recipe.factory.split(":")
    factory: Callable[..., nn.Module] = getattr(importlib.import_module(f"d2lite.models.{module}"), function)
    net = factory(in_channels=in_channels, num_classes=num_classes, size=size)
    net.recipe = recipe
    return net.apply(_xavier) if recipe.init == "xavier" else net


def _xavier(layer: nn.Module) -> None:
    """Glorot and Bengio, 2010, as the courses before this book started their networks; biases stay as they are."""
    if isinstance(layer, (nn.Conv2d, nn.Linear)):
        nn.init.xavier_uniform_(layer.weight)
