"""Rules that every chapter keeps: its pair, its outputs, its tags, its text, its citations."""

import ast
import base64
import io
import json
import os
import re
import subprocess
import sys

import jupytext
import nbformat
import numpy as np
import prose
import pytest
from nbconvert import ScriptExporter
from PIL import Image
from pybtex.database import parse_file

from tools import asking, execute, export, files, notebooks, outputs, pages, pairs, project, rerun

TAGS = {
    "setup",
    "export",
    "check",
    "data-output",
    "nbval-ignore-output",
    "provenance",
    "solution",
    "hide-input",
    "raises-exception",
    "cover",
    "answer",
    "slide",
    "slide-skip",
    "slide-notes",
    "predict",
    "remove-cell",
}
CHAPTERS = project.chapters()
each_chapter = pytest.mark.parametrize("chapter", CHAPTERS)


def code_cells(chapter):
    """The code cells that somebody wrote; those that ask what a box asks are never run, see test_asking.py."""
    cells = pairs.read_notebook(chapter).cells
    return [cell for cell in cells if cell.cell_type == "code" and not asking.made(cell)]


def untested(cells) -> list[str]:
    """Cells whose output nobody compares and that no cell with an assertion follows."""
    found = []
    for number, cell in enumerate(cells):
        if "nbval-ignore-output" not in cell.metadata.get("tags", []):
            continue
        after = cells[number + 1] if number + 1 < len(cells) else None
        tags = after.metadata.get("tags", []) if after else []
        asserts = (
            after is not None
            and "check" in tags
            and "nbval-ignore-output" not in tags
            and any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(after.source)))
        )
        if not asserts:
            found.append(f"cell {number + 1}: {cell.source.strip().splitlines()[0]}")
    return found


def images(cells):
    """(cell, output) for each PNG."""
    return [(cell, out) for cell in cells for out in cell.outputs if "image/png" in out.get("data", {})]


def alt_of(cell) -> str:
    return cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")


def test_every_source_is_in_the_table_of_contents():
    notebooks = {path.stem for path in project.BOOK.glob("*.md") if pairs.SETUP_BLOCK.search(path.read_text("utf-8"))}
    assert notebooks == set(CHAPTERS)
    assert {path.stem for path in project.BOOK.glob("*.ipynb")} == set(CHAPTERS)


@each_chapter
def test_source_and_notebook_agree(chapter):
    assert pairs.drift(chapter) == [], "run `make sync`, then `make execute` for what changed"


def test_exported_models_are_fresh():
    assert export.stale() == [], "run `make sync`"


def test_generated_pages_are_fresh():
    assert pages.stale() == [], "run `make sync`"


@each_chapter
def test_every_cell_was_run(chapter):
    cells = code_cells(chapter)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert pairs.read_notebook(chapter).metadata.d2lite.run.keys() == {
        "profile",
        "device",
        "torch",
        "python",
        "data",
        "seconds",
        "memory_gib",
        "date",
    }


@each_chapter
def test_what_prints_has_an_output(chapter):
    for cell in code_cells(chapter)[1:]:  # the first is the setup cell, with magics, and prints nothing
        calls = {
            ast.unparse(node.value.func)
            for node in ast.parse(cell.source).body
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
        }
        if calls & {"print", "plt.show", "d2l.check"}:
            assert cell.outputs, f"no output is stored for: {cell.source}"


@each_chapter
def test_the_notebook_is_small(chapter):
    assert project.notebook(chapter).stat().st_size < outputs.MAX_BYTES


@each_chapter
def test_figures_are_png_at_twice_the_size_and_have_alt_text(chapter):
    cells, written = code_cells(chapter), set(map(alt_of, pairs.expected(chapter).cells)) - {""}
    assert images(cells), "a chapter without a figure"
    for cell, out in images(cells):
        width, _ = outputs.png_size(out.data["image/png"])
        shown = out.metadata.get("image/png", {}).get("width")
        assert shown and abs(width - 2 * shown) <= 2, f"{width} pixels shown at {shown}: {cell.source}"
        assert len(alt_of(cell)) >= 15, f"no alt text: {cell.source}"
        told = " ".join(text for out in cell.outputs if (text := outputs.alt_text(out)))
        assert not told or alt_of(cell) in (told, *written), f"the text of another run: {cell.source}"
    assert not [out for cell in cells for out in cell.outputs if "image/svg+xml" in out.get("data", {})]


