"""How pytest re-runs the chapters (nbval), which tests it may leave out, and how it says that it did.

Rules, all of them: outputs are compared unless the cell is tagged `nbval-ignore-output` (nbval's own tag; the next cell
asserts), `provenance` (it states this run), or `data-output` while the data here are not those of the stored run.
Problem sets, with their solutions, are run the same way: they store no outputs, and their tests are in their cells.
The profile and the device decide nothing here: what a chapter shows untrained must be the same in both profiles and on
every device, so the outputs of a quick run on a laptop are held against a full one on a GPU, and the reverse.

What could not be tested is one line at the very end, with the commands that mend it, and a failure where CI=true. So
the reason of a skipped test reads `tests of a kind (why): what mends it`. Tests that need CUDA are left out in silence.

Markers are given here: `browser`, `marking`, `slow` to what reads the built site, and `gpu` to what is worth a GPU's
time, the cells of the chapters and the tests that are skipped without CUDA. Any other `slow` stands in the tests, with
the seconds of the processor where they are many: `slow(60)`.
"""

import collections
import itertools
import os
from pathlib import Path

import pytest

from tools import asking
from tools.rerun import compared, labels_here

os.environ.setdefault("D2LITE_PROFILE", "quick")  # before anything asks, and inherited by the kernels

ROOT = Path(__file__).resolve().parent
PROBLEM_SETS, MARKING = ROOT / "assignments", ROOT / "tests" / "grading"
OUTPUT_TIMEOUT = 120  # seconds; nbval waits 5 for an output, however long the cell may take
NOT_COMPARED = "not compared"
PAGE = {"visited", "parsed_page"}
SECONDS = {"marking": 4, "slow": 4, "browser": 1}  # of the processor that a test of this marker takes, roughly
CELL = {True: 2, False: 1}  # and a cell of a chapter, or of a problem set


def is_cell(item) -> bool:
    """Whether an item is a cell of a notebook."""
    return type(item).__name__ == "IPyNbCell"


def stored_data(item) -> list[str]:
    """Labels of the data sets on which the stored run of a cell's notebook was made."""
    return item.parent.nb.metadata.get("d2lite", {}).get("run", {}).get("data", [])


def needs_cuda(reason: str) -> bool:
    """Whether a test that was skipped for this reason waits for a GPU."""
    return "CUDA" in reason


def for_gpu(item) -> bool:
    """Whether `-m gpu` takes an item: a cell of a chapter, or a test whose condition for being skipped names CUDA."""
    if is_cell(item):
        return not item.path.is_relative_to(PROBLEM_SETS)
    return any(needs_cuda(mark.kwargs.get("reason", "")) for mark in item.iter_markers("skipif"))


def long_files_first(items) -> None:
    """Order the files by a guess of their seconds: processes that take one after the other then end together."""
    seconds = collections.Counter()
    for item in items:
        marks = [mark for mark in item.iter_markers() if mark.name in SECONDS]
        guesses = (mark.args[0] if mark.args else SECONDS[mark.name] for mark in marks)
        seconds[item.path] += CELL[for_gpu(item)] if is_cell(item) else max(guesses, default=0.1)
    items.sort(key=lambda item: -seconds[item.path])


def page_by_page(items) -> None:
    """Let the tests of one page follow each other, so that the fixtures in ``PAGE`` open or parse it once."""
    shared = [place for place, item in enumerate(items) if PAGE & {*getattr(item, "fixturenames", ())}]
    tests: dict[tuple, list] = {}  # of each page
    for place in shared:
        tests.setdefault((items[place].path, items[place].callspec.params["name"]), []).append(items[place])
    for place, item in zip(shared, itertools.chain.from_iterable(tests.values())):
        items[place] = item


@pytest.hookimpl(tryfirst=True)  # before pytest itself looks at the markers
def pytest_collection_modifyitems(config, items):
    """Give the markers, and set nbval's cells up by the rules above."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        given = {"browser": "chromium" in fixtures, "gpu": for_gpu(item)}
        given |= {"marking": item.path.is_relative_to(MARKING), "slow": "site" in fixtures}
        for name in filter(given.get, given):
            item.add_marker(name)
    page_by_page(items)
    cells = [item for item in items if is_cell(item)]
    here = labels_here() if cells else set()
    for item in cells:
        item.output_timeout = OUTPUT_TIMEOUT
        if asking.made(item.cell):
            item.cell.execution_count = 0  # it is stored as not run, and compared all the same
        if item.path.is_relative_to(PROBLEM_SETS):
            item.options["check"] = False
        elif not compared(item.cell, stored_data(item), here):
            item.options["check"] = False
            missing = sorted({*stored_data(item)} - here)
            if missing and "data-output" in item.cell.metadata.get("tags", []):
                item.user_properties.append((NOT_COMPARED, ", ".join(missing)))
    if hasattr(config, "workerinput"):
        long_files_first(items)


def pytest_report_header(config):
    """Say which data the chapters are re-run on, since it decides what is compared."""
    if not config.option.nbval:
        return None
    profile = f"in the {os.environ['D2LITE_PROFILE']} profile"
    real = sorted(labels_here() - {"digits"})
    return f"chapters: re-run {profile}, " + (f"on {', '.join(real)}" if real else "digits stand in for the real data")


def left_out(config) -> collections.Counter:
    """How many tests were skipped for want of what, but for CUDA; of all processes together."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    reasons = (report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    return collections.Counter(reason for reason in reasons if not needs_cuda(reason))


def not_compared(config) -> collections.Counter:
    """How many cells were run whose outputs depend on data that are not here, and on which."""
    reports = config.pluginmanager.get_plugin("terminalreporter").stats.get("passed", [])
    return collections.Counter(
        value for report in reports for name, value in report.user_properties if name == NOT_COMPARED
    )


def pytest_sessionfinish(session):
    """Where CI=true, what could not be tested is a failure."""
    if os.environ.get("CI") == "true" and session.exitstatus == pytest.ExitCode.OK and left_out(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(wrapper=True, tryfirst=True)  # after all that others have to say
def pytest_terminal_summary(terminalreporter, config):
    """The line that says what could not be tested, and what mends it."""
    yield
    untested = [f"{number} {reason}" for reason, number in left_out(config).most_common()]
    if untested:
        failure = " (a failure, since CI=true)" if os.environ.get("CI") == "true" else ""
        terminalreporter.write_line(f"NOT TESTED{failure}: {'; '.join(untested)}", red=True, bold=True)
    for labels, number in not_compared(config).items():
        text = f"NOT COMPARED: {number} outputs, since {labels} is not here (D2LITE_DATA names a folder with data)"
        terminalreporter.write_line(text, yellow=True)
