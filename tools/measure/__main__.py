"""Train the networks of the book on all their images and store a row for each run.

    python -m tools.measure --hours 2            goes on with what is missing, the most valuable run first
    python -m tools.measure --status             what is there, what is missing, how long it takes
    python -m tools.measure --costs              time and memory of a training step, on a quiet machine

Whatever ends it, the same command goes on in the middle of the run where it was. It works in a worktree of the current
commit, so that the code can be changed meanwhile, and leaves out every run whose row is stored.
"""

import argparse
import os
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

import torch
from filelock import FileLock, Timeout

import d2lite as d2l
from d2lite.nets.catalog import MAINLINE
from tools import project
from tools.measure import costs, frozen, plan, process, tables, training

MEASURED, COSTS, RATES, TIES = "measured.csv", "costs.csv", "rates.csv", "ties.csv"


def table_of(job: plan.Job):
    """The table that the row of a run goes into."""
    return frozen.into() / {"rates": RATES, "ties": TIES}.get(job.group, MEASURED)


def is_stored(job: plan.Job) -> bool:
    """Whether the row of a run is there, from whichever machine."""
    return any(tables.is_same(old, job.run, plan.RUN) for old in tables.rows(table_of(job)))


def do(job: plan.Job, options: argparse.Namespace) -> None:
    """Train one run in a process of its own and store its row; another process at the same run is left to it."""
    checkpoints = frozen.folder()
    is_over = options.deadline is not None and time.time() > options.deadline
    if is_over or (is_stored(job) and not options.again):
        return
    try:
        with FileLock(training.checkpoint_of(job, checkpoints).with_suffix(".lock"), timeout=0):
            row = process.alone(training.train, job, frozen.into(), checkpoints, options.deadline, options.jobs == 1)
            tables.add(table_of(job), row, plan.replaced(job), checkpoints)
            training.clear_away(job, checkpoints)
    except Timeout:
        print(f"{job}: another process is at it", flush=True)
    except training.TimeIsUp:
        print(f"{job}: stopped, and kept", flush=True)
    except (ValueError, FloatingPointError, d2l.DataError) as error:
        print(f"{job}: left out. {error}", flush=True)
    else:
        print(", ".join(f"{key} {value}" for key, value in row.items()), flush=True)


def train_all(jobs: list[plan.Job], options: argparse.Namespace) -> None:
    """Train what is missing, ``options.jobs`` runs at a time."""
    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(lambda job: do(job, options), jobs))


def search_further(networks: list[str], options: argparse.Namespace) -> None:
    """Follow each network's best rate until it lies between two others."""
    while True:
        accuracies = defaultdict(dict)
        for row in tables.rows(frozen.into() / RATES):
            if row["network"] in networks:
                accuracies[row["network"], row["recipe"]][float(row["lr"])] = float(row["val_acc"])
        next_ones = [plan.further(*which, found) for which, found in accuracies.items()]
        missing = [job for job in next_ones if job is not None and not is_stored(job)]
        train_all(missing, options)
        if not all(map(is_stored, missing)) or not missing:
            break


def show_status(jobs: list[plan.Job]) -> None:
    """Print for each group what is stored, and how long the rest takes by the stored costs."""
    speeds = {row["network"]: row for row in tables.rows(frozen.into() / COSTS) if row["device"].startswith("CPU")}
    hours_left = 0.0
    for group in dict.fromkeys(job.group for job in jobs):
        own = [job for job in jobs if job.group == group]
        missing = [job for job in own if not is_stored(job)]
        hours = sum(hours_of(job, speeds.get(job.network)) for job in missing)
        hours_left += hours
        print(f"{group:12} {len(own) - len(missing)} of {len(own)} runs, about {hours:.1f} h of two quiet cores left")
        for job in missing:
            kept = " (begun)" if training.checkpoint_of(job, frozen.folder()).exists() else ""
            print(f"    {job}{kept}")
    print(f"in all about {hours_left:.1f} h left")


def hours_of(job: plan.Job, cost: dict | None) -> float:
    """How long a run takes on two quiet cores: its images at the stored rate, scaled by the area of the image."""
    if cost is None:
        return 0.0
    run = job.run
    area = (run["input_px"] / int(cost["input_px"])) ** 2
    return run["images"] * run["epochs"] * area / float(cost["images_per_second"]) / 3600


def main(argv: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help="as in d2lite train --list; none means all")
    parser.add_argument("--only", nargs="+", choices=plan.GROUPS, default=[*plan.GROUPS], metavar="GROUP",
                        help=f"some of: {', '.join(plan.GROUPS)}")  # fmt: skip
    parser.add_argument("--hours", type=float, help="stop after so many hours, at the end of an epoch")
    parser.add_argument("--seeds", type=int, nargs="+", help="only these seeds")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, on a GPU that one does not fill")
    parser.add_argument("--beside", action="store_true", help="one thread, lowest priority: beside other work")
    parser.add_argument("--costs", action="store_true", help="measure time and memory, train nothing to the end")
    parser.add_argument("--status", action="store_true", help="show what is stored and what is missing")
    parser.add_argument("--again", action="store_true", help="also the runs that are stored already")
    parser.add_argument("--here", action="store_true", help="in this folder, not in a worktree of the commit")
    options = parser.parse_args(argv)
    known = [recipe.name for recipe in d2l.recipes()]
    if unknown := set(options.networks) - set(known):
        parser.error(f"unknown network {', '.join(sorted(unknown))}. Known: {', '.join(known)}.")
    options.deadline = None if options.hours is None else time.time() + 3600 * options.hours
    os.environ["D2LITE_PROFILE"] = "full"
    if options.beside:
        os.nice(19)
        os.environ["OMP_NUM_THREADS"] = "1"  # of the runs, each a process of its own
        torch.set_num_threads(1)
    if not (options.here or options.status):
        frozen.enter()
    with frozen.in_use():
        return measure(options)


def measure(options: argparse.Namespace) -> int:
    """Do what the command line asks for."""
    if options.costs:
        for name in options.networks or MAINLINE:
            row = process.alone(costs.measure, d2l.recipe(name, "mainline"))
            tables.add(frozen.into() / COSTS, row, costs.COST, frozen.folder())
            print(", ".join(f"{key} {value}" for key, value in row.items()), flush=True)
        return 0
    jobs = [
        job for group in options.only for job in plan.GROUPS[group]()
        if (not options.networks or job.network in options.networks)
        and (not options.seeds or job.chooses or job.seed in options.seeds)
    ]  # fmt: skip
    if options.status:
        show_status(jobs)
        return 0
    if "rates" in options.only:
        train_all([job for job in jobs if job.group == "rates"], options)
        search_further(options.networks or [recipe.name for recipe in d2l.recipes()], options)
        if frozen.into().resolve() != project.ROOT.resolve() / "d2lite" / "nets" and frozen.is_ahead(RATES):
            text = f"the rates have changed: commit d2lite/nets/{RATES}, and the same command trains with them"
            print(text, flush=True)
            return 0
    train_all([job for job in jobs if job.group != "rates"], options)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
