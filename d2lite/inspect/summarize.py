"""Shapes, parameters and multiply–accumulates of a network, layer by layer."""

from __future__ import annotations

from collections import Counter
from dataclasses import astuple, dataclass
from html import escape
from typing import TYPE_CHECKING

from torch import nn

from ..arguments import whole
from .trace import check_shape, forward_on_meta, forward_on_zeros, trace

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
        return "\n".join([lines[0], rule, *lines[1:], rule, self._note])

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
    """One row: ``output_shape`` with the batch first; ``parameters`` and ``macs`` include everything inside the layer.

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
        return f"{self.title}, input {shape}: {self.parameters:,} parameters, {self.macs:,} MACs"

    def _cells(self) -> list[list[str]]:
        def told(count: int, total: int) -> list[str]:
            return [f"{count:,}", f"{count / total:.1%}"] if count else ["–", "–"]

        shapes = [" × ".join(map(str, row.output_shape)) for row in self.rows]
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
    calls = trace(net, input_shape)
    flops = _flops(net, input_shape)
    turns = Counter(call.name for call in calls)  # a module that is called twice has two rows, each with its share
    root = type(net).__name__
    rows, seen = [], set()
    for call in calls:
        level = call.name.count(".") + 1 if call.name else 0
        innermost = next(call.module.children(), None) is None
        if innermost if deepest is None else level == deepest or (innermost and 0 < level < deepest):
            own = {id(parameter): parameter.numel() for parameter in call.module.parameters()}
            parameters = sum(count for key, count in own.items() if key not in seen)
            seen.update(own)
            macs = flops.get(f"{root}.{call.name}" if call.name else root, 0) // 2 // turns[call.name]
            rows.append(Layer(call.name or root, type(call.module).__name__, call.output_shape, parameters, macs))
    total = sum(parameter.numel() for parameter in net.parameters())
    return Summary(root, input_shape, rows, total, flops.get("Global", 0) // 2)


def _flops(net: nn.Module, input_shape: tuple[int, ...]) -> dict[str, int]:
    """Floating-point operations by module name, the network's class name in front; two make a multiply–accumulate."""
    from torch.utils.flop_counter import FlopCounterMode  # brings Triton with it, where that is installed

    try:
        with FlopCounterMode(display=False) as counter:
            forward_on_meta(net, input_shape)
    except Exception:
        with FlopCounterMode(display=False) as counter:
            forward_on_zeros(net, input_shape)
    return {name: sum(by_op.values()) for name, by_op in counter.get_flop_counts().items()}
