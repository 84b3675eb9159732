"""``make assignments`` and ``make grade`` end here: release problem sets, mark submissions."""

import argparse
import errno
import os
import sys
from datetime import datetime
from pathlib import Path

from . import book, course, draws, gradebooks, intake, records, release, roster, run, sandbox


def moment(text: str) -> datetime:
    """A date, or date and time, as ``2026-12-01`` or ``2026-12-01T23:59``."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date: write 2026-12-01T23:59") from None
    return when.replace(hour=23, minute=59, second=59) if "T" not in text and " " not in text else when


def number(text: str) -> int:
    """How many side by side."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of jobs: write 1 or more")
    return int(text)


def trouble(error: OSError, out: Path) -> str:
    """What is wrong with the folder for the marks, and what to do."""
    place = error.filename or out
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"no room for {place}: make some, and give the same command again. What is marked is on record"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{place} cannot be written ({error.strerror}). Marks go there: give another folder (OUT=)"
    if error.errno in (errno.EEXIST, errno.ENOTDIR, errno.EISDIR):
        return f"{place} is in the way ({error.strerror}). Marks go there: give another folder (OUT=)"
    return f"{place}: {error.strerror or error}"


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m assignments.grader", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    give = commands.add_parser("release", help="write what students get, the solutions, and a zip")
    give.add_argument("--out", type=Path, default=Path("_build/assignments"))
    own = commands.add_parser("course", help="write a private course: sets with what a secret draws in them")
    own.add_argument("--out", type=Path, required=True)
    own.add_argument("--secret", type=Path, required=True, help="file of the secret; a new one where there is none")
    own.add_argument("--classes", nargs="+", default=["class"], metavar="NAME", help="one, or several that differ")
    commands.add_parser("sync", help="write the notebooks of the problem sets, in nbgrader's format and as released")
    mark = commands.add_parser("grade", help="mark a folder of notebooks")
    mark.add_argument("submissions", type=Path)
    mark.add_argument("--out", type=Path, default=Path("_build/grades"))
    mark.add_argument("--jobs", type=number, default=os.cpu_count() or 1)
    mark.add_argument("--course", type=Path, help="folder of the private course that was handed out")
    mark.add_argument("--set", help="mark this problem set alone, and take notebooks whose name tells none for it")
    mark.add_argument("--student", help="mark this student anew")
    mark.add_argument("--roster", type=Path, help="table of the students, or a gradebook that a platform exported")
    mark.add_argument("--due", type=moment, help="later is late")
    mark.add_argument("--unsafe", action="store_true", help="run students' code without a sandbox")
    options = parser.parse_args()
    try:
        if options.command == "sync":
            for path in release.sync():
                print(path.relative_to(course.ROOT))
            return 0
        if options.command == "course":
            for folder in draws.write(options.out, draws.secret(options.secret), options.classes):
                print(f"to hand out: {folder / 'release.zip'}")
                print(f"what was drawn, and which solutions stay public: {folder / draws.README}")
            return 0
        if options.command == "release":
            for line in release.write(options.out):
                print(line)
            print(f"to hand out: {(options.out / 'release.zip').resolve()}")
            return 0
        if options.course is not None:
            course.use(options.course)
        if options.unsafe:
            if sys.platform != "linux":
                raise sandbox.SandboxError("UNSAFE=1 needs Linux, too: a virtual machine, a container, or WSL")
            print(
                "WITHOUT A SANDBOX: students' code can read and write what you can. Only on a machine that may be lost."
            )
        else:
            sandbox.check()
        out = options.out.resolve()
        done = run.run(
            options.submissions.resolve(),
            out,
            jobs=options.jobs,
            only_set=course.find(options.set) if options.set else None,
            student=options.student,
            unsafe=options.unsafe,
            due=options.due,
            people=roster.read(options.roster) if options.roster else None,
        )
    except (
        intake.IntakeError,
        roster.RosterError,
        course.SetError,
        records.BusyError,
        book.BookError,
        draws.DrawError,
        sandbox.SandboxError,
    ) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(trouble(error, getattr(options, "out", Path())), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; what is marked is on record, and the same command goes on from there", file=sys.stderr)
        return 130
    print(f"{len(done)} on record. Grades: {out / 'grades.csv'}")
    print(f"summary: {out / 'summary.html'}   a page for each student: {out / 'feedback'}")
    if (out / gradebooks.FOLDER).is_dir():
        print(f"for your learning platform, grades and feedback: {out / gradebooks.FOLDER}")
    jupyter = Path(sys.executable).with_name("jupyter")
    print(f"written answers: cd {out / 'course'} && {jupyter} lab, menu Nbgrader > Formgrader; then this command again")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
