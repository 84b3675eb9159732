"""A machine with PyTorch and no network: what is gathered for it, and that nothing it has is replaced."""

import re
import subprocess

import pytest

from tools import project, wheels


def test_what_is_needed_is_read_from_where_it_is_stated():
    needed = wheels.needed()
    own = re.search(r"^dependencies = \[\n(.*?)^\]", (project.ROOT / "pyproject.toml").read_text("utf-8"), re.M | re.S)
    assert set(needed) == {wheels.normal(line) for line in re.findall(r'"([^"]+)"', own[1])} | wheels.RERUNNING
    assert needed["nbval"] in (project.ROOT / "requirements-dev.txt").read_text("utf-8") and ">=" in needed["nbval"]


@pytest.fixture
def pip(monkeypatch):
    """No pip runs; the commands that would have."""
    asked = []

    def run(command, check):
        asked.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)
    return asked


def test_what_weighs_gigabytes_is_not_gathered(tmp_path, pip):
    assert wheels.gather(tmp_path, "3.12") == 0
    (command,) = pip
    named = {wheels.normal(word) for word in command if re.match(r"[\w.-]+[<>=]=", word)}
    assert {"nbval", "pooch", "ipykernel"} <= named and not named & wheels.ASSUMED
    assert command[command.index("--python-version") + 1] == "3.12"


def test_an_environment_in_an_environment_sees_its_packages(tmp_path):
    assert wheels.enter(tmp_path / "inner") == 0
    python = tmp_path / "inner" / "bin" / "python"
    code = "import importlib.util, sys; print(importlib.util.find_spec('pytest').origin, sys.prefix)"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [pytest.__file__, str(tmp_path / "inner")]


def test_only_what_is_lacking_is_installed(tmp_path, pip, capsys):
    for name in ("PyTest-0.0.1-py3-none-any.whl", "not_here-1.0-py3-none-any.whl"):
        (tmp_path / name).touch()
    assert wheels.install(tmp_path) == 0, capsys.readouterr().out
    (command,) = pip
    assert [word for word in command if word.endswith(".whl")] == [str(tmp_path / "not_here-1.0-py3-none-any.whl")]
    assert {"--no-index", "--no-deps", "--no-build-isolation"} <= set(command) and "--upgrade" not in command
    assert "1 of 2 wheels" in capsys.readouterr().out


def test_what_is_still_missing_is_named(tmp_path, pip, monkeypatch, capsys):
    assert wheels.install(tmp_path) == 1 and "make wheels" in capsys.readouterr().out
    (tmp_path / "not_here-1.0-py3-none-any.whl").touch()
    monkeypatch.setattr(wheels, "needed", lambda: {"a": "no-such-thing>=1", "b": "pytest>=999"})
    assert wheels.install(tmp_path) == 1
    said = capsys.readouterr().out
    assert "no-such-thing>=1 is missing" in said and "pytest>=999 is needed, the machine has" in said


@pytest.mark.parametrize(
    ("requires", "expected"),
    [
        (["no-such-thing"], ["no-such-thing is missing"]),
        (['no-such-thing; extra == "test"'], []),
        (['no-such-thing; python_version < "3"'], []),
        (["pytest"], []),  # a circle
    ],
)
def test_what_a_requirement_needs_is_looked_at_too(monkeypatch, requires, expected):
    monkeypatch.setattr(wheels.metadata, "requires", lambda name: requires)
    assert wheels.unmet(["pytest"], set()) == expected
    assert wheels.unmet(["torch"], set()) == [], "what a GPU build of torch is made of is its own affair"


def test_a_failing_pip_is_a_failure(tmp_path, monkeypatch):
    (tmp_path / "not_here-1.0-py3-none-any.whl").touch()
    monkeypatch.setattr(subprocess, "run", lambda command, check: subprocess.CompletedProcess(command, 2))
    assert wheels.install(tmp_path) == 2 and wheels.gather(tmp_path, "3.12") == 2
