"""A release: every edition, with check sums and a citation, published under its tag; and the page that leads to it."""

import datetime
import hashlib
import re

import pytest
import yaml
from bs4 import BeautifulSoup

from tools import editions, project
from tools.editions import articles, release


@pytest.fixture
def making(tmp_path, monkeypatch):
    """Editions of a few bytes, in place of those that take minutes; returns the folder that they go to."""
    monkeypatch.setattr(editions, "SIZES", tmp_path / "sizes.json")
    makers = {one.file: lambda path: path.write_bytes(path.name.encode()) for one in editions.EDITIONS}
    monkeypatch.setattr(release, "makers", lambda site: makers)
    return tmp_path / "release", makers


def test_every_edition_is_made_and_has_a_command():
    assert [*release.makers(articles.SITE)] == [one.file for one in editions.EDITIONS]
    makefile = (project.ROOT / "Makefile").read_text("utf-8")
    for one in editions.EDITIONS:
        assert re.search(rf"^{one.command.split()[1]}: .*book", makefile, re.M), one.command
    assert {*editions.sizes()} <= {one.file for one in editions.EDITIONS}


def test_files_sums_sizes_and_citation(making, tmp_path, capsys):
    out, makers = making
    out.mkdir()
    (out / "old.pdf").write_text("of an earlier release")
    made = release.make(tmp_path, out)
    assert {path.name for path in made} == {*makers, "CITATION.cff", "SHA256SUMS"}
    for line in (out / "SHA256SUMS").read_text("utf-8").splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest
    assert len((out / "SHA256SUMS").read_text("utf-8").splitlines()) == len(made) - 1
    assert editions.sizes() == {name: len(name) for name in makers}
    cited = yaml.safe_load((out / "CITATION.cff").read_text("utf-8"))
    assert cited["version"] == project.distribution()["version"] and cited["url"] == project.site_url()
    assert datetime.date.fromisoformat(str(cited["date-released"])) and cited["authors"] and cited["license"]


def test_without_data_the_rest_is_made(making, tmp_path, capsys):
    out, makers = making

    def missing(path):
        raise articles.NotBuiltError("not on this machine")

    makers["d2lite-book-offline-data.zip"] = missing
    assert "d2lite-book-offline-data.zip" not in {path.name for path in release.make(tmp_path, out)}
    assert "without d2lite-book-offline-data.zip" in capsys.readouterr().out
    makers["d2lite-book.pdf"] = missing
    with pytest.raises(articles.NotBuiltError):
        release.make(tmp_path, out)


def test_what_is_too_large_is_no_release(making, tmp_path, monkeypatch):
    out, _ = making
    monkeypatch.setattr(release, "LIMITS", {"d2lite-book.epub": 3})
    with pytest.raises(SystemExit, match=r"d2lite-book\.epub is too large"):
        release.make(tmp_path, out)
    assert not (out / "SHA256SUMS").exists()


def test_it_is_published_under_its_tag_or_not_at_all(making, tmp_path, monkeypatch):
    out, _ = making
    release.make(tmp_path, out)
    calls = []
    monkeypatch.setattr(release.issue, "gh", lambda *words: calls.append(words))
    for tag, said in (("", "the tag is not there"), ("v9.9.9", "pyproject.toml has")):
        monkeypatch.setenv("GITHUB_REF_NAME", tag)
        with pytest.raises(SystemExit, match=said):
            release.publish(out)
    monkeypatch.setenv("GITHUB_REF_NAME", project.tag())
    release.publish(out)
    ((*words,),) = calls
    assert words[:4] == ["release", "create", project.tag(), "--verify-tag"]
    assert {str(path) for path in out.iterdir()} <= {*words}
    (out / "d2lite-book.pdf").write_text("another one")
    with pytest.raises(SystemExit, match="not whole: make release"):
        release.publish(out)
    assert len(calls) == 1


def test_what_changed_is_told():
    assert "### Added" in release.changes(project.distribution()["version"])
    assert release.changes("9.9.9") == release.changes("Unreleased"), "a version without entries"
    oldest = release.changes("0.1.0")
    assert oldest and oldest != release.changes("Unreleased") and "## [" not in oldest


def test_the_site_leads_to_each_with_its_size(site):
    page = BeautifulSoup((site / "editions.html").read_text("utf-8"), "html.parser")
    rows = [[cell.get_text() for cell in row.select("td")] for row in page.select("article table tbody tr")]
    assert [row[0] for row in rows] == [one.title for one in editions.EDITIONS]
    weights = editions.sizes()
    assert [row[2] for row in rows] == [
        f"{weights[one.file] / 1e6:.0f} MB" if one.file in weights else "–" for one in editions.EDITIONS
    ]
    links = [link["href"] for link in page.select("article table a")]
    assert links == [f"{project.repository_url()}/releases/latest/download/{one.file}" for one in editions.EDITIONS]
    front = BeautifulSoup((site / "index.html").read_text("utf-8"), "html.parser")
    assert front.select("article a[href='editions.html']")
