"""Who watches a run: what the loop tells a listener, and the boards for a notebook, a terminal, and a file.

The notebook board needs IPython only (no widget library): it redraws two displays in place, so it looks the same
under ipywidgets 7, 8, and without.
"""

import io
import sys
import time
from dataclasses import dataclass, field
from html import escape
from typing import Any

from tqdm import tqdm

from ..machine import distributed
from ..machine.printing import how_many, in_notebook, printable
from .history import STYLES, EpochRecord, History


@dataclass
class Run:
    """What a listener is told at the start: how much there is to do, and on what."""

    epochs: int
    steps_per_epoch: int
    notes: list[str] = field(default_factory=list)
    history: History = field(default_factory=History)


@dataclass(frozen=True)
class Progress:
    """Where a run stands: ``step`` of ``steps`` in all, ``seconds`` and mean train loss since this epoch began."""

    epoch: int
    step: int
    steps: int
    train_loss: float
    train_accuracy: float
    seconds: float


class Listener:
    """Watches a run; override what you need. ``progress`` is called at most twice a second."""

    def start(self, run: Run) -> None: ...
    def progress(self, progress: Progress) -> None: ...
    def epoch(self, record: EpochRecord) -> None: ...
    def end(self, history: History) -> None: ...


CALLS = [name for name in vars(Listener) if not name.startswith("_")]


class Ticker:
    """Due at most twice a second, and so seldom that what happens at a tick stays below 3 % of the time."""

    def __init__(self) -> None:
        self.next = time.perf_counter() + 0.5

    def due(self) -> bool:
        return time.perf_counter() >= self.next

    def done(self, began: float) -> None:
        now = time.perf_counter()
        self.next = now + max(0.5, 30 * (now - began))


def make_listener(asked: Listener | str | None = "auto") -> Listener:
    """Who watches: ``asked``, or for ``"auto"`` what suits a notebook, a terminal or captured output.

    For None, and for ``"auto"`` in all processes but the first, it is a listener that shows nothing.

    Raises:
        ValueError: ``asked`` is anything else.
    """
    if all(callable(getattr(asked, name, None)) for name in CALLS) and not isinstance(asked, type):
        return asked  # pyright: ignore[reportReturnType]
    if asked not in ("auto", None):
        raise ValueError(f'listener is {asked!r}: give "auto" for a live board, None for silence, or a d2l.Listener.')
    if asked is None or distributed.rank() > 0:
        return Listener()
    if in_notebook():
        return NotebookBoard()
    watched = all(stream is not None and stream.isatty() for stream in (sys.stderr, sys.stdout))
    return TerminalBoard() if watched else LineBoard()


def epoch_line(record: EpochRecord, epochs: int) -> str:
    """One epoch in one line of text."""
    val = "" if record.val_loss is None else f", val loss {record.val_loss:.4f} accuracy {record.val_accuracy:.4f}"
    return (
        f"epoch {record.epoch}/{epochs}: train loss {record.train_loss:.4f} accuracy {record.train_accuracy:.4f}{val}"
        f" ({record.seconds:.1f} s, {record.images_per_second:,.0f} images/s)"
    )


def closing_line(history: History) -> str:
    """What to say at the end of an interrupted run; nothing when it ran to its end."""
    kept = f"{how_many(len(history), 'epoch')} {'is' if len(history) == 1 else 'are'} finished and kept"
    return f"interrupted: {kept}." if history.interrupted else ""


class LineBoard(Listener):
    """One line an epoch on standard output."""

    def start(self, run: Run) -> None:
        self.run = run
        for note in run.notes:
            print(printable(note), flush=True)

    def epoch(self, record: EpochRecord) -> None:
        print(epoch_line(record, self.run.epochs), flush=True)

    def end(self, history: History) -> None:
        if line := closing_line(history):
            print(line, flush=True)


class TerminalBoard(LineBoard):
    """A progress bar with the time left, and one line an epoch above it."""

    def start(self, run: Run) -> None:
        super().start(run)
        done = len(run.history) * run.steps_per_epoch
        self.bar = tqdm(total=run.epochs * run.steps_per_epoch, initial=done, unit="batch", leave=False)

    def progress(self, progress: Progress) -> None:
        self.bar.set_postfix_str(f"train loss {progress.train_loss:.3f}", refresh=False)
        self.bar.update(progress.step - self.bar.n)

    def epoch(self, record: EpochRecord) -> None:
        self.bar.update(record.epoch * self.run.steps_per_epoch - self.bar.n)
        self.bar.write(epoch_line(record, self.run.epochs))

    def end(self, history: History) -> None:
        self.bar.close()
        super().end(history)


