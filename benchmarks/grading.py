"""Marking at the size of a course: 200 submissions of ps2, right, wrong and hostile, on two workers.

Runs them once in one go and once killed half way and resumed, compares the two tables of grades byte for byte, and
prints how long it took, the marks by kind, and how each hostile case ended; ``--keep`` stores this and the table of
grades in ``benchmarks/results``.

With ``--variants`` it marks every problem set solved, blank and in every wrong variant instead, and compares the marks
with those expected; with ``--attacks`` every hostile case, and what it must not do; with ``--courses`` the solved sets
of private courses in which each choice is drawn once. ``--sample 3`` takes three of each, ``--only ps3``
the variants of one set, ``--part 2/6`` the second sixth of a set's variants, where a run has to be short.

Where others work beside it, no time is printed or stored: it would be theirs, too.
"""

import argparse
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import date
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "grading")]
os.environ.setdefault("OMP_NUM_THREADS", "1")

import classroom  # noqa: E402
import hostile  # noqa: E402
import psutil  # noqa: E402

from assignments.grader import course, draws, records  # noqa: E402
from tools import files  # noqa: E402

NAME = course.find("ps2")
FIRST, *_ = classroom.solutions(NAME)  # where hostile code stands
RESULTS = ROOT / "benchmarks" / "results"
BUSY = 10.0  # per cent of all processors
WHOLE, RIGHT, BLANK, HOSTILE = 200, 60, 20, 10  # the rest is wrong variants, each several times


class Clock:
    """The minutes that a context took, as words; none where others had the processors before it or after."""

    def __enter__(self) -> "Clock":
        self.quiet, self.began = is_quiet(), time.perf_counter()
        return self

    def __exit__(self, *_) -> None:
        self.minutes = (time.perf_counter() - self.began) / 60
        self.quiet = is_quiet() and self.quiet

    def __str__(self) -> str:
        return f", {self.minutes:.1f} minutes" if self.quiet else ", beside other work"


def is_quiet() -> bool:
    """Whether the processors have next to nothing to do."""
    return psutil.cpu_percent(1.0) < BUSY


def generate(base: Path, folder: Path, count: int) -> dict[str, str]:
    """Write ``count`` submissions into ``folder``; the kind of each student's."""
    cases = classroom.spread(list(hostile.CASES), HOSTILE)
    kinds = ["right"] * RIGHT + ["blank"] * BLANK + [f"hostile {case}" for case in cases]
    variants = list(classroom.VARIANTS[NAME].VARIANTS)
    kinds += [f"wrong {variants[number % len(variants)]}" for number in range(max(WHOLE, count) - len(kinds))]
    # every n-th, so that a shorter run has some of each, in an order that mixes them
    kinds = [kinds[number * 37 % len(kinds)] for number in range(min(count, len(kinds)))]
    found = {}
    for number, kind in enumerate(kinds):
        student = f"student{number:03d}"
        what, _, which = kind.partition(" ")
        if what == "right":
            made = course.solved(NAME)
        elif what == "blank":
            made = classroom.notebook(base, NAME, {})
        else:
            made = (classroom.wrong if what == "wrong" else classroom.harmful)(base, NAME, which)
        classroom.hand_in(folder, student, NAME, made)
        found[student] = kind
    return found


def command(submissions: Path, out: Path, jobs: int) -> list[str]:
    line = [sys.executable, "-m", "assignments.grader", "grade", str(submissions), "--out", str(out)]
    return [*line, "--jobs", str(jobs)]


def resumed(submissions: Path, out: Path, jobs: int, half: int) -> None:
    """Mark, kill everything once ``half`` are on record, and go on."""
    process = subprocess.Popen(command(submissions, out, jobs), cwd=ROOT, start_new_session=True)
    while len(list((out / "records").rglob("*.json"))) < half and process.poll() is None:
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    print(f"killed with {len(list((out / 'records').rglob('*.json')))} on record", flush=True)
    subprocess.run(command(submissions, out, jobs), cwd=ROOT, check=True)


