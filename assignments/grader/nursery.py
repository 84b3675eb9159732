"""Runs inside a sandbox: a Python that has imported everything, and forks a sealed child for each submission.

It never runs a student's code, and knows no more than ``student.py`` does. What the sandbox around it gives to all
(no network, nothing of the disk but Python) each child has from there. What must be a child's alone it gets here,
before its first line of a student's code: processes, network, memory to write files into, a user, the filter of system
calls, and no right to change any of it. Where the kernel refuses one of them there is no child, and the grader starts
a whole sandbox for each submission instead.

On standard input comes a socket of the grader's. A message there holds settings and three open files: the two pipes
of a session, and a socket on which the child tells who it is and waits until it may begin.
"""

import os
import socket

CONTROL = socket.socket(fileno=os.dup(0))

import base64  # noqa: E402
import contextlib  # noqa: E402
import ctypes  # noqa: E402
import gc  # noqa: E402
import json  # noqa: E402

import matplotlib.pyplot  # noqa: E402, F401
import sklearn.datasets  # noqa: E402, F401 - the digits of all problem sets
import student  # noqa: E402 - and with it PyTorch and IPython

import d2lite  # noqa: E402, F401

LIBC = ctypes.CDLL(None, use_errno=True)
USER, OWN = 0x10000000, 0x20000000 | 0x00020000 | 0x40000000 | 0x08000000 | 0x04000000  # process, mount, net, ipc, uts
PRIVATE, BIND = 0x4000 | 0x40000, 0x1000 | 0x4000  # with all mounts below
FENCED, NO_PROGRAMS = 0x2 | 0x4, 0x8  # no set-user-id programs and no devices; nothing to execute
DUMPABLE, NO_PRIVILEGES, DROP, AMBIENT, FILTER = 4, 38, 24, 47, 22  # of prctl
FILES = 50_000  # in each of the folders that may be written to


def ask(name: str, *arguments) -> None:
    """Call a function of the system's library.

    Raises:
        OSError: the kernel refuses.
    """
    if getattr(LIBC, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def enter(uid: int | None) -> None:
    """Leave what is shared with other children; the next process that is forked is the first of its own."""
    if uid is not None:
        ask("unshare", OWN)
        return
    user, group = os.getuid(), os.getgid()
    ask("unshare", USER | OWN)
    for name, line in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(line)


def furnish(disk: int, kept: list[str]) -> None:
    """Empty folders to write into, and a /proc that shows no other processes. ``kept`` lie in them and stay there."""
    os.chdir("/")
    ask("mount", None, b"/", None, PRIVATE, None)
    held = {path: os.open(path, os.O_PATH) for path in kept}
    for folder in (b"/dev/shm", b"/tmp"):
        about = f"size={disk},nr_inodes={FILES},mode=1777".encode()
        ask("mount", b"tmpfs", folder, b"tmpfs", FENCED, about)
    for path, number in held.items():
        os.makedirs(path)
        ask("mount", f"/proc/self/fd/{number}".encode(), path.encode(), None, BIND, None)
        os.close(number)
    ask("mount", b"proc", b"/proc", b"proc", FENCED | NO_PROGRAMS, None)
    home = os.environ["HOME"]
    before = os.umask(0)
    for folder in (home, f"{home}/.cache", f"{home}/.cache/matplotlib"):
        os.mkdir(folder, 0o1777)
    os.umask(before)
    os.chdir(home)


class Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("lines", ctypes.c_char_p))


def give_up(uid: int | None, filtered: bytes | None) -> None:
    """All rights, for good."""
    ask("prctl", NO_PRIVILEGES, 1, 0, 0, 0)
    capability = 0
    while LIBC.prctl(DROP, capability, 0, 0, 0) == 0:
        capability += 1
    if capability < 30:
        raise OSError("prctl: rights could not be dropped")
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    ask("prctl", AMBIENT, 4, 0, 0, 0)
    header, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    ask("capset", header, none)
    ask("prctl", DUMPABLE, 1, 0, 0, 0)  # its own files under /proc are its own again
    if filtered is not None:
        program = Program(len(filtered) // 8, filtered)
        ask("prctl", FILTER, 2, ctypes.byref(program), 0, 0)


def first(settings: dict, pipes: list[int], grader: socket.socket) -> None:
    """The first process among a child's: seals itself, starts the student's, and waits for whatever ends there."""
    filtered = settings.pop("filter")
    try:
        furnish(settings["disk"], settings.pop("kept"))
        os.setsid()
        give_up(settings.pop("uid"), None if filtered is None else base64.b64decode(filtered))
    except Exception as error:
        grader.send(f"no: {error}"[:500].encode())
        return
    grader.send(b"sealed")
    if grader.recv(2) != b"go":
        return
    for pipe, place in zip(pipes, (student.PIPE_IN, student.PIPE_OUT)):
        os.dup2(pipe, place, inheritable=False)
    kept = {0, 1, 2, student.PIPE_IN, student.PIPE_OUT}
    for number in map(int, os.listdir("/proc/self/fd")):
        if number not in kept:
            with contextlib.suppress(OSError):
                os.close(number)
    running = os.fork()
    if running == 0:
        try:
            student.main(settings)
        finally:
            os._exit(1)
    os.close(student.PIPE_IN), os.close(student.PIPE_OUT)
    ask("prctl", DUMPABLE, 0, 0, 0, 0)  # nobody there takes over this process, which the limits do not bind
    while os.wait()[0] != running:
        pass


def main() -> None:
    """Fork children until the grader closes its end."""
    gc.collect()
    gc.freeze()
    CONTROL.send(b"warm")
    while True:
        text, files, _, _ = socket.recv_fds(CONTROL, 1 << 16, 3)
        if not text:
            return
        settings, (*pipes, line) = json.loads(text), files
        between = os.fork()
        if between == 0:
            try:
                with socket.socket(fileno=line) as grader:
                    try:
                        enter(settings["uid"])
                    except OSError as error:
                        grader.send(f"no: {error}".encode())
                        os._exit(1)
                    if os.fork() == 0:
                        first(settings, pipes, grader)
            finally:
                os._exit(0)
        os.waitpid(between, 0)
        for number in files:
            os.close(number)


if __name__ == "__main__":
    main()
