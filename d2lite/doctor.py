"""``python -m d2lite doctor``: what is here, and what is in the way. It works where the rest of d2lite does not.

So it imports the rest where that is looked at, and whatever fails there becomes a line.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator

from . import requirements

FOR_NOTEBOOKS = ("ipython", "ipykernel", "torchvision")  # what only notebooks need
LITTLE = 0.5  # GiB: a data set takes up to 0.4


class Trouble(str):
    """A line about something that must be mended, with what to do."""


def examine(arguments: object = None) -> int:
    """Print what is found, one part after the other; 1 where something must be mended, else 0."""
    troubles = []
    for title, part in PARTS.items():
        print(title)
        try:
            for line in part():
                troubles += [line] if isinstance(line, Trouble) else []
                print(f"  {'Trouble: ' if isinstance(line, Trouble) else ''}{line}")
        except Exception as error:  # the doctor must not die of what it looks for
            troubles.append(f"{title} cannot be looked at ({type(error).__name__}: {error}): mend that.")
            print(f"  Trouble: {troubles[-1]}")
        print()
    print("\n  ".join(["To mend:", *troubles]) if troubles else "All that d2lite needs is here.")
    return 1 if troubles else 0


def _run() -> Iterator[str]:
    if requirements.problem:
        yield Trouble(requirements.problem)
        return
    from .machine import devices, versions

    try:
        profile = devices.profile()
    except ValueError as error:
        profile = "unknown"
        yield Trouble(error)
    yield from str(versions.Provenance(profile)).splitlines()


def _threads() -> Iterator[str]:
    from .machine import threads

    for title, value in threads.report().items():
        yield f"{title:14} {value}"
    for warning in threads.warnings():
        yield f"Warning: {warning}"


def _packages() -> Iterator[str]:
    install = ""
    for name, least in {**requirements.needed(), **dict.fromkeys(FOR_NOTEBOOKS, "")}.items():
        version, wrong = requirements.looked_at(name, least)
        if wrong and name not in FOR_NOTEBOOKS:
            install += f' "{name}>={least}"'
        elif wrong:
            wrong += " (only notebooks and proofs need it)"
        yield f"{name:14} {', '.join(filter(None, (version, wrong)))}"
    if install:
        yield Trouble(f"pip install{install}  (with --force-reinstall what is damaged; another Python comes first)")


def _data_sets() -> Iterator[str]:
    from . import data
    from .files import named_folder

    folder = named_folder("D2LITE_DATA")
    yield f"D2LITE_DATA    {folder or 'not set'}"
    if folder and not (os.path.isdir(folder) and os.access(folder, os.R_OK | os.X_OK)):
        why = "may not be read" if os.path.isdir(folder) else "is a file" if os.path.exists(folder) else "is not there"
        yield Trouble(f"D2LITE_DATA names {folder}, which {why}: set it to a folder that holds data, or unset it.")
    for name in data.DATASETS:
        state = "on this machine" if data.is_available(name) else f"not here: python -m d2lite data {name}"
        yield f"{name:14} {state}"


def _cache() -> Iterator[str]:
    from .data.download import cache_folder

    folder = cache_folder()
    yield f"folder         {folder}"
    # What is not there yet is made when it is needed, if the folder around it can be written.
    there = next(place for place in (folder, *folder.absolute().parents) if os.path.exists(place))
    try:
        with tempfile.TemporaryFile(dir=there):
            os.listdir(there)
        free = shutil.disk_usage(there).free / 2**30
    except OSError as error:
        why = f"cannot be used ({there}: {error.strerror or error})"
        yield Trouble(f"the cache {folder} {why}: set D2LITE_CACHE to a folder that you may write to.")
        return
    yield f"free there     {free:.1f} GiB"
    if free < LITTLE:
        yield Trouble(
            f"{folder} has {free:.1f} GiB left, a data set takes 0.4: free some, or set D2LITE_CACHE elsewhere."
        )


PARTS = {"run": _run, "threads": _threads, "packages": _packages, "data sets": _data_sets, "cache": _cache}
