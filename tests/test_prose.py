"""The rules on a chapter's text can fail, and do not cry wolf."""

import prose
import pytest


@pytest.mark.parametrize(
    "text",
    [
        "It reaches an accuracy of 0.91 on the test images.",
        "The accuracy rises to 91 %.",
        "After training the loss is 0.32.",
        "This takes 42 seconds on two cores.",
        "Training takes two minutes.",
        "The second version is 1.7 times faster.",
        "| BatchNorm | accuracy 0.897 |",
        "> **Evidence.** Test accuracy is .874 here.",
    ],
)
def test_a_typed_result_is_found(text):
    assert prose.typed_results(text)


@pytest.mark.parametrize(
    "text",
    [
        "We train with rate 0.1 for 5 epochs.",
        "[Ioffe and Szegedy, 2015](https://arxiv.org/abs/1502.03167) report an error rate of 4.9 %.",
        "Will the accuracy exceed 0.5?",
        "Guessing among ten classes gives a loss of $\\ln 10 \\approx 2.303$.",
        "`print(0.91)` prints the accuracy.",
        "The momentum of 0.9 and a kernel of 3.",
        "The five stages halve the image; three convolutions reach seven pixels.",
    ],
)
def test_other_numbers_are_left_alone(text):
    assert not prose.typed_results(text)


@pytest.mark.parametrize(
    "text",
    [
        "See {cite}`he15`.",
        "```{note}\nHello\n```",
        ":::{note}\nHello\n:::",
        "(label)=\n# Title",
        "{{ version }}",
        "% comment",
        "[](vgg.ipynb)",
    ],
)
def test_myst_syntax_is_found(text):
    assert prose.myst_only(text)


@pytest.mark.parametrize(
    "text",
    [
        "Plain `code` and $x_{i}$ and {braces}.",
        "```python\nprint({1})\n```",
        "A 5 % share.\n50% more",
        "[VGG](vgg.ipynb)",
        "a: b",
    ],
)
def test_plain_markdown_is_left_alone(text):
    assert not prose.myst_only(text)


def test_a_misspelt_label_is_found():
    assert prose.unknown_labels("> **Predict.** What will it be?")
    assert not prose.unknown_labels("> **Predict first.** What?\n\n> **Exercise 12.** Why?\n\n> A quotation.")
