"""Pieces of model solutions with mistakes put into them, of which wrong variants of problem sets are made."""

import re
from collections.abc import Callable

from assignments.grader import course


def changed(source: str, *changes: tuple[str, str]) -> str:
    """``source`` with each old text, which must be there, replaced by the new."""
    for old, new in changes:
        assert old in source, old
        source = source.replace(old, new)
    return source


def solution_of(name: str) -> Callable[..., dict[str, str]]:
    """``but(cell, (old, new), …)``: the model solution of a cell of a problem set, changed, as {cell: source}."""
    text = (course.PUBLIC / name / f"{name}.md").read_text(encoding="utf-8")

    def but(cell: str, *changes: tuple[str, str]) -> dict[str, str]:
        source = re.search(rf"grade_id: {cell}, solution: true\}}\n(.*?)\n```", text, re.S)[1]
        return {cell: changed(source, *changes)}

    return but
