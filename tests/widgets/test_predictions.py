"""The prediction browser: what is shown and counted is what the labels and answers say."""

import numpy as np
import pytest
import torch

from d2lite.widgets import PredictionBrowser
from d2lite.widgets.predictions import ANY, EVERY, LARGEST, LOSSLESS, MOST, WHICH, confusion, selected, shared, unpacked

CLASSES = ["shirt", "coat", "bag"]
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (30, 28, 28), dtype=np.uint8)
LABELS = RNG.integers(0, 3, 30)
LOGITS = 3 * RNG.normal(size=(30, 3))
GUESSES = np.where(RNG.random(30) < 0.6, LABELS, RNG.integers(0, 3, 30))


def photos(count: int, rows: int = 32, columns: int = 32) -> np.ndarray:
    """Images in color, (count, 3, rows, columns): each a slope with some grain, around a color of its own."""
    rng = np.random.default_rng(1)
    slope = np.linspace(-1, 1, rows)[:, None] * rng.uniform(-40, 40, (count, 3, 1, 1))
    grain = rng.normal(0, 8, (count, 1, rows, columns))
    return (rng.uniform(40, 216, (count, 3, 1, 1)) + slope + grain).clip(0, 255).astype(np.uint8)


def stored(browser) -> np.ndarray:
    """The images that the sheet of a browser holds, (n, rows, columns, 3)."""
    return unpacked(browser.pixels, *browser.size).astype(int)


def made(**settings) -> PredictionBrowser:
    """One network that gives logits, and one that gives classes."""
    return PredictionBrowser(IMAGES, LABELS, CLASSES, {"net": torch.tensor(LOGITS), "base": GUESSES}, **settings)


def expected(network, which, label, taken=ANY) -> list[int]:
    """The images that are shown, by numpy."""
    answers = {"net": LOGITS.argmax(1), "base": GUESSES}
    right = answers[network] == LABELS
    rule = {"all": right | True, "right": right, "wrong": ~right, "networks disagree": answers["net"] != GUESSES}
    rule = rule | {"all networks wrong": (answers["net"] != LABELS) & (GUESSES != LABELS)}
    of_class = np.isin(LABELS, [k for k, name in enumerate(CLASSES) if label in (EVERY, name)])
    so_taken = np.isin(answers[network], [k for k, name in enumerate(CLASSES) if taken in (ANY, name)])
    return np.flatnonzero(rule[which] & of_class & so_taken).tolist()


def test_what_is_shown_in_python():
    for network, which, label in ((n, w, c) for n in ("net", "base") for w in WHICH for c in (EVERY, *CLASSES)):
        assert made(network=network, which=which, label=label).shown() == expected(network, which, label)
        taken = CLASSES[(len(which) + len(label)) % 3]
        browser = made(network=network, which=which, label=label, taken=taken)
        assert browser.shown() == expected(network, which, label, taken)
    browser = made()
    assert browser.answers[0]["sure"] == pytest.approx(torch.tensor(LOGITS).softmax(1).amax(1).tolist(), abs=1e-4)
    counted = [np.count_nonzero(np.equal(LABELS, 1) & np.equal(GUESSES, guess)) for guess in range(3)]
    assert confusion(LABELS.tolist(), GUESSES.tolist(), 1, 3) == counted
    assert (stored(browser) == IMAGES[..., None]).all() and browser.pixels.startswith("data:image/png;base64,")
    assert selected([0, 1], {"a": [0, 0]}, "a", "networks disagree", None) == []


def test_the_page_shows_the_same(mounted):
    page = mounted.open(made())
    tables = {
        name: [confusion(LABELS.tolist(), given.tolist(), label, 3) for label in range(3)]
        for name, given in (("net", LOGITS.argmax(1)), ("base", GUESSES))
    }
    for network, which, label in ((n, w, c) for n in ("net", "base") for w in WHICH for c in (EVERY, *CLASSES)):
        for trait, value in (("network", network), ("which", which), ("label", label)):
            page.set(trait, value)
        images = expected(network, which, label)
        assert page.result["shown"] == images and page.result["confusion"] == tables
        assert page.page.locator("[role=option]").count() == len(images)
        wrong = len(expected(network, "wrong", label))
        assert page.say.startswith(f"{network} gets {wrong} of {len(expected(network, 'all', label))} images")
    shown = on_page(page)
    assert (shown[..., :3] == IMAGES[page.result["shown"]][..., None]).all() and (shown[..., 3] == 255).all()


