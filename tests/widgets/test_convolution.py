"""The convolution lab: its numbers are those of conv2d, in Python and in the page."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from d2lite.widgets import ConvolutionLab
from d2lite.widgets.convolution import KERNELS, OWN, convolve, weights_of

SETTINGS = [
    {},
    {"kernel": "horizontal edge", "size": 5, "stride": 2, "padding": 2, "dilation": 3},
    {"kernel": "blur", "size": 4, "stride": 3, "padding": 1},
    {"kernel": "sharpen", "size": 2, "dilation": 8, "padding": 5},
    {"kernel": "identity", "size": 1, "stride": 5},
    {"kernel": "sharpen", "stride": 4},
]


def in_torch(lab) -> torch.Tensor:
    """conv2d with the settings of ``lab``."""
    image, weight = (torch.tensor(np.asarray(values, float))[None, None] for values in (lab.image, lab.taps()))
    return F.conv2d(image, weight, stride=lab.stride, padding=lab.padding, dilation=lab.dilation)[0, 0]


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_output_is_that_of_conv2d(settings):
    lab = ConvolutionLab(**settings)
    output = convolve(lab.image, lab.taps(), lab.stride, lab.padding, lab.dilation)
    assert output == pytest.approx(in_torch(lab).numpy(), abs=1e-9)
    assert ConvolutionLab(np.arange(30).reshape(5, 6)).picture() and lab.picture()


def test_kernels():
    assert weights_of("vertical edge", 3).tolist() == [[-1, 0, 1]] * 3
    assert weights_of("horizontal edge", 2).tolist() == [[-1, -1], [1, 1]]
    assert weights_of("sharpen", 3).tolist() == [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]
    for name, size in ((name, size) for name in ("identity", "blur", "sharpen") for size in range(1, 6)):
        assert weights_of(name, size).sum() == pytest.approx(1)


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_page_shows_the_same_numbers(mounted, settings):
    lab = ConvolutionLab(**settings)
    page, output = mounted.open(lab), in_torch(lab)
    page.page.click(".d2l-answer")
    rows, columns = output.shape
    assert page.result["total"] == pytest.approx(output.sum().item(), rel=1e-9, abs=1e-6)
    assert abs(page.result["sum"]) == pytest.approx(output.abs().max().item())
    for row, column in ((0, 0), (rows - 1, columns - 1), (rows // 2, columns // 3)):
        page.set("row", row)
        page.set("column", column)
        result, reach = page.result, lab.dilation * (lab.size - 1) + 1
        padded = np.pad(np.asarray(lab.image), lab.padding)[row * lab.stride :, column * lab.stride :]
        assert result["patch"] == padded[: reach : lab.dilation, : reach : lab.dilation].tolist()
        assert np.asarray(result["products"]) == pytest.approx(np.asarray(result["patch"]) * lab.taps())
        assert result["sum"] == pytest.approx(output[row, column].item(), abs=1e-9)
    assert (result["rows"], result["columns"]) == (rows, columns)
    assert f"⌋ + 1 = {rows}" in page.say


def test_an_image_of_the_caller(mounted):
    image = torch.linspace(-1, 1, 5 * 7).reshape(1, 5, 7)
    lab = ConvolutionLab(image, kernel=[[1, 2], [3, 0.25]])
    assert (lab.kernel, lab.size, lab.credit) == (OWN, 2, "")
    page, output = mounted.open(lab), in_torch(lab)
    assert (page.result["rows"], page.result["columns"]) == (4, 6) and "Height of the output" in page.say
    assert page.result["total"] == pytest.approx(output.sum().item())
    assert page.page.locator("table input").last.input_value() == "1/4"
    assert np.asarray(ConvolutionLab(np.ones((3, 200, 130))[:1]).image).shape == (50, 33)


def test_tensors_are_taken_as_a_network_holds_them():
    conv = nn.Conv2d(1, 1, 3)
    for kernel in (conv.weight[0, 0], conv.weight, conv.weight.detach(), conv.weight.detach().bfloat16().float()):
        lab = ConvolutionLab(kernel=kernel)
        assert (lab.kernel, lab.size) == (OWN, 3)
        assert lab.taps() == pytest.approx(kernel.detach().numpy().reshape(3, 3), abs=1e-9)
    image = torch.tensor([[0.5, 2], [-1, 4]], requires_grad=True)
    for given in (image, image.bfloat16(), image.half()[None, None], image.detach().numpy().tolist()):
        assert ConvolutionLab(given).image == [[0.5, 2], [-1, 4]]


def test_a_kernel_that_cannot_be_used_is_told():
    wrong = {
        "shape (7, 7) does not fit: give 1×1 to 5×5 numbers from -1,000,000": torch.zeros(7, 7),
        "shape (2, 1, 3, 3)": nn.Conv2d(1, 2, 3).weight,
        "shape (1, 3)": [[1, 2, 3]],
        "shape (3, 3, 1)": np.ones((3, 3, 1)),
        "shape (0, 0)": np.ones((0, 0)),
        "shape ()": 7,
        "'blurr' is unknown": "blurr",
        "or one of 'vertical edge'": None,
        "this list is no array of numbers": [[1, 2], [3]],
        "this object is no array": object(),
        "the weight nan": [[1, float("nan")], [0, 0]],
        "the weight -inf": torch.tensor([[-torch.inf]]),
        "the weight 1e+07": [[1e7]],
    }
    for text, kernel in wrong.items():
        with pytest.raises(ValueError, match="^kernel") as told:
            ConvolutionLab(kernel=kernel)
        assert text in str(told.value)
    lab = ConvolutionLab()
    lab.kernel = "blurr"  # from then on the page has it too, and brings it back
    assert lab.kernel == KERNELS[0]


def test_a_subclass_of_a_reader_is_shown(mounted):
    class My(ConvolutionLab):
        """As a cell of a notebook makes it."""

        __module__ = "__main__"

    page = mounted.open(My(kernel="blur"))
    assert page.result["total"] == pytest.approx(in_torch(My(kernel="blur")).sum().item())
    assert My._esm == ConvolutionLab._esm and repr(My()).startswith("My(column=-1, ")


def test_a_kernel_larger_than_the_image_is_told(mounted):
    page = mounted.open(ConvolutionLab(size=5, dilation=8))
    assert page.result["rows"] == 0 and "spans 33 pixels, and the image has 32" in page.say
    for grid in (0, 1):  # neither the mouse nor a key finds a place to look at
        page.page.locator(".d2l-pixels").nth(grid).hover()
        page.page.locator(".d2l-pixels").nth(grid).press("ArrowDown")
    assert (page.get("row"), page.get("column")) == (-1, -1)
    page.press("padding", "ArrowRight")
    assert (page.result["rows"], page.result["columns"]) == (2, 2)
    page.set("image", [[1, 2], [3, 4]])
    page.set("dilation", 1)
    assert page.result["rows"] == 0 and "the padded image has 4" in page.say
    assert ConvolutionLab([[1, 2]], size=5).picture()


def test_what_no_window_reads_is_told(mounted):
    page = mounted.open(ConvolutionLab(stride=3))
    assert "The last 2 rows are never read" in page.say
    page.set("stride", 1)
    assert "never read" not in page.say


def known(page) -> np.ndarray:
    """Which outputs are painted."""
    script = """e => {
        const copy = new OffscreenCanvas(e.width, e.height).getContext("2d");
        copy.drawImage(e, 0, 0);
        return [e.height, e.width, ...copy.getImageData(0, 0, e.width, e.height).data];
    }"""
    rows, columns, *values = page.page.locator(".d2l-pixels canvas").nth(1).evaluate(script)
    return np.reshape(values, (rows, columns, 4))[..., 3] > 0


def test_the_output_is_hidden_until_the_window_has_been_there(mounted):
    page = mounted.open(ConvolutionLab())
    assert (
        known(page).sum() == 1
        and "far from 0" not in page.say
        and (page.result["row"], page.result["column"]) == (0, 0)
    )
    assert "not known yet: slide it there" in page.say
    page.page.locator(".d2l-pixels").nth(1).focus()
    for key in ("ArrowRight", "ArrowDown"):
        page.page.keyboard.press(key)
    assert np.argwhere(known(page)).tolist() == [[0, 0], [0, 1], [1, 1]] and page.result["known"] == 3
    page.press("stride", "ArrowRight")
    assert known(page).sum() == 1, "another output is unknown again"
    page.page.click(".d2l-answer")
    assert known(page).all() and "far from 0" in page.say and "not known yet" not in page.say


def test_a_button_slides_the_kernel(mounted):
    page = mounted.open(ConvolutionLab(stride=3))
    play = page.page.locator(".d2l-play")
    play.click()
    page.page.wait_for_function("document.querySelector('.d2l-widget').model.get('column') > 2")
    box = page.page.locator(".d2l-pixels").nth(1).bounding_box()
    page.page.mouse.move(box["x"] + 5, box["y"] + box["height"] - 5)
    assert page.get("row") < 3, "a mouse that passes does not stop it"
    play.click()
    at = page.get("row"), page.get("column")
    count = known(page).sum()
    page.page.wait_for_timeout(200)
    assert count == known(page).sum() and (page.get("row"), page.get("column")) == at
    page.page.emulate_media(reduced_motion="reduce")
    play.click()
    assert known(page).sum() >= 98 and (page.get("row"), page.get("column")) == (9, 9), "at once, from where it stood"
    play.click()
    assert known(page).all() and "far from 0" in page.say, "and from the first one on"


def test_a_click_pins_the_window(mounted):
    page = mounted.open(ConvolutionLab())
    box = page.page.locator(".d2l-pixels").nth(1).bounding_box()
    spot = box["x"] + box["width"] * 10.5 / 30, box["y"] + box["height"] * 20.5 / 30
    page.page.mouse.click(*spot)
    page.page.locator("table input").nth(4).hover()  # on the way the mouse passes other pixels
    page.page.mouse.move(box["x"] + 50, box["y"] + 50, steps=3)
    assert (page.get("row"), page.get("column")) == (20, 10) and "is pinned" in page.page.inner_text(".d2l-stage")
    page.page.mouse.click(*spot)
    page.page.mouse.move(box["x"] + box["width"] * 3.5 / 30, box["y"] + box["height"] * 4.5 / 30)
    assert (page.get("row"), page.get("column")) == (4, 3) and "pinned" not in page.page.inner_text(".d2l-stage")


def test_a_kernel_of_one_weight_is_told(mounted):
    page = mounted.open(ConvolutionLab(size=1))
    page.page.click(".d2l-answer")
    assert "no edge kernel is so small" in page.say and page.result["low"] == page.result["high"] == 0
    for name in ("identity", "blur", "sharpen"):
        page.set("kernel", name)
        assert "it copies the image" in page.say and page.result["total"] == np.sum(ConvolutionLab().image)
    page.set("size", 2)
    assert "sets it apart" in page.say


LUMINANCE = """node => {
    const part = value => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    const light = text => part(Number(text.match(/[0-9]+/)[0]) / 255);
    const { color, backgroundColor } = getComputedStyle(node);
    return [Number(node.textContent), Number(backgroundColor.match(/[0-9]+/)[0]), light(color), light(backgroundColor)];
}"""


def test_the_cells_look_like_what_they_hold(mounted):
    page = mounted.open(ConvolutionLab(np.linspace(0, 255, 25).round().reshape(5, 5), size=5))
    cells = page.page.locator(".d2l-cells").first.locator("td")
    for number in range(25):
        value, gray, text, ground = cells.nth(number).evaluate(LUMINANCE)
        assert gray == value, "as gray as its pixel"
        assert (max(text, ground) + 0.05) / (min(text, ground) + 0.05) > 4.5, f"{value} can be read"
    products = page.page.locator("table[aria-label='The products'] td")
    held = "all => all.map(node => [Number(node.textContent.replace('−', '-')), node.style.background])"
    tints = products.evaluate_all(held)
    for value, style in tints:
        assert ("--d2l-1" if value < 0 else "--d2l-2") in style and (" 0%" in style) == (abs(value) < 2), value


def test_what_is_no_number_is_told(mounted):
    page = mounted.open(ConvolutionLab())
    cell, note = page.page.locator("table input").nth(4), page.page.locator(".d2l-note")
    assert not note.is_visible()
    cell.fill("0,5")
    assert "“0,5” is no number" in note.inner_text()
    cell.fill("0.5")
    assert not note.is_visible()


def test_mouse_and_keyboard_move_the_window(mounted):
    page = mounted.open(ConvolutionLab(row=5, column=7, padding=1))
    grids = page.page.locator(".d2l-pixels")
    for grid in (0, 1):
        before = page.get("row"), page.get("column")
        grids.nth(grid).focus()
        for key in ("ArrowDown", "ArrowDown", "ArrowRight", "ArrowUp"):
            page.page.keyboard.press(key)
        assert (page.get("row"), page.get("column")) == (before[0] + 1, before[1] + 1)
    box = grids.nth(1).bounding_box()
    page.page.mouse.move(box["x"] + box["width"] * 10.5 / 32, box["y"] + box["height"] * 20.5 / 32)
    assert (page.get("row"), page.get("column")) == (20, 10) and "Row 20, column 10" in page.say
    box = grids.nth(0).bounding_box()  # on the image: the window whose middle is there
    page.page.mouse.move(box["x"] + box["width"] * 10.5 / 34, box["y"] + box["height"] * 20.5 / 34)
    assert (page.get("row"), page.get("column")) == (19, 9)
    grids.nth(1).focus()
    for _ in range(40):
        page.page.keyboard.press("ArrowLeft")
    assert page.get("column") == 0


def test_what_is_never_read_is_framed(mounted):
    frames = ".d2l-pixels svg >> nth=0 >> [stroke-dasharray]"
    page = mounted.open(ConvolutionLab(np.arange(70).reshape(7, 10), stride=3))
    assert "The last 1 column" not in page.say and "never read" in page.say
    widths = page.page.locator(frames).evaluate_all(
        "all => all.map(e => [+e.getAttribute('width'), +e.getAttribute('height')])"
    )
    assert widths == [[10, 1], [1, 7]]
    page.set("stride", 1)
    assert page.page.locator(frames).count() == 0


def test_the_output_is_painted_as_the_legend_says(mounted):
    lab = ConvolutionLab(kernel="identity", size=1)
    page = mounted.open(lab)
    page.page.click(".d2l-answer")
    script = """[...document.querySelectorAll('.d2l-pixels canvas')].map(canvas => {
        const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
        copy.drawImage(canvas, 0, 0);
        return [...copy.getImageData(5, 14, 1, 1).data];
    })"""
    image, output = page.page.evaluate(script)
    assert image == output and image[0] == image[1] == image[2]
    assert f"black: 0 or less, white: {np.max(lab.image)} or more" in page.page.inner_text(".d2l-stage")
    page.set("kernel", "vertical edge")
    page.set("size", 3)
    red, _, blue, _ = page.page.evaluate(script)[1]
    assert page.result["low"] < 0 and red < 60 < blue  # row 14, column 5: the most negative output


def test_own_numbers_are_typed_into_the_cells(mounted):
    page = mounted.open(ConvolutionLab())
    cell = page.page.locator("table input").nth(4)
    cell.fill("")
    cell.press_sequentially("-0.5")
    assert page.get("kernel") == OWN and page.get("weights") == [[-1, 0, 1], [-1, -0.5, 1], [-1, 0, 1]]
    assert cell.input_value() == "-0.5" and page.control("kernel").input_value() == OWN
    lab = ConvolutionLab(kernel=page.get("weights"))
    assert page.result["total"] == pytest.approx(in_torch(lab).sum().item())
    cell.fill("one")  # no number: what was there stays
    assert page.get("weights")[1][1] == -0.5 and cell.get_attribute("aria-invalid") == "true"
    cell.press("Tab")
    assert cell.input_value() == "−0.5"
    page.control("kernel").select_option("blur")
    assert cell.input_value() == "1/9"


def test_own_numbers_start_from_those_shown(mounted):
    page = mounted.open(ConvolutionLab(kernel="blur", size=2))
    before = page.result["total"]
    page.control("kernel").select_option(OWN)
    assert page.get("weights") == [[0.25, 0.25], [0.25, 0.25]] and page.result["total"] == before


def test_typing_one_weight_leaves_the_others_alone(mounted):
    page = mounted.open(ConvolutionLab(kernel=[[1500, 0.0004], [0.12345, 2]]))
    cells = page.page.locator("table input")
    assert [cells.nth(place).input_value() for place in range(4)] == ["1,500", "0", "0.123", "2"]
    cells.nth(3).fill("3")
    assert page.get("weights") == [[1500, 0.0004], [0.12345, 3]]
    for text, value in (("1,500", 1500), ("-12,345.5", -12345.5), ("−1,000/2,000", -0.5), ("2,", None), ("0,5", None),
                        ("1,50", None), ("1,500,0", None), ("0,500", None)):  # fmt: skip
        page.set("weights", [[0, 0], [0, 7]])
        cells.nth(3).fill(text)
        assert page.get("weights")[1][1] == (7 if value is None else value), text
        assert cells.nth(3).get_attribute("aria-invalid") == str(value is None).lower()


@pytest.mark.parametrize("trait", ["kernel", "weights", "size", "stride", "padding", "dilation", "row", "column"])
def test_nonsense_is_brought_back(mounted, trait):
    page = mounted.open(ConvolutionLab(kernel=OWN))
    for value in ("NaN", -1e9, 1e9, 2.5, None, "many", [], [[None, "x"], 3]):
        page.set(trait, value)
        assert page.say.startswith("Row ") and page.result["rows"] > 0, value


def test_what_is_no_image_is_told(mounted):
    page = mounted.open(ConvolutionLab(size=1))
    for value in ("NaN", 7, None, "many", [], [[]], [[1, 2], [3]], [["a"]], [[0] * 65]):
        page.set("image", value)
        assert page.say.startswith("There is no image")
        page.set("image", [[0]])
        assert page.result["sum"] == 0


def test_python_brings_nonsense_back_too():
    lab = ConvolutionLab(size=float("nan"), stride=0, padding=-3, dilation="far")
    assert (lab.kernel, lab.size, lab.stride, lab.padding, lab.dilation) == (KERNELS[0], 3, 1, 0, 1)
    for image in ("photo", [], [[1, 2], [3]], np.zeros((2, 3, 4)), object()):
        assert ConvolutionLab(image).image == [] and ConvolutionLab(image).picture()
    assert ConvolutionLab([[float("nan"), 1e99]]).image == [[0, 1_000_000]]
    assert ConvolutionLab(kernel=[[1 / 3]]).taps().tolist() == [[1 / 3]]
    assert ConvolutionLab(kernel=OWN, weights=[["x", None], 3]).picture()
    assert repr(ConvolutionLab()).startswith("ConvolutionLab(column=-1, ")


def test_no_control_says_what_the_first_kernel_finds(mounted):
    page = mounted.open(ConvolutionLab())
    assert "edge" not in page.page.inner_text(".d2l-controls") and "vertical" not in page.page.inner_text(
        ".d2l-interactive"
    )
    page.page.locator(".d2l-answer").click()
    assert "changes from left to right" in page.say


def test_a_product_of_nothing_has_no_sign(mounted):
    page = mounted.open(ConvolutionLab(padding=5, stride=5, row=0, column=0))
    products = page.page.get_by_role("table", name="The products").inner_text().split()
    assert products == ["0"] * 9
