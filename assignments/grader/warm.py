"""The grader's side of ``nursery.py``: one that is warm for each worker, and its children as processes.

Importing PyTorch takes longer than marking a short submission does. So each worker keeps a Python in a sandbox that has
imported all, and has a sealed child of it forked for each submission.
"""

import atexit
import base64
import contextlib
import functools
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys

from . import groups, sandbox, syscalls

START = 120.0  # seconds until it is warm, on a busy machine
FORK = 20.0  # until a child tells who it is
CREDENTIALS = struct.Struct("iII")


class Child:
    """A child of the nursery's, with what is used of :class:`subprocess.Popen`. It is the first of its processes."""

    def __init__(self, pid: int, pipes: tuple[int, int]):
        self.pid, self._about = pid, os.pidfd_open(pid)
        self.stdin, self.stdout = os.fdopen(pipes[0], "wb", 0), os.fdopen(pipes[1], "rb", 0)
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """None while it runs."""
        return self.wait(0)

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait until it is over."""
        if self.returncode is None and select.select([self._about], [], [], timeout)[0]:
            self.returncode = 0
        return self.returncode

    def kill(self) -> None:
        """End it and all processes that came of it."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._about, signal.SIGKILL)

    def __del__(self):
        with contextlib.suppress(OSError, AttributeError):
            os.close(self._about)


class Nursery:
    """A sandbox with a warm Python. Close it, or end its process: then all its children end as well.

    Raises:
        sandbox.ColdError: it did not start.
    """

    def __init__(self, limits: sandbox.Limits):
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        python = [sys.executable, "-B", "/grader/nursery.py"]
        with theirs, sandbox.command(python, limits, sandbox.me(), sealed=False) as (line, given):
            self.process = subprocess.Popen(
                line, stdin=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **given
            )
        self.control.settimeout(START)
        try:
            warm = self.control.recv(16)
        except OSError:
            warm = b""
        if warm != b"warm":
            self.close()
            raise sandbox.ColdError("it did not start")

    def child(self, settings: dict, uid: int | None, group: groups.Group | None) -> Child:
        """A sealed child that has run no code yet but ours.

        Raises:
            sandbox.ColdError: the kernel refuses to seal it, or the nursery is no more.
        """
        program = syscalls.program()
        told = {**settings, "uid": uid, "filter": None if program is None else base64.b64encode(program).decode()}
        told["kept"] = [str(path) for path in sandbox.readable() if path.is_relative_to("/tmp")]
        with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
            (their_in, in_), (out, their_out) = os.pipe(), os.pipe()
            for number, stack in ((in_, ours), (out, ours), (their_in, theirs), (their_out, theirs)):
                stack.callback(os.close, number)
            line, their_line = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            ours.enter_context(line), theirs.enter_context(their_line)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            line.settimeout(FORK)
            try:
                socket.send_fds(self.control, [json.dumps(told).encode()], [their_in, their_out, their_line.fileno()])
                theirs.close()
                said, about, _, _ = line.recvmsg(1000, socket.CMSG_SPACE(CREDENTIALS.size))
                if not said.startswith(b"sealed"):
                    raise sandbox.ColdError(said.decode("utf-8", "replace") or "it ended")
                pid, _, _ = CREDENTIALS.unpack(about[0][2])  # as this side's kernel knows it, whatever it says
                child = Child(pid, (os.dup(in_), os.dup(out)))
                if group is not None:
                    group.add(pid)
                line.send(b"go")
            except (OSError, struct.error, IndexError) as error:
                raise sandbox.ColdError(str(error)) from None
        return child

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()
        self.control.close()


@functools.cache
def mine(limits: sandbox.Limits) -> Nursery | None:
    """This worker's nursery, from its first submission on; None where there can be none."""
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        made = Nursery(limits)
    except (sandbox.ColdError, OSError):
        return None
    atexit.register(made.close)
    return made
