"""Mark many submissions side by side, keep each result as it comes, and survive what breaks a worker."""

import multiprocessing
import os
import sys
import tempfile
import uuid
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path

import psutil
from tqdm import tqdm

from . import book, course, grade, gradebooks, intake, records, report, roster, sandbox, workplace

LEAST_MEMORY, WORKER_MEMORY = 2 * 2**30, 8 * 2**30  # of a worker, by the machine's size
#: seconds that a submission may take altogether: 200 that use them up are marked by two workers in under two hours
AFFORDED = 60.0
PATIENCE = 5.0  # times as long, at most
ATTEMPTS = 2  # a submission that was at work when workers died is tried once more


def _quiet(parent: int, folder: str, memory: int) -> None:
    """Set a worker up: one thread of torch, as there are as many workers as processors, and a bound on its memory.

    What students hand over may be large in ways that no test expects. It ends with the process ``parent``, and its
    temporary files lie in ``folder``, which goes with that, too.
    """
    import resource

    workplace.end_with(parent)
    tempfile.tempdir = folder
    import torch

    torch.set_num_threads(1)
    room = psutil.Process().memory_info().vms + memory
    resource.setrlimit(resource.RLIMIT_AS, (room, room))


def limits(jobs: int) -> sandbox.Limits:
    """What each submission may use here. On a machine that has more to do than it can, all takes longer."""
    found = sandbox.Limits.here(jobs)
    patience = min(PATIENCE, max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)))
    return replace(found, cell=found.cell * patience, total=AFFORDED * patience)


def mark_all(waiting: list[intake.Submission], options: grade.Options, jobs: int, keep) -> None:
    """Mark ``waiting`` with ``jobs`` workers and call ``keep(record)`` for each as it is done, in any order."""
    attempts: dict[int, int] = {}
    queue = list(enumerate(waiting))[::-1]
    while queue:
        running: dict = {}
        share = psutil.virtual_memory().total // (2 * jobs)
        setting = (os.getpid(), str(options.base), max(LEAST_MEMORY, min(WORKER_MEMORY, share)))
        pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _quiet, setting)
        try:
            while queue or running:
                while queue and len(running) < jobs:
                    suspect = queue[-1][0] in attempts  # it was at work when workers died: now it works alone
                    if suspect and running:
                        break
                    number, submission = queue.pop()
                    attempts[number] = attempts.get(number, 0) + 1
                    running[pool.submit(grade.grade, submission, options)] = (number, submission)
                    if suspect:
                        break
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    record = future.result()
                    del running[future]
                    keep(record)
        except BrokenProcessPool:
            for number, submission in running.values():
                if attempts[number] < ATTEMPTS:
                    queue.append((number, submission))
                else:
                    keep(_lost(submission, options))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _lost(submission: intake.Submission, options: grade.Options) -> dict:
    """The record of a submission that took the grader's own process down twice."""
    record = grade.grade(replace(submission, path=None), options)
    record["digest"] = grade.digest(submission, options)
    record["remarks"].append("the grader's own process ended twice while marking it: look at it by hand")
    return record


def run(
    submissions: Path,
    out: Path,
    *,
    jobs: int,
    only_set: str | None,
    student: str | None,
    unsafe: bool,
    due,
    people: roster.Roster | None = None,
) -> list[dict]:
    """Mark what is in ``submissions`` and not on record yet, and write all reports into ``out``; the records.

    ``student`` marks that student anew, whatever is on record; ``people`` are those who take the course, where a table
    of them was given.

    Raises:
        IntakeError, SetError, BusyError, BookError, SandboxError: with what to do.
        OSError: the folder for the marks cannot be written.
    """
    found = intake.find(submissions, only_set, people, out, print)
    meant = intake.clean(student or "").casefold()
    again = [one for one in found if student and meant in (one.student.casefold(), intake.clean(one.name).casefold())]
    if student is not None and not again:
        raise intake.IntakeError(
            f"there is nothing of {student!r}; there are {', '.join(sorted({one.student for one in found}))}"
        )
    with records.alone(out), workplace.folder() as folder:
        wanted = sorted({one.problem_set for one in found} & set(course.names()))
        book.check(out / "course")
        course.prepare(out / "course", wanted)
        said = book.configure(out / "course", unsafe)
        book.copy(out / "course", folder)
        options = grade.Options(folder, unsafe, due, limits(jobs))
        store, done = records.Records(out), 0

        def on_record(one):
            kept = store.read(one.problem_set, one.student)
            return kept if kept and kept.get("digest") == grade.digest(one, options) else None

        waiting = again if student is not None else [one for one in found if on_record(one) is None]
        if len(waiting) < len(found) and student is None:
            print(f"{len(found) - len(waiting)} of {len(found)} are on record already")
        with tqdm(
            total=len(waiting), unit="notebook", disable=None, file=sys.stdout
        ) as bar:  # a bar in a terminal only

            def keep(record):
                nonlocal done
                store.write({**record, "run": uuid.uuid4().hex})
                done += 1
                points = sum(record["marks"].values())
                notes = f" · {record['status']}" if record["status"] != "marked" else ""
                line = f"{record['problem_set']}  {record['student']}  {points:g}/{record['out_of']:g}{notes}"
                bar.write(f"[{done}/{len(waiting)}] {line}", sys.stdout)
                sys.stdout.flush()
                bar.update()

            mark_all(waiting, options, jobs, keep)
        on_file = [
            {**record, "name": one.name}
            for one in found
            if (record := store.read(one.problem_set, one.student)) is not None
        ]
        if people is not None:
            missing, strangers = (
                sum(map(test, found)) for test in (lambda one: one.missing, lambda one: one.row is None)
            )
            print(f"roster: {missing} handed in nothing, {strangers} handed in and are not on it")
        marks = book.enter(out / "course", on_file)
        said += report.write(out, on_file, marks)
        submitted = {(one.problem_set, one.student): one for one in found}
        whose = [submitted[record["problem_set"], record["student"]] for record in on_file]
        for line in [*said, *gradebooks.write(out, list(zip(whose, on_file, marks)), people)]:
            print(line)
    return on_file
