"""Prose with numbers that the run itself puts in, so that text and output cannot disagree."""

import math
import string
from typing import Any

from ..machine.devices import profile
from ..machine.printing import printable, shell

QUICK = "*This was a quick run, on fewer images and for fewer epochs than the stored one.*"


def tell(template: str, *, quick_run: bool = False, **values: Any) -> None:
    """Show a sentence or paragraph of Markdown with ``values`` put into ``template``; in a terminal as text.

    ``d2l.tell("LeNet gets **{accuracy:.1%}** right.", accuracy=test.accuracy)``. Template and values are kept in the
    metadata of the output, under ``"d2lite"``, so that a translation can render the same numbers in its own words.
    Mathematics and raw HTML are not shown alike everywhere: leave them to the text around the cell.

    Args:
        template: with fields as in ``str.format``; each is one of the names in ``values``, with a format where needed.
        quick_run: whether to say so, in a sentence of its own, when the active profile is the quick one.
        values: text and finite numbers, of NumPy and PyTorch too.

    Raises:
        ValueError: the template names a value that is not given, or a value is not one that can be told.
    """
    if quick_run and profile() == "quick":
        template += f" {QUICK}"
    told = {name: value.item() if hasattr(value, "item") else value for name, value in values.items()}
    for name, value in told.items():
        if not isinstance(value, (int, float, str)) or (isinstance(value, float) and not math.isfinite(value)):
            raise ValueError(f"{name} is {value!r}: give text or a finite number. Is a result missing?")
    named = [field for _, field, _, _ in string.Formatter().parse(template) if field is not None]
    if strange := [field for field in named if field not in told]:
        raise ValueError(f"the template names {', '.join(strange)}: give each by name. Given: {', '.join(told)}.")
    text = template.format(**told)
    if shell() is not None:
        from IPython.display import display

        kept = {"d2lite": {"template": template, "values": told}}
        display({"text/markdown": text, "text/plain": text}, metadata=kept, raw=True)
    else:
        print(printable(text))
