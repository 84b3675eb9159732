"""Shapes, parameters and multiply–accumulates of a network, layer by layer."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from torch import nn

from ..arguments import whole
from .trace import check_shape, forward_on_meta, forward_on_zeros, trace

if TYPE_CHECKING:  # takes long to import, and few summaries become a frame
    import pandas as pd


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


class Summary:
    """The table that ``summary`` returns: HTML in a notebook, text in a terminal."""

    def __init__(self, title: str, input_shape: tuple[int, ...], rows: list[Layer], parameters: int, macs: int):
        self.title = title
        self.input_shape = input_shape
        self.rows = rows
        #: all parameters of the network, shared ones counted once
        self.parameters = parameters
        #: multiply–accumulates of one forward pass for the whole batch
        self.macs = macs

    def to_frame(self) -> pd.DataFrame:
        """One row a layer: name, type, output shape, parameters, MACs, and the share of both in the whole."""
        import pandas as pd

        frame = pd.DataFrame(
            [(row.name, row.type, row.output_shape, row.parameters, row.macs) for row in self.rows],
            columns=["layer", "type", "output_shape", "parameters", "macs"],
        )
        frame["parameters_share"] = frame["parameters"] / max(self.parameters, 1)
        frame["macs_share"] = frame["macs"] / max(self.macs, 1)
        return frame

    def _cells(self) -> list[tuple[str, ...]]:
        return [
            (
                row.name,
                row.type,
                " × ".join(map(str, row.output_shape)),
                f"{row.parameters:,}" if row.parameters else "–",
                f"{row.parameters / max(self.parameters, 1):.1%}" if row.parameters else "–",
                f"{row.macs:,}" if row.macs else "–",
                f"{row.macs / max(self.macs, 1):.1%}" if row.macs else "–",
            )
            for row in self.rows
        ]

    _HEADER = ("layer", "type", "output shape", "parameters", "share", "MACs", "share")

    @property
    def _total(self) -> str:
        shape = " × ".join(map(str, self.input_shape))
        return f"{self.title}, input {shape}: {self.parameters:,} parameters, {self.macs:,} MACs"

    def __str__(self) -> str:
        table = [self._HEADER, *self._cells()]
        widths = [max(len(row[column]) for row in table) for column in range(len(self._HEADER))]
        lines = [
            "  ".join(
                cell.ljust(w) if i < 3 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths))
            ).rstrip()
            for row in table
        ]
        rule = "─" * max(map(len, lines))
        return "\n".join([lines[0], rule, *lines[1:], rule, self._total])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{escape(name)}</th>' for name in self._HEADER)
        body = "".join(
            "<tr>"
            + "".join(
                f'<td style="text-align:{"left" if i < 3 else "right"}">{escape(c)}</td>' for i, c in enumerate(row)
            )
            + "</tr>"
            for row in self._cells()
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{escape(self._total)}</p>"


def summary(net: nn.Module, input_shape: tuple[int, ...], depth: int | None = None) -> Summary:
    """Trace ``net`` for an input of ``input_shape`` = (N, C, H, W) and count what each layer costs.

    The pass runs on meta tensors: nothing is computed, and the network, its mode and its buffers stay as they are. A
    network that needs numbers in its forward gets zeros, in evaluation mode.

    Args:
        depth: ``None`` lists the innermost layers; 1 the network's direct children, 2 theirs, and so on.

    Raises:
        InputShapeError: the network cannot take this input; names the layer and what would work.
    """
    level_asked, input_shape = whole(depth), check_shape(input_shape)
    if depth is not None and (level_asked is None or level_asked < 1):
        raise ValueError(f"depth is {depth!r}: give None for the innermost layers, or a whole number from 1.")
    calls = trace(net, input_shape)
    flops = _flops(net, input_shape)
    turns = Counter(call.name for call in calls)  # a module that is called twice has two rows, each with its share
    root = type(net).__name__
    rows, seen = [], set()
    for call in calls:
        level = call.name.count(".") + 1 if call.name else 0
        innermost = not any(True for _ in call.module.children())
        listed = innermost if depth is None else level == level_asked or (innermost and 0 < level < level_asked)
        if not listed:
            continue
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

    for forward in (forward_on_meta, forward_on_zeros):
        counter = FlopCounterMode(display=False)
        try:
            with counter:
                forward(net, input_shape)
            break
        except Exception:
            if forward is forward_on_zeros:
                raise
    return {name: sum(by_op.values()) for name, by_op in counter.get_flop_counts().items()}
