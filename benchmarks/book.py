"""How long does the site take to build, and each chapter to run? Seconds of both.

The site is built anew each time into a temporary folder, from stored outputs, by the command of ``make book``. The
minutes of the chapters' stored runs are printed; with ``--rerun`` each is run again, in the profile that
``D2LITE_PROFILE`` names, and nothing of it is stored but the time.

    python -m benchmarks.book [--rerun]
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import d2lite as d2l
from benchmarks import common
from tools import execute, pages, project

BUILDER = Path(sys.executable).parent / "jupyter-book"


def build() -> float:
    """Seconds of a build from nothing. Raises SystemExit where it fails."""
    with tempfile.TemporaryDirectory(prefix="bench-site-") as out:
        command = [
            str(BUILDER), "build", "book", "--config", "_config.yml", "--toc", str(project.ROOT / "_toc.yml"),
            "--path-output", out, "-W", "-n", "--keep-going",
        ]  # fmt: skip
        began = time.perf_counter()
        done = subprocess.run(command, cwd=project.ROOT, capture_output=True, text=True, check=False)
        spent = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"book: the site does not build:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return spent


def main(argv: list[str] | None = None) -> int:
    """Command line."""
    parser = common.parser(__doc__, pairs=3)
    parser.add_argument("--rerun", action="store_true", help="run each chapter again")
    options = parser.parse_args(argv)
    rows = []
    for name in project.chapters():
        run = pages.facts(name)["run"]
        how = f"{run['profile']} profile, {run['device']}" if run else "–"
        print(f"{name:20} stored run, minutes: {pages.minutes(run)} ({how})")
    if BUILDER.exists():
        times = common.in_turns({"site": build}, 1 if options.quick else options.pairs)["site"]
        rows.append({"what": "site", "profile": "", "pairs": len(times), **common.spread("seconds", times)})
    else:
        print(f"the site: not built, since {BUILDER.name} is not installed here")
    for name in project.chapters() if options.rerun else []:
        print(f"{name}: running", flush=True)
        seconds = [execute.run(name).metadata.d2lite.run["seconds"]]
        rows.append({"what": name, "profile": d2l.profile(), "pairs": 1, **common.spread("seconds", seconds)})
    return common.finish("book", rows, options, keys=("what", "profile"))


if __name__ == "__main__":
    raise SystemExit(main())
