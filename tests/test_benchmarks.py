"""The benchmarks: what they compute is right, what they store is whole, and the page on speed says what is stored."""

import csv
import datetime
import importlib
import io
import os
import statistics
from types import SimpleNamespace

import numpy as np
import prose
import pytest
import torch

import benchmarks.__main__ as benches
import d2lite as d2l
from benchmarks import book, common, loop, memory, scaling, startup, step, streaming, threads
from benchmarks import pages as weighing
from tools import pages, project, speed

STAMP = {"device", "processor", "python", "torch", "torchvision", "d2lite", "date"}
PAGE = project.BOOK / "speed.md"


@pytest.fixture
def results(tmp_path, monkeypatch):
    """An empty folder of results."""
    monkeypatch.setattr(speed, "RESULTS", tmp_path)
    return tmp_path


def test_the_exponent_of_a_power_law_is_found():
    n = np.array([16, 32, 100, 1000])
    exponent, explained = common.power_law(n, 3 * n**-0.7)
    assert exponent == pytest.approx(-0.7) and explained == pytest.approx(1)
    exponent, explained = common.power_law(n, 3.0 * n**2 * np.array([1.1, 0.9, 0.9, 1.1]))
    assert exponent == pytest.approx(2, abs=0.05) and 0.99 < explained < 1


def test_turns_alternate_and_the_first_does_not_count():
    order = []

    def contestant(name):
        def run():
            order.append(name)
            return float(len(order))

        return run

    times = common.in_turns({name: contestant(name) for name in "abc"}, 2)
    assert "".join(order) == "cbaabccba"
    assert times == {"a": [4, 9], "b": [5, 8], "c": [6, 7]}


def test_ratios_are_medians_over_pairs():
    above, below = [10, 3, 8], [1, 1, 4]
    assert common.compared("r", above, below) == {"r": 3, "r_low": 2, "r_high": 10}
    assert statistics.median(above) / statistics.median(below) == 8, "not a ratio of medians"
    with pytest.raises(ValueError):
        common.compared("r", [1, 2], [1])


def test_the_clock_of_fit_leaves_out_what_comes_before_the_first_epoch(monkeypatch):
    clock = iter([10.0, 12.5, 14.0])
    monkeypatch.setattr(common.time, "perf_counter", lambda: next(clock))
    watch = common.Stopwatch(torch.device("cpu"))
    watch.start(None)
    watch.epoch(None)
    assert watch.seconds == 2.5
    watch.epoch(None)
    assert watch.seconds == 4


def test_a_device_replaces_its_own_rows_alone(results, monkeypatch):
    made = dict.fromkeys(STAMP, "x")
    monkeypatch.setattr(common, "stamp", made.copy)
    for made["device"], number, names in (("CPU, 2 threads", 1.0, "ab"), ("H200", 2.0, "ab"), ("H200", 123456.7, "b")):
        common.store("loop", [{"network": name, "bare": number} for name in names], keys=("network",))
    assert [(row["device"], row["network"], row["bare"]) for row in speed.rows("loop")] == [
        ("CPU, 2 threads", "a", "1"), ("CPU, 2 threads", "b", "1"), ("H200", "a", "2"), ("H200", "b", "123500"),
    ]  # fmt: skip
    common.store("loop", [{"network": "c", "bare": 0.12345}])
    assert [(row["device"], row["bare"]) for row in speed.rows("loop")] == [("CPU, 2 threads", "1")] * 2 + [
        ("H200", "0.1235")
    ]


def test_the_usual_loop_sees_the_same_pixels_as_fit(monkeypatch):
    monkeypatch.setenv("D2LITE_PROFILE", "quick")
    data = d2l.load("fashion_mnist", quick_images=8, batch_size=4, fallback=True, device="cpu")
    items = loop.usual_loader(data, 0).dataset
    for number in range(8):
        X, y = data.train.batch([number])
        torch.testing.assert_close(items[number][0], X[0], atol=1e-6, rtol=0)
        assert items[number][1] == y.item()
    larger = d2l.load("fashion_mnist", size=40, quick_images=8, batch_size=4, fallback=True, device="cpu")
    X, y = next(iter(loop.usual_loader(larger, 0)))
    assert X.shape == (4, 1, 40, 40) and X.dtype == torch.float32 and y.dtype == torch.int64