CANVASES = """[...document.querySelectorAll("[role=option] canvas")].map((canvas) => {
    const { width, height } = canvas;
    return [height, width, [...canvas.getContext("2d").getImageData(0, 0, width, height).data]];
})"""


def on_page(page) -> np.ndarray:
    """The images that the page shows, (n, rows, columns, 4): red, green, blue and alpha."""
    return np.array([np.reshape(data, (rows, columns, 4)) for rows, columns, data in page.page.evaluate(CANVASES)])


@pytest.mark.parametrize(
    "count, rows, columns, kind", [(MOST, 32, 32, "jpeg"), (9, 28, 20, "png"), (MOST, 30, 33, "jpeg")]
)
def test_color_on_the_page_and_in_the_picture(mounted, count, rows, columns, kind):
    images, labels = photos(count, rows, columns), np.arange(count) % 3
    browser = PredictionBrowser(torch.tensor(images), labels, CLASSES, {"net": labels}, which="all")
    assert browser.pixels.startswith(f"data:image/{kind};base64,") and len(browser.pixels) < 150_000
    page, source = mounted.open(browser), images.transpose(0, 2, 3, 1).astype(int)
    shown = on_page(page)
    assert shown.shape == (count, rows, columns, 4) and (shown[..., 3] == 255).all()
    assert abs(shown[..., :3] - stored(browser)).max() <= 2, "the page and Python decode the same picture"
    apart = abs(shown[..., :3] - source)
    assert apart.max() <= (20 if kind == "jpeg" else 0) and apart.mean() < 4
    assert abs((shown[..., :3] - source).mean((1, 2))).max() < 1.5, "each has its own color, to its edge"
    drawn = next(axes for axes in browser.picture().axes if axes.images).images[0].get_array()
    assert np.array_equal(drawn, stored(browser)[0])


def test_a_sheet_loses_nothing_until_it_is_large():
    gray = RNG.integers(0, 256, (MOST, 28, 28), dtype=np.uint8) // 16 * 16
    for images, kind in ((gray, "png"), (photos(MOST), "jpeg"), (RNG.integers(0, 256, (99, 32, 32), np.uint8), "jpeg")):
        browser = PredictionBrowser(images, np.zeros(len(images), int), CLASSES, {})
        head, _, body = browser.pixels.partition(",")
        assert head == f"data:image/{kind};base64" and (kind == "jpeg" or len(body) < 1.34 * LOSSLESS + 4)
        apart = abs(stored(browser) - (images[..., None] if images.ndim == 3 else images.transpose(0, 2, 3, 1)))
        assert (apart.max() == 0) == (kind == "png")


def test_answers_of_a_stored_run(mounted):
    """Classes and probabilities, as an npz file holds them, in the place of logits."""
    predicted, probability = np.array([0, 2, 1] * 10, np.uint8), np.linspace(0.2, 1, 30).round(2)
    runs = {"stored": (predicted, torch.tensor(probability)), "listed": (predicted.tolist(), probability.tolist())}
    browser = PredictionBrowser(IMAGES, LABELS, CLASSES, runs | {"classes": predicted}, which="all", image=4)
    assert [given["sure"] for given in browser.answers] == [probability.tolist()] * 2 + [[]]
    assert [given["predicted"] for given in browser.answers] == [predicted.tolist()] * 3
    page = mounted.open(browser)
    assert (
        f"stored says bag ({probability[4]:.2f}), listed says bag ({probability[4]:.2f}), classes says bag." in page.say
    )
    long = (np.zeros(10_000, np.uint8), np.ones(10_000))
    first = PredictionBrowser(np.zeros((10_000, 3, 8, 8), np.uint8), long[0], CLASSES, {"run": long})
    assert len(first.labels) == len(first.answers[0]["sure"]) == MOST, "a whole test set may be given"
    two = PredictionBrowser(IMAGES[:2], LABELS[:2], CLASSES, {"net": (1, 2)})
    assert two.answers == [{"name": "net", "predicted": [1, 2], "sure": [], "shares": []}], "two classes are no pair"


