"""A worktree of the current commit, in which long runs go on while the code is being changed."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from d2lite.data.download import cache_folder
from tools import project
from tools.measure.training import commit

INTO = "D2LITE_MEASURE_INTO"  # names the folder whose tables get the rows


def folder() -> Path:
    """Where worktrees, checkpoints and locks lie: outside the repository."""
    path = Path(cache_folder()) / "measure"
    path.mkdir(parents=True, exist_ok=True)
    return path


def into() -> Path:
    """The package folder whose tables get the rows."""
    return Path(os.environ.get(INTO, project.ROOT)) / "d2lite" / "nets"


def enter() -> None:
    """Go on in a worktree of the current commit; return where that cannot be, or where this is one already."""
    name = commit().rstrip("+")
    if INTO in os.environ or name == "unknown":
        return
    tree = folder() / f"tree-{name}"
    if commit().endswith("+"):
        print(f"uncommitted changes are left out: commit {name} is measured", flush=True)
    with FileLock(folder() / "trees.lock"):
        if not (tree / "tools").is_dir():
            git("worktree", "prune")
            git("worktree", "add", "--quiet", "--force", "--detach", str(tree), "HEAD")
        remove_old(keep=tree)
    os.chdir(tree)
    os.environ.update({INTO: str(project.ROOT), "PYTHONPATH": str(tree)})
    os.execv(sys.executable, [sys.executable, "-m", "tools.measure", *sys.argv[1:]])


def is_ahead(table: str) -> bool:
    """Whether a table that gets the rows differs from the one in this worktree, which the recipes read."""
    return (into() / table).read_bytes() != (project.ROOT / "d2lite" / "nets" / table).read_bytes()


@contextlib.contextmanager
def in_use() -> Iterator[None]:
    """While the block runs, nobody takes this worktree away."""
    path = folder() / f"{project.ROOT.name}-{os.getpid()}.using"
    with FileLock(path):
        yield
    path.unlink(missing_ok=True)


def remove_old(keep: Path) -> None:
    """Take away worktrees that no process uses."""
    for tree in folder().glob("tree-*/"):
        if tree != keep and not any(is_held(lock) for lock in folder().glob(f"{tree.name}-*.using")):
            git("worktree", "remove", "--force", str(tree))


def is_held(path: Path) -> bool:
    """Whether a process holds the lock; one that nobody holds is removed."""
    try:
        with FileLock(path, timeout=0):
            path.unlink(missing_ok=True)
    except Timeout:
        return True
    return False


def git(*arguments: str) -> None:
    """Run git here; raise SystemExit with what it says where it fails."""
    done = subprocess.run(["git", "-C", str(project.ROOT), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"git {arguments[0]}: {done.stderr.strip()}. `--here` measures without a worktree.")
