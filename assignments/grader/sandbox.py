"""The sandbox that a submission runs in: bubblewrap's command line, and whether it works on this machine.

Inside there are no network, no other processes, and of the file system only the system's programs, this Python with its
packages, ``d2lite`` without what checks problem sets, and three files of the grader that hold no test. Of devices there
are those that hold nothing, and no terminal. What is written lies in memory, is limited in size, and is gone with the
sandbox. Of the teacher's environment and command line nothing reaches it, not even by way of bubblewrap's own process.
"""

import contextlib
import functools
import json
import os
import shutil
import site
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import psutil

from . import groups, syscalls

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
INSIDE = ("student.py", "protocol.py", "nursery.py")
DEVICES = ("null", "zero", "full", "random", "urandom")
HOME = "/tmp/home"
PIPES = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
BESIDE = 2**30  # bytes that the kernel may hold beside a submission's own memory, before it ends a process by itself
UIDS, PEOPLE = 1_000_000, 50_000  # users above those that systems give to people and services
#: why there is no sandbox, where this is no Linux
ELSEWHERE = {
    "darwin": "Submissions are marked on Linux. On a Mac, use a container or a virtual machine: the page for teachers "
    "has the command.",
    "win32": "Submissions are marked on Linux. On Windows, use WSL (wsl --install, then the same commands in "
    "Ubuntu), or a container: the page for teachers has the commands.",
    "other": "Submissions are marked on Linux: use a container or a virtual machine.",
}


class SandboxError(Exception):
    """There is no working sandbox here; says what to do."""


class ColdError(Exception):
    """There is no child of a warm Python to be had; says why."""


@dataclass(frozen=True)
class Limits:
    """What one submission may use. Sizes are bytes, times are seconds."""

    memory: int = 4 * 2**30  # of one process, beyond Python with its libraries
    total_memory: int = 6 * 2**30  # of all processes together
    processes: int = 32  # threads count as well
    disk: int = 256 * 2**20
    cpu: float = 120.0  # of all processes together
    cell: float = 20.0  # one cell, or one question of a test
    total: float = 100.0
    own_processor: bool = False  # whether there is one for each that is marked at the same time

    @classmethod
    def here(cls, jobs: int) -> "Limits":
        """What a machine of this size can give each of ``jobs`` submissions."""
        share = int(0.7 * psutil.virtual_memory().total / jobs)
        enough = 1 < jobs <= (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0)
        return cls(memory=min(cls.memory, share), total_memory=min(cls.total_memory, share), own_processor=enough)


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


def readable() -> list[Path]:
    """Folders that Python and its packages lie in."""
    asked = [Path(sys.prefix), Path(sys.base_prefix), *map(Path, site.getsitepackages())]
    found: list[Path] = []
    for path in sorted({p.resolve() for p in asked if p.exists()} | {p for p in asked if p.exists()}):
        if not any(path.is_relative_to(other) for other in [Path("/usr"), *found]):
            found.append(path)
    return found


