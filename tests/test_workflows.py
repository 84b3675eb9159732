"""The workflows are pinned, modest, and do nothing but call make (test_lint.py has the tools that read them); failures
become one issue."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tools import issue, project

ROOT = project.ROOT
FLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.M))


def command(*words, **options):
    """Run a program, with this environment's own programs in front."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, check=False,
        env={**os.environ, "PATH": path, "NO_COLOR": "1"}, **options,
    )  # fmt: skip


# Our own rules


def broken_rules(path: Path) -> list[str]:
    """What a workflow does beside calling make, leaves unpinned, or may do too much; `make lint` knows more."""
    text = path.read_text("utf-8")
    flow = yaml.safe_load(text)
    found = [] if flow.get("permissions") == {"contents": "read"} else ["grants more than reading at the top"]
    for action in re.findall(r"uses: (.*)", text):
        pinned = re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)
        found += [] if pinned else [f"no commit and version: {action}"]
    variables = set(re.findall(r"^([A-Z_]+) \?=", MAKEFILE, re.M))
    for name, job in flow["jobs"].items():
        for step in job["steps"]:
            if "run" in step:
                call = re.fullmatch(r"make ([a-z-]+)((?: [A-Z_]+=[\w./-]+)*)", step["run"])
                known = call and call[1] in TARGETS and set(re.findall(r"([A-Z_]+)=", call[2])) <= variables
                found += [] if known else [f"not a make target and its variables: {step['run']}"]
            elif "checkout" in step["uses"] and step.get("with", {}).get("persist-credentials") is not False:
                found.append(f"{name} leaves its token behind for what the repository runs")
    return found


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)
def test_they_call_make_and_nothing_else(path):
    assert broken_rules(path) == []


def test_a_step_that_does_more_is_seen(tmp_path):
    good = next(path for path in FLOWS if path.stem == "cpu").read_text("utf-8")
    path = tmp_path / "flow.yml"
    for old, new in [
        ("make test", "make nothing"),
        ("make test", "make test && true"),
        ("make test", "make test UNKNOWN=1"),
        ("make lint", "make lint CHAPTER=${{ github.ref }}"),
        ("contents: read", "contents: write"),
        (" # v7.0.1", ""),
        (" # v7.0.1", " # v7"),
        ("persist-credentials: false", "persist-credentials: true"),
        (re.search("@[0-9a-f]{40}", good)[0], "@v7"),
    ]:
        assert old in good
        path.write_text(good.replace(old, new), "utf-8")
        assert broken_rules(path), new


def test_the_five_workflows_do_their_part():
    text = {path.stem: path.read_text("utf-8") for path in FLOWS}
    assert set(text) == {"cpu", "gpu", "colab", "pages", "release"}
    runs = {name: re.findall(r"- run: (.*)", flow) for name, flow in text.items()}
    assert runs["gpu"] == ["make gpu-test", "make execute PROFILE=full AGAIN=1", "make bench"]
    assert runs["colab"] == ["make colab-image", "make colab-issue"]
    assert runs["pages"] == ["make book", "make chinese", "make publish-chinese"]
    assert runs["release"] == ["make release", "make publish"] and 'tags: ["v*"]' in text["release"]
    assert all("schedule:" in text[name] for name in ("gpu", "colab"))


# The targets


def test_every_target_is_phony_and_explained():
    phony = re.search(r"^\.PHONY: ((?:.*\\\n)*.*)$", MAKEFILE, re.M)[1].replace("\\", "").split()
    assert sorted(phony) == sorted(TARGETS)
    shown = command("make", "help", cwd=ROOT).stdout
    assert set(re.findall(r"^  make ([a-z-]+)", shown, re.M)) == TARGETS


def test_a_development_container_starts_with_make():
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text("utf-8"))
    call, _ = container["postCreateCommand"].split(" && ")
    files = {f".venv/{name}" for name in re.findall(r"^\$\(VENV\)/(\S+):", MAKEFILE, re.M)}
    assert call.split()[0] == "make" and set(call.split()[1:]) <= TARGETS | files


