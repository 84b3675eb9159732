"""Fixtures for the tests of the book: where things are, and the built site."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # for `tools`, which is not installed


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The site, built from stored outputs with warnings as errors; the folder of its pages."""
    out = tmp_path_factory.mktemp("site")
    command = [
        Path(sys.executable).parent / "jupyter-book",
        "build",
        "book",
        "--path-output",
        out,
        "-W",
        "-n",
        "--keep-going",
    ]
    command += ["--config", "_config.yml", "--toc", ROOT / "_toc.yml"]
    done = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"the site does not build:\n{done.stdout[-3000:]}\n{done.stderr[-5000:]}", pytrace=False)
    return out / "_build" / "html"
