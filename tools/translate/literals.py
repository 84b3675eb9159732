"""The sentences in a script: its string literals, but for those that name something.

Pygments, which colors the code of the site, says where the literals are. `${count} images` becomes `{count} images`;
an expression that is no name a number: `{1} of {2}`. A literal inside such an expression is a text of its own.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from pygments.lexer import include, inherit
from pygments.lexers import JavascriptLexer
from pygments.token import Punctuation, String

PLURAL = "plural"  # the name of an expression that is the end of an English word
NAME = re.compile(r"[A-Za-z_$][\w$.]*")
PLACE = re.compile(r"\{([\w$.]+)\}")
#: what stands before a literal that is no text: a key of these names, a call of these functions, a comparison
SILENT_BEFORE = re.compile(
    r"""(?:
      \b(?:class|className|style|for|id|d|points|transform|viewBox|role|type|fill|stroke|font|kind|trait|traits
        |cursor)["']?:\s*
    | \b(?:querySelector(?:All)?|matches|closest|getElementById|addEventListener|removeEventListener|createElement
        |getContext|createElementNS|setAttribute|getAttribute|removeAttribute|hasAttribute|set|get|has|add|remove|toggle|contains
        |h|s|startsWith|endsWith|includes|split|join|Error|replace|replaceAll|getPropertyValue|import)\(\s*
    | (?:[!=]==\s*) | \bcase\s+ | \btypeof\s+ | \bfrom\s+ | \.(?:style|font|className)\s*=\s* | \bstyle\.\w+\s*=\s*
    )$""",
    re.X,
)
#: several words, or a sign of a sentence, or a button's sign
SENTENCE = re.compile(
    r"[A-Za-z]{2,}[^A-Za-z\d_-]* [^=]*[A-Za-z]|[.:;,] |[a-z] \{|\} [a-z]{2}|\ba [a-z]{3}|[▶❚] ?[A-Za-z]"
)
#: words behind a number, or with one
UNIT = re.compile(r" (?:B )?[a-z]{4,}$|B [a-z]{4,}$|(?:over|under) \d")
#: what stands before a literal that is shown, whatever else it is
SHOWN_BEFORE = re.compile(r"\b(?:(?:label|title|hint|caption|textContent)[\"']?\s*[:=]\s*|button\(\s*)$")
#: what stands before a single word that is shown
SPOKEN_BEFORE = re.compile(
    r"""(?:\b(?:label|title|hint|text|say|alt|aria-label|textContent|unit|caption|summary)["']?\s*[:=]\s*|\},\s*|\}\),\s*)$"""
)
NO_WORDS = re.compile(
    r"d2l-|^\((?:max-width|prefers)|^const |\.jpg$|^-\d+% |^Enter$|^es$|^cursor:|^#\w+$"
    r"|^[a-z-]+: (?:rgb|color-mix|var)|^data:"
    r"|^(?:left|right|top|bottom|width|height): \{[^}]*\}%$"
    r"|^ (?:px|[GMk])$|^\W*(?:rgb|rgba|hsl|translate|rotate|scale|url|calc|var|repeat|matrix)\("
    r"|^[MLHVCQAZ]\s?[\d$](?!.* [a-z]{3})|px\b.*sans|sans-serif"
    r"|^\[|^:|\.[a-z-]+ \.|^\.(?! )|\w\[|^use strict|^https?:|^<"
    r"|^(?:tbody|thead|td|th|svg|figure|button|input|select) [a-z]+$"
    r"|^(?:bold |\d+px |0 0 )|[a-z]:scope|^--|;base64|&&|=>"
)


class Lexer(JavascriptLexer):
    """Pygments' own, which takes the end of an object in an expression of a literal for the end of the expression."""

    tokens = {  # noqa: RUF012 - so the base class has it
        "interp-inside": [(r"\{", Punctuation, "braces"), inherit],
        "braces": [(r"\{", Punctuation, "#push"), (r"\}", Punctuation, "#pop"), include("root")],
    }


@dataclass
class Literal:
    """A place in a script, and what stands there: text, and the places of expressions, in turn."""

    first: int
    last: int
    quote: str
    inside: bool  # of an expression of another literal
    parts: list = field(default_factory=lambda: [""])

    def names(self, script: str) -> list[str]:
        """What each expression is called."""
        found, numbers = [], 0
        for first, last in self.parts[1::2]:
            expression = script[first:last].strip()
            said = re.findall(r'"([^"]*)"', expression.partition("?")[2])
            if {"s", "es"} & set(said) and set(said) <= {"", "s", "es"}:
                expression = PLURAL
            elif not NAME.fullmatch(expression):
                expression = str(numbers := numbers + 1)
            found.append(expression)
        return found

    def text(self, script: str) -> str:
        """What it says, with its expressions named."""
        names = iter(self.names(script))
        shown = (part if isinstance(part, str) else f"{{{next(names)}}}" for part in self.parts)
        return "".join(shown).replace(f"\\{self.quote}", self.quote).replace(r"\u00a0", "\u00a0")


def literals(script: str) -> list[Literal]:
    """All string literals of a script, the inner ones too, in the order in which they end."""
    found: list[Literal] = []
    open_: list[Literal] = []
    for at, token, value in Lexer(ensurenl=False).get_tokens_unprocessed(script):
        inside = bool(open_) and not isinstance(open_[-1].parts[-1], str)  # an expression
        if token in (String.Double, String.Single):
            found.append(Literal(at, at + len(value), value[0], bool(open_), [value[1:-1]]))
        elif token is String.Backtick and value == "`" and (inside or not open_):
            open_.append(Literal(at, at, "`", bool(open_)))
        elif token is String.Backtick and value == "`":
            open_[-1].last = at + 1
            found.append(open_.pop())
        elif token is String.Interpol and value == "${":
            open_[-1].parts.append([at + 2, at + 2])
        elif token is String.Interpol:
            open_[-1].parts[-1][1] = at
            open_[-1].parts.append("")
        elif token in String and open_ and not inside:
            open_[-1].parts[-1] += value
    return found


def spoken(script: str, names: frozenset[str] | set[str] = frozenset()) -> list[Literal]:
    """The literals that people read; those in ``names`` are values that a program knows by their text."""
    found = ((one, one.text(script)) for one in literals(script))
    return [
        one for one, text in found
        if (text not in names or _sentence(text) or SHOWN_BEFORE.search(_before(one, script))) and _is_text(one, script)
    ]  # fmt: skip


def _before(one: Literal, script: str) -> str:
    return script[max(0, one.first - 60) : one.first]


def _sentence(text: str) -> bool:
    return text[:1].isupper() and " " in text


def _is_text(one: Literal, script: str) -> bool:
    text, before = one.text(script).replace("\u00a0", " "), _before(one, script)
    bare = PLACE.sub(" ", text)
    if bare.strip(" ,;") == "and" and re.search(r"\bjoin\(\s*$", before):
        return True
    if not re.search(r"[A-Za-z]{2}", bare) or NO_WORDS.search(text) or SILENT_BEFORE.search(before):
        return False
    if re.match(r"\s*:", script[one.last :]) and re.search(r"[{,]\s*$", before):
        return False  # a key
    if bare.strip(" ,;") == "and":
        return True
    if SENTENCE.search(text) or re.match(r"[A-Z][a-z]+$", bare) or UNIT.match(text):
        return True
    if SHOWN_BEFORE.search(before) or SPOKEN_BEFORE.search(before):
        return True
    return one.inside and bool(re.search(r"(?:\?|:|\?\?|\|\|)\s*$", before))


def replaced(script: str, new: Callable[[str], str], names: frozenset[str] | set[str] = frozenset(),
             named: Callable[[str], str] = str) -> str:  # fmt: skip
    """The script with ``new(text)`` in place of each text, and in it ``named(expression)`` for each that is a name."""
    texts = {one.first: one for one in spoken(script, names)}

    def part(first: int, last: int) -> str:
        made, at = [], first
        for start in sorted(start for start in texts if first <= start < last):
            if start < at:  # inside of the last one
                continue
            one = texts[start]
            made += [script[at:start], literal(one)]
            at = one.last
        return "".join([*made, script[at:last]])

    def literal(one: Literal) -> str:
        places = dict(zip(one.names(script), one.parts[1::2], strict=True))
        text = new(one.text(script)).replace(one.quote, f"\\{one.quote}")
        if one.quote == "`":
            text = PLACE.sub(
                lambda match: f"${{{placed(*places[match[1]])}}}" if match[1] in places else match[0], text
            )
        return f"{one.quote}{text}{one.quote}"

    def placed(first: int, last: int) -> str:
        code = part(first, last)
        return named(code) if NAME.fullmatch(code) else code

    return part(0, len(script))
