"""The most confident mistakes, each kept, relabeled or dropped: in the page, in the table, and by load."""

import re

import browser
import numpy as np
import pytest
import torch
from PIL import Image

import d2lite as d2l
from d2lite.data.corrections import CorrectionsError
from d2lite.widgets import LabelCleaner
from d2lite.widgets.label_cleaner import confident_mistakes

CLASSES = ("cat", "cow", "dog")


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A folder of three classes of twenty images each; the brightness of each is its own."""
    monkeypatch.setenv("D2LITE_PROFILE", "full")
    for label, name in enumerate(CLASSES):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for i in range(20):
            Image.new("RGB", (40, 30), (60 * label + 3 * i,) * 3).save(tmp_path / "pets" / name / f"{i}.png")
    return loaded(tmp_path / "pets")


def loaded(folder):
    return d2l.load(folder, size=8, batch_size=4, device="cpu", fallback=False)


def mistaken(split, sure: dict[int, float], by: int = 1) -> torch.Tensor:
    """Logits that take the images of these numbers for the class that comes ``by`` later, with that probability."""
    logits = torch.zeros(len(split.labels), 3)
    logits[torch.arange(len(logits)), split.labels] = 5
    for row, share in sure.items():
        label = int(split.labels[row])
        logits[row] = torch.tensor([(1 - share) / 2] * 3).log()
        logits[row, (label + by) % 3] = torch.tensor(share).log()
    return logits


def names(split, folder, rows) -> list[str]:
    return [split.files[row].relative_to(folder).as_posix() for row in rows]


def test_the_surest_mistakes_come_first(data):
    logits = mistaken(data.val, {0: 0.7, 3: 0.99, 5: 0.8})
    labels = data.val.labels.tolist()
    wanted = [(row, (labels[row] + 1) % 3, pytest.approx(sure)) for row, sure in ((3, 0.99), (5, 0.8), (0, 0.7))]
    assert confident_mistakes(logits, data.val.labels) == wanted
    shown = LabelCleaner(data, logits, most=2)
    assert shown.files == names(data.val, data.folder, [3, 5]) and shown.sure == [0.99, 0.8]
    assert shown.labels == [CLASSES[labels[row]] for row in (3, 5)]
    assert shown.taken == [CLASSES[(labels[row] + 1) % 3] for row in (3, 5)]
    assert LabelCleaner(data, mistaken(data.test, {1: 0.9}), "test").files == names(data.test, data.folder, [1])


def decide(widget, file, decision, name="") -> dict:
    told = []
    widget.send = told.append
    widget._told(widget, {"id": 3, "file": file, "decision": decision, "class": name}, [])
    assert told[0]["id"] == 3 and told[0]["decisions"] == widget.decisions
    return told[0]


def test_decisions_go_into_the_table_that_load_honors(data):
    widget = LabelCleaner(data, mistaken(data.val, {0: 0.9, 1: 0.8, 2: 0.7}))
    one, two, three = widget.files
    other = next(name for name in CLASSES if name != widget.labels[1])
    for given in ((one, "drop"), (two, "relabel", other), (three, "drop"), (three, "keep")):
        assert "problem" not in decide(widget, *given)
    table = (data.folder / "corrections.csv").read_text().splitlines()
    assert table[0] == "file,decision,class" and sorted(table[1:]) == sorted(
        [f"{one},drop,", f"{two},relabel,{other}", f"{three},keep,"]
    )
    again = loaded(data.folder)
    after = dict(zip(names(again.val, data.folder, range(len(again.val.labels))), again.val.labels.tolist()))
    assert one not in after and after[two] == CLASSES.index(other) and len(after) == len(data.val.labels) - 1
    decide(widget, one, "")
    assert len((data.folder / "corrections.csv").read_text().splitlines()) == 3, "a decision is taken back"


def test_what_was_decided_before_is_shown_and_stays(data):
    dropped = data.train.files[0].relative_to(data.folder).as_posix()
    first = LabelCleaner(data, mistaken(data.val, {0: 0.9, 1: 0.8}))
    (data.folder / "corrections.csv").write_text(f"file,decision,class\n{dropped},drop,\n{first.files[1]},keep,\n")
    again = loaded(data.folder)
    widget = LabelCleaner(again, mistaken(again.val, {0: 0.9, 1: 0.8}))
    assert widget.decisions == [["", ""], ["keep", ""]]
    decide(widget, widget.files[0], "relabel", widget.taken[0])
    assert f"{dropped},drop," in (data.folder / "corrections.csv").read_text(), "a line on another image"
    for file in (widget.files[0], widget.files[1]):
        decide(widget, file, "")
    assert (data.folder / "corrections.csv").read_text() == f"file,decision,class\n{dropped},drop,\n"


def test_what_a_page_sends_is_not_believed(data, monkeypatch):
    widget = LabelCleaner(data, mistaken(data.val, {0: 0.9}))
    file = widget.files[0]
    for given in (
        ("../x.png", "drop"),
        (None, "drop"),
        (file, "burn"),
        (file, None),
        (file, "relabel", "horse"),
        ([], ""),
    ):
        assert "there is no such" in decide(widget, *given)["problem"], given
    for nonsense in (None, [], 3, {}):
        widget._told(widget, nonsense, [])
    assert not (data.folder / "corrections.csv").exists() and widget.decisions == [["", ""]]
    monkeypatch.setattr("os.replace", lambda *given: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    widget.decisions = [["drop", ""]]  # as the page sets it before it asks
    assert "No space" in decide(widget, file, "drop")["problem"] and widget.decisions == [["", ""]]


def test_a_table_that_was_spoiled_meanwhile_is_told_and_left(data):
    widget = LabelCleaner(data, mistaken(data.val, {0: 0.9}))
    (data.folder / "corrections.csv").write_text("file,decision,class\nnowhere.png,drop,\n")
    assert "line 2 names 'nowhere.png'" in decide(widget, widget.files[0], "drop")["problem"]
    with pytest.raises(CorrectionsError, match="nowhere"):
        LabelCleaner(data, mistaken(data.val, {0: 0.9}))


def test_what_does_not_fit_is_told(data):
    with pytest.raises(
        ValueError, match=re.escape("logits are (2, 3): give a finite number for each class of each of 6")
    ):
        LabelCleaner(data, torch.zeros(2, 3))
    with pytest.raises(ValueError, match="logits are"):
        LabelCleaner(data, torch.full((6, 3), float("nan")))
    with pytest.raises(ValueError, match="comes from no folder"):
        LabelCleaner(d2l.load("digits"), torch.zeros(180, 10))


def test_the_picture_shows_the_mistakes(data):
    widget = LabelCleaner(data, mistaken(data.val, {0: 0.9, 3: 0.8}))
    titles = [axes.get_title() for axes in widget.picture().axes if axes.get_title()]
    assert titles == [f"label: {a}\n{b}, {s}?" for a, b, s in zip(widget.labels, widget.taken, ("90%", "80%"))]
    none = LabelCleaner(data, mistaken(data.val, {}))
    assert none.files == [] and "no mistake" in none.picture().texts[0].get_text()


def test_pictures_are_small(tmp_path, monkeypatch):
    monkeypatch.setenv("D2LITE_PROFILE", "full")
    noise = np.random.RandomState(0)
    for name in "ab":
        (tmp_path / name).mkdir()
        for i in range(30):
            Image.fromarray(noise.randint(0, 256, (300, 400, 3), np.uint8)).save(tmp_path / name / f"{i}.jpg")
    data = d2l.load(tmp_path, size=224, batch_size=4, device="cpu")
    logits = -5.0 * torch.eye(2)[data.train.labels]
    assert sum(map(len, LabelCleaner(data, logits, "train").pictures)) < 240_000


# In the page


def answered(page, widget) -> dict:
    """What the page sends next goes to Python, and its answer back, as a kernel does it."""
    page.page.wait_for_function("window.sent?.length")
    told = []
    widget.send = told.append
    widget._told(widget, page.page.evaluate("window.sent.shift()"), [])
    script = """(content) => {
        const { model } = document.querySelector(".d2l-widget");
        for (const listener of [...model.listeners.get("msg:custom")]) listener(content);
    }"""
    page.page.evaluate(script, told[0])
    page.page.wait_for_timeout(50)
    return told[0]


@pytest.fixture
def opened(mounted, monkeypatch):
    """A cleaner in a page that hands its messages over."""
    plain = browser.html
    told = "send(content) { (window.sent ??= []).push(content); }"
    monkeypatch.setattr(browser, "html", lambda widget: plain(widget).replace("    send() {}", "    " + told))

    def show(widget):
        page = mounted.open(widget)
        answered(page, widget)
        return page

    return show


def chosen(page) -> int:
    return page.result["selected"]


def test_buttons_and_keys_decide_and_go_on_to_the_next(data, opened):
    widget = LabelCleaner(data, mistaken(data.val, {0: 0.9, 1: 0.8, 2: 0.7, 3: 0.6}))
    page, files = opened(widget), widget.files
    tiles, bench = page.page.locator(".d2l-wall [role=option]"), page.page.locator(".d2l-bench")
    assert tiles.count() == 4 and chosen(page) == 0
    assert f"The label says {widget.labels[0]}. The network says {widget.taken[0]}, 90%." in bench.inner_text()
    bench.get_by_role("button", name=f"it is: {widget.labels[0]}").click()
    answered(page, widget)
    assert chosen(page) == 1, "the next is at hand"
    page.page.locator(".d2l-wall").press("r")
    answered(page, widget)
    page.page.keyboard.press("d")
    answered(page, widget)
    third = next(name for name in CLASSES if name not in (widget.labels[3], widget.taken[3]))
    bench.get_by_label("another label").select_option(third)
    answered(page, widget)
    wanted = [["keep", ""], ["relabel", widget.taken[1]], ["drop", ""], ["relabel", third]]
    assert widget.decisions == page.get("decisions") == wanted
    assert {**page.result, "selected": 0} == {
        "images": 4, "keep": 1, "relabel": 2, "drop": 1, "undecided": 0, "shown": 4, "selected": 0,
    }  # fmt: skip
    told = "All 4 are decided. Wrong labels: 2; wrong answers of the network: 1; dropped: 1."
    assert f"{told} Each decision is in corrections.csv" in page.say
    score = page.page.locator(".d2l-goal")
    assert (
        "Looks so far: 4. Wrong labels found: 2, which is 50%." in score.inner_text()
        and "find about 0.4" in score.inner_text()
    )
    assert score.get_attribute("data-reached") == "true"
    kinds = "all => all.map(node => node.dataset.decision)"
    assert page.page.locator(".d2l-finds i").evaluate_all(kinds) == [decision for decision, _ in wanted]
    assert tiles.evaluate_all(kinds) == [decision for decision, _ in wanted]
    assert tiles.locator("span").all_inner_texts() == [widget.labels[0], widget.taken[1], widget.labels[2], third]
    tiles.nth(2).click()
    drop = bench.get_by_role("button", name="drop it")
    assert chosen(page) == 2 and drop.get_attribute("aria-pressed") == "true"
    drop.click()
    answered(page, widget)
    assert widget.decisions[2] == ["", ""] and page.result["undecided"] == 1 and chosen(page) == 2, "taken back"
    page.control("which").select_option("undecided")
    assert tiles.and_(page.page.locator(":visible")).count() == 1
    assert bench.locator("img").get_attribute("alt") == f"the photograph {files[2]}"
    page.page.get_by_role("button", name="reset", exact=True).click()
    assert tiles.and_(page.page.locator(":visible")).count() == 4 and page.get("decisions") == widget.decisions


def test_the_wall_is_walked_by_keys_and_a_key_for_the_browser_is_left(data, opened):
    page = opened(LabelCleaner(data, mistaken(data.val, {at: 0.9 - at / 100 for at in range(6)})))
    wall = page.page.locator(".d2l-wall")
    wall.focus()
    for key, at in (("ArrowRight", 1), ("End", 5), ("ArrowRight", 5), ("Home", 0), ("ArrowLeft", 0), ("ArrowDown", 5)):
        page.page.keyboard.press(key)
        assert chosen(page) == at, key
    page.page.keyboard.press("Control+d")
    assert page.result["undecided"] == 6, "a bookmark is no decision"
    tile = page.page.locator("[role=option][aria-selected=true]")
    assert tile.get_attribute("aria-label").startswith("6: label ")
    assert wall.get_attribute("aria-activedescendant") == tile.get_attribute("id"), "else no screen reader tells it"


def test_what_cannot_be_saved_is_told_and_taken_back(data, opened):
    widget = LabelCleaner(data, mistaken(data.val, {0: 0.9}))
    page = opened(widget)
    (data.folder / "corrections.csv").write_text("spoiled")
    page.page.get_by_role("button", name="drop it").click()
    answered(page, widget)
    assert "was not saved" in page.say and "corrections.csv: cannot be read" in page.say
    assert page.get("decisions") == [["", ""]] and page.result["drop"] == 0


def test_where_no_notebook_runs_the_page_says_so(data, mounted):
    page = mounted.open(LabelCleaner(data, mistaken(data.val, {0: 0.9})))
    page.page.locator(".d2l-wall").press("k")
    page.page.wait_for_function("document.querySelector('.d2l-say').innerText.includes('Nothing is saved here')")
    assert "in Jupyter or Colab" in page.say and page.result["keep"] == 1


@pytest.mark.parametrize("trait", ["pictures", "files", "labels", "taken", "sure", "classes", "decisions", "which"])
def test_nonsense_is_brought_back(data, mounted, trait):
    page = mounted.open(LabelCleaner(data, mistaken(data.val, {0: 0.9, 1: 0.8})))
    for value in ("NaN", -1e9, 1e9, None, "many", [], [[None], 3], {"a": 1}):
        page.set(trait, value)
        assert "mistake" in page.say and "cannot be drawn" not in page.say, value
    widget = LabelCleaner(data, mistaken(data.val, {0: 0.9}), which="all")
    widget.which = 7
    assert widget.which == "all"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_anyone_can_use_it(data, mounted, scheme):
    page = mounted.open(LabelCleaner(data, mistaken(data.val, {0: 0.9, 1: 0.8, 2: 0.7})), scheme)
    found = browser.violations(page.page, ".d2l-interactive", preload=False)
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found] == []
