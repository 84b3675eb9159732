"""Readers who take part: predictions, progress, exercises that are checked in the page, and links of each section."""

import base64
import hashlib
import importlib
import inspect
import json
import math
import re
from urllib.parse import parse_qs, urlparse

import pytest
from bs4 import BeautifulSoup

from d2lite import checks
from tests import browser
from tools import exercises, pages, project, questions, served

KEY = "d2l-reader-1"
KEPT = f"JSON.parse(localStorage.getItem('{KEY}'))"
SCRIPT_BYTES = 25_000
READY = "document.readyState === 'complete' && document.querySelector('.d2l-question:empty') === null"
ASKED = {question.id: question for name in project.chapters() for box in questions.of(name) for question in box}
#: id → a part of the right choice, and what an output or the text of the chapter says; numbers are found by themselves
SAID = {
    "data_and_training.steps": ("designed edges to learned", "from designed to learned features buys more than the"),
    "data_and_training.missing": ("only for the first", "Without the first line there is no `loss`"),
    "data_and_training.features": ("Worse with few", "it depends on how many images you have"),
    "data_and_training.valley": ("walls limit", "The walls alone limit the rate, and the floor makes training slow"),
    "data_and_training.blank": ("much more than a tenth", "Even the blank sheet is given a class"),
    "alexnet.reach": ("16×16", "one unit sees 16×16 px"),
    "alexnet.edges": ("vertical", "vertical edges stand out"),
    "alexnet.groups": ("linear layers, most of the work", "do the arithmetic and the linear layers hold the param"),
    "alexnet.sigmoids": ("those with sigmoids", r"first layer is about ([5-9]|[12]\d),000 times smaller"),
    "alexnet.dropout": ("twice as large", "The sum is twice as large"),
    "alexnet.row": ("four to ten points above", r"[4-9]\.\d points more than LeNet"),
    "alexnet.augmentation": ("augmentation", "Augmentation raises the test accuracy more"),
    "alexnet.committee": ("about equal", "cannot be told apart from the average of 32 thinned networks"),
    "vgg.row": ("above AlexNet", "points more than AlexNet"),
    "vgg.kernels": ("the single 5×5", r"and -\d\.\d points \(ahead in 0 of 3 seeds\) at equal work"),
    "vgg.stack": ("pair has fewer weights and sees as far", "with $2 \\cdot 9c^2 = 18c^2$ weights instead of $25c^2$"),
    "vgg.stride": ("twice as wide", "About twice as wide"),
    "vgg.smaller": ("parameters falls, and its", r"For 96 px it holds \*\*7\d\.\d%\*\* of the parameters and does"),
    "vgg.width": ("Parameters and work quadruple", "so its weights and its work quadruple, and the memory"),
    "vgg.xavier": ("less than a tenth", "hardly any of the difference is left"),
    "vgg.blocks": ("pull the classes apart", "The blocks themselves pull the classes apart, and"),
    "nin.row": ("near the quarter-width VGG-11", "points more than Quarter-width VGG-11"),
    "nin.heads": ("the average", r"the average is \*\*\+\d\.\d points\*\* ahead of one dense layer"),
    "nin.pointwise": ("neither of the others", "It cannot find edges or blur"),
    "nin.heart": ("red minus green", "Subtract green from red"),
    "nin.arithmetic": ("the second", "The second block does most of the arithmetic"),
    "nin.larger-images": ("falls", "Enlarging adds no detail"),
    "nin.where": ("is, more often than by chance", "point to the right corner more often than chance"),
    "nin.cure": ("BatchNorm is enough", "BatchNorm is enough: with it the loss falls"),
    "googlenet.short": ("NiN, by", r"GoogLeNet is \*\*[2-9]\.\d points behind NiN"),
    "googlenet.short-norm": ("GoogLeNet is", r"With BatchNorm it is \*\*\d+\.\d points ahead of NiN"),
    "googlenet.squeeze": ("less than a tenth", "less than a twentieth of its weights remain"),
    "googlenet.cheapest": ("No.", "at 64 the 5×5 branch costs more than the 1×1 branch and the pooling"),
    "googlenet.parts": ("late layers have more parameters, and", "stage 5 and the head have half of the parameters"),
    "googlenet.equal-counts": ("no", "proves nothing about what has no parameters"),
    "googlenet.heads": ("few times larger", r"gradients of Xavier's start by \*\*([2-9]|1\d)\.\d\*\*"),
    "googlenet.heads-and-norm": ("little", r"the classifiers multiply them by (0\.9|1\.[01])\d"),
    "batch_norm.row": ("within two points", "the two are within two points"),
    "batch_norm.spread": ("distance", r"mean of a unit moves \*\*\d+ times as far"),
    "googlenet.branches": ("four branches", r"four branches get \*\*\d\.\d points more\*\* than only 3×3"),
    "batch_norm.mean": ("stays in training, and falls in prediction", "the mean of the output falls with it"),
    "batch_norm.rates": ("sigmoid, without", "the sigmoid network learns at none of them"),
    "batch_norm.batch-size": ("8", "from groups of 128 to groups of 8, .* the loss on new images falls"),
    "batch_norm.noisy": ("trains clearly better", "still it reaches a clearly lower loss"),
    "resnet.row": ("between GoogLeNet and", "ResNet-18 ends between the two GoogLeNets"),
    "resnet.degradation": ("Neither", "The answer is (c)."),
    "resnet.nothing": ("residual block does it more than a hundred", "is more than a hundred times closer"),
    "resnet.sides": ("56, then 56, 28, 14 and 7", "pooling and stages: 56, 56, 28, 14, 7"),
    "resnet.curves": ("all three about level", "the residual networks end about level"),
    "resnet.gradient": ("much larger", r"first convolution is \*\*\d\d+ times as large as that of the last"),
    "resnet.eight": ("twice", r"with 44 layers, (1\.[5-9]|2\.[0-5]) times with 20"),
    "resnet.remove": ("residual network keeps far more", "The residual network keeps far more of what it knows"),
    "densenet.row": ("within two points", r"[01]\.\d points (more|fewer) than ResNet-18"),
    "densenet.readout": ("between a half and nine tenths", r"add to 64 channels, \*\*[5-8]\d%\*\* of the maps"),
    "densenet.memory": ("this network", "times fewer weights, 1.5 times as much kept"),
    "densenet.bottleneck": ("a fifth more", "4, 4, 4, 4 bottleneck_block 1,230,264 parameters"),
    "densenet.untrained": ("nearly the same", r"weakest source of a reader has at least 0\.[89]\d"),
    "modern_blocks.share": ("about a tenth", "MobileNetV2, 2018 10% of 0.30 G MACs see neighbors"),
    "modern_blocks.clock": ("less than 40 times", r"depthwise convolution is \*\*[123]?\d times\*\* as fast"),
    "modern_blocks.slowest": ("more than half as long", r"trains \*\*(1\.[5-9]|[2-9]\.\d) times\*\* as long"),
    "modern_blocks.kernel": ("by about a third", "By about a third: "),
    "modern_blocks.step": ("the depthwise kernel", "Made depthwise, the kernels do so little"),
    "comparison.middle": ("DenseNet", "DenseNet is in the middle"),
    "comparison.year": ("Yes, or nearly", "**(b)** Yes, nearly."),
    "comparison.seed": ("a tenth of a point to three", r"runs of LeNet [^.]*0\.[1-9]\d\. LeNet \+"),
    "comparison.lead": ("one to two points", r"the winner leads the average by 1\.\d\d points"),
    "comparison.two-errors": ("three, or more often", r"In (3[4-9]|[4-9]\d)% of the races"),
    "comparison.shared": ("larger share", "A larger share: 35% instead of 16%"),
    "comparison.same-class": ("about half", r"same wrong class in (4[5-9]|5\d)% of the cases"),
    "comparison.confused": ("dog, by both networks", "DenseNet makes the same mistake most often"),
    "comparison.budget": ("few of them, and which one comes", "which network comes next depends on the scale"),
    "recipes.failures": ("falls slowly. Too high: it stays", r"the loss falls, but slowly: .* At 0\.1 it ends at 2\.3"),
    "recipes.two-years": ("loses at the wrong rate", "one number of the recipe decides more than the network"),
    "recipes.fails": ("learns at first", "almost half of the test images are right, and then loses it all"),
    "recipes.ends": ("at the highest rate", r"it learns at 0\.1.* 4\.0 points below its best.* 45\.2 below"),
    "recipes.narrow": ("narrow", "the narrow one is"),
    "batch_norm.two-images": ("A, by a lot", "A has the lower training loss"),
    "resnet.shortcut-alone": ("It guesses", "C guesses, as A does"),
    "your_images.bursts": ("near-duplicate", r"random test says that the lazy classifier gets \*\*9\d%\*\* right"),
    "your_images.horse": ("deer", r"Of the horses, \*\*[45]\d%\*\* become deer"),
    "your_images.crossing": ("not even with 500", "It stays behind the linear probe at every size"),
    "your_images.rules": ("below that", r"With 5 photographs .* ends at \*\*7\d\.\d%\*\*, .* probe itself gets 8\d"),
    "your_images.slips": ("ten or more", r"photographs, \*\*1[1-9]\*\* are slips"),
    "your_images.sure": ("between 90 and 96", r"on average 99%, the network gets \*\*9[0-6]%\*\* right"),
    "your_images.border": ("nearly none", r"With the other border it gets \*\*0\.\d%\*\*"),
    "scaling_out.curves": ("rounding", "In exact arithmetic the curves are the same"),
    "scaling_out.ring": ("less than a third", "with eight it carries"),
    "scaling_out.uneven": ("two images", "an image of process 0 counts 0.083 and any other 0.125"),
    "scaling_out.dense": ("dense", r"the dense stack sends 3\.7 million numbers, for half the work"),
}  # fmt: skip

