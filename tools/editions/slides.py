"""`make slides`: a deck for each chapter, made from its page, so that nothing on a slide is said twice.

Each section opens with its heading and its first sentence; figures, tables, interactives, questions to predict and
definitions get a slide, and the text around them becomes the presenter's notes, with the time it takes to say them.
A cell tagged `slide` is always shown, one tagged `slide-skip` never, and `slide-notes` moves what a cell says into the
notes. reveal.js shows the decks, from a folder that needs no network; `?print-pdf` after the address prints one.
"""

from __future__ import annotations

import html
import importlib.util
import re
import shutil
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from bs4 import BeautifulSoup, NavigableString, Tag

from tools import files, project
from tools.editions import articles, command

STYLE, SCRIPT = (Path(__file__).with_name(f"slides.{kind}") for kind in ("css", "js"))
FEWEST, MOST = 25, 38  # slides of a deck: below 40, so that a tag can add some
#: of levels, the first of which are always shown: what a section opens with, figures, tables, code, and so on
ALWAYS, FIGURE, DEFINITION, TABLE, EQUATION, TOLD, EXERCISE, PRINTED = range(8)
POINTS = 4  # sentences under the first one of a section
LONGEST = 22  # lines of code on a slide
WORDS_A_MINUTE = 130
SECONDS = {"predict": 75, "interactive": 120, "figure": 20, "code": 40}  # beyond the words
LEFT_OUT = ("exercises", "references")  # sections, by the end of their anchors
END = re.compile(r"(?<!\bal)(?<!\b[A-Z])[.!?:][”’)]?(?=\s|$)")
INDEX = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Slides</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="assets/slides.css"></head>
<body class="list"><main><h1>Slides</h1><p>A deck for each chapter. They need no network. Press S for the presenter’s
window with notes and times, F for the whole screen, O for an overview, and ? for all keys. To print a deck, open its
last link and let the browser print that page into a PDF.</p><ol>{rows}</ol></main></body></html>
"""


@dataclass
class Slide:
    """What is on a slide and what is said with it; ``level`` says how easily it is left out."""

    title: str
    body: list[str] = field(default_factory=list)
    level: int = ALWAYS
    kind: str = ""
    notes: list[str] = field(default_factory=list)
    told: bool = False  # it has a sentence about what it shows
    opener: bool = False

    def seconds(self) -> int:
        """How long it stays, in steps of five seconds."""
        words = len(re.sub(r"<[^>]+>", " ", " ".join(self.notes)).split())
        return 5 * round((max(20, words * 60 / WORDS_A_MINUTE) + SECONDS.get(self.kind, 0)) / 5)


def link(page: str, anchor: str) -> str:
    """Links lead to the site."""
    return f"{project.site_url()}{page}.html" + (f"#{anchor}" if anchor else "")


def first_sentence(node: Tag) -> str:
    """The HTML of the first sentence of a paragraph."""
    parts = []
    for child in node.children:
        if isinstance(child, NavigableString) and (end := END.search(str(child))):
            parts.append(html.escape(str(child)[: end.end()], quote=False))
            break
        parts.append(html.escape(str(child), quote=False) if isinstance(child, NavigableString) else str(child))
    return re.sub(r":$", ".", "".join(parts).strip())


def spoken(node: Tag) -> str:
    """A part of the text as a paragraph of notes; formulas stay in TeX, since the presenter's window sets none."""
    text = re.sub(r"\\[()\[\]]", "", " ".join(node.get_text(" ", strip=node.name in ("ul", "ol")).split()))
    return f"<p>{html.escape(text, quote=False)}</p>"