def test_mistakes_that_are_shared(mounted):
    page, net = mounted.open(made()), LOGITS.argmax(1)
    page.page.locator(".d2l-answer").click()
    answers, told = {"net": net.tolist(), "base": GUESSES.tolist()}, set()
    for network, other, label in ((n, o, c) for n, o in (("net", "base"), ("base", "net")) for c in (EVERY, *CLASSES)):
        page.set("network", network)
        page.set("label", label)
        of_class = np.isin(LABELS, [k for k, name in enumerate(CLASSES) if label in (EVERY, name)])
        both = of_class & (net != LABELS) & (GUESSES != LABELS)
        counts = [np.count_nonzero(both), np.count_nonzero(both & (net == GUESSES))]
        told.add(tuple(counts))
        assert page.result["shared"] == {other: counts}
        assert f"{other} gets {counts[0]} wrong as well, {counts[1]} of them for the same class." in page.say
        number = None if label == EVERY else CLASSES.index(label)
        assert shared(LABELS.tolist(), answers, network, number) == {other: tuple(counts)}
    assert len(told) > 2 and any(0 < alike < both for both, alike in told), "the counts tell something"
    page.control("which").select_option("both wrong")
    assert page.get("which") == "all networks wrong"
    three = PredictionBrowser(
        IMAGES, LABELS, CLASSES, {"a": net, "b": GUESSES, "c": LABELS}, which="all networks wrong"
    )
    page = mounted.open(three)
    page.page.locator(".d2l-answer").click()
    assert page.result["shown"] == three.shown() == [] and page.result["shared"]["c"] == [0, 0]
    assert "c gets 0 wrong as well. All networks get 0 wrong." in page.say


def test_the_first_frame_leaves_the_question_open(mounted):
    """Which class is mistaken most often, and for which other one? No square is open, and no sentence tells."""
    page = mounted.open(made())
    squares = page.page.locator(".d2l-square")
    assert squares.count() == 9 and page.page.locator(".d2l-closed").count() == 9
    assert squares.all_inner_texts() == [""] * 9 and page.page.locator(".d2l-by-network").inner_text() == ""
    assert "wrong as well" not in page.say and "commonest" not in page.say and page.result["opened"] == 0
    page.page.locator(".d2l-answer").click()
    table = np.array(page.result["confusion"]["net"])
    assert squares.all_inner_texts() == [str(count) for count in table.ravel()]
    mistakes = {(a, b): table[a, b] for a in range(3) for b in range(3) if a != b}
    (true, taken), most = max(mistakes.items(), key=lambda pair: pair[1])
    assert f"Its commonest mistake, {most} times: {CLASSES[true]} for {CLASSES[taken]}" in page.say


def test_a_square_opens_and_shows_its_images(mounted):
    page, table = mounted.open(made()), None
    for true, taken in ((0, 1), (2, 0), (1, 1)):
        page.page.locator(f"[data-cell='{true},{taken}']").click()
        table = page.result["confusion"]["net"]
        images = expected("net", "all", CLASSES[true], CLASSES[taken])
        assert page.result["shown"] == images and len(images) == table[true][taken]
        assert page.page.locator(f"[data-cell='{true},{taken}']").inner_text() == str(len(images))
        assert (page.get("label"), page.get("taken"), page.get("which")) == (CLASSES[true], CLASSES[taken], "all")
        assert f"It takes {len(images)} of these for {CLASSES[taken]}." in page.say
    assert page.page.locator(".d2l-closed").count() == 6 and page.result["opened"] == 2
    most = max(table[0][1], table[2][0])
    assert f"You have opened 2 of 6 mistakes; the commonest so far, {most} times" in page.say
    page.control("network").select_option("base")
    assert page.page.locator(".d2l-closed").count() == 9, "another network is another board"
    page.control("network").select_option("net")
    page.page.locator("[data-cell='1,1']").click()
    assert (page.get("label"), page.get("taken")) == (EVERY, ANY), "a second click lets go"
    board = page.page.locator(".d2l-squares")
    board.focus()
    for key in ("ArrowUp", "ArrowRight", "ArrowRight", "Enter"):  # from where the last click was
        page.page.keyboard.press(key)
    assert (page.get("label"), page.get("taken")) == ("shirt", "bag") and page.result["opened"] == 3
    assert board.get_attribute("aria-label").startswith(f"shirt taken for bag: {table[0][2]}.")
    page.control("taken").select_option("any class")
    assert page.page.locator(".d2l-by-network thead").inner_text().startswith("shirt, taken for")
    page.page.get_by_role("button", name="reset").click()
    assert page.page.locator(".d2l-closed").count() == 9


