"""Files that a tool writes wholly: which are stale, and bringing them up to date; `export` and `pages` share it."""

import argparse
from collections.abc import Iterable
from pathlib import Path

from tools import files, project


def stale(expected: dict[Path, str | bytes], present: Iterable[Path]) -> list[str]:
    """What is missing, altered, or left over: in ``present``, where only expected files should be."""
    problems = [f"{named(path)}: not up to date" for path, content in expected.items() if not same(path, content)]
    return problems + [f"{named(path)}: no chapter makes it any more" for path in present if path not in expected]


def same(path: Path, content: str | bytes) -> bool:
    """Whether the file is there and holds just this."""
    return path.exists() and path.read_bytes() == files.as_bytes(content)


def named(path: Path) -> str:
    """A path as people write it."""
    return str(path.relative_to(project.ROOT))


def main(description: str, expected: dict[Path, str | bytes], present: Iterable[Path]) -> int:
    """Command line: bring the files up to date, or with --check only tell which are not."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 where a file is stale")
    left_over = [path for path in present if path not in expected]
    if parser.parse_args().check:
        return project.report(stale(expected, left_over), "make sync")
    for path, content in expected.items():
        print(f"{named(path)}: {'written' if files.write(path, content) else 'unchanged'}")
    for path in left_over:
        path.unlink()
        print(f"{named(path)}: removed, no chapter makes it any more")
    return 0
