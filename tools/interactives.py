"""The states of interactives in a stored notebook: those that a cell shows, under names that stay from run to run."""

import hashlib
import importlib
import json

from tools.notebooks import widgets
from tools.project import STATE, VIEW


def keep(nb, chapter: str) -> None:
    """Keep of the stored states those of interactives that a cell shows; take the others' views out of the outputs.

    A fresh run gives every model a random name. Names that depend on the chapter and the order alone keep the file the
    same where nothing changed.
    """
    models = widgets(nb)
    nb.metadata.pop("widgets", None)
    views = [out for cell in nb.cells for out in cell.get("outputs", []) if VIEW in out.get("data", {})]
    shown = []
    for out in views:
        name = out.data[VIEW]["model_id"]
        if models.get(name, {}).get("model_module") == "anywidget":
            shown.append(name)
        else:
            del out.data[VIEW]
    if not shown:
        return
    wanted = dict.fromkeys(shown)
    for name in shown:  # the layout of each, which Jupyter asks for
        wanted.update(dict.fromkeys(other for other in models if f"IPY_MODEL_{other}" in json.dumps(models[name])))
    new = {name: hashlib.sha256(f"{chapter}/{number}".encode()).hexdigest()[:32] for number, name in enumerate(wanted)}
    text = json.dumps({name: models[name] for name in wanted})
    for name, steady in new.items():
        text = text.replace(name, steady)
    for out in views:
        if VIEW in out.data:
            out.data[VIEW]["model_id"] = new[out.data[VIEW]["model_id"]]
    nb.metadata["widgets"] = {STATE: {"state": json.loads(text), "version_major": 2, "version_minor": 0}}


def refresh(nb) -> list[str]:
    """Give stored interactives the script and the style that their classes have now; return the names of the changed.

    A script is no result of a run: when one is edited, the numbers that it draws from stay as they were stored.
    """
    changed = []
    for model in widgets(nb).values():
        module, _, name = model["state"].get("_anywidget_id", "").rpartition(".")
        if not module.startswith("d2lite."):
            continue
        made = getattr(importlib.import_module(module), name)
        now = {"_esm": made._esm, "_css": made._css}
        if any(model["state"].get(key) != text for key, text in now.items()):
            model["state"].update(now)
            changed.append(name)
    return changed
