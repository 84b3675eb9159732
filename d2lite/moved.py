"""Modules under the names that they had before they got rooms: notebooks that people keep still import those.

What chapters and problem sets used is found there; of the rest, what is still there under its own name.
"""

import importlib
import sys
from types import ModuleType

#: old module → where what it held is now
MOVED = {
    "batches": "data.splits", "board": "train.board", "building": "nets.catalog", "checkpoints": "train.checkpoint",
    "datasets": "data.catalog", "device": "machine.devices machine.seeds machine.versions",
    "download": "data.download data.errors", "formats": "data.readers data.errors", "frontier": "nets.statistics",
    "history": "train.history", "listeners": "train.board", "locate": "data.store data.errors",
    "mainline": "nets.mainline", "metrics": "train.metrics", "networks": "nets.catalog",
    "parallel": "machine.distributed", "plotting": "inspect.figures", "preflight": "train.validate",
    "reading": "data.store", "recipes": "nets.catalog nets.tables arguments",
    "results": "nets.measurements nets.tables", "resuming": "train.checkpoint", "shapes": "inspect.trace",
    "statistics": "nets.statistics", "story": "nets.mainline", "streaming": "data.streaming",
    "summary": "inspect.summarize", "telling": "inspect.prose", "threads": "machine.threads", "training": "train.loop",
}  # fmt: skip
RENAMED = {"stored": "table"}


class _Moved(ModuleType):
    def __getattr__(self, name: str):
        new = RENAMED.get(name, name)
        for place in MOVED[self.__name__.rpartition(".")[2]].split() if not name.startswith("__") else ():
            if hasattr(module := importlib.import_module(f"{__package__}.{place}"), new):
                return getattr(module, new)
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")


# Importable from here on. The modules are not loaded, and no public function is hidden by one of them.
for old in MOVED:
    sys.modules.setdefault(f"{__package__}.{old}", _Moved(f"{__package__}.{old}"))
del old
