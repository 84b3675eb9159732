"""The branch with the Chinese notebooks: it holds what the links of the Chinese site lead to, and nothing else."""

import os
import re
import subprocess
import sys

import nbformat
import pytest
import yaml

from tools import project
from tools.translate import __main__ as commands
from tools.translate import branch, edition, site


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The folder of all Chinese notebooks, as `make chinese` fills it."""
    out = tmp_path_factory.mktemp("notebooks")
    commands.written_notebooks([*edition.all_notebooks()], out)
    return out


@pytest.fixture
def remote(tmp_path):
    """A repository with a branch `main`; ``ask(…)`` gives what git says there."""
    folder = tmp_path / "book.git"

    def ask(*words):
        line = ["git", "-c", "user.name=a", "-c", "user.email=b", "--git-dir", folder, *words]
        return subprocess.run(line, capture_output=True, text=True, check=True).stdout.strip()

    subprocess.run(["git", "init", "--quiet", "--bare", folder], check=True)
    tree = ask("hash-object", "-t", "tree", "-w", "/dev/null")
    ask("update-ref", "refs/heads/main", ask("commit-tree", tree, "-m", "first"))
    ask.address = str(folder)
    return ask


@pytest.fixture
def few(tmp_path):
    """A folder with one notebook."""
    path = tmp_path / "few" / "book" / "vgg.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    return tmp_path / "few"


def test_it_has_what_it_is_given_and_one_commit(remote, few):
    main = remote("rev-parse", "main")
    assert branch.publish(few, remote.address)
    held = remote("ls-tree", "-r", "--name-only", branch.NAME).split("\n")
    assert held == ["LICENSE", "LICENSE-TEXT", "README.md", "book/vgg.ipynb"]
    first = remote("rev-parse", branch.NAME)
    assert not branch.publish(few, remote.address), "nothing has changed"
    (few / "book" / "nin.ipynb").write_text("{}")
    (few / "book" / "vgg.ipynb").unlink()
    assert branch.publish(few, remote.address)
    assert remote("rev-parse", branch.NAME) != first and remote("rev-list", "--count", branch.NAME) == "1"
    assert "book/vgg.ipynb" not in remote("ls-tree", "-r", "--name-only", branch.NAME)
    assert (remote("rev-parse", "main"), remote("branch", "--format=%(refname:short)")) == (main, "main\nzh")


def test_what_is_no_notebook_is_refused(remote, few, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit, match="no notebooks"):
        branch.publish(tmp_path / "empty", remote.address)
    (few / "book" / "hook.yml").write_text("")
    with pytest.raises(SystemExit, match="hook.yml"):
        branch.publish(few, remote.address)
    (few / "book" / "hook.yml").unlink()
    with pytest.raises(SystemExit, match="git push failed"):
        branch.publish(few, str(tmp_path / "nowhere"))
    assert remote("branch", "--format=%(refname:short)") == "main"


def test_it_takes_what_the_other_job_has_made(remote, few, tmp_path, monkeypatch, capsys):
    gh = tmp_path / "gh"
    gh.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\nfor last; do :; done\ncp -r {few}/book "$last"\n')
    gh.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("GITHUB_RUN_ID", "7")
    monkeypatch.setenv("GITHUB_SHA", "0123456789abcdef")
    monkeypatch.setattr(project, "repository_url", lambda: remote.address.removesuffix(".git"))
    monkeypatch.setattr(project, "site_url", lambda: "https://example.org/")
    monkeypatch.setattr("sys.argv", ["branch"])
    assert branch.main() == 0 and "written anew" in capsys.readouterr().out
    assert (tmp_path / "asked").read_text().startswith(f"run download 7 --name {branch.ARTIFACT} --dir ")
    assert remote("log", "-1", "--format=%s", branch.NAME) == "Chinese notebooks of 0123456789ab"


def test_whoever_may_push_needs_no_package():
    line = "import sys; import tools.translate.branch; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", line], cwd=project.ROOT, capture_output=True, text=True, check=True,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
    )  # fmt: skip
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not {"yaml", "nbformat", "babel", "markdown_it", "torch"} & loaded


def test_the_workflow_hands_the_notebooks_to_the_one_job_that_may_push():
    jobs = yaml.safe_load((project.ROOT / ".github" / "workflows" / "pages.yml").read_text("utf-8"))["jobs"]
    (handed,) = (step["with"] for step in jobs["build"]["steps"] if "upload-artifact@" in step.get("uses", ""))
    assert handed["name"] == branch.ARTIFACT and handed["if-no-files-found"] == "error"
    assert project.ROOT / handed["path"] == site.NOTEBOOKS
    assert [name for name, job in jobs.items() if "write" in (job.get("permissions") or {}).get("contents", "")] == [
        "notebooks"
    ]
    push = jobs["notebooks"]
    assert push["needs"] == "build" and push["if"] == f"github.ref == 'refs/heads/{project.BRANCH}'"
    assert [step["run"] for step in push["steps"] if "run" in step] == ["make publish-chinese"]
    assert len(push["steps"]) == 2, "beside the checkout, nothing of others' is run"


@pytest.mark.slow(25)
def test_the_notebooks_are_chinese_and_install_the_tag_of_this_version(written):
    paths = sorted(written.rglob("*.ipynb"))
    assert len(paths) == len(edition.all_notebooks()) and branch.gathered(written) == paths
    for path in paths:
        english, chinese = (nbformat.read(root / path.relative_to(written), as_version=4)
                            for root in (project.ROOT, written))  # fmt: skip
        setup = [cell.source for cell in chinese.cells if "setup" in cell.metadata.get("tags", [])]
        assert setup == [cell.source for cell in english.cells if "setup" in cell.metadata.get("tags", [])]
        assert len(setup) == 1 and f"@{project.tag()}" in setup[0]
        place = path.relative_to(written).as_posix()
        first = chinese.cells[0].source
        assert f"/{project.slug()}/blob/{branch.NAME}/{place})" in first and re.search("[\u4e00-\u9fff]", first)