def test_all_probabilities_are_shown_where_they_are_known(mounted):
    page, shares = mounted.open(made(which="all", image=7)), np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)
    numbers = page.page.locator(".d2l-shares > span:nth-child(3n + 4)")
    assert numbers.all_inner_texts() == [f"{round(share, 3):.2f}" for share in shares[7]]
    tracks = page.page.locator(".d2l-track").evaluate_all(
        "all => all.map(track => track.firstChild.getBoundingClientRect().width / track.getBoundingClientRect().width)"
    )
    assert tracks == pytest.approx(shares[7].clip(0.01), abs=0.02)
    page.control("network").select_option("base")
    assert page.page.locator(".d2l-shares").count() == 0, "of classes alone none are known"


def test_what_is_said_of_an_image_stays_in_sight(mounted):
    page = mounted.open(made(which="all"), width=390)
    page.page.get_by_role("button", name="more images").click()
    for number in (5, 14, 29):
        option = page.page.locator("[role=option]").nth(number)
        option.evaluate("node => node.scrollIntoView({ block: 'end', behavior: 'instant' })")
        option.click()
        detail = page.page.locator(".d2l-detail").bounding_box()
        assert detail["y"] >= 0 and detail["y"] + detail["height"] <= 900, number
    mounted.open(made(which="all"))
    assert page.page.locator(".d2l-detail").bounding_box()["y"] < 300


def test_many_classes_get_no_squares(mounted):
    names = [f"class {number}" for number in range(40)]
    page = mounted.open(PredictionBrowser(IMAGES, LABELS, names, {"net": GUESSES}, label="class 1"))
    assert page.page.locator(".d2l-square:visible").count() == 0 and "Open squares" not in page.page.inner_text(
        ".d2l-hint"
    )
    assert page.page.locator(".d2l-by-network thead").inner_text().startswith("class 1, taken for")


def test_mouse_and_keyboard(mounted):
    page = mounted.open(made(which="all"))
    options = page.page.locator("[role=option]")
    options.nth(3).click()
    assert page.result["image"] == 3 and f"Test image 4: {CLASSES[LABELS[3]]}." in page.say
    page.page.keyboard.press("Tab")
    page.page.locator("[role=listbox]").focus()
    for key, image in (("ArrowRight", 4), ("ArrowLeft", 3), ("Home", 0), ("ArrowLeft", 0), ("End", 29)):
        page.page.keyboard.press(key)
        assert page.result["image"] == image and options.nth(image).get_attribute("aria-selected") == "true"
    assert page.page.evaluate("document.activeElement.getAttribute('role')") == "listbox"
    page.page.keyboard.press("ArrowUp")
    above, last = (options.nth(page.get("image") if move else 29).bounding_box() for move in (True, False))
    assert above["x"] == last["x"] and above["y"] < last["y"]
    name = CLASSES[LOGITS.argmax(1)[page.result["image"]]]
    assert f"net says {name} (0." in page.say or f"net says {name} (1.00" in page.say
    page.press("label", "ArrowDown", 1)
    assert page.result["shown"] == expected("net", "all", "shirt") and "images of shirt" in page.say
    assert page.page.locator("thead").last.inner_text().startswith("shirt, taken for")


def test_a_phone_shows_some_images_and_more_on_demand(mounted):
    page = mounted.open(made(which="all"), width=390)
    options, more = page.page.locator("[role=option]:visible"), page.page.get_by_role("button", name="more images")
    assert options.count() == 12 and "12 of 30" in more.inner_text()
    more.click()
    assert options.count() == 30 and not more.is_visible()
    assert (
        page.page.evaluate("(list => list.scrollHeight - list.clientHeight)(document.querySelector('.d2l-images'))")
        == 0
    )
    page = mounted.open(made(which="all"), width=390)
    page.page.locator("[role=listbox]").press("End")
    assert page.result["image"] == 29 and options.count() == 30, "what the keys choose is seen"
    mounted.open(made(which="all"))
    assert options.count() == 30 and not more.is_visible(), "elsewhere the list scrolls"


