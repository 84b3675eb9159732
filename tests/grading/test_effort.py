"""The time that a problem set says it takes is the estimate of what there is to do in it."""

import re

import pytest

from assignments.grader import course, effort


@pytest.mark.parametrize("name", course.names())
def test_a_set_says_its_time(name):
    text = (course.SOURCE / name / f"{name}.md").read_text("utf-8")
    said = re.search(r"^About (\d+) to (\d+) minutes\. Read ", text, re.M)
    low, high = effort.of(name).minutes()
    assert said and tuple(map(int, said.groups())) == (low, high), (
        f"{name}: say 'About {low} to {high} minutes. Read …'"
    )


def test_more_to_do_takes_longer():
    least = effort.Effort(words=1000, lines=40, cells=8, open=0)
    assert least.minutes() == (120, 180)
    for more in ({"words": 3000}, {"lines": 60}, {"cells": 12}, {"open": 1}):
        low, high = effort.Effort(**{**vars(least), **more}).minutes()
        assert low > 120 and high > 180
