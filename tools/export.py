"""Write d2lite/models/NAME.py from the cells of a chapter that are tagged `export`; --check tells what is stale."""

import ast
import json
import re
import shutil
import subprocess
import sys

from IPython.core.inputtransformer2 import TransformerManager

from tools import generated, pairs, project

MODELS = project.ROOT / "d2lite" / "models"
HEADER = "# Written from the exported cells of book/{name}.md; edit those and run `make sync`.\n"


def module(chapter: str) -> str | None:
    """The text of a chapter's module; None where no cell is exported.

    Imports of earlier cells come along where an exported cell uses them. Raises SystemExit for a name that then is
    still undefined.
    """
    code = [cell for cell in pairs.read_source(chapter).cells if cell.cell_type == "code"]
    exported = {number: cell.source for number, cell in enumerate(code, 1) if "export" in cell.metadata.get("tags", [])}
    if not exported:
        return None
    imports, bodies, names = [], [], []
    for source in exported.values():
        lines, body = source.splitlines(), []
        last = 0
        for statement in ast.parse(source).body:
            chunk = lines[last : statement.end_lineno]  # the comments above a statement belong to it
            last = statement.end_lineno
            if isinstance(statement, ast.Import | ast.ImportFrom):
                imports.append("\n".join(chunk).strip())
                continue
            body += chunk
            names += defined(statement)
        bodies.append("\n".join(body + lines[last:]).strip("\n"))
    for name, number in undefined(chapter, "\n".join(imports), dict(zip(exported, bodies))).items():
        found = imported(name, [cell.source for cell in code[: number - 1]])
        if found is None:
            raise SystemExit(
                f"book/{chapter}.md: code cell {number} is exported and uses `{name}`, which no exported cell defines "
                f"and no cell before it imports. Import it, or tag the cell that defines it `export`.\n"
                f"{exported[number]}"
            )
        imports.append(found)
    public = [name for name in dict.fromkeys(names) if not name.startswith("_")]
    title = next(line for line in project.source(chapter).read_text("utf-8").splitlines() if line.startswith("# "))
    text = "\n".join(
        [
            HEADER.format(name=chapter) + f'"""{title[2:].strip().rstrip(".")}."""\n',
            "\n".join(dict.fromkeys(imports)),
            f"\n__all__ = {public!r}\n\n",
            "\n\n\n".join(body for body in bodies if body),
            "",
        ]
    )
    return formatted(chapter, text)


def undefined(chapter: str, imports: str, bodies: dict[int, str]) -> dict[str, int]:
    """The names that the cells use and nothing in them defines, each with the number of the first cell that does."""
    code = "\n".join([imports, *bodies.values()])
    cells = [number for number, body in bodies.items() for _ in body.split("\n")]  # of each line after the imports
    done = ruff(chapter, code, "check", "--select", "F821", "--output-format", "json", "--exit-zero")
    found: dict[str, int] = {}
    for finding in json.loads(done):
        name = re.search("`(.+)`", finding["message"])[1]
        found.setdefault(name, cells[finding["location"]["row"] - len(imports.split("\n")) - 1])
    return found


def imported(name: str, sources: list[str]) -> str | None:
    """The import that binds a name, the last one of these cells that does; None where there is none."""
    found = None
    for source in sources:
        for statement in statements(source):
            if isinstance(statement, ast.Import | ast.ImportFrom):
                for alias in statement.names:
                    if name == (alias.asname or alias.name.split(".")[0]):
                        statement.names = [alias]
                        found = ast.unparse(statement)
    return found


def statements(source: str) -> list[ast.stmt]:
    """The statements of a cell or a module; magics, which are no Python, are what IPython makes of them."""
    return ast.parse(TransformerManager().transform_cell(source)).body


def defined(statement: ast.stmt) -> list[str]:
    """The names that a top-level statement binds."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [statement.name]
    inner = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp  # whose names are their own
    own = {id(part) for scope in ast.walk(statement) if isinstance(scope, inner) for part in ast.walk(scope)}
    names = (part for part in ast.walk(statement) if isinstance(part, ast.Name) and id(part) not in own)
    return [part.id for part in names if isinstance(part.ctx, ast.Store)]


def formatted(chapter: str, text: str) -> str:
    """The same module in the project's format (imports sorted, spacing)."""
    return ruff(chapter, ruff(chapter, text, "check", "--select", "I,RUF022", "--fix", "--quiet"), "format", "--quiet")


def ruff(chapter: str, text: str, *command: str) -> str:
    """What ruff prints about the text of a chapter's module. Raises SystemExit where it is no valid one."""
    program = shutil.which("ruff", path=str(project.Path(sys.executable).parent)) or "ruff"
    done = subprocess.run(
        [program, *command, "--stdin-filename", f"d2lite/models/{chapter}.py", "-"],
        input=text,
        capture_output=True,
        text=True,
        cwd=project.ROOT,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"book/{chapter}.md: the exported cells are no valid module:\n{done.stderr}")
    return done.stdout


# Names are not gathered here: a function may be called as its module is, and would hide it.
PACKAGE = """\
# Written by `make sync`.
\"\"\"Networks, each defined once: in the chapter that explains it. Import them from that chapter's module.\"\"\"
"""


def expected() -> dict[project.Path, str]:
    """Every file of d2lite/models/ with the text it must have."""
    made = {name: text for name in project.chapters() if project.source(name).exists() and (text := module(name))}
    return {MODELS / "__init__.py": PACKAGE, **{MODELS / f"{name}.py": text for name, text in made.items()}}


def stale() -> list[str]:
    """What is missing, altered or left over in d2lite/models/."""
    return generated.stale(expected(), MODELS.glob("*.py"))


if __name__ == "__main__":
    raise SystemExit(generated.main(__doc__, expected(), MODELS.glob("*.py")))
