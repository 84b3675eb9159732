"""What a teacher and the students get: ``grades.csv``, a summary page, a feedback page for each student."""

import csv
import io
import statistics
from collections import Counter
from pathlib import Path

import jinja2
import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt

from . import book, course, gradebooks, similar, written

COLUMNS = ("student", "name", "problem_set", "points", "out_of", "open_by_hand", "late", "status", "remarks")
PAGES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).resolve().parent / "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)
_no_formula = gradebooks.safe
PAGES.filters["points"] = lambda value: f"{value:g}"


def row(record: dict, marks: dict) -> dict:
    """One line of the table of grades."""
    return {
        "student": record["student"],
        "name": record.get("name", ""),
        "problem_set": record["problem_set"],
        "points": f"{sum(mark['points'] for mark in marks.values()):g}",
        "out_of": f"{record['out_of']:g}",
        "open_by_hand": f"{sum(mark['open'] for mark in marks.values()):g}",
        "late": "late" if record["late"] else "",
        "status": record["status"],
        "remarks": "; ".join([*record["remarks"], *record.get("look", [])]),
    }


def write(folder: Path, found: list[dict], given: list[dict[str, dict]]) -> list[str]:
    """Write all pages and tables into ``folder``, for the records ``found`` and the marks ``given`` for each.

    Returns what to say of files that somebody has edited since they were written.
    """
    marked = list(zip(found, given))
    rows = [row(record, marks) for record, marks in marked]
    table = io.StringIO()
    columns = COLUMNS if any(record.get("name") for record in found) else [one for one in COLUMNS if one != "name"]
    writer = csv.DictWriter(table, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _no_formula(value) for key, value in line.items()} for line in rows)
    made: dict[str, str | bytes] = {"grades.csv": table.getvalue()}
    for (record, marks), line in zip(marked, rows):
        page = PAGES.get_template("feedback.html").render(record=record, questions=questions(record, marks), row=line)
        made[f"feedback/{record['problem_set']}/{record['student']}.html"] = page
    sets = [about(name, marked) for name in sorted({record["problem_set"] for record in found})]
    odd = [line for line in rows if line["remarks"] or line["status"] != "marked"]
    alike = [pairs for one in sets if (pairs := similar.compare(one["name"], found)) is not None]
    if alike:
        made["similar.html"] = PAGES.get_template("similar.html").render(sets=alike)
    made["summary.html"] = PAGES.get_template("summary.html").render(sets=sets, odd=odd, alike=bool(alike))
    return written.said(folder, written.Folder(folder).write(made))


def questions(record: dict, marks: dict) -> list[dict]:
    """What a student reads about each question: its title, the points, and what the tests and the teacher say."""
    name = record["problem_set"]
    titles, points = (course.titles(name), course.graded(name)) if marks else ({}, {})
    said = {one["cell"]: one["message"] for one in record["cells"] if one["test"]}
    return [
        {"cell": cell, "title": titles[cell], "out_of": points[cell], "message": said.get(cell, ""), **mark}
        for cell, mark in marks.items()
    ]


def about(name: str, marked: list[tuple[dict, dict]]) -> dict:
    """Numbers of one problem set: how many, how well, which questions were hard, and the leaderboard."""
    ours = [(record, marks) for record, marks in marked if record["problem_set"] == name]
    done = [(record, marks) for record, marks in ours if record["status"] in book.MARKED]
    totals = [sum(mark["points"] for mark in marks.values()) for _, marks in done]
    out_of = ours[0][0]["out_of"]
    asked = []
    for cell, points in course.graded(name).items() if done else ():
        closed = [marks[cell] for _, marks in done if not marks[cell]["open"]]
        said = Counter(
            one["message"]
            for record, _ in done
            for one in record["cells"]
            if one["cell"] == cell and one.get("message")
        )
        asked.append(
            {
                "cell": cell,
                "title": course.titles(name)[cell],
                "points": points,
                "marked": len(closed),
                "share": statistics.fmean(mark["points"] / points for mark in closed) if closed else None,
                "message": said.most_common(1)[0][0] if said else "",
            }
        )
    board = [
        {"student": record["student"], **record["board"]}
        for record, _ in done
        if record["board"] and "accuracy" in record["board"]
    ]
    board.sort(key=lambda one: (-one["accuracy"], one.get("parameters", 0), one["student"]))
    return {
        "name": name,
        "handed_in": sum(record["status"] != "missing" for record, _ in ours),
        "missing": sum(record["status"] == "missing" for record, _ in ours),
        "marked": len(done),
        "late": sum(record["late"] for record, _ in ours),
        "out_of": out_of,
        "mean": statistics.fmean(totals) if totals else None,
        "median": statistics.median(totals) if totals else None,
        "open": sum(any(mark["open"] for mark in marks.values()) for _, marks in done),
        "histogram": histogram(totals, out_of) if totals else "",
        "questions": sorted(asked, key=lambda one: (one["share"] is None, one["share"], one["cell"])),
        "board": board,
    }


def histogram(totals: list[float], out_of: float) -> str:
    """How many got how many points, as an SVG to stand in a page."""
    settings = {"svg.hashsalt": "grades", "svg.fonttype": "none", "font.family": "sans-serif"}
    with plt.rc_context(settings):
        figure, axes = plt.subplots(figsize=(6.4, 2.4), layout="constrained")
        axes.hist(totals, bins=[point - 0.5 for point in range(int(out_of) + 2)], color="#3d6fa8", rwidth=0.9)
        axes.set(xlabel="points", ylabel="students", xlim=(-0.6, out_of + 0.6))
        for axis in (axes.xaxis, axes.yaxis):
            axis.get_major_locator().set_params(integer=True)
        axes.spines[["top", "right"]].set_visible(False)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
        plt.close(figure)
    drawn = file.getvalue()
    return drawn[drawn.index("<svg") :]
