"""Shapes, parameters and multiply–accumulates of a network, layer by layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from html import escape
from typing import TYPE_CHECKING

from torch import nn

from ..arguments import whole
from ..machine.printing import how_many, printable
from ..machine.seeds import random_state, restore_random_state
from .trace import Call, bare, check_shape, copied, trace

if TYPE_CHECKING:  # takes long to import, and few summaries become a frame
    import pandas as pd


class Table:
    """Rows of text between a header and a note: HTML in a notebook, text in a terminal."""

    _HEADER: tuple[str, ...]
    _LEFT: int  #: so many columns are aligned left
    _note: str

    def _cells(self) -> list[list[str]]:
        raise NotImplementedError

    def _html(self, text: str, column: int, row: int) -> str:
        """One cell."""
        return f'<td style="text-align:{"left" if column < self._LEFT else "right"}">{escape(text)}</td>'

    def __str__(self) -> str:
        table = [self._HEADER, *self._cells()]
        widths = [max(map(len, column)) for column in zip(*table)]
        aligns = [str.ljust] * self._LEFT + [str.rjust] * (len(widths) - self._LEFT)
        lines = ["  ".join(align(text, w) for align, text, w in zip(aligns, row, widths)).rstrip() for row in table]
        rule = "─" * max(map(len, lines))
        return printable("\n".join([lines[0], rule, *lines[1:], rule, self._note]))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{escape(name)}</th>' for name in self._HEADER)
        body = "".join(
            "<tr>" + "".join(self._html(text, column, row) for column, text in enumerate(cells)) + "</tr>"
            for row, cells in enumerate(self._cells())
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{escape(self._note)}</p>"


@dataclass(frozen=True)
class Layer:
    """One row: ``output_shape`` with the batch first, and what no other row has of ``parameters`` and ``macs``.

    So the rows add up to the whole: a layer with others inside that have rows has one for what it does itself. Of what
    is never called, such as a list of parameters, there is no ``output_shape``; it is empty.

    ``macs`` are multiply–accumulates for the whole batch, of convolutions and matrix products.
    """

    name: str
    type: str
    output_shape: tuple[int, ...]
    parameters: int
    macs: int


@dataclass(frozen=True, eq=False, repr=False)
class Summary(Table):
    """The table that ``summary`` returns: HTML in a notebook, text in a terminal.

    ``parameters`` are all of the network, shared ones counted once; ``macs`` are the multiply–accumulates of one
    forward pass for the whole batch.
    """

    title: str
    input_shape: tuple[int, ...]
    rows: list[Layer]
    parameters: int
    macs: int

    def to_frame(self) -> pd.DataFrame:
        """One row a layer: name, type, output shape, parameters, MACs, and the share of both in the whole."""
        import pandas as pd

        frame = pd.DataFrame(map(astuple, self.rows), columns=["layer", "type", "output_shape", "parameters", "macs"])
        frame["parameters_share"] = frame["parameters"] / max(self.parameters, 1)
        frame["macs_share"] = frame["macs"] / max(self.macs, 1)
        return frame

    _HEADER = ("layer", "type", "output shape", "parameters", "share", "MACs", "share")
    _LEFT = 3

    @property
    def _note(self) -> str:
        shape = " × ".join(map(str, self.input_shape))
        return f"{self.title}, input {shape}: {how_many(self.parameters, 'parameter')}, {how_many(self.macs, 'MAC')}"

    def _cells(self) -> list[list[str]]:
        def told(count: int, total: int) -> list[str]:
            return [f"{count:,}", f"{count / total:.1%}"] if count else ["–", "–"]

        shapes = [" × ".join(map(str, row.output_shape)) or "–" for row in self.rows]
        costs = [told(row.parameters, self.parameters) + told(row.macs, self.macs) for row in self.rows]
        return [[row.name, row.type, shape, *its] for row, shape, its in zip(self.rows, shapes, costs)]


def summary(net: nn.Module, input_shape: tuple[int, ...], depth: int | None = None) -> Summary:
    """Trace ``net`` for an input of ``input_shape`` = (N, C, H, W) and count what each layer costs.

    The pass runs on meta tensors: nothing is computed, and the network, its mode and its buffers stay as they are. A
    network that needs numbers in its forward gets zeros, in evaluation mode.

    Args:
        depth: ``None`` lists the innermost layers; 1 the network's direct children, 2 theirs, and so on.

    Raises:
        InputShapeError: the network cannot take this input; names the layer and what would work.
    """
    deepest, input_shape = whole(depth), check_shape(input_shape)
    if depth is not None and (deepest is None or deepest < 1):
        raise ValueError(f"depth is {depth!r}: give None for the innermost layers, or a whole number from 1.")
    net = copied(bare(net))
    calls = _traced(net, input_shape)
    root = type(net).__name__
    counted: set[int] = set()

    def uncounted(parameters: Iterable[nn.Parameter]) -> int:
        sizes = {id(parameter): parameter.numel() for parameter in parameters if id(parameter) not in counted}
        counted.update(sizes)
        return sum(sizes.values())

    rows = []
    for call, is_whole, macs in _parts(calls[-1], deepest):
        parameters = uncounted(call.module.parameters(recurse=is_whole))
        if is_whole or parameters or macs:
            name = call.name or root
            rows.append(Layer(name, type(call.module).__name__, call.output_shape, parameters, macs))
    modules = dict(net.named_modules())
    uncalled = Counter()
    for name, module in modules.items():
        uncalled[".".join(name.split(".")[:deepest])] += uncounted(module.parameters(recurse=False))
    rows += [Layer(name, type(modules[name]).__name__, (), count, 0) for name, count in uncalled.items() if count]
    return Summary(root, input_shape, rows, sum(row.parameters for row in rows), calls[-1].macs)


def _traced(net: nn.Module, input_shape: tuple[int, ...]) -> list[Call]:
    """The calls of one pass, with their multiply–accumulates; the random numbers that it draws are put back."""
    from torch.utils.flop_counter import FlopCounterMode  # brings Triton with it, where that is installed

    state = random_state()
    try:
        return trace(net, input_shape, FlopCounterMode(display=False))
    finally:
        restore_random_state(state)


def _parts(call: Call, depth: int | None) -> Iterator[tuple[Call, bool, int]]:
    """``call`` as a whole, or its parts and what is left between them: calls, whether whole, and their MACs."""
    level = call.name.count(".") + 1 if call.name else 0
    if not call.inside or (depth is not None and level >= depth):
        yield call, True, call.macs
        return
    for part in call.inside:
        yield from _parts(part, depth)
    yield call, False, call.macs - sum(part.macs for part in call.inside)
