"""nbgrader's step "run the notebook", done in two places: a student's cells in the sandbox, tests outside of it.

Cells tagged ``trusted`` (imports, data) run on both sides. Outputs are written into the notebook as nbgrader expects
them, so that its own rules give the marks: an error is none, a number at the end is partial credit, else all.
"""

from nbformat.v4 import new_output
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool, Instance

from . import course, proxies
from .notebooks import plain
from .sandbox import Limits
from .session import Ended, Session
from .trusted import Bench, TooLong

LONGEST = 600  # characters of a message that are shown
BOARD = "leaderboard"  # a test may set this name to a dictionary of numbers


class Execute(NbGraderPreprocessor):
    """Runs a submission; what happened is left in the notebook's metadata under ``grading``."""

    limits = Instance(Limits, args=()).tag(config=True)
    unsafe = Bool(False).tag(config=True)

    def preprocess(self, nb, resources):
        self.ended: str | None = None
        messages: dict[str, dict] = {}
        # What runs on this side is the source's own text: the notebook at hand has been through a student's hands.
        name = resources["nbgrader"]["notebook"]
        tests, trusted, in_place = course.tests(name), course.trusted(name), course.tagged(name, "in-place")
        with Session(self.limits, self.unsafe) as session:
            proxies.connect(session)
            here = Bench(session, self.limits.cell, course.asked(name))
            for number, cell in enumerate(nb.cells, 1):
                grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
                place = grade_id or f"cell {number}"
                if cell.cell_type != "code" or not cell.source.strip():
                    continue
                if grade_id in tests:
                    error, value = here.run(tests[grade_id], grade_id, grade_id in in_place)
                    cell.outputs = _outputs(error, value)
                    if error is not None:
                        messages[grade_id] = {
                            "text": message(error),
                            "hidden": _in_hidden(error, grade_id, tests[grade_id]),
                        }
                        self._note(error, place)
                    continue
                self._run(session, cell, place)
                if grade_id in trusted:
                    error, _ = here.run(trusted[grade_id], grade_id)
                    self._note(error, place)
        board = here.names.get(BOARD)
        nb.metadata["grading"] = {
            "ended": self.ended,
            "messages": messages,
            "board": {str(key): float(value) for key, value in board.items()} if isinstance(board, dict) else None,
        }
        return nb, resources

    def _note(self, error: BaseException | None, name: str) -> None:
        """Keep which cell ended the student's process, the first time it is seen."""
        if isinstance(error, Ended) and self.ended is None:
            self.ended = f"{name}: {error}"

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
            cell.outputs.append(new_output("stream", name="stdout", text=plain(result["printed"])))
        error = result.get("error")
        if isinstance(error, dict):
            name, text = plain(str(error.get("name"))[:100]), plain(str(error.get("text"))[:LONGEST])
            line = f"line {error['line']}: " if isinstance(error.get("line"), int) else ""
            cell.outputs.append(new_output("error", ename=name, evalue=text, traceback=[f"{line}{name}: {text}"]))


def _in_hidden(error: BaseException, cell: str, code: str) -> bool:
    """Whether a test failed in its hidden part, past all that the student could see."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == cell:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line > len(course.visible(code).splitlines())


def _outputs(error: BaseException | None, value) -> list:
    if error is not None:
        text = message(error)
        return [new_output("error", ename=type(error).__name__, evalue=text, traceback=[text])]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return [new_output("execute_result", {"text/plain": repr(value)})]
    return []


def message(error: BaseException) -> str:
    """What a failed test says, for the student: its own message where it is an assertion."""
    text = plain(str(error)[:LONGEST])
    if isinstance(error, (AssertionError, TooLong)) and text:
        return text
    if isinstance(error, Ended):
        return f"Python had ended before this test: {text}"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
