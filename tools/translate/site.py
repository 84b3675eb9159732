"""The Chinese site: a copy of what the site is made of, in Chinese, built as the English one is, put into it as zh/.

So every table, card, question and script of the English site is there, by the same code. The copy has Chinese pages and
notebooks, and scripts and modules with Chinese texts; `book/_ext/d2l_chinese.py` does what only it needs.
"""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import yaml

from tools import files, notebooks, project, questions
from tools.translate import catalogs, edition, literals, modules, sources

SITE = project.ROOT / "_build" / "html"
STAGE = project.ROOT / "_build" / "zh"
NOTEBOOKS = project.ROOT / "_build" / "zh-notebooks"
COPIED = ("book", "tools", "d2lite", "benchmarks", "assignments", "pyproject.toml", "README.md", "_toc.yml")
IGNORED = shutil.ignore_patterns("__pycache__", "locale", "translate", "*.pyc")
ENGLISH = "english"  # the folder with the English sources, by whose words the time of reading goes
#: what is appended to modules of the copy
AMENDED = {
    "project.py": """
BRANCH, _english = {branch!r}, site_url
def site_url() -> str: return _english() + "zh/"
""",
    "reading.py": """
def of(chapter): return measured((project.ROOT / "english" / f"{chapter}.md").read_text("utf-8"))
""",
}
SHARED = (".png", ".svg", ".jpg", ".woff2", ".woff", ".css")  # files that both editions have are kept once


def live() -> list[str]:
    """The PO files in which something is translated; the edition is built where there is one."""
    return [name for name in sources.names() if any(message.id and message.string for message in catalogs.read(name))]


def stage() -> None:
    """Write the copy."""
    shutil.rmtree(STAGE, ignore_errors=True)
    for name in COPIED:
        path = project.ROOT / name
        if path.is_dir():
            shutil.copytree(path, STAGE / name, ignore=IGNORED)
        else:
            (STAGE / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, STAGE / name)
    _pages()
    _scripts()
    _configuration()


def _rewrite(path: Path, new) -> None:
    files.write(path, new(path.read_text("utf-8")))


def _pages() -> None:
    book, known = STAGE / "book", edition.lexicon("site")
    for page in project.contents():
        name = page.removesuffix(".ipynb")
        files.write(STAGE / ENGLISH / f"{name}.md", project.source(name).read_text("utf-8"))
        _rewrite(book / f"{name}.md", lambda text, name=name: with_units(edition.translated(text, name, "../")))
        if page.endswith(".ipynb"):
            nb = nbformat.read(project.notebook(name), as_version=4)
            made = edition.notebook(nb, name, lambda text, name=name: edition.translated(text, name, "../"))
            edition.headed(made)
            files.write(book / page, notebooks.as_text(made))
    for path in sources.set_sources():
        name = f"sets/{path.stem}"

        def of_set(text: str, name: str = name) -> str:
            found = sources.TIME.search(text)
            shown = edition.translated(text, name, "../")
            again = edition.markdown.pieces(text)
            at = next(place for place, piece in enumerate(again) if found and piece.first == found.start())
            place = edition.markdown.pieces(shown)[at]
            time = f"About {known.counted(found[1])}. Read on."
            return shown[: place.first] + time + shown[place.last :]

        _rewrite(STAGE / path.relative_to(project.ROOT), of_set)
    hints = edition.lexicon("exercises").say
    asked = json.loads(project.BOOK.joinpath("exercises.json").read_text("utf-8"))
    for told in asked.values():
        told["said"] = {key: hints(text) for key, text in told["said"].items()}
        told |= {key: hints(told[key]) for key in ("other", "praise")}
    files.write(book / "exercises.json", json.dumps(asked, ensure_ascii=False, indent=1) + "\n")
    _rewrite(STAGE / "tools" / "cover_network.json", _cover)
    drawing = STAGE / sources.DRAWING.relative_to(project.ROOT)
    _rewrite(drawing, lambda text: sources.LABEL.sub(lambda label: known.counted(label[0]), text))


