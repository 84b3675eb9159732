"""What the command line can do. What was asked for is checked before data are loaded."""

import argparse
import contextlib
import itertools
import math
import os
import sys
from collections.abc import Iterator

import d2lite as d2l

from . import data as datasets
from . import doctor
from .arguments import check_real, check_whole
from .data.splits import LARGEST_SIZE
from .machine import distributed
from .machine.printing import how_many
from .machine.versions import version
from .nets.catalog import KINDS, Recipe, build, counted
from .nets.measurements import training_seconds
from .train.checkpoint import read_state
from .train.validate import NUMBERS, check_writable, epoch_budget


class UsageError(ValueError):
    """What was asked for cannot be done; nothing was loaded yet."""


def run(argv: list[str]) -> int:
    """Run one command; the exit code is 0 when it did what was asked, 1 when it could not, 2 for wrong usage."""
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as end:  # the parser printed help, or what is wrong
        return int(end.code or 0)
    try:
        return arguments.command(arguments)
    except BrokenPipeError:  # nobody reads any more
        raise
    except distributed.ProcessLostError as error:
        kept = arguments.checkpoint
        on = "No epoch was kept: start again" + ("." if kept else ", with --checkpoint FILE to keep each epoch.")
        if kept and os.path.exists(kept):
            on = f"{kept} holds the finished epochs: the same command, with any number of processes, goes on there."
        print(f"d2lite: {error} {on}", file=sys.stderr)
    except (ValueError, OSError, FloatingPointError, datasets.DataError) as error:
        print(f"d2lite: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    return 1


@contextlib.contextmanager
def _asked(*kinds: type[Exception]) -> Iterator[None]:
    """Errors of these kinds inside the block are about what was asked for."""
    try:
        yield
    except kinds as error:
        raise UsageError(str(error)) from error


def _data(arguments: argparse.Namespace) -> int:
    with _asked(ValueError):
        for name in arguments.names:
            datasets.is_available(name)
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
        raise UsageError("which network? `python -m d2lite train --list` shows them.")
    if arguments.profile:
        os.environ["D2LITE_PROFILE"] = arguments.profile
    with distributed.processes():
        return _train_one(arguments)


def _train_one(arguments: argparse.Namespace) -> int:
    first = distributed.rank() == 0  # reports, and writes files
    given = {key: value for key, value in vars(arguments).items() if value is not None}
    with _asked(ValueError, OSError):
        if first:
            _check_files(given)
        recipe = d2l.recipe(arguments.name, arguments.recipe, arguments.data)
        _check_numbers(recipe, given)
        d2l.seed_everything(arguments.seed)
    options = recipe.load_options | {key: given[key] for key in ("size", "batch_size") if key in given}
    with distributed.one_at_first(), _asked(ValueError):  # what has to be downloaded is downloaded once
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
        try:
            if arguments.save:
                print(f"weights: {d2l.save(net, arguments.save)}")
        finally:  # one file that cannot be written after all does not cost the other
            if arguments.history:
                print(f"history: {history.save(arguments.history)}")
        images = how_many(test.n, "image")
        print(f"test accuracy {test.accuracy:.4f}, loss {test.loss:.4f} on {images} of {data.label}")
    return 130 if history.interrupted else 0


def _check_files(given: dict) -> None:
    """Raise ValueError or OSError where a file cannot be written, is asked for twice, or is no checkpoint."""
    paths = {f"--{key}": given[key] for key in ("save", "history", "checkpoint") if key in given}
    for option, path in paths.items():
        if not path:
            raise ValueError(f"{option} has no path: give that of a file, such as run.pt.")
        check_writable(path)
    for (option, path), (other, same) in itertools.combinations(paths.items(), 2):
        both_there = os.path.exists(path) and os.path.exists(same)
        if os.path.realpath(path) == os.path.realpath(same) or (both_there and os.path.samefile(path, same)):
            raise ValueError(f"{option} and {other} name one file, {os.path.realpath(path)}: give each its own.")
    if os.path.exists(checkpoint := given.get("checkpoint", "")):
        read_state(checkpoint)


def _check_numbers(recipe: Recipe, given: dict) -> None:
    """Raise ValueError where a number does not suit the network or this machine."""
    for key in ("size", "epochs", "batch_size"):
        most = LARGEST_SIZE if key == "size" else math.inf
        check_whole(f"--{key.replace('_', '-')}", given.get(key, 1), 1, most)
    check_real("--lr", given.get("lr", recipe.lr), *NUMBERS["lr"])
    size = given.get("size", recipe.size)
    if recipe.dataset in datasets.DATASETS:  # of others, what they hold is known when they are loaded
        dataset = datasets.DATASETS[recipe.dataset]
        counted(recipe, dataset.channels, len(dataset.classes), size)


def _announce_time(net, data, network: str, fit_options: dict) -> None:
    """Say about how long a run takes that is not over in a minute: at 224 px that can be days."""
    macs = d2l.summary(net, (1, data.channels, data.size, data.size)).macs
    epochs, _ = epoch_budget(data, fit_options["epochs"], fit_options["quick_epochs"])
    minutes = training_seconds(network, macs, data.train.num_images * epochs) / 60
    if minutes >= 1:  # NaN is not
        time = how_many(round(minutes), "minute") if minutes < 100 else how_many(round(minutes / 60), "hour")
        print(f"about {time} at {data.size} px ({macs / 1e6:.3g} M MACs an image), by the times in costs.csv")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str):
        self.exit(2, f"d2lite: {message} (`{self.prog} --help` shows what there is)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m d2lite", description="Prepare data, train networks, look around.")
    parser.add_argument("--version", action="version", version=f"d2lite {version()}", help="show which d2lite it is")
    commands = parser.add_subparsers(required=True, metavar="data | train | doctor")

    data = commands.add_parser("data", help="download and verify data sets")
    which = f"of {', '.join(datasets.DATASETS)}; all when none is given"
    data.add_argument("names", nargs="*", metavar="NAME", help=which)
    data.set_defaults(command=_data)

    train = commands.add_parser("train", help="train a network of the book by its recipe")
    file = {"metavar": "FILE", "type": os.path.expanduser}
    train.add_argument("name", nargs="?", metavar="NETWORK", help="as --list shows them")
    train.add_argument("--list", action="store_true", help="show networks and recipes")
    train.add_argument("--recipe", choices=KINDS, default="book", help="the book's own, or another kind")
    train.add_argument("--data", metavar="NAME", help="data set instead of the recipe's, or a folder of images")
    train.add_argument("--size", type=int, metavar="PX", help="edge of the input image in pixels")
    train.add_argument("--epochs", type=int, metavar="N", help="passes over the training images, in both profiles")
    train.add_argument("--lr", type=float, metavar="RATE", help="learning rate")
    train.add_argument("--batch-size", type=int, metavar="N", help="images a step")
    train.add_argument("--seed", type=int, default=0, metavar="N", help="where random numbers start: 0, or another")
    train.add_argument("--profile", choices=("quick", "full"), help="few images and epochs, or the whole recipe")
    train.add_argument("--checkpoint", **file, help="write after each epoch, and go on from it")
    train.add_argument("--compile", action="store_true", help="translate the network with torch.compile first")
    train.add_argument("--save", **file, help="write the trained weights")
    train.add_argument("--history", **file, help="write the epochs as JSON")
    train.set_defaults(command=_train)

    commands.add_parser("doctor", help="report the environment").set_defaults(command=doctor.examine)
    return parser
