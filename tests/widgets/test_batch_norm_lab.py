"""The batch-normalization lab: in both modes its numbers are those of ``nn.BatchNorm1d``."""

import re

import numpy as np
import pytest
import torch
from torch import nn

from d2lite.widgets import BatchNormLab
from d2lite.widgets.batch_norm import STEPS, batch, running, stream

SETTINGS = [
    {},
    {"mean": -2.5, "earlier": 1.5, "spread": 0.3, "size": 7, "gamma": 2.0, "beta": -1.5, "momentum": 0.3, "steps": 12},
    {"size": 2, "steps": 60, "momentum": 0.05},
    {"size": 256, "steps": 1, "momentum": 1.0, "gamma": 0.0},
    {"steps": 0},
    {"steps": 3, "seen": [[-4, 2.5, -4]]},
    {"steps": 58, "seen": [[1, 1, 1, 1, 9]]},
]


def by_torch(lab):
    """The same three stages by PyTorch, and its running statistics."""
    layer = nn.BatchNorm1d(1, momentum=lab.momentum).double()
    nn.init.constant_(layer.weight, lab.gamma)
    nn.init.constant_(layer.bias, lab.beta)
    inputs = [
        torch.tensor(batch(step, lab.size, mean, lab.spread))[:, None]
        for step, mean in enumerate([lab.mean, *lab.means()])
    ]
    with torch.no_grad():
        for X in inputs[1:]:
            layer(X)
        prediction = layer.eval()(inputs[0])
        statistics = layer.running_mean.item(), layer.running_var.item()
        training = layer.train()(inputs[0])
    return [one[:, 0].numpy() for one in (inputs[0], training, prediction)], statistics


@pytest.mark.parametrize("settings", SETTINGS)
def test_python_computes_what_torch_does(settings):
    lab = BatchNormLab(**settings)
    stages, statistics = by_torch(lab)
    for own, theirs in zip(lab.stages().values(), stages, strict=True):
        assert own == pytest.approx(theirs, abs=1e-12)
    assert running(lab.means(), lab.size, lab.spread, lab.momentum) == pytest.approx(statistics, abs=1e-12)


def test_the_page_computes_what_torch_does(mounted):
    page = mounted.open(BatchNormLab())
    for settings in SETTINGS:
        lab = BatchNormLab(**settings)
        for trait, value in lab.settings().items():
            page.set(trait, value)
        stages, (average, variance) = by_torch(lab)
        assert page.result["running"] == pytest.approx({"mean": average, "variance": variance}, abs=1e-9)
        for name, values in zip(("before", "training", "prediction"), stages, strict=True):
            wanted = {"mean": values.mean(), "spread": values.std(), "first": values[0], "last": values[-1]}
            assert page.result[name] == pytest.approx(wanted, abs=1e-9)


def test_the_numbers_look_like_a_sample():
    values = stream()
    assert len(values) == 256 * (STEPS + 1) and len(np.unique(values)) == len(values)
    assert abs(values.mean()) < 0.03 and abs(values.std() - 1) < 0.03
    assert abs(np.corrcoef(values[1:], values[:-1])[0, 1]) < 0.03


def test_the_point_of_the_first_frame(mounted):
    page = mounted.open(BatchNormLab())
    assert page.result["training"]["mean"] == pytest.approx(0, abs=1e-9)
    assert page.result["training"]["spread"] == pytest.approx(1, abs=1e-4)
    assert page.result["prediction"]["mean"] > 0.5
    assert page.say.startswith("In training, what goes out has mean 0.00 (beta) and spread 1.00 (gamma)")
    assert "59% of the running statistics is still their start" in page.say


def test_the_diary_keeps_what_it_saw(mounted):
    """The question of the chapter: the mean moves from 3 to -4 after the steps, and only prediction shows it."""
    page = mounted.open(BatchNormLab())
    diary = page.result["running"]
    page.press("mean", "Home")
    assert page.get("mean") == -4 and page.result["running"] == diary
    assert page.result["training"]["mean"] == pytest.approx(0, abs=1e-9) and page.result["prediction"]["mean"] < -3
    assert "the rest comes from batches of mean 3.00" in page.say


def test_what_lies_beyond_the_axis_is_told_and_what_is_zero_stands_at_zero(mounted):
    settings = {"mean": 4, "earlier": -4, "steps": 60, "momentum": 1.0, "spread": 0.3}
    assert "64 of 64 beyond the axis" in BatchNormLab(**settings).picture().axes[2].get_title("left")
    page = mounted.open(BatchNormLab(**settings))
    charts = page.page.locator(".d2l-stage svg")
    assert page.page.locator(".d2l-stage").inner_text().count("64 of 64 beyond the axis") == 1
    assert charts.nth(3).locator("rect").count() == 0 and charts.nth(1).locator("rect").count() > 3
    page.page.get_by_text("more", exact=True).click()
    page.press("gamma", "Home")
    for chart in (charts.nth(1), charts.nth(3)):
        bar = chart.locator("rect").evaluate("node => [node.x.baseVal.value, node.width.baseVal.value]")
        line = float(re.search(r"M([\d.]+),2V", chart.locator("path").get_attribute("d"))[1])
        assert bar[0] + bar[1] / 2 == pytest.approx(line)


