"""The interactives: anywidgets that compute in the page, with or without a kernel."""

from .architecture import ArchitectureExplorer
from .convolution import ConvolutionLab
from .frontier import FrontierExplorer
from .gradient_descent import GradientDescent
from .live_network import LiveNetwork
from .mixer import PixelMixer

__all__ = [
    "ArchitectureExplorer",
    "ConvolutionLab",
    "FrontierExplorer",
    "GradientDescent",
    "LiveNetwork",
    "PixelMixer",
]
