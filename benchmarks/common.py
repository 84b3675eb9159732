"""What the benchmarks share: turns in alternating order, medians of pairs, a power law, and tables stored whole."""

import argparse
import csv
import io
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import d2lite as d2l
from tools import files, speed

SIZES = speed.SIZES
RATE, MOMENTUM = 0.01, 0.9  # of plain SGD, with which all of them stay finite


def parser(description: str, pairs: int) -> argparse.ArgumentParser:
    """The options that every benchmark takes."""
    made = argparse.ArgumentParser(description=description.splitlines()[0])
    made.add_argument("--pairs", type=int, default=pairs, help=f"timed turns, after one that does not count ({pairs})")
    made.add_argument("--quick", action="store_true", help="only see that it runs: little work, nothing stored")
    return made


def add_networks(made: argparse.ArgumentParser) -> None:
    """The option of those benchmarks that go through networks."""
    made.add_argument("--networks", nargs="+", choices=SIZES, default=list(SIZES), metavar="NETWORK",
                      help=f"some of: {', '.join(SIZES)}")  # fmt: skip


def wait(on: torch.device) -> None:
    """Let the device finish what it was given."""
    if on.type == "cuda":
        torch.cuda.synchronize(on)


class Stopwatch(d2l.Listener):
    """The seconds that the epochs of ``fit`` took, without what it does once before the first."""

    def __init__(self, on: torch.device):
        self.on, self.began, self.seconds = on, 0.0, 0.0

    def start(self, run) -> None:
        wait(self.on)
        self.began = time.perf_counter()

    def epoch(self, record) -> None:
        wait(self.on)
        self.seconds = time.perf_counter() - self.began


def timed(action: Callable[[], object], on: torch.device) -> float:
    """Seconds of one call, the device's queue empty before and after."""
    wait(on)
    began = time.perf_counter()
    action()
    wait(on)
    return time.perf_counter() - began


def stepper(
    net: nn.Module, X: torch.Tensor, y: torch.Tensor, dtype: torch.dtype, compiled: bool = False
) -> Callable[[int], None]:
    """A function that trains ``net`` for some bare steps on one batch, computing in ``dtype`` as ``fit`` does."""
    on = X.device
    net.to(on, memory_format=torch.channels_last).train()
    fused = on.type in ("cpu", "cuda")
    optimizer = torch.optim.SGD(net.parameters(), lr=RATE, momentum=MOMENTUM, fused=fused)
    scaler = torch.amp.GradScaler(on.type, enabled=dtype == torch.float16)
    model = torch.compile(net) if compiled else net

    def train(steps: int) -> None:
        for _ in range(steps):
            with torch.autocast(on.type, dtype=dtype, enabled=dtype != torch.float32):
                logits = model(X)
            loss = F.cross_entropy(logits.float(), y)
            optimizer.zero_grad(set_to_none=True)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()

    return train


def in_turns(contestants: dict[str, Callable[[], float]], turns: int) -> dict[str, list[float]]:
    """What each contestant returns (its seconds), in ``turns`` turns after one that does not count.

    Every other turn goes through them backwards, so that a machine that slows down slows all alike.
    """
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(turns + 1):
        for name in list(contestants)[:: 1 if turn % 2 else -1]:
            spent = contestants[name]()
            if turn:
                times[name].append(spent)
    return times


def spread(name: str, values: list[float]) -> dict[str, float]:
    """Columns ``name``, ``name_low`` and ``name_high``: median and range."""
    return {name: statistics.median(values), f"{name}_low": min(values), f"{name}_high": max(values)}


def compared(name: str, above: list[float], below: list[float]) -> dict[str, float]:
    """The same of ``above / below``, turn by turn."""
    return spread(name, [a / b for a, b in zip(above, below, strict=True)])


def power_law(n: Iterable[float], seconds: Iterable[float]) -> tuple[float, float]:
    """Exponent b of seconds = a · n^b, by least squares on logarithms, and R², the share of variance it explains."""
    x, y = np.log(list(n)), np.log(list(seconds))
    slope, height = np.polyfit(x, y, 1)
    residual = y - (height + slope * x)
    return float(slope), float(1 - residual.var() / y.var())


def split_of(data: d2l.ImageData, images: int, size: int, batch_size: int) -> d2l.Split:
    """A shuffled training split of ``images`` images, those of ``data`` again and again where there are fewer."""
    index = torch.arange(images, device=data.train.device) % data.train.num_images
    rows = data.train.images.permute(0, 2, 3, 1).index_select(0, index)
    return d2l.Split(
        rows, data.train.labels[index], mean=data.mean, std=data.std, size=size, batch_size=batch_size, shuffle=True
    )


def stamp() -> dict[str, str]:
    """Where, with what, and when."""
    facts = d2l.provenance()
    return {
        "device": facts.device, "processor": processor(), "python": platform.python_version(), "torch": facts.torch,
        "torchvision": version("torchvision"), "d2lite": facts.d2lite, "date": facts.date,
    }  # fmt: skip


def processor() -> str:
    """How many processors of which kind."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{os.cpu_count()} × {names[0] if names else platform.processor() or platform.machine()}"


def rounded(value: object) -> object:
    """Four digits of a measured number, and never an exponent; anything else as it is."""
    return f"{float(f'{value:.4g}'):.12g}" if isinstance(value, float) else value


def cell(row: dict, name: str) -> str:
    """A value as it is printed, with its range where there is one."""
    low, high = (rounded(row.get(f"{name}_{end}")) for end in ("low", "high"))
    return f"{rounded(row[name])}" + (f" ({low}–{high})" if low is not None else "")


def show(rows: list[dict]) -> None:
    """Print a table with aligned columns, numbers to the right."""
    names = [name for name in rows[0] if not name.endswith(("_low", "_high"))]
    cells = [names, *([cell(row, name) for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells)]
    put = [str.ljust if isinstance(rows[0][name], str) else str.rjust for name in names]
    for line in cells:
        print("  ".join(aligned(text, width) for text, width, aligned in zip(line, widths, put)).rstrip())


def finish(name: str, rows: list[dict], options: argparse.Namespace, keys: tuple[str, ...] = ()) -> int:
    """Print the table of a benchmark and store it, unless the run was only to see that it works; the exit code."""
    if not rows:
        print("nothing could be measured here")
        return 0
    show(rows)
    if options.quick:
        print("(--quick: nothing is stored)")
    else:
        print(f"stored in {store(name, rows, keys)}")
    return 0


def store(name: str, rows: list[dict], keys: tuple[str, ...] = ()) -> Path:
    """Put rows into ``results/NAME.csv``, each with its stamp, in place of what this device measured before.

    With ``keys``, only rows that agree in these columns are replaced: a run of some networks leaves the others. The
    file is written whole or not at all.
    """
    made = stamp()
    new = [{**{column: str(rounded(value)) for column, value in row.items()}, **made} for row in rows]
    keys = ("device", "processor", *keys)
    replaced = {tuple(row[key] for key in keys) for row in new}
    kept = [row for row in speed.rows(name) if tuple(row.get(key) for key in keys) not in replaced]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(new[0]), restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows([*kept, *new])
    path = speed.RESULTS / f"{name}.csv"
    files.write(path, text.getvalue())
    return path
