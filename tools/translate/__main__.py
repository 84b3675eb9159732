"""The commands of the Chinese edition."""

import argparse

from tools import project
from tools.translate import catalogs, compare, sources


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
        print(f"{name:30}{described(catalogs.state(name))}")
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


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.translate", description=__doc__)
    commands = {"extract": extract, "status": status, "check": check}
    parser.add_argument("command", choices=commands)
    parser.add_argument("names", nargs="*", metavar="NAME", help="of PO files; none means all")
    options = parser.parse_args()
    if unknown := set(options.names) - set(sources.names()):
        parser.error(f"no file {', '.join(sorted(unknown))}; there are: {', '.join(sources.names())}")
    return commands[options.command](options.names or sources.names())


if __name__ == "__main__":
    raise SystemExit(main())