class NotebookBoard(Listener):
    """Curves of loss and accuracy, a progress bar with the time left, and the table of epochs."""

    def start(self, run: Run) -> None:
        from IPython.display import display

        self.run = run
        self.history = History(list(run.history))
        self.points: list[tuple[float, float, float]] = []  # (epochs done, train loss, train accuracy), as it goes
        self.began = time.perf_counter()
        self.first_step = len(run.history) * run.steps_per_epoch
        bundle, metadata = self._curves()
        self.figure: Any = display(bundle, metadata=metadata, raw=True, display_id=True)
        self.status: Any = display(self._status(self._bar()), raw=True, display_id=True)

    def progress(self, progress: Progress) -> None:
        self.points.append((progress.step / self.run.steps_per_epoch, progress.train_loss, progress.train_accuracy))
        self.status.update(self._status(self._bar(progress)), raw=True)
        self._redraw()

    def epoch(self, record: EpochRecord) -> None:
        self.history.records.append(record)
        self._redraw()

    def end(self, history: History) -> None:
        self.history = history
        self.points.clear()  # what stays is the epochs; the few points in between were for watching
        self._redraw()
        plain = "\n".join([*self.run.notes, *(epoch_line(r, self.run.epochs) for r in history)])
        said = closing_line(history)
        self.status.update(self._status(f"<p>{said}</p>" if said else "", plain), raw=True)

    def _redraw(self) -> None:
        bundle, metadata = self._curves()
        self.figure.update(bundle, metadata=metadata, raw=True)

    def _curves(self) -> tuple[dict, dict]:
        """The figure as a PNG at twice its shown size, and its metadata with alt text."""
        import matplotlib.pyplot as plt  # takes longer to import than all of d2lite, and only a notebook needs it

        figure = self.history.plot()
        if self.points:
            epochs, losses, accuracies = zip(*self.points)
            for ax, values in zip(figure.axes, (losses, accuracies)):
                ax.plot(epochs, values, alpha=0.4, linewidth=1, color=STYLES["train"]["color"])
        for ax in figure.axes:
            ax.set_xlim(0, self.run.epochs + 0.1)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=2 * figure.dpi)
        width, height = (int(edge * figure.dpi) for edge in figure.get_size_inches())
        plt.close(figure)
        last = epoch_line(self.history.last, self.run.epochs) if len(self.history) else "no epoch is finished yet"
        alt = f"Curves of loss and accuracy against epochs; {last}."
        bundle = {"image/png": buffer.getvalue(), "text/plain": "<training curves>"}
        return bundle, {"image/png": {"width": width, "height": height, "alt": alt}}

    def _status(self, line: str, plain: str = "") -> dict[str, str]:
        """The notes, ``line`` and the table of epochs in HTML, with ``plain`` for who reads text."""
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.run.notes)
        return {"text/html": notes + line + self._table(), "text/plain": plain}

    def _bar(self, progress: Progress | None = None) -> str:
        steps = self.run.epochs * self.run.steps_per_epoch
        step, label = self.first_step, "starting"
        if progress:
            step = progress.step
            left = (time.perf_counter() - self.began) / (step - self.first_step) * (steps - step)
            minutes, seconds = divmod(round(left), 60)
            clock = f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"
            label = f"epoch {progress.epoch} of {self.run.epochs}, about {clock} left"
        return f'<p><progress max="{steps}" value="{step}" aria-label="training"></progress> {label}</p>'

    def _table(self) -> str:
        if not len(self.history):
            return ""
        names = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
        head = "".join(f'<th scope="col">{name.replace("_", " ")}</th>' for name in ("epoch", *names, "seconds"))
        body = ""
        for record in self.history:
            values = (getattr(record, name) for name in names)
            cells = [str(record.epoch), *("–" if v is None else f"{v:.4f}" for v in values), f"{record.seconds:.1f}"]
            body += "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
