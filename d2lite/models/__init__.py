# Written by `make sync` from the exported cells of the chapters.
"""Networks, each defined once: in the chapter that explains it."""

from .batch_norm import BatchNorm, batch_norm, lenet_batch_norm
from .data_and_training import lenet
from .vgg import (
    VGG,
    VGG11,
    VGG11_QUARTER,
    VGG13,
    VGG16,
    VGG19,
    he_init,
    smallest_size,
    vgg11,
    vgg11_quarter,
    vgg13,
    vgg16,
    vgg19,
    vgg_block,
)

__all__ = [
    "VGG",
    "VGG11",
    "VGG11_QUARTER",
    "VGG13",
    "VGG16",
    "VGG19",
    "BatchNorm",
    "batch_norm",
    "he_init",
    "lenet",
    "lenet_batch_norm",
    "smallest_size",
    "vgg11",
    "vgg11_quarter",
    "vgg13",
    "vgg16",
    "vgg19",
    "vgg_block",
]