class Deck:
    """The slides of one chapter while they are found."""

    def __init__(self, one: articles.Article):
        self.slides: list[Slide] = []
        body = one.body
        cover = body.select_one(".tag_cover .cell_output img") or body.select_one(".cell_output img")
        promise = body.find("p", recursive=False)
        lead = f'<p class="lead">{promise.decode_contents() if promise else ""}</p>'
        self.add(Slide(one.title, [lead, str(cover or "")], kind="title", told=True))
        self.section(body, one.title, promise)

    def add(self, slide: Slide) -> Slide:
        self.slides.append(slide)
        return slide

    def say(self, text: str) -> None:
        """Add to what is said with the last slide."""
        self.slides[-1].notes.append(text)

    def section(self, node: Tag, title: str, said: Tag | None = None) -> None:
        """Find the slides of a section; ``said`` is a paragraph of it that has been shown already."""
        for child in node.find_all(recursive=False):
            classes = child.get("class") or []
            if child.name == "section":
                heading = child.find(re.compile("h[23]"), recursive=False)
                name = heading.get_text().strip() if heading else title
                if not name.startswith("Optional") and not str(child.get("id")).endswith(LEFT_OUT):
                    self.add(Slide(name, opener=True))
                    self.section(child, name)
            elif "d2l-callout" in classes:
                self.callout(child, title, classes)
            elif "cell" in classes:
                self.cell(child, title, classes)
            elif child.name == "div" and "math" in classes:
                self.add(Slide(title, [str(child)], EQUATION, told=True))
            elif child.name in ("ul", "ol"):
                self.list_of(child, title)
            elif child.name == "div" and child.find("table"):
                self.show(Slide(title, [str(child)], TABLE, "table"))
            elif child.name == "p" and child is not said:
                self.paragraph(child)

    def paragraph(self, node: Tag) -> None:
        """The first of a section opens it; the first after a figure says what it shows; all of it is said."""
        last = self.slides[-1]
        if last.opener and not last.body:
            last.body.append(f'<p class="lead">{first_sentence(node)}</p>')
        elif last.opener and len(last.body) <= POINTS:
            last.body.append(f'<p class="point">{first_sentence(node)}</p>')
        elif last.kind in ("figure", "table") and not last.told:
            said = first_sentence(node)
            if not said.endswith("?"):  # that would lead to what comes next
                last.body.append(f'<p class="told">{said}</p>')
            last.told = True
        self.say(spoken(node))

    def list_of(self, node: Tag, title: str) -> None:
        """A list with the heading or sentence before it."""
        last = self.slides[-1]
        if last.opener and len(last.body) <= 1:
            last.body.append(str(node))
            last.opener = False
        else:
            title = "You will be able to" if last.kind == "title" else title
            self.add(Slide(title, [str(node)], ALWAYS if last.kind == "title" else TOLD, told=True))

    def callout(self, node: Tag, title: str, classes: list[str]) -> None:
        """A question to predict is a slide; other boxes are said, exercises shown if there is room."""
        head = node.select_one(".admonition-title")
        name = head.get_text().strip() if head else title
        for extra in [*([head] if head else []), *node.select(".d2l-question")]:
            extra.decompose()
        if "d2l-predict-first" in classes:
            where = f'<p class="where">{html.escape(title)}</p>'
            self.add(Slide(name, [where, node.decode_contents()], kind="predict", told=True))
        elif "d2l-exercise" in classes:
            self.add(Slide(name, [node.decode_contents()], EXERCISE, told=True))
        else:
            self.say(spoken(node))

    def show(self, slide: Slide) -> None:
        """Show something: on the slide that opens the section where nothing else is, else on one of its own."""
        last = self.slides[-1]
        if last.opener and len(last.body) <= 1 and slide.kind in ("figure", "table"):
            last.body += slide.body
            last.kind, last.opener = slide.kind, False
            last.told = True  # the lead says it
        else:
            self.add(slide)

    def cell(self, node: Tag, title: str, classes: list[str]) -> None:
        """What a cell defines and shows."""
        if "tag_slide-skip" in classes:
            return
        if "tag_slide-notes" in classes:
            self.say(spoken(node))
            return
        forced = ALWAYS if "tag_slide" in classes else PRINTED
        widget = node.select_one(".d2l-widget")
        if widget is not None:
            self.add(Slide(title, [str(widget)], kind="interactive", told=True))
            return
        for block in node.select(".cell_input pre"):
            text = block.get_text()
            defines = re.search(r"^(class|def) ", text, re.M)
            if (
                not block.find_parent("details")
                and "tag_check" not in classes
                and text.count("\n") <= LONGEST
                and defines
            ):
                self.add(
                    Slide(title, [f'<div class="highlight">{block}</div>'], min(forced, DEFINITION), "code", told=True)
                )
        for output in node.select(".cell_output > .output, .cell_output > img, .cell_output > a"):
            if output.name == "img" or output.find("img"):
                image = output if output.name == "img" else output.find("img")
                self.show(Slide(title, [str(image)], min(forced, FIGURE), "figure"))
            elif output.find("table"):
                for table in output.find_all("table"):
                    self.show(Slide(title, [str(table)], min(forced, TABLE), "table"))
            elif output.find("p"):
                self.tell(output, title, forced)
            elif output.find("pre") and output.get_text().count("\n") <= LONGEST:
                self.add(Slide(title, [str(output.find("pre"))], min(forced, PRINTED), "code", told=True))

    def tell(self, output: Tag, title: str, forced: int) -> None:
        """A sentence that a run wrote: under the figure before it, else on a slide of its own."""
        last = self.slides[-1]
        told = "".join(f'<p class="told">{part.decode_contents()}</p>' for part in output.find_all("p"))
        if last.kind in ("figure", "table") and not last.told:
            last.body.append(told)
            last.told = True
        else:
            self.add(Slide(title, [told.replace('class="told"', 'class="lead"')], min(forced, TOLD), told=True))


