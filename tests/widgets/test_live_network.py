"""The live network: the page computes what PyTorch does with the same rounded numbers, on any picture."""

import base64
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from d2lite.models.data_and_training import lenet
from d2lite.widgets import LiveNetwork
from d2lite.widgets.live_network import centered, drawn, first_maps, leaves, packed, rounded
from tools import pairs, project

PAD = ".d2l-pad .d2l-pixels"
CLASSES = [f"class {number}" for number in range(10)]
MEAN, STD = 0.286, 0.353
torch.manual_seed(0)
IMAGES = torch.randint(256, (3, 28, 28), dtype=torch.uint8)


def sharp(net):
    """With larger numbers than at the start, so that logits differ and errors show."""
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(2)
    return net


def live(net, **options):
    return LiveNetwork(net, IMAGES, CLASSES, MEAN, STD, [0, 1, 2], **options)


def activations(net, gray) -> list[torch.Tensor]:
    """What each layer of PyTorch's rounded network makes of bytes."""
    X = (torch.as_tensor(gray, dtype=torch.float32).reshape(1, 1, 28, 28) / 255 - MEAN) / STD
    with torch.no_grad():
        return [(X := layer(X.clone()))[0] for layer in leaves(rounded(net))]


def on_page(page) -> list[int]:
    """The bytes that the reader drew or loaded."""
    return list(base64.b64decode(page.get("own")))


FORWARD = """async (gray) => {
    const { state } = document.querySelector(".d2l-widget").model, text = `${state._esm}; export { forward, unpack };`;
    const { forward, unpack } = await import(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
    const outputs = forward(unpack(state.network), gray, state.data);
    return JSON.stringify(outputs.map(({ shape, values }) => [shape, [...values]]));
}"""


def assert_agreement(page, net):
    """For the picture on the page its script and PyTorch agree in every number of every layer."""
    gray = on_page(page) if page.get("own") else IMAGES[page.get("image")].flatten().tolist()
    gray = [255 - value if page.get("negative") else value for value in gray]
    wanted = activations(net, gray)
    for (shape, values), output in zip(json.loads(page.page.evaluate(FORWARD, gray)), wanted, strict=True):
        assert shape == list(output.shape)
        assert (torch.tensor(values) - output.flatten()).abs().max() < 1e-4
    assert page.result["logits"] == pytest.approx(wanted[-1].tolist(), abs=1e-4)
    assert page.result["probabilities"] == pytest.approx(wanted[-1].softmax(0).tolist(), abs=1e-4)
    assert page.result["sums"] == pytest.approx([output.sum().item() for output in wanted], rel=1e-4, abs=1e-2)


def drop(page, name: str, data: bytes, on: str = PAD):
    """Drop a file on the picture, or on something else; the browser may not open it."""
    taken = page.page.evaluate(
        """([name, bytes, on]) => {
          const carried = new DataTransfer();
          carried.items.add(new File([Uint8Array.from(bytes)], name, { type: "image/png" }));
          const drop = new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: carried });
          document.querySelector(on).dispatchEvent(drop);
          return drop.defaultPrevented;
        }""",
        [name, list(data), on],
    )
    assert taken


NETS = {
    "lenet": lambda: sharp(lenet()),
    "sigmoid": lambda: sharp(lenet(activation=nn.Sigmoid)),
    "in place": lambda: nn.Sequential(nn.ReLU(inplace=True), *lenet(activation=lambda: nn.ReLU(inplace=True))),
    "others": lambda: nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 5, 3, stride=2, padding=1, bias=False), nn.Tanh(), nn.MaxPool2d(3, stride=2)),
        nn.Identity(), nn.Conv2d(5, 40, 2), nn.ReLU(), nn.Flatten(), nn.Dropout(), nn.Linear(1000, 10, bias=False),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NETS)
def test_the_page_computes_what_pytorch_does(mounted, name):
    net = NETS[name]()
    page = mounted.open(live(net))
    for image in range(3):
        page.set("image", image)
        assert_agreement(page, net)
    assert max(page.result["logits"]) - min(page.result["logits"]) > 0.1
    picture = page.page.locator(PAD)
    for key in ("Space", "Shift+ArrowLeft", "Shift+ArrowUp"):
        picture.press(key)
    assert sum(on_page(page)) != IMAGES[2].sum(), "drawn on"
    assert_agreement(page, net)
    drawn = page.get("own")
    drop(page, "coat.png", png((90, 120), 30, 200))
    page.page.wait_for_function("drawn => document.querySelector('.d2l-widget').model.get('own') !== drawn", arg=drawn)
    assert_agreement(page, net)
    page.press("negative", "Space")
    assert_agreement(page, net)
    assert page.page.locator(".d2l-stage canvas").count() == 3 + 1 + len(leaves(net))


