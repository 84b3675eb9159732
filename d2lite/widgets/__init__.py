"""The interactives: anywidgets that compute in the page, with or without a kernel."""

from .architecture import ArchitectureExplorer
from .batch_norm import BatchNormLab
from .block_designer import BlockDesigner
from .connectivity import DenseConnectivity
from .convolution import ConvolutionLab
from .frontier import FrontierExplorer
from .gradient_descent import GradientDescent
from .inception import BranchBudget
from .label_cleaner import LabelCleaner
from .live_network import LiveNetwork
from .mixer import PixelMixer
from .photo_upload import PhotoUpload
from .predict import Predict as Predict  # what a chapter asks; no interactive
from .predictions import PredictionBrowser
from .receptive_field import ReceptiveField
from .ring_all_reduce import RingAllReduce
from .skip_connection import SkipConnection
from .training_lab import TrainingLab

__all__ = [
    "ArchitectureExplorer",
    "BatchNormLab",
    "BlockDesigner",
    "BranchBudget",
    "ConvolutionLab",
    "DenseConnectivity",
    "FrontierExplorer",
    "GradientDescent",
    "LabelCleaner",
    "LiveNetwork",
    "PhotoUpload",
    "PixelMixer",
    "PredictionBrowser",
    "ReceptiveField",
    "RingAllReduce",
    "SkipConnection",
    "TrainingLab",
]
