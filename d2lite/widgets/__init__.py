"""The interactives: anywidgets that compute in the page, with or without a kernel."""

from .architecture import ArchitectureExplorer
from .convolution import ConvolutionLab
from .gradient_descent import GradientDescent
from .live_network import LiveNetwork

__all__ = [
    "ArchitectureExplorer",
    "ConvolutionLab",
    "GradientDescent",
    "LiveNetwork",
]
