"""Which submissions are more alike than the class is: by the tokens of code and the words of answers.

Compared are runs of a few tokens. Names that a student gives are all one, and comments, docstrings and layout are
nothing, so renaming hides nothing. A run weighs the less, the more of the class has it, and nothing where it stands in
what was handed out or in the solution: most of a short function can be written in one way. How many tokens of one would
have to be edited to get the other is counted beside it. What that can and cannot tell is said on the page itself.

compare50 (https://pypi.org/project/compare50) and copydetect do the like for whole programs. They look for long common
passages, of which cells of ten lines have none, and do not know what a class has in common.
"""

import difflib
import io
import itertools
import keyword
import math
import re
import statistics
import tokenize
from collections import Counter, defaultdict

from d2lite.checks import CHARACTER

from . import course, scratch

RUN, WORDS, CHARACTERS = 6, 4, 6  # tokens, and words or characters of an answer, that are compared together
SHOWN, CELLS = 20, 3  # pairs on the page, and cells of each
LEAST = 3  # runs that only the two of a pair have, without which it is not shown
SOLVED = re.compile(r"### BEGIN SOLUTION.*?### END SOLUTION", re.S)
STUB = "# YOUR CODE HERE\nraise NotImplementedError()"
NOTHING = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def tokens(source: str) -> list[str]:
    """What a cell says, whatever its names, comments and layout."""
    own = scratch.defined(source)
    found: list[str] = []
    fresh = True  # at the beginning of a statement, where a text is a docstring
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.STRING and fresh:
                continue
            if token.type in NOTHING:
                fresh = fresh or token.type in (tokenize.NEWLINE, tokenize.INDENT)
                continue
            fresh = False
            given = token.type == tokenize.NAME and token.string in own and not keyword.iskeyword(token.string)
            of_another = found[-1:] == ["."]  # a method may be called as a variable is
            found.append("name" if given and not of_another else token.string)
    except (tokenize.TokenError, SyntaxError, IndentationError):
        return re.findall(r"\w+|[^\w\s]", source)
    return found


def words(source: str) -> list[str]:
    """The words of an answer; of Chinese, Japanese and Korean each character, since spaces do not part the words."""
    return re.findall(r"[^\W\d_]+", CHARACTER.sub(r" \g<0> ", source.casefold()))


def together(items: list[str]) -> int:
    """How many words of an answer are compared together; a few more where most are single characters."""
    return CHARACTERS if 2 * sum(bool(CHARACTER.fullmatch(item)) for item in items) > len(items) else WORDS


def runs(items: list[str], length: int) -> set[tuple[str, ...]]:
    """All runs of ``length`` items; of fewer, all of them."""
    return {tuple(items[at : at + length]) for at in range(max(1, len(items) - length + 1))} if items else set()


class Work:
    """One student's cells that were to be solved."""

    def __init__(self, name: str, record: dict):
        by_hand, wanted = course.by_hand(name), _to_solve(name)
        self.student = record["student"]
        self.sources = {one["cell"]: one["source"] for one in record["cells"] if one["cell"] in wanted}
        self.tokens = {cell: words(text) if cell in by_hand else tokens(text) for cell, text in self.sources.items()}
        self.runs = {
            (cell, run)
            for cell, items in self.tokens.items()
            for run in runs(items, together(items) if cell in by_hand else RUN)
        }


def _to_solve(name: str) -> set[str]:
    cells = (cell.metadata.get("nbgrader", {}) for cell in course.source(name).cells)
    return {cell["grade_id"] for cell in cells if cell.get("solution")}


def _known(name: str) -> set[tuple]:
    """Runs that stand in what is handed out or in the solution."""
    cells = [(cell["id"], cell.source) for cell in course.source(name).cells if cell.cell_type == "code"]
    texts = [(cell, course.SOLUTION.sub("", source)) for cell, source in cells]
    texts += [(cell, SOLVED.sub(STUB, source)) for cell, source in cells]
    made = [Work(name, {"student": "", "cells": [{"cell": cell, "source": source}]}) for cell, source in texts]
    return set().union(*(work.runs for work in made))


def compare(name: str, records: list[dict]) -> dict | None:
    """What the page shows of one problem set; None where there is nothing to compare."""
    works = [Work(name, record) for record in records if record["problem_set"] == name and record["cells"]]
    if len(works) < 2:
        return None
    known = _known(name)
    kept = [work.runs - known for work in works]
    spread = Counter(run for found in kept for run in found)
    weight = {run: math.log((len(works) + 1) / count) for run, count in spread.items() if 2 * count <= len(works) + 2}
    totals = [sum(weight.get(run, 0.0) for run in found) for found in kept]
    holders = defaultdict(list)
    for number, found in enumerate(kept):
        for run in found & weight.keys():
            holders[run].append(number)
    shared: Counter = Counter()
    alone: Counter = Counter()
    for run, numbers in holders.items():
        for pair in itertools.combinations(numbers, 2):
            shared[pair] += weight[run]
            alone[pair] += len(numbers) == 2
    scores = {pair: amount / max(1e-9, min(totals[one] for one in pair)) for pair, amount in shared.items()}
    worth = [pair for pair in scores if alone[pair] >= LEAST]
    # rounded, since the sum of the weights has no order; equal pairs follow their names, whoever handed in first
    rank = {pair: round(-scores[pair] * math.log1p(alone[pair]), 9) for pair in worth}
    worth.sort(key=lambda pair: (rank[pair], sorted(works[one].student for one in pair)))
    count = len(works) * (len(works) - 1) // 2
    every = sorted(scores.values()) if len(scores) > 1 else [0.0, *scores.values()]
    return {
        "name": name,
        "count": len(works),
        "pairs_count": count,
        "middle": statistics.median([0.0] * (count - len(scores)) + every[-count:]),
        "pairs": [
            _pair(works[a], works[b], kept[a] & kept[b] & weight.keys(), spread, scores[a, b], alone[a, b])
            for a, b in worth[:SHOWN]
        ],
    }


def _pair(one: Work, other: Work, common: set, spread: Counter, score: float, alone: int) -> dict:
    """What the page shows of two submissions: how alike they are, by how many edits, and where."""
    counts = Counter(cell for cell, run in common if spread[cell, run] == 2)
    cells = sorted(counts, key=lambda cell: (-counts[cell], cell))[:CELLS]
    edited = total = 0
    for cell in one.tokens.keys() & other.tokens.keys():
        matcher = difflib.SequenceMatcher(None, one.tokens[cell], other.tokens[cell], autojunk=False)
        same = sum(block.size for block in matcher.get_matching_blocks())
        longest = max(len(one.tokens[cell]), len(other.tokens[cell]))
        edited, total = edited + longest - same, total + longest
    return {
        "students": (one.student, other.student),
        "score": min(1.0, score),
        "alone": alone,
        "edited": edited,
        "tokens": total,
        "cells": [(cell, one.sources[cell], other.sources[cell]) for cell in cells],
    }
