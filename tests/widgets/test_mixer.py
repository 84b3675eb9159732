"""The pixel mixer: a 1×1 convolution as torch has it, in Python and in the page."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from d2lite.widgets import PixelMixer
from d2lite.widgets.mixer import MIXES, OWN, mix
from d2lite.widgets.photos import photo

MATRIX = [[0.5, -1.25, 2], [0, 0.3, 0], [-2, 1, 1]]


def in_torch(mixer) -> torch.Tensor:
    """conv2d with the weights of ``mixer``, on its image: (3, rows, columns)."""
    image = torch.tensor(mixer.pixels().copy()).double().permute(2, 0, 1)
    return F.conv2d(image[None], torch.tensor(mixer.matrix())[:, :, None, None])[0]


@pytest.mark.parametrize("name", [*MIXES, MATRIX])
def test_the_page_shows_the_numbers_of_conv2d(mounted, name):
    mixer = PixelMixer(mix=name)
    output = in_torch(mixer)
    assert mix(mixer.pixels(), mixer.matrix()) == pytest.approx(output.permute(1, 2, 0).numpy(), abs=1e-9)
    page = mounted.open(mixer)
    assert page.result["means"] == pytest.approx(output.mean((1, 2)).tolist())
    for row, column in ((0, 0), (47, 71), (20, 33)):
        page.set("row", row)
        page.set("column", column)
        assert page.result["pixel"] == mixer.pixels()[row, column].tolist()
        assert page.result["mixed"] == pytest.approx(output[:, row, column].tolist(), abs=1e-9)
        assert np.sum(page.result["products"], axis=1) == pytest.approx(page.result["mixed"])


def test_the_image_is_the_photograph_or_that_of_the_caller(mounted):
    whole = photo("flower", 48, 72)
    assert (PixelMixer().pixels() == whole).all() and "vultilion" in PixelMixer().credit
    for given in (whole, whole / 255, torch.tensor(whole).permute(2, 0, 1), torch.tensor(whole / 255)[None]):
        mixer = PixelMixer(given)
        assert (mixer.pixels() == whole).all()
    floats = torch.tensor(whole).permute(2, 0, 1).float().div(256).requires_grad_()
    for given in (floats, floats.bfloat16()):  # of an eighth bit only the rounding is left
        assert np.abs(PixelMixer(given).pixels().astype(int) - whole).max() <= 2
    assert PixelMixer(np.zeros((3, 200, 100))).pixels().shape == (67, 34, 3)
    page = mounted.open(PixelMixer(whole[:2, :5], mix="identity", channels=3))
    assert (page.result["rows"], page.result["columns"], page.result["row"]) == (2, 5, 1)
    shown = page.page.evaluate(
        "[...document.querySelectorAll('.d2l-pixels')].slice(0, 2)"
        ".map(e => [...e.querySelector('canvas').getContext('2d').getImageData(0, 0, 5, 2).data])"
    )
    assert np.reshape(shown[0], (2, 5, 4))[..., :3].tolist() == whole[:2, :5].tolist()
    assert shown[0] == shown[1]


def test_weights_are_taken_as_a_network_holds_them():
    conv = nn.Conv2d(3, 3, 1)
    for weight in (conv.weight, conv.weight.detach(), conv.weight[:, :, 0, 0], conv.weight[None, :, :, 0, 0].double()):
        mixer = PixelMixer(mix=weight)
        assert mixer.mix == OWN and mixer.matrix() == pytest.approx(conv.weight.detach().numpy()[..., 0, 0])
    image = torch.tensor(PixelMixer().pixels().copy()).permute(2, 0, 1).float()
    mixed = F.conv2d(image, conv.weight.detach()).permute(1, 2, 0).numpy()
    assert mix(PixelMixer().pixels(), PixelMixer(mix=conv.weight).matrix()) == pytest.approx(mixed, abs=1e-3)


def test_a_mix_that_cannot_be_used_is_told():
    wrong = {
        "'beige' is unknown: give 3×3 numbers from -2 to 2, or one of 'identity', 'red": "beige",
        "shape (3, 3, 3, 3)": nn.Conv2d(3, 3, 3).weight,
        "shape (4, 3, 1, 1)": nn.Conv2d(3, 4, 1).weight,
        "shape (1, 1)": [[1]],
        "shape (6, 6)": np.ones((6, 6)),
        "shape ()": 7,
        "'identity'": None,
        "this object is no array": object(),
        "this list is no array": [[1, 0, 0], [0, 1]],
        "the weight nan": [[1, 0, 0], [0, float("nan"), 0], [0, 0, 1]],
        "the weight 9": [[1, 0, 0], [0, 9, 0], [0, 0, 1]],
    }
    for text, given in wrong.items():
        with pytest.raises(ValueError, match="^mix") as told:
            PixelMixer(mix=given)
        assert text in str(told.value)
    mixer = PixelMixer()
    mixer.mix = "beige"
    assert mixer.mix == "identity"


def test_without_an_image_the_picture_says_so():
    def texts(mixer):
        return [text.get_text() for text in mixer.picture().axes[0].texts]

    assert texts(PixelMixer()) == []
    for trait, value in (("width", 7), ("image", "???"), ("image", "AAAA" * 97), ("image", "ä"), ("image", "?/wAA")):
        mixer = PixelMixer(mix="identity")
        mixer.width = 72 if trait == "width" else 1
        setattr(mixer, trait, value)
        assert not mixer.pixels().size and texts(mixer) == ["There is no image."], value
    assert texts(PixelMixer("photo")) == ["There is no image."]


def test_mouse_and_keyboard(mounted):
    page = mounted.open(PixelMixer(mix="identity", channels=3))
    grid = page.page.locator(".d2l-pixels").nth(1)
    box = grid.bounding_box()
    page.page.mouse.move(box["x"] + box["width"] * 10.5 / 72, box["y"] + box["height"] * 5.5 / 48)
    assert (page.get("row"), page.get("column")) == (5, 10)
    page.page.mouse.move(0, 0)
    for number in (0, 1):
        page.page.locator(".d2l-pixels").nth(number).focus()
        page.page.keyboard.press("ArrowDown")
        page.page.keyboard.press("ArrowRight")
    assert (page.get("row"), page.get("column")) == (7, 12) and "row 7, column 12" in page.say
    assert page.result["mixed"] == page.result["pixel"]
    page.press("weight-0-1", "ArrowRight", 3)
    assert page.get("mix") == OWN and page.get("weights") == [[1, pytest.approx(0.15), 0], [0, 1, 0], [0, 0, 1]]
    red, green, _ = page.result["pixel"]
    assert page.result["mixed"][0] == pytest.approx(red + 0.15 * green)
    page.drag("weight-2-2", 0.05)
    assert page.get("weights")[2][2] < -1.5 and page.control("mix").input_value() == OWN
    page.control("mix").select_option("gray")
    assert page.control("weight-1-0").get_attribute("aria-valuetext") == "0.299"


def painted(page, number):
    """The colors that the grid of that number shows, (rows, columns, 3)."""
    canvas = page.page.locator(".d2l-pixels canvas").nth(number)
    script = """e => {
        const copy = new OffscreenCanvas(e.width, e.height).getContext("2d");
        copy.drawImage(e, 0, 0);
        return [...copy.getImageData(0, 0, e.width, e.height).data];
    }"""
    values = canvas.evaluate(script)
    return np.reshape(values, (-1, 72, 4))[..., :3]


def as_bright(channel):
    """A channel alone as the page paints it: its largest value is white, 0 black, and what lies below it blue."""
    above = 255 * channel.clip(0)[..., None] / max(channel.max(), 1e-9)
    below = -channel.clip(None, 0)[..., None] / max(-channel.min(), channel.max())
    return np.where(channel[..., None] < 0, below * [70, 150, 255], above).round()


def test_a_channel_alone_shows_its_largest_value_white(mounted):
    page = mounted.open(PixelMixer())
    before = painted(page, 1)
    page.press("weight-0-0", "ArrowLeft", 10)
    assert page.get("weights")[0] == [0.5, 0, 0]
    assert np.abs(painted(page, 1) - before).max() <= 1, "half the weight, the same picture"
    page.press("weight-0-0", "Home")
    assert "No pixel is above 0, so none is white." in page.say
    assert (painted(page, 1) == as_bright(-2.0 * PixelMixer().pixels()[..., 0])).all()


def test_what_is_below_zero_is_told_from_zero(mounted):
    page = mounted.open(PixelMixer(mix="red and not green", channels=1))
    output = in_torch(PixelMixer(mix="red and not green"))[0].numpy()
    colors = painted(page, 1)
    assert (output < -20).any() and (colors[output < -20, 2] > 1.5 * colors[output < -20, 0]).all(), "blue"
    assert (colors[output == 0] == 0).all() and np.ptp(colors[output > 0], axis=-1).max() == 0, "black, and gray"
    least, most = (f"{value:.0f}".replace("-", "−") for value in (output.min(), output.max()))
    assert page.page.locator(".d2l-scale span").all_inner_texts() == [least, "0", most]
    assert "blue: below 0" in page.page.inner_text(".d2l-pictures")
    page.set("channels", 3)
    assert page.page.locator(".d2l-scale").count() == 0
    assert (painted(page, -1)[output < -20, 2] > 0).all(), "of the small maps, too"
    page.set("mix", "identity")
    page.set("channels", 1)
    assert page.page.locator(".d2l-scale span").all_inner_texts() == ["0", "243"]
    assert "below 0" not in page.page.inner_text(".d2l-pictures")


def test_the_pixel_is_shown_as_a_patch_of_its_color(mounted):
    page = mounted.open(PixelMixer(mix="swap red and blue"))
    script = "all => all.map(node => getComputedStyle(node).backgroundColor)"
    red, green, blue = page.result["pixel"]
    patches = page.page.locator(".d2l-swatch").evaluate_all(script)
    assert patches == [f"rgb({red}, {green}, {blue})", f"rgb({blue}, {green}, {red})"]


def test_the_first_frame_is_one_channel_that_does_not_answer(mounted):
    page = mounted.open(PixelMixer())
    pixels = PixelMixer().pixels()
    assert (page.get("mix"), page.get("channels")) == ("identity", 1)
    assert page.page.locator(".d2l-mix input:visible").count() == 3
    assert (painted(page, 1) == as_bright(pixels[..., 0].astype(float))).all(), "the red channel"
    assert page.result["brightest"] == [*np.unravel_index(pixels[..., 0].argmax(), pixels.shape[:2])]
    page.page.get_by_role("button", name="show weights that find the center").click()
    output = in_torch(PixelMixer(mix="red and not green"))[0].numpy()
    assert page.get("channels") == 1 and (painted(page, 1) == as_bright(output)).all()
    assert f"white: {output.max():.0f};" in page.page.inner_text(".d2l-pictures")
    row, column = page.result["brightest"]
    assert output[row, column] == output.max() and f"row {row}, column {column}" in page.say
    assert pixels[row, column, 0] > 150 and pixels[row, column, 1] < 60, "in the red center"


def test_more_channels_come_one_by_one(mounted):
    page = mounted.open(PixelMixer())
    page.press("weight-0-1", "ArrowLeft", 4)
    assert page.get("weights") == [[1, pytest.approx(-0.2), 0], [0, 1, 0], [0, 0, 1]]
    page.control("channels").select_option("three: nine weights")
    assert page.page.locator(".d2l-mix input:visible").count() == 9 and "three dot products" in page.say
    page.control("channels").select_option("one: three weights")
    page.control("mix").select_option("gray")
    assert page.get("channels") == 1, "its rows are alike"
    page.control("mix").select_option("swap red and blue")
    assert page.get("channels") == 3, "to be seen whole"
    assert [PixelMixer(mix=name).channels for name in ("identity", "sepia")] == [1, 3]


def test_a_click_pins_the_pixel(mounted):
    page = mounted.open(PixelMixer())
    box = page.page.locator(".d2l-pixels").first.bounding_box()
    page.page.mouse.click(box["x"] + box["width"] * 10.5 / 72, box["y"] + box["height"] * 5.5 / 48)
    page.control("mix").hover()
    page.page.mouse.move(box["x"] + box["width"] * 40.5 / 72, box["y"] + box["height"] * 30.5 / 48, steps=3)
    assert (page.get("row"), page.get("column")) == (5, 10) and "pinned" in page.page.inner_text(".d2l-stage")
    page.page.locator(".d2l-pixels").first.press("Escape")
    page.page.mouse.move(box["x"] + box["width"] * 20.5 / 72, box["y"] + box["height"] * 30.5 / 48)
    assert (page.get("row"), page.get("column")) == (30, 20) and "pinned" not in page.page.inner_text(".d2l-stage")


def test_the_picture_stays_in_sight_of_the_last_slider(mounted):
    page = mounted.open(PixelMixer(channels=3), width=390)
    page.page.set_viewport_size({"width": 390, "height": 500})
    page.page.locator(".d2l-mix input").last.evaluate("node => node.scrollIntoView({ block: 'end' })")
    picture = page.page.locator(".d2l-pictures canvas").last.bounding_box()
    assert picture["y"] >= 0 and picture["y"] + picture["height"] < 300


def test_who_sees_the_picture_alone_sees_the_answer():
    shown = [PixelMixer(mix=name).picture().axes[1].images[0].get_array() for name in ("identity", "red and not green")]
    assert (shown[0] == shown[1]).all()


def test_a_slider_is_wide_enough_for_a_finger(mounted):
    for width, wide in ((390, 200), (900, 80)):
        page = mounted.open(PixelMixer(channels=3), width=width)
        sliders = page.page.locator(".d2l-mix input").evaluate_all("all => all.map(node => node.clientWidth)")
        assert len(sliders) == 9 and min(sliders) >= wide, width
        assert page.page.locator(".d2l-stage").evaluate("node => node.scrollWidth <= node.clientWidth"), width


def test_own_numbers_start_from_those_shown(mounted):
    page = mounted.open(PixelMixer(mix="sepia"))
    before = page.result["means"]
    page.control("mix").select_option(OWN)
    assert page.get("weights") == MIXES["sepia"] and page.result["means"] == before


@pytest.mark.parametrize("trait", ["mix", "weights", "channels", "row", "column", "credit"])
def test_nonsense_is_brought_back(mounted, trait):
    page = mounted.open(PixelMixer(mix=OWN))
    for value in ("NaN", "Infinity", -1e9, 1e9, 2.5, None, "many", [], [[None, "x"], 3]):
        page.set(trait, value)
        assert page.say.startswith("The new pixel") and np.abs(page.result["products"]).max() <= 510, value


def test_what_is_no_image_is_told(mounted):
    page = mounted.open(PixelMixer())
    for value in ("NaN", 7, None, "no image", "?", [], "AAAA" * 97):
        page.set("width", 1)
        page.set("image", value)
        assert page.say.startswith("There is no image"), value
        page.set("image", "/wAA")
        assert page.result["pixel"] == [255, 0, 0]
        page.set("width", "wide")
        assert page.result["columns"] == 1


def test_python_brings_nonsense_back_too():
    for image in ("photo", [], [[1, 2], [3]], np.zeros((2, 5, 4)), object(), np.array([[["a"] * 3]])):
        assert PixelMixer(image).image == "" and PixelMixer(image).picture()
    mixer = PixelMixer(mix=OWN, weights=[[9, float("nan"), 0]] * 3)
    assert mixer.matrix().tolist() == [[2, 0, 0]] * 3
    assert PixelMixer([[[10**400] * 3]]).image == ""
    assert PixelMixer(mix=OWN, weights="none", row="far").picture() and PixelMixer(row=1e9).row == 95
    assert repr(PixelMixer()).startswith("PixelMixer(channels=1, column=34, ")


def test_of_a_black_channel_no_pixel_is_the_brightest(mounted):
    page = mounted.open(PixelMixer(channels=1, mix="own numbers", weights=[[0.0] * 3] * 3))
    assert "so all are black" in page.say and "brightest" not in page.page.inner_text(".d2l-interactive")
    assert page.page.locator(".d2l-stage rect[stroke-dasharray]").count() == 0
    page.set("weights", [[1.0, 0, 0]] * 3)
    assert "brightest pixel lies" in page.say and page.page.locator(".d2l-stage rect[stroke-dasharray]").count() == 2


def test_no_choice_says_which_weights_find_the_center(mounted):
    page = mounted.open(PixelMixer())
    texts = page.control("mix").locator("option").all_inner_texts()
    assert not any("red and not green" in text or "minus" in text for text in texts)
