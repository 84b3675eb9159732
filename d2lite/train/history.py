"""What a training run recorded, one record an epoch, and its curves."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..arguments import plain, real
from ..files import readable, write_atomically
from ..machine.printing import how_many

if TYPE_CHECKING:  # imported where they are used: together they take longer than all the rest of d2lite
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: of curves: Okabe–Ito blue and vermilion, told apart in every kind of color blindness, and by line style in print
STYLES = {"train": {"color": "#0072B2", "linestyle": "-"}, "val": {"color": "#D55E00", "linestyle": "--"}}


@dataclass(frozen=True)
class EpochRecord:
    """One epoch: losses are means a sample (nats), accuracies fractions in [0, 1], exact over the split.

    ``train_*`` were gathered while the weights moved, with dropout and the like on. ``val_*`` are ``None`` without a
    validation split. ``lr`` is the rate at the epoch's last step. The clock fields (seconds of training without
    validation, images a second) do not count when two records are compared.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float | None
    val_accuracy: float | None
    lr: float
    seconds: float = field(compare=False)
    images_per_second: float = field(compare=False)


@dataclass
class History(Sequence):
    """The records of a run, in order; two histories are equal when everything but the clock is equal."""

    records: list[EpochRecord] = field(default_factory=list)
    interrupted: bool = False

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> EpochRecord:
        return self.records[index]

    def __repr__(self) -> str:
        state = ", interrupted" if self.interrupted else ""
        return f"History({how_many(len(self), 'epoch')}{state})"

    @property
    def last(self) -> EpochRecord:
        """The last epoch's record. Raises ValueError when no epoch was finished."""
        if not self.records:
            raise ValueError("this history is empty: no epoch was finished.")
        return self.records[-1]

    @property
    def best(self) -> EpochRecord:
        """The record with the highest validation accuracy (training accuracy where there was no validation)."""
        records = self.records or [self.last]  # which raises
        return max(records, key=lambda r: r.train_accuracy if r.val_accuracy is None else r.val_accuracy)

    def to_frame(self) -> pd.DataFrame:
        """One row an epoch, indexed by epoch."""
        import pandas as pd

        return pd.DataFrame(self.records, columns=list(EpochRecord.__dataclass_fields__)).set_index("epoch")

    def plot(self, axes: tuple[Axes, Axes] | None = None) -> Figure:
        """Draw loss and accuracy against epochs, side by side, on ``axes`` or on a new figure; return the figure."""
        import matplotlib.pyplot as plt

        panels: Any = plt.subplots(1, 2, figsize=(7, 2.6), layout="constrained")[1] if axes is None else axes
        for ax, quantity in zip(panels, ("loss", "accuracy")):
            for split, style in STYLES.items():
                values = [getattr(record, f"{split}_{quantity}") for record in self]
                if any(value is not None for value in values):
                    ax.plot([record.epoch for record in self], values, marker="o", markersize=3, label=split, **style)
            ax.set(xlabel="epoch", ylabel=quantity)
            ax.xaxis.get_major_locator().set_params(integer=True)
            ax.grid(alpha=0.3)
            if self.records:
                ax.legend()
        return panels[0].figure

    def state_dict(self) -> dict:
        """Plain lists and numbers, as ``save`` and checkpoints store them."""
        return asdict(self)

    @classmethod
    def from_state_dict(cls, state: dict) -> History:
        """The history that ``state_dict`` described."""
        return cls([EpochRecord(**record) for record in state["records"]], state["interrupted"])

    def save(self, path: str | os.PathLike) -> Path:
        """Write the records to ``path`` as JSON; the file appears whole or not at all."""
        text = json.dumps(self.state_dict(), indent=1, default=plain)
        return write_atomically(path, lambda file: file.write(text.encode()))

    @classmethod
    def load(cls, path: str | os.PathLike) -> History:
        """Read what ``save`` wrote.

        Raises:
            ValueError: the file is not a saved history.
        """
        try:
            history = cls.from_state_dict(json.loads(readable(path).read_text(encoding="utf-8")))
            for name, value in (item for record in history for item in asdict(record).items()):
                if real(value) is None and not (value is None and name in ("val_loss", "val_accuracy")):
                    raise ValueError(f"{name} is {value!r}")
            return history
        except (ValueError, KeyError, TypeError, RecursionError) as e:
            raise ValueError(f"{path} is not a saved history ({e}): give a file that History.save wrote.") from e