def test_nonsense_is_brought_back(mounted):
    page = mounted.open(made())
    for trait in ("network", "which", "label", "taken", "image"):
        for value in ("NaN", -1e9, 1e9, None, "many"):
            page.set(trait, value)
            assert page.say.startswith("net gets"), (trait, value)


NO_DATA = [
    ("answers", []),
    ("labels", [99] * 30),
    ("pixels", "AAAA"),
    ("pixels", "https://example.org/sheet.png"),
    ("pixels", "data:image/png;base64,AAAA"),
    ("pixels", made().pixels.replace("png;base64,", "png;base64,AAAA")),
    ("pixels", PredictionBrowser(IMAGES[:29], LABELS[:29], CLASSES).pixels),
    ("size", []),
    ("size", [28, 33]),
]  # fmt: skip


@pytest.mark.parametrize("trait, value", NO_DATA)
def test_data_that_do_not_fit_are_named(mounted, trait, value):
    browser = made()
    browser.set_trait(trait, value)
    page = mounted.open(browser)
    assert page.result["shown"] == [] and page.say.startswith(
        "There are no images" if trait == "answers" else "images, "
    )


def test_python_names_what_does_not_fit():
    for change in ({"labels": LABELS[:5]}, {"labels": LABELS + 3}, {"answers": {"net": [0] * 7}}, {"classes": ["one"]}):
        with pytest.raises(ValueError, match="need as many|must be whole numbers from 0"):
            PredictionBrowser(**{"images": IMAGES, "labels": LABELS, "classes": CLASSES, "answers": {}} | change)
    browser = made(which="some", network=3, label="dog", image=-4)
    assert (browser.which, browser.network, browser.label, browser.image) == ("wrong", "net", EVERY, 0)
    assert repr(browser) == (
        "PredictionBrowser(image=0, label='every class', network='net', taken='any class', which='wrong')"
    )
    assert browser.picture() and PredictionBrowser().picture() and made(which="right", label="bag").picture()
    many = PredictionBrowser(
        torch.rand(200, 1, 8, 9), torch.zeros(200), ["a"], {"n": torch.zeros(200, dtype=torch.long)}
    )
    assert len(many.labels) == MOST and many.size == [8, 9] and many.shown() == []


@pytest.mark.slow
def test_a_choice_that_is_not_there_is_brought_back():
    browser = made(network="base", label="coat")
    for trait, first in (("label", EVERY), ("taken", ANY), ("network", "net")):
        for value in ("zzz", 3, None, [1], np.arange(3)):
            setattr(browser, trait, value)
            assert getattr(browser, trait) == first and browser.picture()
    browser.network, browser.label = "base", "coat"
    assert browser.shown() == expected("base", "wrong", "coat"), "one that is there stays"
    browser.answers = browser.answers[:1]
    assert (browser.network, browser.label) == ("net", "coat")
    browser.answers = []
    assert browser.network == "" and browser.picture()