#: a page of the same origin that asks for nothing; without an icon the browser would look for one, and not find it
EMPTY = '<link rel="icon" href="data:,">'


@pytest.fixture
def reading(blank, address):
    """``reading(page, …)``: a page of the site, in a browser that another page of the same test shares; quiet.

    The browser keeps ``stored`` from an earlier visit; ``before`` is a script that runs before those of the page do.
    """
    tabs, same = [], {}

    def opened(name, stored=None, before=None, **options):
        same.update(options)
        page = blank(viewport={"width": 1280, "height": 900}, **same)
        if before:
            page = page.context.new_page()
            page.add_init_script(before)
        if stored is not None:
            page.route("**/stored", lambda route: route.fulfill(body=EMPTY, content_type="text/html"))
            page.goto(f"{address}stored")
            page.evaluate("([key, text]) => { localStorage[key] = text; }", [KEY, stored])
        tabs.append(served.Tab(page, address))
        page.goto(f"{address}{name}", wait_until="networkidle")
        if same.get("java_script_enabled", True):
            page.wait_for_function(READY)
        return page

    opened.tabs = tabs
    yield opened
    for tab in tabs:
        tab.leave()
    assert [problem for tab in tabs for problem in tab.problems] == []


def told(chapter: str) -> str:
    """The text of a chapter and all that its outputs say."""
    parts = []
    for cell in pages.notebook(project.notebook(chapter))["cells"]:
        parts += [] if cell["cell_type"] == "code" else [questions.BOX.sub("", "".join(cell["source"]) + "\n")]
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            parts.append("".join(output.get("text") or data.get("text/markdown") or data.get("text/plain") or ""))
    return " ".join(" ".join(parts).split())


