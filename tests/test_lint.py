"""The checks of .pre-commit-config.yaml find nothing here and would find a fault, and the types of the helper hold."""

import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml
from packaging.requirements import Requirement

from tools import cells, project

ROOT = project.ROOT
CONFIG = ROOT / ".pre-commit-config.yaml"
HOOKS = {hook["id"]: hook for repo in yaml.safe_load(CONFIG.read_text("utf-8"))["repos"] for hook in repo["hooks"]}
RISKY = """\
name: bad
on: [pull_request_target]
jobs:
  bad:
    runs-on: nvidia-of-ours
    steps:
      - uses: actions/checkout@v4
      - run: echo ${{ github.event.pull_request.title }}
      - run: make test
"""
RISKS = {
    "zizmor": {"template-injection", "dangerous-triggers", "artipacked", "unpinned-uses"},
    "jactionlint": {"unknown-runner-label", "missing-permissions", "missing-timeout", "concurrency-limits"},
}
# One fault at least for each check, in a file that it reads.
FAULTS = {
    "bad.py": "import os\nnumbers = [ ]\n",
    "d2lite/models/bad.py": "from ..checks import check\n",
    ".github/workflows/bad.yml": RISKY.replace("pull_request_target", "pusch"),
    ".github/dependabot.yml": "version: 3\n",
    "assignments/classroom/mark.yml": RISKY,
    ".github/ISSUE_TEMPLATE/bad.yml": "name: a form without questions\n",
    ".github/ISSUE_TEMPLATE/config.yml": "blank_issues_enabled: perhaps\n",
    "CITATION.cff": "title: by nobody\n",
    "book/bad.md": "# Bad\n\nA colour.\n\n```{code-cell} ipython3\n" + "print()\n" * 21 + "```\n",
}


def python(*words, cwd=ROOT):
    """Run a module of this environment."""
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=cwd, capture_output=True, text=True, check=False,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "200"},
    )  # fmt: skip


def checked(*names, cwd=ROOT):
    """Whether checks (all, without names) pass, and what they print."""
    done = python("pre_commit", "run", *names, "--all-files", "--color=never", cwd=cwd)
    return done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def tools():
    """The tools of the checks, which pre-commit installs once for every checkout."""
    done = python("pre_commit", "install-hooks")
    if done.returncode:
        why = next((line for line in reversed((done.stdout + done.stderr).splitlines()) if line.strip()), "")
        pytest.skip(f"tests of style and imports ({why.strip()}): make lint, in a git clone and with a network")


@pytest.fixture
def faulty(tools, tmp_path):
    """A repository with our checks and modules, and with FAULTS."""
    shutil.copytree(ROOT / "d2lite", tmp_path / "d2lite", ignore=shutil.ignore_patterns("__pycache__", "predictions"))
    for name, text in FAULTS.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    (tmp_path / "tools").mkdir()
    for name in (CONFIG.name, "pyproject.toml", ".github/jactionlint.yaml", "tools/__init__.py", "tools/cells.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    for command in (["git", "init"], ["git", "add", "."]):
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


@pytest.mark.slow(30)
def test_there_is_nothing_to_mend(tools):
    passed, said = checked()
    assert passed, said


@pytest.mark.slow
def test_each_check_would_find_a_fault(faulty):
    _, said = checked(cwd=faulty)
    assert set(re.findall(r"^- hook id: (.*)", said, re.M)) == set(HOOKS), said
    for sign in (
        "`os` imported but unused",
        "d2lite.models is not allowed to import d2lite.checks",
        "'pusch'",
        "colour",
    ):
        assert sign in said, said


@pytest.mark.slow
def test_risks_of_a_workflow_are_found(faulty):
    """By tools that read on where the file is a workflow at all."""
    (faulty / ".github" / "dependabot.yml").unlink()
    (faulty / ".github" / "workflows" / "bad.yml").write_text(RISKY, "utf-8")
    for tool, rules in RISKS.items():
        _, said = checked(tool, cwd=faulty)
        assert rules <= set(re.findall(r"\[([a-z-]+)\]", said)), said


def test_the_networks_are_exported_in_the_style_that_is_checked():
    """tools/export.py calls the Ruff of this environment, the checks one of their own."""
    (wanted,) = re.findall(r"^ruff\S+", (ROOT / "requirements-dev.txt").read_text("utf-8"), re.M)
    (pin,) = {pin for hook in HOOKS.values() for pin in hook["additional_dependencies"] if pin.startswith("ruff==")}
    assert Requirement(wanted).specifier.contains(pin.removeprefix("ruff==")), f"requirements-dev.txt: not {wanted}"


@pytest.mark.slow(30)
def test_the_types_of_the_helper_hold():
    done = python("pyright", "--project", "pyproject.toml", "--pythonpath", sys.executable)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("head", "code", "fault"),
    [
        ("", "x = 1\n" * 21, (2, "21 lines")),
        (":tags: [export]\n\n", "x = 1\n" * 21, (3, "21 lines")),
        ("", 'def f():\n    """A.\n\n    B.\n    """\n\n' + "    x = 1\n" * 19, None),
        ("", 'class A:\n    """A.\n\n    B.\n    """\n\n' + "    x = 1\n" * 19, None),
        (":tags: [hide-input]\n\n", "x = 1\n" * 21, None),
        ("---\ntags: [solution, hide-input]\n---\n", "x = 1\n" * 21, None),
        (":tags: [setup]\n\n", "x = 1\n" * 21 + "y" * 100 + "\n", None),
        ("", "x = 1\ny = " + "1" * 85 + "\n", (3, "89 characters")),
        ("---\nmystnb:\n  image: {}\n---\n", "plt.show()\n", (6, "without a text")),
        ('---\nmystnb:\n  image:\n    alt: "A"\n---\n', "plt.show()\n", None),
    ],
)
def test_cells_that_are_too_long_too_wide_or_mute_are_found(head, code, fault):
    found = list(cells.faults(f"```{{code-cell}} ipython3\n{head}{code}```\n"))
    assert len(found) == bool(fault)
    if fault:
        assert found[0][0] == fault[0] and fault[1] in found[0][1]


def test_what_is_wrong_with_cells_ends_the_check(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cells, "BOOK", tmp_path)
    (tmp_path / "good.md").write_text("```{code-cell} ipython3\nx = 1\n```\n", "utf-8")
    assert cells.main() == 0 and capsys.readouterr().out == ""
    (tmp_path / "bad.md").write_text("# Title\n\n```{code-cell} ipython3\n" + "x = 1\n" * 21 + "```\n", "utf-8")
    assert cells.main() == 1
    assert capsys.readouterr().out.startswith("book/bad.md:4: 21 lines")