NOT_FINITE = [np.where(np.arange(90).reshape(30, 3) == 31, odd, LOGITS) for odd in (np.nan, np.inf, -np.inf)]
GIVEN = {"images": IMAGES, "labels": LABELS, "classes": CLASSES, "answers": {"net": LOGITS}}
SHAPES = r"give \(N, H, W\), \(N, 1, H, W\) or, of color ones, \(N, 3, H, W\)"
WILD = "^wild answers with numbers that are infinite or none$"
REFUSED = [
    *(({"answers": {"base": GUESSES, "wild": rows}}, WILD) for rows in NOT_FINITE),
    ({"answers": {"wild": [np.nan] * 30}}, WILD),
    ({"answers": {"net": ["shirt"] * 30}}, "^net answers with what is no array of numbers"),
    ({"answers": {"net": LOGITS[:, :2]}}, "^net answers with rows of 2 numbers, and there are 3 classes$"),
    ({"answers": {"net": GUESSES + 0.5}}, "^answers of net must be whole numbers from 0 to 2"),
    ({"labels": None}, "^labels hold what is no array of numbers: None"),
    ({"labels": LABELS + 0.5}, "^labels must be whole numbers"),
    ({"images": None}, "^images hold what is no array of numbers: None"),
    ({"images": np.full((30, 8, 8), np.nan)}, "^images hold numbers that are infinite or none$"),
    ({"images": torch.rand(30, 8, 8, 3)}, rf"^images are \(30, 8, 8, 3\): {SHAPES}, where the channels come"),
    ({"images": torch.rand(30, 2, 8, 8)}, rf"^images are \(30, 2, 8, 8\): {SHAPES}"),
    ({"images": torch.rand(30, 4, 8, 8)}, rf"^images are \(30, 4, 8, 8\): {SHAPES}"),
    ({"images": torch.rand(8, 8)}, rf"^images are \(8, 8\): {SHAPES}"),
    ({"images": np.zeros((30, 1, 8, LARGEST + 1))}, r"^images are \(30, 1, 8, 257\): give small ones, of 256 × 256"),
    ({"images": torch.rand(29, 3, 8, 8)}, "^29 images need as many labels and answers, not"),
    ({"answers": {"run": (GUESSES[:9], np.ones(9))}}, "^30 images need as many labels and answers, not"),
    ({"answers": {"run": (GUESSES, np.ones(9))}}, r"^run answers with 30 classes and probabilities of shape \(9,\)$"),
    ({"answers": {"run": (GUESSES, LOGITS)}}, r"^run answers with 30 classes and probabilities of shape \(30, 3\)$"),
    ({"answers": {"run": (GUESSES, np.full(30, 200, np.uint8))}}, "^probabilities of run must be from 0 to 1: divide"),
    ({"answers": {"run": (GUESSES, np.full(30, -0.1))}}, "^probabilities of run must be from 0 to 1"),
    ({"answers": {"run": (GUESSES, np.full(30, np.nan))}}, "^probabilities of run hold numbers that are infinite"),
    ({"answers": {"run": (LOGITS, np.ones(30))}}, "^answers of run must be whole numbers from 0 to 2"),
    ({"answers": {"run": (GUESSES + 3, np.ones(30))}}, "^answers of run must be whole numbers from 0 to 2"),
]  # fmt: skip