def place(page, name: str):
    """Where a question is asked."""
    return page.locator(f"[data-question='{name}']")


def commit(page, name: str, guess: int | str, sure: int = 75) -> None:
    """Choose (the place of a choice from 1 on) or type, say how sure, and commit."""
    browser.commit(place(page, name), guess, sure)


# --- the source


def test_each_box_asks_and_no_name_is_given_twice():
    found = [q for name in project.chapters() for box in questions.of(name) for q in box]
    assert len({question.id for question in found}) == len(found) >= 60
    for name in project.chapters():
        text = project.source(name).read_text("utf-8")
        assert len(questions.of(name)) == text.count("> **Predict first.**") > 0
        assert not [line for line in text.splitlines() if questions.MARK.search(line) and not line.startswith("> <!--")]
    for question in found:
        assert "$" not in question.text and not set("$*`") & set("".join(question.choices)), question.id
        assert len(set(question.choices)) == len(question.choices) != 1, question.id


@pytest.mark.parametrize(
    ("box", "complaint"),
    [
        ("> **Predict first.** Why?\n", "ends with no"),
        ("> **Predict first.** Why?\n>\n> * a\n> * b\n>\n> <!-- predict it: 3 -->\n", "has 2 choices"),
        ("> **Predict first.** Why?\n>\n> <!-- predict it: many -->\n", "answer is a number"),
        ("> **Predict first.** Why?\n>\n> <!-- predict it: 3 -->\n>\n> And how?\n", "ends with no"),
    ],
)
def test_a_box_that_cannot_be_answered_is_refused(box, complaint):
    with pytest.raises(ValueError, match=complaint):
        questions.parse(box, "vgg")


def test_a_box_may_ask_twice():
    (box,) = questions.parse(
        "> **Predict first.** One *c*.\n> More?\n>\n> * yes\n> * no,\n>   never\n>\n> <!-- predict a: 2 -->\n>\n"
        "> How many?\n>\n> <!-- predict b: 343 ± 35 channels -->\n",
        "vgg",
    )
    assert [(q.id, q.text, q.choices, q.right, q.within, q.unit) for q in box] == [
        ("vgg.a", "One c. More?", ("yes", "no, never"), 2, 0, ""),
        ("vgg.b", "One c. More? How many?", (), 343, 35, "channels"),
    ]
    assert json.loads(base64.b64decode(box[1].key)) == [343, 35, "channels"]


def test_what_chapters_show_is_named_for_each_of_their_questions():
    told_of = {name.split(".")[0] for name in SAID}
    assert set(SAID) == {name for name, q in ASKED.items() if q.choices and q.chapter in told_of}


@pytest.mark.parametrize("name", SAID)
def test_the_right_choice_is_what_the_chapter_shows(name):
    question, (choice, said) = ASKED[name], SAID[name]
    assert choice in question.choices[int(question.right) - 1]
    assert sum(choice in other for other in question.choices) == 1 or choice in question.choices
    text = told(question.chapter)
    assert said in text or re.search(said, text), "no output and no sentence says so"


def test_the_numbers_asked_for_are_what_the_chapter_shows():
    numbers = {name: (q.right, q.within) for name, q in ASKED.items() if not q.choices}
    assert numbers["data_and_training.loss"] == (2.3, 0.05) and "ln 10 = 2.3" in told("data_and_training")
    assert numbers["alexnet.rows"] == ((32 - 3) % 3, 0) and "the last two rows are left over" in told("alexnet")
    assert numbers["alexnet.values"] == (6400, 0) and "256 · 5 · 5 = 6400 values" in told("alexnet")
    assert numbers["nin.class-maps"] == (3, 0) and "38, 18, 8 and 3 pixels" in told("nin")
    right, within = numbers["googlenet.width"]  # r (c + k² c') against k² c c'
    assert abs(right - 25 * 480 * 48 / (480 + 25 * 48)) < 1 and within < 0.11 * right
    said = told("densenet")
    assert numbers["densenet.channels"] == (576, 0) and "never halved: 192, 320, 448, 576" in said
    assert numbers["densenet.halved"] == (248, 0) and "240/120, 248 " in said
    said = told("modern_blocks")
    assert numbers["modern_blocks.reach"] == (4, 0) and "two: an output depends on [4] inputs" in said
    assert len(numbers) == 8


# --- the pages


