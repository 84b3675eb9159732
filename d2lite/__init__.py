"""d2lite: the small PyTorch helper of an executable book on modern convolutional networks."""

import importlib as _importlib
from typing import TYPE_CHECKING as _TYPE_CHECKING

from . import moved as _moved
from . import requirements as _requirements

try:
    # First of all: PyTorch's OpenMP reads what it sets once, when PyTorch is imported.
    from .machine import threads as _threads  # noqa: I001

    import numpy as _np
    import torch as _torch

    from .checks import CheckResult, check
    from .data.errors import DataError, DataFileError, NotFoundError
    from .data.loading import load
    from .data.splits import ImageData, Split
    from .data.wrapping import wrap
    from .inspect.prose import tell
    from .inspect.summarize import Summary, summary
    from .inspect.trace import InputShapeError
    from .machine.devices import device, profile
    from .machine.drives import drive
    from .machine.seeds import seed_everything
    from .machine.versions import Provenance, provenance, version
    from .nets.catalog import Recipe, build, published, recipe, recipes
    from .nets.mainline import Story, story
    from .nets.measurements import Predictions, measured, predictions, results, test_labels
    from .nets.statistics import Difference, compare, paired
    from .nets.weights import Pretrained, pretrained
    from .train.board import Listener
    from .train.checkpoint import restore, save
    from .train.history import EpochRecord, History
    from .train.loop import NonFiniteLossError, fit
    from .train.metrics import Metrics, evaluate
except Exception as _error:
    _requirements.cannot_start(_error)  # raises, but on the command line, where the doctor works all the same
else:
    # Numbers below 1e-38, such as long-decayed gradients, count as zero: a CPU needs a hundred times longer for them.
    # Set here, because PyTorch's threads take the setting over when they start. Where a processor cannot, nothing
    # happens. NumPy before 2 looks for the smallest of them at the first question, and warns where there are none: so
    # it is asked.
    _np.finfo(_np.float32)
    _np.finfo(_np.float64)
    _torch.set_flush_denormal(True)
    _threads.limit()

    __version__ = version()

if _TYPE_CHECKING:
    from .inspect.drawing import show_networks
    from .inspect.figures import show_channels, show_feature_maps, show_images, show_predictions
    from .widgets.exported_page import export_page


_ROOMS = {"show_networks": ".inspect.drawing", "export_page": ".widgets.exported_page"}


def __getattr__(name: str):
    """What is imported when it is asked for: Matplotlib and Jupyter's machinery take longer than all the rest."""
    if name == "widgets" or name in _moved.MOVED:
        return _importlib.import_module(f".{name}", __name__)
    if name in __all__:
        room = _ROOMS.get(name, ".inspect.figures")
        return getattr(_importlib.import_module(room, __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "widgets"})


__all__ = [
    "CheckResult", "DataError", "DataFileError", "Difference", "EpochRecord", "History", "ImageData",
    "InputShapeError", "Listener", "Metrics", "NonFiniteLossError", "NotFoundError", "Predictions", "Pretrained",
    "Provenance", "Recipe", "Split", "Story", "Summary", "build", "check", "compare", "device", "drive", "evaluate",
    "export_page", "fit", "load", "measured", "paired", "predictions", "pretrained", "profile", "provenance",
    "published", "recipe", "recipes", "restore", "results", "save", "seed_everything", "show_channels",
    "show_feature_maps", "show_images", "show_networks", "show_predictions", "story", "summary", "tell",
    "test_labels", "wrap",
]  # fmt: skip
