"""nbgrader's step "run the notebook", done in two places: a student's cells in the sandbox, tests outside of it.

Cells tagged ``trusted`` (imports, data) run on both sides. Outputs are written into the notebook as nbgrader expects
them, so that its own rules give the marks: an error is none, a number at the end is partial credit, else all.
"""

from nbformat.v4 import new_output
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool, Instance

from . import course, proxies, sharing, warm
from .notebooks import plain
from .protocol import ProtocolError
from .sandbox import Limits
from .session import Ended, Session
from .trusted import Bench, TooLong

LONGEST = 600  # characters of a message that are shown
PRINTED, ALL_PRINTED = 20_000, 400_000  # characters of what one cell prints that are kept, and of all cells
FULL = "\n… the rest of the output is left out"
BOARD = "leaderboard"  # a test may set this name to a dictionary of numbers


class OwnError(Exception):
    """A cell of the grader's own failed, so nothing can be said about the submission."""


class Execute(NbGraderPreprocessor):
    """Runs a submission; what happened is left in the notebook's metadata under ``grading``."""

    limits = Instance(Limits, args=()).tag(config=True)
    unsafe = Bool(False).tag(config=True)
    failed: str | None = None  # what of the grader's own did

    def preprocess(self, nb, resources):
        if self.limits.own_processor:
            sharing.processor()
        with sharing.room():
            doubt = self._mark(nb, resources)
        if doubt is not None:  # once more, with nobody beside it: then the outcome is its own
            with sharing.room(alone=True):
                self._mark(nb, resources)
        if self.failed is not None:
            raise OwnError(self.failed)
        return nb, resources

    def _mark(self, nb, resources) -> str | None:
        """Run all cells; why it may have turned out as it did by no fault of the submission, or None."""
        self.ended: str | None = None
        self.failed = None
        self.left = ALL_PRINTED
        messages: dict[str, dict] = {}
        # What runs on this side is the source's own text: the notebook at hand has been through a student's hands.
        name = resources["nbgrader"]["notebook"]
        tests, trusted, in_place = course.tests(name), course.trusted(name), course.tagged(name, "in-place")
        nursery = None if self.unsafe else warm.mine(self.limits)
        with Session(self.limits, self.unsafe, nursery) as session:
            proxies.connect(session)
            here = Bench(session, self.limits.cell, course.asked(name))
            for number, cell in enumerate(nb.cells, 1):
                grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
                place = grade_id or f"cell {number}"
                if cell.cell_type != "code" or not cell.source.strip():
                    continue
                if grade_id in tests:
                    error, value = here.run(tests[grade_id], grade_id, grade_id in in_place)
                    hidden = error is not None and _in_hidden(error, grade_id, tests[grade_id])
                    told = "" if error is None else message(error, hidden)
                    cell.outputs = _outputs(error, told, value)
                    if error is not None:
                        messages[grade_id] = {"text": told, "hidden": hidden}
                        self._note(error, place)
                    continue
                self._run(session, cell, place)
                if grade_id in trusted:
                    error, _ = here.run_own(trusted[grade_id], grade_id)
                    self._note(error, place)
                    if self._is_own(error):
                        self.failed = f"the set's own cell {grade_id}: {message(error)}"
                        return self.failed
        nb.metadata["grading"] = {
            "ended": self.ended,
            "messages": messages,
            "board": _board(here.names.get(BOARD)),
            "doubt": session.doubt,
        }
        return session.doubt

    @staticmethod
    def _is_own(error: BaseException | None) -> bool:
        """Whether an error in a cell of the grader's own is no work of the student's process."""
        theirs = isinstance(error, Ended | ProtocolError) or (error and proxies.said_by_student(error) is not None)
        return error is not None and not theirs

    def _note(self, error: BaseException | None, name: str) -> None:
        """Keep which cell ended the student's process, the first time it is seen."""
        if isinstance(error, Ended) and self.ended is None:
            self.ended = f"{name}: {error}"

    def _cut(self, printed: str) -> str:
        """What is kept of a cell's output. The student's process cuts it, too, but who could rely on that?"""
        longest = min(PRINTED + len(FULL), self.left)
        self.left -= min(len(printed), longest)
        return printed if len(printed) <= longest else printed[:longest] + FULL

    def _run(self, session: Session, cell, name: str) -> None:
        """Run one of the student's cells. When it ends the process, note which did: all that comes after fails."""
        cell.outputs = []
        try:
            result = session.ask("run", source=cell.source).fields.get("result")
        except Ended as error:
            self._note(error, name)
            cell.outputs = [new_output("error", ename="Ended", evalue=str(error), traceback=[str(error)])]
            return
        result = result if isinstance(result, dict) else {}
        if isinstance(result.get("printed"), str) and result["printed"]:
            printed = self._cut(plain(result["printed"]))
            cell.outputs.append(new_output("stream", name="stdout", text=printed))
        error = result.get("error")
        if isinstance(error, dict):
            name, text = plain(str(error.get("name"))[:100]), plain(str(error.get("text"))[:LONGEST])
            line = f"line {error['line']}: " if isinstance(error.get("line"), int) else ""
            cell.outputs.append(new_output("error", ename=name, evalue=text, traceback=[f"{line}{name}: {text}"]))


def _board(board: object) -> dict[str, float] | None:
    """A line of the leaderboard, where a test made one of numbers."""
    if not isinstance(board, dict):
        return None
    try:
        return {str(key): float(value) for key, value in board.items()}
    except (TypeError, ValueError, OverflowError):
        return None


def _in_hidden(error: BaseException, cell: str, code: str) -> bool:
    """Whether a test failed in its hidden part, past all that the student could see."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == cell:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line > len(course.visible(code).splitlines())


def _outputs(error: BaseException | None, told: str, value) -> list:
    if error is not None:
        return [new_output("error", ename=type(error).__name__, evalue=told, traceback=[told])]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return [new_output("execute_result", {"text/plain": repr(value)})]
    return []


def message(error: BaseException, hidden: bool = False) -> str:
    """What a failed test says, for the student: its own message where it is an assertion.

    What the student's code said is told as the student's. In a hidden test it could be the hidden numbers, and so just
    the kind of error is told.
    """
    own = proxies.said_by_student(error)
    kind = "an error of its own" if isinstance(error, proxies.StudentError) else type(error).__name__
    if own is not None and hidden:
        return f"your code raised {kind} on other values than those that the visible tests give it"
    text = plain((str(error) if own is None else own)[:LONGEST])
    if own is not None:
        return f"your code raised {kind}: {text}"
    if isinstance(error, (AssertionError, TooLong)) and text:
        return text
    if isinstance(error, Ended):
        return f"Python had ended before this test: {text}"
    if isinstance(error, ProtocolError):
        return f"what your code gave cannot be read: {text}"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