def test_pages_ask_what_the_sources_say(site):
    for chapter in project.chapters():
        html = (site / f"{chapter}.html").read_text("utf-8")
        given = re.findall(r'<div class="d2l-question" id="([^"]+)" data-question="([^"]+)" data-key="([^"]+)">', html)
        assert given == [(q.id, q.id, q.key) for box in questions.of(chapter) for q in box]
        assert "<!-- predict" not in html and len(re.findall(r"/predict\.js", html)) == 1
    assert "/predict.js" not in (site / "speed.html").read_text("utf-8")
    stored = (site / "_static" / "questions.js").read_text("utf-8")
    assert stored == questions.script()


def test_the_scripts_are_small():
    shared = (project.ROOT / "d2lite" / "widgets" / f"{name}.js" for name in ("reader", "asking"))
    paths = [*(project.BOOK / "_static").glob("*.js"), *shared]
    size = {path.stem: path.stat().st_size for path in paths}
    assert sum(size[name] for name in ("reader", "asking", "progress", "predict", "exercises")) <= SCRIPT_BYTES
    assert sum(size[name] for name in ("reader", "progress", "my_predictions")) <= SCRIPT_BYTES


def test_a_guess_is_judged_and_stays(reading):
    page = reading("vgg.html")
    commit(page, "vgg.stack", 2, sure=95)
    said = place(page, "vgg.stack").inner_text()
    assert "Not this time" in said and "certain, 95" in said
    assert "sees as far. (the answer)" in said and "sees less far. (your guess)" in said
    commit(page, "vgg.stride", 3, sure=50)
    assert "✓ Right." in place(page, "vgg.stride").inner_text()
    page.reload(wait_until="networkidle")
    page.wait_for_function(READY)
    assert place(page, "vgg.stack").inner_text() == said and place(page, "vgg.stack").locator("form").count() == 0
    tries = page.evaluate(KEPT)["tries"]
    assert {name: (t["guess"], t["sure"], t["right"], t["page"]) for name, (t,) in tries.items()} == {
        "vgg.stack": ("2", 95, False, "vgg"),
        "vgg.stride": ("3", 50, True, "vgg"),
    }


def test_numbers_are_taken_as_people_write_them(reading):
    page = reading("googlenet.html")
    field = place(page, "googlenet.width").get_by_label("Your guess")
    for typed, right in (
        ("many", None),
        ("-343", None),
        ("−5", None),
        ("307", False),
        ("308", True),
        (" 343 ", True),
        ("0,343", False),
    ):
        page.evaluate("localStorage.clear(); window.d2lReader.forget()")
        commit(page, "googlenet.width", typed)
        shown = place(page, "googlenet.width").inner_text()
        if right is None:
            assert field.evaluate("node => node.validity.customError") and "Right" not in shown
        else:
            assert ("✓ Right. It is 343 channels" in shown) is right, (typed, shown)
    other = reading("alexnet.html")
    commit(other, "alexnet.values", "6,400")
    assert "✓ Right. It is 6,400 values." in place(other, "alexnet.values").inner_text()


def test_a_guess_needs_no_mouse_and_says_what_is_missing(reading):
    page = reading("vgg.html")
    where = place(page, "vgg.xavier")
    where.get_by_role("button").press("Enter")
    assert where.locator("form").count() == 1, "without a choice nothing is committed"
    where.locator("[type=radio]").first.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    assert page.evaluate(KEPT)["tries"]["vgg.xavier"][0] | {"at": 0} == {
        "guess": "3", "sure": 50, "right": True, "at": 0, "page": "vgg",
    }  # fmt: skip
    assert page.evaluate("document.activeElement.className") == "d2l-verdict", "the verdict is read out"


#: of each box: its questions, and what follows it up to the next heading or box, as text and whether it is covered
BELOW = """[...document.querySelectorAll(".d2l-predict-first")].map((box) => {
    const after = [];
    let node = box;
    while ((node = node.nextElementSibling) && !node.matches("section, .d2l-predict-first")) {
        const shown = node.matches(".cell") ? node.querySelector(".cell_output") : node;
        if (!shown || shown.matches(".d2l-cover, .d2l-again")) continue;
        after.push([shown.textContent, shown.matches(".d2l-covered")]);
    }
    return [[...box.querySelectorAll(".d2l-question")].map((node) => node.dataset.question), after];
})"""


