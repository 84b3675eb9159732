"""One student's process, asked from outside: starts it, sends questions, waits no longer than allowed, and ends it.

Whatever comes back is data. When the process ends, hangs, uses too much or answers nonsense, the session is over, and
every later question raises :class:`Ended` with the reason.
"""

import contextlib
import json
import os
import selectors
import shutil
import signal
import threading
import time
from pathlib import Path

import psutil

from . import protocol, sandbox

START = 60.0  # seconds to import torch on a busy machine
GRACE = 3.0  # seconds between asking a cell to stop and ending its process


class Ended(Exception):
    """The student's process is no more; the text says why, for the report."""


class Session:
    """A student's process. Use it as a context manager.

    Args:
        limits: what it may use.
        unsafe: run it without a sandbox.
    """

    def __init__(self, limits: sandbox.Limits, unsafe: bool = False):
        self.limits, self.unsafe = limits, unsafe
        self.reason: str | None = None
        self.number = 0
        # Without a sandbox processes are counted with all of the user's own, so no limit could be right.
        settings = {"memory": limits.memory, "processes": 0 if unsafe else limits.processes, "disk": limits.disk}
        self.resolve = _no_proxy
        self.in_place = False  # whether what a student's function does to its arguments reaches the test's own
        self.asking = False  # in the middle of a message, which nothing may break into
        self.test_ends: float | None = None
        self.process, self.home = sandbox.start(json.dumps(settings), limits, unsafe)
        self.inputs, self.outputs = self.process.stdin.fileno(), self.process.stdout.fileno()
        os.set_blocking(self.inputs, False)
        os.set_blocking(self.outputs, False)
        self.end_of_time = time.monotonic() + START
        self._watch = threading.Thread(target=self._watch_memory, daemon=True)
        self._watch.start()
        self._frame(time.monotonic() + START)  # it is ready
        self.end_of_time = time.monotonic() + limits.total

    def __enter__(self):
        return self

    def __exit__(self, *details):
        self.end("it is done")

    def end(self, reason: str) -> None:
        """End the process and all it started."""
        if self.reason is None:
            self.reason = reason
        if self.unsafe:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                stream.close()
        if self.home is not None:
            shutil.rmtree(self.home, ignore_errors=True)

    def _watch_memory(self) -> None:
        """End the session when its processes together hold too much. Each alone is limited by the kernel."""
        while self.reason is None and self.process.poll() is None:
            if _memory(self.process.pid) > self.limits.total_memory:
                self.reason = "it used more memory than allowed"
                self.process.kill()
                return
            time.sleep(0.2)

    def ask(self, op: str, arguments: protocol.Writer | None = None, **fields) -> protocol.Reader:
        """Send one question and wait for the answer.

        Raises:
            Ended: there is no answer and will be none.
        """
        if self.reason is not None:
            raise Ended(self.reason)
        now = time.monotonic()
        seconds = min(self.limits.cell, self.end_of_time - now)
        if self.test_ends is not None:
            seconds = min(seconds, max(0.1, self.test_ends - now))
        if seconds <= 0:
            self._over(f"it took longer than the {self.limits.total:.0f} s that a submission has")
        self.number += 1
        writer = arguments or protocol.Writer(_no_reference)
        frame = writer.frame(op=op, number=self.number, seconds=seconds, **fields)
        until = now + seconds + GRACE
        self.asking = True
        try:
            self._send(frame, until)
            text, block = self._frame(until)
        finally:
            self.asking = False
        return self._reader(text, block)

    def _over(self, reason: str):
        if self.reason is None:
            self.reason = reason
        self.end(self.reason)
        raise Ended(self.reason)

    def _wait(self, descriptor: int, event: int, until: float) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, event)
            if not selector.select(max(0.0, until - time.monotonic())):
                self._over(f"a cell did not end within {self.limits.cell:.0f} s, nor when it was asked to")

    def _send(self, frame: bytes, until: float) -> None:
        view = memoryview(frame)
        while view:
            self._wait(self.inputs, selectors.EVENT_WRITE, until)
            try:
                view = view[os.write(self.inputs, view) :]
            except BlockingIOError:
                continue
            except OSError:
                self._over("a cell ended Python")

    def _read(self, count: int, until: float) -> bytes:
        parts = []
        while count:
            self._wait(self.outputs, selectors.EVENT_READ, until)
            try:
                part = os.read(self.outputs, min(count, 1 << 20))
            except BlockingIOError:
                continue
            if not part:
                self._over("a cell ended Python")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _frame(self, until: float) -> tuple[bytes, bytes]:
        if self.number:
            number, _ = protocol.HEAD.unpack(self._read(protocol.HEAD.size, until))
            if number != self.number:
                self._over("it, or a process that it started, wrote into the pipe to the grader")
        text, block = protocol.HEAD.unpack(self._read(protocol.HEAD.size, until))
        if text > protocol.MAX_JSON or block > protocol.MAX_BYTES:
            self._over("it sent more than an answer can hold")
        return self._read(text, until), self._read(block, until)

    def _reader(self, text: bytes, block: bytes) -> protocol.Reader:
        try:
            return protocol.Reader(text, block, lambda item: self.resolve(item))
        except protocol.ProtocolError as error:
            self._over(f"its answer could not be read ({error})")


def _no_reference(value):
    raise TypeError(f"a {type(value).__name__} cannot be handed to a student's code")


def _no_proxy(item):
    raise protocol.ProtocolError("an unknown kind of value")


def _memory(pid: int) -> int:
    """Bytes that a process and its descendants hold in memory, without what they only map from files.

    Pages that several of them share count once, as Linux's proportional set size has it.
    """
    total = 0
    with contextlib.suppress(psutil.Error):
        parent = psutil.Process(pid)
        for process in [parent, *parent.children(recursive=True)]:
            with contextlib.suppress(OSError, ValueError, IndexError):
                for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
                    if line.startswith(("Pss_Anon:", "Pss_Shmem:")):
                        total += int(line.split()[1]) * 1024
    return total
