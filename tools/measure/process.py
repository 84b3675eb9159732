"""A process of its own for each run, so that its memory and random numbers are its own."""

import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor


def alone(function, *arguments):
    """What a function returns or raises that runs in a fresh process.

    Raises ``concurrent.futures.process.BrokenProcessPool`` where that process was killed, as for its memory.
    """
    # Nothing of this may stand in a package's __main__, which a fresh process does not import again.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _end_with_parent) as pool:
        return pool.submit(function, *arguments).result()


def _end_with_parent() -> None:
    """End when the process that started this one has ended: a run that goes on alone holds no lock, and would be
    trained twice at the same time."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()