def letters(text: str) -> str:
    """What a text in the source and the same on the page have in common: formulas and emphasis look otherwise."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


@pytest.mark.parametrize("chapter", project.chapters())
def test_nothing_below_a_box_tells_its_answer_before_there_is_a_guess(reading, chapter):
    page, leaks, found = reading(f"{chapter}.html"), [], 0
    for names, after in page.evaluate(BELOW):
        for name in set(names) & set(SAID):
            said = SAID[name][1]
            for text, covered in after:
                text = " ".join(text.split())
                pattern = said.replace(r"\*\*", "").replace("**", "")
                if letters(said) in letters(text) or ("$" not in said and re.search(pattern, text)):
                    found += 1
                    leaks += [] if covered else [(name, text)]
    assert found > 0 and leaks == []
    page.evaluate("window.d2lReader.change((state) => { state.cover = false; })")
    assert page.locator(".d2l-covered, [inert]").count() == 0, "a screen reader now reads all"


def test_answers_are_read_on_paper_and_without_scripts(reading):
    page = reading("data_and_training.html")
    assert page.locator("p.d2l-covered").count() > 3
    page.emulate_media(media="print")
    assert page.locator("p.d2l-covered").first.evaluate("node => getComputedStyle(node).filter") == "none"
    assert page.locator(".d2l-cover:visible").count() == 0


def test_answers_are_covered_until_there_is_a_guess(reading):
    page = reading("vgg.html")
    covered, count = page.locator(".d2l-covered"), page.locator(".d2l-covered").count()
    assert count >= 3 and page.locator(".d2l-covered .d2l-widget").count() == 0
    assert covered.first.evaluate("node => node.inert")
    commit(page, "vgg.stack", 1)
    assert covered.count() < count
    left = covered.count()
    page.get_by_role("button", name="Show it").first.click()
    assert covered.count() < left
    page.get_by_role("button", name="Never cover answers").first.click()
    assert covered.count() == 0 and page.locator(".d2l-cover:visible").count() == 0
    other = reading("nin.html")
    assert other.locator(".d2l-covered").count() == 0
    mine = reading("predictions.html")
    mine.get_by_label("Cover answers").check()
    other.wait_for_function("document.querySelector('.d2l-covered')")


def test_what_was_missed_is_asked_again_later_and_once(reading):
    page = reading("vgg.html")
    commit(page, "vgg.stack", 2, sure=95)
    commit(page, "vgg.stride", 3)
    again = "[aria-label='Asked again']"
    assert page.locator(again).count() == 0
    assert reading("alexnet.html").locator(again).count() == 0, "only later chapters ask"
    later = reading("nin.html")
    later.wait_for_selector(again)
    box = later.locator(again)
    assert box.count() == 1 and "each output pixel" in box.inner_text()
    assert box.get_by_role("link").get_attribute("href") == "vgg.html#vgg.stack"
    box.locator("[type=radio][value='3']").first.check()
    box.locator("[name$=sure][value='50']").check()
    box.get_by_role("button").click()
    assert "Not this time" in box.inner_text()
    later.reload(wait_until="networkidle")
    later.wait_for_function(READY)
    assert later.locator(again).count() == 0, "not twice in a chapter"
    last = reading("resnet.html")
    last.wait_for_selector(again)
    last.locator(again).locator("[type=radio][value='1']").first.check()
    last.locator(again).locator("[name$=sure][value='75']").check()
    last.locator(again).get_by_role("button").click()
    assert "✓ Right." in last.locator(again).inner_text()
    assert reading("densenet.html").locator(again).count() == 0, "what was learned is left alone"
    assert "Right when asked again." in reading("predictions.html").inner_text("article")


def state_of(*first: tuple[int, bool], name: str = "vgg.stack") -> dict:
    """A state with one question for each (sure, right)."""
    tries = {
        other: [{"guess": "1", "sure": sure, "right": right, "at": 1, "page": other.split(".")[0]}]
        for other, (sure, right) in zip(ASKED, first)
    }
    return {"tries": tries}


def test_my_predictions_tells_how_calibrated_i_am(reading):
    state = state_of(*[(95, True)] * 3, *[(95, False)] * 5, *[(75, True)] * 3, (75, False), (50, False))
    state["tries"]["data_and_training.features"].append(
        {"guess": "3", "sure": 50, "right": True, "at": 2, "page": "alexnet"}  # a second try counts for nothing here
    )
    page = reading("predictions.html", stored=json.dumps(state))
    rows = page.locator(".d2l-calibrated tbody tr").all_inner_texts()
    assert [" ".join(row.replace("\xa0", " ").split()) for row in rows] == [
        "a guess, 50% 1 0, 0%", "fairly sure, 75% 4 3, 75%", "certain, 95% 8 3, 38%",
    ]  # fmt: skip
    said = page.inner_text(".d2l-summary").replace("\xa0", " ")
    assert said == "13 predictions, 6 right: 46%. On average you were 85% sure. You are surer than you are right."
    circles = page.locator(".d2l-calibration circle")
    heights = circles.evaluate_all("all => all.map(node => Math.round((265 - node.getAttribute('cy')) / 2.4))")
    assert heights == [
        0,
        75,
        38,
    ]
    listed = page.locator(".d2l-chapter li a").evaluate_all("all => all.map(node => node.getAttribute('href'))")
    assert listed == [f"{name.split('.')[0]}.html#{name}" for name in list(ASKED)[:13]]
    first = sum(name.startswith("data_and_training.") for name in ASKED)
    assert 3 < first < 13 and f"{first} of {first} answered" in page.locator(".d2l-chapter").first.inner_text()


def test_of_two_questions_in_a_box_each_is_listed_as_itself(reading):
    made = {"guess": "5", "sure": 50, "right": False, "at": 1, "page": "alexnet"}
    tries = {"alexnet.edges": [made], "alexnet.rows": [made]}
    page = reading("predictions.html", stored=json.dumps({"tries": tries}))
    first, second = page.locator(".d2l-chapter li a").all_inner_texts()
    assert "Where is the output far from zero?" in first
    assert second == "With a stride of 3, how many of the 32 rows are never read?"


def test_all_can_be_saved_brought_back_and_forgotten(reading, tmp_path):
    page = reading("predictions.html")
    assert "no guess yet" in page.inner_text(".d2l-summary")
    page.evaluate(
        "state => window.d2lReader.change(() => window.d2lReader.clean(state))", state_of((75, True), (50, False))
    )
    assert "2 predictions, 1 right" in page.inner_text(".d2l-summary")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save in a file").click()
    path = tmp_path / "saved.json"
    waiting.value.save_as(path)
    kept = page.evaluate(KEPT)
    assert json.loads(path.read_text("utf-8")) == kept and len(kept["tries"]) == 2
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Forget it all").click()
    assert page.evaluate(KEPT) == kept, "one may think twice"
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Forget it all").click()
    assert page.evaluate(f"localStorage.getItem('{KEY}')") is None and "no guess yet" in page.inner_text(".d2l-summary")
    page.locator("[type=file]").set_input_files(path)
    page.get_by_text("2 questions brought back.").wait_for()
    assert page.evaluate(KEPT) == kept
    (tmp_path / "other.json").write_text("no JSON", "utf-8")
    page.locator("[type=file]").set_input_files(tmp_path / "other.json")
    page.get_by_text("Nothing was changed.").wait_for()
    assert page.evaluate(KEPT) == kept


GARBAGE = [
    "{", "null", "[]", "7", '{"tries": 3, "seen": [], "solved": "x", "last": 5}',
    '{"tries": {"vgg.stack": "x", "vgg.stride": [{"guess": "<img src=x onerror=alert(1)>", "sure": 60, "right": 1}]}}',
    '{"tries": {"vgg.stack": [null, {"guess": {}, "sure": 75, "right": true, "at": 1, "page": "vgg"}]}, "cover": {}}',
    '{"tries": {"vgg.stack": [{"guess": "1", "sure": 60, "right": true, "at": 1, "page": "vgg"}]}}',
    '{"seen": {"vgg": "all", "nin": [1, {}]}, "last": {"page": "javascript:alert(1)", "section": "x", "title": "x"}}',
]  # fmt: skip


@pytest.mark.parametrize("garbage", GARBAGE)
def test_whatever_lies_in_the_storage_the_page_works(reading, garbage):
    page = reading("vgg.html", stored=garbage)
    assert page.evaluate("window.d2lReader.get()") == {
        "tries": {},
        "seen": {},
        "solved": {},
        "last": None,
        "cover": True,
    }
    commit(page, "vgg.stack", 1)
    assert "✓ Right." in place(page, "vgg.stack").inner_text() and list(page.evaluate(KEPT)["tries"]) == ["vgg.stack"]


@pytest.mark.parametrize(
    "denied",
    [
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } })",
        "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }",
        "Object.defineProperty(window, 'localStorage', { value: null })",
    ],
)
def test_a_browser_that_keeps_nothing_judges_all_the_same(reading, denied):
    page = reading("vgg.html", before=denied)
    commit(page, "vgg.stack", 1)
    commit(page, "vgg.stride", 1)
    assert "✓ Right." in place(page, "vgg.stack").inner_text()
    assert "Not this time" in place(page, "vgg.stride").inner_text()
    assert "This browser keeps nothing" in place(page, "vgg.stride").inner_text()
    reading.tabs.pop()  # the theme's own scripts throw in such a browser


def test_two_tabs_do_not_undo_each_other(reading):
    first, second = reading("vgg.html"), reading("vgg.html")
    commit(first, "vgg.stack", 1)
    second.wait_for_selector("[data-question='vgg.stack'] .d2l-verdict")
    commit(second, "vgg.stride", 3)
    commit(first, "vgg.xavier", 3)
    assert set(first.evaluate(KEPT)["tries"]) == {"vgg.stack", "vgg.stride", "vgg.xavier"}


# --- progress


def sections_of(page) -> list[str]:
    """The ids of a chapter's sections."""
    return page.locator("article section section:has(> h2)").evaluate_all("all => all.map(node => node.id)")


