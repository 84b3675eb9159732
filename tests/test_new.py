"""`make new`: a chapter, a network, an interactive and a problem set pass the tests as they are written; bad names do
not."""

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import files, new, project

ROOT = project.ROOT
SET = next(iter(new.problem_set("river"))).split("/")[2]  # it gets the next number
FOUR = (["--chapter", "frog"], ["--network", "toad", "--chapter", "frog"], ["--widget", "leap"], ["--set", "river"])
#: of the repository's tests those that look at what is new; marking is done below, for one set and not for all
LOOKED_AT = (
    f"(frog or toad or leap or {SET} or table_of_contents or fresh or bibliography or every_exercise or "
    "every_network_has or has_its_place or numbered or test_repository) "
    "and not (solved_gets or blank_gets or unsolved or wrong_gets or secret)"
)
MARKED = """
import sys
from pathlib import Path
sys.path.insert(0, "tests/grading")
import classroom
from assignments.grader import course

if __name__ == "__main__":
    name, folder = sys.argv[1], Path(sys.argv[2])
    course.prepare(folder / "base", [name])
    classroom.hand_in(folder / "in", "iris", name, course.solved(name))
    classroom.hand_in(folder / "in", "otto", name, classroom.notebook(folder / "base", name, {}))
    found = classroom.marked(folder / "base", folder / "in")
    assert classroom.zeros(found[name, "iris"]) == set(), classroom.said(found[name, "iris"])
    assert set(found[name, "otto"]["marks"].values()) == {0.0}
"""


def here(folder: Path) -> dict[str, str]:
    """The environment in which the copy of the repository in ``folder`` is what Python finds."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return {**own, "PYTHONPATH": str(folder), "D2LITE_PROFILE": "quick"}


def python(folder: Path, *arguments: str) -> str:
    """What Python prints, started in ``folder``; it must succeed."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=here(folder), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the repository in which all four commands were run; nothing else was touched."""
    folder = tmp_path_factory.mktemp("new") / "repository"
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("tests of make new (no clone tells which files are the repository's): git clone it")
    for name in filter(lambda name: (ROOT / name).is_file(), listed.stdout.splitlines()):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    for arguments in FOUR:
        python(folder, "-m", "tools.new", *arguments)
    return folder


@pytest.mark.slow(60)
def test_all_four_pass_the_tests_of_the_repository(tree):
    modules = ["asking", "chapters", "interactives", "checks", "frog", "environment", "story", "repository"]
    named = [f"tests/test_{name}.py" for name in modules]
    named += ["tests/widgets/test_leap.py", "tests/widgets/test_shared.py", "tests/grading/test_problem_sets.py"]
    notebooks = ["--nbval", "--nbval-kernel-name", "python3", "book/frog.ipynb"]
    out = python(tree, "-m", "pytest", "-v", "-p", "no:cacheprovider", *named, *notebooks, "-k", LOOKED_AT)
    assert " passed" in out and " failed" not in out
    for word in re.findall(r"\w+", LOOKED_AT.partition(" and not ")[0]):
        if word != "or":
            assert word in out, f"no test about {word}: LOOKED_AT names tests that there no longer are"


@pytest.mark.slow(20)
@pytest.mark.marking
def test_the_problem_set_is_marked(tree, tmp_path):
    (tree / "mark.py").write_text(MARKED, "utf-8")  # a file, which the workers that mark can import
    python(tree, "mark.py", SET, str(tmp_path))


