"""Train networks and store what they reached in d2lite/measured.csv, or what they cost in d2lite/costs.csv.

Each run has a process of its own, and its row is stored as soon as it ends; runs that are stored already are left out,
so that an interrupted command goes on where it was. Without options this is what the chapter on choosing a network
reads: every network by the one recipe, with three seeds. `NETWORK … --recipe ladder` trains by each recipe from that
of 2015 to the current one. `--costs` adds time and memory; run it on a quiet machine.
"""

import argparse
import csv
import dataclasses
import io
import itertools
import multiprocessing
import os
import statistics
from pathlib import Path
from types import SimpleNamespace

import torch
from torch.nn import functional as F

import d2lite as d2l
from d2lite.device import most_memory
from d2lite.preflight import epoch_budget
from d2lite.recipes import KINDS, LADDER
from d2lite.results import COSTS, MEASURED
from tools import pairs, project

RUN = ("network", "recipe", "dataset", "input_px", "images", "batch_size", "lr", "epochs", "seed")  # says which run
STEPS, ROUNDS = 4, 7  # training steps timed together, and how often


def rows(path: Path) -> list[dict]:
    """The rows of a table, as text."""
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))


def is_same(old: dict, new: dict, names: tuple[str, ...]) -> bool:
    """Whether two rows, the old one of text, agree in the columns ``names``."""
    return all(old[name] == str(new[name]) for name in names)


def add(path: Path, row: dict, names: tuple[str, ...]) -> None:
    """Put a row into a table, in place of one that agrees in ``names``; the file is written whole or not at all."""
    columns = path.read_text("utf-8").splitlines()[0].split(",")
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows([*(old for old in rows(path) if not is_same(old, row, names)), row])
    pairs.write(path, text.getvalue())


def stamp(row: dict) -> dict:
    """A row with where and when it was measured."""
    facts = d2l.provenance()
    return {**row, "device": facts.device, "torch": facts.torch, "date": facts.date}


def settings(name: str, options: argparse.Namespace) -> d2l.Recipe:
    """The recipe of a run, with what the command line replaces."""
    given = {
        "size": options.size, "quick_size": options.size, "epochs": options.epochs, "quick_epochs": options.epochs,
        "batch_size": options.batch_size, "lr": options.lr, "quick_images": options.images,
    }  # fmt: skip
    given = {key: value for key, value in given.items() if value is not None}
    return dataclasses.replace(d2l.recipe(name, options.recipe, options.data), **given)


def train(name: str, options: argparse.Namespace, seed: int) -> dict | None:
    """Train one network; return its row, or None where it is stored already."""
    recipe = settings(name, options)
    d2l.seed_everything(seed)
    data = d2l.load(recipe.dataset, fallback=False, **recipe.load_options)
    run = {
        "network": name, "recipe": options.recipe, "dataset": data.label, "input_px": data.size,
        "images": data.train.num_images, "batch_size": recipe.batch_size, "lr": recipe.lr,
        "epochs": epoch_budget(data, recipe.epochs, recipe.quick_epochs)[0], "seed": seed,
    }  # fmt: skip
    if not options.again and any(is_same(old, run, RUN) for old in rows(project.ROOT / "d2lite" / MEASURED)):
        return None
    net = d2l.build(recipe, data.channels, len(data.classes), data.size)
    history = d2l.fit(net, data, listener=None, **recipe.fit_options)
    if history.interrupted:
        raise KeyboardInterrupt
    test, last = d2l.evaluate(net, data.test), history.last
    figures = {
        "train_acc": last.train_accuracy, "test_acc": test.accuracy, "train_loss": last.train_loss,
        "test_loss": test.loss, "train_seconds": sum(record.seconds for record in history),
    }  # fmt: skip
    return stamp({**run, **{key: f"{value:.4f}" for key, value in figures.items()}})


def cost(name: str, options: argparse.Namespace) -> dict:
    """Time training steps of one network and take the memory that they need; return its row."""
    recipe, on = settings(name, options), d2l.device()
    size, batch = recipe.input_size, recipe.batch_size
    X = torch.randn(batch, 1, size, size, device=on).contiguous(memory_format=torch.channels_last)
    y = torch.randint(10, (batch,), device=on)
    F.conv2d(X[:2], torch.randn(1, 1, 3, 3, device=on)).sum().item()  # the libraries' own memory is not the network's
    before = most_memory(on)
    net = d2l.build(recipe, 1, 10, size)
    data = SimpleNamespace(train=[(X, y)] * STEPS, val=None)
    fit_options = {**recipe.fit_options, "epochs": ROUNDS + 1, "quick_epochs": None}
    history = d2l.fit(net, data, listener=None, **fit_options)
    median = statistics.median(record.seconds for record in list(history)[1:])  # the first one warms up
    memory = most_memory(on) - before
    summary = d2l.summary(net, (1, 1, size, size))
    return stamp({
        "network": name, "input_px": size, "batch_size": batch, "parameters": summary.parameters, "macs": summary.macs,
        "images_per_second": f"{STEPS * batch / median:.0f}", "memory_mb": f"{memory / 2**20:.0f}",
    })  # fmt: skip


def alone(function, *arguments):
    """Run a function in a fresh process, so that memory and random numbers are its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help="as in d2lite train --list; none means all")
    parser.add_argument(
        "--recipe", choices=(*KINDS, "ladder"), default="comparison", help=f"ladder: {', '.join(LADDER)}, one by one"
    )
    parser.add_argument("--profile", choices=("quick", "full"), help="default: full on CUDA, quick elsewhere")
    parser.add_argument("--data", help="data set in place of the recipe's")
    parser.add_argument("--size", type=int, help="edge of the input image in pixels")
    parser.add_argument("--images", type=int, help="training images in the quick profile")
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--lr", type=float)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--costs", action="store_true", help="measure time and memory, train nothing to the end")
    parser.add_argument("--again", action="store_true", help="also the runs that are stored already")
    options = parser.parse_args()
    kinds = LADDER if options.recipe == "ladder" else (options.recipe,)
    if options.costs and len(kinds) > 1:
        parser.error("--costs takes one recipe: steps of the ladder differ in what they learn, not in the memory.")
    if options.profile:
        os.environ["D2LITE_PROFILE"] = options.profile
    networks = [recipe.name for recipe in d2l.recipes()]
    if unknown := set(options.networks) - set(networks):
        parser.error(f"unknown network {', '.join(sorted(unknown))}. Known: {', '.join(networks)}.")
    for name in options.networks or networks:
        for seed, kind in itertools.product([None] if options.costs else options.seeds, kinds):
            given = argparse.Namespace(**{**vars(options), "recipe": kind})
            try:
                row = alone(cost, name, given) if options.costs else alone(train, name, given, seed)
            except ValueError as error:  # too small an image for this network, or nothing published for it
                print(f"{name}: left out. {error}", flush=True)
                break
            if row is None:
                print(f"{name}, {kind}, seed {seed}: stored already", flush=True)
                continue
            names = ("network", "input_px", "batch_size", "device") if options.costs else RUN
            add(project.ROOT / "d2lite" / (COSTS if options.costs else MEASURED), row, names)
            print(", ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
