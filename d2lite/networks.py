"""What the networks of this book are called, where each is met, and when its idea was made public."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Network:
    """Facts about one network: ``name`` as in the recipes, ``title`` as people read it, ``year``, ``chapter``."""

    name: str
    title: str
    year: int
    chapter: str


# Years are those of the papers; of the linear classifier, that of Cox's multinomial regression.
_ROWS = [
    ("linear", "Linear classifier", 1966, "data_and_training"),
    ("edge_histograms", "Edge histograms", 2005, "data_and_training"),
    ("lenet", "LeNet", 1998, "data_and_training"),
    ("alexnet", "AlexNet", 2012, "alexnet"),
    ("vgg11_quarter", "Quarter-width VGG-11", 2014, "vgg"),
    ("vgg11", "VGG-11", 2014, "vgg"),
    ("vgg16_unpadded", "Unpadded VGG-16", 2014, "vgg"),
    ("nin", "NiN", 2013, "nin"),
    ("googlenet", "GoogLeNet", 2014, "googlenet"),
    ("lenet_batch_norm", "LeNet + BatchNorm", 2015, "batch_norm"),
    ("googlenet_batch_norm", "GoogLeNet + BatchNorm", 2015, "batch_norm"),
    ("resnet18", "ResNet-18", 2015, "resnet"),
    ("resnet26", "ResNet-26", 2015, "resnet"),
    ("resnet8", "ResNet-8", 2015, "resnet"),
    ("resnet8_narrow", "Narrow ResNet-8", 2015, "resnet"),
    ("densenet", "DenseNet", 2016, "densenet"),
]
#: all networks by name, in the order of the book
NETWORKS = {row[0]: Network(*row) for row in _ROWS}
