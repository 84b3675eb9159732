# Written from the exported cells of book/alexnet.md; edit those and run `make sync`.
"""AlexNet: depth that learns."""

from torch import nn

__all__ = [
    "CHANNELS",
    "WINDOWS",
    "AlexNet",
    "alexnet",
    "alexnet_features",
    "alexnet_head",
    "he_init",
    "output_size",
    "smallest_size",
]


def output_size(n: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Side of what a convolution or pooling makes of a side of ``n`` pixels; below 1 where the window does not fit."""
    span = dilation * (kernel - 1) + 1
    return (n + 2 * padding - span) // stride + 1


CHANNELS = (96, 256, 384, 384, 256)


def alexnet_features(in_channels=1, channels=CHANNELS, padding=0, activation=nn.ReLU) -> nn.Sequential:
    """AlexNet's five convolutions and three poolings; ``padding`` is that of the first convolution.

    Maps (N, in_channels, 224, 224) to (N, 256, 5, 5). Source: Krizhevsky et al., 2012, on one device.
    """
    c1, c2, c3, c4, c5 = channels
    return nn.Sequential(
        nn.Conv2d(in_channels, c1, kernel_size=11, stride=4, padding=padding), activation(),
        nn.MaxPool2d(kernel_size=3, stride=2),
        nn.Conv2d(c1, c2, kernel_size=5, padding=2), activation(),
        nn.MaxPool2d(kernel_size=3, stride=2),
        nn.Conv2d(c2, c3, kernel_size=3, padding=1), activation(),
        nn.Conv2d(c3, c4, kernel_size=3, padding=1), activation(),
        nn.Conv2d(c4, c5, kernel_size=3, padding=1), activation(),
        nn.MaxPool2d(kernel_size=3, stride=2),
    )  # fmt: skip


def alexnet_head(inputs: int, num_classes=10, units=4096, activation=nn.ReLU) -> nn.Sequential:
    """Two hidden layers of ``units`` with dropout, then logits: (N, C, H, W), C·H·W = inputs, to (N, num_classes)."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(inputs, units), activation(), nn.Dropout(0.5),
        nn.Linear(units, units), activation(), nn.Dropout(0.5),
        nn.Linear(units, num_classes),
    )  # fmt: skip


def he_init(layer: nn.Module) -> None:
    """Weights of a convolution or linear layer from a normal distribution of variance 2 / fan-in, biases zero.

    Source: He et al., 2015 (arXiv:1502.01852).
    """
    if isinstance(layer, (nn.Conv2d, nn.Linear)):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(layer.bias)


# (kernel, stride, padding) of each convolution and pooling
WINDOWS = ((11, 4, 0), (3, 2, 0), (5, 1, 2), (3, 2, 0), (3, 1, 1), (3, 1, 1), (3, 1, 1), (3, 2, 0))


class AlexNet(nn.Module):
    """Five convolutions, three linear layers: (N, in_channels, size, size) → (N, num_classes).

    Args:
        size: height and width of the images in pixels; the head's first layer is sized from it.
        activation: called without arguments, once for each nonlinearity.
        units: of each hidden layer of the head.

    Raises:
        ValueError: ``size`` leaves nothing for the head; names the smallest size that works.
    """

    def __init__(self, in_channels=1, num_classes=10, size=224, activation=nn.ReLU, units=4096):
        super().__init__()
        side = size
        for window in WINDOWS:
            side = output_size(side, *window)
        if side < 1:
            raise ValueError(
                f"an image of {size}×{size} px leaves nothing for the head: "
                f"the smallest size that works is {smallest_size()} px."
            )
        self.features = alexnet_features(in_channels, activation=activation)
        self.head = alexnet_head(CHANNELS[-1] * side**2, num_classes, units, activation)
        self.apply(he_init)

    def forward(self, X):
        return self.head(self.features(X))


def smallest_size(windows=WINDOWS) -> int:
    """The smallest image, in pixels a side, of which the ``windows`` (kernel, stride, padding) leave one pixel."""
    side = 1
    for kernel, stride, padding in reversed(windows):
        side = (side - 1) * stride + kernel - 2 * padding
    return side


def alexnet(in_channels=1, num_classes=10, size=224, activation=nn.ReLU) -> AlexNet:
    """AlexNet on one device: 5 convolutions and 3 linear layers; 46,764,746 parameters as it stands."""
    return AlexNet(in_channels, num_classes, size, activation)
