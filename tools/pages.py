"""What pages tell of all chapters, problem sets and timings, from their own files; as a command, writes README's.

The site's tables are filled in while it is built, so nothing in the repository has to follow a run: a page holds
`<!-- built: chapters -->`, and CONTENTS names what there is. README is read where nothing is built; between its markers
stands what depends on no run. It needs no more than the site's tools bring.
"""

import base64
import functools
import html
import json
import re
import statistics
import textwrap
from collections.abc import Callable

from tools import editions, generated, project, reading, speed

SETS = project.ROOT / "assignments" / "source"
README = project.ROOT / "README.md"
WIDGETS = project.ROOT / "d2lite" / "widgets"
#: the network of digits on the first page: what tools/cover_network.py stored, and the scripts that run it
COVER, PICTURE = project.ROOT / "tools" / "cover_network.json", project.BOOK / "_static" / "cover_network.svg"
DIGITS_SCRIPTS = ("shared", "network_forward", "network_drawing", "network_maps", "live_network")
DIGITS_STYLES = ("shared", "live_network")
MEASURED = project.ROOT / "d2lite" / "nets" / "measured.csv"
TOLD = ("lenet", "alexnet", "resnet18")  # whose results the first page tells, beside the best
LAB = "training_lab"  # the interactive that has a page of its own
RUN = "Run it in"  # head of the column of links
BUILT = re.compile(r"<!-- built: (\w+) -->")


def names() -> list[str]:
    """All pages of the site that are written by people, in the order of the table of contents."""
    return [page.removesuffix(".ipynb") for page in project.contents()]


def facts(chapter: str) -> dict:
    """The title, the promise (first paragraph) and the stored run of a chapter."""
    title, promise = opening(project.source(chapter))
    run = notebook(project.notebook(chapter))["metadata"].get("d2lite", {}).get("run", {})
    return {"title": title, "promise": promise, "run": run}


def notebook(path: project.Path) -> dict:
    """A notebook as it is stored, or one without cells where there is none yet."""
    return json.loads(path.read_text("utf-8")) if path.exists() else {"metadata": {}, "cells": []}


def opening(path: project.Path) -> tuple[str, str]:
    """The title of a source, and its promise. Raises SystemExit where it does not open with them."""
    match = re.search(r"^# (.+?)\n\s*\n(.+?)\n\s*\n", path.read_text("utf-8"), re.M | re.S)
    if match is None:
        raise SystemExit(f"{generated.named(path)}: it must open with a # title and one paragraph, its promise")
    return match[1].strip(), " ".join(match[2].split())


def minutes(run: dict) -> str:
    """How long the stored run took."""
    if not run:
        return "not run yet"
    return f"{run['seconds'] / 60:.1f}"


def how_long(run: dict) -> str:
    """How long the stored run took, to the minute: a reader's own is most often a short one."""
    if not run:
        return minutes(run)
    taken = max(1, round(run["seconds"] / 60))
    if run["profile"] != "full":
        return f"short run: {taken} min"
    return f"full run: {taken} min" if run["seconds"] >= 60 else "full run: under a minute"


def places(name: str, folder: str) -> str:
    """Links that open a notebook where it runs."""
    return f"[Colab]({project.colab_url(name, folder)}), [Kaggle]({project.kaggle_url(name, folder)})"


def chapter_table() -> str:
    """Chapter, promise, where it runs, as README shows them."""
    body = []
    for name in project.chapters():
        page = facts(name)
        title, promise = f"[{page['title']}](book/{name}.ipynb)", page["promise"].replace("|", "\\|")
        body.append([title, promise, places(name, "book")])
    return speed.grid({"Chapter": speed.LEFT, "What it promises": speed.LEFT, RUN: speed.LEFT}, body)


def set_table() -> str:
    """Problem set, what it promises, its points, the time that it says it takes, and where it runs."""
    body = []
    for path in sorted(SETS.glob("*/*.md")):
        (title, promise), text = opening(path), path.read_text("utf-8")
        title, promise = title.removeprefix("Problem set "), promise.replace("|", "\\|")
        time = re.search(r"^About ([^.\n]+)\. Read ", text, re.M)
        if time is None:
            raise SystemExit(f"{generated.named(path)}: after its promise it must say 'About … minutes. Read …'")
        cells = notebook(path.with_suffix(".ipynb"))["cells"]
        points = sum(cell["metadata"].get("nbgrader", {}).get("points", 0) for cell in cells)
        where = places(path.stem, f"assignments/release/{path.stem}")
        body.append([title, promise, str(points), time[1], where])
    head = {"Problem set": speed.LEFT, "What it promises": speed.LEFT, "Points": speed.RIGHT}
    return speed.grid({**head, "Time": speed.LEFT, RUN: speed.LEFT}, body)


