"""Exercise answers: right, wrong with a hint, not answered, and code that fails."""

import importlib.util
import re
import unicodedata

import numpy as np
import pytest
import torch
from torch import nn

import d2lite as d2l
from d2lite import checks
from tools import pages, project

checks._load_exercises()
# those of the problem sets are tried by the problem sets' own solutions, in tests/grading
OF_THE_BOOK = {name: test for name, test in checks._EXERCISES.items() if not re.match(r"ps\d+-", name)}
OF_THE_SETS = checks._EXERCISES.keys() - OF_THE_BOOK.keys()


def right_answers() -> dict[str, object]:
    """A right answer to every exercise: ``RIGHT`` in the tests of each chapter, by the number of the exercise."""
    found = {}
    for chapter in project.chapters():
        own = next(filter(importlib.util.find_spec, (f"test_{chapter}", f"test_{chapter}_chapter")), None)
        assert own, f"tests/test_{chapter}.py is missing: it tests the chapter, and its RIGHT holds the right answers"
        found |= {f"{chapter}-{number}": answer for number, answer in importlib.import_module(own).RIGHT.items()}
    return found


RIGHT = right_answers()


@pytest.fixture(autouse=True)
def own_exercises(monkeypatch):
    monkeypatch.setattr(checks, "_EXERCISES", {})
    monkeypatch.setattr(checks, "_load_exercises", lambda: None)
    checks.exercise("book-1", checks.number(8, "count the layers with weights.", whole=True), "eight it is.")
    checks.exercise("book-2", checks.number(0.25, "divide by four.", {4.0: "the other way round."}, rel=1e-3))
    checks.exercise("book-3", checks.numbers((1, 64, 56, 56), "halve the size once."))
    checks.exercise("book-4", lambda f: None if f(3) == 9 else "f(3) should be 9.")


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


def test_what_is_not_whole_is_told():
    assert "give a whole number, not 8.5" in d2l.check("book-1", 8.5).message


def test_integers_are_compared_exactly():
    checks.exercise("book-5", checks.number(138_357_544, "count again.", {138_357_540: "four are missing."}))
    assert d2l.check("book-5", torch.tensor([138_357_544]))
    assert d2l.check("book-5", 138_357_540).message == "four are missing."
    assert d2l.check("book-5", 138_357_541).message == "count again."


@pytest.mark.parametrize("answer", [4, 4.001, torch.tensor(4.0), np.float32(4), np.array([4])])
def test_a_typical_slip_gets_its_own_hint(answer):
    assert d2l.check("book-2", answer).message == "the other way round."
    assert d2l.check("book-2", 4.1).message == "divide by four."


def test_number_has_a_tolerance():
    assert d2l.check("book-2", 0.25001)
    assert not d2l.check("book-2", 0.26)
    assert not d2l.check("book-2", float("nan"))


@pytest.mark.parametrize(
    "answer",
    [
        (1, 64, 56, 56),
        [1, 64, 56.0, torch.tensor(56)],
        torch.Size([1, 64, 56, 56]),
        torch.tensor([1, 64, 56, 56]),
        np.array([1, 64, 56, 56]),
    ],
)
def test_right_sequence(answer):
    assert d2l.check("book-3", answer)


def test_wrong_sequences():
    assert "4 values are asked for, you gave 2" in d2l.check("book-3", (1, 64)).message
    assert "halve" in d2l.check("book-3", (1, 64, 112, 112)).message
    assert "give a list or tuple" in d2l.check("book-3", 5).message
    assert "give 4 numbers, not (1, 64, 56, '56')" in d2l.check("book-3", (1, 64, 56, "56")).message


CHINESE = "批量规范化在训练时用这一批图像的均值和方差，在预测时用训练中积累的滑动平均。"


@pytest.mark.parametrize(
    ("answer", "counted"),
    [
        ("one two  three\nfour", (4, 0)),
        ("a = b, so - as it were - 2 is 1 + 1", (10, 0)),  # a sign by itself is no word
        (CHINESE, (0, 36)),
        ("用 BatchNorm 时，\u3000均值为 0。", (2, 5)),
        ("バッチの平均ではなく移動平均を使う。", (0, 17)),
        ("배치의 평균이 아니라 이동 평균", (0, 13)),
        (unicodedata.normalize("NFD", "배치의 평균"), (0, 5)),
        ("𠀀㐀々", (0, 3)),
        ("，。——！ … ()", (0, 0)),
        ("", (0, 0)),
    ],
)
def test_words_are_counted_in_languages_with_and_without_spaces(answer, counted):
    assert checks.length(answer) == counted


