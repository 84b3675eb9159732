"""From the name of a data set to batches on the device: find or download its files, read, check, split."""

from .catalog import DATASETS
from .errors import DataError, DataFileError, NotFoundError
from .loading import is_available, load, prepare
from .splits import ImageData, Split
from .store import find

__all__ = [
    "DATASETS", "DataError", "DataFileError", "ImageData", "NotFoundError", "Split", "find", "is_available", "load",
    "prepare",
]  # fmt: skip
