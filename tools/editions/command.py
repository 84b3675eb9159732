"""What the commands that make editions have in common: where they read and write, and how they say what is missing."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from tools import pages, project, served
from tools.editions import articles

OUT = project.ROOT / "_build" / "editions"


def parsed(doc: str, name: str, known: list[str] | None = None) -> argparse.Namespace:
    """The options of a command that writes ``name``: the pages that are wanted, where it goes, where the site is.

    Args:
        doc: what the command does.
        name: of the file or folder.
        known: the pages that may be named; None means all of the book.
    """
    known = known or pages.names()
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="PAGE", help="of the book; none means all")
    parser.add_argument("--out", type=Path, default=OUT / name, help="where it goes")
    parser.add_argument("--site", type=Path, default=articles.SITE, help="folder of the built site")
    options = parser.parse_args()
    if unknown := set(options.names) - set(known):
        parser.error(f"no page {', '.join(sorted(unknown))}. There are: {', '.join(known)}.")
    return options


@contextlib.contextmanager
def told(kind: str) -> Iterator[None]:
    """End the command with a sentence where an edition of this kind cannot be made."""
    try:
        yield
    except (articles.NotBuiltError, served.NoBrowserError) as error:
        sys.exit(f"no {kind}: {error}")
