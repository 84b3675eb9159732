"""The tables of the page on speed, made from benchmarks/results: one a device, and which targets are met there."""

import csv
import io
from collections.abc import Callable, Iterator

from tools import project

RESULTS = project.ROOT / "benchmarks" / "results"
NETWORKS = project.ROOT / "d2lite" / "nets" / "networks.csv"  # read here, since d2lite itself needs PyTorch
# a script and a results file each
QUESTIONS = ("loop", "step", "threads", "scaling", "memory", "startup", "book", "streaming", "pages")
#: the networks that are timed, and the edge of their input in pixels; the batch size is that of their recipe
SIZES = {"lenet_batch_norm": 28, "vgg11_quarter": 96, "nin": 96, "googlenet": 96, "resnet18": 96, "densenet": 96}
SWEEPS = {"images": "images", "input_px": "edge of an image, pixels", "batch_size": "batch size"}
SHARED = ("lenet_batch_norm", "nin")  # trained beside another job: one of small operations, one of large ones
BESIDE = QUIET, BUSY = "nothing", "another job"
LEAST, MOST = "≥", "≤"
MET = {True: "met", False: "**missed**"}
LEFT, RIGHT = "---", "---:"
Row = dict[str, str]


def stored(path: project.Path) -> list[Row]:
    """The rows of a table, as text; none where there is no such file."""
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8")))) if path.exists() else []


TITLES = {row["name"]: row["title"] for row in stored(NETWORKS)}


def rows(name: str) -> list[Row]:
    """The stored rows of a benchmark; none where it was not run yet."""
    return stored(RESULTS / f"{name}.csv")


def devices(found: list[Row]) -> dict[str, list[Row]]:
    """Rows by device and processor, in the order in which they were stored."""
    grouped: dict[str, list[Row]] = {}
    for row in found:
        grouped.setdefault(f"{row['device']} ({row['processor']})", []).append(row)
    return grouped


def is_cpu(row: Row) -> bool:
    """Whether a row was measured without a GPU."""
    return row["device"].startswith("CPU")


def real(row: Row, name: str) -> float:
    """A number of a row."""
    return float(row[name])


def whole(row: Row, name: str) -> str:
    """A number with three digits that count, as people write it."""
    return f"{float(f'{real(row, name):.3g}'):,.0f}"


def ratio(row: Row, name: str) -> str:
    """A ratio, and its range over the pairs."""
    digits = 3 if real(row, name) < 1.5 else 2 if real(row, name) < 9.95 else 1
    low, high = real(row, f"{name}_low"), real(row, f"{name}_high")
    return f"{real(row, name):.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def seconds(value: float) -> str:
    """A time with a unit that suits it."""
    return f"{value:.2f} s" if abs(value) >= 0.1 else f"{1000 * value:.0f} ms"


def range_of(row: Row) -> str:
    """Median and range of a time."""
    middle, low, high = (seconds(real(row, f"seconds{end}")) for end in ("", "_low", "_high"))
    return f"{middle} ({low}–{high})" if low != high else middle


def grid(head: dict[str, str], body: list[list[str]]) -> str:
    """A Markdown table; ``head`` maps titles to their alignment."""
    lines = [list(head), list(head.values()), *body]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def loop(found: list[Row]) -> str:
    """Images a second, and the three ratios."""
    head = {"Network": LEFT, "px": RIGHT, "Batch": RIGHT}
    head |= dict.fromkeys(("Bare", "`d2l.fit`", "Usual, 0 workers", "4 workers"), RIGHT)
    head |= dict.fromkeys(("fit / bare", "fit / usual, 0", "fit / usual, 4"), RIGHT)
    body = []
    for row in sorted(found, key=lambda row: list(SIZES).index(row["network"])):
        cells = [TITLES[row["network"]], row["input_px"], row["batch_size"]]
        cells += [whole(row, name) for name in ("bare", "fit", "usual_0", "usual_4")]
        body.append(cells + [ratio(row, f"fit_over_{other}") for other in ("bare", "usual_0", "usual_4")])
    shares = {TITLES[row["network"]]: 100 * real(row, "usual_0") / real(row, "bare") for row in found}
    least, most = min(shares, key=shares.get), max(shares, key=shares.get)
    answer = (
        f"The bare step needs from {shares[least]:.0f}% ({least}) to {shares[most]:.0f}% ({most}) of the "
        "time that the usual loop takes without workers.\n"
    )
    return f"{grid(head, body)}\n{answer}"


def step(found: list[Row]) -> str:
    """The whole step in several ways, then its operations."""
    head = dict.fromkeys(("Milliseconds", "Share", "Images a second"), RIGHT)
    body = []
    for row in found:
        share = f"{100 * real(row, 'share'):.0f}%" if row["share"] else "–"
        rate = whole(row, "images_per_second") if row["images_per_second"] else "–"
        body.append([row["what"].replace("aten::", ""), f"{real(row, 'ms'):.2f}", share, rate])
    return grid({"What": LEFT, **head}, body)


