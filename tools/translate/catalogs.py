"""PO files: reading, writing, merging, with Babel, which Sphinx brings along.

A file is a list of entries. An entry whose English text has changed is *fuzzy*: it keeps its translation, and the old
text beside it, until somebody has looked at it and takes the mark away.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from babel.messages import pofile
from babel.messages.catalog import Catalog, Message

from tools import files, project
from tools.translate.sources import Entry, entries

LANGUAGE = "zh_CN"
FOLDER = project.BOOK / "locale" / LANGUAGE
HEAD = (
    "# The Chinese edition, see GUIDE.md beside this file. "
    "Edit msgstr alone; `python -m tools.translate` does the rest."
)
SOME_DAY = datetime(2026, 1, 1, tzinfo=timezone.utc)  # a header must have one; git knows the real ones


def path(name: str) -> Path:
    """Where a PO file lies."""
    return FOLDER / f"{name}.po"


def read(name: str) -> Catalog:
    """A PO file, or an empty catalog where there is none."""
    if not path(name).exists():
        return Catalog(LANGUAGE)
    with path(name).open("rb") as opened:
        found = pofile.read_po(opened, LANGUAGE)
    for message in found:  # Babel writes the old text of a fuzzy entry, and reads it as somebody's comment
        was = [comment for comment in message.user_comments if comment.startswith("|")]
        message.user_comments = [comment for comment in message.user_comments if comment not in was]
        quoted = re.findall(r'"((?:[^"\\]|\\.)*)"', " ".join(comment[1:].strip() for comment in was))  # it breaks lines
        message.previous_id = [pofile.unescape(f'"{"".join(quoted)}"')] if was else []
    return found


def fresh(found: list[Entry]) -> Catalog:
    """A catalog of these entries, none of them translated."""
    made = Catalog(LANGUAGE)
    for entry in found:
        made.add(entry.text, auto_comments=[entry.about])
    return made


def merged(old: Catalog, found: list[Entry]) -> Catalog:
    """What a file must hold when its entries are these; translations stay, and those of changed texts become fuzzy."""
    template, before = fresh(found), {message.id: message for message in old if message.id}
    now = {entry.text for entry in found}
    old.update(template, no_fuzzy_matching=not before, update_creation_date=False)
    for message in old:
        # Babel also takes the words of a text that is still there for those of a new one
        if message.id in before:
            message.previous_id = before[message.id].previous_id
        elif message.previous_id and message.previous_id[0] in now:
            message.string, message.previous_id = "", []
            message.flags.discard("fuzzy")
    return old


def written(catalog: Catalog) -> str:
    """The text of a PO file: one form, whoever has edited it."""
    made = Catalog(LANGUAGE, project="d2lite-book", version="zh_CN", copyright_holder="", charset="utf-8",
                   creation_date=SOME_DAY, revision_date=SOME_DAY, fuzzy=False, header_comment=HEAD,
                   language_team="zh_CN", last_translator="d2lite-book", msgid_bugs_address="")  # fmt: skip
    for message in catalog:
        if message.id:
            made[message.id] = message
            _bare(made[message.id])
    for message in catalog.obsolete.values():
        if message.string:
            _bare(message)
            made.obsolete[message.id] = message
    pofile.write_po(buffer := io.BytesIO(), made, width=0, no_location=True, include_previous=True)
    return re.sub(r'"Generated-By: .*\n', "", buffer.getvalue().decode("utf-8"))  # it names Babel's version


def _bare(message: Message) -> None:
    """Take away the flags that Babel guesses from signs such as "%"."""
    message.flags &= {"fuzzy"}


def write(name: str, catalog: Catalog) -> bool:
    """Write a PO file; whether it has changed."""
    path(name).parent.mkdir(parents=True, exist_ok=True)
    return files.write(path(name), written(catalog))


@dataclass(frozen=True)
class State:
    """How far a file is."""

    total: int
    done: int
    stale: int

    @property
    def percent(self) -> int:
        """The share that is translated and up to date, rounded down."""
        return 100 * self.done // self.total if self.total else 100


def state(name: str) -> State:
    """How far a file is, measured by the entries that it must have."""
    found, held = entries(name), read(name)
    messages = [held.get(entry.text) for entry in found]
    stale = sum(1 for message in messages if message is not None and message.string and message.fuzzy)
    done = sum(1 for message in messages if message is not None and message.string and not message.fuzzy)
    return State(len(found), done, stale)