def test_layers_that_work_in_place_leave_the_others_alone():
    net = NETS["in place"]()
    widget = live(net)
    first, conv, relu = widget.activations(0)[:3]
    assert conv.min() < 0 <= relu.min() and torch.equal(conv.relu(), relu)
    assert torch.equal(first, ((IMAGES[0][None] / 255 - MEAN) / STD).relu())
    assert widget.input(0).min() < 0, "the picture is as it was"
    for output, wanted in zip(widget.activations(0), activations(net, IMAGES[0]), strict=True):
        assert torch.equal(output, wanted)


def test_weights_are_small():
    """A page carries less than 300 kB for a network, also the one that is stored."""
    assert len(json.dumps(live(lenet()).network)) < 300_000
    stored = pairs.read_notebook("data_and_training").metadata["widgets"][project.STATE]["state"].values()
    (network,) = (model["state"]["network"] for model in stored if "network" in model["state"])
    assert len(base64.b64decode(network["weights"])) > 10_000 and len(json.dumps(network)) < 300_000


def test_rounding():
    net = sharp(lenet()).train()
    twin = rounded(net)
    assert net.training and not twin.training
    for own, theirs in zip(net.parameters(), twin.parameters()):
        step = own.abs().max() / 127
        assert 0 < (own - theirs).abs().max() <= 0.501 * step
        assert len(theirs.unique()) <= 255
    pack = packed(net)
    assert len(base64.b64decode(pack["weights"])) == sum(p.numel() for p in net.parameters()) == 61_706
    silent = nn.Linear(2, 2)
    for parameter in silent.parameters():
        nn.init.zeros_(parameter)
    assert torch.equal(rounded(silent)(torch.ones(1, 2)), torch.zeros(1, 2)), "zeros have no largest number"


def test_choosing_and_drawing(mounted):
    net = sharp(lenet())
    page = mounted.open(live(net))
    assert "784 pixels" in page.say and "61,706" in page.say
    page.page.get_by_role("button", name="test image 2").click()
    assert (
        page.get("image") == 1
        and page.page.get_by_role("button", name="test image 2").get_attribute("aria-pressed") == "true"
    )

    page.page.get_by_role("button", name="clear").press("Enter")
    assert on_page(page) == [0] * 784
    picture = page.page.locator(PAD)
    picture.focus()
    for key in ("ArrowUp", "ArrowLeft", " ", "Shift+ArrowLeft"):
        page.page.keyboard.press(key)
    gray = on_page(page)
    assert [at for at, value in enumerate(gray) if value == 255] == [13 * 28 + 12, 13 * 28 + 13]
    assert gray == drawn([[(13.5, 13.5), (13.5, 12.5)]], 28, 2.5).flatten().tolist(), "as Python draws it"
    assert_agreement(page, net)
    assert "add up to 100%" in page.say

    page.control("pen").select_option("dark")
    page.press("width", "End")
    assert page.result["width"] == 5
    box = picture.bounding_box()
    page.page.mouse.move(box["x"] + 2, box["y"] + 13.5 * 12)
    page.page.mouse.down()
    page.page.mouse.move(box["x"] + 330, box["y"] + 13.5 * 12)
    page.page.mouse.up()
    page.page.mouse.move(box["x"] + 100, box["y"] + 10)
    assert max(on_page(page)) == 0, "the dark line, drawn in one go, covers all that was light"
    page.page.get_by_role("button", name="test image 1").click()
    assert page.get("own") == ""
    assert_agreement(page, net)


def test_a_pen_that_leaves_nothing_says_so(mounted):
    page = mounted.open(live(sharp(lenet()), pen="dark"))
    page.page.get_by_role("button", name="clear").press("Enter")
    assert page.get("pen") == "light" and "leaves nothing" not in page.say
    page.control("pen").select_option("dark")
    assert "The dark pen leaves nothing on black: choose the light one." in page.say
    page.press("negative", "Space")
    assert "leaves nothing" not in page.say
    page.control("pen").select_option("light")
    assert "The light pen leaves nothing on white: choose the dark one." in page.say
    page.press("negative", "Space")
    page.page.locator(PAD).press(" ")
    page.control("pen").select_option("dark")
    assert "leaves nothing" not in page.say, "there is something light now"


