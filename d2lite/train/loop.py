"""The training loop: the only one in the book, and nothing that draws: who watches is told."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from ..arguments import check_real, check_whole
from ..machine import distributed
from ..machine.devices import fast_bfloat16
from .board import Listener, Progress, Run, Ticker, make_listener
from .checkpoint import own_generator, resume_run, save_run, settings_of
from .history import EpochRecord, History
from .metrics import Tally, evaluate, widened
from .validate import check_choice, check_fit, check_writable, epoch_budget

OPTIMIZERS = ("sgd", "adamw")
SCHEDULES = ("one_cycle", "step", "constant")
PRECISIONS = ("auto", "float32", "bfloat16")


class NonFiniteLossError(FloatingPointError):
    """The training loss became NaN or infinite. ``history`` holds the epochs that were finished before."""

    def __init__(self, message: str, history: History):
        super().__init__(message)
        self.history = history


def fit(
    net: nn.Module,
    data,
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
    """Train ``net`` on ``data.train``, measure it on ``data.val`` after each epoch, and return what happened.

    Args:
        net: maps images (N, C, H, W) to logits (N, num_classes); it is moved to where the batches lie.
        data: an ``ImageData``, or anything whose ``train`` and ``val`` (or ``None``) iterate batches (X, y); ``train``
            has a length.
        lr: the learning rate; with ``schedule="one_cycle"`` the peak, warmed up to and decayed from (constant in a run
            of fewer than four steps, which leaves no room for a cycle); with ``"step"`` the rate of the first half,
            a tenth of it in the third quarter and a hundredth in the last (He et al., 2015).
        precision: ``"auto"`` computes in bfloat16 (autocast) where the device has units for it, else in float32.
        checkpoint: a file to write after each epoch. When it exists, training goes on from there, to the same numbers:
            weights, optimizer, schedule and all that ``seed_everything`` seeds are as they were, and so is the
            ``generator`` of ``data.train``, where it has one.
        listener: who watches: ``"auto"`` for the live board or progress bar, ``None`` for silence.
        compile: let ``torch.compile`` translate the network first, which takes up to minutes and can make each step
            faster. The last batch of an epoch, if it is shorter, is translated as well.
        quick_epochs: in the quick profile, at most so many epochs (``None``: no cap). Where a small data set stands
            in, correspondingly more, so that about as many images are seen.

    Raises:
        ValueError: an argument, the input size, the channels or the labels do not fit; says what would. Or the
            checkpoint is damaged or of another run: says in which setting, the seed among them, the two differ.
        NonFiniteLossError: the loss became NaN or infinite.

    A ``KeyboardInterrupt`` ends training early and returns the finished epochs, ``history.interrupted`` set.

    Inside ``distributed.processes()`` every process calls ``fit``; all get the same history, and the first one reports.
    """
    check_choice("optimizer", optimizer, OPTIMIZERS)
    check_choice("schedule", schedule, SCHEDULES)
    check_choice("precision", precision, PRECISIONS)
    epochs = check_whole("epochs", epochs, 1)
    quick_epochs = None if quick_epochs is None else check_whole("quick_epochs", quick_epochs, 1)
    lr = check_real("lr", lr, lambda value: value > 0, "a positive learning rate, such as 0.1")
    momentum = check_real("momentum", momentum, lambda value: 0 <= value < 1, "a number from 0 to below 1, such as 0.9")
    weight_decay = check_real("weight_decay", weight_decay, lambda value: value >= 0, "a number from 0, such as 5e-4")
    label_smoothing = check_real(
        "label_smoothing", label_smoothing, lambda value: 0 <= value <= 1, "a number from 0 to 1, such as 0.1"
    )
    if checkpoint is not None and distributed.rank() == 0:  # who writes it
        check_writable(checkpoint)
    on = check_fit(net, data)
    net.to(on, memory_format=torch.channels_last)
    run_epochs, notes = epoch_budget(data, epochs, quick_epochs)
    steps_per_epoch = len(data.train)
    stepper = _make_optimizer(net, optimizer, lr, momentum, weight_decay)
    scheduler = _make_scheduler(stepper, schedule, lr, run_epochs * steps_per_epoch)
    autocast = _autocast(precision, on)
    settings = {
        "network": type(net).__name__, "epochs": run_epochs, "steps_per_epoch": steps_per_epoch, "lr": lr,
        "optimizer": optimizer, "momentum": momentum, "weight_decay": weight_decay, "schedule": schedule,
        "label_smoothing": label_smoothing, "precision": precision, **settings_of(net, data),
    }  # fmt: skip
    history, generator = History(), own_generator(data)
    if checkpoint is not None and (resumed := resume_run(checkpoint, settings, net, stepper, scheduler, generator)):
        history = resumed
        notes.append(f"resumed from {checkpoint} after epoch {len(history)} of {run_epochs}")
    weight = getattr(data.train, "weight", lambda step: 1.0)
    model = distributed.copies(net)  # the network itself, unless several processes train it
    if compile:
        model = torch.compile(model)
    if listener == "auto":
        listener = make_listener() if distributed.rank() == 0 else None
    watcher = listener or Listener()
    watcher.start(Run(run_epochs, steps_per_epoch, notes, history))
    ticker = Ticker()
    try:
        for epoch in range(len(history) + 1, run_epochs + 1):
            tally, began = Tally(), time.perf_counter()
            net.train()
            for step, (X, y) in enumerate(data.train, start=1):
                with autocast():
                    logits = model(X)
                loss = F.cross_entropy(widened(logits), y, label_smoothing=label_smoothing)
                stepper.zero_grad(set_to_none=True)
                share = weight(step)  # 1, unless several processes have unequal shares of this batch
                (loss if share == 1 else share * loss).backward()
                stepper.step()
                rate = scheduler.get_last_lr()[0]
                scheduler.step()
                tally.add(loss, logits, y)
                if ticker.due():
                    so_far = tally.so_far()  # the one place inside an epoch that waits for the device
                    tick = time.perf_counter()
                    if distributed.size() == 1:  # several find it out together, at the end of the epoch
                        _check_finite(so_far.loss, epoch, lr, history)
                    done = (epoch - 1) * steps_per_epoch + step
                    watcher.progress(
                        Progress(epoch, done, run_epochs * steps_per_epoch, so_far.loss, so_far.accuracy, tick - began)
                    )
                    ticker.done(tick)
            train = tally.metrics()
            seconds = time.perf_counter() - began
            _check_finite(train.loss, epoch, lr, history)
            distributed.agree(net)
            val = evaluate(net, data.val) if data.val is not None else None
            measured = (val.loss, val.accuracy) if val else (None, None)
            record = EpochRecord(epoch, train.loss, train.accuracy, *measured, rate, seconds, train.n / seconds)
            history.records.append(record)
            if checkpoint is not None:
                save_run(checkpoint, settings, net, stepper, scheduler, history, generator)
            watcher.epoch(record)
    except KeyboardInterrupt:
        if distributed.size() > 1:  # the others may be at another step: together they cannot go on
            raise
        history.interrupted = True
    finally:
        watcher.end(history)
    return history


def _make_optimizer(
    net: nn.Module, name: str, lr: float, momentum: float, weight_decay: float
) -> torch.optim.Optimizer:
    parameters = list(net.parameters())
    fused = all(parameter.device.type in ("cpu", "cuda") for parameter in parameters)  # one pass over the weights
    if name == "sgd":
        return torch.optim.SGD(parameters, lr=lr, momentum=momentum, weight_decay=weight_decay, fused=fused)
    return torch.optim.AdamW(parameters, lr=lr, weight_decay=weight_decay, fused=fused)


def _make_scheduler(stepper: torch.optim.Optimizer, name: str, lr: float, steps: int):
    if name == "one_cycle" and steps >= 4:
        # momentum stays what the caller asked for: only the rate cycles
        return torch.optim.lr_scheduler.OneCycleLR(stepper, max_lr=lr, total_steps=steps, cycle_momentum=False)
    if name == "step":
        return torch.optim.lr_scheduler.MultiStepLR(stepper, milestones=[steps // 2, steps * 3 // 4])
    return torch.optim.lr_scheduler.ConstantLR(stepper, factor=1.0)


def _autocast(precision: str, on: torch.device) -> Callable[[], contextlib.AbstractContextManager]:
    if precision == "bfloat16" or (precision == "auto" and fast_bfloat16(on)):
        return lambda: torch.autocast(on.type, dtype=torch.bfloat16)
    return contextlib.nullcontext


def _check_finite(loss: float, epoch: int, lr: float, history: History) -> None:
    if not math.isfinite(loss):
        raise NonFiniteLossError(
            f"the training loss became {loss} in epoch {epoch}: the weights are no longer usable. Build the network "
            f"anew and train with a smaller learning rate, such as lr={lr / 10:g}; if that does not help, look for NaN "
            "in the images.",
            history,
        )
