"""How long a problem set takes a student: an estimate from what there is to read, to decide and to write.

The times for one word, line and cell are the authors'. They were chosen so that sets which two readers had worked
through in three to six hours come out at that. No class has been timed.
"""

import math
import re
from dataclasses import dataclass

from . import course

WORDS_A_MINUTE = (200, 130)  # a fast and a slow reader
LINE = (1.2, 1.8)  # minutes to write one line of a solution and to get it right
CELL = (6.0, 9.0)  # to understand what a cell asks for, to decide, and to read what its tests say
WRITTEN = (15.0, 25.0)  # for the answer in words
OPEN = (30.0, 60.0)  # for a cell tagged `open`, where one tries things out until they are good enough
SOLVED = re.compile(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.S)


@dataclass(frozen=True)
class Effort:
    """What there is to do in a problem set."""

    words: int
    lines: int
    cells: int
    open: int

    def minutes(self) -> tuple[int, int]:
        """From and to, in tens."""
        least, most = (
            self.words / WORDS_A_MINUTE[pace]
            + self.lines * LINE[pace]
            + self.cells * CELL[pace]
            + self.open * OPEN[pace]
            + WRITTEN[pace]
            for pace in (0, 1)
        )
        return 10 * math.floor(least / 10 + 0.5), 10 * math.floor(most / 10 + 0.5)


def of(name: str) -> Effort:
    """Count a problem set."""
    by_hand, words, lines, cells, tried = course.by_hand(name), 0, 0, 0, 0
    for cell in course.source(name).cells:
        if cell.cell_type == "markdown":
            words += len(cell.source.split())
        elif cell.metadata["nbgrader"]["solution"] and cell["id"] not in by_hand:
            cells += 1
            tried += "open" in cell.metadata.get("tags", [])
            solved = "\n".join(SOLVED.findall(cell.source)).splitlines()
            lines += sum(bool(line.strip()) and not line.strip().startswith("#") for line in solved)
    return Effort(words, lines, cells, tried)
