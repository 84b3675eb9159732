"""Bring NAME.ipynb up to NAME.md and to the scripts of its interactives, keeping the stored outputs of unchanged cells.

It also writes the questions of all boxes *Predict first* for d2lite, which asks them where a notebook runs.

With --check, only tell where a pair differs.
"""

import argparse

from tools import asking, files, generated, interactives, notebooks, pairs, project


def sync(chapter: str) -> None:
    """Refresh the setup cell of NAME.md, then write NAME.ipynb from it."""
    pairs.write_setup_cell(chapter)
    stored = pairs.read_notebook(chapter)
    joined = pairs.join(pairs.expected(chapter), stored, chapter)
    interactives.refresh(joined)
    changed = files.write(project.notebook(chapter), notebooks.as_text(joined))
    code = [cell for cell in joined.cells if cell.cell_type == "code" and not asking.made(cell)]
    left = sum(cell.execution_count is None for cell in code)
    print(f"{chapter}: {'written' if changed else 'unchanged'}, {len(code)} code cells, {left} without a run")


def write_questions() -> None:
    """Write what d2lite knows of the boxes."""
    for path, text in asking.expected().items():
        print(f"{generated.named(path)}: {'written' if files.write(path, text) else 'unchanged'}")


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("chapters", nargs="*", help="names of chapters; none means all")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 where a pair differs")
    options = parser.parse_args()
    chapters = project.chosen(options.chapters)
    if options.check:
        stale = generated.stale(asking.expected(), [])
        return project.report([*stale, *(line for name in chapters for line in pairs.drift(name))], "make sync")
    for chapter in chapters:
        sync(chapter)
    write_questions()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
