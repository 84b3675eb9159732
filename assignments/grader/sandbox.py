"""The sandbox that a submission runs in: bubblewrap's command line, and whether it works on this machine.

Inside there are no network, no other processes, and of the file system only the system's programs, this Python with its
packages, ``d2lite``, and two files of the grader that hold no test. What is written lies in memory, is limited in
size, and is gone with the sandbox.
"""

import contextlib
import functools
import os
import shutil
import site
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import psutil

from . import syscalls

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
INSIDE = ("student.py", "protocol.py")
HOME = "/tmp/home"
PIPES = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
UIDS = 1_000_000  # above what systems give to people and services


class SandboxError(Exception):
    """There is no working sandbox here; says what to do."""


@dataclass(frozen=True)
class Limits:
    """What one submission may use. Sizes are bytes, times are seconds."""

    memory: int = 4 * 2**30  # of one process, beyond Python with its libraries
    total_memory: int = 6 * 2**30  # of all processes together
    processes: int = 32  # threads count as well
    disk: int = 256 * 2**20
    cell: float = 20.0  # one cell, or one question of a test
    total: float = 100.0

    @classmethod
    def here(cls, jobs: int) -> "Limits":
        """What a machine of this size can give each of ``jobs`` submissions."""
        share = int(0.7 * psutil.virtual_memory().total / jobs)
        return cls(memory=min(cls.memory, share), total_memory=min(cls.total_memory, share))


def environment(home: str) -> dict[str, str]:
    """Variables of the student's process: nothing of the grader's own environment but its language."""
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": "/tmp",
        "LANG": "C.UTF-8",
        "LOGNAME": "student",
        "USER": "student",
        "MPLBACKEND": "agg",
        "IPYTHONDIR": f"{home}/ipython",
        "D2LITE_PROFILE": "quick",
        "CUDA_VISIBLE_DEVICES": "",  # marks do not depend on a graphics card
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
    }


def _readable() -> list[Path]:
    """Folders that Python and its packages lie in."""
    asked = [Path(sys.prefix), Path(sys.base_prefix), *map(Path, site.getsitepackages())]
    found: list[Path] = []
    for path in sorted({p.resolve() for p in asked if p.exists()} | {p for p in asked if p.exists()}):
        if not any(path.is_relative_to(other) for other in [Path("/usr"), *found]):
            found.append(path)
    return found


