"""Run the benchmarks one after another, each in a process of its own; what is unknown here is handed on to them."""

import argparse
import subprocess
import sys
import time

from tools import project, speed


def main(argv: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", default=" ".join(speed.QUESTIONS), help=f"some of: {', '.join(speed.QUESTIONS)}")
    options, handed_on = parser.parse_known_args(argv)
    chosen = options.only.split()
    if unknown := [name for name in chosen if name not in speed.QUESTIONS]:
        parser.error(f"no benchmark named {', '.join(unknown)}; there are: {', '.join(speed.QUESTIONS)}")
    failed = []
    for name in chosen:
        print(f"\n== {name} ==", flush=True)
        began = time.perf_counter()
        command = [sys.executable, "-m", f"benchmarks.{name}", *handed_on]
        if subprocess.run(command, cwd=project.ROOT, check=False).returncode:
            failed.append(name)
        print(f"({name}: {(time.perf_counter() - began) / 60:.1f} minutes)", flush=True)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    print(f"\nresults: {speed.RESULTS}")
    return int(bool(failed))


if __name__ == "__main__":
    raise SystemExit(main())
