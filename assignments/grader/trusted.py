"""The grader's own side: runs test cells here, beside the student's process, with proxies for what the student made."""

import ast
import contextlib
import io
import random
import signal
import time
import zlib

import numpy as np
import torch

from . import proxies
from .session import Session

#: seconds that a cell of the grader's own may take: imports and data, on a machine that has much else to do
OWN = 120.0


class TooLong(BaseException):
    """A test took longer than it may. Nothing that runs within a test takes it for an error of its own."""


def read(code: str) -> set[str]:
    """Names that a cell reads and does not bind itself."""
    nodes = list(ast.walk(ast.parse(code)))
    names = [node for node in nodes if isinstance(node, ast.Name)]
    bound = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    bound |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    return {node.id for node in names if isinstance(node.ctx, ast.Load)} - bound


class Bench:
    """Runs the trusted cells and the test cells of one submission, in one name space as a kernel would.

    Args:
        session: the student's process.
        seconds: how long one test cell may take.
        asked: names that are the student's to define. Any other that a test reads must be the test's own: a student's
            ``torch`` is no torch.
    """

    def __init__(self, session: Session, seconds: float, asked: set[str]):
        self.session, self.seconds, self.asked = session, seconds, asked
        self.names: dict = {"__name__": "__tests__"}
        self.limit = seconds  # of the cell that runs

    def run_own(self, source: str, cell: str) -> tuple[BaseException | None, object]:
        """Run one of the grader's own cells, such as imports and data; as :meth:`run`.

        What it takes is no fault of the submission, whose clock stands still meanwhile.
        """
        began, self.limit = time.monotonic(), OWN
        try:
            return self.run(source, cell)
        finally:
            self.limit = self.seconds
            self.session.end_of_time += time.monotonic() - began

    def run(self, source: str, cell: str, in_place: bool = False) -> tuple[BaseException | None, object]:
        """Run one cell, named ``cell``; its error or None, and the value of a last line that is an expression.

        ``in_place``: what the student's functions do to tensors that they are given is done to the test's own.
        """
        seed = zlib.crc32(cell.encode())  # the same numbers whoever is marked, here and in the student's process
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        before = signal.signal(signal.SIGALRM, self._too_long)
        signal.setitimer(signal.ITIMER_REAL, self.limit)
        self.session.test_ends, self.session.in_place = time.monotonic() + self.limit, in_place
        waited = self.session.waited()
        try:
            proxies.ask(self.session, "seed", seed=seed)
            return None, self._execute(source, cell)
        except TooLong as error:
            self.session.ran_out(waited, self.limit)
            return error, None
        except Exception as error:
            return error, None
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
            self.session.test_ends, self.session.in_place = None, False

    def _execute(self, source: str, cell: str):
        tree = ast.parse(source, cell)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        fetched = self._fetch(read(source))
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                exec(compile(tree, cell, "exec"), self.names)
                if last is not None:
                    return eval(compile(ast.Expression(last.value), cell, "eval"), self.names)
        finally:
            for name, value in fetched.items():  # the next cell asks again: the student's cells go on in between
                if self.names.get(name) is value:
                    del self.names[name]
        return None

    def _fetch(self, wanted: set[str]) -> dict:
        """Bring the names that a cell reads and that are the student's from the student's process."""
        fetched = {}
        for name in sorted(wanted & self.asked):
            if name not in self.names:
                with contextlib.suppress(NameError):  # a test's own variable, or the test will say so itself
                    fetched[name] = self.names[name] = proxies.fetch(self.session, name)
        return fetched

    def _too_long(self, signum, frame):
        if self.session.asking:  # the answer comes or the question ends by itself: then
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            return
        raise TooLong(f"this test did not end within {self.limit:.0f} s")
