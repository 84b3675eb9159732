"""`make release`: every edition in one folder, with check sums and a citation; `make publish` publishes them.

What each weighs is stored in sizes.json, which the page on editions reads. A tag of this version publishes all of it,
by the workflow `release`.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

from tools import editions, files, issue, project
from tools.editions import articles, command, epub, offline, pdf, slides
from tools.editions.language import CHINESE

OUT = command.OUT / "release"
CHANGES = project.ROOT / "CHANGELOG.md"
LIMITS = {
    "d2lite-book.pdf": 25e6, "d2lite-book-zh.pdf": 25e6,
    "d2lite-book-offline.zip": 25e6, "d2lite-book-offline-data.zip": 60e6,
}  # fmt: skip


def makers(site: Path) -> dict[str, Callable[[Path], object]]:
    """What makes each edition, given its path."""

    def read(path: Path, **options) -> None:
        print(f"EPUB: {epub.validated(epub.make(site, path, **options))}")

    return {
        "d2lite-book.pdf": lambda path: pdf.make(site, path),
        "d2lite-book.epub": read,
        "d2lite-book-zh.pdf": lambda path: pdf.make(site, path, language=CHINESE),
        "d2lite-book-zh.epub": lambda path: read(path, language=CHINESE),
        "d2lite-book-offline.zip": lambda path: offline.make(site, path),
        "d2lite-book-offline-data.zip": lambda path: offline.make(site, path, with_data=True),
        "d2lite-book-slides.zip": lambda path: slides.packed(site, path),
    }


def citation(date: datetime.date) -> str:
    """CITATION.cff of this version: what an archive that gives out a DOI asks for, the date and addresses included."""
    text = (project.ROOT / "CITATION.cff").read_text("utf-8").rstrip("\n")
    facts = {
        "version": project.distribution()["version"], "date-released": date.isoformat(),
        "repository-code": project.repository_url(), "url": project.site_url(),
    }  # fmt: skip
    return "\n".join([text, *(f'{key}: "{value}"' for key, value in facts.items())]) + "\n"


def sums(folder: Path) -> str:
    """SHA-256 of each file of a folder, as `sha256sum --check` reads it."""
    paths = sorted(path for path in folder.iterdir() if path.name != "SHA256SUMS")
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in paths)


def changes(version: str) -> str:
    """What CHANGELOG.md says of a version, or of what is to come where that has no entries yet."""
    text = CHANGES.read_text("utf-8")
    for title in (version, "Unreleased"):
        if found := re.search(rf"^## \[{re.escape(title)}\].*?\n(.*?)(?=^## |\Z)", text, re.M | re.S):
            return found[1].strip()
    return ""


def make(site: Path, out: Path) -> list[Path]:
    """Make all editions in the folder ``out``, and return the files; the one with data only where they are here.

    Raises:
        NotBuiltError: the site is not built.
        NoBrowserError: no browser starts.
        NoFontError: no font has Chinese signs.
        SystemExit: an edition is too large or not valid.
    """
    out.mkdir(parents=True, exist_ok=True)
    for path in out.iterdir():
        path.unlink()
    for name, maker in makers(site).items():
        try:
            maker(out / name)
        except articles.NotBuiltError as error:
            if "data" not in name:
                raise
            print(f"without {name}: {error}")
            continue
        size = (out / name).stat().st_size
        print(f"{name}: {size / 1e6:.1f} MB", flush=True)
        if size > LIMITS.get(name, 60e6):
            sys.exit(f"{name} is too large: at most {LIMITS.get(name, 60e6) / 1e6:.0f} MB")
    made = {path.name: path.stat().st_size for path in sorted(out.iterdir())}
    files.write(editions.SIZES, json.dumps({**editions.sizes(), **made}, indent=2) + "\n")
    files.write(out / "CITATION.cff", citation(datetime.datetime.now(datetime.timezone.utc).date()))
    files.write(out / "SHA256SUMS", sums(out))
    return sorted(out.iterdir())


def publish(out: Path) -> None:
    """Publish what was made as the release of the tag that this runs for, with the program gh.

    Raises:
        SystemExit: the tag is not this version's, a file has changed since its check sum, or gh complains.
    """
    tag = os.environ.get("GITHUB_REF_NAME", "")
    if tag != project.tag():
        sys.exit(f"the tag is {tag or 'not there'}, and pyproject.toml has {project.tag()}")
    if not (out / "SHA256SUMS").exists() or (out / "SHA256SUMS").read_text("utf-8") != sums(out):
        sys.exit(f"{out} is not whole: make release")
    paths = [str(path) for path in sorted(out.iterdir())]
    version = project.distribution()["version"]
    print(issue.gh("release", "create", tag, "--verify-tag", "--title", version, "--notes", changes(version), *paths))


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=OUT, help="folder; what is in it goes")
    command.add_site(parser)
    parser.add_argument("--publish", action="store_true", help="publish what was made before")
    options = parser.parse_args()
    if options.publish:
        publish(options.out)
        return 0
    with command.told("release"):
        made = make(options.site, options.out)
    print(f"{options.out}: {len(made)} files, {sum(path.stat().st_size for path in made) / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
