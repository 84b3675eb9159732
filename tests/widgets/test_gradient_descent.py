"""The gradient-descent board: the walk is PyTorch's, and the page shows the same one."""

import pytest
import torch

from d2lite.widgets import GradientDescent
from d2lite.widgets.gradient_descent import START, STEPS, descend, loss


@pytest.mark.parametrize("lr, momentum, curvature", [(0.18, 0.0, 10.0), (0.05, 0.9, 20.0), (0.3, 0.5, 3.0)])
def test_the_walk_is_that_of_torch(lr, momentum, curvature):
    w = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=lr, momentum=momentum)
    for point in descend(lr, momentum, curvature, start=START):
        assert point == pytest.approx(w.tolist(), abs=1e-9)
        optimizer.zero_grad()
        ((w[0] ** 2 + curvature * w[1] ** 2) / 2).backward()
        optimizer.step()


def test_the_page_shows_the_same_numbers(mounted):
    page = mounted.open(GradientDescent())
    for settings in ({"lr": 0.1}, {"momentum": 0.9}, {"curvature": 25.0}, {"x": 3.5, "y": -1.25}):
        for trait, value in settings.items():
            page.set(trait, value)
        lr, momentum, curvature = (page.get(name) for name in ("lr", "momentum", "curvature"))
        end = descend(lr, momentum, curvature, start=(page.get("x"), page.get("y")))[-1]
        assert page.result["end"] == pytest.approx(end, rel=1e-9, abs=1e-12)
        assert page.result["loss"] == pytest.approx(loss(end, curvature), rel=1e-9)
        assert page.result["limit"] == pytest.approx(2 * (1 + momentum) / curvature)


def test_mouse_and_keyboard(mounted):
    page = mounted.open(GradientDescent(steps=STEPS))
    page.press("lr", "ArrowRight", 10)
    assert page.get("lr") == pytest.approx(0.2) and "limit, 0.2" in page.say
    page.drag("momentum", 0.9)
    assert 0.8 < page.get("momentum") < 0.99
    page.press("lr", "End")
    assert page.get("lr") == 0.4 and "above" in page.say
    assert page.page.locator(".d2l-valley polyline ~ circle").count() == STEPS + 1


def test_the_first_frame_shows_the_setting_and_not_the_walk(mounted):
    page = mounted.open(GradientDescent(lr=0.06, curvature=30))
    assert page.say.startswith("The ball starts at (−9, 2.5), where the loss is 134.")
    assert "limit" not in page.say and not page.page.get_by_text("limit").is_visible()
    assert page.page.locator(".d2l-valley polyline ~ circle").count() == 1


def test_the_ball_rolls_and_waits(mounted):
    page = mounted.open(GradientDescent(lr=0.06, curvature=30))
    play = page.page.locator(".d2l-play")
    play.click()
    page.page.wait_for_function("document.querySelector('.d2l-widget').model.get('steps') > 2")
    assert "pause" in play.inner_text()
    play.press("Enter")
    at = page.get("steps")
    page.page.wait_for_timeout(300)
    assert page.get("steps") == at < STEPS and page.say.startswith(f"After {at} steps the loss is")
    assert page.page.locator(".d2l-valley polyline ~ circle").count() == at + 1
    play.click()
    page.page.get_by_role("button", name="reset").click()
    page.page.wait_for_timeout(300)
    assert page.get("steps") == 0, "a reset stops it"
    page.page.emulate_media(reduced_motion="reduce")
    play.click()
    assert page.get("steps") == STEPS and "40 steps" in page.say, "at once for whoever wants no motion"


def test_the_start_is_dragged_clicked_and_moved_by_keys(mounted):
    page = mounted.open(GradientDescent())
    box = page.page.locator(".d2l-valley svg").bounding_box()

    def at(x, y):
        return box["x"] + box["width"] * (x + 10.5) / 21, box["y"] + box["height"] * (0.5 - y / 7.2)

    page.page.mouse.move(*at(-9, 2.5))
    page.page.mouse.down()
    page.page.mouse.move(*at(0, 0), steps=3)
    page.page.mouse.move(*at(6, -2), steps=3)
    page.page.mouse.up()
    assert (page.get("x"), page.get("y")) == (pytest.approx(6, abs=0.1), pytest.approx(-2, abs=0.1))
    page.page.mouse.move(*at(0, 0))
    assert page.get("x") == pytest.approx(6, abs=0.1), "the button is up"
    page.page.mouse.click(*at(-3, 1))
    assert (page.get("x"), page.get("y")) == (pytest.approx(-3, abs=0.1), pytest.approx(1, abs=0.1))
    before = page.get("x"), page.get("y")
    page.page.locator(".d2l-valley").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp"):
        page.page.keyboard.press(key)
    assert (page.get("x"), page.get("y")) == (pytest.approx(before[0] + 1), pytest.approx(before[1] + 0.25))
    page.page.mouse.click(*at(-10.49, 3.59))
    assert (page.get("x"), page.get("y")) == (-10, 3.4)


