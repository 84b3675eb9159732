"""What the tests need of a machine: it is fetched where that is allowed, and told in one line where it is missing."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import prepare, project, served

HERE = Path(__file__).resolve().parent
NEEDED = ("sh", "ln", "env", "node", "true")  # of the system's programs, by those that are run here
# Stands for the package manager: what it installs is a link to what this machine has.
APT = """\
#!/bin/sh
echo "$*" >> {folder}/asked
case "$*" in
  install*chromium) ln -s {chromium} {folder}/chromium;;
  install*bubblewrap) ln -s {bwrap} {folder}/bwrap;;
  install*firefox-esr) ln -s /bin/true {folder}/firefox-esr;;
esac
"""
SKIPPING = """\
import pytest

@pytest.mark.parametrize("number", range(3))
def test_one(number):
    pytest.skip("tests of one kind (it is missing): apt install it")

def test_another():
    pytest.skip("tests of another kind (why not): make it")

@pytest.mark.skipif(True, reason="no CUDA device")
def test_of_a_gpu():
    pass

def test_that_passes():
    pass
"""


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """The only folder where programs are found: those of a machine without browser and sandbox, as far as needed."""
    for name in NEEDED:
        if found := shutil.which(name):
            (tmp_path / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "none"))
    monkeypatch.setenv("PLAYWRIGHT_DOWNLOAD_HOST", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.delenv("CI", raising=False)
    return tmp_path


def program(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, "utf-8")
    (folder / name).chmod(0o755)


def prepared() -> str:
    """What the command prints; in a process of its own, since here a browser may be running."""
    words = [sys.executable, "-m", "tools.prepare", "browser", "Firefox", "sandbox"]
    done = subprocess.run(words, cwd=project.ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def playwrights_own() -> str:
    """The browser that Playwright downloaded; "" where it has none."""
    code = "from playwright.sync_api import sync_playwright as p\nwith p() as run: print(run.chromium.executable_path)"
    path = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    return path if os.path.exists(path) else ""


@pytest.mark.slow
def test_the_package_manager_brings_what_is_missing(bare, monkeypatch):
    with monkeypatch.context() as whole:
        whole.setenv("PATH", os.defpath)
        chromium = next(filter(None, map(shutil.which, served.PROGRAMS)), None) or playwrights_own()
        found = {"bwrap": shutil.which("bwrap"), "chromium": chromium}
    program(bare, "apt-get", APT.format(folder=bare, **found))
    program(bare, "sudo", '#!/bin/sh\nshift\nexec "$@"\n')
    if not found["chromium"]:
        pytest.skip(prepare.no_browser())
    shown = prepared()
    assert "playwright install" in shown and "the browser is there\n" in shown, "Playwright's own was asked for first"
    asked = (bare / "asked").read_text("utf-8").splitlines()
    assert [line.split()[0] for line in asked] == ["update", "install"] * 3 and "-y" in asked[1]
    assert "the Firefox is there\n" in shown
    if found["bwrap"]:
        assert "the sandbox is there\n" in shown
    assert "is there" not in prepared() and asked == (bare / "asked").read_text("utf-8").splitlines(), "once"


@pytest.mark.slow
def test_what_nobody_brings_is_told(bare):
    shown = prepared()
    assert f"still no browser: {prepare.no_browser()}\n" in shown and "playwright install" in prepare.no_browser()
    assert "still no Firefox: tests in Firefox (none that starts): install firefox-esr\n" in shown
    assert "still no sandbox: tests of marking in the sandbox (no bubblewrap): install bubblewrap\n" in shown


def test_fontconfig_is_asked_for_a_chinese_font_before_a_browser(bare, monkeypatch):
    started = []

    def browser():
        started.append(True)
        raise served.NoBrowserError

    monkeypatch.setattr(served, "browser", browser)
    program(bare, "fc-list", "#!/bin/sh\n[ $1 = :lang=zh-cn ] && echo Noto Sans CJK SC\n")
    assert prepare.without_font() is None and not started
    program(bare, "fc-list", "#!/bin/sh\n")
    assert prepare.without_font() == prepare.no_browser() and started, "the browser has the last word"


def test_only_root_installs_and_nobody_is_asked_for_a_password(bare, monkeypatch):
    program(bare, "apt-get", "#!/bin/sh\n")
    monkeypatch.setattr(prepare, "is_root", lambda: True)
    update, install = prepare.apt("chromium")
    assert update[0] == install[0] == "apt-get" and prepare.by_hand("chromium") == "apt install chromium"
    monkeypatch.setattr(prepare, "is_root", lambda: False)
    assert list(prepare.apt("chromium")) == [], "no sudo"
    program(bare, "sudo", "#!/bin/sh\nexit 1\n")
    assert list(prepare.apt("chromium")) == [], "sudo asks for a password"
    program(bare, "sudo", '#!/bin/sh\n[ "$1" = -n ]\n')
    assert [words[:3] for words in prepare.apt("chromium")] == [["sudo", "-n", "apt-get"]] * 2
    assert prepare.by_hand("chromium") == "sudo apt install chromium"


def test_name_spaces_are_allowed_on_a_machine_for_one_run_alone(bare, monkeypatch):
    program(bare, "sysctl", "#!/bin/sh\n")
    monkeypatch.setattr(prepare, "is_root", lambda: True)
    assert list(prepare.ways_to_a_sandbox()) == []
    monkeypatch.setenv("CI", "true")
    assert list(prepare.ways_to_a_sandbox()) == [prepare.ALLOW]


@pytest.mark.slow
@pytest.mark.parametrize(("processes", "ci"), [("0", ""), ("2", "true")])
def test_what_is_not_tested_is_the_last_line_but_one(tmp_path, monkeypatch, processes, ci):
    (tmp_path / "test_skipping.py").write_text(SKIPPING, "utf-8")
    monkeypatch.setenv("CI", ci)
    words = ["-p", "conftest", "-c", "pyproject.toml", "-p", "no:cacheprovider", "-n", processes, str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words], cwd=project.ROOT, capture_output=True, text=True, timeout=120
    )
    *_, line, last = done.stdout.splitlines()
    kinds = "3 tests of one kind (it is missing): apt install it; 1 tests of another kind (why not): make it"
    assert line == f"NOT TESTED{' (a failure, since CI=true)' if ci else ''}: {kinds}", done.stdout
    assert "1 passed, 5 skipped" in last and done.returncode == bool(ci)
    assert "SKIPPED" not in done.stdout, "a list that nobody reads"


def reasons(path: Path) -> list[str]:
    """The reasons for which a file's tests are skipped, as far as they are written there."""
    calls = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
    found = []
    for call in calls:
        name = ast.unparse(call.func)
        given = call.args[:1] if name == "pytest.skip" else []
        given += [word.value for word in call.keywords if word.arg == "reason" and name.startswith("pytest.mark.skip")]
        found += [one.value for one in given if isinstance(one, ast.Constant)]
    return found


def test_a_reason_says_which_tests_why_and_what_mends_it():
    written = [(path, reason) for path in sorted(HERE.rglob("*.py")) for reason in reasons(path)]
    assert len(written) > 5
    for path, reason in written:
        good = "CUDA" in reason or re.fullmatch(r"tests .+ \(.+\): .+", reason)
        assert good, f"{path.relative_to(project.ROOT)}: {reason!r} is to read `tests of a kind (why): what mends it`"