@each_chapter
def test_no_output_is_a_warning_or_an_error(chapter):
    assert outputs.warnings(pairs.read_notebook(chapter)) == []
    assert not [
        o
        for cell in code_cells(chapter)
        for o in cell.outputs
        if o.output_type == "error" and "raises-exception" not in cell.metadata.get("tags", [])
    ]


@each_chapter
def test_tags_are_known(chapter):
    assert {tag for cell in pairs.read_notebook(chapter).cells for tag in cell.metadata.get("tags", [])} <= TAGS


@each_chapter
def test_what_is_not_compared_is_asserted(chapter):
    assert untested(code_cells(chapter)) == []


@each_chapter
def test_solutions_are_folded_everywhere(chapter):
    for cell in code_cells(chapter):
        if "solution" in cell.metadata.get("tags", []):
            assert "hide-input" in cell.metadata.tags
            assert cell.metadata.get("jupyter", {}).get("source_hidden") is True
            assert cell.metadata.get("cellView") == "form" and cell.source.startswith("# @title Solution ")


@each_chapter
def test_every_solution_passes_its_check(chapter):
    """The stored outputs are compared when the chapter is re-run, so each solution runs against its check."""
    from test_checks import OF_THE_BOOK

    solutions = [cell for cell in code_cells(chapter) if "solution" in cell.metadata.get("tags", [])]
    said = {}
    for cell in solutions:
        shown = "".join(str(out.get("data", {}).get("text/plain", "")) + out.get("text", "") for out in cell.outputs)
        assert "✗" not in shown and "…" not in shown, cell.source
        said |= dict.fromkeys(re.findall(r"✓ ([\w-]+): ", shown), cell)
    exercises = {name for name in OF_THE_BOOK if name.rpartition("-")[0] == chapter}
    assert exercises and set(said) == exercises
    for cell in said.values():
        assert not set(cell.metadata.tags) & {"nbval-ignore-output", "nbval-skip"}, "its output is not compared"


@each_chapter
def test_text_is_plain_markdown(chapter):
    for cell in pairs.read_notebook(chapter).cells:
        if cell.cell_type == "markdown":
            assert prose.myst_only(cell.source) == []
            assert prose.unknown_labels(cell.source) == []


def texts():
    """(name, prose) of everything that is written by hand for readers."""
    found = []
    for chapter in CHAPTERS:
        cells = pairs.read_source(chapter).cells
        found.append((chapter, "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")))
    for path in (project.BOOK / "index.md", project.ROOT / "README.md"):
        found.append((path.name, pages.handwritten(path.read_text("utf-8"))))
    return found


@pytest.mark.parametrize(("name", "text"), texts(), ids=[name for name, _ in texts()])
def test_no_result_is_typed(name, text):
    assert prose.typed_results(text) == [], "let a cell print it, and point at the cell"


def cited() -> dict[str, list[str]]:
    """Address → chapters, for every link that reads as a citation."""
    found: dict[str, list[str]] = {}
    for chapter in CHAPTERS:
        for _, address in prose.CITATION.findall(project.source(chapter).read_text("utf-8")):
            found.setdefault(address.rstrip("/"), []).append(chapter)
    return found


def entries() -> dict[str, str]:
    """Address → key, for every entry of references.bib."""
    found = {}
    for key, entry in parse_file(str(project.BOOK / "references.bib")).entries.items():
        address = entry.fields.get("url") or (entry.fields.get("doi") and f"https://doi.org/{entry.fields['doi']}")
        assert address, f"{key}: an entry needs a url or a doi"
        assert address.rstrip("/") not in found, f"{key} and {found[address.rstrip('/')]} are the same work"
        found[address.rstrip("/")] = key
    return found


