# Written from the exported cells of book/densenet.md; edit those and run `make sync`.
"""DenseNet: concatenate, do not add."""

import torch
from torch import nn

__all__ = [
    "DenseBlock",
    "DenseNet",
    "bottleneck_block",
    "conv_block",
    "densenet",
    "densenet121",
    "he_init",
    "smallest_size",
    "transition_block",
]


def conv_block(in_channels: int, out_channels: int, bias: bool = True) -> nn.Sequential:
    """BatchNorm, ReLU, 3×3 convolution, in this order.

    Maps (N, in_channels, H, W) to (N, out_channels, H, W). Source of the order: He et
    al., 2016 (arXiv:1603.05027).
    """
    return nn.Sequential(
        nn.BatchNorm2d(in_channels), nn.ReLU(),
        nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1, bias=bias),
    )  # fmt: skip


def he_init(layer: nn.Module) -> None:
    """Draw a convolution's weights with variance 2 / fan-in, and set its biases to 0.

    Source: He et al., 2015 (arXiv:1502.01852).
    """
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


class DenseBlock(nn.Module):
    """Each layer sees the block's input and the outputs of all layers before it.

    Maps (N, in_channels, H, W) to (N, in_channels + num_convs · growth_rate, H, W); the
    first ``in_channels`` maps of the output are the input itself.
    ``layer(in_channels, growth_rate, bias)`` builds one layer.
    Source: Huang et al., 2017 (arXiv:1608.06993).
    """

    def __init__(
        self, num_convs: int, in_channels: int, growth_rate: int, layer=conv_block,
        bias: bool = True,
    ):  # fmt: skip
        super().__init__()
        self.layers = nn.ModuleList(
            layer(in_channels + number * growth_rate, growth_rate, bias) for number in range(num_convs)
        )

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            X = torch.cat((X, layer(X)), dim=1)  # dim 1: the channels
        return X


def transition_block(in_channels: int, out_channels: int, bias: bool = True) -> nn.Sequential:
    """BatchNorm, ReLU, 1×1 convolution, 2×2 averaging.

    Maps (N, in_channels, H, W) to (N, out_channels, H // 2, W // 2).
    """
    return nn.Sequential(
        nn.BatchNorm2d(in_channels), nn.ReLU(),
        nn.Conv2d(in_channels, out_channels, kernel_size=1, bias=bias),
        nn.AvgPool2d(kernel_size=2),
    )  # fmt: skip


def smallest_size(arch) -> int:
    """The smallest image, in pixels a side, that leaves the last block one pixel."""
    side = 2 ** (len(arch) - 1)  # before the first transition; each rounds a half down
    return 4 * side - 3  # the stem's two strides round a half up


class DenseNet(nn.Module):
    """Stem, dense blocks with transitions between them, classifier.

    Maps (N, in_channels, size, size) to (N, num_classes).

    Args:
        arch: number of layers of each dense block.
        size: height and width of the images in pixels; only checked, since the last
            step averages over the map.
        growth_rate: channels that each layer adds.
        num_channels: channels that the stem puts out.
        layer: what a layer is, ``conv_block`` or ``bottleneck_block``.
        bias: whether the convolutions have biases; those before a BatchNorm do nothing.

    Raises:
        ValueError: ``size`` leaves nothing for the last block; names the smallest size
            that works.
    """

    def __init__(
        self, arch, in_channels=1, num_classes=10, size=96, growth_rate=32,
        num_channels=64, layer=conv_block, bias=True,
    ):  # fmt: skip
        super().__init__()
        if size < smallest_size(arch):
            raise ValueError(
                f"an image of {size}×{size} px is used up before the last of "
                f"{len(arch)} dense blocks: the smallest size that works is "
                f"{smallest_size(arch)} px."
            )
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, num_channels, 7, stride=2, padding=3, bias=bias),
            nn.BatchNorm2d(num_channels), nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
        )  # fmt: skip
        self.blocks = nn.Sequential()
        for number, num_convs in enumerate(arch, start=1):
            if number > 1:
                half = num_channels // 2
                self.blocks.append(transition_block(num_channels, half, bias))
                num_channels = half
            block = DenseBlock(num_convs, num_channels, growth_rate, layer, bias)
            self.blocks.append(block)
            num_channels += num_convs * growth_rate
        self.head = nn.Sequential(
            nn.BatchNorm2d(num_channels), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
            nn.Flatten(), nn.Linear(num_channels, num_classes),
        )  # fmt: skip
        self.apply(he_init)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return self.head(self.blocks(self.stem(X)))


def densenet(in_channels=1, num_classes=10, size=96, growth_rate=32) -> DenseNet:
    """The courses' DenseNet: four blocks of four 3×3 convolutions."""
    return DenseNet((4, 4, 4, 4), in_channels, num_classes, size, growth_rate)


def bottleneck_block(in_channels: int, out_channels: int, bias: bool = False) -> nn.Sequential:
    """A 1×1 convolution to four times the channels that the 3×3 convolution puts out.

    Each follows BatchNorm and ReLU. Maps (N, in_channels, H, W) to (N, out_channels, H,
    W).
    """
    return nn.Sequential(
        nn.BatchNorm2d(in_channels), nn.ReLU(),
        nn.Conv2d(in_channels, 4 * out_channels, kernel_size=1, bias=bias),
        *conv_block(4 * out_channels, out_channels, bias),
    )  # fmt: skip


def densenet121(in_channels=1, num_classes=10, size=224) -> DenseNet:
    """DenseNet-121: 6, 12, 24 and 16 bottleneck layers, growth rate 32.

    Its transitions halve the channels.
    """
    return DenseNet(
        (6, 12, 24, 16), in_channels, num_classes, size,
        layer=bottleneck_block, bias=False,
    )  # fmt: skip
