"""The training lab's engine in a browser, without its page; and the runs that are recorded for the lab's first frame.

``python -m tests.widgets.training_engine`` records those that d2lite/widgets/training_lab.csv lacks; all, where nothing
but the header is in that file.
"""

import csv
import sys

from d2lite.widgets import TrainingLab
from d2lite.widgets.training_lab import KINDS, RECORDED, digits, name_of, recorded, settings_of

SPAN, MEAN_OF = 6, 6  # epochs, and steps of which the mean is kept, with batches of 32
USUAL = {"kind": "BatchNorm", "width": 4}  # of the chapter on it, which compares batches
SMALL = {"depth": 8, "width": 4}  # of the chapter on recipes, which compares rates
RUNS = [
    *({"kind": kind} for kind in KINDS), USUAL, {**USUAL, "batch": 2}, {**USUAL, "batch": 2, "rate": 0.05 / 16},
    *({"kind": kind, "rate": rate, **SMALL} for kind in ("plain", "BatchNorm") for rate in (0.02, 0.2)),
]  # fmt: skip
NAMES = (
    "Network, Run, imagesOf, plainKernels, fastKernels, moduleBytes, OPTIMIZERS, linked, unlinked, runsOf, CHALLENGES"
)
IMPORT = """async (script) => {
    const text = `${script}; export { NAMES };`.replace("export default", "const page =");
    const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    window.engine = await import(url);
    window.drain = (work) => { let at; do at = work.next(); while (!at.done); return at.value; };
}""".replace("NAMES", NAMES)
RECORD = """({ settings, data, epochs, meanOf }) => {
    const { Run, imagesOf } = engine, found = [];
    const part = (name) => imagesOf({ ...data, ...data[name] });
    const run = new Run(0, settings, { ...data, train: part("train"), test: part("test") });
    drain(run.measure());
    drain(run.test());
    while (run.epochs < epochs) {
        drain(run.step());
        if (run.steps % run.every === 0) drain(run.test());
    }
    for (let at = 0; at + meanOf <= run.points.length; at += meanOf) {
        const some = run.points.slice(at, at + meanOf);
        found.push(["train", ...[0, 1, 2].map((which) => some.reduce((sum, point) => sum + point[which], 0) / meanOf)]);
    }
    return [...found, ...run.tests.map((point) => ["test", ...point])];
}"""


def open_engine(page):
    """Import the engine on a page of Playwright's, as ``window.engine``; ``window.drain`` runs its generators."""
    page.evaluate(IMPORT, TrainingLab._esm)
    return page


def record(page, run: dict, epochs: float = SPAN) -> list[list]:
    """Train one network: rows (part, epochs, loss, accuracy)."""
    settings = settings_of(run)
    given = {"settings": settings, "data": digits(), "epochs": epochs, "meanOf": MEAN_OF * 32 // settings["batch"]}
    return page.evaluate(RECORD, given)


def main() -> int:
    """Write the recorded runs."""
    from tools import served

    missing = {name: run for run in RUNS if (name := name_of(settings_of(run))) not in recorded()}
    with served.browser() as browser, RECORDED.open("a", encoding="utf-8", newline="") as file:
        page = open_engine(browser.new_page())
        rows = csv.writer(file, lineterminator="\n")
        for name, run in missing.items():
            rows.writerows(
                [name, part, *(float(f"{value:.4g}") for value in point)] for part, *point in record(page, run)
            )
            print(f"{name}: recorded")
    return 0


if __name__ == "__main__":
    sys.exit(main())
