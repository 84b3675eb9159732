"""Chinese signs in a PDF that can be found and copied.

A glyph of a Chinese font may stand for two signs: that of the text and a radical, which only dictionaries use.
Chromium writes down the one with the lower number, so that a search for 网络 finds nothing. Here the tables that say
which sign a glyph is are mended; what is seen stays.
"""

from __future__ import annotations

import re
import unicodedata

import pikepdf

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


def mend(book: pikepdf.Pdf) -> None:
    """Mend the tables of a PDF."""
    fonts = (one for one in book.objects if isinstance(one, pikepdf.Dictionary) and "/ToUnicode" in one)
    tables = {font.ToUnicode.objgen: font.ToUnicode for font in fonts}
    for table in tables.values():
        table.write(of_text(table.read_bytes().decode("latin-1")).encode("latin-1"))
