# Written from the exported cells of book/batch_norm.md; edit those and run `make sync`.
"""Batch normalization from scratch."""

import torch
from torch import nn

__all__ = ["BatchNorm", "batch_norm", "checked", "lenet_batch_norm"]


def batch_norm(X, gamma, beta, moving_mean, moving_var, eps, momentum, training=True):
    """Normalize X, (N, C) or (N, C, ...), channel by channel; in training, update the
    moving statistics in place.

    gamma, beta, moving_mean and moving_var have shape (C,). Momentum and variance
    follow PyTorch's conventions. Source: Ioffe and Szegedy, 2015.
    """
    axes = [axis for axis in range(X.dim()) if axis != 1]
    shape = [1, -1] + [1] * (X.dim() - 2)  # lines C numbers up with axis 1
    if training:
        mean = X.mean(axes)
        var = ((X - mean.reshape(shape)) ** 2).mean(axes)
        count = X.numel() // X.shape[1]
        with torch.no_grad():  # no gradient flows into the running statistics
            moving_mean.mul_(1 - momentum).add_(momentum * mean)
            moving_var.mul_(1 - momentum).add_(momentum * var * count / (count - 1))
    else:
        mean, var = moving_mean, moving_var
    X_hat = (X - mean.reshape(shape)) / torch.sqrt(var.reshape(shape) + eps)
    return gamma.reshape(shape) * X_hat + beta.reshape(shape)


def checked(X, weight, training):
    """X in the precision of ``weight``, which holds a number a channel: under autocast
    X is bfloat16, too coarse for a mean of thousands of values.

    Raises ValueError unless X is (N, channels, ...), in training with two or more
    values a channel.
    """
    channels = len(weight)
    if X.dim() < 2 or X.shape[1] != channels:
        raise ValueError(f"this layer takes (N, {channels}, ...), not {tuple(X.shape)}")
    if training and X.numel() == channels:
        raise ValueError(
            "Expected more than 1 value per channel when training, got input size "
            f"{tuple(X.shape)}: one value has no variance. Use a larger batch, or "
            "net.eval() to predict."
        )
    return X.to(torch.promote_types(X.dtype, weight.dtype))


class BatchNorm(nn.Module):
    """Batch normalization of (N, num_features, ...), with the state_dict of PyTorch's.

    ``momentum=None`` averages all batches since the start with equal weight. Raises
    ValueError for other channels, and in training for one value a channel.
    """

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))  # gamma
        self.bias = nn.Parameter(torch.zeros(num_features))  # beta
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, X):
        values = checked(X, self.weight, self.training)
        momentum = self.momentum
        if self.training:
            self.num_batches_tracked += 1
            if momentum is None:
                momentum = 1 / self.num_batches_tracked.item()
        own = (self.weight, self.bias, self.running_mean, self.running_var)
        return batch_norm(values, *own, self.eps, momentum, self.training).to(X.dtype)

    def extra_repr(self):
        return f"{self.num_features}, eps={self.eps}, momentum={self.momentum}"


def lenet_batch_norm(in_channels=1, num_classes=10, size=28, *, norm=BatchNorm, activation=nn.Sigmoid):
    """LeNet with ``norm(channels)`` before each activation.

    Maps (N, in_channels, size, size) to (N, num_classes). Sources: LeCun et al., 1998;
    Ioffe and Szegedy, 2015. Raises ValueError when ``size`` is below 12.
    """
    side = (size // 2 - 4) // 2  # halved, less 4 for an unpadded 5 x 5, halved
    if side < 1:
        raise ValueError(f"size {size} is too small for LeNet: its second pooling layer needs images of at least 12 px")
    return nn.Sequential(
        nn.Conv2d(in_channels, 6, 5, padding=2), norm(6), activation(), nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5), norm(16), activation(), nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * side * side, 120), norm(120), activation(),
        nn.Linear(120, 84), norm(84), activation(),
        nn.Linear(84, num_classes),
    )  # fmt: skip
