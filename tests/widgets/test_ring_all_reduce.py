"""The ring all-reduce: sums, clock and links are those of Python, and Python's are those of a plain all-reduce."""

import numpy as np
import pytest

from d2lite.widgets import RingAllReduce
from d2lite.widgets.ring_all_reduce import Network, all_to_one, ring

WAYS = {"ring": ring, "all to one": all_to_one}


@pytest.mark.parametrize("processes", range(2, 9))
@pytest.mark.parametrize("way", WAYS)
def test_every_process_ends_with_the_sum_and_no_contribution_counts_twice(way, processes):
    held, clock, carried = WAYS[way](Network(processes, 100.0))
    everybody = frozenset(range(processes))
    assert all(piece == everybody for row in held[-1] for piece in row)
    assert len(held) == len(clock) == len(carried) == 2 * processes - 1 and clock == sorted(clock)
    assert all(piece < everybody for row in held[processes - 2] for piece in row), "not before all have been added"


@pytest.mark.parametrize("processes", range(2, 9))
def test_the_ring_is_that_of_the_chapter(processes):
    """Numbers as the chapter sends them, round by round: each piece is the sum of the contributions that it says."""
    values = np.random.default_rng(0).normal(size=(processes, processes))
    pieces = values.copy()
    held, _, carried = ring(Network(processes, 100.0))
    for step in range(2 * (processes - 1)):
        parcels = [pieces[rank, (rank - step) % processes] for rank in range(processes)]
        for rank, parcel in enumerate(parcels):
            place = (rank + 1) % processes, (rank - step) % processes
            pieces[place] = pieces[place] + parcel if step < processes - 1 else parcel
        sums = [[sum(values[who, at] for who in piece) for at, piece in enumerate(row)] for row in held[step + 1]]
        assert pieces == pytest.approx(np.array(sums))
    assert carried[-1] == pytest.approx([2 * (processes - 1) / processes * 100] * processes)


@pytest.mark.parametrize("slow", [10.0, 0.5])
def test_the_times_are_those_of_the_formulas(slow):
    for n in range(2, 9):
        network = Network(n, 100.0, slow=slow)
        each = 2 * (n - 1) * (10e-6 + 0.1 / n / slow)
        assert ring(network)[1][-1] == pytest.approx(each)
        through = 2 * (10e-6 + 0.1 / slow) + 2 * (n - 2) * (10e-6 + 0.1 / 10)
        assert all_to_one(network)[1][-1] == pytest.approx(through)
        assert max(all_to_one(network)[2][-1]) == pytest.approx(2 * (n - 1) * 100)


def test_the_page_shows_the_same_numbers(mounted):
    page = mounted.open(RingAllReduce())
    for way, processes, size, slow in (
        ("ring", 4, 100, 10),
        ("ring", 8, 470, 0.5),
        ("all to one", 5, 37, 2.5),
        ("ring", 2, 1, 1),
        ("ring", 7, 1000, 10),
    ):
        for trait, value in (("way", way), ("processes", processes), ("size", size), ("slow", slow)):
            page.set(trait, value)
        held, clock, carried = WAYS[way](Network(processes, size, slow=slow))
        for number in (0, 1, processes - 1, 2 * processes - 2):
            page.set("rounds", number)
            found = page.result
            assert found["held"] == [[sorted(piece) for piece in row] for row in held[number]]
            assert (found["clock"], found["total"]) == pytest.approx((clock[number], clock[-1]), rel=1e-9)
            assert found["carried"] == pytest.approx(carried[number], rel=1e-9)
            assert found["busiest"] == pytest.approx(max(carried[-1]), rel=1e-9)


