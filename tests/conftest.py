"""Fixtures for the tests of the book: where things are, and the built site."""

import shutil
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


@pytest.fixture(scope="session")
def both(once, request):
    """The English site and in it the Chinese one."""
    from tools.translate import site as chinese  # it needs more than other tests do

    def make(folder: Path) -> None:
        shutil.copytree(request.getfixturevalue("site"), folder / "html")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(chinese, "STAGE", folder / "stage")
            chinese.build(folder / "html")
            chinese.join(folder / "html")

    return once("chinese", make) / "html"


@pytest.fixture(scope="session")
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
def chinese_font(chromium):
    """A font with Chinese signs, which print in Chinese needs."""
    from tools.editions import language

    page = chromium.new_page()
    try:
        language.CHINESE.drawn(page)
    except language.NoFontError:
        pytest.skip(prepare.no_font())
    finally:
        page.close()


@pytest.fixture(scope="session")
def reused(chromium):
    """Pages that one test gets after the other."""
    return browser.Reused(chromium)


@pytest.fixture
def blank(reused):
    """``blank(…)``: an empty page in a context with these options; a second one of the same is a tab beside it."""
    yield reused.page
    reused.back()


@pytest.fixture
def mounted(blank):
    """An interactive in a page without network; after the test nothing may have gone wrong there."""
    with browser.Mounted(blank(offline=True)) as shown:
        yield shown


@pytest.fixture
def touched(blank):
    """The same on a phone, to be touched."""
    phone = {"has_touch": True, "is_mobile": True, "viewport": {"width": 390, "height": 700}}
    with browser.Mounted(blank(offline=True, **phone)) as shown:
        yield shown
