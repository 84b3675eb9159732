"""How a run tells those who watch it where it stands; the loop itself never draws."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from .history import EpochRecord, History


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


class Ticker:
    """Due at most twice a second, and so seldom that what happens at a tick stays below 3 % of the time."""

    def __init__(self) -> None:
        self.next = time.perf_counter() + 0.5

    def due(self) -> bool:
        return time.perf_counter() >= self.next

    def done(self, began: float) -> None:
        now = time.perf_counter()
        self.next = now + max(0.5, 30 * (now - began))
