"""The sentences in a Python module that writes pages: its string literals, but for those that name something.

As in `literals`, an f-string with `{count}` keeps that name, and an expression that is no name becomes a number. A
module for the Chinese site is the same module with other literals.
"""

import ast
import re
from collections.abc import Callable, Iterator

PLACE = re.compile(r"\{([\w.]+)\}")
TAG = re.compile(r"<(?!!)[^>]*?(?:(?:aria-label|alt)=\"([^\"]*)\")?[^>]*>")
#: calls whose text is for programs or for whoever writes the book
SILENT = {
    "compile",
    "search",
    "sub",
    "findall",
    "match",
    "SystemExit",
    "ValueError",
    "warning",
    "error",
    "select",
    "select_one",
    "add_argument",
    "add_js_file",
    "ArgumentParser",
    "glob",
    "split",
    "join",
    "getLogger",
}
NO_WORDS = re.compile(
    r"\\[bsw]|^(?!the |that |start )[a-z-]+ [a-z-]+[\w -]*$|;base64|^\*\*|\.js"
    r"|^<[a-z]+ class=\"[^\"]*\"$|^<\?xml|^```|d2lite-book$|^make "
)


def _text(node: ast.Constant | ast.JoinedStr) -> str:
    if isinstance(node, ast.Constant):
        return node.value
    return "".join(part if isinstance(part, str) else f"{{{name}}}" for part, name in _parts(node))


def _parts(node: ast.JoinedStr) -> list[tuple]:
    found, number = [], 0
    for value in node.values:
        if isinstance(value, ast.Constant):
            found.append((value.value, ""))
            continue
        name = ast.unparse(value.value)
        if not re.fullmatch(r"[A-Za-z_][\w.]*", name):
            name = str(number := number + 1)
        found.append((value, name))
    return found


def _spoken(tree: ast.Module) -> Iterator[ast.Constant | ast.JoinedStr]:
    owners = (ast.Module, ast.FunctionDef, ast.ClassDef)
    docs = {id(node.body[0].value) for node in ast.walk(tree)
            if isinstance(node, owners) and isinstance(node.body[0], ast.Expr)}  # fmt: skip

    def walk(node: ast.AST) -> Iterator[ast.Constant | ast.JoinedStr]:
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in SILENT and not (name == "join" and not isinstance(node.func, ast.Name)):
                return
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            if id(node) not in docs and _is_text(_text(node)):
                yield node
            for value in getattr(node, "values", []):
                if isinstance(value, ast.FormattedValue):
                    yield from walk(value.value)
            return
        for child in ast.iter_child_nodes(node):
            yield from walk(child)

    yield from walk(tree)


def _is_text(text: str) -> bool:
    bare = PLACE.sub(" ", TAG.sub(lambda match: f" {match[1] or ''} ", text))
    if bare == " and ":
        return True
    return bool(re.search(r"[A-Za-z]{2,} +[A-Za-z]|^\W*[A-Z][a-z]+\W*$|[a-z]{3,}[:.,] ", bare)) and not NO_WORDS.search(
        text
    )


def texts(source: str) -> list[str]:
    """What a module says, in order."""
    return [_text(node) for node in _spoken(ast.parse(source))]


def replaced(source: str, new: Callable[[str], str]) -> str:
    """The module, without its comments, with ``new(text)`` in place of each text."""
    tree = ast.parse(source)
    for node in list(_spoken(tree)):
        text = new(_text(node))
        if text == _text(node):
            continue
        if isinstance(node, ast.Constant):
            node.value = text
            continue
        places = {name: part for part, name in _parts(node) if name}
        pieces = PLACE.split(text)
        node.values = [places.get(piece, ast.Constant(f"{{{piece}}}")) if at % 2 else ast.Constant(piece)
                       for at, piece in enumerate(pieces) if piece]  # fmt: skip
    return ast.unparse(tree)