def test_the_bare_step_takes_the_steps_that_fit_takes():
    """One step on one batch from the same weights: equal but for the schedule, which is constant in so short a run."""
    X, y = torch.randn(8, 1, 28, 28), torch.arange(8) % 10
    nets = []
    for _ in range(2):
        torch.manual_seed(0)
        nets.append(d2l.build(d2l.recipe("lenet_batch_norm"), 1, 10, 28))
    loop.bare(nets[0], X, y, 1)
    loop.fit(nets[1], SimpleNamespace(train=Batches([(X, y)])))
    for ours, theirs in zip(nets[0].parameters(), nets[1].parameters()):
        torch.testing.assert_close(ours, theirs)


class Batches(list):
    """Batches with the one more thing that the script asks of a split."""

    device = torch.device("cpu")


def test_images_are_repeated_where_there_are_too_few():
    data = d2l.load("digits", device="cpu")
    n = data.train.num_images
    split = common.split_of(data, n + 3, 16, 64)
    assert split.num_images == n + 3 and split.images.shape == (n + 3, 1, 8, 8)
    assert torch.equal(split.images[n:], data.train.images[:3]) and torch.equal(split.labels[n:], data.train.labels[:3])


def test_a_sweep_varies_one_thing():
    for on in ("cpu", "cuda"):
        for sweep, values in scaling.SWEEPS.items():
            points = [scaling.settings(sweep, value, on) for value in values]
            assert [point.pop(sweep) for point in points] == list(values)
            assert all(point == points[0] and all(point.values()) for point in points)


def test_what_is_fetched_on_demand_are_the_batches_of_a_split():
    images = torch.randint(0, 256, (5, streaming.SIZE, streaming.SIZE, 3), dtype=torch.uint8)
    on, labels = torch.device("cpu"), torch.arange(5)
    ours, theirs = streaming.split(images, labels, on), streaming.OnDemand(images, labels, on)
    for data in (ours, theirs):
        torch.manual_seed(0)
        data.found = next(iter(data))
    torch.testing.assert_close(ours.found[0], theirs.found[0], atol=1e-5, rtol=0)
    assert torch.equal(ours.found[1], theirs.found[1]) and len(ours) == len(theirs) == 1
    assert theirs.found[0].is_contiguous(memory_format=torch.channels_last)


class Tab:
    """As much of a browser's tab as the script asks for."""

    def __init__(self, page, address):
        self.page, self.problems = page, []
        self.page.evaluate = lambda script: 0.5
        self.page.locator = lambda name: SimpleNamespace(all=list)

    def open(self, name):
        return self

    def kilobytes(self, pictures=True):
        return 100.25

    def slow(self):
        return float("nan")


class Trained:
    """As much of a process as the script on threads asks for: each trains as fast as any other."""

    stdin = io.StringIO()
    stdout = SimpleNamespace(readline=lambda: "500.0\n")

    def kill(self):
        pass

    communicate = kill


@pytest.fixture
def everything(results, monkeypatch):
    """Results of each script: of a smoke run where that takes seconds, else of its own rows with invented times."""

    def keep(name, rows, options, keys=()):
        assert options.quick
        common.show(rows)
        common.store(name, rows, keys)
        return 0

    monkeypatch.setenv("D2LITE_PROFILE", "quick")  # which the scripts set, and which must not outlive the test
    monkeypatch.setattr(common, "finish", keep)
    monkeypatch.setattr(memory, "alone", lambda function, name: function(name))
    monkeypatch.setattr(startup, "packed_files", lambda: "folder")
    monkeypatch.setattr(startup, "said", lambda code, **environment: 2.25 if "d2lite" in code else 2.0)
    monkeypatch.setattr(startup, "notebook", lambda chapter: 5.0)
    monkeypatch.setattr(startup, "command_line", lambda: 3.0)
    monkeypatch.setattr(book, "BUILDER", project.ROOT)
    monkeypatch.setattr(book, "build", lambda: 31.0)
    for script in (loop, step, scaling, memory, startup, book, streaming):
        assert script.main(["--quick"]) == 0
    monkeypatch.setattr(threads, "start", lambda code, **environment: Trained())
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # which this script sets
    assert threads.main(["--quick"]) == 0
    monkeypatch.setattr(weighing.served, "Tab", Tab)
    browser = SimpleNamespace(new_context=lambda **_: SimpleNamespace(new_page=SimpleNamespace, close=lambda: None))
    common.store("pages", [weighing.measure(browser, "http://host/", "index")])
    return results


