"""The command line: ``python -m d2lite data | train | doctor``. Here: what any program owes to pipes and terminals."""

from __future__ import annotations

import os
import sys

from . import doctor, requirements
from .machine.printing import SPELLED

PIPE_CLOSED = 128 + 13  # as shells say it of a program that SIGPIPE ended


def main(argv: list[str] | None = None) -> int:
    """Run one command; return its exit code.

    0 when it did what was asked, 1 when it could not, 2 for wrong usage, 130 when it was interrupted, 141 when nobody
    reads its output any more.
    """
    argv = sys.argv[1:] if argv is None else argv
    streams = [stream for stream in (sys.stdout, sys.stderr) if stream is not None]
    for stream in streams:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=SPELLED)  # pyright: ignore[reportAttributeAccessIssue]
    try:
        code = _run(argv)
        for stream in streams:
            stream.flush()
        return code
    except KeyboardInterrupt:
        print("d2lite: interrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        code = PIPE_CLOSED
    except OSError as error:  # the disk is full to which the output goes
        print(f"d2lite: cannot write the output: {error}", file=sys.stderr)
        code = 1
    nothing = os.open(os.devnull, os.O_WRONLY)  # what is left to write would fail once more when Python ends
    for number in (1, 2):
        os.dup2(nothing, number)
    return code


def _run(argv: list[str]) -> int:
    if not requirements.problem:
        from .commands import run

        return run(argv)
    if argv[:1] == ["doctor"]:
        return doctor.examine()
    print(f"d2lite: {requirements.problem} {requirements.ASK}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    code = main()
    if "LOCAL_RANK" in os.environ:
        # All is written. With several processes, threads of PyTorch 2.11 now and then abort Python on its way out.
        os._exit(code)
    sys.exit(code)