def command(python: list[str], limits: Limits, uid: int | None = None, filtered: int | None = None) -> list[str]:
    """The command that runs ``python`` (an argument list) in a sandbox; ``filtered`` is an open file of ``syscalls``.

    Started by root, the student's process becomes user ``uid`` inside, since limits on processes do not bind root;
    started by anyone else, it stays who it is, in a user namespace that gives it nothing.
    """
    line = ["bwrap", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    if uid is None:
        line += ["--unshare-user", "--cap-drop", "ALL"]
    line += ["--die-with-parent", "--new-session", "--hostname", "sandbox", "--clearenv", "--proc", "/proc"]
    for name, value in environment(HOME).items():
        line += ["--setenv", name, value]
    line += ["--setenv", "PYTHONPATH", "/grader:/grader/packages"]
    line += ["--dev", "/dev", "--size", str(limits.disk), "--perms", "1777", "--tmpfs", "/dev/shm"]
    line += ["--size", str(limits.disk), "--perms", "1777", "--tmpfs", "/tmp"]
    line += ["--ro-bind", "/usr", "/usr"]
    for name in ("/bin", "/sbin", "/lib", "/lib32", "/lib64"):
        if os.path.islink(name):
            line += ["--symlink", os.readlink(name), name]
        elif os.path.isdir(name):
            line += ["--ro-bind", name, name]
    for name in ("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime"):
        line += ["--ro-bind-try", name, name]
    mounts = {str(path): path for path in _readable()}
    mounts["/grader/packages/d2lite"] = ROOT / "d2lite"
    mounts |= {f"/grader/{name}": HERE / name for name in INSIDE}
    for parent in sorted({str(parent) for inside in mounts for parent in Path(inside).parents} - {"/", "/tmp"}):
        line += ["--dir", parent]  # named, else only root could go through them
    for hidden in sorted((ROOT / "d2lite" / "exercises").glob("ps*.py")):
        mounts[f"/grader/packages/d2lite/exercises/{hidden.name}"] = HERE / "silent.py"
    for inside, outside in mounts.items():
        line += ["--ro-bind", str(outside), inside]
    for folder in (HOME, f"{HOME}/.cache", f"{HOME}/.cache/matplotlib"):
        line += ["--perms", "1777", "--dir", folder]
    # the list of fonts, else each submission's first figure would search the disk for them
    for fonts in Path(matplotlib.get_cachedir()).glob("fontlist-*.json"):
        line += ["--ro-bind", str(fonts), f"{HOME}/.cache/matplotlib/{fonts.name}"]
    # the folders that mount points made are not to be written into: only /tmp and /dev/shm are
    line += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", HOME]
    if filtered is not None:
        line += ["--seccomp", str(filtered)]
    if uid is not None:
        line += ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--no-new-privs"]
        line += ["--bounding-set=-all", "--inh-caps=-all"]
    return [*line, *python]


@functools.cache
def check() -> None:
    """Try the sandbox once.

    Raises:
        SandboxError: bubblewrap is missing or may not do its work here.
    """
    if not sys.platform.startswith("linux") or shutil.which("bwrap") is None:
        raise SandboxError(
            "bubblewrap is not installed, so submissions cannot be run safely. Install it (Debian, Ubuntu: "
            "apt install bubblewrap; Fedora: dnf install bubblewrap; elsewhere grade in a Linux machine or container), "
            "or run them without a sandbox on a machine that may be lost: UNSAFE=1."
        )
    with _filter() as filtered:
        line = command([sys.executable, "-c", "pass"], Limits(), _uid(0), filtered)
        done = subprocess.run(line, capture_output=True, text=True, check=False, pass_fds=_given(filtered))
    if done.returncode:
        raise SandboxError(
            f"bubblewrap is installed but does not work here: {done.stderr.strip()[:400]}. On Ubuntu 24.04 allow it "
            "user namespaces (sysctl kernel.apparmor_restrict_unprivileged_userns=0) or run as root; in a container, "
            "start that with --privileged. Or run without a sandbox on a machine that may be lost: UNSAFE=1."
        )


@contextlib.contextmanager
def _filter():
    """The number of an open file with the filter of system calls; None where there is none for this machine."""
    program = syscalls.program()
    if program is None:
        yield None
        return
    with tempfile.TemporaryFile() as file:
        file.write(program)
        file.seek(0)
        yield file.fileno()


def _given(filtered: int | None) -> tuple[int, ...]:
    return () if filtered is None else (filtered,)


def _uid(number: int) -> int | None:
    return UIDS + number % 50_000 if os.geteuid() == 0 else None


def start(settings: str, limits: Limits, unsafe: bool) -> tuple[subprocess.Popen, Path | None]:
    """Start the student's process, pipes on its standard input and output; ``settings`` is its argument.

    Without a sandbox (``unsafe``) it may do what the teacher may; it starts in an empty folder all the same, which is
    returned as well and is the caller's to remove.

    Raises:
        SandboxError: there is no working sandbox here.
    """
    arguments = ["-B", "/grader/student.py", settings]
    if not unsafe:
        check()
        # each sandbox is a user of its own, so that limits on processes are counted for each alone
        with _filter() as filtered:
            uid = _uid(int.from_bytes(os.urandom(4), "big"))
            line = command([sys.executable, *arguments], limits, uid, filtered)
            return subprocess.Popen(line, **PIPES, pass_fds=_given(filtered)), None
    home = tempfile.mkdtemp(prefix="unsafe-")
    variables = {**environment(home), "PYTHONPATH": f"{HERE}:{ROOT}", "TMPDIR": home}
    arguments[1] = str(HERE / "student.py")
    process = subprocess.Popen([sys.executable, *arguments], **PIPES, cwd=home, env=variables, start_new_session=True)
    return process, Path(home)