@pytest.mark.slow
def test_what_is_written_keeps_the_style(tree):
    made = [
        "d2lite/exercises/frog.py", "d2lite/widgets/__init__.py", "d2lite/widgets/leap.py", "tests/test_frog.py",
        "tests/widgets/test_leap.py", *(name for name in new.problem_set("river") if name.endswith(".py")),
    ]  # fmt: skip
    python(tree, "-m", "ruff", "check", *made, "d2lite/models/frog.py")
    python(tree, "-m", "ruff", "format", "--check", *made, "d2lite/models/frog.py")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "one at a time"),
        (["--chapter", "frog", "--widget", "leap"], "one at a time"),
        (["--chapter", "vgg"], "book/vgg.md exists already"),
        (["--chapter", "interactives"], "tests/test_interactives.py exists already"),
        (["--chapter", "Big Frog"], "'Big Frog' is not a name"),
        (["--chapter", "2d"], "'2d' is not a name"),
        (["--chapter", "a" * 25], "2 to 24 of a-z"),
        (["--chapter", "lambda"], "a word of Python itself"),
        (["--chapter", "list"], "a word of Python itself"),
        (["--chapter", "torch"], "there is 'torch' in the template's own code"),
        (["--chapter", "search"], "a page or a problem set"),
        (["--chapter", "ps3"], "a page or a problem set"),
        (["--network", "nin"], "there is 'nin' in d2lite/nets/networks.csv"),
        (["--network", "nin_block", "--chapter", "nin"], "there is 'nin_block' in book/nin.md"),
        (["--network", "toad", "--chapter", "comparison"], "no cell tagged `export`"),
        (["--network", "toad", "--chapter", "swamp"], "no chapter named swamp"),
        (["--widget", "frontier"], "d2lite/widgets/frontier.py exists already"),
        (["--widget", "pixel_mixer"], "there is 'PixelMixer' in d2lite/widgets/__init__.py"),
        (["--widget", "number"], "there is 'Number' in the template's own code"),
        (["--set", "ps7-river"], "its number is put in front of it"),
        (["--set", "Two words"], "'Two words' is not a name"),
        (["--set", "batch-norm"], "there is 'batch-norm' in assignments/source"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused(arguments, told, monkeypatch, capsys):
    monkeypatch.setattr(files, "write", lambda path, text: pytest.fail(f"{path} was written"))
    monkeypatch.setattr("sys.argv", ["new", *arguments])
    try:
        assert new.main() in (1, 2)
    except SystemExit as error:
        assert told in str(error)
    else:
        assert told in capsys.readouterr().err


def test_nothing_of_the_template_is_left():
    for path in new.TEMPLATES.iterdir():
        text = new.filled(path.name, "tree-frog" if path.name.startswith("set") else "tree_frog", 12)
        for word in ("new_name", "NewName", "ew name", "new-name", "ps0", "set 0"):
            assert word not in text, path.name


def test_lines_go_where_they_belong():
    toc = "- chapters:\n    - file: vgg.ipynb\n    - file: nin.ipynb\n- chapters:\n    - file: status\n"
    assert new.with_chapter(toc, "frog") == toc.replace("nin.ipynb\n", "nin.ipynb\n    - file: frog.ipynb\n")
    package = 'from .a import A\nfrom .c import C\n\n__all__ = [\n    "A",\n    "C",\n]\n'
    with_import = new.with_line(package, "from .b import B\n")
    assert with_import == package.replace("from .c", "from .b import B\nfrom .c")
    assert new.with_line('    "Ab",\n', '    "XY",\n') == '    "XY",\n    "Ab",\n', (
        "as Ruff sorts: a constant, by its look"
    )
    assert new.with_line(with_import, '    "B",\n') == with_import.replace('"A",\n', '"A",\n    "B",\n')


def test_a_recipe_stands_behind_those_of_its_chapter():
    table = new.read(new.NETWORKS)
    order = project.chapters()
    for where in ("nin", "densenet", "data_and_training", "comparison"):
        rows = list(csv.DictReader(new.with_recipe(table, "toad", where, order).splitlines()))
        places = [order.index(row["chapter"]) for row in rows]
        assert places == sorted(places) and [row["name"] for row in rows if row["chapter"] == where][-1] == "toad"
        assert [row for row in rows if row["name"] != "toad"] == list(csv.DictReader(table.splitlines()))
    with pytest.raises(new.Refused, match="RECIPE in tools/new.py"):
        new.with_recipe(table.replace("name,", "name,color,", 1), "toad", "nin", order)


@pytest.mark.slow
def test_the_lines_of_the_readme_run():
    code = (ROOT / "README.md").read_text("utf-8").split("```python\n")[1].split("```")[0]
    assert '"fashion_mnist"' in code and code.count("\n") == 5
    code = code.replace("fashion_mnist", "digits")
    python(ROOT, "-c", f"{code}assert d2l.evaluate(net, data.test).n == 360")


def test_a_network_stands_after_the_last_exported_cell():
    source = project.source("nin").read_text("utf-8")
    made = new.with_network(source, "toad", "nin")
    before, after = made.split("def toad(")
    assert made.replace(f"\n\n{new.filled('network.md', 'toad').rstrip()}", "") == source
    assert ":tags: [export]" in before and ":tags: [export]" not in after