def joined(slides: list[Slide]) -> list[Slide]:
    """The slides without those that say no more than one sentence before the next: that is said with the next one."""
    kept: list[Slide] = []
    for slide in slides:
        last = kept[-1] if kept else None
        if last is not None and last.opener and not slide.opener and len(last.body) <= 1:
            slide.notes = last.notes + slide.notes
            if slide.kind not in ("predict", "interactive"):
                slide.body = last.body + slide.body
            slide.level = ALWAYS
            kept.pop()
        kept.append(slide)
    return kept


def chosen(slides: list[Slide]) -> list[Slide]:
    """At most ``MOST`` slides: level after level, for as long as there is room; what others have to say stays.

    What cells print, and exercises, fill a deck up to ``FEWEST`` only.
    """
    taken: set[int] = set()
    for level in sorted({slide.level for slide in slides}):
        own = [number for number, slide in enumerate(slides) if slide.level == level]
        room = (MOST if level < EXERCISE else FEWEST + 3) - len(taken)
        if room > 0:
            spread = range(min(room, len(own)))
            taken |= {own[round(place * (len(own) - 1) / max(len(spread) - 1, 1))] for place in spread}
    kept: list[Slide] = []
    for number, slide in enumerate(slides):
        if number in taken:
            kept.append(slide)
        else:
            kept[-1].notes += slide.notes
    return kept


def deck(site: Path, name: str) -> tuple[articles.Article, list[Slide]]:
    """A chapter's page and its slides."""
    one = articles.article(site, name, link, live=True)
    exercises = one.body.select("section#exercises > .d2l-exercise")
    found = Deck(one)
    for exercise in exercises:
        found.callout(exercise, "Exercise", ["d2l-exercise"])
    return one, chosen(joined(found.slides))


def written(slide: Slide, elapsed: int) -> str:
    """A slide as reveal.js reads it, with its notes and the minute at which it begins."""
    begins, stays = (f"{time // 60}:{time % 60:02}" for time in (elapsed, slide.seconds()))
    level = "h1" if slide.kind == "title" else "h2"
    heading = f"<{level}>{html.escape(slide.title)}</{level}>"
    notes = f"<p><b>at {begins}, for {stays}</b></p>{''.join(slide.notes)}"
    return f"""<section class="{slide.kind}" data-timing="{slide.seconds()}">{heading}
<div class="content">{"".join(slide.body)}</div><aside class="notes">{notes}</aside></section>"""


