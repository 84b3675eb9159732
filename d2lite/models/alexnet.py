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
    "head_inputs",
    "output_size",
    "smallest_size",
]


def output_size(n: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Side of what a convolution or pooling makes of a side of ``n`` pixels.

    Below 1 where the window does not fit.
    """
    span = dilation * (kernel - 1) + 1
    return (n + 2 * padding - span) // stride + 1


CHANNELS = (96, 256, 384, 384, 256)  # of the five convolutions
# (kernel, stride, padding) of each convolution and pooling
WINDOWS = ((11, 4, 0), (3, 2, 0), (5, 1, 2), (3, 2, 0),
           (3, 1, 1), (3, 1, 1), (3, 1, 1), (3, 2, 0))  # fmt: skip


def alexnet_features(in_channels=1, channels=CHANNELS, padding=0, activation=nn.ReLU) -> nn.Sequential:
    """AlexNet's five convolutions and three poolings.

    Maps (N, in_channels, 224, 224) to (N, channels[-1], 5, 5), without ``padding``
    of the first convolution. Source: Krizhevsky et al., 2012, on one device.
    """
    c1, c2, c3, c4, c5 = channels
    return nn.Sequential(
        nn.Conv2d(in_channels, c1, kernel_size=11, stride=4, padding=padding),
        activation(), nn.MaxPool2d(kernel_size=3, stride=2),
        nn.Conv2d(c1, c2, kernel_size=5, padding=2),
        activation(), nn.MaxPool2d(kernel_size=3, stride=2),
        nn.Conv2d(c2, c3, kernel_size=3, padding=1), activation(),
        nn.Conv2d(c3, c4, kernel_size=3, padding=1), activation(),
        nn.Conv2d(c4, c5, kernel_size=3, padding=1), activation(),
        nn.MaxPool2d(kernel_size=3, stride=2),
    )  # fmt: skip


def alexnet_head(inputs: int, num_classes=10, units=4096, activation=nn.ReLU) -> nn.Sequential:
    """Two hidden layers with dropout, then the logits.

    Maps (N, C, H, W) with C · H · W = ``inputs`` to (N, num_classes).
    """
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(inputs, units), activation(), nn.Dropout(0.5),
        nn.Linear(units, units), activation(), nn.Dropout(0.5),
        nn.Linear(units, num_classes),
    )  # fmt: skip


def he_init(layer: nn.Module) -> None:
    """Draw a layer's weights with variance 2 / fan-in, and set its biases to zero.

    For convolutions and linear layers. Source: He et al., 2015 (arXiv:1502.01852).
    """
    if isinstance(layer, (nn.Conv2d, nn.Linear)):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(layer.bias)


def smallest_size(windows=WINDOWS) -> int:
    """The smallest image, in pixels a side, of which ``windows`` leave one pixel.

    Each window is (kernel, stride, padding).
    """
    side = 1
    for kernel, stride, padding in reversed(windows):
        side = (side - 1) * stride + kernel - 2 * padding
    return side


def head_inputs(size: int) -> int:
    """How many values reach the head from an image of ``size`` pixels a side.

    Raises ValueError if nothing is left; it names the smallest size that works.
    """
    side = size
    for window in WINDOWS:
        side = output_size(side, *window)
    if side < 1:
        raise ValueError(
            f"an image of {size}×{size} px leaves nothing for the head: "
            f"the smallest size that works is {smallest_size()} px."
        )
    return CHANNELS[-1] * side**2


class AlexNet(nn.Module):
    """Maps (N, in_channels, size, size) to (N, num_classes).

    ``units`` are those of each hidden layer of the head. ``activation`` is called once
    for each nonlinearity. Raises ValueError if ``size`` leaves nothing for the head.
    """

    def __init__(self, in_channels=1, num_classes=10, size=224, activation=nn.ReLU, units=4096):
        super().__init__()
        inputs = head_inputs(size)
        self.features = alexnet_features(in_channels, activation=activation)
        self.head = alexnet_head(inputs, num_classes, units, activation)
        self.apply(he_init)

    def forward(self, X):
        return self.head(self.features(X))


def alexnet(in_channels=1, num_classes=10, size=224, activation=nn.ReLU) -> AlexNet:
    """AlexNet on one device; 46,764,746 parameters as it stands."""
    return AlexNet(in_channels, num_classes, size, activation)
