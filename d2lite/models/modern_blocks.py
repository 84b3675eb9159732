# Written from the exported cells of book/modern_blocks.md; edit those and run `make sync`.
"""After DenseNet: groups, gates, and what Transformers gave back."""

import math
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from d2lite.models.resnet import ResNet, he_init

__all__ = [
    "MOBILENET_V2",
    "AnyNet",
    "Attention",
    "ChannelNorm",
    "ConvNeXtBlock",
    "InvertedResidual",
    "ResNeXtBlock",
    "SqueezeExcite",
    "VisionTransformer",
    "XBlock",
    "channel_shuffle",
    "conv_norm",
    "convnext",
    "convnext_tiny",
    "mobilenet_v2",
    "regnet_stages",
    "regnet_x_400mf",
    "resnext50",
    "separable",
    "small_normal",
]


def conv_norm(in_channels: int, out_channels: int, kernel_size: int, stride=1, groups=1) -> nn.Sequential:
    """Convolution in groups, without bias, then BatchNorm.

    Maps (N, in_channels, H, W) to (N, out_channels, ⌈H/stride⌉, ⌈W/stride⌉).
    """
    conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride,
                     padding=kernel_size // 2, groups=groups, bias=False)  # fmt: skip
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels))


def channel_shuffle(X: torch.Tensor, groups: int) -> torch.Tensor:
    """Deal the channels out: the first of each group, the second of each, and so on.

    Source: Zhang et al., 2018 (arXiv:1707.01083).
    """
    return X.unflatten(1, (groups, -1)).transpose(1, 2).flatten(1, 2)


def separable(in_channels: int, out_channels: int, stride: int = 1) -> nn.Sequential:
    """A 3×3 kernel for each channel, then a 1×1 convolution that mixes channels.

    Source: Howard et al., 2017 (arXiv:1704.04861).
    """
    return nn.Sequential(
        conv_norm(in_channels, in_channels, 3, stride, groups=in_channels), nn.ReLU(),
        conv_norm(in_channels, out_channels, 1), nn.ReLU(),
    )  # fmt: skip


class ResNeXtBlock(nn.Module):
    """ResNet's bottleneck with a grouped 3×3 convolution.

    Maps (N, in_channels, H, W) to (N, 4 × channels, ⌈H/stride⌉, ⌈W/stride⌉).
    Source: Xie et al., 2017 (arXiv:1611.05431): ``groups`` of ``width`` channels each
    where ``channels`` is 64, and in proportion elsewhere.
    """

    expansion = 4

    def __init__(self, in_channels, channels, stride=1, groups=32, width=4):
        super().__init__()
        inner, out_channels = groups * (channels * width // 64), 4 * channels
        self.body = nn.Sequential(
            conv_norm(in_channels, inner, 1), nn.ReLU(),
            conv_norm(inner, inner, 3, stride, groups), nn.ReLU(),
            conv_norm(inner, out_channels, 1),
        )  # fmt: skip
        self.shortcut = nn.Identity()
        if stride > 1 or in_channels != out_channels:
            self.shortcut = conv_norm(in_channels, out_channels, 1, stride)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return F.relu(self.body(X) + self.shortcut(X))


def resnext50(in_channels=1, num_classes=10, size=224) -> ResNet:
    """ResNeXt-50 (32×4d): 3, 4, 6 and 3 blocks; 32 groups, in the first stage of 4."""
    return ResNet(ResNeXtBlock, (3, 4, 6, 3), in_channels, num_classes, size)


class SqueezeExcite(nn.Module):
    """A gate for each channel, from the averages of all channels.

    Keeps the shape. Source: Hu et al., 2018 (arXiv:1709.01507).
    """

    def __init__(self, channels: int, squeezed: int):
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1), nn.ReLU(),
            nn.Conv2d(squeezed, channels, 1), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return X * self.gate(X)


