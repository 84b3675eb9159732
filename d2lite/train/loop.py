"""The training loop: the only one in the book, and nothing that draws: who watches is told."""

import contextlib
import functools
import math
import os
import time
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import lr_scheduler

from ..arguments import check_whole
from ..inspect.trace import bare, called
from ..machine import distributed
from ..machine.devices import fast_type
from ..machine.seeds import generators
from .batches import Batches, Data, parts_of
from .board import Listener, Progress, Run, Ticker, make_listener
from .checkpoint import resume_run, save_run, settings_of
from .history import EpochRecord, History
from .metrics import Tally, evaluate, widened
from .validate import check_fit, check_options, check_writable, epoch_budget, fact


class NonFiniteLossError(FloatingPointError):
    """The training loss became NaN or infinite, or in float16 the gradients stayed so; ``history`` holds the epochs
    that were finished before."""

    def __init__(self, message: str, history: History):
        super().__init__(message, history)  # both, so that it can come from another process
        self.history = history

    def __str__(self) -> str:
        return self.args[0]


def fit(
    net: nn.Module,
    data: Data | Batches | tuple[Batches, Iterable[Any] | None],
    epochs: int,
    lr: float,
    *,
    optimizer: str = "sgd",
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    schedule: str = "one_cycle",
    label_smoothing: float = 0.0,
    precision: str = "auto",
    checkpoint: str | os.PathLike | None = None,
    listener: Listener | str | None = "auto",
    compile: bool = False,
    quick_epochs: int | None = 3,
) -> History:
    """Train ``net`` on the batches of ``data``, measure it after each epoch, and return what happened.

    Args:
        net: maps images (N, C, H, W) to logits (N, num_classes); it is moved to where the batches lie, or, from
            batches on the CPU that a stranger makes, to :func:`d2lite.device`.
        data: what ``load`` or ``wrap`` returns; or a ``DataLoader`` or any other sized iterable of batches (X, y), to
            train without validation; or a pair ``(train, val)`` of these, or an object with both, whose ``val`` may be
            None. X holds floats (N, C, H, W), y the numbers of the classes (N,); where they lie on the CPU, each batch
            is moved to the device. X is given ``channels_last``, in the number type of the network's weights.
        lr: the learning rate; with ``schedule="one_cycle"`` the peak, warmed up to and decayed from (constant in a run
            of fewer than four steps, which leaves no room for a cycle); with ``"step"`` the rate of the first half,
            a tenth of it in the third quarter and a hundredth in the last (He et al., 2015).
        precision: ``"auto"`` computes in the type for which the device has the fastest units (autocast): bfloat16 on
            newer GPUs and some CPUs, float16 on those of compute capability 7.x, else float32. In float16, whose range
            is narrow, the loss is scaled, and a step whose gradients overflow is left out.
        checkpoint: a file to write after each epoch. When it exists, training goes on from there, to the same numbers:
            weights, optimizer, schedule and all that ``seed_everything`` seeds are as they were, and so are generators
            of PyTorch's, NumPy's or Python's that the batches, their samplers, data sets or transforms hold (but not in
            worker processes that persist).
        listener: who watches: ``"auto"`` for the live board or progress bar, ``None`` for silence.
        compile: let ``torch.compile`` translate the network first, which takes up to minutes and can make each step
            faster. The last batch of an epoch, if it is shorter, is translated as well.
        quick_epochs: in the quick profile, at most so many epochs (``None``: no cap). Where a small data set stands
            in, correspondingly more, so that about as many images are seen.

    Raises:
        ValueError: an argument, the input size, the channels or the labels do not fit; says what would. Or the
            checkpoint is damaged or of another run: says in which setting, the seed among them, the two differ.
        NonFiniteLossError: the loss became NaN or infinite, or the gradients are too large for float16.

    A ``KeyboardInterrupt`` ends training early and returns the finished epochs, ``history.interrupted`` set.

    Inside ``d2lite.machine.distributed.processes()`` every process calls ``fit``; all get the same history, and the
    first one reports.
    """
    options = check_options({
        "lr": lr, "optimizer": optimizer, "momentum": momentum, "weight_decay": weight_decay, "schedule": schedule,
        "label_smoothing": label_smoothing, "precision": precision,
    })  # fmt: skip
    epochs = check_whole("epochs", epochs, 1)
    quick_epochs = None if quick_epochs is None else check_whole("quick_epochs", quick_epochs, 1)
    watcher = make_listener(listener)
    if checkpoint is not None and distributed.rank() == 0:  # who writes it
        check_writable(checkpoint)
    given = parts_of(data)
    on, ready = check_fit(net, given)
    net.to(on, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    epochs, notes = epoch_budget(given, epochs, quick_epochs)
    sizes = {"network": type(bare(net)).__name__, "epochs": epochs, "steps_per_epoch": len(ready.train)}
    run = _Training(net, ready, on, {**sizes, **options, **settings_of(net, given)}, watcher)
    history = run.history
    if checkpoint is not None and resume_run(checkpoint, *run.state):
        notes.append(f"resumed from {checkpoint} after epoch {len(history)} of {epochs}")
    model = distributed.copies(net)  # the network itself, unless several processes train it
    if compile:
        model = torch.compile(model)
    watcher.start(Run(epochs, len(ready.train), notes, history))
    try:
        for epoch in range(len(history) + 1, epochs + 1):
            record = run.epoch(epoch, model)
            history.records.append(record)
            if checkpoint is not None:
                save_run(checkpoint, *run.state)
            watcher.epoch(record)
    except KeyboardInterrupt:
        if distributed.size() > 1:  # the others may be at another step: together they cannot go on
            raise
        history.interrupted = True
    finally:
        watcher.end(history)
    return history


class _Training:
    """A network and all that changes while it is trained, an epoch at a time."""

    def __init__(self, net: nn.Module, data: Data, on: torch.device, settings: dict[str, Any], watcher: Listener):
        self.net, self.data, self.settings, self.watcher = net, data, settings, watcher
        self.history, self.ticker = History(), Ticker()
        self.weight = fact(data.train, "weight") or (lambda step: 1.0)
        self.optimizer = _make_optimizer(net, on, settings)
        self.scheduler = _make_scheduler(self.optimizer, settings)
        dtype = fast_type(on) if settings["precision"] == "auto" else getattr(torch, settings["precision"])
        narrow = dtype != torch.float32
        self.autocast = functools.partial(torch.autocast, on.type, dtype) if narrow else contextlib.nullcontext
        self.scaler = torch.amp.GradScaler(on.type, enabled=dtype == torch.float16)
        parts = {name: getattr(self, name) for name in ("net", "optimizer", "scheduler", "scaler", "history")}
        #: what a checkpoint keeps, as ``save_run`` and ``resume_run`` take it
        self.state = settings, parts, generators(data)

    def epoch(self, number: int, model: Callable[..., torch.Tensor]) -> EpochRecord:
        """Train with all batches once, by calling ``model``, and measure the network."""
        optimizer, scheduler, scaler = self.optimizer, self.scheduler, self.scaler
        autocast, weight = self.autocast, self.weight
        smoothing, rate = self.settings["label_smoothing"], 0.0
        tally, began = Tally(), time.perf_counter()
        self.net.train()
        for step, (X, y) in enumerate(self.data.train, start=1):
            with autocast():
                logits = called(model, X, self.net)
            loss = F.cross_entropy(widened(logits), y, label_smoothing=smoothing)
            optimizer.zero_grad(set_to_none=True)
            share = weight(step)  # 1, unless several processes have unequal shares of this batch
            scaler.scale(loss if share == 1 else share * loss).backward()
            scaler.step(optimizer)
            scaler.update()
            rate = scheduler.get_last_lr()[0]
            scheduler.step()
            tally.add(loss, logits, y)
            if self.ticker.due():
                self._tell(number, step, tally, began)
        train = tally.metrics()
        seconds = time.perf_counter() - began
        self._check_finite(train.loss, number)
        # Below a scale of 1 the gradients overflow as they are: every step is left out, and the loss stays finite.
        if scaler.get_scale() < 1:
            raise self._diverged(f"the gradients are too large for float16 in epoch {number}, so no step is taken")
        distributed.agree(self.net)
        val = evaluate(self.net, self.data.val) if self.data.val is not None else None
        measured = (val.loss, val.accuracy) if val else (None, None)
        return EpochRecord(number, train.loss, train.accuracy, *measured, float(rate), seconds, train.n / seconds)

    def _tell(self, epoch: int, step: int, tally: Tally, began: float) -> None:
        """Where the run stands: the one place inside an epoch that waits for the device."""
        so_far = tally.metrics(alone=True)
        tick = time.perf_counter()
        if distributed.size() == 1:  # several find it out together, at the end of the epoch
            self._check_finite(so_far.loss, epoch)
        steps = self.settings["steps_per_epoch"]
        done, total = (epoch - 1) * steps + step, self.settings["epochs"] * steps
        self.watcher.progress(Progress(epoch, done, total, so_far.loss, so_far.accuracy, tick - began))
        self.ticker.done(tick)

    def _check_finite(self, loss: float, epoch: int) -> None:
        if not math.isfinite(loss):
            raise self._diverged(f"the training loss became {loss} in epoch {epoch}: the weights are no longer usable")

    def _diverged(self, what: str) -> NonFiniteLossError:
        wider = ", or with precision='float32'" if self.scaler.is_enabled() else ""
        return NonFiniteLossError(
            f"{what}. Build the network anew and train with a smaller learning rate, such as "
            f"lr={self.settings['lr'] / 10:g}{wider}; if that does not help, look for NaN in the images.",
            self.history,
        )


def _make_optimizer(net: nn.Module, on: torch.device, settings: dict[str, Any]) -> torch.optim.Optimizer:
    options: dict[str, Any] = {name: settings[name] for name in ("lr", "weight_decay")}
    options["fused"] = on.type in ("cpu", "cuda")  # one pass over the weights
    if settings["optimizer"] == "sgd":
        return torch.optim.SGD(net.parameters(), momentum=settings["momentum"], **options)
    return torch.optim.AdamW(net.parameters(), **options)


def _make_scheduler(optimizer: torch.optim.Optimizer, settings: dict[str, Any]) -> lr_scheduler.LRScheduler:
    steps = settings["epochs"] * settings["steps_per_epoch"]
    if settings["schedule"] == "one_cycle" and steps >= 4:
        # momentum stays what the caller asked for: only the rate cycles
        return lr_scheduler.OneCycleLR(optimizer, max_lr=settings["lr"], total_steps=steps, cycle_momentum=False)
    if settings["schedule"] == "step":
        return lr_scheduler.MultiStepLR(optimizer, milestones=[steps // 2, steps * 3 // 4])
    return lr_scheduler.ConstantLR(optimizer, factor=1.0)
