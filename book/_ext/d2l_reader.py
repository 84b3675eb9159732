"""What a reader takes part in: the boxes *Predict first* become questions, and the pages get the scripts for them.

The scripts keep everything in the reader's browser. Without them, a box is the plain text that it is on GitHub.
"""

import sys
from pathlib import Path

from docutils import nodes
from sphinx.util import logging

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tools import files, project, questions  # noqa: E402 - the import needs the line above

LOGGER = logging.getLogger(__name__)
MY_PREDICTIONS = "predictions"
SCRIPTS = ("reader.js", "predict.js", "my_predictions.js")


def configure(app, config) -> None:
    """Jupyter Book adds every script of the folder to every page; ours go where they are needed, and in order."""
    config.html_js_files = [script for script in config.html_js_files if script not in SCRIPTS]


def ask(app, doctree) -> None:
    """Put in place of each comment that ends a question what the script needs to ask it; see tools/questions.py."""
    name = app.env.docname
    if name not in project.chapters():
        return
    try:
        asked = {question.name: question for box in questions.of(name) for question in box}
    except ValueError as error:
        LOGGER.warning("%s", error, location=name)
        return
    for box in list(doctree.findall(nodes.admonition)):
        if "d2l-predict-first" not in box["classes"]:
            continue
        for comment in list(box.findall(lambda node: isinstance(node, (nodes.raw, nodes.comment)))):
            if found := questions.MARK.fullmatch(comment.rawsource.strip() or comment.astext().strip()):
                question = asked[found[1]]
                data = f'id="{question.id}" data-question="{question.id}" data-key="{question.key}"'
                comment.replace_self(nodes.raw("", f'<div class="d2l-question" {data}></div>', format="html"))


def scripts(app, pagename, templatename, context, doctree) -> None:
    """Give a page the scripts that it needs."""
    app.add_js_file("reader.js", defer="defer")
    if pagename == MY_PREDICTIONS:
        app.add_js_file("questions.js", defer="defer")
        app.add_js_file("my_predictions.js", defer="defer")
    if 'class="d2l-question"' in (context.get("body") or ""):
        app.add_js_file("predict.js", defer="defer")


def finish(app, error) -> None:
    """Write all questions where pages find those of other chapters."""
    if error is None and app.builder.format == "html":
        files.write(Path(app.outdir, "_static", "questions.js"), questions.script())


def setup(app):
    """Sphinx's entry point."""
    app.connect("config-inited", configure, priority=1)
    app.connect("doctree-read", ask, priority=600)
    app.connect("html-page-context", scripts)
    app.connect("build-finished", finish)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
