"""The interactives of the chapters: their stored states, where they stand, and what is left where no script runs."""

import json
import os
import re
import subprocess
import sys

import nbformat
import pytest

from d2lite import widgets
from tools import interactives, outputs, pairs, project

CHAPTERS = project.chapters()


def shown(chapter: str) -> list[str]:
    """The interactives of a chapter by the names of their classes, in its order."""
    sources = (cell.source for cell in pairs.read_source(chapter).cells if cell.cell_type == "code")
    calls = (line.removeprefix("d2l.widgets.") for source in sources for line in source.splitlines())
    return [call.split("(")[0] for call in calls if call.split("(")[0] in widgets.__all__]


def states(nb) -> dict:
    return nb.metadata.get("widgets", {}).get(project.STATE, {}).get("state", {})


def test_every_interactive_has_its_place():
    places = {name: chapter for chapter in CHAPTERS for name in shown(chapter)}
    drafts = {name for name in widgets.__all__ if getattr(widgets, name).draft}
    assert set(widgets.__all__) - set(places) == drafts, (
        "an interactive is shown in a chapter, or its class in d2lite/widgets says `draft = True`"
    )
    assert places["ConvolutionLab"] == "alexnet" and places["LiveNetwork"] == "data_and_training"


#: interactives that answer no question of their chapter: the reader looks at what is known already
TO_LOOK_WITH = {"comparison": "FrontierExplorer"}


@pytest.mark.parametrize("chapter", project.with_interactives())
def test_a_question_comes_before_and_text_after(chapter):
    cells = pairs.read_source(chapter).cells
    where = [i for i, cell in enumerate(cells) if cell.cell_type == "code" and "d2l.widgets." in cell.source]
    assert where
    for index in where:
        before = [cell.source for cell in cells[max(0, index - 3) : index] if cell.cell_type == "markdown"]
        if chapter not in TO_LOOK_WITH or TO_LOOK_WITH[chapter] not in cells[index].source:
            assert "> **Predict first.**" in before[-1].split("\n\n")[-1], cells[index].source
        after = next(cell for cell in cells[index + 1 :] if "check" not in cell.metadata.get("tags", []))
        told = "d2l.tell(" in after.source and "hide-input" in after.metadata.get("tags", [])
        assert told or after.cell_type == "markdown", cells[index].source


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_what_is_stored_can_run_without_a_kernel(chapter):
    nb = pairs.read_notebook(chapter)
    views = [out for cell in nb.cells for out in cell.get("outputs", []) if project.VIEW in out.get("data", {})]
    names = [out.data["text/plain"].split("(")[0] for out in views]
    assert names == shown(chapter)
    for out, name in zip(views, names, strict=True):
        state = states(nb)[out.data[project.VIEW]["model_id"]]["state"]
        assert state["_anywidget_id"].endswith(f".{name}")
        made = getattr(widgets, name)
        if name == "TrainingLab":  # it says what its own runs ended with
            made = made(*state["runs"])
        assert out.metadata["image/png"]["alt"] == made.alt
        assert outputs.png_size(out.data["image/png"])[0] > 900
    assert interactives.refresh(nb) == [], "run `make sync`"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_what_is_stored_is_what_python_makes_now(chapter):
    sources = "\n".join(cell.source for cell in pairs.read_source(chapter).cells)
    for model in states(pairs.read_notebook(chapter)).values():
        state = model["state"]
        made = getattr(widgets, state.get("_anywidget_id", "").rpartition(".")[2], None)
        if made is None:
            continue
        own = set(made.class_trait_names(sync=True)) - set(widgets.base.Interactive.class_trait_names())
        assert own <= set(state), f"run `make execute CHAPTER={chapter}`"
        if f"d2l.widgets.{made.__name__}()" in sources:
            now = json.loads(json.dumps(made().get_state(own)))
            assert {name: state[name] for name in own} == now, f"run `make execute CHAPTER={chapter}`"


