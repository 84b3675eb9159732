"""The folder that a run works in: it holds hidden tests, so it is gone when the run is, however that ends.

A run that is killed cannot clean up. So a small process of its own waits for the end of the run and removes the folder,
and where that was killed as well, the next run does. Workers end with the run that started them.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

PREFIX, HELD = "course-", ".held"
PR_SET_PDEATHSIG = 1
#: removes the folder $1 when standard input is closed; workers that are just being ended may still write into it
CLEANER = 'cat >/dev/null; n=0; while [ -e "$1" ] && [ $n -lt 50 ]; do rm -rf -- "$1"; n=$((n+1)); sleep 0.2; done'


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A new folder that is removed at the end of the context, or of this process."""
    import fcntl  # not on Windows, where marking says that it needs Linux

    _remove_left_over()
    with contextlib.ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True))
        held = stack.enter_context(open(Path(name, ".new"), "w"))
        fcntl.flock(held, fcntl.LOCK_EX)
        os.rename(held.name, Path(name, HELD))  # from now on it is seen, and held
        end, ours = os.pipe()  # nobody inherits `ours`: the kernel closes it when this process is over
        stack.callback(os.close, ours)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/", "start_new_session": True}
        cleaner = subprocess.Popen(["/bin/sh", "-c", CLEANER, "sh", name], stdin=end, **quiet)
        os.close(end)
        try:
            yield Path(name)
        finally:
            shutil.rmtree(name, ignore_errors=True)
        stack.close()
        cleaner.wait()


def _remove_left_over() -> None:
    """Remove the folders of runs that were killed together with their cleaners."""
    import fcntl

    for old in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if old.is_symlink() or old.stat().st_uid != os.getuid():
                continue
            with open(old / HELD) as held:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(old, ignore_errors=True)


def end_with(parent: int) -> None:
    """End this process as soon as ``parent``, which started it, is over."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was over before
        os._exit(1)