def options(limits: Limits, uid: int | None = None, filtered: int | None = None, sealed: bool = True) -> list[str]:
    """bubblewrap's options; ``filtered`` is an open file of ``syscalls``, the rest as in :func:`command`."""
    line = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    if uid is None:
        line += ["--unshare-user", "--cap-drop", "ALL"]
    line += ["--die-with-parent", "--new-session", "--hostname", "sandbox", "--clearenv", "--proc", "/proc"]
    for name, value in environment(HOME).items():
        line += ["--setenv", name, value]
    line += ["--setenv", "PYTHONPATH", "/grader:/grader/packages"]
    line += ["--tmpfs", "/dev"]
    for name in DEVICES:
        line += ["--dev-bind", f"/dev/{name}", f"/dev/{name}"]
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        line += ["--symlink", f"/proc/self/fd/{number}", f"/dev/{name}"]
    line += ["--symlink", "/proc/self/fd", "/dev/fd"]
    line += ["--size", str(limits.disk), "--perms", "1777", "--tmpfs", "/dev/shm"]
    line += ["--size", str(limits.disk), "--perms", "1777", "--tmpfs", "/tmp"]
    line += ["--ro-bind", "/usr", "/usr"]
    for name in ("/bin", "/sbin", "/lib", "/lib32", "/lib64"):
        if os.path.islink(name):
            line += ["--symlink", os.readlink(name), name]
        elif os.path.isdir(name):
            line += ["--ro-bind", name, name]
    for name in ("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime"):
        line += ["--ro-bind-try", name, name]
    mounts = {str(path): path for path in readable()}
    mounts["/grader/packages/d2lite"] = ROOT / "d2lite"
    mounts |= {f"/grader/{name}": HERE / name for name in INSIDE}
    for parent in sorted({str(parent) for inside in mounts for parent in Path(inside).parents} - {"/", "/tmp"}):
        line += ["--dir", parent]  # named, else only root could go through them
    for inside, outside in mounts.items():
        line += ["--ro-bind", str(outside), inside]
    line += _without_answers()
    for folder in (HOME, f"{HOME}/.cache", f"{HOME}/.cache/matplotlib"):
        line += ["--perms", "1777", "--dir", folder]
    # the list of fonts, else each submission's first figure would search the disk for them
    for fonts in Path(matplotlib.get_cachedir()).glob("fontlist-*.json"):
        line += ["--ro-bind", str(fonts), f"{HOME}/.cache/matplotlib/{fonts.name}"]
    if sealed:
        # bubblewrap's own process, the first inside, has no limits that anybody there may take over
        line += ["--size", "4096", "--tmpfs", "/proc/1", "--remount-ro", "/proc/1"]
    # the folders that mount points made are not to be written into: only /tmp and /dev/shm are
    line += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", HOME]
    if filtered is not None:
        line += ["--seccomp", str(filtered)]
    return line


def _without_answers() -> list[str]:
    """Options that put a folder in memory over that of the exercises, with the files of chapters bound into it alone.

    Over the whole folder, since byte code of the checks, which a grader's own processes write at any time, has the
    answers too; and over a copy of ``d2lite`` among the packages as well.
    """
    line = []
    inside = "/grader/packages/d2lite/exercises"
    elsewhere = [Path(where, "d2lite", "exercises") for where in site.getsitepackages()]
    for folder in [inside, *(str(path) for path in elsewhere if path.is_dir())]:
        line += ["--perms", "0755", "--tmpfs", folder]
        for file in sorted((ROOT / "d2lite" / "exercises").glob("*.py")):
            secret = file.name.startswith("ps")
            line += ["--ro-bind", str(HERE / "silent.py" if secret else file), f"{folder}/{file.name}"]
        line += ["--remount-ro", folder]
    return line


