"""Runs that end after an epoch, as if they had been interrupted; as a program, the command line with such a run."""

import sys

import d2lite as d2l
from d2lite import __main__
from d2lite.train import checkpoint, loop


class StopAfter(d2l.Listener):
    """A reader who presses the stop button when an epoch ends."""

    def __init__(self, epoch):
        self.at = epoch

    def epoch(self, record):
        if record.epoch == self.at:
            raise KeyboardInterrupt


def fit(net, data, epochs=3, lr=0.05, **options):
    settings = {"momentum": 0.9, "quick_epochs": None, "listener": None, "precision": "float32", **options}
    return d2l.fit(net, data, epochs, lr, **settings)


def save_and_stop(*arguments) -> None:
    """Write the checkpoint of the first epoch, then end as Ctrl-C does."""
    checkpoint.save_run(*arguments)
    raise KeyboardInterrupt


if __name__ == "__main__":
    loop.save_run = save_and_stop
    sys.exit(__main__.main())
