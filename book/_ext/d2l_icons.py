"""Font Awesome cut down to the icons that the site shows: its fonts weigh more than a chapter with all its figures."""

import logging
import re
from pathlib import Path

from fontTools import subset

NAME = re.compile(r"\bfa-[a-z0-9-]+")
RULE = re.compile(r'((?:\.fa-[a-z0-9-]+:(?:before|after),?)+)\{content:"\\([0-9a-f]+)"\}')
CODE = re.compile(r'"\\(f[0-9a-f]{3})"')
SIGN = re.compile("[\uf000-\uf8ff]")  # the same, written as it is
COPY = re.compile(r',\s*url\([^)]*\.ttf\) format\("truetype"\)')


def texts(out: Path, pattern: str) -> str:
    """All files of the site's own that match, one after another."""
    return "\n".join(path.read_text("utf-8") for path in sorted(out.rglob(pattern)) if "fontawesome" not in path.parts)


def finish(app, error) -> None:
    """Keep the rules of icons that a page or a script names, and in the fonts their signs and those of style sheets."""
    if error is not None or app.builder.format != "html":
        return
    out = Path(app.outdir)
    named = set(NAME.findall(texts(out, "*.html") + texts(out, "*.js")))
    sheets = texts(out, "*.css")
    codes = {*CODE.findall(sheets), *(f"{ord(sign):x}" for sign in SIGN.findall(sheets))}
    for sheet in out.glob("_static/vendor/fontawesome/*/css/*.css"):
        text = sheet.read_text("utf-8")
        for names, code in RULE.findall(text):
            if named & set(NAME.findall(names)):
                codes.add(code)
        text = RULE.sub(lambda rule: rule[0] if named & set(NAME.findall(rule[1])) else "", COPY.sub("", text))
        sheet.write_text(text, "utf-8")
    for path in out.glob("_static/vendor/fontawesome/*/webfonts/*"):
        if path.suffix == ".ttf":
            path.unlink()
            continue
        options = subset.Options(flavor="woff2", layout_features=[], notdef_outline=True)
        font = subset.load_font(path, options)
        cut = subset.Subsetter(options)
        cut.populate(unicodes=[int(code, 16) for code in codes])
        cut.subset(font)
        subset.save_font(font, path, options)


def setup(app):
    """Sphinx's entry point."""
    # The theme's accessible-pygments, once imported, has every logger print its steps, of which fontTools notes many.
    logging.getLogger("fontTools").setLevel(logging.WARNING)
    app.connect("build-finished", finish, priority=900)  # when the other extensions have finished the pages
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
