"""Fixtures for the tests of the book: where things are, and the built site."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # for `tools`, which is not installed

import browser  # noqa: E402 - it imports from `tools`

from tools import served  # noqa: E402


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


@pytest.fixture(scope="session")
def chromium():
    """A headless browser, the system's own."""
    if served.CHROMIUM is None:
        pytest.skip("no Chromium on this machine: install it (Debian: apt install chromium) to test in a browser")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=served.CHROMIUM, args=served.FLAGS)
        yield running
        running.close()


@pytest.fixture
def mounted(chromium):
    """An interactive in a page without network; after the test nothing may have gone wrong there."""
    context = chromium.new_context(offline=True)
    shown = browser.Mounted(context.new_page())
    yield shown
    context.close()
    assert shown.problems == [], "the page complained"
