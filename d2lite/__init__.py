"""d2lite: the small PyTorch helper of an executable book on modern convolutional networks."""

import importlib as _importlib
from typing import TYPE_CHECKING as _TYPE_CHECKING

from . import threads as _threads  # first: PyTorch's OpenMP reads what it sets once, when PyTorch is imported

# isort: split
import torch as _torch

from . import training as _training
from .board import make_listener
from .building import build
from .checkpoints import restore, save
from .checks import CheckResult, check
from .data import DataError, DataFileError, ImageData, NotFoundError, Split, load
from .device import Provenance, device, profile, provenance, seed_everything, version
from .history import EpochRecord, History
from .listeners import Listener
from .metrics import Metrics, evaluate
from .recipes import Recipe, published, recipe, recipes
from .results import Predictions, measured, predictions, results, test_labels
from .shapes import InputShapeError
from .statistics import Difference, compare, paired
from .story import Story, story
from .summary import Summary, summary
from .telling import tell
from .training import NonFiniteLossError, fit

if _TYPE_CHECKING:
    from .plotting import show_channels, show_feature_maps, show_images, show_predictions

_training.default_listener = make_listener
# Numbers below 1e-38, such as long-decayed gradients, count as zero: a CPU needs a hundred times longer for them. Set
# here, because PyTorch's threads take the setting over when they start. Where a processor cannot, nothing happens.
_torch.set_flush_denormal(True)
_threads.limit()

__version__ = version()


def __getattr__(name: str):
    """What is imported when it is asked for: Matplotlib and Jupyter's machinery take longer than all the rest."""
    if name == "widgets":
        return _importlib.import_module(".widgets", __name__)
    if name in __all__:
        return getattr(_importlib.import_module(".plotting", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "widgets"})


__all__ = [
    "CheckResult", "DataError", "DataFileError", "Difference", "EpochRecord", "History", "ImageData", "InputShapeError",
    "Listener", "Metrics", "NonFiniteLossError", "NotFoundError", "Predictions", "Provenance", "Recipe", "Split",
    "Story", "Summary", "build", "check", "compare", "device", "evaluate", "fit", "load", "measured", "paired",
    "predictions", "profile", "provenance", "published", "recipe", "recipes", "restore", "results", "save",
    "seed_everything", "show_channels", "show_feature_maps", "show_images", "show_predictions", "story", "summary",
    "tell", "test_labels",
]  # fmt: skip
