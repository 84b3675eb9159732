"""The command line: ``python -m d2lite data | train | doctor``."""

import argparse
import os
import re
import shutil
import sys
from importlib import metadata

import d2lite as d2l

from . import data as datasets
from .data.download import cache_folder
from .machine import distributed, threads
from .nets.catalog import KINDS, build
from .nets.measurements import training_seconds
from .train.validate import check_writable, epoch_budget

FOR_NOTEBOOKS = ("ipython", "ipykernel", "torchvision")  # what only notebooks need


def needed() -> list[str]:
    """Names of the packages d2lite cannot do without, from its own metadata."""
    requirements = (line for line in metadata.requires("d2lite") or [] if "extra ==" not in line)
    return [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in requirements]


def main(argv: list[str] | None = None) -> int:
    """Run one command; the exit code is 0 when it did what was asked, 1 when it could not, 2 for wrong usage."""
    arguments = _parser().parse_args(argv)
    try:
        return arguments.command(arguments)
    except KeyboardInterrupt:
        print("d2lite: interrupted.", file=sys.stderr)
        return 130
    except distributed.ProcessLostError as error:
        kept = arguments.checkpoint
        on = "No epoch was kept: start again" + ("." if kept else ", with --checkpoint FILE to keep each epoch.")
        if kept and os.path.exists(kept):
            on = f"{kept} holds the finished epochs: the same command, with any number of processes, goes on there."
        print(f"d2lite: {error} {on}", file=sys.stderr)
    except (ValueError, OSError, FloatingPointError, datasets.DataError) as error:
        print(f"d2lite: {error}", file=sys.stderr)
    return 1


def _data(arguments: argparse.Namespace) -> int:
    failed = 0
    for name in arguments.names or list(datasets.DATASETS):
        try:
            datasets.prepare(name)
        except datasets.DataError as error:
            print(f"d2lite: {error}", file=sys.stderr)
            failed = 1
    return failed


def _train(arguments: argparse.Namespace) -> int:
    if arguments.list:
        line = "{:20} {:14} {:>4} {:>5} {:>6} {:>6}  {}, {}".format
        print(line("network", "data", "size", "batch", "epochs", "lr", "optimizer", "schedule"))
        for x in d2l.recipes():
            print(line(x.name, x.dataset, x.size, x.batch_size, x.epochs, f"{x.lr:g}", x.optimizer, x.schedule))
        return 0
    if arguments.name is None:
        print("d2lite: which network? `python -m d2lite train --list` shows them.", file=sys.stderr)
        return 2
    if arguments.profile:
        os.environ["D2LITE_PROFILE"] = arguments.profile
    with distributed.processes():
        return _train_one(arguments)


def _train_one(arguments: argparse.Namespace) -> int:
    recipe = d2l.recipe(arguments.name, arguments.recipe, arguments.data)
    first = distributed.rank() == 0  # reports, and writes files
    for path in filter(None, (arguments.save, arguments.history, arguments.checkpoint)) if first else ():
        check_writable(path)
    d2l.seed_everything(arguments.seed)
    given = {key: value for key, value in vars(arguments).items() if value is not None}
    options = recipe.load_options | {key: given[key] for key in ("size", "batch_size") if key in given}
    with distributed.one_at_first():  # what has to be downloaded is downloaded once
        data = d2l.load(recipe.dataset, **options)
    net = build(recipe, data.channels, len(data.classes), data.size)
    fit_options = recipe.fit_options | {key: given[key] for key in ("lr", "epochs") if key in given}
    if "epochs" in given:
        fit_options["quick_epochs"] = None  # whoever names the epochs gets them, whatever the profile
    if first:
        print(data)
        _announce_time(net, data, recipe.name, fit_options)
    history = d2l.fit(net, data, checkpoint=arguments.checkpoint, compile=arguments.compile, **fit_options)
    test = d2l.evaluate(net, data.test)
    if first:
        if arguments.history:
            print(f"history: {history.save(arguments.history)}")
        if arguments.save:
            print(f"weights: {d2l.save(net, arguments.save)}")
        print(f"test accuracy {test.accuracy:.4f}, loss {test.loss:.4f} on {test.n:,} images of {data.label}")
    return 130 if history.interrupted else 0


