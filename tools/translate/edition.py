"""Chinese pages and notebooks, from the English ones and the PO files: code, outputs and numbers stay as they are.

There are two forms. The site is built from pages in which the labels of boxes stay English, since the build knows boxes
by them and titles them anew; a notebook that people open shows them in Chinese and says where it comes from.
"""

from __future__ import annotations

import copy
import functools
import html
import json
import re
from collections.abc import Callable
from urllib.parse import quote

import nbformat

from tools import asking, notebooks, project
from tools.translate import branch, catalogs, literals, markdown, sources
from tools.translate.lexicon import Lexicon

BRANCH = branch.NAME  # where the workflow puts the notebooks, so that Colab finds them
LABEL = re.compile(rf"(?<=> \*\*)({'|'.join(project.BOXES)})( \d+)?\.(?=\*\*)")
CELL = re.compile(r"(<t[hd]\b[^>]*>(?:<strong>)?)([^<>]+)(?=(?:</strong>)?</t[hd]>)")
PROMISE = re.compile(r"^# .+\n\s*\n", re.M)
ENGLISH = ' <small class="d2l-english">（未译）</small>'
# Bootstrap's scroll spy takes what follows # for a selector, and ends with an error where it is none; links of this
# class it leaves out.
STALE = ' <small class="d2l-stale">（<a class="disabled" href="{url}">原文已改</a>）</small>'
SHOWN = ("paragraph", "item", "box")  # what has room for a note; questions have none, which scripts ask as plain text


@functools.cache
def lexicon(*names: str) -> Lexicon:
    """The PO files of these names, read once."""
    return Lexicon(*names)


def english(page: str, text: str, root: str) -> str:
    """The address of a paragraph of an English page; browsers that know text fragments go to it."""
    words = markdown.SILENT.sub("\n", re.sub(r"[*\[\]]", "", text)).split("\n")
    longest = max(words, key=len).strip(" ,.;:!?()–-")[:60].rsplit(" ", 1)[0]
    return f"{root}{page}.html#:~:text={quote(longest, safe='')}"


def translated(text: str, name: str, root: str) -> str:
    """A Markdown text in Chinese; ``root`` is where the English site lies."""
    known = lexicon(name)
    promise = PROMISE.search(text)  # shown in other places, as plain text

    def new(piece: markdown.Piece) -> str:
        found = known.find(piece.text)
        noted = piece.kind in SHOWN and piece.box != "Predict first" and not (promise and piece.first == promise.end())
        if found is None:
            return piece.text + (ENGLISH if noted else "")
        if found.stale and noted:
            return found.text + STALE.format(url=html.escape(english(name, piece.text, root)))
        return found.text

    return markdown.replaced(text, new)


def labeled(text: str) -> str:
    """A text whose boxes have Chinese titles."""
    say = lexicon("site").say
    return LABEL.sub(lambda match: f"{say(match[1])}{match[2] or ''}。", text)


def notebook(nb, name: str, text: Callable[[str], str]):
    """A notebook in Chinese; ``text`` translates the text of a cell."""
    made, known = copy.deepcopy(nb), lexicon(name)
    for cell in made.cells:
        if cell.cell_type == "markdown":
            cell.source = text(cell.source)
        if alt := cell.metadata.get("mystnb", {}).get("image", {}).get("alt"):
            cell.metadata["mystnb"]["image"]["alt"] = known.counted(alt)
        for out in cell.get("outputs", []):
            _output(out, known, asking.made(cell))
    for model in notebooks.widgets(made).values():
        if "_esm" in model["state"]:
            model["state"]["_esm"] = script(model["state"]["_esm"], model["state"].get("_anywidget_id", ""))
    return made


def headed(nb) -> None:
    """Put Chinese words into tables of results: whole cells that are always the same, on the site alone."""
    say, new = lexicon("site").say, lexicon("site").say("(new)")

    def cell(match: re.Match) -> str:
        name = match[2].removesuffix(" (new)")
        known = say(name) if name in sources.CELLS else name
        return f"{match[1]}{known}{new if name != match[2] else ''}"

    for one in nb.cells:
        for out in one.get("outputs", []):
            if "<table" in (text := out.get("data", {}).get("text/html", "")):
                out.data["text/html"] = CELL.sub(cell, text)