def program(python: list[str], uid: int | None = None) -> list[str]:
    """The command line inside.

    Started by root, the student's process becomes user ``uid``, since limits on processes do not bind root; started
    by anyone else, it stays who it is, in a user namespace that gives it nothing.
    """
    if not uid:
        return python
    user = [f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--no-new-privs"]
    return ["setpriv", *user, "--bounding-set=-all", "--inh-caps=-all", *python]


@contextlib.contextmanager
def command(
    python: list[str], limits: Limits, uid: int | None = None, by: Sequence[str] = (), sealed: bool = True
) -> Iterator[tuple[list[str], dict]]:
    """The command that runs ``python`` (an argument list) in a sandbox, and what ``subprocess`` must be given with it.

    Both are good while the context lasts. The first process inside is bubblewrap's own, whose command line and
    environment anybody there may read: so the one has no path of the teacher's, and the other is empty.

    Args:
        uid: the user inside, where root starts it; 0 where what runs there is to go on as another user by itself.
        by: a command that starts the rest of its line.
        sealed: as a student's code needs it. What does not run any may use all system calls, so as to seal others.
    """
    with contextlib.ExitStack() as stack:
        given = []

        def handed(content: bytes) -> int:
            file = stack.enter_context(tempfile.TemporaryFile())
            file.write(content)
            file.seek(0)
            given.append(file.fileno())
            return file.fileno()

        calls = syscalls.program() if sealed else None
        line = options(limits, uid, None if calls is None else handed(calls), sealed)
        arguments = handed("".join(f"{word}\0" for word in line).encode("utf-8", "surrogateescape"))
        bubblewrap = shutil.which("bwrap") or "bwrap"
        whole = [*by, bubblewrap, "--args", str(arguments), *program(python, uid)]
        yield whole, {"pass_fds": tuple(given), "env": {}}


@functools.cache
def check() -> None:
    """Try the sandbox once.

    Raises:
        SandboxError: bubblewrap is missing or may not do its work here.
    """
    if not sys.platform.startswith("linux"):
        raise SandboxError(ELSEWHERE[sys.platform if sys.platform in ELSEWHERE else "other"])
    if shutil.which("bwrap") is None:
        raise SandboxError(
            "bubblewrap is not installed, so submissions cannot be run safely. Install it (Debian, Ubuntu: "
            "apt install bubblewrap; Fedora: dnf install bubblewrap; elsewhere grade in a Linux machine or container), "
            "or run them without a sandbox on a machine that may be lost: UNSAFE=1."
        )
    with command([sys.executable, "-c", "pass"], Limits(), _uid(0)) as (line, given):
        done = subprocess.run(line, capture_output=True, text=True, check=False, **given)
    if done.returncode:
        raise SandboxError(
            f"bubblewrap is installed but does not work here: {done.stderr.strip()[:400]}. On Ubuntu 24.04 allow it "
            "user namespaces (sysctl kernel.apparmor_restrict_unprivileged_userns=0) or run as root. A container must "
            "be started with --security-opt seccomp=unconfined --security-opt apparmor=unconfined and, so that there "
            "can be a /proc inside, --security-opt systempaths=unconfined (podman: unmask=ALL); in a JupyterHub ask "
            "who runs it, or mark elsewhere. Or run without a sandbox on a machine that may be lost: UNSAFE=1."
        )


def me() -> int | None:
    """Root, or None where somebody else runs this, or root of a container that has few users to give."""
    return 0 if os.geteuid() == 0 and _has_users() else None


@functools.cache
def _has_users() -> bool:
    """Whether root may become the users that sandboxes run as. In a container without root outside it may not."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/self/uid_map").read_text("utf-8").splitlines():
            first, _, count = map(int, line.split())
            if first <= UIDS and first + count >= UIDS + PEOPLE:
                return True
    return False


def _uid(number: int) -> int | None:
    return UIDS + number % PEOPLE if me() == 0 else None


@dataclass
class Started:
    """A student's process with pipes on its standard input and output, and what is left when it is over."""

    process: Any  # with what subprocess.Popen has
    home: Path | None = None  # without a sandbox, the folder that it starts in
    group: groups.Group | None = None

    def ran_short(self) -> bool:
        """Whether the kernel ended a process for want of memory."""
        return self.group is not None and self.group.ran_short()

    def remove(self) -> None:
        """Remove what is left; the process has ended."""
        if self.home is not None:
            shutil.rmtree(self.home, ignore_errors=True)
        if self.group is not None:
            self.group.remove()


def start(settings: dict, limits: Limits, unsafe: bool, nursery: Any = None) -> Started:
    """Start the student's process with ``settings``, of ``nursery`` (see ``warm.py``) where one is given.

    Without a sandbox (``unsafe``) it may do what the teacher may; it starts in an empty folder all the same.

    Raises:
        SandboxError: there is no working sandbox here.
    """
    arguments = ["-B", "/grader/student.py", json.dumps(settings)]
    if not unsafe:
        check()
        # each sandbox is a user of its own, so that limits on processes are counted for each alone
        uid = _uid(int.from_bytes(os.urandom(4), "big"))
        group = groups.make(limits.total_memory + BESIDE)
        if nursery is not None:
            with contextlib.suppress(ColdError):
                return Started(nursery.child(settings, uid, group), group=group)
        by = [] if group is None else group.by()
        with command([sys.executable, *arguments], limits, uid, by) as (line, given):
            return Started(subprocess.Popen(line, **PIPES, **given), group=group)
    home = tempfile.mkdtemp(prefix="unsafe-")
    variables = {**environment(home), "PYTHONPATH": f"{HERE}:{ROOT}", "TMPDIR": home}
    arguments[1] = str(HERE / "student.py")
    process = subprocess.Popen([sys.executable, *arguments], **PIPES, cwd=home, env=variables, start_new_session=True)
    return Started(process, Path(home))
