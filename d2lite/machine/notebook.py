"""Whether IPython runs the code, and whether it does so for a notebook; asked without importing it."""

import sys
from typing import Any


def shell() -> Any:
    """IPython's shell, of a notebook or in a terminal; None where plain Python runs the code."""
    return sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None


def in_notebook() -> bool:
    """Whether a notebook's kernel runs the code."""
    return hasattr(shell(), "kernel")