def _output(out, known: Lexicon, asks: bool) -> None:
    if asks:
        out.data["text/plain"] = lexicon("site").say(out.data["text/plain"])
    if alt := out.get("metadata", {}).get("image/png", {}).get("alt"):
        out.metadata["image/png"]["alt"] = known.counted(alt)
    if told := out.get("metadata", {}).get("d2lite"):
        _told(out, told, known)


def _told(out, told: dict, known: Lexicon) -> None:
    """Render a sentence that a run wrote from the values that it has kept."""
    bare = not markdown.wordy(sources.FIELD.sub("", told["template"]))  # nothing but words of the run
    if (template := known.say(told["template"])) == told["template"] and not bare:
        return
    values = {name: known.counted(one) if isinstance(one, str) else one for name, one in told["values"].items()}
    told["template"] = template
    out.data["text/markdown"] = out.data["text/plain"] = template.format(**values)


@functools.cache
def script(text: str, model: str = "") -> str:
    """The script of an interactive in Chinese."""
    module = model.split(".")[-2] if "." in model else ""
    return spoken(text, sources.known_by_text(sources.WIDGETS / f"{module}.js"))


#: where shared.js puts into the page what it is given: the children of an element, and an attribute
PUT = "children.filter((child) => child !== null && child !== undefined)"
GIVEN = 'node.setAttribute(name, value === true ? "" : value)'
LOOKED_UP = 'node.setAttribute(name, value === true ? "" : name === "aria-label" ? d2lCalled(value) : value)'
#: a word by itself, and one with Chinese before it or a number behind it: average pooling 6 × 14 × 14
LOOK_UP = """\
globalThis.d2lCalled = ((words) => (text) => words.get(text) ?? (typeof text === "string" ? text.replace(
  /^([\u4e00-\u9fff]+ )?([a-z][a-z -]*?)(?=[,:]? [\\d×]| ?$)/,
  (all, before, word) => (before ?? "") + (words.get(word) ?? word),
) : text))(new Map(%s));
"""


def spoken(text: str, names: set[str]) -> str:
    """A script in Chinese.

    Options and parts of networks are values that programs compare, so their texts stay; where one is shown, in an
    element or in a sentence, it is looked up.
    """
    say = lexicon("widgets").say
    called = {name: say(name) for name in sources.CALLED if say(name) != name}
    made = literals.replaced(text, say, names, lambda code: f"globalThis.d2lCalled?.({code}) ?? {code}")
    if GIVEN not in made:
        return made
    words = json.dumps([*called.items()], ensure_ascii=False)
    return LOOK_UP % words + made.replace(PUT, f"{PUT}.map(d2lCalled)").replace(GIVEN, LOOKED_UP)


def heading(name: str, path: str) -> str:
    """What a notebook says below its title: where it opens, and how much of it is translated."""
    colab = f"https://colab.research.google.com/github/{project.slug()}/blob/{BRANCH}/{path}"
    done = catalogs.state(name).percent
    part = "" if done == 100 else f" · 已译 {done} %，其余为英文"
    where = (
        f"{project.site_url()}{name}.html"
        if "/" not in name
        else f"{project.repository_url()}/blob/{project.BRANCH}/{path}"
    )
    return f"[在 Colab 中打开]({colab}) · [English]({where}){part}"


def opened(name: str, path: project.Path):
    """The Chinese notebook of a chapter or a problem set, as people open it."""
    nb = nbformat.read(path, as_version=4)
    made = notebook(nb, name, lambda text: labeled(translated(text, name, project.site_url())))
    first = made.cells[0]
    title, _, rest = first.source.partition("\n")
    first.source = f"{title}\n\n{heading(name, str(path.relative_to(project.ROOT)))}\n{rest}"
    return made


def all_notebooks() -> dict[str, project.Path]:
    """The notebooks that people open, by the names of their PO files."""
    found = {name: project.notebook(name) for name in project.chapters()}
    released = project.ROOT / "assignments" / "release"
    return found | {f"sets/{path.stem}": path for path in sorted(released.glob("*/*.ipynb"))}