def test_threads_train_for_as_long_as_they_are_told(monkeypatch):
    monkeypatch.setenv("D2LITE_PROFILE", "quick")
    seen = [y.sum().item() for X, y in threads.Until(Batches([(torch.ones(2), torch.ones(2))]), 0)]
    assert seen == [2], "a batch at least"
    clock = iter(range(100))
    monkeypatch.setattr(threads.time, "perf_counter", lambda: next(clock))
    assert len(list(threads.Until(Batches("ab"), 5))) == 5
    monkeypatch.undo()
    assert threads.rate("lenet_batch_norm", 0) > 0


def test_a_contestant_gets_the_environment_of_its_own_alone(monkeypatch):
    for name in (*threads.NUMBER, *threads.WAITING):
        monkeypatch.setenv(name, "3")
    code = "import os; print(sorted({!r} & os.environ.items()))"
    wanted = {(name, value) for name in (*threads.NUMBER, *threads.WAITING) for value in "13"}
    with threads.running({"a": threads.start(code.format(wanted), OMP_NUM_THREADS="1")}) as processes:
        assert threads.heard(processes["a"]) == "[('OMP_NUM_THREADS', '1')]\n"


@pytest.mark.slow
def test_a_contestant_answers_until_it_is_ended():
    with threads.running({"d2lite": threads.start(threads.CONTESTANT.format("d2lite"))}) as processes:
        assert threads.turn(processes["d2lite"], "lenet_batch_norm", 0) > 0
    assert processes["d2lite"].returncode < 0


def test_a_contestant_that_fails_is_reported():
    with threads.running({"a": threads.start("raise SystemExit(3)")}) as processes:
        processes["a"].wait()
        with pytest.raises(SystemExit, match="exit code 3"):
            threads.turn(processes["a"], "lenet_batch_norm", 0)


@pytest.mark.slow
def test_the_other_job_ends_with_the_process_that_started_it():
    jobs = {pid: threads.start(threads.OTHER_JOB.format(pid)) for pid in (os.getpid(), 0)}
    with threads.running(jobs):
        assert {threads.heard(job) for job in jobs.values()} == {"multiplying\n"}
        assert jobs[0].wait(timeout=60) == 0 and jobs[os.getpid()].poll() is None


def test_the_better_of_two_ways_is_the_one_with_the_higher_median(results, monkeypatch):
    rates = {"one_thread": [5, 3, 4], "default": [9, 8, 9], "passive": [8, 4, 10], "ours": [8, 8, 9]}
    monkeypatch.setattr(threads, "turn", lambda process, name, seconds: rates[process].pop())
    for found in rates.values():
        found.append(0)  # of the turn that does not count
    row = threads.measure({who: who for who in rates}, "resnet18", speed.BUSY, 3, 1.0)
    assert [row[who] for who in rates] == [4, 9, 8, 8]
    assert [row[f"ours_over_better{end}"] for end in ("", "_low", "_high")] == [1, 0.9, 2]
    monkeypatch.setattr(common, "stamp", lambda: {**dict.fromkeys(STAMP, "x"), "device": "CPU, 2 threads"})
    for name in speed.SHARED:
        for beside, over in ((speed.QUIET, 0.96), (speed.BUSY, 0.96)):
            new = {"network": name, "beside": beside, "ours_over_default": over, "ours_over_better": over}
            common.store("threads", [{**row, **new}], keys=("network", "beside"))
    lines = [line for line in speed.targets([]).splitlines() if "threads /" in line]
    (alone,), (busy,) = ([line for line in lines if word in line] for word in ("alone", "job"))
    assert "0.96 (LeNet + BatchNorm)" in alone and alone.endswith("**missed** |") and busy.endswith("| met |")


