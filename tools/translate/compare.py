"""What must be the same in both languages: formulas, code, links, tags, fields and numbers; and how Chinese is set."""

import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

from tools.translate import catalogs, markdown, sources

FIELD = re.compile(r"\{[^{}]*\}")
#: powers of ten by their words: English counts in thousands, Chinese in ten thousands
SCALES = {
    "thousand": 3, "million": 6, "billion": 9, "trillion": 12,
    "万亿": 12, "十亿": 9, "亿": 8, "千万": 7, "百万": 6, "万": 4,
}  # fmt: skip
NUMBER = re.compile(rf"(\d+(?:[.,]\d+)*)(?:\s?({'|'.join(SCALES)}))?")
TAG = re.compile(r"<[^>]+>")
HAN = "\u4e00-\u9fff"
#: texts that are no Markdown
PLAIN = ("widgets", "exercises", "site")
LOOKS = {
    r"(?<=[，。；：！？、（）]) (?!\*)| (?=[，。；：！？、（）])": "a space stands beside a sign of full width",
    rf"[{HAN}][,;:!?]|[{HAN}]\.(?!\w)": "a sign is of half width; after Chinese it is ，。；：！？",
    rf"[{HAN}](?=[A-Za-z0-9$`])|(?<=[A-Za-z0-9$`%])[{HAN}]": "a space is missing between Chinese and what is not",
}


def problems(text: str, translated: str, words: tuple[str, ...] = (), *, plain: bool = False) -> Iterator[str]:
    """What is wrong in a translation; ``words`` are the fields of the text that may be left out."""
    for name, (left, right) in parts(text, translated, plain).items():
        if name == "field":
            right += Counter({field: left[field] - right[field] for field in left if field[1:-1] in words})
        if missing := left - right:
            yield f"{name} missing: {'  '.join(missing.elements())}"
        if more := right - left:
            yield f"{name} that the English text has not: {'  '.join(more.elements())}"
    if not plain and "\n" in translated and "\n" not in text:
        yield "a line break: an entry is one line"
    if not plain and "|" in SILENT.sub("", translated) and "|" not in text:
        yield "a | ends a cell of a table"
    if not plain:
        yield from unread(text, translated)
    left = FIELD.sub("", CITED.sub("", translated))
    if not re.search(f"[{HAN}]", translated) and len(re.findall(r"\b[a-z]{2,}\b", left)) > 3:
        yield "it is still English"
    shown = FIELD.sub("{}", LINK.sub(r"\1", TAG.sub("", translated)))
    for pattern, complaint in LOOKS.items():
        shown = shown if "full width" in complaint else shown.replace("*", "")
        if found := re.search(pattern, shown):
            yield f"{complaint}: …{shown[max(0, found.start() - 8) : found.end() + 8]}…"


SILENT = re.compile(r"\$[^$]+\$|`[^`]+`")
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
CITED = re.compile(r"\[[^\]]*\]\(https?:[^)]*\)")  # names of people and titles stay as they are


def parts(text: str, translated: str, plain: bool) -> dict[str, tuple[Counter, Counter]]:
    """What both texts must have alike, each as often."""
    kinds = ("field", "tag", "number") if plain else ("field", "tag", "number", "formula", "code", "link")
    found = [_parts(one, plain) for one in (text, translated)]
    return {kind: (found[0][kind], found[1][kind]) for kind in kinds}


def _parts(text: str, plain: bool) -> dict[str, Counter]:
    fields = FIELD.findall(SILENT.sub(" ", text))
    found = {"field": Counter(fields), "formula": Counter(), "code": Counter(), "link": Counter(), "tag": Counter()}
    if plain:
        found["tag"].update(TAG.findall(text))
        bare = TAG.sub(" ", text)
    else:
        bare = ""
        for token in _inline(text):
            kind = {"math_inline": "formula", "code_inline": "code", "html_inline": "tag"}.get(token.type)
            if kind:
                found[kind][token.content] += 1
            elif token.type == "link_open":
                found["link"][token.attrs["href"]] += 1
            bare += token.content if token.type == "text" else " "
    found["number"] = Counter(_number(*pair) for pair in NUMBER.findall(FIELD.sub(" ", bare)))
    return found


def _number(digits: str, scale: str) -> str:
    """A number as it stands; with a word after it, as both languages can say it: 1.2 million and 120 万 are one."""
    if not scale:
        return digits
    value = (Decimal(digits.replace(",", "")) * 10 ** SCALES[scale]).normalize()
    return f"{value:,f}"


def _inline(text: str) -> list:
    return markdown.PARSER.parseInline(text)[0].children


def unread(text: str, translated: str) -> Iterator[str]:
    """Marks that a reader would see, since they do not mark what they should."""
    seen = [Counter(sign for token in _inline(one) if token.type == "text" for sign in token.content if sign in "*`$")
            for one in (text, translated)]  # fmt: skip
    if more := seen[1] - seen[0]:
        yield (f"{'  '.join(more)} would be seen by the reader: after a sign such as 。, ** and * need a space or the "
               "sign outside of them")  # fmt: skip
    strong = [sum(token.type == "strong_open" for token in _inline(one)) for one in (text, translated)]
    if strong[0] != strong[1]:
        yield f"{strong[0]} times **bold**, and {strong[1]} times in Chinese"


def check(name: str) -> Iterator[tuple[int, str, str]]:
    """The line, the English text and the problem of each translated entry of a PO file that has one."""
    held = catalogs.read(name)
    for entry in sources.entries(name):
        message = held.get(entry.text)
        if message is None:
            yield 0, entry.text, "the file has no such entry: run extract"
        elif message.string and not message.fuzzy:
            plain = name in PLAIN
            for problem in problems(entry.text, str(message.string), entry.words, plain=plain):
                yield message.lineno or 0, entry.text, problem
