"""One student's process, asked from outside: starts it, sends questions, waits no longer than allowed, and ends it.

Whatever comes back is data. When the process ends, hangs, uses too much or loses its place in the conversation, the
session is over, and every later question raises :class:`Ended` with the reason. An answer that holds what is no value
costs the question that it answers.
"""

import contextlib
import os
import selectors
import signal
import threading
import time

from . import protocol, sandbox, warm, watch

MEMORY = "it used more memory than allowed"
START = 120.0  # seconds to import torch on a busy machine
BUSY = 0.1  # share of its time that a submission may have waited for the processor before its lateness is in doubt
GRACE = 3.0  # seconds between asking a cell to stop and ending its process


class Ended(Exception):
    """The student's process is no more; the text says why, for the report."""


class Session:
    """A student's process. Use it as a context manager.

    Args:
        limits: what it may use.
        unsafe: run it without a sandbox.
        nursery: whose child it is to be, so that it starts at once.
    """

    def __init__(self, limits: sandbox.Limits, unsafe: bool = False, nursery: warm.Nursery | None = None):
        self.limits, self.unsafe = limits, unsafe
        self.reason: str | None = None
        self.number = 0
        # Without a sandbox processes are counted with all of the user's own, so no limit could be right.
        settings = {"memory": limits.memory, "processes": 0 if unsafe else limits.processes, "disk": limits.disk}
        self.resolve = _no_proxy
        self.in_place = False  # whether what a student's function does to its arguments reaches the test's own
        self.asking = False  # in the middle of a message, which nothing may break into
        self.test_ends: float | None = None
        self.doubt: str | None = None  # why the outcome may be the machine's, and not the submission's
        self.started = sandbox.start(settings, limits, unsafe, nursery)
        self.process, self.student = self.started.process, None
        self.inputs, self.outputs = self.process.stdin.fileno(), self.process.stdout.fileno()
        os.set_blocking(self.inputs, False)
        os.set_blocking(self.outputs, False)
        self.end_of_time = time.monotonic() + START
        threading.Thread(target=self._watch, daemon=True).start()
        self._frame(time.monotonic() + START)  # it is ready
        *_, self.student = watch.tree(self.process.pid)
        self.before = self.waited()
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
        self.started.remove()

    def _watch(self) -> None:
        """End the session when its processes together use too much. Each alone is limited by the kernel."""
        pid, limits = self.process.pid, self.limits
        while self.reason is None and self.process.poll() is None:
            inside = None if self.unsafe else self.student
            if watch.memory(pid, limits.total_memory, inside) > limits.total_memory:
                self.reason = MEMORY
            elif watch.seconds(pid) > limits.cpu:
                self.reason = f"it used more than the {limits.cpu:.0f} s of processor time that a submission has"
            elif watch.is_short():
                self.reason = self.doubt = "the machine ran short of memory"
            if self.reason is not None:
                self.process.kill()
                return
            time.sleep(0.1)

    def ask(self, op: str, arguments: protocol.Writer | None = None, **fields) -> protocol.Reader:
        """Send one question and wait for the answer.

        Raises:
            Ended: there is no answer and will be none.
            ProtocolError: what it holds cannot be read.
        """
        if self.reason is not None:
            raise Ended(self.reason)
        now = time.monotonic()
        seconds = min(self.limits.cell, self.end_of_time - now)
        if self.test_ends is not None:
            seconds = min(seconds, max(0.1, self.test_ends - now))
        if seconds <= 0:
            self.ran_out(self.before, self.limits.total)
            self._over(f"it took longer than the {self.limits.total:.0f} s that a submission has")
        self.number += 1
        writer = arguments or protocol.Writer(_no_reference)
        frame = writer.frame(op=op, number=self.number, seconds=seconds, **fields)
        until, waited = now + seconds + GRACE, self.waited()
        self.asking = True
        try:
            self._send(frame, until)
            text, block = self._frame(until, protocol.MAX_CELL if op == "run" else protocol.MAX_JSON)
        finally:
            self.asking = False
            if time.monotonic() > now + seconds - 0.1:
                self.ran_out(waited, seconds)
        return protocol.Reader(text, block, lambda item: self.resolve(item))

    def waited(self) -> float:
        """Seconds that this side and the student's were kept from running, since they were started."""
        return watch.waited("self") + watch.waited(self.student or "self")

    def ran_out(self, waited: float, seconds: float) -> None:
        """Of something that took all of its ``seconds``: was it kept from running? ``waited`` is from its beginning."""
        if self.doubt is None and self.waited() - waited > BUSY * seconds:
            self.doubt = "the machine was busy with something else"

    def _over(self, reason: str):
        if self.reason is None:
            self.reason = MEMORY if self.started.ran_short() else reason
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

    def _frame(self, until: float, longest: int = protocol.MAX_JSON) -> tuple[bytes, bytes]:
        if self.number:
            number, _ = protocol.HEAD.unpack(self._read(protocol.HEAD.size, until))
            if number != self.number:
                self._over("it, or a process that it started, wrote into the pipe to the grader")
        text, block = protocol.HEAD.unpack(self._read(protocol.HEAD.size, until))
        if text > longest or block > protocol.MAX_BYTES:
            self._over("it sent more than an answer can hold")
        return self._read(text, until), self._read(block, until)


def _no_reference(value):
    raise TypeError(f"a {type(value).__name__} cannot be handed to a student's code")


def _no_proxy(item):
    raise protocol.ProtocolError("an unknown kind of value")
