"""A site that asks no other host for anything: scripts that the theme adds and the book does not use are taken out.

Thebe (its script throws on every page), MathJax and widget loaders come from elsewhere; Font Awesome's 1.5 MB script
does what its style sheet and local fonts, already on the page, do.
"""

import re
import zlib
from pathlib import Path

SCRIPT = re.compile(r"[ \t]*<script\b[^>]*>.*?</script>\n?", re.S)
# Preloading fonts is refused where a page is opened as a file, and their style sheet asks for them anyway.
PRELOAD = re.compile(r'[ \t]*<link\b[^>]*rel="preload"[^>]*fontawesome[^>]*>\n?')
SHEET = re.compile(r'[ \t]*<link\b[^>]*rel="stylesheet"[^>]*>\n?')
UNUSED = ("thebe", "fontawesome", "mermaid", "require.min.js", "embed-amd.js", "mathjax")


def strip(html: str) -> str:
    """A page without the scripts that it does not use."""

    def kept(match: re.Match) -> str:
        head = match[0].split(">", 1)
        told = head[0].lower() + (head[1].lower() if "src=" not in head[0] and "thebe" in head[1].lower() else "")
        return "" if any(word in told for word in UNUSED) else match[0]

    html = PRELOAD.sub("", SCRIPT.sub(kept, html))
    seen = set()

    def once(match: re.Match) -> str:
        new = match[0] not in seen and "thebe" not in match[0]
        seen.add(match[0])
        return match[0] if new else ""

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
    for pattern in ("_static/**/fontawesome/**/*.js*", "_static/sphinx-thebe.*"):
        for path in out.glob(pattern):
            path.unlink()


def setup(app):
    """Sphinx's entry point."""
    app.connect("build-finished", finish)
    # Sphinx copies style sheets only when a page is written: a changed one asks for all pages to be written again.
    files = sorted(path for path in (Path(app.srcdir) / "_static").rglob("*") if path.is_file())
    edition = zlib.crc32(b"".join(path.read_bytes() for path in [Path(__file__), *files]))
    app.add_config_value("d2l_static_edition", edition, "html")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