def _announce_time(net, data, network: str, fit_options: dict) -> None:
    """Say about how long a run takes that is not over in a minute: at 224 px that can be days."""
    macs = d2l.summary(net, (1, data.channels, data.size, data.size)).macs
    epochs, _ = epoch_budget(data, fit_options["epochs"], fit_options["quick_epochs"])
    minutes = training_seconds(network, macs, data.train.num_images * epochs) / 60
    if minutes >= 1:  # NaN is not
        time = f"{minutes:.0f} minutes" if minutes < 100 else f"{minutes / 60:.0f} hours"
        print(f"about {time} at {data.size} px ({macs / 1e6:.3g} M MACs an image), by the times in costs.csv")


def _doctor(arguments: argparse.Namespace) -> int:
    print(d2l.provenance(), "\n\nthreads", sep="")
    for title, value in threads.report().items():
        print(f"  {title:14} {value}")
    for warning in threads.warnings():
        print(f"  Warning: {warning}")
    print("\npackages")
    missing = []
    for name in (*needed(), *FOR_NOTEBOOKS):
        try:
            print(f"  {name:14} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            print(f"  {name:14} missing{' (only notebooks and proofs need it)' if name in FOR_NOTEBOOKS else ''}")
            missing += [] if name in FOR_NOTEBOOKS else [name]
    print("\ndata sets")
    for name in datasets.DATASETS:
        state = "on this machine" if datasets.is_available(name) else f"not here: python -m d2lite data {name}"
        print(f"  {name:14} {state}")
    print(f"  D2LITE_DATA    {os.environ.get('D2LITE_DATA', 'not set')}")
    print(f"  cache          {cache_folder()}")
    free = shutil.disk_usage(os.path.expanduser("~")).free / 2**30
    print(f"  free in home   {free:.1f} GiB{'  (little: a data set takes up to 0.4 GiB)' if free < 0.5 else ''}")
    if missing:
        print(f"\nTo mend: pip install {' '.join(missing)}")
        return 1
    print("\nAll that d2lite needs is here.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m d2lite", description="Prepare data, train networks, look around.")
    commands = parser.add_subparsers(required=True, metavar="data | train | doctor")

    data = commands.add_parser("data", help="download and verify data sets")
    which = f"of {', '.join(datasets.DATASETS)}; all when none is given"
    data.add_argument("names", nargs="*", metavar="NAME", help=which)
    data.set_defaults(command=_data)

    train = commands.add_parser("train", help="train a network of the book by its recipe")
    train.add_argument("name", nargs="?", metavar="NETWORK", help="as --list shows them")
    train.add_argument("--list", action="store_true", help="show networks and recipes")
    train.add_argument("--recipe", choices=KINDS, default="book", help="the book's own, or another kind")
    train.add_argument("--data", metavar="NAME", help="data set instead of the recipe's")
    train.add_argument("--size", type=int, metavar="PX", help="edge of the input image in pixels")
    train.add_argument("--epochs", type=int)
    train.add_argument("--lr", type=float, help="learning rate")
    train.add_argument("--batch-size", type=int)
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--profile", choices=("quick", "full"))
    train.add_argument("--checkpoint", metavar="FILE", help="write after each epoch, and go on from it")
    train.add_argument("--compile", action="store_true", help="translate the network with torch.compile first")
    train.add_argument("--save", metavar="FILE", help="write the trained weights")
    train.add_argument("--history", metavar="FILE", help="write the epochs as JSON")
    train.set_defaults(command=_train)

    commands.add_parser("doctor", help="report the environment").set_defaults(command=_doctor)
    return parser


if __name__ == "__main__":
    code = main()
    if "LOCAL_RANK" in os.environ:
        # All is written. With several processes, threads of PyTorch 2.11 now and then abort Python on its way out.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