def test_sections_that_were_seen_get_a_tick_and_the_visit_goes_on_there(reading):
    page = reading("nin.html")
    ids = sections_of(page)
    page.locator(f"#{ids[2]}").evaluate("node => node.scrollIntoView({ behavior: 'instant' })")
    page.locator(f"#{ids[2]} > .d2l-end").evaluate("node => node.scrollIntoView({ behavior: 'instant', block: 'end' })")
    page.wait_for_selector(f".bd-sidebar-secondary a[href='#{ids[2]}'] .d2l-tick")
    assert ids[2] in page.evaluate(KEPT)["seen"]["nin"] and ids[-2] not in page.evaluate(KEPT)["seen"]["nin"]
    assert page.locator(".bd-sidebar-primary .d2l-tick").count() == 0, "the chapter is not read"
    page.locator(f"#{ids[3]} > h2").evaluate("node => node.scrollIntoView({ behavior: 'instant', block: 'start' })")
    page.wait_for_function(f"{KEPT}.last?.section === '{ids[3]}'")
    for name in ("index.html", "vgg.html"):
        other = reading(name)
        link = other.locator(".d2l-continue a").last
        assert link.get_attribute("href") == f"nin.html#{ids[3]}"
        assert "Continue where you left off: Network in network, " in link.inner_text()
        assert other.locator(".d2l-continue").count() == (2 if name == "index.html" else 1)
    assert reading("nin.html").locator(".d2l-continue").count() == 0