def test_without_a_gpu_its_tests_fail_and_say_so(tmp_path):
    (tmp_path / "torch.py").write_text("class cuda:\n    is_available = staticmethod(lambda: False)\n")
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"  # it asks about CUDA, and only tells what else it would have run
    python.write_text(f'#!/bin/sh\n[ $1 = -c ] && PYTHONPATH={tmp_path} exec {sys.executable} "$@"\necho ran $*\n')
    python.chmod(0o755)
    (tmp_path / ".dev").touch()
    given = ["make", "gpu-test", "CHAPTER=vgg", "WHEELS=", f"VENV={tmp_path}"]
    done = command(*given, cwd=ROOT)
    assert done.returncode and "no CUDA device here" in done.stderr and "ran" not in done.stdout
    done = command(*given, "CPU=1", cwd=ROOT)
    assert done.returncode == 0, done.stderr
    (run,) = re.findall("ran -m pytest (.*)", done.stdout)
    assert "-m gpu --nbval" in run and "book/vgg.ipynb" in run and "tests/test_data.py" in run
    (run,) = re.findall("ran -m pytest (.*)", command(*given[:2], *given[3:], "CPU=1", cwd=ROOT).stdout)
    assert " book tests/" in run, "without CHAPTER, every chapter"


@pytest.mark.slow
def test_the_gpu_gets_the_chapters_and_what_needs_cuda():
    done = command(
        sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "gpu", "--nbval",
        "book/vgg.ipynb", "assignments/source/ps1-training-loop", "tests/test_data.py", cwd=ROOT,
    )  # fmt: skip
    names = re.findall(r"^(\S+?)::(.+)$", done.stdout, re.M)
    assert {path for path, _ in names} == {"book/vgg.ipynb", "tests/test_data.py"}, done.stdout
    assert [name for path, name in names if path.startswith("tests")] == ["test_a_pass_does_not_wait_for_the_device"]


def test_a_test_that_needs_cuda_says_so():
    condition = "skipif(not torch" + ".cuda"  # in two parts: this file is none of those that the GPU gets
    needy = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        needy |= dict.fromkeys(re.findall(re.escape(condition) + r".*(?:\n.*)?", path.read_text("utf-8")), path.name)
    assert needy
    for mark, name in needy.items():
        assert re.search(r'reason="[^"]*CUDA', mark), f"{name}: conftest.py knows it by that word in the reason"


# The issue


@pytest.fixture
def gh(tmp_path, monkeypatch):
    """A stand-in for gh that keeps issues in a file; returns what they are."""
    store = tmp_path / "issues.json"
    store.write_text('[{"number": 3, "title": "Another", "comments": []}]')
    program = tmp_path / "gh"
    program.write_text(
        f"#!{sys.executable}\n"
        "import json, sys\n"
        f"path = {str(store)!r}\n"
        "issues, (_, verb, *rest) = json.load(open(path)), sys.argv[1:]\n"
        "given = dict(zip(rest[verb == 'comment'::2], rest[(verb == 'comment') + 1::2]))\n"
        "if verb == 'list':\n"
        "    print(json.dumps([{k: i[k] for k in given['--json'].split(',')} for i in issues]))\n"
        "if verb == 'create':\n"
        "    issues.append(dict(number=len(issues) + 3, title=given['--title'], comments=[given['--body']]))\n"
        "if verb == 'comment':\n"
        "    next(i for i in issues if str(i['number']) == rest[0])['comments'].append(given['--body'])\n"
        "json.dump(issues, open(path, 'w'))\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr("sys.argv", ["issue", "It fails"])
    return lambda: json.loads(store.read_text())


def test_a_failure_opens_one_issue_and_the_next_comments_on_it(gh, monkeypatch):
    for name, value in [("SERVER_URL", "https://example.org"), ("REPOSITORY", "some/book"), ("RUN_ID", "7")]:
        monkeypatch.setenv(f"GITHUB_{name}", value)
    assert issue.main() == 0
    monkeypatch.setenv("GITHUB_RUN_ID", "8")
    assert issue.main() == 0
    other, ours = gh()
    assert other["comments"] == [] and ours["title"] == "It fails"
    assert [text.rpartition(" ")[2] for text in ours["comments"]] == [
        f"https://example.org/some/book/actions/runs/{run}" for run in (7, 8)
    ]


def test_what_gh_complains_of_is_shown(gh, tmp_path, monkeypatch):
    (tmp_path / "gh").write_text("#!/bin/sh\necho 'not logged in' >&2\nexit 4\n")
    with pytest.raises(SystemExit, match="gh issue list failed: not logged in"):
        issue.main()
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(SystemExit, match="gh is not installed"):
        issue.main()
