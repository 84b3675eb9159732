"""`make test-oldest` tests what pyproject.toml promises: its lower bounds, exactly."""

import re

from packaging.requirements import Requirement
from packaging.version import Version

from tools import project

TESTS_ALONE = {"torchvision"}  # tests compare with it; its version follows from that of torch


def pins() -> dict[str, Version]:
    """The versions in requirements-oldest.txt."""
    lines = (project.ROOT / "requirements-oldest.txt").read_text("utf-8").splitlines()
    found = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w-]+==[\d.]+", line) for line in found), "requirements-oldest.txt: exact versions only"
    return {name: Version(version) for name, version in (line.split("==") for line in found)}


def test_the_oldest_versions_are_the_lower_bounds():
    oldest, needs = pins(), [Requirement(line) for line in project.distribution()["dependencies"]]
    assert set(oldest) - TESTS_ALONE == {need.name for need in needs}, "requirements-oldest.txt and pyproject.toml"
    for need in needs:
        (bound,) = need.specifier
        assert Version(bound.version) == oldest[need.name], f"edit {need.name} in requirements-oldest.txt: {need}"


def test_it_runs_on_the_oldest_python():
    oldest = project.distribution()["requires-python"].removeprefix(">=")
    makefile = (project.ROOT / "Makefile").read_text("utf-8")
    assert f"make test-oldest PYTHON=/path/to/python{oldest}" in makefile, f"Makefile, test-oldest: Python {oldest}"
    workflow = (project.ROOT / ".github" / "workflows" / "cpu.yml").read_text("utf-8")
    (job,) = re.findall(r"^  oldest:\n(?:    .*\n|\n)*", workflow, re.M)
    assert f'python-version: "{oldest}"' in job and "make test-oldest" in job, ".github/workflows/cpu.yml, job oldest"