def cover(chapter: str) -> tuple[bytes, str] | None:
    """The picture of a chapter and its alt text: the figure of the cell tagged `cover`, or the first figure."""
    figures = [
        (cell["metadata"], out["data"]["image/png"])
        for cell in notebook(project.notebook(chapter))["cells"]
        for out in cell.get("outputs", [])
        if "image/png" in out.get("data", {})
    ]
    if not figures:
        return None
    tagged = [figure for figure in figures if "cover" in figure[0].get("tags", [])]
    metadata, data = (tagged or figures)[0]
    return base64.b64decode("".join(data)), metadata.get("mystnb", {}).get("image", {}).get("alt", "")


def covers() -> dict[str, tuple[bytes, str]]:
    """Chapter → its picture and the alt text, for those that have a figure."""
    return {name: found for name in project.chapters() if (found := cover(name))}


def cards() -> str:
    """A card a chapter: its picture, what it promises, minutes to read and of the stored run, and where it runs."""
    return '<ol class="d2l-cards">\n' + "".join(card(name) for name in project.chapters()) + "</ol>\n"


def length() -> str:
    """How many chapters there are, and how long they take to read."""
    minutes = [reading.of(name)["required"].minutes for name in project.chapters()]
    hours = round(sum(minutes) / 60)
    return f"<p>Reading what is required of all {len(minutes)} chapters takes about {hours} hours.</p>"


def card(chapter: str) -> str:
    """One card. Its links name the chapter for whoever hears them one by one, without the words around."""
    page, found = facts(chapter), cover(chapter)
    title, time = html.escape(page["title"]), how_long(page["run"])
    short_title = title.split(":")[0]
    picture = ""
    if found:
        width, height = png_size(found[0])
        told = textwrap.shorten(found[1], 80, placeholder=" …")  # the chapter itself tells all of it
        picture = (
            f'<a class="d2l-card-picture" href="{chapter}.html" tabindex="-1"><img src="_static/covers/{chapter}.png" '
            f'alt="{html.escape(told)}" width="{width}" height="{height}" loading="lazy"></a>'
        )
    runs = [("Colab", project.colab_url(chapter)), ("Kaggle", project.kaggle_url(chapter))]
    links = "".join(
        f'<a href="{html.escape(url)}"><span class="d2l-spoken">Open {short_title} in </span>{where}</a>'
        for where, url in runs
    )
    took = f"{reading.of(chapter)['required'].minutes} min to read, " + time
    return (
        f'<li class="d2l-card">{picture}<h3><a href="{chapter}.html">{title}</a></h3>'
        f"<p>{html.escape(page['promise'])}</p>"
        f'<p class="d2l-card-foot"><span>{took}</span>{links}</p></li>\n'
    )


def png_size(picture: bytes) -> tuple[int, int]:
    """Width and height of a PNG, from its header."""
    return int.from_bytes(picture[16:20], "big"), int.from_bytes(picture[20:24], "big")


def digits() -> str:
    """The network of handwritten digits on the first page, as an interactive."""
    stored = json.loads(COVER.read_text("utf-8"))
    scripts = (WIDGETS / f"{name}.js" for name in DIGITS_SCRIPTS)
    styles = (WIDGETS / f"{name}.css" for name in DIGITS_STYLES)
    code = {
        "_esm": "\n".join(path.read_text("utf-8") for path in scripts),
        "_css": "\n".join(path.read_text("utf-8") for path in styles),
    }
    model = {"model_module": "anywidget", "state": {**stored["state"], **code}}
    sides = re.findall(r'(?:width|height)="([\d.]+)pt"', PICTURE.read_text("utf-8"))
    width, height = (round(float(side)) for side in sides[:2])
    alt = html.escape(stored["alt"])
    return mounted("digits", model, f'<img src="_static/{PICTURE.name}" alt="{alt}" width="{width}" height="{height}">')


def mounted(name: str, model: dict, picture: str) -> str:
    """An interactive on a page that is no notebook: its picture, which `_static/widgets.js` replaces."""
    state = json.dumps({"state": {name: model}}).replace("</", "<\\/")
    alt = html.unescape((re.search(r'alt="([^"]*)"', picture) or ["", ""])[1])
    return (
        f'<div class="d2l-widget" id="interactive-{name}">{picture}{still(alt)}'
        f'<script type="{project.VIEW}">{{"model_id": "{name}"}}</script></div>\n'
        f'<script type="{project.STATE}">{state}</script>\n'
    )