def test_the_first_frame_does_not_answer_the_question_and_a_button_does(mounted):
    page = mounted.open(BatchNormLab())
    assert "whatever comes in" not in page.say
    page.page.click(".d2l-answer")
    page.page.wait_for_function("document.querySelector('.d2l-widget').model.get('mean') === -4")
    assert "spread 1.00 (gamma), whatever comes in." in page.say and page.result["prediction"]["mean"] < -3


def test_what_comes_in_is_dragged(mounted):
    page = mounted.open(BatchNormLab())
    handle = page.page.get_by_role("slider", name="mean of what comes in").last
    box = handle.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.page.mouse.move(box["x"] + 350, middle)
    page.page.mouse.down()
    page.page.mouse.move(box["x"] + 350 - box["width"] * 5 / 20.5, middle)
    assert page.get("mean") == pytest.approx(-2) and handle.get_attribute("aria-valuetext") == "−2.00"
    page.page.mouse.move(box["x"] - 900, middle)
    assert page.get("mean") == -4
    page.page.mouse.up()
    page.page.mouse.move(box["x"] + 350, middle)
    assert page.get("mean") == -4
    handle.focus()
    for key in ("ArrowRight", "ArrowUp", "ArrowLeft"):
        page.page.keyboard.press(key)
    assert page.get("mean") == -3.9


def test_a_step_of_training_is_written_into_the_diary(mounted):
    page = mounted.open(BatchNormLab())
    before = page.result["running"]["mean"]
    page.press("mean", "Home")
    for _ in range(2):
        page.page.get_by_role("button", name="train a step").click()
    assert page.get("seen") == [[-4, -4]] and page.result["running"]["mean"] < before - 0.5
    assert "after 7 steps" in page.say and "from 5 batches of mean 3.00 and 2 later of mean −4.00" in page.say
    falling = "document.querySelectorAll('.d2l-stage svg')[2].getAnimations({ subtree: true }).length"
    page.page.wait_for_timeout(600)
    page.page.get_by_role("button", name="train a step").click()
    assert page.page.evaluate(falling) == 1
    page.page.emulate_media(reduced_motion="reduce")
    page.page.get_by_role("button", name="train a step").click()
    assert page.page.evaluate(falling) == 0
    page.page.get_by_role("button", name="train on").click()
    assert len(page.get("seen")[0]) == STEPS - 5 and "nearly the same goes out" in page.say
    step = page.page.get_by_role("button", name="train a step")
    assert step.get_attribute("aria-disabled") == "true"
    step.click(force=True)
    assert len(page.get("seen")[0]) == STEPS - 5


def test_five_controls_are_folded_away(mounted):
    page = mounted.open(BatchNormLab(), width=390)
    assert page.page.locator(".d2l-control:visible").count() == 3
    page.page.get_by_text("more", exact=True).click()
    assert page.page.locator(".d2l-control:visible").count() == 8


def test_mouse_and_keyboard(mounted):
    page = mounted.open(BatchNormLab())
    page.page.get_by_text("more", exact=True).click()
    page.press("steps", "End")
    assert page.get("steps") == STEPS and "nearly the same goes out" in page.say and "next to nothing" not in page.say
    page.press("momentum", "End")
    assert "next to nothing of the running statistics" in page.say
    page.press("momentum", "Home")
    assert "momentum 0" in page.say
    page.press("size", "Home")
    assert page.get("size") == 2 and "only the order is left" in page.say
    page.drag("beta", 0.9)
    assert page.get("beta") > 2.5 and f"mean {page.get('beta'):.2f}" in page.say


def test_nonsense_is_brought_back(mounted):
    page = mounted.open(BatchNormLab())
    for trait in BatchNormLab().settings():
        for value in ("NaN", "Infinity", -1e9, 1e9, 0, None, "many", 2.5):
            page.set(trait, value)
            assert page.say.startswith("In training, what") and "NaN" not in page.page.inner_html(".d2l-interactive")


def test_python_brings_nonsense_back_too():
    lab = BatchNormLab(mean="high", spread=0, size=1, momentum=float("nan"), steps=1e9, seen="much")
    assert (lab.mean, lab.spread, lab.size, lab.momentum, lab.steps, lab.seen) == (3.0, 0.1, 2, 0.1, STEPS, [])
    assert len(lab.picture().axes) == 3
