"""The book for e-readers: a package that is whole, in XHTML and MathML, every link and picture of which is there."""

import posixpath
import re
import subprocess
import sys
import zipfile
from urllib.parse import unquote, urlsplit

import pytest
from lxml import etree

from tools import pages, project
from tools.editions import articles, epub

pytestmark = [pytest.mark.slow(15), pytest.mark.browser]
NAMES = ["vgg", "densenet", "api", "references"]
SPACES = {
    "o": "http://www.idpf.org/2007/opf", "h": "http://www.w3.org/1999/xhtml", "m": "http://www.w3.org/1998/Math/MathML",
    "dc": "http://purl.org/dc/elements/1.1/", "e": "http://www.idpf.org/2007/ops",
}  # fmt: skip
MAKE = """
import sys, pathlib
from tools.editions import epub

epub.make(*map(pathlib.Path, sys.argv[1:3]), sys.argv[3:])
"""


@pytest.fixture(scope="module")
def made(site, tmp_path_factory, chromium):
    """Name in the package → content, of an EPUB of a few pages."""
    path = tmp_path_factory.mktemp("epub") / "book.epub"
    # By a process of its own, since this one has a browser already.
    line = [sys.executable, "-c", MAKE, site, path, *NAMES]
    done = subprocess.run(line, cwd=project.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [entry.name for entry in path.parent.iterdir()] == ["book.epub"]
    return packed(path)


def packed(path) -> dict[str, bytes]:
    """Name in the package → content."""
    with zipfile.ZipFile(path) as package:
        first = package.infolist()[0]
        assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
        return {name: package.read(name) for name in package.namelist()}


def faults(files: dict[str, bytes]) -> list[str]:
    """What keeps an EPUB from being whole: epubcheck knows more, but needs Java."""
    found = [] if files["mimetype"] == b"application/epub+zip" else ["it is of another type"]
    package = etree.fromstring(files["EPUB/content.opf"])
    items = {item.get("id"): item for item in package.iterfind(".//o:manifest/o:item", SPACES)}
    there = {f"EPUB/{item.get('href')}" for item in items.values()}
    packed = {name for name in files if name.startswith("EPUB/")} - {"EPUB/content.opf"}
    found += [f"{name}: not in the manifest, or not there" for name in sorted(there ^ packed)]
    order = [reference.get("idref") for reference in package.iterfind(".//o:spine/o:itemref", SPACES)]
    texts = {key for key, item in items.items() if item.get("media-type") == "application/xhtml+xml"}
    found += ["the order of pages is not that of all pages"] if sorted(order) != sorted(texts) else []
    trees = {}
    for name in (f"EPUB/{items[key].get('href')}" for key in sorted(texts)):
        try:
            trees[name] = etree.fromstring(files[name])
        except etree.XMLSyntaxError as error:
            found.append(f"{name}: {error}")
    anchors = {name: [node.get("id") for node in tree.iterfind(".//*[@id]")] for name, tree in trees.items()}
    for name, tree in trees.items():
        key = next(key for key in texts if name == f"EPUB/{items[key].get('href')}")
        found += [f"{name}: an anchor twice"] if len(set(anchors[name])) < len(anchors[name]) else []
        says = "mathml" in (items[key].get("properties") or "")
        found += (
            [f"{name}: MathML that is not declared"] if says != (tree.find(".//m:math", SPACES) is not None) else []
        )
        found += [f"{name}: a formula outside of its name space"] * len(tree.findall(".//h:math", SPACES))
        for node in tree.iterfind(".//*"):
            value = node.get("href") or node.get("src")
            parts = urlsplit(value or "")
            if value is None or parts.scheme in ("http", "https", "mailto"):
                continue
            target = posixpath.normpath(posixpath.join("EPUB", parts.path)) if parts.path else name
            if target not in files or (parts.fragment and unquote(parts.fragment) not in anchors.get(target, ())):
                found.append(f"{name}: {value} leads nowhere")
        for image in tree.iterfind(".//h:img", SPACES):
            found += [f"{name}: a picture without words"] if not image.get("alt") else []
    return found


def text_of(made, name: str) -> str:
    """The source of a page."""
    return made[f"EPUB/{name}.xhtml"].decode()


def test_the_package_is_whole(made):
    assert faults(made) == []
    for name, old, new, said in [
        ("vgg.xhtml", b"</section>", b"", "mismatch"),
        ("vgg.xhtml", b'src="images/', b'src="picture/', "leads nowhere"),
        ("vgg.xhtml", b'href="solutions-vgg.xhtml', b'href="solution-vgg.xhtml', "leads nowhere"),
        ("vgg.xhtml", b' xmlns="http://www.w3.org/1998/Math/MathML"', b"", "name space"),
        ("content.opf", b' properties="mathml"', b"", "not declared"),
        ("content.opf", b'href="style.css"', b'href="other.css"', "not in the manifest"),
        ("content.opf", b'<itemref idref="vgg"/>', b"", "order of pages"),
    ]:
        assert old in made[f"EPUB/{name}"]
        broken = {**made, f"EPUB/{name}": made[f"EPUB/{name}"].replace(old, new)}
        assert any(said in fault for fault in faults(broken)), (name, old)


def test_it_says_what_it_is(made):
    package = etree.fromstring(made["EPUB/content.opf"])

    def told(name: str) -> str:
        return package.findtext(f".//dc:{name}", namespaces=SPACES)

    assert (told("language"), told("title")) == ("en", pages.opening(project.BOOK / "index.md")[0])
    properties = [meta.get("property") for meta in package.iterfind(".//o:meta", SPACES)]
    assert {"schema:accessMode", "schema:accessibilitySummary", "dcterms:modified"} <= set(properties)
    assert package.find(".//o:item[@properties='cover-image']", SPACES) is not None
    navigation = etree.fromstring(made["EPUB/nav.xhtml"])
    lists = {nav.get(f"{{{SPACES['e']}}}type"): nav for nav in navigation.iterfind(".//h:nav", SPACES)}
    shown = ["".join(link.itertext()) for link in lists["toc"].iterfind(".//h:a", SPACES)]
    assert shown[:2] == ["VGG: networks from blocks", "Why blocks"] and "Solutions" in shown and "landmarks" in lists


def test_formulas_code_pictures_and_solutions_are_there(made, site):
    vgg, solved = text_of(made, "vgg"), text_of(made, "solutions-vgg")
    source = articles.article(site, "vgg", lambda page, anchor: "")
    assert vgg.count("<math") == len(source.body.select(".math")) > 20
    assert not re.search(r'class="math">\s*\\', vgg), "TeX where MathML should be"
    assert 'alttext="2 \\cdot 9c^2 = 18c^2"' in vgg and ">(1)</span>" in vgg
    assert "class VGG" in re.sub("<[^>]+>", "", vgg) and 'class="nc"' in vgg, "code is text, in color"
    for image in source.body.select("img"):
        assert f'images/{str(image["src"]).rpartition("/")[2]}"' in vgg
    assert "vgg.html#interactive-receptive_field" in vgg
    assert solved.count("<h2") == len(source.solutions) and "Sketch of an answer" in solved
    assert (
        solved.count('href="vgg.xhtml#exercise-')
        == vgg.count('href="solutions-vgg.xhtml#exercise-')
        == solved.count("<h2")
    )
    assert "data-key" not in vgg, "it would hold the answers"


def test_the_chinese_one_is_whole_and_says_so(both, tmp_path, chinese_font):
    path = tmp_path / "book.epub"
    line = [sys.executable, "-m", "tools.editions.epub", "nin", "--chinese", "--site", both, "--out", path]
    done = subprocess.run(line, cwd=project.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    files = packed(path)
    assert faults(files) == []
    package = etree.fromstring(files["EPUB/content.opf"])
    assert package.findtext(".//dc:language", namespaces=SPACES) == "zh-CN"
    for name in ("nin", "solutions-nin", "about"):
        page = etree.fromstring(files[f"EPUB/{name}.xhtml"])
        assert page.get("lang") == page.get("{http://www.w3.org/XML/1998/namespace}lang") == "zh-CN"
        assert re.search("[一-鿿]", page.findtext(".//h:h1", namespaces=SPACES))
    shown = etree.tostring(etree.fromstring(files["EPUB/nav.xhtml"]), encoding="unicode", method="text")
    assert "目录" in shown and "习题解答" in shown and "Solutions" not in shown
    assert f"{project.site_url()}zh/nin.html#interactive-" in text_of(files, "nin")


def test_epubcheck_is_heard(tmp_path, monkeypatch):
    java = tmp_path / "java"
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    assert "no Java" in epub.validated(tmp_path / "book.epub")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(SystemExit, match="no Java"):
        epub.validated(tmp_path / "book.epub")
    java.write_text('#!/bin/sh\necho "$@"\n')
    java.chmod(0o755)
    assert epub.validated(tmp_path / "book.epub") == "valid by epubcheck"
    java.write_text("#!/bin/sh\necho 'ERROR(RSC-005)'\nexit 1\n")
    with pytest.raises(SystemExit, match="RSC-005"):
        epub.validated(tmp_path / "book.epub")