def still(alt: str) -> str:
    """What stands below the picture of an interactive where no script runs: the point, as its alt text says it."""
    said = f"{html.escape(alt)} With JavaScript, you can play with it here."
    return f'<noscript><p class="d2l-still" aria-hidden="true">{said}</p></noscript>'


def measured() -> str:
    """How large that network is, and what it was measured to reach."""
    stored = json.loads(COVER.read_text("utf-8"))
    return (
        f'<p class="d2l-told">The network above runs in this page. Its {stored["numbers"]:,} learned numbers read '
        f"{100 * stored['accuracy']:.1f}% of {stored['images']:,} handwritten digits that it had never seen "
        f"({stored['date']}, PyTorch {stored['torch'].split('+')[0]}).</p>\n"
    )


def found() -> str:
    """What networks of the book's story reached, some from the first on and the best: its result in a sentence."""
    reached: dict[str, list[float]] = {}
    for run in speed.stored(MEASURED):
        if run["recipe"] == "mainline":
            reached.setdefault(run["network"], []).append(float(run["test_acc"]))
    accuracy = {name: statistics.mean(each) for name, each in reached.items()}
    best = max(accuracy, key=accuracy.get)
    *others, highest = (f"{speed.TITLES[name]} {accuracy[name]:.0%}" for name in (*TOLD, best))
    return (
        "<p>Trained alike on the photographs of CIFAR-10, for ten epochs, the networks of this book get right: "
        f"{', '.join(others)}, and the best, {highest} of the test images. "
        '<a href="comparison.html">Which differences are more than luck?</a></p>\n'
    )


def doors() -> str:
    """Three ways into the book."""
    ways = [
        ("Read", f"{project.chapters()[0]}.html", "start with chapter 1"),
        ("Run", "#run-it", "in Colab, in Kaggle, or here"),
        ("Teach", "teaching.html", "syllabus, problem sets, marking"),
    ]
    links = "".join(f'<a href="{where}"><strong>{name}</strong> <span>{what}</span></a>' for name, where, what in ways)
    return f'<nav class="d2l-doors" aria-label="Ways into the book">{links}</nav>\n'


def interactives(chapter: str) -> list[tuple[str, str]]:
    """(name, title) of each interactive that a chapter shows, in their order; the page has it as `interactive-NAME`."""
    classes = dict.fromkeys(re.findall(r"d2l\.widgets\.(\w+)\(", project.source(chapter).read_text("utf-8")))
    return [(made[found], title(made[found])) for made in [widget_names()] for found in classes]


def widget_names() -> dict[str, str]:
    """Class of an interactive → its name, that of its module and of its script."""
    text = (WIDGETS / "__init__.py").read_text("utf-8")
    return {found: module for module, found in re.findall(r"^from \.(\w+) import (\w+)", text, re.M)}


def title(name: str) -> str:
    """The title that an interactive's script gives it."""
    script = (WIDGETS / f"{name}.js").read_text("utf-8")
    match = re.search(r'\bmodel(?:: \w+)?, el,\s+title: "([^"]+)"', script)
    if match is None:
        raise SystemExit(f'd2lite/widgets/{name}.js: it must hold `interactive({{ model, el, title: "…"`')
    return match[1]


def playground() -> str:
    """Every interactive, linked to its own place: a page of its own, or the first chapter that shows it."""
    where = {LAB: "playground"}
    for name in project.chapters():
        for made, _ in interactives(name):
            where.setdefault(made, name)
    items = [
        f'<li><a href="{name}.html#interactive-{made}">{html.escape(title(made))}</a></li>'
        for made, name in where.items()
    ]
    return '<ul class="d2l-play-list">\n' + "\n".join(items) + "\n</ul>\n"


def lab() -> str:
    """The training lab with the runs that it starts with alone; its picture is ResNet's, of all kinds of networks."""
    stored = notebook(project.notebook("resnet"))
    models = stored["metadata"].get("widgets", {}).get(project.STATE, {"state": {}})["state"]
    for out in (out for cell in stored["cells"] for out in cell.get("outputs", [])):
        model = models.get(out.get("data", {}).get(project.VIEW, {}).get("model_id"), {"state": {}})
        if model["state"].get("_anywidget_id", "").endswith(".TrainingLab"):
            own = {**model["state"], "runs": [], "preview": True}
            return mounted(LAB, model | {"state": own}, picture_of(out))
    raise SystemExit("ResNet has stored no TrainingLab, which the playground shows")


def picture_of(out: dict) -> str:
    """The picture of an output, with its alt text, as a part of the page."""
    data, about = "".join(out["data"]["image/png"].split()), out["metadata"]["image/png"]
    size = f'width="{about["width"]}" height="{about["height"]}"'
    return f'<img src="data:image/png;base64,{data}" alt="{html.escape(about["alt"])}" {size}>'


