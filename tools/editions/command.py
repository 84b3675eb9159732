"""What the commands that make editions have in common: where they read and write, and how they say what is missing."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from tools import pages, project, served
from tools.editions import articles, language

OUT = project.ROOT / "_build" / "editions"


def add_site(made: argparse.ArgumentParser) -> None:
    """Let a command be told where the site is: an absolute path, since a browser opens it."""
    made.add_argument(
        "--site", type=lambda given: Path(given).absolute(), default=articles.SITE, help="folder of the built site"
    )


def parser(doc: str, name: str) -> argparse.ArgumentParser:
    """The parser of a command that does what ``doc`` says and writes the file or folder ``name``."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--out", type=Path, default=OUT / name, help="where it goes")
    add_site(made)
    return made


def parsed(doc: str, name: str, known: list[str] | None = None, languages: bool = False) -> argparse.Namespace:
    """The options of such a command, with the ``names`` of the pages that are wanted, of those that are ``known``.

    One that makes an edition in several ``languages`` may be asked for the Chinese one, whose file has another name.
    """
    known = known or pages.names()
    made = parser(doc, name)
    made.add_argument("names", nargs="*", metavar="PAGE", help="of the book; none means all")
    if languages:
        made.add_argument("--chinese", action="store_true", help="of the Chinese pages")
    options = made.parse_args()
    if languages:
        options.language = language.CHINESE if options.chinese else language.ENGLISH
        if options.out == OUT / name:
            options.out = options.out.with_stem(options.out.stem + options.language.mark)
    if unknown := set(options.names) - set(known):
        made.error(f"no page {', '.join(sorted(unknown))}. There are: {', '.join(known)}.")
    return options


@contextlib.contextmanager
def told(kind: str) -> Iterator[None]:
    """End the command with a sentence where an edition of this kind cannot be made."""
    try:
        yield
    except (articles.NotBuiltError, served.NoBrowserError, language.NoFontError) as error:
        sys.exit(f"no {kind}: {error}")