def test_the_true_class_is_named(mounted):
    page, seen = mounted.open(live(sharp(lenet()))), set()
    guess = CLASSES.index(page.result["guess"])
    for label in (guess, (guess + 1) % 10):
        widget = live(sharp(lenet()))
        widget.network, widget.data = page.get("network"), widget.data | {"labels": [label]}
        opened = mounted.open(widget)
        seen.add(opened.page.locator(".d2l-live svg text", has_text="its label").text_content().split("%")[1].strip())
        page = opened
    assert seen == {"✓ its label", "← its label"}


def test_each_pen_leaves_its_own_ink(mounted):
    page, seen = mounted.open(live(sharp(lenet()))), []
    center, beside, outside = 14 * 28 + 14, 13 * 28 + 14, 12 * 28 + 14
    # A pen, on a negative or not: the stored bytes of a dot in the middle of a gray sheet, and those of its soft edge.
    for pen, negative, ink, pale in (
        ("light", False, 255, 191),
        ("dark", False, 0, 64),
        ("light", True, 0, 64),
        ("dark", True, 255, 191),
    ):
        page.set("own", base64.b64encode(bytes([128] * 784)).decode())
        page.set("negative", negative)
        page.control("pen").select_option(pen)
        page.page.locator(PAD).press(" ")
        assert [on_page(page)[at] for at in (center, beside, outside)] == [ink, pale, 128]
        assert page.result["ink"] == ink
        seen.append(page.result["logits"])
    assert seen[0] != seen[1] and seen[2] != seen[3]


def test_the_negative(mounted):
    net = sharp(lenet())
    page = mounted.open(live(net))
    page.press("negative", "Space")
    assert_agreement(page, net)
    assert page.result["logits"] == pytest.approx(activations(net, 255 - IMAGES[0])[-1].tolist(), abs=1e-4)
    page.page.locator(PAD).press(" ")
    assert on_page(page)[14 * 28 + 14] == 0, "a light pen leaves a light dot, so a dark one below the negative"


def png(size, ground, ink):
    """A picture with a rectangle in its middle half, as a file."""
    picture, packed = Image.new("RGB", size, (ground,) * 3), io.BytesIO()
    picture.paste((ink,) * 3, [round(side * share) for share in (0.25, 0.75) for side in size])
    picture.save(packed, "PNG")
    return packed.getvalue()


def test_a_picture_of_the_reader(mounted):
    page = mounted.open(live(lenet()))
    give = page.page.locator("input[type=file]").set_input_files
    give({"name": "coat.png", "mimeType": "image/png", "buffer": png((560, 280), 230, 30)})
    page.page.wait_for_function("document.querySelector('.d2l-widget').model.get('own')")
    gray = torch.tensor(on_page(page)).reshape(28, 28)
    assert page.get("negative") is True, "dark on light, unlike the data"
    wanted = torch.full((28, 28), 230)
    wanted[11:17, 7:21] = 30
    assert (gray - wanted)[[0, 8, 12, 14, 19, 27]].abs().max() <= 3
    give({"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no picture"})
    page.page.get_by_text("notes.txt is no picture").wait_for()
    drop(page, "dark.png", png((100, 100), 0, 200))
    page.page.wait_for_function("document.querySelector('.d2l-widget').model.get('negative') === false")
    assert on_page(page)[14 * 28 + 14] == 200
    picture = page.page.locator(PAD)
    picture.press("ArrowUp")
    assert picture.locator("rect").count() == 2, "the pen"
    for shade, place in ((180, ".d2l-controls"), (160, ".d2l-say"), (140, ".d2l-interactive")):
        drop(page, "darker.png", png((100, 100), 0, shade), place)
        changed = (
            "shade => atob(document.querySelector('.d2l-widget').model.get('own')).charCodeAt(14 * 28 + 14) === shade"
        )
        page.page.wait_for_function(changed, arg=shade)
    assert picture.locator("rect").count() == 0, "no pen on a picture on which nobody draws"
    assert page.page.locator("output", has_text="notes").count() == 0


