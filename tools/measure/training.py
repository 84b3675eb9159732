"""One run, from wherever its checkpoint left it, to the row of the table."""

import os
import subprocess
import time
from pathlib import Path

import numpy as np
import psutil
import torch

import d2lite as d2l
from d2lite.files import write_atomically
from tools import project
from tools.measure.plan import Job

QUIET = 0.05  # of the machine's processors is what others may take while a time is measured


class TimeIsUp(Exception):
    """The hours that were given are over; the checkpoint holds the finished epochs."""


class Clock(d2l.Listener):
    """Ends a run after the epoch in which its time is up, and knows how busy others kept the machine."""

    def __init__(self, deadline: float | None, name: str):
        self.deadline, self.name = deadline, name
        self.resumed, self.others = False, 0.0

    def start(self, run) -> None:
        self.resumed, self.epochs = bool(len(run.history)), run.epochs
        self.began, self.own, self.all = time.perf_counter(), os.times(), psutil.cpu_times()

    def epoch(self, record) -> None:
        print(
            f"  {self.name}: epoch {record.epoch} of {self.epochs}, {record.seconds:.0f} s, "
            f"validation accuracy {record.val_accuracy:.4f}",
            flush=True,
        )
        if self.deadline is not None and time.time() > self.deadline and record.epoch < self.epochs:
            raise TimeIsUp

    def end(self, history) -> None:
        busy = sum(psutil.cpu_times()[:3]) - sum(self.all[:3])  # user, nice and system, of all processes
        own = sum(os.times()[:4]) - sum(self.own[:4])
        elapsed = time.perf_counter() - self.began
        self.others = max(0.0, busy - own) / (elapsed * (os.cpu_count() or 1))

    @property
    def is_quiet(self) -> bool:
        """Whether the time of the run says something about the network and the machine."""
        return not self.resumed and self.others < QUIET


def commit() -> str:
    """The commit that runs, with a plus where files differ from it; ``D2LITE_COMMIT`` where there is no repository."""
    if given := os.environ.get("D2LITE_COMMIT"):
        return given
    git = ["git", "-C", str(project.ROOT)]
    done = subprocess.run([*git, "rev-parse", "--short=10", "HEAD"], capture_output=True, text=True, check=False)
    if done.returncode:
        return "unknown"
    status = [*git, "status", "--porcelain", "d2lite", "tools"]
    changed = subprocess.run(status, capture_output=True, check=False).stdout
    return done.stdout.strip() + ("+" if changed else "")


def stamp(row: dict) -> dict:
    """A row with where, with which code and when it was measured."""
    facts = d2l.provenance()
    return {**row, "device": facts.device, "torch": facts.torch, "commit": commit(), "date": facts.date}


def checkpoint_of(job: Job, folder: Path) -> Path:
    """The file that keeps an unfinished run: its name says which run it is."""
    return folder / ("-".join(str(value) for value in job.run.values()).replace("/", "-").replace(" ", "_") + ".pt")


def train(job: Job, into: Path, checkpoints: Path, deadline: float | None = None, alone: bool = True) -> dict:
    """Train one network, going on from its checkpoint; return its row.

    Args:
        into: the package folder that gets the predictions of a main-line run.
        checkpoints: the folder of unfinished runs; the run's own checkpoint goes when its row is made.
        deadline: seconds since 1970; the run ends after the epoch in which it passes.
        alone: whether no other run shares the device, so that a time can be measured.

    Raises:
        TimeIsUp: the deadline passed; the same call goes on where the run is.
    """
    os.environ["D2LITE_PROFILE"] = "full"
    recipe, run = job.recipe, job.run
    d2l.seed_everything(job.seed)
    data = d2l.load(recipe.dataset, fallback=False, **recipe.load_options)
    net = d2l.build(recipe, data.channels, len(data.classes), data.size)
    clock, path = Clock(deadline, str(job)), checkpoint_of(job, checkpoints)
    history = d2l.fit(net, data, listener=clock, checkpoint=path, **recipe.fit_options)
    if history.interrupted:
        raise KeyboardInterrupt
    last, validation = history.last, d2l.evaluate(net, data.val)
    if job.chooses:  # chosen without a look at the test images
        row = {**run, "val_acc": f"{validation.accuracy:.4f}", "val_loss": f"{validation.loss:.4f}"}
    else:
        test = d2l.evaluate(net, data.test)
        figures = {
            "train_acc": last.train_accuracy, "val_acc": validation.accuracy, "test_acc": test.accuracy,
            "train_loss": last.train_loss, "test_loss": test.loss,
        }  # fmt: skip
        seconds = f"{sum(record.seconds for record in history):.1f}" if alone and clock.is_quiet else ""
        row = {**run, **{key: f"{value:.4f}" for key, value in figures.items()}, "train_seconds": seconds}
    if job.group == "mainline":
        keep_predictions(net, data.test, into / "predictions", f"{job.network}-{job.seed}.npz")
    return stamp(row)


def keep_predictions(net: torch.nn.Module, split: d2l.Split, folder: Path, name: str) -> None:
    """Store what the network takes each image of ``split`` for, and how sure it is, in a byte each."""
    folder.mkdir(exist_ok=True)
    net.eval()
    with torch.no_grad():
        sure, taken = torch.cat([net(X).float().softmax(dim=1) for X, _ in split]).max(dim=1)
    compact = {"predicted": taken, "probability": (255 * sure).round()}
    write(folder / name, {key: values.cpu().numpy().astype(np.uint8) for key, values in compact.items()})
    write(folder / "labels.npz", {"labels": split.labels.cpu().numpy().astype(np.uint8)})


def write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Arrays as one compressed file."""
    write_atomically(path, lambda file: np.savez_compressed(file, **arrays))


def clear_away(job: Job, checkpoints: Path) -> None:
    """Remove the checkpoint of a run whose row is stored."""
    checkpoint_of(job, checkpoints).unlink(missing_ok=True)
