# Written from the exported cells of book/resnet.md; edit those and run `make sync`.
"""ResNet: making it easy to do nothing."""

import torch
from torch import nn
from torch.nn import functional as F

__all__ = [
    "WIDTHS",
    "Bottleneck",
    "ResNet",
    "Residual",
    "check_size",
    "conv_norm",
    "he_init",
    "resnet8",
    "resnet8_narrow",
    "resnet18",
    "resnet26",
    "resnet34",
    "resnet50",
    "shortcut",
    "stage",
    "stem",
]


def conv_norm(in_channels, out_channels, kernel_size, stride=1) -> nn.Sequential:
    """Convolution without bias, then BatchNorm, which has one.

    Maps (N, in_channels, H, W) to (N, out_channels, ⌈H/stride⌉, ⌈W/stride⌉).
    """
    conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride,
                     padding=kernel_size // 2, bias=False)  # fmt: skip
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels))


def shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """The identity where the shape stays, else a 1×1 convolution with BatchNorm."""
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    return conv_norm(in_channels, out_channels, 1, stride)


class Residual(nn.Module):
    """The basic block: ReLU(body(X) + shortcut(X)).

    Maps (N, in_channels, H, W) to (N, channels, ⌈H/stride⌉, ⌈W/stride⌉).
    Source: He et al., 2016 (arXiv:1512.03385).
    """

    expansion = 1  # channels out for each channel of width

    def __init__(self, in_channels: int, channels: int, stride: int = 1):
        super().__init__()
        self.body = nn.Sequential(
            conv_norm(in_channels, channels, 3, stride), nn.ReLU(),
            conv_norm(channels, channels, 3),
        )  # fmt: skip
        self.shortcut = shortcut(in_channels, channels, stride)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return F.relu(self.body(X) + self.shortcut(X))


#: channels of the four stages, before a block's ``expansion``
WIDTHS = (64, 128, 256, 512)


def stem(in_channels: int, channels: int, small_images: bool = False) -> nn.Sequential:
    """7×7 and pooling, both with stride 2: a quarter of the side.

    For small images a 3×3 convolution that keeps the side.
    """
    if small_images:
        return nn.Sequential(conv_norm(in_channels, channels, 3), nn.ReLU())
    pooling = nn.MaxPool2d(3, stride=2, padding=1)
    return nn.Sequential(conv_norm(in_channels, channels, 7, 2), nn.ReLU(), pooling)


def stage(block, num_blocks: int, in_channels: int, channels: int, stride: int) -> nn.Sequential:
    """``num_blocks`` blocks of one width; only the first changes the shape."""
    blocks = [block(in_channels, channels, stride)]
    for _ in range(num_blocks - 1):
        blocks.append(block(channels * block.expansion, channels))
    return nn.Sequential(*blocks)


class ResNet(nn.Module):
    """Stem, stages of blocks, global average pooling, and a linear layer.

    Maps (N, in_channels, size, size) to (N, num_classes).

    Args:
        block: ``Residual``, ``Bottleneck``, or a class that is built as they are and
            has an ``expansion``.
        num_blocks: how many blocks each stage has; all stages but the first halve the
            image.
        size: height and width of the images in pixels; only checked.
        widths: channels of each stage, before the block's ``expansion``.
        small_images: a stem that keeps the image's size.

    Raises:
        ValueError: at this ``size`` a layer would have a single pixel to halve; names
            the smallest that works.
    """

    def __init__(
        self, block, num_blocks, in_channels=1, num_classes=10, size=224,
        widths=WIDTHS, small_images=False,
    ):  # fmt: skip
        super().__init__()
        check_size(size, len(num_blocks) + (-1 if small_images else 1))
        self.stem = stem(in_channels, widths[0], small_images)
        self.stages, channels = nn.Sequential(), widths[0]
        for number, (count, width) in enumerate(zip(num_blocks, widths, strict=True)):
            stride = 2 if number else 1
            self.stages.append(stage(block, count, channels, width, stride))
            channels = width * block.expansion
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes))
        self.apply(he_init)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return self.head(self.stages(self.stem(X)))


def check_size(size: int, halvings: int) -> None:
    """Raise ``ValueError`` if one of the halvings has a single pixel to halve."""
    smallest = 2 ** (halvings - 1) + 1 if halvings else 1
    if size < smallest:
        raise ValueError(
            f"an image of {size}×{size} px is a single pixel before the last of "
            f"{halvings} halvings: the smallest size that works is {smallest} px."
        )


def he_init(layer: nn.Module) -> None:
    """Draw a convolution's weights with variance 2 / fan-in.

    Source: He et al., 2015 (arXiv:1502.01852).
    """
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")


class Bottleneck(nn.Module):
    """1×1 down to ``channels``, 3×3, 1×1 up to 4 × ``channels``, and a shortcut.

    Maps (N, in_channels, H, W) to (N, 4 × channels, ⌈H/stride⌉, ⌈W/stride⌉).
    Source: He et al., 2016 (arXiv:1512.03385), with the stride at the 3×3 convolution,
    as in torchvision.
    """

    expansion = 4

    def __init__(self, in_channels: int, channels: int, stride: int = 1):
        super().__init__()
        out_channels = self.expansion * channels
        self.body = nn.Sequential(
            conv_norm(in_channels, channels, 1), nn.ReLU(),
            conv_norm(channels, channels, 3, stride), nn.ReLU(),
            conv_norm(channels, out_channels, 1),
        )  # fmt: skip
        self.shortcut = shortcut(in_channels, out_channels, stride)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return F.relu(self.body(X) + self.shortcut(X))


def resnet18(in_channels=1, num_classes=10, size=224) -> ResNet:
    """Two basic blocks a stage: 17 convolutions and a linear layer.

    As in all names, the convolutions on shortcuts are not counted.
    """
    return ResNet(Residual, (2, 2, 2, 2), in_channels, num_classes, size)


def resnet26(in_channels=1, num_classes=10, size=224) -> ResNet:
    """Three basic blocks a stage, a variant of earlier courses."""
    return ResNet(Residual, (3, 3, 3, 3), in_channels, num_classes, size)


def resnet34(in_channels=1, num_classes=10, size=224) -> ResNet:
    """Basic blocks, 3, 4, 6 and 3 a stage."""
    return ResNet(Residual, (3, 4, 6, 3), in_channels, num_classes, size)


def resnet50(in_channels=1, num_classes=10, size=224) -> ResNet:
    """ResNet-34 with each basic block replaced by a bottleneck."""
    return ResNet(Bottleneck, (3, 4, 6, 3), in_channels, num_classes, size)


def resnet8(in_channels=1, num_classes=10, size=32) -> ResNet:
    """Three stages of one basic block; its stem keeps every pixel of small images."""
    return ResNet(Residual, (1, 1, 1), in_channels, num_classes, size, WIDTHS[:3],
                  small_images=True)  # fmt: skip


def resnet8_narrow(in_channels=1, num_classes=10, size=32) -> ResNet:
    """The same with half the channels: a quarter of the parameters and MACs."""
    return ResNet(Residual, (1, 1, 1), in_channels, num_classes, size, (32, 64, 128),
                  small_images=True)  # fmt: skip
