# Written from the exported cells of book/nin.md; edit those and run `make sync`.
"""Network in network."""

import torch
from torch import nn

__all__ = ["SMALLEST_SIZE", "NiN", "nin", "nin_block", "nin_features", "nin_init", "nin_relu_on_logits"]


def nin_block(in_channels, out_channels, kernel_size, stride=1, padding=0, last_relu=True) -> nn.Sequential:
    """A ``kernel_size`` convolution and two of 1×1, each followed by a ReLU.

    Maps (N, in_channels, H, W) to (N, out_channels, H', W'). Stride and padding are
    for the first convolution. ``last_relu=False`` leaves out the last ReLU.
    Source: Lin et al., 2014 (arXiv:1312.4400).
    """
    layers = [
        nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding),
        nn.ReLU(),
        nn.Conv2d(out_channels, out_channels, kernel_size=1), nn.ReLU(),
        nn.Conv2d(out_channels, out_channels, kernel_size=1), nn.ReLU(),
    ]  # fmt: skip
    return nn.Sequential(*layers if last_relu else layers[:-1])


def nin_features(in_channels, num_classes, relu_on_logits=False) -> nn.Sequential:
    """Four blocks, poolings between them; the output has one map for each class.

    Maps (N, in_channels, H, W) to (N, num_classes, H', W').
    """
    return nn.Sequential(
        nin_block(in_channels, 96, 11, stride=4), nn.MaxPool2d(3, stride=2),
        nin_block(96, 256, 5, padding=2), nn.MaxPool2d(3, stride=2),
        nin_block(256, 384, 3, padding=1), nn.MaxPool2d(3, stride=2),
        nn.Dropout(0.5),
        nin_block(384, num_classes, 3, padding=1, last_relu=relu_on_logits),
    )  # fmt: skip


def nin_init(net: nn.Module) -> None:
    """Initialize the large kernels with He's rule, each 1×1 layer as the identity,
    and the last 1×1 layer as one tenth of the identity. Biases start at zero.

    So a block starts as its first convolution alone, and no class is favored.
    Source of the rule: He et al., 2015 (arXiv:1502.01852).
    """
    convolutions = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d)]
    for conv in convolutions:
        if conv.kernel_size == (1, 1):
            nn.init.dirac_(conv.weight)
        else:
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
        nn.init.zeros_(conv.bias)
    with torch.no_grad():
        convolutions[-1].weight.mul_(0.1)


SMALLEST_SIZE = 67  # pixels: 67 → 15 → 7 → 3 → 1; the last pooling needs the 3


class NiN(nn.Module):
    """Four NiN blocks, then the average of each class map.

    Maps (N, in_channels, H, W) to (N, num_classes). No layer depends on ``size``,
    the images' height and width in pixels: it is only checked. ``relu_on_logits`` ends
    the last block with a ReLU, as the common listing does: no logit is negative then.
    Raises ValueError where ``size`` is under 67.
    """

    def __init__(self, in_channels=1, num_classes=10, size=224, relu_on_logits=False):
        super().__init__()
        if size < SMALLEST_SIZE:
            raise ValueError(
                f"an image of {size}×{size} px is used up by the poolings: "
                f"the smallest size that works is {SMALLEST_SIZE} px."
            )
        self.features = nin_features(in_channels, num_classes, relu_on_logits)
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        nin_init(self)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(X))


def nin(in_channels=1, num_classes=10, size=224) -> NiN:
    """Network in network, as earlier courses teach it: no linear layer."""
    return NiN(in_channels, num_classes, size)


def nin_relu_on_logits(in_channels=1, num_classes=10, size=224) -> NiN:
    """The same with the common listing's ReLU on the logits."""
    return NiN(in_channels, num_classes, size, relu_on_logits=True)
