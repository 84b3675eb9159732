"""How a notebook is written: its metadata, and the text of its file.

Jupyter's own form is a number a line, so a widget that carries a table would bring thousands of lines. Here each value
of a widget takes one line. It is the same JSON, and every program that reads notebooks reads it.
"""

import copy
import json

import nbformat

from tools.project import STATE

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
# What nbconvert needs for naming and coloring a script. No version: it would change from machine to machine.
LANGUAGE = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
}


def metadata(**more) -> nbformat.NotebookNode:
    """The metadata of a Python notebook, and ``more``."""
    return nbformat.from_dict({"kernelspec": KERNEL, "language_info": LANGUAGE, **more})


def widgets(nb) -> dict:
    """The stored models of a notebook's widgets, by name; empty where it has none."""
    return nb.metadata.get("widgets", {}).get(STATE, {}).get("state", {})


def as_text(nb) -> str:
    """A notebook as the text of its file: sorted keys and indent 1, so that differences stay small."""
    nb, compact = copy.deepcopy(nb), {}
    for name, model in widgets(nb).items():
        for key, value in model["state"].items():
            if isinstance(value, dict | list):
                place = f"{name}.{key} {len(compact)}"
                model["state"][key] = place
                compact[json.dumps(place)] = json.dumps(value, ensure_ascii=False, sort_keys=True)
    text = nbformat.writes(nb, version=4) + "\n"
    for place, value in compact.items():
        text = text.replace(place, value, 1)
    return text
