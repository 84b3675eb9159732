"""The commands of the Chinese edition."""

import argparse
from pathlib import Path

from tools import files, notebooks, project
from tools.translate import catalogs, compare, edition, site, sources


def extract(names: list[str]) -> int:
    """Bring PO files up to the English texts."""
    for name in names:
        changed = catalogs.write(name, catalogs.merged(catalogs.read(name), sources.entries(name)))
        print(f"{name}: {'written' if changed else 'unchanged'}, {described(catalogs.state(name))}")
    return 0


def described(state: catalogs.State) -> str:
    """How far a file is, in words."""
    stale = f", {state.stale} stale" if state.stale else ""
    return f"{state.percent} % of {state.total} entries{stale}"


def status(names: list[str]) -> int:
    """Tell how far each file is."""
    for name in names:
        print(f"{name:33}{described(catalogs.state(name))}")
    return 0


def check(names: list[str]) -> int:
    """Tell what is wrong in translated entries."""
    found = 0
    for name in names:
        for line, text, problem in compare.check(name):
            found += 1
            print(f"{catalogs.path(name).relative_to(project.ROOT)}:{line}: {text[:50]!r}: {problem}")
    print(f"{found} to mend" if found else "nothing to mend")
    return int(bool(found))


def lint(names: list[str]) -> int:
    """Tell how far each file is and what is wrong in it; stale entries are told, and wait for whoever translates."""
    status(names)
    behind = [name for name in names
              if catalogs.written(catalogs.merged(catalogs.read(name), sources.entries(name)))
              != catalogs.path(name).read_text("utf-8")]  # fmt: skip
    left = [f"{name}.po: not what the English text asks for" for name in behind]
    return max(check(names), project.report(left, "make sync"))


def book(names: list[str], where: Path = site.SITE) -> int:
    """Build the Chinese site into a built English one, where anything is translated."""
    if not site.live():
        print("nothing is translated: there is no Chinese site")
        return 0
    site.build(where)
    site.join(where)
    print(f"the Chinese site: file://{where.resolve()}/zh/index.html")
    return 0


def written_notebooks(names: list[str], out: Path) -> int:
    """Write the Chinese notebooks into a folder, each where the English one lies in the repository."""
    for name, path in edition.all_notebooks().items():
        if name in names:
            files.write(out / path.relative_to(project.ROOT), notebooks.as_text(edition.opened(name, path)))
            print(f"{name}: {described(catalogs.state(name))}")
    return 0


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.translate", description=__doc__)
    commands = {"extract": extract, "status": status, "check": check, "lint": lint}
    parser.add_argument("command", choices=[*commands, "notebooks", "book"])
    parser.add_argument("names", nargs="*", metavar="NAME", help="of PO files; none means all")
    parser.add_argument("--out", type=Path, help="of notebooks: where they go; of book: the built English site")
    options = parser.parse_args()
    if unknown := set(options.names) - set(sources.names()):
        parser.error(f"no file {', '.join(sorted(unknown))}; there are: {', '.join(sources.names())}")
    names = options.names or sources.names()
    if options.command == "notebooks":
        return written_notebooks(names, options.out or site.NOTEBOOKS)
    if options.command == "book":
        return book(names, options.out or site.SITE)
    return commands[options.command](names)


if __name__ == "__main__":
    raise SystemExit(main())
