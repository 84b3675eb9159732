"""The languages of the editions: where the built site has their pages, and what they say beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools import pages, prepare, project

# Two signs are drawn alike where no font has them: as boxes.
DRAWN_ALIKE = """signs => {
    const [one, other] = [...signs].map(sign => {
        const canvas = Object.assign(document.createElement("canvas"), { width: 48, height: 48 });
        const drawing = canvas.getContext("2d");
        drawing.font = "32px serif";
        drawing.fillText(sign, 4, 38);
        return canvas.toDataURL();
    });
    return one === other;
}"""


class NoFontError(Exception):
    """No font of this machine has the signs of a language."""


@dataclass(frozen=True)
class Language:
    """A language: its code, its folder in the site, how its files are told apart, and what a text is in it."""

    code: str
    folder: str
    mark: str
    signs: str  # two, by which a font is known
    package: str  # of Debian and Ubuntu, that brings such a font
    of: Callable[[str], Callable[[str], str]]

    def say(self, text: str) -> str:
        """One of the texts in words.py."""
        return self.of("site")(text)

    def site_url(self) -> str:
        """Where its pages are."""
        return f"{project.site_url()}{self.folder}"

    def drawing(self, site: Path) -> Path:
        """The drawing on the cover, in a built site."""
        own = site / self.folder / "_static" / "cover_network.svg"
        return own if own.exists() else site / "_static" / own.name

    def opening(self) -> tuple[str, str]:
        """The title of the book, and its promise."""
        title, promise = map(self.of("index"), pages.opening(project.BOOK / "index.md"))
        return title, promise

    def drawn(self, page) -> None:
        """Make sure that the browser of ``page`` has a font. Raises NoFontError where it has none."""
        if page.evaluate(DRAWN_ALIKE, self.signs):
            raise NoFontError(f"no font here has {self.signs}: {prepare.by_hand(self.package)}")


def _chinese(name: str) -> Callable[[str], str]:
    from tools.translate import edition  # it needs more than the English editions do

    return edition.lexicon(name).say


ENGLISH = Language("en", "", "", "ab", "fonts-dejavu-core", lambda name: lambda text: text)
CHINESE = Language("zh-CN", "zh/", "-zh", "中国", prepare.CHINESE_FONT, _chinese)
