"""Chinese signs in a PDF that can be found and copied.

A glyph of a Chinese font may stand for two signs: that of the text and a radical, which only dictionaries use.
Chromium writes down the one with the lower number, so that a search for 网络 finds nothing. Here the tables that say
which sign a glyph is are mended; what is seen stays.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from pypdf import PdfWriter
from pypdf.generic import StreamObject

#: of the radicals that Unicode does not explain itself, those whose glyphs Chinese text has
RADICALS = dict(zip("⺁⺌⺟⺠⺩⻁⻄⻅⻆⻉⻋⻑⻓⻔⻘⻙⻚⻛⻜⻝⻢⻣⻤⻥⻦⻧⻨⻩⻪⻬⻮⻰⻳",
                    "厂小母民王虎西见角贝车長长门青韦页风飞食马骨鬼鱼鸟卤麦黄黾齐齿龙龟"))  # fmt: skip
FIRST, LAST = 0x2E80, 0x2FDF
RANGE = re.compile(r"<([0-9A-F]+)> <([0-9A-F]+)> <(2[EF][0-9A-F]{2})>")
#: the sign at the end of a line: what stands before it is a glyph, whose number may look the same
ONE = re.compile(r"(?<= )<(2[EF][0-9A-F]{2})>$", re.MULTILINE)


def mended(number: int) -> str:
    """The sign of a text in the place of a radical, as a table names it."""
    sign = chr(number)
    if FIRST <= number <= LAST:
        sign = RADICALS.get(sign, unicodedata.normalize("NFKC", sign))
    return f"<{ord(sign):04X}>"


def of_text(table: str) -> str:
    """A table from glyphs to signs with no radicals in it."""

    def apart(found: re.Match) -> str:  # what follows each other there need not do so here
        low, high, sign = (int(part, 16) for part in found.groups())
        signs = " ".join(mended(sign + step) for step in range(high - low + 1))
        return f"<{found[1]}> <{found[2]}> [{signs}]"

    return ONE.sub(lambda found: mended(int(found[1], 16)), RANGE.sub(apart, table))


def tables(writer: PdfWriter) -> Iterator[StreamObject]:
    """Each of these tables of a PDF once."""
    seen = set()
    for page in writer.pages:
        for font in (page["/Resources"].get("/Font") or {}).values():
            found = font.get_object()
            if "/ToUnicode" in found and (reference := found.raw_get("/ToUnicode")).idnum not in seen:
                seen.add(reference.idnum)
                yield reference.get_object()


def mend(path: Path) -> int:
    """Mend the tables of a PDF; how many there were to mend. What is new is put behind what is there."""
    writer, count = PdfWriter(path, incremental=True), 0
    for table in tables(writer):
        old = table.get_data().decode("latin-1")
        if (new := of_text(old)) != old:
            table.set_data(new.encode("latin-1"))
            count += 1
    if count:
        writer.write(path)
    return count