def with_units(text: str) -> str:
    """A page whose guesses count what they count in Chinese, which stands in comments that no translator sees."""
    say = edition.lexicon("site").say

    def new(mark: re.Match) -> str:
        found = questions.NUMBER.fullmatch(mark[2])
        unit = found[3] if found else None
        return f"{mark[0].removesuffix(f'{unit} -->')}{say(unit)} -->" if unit else mark[0]

    return questions.MARK.sub(new, text)


def _cover(text: str) -> str:
    stored = json.loads(text)
    return json.dumps(stored | {"alt": edition.lexicon("site").counted(stored["alt"])}, ensure_ascii=False)


def _scripts() -> None:
    say = edition.lexicon("site").say
    for path in sources.widget_scripts():
        names = sources.known_by_text(path)
        _rewrite(STAGE / path.relative_to(project.ROOT), lambda text, names=names: edition.spoken(text, names))
    for path in sources.site_scripts():
        _rewrite(STAGE / path.relative_to(project.ROOT), lambda text: literals.replaced(text, say))
    for path in sources.site_modules():
        said = set(sources.of_module(path))
        new = lambda text, said=said: say(text) if text in said else text  # noqa: E731 - it is named by its use
        _rewrite(STAGE / path.relative_to(project.ROOT), lambda text, new=new: modules.replaced(text, new))
    for name, more in AMENDED.items():
        _rewrite(
            STAGE / "tools" / name, lambda text, more=more: text + more.replace("{branch!r}", repr(edition.BRANCH))
        )


def _configuration() -> None:
    say = edition.lexicon("site").say
    config = yaml.safe_load((project.ROOT / "_config.yml").read_text("utf-8"))
    config |= {key: say(config[key]) for key in ("title", "author")}
    sphinx = config["sphinx"]
    sphinx["local_extensions"]["d2l_chinese"] = "book/_ext"
    shown = sphinx["config"]
    shown |= {key: say(shown[key]) for key in ("nb_code_prompt_show", "nb_code_prompt_hide")}
    boxes = {name: say(name) for name in project.BOXES}
    percents = {
        name: catalogs.state(name).percent for name in (page.removesuffix(".ipynb") for page in project.contents())
    }
    shown |= {"language": "zh_CN", "d2l_boxes": boxes, "d2l_percents": percents}
    files.write(STAGE / "_config.yml", yaml.safe_dump(config, allow_unicode=True, sort_keys=False))
    toc = yaml.safe_load((project.ROOT / "_toc.yml").read_text("utf-8"))
    for part in toc["parts"]:
        part["caption"] = say(part["caption"])
    files.write(STAGE / "_toc.yml", yaml.safe_dump(toc, allow_unicode=True, sort_keys=False))


def build(site: Path) -> None:
    """Build the copy into the folder zh/ of an English site. Raises SystemExit where it does not build."""
    stage()
    shown = STAGE / "anchors.json"
    files.write(shown, json.dumps({page.stem: anchors(page) for page in sorted(site.glob("*.html"))}))
    tool = Path(sys.executable).parent / "jupyter-book"
    command = [tool, "build", "book", "--config", "_config.yml", "--toc", STAGE / "_toc.yml", "--path-output", "."]
    clean = {**os.environ, "PYTHONPATH": str(STAGE)}
    done = subprocess.run([*map(str, command), "-W", "-n", "--keep-going"], cwd=STAGE, env=clean, check=False)
    if done.returncode:
        raise SystemExit("the Chinese site does not build")
    out = site / "zh"
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(STAGE / "_build" / "html", out, ignore=shutil.ignore_patterns("*.inv", ".buildinfo", "404.html"))
    for name, path in edition.all_notebooks().items():  # what the button for downloads gives
        if (out / "_sources" / path.name).is_file():
            files.write(out / "_sources" / path.name, notebooks.as_text(edition.opened(name, path)))
    share(site, out)


def anchors(page: Path) -> list[str]:
    """The anchors of a built page's sections, in order."""
    return re.findall(r'<section [^>]*?id="([^"]+)"', page.read_text("utf-8"))


EDIT = re.compile(rf"/edit/{edition.BRANCH}/book/(\w+)\.(?:md|ipynb)")


