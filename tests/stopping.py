"""``d2lite`` with a run that ends after one epoch, as if it had been interrupted: for tests of checkpoints."""

import sys

from d2lite import __main__
from d2lite.train import checkpoint, loop


def save_and_stop(*arguments) -> None:
    """Write the checkpoint of the first epoch, then end as Ctrl-C does."""
    checkpoint.save_run(*arguments)
    raise KeyboardInterrupt


if __name__ == "__main__":
    loop.save_run = save_and_stop
    sys.exit(__main__.main())