def page(site: Path, name: str, pictures: dict[str, Path]) -> tuple[str, str, int, int]:
    """A deck as a page; its title, the number of its slides and the seconds that they take."""
    one, slides = deck(site, name)
    parts, elapsed = [], 0
    for slide in slides:
        parts.append(written(slide, elapsed))
        elapsed += slide.seconds()
    body = BeautifulSoup("\n".join(parts), "html.parser")
    for image in body.select("img[src^='file:']"):
        source = Path(str(image["src"]).removeprefix("file://"))
        image["src"], pictures[source.name] = f"images/{source.name}", source
        del image["style"]
    for anchor in body.select("a[href]"):
        anchor["target"] = "_blank"
    source = (site / f"{name}.html").read_text("utf-8")
    stored = re.search(rf'<script type="{re.escape(project.STATE)}">.*?</script>', source, re.S)
    text = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(one.title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="assets/reset.css"><link rel="stylesheet" href="assets/reveal.css">
<link rel="stylesheet" href="assets/katex/katex.min.css"><link rel="stylesheet" href="assets/slides.css"></head>
<body><div class="reveal"><div class="slides">
{body}
</div></div>{stored[0] if stored else ""}
<script src="assets/katex.min.js"></script><script src="assets/auto-render.min.js"></script>
<script src="assets/widgets.js"></script><script src="assets/reveal.js"></script><script src="assets/notes.js"></script>
<script src="assets/slides.js"></script></body></html>
"""
    return text, one.title, len(slides), elapsed


def assets(site: Path, folder: Path) -> None:
    """What decks load: reveal.js, KaTeX, the host of interactives, our style."""
    from pygments.formatters import HtmlFormatter

    package = importlib.util.find_spec("sphinx_revealjs")  # it brings reveal.js; nothing of it is imported
    if package is None:
        raise articles.NotBuiltError("reveal.js is not here: pip install -r requirements-dev.txt")
    reveal, static = Path(str(package.origin)).parent / "_static" / "revealjs", site / "_static"
    sources = [reveal / "dist" / "reset.css", reveal / "dist" / "reveal.css", reveal / "dist" / "reveal.js"]
    sources += [reveal / "plugin" / "notes" / "notes.js"]
    sources += [static / "katex.min.js", static / "auto-render.min.js", static / "widgets.js", SCRIPT]
    for source in sources:
        files.write(folder / source.name, source.read_bytes())
    files.write(folder / "LICENSE-reveal.js", (reveal / "LICENSE").read_bytes())
    colors = HtmlFormatter(style="a11y-high-contrast-light", nobackground=True).get_style_defs(".highlight")
    files.write(folder / "slides.css", STYLE.read_text("utf-8") + colors)
    shutil.copytree(static / "katex", folder / "katex", dirs_exist_ok=True)


def make(site: Path, out: Path, names: list[str] | None = None) -> Path:
    """Write the decks of chapters, all without ``names``, and a page that lists them, into the folder ``out``.

    Raises:
        NotBuiltError: the site is not built, or reveal.js is not here.
    """
    pictures: dict[str, Path] = {}
    rows = []
    for name in names or project.chapters():
        text, title, count, seconds = page(site, name, pictures)
        files.write(out / f"{name}.html", text)
        entry = f'<a href="{name}.html">{html.escape(title)}</a>: {count} slides, {round(seconds / 60)} minutes'
        rows.append(f'<li>{entry} (<a href="{name}.html?print-pdf">to print</a>)</li>')
    assets(site, out / "assets")
    for name, source in pictures.items():
        files.write(out / "images" / name, source.read_bytes())
    files.write(out / "index.html", INDEX.format(rows="".join(rows)))
    return out


def packed(site: Path, path: Path, names: list[str] | None = None) -> Path:
    """The decks in a zip."""
    folder = make(site, path.with_suffix(""), names)
    try:
        with files.draft(path) as draft, zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as package:
            for file in sorted(file for file in folder.rglob("*") if file.is_file()):
                package.write(file, f"{path.stem}/{file.relative_to(folder).as_posix()}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return path


def main() -> int:
    """Command line."""
    options = command.parsed(__doc__, "slides", project.chapters())
    with command.told("slides"):
        folder = make(options.site, options.out, options.names)
    print(f"the slides: {(folder / 'index.html').resolve().as_uri()}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
