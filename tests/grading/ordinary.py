"""Commands run as an ordinary user, also where root runs the tests: for most teachers bubblewrap works in that way."""

import os
import sys
from pathlib import Path

from assignments.grader import course

USER = 65534
#: what such a user must be able to read: Python, its packages, the grader
NEEDED = [Path(path).resolve() for path in (sys.base_prefix, sys.prefix, course.ROOT)]


def by() -> list[str]:
    """The beginning of a command line whose rest an ordinary user runs; nothing where the tests' user is one.

    Folders that only root may enter, such as its home with a Python in it, are covered for this command by empty ones
    in which just what is needed appears.
    """
    if os.geteuid() != 0:
        return []
    lines, covered = ["set -e"], []
    for number, path in enumerate(NEEDED, 4):
        lines.append(f"exec {number}< '{path}'")
    for number, path in enumerate(NEEDED, 4):
        closed = [folder for folder in reversed(path.parents) if not folder.stat().st_mode & 0o001]
        if closed and closed[0] not in covered:
            lines.append(f"mount -t tmpfs -o mode=755 none '{closed[0]}'")
            covered.append(closed[0])
        if closed:
            lines += [f"mkdir -p '{path}'", f"mount -c --bind /proc/self/fd/{number} '{path}'"]
    user = f"--reuid={USER} --regid={USER} --clear-groups --inh-caps=-all"
    closing = " ".join(f"{number}<&-" for number, _ in enumerate(NEEDED, 4))
    lines.append(f'exec setpriv {user} "$@" {closing}')
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", "\n".join(lines), "sh"]


def environment(folder: Path) -> dict[str, str]:
    """Variables for such a command: a home of its own in ``folder``, and nothing that points into root's."""
    kept = ("PATH", "LANG", "OMP_NUM_THREADS", "CANVAS_TOKEN")
    return {**{name: os.environ[name] for name in kept if name in os.environ}, "HOME": str(folder)}
