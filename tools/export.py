"""Write d2lite/models/NAME.py from the cells of a chapter that are tagged `export`; --check tells what is stale."""

import ast
import shutil
import subprocess
import sys

from tools import generated, pairs, project

MODELS = project.ROOT / "d2lite" / "models"
HEADER = "# Written from the exported cells of book/{name}.md; edit those and run `make sync`.\n"


def module(chapter: str) -> str | None:
    """The text of a chapter's module; None where no cell is exported."""
    cells = [cell.source for cell in pairs.read_source(chapter).cells if "export" in cell.metadata.get("tags", [])]
    if not cells:
        return None
    imports, bodies, names = [], [], []
    for source in cells:
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
    return formatted(text)


def defined(statement: ast.stmt) -> list[str]:
    """The names that a top-level statement binds."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return [statement.name]
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def formatted(text: str) -> str:
    """The same module in the project's format (imports sorted, spacing). Raises SystemExit where ruff refuses it."""
    ruff = shutil.which("ruff", path=str(project.Path(sys.executable).parent)) or "ruff"
    for command in (["check", "--select", "I,RUF022", "--fix", "--quiet"], ["format", "--quiet"]):
        done = subprocess.run(
            [ruff, *command, "--stdin-filename", "d2lite/models/exported.py", "-"],
            input=text,
            capture_output=True,
            text=True,
            cwd=project.ROOT,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"the exported cells are no valid module:\n{done.stderr}")
        text = done.stdout
    return text


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
