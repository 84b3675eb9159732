# Written from the exported cells of book/googlenet.md; edit those and run `make sync`.
"""GoogLeNet: parallel branches."""

from functools import partial

import torch
from torch import nn

__all__ = [
    "BLOCKS",
    "SMALLEST_SIZE",
    "GoogLeNet",
    "Inception",
    "check_size",
    "conv_unit",
    "googlenet",
    "googlenet_batch_norm",
    "halving_pool",
    "he_init",
    "stem",
]


#: (c1, c2, c3, c4) of each inception block. The digit is the stage; before 4a and 5a
#: the image is halved.
BLOCKS = {
    "3a": (64, (96, 128), (16, 32), 32),
    "3b": (128, (128, 192), (32, 96), 64),
    "4a": (192, (96, 208), (16, 48), 64),
    "4b": (160, (112, 224), (24, 64), 64),
    "4c": (128, (128, 256), (24, 64), 64),
    "4d": (112, (144, 288), (32, 64), 64),
    "4e": (256, (160, 320), (32, 128), 128),
    "5a": (256, (160, 320), (32, 128), 128),
    "5b": (384, (192, 384), (48, 128), 128),
}


def conv_unit(in_channels: int, out_channels: int, kernel_size: int, stride=1, batch_norm=False) -> nn.Sequential:
    """A convolution that keeps the size (at stride 1), BatchNorm if wanted, a ReLU.

    Maps (N, in_channels, H, W) to (N, out_channels, ⌈H / stride⌉, ⌈W / stride⌉);
    ``kernel_size`` is odd. BatchNorm subtracts each channel's mean and with it any
    bias, so the convolution has none then.
    """
    conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding=kernel_size // 2, bias=not batch_norm)
    norm = [nn.BatchNorm2d(out_channels)] if batch_norm else []
    return nn.Sequential(conv, *norm, nn.ReLU())


class Inception(nn.Module):
    """Four branches: (N, in_channels, H, W) → (N, c1 + c2[1] + c3[1] + c4, H, W).

    Args:
        c1: channels of the 1×1 branch.
        c2: (channels after the 1×1 reduction, channels) of the 3×3 branch.
        c3: the same for the 5×5 branch.
        c4: channels of the branch that pools, and then projects by 1×1.
        batch_norm: BatchNorm between each convolution and its ReLU.
        large_kernel: side of the third branch's kernel; 3 in torchvision.

    Source: Szegedy et al., 2015 (arXiv:1409.4842).
    """

    def __init__(self, in_channels, c1, c2, c3, c4, batch_norm=False, large_kernel=5):
        super().__init__()
        unit, c = partial(conv_unit, batch_norm=batch_norm), in_channels
        pool = nn.MaxPool2d(3, stride=1, padding=1)
        self.branch1 = unit(c, c1, 1)
        self.branch2 = nn.Sequential(unit(c, c2[0], 1), unit(*c2, 3))
        self.branch3 = nn.Sequential(unit(c, c3[0], 1), unit(*c3, large_kernel))
        self.branch4 = nn.Sequential(pool, unit(c, c4, 1))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        branches = self.branch1, self.branch2, self.branch3, self.branch4
        return torch.cat([branch(X) for branch in branches], dim=1)


def halving_pool() -> nn.MaxPool2d:
    """3×3 max-pooling with stride 2; a side of d pixels becomes ⌊d / 2⌋."""
    return nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)


def stem(in_channels: int, batch_norm: bool = False) -> nn.Sequential:
    """Plain convolutions: (N, in_channels, H, W) → (N, 192, about H/8, about W/8)."""
    first = conv_unit(in_channels, 64, 7, 2, batch_norm)
    second = conv_unit(64, 64, 1, 1, batch_norm)
    third = conv_unit(64, 192, 3, 1, batch_norm)
    return nn.Sequential(
        nn.Sequential(first, halving_pool()),
        nn.Sequential(second, third, halving_pool()),
    )


class GoogLeNet(nn.Module):
    """GoogLeNet: (N, in_channels, size, size) → (N, num_classes).

    Args:
        size: height and width of the images in pixels. No layer depends on it, so it
            is only checked.
        batch_norm: BatchNorm between each convolution and its ReLU, and no bias in
            the convolutions.
        large_kernel: side of the kernel in the third branch of each block.
        blocks: (c1, c2, c3, c4) of each inception block by name.

    Raises:
        ValueError: ``size`` leaves nothing for the last block; the message names the
            smallest size that works.
    """

    def __init__(self, in_channels=1, num_classes=10, size=96, batch_norm=False, large_kernel=5, blocks=BLOCKS):
        super().__init__()
        check_size(size)
        self.stem, self.body = stem(in_channels, batch_norm), nn.Sequential()
        channels = 192
        for name, (c1, c2, c3, c4) in blocks.items():
            if name in ("4a", "5a"):
                self.body.add_module(f"pool{int(name[0]) - 1}", halving_pool())
            block = Inception(channels, c1, c2, c3, c4, batch_norm, large_kernel)
            self.body.add_module(name, block)
            channels = c1 + c2[1] + c3[1] + c4
        linear = nn.Linear(channels, num_classes)
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear)
        self.apply(he_init)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(self.stem(X)))


#: smallest image in pixels a side: one pixel, taken back through four halvings and the
#: first convolution's stride
SMALLEST_SIZE = 2 * 2**4 - 1


def check_size(size: int) -> None:
    """Raise ``ValueError`` if ``size`` is smaller than ``SMALLEST_SIZE``."""
    if size < SMALLEST_SIZE:
        raise ValueError(
            f"an image of {size}×{size} px is used up before the last block: "
            f"the smallest size that works is {SMALLEST_SIZE} px."
        )


def he_init(layer: nn.Module) -> None:
    """Draw a layer's weights with variance 2 / fan-in, and set its biases to zero.

    For convolutions and linear layers. Source: He et al., 2015 (arXiv:1502.01852).
    """
    if isinstance(layer, (nn.Conv2d, nn.Linear)):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def googlenet(in_channels=1, num_classes=10, size=96) -> GoogLeNet:
    """GoogLeNet as in 2014, without BatchNorm; and without auxiliary classifiers."""
    return GoogLeNet(in_channels, num_classes, size)


def googlenet_batch_norm(in_channels=1, num_classes=10, size=96) -> GoogLeNet:
    """GoogLeNet with BatchNorm after each convolution."""
    return GoogLeNet(in_channels, num_classes, size, batch_norm=True)