def test_a_finger_drags_the_ball_and_a_scroll_puts_it_back(mounted):
    page = mounted.open(GradientDescent())
    grip, valley = page.page.locator(".d2l-grip"), page.page.locator(".d2l-valley")
    box = valley.locator("svg").bounding_box()
    middle = {"clientX": box["x"] + box["width"] / 2, "clientY": box["y"] + box["height"] / 2, "pointerType": "touch"}
    page.page.evaluate("Element.prototype.setPointerCapture = () => {}")  # of a made-up finger
    valley.locator("svg").dispatch_event("pointerdown", middle)
    valley.dispatch_event("pointermove", middle)
    assert (page.get("x"), page.get("y")) == START, "elsewhere a finger scrolls"
    grip.dispatch_event("pointerdown", middle)
    valley.dispatch_event("pointermove", middle)
    assert (page.get("x"), page.get("y")) == (0, 0)
    valley.dispatch_event("pointercancel")
    assert (page.get("x"), page.get("y")) == START


def test_a_real_finger_drags_the_ball_while_the_page_stands_still(touched):
    page = touched.open(GradientDescent(), width=390)
    page.page.evaluate("document.body.style.paddingBottom = '2000px'")
    page.page.locator(".d2l-valley").evaluate("node => node.scrollIntoView({ block: 'center', behavior: 'instant' })")
    top, box = page.page.evaluate("scrollY"), page.page.locator(".d2l-grip").bounding_box()
    assert round(min(box["width"], box["height"])) >= 44
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    finger = page.page.context.new_cdp_session(page.page)
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for step in range(1, 9):
        moved = {"x": x + 15 * step, "y": y + 12 * step}
        finger.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [moved]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.page.wait_for_timeout(100)
    wide = page.page.locator(".d2l-valley svg").bounding_box()["width"]
    assert page.get("x") == pytest.approx(START[0] + 21 * 120 / wide, abs=0.3) and page.get("y") < 0
    assert page.page.evaluate("scrollY") == top


@pytest.mark.parametrize("momentum, curvature, limit, place", [(0, 30, "0.067", 1 / 6), (0.5, 10, "0.3", 0.75)])
def test_the_limit_is_marked_below_the_slider(mounted, momentum, curvature, limit, place):
    page = mounted.open(GradientDescent(momentum=momentum, curvature=curvature, steps=1))
    mark, slider = page.page.locator(".d2l-limit span"), page.control("lr").bounding_box()
    box = mark.bounding_box()
    edge = box["x"] + (0 if place < 0.5 else box["width"])
    assert mark.inner_text() == f"limit {limit}"
    assert edge == pytest.approx(slider["x"] + 8 + (slider["width"] - 16) * place, abs=3)
    page.set("curvature", 2)
    assert mark.inner_text().endswith("→"), "beyond the slider"


def test_the_roll_before_stays_faint(mounted):
    page = mounted.open(GradientDescent(lr=0.06, curvature=30))
    page.page.emulate_media(reduced_motion="reduce")
    play, faint = page.page.locator(".d2l-play"), page.page.locator(".d2l-stage polyline[stroke=currentColor]")

    def seen():
        return faint.evaluate_all(
            "all => all.map(node => node.getAttribute('points').split(' ').filter(Boolean).length)"
        )

    play.click()
    assert seen() == [0] and "faint" not in page.say, "nothing was rolled before"
    page.page.locator(".d2l-valley").press("ArrowRight")
    assert seen() == [STEPS + 1] * 2 and "it ended at 0.29" in page.say, "another start beside the roll"
    page.press("momentum", "ArrowRight", 50)
    play.click()
    assert seen() == [STEPS + 1] * 2 and "it ended at 0.29" in page.say
    page.press("momentum", "ArrowLeft", 20)
    end = loss(descend(0.06, 0.5, 30.0, start=(-8.5, 2.5))[-1], 30.0)
    assert f"it ended at {end:.5f}" in page.say, "now the second roll is the one before"
    page.page.get_by_role("button", name="reset").click()
    page.set("steps", STEPS)
    assert seen() == [0]


