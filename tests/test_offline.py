"""The zip for machines without network: small, and all of it works from a folder."""

import re
import zipfile
from pathlib import Path

import pytest
from packaging.utils import parse_wheel_filename

from tools import project, served
from tools.editions import articles, offline

pytestmark = [pytest.mark.slow(15), pytest.mark.browser]
#: in a page: what a file that cannot be fetched leaves behind
MISSING = """[...document.images].filter(image => image.complete && !image.naturalWidth).map(image => image.src)"""


@pytest.fixture(scope="module")
def made(site, tmp_path_factory):
    """The zip without data."""
    return offline.make(site, tmp_path_factory.mktemp("offline") / "book.zip")


@pytest.fixture(scope="module")
def folder(made):
    """The folder in it, unzipped where a path has spaces."""
    place = made.parent / "my books"
    with zipfile.ZipFile(made) as package:
        package.extractall(place)
    (found,) = place.iterdir()
    return found


def test_it_is_small_and_whole(made, folder, site):
    assert made.stat().st_size <= 25e6
    assert [path.name for path in made.parent.iterdir() if path.suffix] == ["book.zip"]
    kept = {path.relative_to(folder / "site") for path in (folder / "site").rglob("*") if path.is_file()}
    assert kept == {path.relative_to(site) for path in site.rglob("*") if path.is_file()}
    assert {path.stem for path in (folder / "notebooks").iterdir()} == set(project.chapters())
    (wheel,) = folder.glob("*.whl")
    assert [str(part) for part in parse_wheel_filename(wheel.name)[:2]] == ["d2lite", project.distribution()["version"]]
    with zipfile.ZipFile(wheel) as package:
        names = package.namelist()
    stored = [path for path in (project.ROOT / "d2lite").rglob("*.*") if path.suffix in (".py", ".csv", ".js", ".json")]
    assert {path.relative_to(project.ROOT).as_posix() for path in stored if "__pycache__" not in path.parts} <= {*names}
    page = (folder / "start.html").read_text("utf-8")
    assert "{{" not in page and wheel.name in page and "digits stand in" in page
    for target in re.findall(r'href="([^"]+)"', page):
        assert (folder / target).is_file(), target


def test_it_works_from_a_folder_without_network(folder, blank):
    page = blank(offline=True)
    tab = served.Tab(page, folder.as_uri() + "/")
    tab.open("start.html")
    page.click("text=Open the book")
    page.wait_for_url("**/site/index.html")
    for name in ("site/vgg.html", "site/batch_norm.html", "site/playground.html"):
        tab.open(name)
        assert page.evaluate(MISSING) == []
    page = tab.open("site/vgg.html").page
    lab = page.locator("#interactive-receptive_field")
    before = lab.inner_text()
    tab.controls(lab)[0].press("End")
    page.wait_for_function("([lab, before]) => lab.innerText !== before", arg=[lab.element_handle(), before])
    assert page.locator(".katex").count() > 10, "formulas are set here, too"
    tab.open("site/search.html?q=momentum")
    page.wait_for_selector("#search-results li .context mark", timeout=10_000)
    page.click("#search-results li a >> nth=0")
    page.wait_for_selector("article h1")
    assert tab.problems == []
    tab.leave()


def test_with_data_it_has_them_where_d2lite_looks(site, tmp_path, monkeypatch):
    files = {"FashionMNIST/raw/train-labels-idx1-ubyte.gz": site / "index.html"}
    monkeypatch.setattr(offline, "data_files", lambda: files)
    monkeypatch.setattr(offline, "wheel", lambda out: site / "index.html")
    with zipfile.ZipFile(offline.make(site, tmp_path / "book.zip", with_data=True)) as package:
        top = offline.folder_name()
        assert f"{top}/data/FashionMNIST/raw/train-labels-idx1-ubyte.gz" in package.namelist()
        assert "D2LITE_DATA" in package.read(f"{top}/start.html").decode()
    monkeypatch.setattr(offline, "data_files", dict)
    with pytest.raises(articles.NotBuiltError, match="d2lite data fetches it"):
        offline.make(site, tmp_path / "other.zip", with_data=True)
    with pytest.raises(articles.NotBuiltError, match="make book"):
        offline.make(Path(tmp_path), tmp_path / "other.zip")
    assert not (tmp_path / "other.zip").exists()


def test_the_data_of_this_machine_are_few_enough():
    found = offline.data_files()
    if found:
        assert len(found) == 4 and sum(path.stat().st_size for path in found.values()) <= 35e6
