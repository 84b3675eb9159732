"""Sentences with numbers that a run computed: `3.1 points more` is `{1} points more` with its numbers apart.

So a sentence that a run wrote, or the alternative text of a figure, keeps its translation when the numbers change.
"""

import re

# not those that belong to a name or a size: ResNet-18, 3×3, block 2a, 10⁻³
NUMBER = re.compile(r"(?<![\w.×^-])[-+−]?\d+(?:[.,]\d+)*%?(?![\w×⁻])(?!\.\d)")
PLACE = re.compile(r"\{(\d+)\}")


def apart(text: str) -> tuple[str, list[str]]:
    """A sentence with `{1}`, `{2}`, … in place of its numbers, and these."""
    numbers: list[str] = []

    def taken(match: re.Match) -> str:
        numbers.append(match[0])
        return f"{{{len(numbers)}}}"

    return NUMBER.sub(taken, text), numbers


def together(template: str, numbers: list[str]) -> str:
    """The sentence again."""
    return PLACE.sub(lambda match: numbers[int(match[1]) - 1], template)
