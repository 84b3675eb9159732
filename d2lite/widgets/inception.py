"""The budgets of an inception block: what each branch costs, with its 1×1 reduction and without."""

from __future__ import annotations

import traitlets
from matplotlib.figure import Figure

from ..models.googlenet import BLOCKS
from .base import Choice, Interactive, Number

COLORS = ("#2f7fc9", "#c8701a", "#23936a", "#b05cab")
BRANCHES = ("1×1", "3×3", "5×5", "pool")
OWN = "your own"


def published() -> dict[str, dict[str, int]]:
    """The nine blocks of GoogLeNet as settings; the map is that of an image of 96 px."""
    settings, channels = {}, 192
    for name, (c1, (r2, c2), (r3, c3), c4) in BLOCKS.items():
        widths = {"c1": c1, "r2": r2, "c2": c2, "r3": r3, "c3": c3, "c4": c4}
        settings[name] = {"in_channels": channels, **widths, "size": {"3": 12, "4": 6, "5": 3}[name[0]]}
        channels = c1 + c2 + c3 + c4
    return settings


def branches(in_channels: int, c1: int, r2: int, c2: int, r3: int, c3: int, c4: int, size: int) -> list[tuple]:
    """(channels out, parameters, MACs, parameters without reduction, MACs without) of each branch, for one image."""
    rows = []
    for out, plain, reduced in (
        (c1, [(in_channels, c1, 1)], None),
        (c2, [(in_channels, c2, 3)], [(in_channels, r2, 1), (r2, c2, 3)]),
        (c3, [(in_channels, c3, 5)], [(in_channels, r3, 1), (r3, c3, 5)]),
        (c4, [(in_channels, c4, 1)], None),
    ):
        costs = []
        for convolutions in (reduced or plain, plain):
            weights = sum(a * b * kernel**2 for a, b, kernel in convolutions)
            costs += [weights + sum(b for _, b, _ in convolutions), weights * size**2]
        rows.append((out, *costs))
    return rows


class BranchBudget(Interactive):
    """What an inception block costs, branch by branch, and what it would cost without its 1×1 reductions.

    Args:
        block: a published block, "3a" to "5b", which sets everything else that is not given; any other value sets what
            4a has. Assigned later it sets all, but if the channels are its own already, the map stays as it is.
        in_channels: channels that the block receives, 16 to 1024.
        c1, r2, c2, r3, c3, c4: channels of the 1×1 branch, of the reduction before the 3×3 convolution and of the
            convolution, of the same for the 5×5, and of the projection behind the pooling; 8 to 512 each.
        size: height and width of the map in pixels, 1 to 56; no part of what makes a block a published one.

    The block maps (N, in_channels, size, size) to (N, c1 + c2 + c3 + c4, size, size). A number out of range becomes the
    nearest in it. Source: Szegedy et al., 2015 (arXiv:1409.4842).
    """

    scripts = ("inception_drawing",)
    block = Choice("4a", *(name for name in BLOCKS if name != "4a"), OWN)
    in_channels = Number(480, 16, 1024)
    c1 = Number(192, 8, 512)
    r2 = Number(96, 8, 512)
    c2 = Number(208, 8, 512)
    r3 = Number(16, 8, 512)
    c3 = Number(48, 8, 512)
    c4 = Number(64, 8, 512)
    size = Number(6, 1, 56)
    blocks = traitlets.Dict(help="the published settings by block").tag(sync=True)
    alt = (
        "Inception block 4a by branch: channels put out, and parameters with the 1×1 reductions and without. Without "
        "them the 5×5 branch would need over twenty times the parameters, and the block about four times."
    )

    def __init__(self, block: str = "4a", **settings):
        blocks = published()
        known = blocks.get(block) if isinstance(block, str) else None
        super().__init__(**{**(known or blocks["4a"]), **settings}, blocks=blocks)
        self._name()

    @traitlets.observe("in_channels", "c1", "r2", "c2", "r3", "c3", "c4")
    def _name(self, change=None):
        """Channels make the name."""
        self.block = next((name for name, values in self.blocks.items() if self.fits(values)), OWN)

    @traitlets.observe("block")
    def _publish(self, change):
        """The name sets the channels and the map, unless it was these channels that made it: then the map is kept."""
        values = self.blocks.get(self.block)
        if values is not None and not self.fits(values):
            with self.hold_trait_notifications():  # else the first of them would be found to be no published block
                for trait, value in values.items():
                    setattr(self, trait, value)

    def fits(self, values: dict) -> bool:
        """Whether the channels are these; the size of the map may differ."""
        return all(getattr(self, trait) == value for trait, value in values.items() if trait != "size")

    def picture(self) -> Figure:
        rows = branches(**{trait: getattr(self, trait) for trait in self.blocks["4a"]})
        figure = Figure(figsize=(6.4, 2.4), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(2, 3), sharey=True)
        places = range(4)
        left.barh(places, [row[0] for row in rows], color=COLORS)
        left.set_title(f"channels out: {sum(row[0] for row in rows)}", fontsize=8)
        right.barh([place - 0.2 for place in places], [row[1] for row in rows], height=0.38, color=COLORS)
        right.barh(
            [place + 0.2 for place in places], [row[3] for row in rows], height=0.38, color="none", edgecolor="k"
        )
        total, plain = (sum(row[column] for row in rows) for column in (1, 3))
        right.set_title(f"parameters: {total:,}; outlined, without reduction: {plain:,}", fontsize=8)
        right.ticklabel_format(axis="x", style="plain")
        for ax in (left, right):
            ax.tick_params(labelsize=7)
            ax.locator_params(axis="x", nbins=4)
            for place, row in enumerate(rows):
                if ax is left:
                    ax.text(row[0], place, f" {row[0]}", va="center", fontsize=7)
        left.margins(x=0.15)
        left.set_yticks(places, BRANCHES)
        left.invert_yaxis()
        return figure