def status() -> str:
    """What each chapter was run on."""
    head = dict.fromkeys(("Chapter", "Profile", "Device"), speed.LEFT)
    head |= dict.fromkeys(("Minutes", "Memory"), speed.RIGHT)
    head |= dict.fromkeys(("Data", "torch", "Python", "Date"), speed.LEFT)
    body = []
    for name in project.chapters():
        page = facts(name)
        run = page["run"]
        cells = [f"[{page['title']}]({name}.ipynb)"]
        cells += [run.get("profile", "–"), run.get("device", "–"), minutes(run)]
        cells += [f"{run['memory_gib']:.1f} GiB" if "memory_gib" in run else "–", ", ".join(run.get("data", [])) or "–"]
        body.append(
            [*cells, run.get("torch", "–").split("+")[0], run.get("python", "–").split(" ")[0], run.get("date", "–")]
        )
    return speed.grid(head, body)


def edition_table() -> str:
    """Table of the editions: what each is, where the latest release has it, and what it weighs there."""
    weights = editions.sizes()
    rows = [
        [f"[{one.title}]({editions.address(one.file)})", one.use,
         f"{weights[one.file] / 1e6:.0f} MB" if one.file in weights else "–", f"`{one.command}`"]
        for one in editions.EDITIONS
    ]  # fmt: skip
    left, right = speed.LEFT, speed.RIGHT
    return speed.grid({"Edition": left, "What it is": left, "Size": right, "Made by": left}, rows)


def runs() -> list[dict]:
    """The stored run of each chapter."""
    return [facts(name)["run"] for name in project.chapters()]


#: what a page of the book can have filled in, by the name in its marker
CONTENTS: dict[str, Callable[[], str]] = {
    "digits": digits,
    "doors": doors,
    "measured": measured,
    "found": found,
    "length": length,
    "cards": cards,
    "playground": playground,
    "lab": lab,
    "sets": set_table,
    "status": status,
    "editions": edition_table,
    "targets": lambda: speed.targets(runs()),
    "stored_runs": lambda: speed.stored_runs(runs()),
    **{name: functools.partial(speed.table, name) for name in speed.QUESTIONS},
}


def filled(text: str) -> str:
    """A page with its markers filled in. Raises ValueError where one is unknown."""
    unknown = set(BUILT.findall(text)) - set(CONTENTS)
    if unknown:
        raise ValueError(f"nothing is built for {', '.join(sorted(unknown))}; there are: {', '.join(CONTENTS)}")
    return BUILT.sub(lambda marker: f"\n{CONTENTS[marker[1]]()}\n", text)


def sources() -> list[project.Path]:
    """All files that CONTENTS is made of."""
    pairs = [path for name in project.chapters() for path in (project.source(name), project.notebook(name))]
    sets, results = (
        [*SETS.glob("*/*.md"), *SETS.glob("*/*.ipynb")],
        [*speed.RESULTS.glob("*.csv"), speed.NETWORKS, MEASURED],
    )
    return [*pairs, *sets, *results, editions.SIZES, COVER, PICTURE, *WIDGETS.glob("*.js"), *WIDGETS.glob("*.css")]


def between(text: str, name: str, content: str) -> str:
    """The text with what stands between the markers of ``name`` replaced. Raises SystemExit where there are none."""
    pattern = re.compile(rf"(<!-- {name}: written by make sync -->\n).*?(<!-- end of {name} -->)", re.S)
    text, found = pattern.subn(lambda match: match[1] + content + match[2], text)
    if found != 1:
        raise SystemExit(f"the markers of '{name}' must stand once in the page, and stand {found} times")
    return text


def handwritten(text: str) -> str:
    """A page without what is generated between markers."""
    return re.sub(r"<!-- (\w+): written by make sync -->.*?<!-- end of \1 -->", "", text, flags=re.S)


def expected() -> dict[project.Path, str]:
    """README with what must stand between its markers."""
    clone = f"```bash\ngit clone {project.repository_url()}\ncd {project.slug().split('/')[1]}\nmake book\n```\n"
    site = project.site_url()
    read = (
        f"**[Read it online]({site})** · [中文]({site}zh/) · [PDF, EPUB and more]({site}editions.html) · or run a "
        "chapter in Colab, from the table below\n"
    )
    text = between(README.read_text("utf-8"), "chapters", f"\n{chapter_table()}\n")
    return {README: between(between(text, "clone", clone), "read", read)}


def stale() -> list[str]:
    """README, where it differs from what it must be."""
    return generated.stale(expected(), [])


if __name__ == "__main__":
    raise SystemExit(generated.main(__doc__, expected(), []))
