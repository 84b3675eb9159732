"""What is translated: the name of each PO file, and the entries that it must have, in the order of the text."""

from __future__ import annotations

import ast
import functools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import nbformat
import yaml

from tools import asking, exercises, pages, project, questions
from tools.translate import literals, markdown, modules, numbers

EXTENSIONS, STATIC = project.BOOK / "_ext", project.BOOK / "_static"
WIDGETS = project.ROOT / "d2lite" / "widgets"
DRAWING = STATIC / "cover_network.svg"
LABEL = re.compile(r"(?<=>)[^<>]*[a-z]{2}[^<>]*(?=</text>)")
#: modules whose texts the site shows
MODULES = ("pages", "speed", "reading", "editions/__init__", "editions/words")
#: texts in modules that name something else: sections of chapters, rows of tables of results
SILENT = (
    "Exercises",
    "References",
    "Optional",
    "optional: words",
    "Error",
    "A kind of {bases}.",
    "Python",
    "Colab",
    "Kaggle",
)
#: what the theme says in English, since it does not know Chinese
THEME = (
    "Skip to main content", "Back to top", "Link to this heading", "previous page", "next page", "light/dark",
    "Toggle secondary sidebar", "Toggle primary sidebar", "Suggest edit", "Launch on Colab", "Launch on Kaggle",
    "Version warning", "Source repositories", "Launch interactive content", "Page", "Main", "Book", "Open an issue",
    "Source repository", "Download this page", "Download source file", "Print to PDF", "Fullscreen mode", "Search",
    "Search this book...", "Ways into the book", "Table of contents", "Download notebook file", "Breadcrumb",
)  # fmt: skip
#: cells of tables of results that say the same wherever they stand; no names of columns that code asks for
CELLS = (
    "network", "year", "parameters", "test accuracy", "test accuracy in %", "accuracy in %", "seeds",
    "s per 1,000 images", "share", "epoch", "epochs", "train loss", "train accuracy", "val loss", "val accuracy",
    "seconds", "training loss", "million MACs", "parameters in thousands", "layer", "chance", "Linear classifier",
    "Edge histograms", "Quarter-width VGG-11", "Narrow ResNet-8", "Unpadded VGG-16", "(new)",
)  # fmt: skip
#: values of interactives that are shown as they are called, and heads of their tables: what the walk through the built
#: site in tests/test_translate.py finds in English
CALLED: tuple[str, ...] = (
    "ring", "all to one", "all channels", "groups of 4", "each channel alone", "own numbers", "vertical edge",
    "horizontal edge", "identity", "blur", "sharpen", "red and not green", "gray", "swap red and blue",
    "only red", "sepia", "your own", "own layers", "two 3×3", "three 3×3", "ten 3×3", "one 5×5", "one 7×7",
    "wrong", "right", "networks disagree", "all networks wrong", "all", "undecided", "decided", "plain",
    "residual", "both", "shortcuts", "dense", "before training", "after training", "light", "dark",
    "convolution", "fully connected", "flatten", "max pooling", "average pooling", "scale and shift", "layers",
    "puts out", "parameters", "bytes", "part", "branch", "out", "without reduction", "network", "says", "sure",
    "carried so far", "year", "test accuracy", "seeds", "± sd", "M MACs", "s an epoch", "MB a step", "block",
    "kernel", "gate", "shortcut", "1×1 in", "1×1 out", "input", "pool", "red", "green", "blue", "certain",
    "clear", "photograph", "goal", "products", "pixels", "1 to", "sees", "weights", "one kernel", "layer",
    "stride", "pooling", "image", "images", "black", "white", "average", "linear", "max-pool", "mean-pool", "3×3 max",
)  # fmt: skip
FIELD = re.compile(r"\{[^}]*\}")
TIME = re.compile(r"^About ([^.\n]+)\. Read .*$", re.M)  # of a problem set
TEMPLATE = "a sentence with results: each {field} stays, in any order"
WORDS = "words in a sentence with results: {1}, {2}, … are its numbers"
ALT = "alternative text of a figure: {1}, {2}, … are its numbers"


@dataclass(frozen=True)
class Entry:
    """An English text, and what whoever translates should know of it."""

    text: str
    about: str
    words: tuple[str, ...] = ()  # fields of a sentence that hold words, which another language may not need


def names() -> list[str]:
    """All PO files, by the name that the commands take: pages, problem sets, and what several pages show."""
    return [*pages.names(), *(f"sets/{path.stem}" for path in set_sources()), "widgets", "exercises", "site"]


def set_sources() -> list[project.Path]:
    """The sources of the problem sets."""
    return sorted(pages.SETS.glob("*/*.md"))


@functools.cache
def entries(name: str) -> list[Entry]:
    """The entries of a PO file, each text once; read once, since notebooks are long."""
    if name in ("widgets", "exercises", "site"):
        found = {"widgets": _widgets, "exercises": _hints, "site": _site}[name]()
    elif name.startswith("sets/"):
        stem = name.removeprefix("sets/")
        found = _page(pages.SETS / stem / f"{stem}.md")
    else:
        found = _page(project.source(name))
    once: dict[str, Entry] = {}
    for entry in found:
        once.setdefault(entry.text, entry)
    return list(once.values())


