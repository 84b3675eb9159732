"""What the theme's pages lack: landmarks and lists for people who do not see them, colors where no script runs."""

from pathlib import Path

SIDEBAR = 'class="bd-sidebar-primary bd-sidebar"'
MENDED = {
    f"<div {SIDEBAR}>": f'<div {SIDEBAR} role="region" aria-label="Book">',
    # A script says at once which colors the reader wants. Without it the theme would have none, and no background.
    'data-theme="auto">': 'data-theme="light">',
    'role="doc-biblioentry"': 'role="listitem"',  # the former is no longer in the standard
    '<dl>\n<dd><em class="sig-param">': '<dl role="none">\n<dd><em class="sig-param">',  # a signature of several lines
}


def finish(app, error) -> None:
    """Mend the pages that this build wrote."""
    if error is not None or app.builder.format != "html":
        return
    for page in Path(app.outdir).glob("*.html"):
        text = mended = page.read_text("utf-8")
        for old, new in MENDED.items():
            mended = mended.replace(old, new)
        if mended != text:
            page.write_text(mended, "utf-8")


def setup(app):
    """Sphinx's entry point."""
    app.connect("build-finished", finish)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