def test_a_walk_that_reaches_the_goal_is_told_where(mounted):
    page = mounted.open(GradientDescent(lr=0.06, curvature=30, steps=STEPS))
    assert page.result["reached"] == -1 and "The goal is 0.001." in page.say
    page.set("momentum", 0.5)
    points = descend(0.06, 0.5, 30.0)
    step = next(step for step, point in enumerate(points) if loss(point, 30.0) < 0.001)
    assert page.result["reached"] == step and f"It reached the goal, 0.001, at step {step}." in page.say
    assert page.page.get_by_text(f"goal, reached at step {step}").is_visible()
    page.set("steps", step - 1)
    assert page.result["reached"] == -1 and "goal" not in page.say, "not yet"


def test_a_walk_that_leaves_the_chart_is_told(mounted):
    page = mounted.open(GradientDescent(lr=0.08, curvature=30, steps=STEPS))
    points = descend(0.08, 0.0, 30.0)
    gone = next(step for step, (x, y) in enumerate(points) if abs(x) > 10.5 or abs(y) > 3.6)
    assert page.result["gone"] == gone and f"From step {gone} on it is off the chart." in page.say
    assert page.page.get_by_text(f"off the chart from step {gone} on").is_visible()
    assert page.page.locator(".d2l-losses text", has_text="at step 40").is_visible()
    page.set("steps", gone - 1)
    assert "off the chart" not in page.say + page.page.inner_text(".d2l-stage")
    page.set("lr", 0.01)
    page.set("steps", STEPS)
    assert "off the chart" not in page.say + page.page.inner_text(".d2l-stage")


@pytest.mark.parametrize(
    "lr, momentum, curvature, told",
    [
        (0.1, 0.5, 30, "The rate is at its limit, 0.1: in the steep direction the walk never settles."),
        (0.102, 0.5, 30, "The rate is above 0.1: each step overshoots"),
        (0.098, 0.5, 30, "Below a rate of 0.1 it converges."),
        (0.06, 0.0, 30, "The rate is close to its limit, 0.067"),
        (0.056, 0.0, 30, "Below a rate of 0.067 it converges."),
        (0.2, 0.0, 10, "The rate is at its limit, 0.2:"),
        (0, 0.0, 30, "At a rate of 0 nothing moves."),
    ],
)
def test_the_limit_is_told(mounted, lr, momentum, curvature, told):
    page = mounted.open(GradientDescent(lr=lr, momentum=momentum, curvature=curvature, steps=STEPS))
    assert told in page.say


def test_numbers_are_written_for_readers(mounted):
    page = mounted.open(GradientDescent(curvature=30, steps=STEPS))
    assert "the loss is about 10⁵³" in page.say and "(it began at 134)" in page.say
    page.set("lr", 0.4)
    assert "the loss is about 10⁸⁵" in page.say
    page.set("lr", 0.07)
    assert "the loss is 190,000" in page.say
    page.set("curvature", 1)
    page.set("lr", 0.3)
    assert "the loss is about 10⁻¹¹" in page.say
    assert [page.page.locator(".d2l-losses text").nth(place).inner_html() for place in range(4)] == [
        "10⁻⁶",
        "0.001",
        "1",
        "1,000",
    ]


@pytest.mark.parametrize("trait", ["lr", "momentum", "curvature", "x", "y", "steps"])
@pytest.mark.parametrize("value", ["NaN", "Infinity", -1e9, 1e9, 0, None, "many"])
def test_nonsense_is_brought_back(mounted, trait, value):
    page = mounted.open(GradientDescent(steps=STEPS))
    page.set(trait, value)
    assert page.say.startswith(("After", "The ball starts"))


def test_python_brings_nonsense_back_too():
    board = GradientDescent(lr=float("nan"), momentum=7, curvature="steep")
    assert (board.lr, board.momentum, board.curvature) == (0.18, 0.99, 10.0)
    assert repr(GradientDescent()) == "GradientDescent(curvature=10.0, lr=0.18, momentum=0.0, steps=0, x=-9.0, y=2.5)"
    assert (GradientDescent(x=99, y="low").x, GradientDescent(x=99, y="low").y) == (10, START[1])


def test_a_ball_that_rolls_starts_anew_where_a_setting_changes(mounted):
    page = mounted.open(GradientDescent(lr=0.05))
    page.page.get_by_role("button", name="roll the ball").click()
    page.page.wait_for_function("document.querySelector('.d2l-widget').model.get('steps') > 3")
    page.press("lr", "ArrowRight")
    assert page.get("steps") < 3
