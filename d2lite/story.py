"""The story so far: the networks up to one of them, all trained on the main line, as a table and a figure."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from .mainline import Line, Row, Step, line, step
from .networks import NETWORKS
from .recipes import MAINLINE, nearest

if TYPE_CHECKING:  # takes long to import
    import pandas as pd
    from matplotlib.figure import Figure


class Story:
    """The table and the figure that ``story`` returns: shown in a notebook, text in a terminal."""

    def __init__(self, line: Line):
        self.rows = line.rows
        #: how all of them were trained, and where the times were taken: two sentences
        self.notes = f"{line.conditions} {line.timing}"

    @property
    def step(self) -> Step | None:
        """From the last network before the new ones to the last new one; None where there is none before, or none new.

        Raises:
            ValueError: the accuracy of one of the two is to come.
        """
        before = [row for row in self.rows if not row.new]
        return step(self.rows[-1], before[-1]) if before and self.rows[-1].new else None

    @property
    def step_from_best(self) -> Step | None:
        """As ``step``, from the most accurate of the networks before the new ones."""
        before = [row for row in self.rows if not row.new and not math.isnan(row.accuracy)]
        return step(self.rows[-1], max(before, key=lambda row: row.accuracy)) if before and self.rows[-1].new else None

    def between(self, before: str, after: str) -> Step:
        """The step from any network of the story to any other.

        Raises:
            ValueError: one of them is not in the story, or its accuracy is to come.
        """
        named = {row.network.name: row for row in self.rows}
        for name in (before, after):
            if name not in named:
                raise ValueError(f"{name!r} is not in this story{nearest(name, named)} It has: {', '.join(named)}.")
        return step(named[after], named[before])

    def to_frame(self) -> pd.DataFrame:
        """One row a network, indexed by its name: title, year, accuracy, sd, seeds, parameters, macs, seconds, new."""
        import pandas as pd

        records = [{**vars(row), **vars(row.network)} for row in self.rows]
        columns = ["name", "title", "year", "accuracy", "sd", "seeds", "parameters", "macs", "seconds", "new"]
        return pd.DataFrame(records, columns=columns).set_index("name")

    _HEADER = ("network", "year", "test accuracy in %", "seeds", "parameters", "MACs", "s per 1,000 images")

    def _cells(self) -> list[tuple[str, ...]]:
        return [
            (
                row.network.title + (" (new)" if row.new else ""),
                str(row.network.year),
                _accuracy(row),
                str(row.seeds or "–"),
                _short(row.parameters),
                _short(row.macs),
                "–" if math.isnan(row.seconds) else f"{row.seconds:.3g}",
            )
            for row in self.rows
        ]

    def __str__(self) -> str:
        table = [self._HEADER, *self._cells()]
        widths = [max(len(row[column]) for row in table) for column in range(len(self._HEADER))]
        lines = [
            "  ".join(cell.rjust(w) if i else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths))).rstrip()
            for row in table
        ]
        rule = "─" * max(map(len, lines))
        return "\n".join([lines[0], rule, *lines[1:], rule, self.notes])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        def cell(text: str, column: int, new: bool) -> str:
            text = f"<strong>{escape(text)}</strong>" if new else escape(text)
            kind = 'th scope="row"' if not column else "td"
            style = "text-align:right;white-space:nowrap" if column else "text-align:left"
            return f'<{kind} style="{style}">{text}</{kind.split()[0]}>'

        head = "".join(f'<th scope="col">{escape(name)}</th>' for name in self._HEADER)
        body = "".join(
            "<tr>" + "".join(cell(text, column, row.new) for column, text in enumerate(cells)) + "</tr>"
            for row, cells in zip(self.rows, self._cells())
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{escape(self.notes)}</p>"

    def _ipython_display_(self) -> None:
        from IPython.display import display

        from .plotting import show

        display({"text/html": self._repr_html_(), "text/plain": str(self)}, raw=True)
        show(self.plot(), self.alt)

    @property
    def alt(self) -> str:
        """The figure in words."""
        points = "; ".join(f"{row.network.title} {_accuracy(row)}" for row in self.rows)
        return f"Test accuracy of {len(self.rows)} networks, in the order of the book: {points}."

    def plot(self) -> Figure:
        """Draw the accuracy of each network, in order, with its standard deviation over seeds; return the figure."""
        import matplotlib.pyplot as plt

        figure, ax = plt.subplots(figsize=(7, 0.8 + 0.26 * len(self.rows)), layout="constrained")
        known = [(place, row) for place, row in enumerate(self.rows) if not math.isnan(row.accuracy)]
        ax.plot([100 * row.accuracy for _, row in known], [place for place, _ in known], color="0.75", zorder=1)
        for place, row in enumerate(self.rows):
            color, marker = ("#D55E00", "D") if row.new else ("#0072B2", "o")
            if math.isnan(row.accuracy):
                ax.text(0.01, place, _accuracy(row), color=color, fontsize=8, va="center",
                        transform=ax.get_yaxis_transform())  # fmt: skip
                continue
            error = 0 if math.isnan(row.sd) else 100 * row.sd
            ax.errorbar(100 * row.accuracy, place, xerr=error, color=color, marker=marker, markersize=5, capsize=2)
        ax.set_yticks(range(len(self.rows)), [row.network.title for row in self.rows], fontsize=8)
        ax.set(xlabel="test accuracy in %", ylim=(len(self.rows) - 0.5, -0.5))
        if known:  # beside the line through the first, the linear classifier, everything has to prove itself
            ax.axvline(100 * known[0][1].accuracy, color="0.6", linestyle=":", zorder=0)
        else:
            ax.set(xlim=(0, 100))
        ax.grid(alpha=0.3)
        return figure


def story(upto: str | None = None, *, to_come: bool = False) -> Story:
    """The networks of the main line up to ``upto``, in the order of the book: what each reaches and what it costs.

    All were trained on the same images, equally long; their rows are read from ``measured.csv`` and ``costs.csv``. In
    a notebook it shows a table and a figure. Its ``step`` compares the newest network with the one before it.

    Args:
        upto: a network, which is then the new one, or a chapter, whose networks are all new. None for all networks,
            none of them new.
        to_come: leave the accuracy of the new networks open, as a chapter does when it begins.

    Raises:
        ValueError: no such network or chapter; or runs of the main line differ in what they were trained on.
    """
    if upto is None:
        return Story(line(MAINLINE, (), to_come))
    new = [name for name in MAINLINE if upto in (name, NETWORKS[name].chapter)]
    if not new:
        known = list(dict.fromkeys([*(NETWORKS[name].chapter for name in MAINLINE), *MAINLINE]))
        raise ValueError(f"no story up to {upto!r}{nearest(upto, known)} Known: {', '.join(known)}.")
    return Story(line(MAINLINE[: MAINLINE.index(new[-1]) + 1], new, to_come))


def _accuracy(row: Row) -> str:
    if math.isnan(row.accuracy):
        return "to come"
    return f"{100 * row.accuracy:.2f}" + ("" if math.isnan(row.sd) else f" ± {100 * row.sd:.2f}")


def _short(count: int) -> str:
    """Three digits and a unit: 61706 → ``"61.7 k"``."""
    rounded = float(f"{count:.3g}")
    for unit, word in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if rounded >= unit:
            return f"{rounded / unit:g}{word}"
    return f"{rounded:g}"