def test_nonsense_is_brought_back(mounted):
    page = mounted.open(live(lenet()))
    for trait in ("image", "own", "negative", "pen", "width", "centered", "unit", "compact"):
        for value in ("NaN", -1e9, 1e9, None, "many", "AAAA", [1], [["a", 1, 2, 3]], [[1e9, -1, 0.4, 1e9]]):
            page.set(trait, value)
            assert "cannot be drawn" not in page.say and "probabilities" in page.say


def test_python_brings_nonsense_back_too():
    widget = live(
        lenet(), image=1e9, own=None, negative="yes", pen=7, width="wide", centered=3, compact=None, unit="one"
    )
    assert repr(widget).startswith(
        "LiveNetwork(centered=False, compact=False, image=23, negative=False, own='', pen='light'"
    )
    assert widget.width == 2.5 and widget.unit == []
    for compact in (False, True):
        widget.compact = compact
        assert widget.picture().axes


REFUSED = {
    "no BatchNorm2d": nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)),
    "groups has to be 1": nn.Sequential(nn.Conv2d(2, 2, 3, groups=2)),
    "dilation has to be 1": nn.Sequential(nn.Conv2d(1, 2, 3, dilation=2)),
    "its padding is 'same'": nn.Sequential(nn.Conv2d(1, 2, 3, padding="same")),
    "its kernel_size is (3, 1)": nn.Sequential(nn.Conv2d(1, 2, (3, 1))),
    "its padding is 1": nn.Sequential(nn.MaxPool2d(3, padding=1)),
    "gets maps, (1, 28, 28) for an image": nn.Sequential(nn.Linear(28, 1), nn.Flatten(), nn.Linear(28, 10)),
    "puts out (1, 28, 28) for an image": nn.Sequential(),
    "does not take images of 28 px": lenet(size=32),
    "puts out (7,) for an image": lenet(num_classes=7),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_cannot_run_is_refused(why):
    with pytest.raises(ValueError) as error:
        live(REFUSED[why])
    assert why in str(error.value)


def test_other_arguments_are_refused():
    net = lenet()
    with pytest.raises(ValueError, match="give uint8"):
        LiveNetwork(net, IMAGES.float(), CLASSES, MEAN, STD)
    for mean, std in ((MEAN, 0), (MEAN, float("inf")), (float("nan"), STD)):  # JSON has no infinity and no NaN
        with pytest.raises(ValueError, match="normalize nothing"):
            LiveNetwork(net, IMAGES, CLASSES, mean, std)
    for label in (-1, len(CLASSES), 1.5):  # the last class is no class -1
        with pytest.raises(ValueError, match=f"label {label} has no name"):
            LiveNetwork(net, IMAGES, CLASSES, MEAN, STD, [0, label])
    nn.init.constant_(net[0].bias, float("nan"))
    with pytest.raises(ValueError, match="training went wrong"):
        live(net)
    assert live(lenet(), image=2).image == 2
    four = LiveNetwork(lenet(), IMAGES[:, None], CLASSES, (MEAN,), (STD,))
    assert four.data["labels"] == [] and four.data["side"] == 28


def in_page(page, call: str, given):
    """What a function of the interactive's script returns."""
    script = """async ([call, given]) => {
        const { state } = document.querySelector(".d2l-widget").model;
        const text = `${state._esm}; export const called = (given) => ${call};`;
        const { called } = await import(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
        return JSON.stringify(called(given));
    }"""
    return json.loads(page.page.evaluate(script, [call, given]))


def test_pen_and_centering_are_those_of_python(mounted):
    page, random = mounted.open(live(lenet())), np.random.default_rng(0)
    for width in (1, 2.5, 5):
        line = random.uniform(-2, 30, (6, 2))
        piece = "stroke(bytes, 28, all[Math.max(0, at - 1)], end, given.width, 255)"
        sheet = f"given.line.reduce((bytes, end, at, all) => {piece}, Array(784).fill(0))"
        page_sees = np.array(in_page(page, sheet, {"line": line.tolist(), "width": width})).reshape(28, 28)
        assert np.abs(page_sees - drawn([line], 28, width)).max() <= 1 and page_sees.max() > 240
        wanted = centered(page_sees)
        found = in_page(page, "[...centered(Uint8Array.from(given), 28).gray]", page_sees.flatten().tolist())
        assert np.abs(np.array(found).reshape(28, 28) - wanted).max() < 1e-6
    assert (
        in_page(page, "[...centered(new Uint8Array(784), 28).gray]", 0)
        == [0] * 784
        == centered(np.zeros((28, 28))).flatten().tolist()
    )