def expected(kind: str) -> set[str] | None:
    """Test cells that must get nothing."""
    what, _, which = kind.partition(" ")
    if what == "right":
        return set()
    return classroom.VARIANTS[NAME].VARIANTS[which][1] if what == "wrong" else set(course.tests(NAME))


def course_of(count: int, jobs: int, keep: bool) -> int:
    """The 200 submissions; how many are not as they must be."""
    with tempfile.TemporaryDirectory(prefix="bench-grading-") as place:
        folder = Path(place)
        course.prepare(folder / "base", [NAME])
        kinds = generate(folder / "base", folder / "in", count)
        with Clock() as clock:
            subprocess.run(command(folder / "in", folder / "whole", jobs), cwd=ROOT, check=True)
        resumed(folder / "in", folder / "parts", jobs, count // 2)
        same = (folder / "whole" / "grades.csv").read_bytes() == (folder / "parts" / "grades.csv").read_bytes()
        store = records.Records(folder / "whole")
        wrong = 0
        table, endings = Counter(), {}
        for student, kind in kinds.items():
            record = store.read(NAME, student)
            as_expected = classroom.zeros(record) == expected(kind)
            wrong += not as_expected
            table[kind, sum(record["marks"].values()), as_expected] += 1
            if kind.startswith("hostile"):
                (cell,) = (one for one in record["cells"] if one["cell"] == FIRST)
                how = "; ".join(record["remarks"]) or cell["error"] or cell["printed"]
                endings[kind.removeprefix("hostile ")] = (record["status"], how)
        if keep:
            RESULTS.mkdir(exist_ok=True)
            shutil.copy(folder / "whole" / "grades.csv", RESULTS / "grading.csv")
    lines = [
        f"{count} submissions of {NAME}, {jobs} worker{'s' * (jobs > 1)}{clock}: {wrong} not as expected",
        f"killed half way and resumed: {'the same grades.csv, byte for byte' if same else 'ANOTHER grades.csv'}",
        about_this_run(),
        f"\n{'kind':44}{'points':>7}{'number':>7}",
    ]
    for (kind, points, as_expected), number in sorted(table.items()):
        lines.append(f"{kind:44}{points:>7g}{number:>7}{'' if as_expected else '   NOT AS EXPECTED'}")
    lines.append(f"\n{'hostile case':22}{'status':13}how it ended")
    for case, (status, how) in sorted(endings.items()):
        lines.append(f"{case:22}{status:13}{classroom.sentence(how)[:110] or 'without an effect'}")
    print("\n".join(["", *lines]))
    if keep:
        files.write(RESULTS / "grading.txt", "\n".join(lines) + "\n")
    return wrong + (not same)


def about_this_run() -> str:
    """Machine, versions and date."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    processor = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "processor")
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "nbgrader"))
    return f"{os.cpu_count()} x {processor}, Python {platform.python_version()}, {versions}, {date.today()}"


def part_of(variants: list[str], part: str) -> list[str]:
    """One of several parts: ``2/6`` is the second, the eighth, and so on. Raises ValueError for no such part."""
    number, _, of = part.partition("/")
    if not 1 <= int(number) <= int(of):
        raise ValueError(f"--part {part}: write 1/6 to 6/6 for six parts")
    return variants[int(number) - 1 :: int(of)]


def all_variants(jobs: int, sample: int | None, names: list[str], part: str = "1/1") -> int:
    """Solved, blank and every wrong variant of problem sets; how many get other marks than expected."""
    with tempfile.TemporaryDirectory(prefix="bench-grading-") as place:
        folder = Path(place)
        course.prepare(folder / "base", names)
        for name in names:
            # under names of people, since words such as "solved" are taken from the name of a file
            classroom.hand_in(folder / "in", "iris", name, course.solved(name))
            classroom.hand_in(folder / "in", "otto", name, classroom.notebook(folder / "base", name, {}))
            for variant in part_of(classroom.spread(list(classroom.VARIANTS[name].VARIANTS), sample), part):
                classroom.hand_in(
                    folder / "in", f"wrong-{variant}", name, classroom.wrong(folder / "base", name, variant)
                )
        wrong = 0
        with Clock() as clock:
            found = classroom.marked(folder / "base", folder / "in", jobs)
        for (name, student), record in sorted(found.items()):
            variant = student.removeprefix("wrong-")
            made = classroom.VARIANTS[name]
            expected = {which: zeros for which, (_, zeros) in made.VARIANTS.items()}
            expected |= {"iris": set(), "otto": set(course.tests(name))}
            past = {one["cell"] for one in record["cells"] if one.get("hidden")}
            seen = {cell for cell, which in made.CAUGHT.items() if which == variant} - past
            must, zeros = expected[variant], classroom.zeros(record)
            if zeros != must or seen:
                wrong += 1
                print(f"{name} {variant}: nothing at {sorted(zeros)}, expected at {sorted(must)}")
                print(f"    the visible tests see already: {sorted(seen)}")
                print(f"    {classroom.sentence(classroom.said(record))[:300]}", flush=True)
        print(f"{len(found)} submissions{clock}: {wrong} with other marks than expected")
    return wrong


def all_attacks(sample: int | None) -> int:
    """The tests of hostile submissions with all of them, where `make test` has a sample."""
    command = [sys.executable, "-m", "pytest", "tests/grading/test_hostile.py"]
    attacks = "all" if sample is None else str(sample)
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "ATTACKS": attacks}, check=False).returncode


def all_courses(jobs: int, sample: int | None) -> int:
    """Private courses in which every choice is drawn; how many solved sets do not get full marks in their own."""
    marked, wrong = 0, 0
    for name in course.names():
        entries = draws.table(name)
        most = max((len(entry["choices"]) for entry in entries), default=1)
        for turn in classroom.spread(list(range(most)), sample):
            chosen = {entry["name"]: turn % len(entry["choices"]) for entry in entries}
            with tempfile.TemporaryDirectory(prefix="bench-grading-") as place:
                folder, made = Path(place), draws.make(name, os.urandom(32), "bench", chosen)
                files.write(folder / "own" / "source" / name / f"{name}.md", made.text)
                try:
                    course.use(folder / "own")
                    course.prepare(folder / "base", [name])
                    classroom.hand_in(folder / "in", "iris", name, course.solved(name))
                    (record,) = classroom.marked(folder / "base", folder / "in", jobs).values()
                    marked, bad = marked + 1, classroom.zeros(record)
                finally:
                    course.use(None)
            if bad:
                wrong += 1
                print(f"{name} {made.drawn}: nothing at {sorted(bad)}")
                print(f"    {classroom.sentence(classroom.said(record))[:300]}", flush=True)
    print(f"{marked} sets as drawn: {wrong} without full marks")
    return wrong


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=WHOLE)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", action="store_true", help="store the outcome and the table of grades")
    parser.add_argument("--variants", action="store_true")
    parser.add_argument("--attacks", action="store_true")
    parser.add_argument("--courses", action="store_true")
    parser.add_argument("--only", nargs="+", metavar="SET", help="with --variants: these problem sets, such as ps3")
    parser.add_argument("--part", default="1/1", help="with --variants: a part of each set's, such as 2/6")
    parser.add_argument("--sample", type=int, help="of each problem set, or of the attacks, so many")
    options = parser.parse_args()
    if options.attacks:
        bad = all_attacks(options.sample)
    elif options.courses:
        bad = all_courses(options.jobs, options.sample)
    elif options.variants:
        names = [course.find(word) for word in options.only] if options.only else course.names()
        bad = all_variants(options.jobs, options.sample, names, options.part)
    else:
        bad = course_of(options.count, options.jobs, options.keep)
    raise SystemExit(bool(bad))