def threads(found: list[Row]) -> str:
    """Images a second of each way to use threads, alone and beside another job, and the two ratios."""
    head = {"Network": LEFT, "Beside": LEFT}
    head |= dict.fromkeys(("One thread", "As PyTorch starts", "Passive", "`d2lite`"), RIGHT)
    head |= dict.fromkeys(("d2lite / as PyTorch starts", "d2lite / better of one thread and passive"), RIGHT)
    body = []
    for row in found:
        cells = [TITLES[row["network"]], row["beside"]]
        cells += [whole(row, name) for name in ("one_thread", "default", "passive", "ours")]
        body.append(cells + [ratio(row, f"ours_over_{other}") for other in ("default", "better")])
    return grid(head, body)


def scaling(found: list[Row]) -> str:
    """Sweep, its ends, and the exponent; then all points."""
    head = {"Varied": LEFT, "Network": LEFT, "From … to": LEFT, "Exponent": RIGHT, "R²": RIGHT}
    points = {"Varied": LEFT, "Value": RIGHT, "Images": RIGHT, "Seconds an epoch": RIGHT, "Images a second": RIGHT}
    short, long = [], []
    for sweep, title in SWEEPS.items():
        of_sweep = [row for row in found if row["sweep"] == sweep]
        if not of_sweep:
            continue
        ends = " … ".join(f"{int(row[sweep]):,}" for row in (of_sweep[0], of_sweep[-1]))
        exponent, r2 = f"{real(of_sweep[0], 'exponent'):.2f}", f"{real(of_sweep[0], 'r2'):.3f}"
        short.append([title, TITLES[of_sweep[0]["network"]], ends, exponent, r2])
        for row in of_sweep:
            cells = [title, f"{int(row[sweep]):,}", f"{int(row['images']):,}", f"{real(row, 'seconds'):.3g}"]
            long.append([*cells, whole(row, "images_per_second")])
    return f"{grid(head, short)}\n<details>\n<summary>All points</summary>\n\n{grid(points, long)}\n</details>\n"


def memory(found: list[Row]) -> str:
    """What was measured, and the two kinds of memory."""
    head = {"What": LEFT, "px": RIGHT, "Batch": RIGHT, "Host, MB": RIGHT, "Device, MB": RIGHT}
    body = []
    for row in found:
        name = TITLES.get(row["name"], f"`{row['name']}`")
        cells = [f"{name}, a {row['what']}", row["input_px"], row["batch_size"] or "–", whole(row, "host_mb")]
        body.append([*cells, whole(row, "device_mb") if row["device_mb"] else "–"])
    return grid(head, body)


def startup(found: list[Row]) -> str:
    """What, and how long."""
    return grid({"What": LEFT, "Median (range)": RIGHT}, [[row["what"], range_of(row)] for row in found])


def book(found: list[Row]) -> str:
    """The site's build, and chapters that were run again."""
    body = []
    for row in found:
        if row["what"] == "site":
            body.append(["the site, from stored outputs", range_of(row)])
        else:
            body.append([f"`{row['what']}`, {row['profile']} profile", f"{real(row, 'seconds') / 60:.1f} min"])
    return grid({"What": LEFT, "Time": RIGHT}, body)


def streaming(found: list[Row]) -> str:
    """Where images came from, how many a second, and how that compares with the first row."""
    head = {"Images from": LEFT, "What is done": LEFT, "GB": RIGHT, "Images a second": RIGHT, "To the first row": RIGHT}
    body = []
    for row in found:
        cells = [row["images_from"], row["work"], row["gigabytes"], whole(row, "images_per_second")]
        body.append([*cells, ratio(row, "of_first")])
    return grid(head, body)


def weights(found: list[Row]) -> str:
    """Pages of the site."""
    head = {"Page": LEFT}
    head |= dict.fromkeys(("kB", "without pictures", "First paint, ms", "Shift", "Answer, ms"), RIGHT)
    body = [
        [
            row["page"], whole(row, "kilobytes"), whole(row, "without_pictures"), whole(row, "paint_ms"),
            f"{real(row, 'shift'):.3f}", whole(row, "answer_ms") if row["answer_ms"] else "–",
        ]
        for row in found
    ]  # fmt: skip
    return grid(head, body)


TABLES: dict[str, Callable[[list[Row]], str]] = {
    "loop": loop, "step": step, "threads": threads, "scaling": scaling, "memory": memory, "startup": startup,
    "book": book, "streaming": streaming, "pages": weights,
}  # fmt: skip


def table(name: str) -> str:
    """The tables of one benchmark, a device after the other, or how to get one."""
    parts = []
    for device, found in devices(rows(name)).items():
        dates = sorted({row["date"] for row in found})
        packages = ("python", "torch", "torchvision", "d2lite")
        versions = ", ".join(f"{name} {' and '.join(sorted({row[name] for row in found}))}" for name in packages)
        turns = sorted({int(row.get("pairs") or 1) for row in found})
        turned = "" if turns == [1] else f", {' to '.join(map(str, dict.fromkeys((turns[0], turns[-1]))))} timed turns"
        when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
        parts.append(f"**{device}**: {versions}; {when}{turned}\n\n" + TABLES[name](found))
    return "\n".join(parts) or f"*Not measured on any machine yet: `make bench ONLY={name}`.*\n"