def stored(*names: str, other: str = "@jupyter-widgets/controls"):
    """A notebook as a run leaves it: a progress bar, then interactives, with states under random names."""
    nb, state = nbformat.v4.new_notebook(), {"bar": {"model_module": other, "state": {}}}
    names = [name * 32 for name in names]  # as long as real ones, which occur nowhere else
    for name in ("bar", *names):
        out = nbformat.v4.new_output("display_data", data={project.VIEW: {"model_id": name}, "text/plain": name})
        nb.cells.append(nbformat.v4.new_code_cell("show()", outputs=[out]))
    for name in names:
        made = {"_anywidget_id": "d2lite.widgets.mixer.PixelMixer", "_esm": "old", "layout": f"IPY_MODEL_{name}l"}
        state[name] = {"model_module": "anywidget", "state": made}
        state[f"{name}l"] = {"model_module": "@jupyter-widgets/base", "state": {}}
    nb.metadata["widgets"] = {project.STATE: {"state": state}}
    return nb


def test_states_are_kept_under_steady_names():
    one, two = stored("7", "8"), stored("9", "0")
    for nb in (one, two):
        interactives.keep(nb, "vgg")
    assert json.dumps(one.metadata) == json.dumps(two.metadata)
    assert one.cells[1].outputs[0].data[project.VIEW]["model_id"] in states(one)
    assert project.VIEW not in one.cells[0].outputs[0].data, "a progress bar has nothing to show later"
    assert len(states(one)) == 4, "two interactives, and the layout of each"
    other = stored("7", "8")
    interactives.keep(other, "nin")
    assert not set(states(other)) & set(states(one)), "two chapters on one page keep their own"


def test_a_notebook_without_interactives_has_no_states():
    nb = stored()
    interactives.keep(nb, "vgg")
    assert "widgets" not in nb.metadata


def test_an_edited_script_reaches_the_stored_notebook():
    nb = stored("7")
    interactives.keep(nb, "vgg")
    assert interactives.refresh(nb) == ["PixelMixer"] and interactives.refresh(nb) == []
    (state,) = (model["state"] for model in states(nb).values() if "_esm" in model["state"])
    assert state["_esm"] == widgets.PixelMixer._esm and state["_css"] == widgets.PixelMixer._css


HOSTED = """
import sys, types
colab, output = types.ModuleType("google.colab"), types.ModuleType("google.colab.output")
output.enable_custom_widget_manager = lambda: print("enabled")
colab.output = output
if {colab}:
    sys.modules.update({{"google": types.ModuleType("google"), "google.colab": colab, "google.colab.output": output}})
from IPython.core.interactiveshell import InteractiveShell
import importlib.util
find, missing = importlib.util.find_spec, {missing}
importlib.util.find_spec = lambda name: None if name == "d2lite" and missing else find(name)
def pip(line):
    global missing
    print("pip", line)
    missing = {offline}
shell = InteractiveShell.instance()
shell.register_magic_function(pip)
run = shell.run_line_magic
shell.run_line_magic = lambda name, line: run(name, line) if name == "pip" else None
shell.run_cell({cell!r}).raise_error()
"""
SOURCE = re.search(r'D2LITE_SOURCE"\) or "(.+)"', project.setup_cell())[1]
PIP = f"pip install -q --no-deps {SOURCE}"


def set_up(colab: bool = False, missing: bool = True, offline: bool = False, **environment: str):
    """Run the setup cell as a Python of its own, as on Colab or not; ``offline``: pip brings nothing."""
    code = HOSTED.format(colab=colab, missing=missing, offline=offline, cell=project.setup_cell())
    clean = {name: value for name, value in os.environ.items() if not name.startswith("KAGGLE")}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=clean | environment)


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ({}, []),
        ({"colab": True, "missing": False}, ["enabled"]),
        ({"colab": True}, ["enabled", PIP]),
        ({"KAGGLE_KERNEL_RUN_TYPE": "Interactive"}, [PIP]),
        ({"colab": True, "D2LITE_SOURCE": "here.zip"}, ["enabled", "pip install -q --no-deps here.zip"]),
    ],
)
@pytest.mark.slow
def test_the_setup_cell_brings_what_is_missing_where_the_book_is_hosted(place, told):
    done = set_up(**place)
    assert done.returncode == 0 and done.stdout.splitlines() == told, done.stderr


@pytest.mark.slow
def test_without_internet_the_setup_cell_says_what_to_switch():
    done = set_up(offline=True, KAGGLE_KERNEL_RUN_TYPE="Interactive")
    told = done.stdout + done.stderr
    assert done.returncode and "switch the Internet on" in told and "D2LITE_SOURCE" in told
