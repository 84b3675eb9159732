# Written from the exported cells of book/vgg.md; edit those and run `make sync`.
"""VGG: networks from blocks."""

import torch
from torch import nn

__all__ = [
    "VGG",
    "VGG11",
    "VGG11_QUARTER",
    "VGG13",
    "VGG16",
    "VGG19",
    "he_init",
    "last_side",
    "smallest_size",
    "vgg11",
    "vgg11_quarter",
    "vgg13",
    "vgg16",
    "vgg16_unpadded",
    "vgg19",
    "vgg_block",
    "vgg_features",
    "vgg_head",
]


def vgg_block(num_convs, in_channels, out_channels, padding=1) -> nn.Sequential:
    """``num_convs`` convolutions of 3×3, each followed by a ReLU, then 2×2 max-pooling.

    Maps (N, in_channels, H, W) to (N, out_channels, H // 2, W // 2). Without padding
    each convolution first takes two pixels off H and W.
    Source: Simonyan and Zisserman, 2015 (arXiv:1409.1556).
    """
    layers = []
    for _ in range(num_convs):
        layers += [nn.Conv2d(in_channels, out_channels, 3, padding=padding), nn.ReLU()]
        in_channels = out_channels  # only the first convolution sees the block's input
    return nn.Sequential(*layers, nn.MaxPool2d(2))


VGG11 = ((1, 64), (1, 128), (2, 256), (2, 512), (2, 512))
VGG13 = ((2, 64), (2, 128), (2, 256), (2, 512), (2, 512))
VGG16 = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
VGG19 = ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512))
VGG11_QUARTER = tuple((num_convs, channels // 4) for num_convs, channels in VGG11)


def vgg_features(arch, in_channels, padding=1) -> nn.Sequential:
    """The blocks: one for each pair (number of convolutions, output channels)."""
    blocks = []
    for num_convs, out_channels in arch:
        blocks.append(vgg_block(num_convs, in_channels, out_channels, padding))
        in_channels = out_channels
    return nn.Sequential(*blocks)


def vgg_head(inputs, num_classes, width=4096) -> nn.Sequential:
    """Three linear layers: (N, channels, side, side), ``inputs`` values an image, to
    (N, num_classes)."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(inputs, width), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(width, width), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(width, num_classes),
    )  # fmt: skip


def smallest_size(arch, padding=1) -> int:
    """The smallest image, in pixels a side, of which ``arch`` leaves one pixel."""
    side = 1
    for num_convs, _ in reversed(arch):
        side = 2 * side + 2 * (1 - padding) * num_convs
    return side


def last_side(arch, size, padding=1) -> int:
    """The side that the blocks of ``arch`` leave of ``size`` pixels; at least one."""
    side = size
    for number, (num_convs, _) in enumerate(arch, start=1):
        side = (side - 2 * (1 - padding) * num_convs) // 2
        if side < 1:
            raise ValueError(
                f"an image of {size}×{size} px is used up in block {number} of "
                f"{len(arch)}: the smallest size that works is "
                f"{smallest_size(arch, padding)} px."
            )
    return side


class VGG(nn.Module):
    """Blocks of 3×3 convolutions, then a head of linear layers.

    Maps (N, in_channels, size, size) to (N, num_classes). ``arch`` has one pair
    (number of convolutions, output channels) for each block; ``padding`` 0 takes two
    pixels off at each convolution; ``head_width`` is that of the hidden layers.
    Raises ValueError where ``size`` leaves nothing for the head.
    """

    def __init__(self, arch, in_channels=1, num_classes=10, size=224, padding=1, head_width=4096):
        super().__init__()
        inputs = arch[-1][1] * last_side(arch, size, padding) ** 2
        self.features = vgg_features(arch, in_channels, padding)
        self.head = vgg_head(inputs, num_classes, head_width)
        self.apply(he_init)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(X))


def he_init(layer: nn.Module) -> None:
    """Weights from a normal distribution of variance 2 / fan-in, biases zero.

    For a convolution or linear layer. Source: He et al., 2015 (arXiv:1502.01852).
    """
    if isinstance(layer, (nn.Conv2d, nn.Linear)):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(layer.bias)


def vgg11(in_channels=1, num_classes=10, size=224) -> VGG:
    """VGG-11, configuration A: 8 convolutions and 3 linear layers."""
    return VGG(VGG11, in_channels, num_classes, size)


def vgg13(in_channels=1, num_classes=10, size=224) -> VGG:
    """VGG-13, configuration B: 10 convolutions and 3 linear layers."""
    return VGG(VGG13, in_channels, num_classes, size)


def vgg16(in_channels=1, num_classes=10, size=224) -> VGG:
    """VGG-16, configuration D: 13 convolutions and 3 linear layers."""
    return VGG(VGG16, in_channels, num_classes, size)


def vgg19(in_channels=1, num_classes=10, size=224) -> VGG:
    """VGG-19, configuration E: 16 convolutions and 3 linear layers."""
    return VGG(VGG19, in_channels, num_classes, size)


def vgg11_quarter(in_channels=1, num_classes=10, size=224) -> VGG:
    """VGG-11 with a quarter of the channels; the head keeps its 4096 units."""
    return VGG(VGG11_QUARTER, in_channels, num_classes, size)


def vgg16_unpadded(in_channels=1, num_classes=10, size=224) -> VGG:
    """VGG-16 without padding, as one early course had it; needs 212 px."""
    return VGG(VGG16, in_channels, num_classes, size, padding=0)
