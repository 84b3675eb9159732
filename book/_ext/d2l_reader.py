"""What a reader takes part in: boxes *Predict first* and exercises become questions, with the scripts for them.

The scripts keep everything in the reader's browser. Without them, a box is the plain text that it is on GitHub, and an
exercise says where it is checked.
"""

import html
import json
import re
import sys
from pathlib import Path

from docutils import nodes
from sphinx.util import logging

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tools import exercises, files, project, questions  # noqa: E402 - the import needs the line above

LOGGER = logging.getLogger(__name__)
MY_PREDICTIONS = "predictions"
SCRIPTS = ("progress.js", "predict.js", "exercises.js", "my_predictions.js")
#: those of d2lite, whose boxes in a notebook ask and keep in the same way
SHARED = [ROOT / "d2lite" / "widgets" / name for name in ("reader.js", "asking.js")]
#: the output of an exercise's cell in a notebook that nobody has worked on
UNANSWERED = re.compile(r"<p>… ([a-z_]+-(\d+)): not answered yet\.[^<]*</p>")
TRY = """\
<div class="d2l-try"{data}><p>Your answer is checked where the code runs: <a href="{colab}">open Exercise {number} in \
Colab</a>, write it in place of <code>None</code>, and run the cell.</p></div>"""


def configure(app, config) -> None:
    """Jupyter Book adds every script of the folder to every page; ours go where they are needed, and in order."""
    config.html_js_files = [script for script in config.html_js_files if script not in SCRIPTS]
    config.html_static_path = [*config.html_static_path, *map(str, SHARED)]


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


def tries(body: str, chapter: str) -> str:
    """A page whose exercises ask for an answer where the notebook says that there is none."""
    known = exercises.stored()

    def asking(found: re.Match) -> str:
        asked = known.get(found[1])
        data = f' data-exercise="{found[1]}" data-asked="{html.escape(json.dumps(asked))}"' if asked else ""
        return TRY.format(data=data, colab=project.colab_url(chapter), number=found[2])

    return UNANSWERED.sub(asking, body)


def scripts(app, pagename, templatename, context, doctree) -> None:
    """Give a page the scripts that it needs."""
    if pagename in project.chapters():
        context["body"] = tries(context["body"], pagename)
    app.add_js_file("reader.js", defer="defer")
    app.add_js_file("progress.js", defer="defer")
    if pagename == MY_PREDICTIONS:
        app.add_js_file("questions.js", defer="defer")
        app.add_js_file("my_predictions.js", defer="defer")
    if 'class="d2l-question"' in (context.get("body") or ""):
        app.add_js_file("asking.js", defer="defer")
        app.add_js_file("predict.js", defer="defer")
        app.add_js_file("exercises.js", defer="defer")


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