def _page(path: project.Path) -> Iterator[Entry]:
    """The pieces of a page, and of a chapter what its run wrote and shows."""
    for piece in markdown.pieces(path.read_text("utf-8")):
        yield Entry(piece.text, piece.kind)
    stored = path.with_suffix(".ipynb")
    if stored.exists():
        yield from _run(nbformat.read(stored, as_version=4))


def _run(nb) -> Iterator[Entry]:
    for cell in nb.cells:
        if alt := cell.metadata.get("mystnb", {}).get("image", {}).get("alt"):
            yield Entry(numbers.apart(alt)[0], ALT)
        for out in cell.get("outputs", []):
            if told := out.get("metadata", {}).get("d2lite"):
                yield from _told(told["template"], told["values"])
            if (alt := _alt(out)) is not None:
                yield Entry(numbers.apart(alt)[0], ALT)


def _told(template: str, values: dict) -> Iterator[Entry]:
    """A sentence that a run wrote, and the words in it that came from the run."""
    said = {name: value for name, value in values.items() if isinstance(value, str)}
    if markdown.wordy(FIELD.sub(" ", template)):
        about = f"{TEMPLATE}; with words: {', '.join(sorted(said))}" if said else TEMPLATE
        yield Entry(template, about, tuple(sorted(said)))
    for value in said.values():
        if markdown.wordy(words := numbers.apart(value)[0]):
            yield Entry(words, WORDS)


def _alt(out) -> str | None:
    """The alternative text of an output, which an interactive has there alone."""
    return out.get("metadata", {}).get("image/png", {}).get("alt")


def widget_scripts() -> list[project.Path]:
    """The scripts of the interactives."""
    return sorted(WIDGETS.glob("*.js"))


def known_by_text(script: project.Path) -> set[str]:
    """The texts that the Python side of a script knows too: a setting is called so."""
    path = script.with_suffix(".py")
    tree = ast.parse(path.read_text("utf-8")) if path.exists() else ast.Module([], [])
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def _widgets() -> Iterator[Entry]:
    for path in widget_scripts():
        script = path.read_text("utf-8")
        for one in literals.spoken(script, known_by_text(path)):
            yield Entry(one.text(script), path.name, (literals.PLURAL,))
    for name in CALLED:
        yield Entry(name, "what interactives show as it is called")


def _hints() -> Iterator[Entry]:
    for name, told in exercises.stored().items():
        for text in (*told["said"].values(), told["other"], told["praise"]):
            if markdown.wordy(text):
                yield Entry(text, name)


def site_scripts() -> list[project.Path]:
    """The scripts of the site."""
    return [*sorted(STATIC.glob("*.js")), EXTENSIONS / "search.js"]


def site_modules() -> list[project.Path]:
    """The modules that write pages."""
    return [*(project.ROOT / "tools" / f"{name}.py" for name in MODULES), *sorted(EXTENSIONS.glob("*.py"))]


def of_module(path: project.Path) -> list[str]:
    """What such a module says."""
    found = modules.texts(path.read_text("utf-8"))
    rows = path.stem == "speed"  # its rows are called as in the tables of results
    return [
        text
        for text in found
        if text not in SILENT and "<script>" not in text and not (rows and re.match("[a-z`]", text))
    ]


def _site() -> Iterator[Entry]:
    config = yaml.safe_load((project.ROOT / "_config.yml").read_text("utf-8"))
    toc = yaml.safe_load((project.ROOT / "_toc.yml").read_text("utf-8"))
    shown = config["sphinx"]["config"]
    for text in (config["title"], config["author"], shown["nb_code_prompt_show"], shown["nb_code_prompt_hide"]):
        yield Entry(text, "_config.yml")
    for part in toc["parts"]:
        yield Entry(part["caption"], "_toc.yml")
    for text in project.BOXES:
        yield Entry(text, "title of a box")
    yield Entry(asking.LINE, "asking.py")
    for question in (one for name in project.chapters() for box in questions.of(name) for one in box):
        if question.unit:
            yield Entry(question.unit, "what a guess counts")
    for text in CELLS:
        yield Entry(text, "cell of a table of results")
    for text in THEME:
        yield Entry(text, "what the theme says")
    yield Entry(numbers.apart(json.loads(pages.COVER.read_text("utf-8"))["alt"])[0], ALT)
    for label in LABEL.findall(DRAWING.read_text("utf-8")):
        yield Entry(numbers.apart(label)[0], "label in the drawing on the cover")
    for path in set_sources():
        if time := TIME.search(path.read_text("utf-8")):
            yield Entry(numbers.apart(time[1])[0], "how long a problem set takes")
    for path in site_scripts():
        script = path.read_text("utf-8")
        for one in literals.spoken(script):
            yield Entry(one.text(script), path.name, (literals.PLURAL,))
    for path in site_modules():
        for text in of_module(path):
            if text.strip(' "<>') and 'class="bd-sidebar' not in text and not text.startswith(("const ", "{member")):
                yield Entry(text, path.name)
