"""What stands in for anywidget where it is not installed: a line of text, or a picture, in place of an interactive."""

import traitlets


class AnyWidget(traitlets.HasTraits):
    """Traits without a page that shows them."""

    def on_msg(self, callback) -> None:
        """Nobody will send anything."""

    def _repr_mimebundle_(self, **options):
        return {"text/plain": f"{self!r}\n(anywidget is not installed here: `pip install anywidget`)"}
