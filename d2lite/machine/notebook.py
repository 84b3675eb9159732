"""Whether IPython shows what the code displays, and whether in a notebook; asked without importing it."""

import sys
from typing import Any


def shell() -> Any:
    """IPython's shell where it can show pictures; None in a terminal, and where plain Python runs the code."""
    found = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    terminal = any(kind.__name__ == "TerminalInteractiveShell" for kind in type(found).__mro__)
    return None if terminal else found


def in_notebook() -> bool:
    """Whether a notebook's kernel runs the code."""
    return hasattr(shell(), "kernel")
