"""What all interactives share: one Python file and one script each, and a picture where no script runs."""

from __future__ import annotations

import base64
import io
import re
from numbers import Real
from pathlib import Path

import numpy as np
import traitlets
from matplotlib.figure import Figure

try:
    from anywidget import AnyWidget
except ImportError:  # missing, or too old for the ipywidgets beside it: text and pictures remain
    from .bare import AnyWidget

HERE = Path(__file__).parent
COMMENT = re.compile(r"^[ \t]*(?://.*|/\*(?:(?!\*/)[\s\S])*\*/[ \t]*)\n", re.M)  # that has its lines to itself
DPI = 200  # of the picture: twice what the page shows


class Interactive(AnyWidget):
    """An interactive of the book: traits hold its settings, ``NAME.js`` beside ``NAME.py`` computes and draws.

    It needs no kernel: the script computes everything from the traits. A subclass states ``alt``, one sentence that
    tells its point, and draws the same point in ``picture``, for whoever has no script. ``result`` holds the numbers
    that the page shows, written by the script, so that they can be compared with Python's. ``draft`` says that no
    chapter shows it yet. ``scripts`` names further scripts, each of one idea, that stand in front of its own; a style
    of its own, ``NAME.css``, comes after the shared one. ``lean`` leaves the comments out of both, where a chapter's
    notebook, which stores them, has no room left.
    """

    result = traitlets.Dict(help="the numbers on the page, written by the script").tag(sync=True)
    alt = ""
    draft = False
    scripts: tuple[str, ...] = ()
    lean = False

    def __init_subclass__(cls, **options):
        own = HERE / cls.__module__.rsplit(".", 1)[-1]
        # traitlets makes a class of its own for each object, which has a script; a reader's subclass inherits one.
        if "_esm" not in vars(cls) and own.with_suffix(".js").is_file():
            parts = (HERE / "shared.js", *(HERE / f"{name}.js" for name in cls.scripts), own.with_suffix(".js"))
            styles = (path for path in (HERE / "shared.css", own.with_suffix(".css")) if path.is_file())
            cls._esm, cls._css = ("\n".join(path.read_text("utf-8") for path in some) for some in (parts, styles))
            if cls.lean:
                cls._esm, cls._css = COMMENT.sub("", cls._esm), COMMENT.sub("", cls._css)
        super().__init_subclass__(**options)

    def picture(self) -> Figure:
        """The first frame, drawn by Python."""
        raise NotImplementedError

    def settings(self) -> dict:
        """The traits that are the interactive's own, but for its result."""
        base = {*Interactive.class_trait_names()}
        return {name: getattr(self, name) for name in self.trait_names() if name not in base and name[0] != "_"}

    def __repr__(self) -> str:
        shown = {name: value for name, value in self.settings().items() if isinstance(value, (bool, int, float, str))}
        inside = ", ".join(f"{name}={value!r}" for name, value in shown.items() if len(repr(value)) < 40)
        return f"{type(self).__name__}({inside})"

    def _repr_mimebundle_(self, **options):
        bundle = super()._repr_mimebundle_(**options)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        if not data:
            return data
        figure, packed = self.picture(), io.BytesIO()
        figure.savefig(packed, format="png", dpi=DPI, facecolor="white")
        width, height = (round(side * DPI / 2) for side in figure.get_size_inches())
        data["image/png"] = base64.b64encode(packed.getvalue()).decode()
        metadata["image/png"] = {"width": width, "height": height, "alt": self.alt}
        return data, metadata


def clamped(low: float, high: float, otherwise: float):
    """A validator that brings a number into ``low`` … ``high``; what is no number becomes ``otherwise``."""

    def validate(value) -> float:
        if not isinstance(value, Real) or isinstance(value, bool) or value != value:
            return otherwise
        return min(max(value, low), high)

    return validate


class Number(traitlets.TraitType):
    """A synchronized number from ``low`` to ``high``: a larger one becomes ``high``, and what is none the default."""

    def __init__(self, default: float, low: float, high: float, **options):
        super().__init__(default, **options)
        self.low, self.high, self.fallback = low, high, default
        self.tag(sync=True)

    def validate(self, obj, value):
        """The nearest number that is allowed; whole where the default is."""
        value = clamped(self.low, self.high, self.fallback)(value)
        return round(value) if isinstance(self.fallback, int) else float(value)


class Choice(traitlets.TraitType):
    """A synchronized value that is one of ``options``; anything else becomes the first of them."""

    def __init__(self, *options, **more):
        super().__init__(options[0], **more)
        self.options = options
        self.tag(sync=True)

    def validate(self, obj, value):
        """The option that equals ``value``, of the same type."""
        return next(
            (option for option in self.options if type(option) is type(value) and option == value), self.options[0]
        )


class Switch(traitlets.TraitType):
    """A synchronized True or False; what is neither becomes the default."""

    def __init__(self, default: bool, **more):
        super().__init__(default, **more)
        self.tag(sync=True)

    def validate(self, obj, value):
        """``value`` where it is a bool."""
        return value if isinstance(value, bool) else self.default_value


def array(given) -> np.ndarray:
    """What NumPy makes of it; a tensor may be on any device, have a gradient, and be of any kind of float."""
    if hasattr(given, "detach"):
        given = given.detach().cpu()
        given = given.float() if given.is_floating_point() else given
    return np.asarray(given)


def numbers(given, most: int, decimals: int | None = None) -> list[list[float]]:
    """A 2-D array (or one with leading axes of length 1) as rows of numbers, rounded; empty where it is none.

    Of an array with more than ``most`` rows or columns every n-th is kept; what is not finite becomes so.
    """
    try:
        found = array(given).astype(float)
    except (TypeError, ValueError, OverflowError):
        return []
    while found.ndim > 2 and len(found) == 1:
        found = found[0]
    if found.ndim != 2 or not found.size:
        return []
    apart = -(-max(found.shape) // most)
    found = np.nan_to_num(found[::apart, ::apart], posinf=1e6, neginf=-1e6).clip(-1e6, 1e6)
    found = found if decimals is None else found.round(decimals)
    return (found.astype(int) if (found == found.round()).all() else found).tolist()


class Table(traitlets.TraitType):
    """Synchronized rows of numbers, see :func:`numbers`; empty where the value is no such thing."""

    def __init__(self, most: int, decimals: int | None = None, **more):
        super().__init__([], **more)
        self.most, self.decimals = most, decimals
        self.tag(sync=True)

    def validate(self, obj, value):
        """Lists of numbers."""
        return numbers(value, self.most, self.decimals)
