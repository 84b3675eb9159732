"""The API reference: `.. d2lite:: NAME …` shows signatures and docstrings of d2lite's public names.

They are read from the source by griffe, since the site is built where PyTorch is not installed.
"""

import textwrap
from pathlib import Path

import griffe
from sphinx.ext.napoleon import Config, GoogleDocstring
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parents[2]


def public(package: griffe.Module, name: str) -> griffe.Function | griffe.Class:
    """What a name that ``d2lite`` imports stands for. Raises KeyError where it imports none of that name."""
    found = package.modules_collection[package.imports[name]]
    return found.final_target if found.is_alias else found


def entry(kind: str, signature: str, thing: griffe.Object, *inside: str) -> str:
    """A name, what its docstring says, and the entries ``inside`` it, as reStructuredText."""
    text = "\n\n".join([str(GoogleDocstring(thing.docstring.value, Config())), *inside])
    return f".. py:{kind}:: {signature}\n\n{textwrap.indent(text, '   ')}"


def described(thing: griffe.Function | griffe.Class) -> str:
    """A function, an error, or a class with its methods and properties."""
    for parameter in thing.parameters:
        if isinstance(parameter.default, griffe.ExprCall | griffe.ExprJoinedStr):  # of a dataclass: made anew each time
            parameter.default = "..."
    if thing.is_function:
        return entry("function", thing.signature(), thing)
    inside = []
    for member in thing.members.values():
        if member.is_private or member.is_special or not member.has_docstring:
            continue
        if member.is_function:
            kind = "classmethod" if "classmethod" in member.labels else "method"
            inside.append(entry(kind, member.signature(), member))
        else:
            inside.append(entry("property", f"{member.name}\n   :type: {member.annotation}", member))
    if thing.name.endswith("Error"):
        bases = " and ".join(f":exc:`{base}`" for base in thing.bases)
        return entry("exception", thing.name, thing, f"A kind of {bases}.", *inside)
    return entry("class", thing.signature() or thing.name, thing, *inside)


class Reference(SphinxDirective):
    """The entries of the names given, one after another."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self):
        if "d2lite" not in self.env.temp_data:  # which lasts for a page
            self.env.temp_data["d2lite"] = griffe.load("d2lite", search_paths=[ROOT], allow_inspection=False)
            for path in (ROOT / "d2lite").rglob("*.py"):
                self.env.note_dependency(str(path))
        package = self.env.temp_data["d2lite"]
        entries = [described(public(package, name)) for name in self.arguments[0].split()]
        return self.parse_text_to_nodes("\n\n".join([".. py:currentmodule:: d2lite", *entries]))


def setup(app):
    """Sphinx's entry point."""
    app.add_directive("d2lite", Reference)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
