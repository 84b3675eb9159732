"""Write status.md, and the tables of chapters, problem sets and timings in other pages; --check tells what is stale."""

import base64
import re

from tools import generated, pairs, project, speed

COVERS = project.BOOK / "_static" / "covers"
SETS = project.ROOT / "assignments" / "source"
STATUS_HEAD = """\
# Status: what was run, on what

Every output in this book was stored by a run, and this page says which. It is written from the notebooks' own
metadata, so it is never newer or older than they are. Reproduce a row with `make execute CHAPTER=name PROFILE=profile`.

"""
STATUS_TAIL = """
The quick profile caps images and epochs so that a chapter re-runs in a minute or two on a laptop. The full profile
trains on all images, which takes two processor cores at most 45 minutes a chapter. The test suite re-runs every cell in
the quick profile. Outputs that neither training, nor a clock, nor the data decide are compared exactly; so are outputs
that depend on the data, where the data are the same; each cell that trains is followed by one that asserts what was
learned. *Memory* is the most that the chapter's process held at any time. Long runs that chapters cite are rows of a
table, each with device, version, commit and date of its own; `make measure` makes them.
"""


def facts(chapter: str) -> dict:
    """The title, the promise (first paragraph) and the stored run of a chapter."""
    title, promise = opening(project.source(chapter))
    stored = pairs.read_notebook(chapter)
    run = dict(stored.metadata.get("d2lite", {}).get("run", {})) if stored else {}
    return {"title": title, "promise": promise, "run": run}


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


def chapter_table(link: str) -> str:
    """Chapter, promise, Colab link and minutes; ``link`` is the pattern of the address of a chapter."""
    rows = ["| Chapter | What it promises | Minutes to run | Colab |", "|---|---|---:|---|"]
    for name in project.chapters():
        page = facts(name)
        run = page["run"]
        time = f"{minutes(run)} ({run['profile']}, {short(run['device'])})" if run else minutes(run)
        promise = page["promise"].replace("|", "\\|")
        rows.append(
            f"| [{page['title']}]({link.format(name)}) | {promise} | {time} | [open]({project.colab_url(name)}) |"
        )
    return "\n".join(rows) + "\n"


def set_table() -> str:
    """Problem set, what it promises, its points, the time that it says it takes, and where it opens in Colab."""
    rows = ["| Problem set | What it promises | Points | Time | Colab |", "|---|---|---:|---|---|"]
    for path in sorted(SETS.glob("*/*.md")):
        (title, promise), text = opening(path), path.read_text("utf-8")
        title, promise = title.removeprefix("Problem set "), promise.replace("|", "\\|")
        time = re.search(r"^About ([^.\n]+)\. Read ", text, re.M)
        if time is None:
            raise SystemExit(f"{generated.named(path)}: after its promise it must say 'About … minutes. Read …'")
        points = sum(map(int, re.findall(r"^:nbgrader: \{.*\bpoints: (\d+)", text, re.M)))
        url = project.colab_url(path.stem, f"assignments/release/{path.stem}")
        rows.append(f"| {title} | {promise} | {points} | {time[1]} | [open]({url}) |")
    return "\n".join(rows) + "\n"


def cover(chapter: str) -> tuple[bytes, str] | None:
    """The picture of a chapter and its alt text: the figure of the cell tagged `cover`, or the first figure."""
    stored = pairs.read_notebook(chapter)
    figures = [
        (cell, out.data["image/png"])
        for cell in (stored.cells if stored else [])
        for out in cell.get("outputs", [])
        if "image/png" in out.get("data", {})
    ]
    if not figures:
        return None
    tagged = [figure for figure in figures if "cover" in figure[0].metadata.get("tags", [])]
    cell, data = (tagged or figures)[0]
    return base64.b64decode(data), cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")


def gallery() -> str:
    """A picture a chapter, each leading to it."""
    parts = []
    for name in project.chapters():
        if found := cover(name):
            page = facts(name)
            parts.append(f"**[{page['title']}]({name}.ipynb)**\n![{found[1]}](_static/covers/{name}.png)\n")
    return '<div class="d2l-gallery">\n\n' + "\n".join(parts) + "\n</div>"


def short(device: str) -> str:
    """The device without its details, for a narrow column."""
    return device.split(",")[0]


def status() -> str:
    """The text of status.md."""
    rows = [
        "| Chapter | Profile | Device | Minutes | Memory | Data | torch | Python | Date |",
        "|---|---|---|---:|---:|---|---|---|---|",
    ]
    for name in project.chapters():
        page = facts(name)
        run = page["run"]
        cells = [f"[{page['title']}]({name}.ipynb)"]
        cells += [run.get("profile", "–"), run.get("device", "–"), minutes(run)]
        cells += [f"{run['memory_gib']:.1f} GiB" if "memory_gib" in run else "–", ", ".join(run.get("data", [])) or "–"]
        cells += [run.get("torch", "–"), run.get("python", "–").split(" ")[0], run.get("date", "–")]
        rows.append(f"| {' | '.join(cells)} |")
    return STATUS_HEAD + "\n".join(rows) + "\n" + STATUS_TAIL


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


def expected() -> dict[project.Path, str | bytes]:
    """Every generated file with the contents it must have."""
    index, readme, teaching = project.BOOK / "index.md", project.ROOT / "README.md", project.BOOK / "teaching.md"
    clone = f"```bash\ngit clone {project.repository_url()}\ncd {project.slug().split('/')[1]}\nmake book\n```\n"
    index_text = between(index.read_text("utf-8"), "chapters", "\n" + chapter_table("{}.ipynb") + "\n")
    readme_text = between(readme.read_text("utf-8"), "chapters", "\n" + chapter_table("book/{}.ipynb") + "\n")
    timings = project.BOOK / "speed.md"
    timings_text = timings.read_text("utf-8")
    for name, content in speed.contents([facts(name)["run"] for name in project.chapters()]).items():
        timings_text = between(timings_text, name, "\n" + content + "\n")
    texts = {
        project.BOOK / "status.md": status(),
        index: between(index_text, "gallery", "\n" + gallery() + "\n"),
        readme: between(readme_text, "clone", clone),
        teaching: between(teaching.read_text("utf-8"), "sets", "\n" + set_table() + "\n"),
        timings: timings_text,
    }
    covers = {COVERS / f"{name}.png": found[0] for name in project.chapters() if (found := cover(name))}
    return texts | covers


def stale() -> list[str]:
    """Which generated files differ from what they must be, or have no chapter any more."""
    return generated.stale(expected(), COVERS.glob("*"))


if __name__ == "__main__":
    raise SystemExit(generated.main(__doc__, expected(), COVERS.glob("*")))
