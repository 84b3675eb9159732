"""Fixtures for the tests of the book: where things are, and the built site."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # for `tools`, which is not installed

import browser  # noqa: E402 - it imports from `tools`

from tools import prepare, served  # noqa: E402


@pytest.fixture(scope="session")
def once(request, tmp_path_factory):
    """``once(name, make)``: the folder that ``make(folder)`` fills, a single time for all processes of pytest-xdist."""
    own = tmp_path_factory.getbasetemp()
    common = own.parent if hasattr(request.config, "workerinput") else own

    def made(name: str, make: Callable[[Path], None]) -> Path:
        folder, complete = common / name, common / f"{name}.complete"
        with FileLock(common / f"{name}.lock"):
            if not complete.exists():
                make(folder)
                complete.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def site(once):
    """The site, built from stored outputs with warnings as errors; the folder of its pages."""
    return once("site", build) / "_build" / "html"


@pytest.fixture(scope="module")
def address(site):
    """Where the site is served."""
    with served.served(site) as where:
        yield where


def build(out: Path) -> None:
    """Build the site below the folder ``out``."""
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


@pytest.fixture(scope="session")
def chromium():
    """A headless browser."""
    try:
        with served.browser() as running:
            yield running
    except served.NoBrowserError:
        pytest.skip(prepare.no_browser())


@pytest.fixture(scope="session")
def blank(chromium):
    """``blank(…)``: an empty page without network, in a context with these options.

    A new page costs more than a second of the processor. So tests get the same one, emptied: a new document has no
    script, timer, worker or listener of the one before, and the mouse and the media are as at the start.
    """
    pages = {}

    def emptied(**options):
        key = repr(sorted(options.items()))
        if key in pages:
            page = pages[key]
            page.goto("about:blank")
            page.emulate_media(reduced_motion="null")
            page.mouse.up()
            page.mouse.move(0, 0)
        else:
            pages[key] = page = chromium.new_context(offline=True, **options).new_page()
            page.on("crash", lambda _: pages.pop(key))
        return page

    return emptied


@pytest.fixture
def mounted(blank):
    """An interactive in a page without network; after the test nothing may have gone wrong there."""
    with browser.Mounted(blank()) as shown:
        yield shown


@pytest.fixture
def touched(blank):
    """The same on a phone, to be touched."""
    with browser.Mounted(blank(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 700})) as shown:
        yield shown