def test_a_chapter_is_read_with_its_last_section_or_when_the_reader_says_so(reading):
    page = reading("vgg.html", stored=json.dumps({"seen": {"nin": ["*"], "alexnet": ["x"]}}))
    ticked = ".bd-sidebar-primary a:has(.d2l-tick)"
    assert page.locator(ticked).evaluate_all("all => all.map(node => node.getAttribute('href'))") == ["nin.html"]
    assert page.locator(ticked).inner_text().endswith("(read)")
    box = page.get_by_label("I have read this chapter")
    assert not box.is_checked()
    box.check()
    assert page.locator(ticked).count() == 2 and set(sections_of(page)) < set(page.evaluate(KEPT)["seen"]["vgg"])
    other = reading("nin.html")
    assert other.locator(ticked).count() == 2 and other.get_by_label("I have read this chapter").is_checked()
    box.uncheck()
    other.wait_for_function(f"document.querySelectorAll('{ticked}').length === 1")
    *first, last = sections_of(other)
    other.evaluate("first => window.d2lReader.change((state) => { state.seen.nin = first; })", first)
    assert not other.get_by_label("I have read this chapter").is_checked()
    other.locator(f"#{last} > .d2l-end").evaluate("node => node.scrollIntoView({ behavior: 'instant', block: 'end' })")
    other.wait_for_function(f"{KEPT}.seen.nin.includes('*')")


# --- exercises


def tried(page, name: str, answer: str) -> str:
    """What the page says of an answer."""
    where = page.locator(f"[data-exercise='{name}']")
    where.get_by_role("textbox").fill(answer)
    where.get_by_role("button", name="Check").click()
    return where.get_by_role("status").inner_text()


#: what the page says of many answers, each sent by the form of its exercise, but without a mouse and keys
SAID_OF = """all => all.map(([name, answer]) => {
    const form = document.querySelector(`[data-exercise='${name}'] form`), said = form.querySelector("[role=status]");
    said.textContent = "";
    form.querySelector("input").value = answer;
    form.requestSubmit();
    return said.innerText;
})"""


def as_typed(values) -> str:
    """Numbers as people write them into a page."""
    return ", ".join(repr(float(value)) if isinstance(value, float) else str(value) for value in values)


def test_the_stored_exercises_are_fresh():
    assert exercises.STORED.read_text("utf-8") == exercises.text(), "make sync"
    found = exercises.stored()
    assert len(found) >= 26 and "vgg-2" not in found


def test_no_page_tells_to_run_a_cell(site):
    for chapter in project.chapters():
        text = (site / f"{chapter}.html").read_text("utf-8")
        asked = re.findall(rf"check\(.*?({chapter}-\d+)", project.source(chapter).read_text("utf-8"))
        assert "not answered yet" not in text
        assert text.count('class="d2l-try"') == len(set(asked)) > 0
        given = re.findall(r'data-exercise="([^"]+)"', text)
        assert given == [name for name in dict.fromkeys(asked) if name in exercises.stored()]


def inside(name: str) -> tuple[list, dict, float]:
    """Right values, hints by wrong values, and the tolerance of an exercise."""
    importlib.import_module(f"d2lite.exercises.{name.rsplit('-', 1)[0]}")
    found = inspect.getclosurevars(checks._EXERCISES[name][0]).nonlocals
    found = inspect.getclosurevars(found["compare"]).nonlocals if "compare" in found else found
    return list(found["expected"]), found["hints"] or {}, found["rel"]


@pytest.mark.parametrize("chapter", sorted({name.rsplit("-", 1)[0] for name in exercises.stored()}))
def test_the_page_says_what_check_says(reading, chapter):
    page, asked = reading(f"{chapter}.html"), []
    for name in [name for name in exercises.stored() if name.startswith(f"{chapter}-") and name != "recipes-2"]:
        right, hints, rel = inside(name)
        near = [value * (1 + 0.9 * rel) if isinstance(value, float) else value for value in right]
        far = [value * (1 + 2.1 * rel) if isinstance(value, float) else value + 1 for value in right]
        for values in (right, near, far, [0] * len(right), [12345.5] * len(right), *hints):
            told = checks.check(name, list(values) if len(right) > 1 else values[0])
            asked.append((name, as_typed(values), told, told.message if tuple(values) in hints else ""))
    answers = [(name, answer) for name, answer, *_ in asked]
    all_said = page.evaluate(SAID_OF, answers)
    for (name, answer, told, hint), said in zip(asked, all_said, strict=True):
        assert said.startswith("✓") is bool(told) and hint in said, (name, answer, said, told)
    assert [tried(page, *answer) for answer in answers[:2]] == all_said[:2], "a person is told something else"


def test_answers_are_kept_and_words_and_lists_are_read(reading):
    page = reading("recipes.html")
    for typed in ("cd", "dc", "ab", "c, d", "CD", "x"):
        said, told = tried(page, "recipes-2", typed), checks.check("recipes-2", typed)
        assert said[2:] == told.message or (typed == "x" and told.message.startswith(said[2:-1])), typed
    assert tried(page, "recipes-2", "cd").startswith("✓ right")
    other = reading("vgg.html")
    assert tried(other, "vgg-1", "[0, 0, 1, 1, 1]").startswith("✓")
    assert tried(other, "vgg-1", "0 0 1 1").startswith("✗ give 5 numbers")
    assert "number 1 and number 2" in tried(other, "vgg-1", "0;0;2;2;2")
    page.reload(wait_until="networkidle")
    page.wait_for_function(READY)
    assert page.locator("[data-exercise='recipes-2'] [role=status]").inner_text().startswith("✓ right")
    assert page.evaluate(KEPT)["solved"] == {"recipes-2": "cd", "vgg-1": "[0, 0, 1, 1, 1]"}
    assert tried(page, "recipes-2", "<img src=x>").startswith("✗ ")


