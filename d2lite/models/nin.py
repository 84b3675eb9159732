# Written from the exported cells of book/nin.md; edit those and run `make sync`.
"""Network in network."""

import torch
from torch import nn

__all__ = ["SMALLEST_SIZE", "NiN", "nin", "nin_block", "nin_features", "nin_init", "nin_relu_on_logits"]


def nin_block(in_channels, out_channels, kernel_size, stride=1, padding=0, last_relu=True) -> nn.Sequential:
    """A ``kernel_size`` convolution and two of 1×1, each followed by a ReLU (the last one only if ``last_relu``).

    Maps (N, in_channels, H, W) to (N, out_channels, H', W'); stride and padding are those of the first convolution.
    Source: Lin et al., 2014 (arXiv:1312.4400).
    """
    layers = [
        nn.Conv2d(in_channels, out_channels, kernel_size, stride=stride, padding=padding), nn.ReLU(),
        nn.Conv2d(out_channels, out_channels, kernel_size=1), nn.ReLU(),
        nn.Conv2d(out_channels, out_channels, kernel_size=1), nn.ReLU(),
    ]  # fmt: skip
    return nn.Sequential(*layers if last_relu else layers[:-1])


def nin_features(in_channels, num_classes, relu_on_logits=False) -> nn.Sequential:
    """Four blocks with poolings between: (N, in_channels, H, W) → (N, num_classes, H', W'), a map for each class."""
    return nn.Sequential(
        nin_block(in_channels, 96, kernel_size=11, stride=4), nn.MaxPool2d(3, stride=2),
        nin_block(96, 256, kernel_size=5, padding=2), nn.MaxPool2d(3, stride=2),
        nin_block(256, 384, kernel_size=3, padding=1), nn.MaxPool2d(3, stride=2),
        nn.Dropout(0.5),
        nin_block(384, num_classes, kernel_size=3, padding=1, last_relu=relu_on_logits),
    )  # fmt: skip


SMALLEST_SIZE = 67  # pixels: 67 → 15 → 7 → 3 → 1, and any fewer leave the last pooling nothing


class NiN(nn.Module):
    """Four NiN blocks, then the average of each class map: (N, in_channels, H, W) → (N, num_classes).

    ``size``, the images' height and width in pixels, is only checked: no layer depends on it. ``relu_on_logits`` ends
    the last block with a ReLU, as the common listing does; the logits are then never negative.
    Raises ValueError where ``size`` leaves nothing to average; it names the smallest size that works.
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


def nin_init(net: nn.Module) -> None:
    """He's rule for the large kernels, the identity for those of 1×1, a tenth of it for the last; biases zero.

    So a block starts as its first convolution alone, and all classes start almost equally likely.
    Source of the rule: He et al., 2015 (arXiv:1502.01852).
    """
    convolutions = [module for module in net.modules() if isinstance(module, nn.Conv2d)]
    for conv in convolutions:
        if conv.kernel_size == (1, 1):
            nn.init.dirac_(conv.weight)
        else:
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
        nn.init.zeros_(conv.bias)
    with torch.no_grad():
        convolutions[-1].weight.mul_(0.1)


def nin(in_channels=1, num_classes=10, size=224) -> NiN:
    """Network in network, as the courses teach it: twelve convolutions, and no linear layer."""
    return NiN(in_channels, num_classes, size)


def nin_relu_on_logits(in_channels=1, num_classes=10, size=224) -> NiN:
    """The same with the common listing's ReLU on the logits."""
    return NiN(in_channels, num_classes, size, relu_on_logits=True)
