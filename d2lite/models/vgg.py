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
    "smallest_size",
    "vgg11",
    "vgg11_quarter",
    "vgg13",
    "vgg16",
    "vgg16_unpadded",
    "vgg19",
    "vgg_block",
]


def vgg_block(num_convs: int, in_channels: int, out_channels: int, padding: int = 1) -> nn.Sequential:
    """``num_convs`` convolutions of 3×3, each followed by a ReLU, then 2×2 max-pooling.

    Maps (N, in_channels, H, W) to (N, out_channels, H // 2, W // 2); without padding each convolution first takes two
    pixels off H and W. Source: Simonyan and Zisserman, 2015 (arXiv:1409.1556).
    """
    layers = []
    for _ in range(num_convs):
        layers += [nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=padding), nn.ReLU()]
        in_channels = out_channels  # only the block's first convolution sees the block's input
    return nn.Sequential(*layers, nn.MaxPool2d(kernel_size=2))


class VGG(nn.Module):
    """Blocks of 3×3 convolutions, then a fully connected head: (N, in_channels, size, size) → (N, num_classes).

    Args:
        arch: one pair (number of convolutions, output channels) for each block.
        size: height and width of the images in pixels; the head's first layer is sized from it.
        padding: 1 keeps the size within a block; 0 takes two pixels off at each convolution.
        head_width: units of each hidden layer of the head.

    Raises:
        ValueError: ``size`` leaves nothing for the head; names the block that fails and the smallest size that works.
    """

    def __init__(self, arch, in_channels=1, num_classes=10, size=224, padding=1, head_width=4096):
        super().__init__()
        blocks, channels, side = [], in_channels, size
        for number, (num_convs, out_channels) in enumerate(arch, start=1):
            blocks.append(vgg_block(num_convs, channels, out_channels, padding))
            channels, side = out_channels, (side - 2 * (1 - padding) * num_convs) // 2
            if side < 1:
                raise ValueError(
                    f"an image of {size}×{size} px is used up in block {number} of {len(arch)}: "
                    f"the smallest size that works is {smallest_size(arch, padding)} px."
                )
        self.features = nn.Sequential(*blocks)
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels * side * side, head_width), nn.ReLU(), nn.Dropout(0.5),
            nn.Linear(head_width, head_width), nn.ReLU(), nn.Dropout(0.5),
            nn.Linear(head_width, num_classes),
        )  # fmt: skip
        self.apply(he_init)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(X))


def smallest_size(arch, padding=1) -> int:
    """The smallest image, in pixels a side, of which the blocks of ``arch`` leave one pixel."""
    side = 1
    for num_convs, _ in reversed(arch):
        side = 2 * side + 2 * (1 - padding) * num_convs
    return side


def he_init(layer: nn.Module) -> None:
    """Weights of a convolution or linear layer from a normal distribution of variance 2 / fan-in, biases zero.

    Source: He et al., 2015 (arXiv:1502.01852).
    """
    if isinstance(layer, (nn.Conv2d, nn.Linear)):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(layer.bias)


VGG11 = ((1, 64), (1, 128), (2, 256), (2, 512), (2, 512))
VGG13 = ((2, 64), (2, 128), (2, 256), (2, 512), (2, 512))
VGG16 = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
VGG19 = ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512))
VGG11_QUARTER = tuple((num_convs, channels // 4) for num_convs, channels in VGG11)


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
    """VGG-11 with a quarter of the channels in each block; the head keeps its 4096 units."""
    return VGG(VGG11_QUARTER, in_channels, num_classes, size)


def vgg16_unpadded(in_channels=1, num_classes=10, size=224) -> VGG:
    """VGG-16 as one early course had it, its convolutions without padding; needs 212 px."""
    return VGG(VGG16, in_channels, num_classes, size, padding=0)
