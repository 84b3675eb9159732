"""A site that asks no other host for anything: scripts that the theme adds and the book does not use are taken out.

Thebe (its script throws on every page), MathJax and widget loaders come from elsewhere; Font Awesome's 1.5 MB script
does what its style sheet and local fonts, already on the page, do. Toggle buttons and tabs are not used, and KaTeX is
needed only where there is mathematics, colors of code and the button that copies it where there is code.
"""

import re
import zlib
from pathlib import Path

SCRIPT = re.compile(r"[ \t]*<script\b[^>]*>.*?</script>\n?", re.S)
# Preloading fonts is refused where a page is opened as a file, and their style sheet asks for them anyway.
PRELOAD = re.compile(r'[ \t]*<link\b[^>]*rel="preload"[^>]*fontawesome[^>]*>\n?')
SHEET = re.compile(r'[ \t]*<link\b[^>]*rel="stylesheet"[^>]*>\n?')
UNUSED = ("thebe", "fontawesome", "mermaid", "require.min.js", "embed-amd.js", "mathjax", "togglebutton", "design-tabs")
INLINE = ("thebe", "togglehint", "toggleopenonprint", "togglebuttonselector")  # settings of those, in the page itself
SHEETS = ("thebe", "togglebutton", "sphinx-design")
OF_CODE = ("pygments", "copybutton")
FILES = ("fontawesome/**/*.js*", "sphinx-thebe.*", "togglebutton.*", "design-tabs.js", "sphinx-design*.css", "*.map")
MATH = re.compile(r'class="(?:[^"]* )?math\b')


def strip(html: str) -> str:
    """A page without the scripts that it does not use."""

    formulas, code = MATH.search(html), 'class="highlight' in html

    def kept(match: re.Match) -> str:
        head, inside = match[0].lower().split(">", 1)
        twice = "/widgets.js" in head and "defer" not in head  # Sphinx adds every script to every page, MyST-NB where
        math = "katex" in head or "auto-render" in head  # it is needed
        copies = "clipboard" in head or "copybutton" in head
        if "src=" not in head:
            return "" if any(word in inside for word in INLINE) else match[0]
        mute = (math and not formulas) or (copies and not code)
        return "" if twice or mute or any(word in head for word in UNUSED) else match[0]

    html = PRELOAD.sub("", SCRIPT.sub(kept, html))
    seen = set()

    def once(match: re.Match) -> str:
        new = match[0] not in seen and not any(word in match[0] for word in SHEETS)
        seen.add(match[0])
        mute = ("katex" in match[0] and not formulas) or (not code and any(word in match[0] for word in OF_CODE))
        return match[0] if new and not mute else ""

    return SHEET.sub(once, html)


def finish(app, error) -> None:
    """Clean the pages that this build wrote, and drop the files that no page asks for any more."""
    if error is not None or app.builder.format != "html":
        return
    out = Path(app.outdir)
    for page in out.rglob("*.html"):
        text = page.read_text("utf-8")
        if (cleaned := strip(text)) != text:
            page.write_text(cleaned, "utf-8")
    for pattern in (f"_static/**/{name}" for name in FILES):
        for path in out.glob(pattern):
            path.unlink()


def setup(app):
    """Sphinx's entry point."""
    app.connect("build-finished", finish)
    # Sphinx copies style sheets only when a page is written, and does not know what the extensions here do to pages:
    # a changed one asks for all pages to be written again.
    files = sorted(path for path in (Path(app.srcdir) / "_static").rglob("*") if path.is_file())
    files += sorted(Path(__file__).parent.glob("*.py"))
    files += sorted((Path(__file__).parents[2] / "d2lite" / "widgets").glob("*.js"))  # two of them are the site's, too
    edition = zlib.crc32(b"".join(path.read_bytes() for path in files))
    app.add_config_value("d2l_static_edition", edition, "html")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