@pytest.mark.slow
def test_the_page_shows_what_the_scripts_store(everything):
    for name in speed.QUESTIONS:
        shown = speed.table(name)
        rows = speed.rows(name)
        assert rows and all(row[column] for row in rows for column in STAMP), name
        assert d2l.provenance().device in shown and "| --- |" in shown
        lines = [line for line in shown.splitlines() if line.startswith("|")]
        assert len(lines) > 2 and all(line.strip("| -") for line in lines[2:])
        assert prose.myst_only(shown) == []
    runs = [{"seconds": 60, "profile": "full", "device": "NVIDIA H200"}] * 3
    outcomes = [line.strip("| ").split(" | ") for line in speed.targets(runs).splitlines()[2:]]
    here = f"{d2l.provenance().device} ({common.processor()})"
    assert ["the site, from stored outputs", "≤ 30 s", "31 s", here, "**missed**"] in outcomes
    assert ["`d2lite`, imported after `torch`", "≤ 0.3 s", "0.25 s", here, "met"] in outcomes
    assert ["all chapters, full profile", "≤ 20 min", "3 min (stored runs)", "NVIDIA H200", "met"] in outcomes
    assert ["`d2lite`'s threads / PyTorch's, alone", "≥ 0.97", "not measured yet", "CPU", "–"] in outcomes
    one_is_not_six = ["`fit` / bare step, each network", "≥ 0.95", "not measured yet", "CPU", "–"]
    assert one_is_not_six in outcomes
    assert "3 chapters took 3.0 minutes" in speed.stored_runs(runs)


def test_the_page_answers_how_much_of_the_time_the_network_takes():
    base = {"input_px": "96", "batch_size": "64", "fit": "1", "usual_4": "1"}
    base |= {f"fit_over_{other}{end}": "1" for other in ("bare", "usual_0", "usual_4") for end in ("", "_low", "_high")}
    rows = [base | {"network": "nin", "bare": "200", "usual_0": "50"}]
    rows += [base | {"network": "resnet18", "bare": "100", "usual_0": "60"}]
    assert "needs from 25% (NiN) to 60% (ResNet-18) of the time" in speed.loop(rows)


def loop_rows(device: str, ratio: float) -> list[dict]:
    base = {"device": device, "processor": "2 × x", "fit_over_bare": f"{ratio}"}
    return [{"network": name, **base} for name in speed.SIZES]


def test_the_worst_network_decides(results):
    rows = loop_rows("A", 0.97) + loop_rows("B", 0.99)
    rows[3]["fit_over_bare"] = "0.94"
    found = list(speed.worst(rows, "fit_over_bare", tuple(speed.SIZES)))
    assert found == [("A (2 × x)", 0.94, "GoogLeNet"), ("B (2 × x)", 0.99, "LeNet + BatchNorm")]
    assert list(speed.worst(rows[1:6], "fit_over_bare", tuple(speed.SIZES))) == []


@pytest.mark.parametrize(
    ("runs", "minutes"),
    [
        ([("full", "H200", 60), ("full", "H200", 120)], 3),
        ([("full", "H200", 60), ("quick", "H200", 120)], None),
        ([("full", "H200", 60), ("full", "CPU, 2 threads", 120)], None),
        ([("full", "CPU, 2 threads", 60)], None),
        ([("full", "H200", 60), None], None),
        ([("quick", "H200", 60)], None),
        ([], None),
    ],
)
def test_the_whole_book_counts_where_one_gpu_ran_all_of_it(runs, minutes, results):
    runs = [dict(zip(("profile", "device", "seconds"), run)) if run else {} for run in runs]
    assert [found[1] for found in speed.whole_book(runs)] == ([minutes] if minutes else [])