@pytest.mark.parametrize("change, message", REFUSED)
def test_what_cannot_be_shown_is_refused(change, message):
    assert PredictionBrowser(**GIVEN).labels
    with pytest.raises(ValueError, match=message):
        PredictionBrowser(**GIVEN | change)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_tensors_of_every_kind(kind):
    logits = torch.tensor(LOGITS, dtype=kind, requires_grad=True)
    images = torch.tensor(IMAGES / 255, dtype=kind, requires_grad=True)[:, None]
    shares = logits.softmax(1)
    browser = PredictionBrowser(images, torch.tensor(LABELS), CLASSES, {"net": logits, "shares": shares})
    for given in browser.answers:
        assert given["predicted"] == LOGITS.argmax(1).tolist()
        assert given["sure"] == pytest.approx(torch.tensor(LOGITS).softmax(1).amax(1).tolist(), abs=0.02)
        assert max(given["sure"]) <= 1
    assert abs(stored(browser) - IMAGES[..., None]).max() <= (1 if kind != torch.bfloat16 else 2)
    masks = PredictionBrowser(**GIVEN | {"images": IMAGES > 99})
    assert (stored(masks) == 255 * (IMAGES > 99)[..., None]).all()
    colors = torch.tensor(photos(30, 8, 8)).to(kind) / 255 * 4 - 2  # as normalized images are
    shown, source = stored(PredictionBrowser(**GIVEN | {"images": colors})), photos(30, 8, 8).transpose(0, 2, 3, 1)
    stretched = (source - float(source.min())) / (source.max() - float(source.min())) * 255
    assert abs(shown - stretched).max() <= (1 if kind in (torch.float32, torch.float64) else 4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_tensors_on_another_device():
    images, labels, logits = (torch.tensor(given, device="cuda") for given in (IMAGES, LABELS, LOGITS))
    assert PredictionBrowser(images, labels, CLASSES, {"net": logits}).answers == made().answers[:1]


def test_what_is_counted_here_is_not_said_of_the_whole_test_set(mounted):
    page = mounted.open(made())
    page.page.locator(".d2l-answer").click()
    assert f"That is of these {len(page.get('labels'))} images alone" in page.say


def whole_test_set() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels and answers of 600 images, and how many of each class are taken for each."""
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 3, 600)
    answers = np.where(rng.random(600) < 0.5, labels, np.where(rng.random(600) < 0.8, 2, 0))
    table = np.zeros((3, 3), int)
    np.add.at(table, (labels, answers), 1)
    return labels, answers, table


def test_squares_count_a_whole_test_set(mounted):
    labels, answers, table = whole_test_set()
    browser = PredictionBrowser(IMAGES, labels[:30], CLASSES, {"net": answers[:30]}, network="net")
    assert browser.counts == {}, "of these images alone"
    # answers of all images, of which the first ones are shown
    given = {"net": (answers, np.full(600, 0.5)), "rows": np.eye(3)[answers]}
    images = np.resize(IMAGES, (600, 28, 28))
    browser = PredictionBrowser(images, labels, CLASSES, given, network="net", all_labels=labels)
    assert browser.counts == {"net": table.tolist(), "rows": table.tolist()} and len(browser.labels) == MOST
    page = mounted.open(browser)
    assert page.result["confusion"] == browser.counts
    wrong = table.sum() - np.trace(table)
    assert page.say.startswith(f"net gets {wrong} of 600 images wrong.")
    page.page.locator("[data-cell='0,2']").click()
    assert page.page.locator("[data-cell='0,2']").inner_text() == str(table[0, 2])
    assert f"gets {table[0].sum() - table[0, 0]} of {table[0].sum()} images of shirt wrong" in page.say
    assert f"It takes {table[0, 2]} of these for bag." in page.say and page.page.locator("[role=option]").count() < 120
    page.page.locator(".d2l-answer").click()
    assert "That is of all 600 images; 120 of them are shown. Of the" in page.say
    for counts in ({"net": table.tolist()}, {}, {"net": [[1]], "rows": [[1]]}, {"net": "many", "rows": None}):
        broken = PredictionBrowser(images, labels, CLASSES, given, all_labels=labels)
        broken.counts = counts
        assert mounted.open(broken).say.startswith("net gets"), "then these images are counted"
        assert np.sum(page.result["confusion"]["net"]) == MOST
    with pytest.raises(ValueError, match="net answers 600 times, and there are 599 labels of all images"):
        PredictionBrowser(images, labels, CLASSES, given, all_labels=labels[:599])


def test_the_hunt_says_warmer_and_colder_and_when_it_is_over(mounted):
    labels, answers, table = whole_test_set()
    page = mounted.open(PredictionBrowser(IMAGES, labels[:30], CLASSES, {"net": answers[:30]}, network="net"))
    table = np.array(page.result["confusion"]["net"])
    pairs = sorted(((table[a, b], a, b) for a in range(3) for b in range(3) if a != b), key=lambda pair: pair[0])
    (low, *first), (middle, *second), (most, *last) = pairs[1], pairs[3], pairs[-1]
    assert low < middle < most > pairs[-2][0]
    goal, bars = page.page.locator(".d2l-goal"), page.page.locator(".d2l-line[style], .d2l-column[style]")
    assert "How many must you open?" in goal.inner_text() and bars.count() == 0
    for (a, b), said in ((second, "Bars behind"), (first, "Colder than before."), (last, "no mistake is more common")):
        page.page.locator(f"[data-cell='{a},{b}']").click()
        assert said in goal.inner_text() and bars.count() == 6
    assert goal.inner_text() == (
        f"✓ {CLASSES[last[0]]} for {CLASSES[last[1]]}, {most} times: no mistake is more common. "
        "It was your square number 3."
    )
    assert goal.get_attribute("data-reached") == "true"
    page.page.get_by_role("button", name="reset", exact=True).click()
    assert "How many must you open?" in goal.inner_text() and bars.count() == 0


def test_whoever_asks_for_images_taken_for_their_own_class_is_shown_them(mounted):
    page = mounted.open(made())
    page.control("label").select_option("bag")
    assert page.get("which") == "wrong" and page.result["shown"] == expected("net", "wrong", "bag", ANY)
    page.control("taken").select_option("bag")
    assert page.get("which") == "right" and page.result["shown"] == expected("net", "right", "bag", "bag") != []


def test_an_opened_square_hints_at_where_to_look_next(mounted):
    page = mounted.open(made())
    page.page.locator("[data-cell='0,1']").click()
    table = np.array(page.result["confusion"]["net"])
    here, there = table[0].sum() - table[0, 0], table[:, 1].sum() - table[1, 1]
    assert f"In all, {here} of {CLASSES[0]} go wrong, and {there} of others are taken for {CLASSES[1]}." in page.say
    page.page.locator(".d2l-answer").click()
    assert "In all" not in page.say
