"""A photograph through the eyes of the small trained network: on the site in a worker, in a notebook by Python."""

import base64
import io
import json

import browser
import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

import d2lite as d2l
from d2lite.widgets import PhotoUpload, photo_upload
from d2lite.widgets.exported_page import steps_of
from tools import known_network

RESULT = "document.querySelector('.d2l-widget').model.get('result').lens"
SAYS = f"{RESULT}?.says"


@pytest.fixture(scope="module")
def script() -> str:
    return known_network.script()


@pytest.fixture(scope="module")
def stored() -> dict:
    return json.loads(known_network.STORED.read_text("utf-8"))


@pytest.fixture
def site(mounted, monkeypatch, script):
    """``site(scheme, width)``: the interactive on a page of the site, with the network at hand."""
    plain = browser.html
    known = script.replace("</", "<\\/")

    def html(widget):
        text = plain(widget).replace('<html lang="en">', '<html lang="en" data-content_root="./">')
        return text.replace("<body>", f"<body><script>{known}</script>")

    monkeypatch.setattr(browser, "html", html)

    def opened(scheme="light", width=900):
        page = mounted.open(PhotoUpload("pets"), scheme, width)
        page.page.wait_for_function(SAYS)
        return page

    return opened


def until(page, condition: str) -> dict:
    page.page.wait_for_function(f"(lens => {condition})({RESULT})", timeout=20_000)
    return page.page.evaluate(RESULT)


def photograph(stored, at: int) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(stored["photographs"][at]["png"]))).convert("RGB"))


def run(stored, image: np.ndarray) -> torch.Tensor:
    """The logits that PyTorch computes from the numbers that the page gets."""
    numbers, outputs = known_network.unpacked(stored), []
    mean, std = (torch.tensor(stored[name])[:, None, None] for name in ("mean", "std"))
    picture = ((torch.tensor(image).permute(2, 0, 1) / 255 - mean) / std)[None]
    for step in stored["steps"]:
        given = [picture if at < 0 else outputs[at] for at in step["from"]]
        if "weight" in step:
            channels = step["shape"][0]
            weight = numbers[step["weight"] : step["bias"]].reshape(channels, given[0].shape[1], -1)
            bias = numbers[step["bias"] : step["bias"] + channels]
        match step["kind"]:
            case "convolution":
                weight = weight.unflatten(2, step["kernel_size"])
                outputs.append(F.conv2d(given[0], weight, bias, step["stride"], step["padding"]))
            case "ReLU":
                outputs.append(given[0].relu())
            case "addition":
                outputs.append(sum(given))
            case "average pooling":
                outputs.append(F.avg_pool2d(given[0], step["kernel_size"]))
            case "reshaping":
                outputs.append(given[0].flatten(1))
            case _:
                outputs.append(F.linear(given[0], weight[..., 0], bias))
    return outputs[-1][0]


def test_what_the_site_stores_is_the_network_that_ships(stored):
    known = d2l.pretrained()
    steps, numbers = steps_of(known.net, torch.zeros(1, 3, 32, 32), 8)
    assert stored["steps"] == steps and stored["classes"] == [*known.classes], "run `python -m tools.known_network`"
    letters, sizes, biases = known_network.packed(numbers, steps)
    assert stored["sizes"] == pytest.approx(sizes, rel=1e-3)
    assert stored["biases"] == pytest.approx(biases, rel=1e-3, abs=1e-4)
    # Where a weight lies between two levels, processors differ in which is nearer.
    level = known_network.LETTERS.index
    moved = [abs(level(a) - level(b)) for a, b in zip(stored["letters"], letters, strict=True)]
    assert max(moved) <= 1 and sum(moved) < len(moved) / 1000
    apart = (known_network.unpacked(stored) - numbers).abs()
    assert apart.max() < 0.04 and stored["photographs"] == known_network.photographs(known.classes)
    assert len(known_network.script()) < 400_000


def test_six_bits_say_what_the_network_says(stored):
    for at, one in enumerate(stored["photographs"]):
        image = photograph(stored, at)
        exact = photo_upload.seen(base64.b64encode(image.tobytes()).decode())
        assert stored["classes"][run(stored, image).argmax()] == one["label"]
        assert exact["classes"][np.argmax(exact["logits"])] == one["label"]
        assert (run(stored, image).softmax(0) - torch.tensor(exact["logits"]).softmax(0)).abs().max() < 0.1


