# Written from the exported cells of book/data_and_training.md; edit those and run `make sync`.
"""Learned features: data and a training loop."""

import math

import torch
from torch import nn

__all__ = ["EdgeHistograms", "edge_classifier", "lenet", "linear_classifier"]


def linear_classifier(in_channels=1, num_classes=10, size=28):
    """A weighted sum of all pixels for each class.

    Maps (N, in_channels, size, size) to (N, num_classes).
    """
    return nn.Sequential(nn.Flatten(), nn.Linear(in_channels * size**2, num_classes))


class EdgeHistograms(nn.Module):
    """The strength of edges in each direction, in each of ``cells`` × ``cells`` cells.

    Maps (N, C, H, W) to (N, directions · cells²). Source: Dalal and Triggs, 2005,
    without their normalization of blocks.
    """

    def __init__(self, cells=8, directions=8):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(cells)
        self.directions = directions

    def forward(self, X):
        dy, dx = torch.gradient(X.mean(dim=1), dim=(1, 2))
        angle = torch.atan2(dy, dx) % math.pi / math.pi  # 0 to 1, opposite slopes alike
        which = (angle * self.directions).long().clamp(max=self.directions - 1)
        bins = torch.arange(self.directions, device=X.device).reshape(1, -1, 1, 1)
        strength = torch.hypot(dx, dy).unsqueeze(1)
        return self.pool((which.unsqueeze(1) == bins) * strength).flatten(start_dim=1)


def edge_classifier(in_channels=1, num_classes=10, size=28, cells=8, directions=8):
    """A weighted sum of edge histograms for each class.

    Maps (N, in_channels, size, size) to (N, num_classes). Raises ValueError where
    ``size`` is smaller than ``cells``: some cells would have no pixel of their own.
    """
    if size < cells:
        raise ValueError(f"size is {size}: {cells} cells a side need images of at least {cells} px.")
    return nn.Sequential(
        EdgeHistograms(cells, directions),
        nn.BatchNorm1d(directions * cells**2, affine=False),  # mean 0, spread 1
        nn.Linear(directions * cells**2, num_classes),
    )


def lenet(in_channels=1, num_classes=10, size=28, activation=nn.ReLU):
    """LeNet: images (N, in_channels, size, size) to logits (N, num_classes).

    ``activation`` is called without arguments, once for each nonlinearity. Raises
    ValueError where ``size`` is under 12 pixels. After LeCun et al., 1998.
    """
    if size < 12:
        raise ValueError(f"size is {size}: the second pooling would have nothing to pool; the smallest size is 12.")
    edge = (size // 2 - 4) // 2  # pooled, 4 lost to the 5×5 convolution, pooled again
    return nn.Sequential(
        nn.Conv2d(in_channels, 6, 5, padding=2), activation(), nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5), activation(), nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * edge * edge, 120), activation(),
        nn.Linear(120, 84), activation(),
        nn.Linear(84, num_classes),
    )  # fmt: skip
