"""The repository's address and the buttons that lead there, from pyproject.toml, where it is written once.

The theme knows Colab; the button that opens a chapter in Kaggle is put beside it here.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tools.project import BRANCH, kaggle_url, repository_url  # noqa: E402 - the import needs the line above


def configure(app, config) -> None:
    """Fill in the theme's options; runs before the theme reads them."""
    config.html_theme_options |= {
        "repository_url": repository_url(),
        "repository_branch": BRANCH,
        "path_to_docs": "book",
        "launch_buttons": {"colab_url": "https://colab.research.google.com"},
        "use_repository_button": True,
        "use_edit_page_button": True,
        "use_issues_button": True,
    }
    config.html_context = {**(config.html_context or {}), "default_mode": "auto"}


def buttons(app, pagename, templatename, context, doctree) -> None:
    """Lead "suggest edit" to the .md of a chapter, which is what people edit, and add Kaggle where Colab is."""
    for group in context.get("header_buttons", []):
        if any(button.get("text") == "Colab" for button in group.get("buttons", [])):
            group["buttons"].append({
                "type": "link", "text": "Kaggle", "tooltip": "Launch on Kaggle", "icon": "fab fa-kaggle",
                "url": kaggle_url(pagename),
            })  # fmt: skip
        for button in group.get("buttons", [group]):
            url = button.get("url") or ""
            if "/edit/" in url and url.endswith(".ipynb"):
                button["url"] = url.removesuffix(".ipynb") + ".md"


def setup(app):
    """Sphinx's entry point."""
    app.connect("config-inited", configure, priority=1)
    app.connect("html-page-context", buttons, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
