"""Write a chapter, a network, an interactive or a problem set that passes all tests as it stands, to be changed from
there: the files come from tools/templates, and a line for them is added where others must know of them.
"""

import argparse
import ast
import builtins
import csv
import io
import keyword
import re
import subprocess
import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from tools import export, files, project

TEMPLATES = Path(__file__).resolve().parent / "templates"
NETWORKS = "d2lite/nets/networks.csv"
WIDGETS = "d2lite/widgets/__init__.py"
SETS = "assignments/source"
LONGEST = 24  # characters of a name: lines that hold it keep to their width
PAGES = ("genindex", "search")  # of the site, beside those that have a source
CODE_CELL = re.compile(r"^```\{code-cell\} ipython3\n((?:(?!```$).*\n)*?)```$", re.M)
TAGGED_EXPORT = re.compile(r"^:?tags: \[[^\]\n]*\bexport\b", re.M)
#: the recipe of a new network; name, title, year, chapter and factory come before it
RECIPE = {
    "mainline": "no", "dataset": "fashion_mnist", "size": 28, "batch_size": 128, "epochs": 10, "lr": 0.001,
    "optimizer": "adamw", "momentum": 0, "weight_decay": 0.05, "schedule": "one_cycle", "quick_images": 4096,
    "quick_epochs": 3, "init": "own", "augment": "no", "label_smoothing": 0,
}  # fmt: skip


class Refused(Exception):
    """The name cannot be used; says why and what to do. Nothing has been written."""


def filled(template: str, name: str, number: int = 0) -> str:
    """A template with ``name`` in place of the one that stands in it, and the number of a problem set."""
    words = re.sub("[-_]", " ", name)
    camel = "".join(word.capitalize() for word in words.split())
    text = (TEMPLATES / template).read_text("utf-8")
    named = {
        "ps0-new-name": f"ps{number}-{name}", "ps0": f"ps{number}", "roblem set 0": f"roblem set {number}",
        "new_name": name, "NewName": camel, "New name": words.capitalize(), "new name": words,
    }  # fmt: skip
    return re.sub("|".join(named), lambda match: named[match[0]], text)


def check_name(name: str) -> None:
    """Raises Refused where ``name`` cannot be that of a module and of a function in it."""
    if not re.fullmatch(rf"[a-z][a-z0-9_]{{1,{LONGEST - 1}}}", name):
        raise Refused(
            f"{name!r} is not a name: write 2 to {LONGEST} of a-z, 0-9 and _, beginning with a letter, as in small_net"
        )
    if keyword.iskeyword(name) or hasattr(builtins, name):
        raise Refused(f"{name!r} is a word of Python itself, which it would hide: choose another name")


def bound(sources: Iterable[str]) -> set[str]:
    """Names that Python code binds at its top level."""
    found = set()
    for source in sources:
        for node in export.statements(source):
            if isinstance(node, ast.Import | ast.ImportFrom):
                found |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
            else:
                found.update(export.defined(node))
    return found


def cells(text: str) -> list[str]:
    """The code of a chapter's cells, without the lines that hold their tags."""
    sources = (match[1] for match in CODE_CELL.finditer(text))
    return [re.sub(r"\A(?:---\n(?:.*\n)*?---\n|(?::.*\n)+)", "", source) for source in sources]


def check_free(name: str, taken: Iterable[str], where: str) -> None:
    """Raises Refused where ``name`` is taken."""
    if name in taken:
        raise Refused(f"there is {name!r} in {where} already: choose another name")


def chapter(name: str) -> dict[str, str]:
    """The files of a new chapter, and what becomes of the table of contents."""
    check_name(name)
    if name in PAGES or re.fullmatch(r"ps\d+", name):
        raise Refused(f"{name!r} is the name of a page or a problem set: choose another name")
    text = filled("chapter.md", name)
    check_free(name, bound(cells((TEMPLATES / "chapter.md").read_text("utf-8"))), "the template's own code")
    made = {
        f"book/{name}.md": text,
        f"d2lite/exercises/{name}.py": filled("chapter_answers.py", name),
        f"tests/test_{name}.py": filled("chapter_test.py", name),
    }
    check_absent([*made, f"d2lite/models/{name}.py"])
    return made | {"_toc.yml": with_chapter((project.ROOT / "_toc.yml").read_text("utf-8"), name)}


def with_chapter(toc: str, name: str) -> str:
    """The table of contents with a chapter after the last one."""
    *_, last = re.finditer(r"^( *)- file: [a-z0-9_]+\.ipynb *\n", toc, re.M)
    return f"{toc[: last.end()]}{last[1]}- file: {name}.ipynb\n{toc[last.end() :]}"


def network(name: str, where: str) -> dict[str, str]:
    """A new network in the chapter ``where``, which is written first if it has the network's name; and its recipe."""
    check_name(name)
    check_free(name, [row["name"] for row in csv.DictReader(io.StringIO(read(NETWORKS)))], NETWORKS)
    if where == name and where not in project.chapters():  # the template's network has the name of its chapter
        made = chapter(where)
    else:
        (where,) = project.chosen([where])
        source = project.source(where).read_text("utf-8")
        check_free(name, bound(cells(source)), f"book/{where}.md")
        made = {f"book/{where}.md": with_network(source, name, where)}
    order = list(dict.fromkeys([*project.chapters(), where]))
    return made | {NETWORKS: with_recipe(read(NETWORKS), name, where, order)}


