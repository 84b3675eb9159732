"""What a student's cell prints and raises, as data that can be sent. Used inside the sandbox."""

import builtins
import io

KEPT = 20_000  # characters of a cell's output


class Printed(io.TextIOBase):
    """Keeps the beginning of what a cell prints."""

    def __init__(self):
        self.parts, self.left = [], KEPT

    def write(self, text):
        if self.left > 0:
            self.parts.append(text[: self.left])
            self.left -= len(text)
            if self.left <= 0:
                self.parts.append("\n… the rest of the output is left out")
        return len(text)

    def text(self) -> str:
        return "".join(self.parts)


def described(error: BaseException) -> dict:
    """An error as data: the nearest built-in type, its own name, its text."""
    known = next(kind.__name__ for kind in type(error).__mro__ if getattr(builtins, kind.__name__, None) is kind)
    try:
        text = str(error)[:2000]
    except Exception:
        text = "(its text cannot be shown)"
    line = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.startswith("<ipython"):
            line = trace.tb_lineno
        trace = trace.tb_next
    return {"type": known, "name": type(error).__name__, "text": text, "line": line}
