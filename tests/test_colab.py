"""`make colab`: which Python it takes, and what becomes of an environment that another Python made."""

import ast
import re
import subprocess
import sys

import nbformat
import pytest

from tools import colab as colab_tool
from tools import project

# A Python that says it is of some version, makes environments whose Python is itself, and notes what it is asked for.
PYTHON = """\
#!/bin/sh
case "$1" in
-V) echo "Python {version}" ;;
-c) exec "{real}" -c 'import sys
sys.version, sys.version_info, sys.modules["pip"] = "{version}", ({numbers}), sys
exec(sys.argv[1])' "$2" ;;
*) if [ "$2" = venv ]; then mkdir -p "$3/bin" && cp "$0" "$3/bin/python"; fi
   echo "$*" >> "{log}" ;;
esac
"""


@pytest.fixture
def colab(tmp_path):
    """The command, given a version of Python; its result, with what the Pythons were asked for."""
    log = tmp_path / "log"

    def run(version: str) -> subprocess.CompletedProcess:
        log.write_text("")
        python = tmp_path / f"python{version}"
        numbers = version.replace(".", ", ")
        python.write_text(PYTHON.format(version=version, numbers=numbers, real=sys.executable, log=log))
        python.chmod(0o755)
        command = ["make", "colab", f"VENV={tmp_path / '.venv'}", f"PYTHON={python}", "CHAPTER=vgg"]
        done = subprocess.run(command, cwd=project.ROOT, capture_output=True, text=True, check=False)
        done.asked = log.read_text().replace(str(tmp_path), "").splitlines()
        return done

    return run


STEPS = [
    "-m pip install --quiet -r requirements-colab.txt",
    "-m pip install --quiet --no-deps --force-reinstall .",
    "-m tools.colab vgg",
]


@pytest.mark.parametrize("version", ["2.7.18", "3.9.18", "3.10.13", "3.14.0"])
def test_a_python_that_the_versions_do_not_support_is_refused(colab, tmp_path, version):
    done = colab(version)
    assert done.returncode and not done.asked and not (tmp_path / ".venv-colab").exists()
    assert "need Python 3.11 to 3.13" in done.stdout and f"is Python {version}: make colab PYTHON=" in done.stdout


def test_an_environment_of_another_python_is_made_anew(colab, tmp_path):
    made = ["-m venv /.venv-colab", *STEPS]
    for version in ("3.11.7", "3.13.0", "3.12.1"):
        done = colab(version)
        assert done.returncode == 0 and done.asked == made, done.stderr
        assert colab(version).asked == STEPS, "one of the same Python is kept"
    (tmp_path / ".venv-colab" / "bin" / "python").unlink()
    assert colab("3.12.1").asked == made


def test_what_colab_has_is_enough_for_the_tool():
    listed = (project.ROOT / "requirements-colab.txt").read_text("utf-8")
    for name in ("colab", "project"):
        for node in ast.walk(ast.parse((project.ROOT / "tools" / f"{name}.py").read_text("utf-8"))):
            found = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            found += [node.module] if isinstance(node, ast.ImportFrom) else []
            for top in {module.split(".")[0] for module in found} - sys.stdlib_module_names - {"tools", "tomllib"}:
                assert f"\n{ {'yaml': 'pyyaml'}.get(top, top) }==" in listed or top == "tomli", f"add {top}"


@pytest.mark.slow
def test_a_cell_that_fails_or_hangs_is_told_and_the_next_chapter_runs(tmp_path, monkeypatch, capsys):
    for name, line in {"fails": "1 / 0", "hangs": "import time; time.sleep(60)", "works": "1 + 1"}.items():
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(line)])
        nbformat.write(notebook, tmp_path / f"{name}.ipynb")
    monkeypatch.setattr(project, "notebook", lambda name: tmp_path / f"{name}.ipynb")
    monkeypatch.setattr(colab_tool, "PATIENCE", 2)
    assert [colab_tool.run(name) for name in ("fails", "hangs", "works")] == [False, False, True]
    told = capsys.readouterr().out
    assert "fails: failed\n" in told and "ZeroDivisionError" in told
    assert "hangs: failed, since a cell took more than 2 s" in told and "works: every cell ran" in told


@pytest.mark.parametrize("name", project.chapters())
def test_no_chapter_reduces_both_axes_as_only_a_newer_pandas_does(name):
    """Colab's pandas takes `axis=None` of these methods for `axis=0`."""
    code = "\n".join(cell.source for cell in nbformat.read(project.notebook(name), 4).cells if cell.cell_type == "code")
    assert re.findall(r"\.(?:sum|prod|std|var|sem)\(axis=None", code) == [], "write .to_numpy().sum()"