def worst(found: list[Row], column: str, networks: tuple[str, ...]) -> Iterator[tuple[str, float, str]]:
    """Device, the least ratio over the networks, and whose it is; only where all of them were measured."""
    for device, group in devices(found).items():
        values = {row["network"]: real(row, column) for row in group if row["network"] in networks}
        if len(values) == len(networks):
            name = min(values, key=values.get)
            yield device, values[name], TITLES[name]


def longest(name: str, what: str) -> Iterator[tuple[str, float, str]]:
    """Device and median seconds of one row of a benchmark."""
    for row in rows(name):
        if row["what"] == what:
            yield f"{row['device']} ({row['processor']})", real(row, "seconds"), ""


def whole_book(runs: list[dict]) -> Iterator[tuple[str, float, str]]:
    """Device and minutes of all chapters at the full profile on a GPU: run again, else as they were stored."""
    again = [row for row in rows("book") if row["what"] != "site" and row["profile"] == "full" and not is_cpu(row)]
    for device, group in devices(again).items():
        if {row["what"] for row in group} >= set(project.chapters()):
            yield device, sum(real(row, "seconds") for row in group) / 60, "run again"
    kinds = {(run.get("device", "CPU"), run.get("profile")) for run in runs}
    if again or len(kinds) != 1:
        return
    ((device, profile),) = kinds
    if profile == "full" and not device.startswith("CPU"):
        yield device, sum(run["seconds"] for run in runs) / 60, "stored runs"


def targets(runs: list[dict]) -> str:
    """Each target with what was measured, device by device, and whether that meets it."""
    found, large = rows("loop"), tuple(name for name in SIZES if name != "lenet_batch_norm")
    cpu, gpu = [row for row in found if is_cpu(row)], [row for row in found if not is_cpu(row)]
    quiet, busy = ([row for row in rows("threads") if row["beside"] == beside] for beside in BESIDE)
    lenet, resnet, added = ("lenet_batch_norm",), ("resnet18",), "import d2lite, added to torch"
    wanted = [
        ("`fit` / bare step, each network", "CPU", LEAST, 0.95, "", worst(cpu, "fit_over_bare", tuple(SIZES))),
        ("`fit` / bare step, each network", "GPU", LEAST, 0.95, "", worst(gpu, "fit_over_bare", tuple(SIZES))),
        ("`fit` / usual loop, 4 workers, 96 px", "CPU", LEAST, 2, "", worst(cpu, "fit_over_usual_4", large)),
        ("`fit` / usual loop, 4 workers, 28 px", "CPU", LEAST, 5, "", worst(cpu, "fit_over_usual_4", lenet)),
        ("`fit` / usual loop, 4 workers, ResNet-18", "GPU", LEAST, 10, "", worst(gpu, "fit_over_usual_4", resnet)),
        ("`d2lite`'s threads / PyTorch's, alone", "CPU", LEAST, 0.97, "", worst(quiet, "ours_over_default", SHARED)),
        ("`d2lite`'s threads / better, beside a job", "CPU", LEAST, 0.9, "", worst(busy, "ours_over_better", SHARED)),
        ("all chapters, full profile", "GPU", MOST, 20, " min", whole_book(runs)),
        ("`d2lite`, imported after `torch`", "any", MOST, 0.3, " s", longest("startup", added)),
        ("first batch, warm cache", "any", MOST, 1, " s", longest("startup", "first batch, from .gz")),
        ("first batch, from `.gz`", "any", MOST, 4, " s", longest("startup", "first batch, from .gz")),
        ("the site, from stored outputs", "any", MOST, 30, " s", longest("book", "site")),
    ]
    body = []
    for what, where, bound, value, unit, measured in wanted:
        outcomes = list(measured)
        for device, figure, note in outcomes:
            met = figure >= value if bound == LEAST else figure <= value
            shown = f"{figure:.4g}{unit}" + (f" ({note})" if note else "")
            body.append([what, f"{bound} {value:g}{unit}", shown, device, MET[met]])
        if not outcomes:
            body.append([what, f"{bound} {value:g}{unit}", "not measured yet", where, "–"])
    return grid({"What": LEFT, "Target": LEFT, "Measured": LEFT, "Device": LEFT, "Outcome": LEFT}, body)


def stored_runs(runs: list[dict]) -> str:
    """How long the stored runs of the chapters took together."""
    spent = sum(run["seconds"] for run in runs if run) / 60
    return (
        f"The stored runs of the {sum(map(bool, runs))} chapters took {spent:.1f} minutes together; the "
        "[status page](status.md) has each, with its device and profile.\n"
    )
