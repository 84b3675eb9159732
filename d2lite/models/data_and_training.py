# Written from the exported cells of book/data_and_training.md; edit those and run `make sync`.
"""Learned features: data and a training loop."""

from torch import nn

__all__ = ["lenet"]


def lenet(in_channels=1, num_classes=10, size=28, activation=nn.ReLU):
    """LeNet: images (N, in_channels, size, size) to logits (N, num_classes).

    ``activation`` is called without arguments, once for each nonlinearity. After LeCun et al., 1998.

    Raises:
        ValueError: ``size`` is smaller than 12 pixels, which leaves nothing after the second pooling.
    """
    if size < 12:
        raise ValueError(f"size is {size}: the second pooling would have nothing to pool; the smallest size is 12.")
    edge = (size // 2 - 4) // 2  # pooled to a half, 4 pixels lost to the 5×5 convolution, pooled again
    return nn.Sequential(
        nn.Conv2d(in_channels, 6, kernel_size=5, padding=2), activation(), nn.AvgPool2d(2),
        nn.Conv2d(6, 16, kernel_size=5), activation(), nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * edge * edge, 120), activation(),
        nn.Linear(120, 84), activation(),
        nn.Linear(84, num_classes),
    )  # fmt: skip
