"""What do threads cost on a machine that others use too? Images a second of ``d2l.fit`` on a CPU, four ways.

* one thread: ``OMP_NUM_THREADS=1``;
* as PyTorch starts: a thread for each processor, which waits in a loop for some milliseconds before it sleeps;
* passive: the same threads with ``OMP_WAIT_POLICY=PASSIVE``, so that they sleep at once;
* ours: what importing d2lite before PyTorch sets (see ``d2lite/machine/threads.py``).

Each has a process of its own, since OpenMP reads the environment when it starts, and these take turns; the first turn
does not count. A turn trains a fresh network on random images for about a second and counts the images. All of it
happens twice: while nothing else runs, and beside another process that multiplies matrices on every processor.
"Better" is whichever of one thread and passive has the higher median.

    python -m benchmarks.threads [--networks resnet18] [--pairs 7]
"""

import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace

import torch

import d2lite as d2l
from benchmarks import common
from d2lite.machine.threads import NUMBER, WAITING
from tools import project, speed

SECONDS, QUICK_SECONDS = 1.2, 0.1  # of a turn
BATCHES = 4  # that there are, again and again
# by contestant: what it imports first, and its part of the environment
CONTESTANTS = {
    "one_thread": ("torch", {"OMP_NUM_THREADS": "1"}),
    "default": ("torch", {}),
    "passive": ("torch", {"OMP_WAIT_POLICY": "PASSIVE"}),
    "ours": ("d2lite", {}),
}
CONTESTANT = "import {}\nfrom benchmarks.threads import obey\nobey()"
OTHER_JOB = """\
import os, torch
a = torch.randn(1000, 1000)
print("multiplying", flush=True)
while os.getppid() == {}:
    a @ a"""


class Until:
    """The batches of a split, again and again, until ``seconds`` are over."""

    def __init__(self, split: d2l.Split, seconds: float):
        self.split, self.seconds = split, seconds

    def __len__(self) -> int:
        return len(self.split)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        end = time.perf_counter() + self.seconds
        while True:
            for batch in self.split:
                yield batch
                if time.perf_counter() >= end:
                    return


def rate(name: str, seconds: float) -> float:
    """Images a second of training a fresh network for so long."""
    recipe, size = d2l.recipe(name), common.SIZES[name]
    d2l.seed_everything(0)
    images = torch.randint(0, 256, (BATCHES * recipe.batch_size, size, size, 1), dtype=torch.uint8)
    split = d2l.Split(
        images, torch.arange(len(images)) % 10, mean=(0.5,), std=(0.5,), size=size, batch_size=recipe.batch_size
    )
    data = SimpleNamespace(train=Until(split, seconds), val=None)
    options = {"momentum": common.MOMENTUM, "schedule": "constant", "listener": None, "quick_epochs": None}
    history = d2l.fit(d2l.build(recipe, 1, 10, size), data, 1, common.RATE, **options)
    return history.records[0].images_per_second


def obey() -> None:
    """Answer each line of standard input, a network and seconds, with a rate, until there are no more."""
    for line in sys.stdin:
        name, seconds = line.split()
        print(rate(name, float(seconds)), flush=True)


def start(code: str, **environment: str) -> subprocess.Popen:
    """A Python process that runs ``code``, in an environment that says nothing on threads but what is given."""
    plain = {name: value for name, value in os.environ.items() if name not in (*NUMBER, *WAITING)}
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=project.ROOT, env={**plain, **environment}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip


def heard(process: subprocess.Popen) -> str:
    """The next line of a process. Raises SystemExit where it ended instead."""
    if not (line := process.stdout.readline()):
        raise SystemExit(f"threads: a process ended with exit code {process.wait()}; what it said is above")
    return line


@contextlib.contextmanager
def running(processes: dict[str, subprocess.Popen]) -> Iterator[dict[str, subprocess.Popen]]:
    """End the processes, whatever happens in the block."""
    try:
        yield processes
    finally:
        for process in processes.values():
            process.kill()
            process.communicate()


def turn(process: subprocess.Popen, name: str, seconds: float) -> float:
    """Have a contestant train, and return its images a second."""
    with contextlib.suppress(BrokenPipeError):  # of a process that has ended, which `heard` reports
        print(name, seconds, file=process.stdin, flush=True)
    return float(heard(process))


def measure(
    processes: dict[str, subprocess.Popen], name: str, beside: str, pairs: int, seconds: float
) -> dict[str, object]:
    """The row of one network: images a second of each contestant, and the ratios that count."""
    contestants = {who: lambda process=process: turn(process, name, seconds) for who, process in processes.items()}
    rates = common.in_turns(contestants, pairs)
    better = max(("one_thread", "passive"), key=lambda who: statistics.median(rates[who]))
    row = {"network": name, "beside": beside, "input_px": common.SIZES[name]}
    row |= {"batch_size": d2l.recipe(name).batch_size, "pairs": pairs}
    row |= {who: statistics.median(found) for who, found in rates.items()}
    row |= common.compared("ours_over_default", rates["ours"], rates["default"])
    return row | common.compared("ours_over_better", rates["ours"], rates[better])


def main(argv: list[str] | None = None) -> int:
    """Command line."""
    parser = common.parser(__doc__, pairs=7)
    common.add_networks(parser)
    parser.set_defaults(networks=speed.SHARED)
    options = parser.parse_args(argv)
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # a GPU's work does not wait for these threads
    seconds, rows = SECONDS, []
    if options.quick:
        options.networks, options.pairs, seconds = speed.SHARED[:1], 1, QUICK_SECONDS
    began = {who: start(CONTESTANT.format(first), **given) for who, (first, given) in CONTESTANTS.items()}
    with running(began) as processes:
        for beside in speed.BESIDE:
            others = {} if beside == speed.QUIET else {beside: start(OTHER_JOB.format(os.getpid()))}
            with running(others):
                for other in others.values():
                    heard(other)
                for name in options.networks:
                    print(f"{name}, beside {beside} …", flush=True)
                    rows.append(measure(processes, name, beside, options.pairs, seconds))
    return common.finish("threads", rows, options, keys=("network", "beside"))


if __name__ == "__main__":
    raise SystemExit(main())