def test_python_says_what_the_network_says_and_where(stored):
    known, image = d2l.pretrained(), photograph(stored, 1)
    told = photo_upload.seen(base64.b64encode(image.tobytes()).decode())
    mean, std = (torch.tensor(each)[:, None, None] for each in (known.mean, known.std))
    with torch.no_grad():
        logits = known.net(((torch.tensor(image).permute(2, 0, 1) / 255 - mean) / std)[None])[0]
        bias = known.net.head[-1].bias
    torch.testing.assert_close(torch.tensor(told["logits"]), logits, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(torch.tensor(told["maps"]).mean(1) + bias, logits, atol=1e-4, rtol=1e-4)
    for nonsense in (None, 3, "", "????", base64.b64encode(b"12").decode(), [1]):
        with pytest.raises(photo_upload.Refused, match="no pixels"):
            photo_upload.seen(nonsense)


def test_the_page_computes_what_pytorch_does(site, stored):
    page = site()
    buttons = page.page.locator(".d2l-samples button")
    assert buttons.count() == len(stored["photographs"]) == 8
    for at in (0, 1, 5):
        buttons.nth(at).click()
        label = stored["photographs"][at]["label"]
        found = until(page, f"lens.says === '{label}'")
        assert np.allclose(found["logits"], run(stored, photograph(stored, at)), atol=2e-3)
        assert page.say.startswith(f"The network says {label}, ")
        assert page.page.locator(".d2l-said [data-top=true] span").inner_text() == label


def test_gray_squares_change_its_mind_and_the_fewest_count(site):
    page = site()
    page.page.locator(".d2l-samples button").nth(1).click()
    first = until(page, "lens.says === 'cat'")
    grid, goal = page.page.locator(".d2l-target .d2l-pixels"), page.page.locator(".d2l-goal")
    assert "Gray: 0." in goal.inner_text() and goal.get_attribute("data-reached") == "false"
    box = grid.bounding_box()

    def click(row, column):
        page.page.mouse.click(box["x"] + (column + 0.5) * box["width"] / 8, box["y"] + (row + 0.5) * box["height"] / 8)

    click(2, 2)
    assert until(page, "lens.covered === 1")["logits"] != first["logits"]
    click(2, 2)
    until(page, f"lens.covered === 0 && lens.logits[0] === {first['logits'][0]}")
    for place in range(64):
        click(*divmod(place, 8))
        if until(page, f"lens.covered === {place + 1}")["reached"]:
            break
    until(page, "lens.reached")
    count = page.page.evaluate(RESULT)["covered"]
    assert 1 < count < 64 and goal.inner_text().startswith(f"✓ Gray squares that change its mind: {count}.")
    assert "Before, it said cat." in page.say
    page.page.get_by_role("button", name="uncover all").click()
    assert until(page, "lens.says === 'cat'")["covered"] == 0
    assert f"Fewest so far: {count}." in goal.inner_text()
    page.page.get_by_role("button", name="reset", exact=True).click()
    until(page, "lens.says === 'cat'")
    assert "Fewest" not in goal.inner_text()


def test_squares_and_frame_move_by_keys(site):
    page = site()
    first = until(page, "lens.says")["logits"]
    page.page.locator(".d2l-target .d2l-pixels").focus()
    for key in ("ArrowDown", "ArrowRight", "Enter", "End", " "):
        page.page.keyboard.press(key)
    covered = until(page, f"lens.covered === 2 && lens.logits[0] !== {first[0]}")
    page.page.locator(".d2l-framed").focus()
    page.page.keyboard.press("ArrowRight")
    moved = until(page, f"lens.covered === 0 && lens.logits[0] !== {covered['logits'][0]}")
    assert moved["logits"] != first, "another part of the photograph"
    turn = page.page.get_by_label("turned by")
    turn.focus()
    for _ in range(3):
        page.page.keyboard.press("PageUp")
    assert turn.get_attribute("aria-valuetext").endswith("°")
    assert until(page, f"lens.logits[0] !== {moved['logits'][0]}")["logits"] != moved["logits"]


def test_what_speaks_for_the_answer_is_colored(site):
    page = site()
    canvas = page.page.locator(".d2l-target canvas")
    pixels = """node => {
        const copy = new OffscreenCanvas(32, 32).getContext("2d");
        copy.drawImage(node, 0, 0);
        return [...copy.getImageData(0, 0, 32, 32).data];
    }"""
    before = np.reshape(canvas.evaluate(pixels), (32, 32, 4))
    button = page.page.get_by_role("button", name="show what speaks for it")
    button.click()
    after = np.reshape(canvas.evaluate(pixels), (32, 32, 4))
    assert button.get_attribute("aria-pressed") == "true" and (before != after).any()
    assert page.page.locator(".d2l-target figcaption").inner_text() == "Orange speaks for ship, purple against it."
    spoken = np.abs(after - before).sum((2,)).reshape(8, 4, 8, 4).mean((1, 3))
    assert spoken.max() > 4 * spoken.min(), "some squares speak louder than others"
    button.click()
    assert (np.reshape(canvas.evaluate(pixels), (32, 32, 4)) == before).all()


def test_a_photograph_of_ones_own_is_looked_at(site):
    page = site()
    file = io.BytesIO()
    Image.new("RGB", (900, 600), (40, 90, 200)).save(file, "jpeg")
    page.page.get_by_label("a photograph of your own").set_input_files(
        [{"name": "sky.jpg", "mimeType": "image/jpeg", "buffer": file.getvalue()}]
    )
    page.page.wait_for_function("document.querySelector('.d2l-framed').height === 160")
    assert page.page.locator(".d2l-samples [aria-pressed=true]").count() == 0
    data = page.page.locator(".d2l-target canvas").evaluate(
        "node => [...node.getContext('2d').getImageData(9, 9, 1, 1).data]"
    )
    assert np.abs(np.subtract(data[:3], (40, 90, 200))).max() < 6
    until(page, "lens.says")
    page.page.get_by_label("a photograph of your own").set_input_files(
        [{"name": "song.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"}]
    )
    page.page.wait_for_function("document.querySelector('.d2l-say').innerText.startsWith('song.jpg is no picture')")


def test_the_notebook_hands_the_lens_over_and_looks(mounted, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pets" / "cat").mkdir(parents=True)
    Image.new("RGB", (300, 200), "orange").save(tmp_path / "pets" / "cat" / "mine.jpg")
    (tmp_path / "pets" / "cat" / "broken.jpg").write_bytes(b"no picture")
    plain, upload, told = browser.html, PhotoUpload("pets"), []
    sending = "send(content) { (window.sent ??= []).push(content); }"
    monkeypatch.setattr(browser, "html", lambda widget: plain(widget).replace("    send() {}", "    " + sending))
    page, upload.send = mounted.open(upload), told.append
    asked = []
    while "see" not in asked:
        page.page.wait_for_function("window.sent?.length", timeout=10_000)
        content = page.page.evaluate("window.sent.shift()")
        asked.append(next(name for name in content if name != "id"))
        upload._told(upload, content, [])
        script = """(content) => {
            const { model } = document.querySelector(".d2l-widget");
            for (const listener of [...model.listeners.get("msg:custom")]) listener(content, []);
        }"""
        page.page.evaluate(script, told.pop())
    assert asked == ["hello", "lens", "see"]
    page.page.wait_for_function(SAYS)
    names = page.page.locator(".d2l-samples img").evaluate_all("all => all.map(node => node.alt)")
    assert names == ["cat/mine.jpg", "flower", "china"], "what cannot be decoded is left out"
    assert page.say.startswith("The network says ") and page.page.locator(".d2l-shelf[open]").count() == 1


@pytest.mark.parametrize("width", [390, 900])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_anyone_can_look(site, scheme, width):
    page = site(scheme, width)
    page.page.get_by_role("button", name="show what speaks for it").click()
    found = browser.violations(page.page, ".d2l-interactive", preload=False)
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found] == []
    if width < 400:
        sizes = "all => all.map(node => [node.outerHTML.slice(0, 80), node.offsetWidth, node.offsetHeight])"
        parts = page.page.locator(".d2l-lens :is(button, input):visible").evaluate_all(sizes)
        assert [part for part in parts if part[2] < 44 or ("range" in part[0] and part[1] < 200)] == []
        assert page.page.locator("html").evaluate("node => node.scrollWidth") <= 390


def test_the_page_answers_while_the_network_thinks(site):
    page = site()
    box = page.page.locator(".d2l-framed").bounding_box()
    with browser.tasks(page.page) as found:
        page.page.mouse.move(box["x"] + 80, box["y"] + 80)
        page.page.mouse.down()
        for step in range(12):
            page.page.mouse.move(box["x"] + 80 + 4 * step, box["y"] + 80 + 2 * step)
        page.page.mouse.up()
        page.page.wait_for_timeout(1500)
    assert found[0] < 50, found[:3]


def test_a_page_that_cannot_load_the_network_says_so(mounted, monkeypatch):
    plain = browser.html
    root = '<html lang="en" data-content_root="data:">'
    monkeypatch.setattr(browser, "html", lambda widget: plain(widget).replace('<html lang="en">', root))
    page = mounted.open(PhotoUpload("pets"))
    page.page.wait_for_function("document.querySelector('.d2l-window').innerText.includes('could not be loaded')")
    page.problems.clear()  # the browser tells of the failure, too
    assert page.page.locator(".d2l-shelf:not([open])").count() == 1, "what the site cannot do is folded away"
