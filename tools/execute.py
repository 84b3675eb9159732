"""Re-run chapters and store their outputs in NAME.ipynb, with what the run depended on.

Each chapter is stored as soon as it ends. Without names, a chapter is left out when its stored run is of its code cells
and of d2lite as they are now, and was made in this profile, on this kind of device, by this version of PyTorch: so a
command that was killed goes on with the chapter in which it was killed. Chapters that are named always run, and with
--again all do.

A failing cell is shown with its traceback, and the stored notebook stays as it was. With --seeds the chapters run once
a seed and nothing is stored: that tells whether the check cells hold by more than luck.
"""

import argparse
import ast
import asyncio
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from tools import asking, files, interactives, notebooks, outputs, pages, pairs, project, sync

COLORS = re.compile(r"\x1b\[[0-9;]*m")
CELL_TIMEOUT = 3600  # seconds
LIMIT = 45  # minutes that a chapter may take in the full profile on a CPU
# Files of d2lite on which no output depends: `sync` brings in edited scripts, and writes the boxes' questions.
UNREAD = (".js", ".css", ".pyc", ".part", asking.STORED.name)
LABELS = (
    # a folder's name is no data set: what is in it came from one of the others, or from the reader
    'print(__import__("json").dumps([v.label for v in list(globals().values()) '
    'if type(v).__name__ == "ImageData" and v.folder is None]))'
)
FACTS = """\
import json, torch, d2lite
from d2lite.machine.devices import most_memory
most = most_memory(torch.device("cpu"))
print(json.dumps({**vars(d2lite.provenance()), "memory_gib": round(most / 2**30, 2)}))"""


class Failed(Exception):
    """A chapter that cannot be stored; the message says which cell and why."""


def probe(code: str):
    """A hidden cell that asks the kernel something and is taken out again."""
    return nbformat.v4.new_code_cell(code, metadata={"probe": True})


def answer(cell):
    """What a hidden cell printed, as a value."""
    return json.loads("".join(out.text for out in cell.outputs if out.output_type == "stream"))


class Runner(NotebookClient):
    """Runs a notebook and prints one line a cell."""

    def __init__(self, nb, chapter: str):
        super().__init__(
            nb,
            timeout=CELL_TIMEOUT,
            kernel_name="python3",
            resources={"metadata": {"path": str(project.BOOK)}},
            on_cell_start=self.started,
            on_cell_executed=self.ended,
            extra_arguments=["--log-level=40"],
        )
        self.chapter, self.clock = chapter, 0.0
        self.total = sum(cell.cell_type == "code" and not cell.metadata.get("probe") for cell in nb.cells)
        self.number = 0

    async def async_start_new_kernel(self, **kwargs):
        """Start the kernel, and have Ctrl-C and SIGTERM end this process: nbclient would end the kernel alone."""
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().remove_signal_handler(number)
        await super().async_start_new_kernel(**kwargs)

    def started(self, cell, cell_index):
        self.clock = time.perf_counter()

    def ended(self, cell, cell_index, execute_reply):
        if cell.metadata.get("probe"):
            return
        self.number += 1
        line = cell.source.strip().splitlines()[-1][:70] if cell.source.strip() else ""
        print(
            f"  {self.chapter} {self.number:>2}/{self.total} {time.perf_counter() - self.clock:6.1f} s  {line}",
            flush=True,
        )


def here() -> dict:
    """Profile, device and versions, as the chapters will find them.

    Another process finds out, so that PyTorch takes no memory beside the chapters. Raises SystemExit where it fails.
    """
    done = subprocess.run([sys.executable, "-c", FACTS], cwd=project.ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"d2lite does not start here:\n{done.stderr}")
    return json.loads(done.stdout)