@pytest.mark.parametrize(("top", "left", "tall"), [(0, 0, 14), (4, 15, 24), (10, 10, 18)])
def test_a_centered_picture_is_as_mnist_made_them(top, left, tall):
    gray = np.zeros((28, 28))
    gray[top : top + tall, left : left + 6] = 255
    found = centered(gray)
    rows, columns = ((found.sum(axis) * (np.arange(28) + 0.5)).sum() / found.sum() for axis in (1, 0))
    assert rows == pytest.approx(14, abs=0.05) and columns == pytest.approx(14, abs=0.05)
    assert np.ptp(np.nonzero(found > 127)[0]) + 1 == pytest.approx(20, abs=1), "20 of 28 pixels are filled"


def test_a_centered_picture_reaches_the_network(mounted):
    net = sharp(lenet())
    blob = torch.zeros(1, 28, 28, dtype=torch.uint8)
    blob[0, 2:14, 1:8] = 250
    widget = LiveNetwork(net, blob, CLASSES, MEAN, STD, centered=True)
    page = mounted.open(widget)
    assert page.result["logits"] == pytest.approx(widget.activations(0)[-1].tolist(), abs=1e-3)
    page.set("centered", False)
    widget.centered = False
    page.page.wait_for_timeout(50)
    assert page.result["logits"] == pytest.approx(widget.activations(0)[-1].tolist(), abs=1e-3)


def seen_by(net, at: int, index: tuple) -> list[list[int]]:
    """First and last row and column of the picture on which a number depends, by PyTorch's gradient."""
    X = torch.rand(1, 1, 28, 28, requires_grad=True)
    output = X
    for layer in leaves(net)[: at + 1]:
        smooth = isinstance(layer, nn.ReLU | nn.MaxPool2d)
        output = (
            nn.functional.avg_pool2d(output, layer.kernel_size, layer.stride)
            if smooth and hasattr(layer, "stride")
            else output
            if smooth
            else layer(output)
        )
    output[0][index].backward()
    found = X.grad[0, 0].nonzero()
    return [[int(found[:, axis].min()), int(found[:, axis].max())] for axis in (0, 1)]


@pytest.mark.parametrize("name", ["lenet", "others"])
def test_a_number_says_what_it_is_made_of(mounted, name):
    net = NETS[name]()
    page = mounted.open(live(net))
    outputs, random = activations(net, IMAGES[0]), np.random.default_rng(1)
    for at, output in enumerate(outputs):
        index = tuple(int(random.integers(length)) for length in output.shape)
        page.set("unit", [[at, *index, *[0] * (3 - len(index))]])
        page.page.wait_for_function(
            "document.querySelector('.d2l-widget').model.get('result').unit && document.querySelector('.d2l-unit')"
        )
        page.page.wait_for_timeout(30)
        unit = page.result["unit"]
        assert unit["value"] == pytest.approx(output[index].item(), abs=1e-4)
        clipped = [[max(0, unit["box"][axis][0]), min(28, unit["box"][axis][1]) - 1] for axis in ("rows", "columns")]
        assert clipped == seen_by(rounded(net), at, index)
        told = page.page.locator(".d2l-unit").inner_text()
        layer = leaves(net)[at]
        if hasattr(layer, "weight"):
            assert page.page.locator(".d2l-unit canvas").count() == 2, "what it reads, and its weights"
            assert f"{layer.weight[0].numel():,} numbers times as many weights" in told
        else:
            assert "weights" not in told


def test_numbers_are_pointed_at_by_mouse_finger_and_keys(mounted):
    page = mounted.open(live(lenet()))
    first = page.page.locator(".d2l-live figure .d2l-pixels").first
    box = first.bounding_box()
    page.page.mouse.move(box["x"] + 1 + 2.5, box["y"] + 1 + 2.5)
    assert page.get("unit") == [[0, 0, 1, 1]], "two page pixels a number"
    first.focus()
    for key, unit in (("ArrowRight", [0, 0, 1, 2]), ("ArrowDown", [0, 0, 2, 2]), ("ArrowUp", [0, 0, 1, 2])):
        page.page.keyboard.press(key)
        assert page.get("unit") == [unit]
    page.set("unit", [[0, 0, 5, 27]])
    first.press("ArrowRight")
    assert page.get("unit") == [[0, 1, 5, 0]], "from one map to the next"
    assert page.page.locator(PAD).locator("rect").count() == 2, "a frame around what it sees of the picture"
    page.page.get_by_role("button", name="reset").click()
    assert page.get("unit") == [] and page.page.locator(".d2l-unit").count() == 0