def with_network(source: str, name: str, where: str) -> str:
    """The source of a chapter with a network after the last cell that is exported."""
    exported = [match for match in CODE_CELL.finditer(source) if TAGGED_EXPORT.search(match[1])]
    if not exported:
        raise Refused(f"book/{where}.md has no cell tagged `export`, after which a network could stand: name a chapter "
                      "that has one")  # fmt: skip
    place = exported[-1].end()
    return f"{source[:place]}\n\n{filled('network.md', name).rstrip()}{source[place:]}"


def with_recipe(table: str, name: str, where: str, order: list[str]) -> str:
    """The table of networks with a row after the others of the same chapter, in the ``order`` of the book."""
    head, *rows = table.splitlines(keepends=True)
    row = {
        "name": name, "title": name.replace("_", " ").capitalize(), "year": date.today().year, "chapter": where,
        "factory": f"{where}:{name}", **RECIPE,
    }  # fmt: skip
    columns = head.strip().split(",")
    if set(columns) != set(row):
        raise Refused(f"{NETWORKS} has the columns {', '.join(columns)}: bring RECIPE in tools/new.py up to them")
    line = io.StringIO()
    csv.DictWriter(line, columns, lineterminator="\n").writerow(row)
    earlier = order[: order.index(where) + 1]
    before = [number for number, other in enumerate(csv.DictReader(table.splitlines())) if other["chapter"] in earlier]
    place = before[-1] + 1 if before else 0
    return "".join([head, *rows[:place], line.getvalue(), *rows[place:]])


def widget(name: str) -> dict[str, str]:
    """The files of a new interactive, and what becomes of the list of all of them."""
    check_name(name)
    code = filled("widget.py", name)
    made = {
        f"d2lite/widgets/{name}.py": code,
        f"d2lite/widgets/{name}.js": filled("widget.js", name),
        f"tests/widgets/test_{name}.py": filled("widget_test.py", name),
    }
    check_absent(made)
    package, (shown,) = read(WIDGETS), re.findall(r"^class (\w+)", code, re.M)
    check_free(shown, bound([package]), WIDGETS)
    check_free(shown, bound([(TEMPLATES / "widget.py").read_text("utf-8")]), "the template's own code")
    for line in (f"from .{name} import {shown}\n", f'    "{shown}",\n'):
        package = with_line(package, line)
    return made | {WIDGETS: package}


def with_line(text: str, line: str) -> str:
    """The text with ``line`` among the lines that begin as it does, which are in order."""
    beginning = re.escape(re.match(r"\W*(?:from \.)?", line)[0])
    block = re.search(rf"^(?:{beginning}.*\n)+", text, re.M)
    lines = [*block[0].splitlines(keepends=True), line]
    lines.sort(key=lambda each: (not each.strip(' ",\n').isupper(), each))  # as Ruff sorts __all__: constants first
    return text[: block.start()] + "".join(lines) + text[block.end() :]


def problem_set(name: str) -> dict[str, str]:
    """The files of a new problem set, which gets the next number."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*", name) or re.match(r"ps\d", name) or len(name) > LONGEST:
        raise Refused(
            f"{name!r} is not a name: write at most {LONGEST} of a-z and 0-9, with hyphens between words, as in "
            "vision-transformers; its number is put in front of it"
        )
    known = [path.name for path in (project.ROOT / SETS).iterdir() if path.is_dir()]
    check_free(name, [other.partition("-")[2] for other in known], SETS)
    number = 1 + max((int(found[1]) for other in known if (found := re.match(r"ps(\d+)-", other))), default=0)
    made = {
        f"{SETS}/ps{number}-{name}/ps{number}-{name}.md": filled("set.md", name, number),
        f"d2lite/exercises/ps{number}.py": filled("set_checks.py", name, number),
        f"tests/grading/variants_ps{number}.py": filled("set_variants.py", name, number),
    }
    check_absent(made)
    return made


def read(name: str) -> str:
    """The text of a file of the repository."""
    return (project.ROOT / name).read_text("utf-8")


def check_absent(names: Iterable[str]) -> None:
    """Raises Refused where one of the files is there."""
    for name in names:
        if (project.ROOT / name).exists():
            raise Refused(f"{name} exists already: choose another name")


def follow(commands: list[list[str]]) -> None:
    """Run the tools that bring generated files up to date. Raises SystemExit where one fails."""
    for command in commands:
        if subprocess.run([sys.executable, "-m", *command], cwd=project.ROOT, check=False).returncode:
            raise SystemExit(f"the files are written, but `python -m {' '.join(command)}` failed: mend what it says")


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="make new", description=__doc__)
    for option in ("chapter", "network", "widget", "set"):
        parser.add_argument(f"--{option}", metavar="NAME")
    options = parser.parse_args()
    given = [name for name, value in vars(options).items() if value]
    if given not in (["chapter"], ["network"], ["chapter", "network"], ["widget"], ["set"]):
        print("say what to write, one at a time: make new CHAPTER=name, NETWORK=name (CHAPTER=where it stands; else a "
              "chapter of its own), WIDGET=name or SET=name", file=sys.stderr)  # fmt: skip
        return 2
    where = options.chapter or options.network
    try:
        if options.network:
            made = network(options.network, where)
        elif options.chapter:
            made = chapter(options.chapter)
        else:
            made = widget(options.widget) if options.widget else problem_set(options.set)
    except Refused as error:
        print(error, file=sys.stderr)
        return 1
    for name, text in made.items():
        print(f"{name}: {'changed' if (project.ROOT / name).exists() else 'written'}")
        files.write(project.ROOT / name, text)
    if where:
        # what `make execute` does
        follow([["tools.export"], ["tools.execute", where], ["tools.sync", where], ["tools.pages"]])
    elif options.set:
        follow([["assignments.grader", "sync"], ["tools.pages"]])
    print("All of it passes `make test` as it stands. CONTRIBUTING.md says how to change it.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
