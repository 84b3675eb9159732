"""What can be shown here: text in characters that the output has, nouns that suit their numbers, pictures or none.

Output that goes to a file or a pipe on Windows has the code page of the country, and a terminal may know ASCII alone:
there a line, a tick or × ends a program with ``UnicodeEncodeError``. What such a stream lacks is spelled in ASCII.
"""

import codecs
import sys
import unicodedata
from typing import Any

#: the name, for ``errors=``, of the rule by which Python's encoders replace what they lack
SPELLED = "d2lite.spelled"
_SPELLINGS = {
    "×": "x", "─": "-", "–": "-", "—": "-", "−": "-", "±": "+/-", "≈": "~", "·": "*", "→": "->", "✓": "[right]",
    "✗": "[wrong]", "√": "sqrt", "≥": ">=", "≤": "<=", "“": '"', "”": '"', "’": "'", "²": "^2", "⁄": "/",
}  # fmt: skip


def _spell(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error

    def spelled(letter: str) -> str:
        if letter in _SPELLINGS:
            return _SPELLINGS[letter]
        parts = unicodedata.normalize("NFKD", letter)  # é is e and an accent, ¼ is 1, ⁄ and 4
        return "".join(part if part.isascii() else _SPELLINGS.get(part, "") for part in parts) or "?"

    return "".join(map(spelled, error.object[error.start : error.end])), error.end


codecs.register_error(SPELLED, _spell)


def printable(text: str) -> str:
    """``text`` in characters that standard output has: as it is, but where the output's encoding is a narrow one."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, SPELLED).decode(encoding)


def how_many(number: int, noun: str) -> str:
    """``"1 epoch"``, ``"2 epochs"``, ``"60,000 images"``: for nouns that take an s."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def shell() -> Any:
    """IPython's shell where it can show pictures, asked without importing it; None in a terminal, and in Python."""
    found = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    terminal = any(kind.__name__ == "TerminalInteractiveShell" for kind in type(found).__mro__)
    return None if terminal else found


def in_notebook() -> bool:
    """Whether a notebook's kernel runs the code."""
    return hasattr(shell(), "kernel")
