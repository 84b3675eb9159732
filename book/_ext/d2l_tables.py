"""Tables for a narrow page and for people who hear them: one too wide for a phone has what its style turns into cards.

Each cell of such a table knows the head of its column (`data-label`), and all of it has roles, which a browser forgets
where a table is shown as anything else. An empty head is no head.
"""

import re
from pathlib import Path

from bs4 import BeautifulSoup

TABLE = re.compile(r"<table\b.*?</table>", re.S)
ARTICLE = re.compile(r"<article\b.*</article>", re.S)
LETTER, GAP, PHONE = 6.6, 10, 250  # pixels: of a letter in a table on a phone, around a cell, of the narrowest column
SENTENCE = 80  # letters, from which on a cell beside two others is a tall and narrow strip on a phone
ROLES = {"table": "table", "thead": "rowgroup", "tbody": "rowgroup", "tr": "row", "td": "cell"}


def words(cell) -> str:
    """What a cell says, in one line."""
    return " ".join(cell.get_text(" ").split())


def placed(rows) -> list[list[tuple[int, object]]]:
    """For each row its cells, each with the number of its first column."""
    taken, found = {}, []  # column → rows for which a cell from above still fills it
    for row in rows:
        column, here = 0, []
        filled = {place for place, left in taken.items() if left}
        taken = {place: left - 1 for place, left in taken.items() if left > 1}
        for cell in row.find_all(["th", "td"], recursive=False):
            while column in filled:
                column += 1
            here.append((column, cell))
            width, height = int(cell.get("colspan", 1)), int(cell.get("rowspan", 1))
            taken.update({place: height - 1 for place in range(column, column + width) if height > 1})
            column += width
        found.append(here)
    return found


def labels(head) -> dict[int, str]:
    """Column → what the rows of a table's head say above it."""
    found = {}
    for row in placed(head.find_all("tr")):
        for column, cell in row:
            for place in range(column, column + int(cell.get("colspan", 1))):
                found.setdefault(place, []).append(words(cell))
    return {place: " ".join(filter(None, said)) for place, said in found.items()}


def fits(rows) -> bool:
    """Whether a table can be read on a phone, where each column is at least as wide as its longest word or number."""
    longest, sentences = {}, False
    for column, cell in (pair for row in rows for pair in row if "colspan" not in pair[1].attrs):
        longest[column] = max(longest.get(column, 0), *map(len, words(cell).split() or [""]))
        sentences = sentences or len(words(cell)) > SENTENCE
    return sum(LETTER * size + GAP for size in longest.values()) <= PHONE and not (sentences and len(longest) > 2)


def mended(match: re.Match) -> str:
    """A table whose empty heads are cells and which, where a phone is too narrow for it, can become cards."""
    table = BeautifulSoup(match[0], "html.parser").table
    for cell in table.find_all("th"):
        if not words(cell):
            cell.name = "td"
            del cell["scope"]
    head, rows = table.find("thead", recursive=False), placed(table.find_all("tr"))
    if head is None or fits(rows):
        return str(table)
    table["class"] = [*table.get("class", []), "d2l-cards-on-phone"]
    said = labels(head)
    for column, cell in (pair for row in placed(table.find("tbody").find_all("tr")) for pair in row):
        cell["data-label"] = said.get(column, "")
    for part in [table, *table.find_all(True)]:
        if part.name == "th":
            part["role"] = "columnheader" if part.find_parent("thead") else "rowheader"
        elif part.name in ROLES:
            part["role"] = ROLES[part.name]
    return str(table)


def finish(app, error) -> None:
    """Mend the tables of the pages that this build wrote."""
    if error is not None or app.builder.format != "html":
        return
    for page in Path(app.outdir).glob("*.html"):
        text = page.read_text("utf-8")
        new = ARTICLE.sub(lambda article: TABLE.sub(mended, article[0]), text)
        if new != text:
            page.write_text(new, "utf-8")


def setup(app):
    """Sphinx's entry point."""
    app.connect("build-finished", finish)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
