# Written from the exported cells of book/resnet.md; edit those and run `make sync`.
"""ResNet: blocks that can do nothing."""

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


def conv_norm(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> nn.Sequential:
    """Convolution without bias, then BatchNorm: (N, in_channels, H, W) → (N, out_channels, ⌈H/stride⌉, ⌈W/stride⌉)."""
    padding = kernel_size // 2
    conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, bias=False)  # BatchNorm has the bias
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels))


def shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """The identity where the shape stays; else a 1×1 convolution with BatchNorm that makes the shapes meet."""
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    return conv_norm(in_channels, out_channels, 1, stride)


class Residual(nn.Module):
    """The basic block, ReLU(body(X) + shortcut(X)): (N, in_channels, H, W) → (N, channels, ⌈H/stride⌉, ⌈W/stride⌉).

    Source: He et al., 2016 (arXiv:1512.03385).
    """

    expansion = 1  # channels out for each channel of width

    def __init__(self, in_channels: int, channels: int, stride: int = 1):
        super().__init__()
        self.body = nn.Sequential(
            conv_norm(in_channels, channels, 3, stride),
            nn.ReLU(),
            conv_norm(channels, channels, 3),
        )
        self.shortcut = shortcut(in_channels, channels, stride)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return F.relu(self.body(X) + self.shortcut(X))


#: channels of the four stages, before a block's ``expansion``
WIDTHS = (64, 128, 256, 512)


def stem(in_channels: int, channels: int, small_images: bool = False) -> nn.Sequential:
    """7×7 with stride 2 and 3×3 max-pooling with stride 2, a quarter of the side; for small images 3×3, all of it."""
    if small_images:
        return nn.Sequential(conv_norm(in_channels, channels, 3), nn.ReLU())
    pooling = nn.MaxPool2d(3, stride=2, padding=1)
    return nn.Sequential(conv_norm(in_channels, channels, 7, stride=2), nn.ReLU(), pooling)


def stage(block, num_blocks: int, in_channels: int, channels: int, stride: int) -> nn.Sequential:
    """``num_blocks`` blocks of one width; only the first changes the shape."""
    first = block(in_channels, channels, stride)
    return nn.Sequential(first, *(block(channels * block.expansion, channels) for _ in range(num_blocks - 1)))


class ResNet(nn.Module):
    """Stem, stages of blocks, global average pooling, a linear layer: (N, in_channels, size, size) → (N, num_classes).

    Args:
        block: ``Residual``, ``Bottleneck``, or a class that is built as they are and has an ``expansion``.
        num_blocks: how many blocks each stage has; all stages but the first halve the image.
        size: height and width of the images in pixels; checked, and not needed otherwise.
        widths: channels of each stage, before the block's ``expansion``.
        small_images: a stem that keeps the image's size.

    Raises:
        ValueError: at this ``size`` a layer would have a single pixel to halve; names the smallest that works.
    """

    def __init__(self, block, num_blocks, in_channels=1, num_classes=10, size=224, widths=WIDTHS, small_images=False):
        super().__init__()
        check_size(size, len(num_blocks) - 1 if small_images else len(num_blocks) + 1)
        self.stem = stem(in_channels, widths[0], small_images)
        self.stages, channels = nn.Sequential(), widths[0]
        for number, (count, width) in enumerate(zip(num_blocks, widths, strict=True)):
            self.stages.append(stage(block, count, channels, width, stride=2 if number else 1))
            channels = width * block.expansion
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes))
        self.apply(he_init)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return self.head(self.stages(self.stem(X)))


def check_size(size: int, halvings: int) -> None:
    """Raise ``ValueError`` if one of ``halvings`` layers of stride 2 would have a single pixel to halve."""
    smallest = 2 ** (halvings - 1) + 1 if halvings else 1
    if size < smallest:
        raise ValueError(
            f"an image of {size}×{size} px is a single pixel before the last of {halvings} halvings: "
            f"the smallest size that works is {smallest} px."
        )


def he_init(layer: nn.Module) -> None:
    """A convolution's weights from a normal distribution of variance 2 / fan-in (He et al., 2015, arXiv:1502.01852)."""
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")


class Bottleneck(nn.Module):
    """1×1 down to ``channels``, 3×3, 1×1 up to 4 × ``channels``, and the shortcut around the three.

    Maps (N, in_channels, H, W) to (N, 4 × channels, ⌈H/stride⌉, ⌈W/stride⌉). Source: He et al., 2016
    (arXiv:1512.03385), with the stride at the 3×3 convolution, as in torchvision.
    """

    expansion = 4

    def __init__(self, in_channels: int, channels: int, stride: int = 1):
        super().__init__()
        out_channels = self.expansion * channels
        self.body = nn.Sequential(
            conv_norm(in_channels, channels, 1),
            nn.ReLU(),
            conv_norm(channels, channels, 3, stride),
            nn.ReLU(),
            conv_norm(channels, out_channels, 1),
        )
        self.shortcut = shortcut(in_channels, out_channels, stride)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return F.relu(self.body(X) + self.shortcut(X))


def resnet18(in_channels=1, num_classes=10, size=224) -> ResNet:
    """Two basic blocks a stage: 17 convolutions and a linear layer; shortcuts are not counted."""
    return ResNet(Residual, (2, 2, 2, 2), in_channels, num_classes, size)


def resnet26(in_channels=1, num_classes=10, size=224) -> ResNet:
    """Three basic blocks a stage, a variant of the courses."""
    return ResNet(Residual, (3, 3, 3, 3), in_channels, num_classes, size)


def resnet34(in_channels=1, num_classes=10, size=224) -> ResNet:
    """Basic blocks, 3, 4, 6 and 3 a stage."""
    return ResNet(Residual, (3, 4, 6, 3), in_channels, num_classes, size)


def resnet50(in_channels=1, num_classes=10, size=224) -> ResNet:
    """ResNet-34 with each basic block replaced by a bottleneck."""
    return ResNet(Bottleneck, (3, 4, 6, 3), in_channels, num_classes, size)


def resnet8(in_channels=1, num_classes=10, size=32) -> ResNet:
    """A short ResNet for small images: three stages of one basic block, and a stem that keeps every pixel."""
    return ResNet(Residual, (1, 1, 1), in_channels, num_classes, size, WIDTHS[:3], small_images=True)


def resnet8_narrow(in_channels=1, num_classes=10, size=32) -> ResNet:
    """The same with half the channels: a quarter of the parameters, and of the multiply-accumulates."""
    return ResNet(Residual, (1, 1, 1), in_channels, num_classes, size, (32, 64, 128), small_images=True)