def test_citations_and_bibliography_match():
    links, works = cited(), entries()
    missing = {address: chapters for address, chapters in links.items() if address not in works}
    assert not missing, "cited, but not in references.bib"
    unused = {key: address for address, key in works.items() if address not in links}
    assert not unused, "in references.bib, but cited in no chapter"


# The tools themselves, on a chapter made for the purpose.


def notebook_of(*cells, tags=()):
    made = [nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)} if tags else {}) for source in cells]
    return nbformat.v4.new_notebook(cells=made)


def test_outputs_stay_for_unchanged_cells_alone():
    stored = pairs.join(notebook_of("a = 1", "print(a)", "b = 2"), None, "demo")
    for number, cell in enumerate(stored.cells):
        cell.execution_count, cell.outputs = number + 1, [nbformat.v4.new_output("stream", text=cell.source)]
    joined = pairs.join(notebook_of("a = 1", "new = 0", "print(a + 1)", "b = 2"), stored, "demo")
    assert [cell.execution_count for cell in joined.cells] == [1, None, None, 3]
    assert joined.cells[2].outputs == [] and joined.cells[3].outputs[0].text == "b = 2"
    assert joined.cells[0].id == stored.cells[0].id and len({cell.id for cell in joined.cells}) == 4


def test_tags_are_part_of_a_cell():
    stored = pairs.join(notebook_of("fit()"), None, "demo")
    stored.cells[0].execution_count = 7
    assert pairs.join(notebook_of("fit()", tags=["check"]), stored, "demo").cells[0].execution_count is None
    shown = pairs.join(notebook_of("fit()", tags=["answer"]), stored, "demo").cells[0]
    assert shown.execution_count == 7 and shown.metadata.tags == ["answer"], "how the site shows it changes no output"


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A copy of one pair in a folder of its own, for breaking."""
    (tmp_path / "demo.md").write_text(
        "# Demo\n\nA promise.\n\n```{code-cell} ipython3\n:tags: [setup]\n\npass\n```\n\n"
        "```{code-cell} ipython3\n:tags: [export]\n\nimport torch\nfrom torch import nn\n\n"
        "# why\ndef f():\n    return torch, nn\n```\n",
        "utf-8",
    )
    monkeypatch.setattr(project, "BOOK", tmp_path)
    monkeypatch.setattr(project, "chapters", lambda: ["demo"])
    source = tmp_path / "demo.md"
    source.write_text(pairs.with_setup_cell(source.read_text("utf-8")), "utf-8")
    made = pairs.join(pairs.read_source("demo"), None, "demo")
    files.write(tmp_path / "demo.ipynb", notebooks.as_text(made))
    return tmp_path


def test_a_box_that_asks_another_question_is_seen(book):
    source = book / "demo.md"
    box = "> **Predict first.** Which?\n>\n> * a\n> * b\n>\n> <!-- predict which: 2 -->\n"
    source.write_text(source.read_text("utf-8").replace("A promise.\n", f"A promise.\n\n{box}\nThe answer.\n"), "utf-8")
    assert pairs.drift("demo"), "its cell is missing"
    joined = pairs.join(pairs.expected("demo"), pairs.read_notebook("demo"), "demo")
    files.write(book / "demo.ipynb", notebooks.as_text(joined))
    assert pairs.drift("demo") == []
    source.write_text(source.read_text("utf-8").replace("predict which", "predict other"), "utf-8")
    assert pairs.drift("demo") == ["demo: cell 0 differs (['# Demo'] in .md)"]
    source.write_text(source.read_text("utf-8").replace("predict other", "predict which"), "utf-8")
    joined.cells[1].outputs = []
    files.write(book / "demo.ipynb", notebooks.as_text(joined))
    assert pairs.drift("demo") == ["demo: cell 1 was run, and is stored as if it was not"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return torch, nn", "return nn"),
        ("[export]", "[export, check]"),
        ("A promise.", "Another."),
        ("%matplotlib inline", "pass"),
        ("```\n\n```{code-cell}", "```\n\nMore.\n\n```{code-cell}"),
    ],
)
def test_drift_is_seen(book, old, new):
    assert pairs.drift("demo") == []
    text = (book / "demo.md").read_text("utf-8")
    assert old in text
    (book / "demo.md").write_text(text.replace(old, new), "utf-8")
    assert pairs.drift("demo")


@pytest.mark.parametrize(("old", "new"), [('   "file_extension": ".py",\n', ""), ("\n ", "\n")])
def test_a_notebook_that_another_program_wrote_is_seen(book, old, new):
    path = book / "demo.ipynb"
    assert old in path.read_text("utf-8")
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    assert pairs.drift("demo") == ["demo: book/demo.ipynb is not in the form that `make sync` writes"]


def test_a_setup_cell_with_another_text_stays_run(book, monkeypatch):
    stored = pairs.read_notebook("demo")
    for number, cell in enumerate((cell for cell in stored.cells if cell.cell_type == "code"), start=1):
        cell.execution_count = number
    monkeypatch.setattr(project, "SETUP_CELL", project.SETUP_CELL + "\n# another line")
    pairs.write_setup_cell("demo")
    joined = pairs.join(pairs.read_source("demo"), stored, "demo")
    code = [cell for cell in joined.cells if cell.cell_type == "code"]
    assert code[0].source.endswith("# another line") and all(cell.execution_count for cell in code)


@pytest.mark.slow
def test_the_setup_cell_imports_d2lite_before_torch():
    code = re.sub(r"^( *)%.*$", r"\1pass", project.setup_cell(), flags=re.M)
    if sys.platform == "linux":
        code += "\nimport os\nassert os.environ['GOMP_SPINCOUNT'] == '1000'"
    environment = {key: value for key, value in os.environ.items() if key not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert "import d2lite " in code and "torch\n" not in code


def test_the_setup_cell_installs_the_version_it_was_written_for():
    (line,) = (line for line in project.setup_cell().splitlines() if "source = " in line)
    assert line.endswith(f'{project.repository_url()}@v{project.distribution()["version"]}"'), "never a branch"


NOTEBOOKS = sorted([*project.BOOK.glob("*.ipynb"), *(project.ROOT / "assignments").glob("*/*/*.ipynb")])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_a_notebook_becomes_a_script(path):
    nb = nbformat.read(path, as_version=4)
    assert {**nb.metadata, **notebooks.metadata()} == nb.metadata, "run `make sync`"
    script, resources = ScriptExporter().from_notebook_node(nb)
    assert resources["output_extension"] == ".py" and "run_line_magic('pip'" in script
    compile(script, path.name, "exec")
    compile(jupytext.writes(nb, "py:percent"), path.name, "exec")


def test_a_widget_takes_a_line_for_each_trait():
    table = [[i / 7, None, i] for i in range(500)]
    state = {"rows": table, "odd": {"b": ['"[\n 1,\n 2\n]"', "μ"], "a": []}, "text": "[\n 1\n]", "n": 3, "none": {}}
    model = {"model_module": "anywidget", "state": state}
    nb = notebook_of("x = [\n 1,\n 2,\n]")
    nb.metadata["widgets"] = nbformat.from_dict({project.STATE: {"state": {"one": model, "two": model}}})
    before = nbformat.writes(nb)
    text = notebooks.as_text(nb)
    assert len(before.splitlines()) > 4000 and len(text.splitlines()) < 60 and "μ" in text
    assert json.loads(text) == json.loads(before) == json.loads(nbformat.writes(nb)), "written, and left as it was"


def test_an_empty_setup_cell_is_filled_and_nothing_after_it_is_lost(book):
    text = (
        "# Demo\n\n```{code-cell} ipython3\n:tags: [setup]\n```\n\nMY PROSE\n\n```{code-cell} ipython3\nmine = 1\n```\n"
    )
    filled = pairs.with_setup_cell(text)
    assert project.setup_cell() in filled and "MY PROSE" in filled and "mine = 1" in filled
    assert pairs.with_setup_cell(filled) == filled
    with pytest.raises(ValueError, match="no setup cell"):
        pairs.with_setup_cell("# Demo\n\nNo code.\n")


@pytest.mark.slow
def test_a_failing_chapter_keeps_its_stored_notebook(book, capsys, monkeypatch):
    (book / "demo.md").write_text((book / "demo.md").read_text("utf-8").replace("def f():", "1 / 0\ndef f():"), "utf-8")
    before = (book / "demo.ipynb").read_bytes()
    monkeypatch.setattr("sys.argv", ["execute", "demo"])
    assert execute.main() == 1
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert (book / "demo.ipynb").read_bytes() == before


@pytest.mark.parametrize(
    ("tags", "text", "here", "expected"),
    [
        ([], "4", set(), True),
        (["provenance"], "torch", {"Fashion-MNIST"}, False),
        (["data-output"], "Fashion-MNIST: 55,000 images", {"Fashion-MNIST"}, True),
        (["data-output"], "Fashion-MNIST: 55,000 images", {"CIFAR-10"}, False),
        (["data-output"], "CIFAR-10 (JPEG q75 copy): 45,000 images", {"CIFAR-10", "Fashion-MNIST"}, False),
        (["data-output"], "0.286", {"Fashion-MNIST"}, False),
        (["data-output"], "0.286", {"Fashion-MNIST", "CIFAR-10 (JPEG q75 copy)"}, True),
    ],
)
def test_outputs_are_compared_where_their_data_are_at_hand(tags, text, here, expected):
    cell = nbformat.v4.new_code_cell("", metadata={"tags": tags})
    cell.outputs = [nbformat.v4.new_output("stream", text=text)]
    assert rerun.compared(cell, ["Fashion-MNIST", "CIFAR-10 (JPEG q75 copy)"], here) is expected


def test_data_at_hand_are_found(tmp_path, monkeypatch):
    monkeypatch.setenv("D2LITE_CACHE", str(tmp_path))
    monkeypatch.setenv("D2LITE_DATA", str(tmp_path))
    assert rerun.labels_here() == {"digits"}
    (tmp_path / "MNIST" / "raw").mkdir(parents=True)
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (tmp_path / "MNIST" / "raw" / f"{name}-ubyte.gz").touch()
    assert rerun.labels_here() == {"digits", "MNIST"}


def test_exported_cells_make_a_module(book):
    text = export.module("demo")
    assert '__all__ = ["f"]' in text and "# why\ndef f():" in text and text.index("import torch") < text.index("# why")
    compile(text, "demo", "exec")
    (book / "demo.md").write_text((book / "demo.md").read_text("utf-8").replace("def f():", "def f(:"), "utf-8")
    with pytest.raises(SyntaxError):
        export.module("demo")


def exported(book, *cells: str) -> str | None:
    """The module of a chapter with these code cells; one that begins with `#export` is tagged."""
    blocks = [
        "```{code-cell} ipython3\n" + (":tags: [export]\n\n" if cell.startswith("#export") else "\n") + cell + "\n```\n"
        for cell in cells
    ]
    (book / "demo.md").write_text("# Demo\n\n" + "\n".join(blocks), "utf-8")
    return export.module("demo")


def test_imports_of_earlier_cells_come_along(book):
    module = exported(
        book,
        "%matplotlib inline\nimport os.path, math as m\nfrom torch import nn, optim",
        "from wrong import functional\nfrom torch.nn import functional",
        "#export\n@functional.twice\nclass Net(nn.Module):\n    width: 'm.inf' = os.path",
        "#export\ndef f(x: Net):\n    return functional.relu(x), later()",
        "from late import functional",
        "#export\ndef later():\n    pass",
    )
    imports = [line for line in module.splitlines() if line.startswith(("import ", "from "))]
    assert sorted(imports) == [
        "from torch import nn", "from torch.nn import functional", "import math as m", "import os.path",
    ]  # fmt: skip
    assert export.undefined("demo", "", {0: module}) == {}


@pytest.mark.parametrize("cell", ["width = 3", "print(1)\n", "for nn in []:\n    pass"])
def test_what_is_defined_nowhere_in_the_module_is_an_error(book, cell):
    with pytest.raises(SystemExit, match=r"book/demo.md: code cell 3 is exported and uses `width`.*\n#export\ndef g"):
        exported(book, cell, "#export\ndef f():\n    return 0", "#export\ndef g():\n    return f() + width")
    with pytest.raises(SystemExit, match="uses `width`"):
        exported(book, "#export\ndef f():\n    return width", "from torch import width")


def test_a_module_exports_every_name_that_it_binds_and_no_other():
    source = "a, b = (n for n in (1, 2))\nif a:\n    c = {k: 2 for k in 'x'}\nasync def d(): ...\ne: int = 3\n"
    assert [name for each in ast.parse(source).body for name in export.defined(each)] == ["a", "b", "c", "d", "e"]


def test_every_exported_module_defines_what_it_uses():
    for path in export.expected():
        assert export.undefined(path.stem, "", {0: path.read_text("utf-8")}) == {}, path.name


def test_an_untested_cell_is_seen():
    def cell(source, *tags):
        return nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)})

    fit = cell("fit()", "nbval-ignore-output")
    assert untested([fit]) and untested([fit, cell("assert x")]) and untested([fit, cell("print(x)", "check")])
    assert untested([fit, cell("assert x", "check", "nbval-ignore-output")])
    assert not untested([fit, cell("assert x", "check")])


def noise(edge):
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (edge, edge, 3), dtype=np.uint8))


def png(picture):
    packed = io.BytesIO()
    picture.save(packed, "PNG")
    return base64.b64encode(packed.getvalue()).decode()


@pytest.mark.parametrize("is_gray", [True, False])
def test_stored_pngs_keep_their_size_and_the_colors_that_show(is_gray):
    picture = noise(64).convert("L").convert("RGB") if is_gray else noise(64)
    before = png(picture)
    after = outputs.smaller(before)
    assert outputs.png_size(after) == (64, 64) and len(after) <= len(before)
    assert outputs.smaller(after) == after, "a second time changes nothing"
    with Image.open(io.BytesIO(base64.b64decode(after))) as stored:
        colors, stored = len(stored.convert("RGB").getcolors(64 * 64)), stored.convert("RGB")
    if is_gray:
        assert colors == 64
    else:
        assert np.abs(np.asarray(stored, int) - np.asarray(picture, int)).max() <= 1, "a photograph keeps what one sees"


def test_a_drawing_of_many_flat_colors_is_stored_with_256():
    chosen = np.random.default_rng(0).integers(0, 256, (15, 15, 3), dtype=np.uint8)  # 225: 64 of them would show
    picture = Image.fromarray(chosen.repeat(20, axis=0).repeat(20, axis=1))
    with Image.open(io.BytesIO(base64.b64decode(outputs.smaller(png(picture))))) as stored:
        assert stored.mode == "P", "a palette"
        change = np.asarray(stored.convert("RGB"), float) - np.asarray(picture, float)
    assert np.sqrt((change**2).mean()) <= outputs.VISIBLE


def test_stored_outputs_are_cleaned():
    nb = notebook_of("show()")
    out = nbformat.v4.new_output
    nb.cells[0].outputs = [
        out("stream", name="stdout", text="10 %\r50 %\r100 %\n"),
        out("stream", name="stdout", text="done\n"),
        out("display_data", data={}),  # of a progress bar, whose view was taken out
        out("display_data", data={"image/png": png(noise(4))}, metadata={"image/png": {"alt": "A curve that falls."}}),
        out("stream", name="stderr", text="UserWarning"),
    ]
    nb.cells[0].metadata.execution = {"iopub.status.busy": "now"}
    outputs.clean(nb)
    assert [o.get("text") for o in nb.cells[0].outputs] == ["100 %\ndone\n", None, "UserWarning"]
    assert (
        nb.cells[0].metadata["mystnb"]["image"]["alt"] == "A curve that falls."
        and "execution" not in nb.cells[0].metadata
    )
    most = outputs.MAX_BYTES
    assert outputs.warnings(nb) and outputs.too_large(nb, most + 1) and not outputs.too_large(nb, most)


def test_setup_cell_reads_as_one_cell():
    cells = jupytext.reads(
        "# T\n\n```{code-cell} ipython3\n:tags: [setup]\n\n" + project.setup_cell() + "\n```\n", "md:myst"
    ).cells
    assert [cell.cell_type for cell in cells] == ["markdown", "code"] and cells[1].source == project.setup_cell()
