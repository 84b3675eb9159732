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
from collections.abc import Callable

from tools import generated, project, speed

SETS = project.ROOT / "assignments" / "source"
README = project.ROOT / "README.md"
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


def places(name: str, folder: str) -> str:
    """Links that open a notebook where it runs."""
    return f"[Colab]({project.colab_url(name, folder)}), [Kaggle]({project.kaggle_url(name, folder)})"


def chapter_table(link: str, *, timed: bool) -> str:
    """Chapter, promise, minutes of the stored run where ``timed``, where it runs; ``link`` makes its address."""
    head = {"Chapter": speed.LEFT, "What it promises": speed.LEFT}
    head |= {"Minutes to run": speed.RIGHT, RUN: speed.LEFT} if timed else {RUN: speed.LEFT}
    body = []
    for name in project.chapters():
        page = facts(name)
        run = page["run"]
        cells = [f"[{page['title']}]({link.format(name)})", page["promise"].replace("|", "\\|")]
        cells += [minutes(run) + (f" ({run['profile']}, {short(run['device'])})" if run else "")] if timed else []
        body.append([*cells, places(name, "book")])
    return speed.grid(head, body)


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


def gallery() -> str:
    """A picture a chapter, each leading to it."""
    parts = [
        f"**[{facts(name)['title']}]({name}.ipynb)**\n"
        f'<img src="_static/covers/{name}.png" alt="{html.escape(alt)}" />\n'
        for name, (_, alt) in covers().items()
    ]
    return '<div class="d2l-gallery">\n\n' + "\n".join(parts) + "\n</div>\n"


def short(device: str) -> str:
    """The device without its details, for a narrow column."""
    return device.split(",")[0]


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
        body.append([*cells, run.get("torch", "–"), run.get("python", "–").split(" ")[0], run.get("date", "–")])
    return speed.grid(head, body)


def runs() -> list[dict]:
    """The stored run of each chapter."""
    return [facts(name)["run"] for name in project.chapters()]


#: what a page of the book can have filled in, by the name in its marker
CONTENTS: dict[str, Callable[[], str]] = {
    "chapters": lambda: chapter_table("{}.ipynb", timed=True),
    "gallery": gallery,
    "sets": set_table,
    "status": status,
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
    return [*pairs, *SETS.glob("*/*.md"), *SETS.glob("*/*.ipynb"), *speed.RESULTS.glob("*.csv"), speed.NETWORKS]


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
    table = chapter_table("book/{}.ipynb", timed=False)
    return {README: between(between(README.read_text("utf-8"), "chapters", f"\n{table}\n"), "clone", clone)}


def stale() -> list[str]:
    """README, where it differs from what it must be."""
    return generated.stale(expected(), [])


if __name__ == "__main__":
    raise SystemExit(generated.main(__doc__, expected(), []))