def test_rounds_are_sent_by_mouse_and_keyboard_and_processes_looked_at(mounted):
    page = mounted.open(RingAllReduce())
    page.page.emulate_media(reduced_motion="reduce")
    step = page.page.get_by_role("button", name="next round")
    assert "Nothing is sent yet" in page.say
    step.click()
    assert page.get("rounds") == 1 and "25\u00a0MB" in page.say
    assert page.say.startswith("After 1 of 6 rounds, 2.51\u00a0ms")
    page.page.locator(".d2l-stage g").nth(1).locator("circle").click()
    assert "Process 1 holds contributions of: piece 0: 0 + 1; piece 1: 1; piece 2: 2" not in page.page.inner_text(
        ".d2l-note"
    )
    assert "Process 1 holds contributions of: piece 0: 0 + 1; piece 1: 1;" in page.page.inner_text(".d2l-note")
    page.page.locator(".d2l-stage [role=application]").focus()
    page.page.keyboard.press("ArrowRight")
    assert "Process 2 holds contributions of: piece 0: 2; piece 1: 1 + 2;" in page.page.inner_text(".d2l-note")
    page.page.get_by_role("button", name="play").click()
    assert page.get("rounds") == 6 and "every process holds the whole sum" in page.say
    assert step.get_attribute("aria-disabled") == "true"
    page.page.get_by_role("button", name="a round back").click()
    assert page.get("rounds") == 5
    page.press("processes", "End")
    assert page.get("processes") == 8
    page.press("slow", "Home")
    assert page.result["total"] == pytest.approx(ring(Network(8, 100.0, slow=0.5))[1][-1])


def test_the_times_are_compared_when_asked_for(mounted):
    page = mounted.open(RingAllReduce())
    assert "all to one takes" not in page.say
    page.page.click(".d2l-answer")
    assert (
        "the ring takes 15.06\u00a0ms, 150\u00a0MB over each link; all to one takes 60.06\u00a0ms, 600\u00a0MB"
        in page.say
    )
    page.page.click(".d2l-answer")
    assert "all to one takes" not in page.say


def test_pieces_fly_unless_the_reader_wants_no_motion(mounted):
    page = mounted.open(RingAllReduce())
    drawn = "document.querySelectorAll('.d2l-stage svg > circle').length"
    page.page.get_by_role("button", name="next round").click()
    assert page.page.evaluate(drawn) == 4, "a piece on each link"
    page.page.wait_for_function(f"{drawn} === 0")
    page.page.emulate_media(reduced_motion="reduce")
    page.page.get_by_role("button", name="next round").click()
    assert page.page.evaluate(drawn) == 0


def test_nonsense_is_brought_back(mounted):
    page = mounted.open(RingAllReduce())
    for trait in RingAllReduce().settings():
        for value in ("NaN", "Infinity", -1e9, 1e9, 0, None, "many", 2.5):
            page.set(trait, value)
            assert "cannot be drawn" not in page.say and "NaN" not in page.page.inner_html(".d2l-interactive")


def test_python_brings_nonsense_back_too():
    widget = RingAllReduce(way="star", processes=99, size=None, slow=float("nan"), rounds=-1, compare=3)
    assert repr(widget) == "RingAllReduce(compare=False, processes=8, rounds=0, size=100, slow=10.0, way='ring')"
    assert len(widget.picture().axes) == 3 and len(RingAllReduce(way="all to one").picture().axes) == 3


def test_another_setting_starts_the_rounds_anew_and_does_not_rewrite_the_past(mounted):
    page = mounted.open(RingAllReduce())
    step = page.page.get_by_role("button", name="next round")
    for trait, key in (("slow", "Home"), ("way", "ArrowDown"), ("size", "ArrowRight"), ("processes", "ArrowRight")):
        step.click()
        step.click()
        assert page.get("rounds") == 2
        page.press(trait, key)
        assert page.get("rounds") == 0 and "Nothing is sent yet" in page.say
    page.set("rounds", 8)
    assert "every process holds the whole sum" in page.say
    page.press("processes", "End")
    assert page.get("rounds") == 14 and "every process holds the whole sum" in page.say, "all of it stays all of it"


def test_one_slow_link_doubles_the_time_and_more_processes_do_not(mounted):
    page = mounted.open(RingAllReduce())
    goal = page.page.locator(".d2l-goal")
    for processes in range(2, 9):
        page.set("processes", processes)
        assert goal.get_attribute("data-reached") == "false" and goal.inner_text().startswith("A challenge: double")
    page.set("slow", 5.5)
    assert goal.get_attribute("data-reached") == "true", "with eight, which take a sixth longer"
    page.set("processes", 4)
    assert goal.get_attribute("data-reached") == "false"
    page.set("slow", 5)
    whole, equal = (ring(Network(slow=speed))[1][-1] for speed in (5, 10))
    told = f"The ring of 4 takes {1000 * whole:.2f}\u00a0ms; with equal links it would take {1000 * equal:.2f}\u00a0ms."
    assert told in goal.inner_text()
