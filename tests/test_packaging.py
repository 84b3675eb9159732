"""d2lite as a package: what it says of itself, and what installing it brings."""

import sysconfig
from importlib import metadata

from packaging.requirements import Requirement

from d2lite import __main__
from tools import project

# What `make` installs anew after each change of these files. A build leaves another one in the root folder.
(DISTRIBUTION,) = metadata.distributions(name="d2lite", path=[sysconfig.get_path("purelib")])
INSTALLED = DISTRIBUTION.metadata


def stated(name: str) -> set[str]:
    """The requirements of a file, in one spelling."""
    lines = (line.split("#")[0].strip() for line in (project.ROOT / name).read_text("utf-8").splitlines())
    return {str(Requirement(line).specifier) + Requirement(line).name.lower() for line in lines if line}


def test_the_license_is_stated_as_a_name():
    """A table, `license = {text = "MIT"}`, no longer builds with a setuptools of 2027."""
    assert INSTALLED["License-Expression"] == "MIT" and INSTALLED.get_all("License-File") == ["LICENSE"]
    (line,) = (line for line in (project.ROOT / "LICENSE").read_text("utf-8").splitlines() if "License" in line)
    assert line == "MIT License"


def test_the_command_is_the_module():
    (command,) = DISTRIBUTION.entry_points.select(group="console_scripts")
    assert command.name == "d2lite"
    assert command.load() is __main__.main
    assert command.load()(["--help"]) == 0


def test_the_extra_for_development_is_what_the_files_state():
    extra = [Requirement(line) for line in INSTALLED.get_all("Requires-Dist") if "extra ==" in line]
    found = {str(need.specifier) + need.name.lower() for need in extra}
    assert found == stated("requirements.txt") | stated("requirements-dev.txt"), "run `make test`, which installs it"
    assert INSTALLED["Version"] == project.distribution()["version"]