class InvertedResidual(nn.Module):
    """1×1 up, a depthwise kernel, 1×1 down without activation; a shortcut if it fits.

    Maps (N, in_channels, H, W) to (N, out_channels, ⌈H/stride⌉, ⌈W/stride⌉). With
    ``gate``, a squeeze-and-excitation follows the depthwise kernel.
    Source: Sandler et al., 2018 (arXiv:1801.04381).
    """

    def __init__(self, in_channels, out_channels, stride=1, expansion=6, gate=False):
        super().__init__()
        inner = in_channels * expansion
        self.body = nn.Sequential()
        if expansion > 1:
            self.body.extend([conv_norm(in_channels, inner, 1), nn.ReLU6()])
        self.body.extend([conv_norm(inner, inner, 3, stride, groups=inner), nn.ReLU6()])
        if gate:
            self.body.append(SqueezeExcite(inner, max(1, in_channels // 4)))
        self.body.append(conv_norm(inner, out_channels, 1))
        self.adds = stride == 1 and in_channels == out_channels

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return X + self.body(X) if self.adds else self.body(X)


class ChannelNorm(nn.LayerNorm):
    """Layer normalization over the channels of each pixel. Keeps (N, C, H, W)."""

    def __init__(self, channels: int):
        super().__init__(channels, eps=1e-6)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return super().forward(X.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNeXtBlock(nn.Module):
    """A depthwise 7×7 kernel, then a perceptron at each pixel; a shortcut around both.

    Keeps (N, channels, H, W). ``scale`` is what the branch is multiplied by at first.
    Source: Liu et al., 2022 (arXiv:2201.03545).
    """

    def __init__(self, channels: int, kernel_size=7, expansion=4, scale=1e-6):
        super().__init__()
        self.scale = nn.Parameter(torch.full((channels, 1, 1), float(scale)))
        self.spatial = nn.Sequential(
            nn.Conv2d(channels, channels, kernel_size, padding=kernel_size // 2,
                      groups=channels),
            ChannelNorm(channels),
        )  # fmt: skip
        self.mixing = nn.Sequential(
            nn.Linear(channels, expansion * channels), nn.GELU(),
            nn.Linear(expansion * channels, channels),
        )  # fmt: skip

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        pixels = self.spatial(X).permute(0, 2, 3, 1)  # Linear wants channels last
        return X + self.scale * self.mixing(pixels).permute(0, 3, 1, 2)


#: of each stage: expansion, channels, blocks, stride of the first
MOBILENET_V2 = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
    (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
)  # fmt: skip


def mobilenet_v2(in_channels=1, num_classes=10, size=224) -> nn.Sequential:
    """MobileNetV2. ``size`` is not needed: the last layers average over the map."""
    blocks, channels = nn.Sequential(), 32
    for expansion, width, count, stride in MOBILENET_V2:
        for number in range(count):
            step = 1 if number else stride
            blocks.append(InvertedResidual(channels, width, step, expansion))
            channels = width
    net = nn.Sequential(
        conv_norm(in_channels, 32, 3, 2), nn.ReLU6(), blocks,
        conv_norm(channels, 1280, 1), nn.ReLU6(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Dropout(0.2), nn.Linear(1280, num_classes),
    )  # fmt: skip
    return net.apply(he_init)


def small_normal(layer: nn.Module) -> None:
    """Draw weights with a standard deviation of 0.02, cut at ±2; biases are 0."""
    if isinstance(layer, (nn.Conv2d, nn.Linear)):
        nn.init.trunc_normal_(layer.weight, std=0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def convnext(depths, widths, in_channels=1, num_classes=10, patch=4, scale=1e-6) -> nn.Sequential:
    """Patches, stages of ConvNeXt blocks with halvings between them, classifier."""
    stem = nn.Conv2d(in_channels, widths[0], patch, stride=patch)
    layers = [stem, ChannelNorm(widths[0])]
    for number, (depth, width) in enumerate(zip(depths, widths, strict=True)):
        if number:
            before = widths[number - 1]
            layers += [ChannelNorm(before), nn.Conv2d(before, width, 2, stride=2)]
        layers += [ConvNeXtBlock(width, scale=scale) for _ in range(depth)]
    head = (nn.AdaptiveAvgPool2d(1), ChannelNorm(widths[-1]), nn.Flatten())
    net = nn.Sequential(*layers, *head, nn.Linear(widths[-1], num_classes))
    return net.apply(small_normal)


def convnext_tiny(in_channels=1, num_classes=10, size=224) -> nn.Sequential:
    """ConvNeXt-T: 3, 3, 9 and 3 blocks. ``size`` must be 32 pixels or more."""
    return convnext((3, 3, 9, 3), (96, 192, 384, 768), in_channels, num_classes)


class XBlock(nn.Module):
    """The block of AnyNet: 1×1, 3×3 in groups, 1×1, and a shortcut.

    Maps (N, in_channels, H, W) to (N, out_channels, ⌈H/stride⌉, ⌈W/stride⌉). The middle
    has ``out_channels / bottleneck`` channels in groups of ``group_width`` (None: one
    group). ``gate``: channels of its gate, as a share of ``in_channels``; 0 for none.
    ``adds``: whether there is a shortcut.
    Source: Radosavovic et al., 2020 (arXiv:2003.13678).
    """

    def __init__(self, in_channels, out_channels, stride=1, bottleneck=1.0,
                 group_width=None, gate=0.0, kernel_size=3, adds=True):  # fmt: skip
        super().__init__()
        inner = round(out_channels / bottleneck)
        groups = inner // group_width if group_width else 1
        self.shortcut = nn.Identity() if adds else None
        if adds and (stride > 1 or in_channels != out_channels):
            self.shortcut = conv_norm(in_channels, out_channels, 1, stride)
        self.body = nn.Sequential(
            conv_norm(in_channels, inner, 1), nn.ReLU(),
            conv_norm(inner, inner, kernel_size, stride, groups), nn.ReLU(),
        )  # fmt: skip
        if gate:
            self.body.append(SqueezeExcite(inner, round(gate * in_channels)))
        self.body.append(conv_norm(inner, out_channels, 1))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        Y = self.body(X)
        return F.relu(Y if self.shortcut is None else self.shortcut(X) + Y)


class AnyNet(nn.Module):
    """Stem, stages of blocks, global average pooling, and a linear layer.

    Maps (N, in_channels, H, W) to (N, num_classes).

    Args:
        block: ``block(in_channels, out_channels, stride)`` builds a block.
        depths, widths: blocks and channels of each stage.
        strides: of the first block of each stage; None halves the map in each.
        stem: channels of the first convolution, whose stride is 2.
    """

    def __init__(self, block, depths, widths, in_channels=1, num_classes=10,
                 strides=None, stem=32):  # fmt: skip
        super().__init__()
        self.stem = nn.Sequential(conv_norm(in_channels, stem, 3, 2), nn.ReLU())
        self.stages, channels = nn.Sequential(), stem
        strides = strides or (2,) * len(depths)
        for depth, width, stride in zip(depths, widths, strides, strict=True):
            stage = nn.Sequential(block(channels, width, stride))
            stage.extend(block(width, width, 1) for _ in range(depth - 1))
            self.stages.append(stage)
            channels = width
        pooled = (nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Sequential(*pooled, nn.Linear(channels, num_classes))
        self.apply(he_init)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return self.head(self.stages(self.stem(X)))


def regnet_stages(depth: int, start: int, slope: float, ratio: float, group_width: int):
    """Depths, widths and group widths of the stages whose widths follow a line.

    Block j would have ``start + slope · j`` channels. The width is rounded to a power
    of ``ratio`` times ``start``, then to a multiple of 8, and at last to one of the
    group width, which is cut to the width where that is smaller.
    """
    line = [start + slope * number for number in range(depth)]
    powers = [round(math.log(width / start, ratio)) for width in line]
    blocks = [8 * round(start * ratio**power / 8) for power in powers]
    widths = sorted(set(blocks))
    depths = [blocks.count(width) for width in widths]
    groups = [min(group_width, width) for width in widths]
    pairs = zip(widths, groups)
    widths = [group * max(1, int(width / group + 0.5)) for width, group in pairs]
    return depths, widths, groups


def regnet_x_400mf(in_channels=1, num_classes=10, size=224) -> AnyNet:
    """RegNetX-400MF. ``size`` is not needed: the last layers average over the map."""
    depths, widths, (group_width, *_) = regnet_stages(22, 24, 24.48, 2.54, 16)
    block = partial(XBlock, group_width=group_width)
    return AnyNet(block, depths, widths, in_channels, num_classes)


class Attention(nn.Module):
    """Self-attention with several heads, between perceptrons: a Transformer's layer.

    Keeps (N, tokens, channels). Source: Vaswani et al., 2017 (arXiv:1706.03762), with
    the normalization first.
    """

    def __init__(self, channels: int, heads: int, expansion: int = 4):
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(2))
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        self.mixing = nn.Sequential(
            nn.Linear(channels, expansion * channels), nn.GELU(),
            nn.Linear(expansion * channels, channels),
        )  # fmt: skip

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        qkv = self.qkv(self.norms[0](X)).unflatten(2, (3, self.heads, -1))
        Q, K, V = qkv.permute(2, 0, 3, 1, 4)  # each (N, heads, tokens, d)
        weights = (Q @ K.transpose(2, 3) / Q.shape[3] ** 0.5).softmax(dim=3)
        X = X + self.out((weights @ V).transpose(1, 2).flatten(2))
        return X + self.mixing(self.norms[1](X))


class VisionTransformer(nn.Module):
    """Patches as tokens, learned places, Transformer layers, average, linear layer.

    Maps (N, in_channels, size, size) to (N, num_classes). Source: Dosovitskiy et al.,
    2021 (arXiv:2010.11929), but for the average in place of a token of its own.
    """

    def __init__(self, in_channels=1, num_classes=10, size=32, patch=4, channels=96,
                 depth=4, heads=4):  # fmt: skip
        super().__init__()
        self.patches = nn.Conv2d(in_channels, channels, patch, stride=patch)
        self.places = nn.Parameter(0.02 * torch.randn((size // patch) ** 2, channels))
        self.layers = nn.Sequential(*(Attention(channels, heads) for _ in range(depth)))
        classifier = nn.Linear(channels, num_classes)
        self.head = nn.Sequential(nn.LayerNorm(channels), classifier)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        tokens = self.patches(X).flatten(2).transpose(1, 2) + self.places
        return self.head(self.layers(tokens).mean(dim=1))