def test_an_answer_in_words_is_long_enough_in_any_language():
    checks.exercise("book-5", checks.words(40))
    assert d2l.check("book-5", "word " * 40) and not d2l.check("book-5", "word " * 39)
    assert d2l.check("book-5", "字" * 60) and not d2l.check("book-5", "字" * 59)
    assert d2l.check("book-5", 20 * "word " + "字" * 30) and not d2l.check("book-5", 20 * "word " + "字" * 29)
    assert d2l.check("book-5", 5).message == "give a text, not int."


@pytest.mark.parametrize(
    ("answer", "so_far"),
    [
        ("", "so far there is none."),
        ("one", "so far there is 1 word."),
        ("word " * 7, "so far there are 7 words."),
        (CHINESE, "so far there are 36 characters. 至少写 60 个字，现在有 36 个字。"),
        ("用 BatchNorm 时", "so far there is 1 word and 2 characters. 至少写 60 个字，现在有 2 个字。"),
        ("移動平均を使う。", "so far there are 7 characters."),
    ],
)
def test_a_short_answer_is_told_how_long_it_is(answer, so_far):
    checks.exercise("book-5", checks.words(40))
    told = d2l.check("book-5", answer).message
    assert told == f"write at least 40 words, or 60 characters of Chinese, Japanese or Korean; {so_far}"


def test_hints_for_numbers_together():
    slips = {(0.5, 2.0): "swapped."}
    checks.exercise("book-5", checks.numbers((2.0, 0.5), lambda values: f"sum {sum(values)}.", slips, rel=1e-2))
    assert d2l.check("book-5", (2.01, 0.5))
    assert d2l.check("book-5", [0.5, 2.01]).message == "swapped."
    assert d2l.check("book-5", torch.tensor([1.0, 2.0])).message == "sum 3.0."


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
        checks.exercise("book-1", checks.number(1, ""))


def test_html_is_escaped():
    checks.exercise("book-5", lambda a: "<script>")
    assert "<script>" not in d2l.check("book-5", 1)._repr_html_()


@pytest.fixture
def of_the_book(monkeypatch, own_exercises):
    monkeypatch.setattr(checks, "_EXERCISES", OF_THE_BOOK)


def test_there_is_a_right_answer_to_every_exercise():
    assert RIGHT.keys() == OF_THE_BOOK.keys(), "d2lite/exercises/CHAPTER.py and RIGHT in tests/test_CHAPTER.py differ"


def test_every_check_of_the_sets_is_asked_for():
    texts = "".join(path.read_text("utf-8") for path in pages.SETS.glob("*/*.md"))
    assert set(re.findall(r'd2l\.check\("([^"]+)"', texts)) == OF_THE_SETS, "d2lite/exercises/psN.py and set N differ"


@pytest.mark.parametrize("name", RIGHT)
def test_a_check_leaves_the_random_numbers_that_follow(name, of_the_book):
    before = torch.get_rng_state()
    result = d2l.check(name, RIGHT[name])
    assert result, result
    assert torch.equal(torch.get_rng_state(), before)


def test_an_answer_that_fails_leaves_them_too():
    checks.exercise("book-5", lambda f: f())
    before = torch.get_rng_state()
    assert "ZeroDivisionError" in d2l.check("book-5", lambda: torch.rand(3) / 0 + 1 / 0).message
    assert torch.equal(torch.get_rng_state(), before)


def numbers_in(value):
    """All tensors in the arguments of an answer, copied."""
    if isinstance(value, nn.Module):
        return [tensor.clone() for tensor in value.state_dict().values()]
    if isinstance(value, (tuple, list)):
        return [tensor for item in value for tensor in numbers_in(item)]
    return [value.clone()] if isinstance(value, torch.Tensor) else []


@pytest.mark.parametrize("name", ["batch_norm-3", "batch_norm-5", "batch_norm-6", "data_and_training-4"])
def test_a_check_repeated_is_the_same_check(name, of_the_book):
    given = {1: [], 2: []}
    for seed, seen in given.items():

        def answer(*args, seen=seen):
            seen += numbers_in(args)
            return RIGHT[name](*args)

        torch.manual_seed(seed)
        assert d2l.check(name, answer)
    assert len(given[1]) == len(given[2]) > 0
    assert all(map(torch.equal, given[1], given[2]))