def test_chapters_that_were_run_again_count_before_stored_runs(results, monkeypatch):
    monkeypatch.setattr(project, "chapters", lambda: ["vgg", "nin"])
    monkeypatch.setattr(common, "stamp", lambda: {**dict.fromkeys(STAMP, "x"), "device": "H200"})
    stored = [{"profile": "full", "device": "H200", "seconds": 6}] * 2
    for name, found in (("vgg", []), ("nin", [("H200 (x)", 4.0, "run again")])):
        row = {"what": name, "profile": "full", "pairs": 1, **common.spread("seconds", [120.0])}
        common.store("book", [row], keys=("what", "profile"))
        assert list(speed.whole_book(stored)) == found


def test_without_results_the_page_says_how_to_get_them(results):
    for name in speed.QUESTIONS:
        assert f"make bench ONLY={name}" in speed.table(name)
    assert "met" not in speed.targets([]).replace("not measured yet", "")


def test_stored_results_say_where_with_what_and_when():
    for name in speed.QUESTIONS:
        for row in speed.rows(name):
            assert all(row[column] for column in STAMP), (name, row)
            assert datetime.date.fromisoformat(row["date"]) <= datetime.datetime.now(datetime.timezone.utc).date()
            assert not {value for value in row.values() if value and value.startswith("/")}, "a path of one machine"
        assert speed.table(name)
    known = {f"{name}.csv" for name in speed.QUESTIONS} | {"grading.csv"}
    assert {path.name for path in speed.RESULTS.glob("*.csv")} <= known, "results of no benchmark"
    assert {row["network"] for row in speed.rows("loop")} <= set(common.SIZES)


def test_the_page_shows_every_table():
    shown = pages.BUILT.findall(PAGE.read_text("utf-8"))
    assert sorted(shown) == sorted([*speed.QUESTIONS, "targets", "stored_runs"]), "a marker a table in book/speed.md"


def test_a_new_result_is_on_the_page(results):
    common.store("startup", [{"what": "import torch", "pairs": 9, **common.spread("seconds", [1.5])}])
    assert "| import torch | 1.50 s |" in pages.filled(PAGE.read_text("utf-8"))
    assert results / "startup.csv" in pages.sources()


def test_the_page_types_no_result_and_is_short():
    text = pages.BUILT.sub("", PAGE.read_text("utf-8"))
    assert prose.typed_results(text) == [] and prose.myst_only(text) == [] and prose.unknown_labels(text) == []
    assert len(prose.without_code(text).split()) <= 1100  # a hundred for each question


def test_each_question_has_a_script_and_each_network_a_name():
    for name in speed.QUESTIONS:
        assert importlib.import_module(f"benchmarks.{name}").main
    assert set(common.SIZES) <= set(speed.TITLES) == {recipe.name for recipe in d2l.recipes()}
    assert set(speed.SWEEPS) == set(scaling.SWEEPS)


def test_the_chosen_scripts_run_one_after_the_other(monkeypatch, capsys, results):
    asked = []

    def run(command, **options):
        asked.append(command[1:])
        return SimpleNamespace(returncode=int("benchmarks.loop" in command))

    monkeypatch.setattr(benches.subprocess, "run", run)
    assert benches.main(["--only", "memory loop book", "--pairs", "3"]) == 1
    assert asked == [["-m", f"benchmarks.{name}", "--pairs", "3"] for name in ("memory", "loop", "book")]
    said = capsys.readouterr()
    assert "failed: loop\n" in said.err and str(results) in said.out
    with pytest.raises(SystemExit):
        benches.main(["--only", "speed"])
    assert "no benchmark named speed; there are: loop" in capsys.readouterr().err


def test_a_smoke_run_stores_nothing(results, capsys):
    rows = [{"network": "nin", **common.spread("seconds", [1.0, 3.0, 2.0])}]
    for quick in (True, False):
        common.finish("loop", rows, SimpleNamespace(quick=quick))
        assert bool(list(results.iterdir())) != quick
    assert "nin      2 (1–3)" in capsys.readouterr().out
    with open(results / "loop.csv", encoding="utf-8") as file:
        assert set(next(csv.reader(file))) == {"network", "seconds", "seconds_low", "seconds_high"} | STAMP