SAID = re.compile(
    r'((?:aria-label|title|placeholder)="|<(?:a|span|div|p|button)\b[^>]*>\s*|</(?:i|span)>\s*)'
    rf'({"|".join(map(re.escape, sources.THEME))})(?=\s*<|")'
)


def finished(text: str, name: str) -> str:
    """A page of the Chinese site as it is read: it is edited in its PO file, and leads to the English page."""
    say = edition.lexicon("site").say
    text = SAID.sub(lambda found: f"{found[1]}{say(found[2])}", text)
    pictures = f"{project.site_url()}_static/"  # both have the same
    text = text.replace(f"{project.site_url()}zh/_static/", pictures)
    return linked(EDIT.sub(rf"/edit/{project.BRANCH}/book/locale/{catalogs.LANGUAGE}/\1.po", text), name, here="zh-CN")


def share(site: Path, out: Path) -> None:
    """Keep once what both editions have: pictures, fonts and styles."""
    same = {}
    for path in out.rglob("*"):
        name = path.relative_to(out)
        if path.suffix in SHARED and (site / name).is_file() and (site / name).read_bytes() == path.read_bytes():
            same[str(name)] = path
    for page in out.glob("*.html"):
        text = finished(page.read_text("utf-8"), page.name)
        text = re.sub(r'(?<=["\'])(?:\./)?(_(?:static|images)/[^"\'?#]+)',
                      lambda match: f"../{match[1]}" if match[1] in same else match[0], text)  # fmt: skip
        page.write_text(text, "utf-8")
    for path in same.values():
        path.unlink()


def join(site: Path) -> None:
    """Let the pages of both editions know of each other: a link to the other language, hreflang, the sitemap."""
    for page in sorted(site.glob("*.html")):
        if (site / "zh" / page.name).is_file():
            text = page.read_text("utf-8")
            if 'hreflang="zh-CN"' not in text:
                files.write(page, linked(text, page.name))
    files.write(site / "_static" / "switch.js", SWITCH)
    _sitemap(site)


#: leads to the section that is being read
SWITCH = """\
document.querySelector("a[hreflang]")?.addEventListener("click", ({ currentTarget }) => {
  const parts = [...document.querySelectorAll("section[id]")];
  const read = parts.filter((part) => part.getBoundingClientRect().top < 120).at(-1);
  currentTarget.hash = read?.parentElement.closest("section") ? read.id : "";
});
"""


def linked(text: str, name: str, *, here: str = "en") -> str:
    """A page with a link to the same page in the other language, above its text, and for search engines."""
    english, chinese = project.site_url() + name, f"{project.site_url()}zh/{name}"
    if here == "en":
        switch = f'<a class="btn btn-sm" hreflang="zh-CN" lang="zh-CN" href="zh/{name}">中文</a>'
    else:
        switch = f'<a class="btn btn-sm" hreflang="en" lang="en" href="../{name}">English</a>'
    head = "".join(f'<link rel="alternate" hreflang="{code}" href="{html.escape(url)}">'
                   for code, url in (("en", english), ("zh-CN", chinese)))  # fmt: skip
    if name != "index.html":
        head += f'<script defer src="{"" if here == "en" else "../"}_static/switch.js"></script>'
    elif "<pre" not in text:  # each byte of the first page counts: the blank lines that templates leave weigh more
        text = re.sub(r"\n\s*\n\s*", "\n", text)
    text = text.replace("</head>", f"{head}</head>", 1)
    return re.sub(r'(<div class="article-header-buttons">)', lambda match: match[1] + switch, text, count=1)


def _sitemap(site: Path) -> None:
    both = [(site / "sitemap.xml"), (site / "zh" / "sitemap.xml")]
    if not all(path.is_file() for path in both):
        return
    english, chinese = (re.findall(r"<url>.*?</url>\n", path.read_text("utf-8")) for path in both)
    text = both[0].read_text("utf-8")
    more = "".join(line for line in chinese if line not in english)
    files.write(both[0], text.replace("</urlset>", f"{more}</urlset>"))
    both[1].unlink()