def test_the_script_hashes_as_python_does(reading):
    page = reading("vgg.html")
    source = (project.BOOK / "_static" / "exercises.js").read_text("utf-8")
    body = source[source.index("  const primes") : source.index("  const digest")]
    texts = ["", "abc", "ä" * 40, "x" * 55, "x" * 56, "x" * 64, "vgg-1|0;0;1;1;1", "y" * 300]
    hashed = page.evaluate(f"texts => {{ {body} return texts.map(sha256); }}", texts)
    assert hashed == [hashlib.sha256(text.encode()).hexdigest() for text in texts]


def test_a_tolerance_has_steps():
    assert exercises.keys((63, 0.5), 0.01)[0] == "if" and exercises.keys((-2.0,), 0.1)[1][0].startswith("-~")
    for value in (0.0123, 3.0, 5e9):
        for rel in (1e-6, 5e-3, 0.02):
            accepted = {exercises.step(value, rel) + by for by in (-1, 0, 1)}
            assert all(exercises.step(value * (1 + share * rel), rel) in accepted for share in (-0.99, 0, 0.99))
            assert not {exercises.step(value * (1 + share * rel), rel) for share in (-2.1, 2.1)} & accepted
    assert math.isclose(float(exercises.exact(0.25)), 0.25) and exercises.exact(7.0) == "7"


# --- links of a section


@pytest.mark.parametrize("name", ["vgg", "speed", "predictions"])
def test_each_section_can_be_edited_reported_and_discussed(site, name):
    page = BeautifulSoup((site / f"{name}.html").read_text("utf-8"), "html.parser")
    headings = page.select("article section > h2, article section > h3")
    assert len(headings) >= 3
    for heading in headings:
        menu = heading.find_next_sibling()
        assert "d2l-about" in menu["class"], heading.text
        section = " ".join(heading.get_text().removesuffix("#").split())
        edit, report, discuss = (link["href"] for link in menu.select("a"))
        where = project.repository_url()
        assert edit == f"{where}/edit/main/book/{name}.md" and (project.BOOK / f"{name}.md").exists()
        given = parse_qs(urlparse(report).query)
        anchor = heading.find_parent("section")["id"]
        assert report.startswith(f"{where}/issues/new?") and given["title"][0].startswith(f"{name}: ")
        assert f"{project.site_url()}{name}.html#{anchor}\n" in given["body"][0] and project.tag() in given["body"][0]
        assert discuss.startswith(f"{where}/discussions?discussions_q={name}")
        if "math" not in str(heading):
            assert given["title"] == [f"{name}: {section}"] and section in menu.summary.get_text()
    assert not (site / "index.html").read_text("utf-8").count("d2l-about")


def test_the_menu_of_a_section_opens_by_keyboard_and_by_touch(reading):
    page = reading("vgg.html", has_touch=True)
    first, second = page.locator(".d2l-about").nth(0), page.locator(".d2l-about").nth(1)
    room = "node => node.nextElementSibling.offsetTop - node.previousElementSibling.offsetTop"
    before = second.evaluate(room)
    first.locator("summary").press("Enter")
    assert first.get_by_role("link", name="Report a mistake").is_visible()
    second.locator("summary").tap()
    assert not first.evaluate("node => node.open") and second.evaluate("node => node.open")
    assert second.evaluate(room) == before > 0, "it lies over the text"
    assert [rule["id"] for rule in browser.violations(page, ".d2l-about", preload=False)] == []
    page.set_viewport_size({"width": 390, "height": 844})
    box = second.locator("ul").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390


def test_without_scripts_a_box_is_plain_text(reading):
    page = reading("vgg.html", java_script_enabled=False)
    box = page.locator(".d2l-predict-first", has_text="each output pixel")
    assert box.locator("li:visible").count() == 4 and page.locator("form:visible .d2l-guess, .d2l-covered").count() == 0
    assert "nothing leaves it" in reading("predictions.html").inner_text("article")


def test_forms_and_verdicts_are_fit_for_everybody(reading):
    page = reading("vgg.html", has_touch=True)
    commit(page, "vgg.stack", 2)
    commit(page, "vgg.stride", 3)
    later, mine = reading("nin.html"), reading("predictions.html")
    later.wait_for_selector(".d2l-again")
    for shown, within in (
        (page, [".d2l-predict-first"]),
        (later, [".d2l-again", ".d2l-cover"]),
        (mine, ["article"]),
    ):
        assert all(shown.locator(part).count() for part in within)
        shown.evaluate(browser.ONE_OF_EACH)
        for scheme in ("light", "dark"):
            shown.emulate_media(color_scheme=scheme)
            browser.settle(shown)
            found = browser.violations(shown, within, preload=False)
            assert [(rule["id"], rule["nodes"][0]["html"][:200]) for rule in found] == [], scheme
        shown.set_viewport_size({"width": 390, "height": 844})
        assert shown.evaluate("document.documentElement.scrollWidth") <= 390
        small = shown.locator(":is(.d2l-guess, .d2l-keep, .d2l-cover) :is(button, label):visible")
        heights = small.evaluate_all("all => all.map(node => node.getBoundingClientRect().height)")
        assert [height for height in heights if height < 40] == []