def test_what_was_drawn_can_be_undone(mounted):
    page = mounted.open(live(lenet()))
    undo, clear = (page.page.get_by_role("button", name=name, exact=True) for name in ("undo", "clear"))
    assert undo.get_attribute("aria-disabled") == "true"
    picture = page.page.locator(PAD)
    box = picture.bounding_box()
    states = [page.get("own")]
    for start in (60, 120, 180):
        page.page.mouse.move(box["x"] + start, box["y"] + start)
        page.page.mouse.down()
        page.page.mouse.move(box["x"] + start + 60, box["y"] + start, steps=4)
        page.page.mouse.up()
        states.append(page.get("own"))
    clear.click()
    assert on_page(page) == [0] * 784 and len(set(states)) == 4
    undo.click()
    assert page.get("own") == states[3], "a clear is undone, too"
    picture.press("Control+z")
    assert page.get("own") == states[2], "a stroke at a time"
    page.page.get_by_role("button", name="test image 3").click()
    undo.click()
    assert page.get("own") == states[2] and page.get("image") == 0
    undo.click()
    undo.click()
    assert page.get("own") == "" and undo.get_attribute("aria-disabled") == "true"
    page.page.mouse.click(box["x"] + 60, box["y"] + 60)
    page.page.get_by_role("button", name="reset").click()
    assert page.get("own") == "" and undo.get_attribute("aria-disabled") == "true"


LINE = [[(4.0, 14.0), (8.5, 14.2), (14.0, 14.0), (23.0, 13.5)]]


def small(**options):
    """A compact interactive that opens with a line."""
    return LiveNetwork(
        sharp(lenet()), drawn(LINE, 28, 2.5)[None], CLASSES, MEAN, STD, strokes=LINE, compact=True, **options
    )


@pytest.mark.parametrize("width", [390, 900])
def test_a_small_one_shows_the_pad_the_answers_and_the_first_maps(mounted, width):
    mounted.page.emulate_media(reduced_motion="reduce")
    page = mounted.open(small(), width=width)
    assert page.page.locator(".d2l-controls, .d2l-head").locator("visible=true").count() == 0
    assert page.page.locator(".d2l-stage canvas").count() == 1 + 2
    assert page.page.locator(".d2l-answers rect").count() == 10
    assert first_maps([(6, 28, 28), (6, 28, 28), (6, 14, 14), (16, 10, 10), (400,)]) == [1, 2]
    assert page.get("own") == "" and page.say.endswith("Your turn: draw another.")
    page.page.locator(PAD).press(" ")
    assert on_page(page) == drawn([[(14.5, 14.5)]], 28, 2.5).flatten().tolist(), "a drawing begins on a blank sheet"
    assert "Your turn" not in page.say
    page.page.get_by_role("button", name="undo").click()
    assert page.get("own") == ""
    assert page.page.evaluate("document.documentElement.scrollWidth") <= width
    for wide in (1290 - width, width, 1290 - width):
        page.page.set_viewport_size({"width": wide, "height": 900})
        page.page.wait_for_selector(".d2l-wide" if wide == 900 else ".d2l-narrow")
        said = page.page.locator(".d2l-beside").inner_text()
        assert page.say.endswith("Your turn: draw another.") and page.say in said and "null" not in said


def test_the_first_picture_is_drawn_when_the_page_opens(mounted):
    page = mounted.open(small())
    page.page.wait_for_function("document.querySelector('.d2l-widget').model.get('own')")
    page.page.wait_for_function("!document.querySelector('.d2l-widget').model.get('own')", timeout=5000)
    assert page.page.get_by_role("button", name="undo").get_attribute("aria-disabled") == "true"
    page.page.get_by_role("button", name="watch").click()
    page.page.wait_for_function("document.querySelector('.d2l-widget').model.get('own')")
    page.page.locator(PAD).press(" ")
    assert on_page(page) == drawn([[(14.5, 14.5)]], 28, 2.5).flatten().tolist(), "the reader's stroke ends it"
    page.page.wait_for_timeout(600)
    assert on_page(page) == drawn([[(14.5, 14.5)]], 28, 2.5).flatten().tolist()
