"""Exercise answers: right, wrong with a hint, not answered, and code that fails."""

import pytest
import torch

import d2lite as d2l
from d2lite import checks


@pytest.fixture(autouse=True)
def own_exercises(monkeypatch):
    monkeypatch.setattr(checks, "_EXERCISES", {})
    monkeypatch.setattr(checks, "_load_exercises", lambda: None)
    checks.exercise("book-1", checks.integer(8, "count the layers with weights."), "eight it is.")
    checks.exercise("book-2", checks.number(0.25, "divide by four."))
    checks.exercise("book-3", checks.sequence((1, 64, 56, 56), "halve the size once."))
    checks.exercise("book-4", checks.passes(lambda f: None if f(3) == 9 else "f(3) should be 9."))


@pytest.mark.parametrize("answer", [8, 8.0, torch.tensor(8), torch.ones(8).sum()])
def test_right_integer(answer):
    result = d2l.check("book-1", answer)
    assert result and str(result) == "✓ book-1: eight it is."


@pytest.mark.parametrize("answer", [7, 8.5, torch.tensor(9)])
def test_wrong_integer_gets_the_hint(answer):
    result = d2l.check("book-1", answer)
    assert not result and "✗" in str(result) and "count the layers" in result.message


@pytest.mark.parametrize("answer", ["8", True, [8]])
def test_wrong_type_is_told(answer):
    assert "give a whole number" in d2l.check("book-1", answer).message


def test_number_has_a_tolerance():
    assert d2l.check("book-2", 0.25001)
    assert not d2l.check("book-2", 0.26)
    assert not d2l.check("book-2", float("nan"))


@pytest.mark.parametrize("answer", [(1, 64, 56, 56), [1, 64, 56, 56], torch.Size([1, 64, 56, 56])])
def test_right_sequence(answer):
    assert d2l.check("book-3", answer)


def test_wrong_sequences():
    assert "4 values are asked for, you gave 2" in d2l.check("book-3", (1, 64)).message
    assert "halve" in d2l.check("book-3", (1, 64, 112, 112)).message
    assert "give a list or tuple" in d2l.check("book-3", 5).message


def test_functions_are_called_and_errors_are_shown():
    assert d2l.check("book-4", lambda x: x * x)
    assert d2l.check("book-4", lambda x: x).message == "f(3) should be 9."
    assert "ZeroDivisionError" in d2l.check("book-4", lambda x: x / 0).message


def test_unanswered_is_not_right():
    result = d2l.check("book-1", None)
    assert not result and result.status == "unanswered" and "in place of None" in result.message


def test_unknown_exercise_names_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'book-1'.*Known: book-1"):
        d2l.check("bok-1", 3)


def test_a_name_cannot_be_taken_twice():
    with pytest.raises(ValueError, match="twice"):
        checks.exercise("book-1", checks.integer(1, ""))


def test_html_is_escaped():
    checks.exercise("book-5", checks.passes(lambda a: "<script>"))
    assert "<script>" not in d2l.check("book-5", 1)._repr_html_()
