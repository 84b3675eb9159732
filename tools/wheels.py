"""Re-run the book on a machine that has PyTorch but no network: a folder of wheels adds what it lacks.

    python -m tools.wheels gather FOLDER --python 3.12    with network: download the wheels
    python -m tools.wheels enter VENV                     without: an environment that sees the machine's own packages
    VENV/bin/python -m tools.wheels install FOLDER        and into it what is missing, and d2lite itself

Nothing that the machine has is replaced: a wheel of a package that is there already stays in the folder.
"""

import argparse
import re
import subprocess
import sys
import venv
from importlib import metadata
from pathlib import Path

from tools import project

# What a machine that trains networks has, built for its GPU. Never gathered: these weigh gigabytes.
ASSUMED = {"torch", "torchvision", "numpy", "matplotlib", "pandas", "scikit-learn", "pyarrow", "pillow"}
# Of requirements-dev.txt, what re-runs and tests the chapters (ruff writes the exported networks in one style).
RERUNNING = {"ipykernel", "ipywidgets", "jupytext", "nbclient", "nbval", "packaging", "pytest", "ruff"}
# pip takes each name as it stands and no older one with it, so those that 64-bit Linux wheels carry are spelled out.
PLATFORMS = ["manylinux1_x86_64", "manylinux2010_x86_64", "manylinux2014_x86_64"]
PLATFORMS += [f"manylinux_2_{minor}_x86_64" for minor in (5, 12, 17, 24, 26, 27, 28)]


def normal(name: str) -> str:
    """The name of a requirement or wheel as indexes compare it: ``Jinja2_x>=3`` → ``jinja2-x``."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", name)[0]).lower()


def needed() -> dict[str, str]:
    """What re-running the chapters takes, by name: all that pyproject.toml asks for, and RERUNNING."""
    lines = (project.ROOT / "requirements-dev.txt").read_text("utf-8").splitlines()
    tools = {normal(line): line.split("#")[0].strip() for line in lines if re.match(r"\w", line)}
    own = project.distribution()["dependencies"]
    return {normal(line): line for line in own} | {name: tools[name] for name in sorted(RERUNNING)}


def gather(folder: Path, python: str) -> int:
    """Download the wheels, with what they need in turn, for that Python on 64-bit Linux."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", "--dest", str(folder)]
    command += ["--implementation", "cp", "--python-version", python]
    command += [part for platform in PLATFORMS for part in ("--platform", platform)]
    command += [line for name, line in needed().items() if name not in ASSUMED]
    code = subprocess.run(command, check=False).returncode
    if code == 0:
        sizes = [path.stat().st_size for path in folder.glob("*.whl")]
        print(f"{len(sizes)} wheels for Python {python}, {sum(sizes) / 2**20:.0f} MiB: {folder.resolve()}")
    return code


def enter(folder: Path) -> int:
    """Make an environment that sees the packages of the Python this runs in, also where that is one's own environment:
    there ``--system-site-packages`` would show the packages of the Python beneath it."""
    venv.create(folder, with_pip=False, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    outer = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    # Added as the interpreter adds its own, so that packages installed there by a .pth file are seen too.
    lines = [f"import site; site.addsitedir({path!r})" for path in outer]
    (packages / "machine.pth").write_text("\n".join(lines) + "\n", "utf-8")
    return 0


def unmet(lines: list[str], seen: set[str]) -> list[str]:
    """Requirements, and requirements of those, that what is installed here does not meet."""
    from packaging.requirements import Requirement

    problems = []
    for need in map(Requirement, lines):
        name = normal(need.name)
        if name in seen or (need.marker and not need.marker.evaluate({"extra": ""})):
            continue
        seen.add(name)
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            problems.append(f"{need} is missing")
            continue
        if not need.specifier.contains(version, prereleases=True):
            problems.append(f"{need} is needed, the machine has {version}")
        if name not in ASSUMED:
            problems += unmet(metadata.requires(name) or [], seen)
    return problems


def install(folder: Path) -> int:
    """Install d2lite and those wheels of the folder whose package is not here yet, without network."""
    wheels = sorted(folder.glob("*.whl"))
    if not wheels:
        print(f"no wheels in {folder}: gather them with `make wheels` on a machine with network, and bring the folder")
        return 1
    here = {normal(found.name) for found in metadata.distributions()}
    lacking = [str(path) for path in wheels if normal(path.name.split("-")[0]) not in here]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    code = subprocess.run([*pip, *lacking, "-e", str(project.ROOT)], check=False).returncode
    if code:
        return code
    problems = unmet(list(needed().values()), set())
    for problem in problems:
        print(problem)
    if problems:
        print(f"to mend: gather wheels for Python {sys.version_info[0]}.{sys.version_info[1]} with "
              "`make wheels PYTHON_VERSION=…`, or add what is named to the machine or to the folder")  # fmt: skip
        return 1
    print(f"{len(lacking)} of {len(wheels)} wheels installed, the rest was here; torch {metadata.version('torch')}")
    return 0


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    for verb in (gather, enter, install):
        command = verbs.add_parser(verb.__name__, help=verb.__doc__)
        command.add_argument("folder", type=Path)
        command.set_defaults(verb=verb)
        if verb is gather:
            command.add_argument("--python", required=True, metavar="3.12")
    options = vars(parser.parse_args())
    return options.pop("verb")(**options)


if __name__ == "__main__":
    raise SystemExit(main())