def package_digest() -> str:
    """A digest of what d2lite runs and reads: its code, without comments and layout, and its tables."""
    parts = []
    folder = project.ROOT / "d2lite"
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.name.endswith(UNREAD):
            continue
        content = path.read_bytes()
        if path.suffix == ".py":
            content = ast.dump(ast.parse(content)).encode()
        parts.append(f"{path.relative_to(folder)} {hashlib.sha256(content).hexdigest()}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def setting(run: dict) -> tuple[str, str]:
    """Profile and kind of device of a run: its time depends on them."""
    return run["profile"], run["device"].split(",")[0]  # whatever the number of threads


def why_run(chapter: str, now: dict, package: str) -> str:
    """Why the stored run of a chapter does not count any more; empty where it does.

    The code is the same where the cells that ran are numbered without a gap: an edited cell loses its number in `join`,
    and one that was taken out leaves a gap, whether or not `sync` came in between.

    Args:
        now: what `here` gives. package: what `package_digest` gives.
    """
    stored = pairs.read_notebook(chapter)
    facts = stored.metadata.get("d2lite", {}) if stored else {}
    if "run" not in facts:
        return "not run yet"
    if (setting(facts.run), facts.run.torch) != (setting(now), now["torch"]):
        return f"stored in the {facts.run.profile} profile on {facts.run.device} with torch {facts.run.torch}"
    if any("standing in for" in label for label in facts.run.data):
        return "stored with stand-in data"
    if facts.get("package") != package:
        return "d2lite has changed"
    cells = pairs.join(pairs.expected(chapter), stored, chapter).cells
    counts = [cell.execution_count for cell in cells if cell.cell_type == "code" and not asking.made(cell)]
    return "" if counts == list(range(1, len(counts) + 1)) else "its code has changed"


def minutes(chapter: str, now: dict) -> float | None:
    """What the stored run of a chapter took in this profile on this kind of device; None where there is none."""
    run = pages.facts(chapter)["run"]
    return run["seconds"] / 60 if run and setting(run) == setting(now) else None


def time_left(expected: list[float | None]) -> str:
    """The sum of what the chapters still to run took before, and how many of them were never timed."""
    unknown, known = expected.count(None), [time for time in expected if time is not None]
    parts = [f"about {max(1, round(sum(known)))} min left"] if known else []
    parts += [f"{unknown} chapter{'s' * (unknown > 1)} not timed before"] if unknown else []
    return ", ".join(parts)


def over_limit(chapters: list[str]) -> list[str]:
    """Those of the chapters whose stored run took longer than they may in the full profile on a CPU, with minutes."""
    runs = {chapter: pages.facts(chapter)["run"] for chapter in chapters}
    return [
        f"{chapter} ({pages.minutes(run)})"
        for chapter, run in runs.items()
        if run and setting(run) == ("full", "CPU") and run["seconds"] > 60 * LIMIT
    ]


def run(chapter: str) -> nbformat.NotebookNode:
    """Run a chapter; return it with outputs. Raises Failed, naming the cell, where one fails."""
    package = package_digest()  # before the run: what is edited meanwhile is a reason to run again
    nb = pairs.join(pairs.read_source(chapter), None, chapter)
    cells = []
    for cell in nb.cells:
        cells.append(cell)
        if cell.cell_type == "code" and "load(" in cell.source:
            cells.append(probe(LABELS))  # at once, since a later cell may bind the name anew
    nb.cells = [*cells, probe(FACTS)]
    clock = time.perf_counter()
    try:
        Runner(nb, chapter).execute()
    except CellExecutionError as error:
        raise Failed(f"{chapter}: {COLORS.sub('', str(error))}") from None  # it holds the cell's source and traceback
    except (CellTimeoutError, DeadKernelError) as error:
        raise Failed(f"{chapter}: {type(error).__name__} in the cell after the last one shown: {error}") from None
    seconds = time.perf_counter() - clock
    *labels, facts = (answer(cell) for cell in nb.cells if cell.metadata.get("probe"))
    nb.cells = [cell for cell in nb.cells if not cell.metadata.get("probe")]
    interactives.keep(nb, chapter)
    outputs.clean(nb)
    nb.metadata.update(notebooks.metadata())  # as `sync` writes them
    nb.metadata["d2lite"] = {
        "run": {
            **{name: facts[name] for name in ("profile", "device", "torch", "python", "memory_gib", "date")},
            "data": sorted({label for found in labels for label in found}),
            "seconds": round(seconds, 1),
        },
        "package": package,
    }
    return nb


def store(chapter: str, nb: nbformat.NotebookNode) -> None:
    """Write the notebook in one step, with the cells that ask.

    Raises Failed where it is too large or warns; it then lies in `_build/not-stored`, since the run may have been long.
    """
    nb.cells = asking.parted(nb.cells, chapter)
    problems = outputs.warnings(nb) + outputs.too_large(nb, len(notebooks.as_text(nb).encode()))
    if problems:
        kept = project.BOOK.parent / "_build" / "not-stored" / project.notebook(chapter).name
        files.write(kept, notebooks.as_text(nb))
        raise Failed(f"{chapter}: not stored, kept in {kept}\n  " + "\n  ".join(problems))
    # Ids and alt texts of the stored notebook are those of `sync`: the next one then changes nothing.
    stored = pairs.read_notebook(chapter)
    for cell, kept in zip(nb.cells, pairs.join(nb, stored, chapter).cells, strict=True):
        cell["id"] = kept["id"]
    files.write(project.notebook(chapter), notebooks.as_text(nb))


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chapters", nargs="*", help="names of chapters; none means all")
    parser.add_argument("--profile", choices=["quick", "full"], help="default: full on CUDA, quick elsewhere")
    parser.add_argument("--seeds", nargs="+", type=int, metavar="N", help="run once a seed, store nothing")
    parser.add_argument("--again", action="store_true", help="also the chapters whose stored run counts")
    options = parser.parse_args()
    if options.profile:
        os.environ["D2LITE_PROFILE"] = options.profile
    chapters = project.chosen(options.chapters)
    for chapter in chapters:
        pairs.write_setup_cell(chapter)
    now, package = here(), package_digest()
    if options.chapters or options.again or options.seeds:
        reasons = dict.fromkeys(chapters, "asked for")
    else:
        reasons = {chapter: why_run(chapter, now, package) for chapter in chapters}
    if left_out := [chapter for chapter in chapters if not reasons[chapter]]:
        for chapter in left_out:
            sync.sync(chapter)  # text and scripts of interactives may have changed
        print(f"left out, since what their stored runs depend on is unchanged: {', '.join(left_out)}", flush=True)
    jobs = [(chapter, seed) for chapter in chapters if reasons[chapter] for seed in options.seeds or [None]]
    expected = [minutes(chapter, now) for chapter, _ in jobs]
    failures = []
    for number, (chapter, seed) in enumerate(jobs):
        if seed is not None:
            os.environ["D2LITE_SEED"] = str(seed)
        name = chapter if seed is None else f"{chapter}, seed {seed}"
        place = f"{len(left_out) + number + 1} of {len(left_out) + len(jobs)}"
        print(f"{name}: running ({reasons[chapter]}), {place}, {time_left(expected[number:])}", flush=True)
        try:
            nb = run(chapter)
            if seed is None:
                store(chapter, nb)
        except Failed as error:
            failures.append(name)
            print(error, file=sys.stderr)
            continue
        except KeyboardInterrupt:
            print(f"stopped in {name}; what was stored before stays", file=sys.stderr)
            return 128 + signal.SIGINT
        facts = nb.metadata.d2lite.run
        done = "all cells hold" if seed is not None else f"stored in book/{chapter}.ipynb"
        needed = f"{facts.seconds:.0f} s, {facts.memory_gib} GiB, {facts.profile} profile, {facts.device}"
        print(f"{name}: {done}, {needed}", flush=True)
    if long := over_limit([chapter for chapter in chapters if chapter not in failures and not options.seeds]):
        print(f"over {LIMIT} minutes in the full profile on a CPU: {', '.join(long)}", file=sys.stderr)
    if failures:
        print(f"failed: {'; '.join(failures)}", file=sys.stderr)
    return int(bool(failures))


if __name__ == "__main__":
    raise SystemExit(main())
