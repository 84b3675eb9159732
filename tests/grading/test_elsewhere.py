"""Marking in other places: the workflow for GitHub Classroom does its steps, with gh and make replaced."""

import base64
import io
import os
import re
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml

from assignments.grader import course, draws

FLOW = course.ASSIGNMENTS / "classroom" / "mark.yml"
GH = """#!/bin/sh
case "$1 $2" in
  "api --paginate") printf '%s\\n' ps2-batch-norm-ann ps2-batch-norm-ben ps3-vgg-and-nin-ann other ;;
  "repo clone") mkdir -p "$4/.git" && echo "$3" > "$4/ps2-batch-norm.ipynb" ;;
esac
"""
MAKE = '#!/bin/sh\nprintf "%s\\n" "$@" > "$RUNNER_TEMP/called"\nmkdir -p "$RUNNER_TEMP/marks/course"\n'


def run(step: str, place: Path, **variables: str) -> None:
    """Run one step of the workflow as GitHub does."""
    (job,) = yaml.safe_load(FLOW.read_text("utf-8"))["jobs"].values()
    (found,) = (one for one in job["steps"] if one.get("name") == step)
    assert set(variables) == set(found.get("env", {})), "other variables than the step has"
    for name, text in (("gh", GH), ("make", MAKE)):
        (place / "bin").mkdir(exist_ok=True)
        (place / "bin" / name).write_text(text)
        (place / "bin" / name).chmod(0o755)
    given = {"PATH": f"{place / 'bin'}:{os.environ['PATH']}", "RUNNER_TEMP": str(place), **variables}
    options = ["-eo", "pipefail"] if found.get("shell") == "bash" else ["-e"]
    done = subprocess.run(
        ["bash", *options, "-c", found["run"]], env=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def packed(folder: Path) -> str:
    """What the first lines of the workflow have a teacher put into the secret."""
    said = re.search(r"tar -cz -C \S+ (.+) \| base64 -w0", FLOW.read_text("utf-8"))[1].split()
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name in said:
            archive.add(folder / name, name)
    return base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize("private", [False, True])
def test_the_workflow_for_classrooms(tmp_path, monkeypatch, private):
    secret, name = "", course.find("ps2")
    if private:
        made = draws.make(name, b"a secret of sixteen letters", "class")
        own = tmp_path / "own" / "source" / name / f"{name}.md"
        own.parent.mkdir(parents=True)
        own.write_text(made.text, "utf-8")
        (tmp_path / "own" / "source" / "from_scratch.csv").write_text("set,cells,names\n")
        secret = packed(tmp_path / "own")
        assert len(secret) < 48 * 1024, "a secret of GitHub's holds 48 KB"
    place = tmp_path / "runner"
    place.mkdir()
    run("the private course", place, COURSE_SETS=secret)
    run("what was handed in", place, GH_TOKEN="x", ORGANIZATION="class", ASSIGNMENT="ps2-batch-norm")
    run("mark", place, DUE="2026-12-01T23:59")
    assert sorted(path.name for path in (place / "in").iterdir()) == ["ps2-batch-norm-ann", "ps2-batch-norm-ben"]
    assert not list((place / "in").rglob(".git"))
    called = dict(word.split("=", 1) for word in (place / "called").read_text().split("\n") if "=" in word)
    assert called["SUBMISSIONS"] == str(place / "in") and called["DUE"] == "2026-12-01T23:59"
    assert called["COURSE"] == (str(place / "course") if private else "")
    assert not (place / "marks" / "course").exists(), "hidden tests would be in what is uploaded"
    if private:
        try:
            course.use(Path(called["COURSE"]))
            assert course.names() == [name]
        finally:
            course.use(None)
