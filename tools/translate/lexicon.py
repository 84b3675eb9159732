"""A PO file as it is read by those who write Chinese pages: what a text is in Chinese, and whether that is stale."""

from __future__ import annotations

from dataclasses import dataclass

from tools.translate import catalogs, numbers


@dataclass(frozen=True)
class Found:
    """A text in Chinese; ``stale`` where the English text has changed since."""

    text: str
    stale: bool = False


class Lexicon:
    """The translations of some PO files."""

    def __init__(self, *names: str):
        self.texts = {
            message.id: Found(message.string, message.fuzzy)
            for name in names
            for message in catalogs.read(name)
            if message.id and message.string
        }

    def find(self, text: str) -> Found | None:
        """What stands for a text, or None where nobody has translated it."""
        return self.texts.get(text)

    def say(self, text: str) -> str:
        """A text in Chinese where there is one that is up to date, else in English."""
        found = self.find(text)
        return text if found is None or found.stale else found.text

    def counted(self, text: str) -> str:
        """The same for a text with numbers of a run."""
        template, values = numbers.apart(text)
        said = self.say(template)
        return text if said == template else numbers.together(said, values)
