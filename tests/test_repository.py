"""Rules on the repository as a whole: each fact stated once, modules in order, needs that Colab meets."""

import ast
import re
import subprocess
import sys

import pytest
from packaging.requirements import Requirement

from tools import cells, pages, pairs, project

ROOT = project.ROOT
PACKAGE = ROOT / "d2lite"


def tracked():
    """Text files of the repository, as git knows them; all files where there is no git."""
    done = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    names = (
        done.stdout.splitlines()
        if done.returncode == 0
        else [str(p.relative_to(ROOT)) for p in ROOT.rglob("*") if p.is_file()]
    )
    skip = (".venv/", "_build/", ".git/", "d2lite.egg-info/", "book/_static/katex/")
    texts = {}
    for name in names:
        if name.startswith(skip) or not (ROOT / name).is_file():
            continue
        try:
            texts[name] = (ROOT / name).read_text("utf-8")
        except UnicodeDecodeError:
            continue
    return texts


def without_generated(name: str, text: str) -> str:
    """A file without the copies that tools write and other tests compare with their template."""
    if name.endswith(".ipynb"):
        cells = [
            cell
            for cell in pairs.nbformat.reads(text, as_version=4).cells
            if "setup" not in cell.metadata.get("tags", [])
        ]
        return "\n".join(cell.source for cell in cells)
    text = pages.handwritten(text)
    return text.replace(project.setup_cell(), "") if name.startswith("book/") else text


def strays(word: str, texts: dict[str, str], home: set[str]) -> list[str]:
    """Files outside ``home`` where ``word`` is written by hand."""
    return [name for name, text in texts.items() if name not in home and word in without_generated(name, text)]


def test_the_address_of_the_repository_is_written_once():
    assert strays(project.slug(), tracked(), {"pyproject.toml"}) == []
    assert (ROOT / "pyproject.toml").read_text("utf-8").count(project.slug()) == 1


def test_the_install_line_is_written_once():
    word = "git" + "+"
    assert strays(word, tracked(), {"tools/project.py"}) == []


def test_a_stray_is_seen():
    texts = {"README.md": f"clone {project.repository_url()}", "book/vgg.md": project.setup_cell()}
    assert strays(project.slug(), texts, set()) == ["README.md"]


def requirements(name: str) -> dict[str, Requirement]:
    """The requirements that a file states itself."""
    lines = (line.split("#")[0].strip() for line in (ROOT / name).read_text("utf-8").splitlines())
    return {r.name.lower(): r for r in (Requirement(line) for line in lines if line and not line.startswith("-"))}


def runtime() -> dict[str, Requirement]:
    """What the installed package needs."""
    found = re.search(r"^dependencies = \[\n(.*?)^\]", (ROOT / "pyproject.toml").read_text("utf-8"), re.M | re.S)
    return {r.name.lower(): r for r in map(Requirement, re.findall(r'"([^"]+)"', found[1]))}


def test_runtime_needs_are_met_by_colab():
    colab = requirements("requirements-colab.txt")
    for name, need in runtime().items():
        assert name in colab, f"Colab's list has no {name}"
        (pin,) = colab[name].specifier
        assert need.specifier.contains(pin.version), f"{need} is not met by Colab's {pin}"


def test_runtime_needs_have_lower_bounds_only():
    assert {str(spec.operator) for need in runtime().values() for spec in need.specifier} == {">="}


def test_imports_are_declared():
    declared = set(runtime()) | {
        "d2lite",
        "ipython",
    }  # IPython is there wherever a notebook is, and asked for only then
    names = {
        "sklearn": "scikit-learn",
        "PIL": "pillow",
        "IPython": "ipython",
        "matplotlib_inline": "matplotlib",
        "urllib3": "requests",
    }
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            tops = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                tops = [node.module]
            for top in (name.split(".")[0] for name in tops):
                if top not in sys.stdlib_module_names | {"google"}:  # Colab's own, asked for only there
                    assert names.get(top, top) in declared, (
                        f"{path.name} imports {top}, which pyproject.toml does not name"
                    )


def test_a_version_is_pinned_once():
    files = [requirements(name) for name in ("requirements.txt", "requirements-dev.txt")]
    twice = set(files[0]) & set(files[1])
    assert not twice, f"stated in both files: {twice}"
    for name, text in tracked().items():
        if name.startswith((".github/", ".ci/", "Makefile")):
            assert not re.search(r"\b(?:torch|torchvision|jupyter-book|sphinx-book-theme)\s*[=<>~]=", text), (
                f"a pin in {name}"
            )


def test_the_kinds_of_widgets_are_stated_once_in_each_language():
    apart = (".ipynb", "tests/test_repository.py")
    stated = {name: text.count("vnd.jupyter.widget-") for name, text in tracked().items() if not name.endswith(apart)}
    found = {name: count for name, count in stated.items() if count}
    assert found == {"tools/project.py": 1, "book/_static/widgets.js": 2}
    script = (ROOT / "book" / "_static" / "widgets.js").read_text("utf-8")
    assert all(f'= "{kind}";' in script for kind in (project.VIEW, project.STATE))


SCRIPTS = sorted([*PACKAGE.rglob("*.js"), *(ROOT / "book" / "_static").glob("*.js")])


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_holds_one_idea_and_can_be_read(path):
    lines = path.read_text("utf-8").splitlines()
    assert len(lines) <= 350 and max(map(len, lines)) <= 160


def test_models_know_torch_alone():
    for path in (PACKAGE / "models").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom) and not getattr(node, "level", 0):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("d2lite.models."):
                    continue  # an earlier chapter's networks, which know PyTorch alone
                tops = (
                    {a.name.split(".")[0] for a in node.names}
                    if isinstance(node, ast.Import)
                    else {node.module.split(".")[0]}
                )
                assert tops <= {"torch", "math", "collections", "functools", "typing", "__future__"}, path.name


def lines_of_code(path) -> int:
    """Lines that are neither blank nor comment nor docstring."""
    text = path.read_text("utf-8")
    told, lines = cells.documentation(text), enumerate(text.splitlines(), start=1)
    return sum(1 for number, line in lines if number not in told and line.strip() and not line.strip().startswith("#"))


def test_the_helper_is_small():
    apart = ("models", "exercises", "widgets")  # what it helps with
    core = [path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] not in apart]
    assert sum(map(lines_of_code, core)) <= 4200, "d2lite's core has grown: what can go, or is kept by a library?"
