"""The interactives: anywidgets that compute in the page, with or without a kernel."""

from .architecture import ArchitectureExplorer
from .convolution import ConvolutionLab
from .frontier import FrontierExplorer
from .gradient_descent import GradientDescent
from .inception import BranchBudget
from .live_network import LiveNetwork
from .predictions import PredictionBrowser
from .mixer import PixelMixer

__all__ = [
    "ArchitectureExplorer",
    "BranchBudget",
    "ConvolutionLab",
    "FrontierExplorer",
    "GradientDescent",
    "LiveNetwork",
    "PredictionBrowser",
    "PixelMixer",
]
