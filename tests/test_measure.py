"""Long measurements: their order, their rows, and that nothing is lost when they end at a bad moment."""

import argparse
import dataclasses
import multiprocessing
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

import d2lite as d2l
from d2lite.nets import catalog
from d2lite.nets.catalog import LADDER, MAINLINE, SEARCHED
from d2lite.nets.tables import table
from tools import project
from tools.measure import __main__ as measure
from tools.measure import costs, frozen, plan, process, tables, training

ROOT = Path(__file__).resolve().parent.parent
KEYS = {"Fashion-MNIST": "fashion_mnist", "MNIST": "mnist", "CIFAR-10": "cifar10"}
SMALL = (("dataset", "digits"), ("size", 28), ("epochs", 3))


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Tables of our own, with the headers of the real ones, and a folder for checkpoints."""
    package = tmp_path / "into" / "d2lite" / "nets"
    package.mkdir(parents=True)
    for name in (measure.MEASURED, measure.COSTS, measure.RATES, measure.TIES):
        header = (ROOT / "d2lite" / "nets" / name).read_text("utf-8").splitlines()[0]
        (package / name).write_text(f"{header}\n", "utf-8")
    monkeypatch.setenv(frozen.INTO, str(tmp_path / "into"))
    monkeypatch.setenv("D2LITE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("D2LITE_PROFILE", "full")
    monkeypatch.setattr(process, "alone", lambda function, *arguments: function(*arguments))
    return package


def small(group="mainline", network="lenet", kind="mainline", seed=0, **changes):
    return plan.Job(group, network, kind, seed, (*SMALL, *changes.items()))


def options(**given):
    return argparse.Namespace(**{"jobs": 1, "again": False, "deadline": None, **given})


def stored(package, name=measure.MEASURED):
    return tables.rows(package / name)


def test_what_should_be_known_first_comes_first():
    jobs = plan.mainline()
    first = [job.network for job in jobs[: len(MAINLINE)]]
    assert set(first) == set(MAINLINE), "one seed of every network"
    assert {job.seed for job in jobs[: len(MAINLINE)]} == {0}
    assert first[-1] == "vgg11" and first[:3] == ["linear", "edge_histograms", "lenet"]
    others = jobs[len(MAINLINE) :]
    story = 2 * len(plan.STORY)
    assert {job.network for job in others[:story]} == set(plan.STORY), "then the other seeds of the story's networks"
    assert len({(job.network, job.seed) for job in jobs}) == len(jobs) == 3 * len(MAINLINE)


@pytest.mark.parametrize("row", table("published.csv"), ids=lambda row: f"{row['network']}-{row['dataset']}")
def test_every_published_result_has_a_run_of_no_more_epochs(row):
    runs = [job.recipe for job in (*plan.mainline(), *plan.published()) if job.network == row["network"]]
    assert any(run.dataset == KEYS[row["dataset"]] and run.epochs <= int(row["epochs"]) for run in runs)


def test_the_ladder_and_the_ten_minutes():
    small = [(job.network, job.kind, job.seed) for job in plan.ladder()]
    assert [run for run in small if run[0] == "resnet8"] == [("resnet8", kind, s) for s in (0, 1) for kind in LADDER]
    assert {run[1] for run in small if run[0] == "resnet18"} == {LADDER[0], LADDER[-1]}
    assert [job.seed for job in plan.ten_minutes()] == [0, 1, 2]


def test_the_search_is_the_same_for_every_network_and_sees_no_stored_seed():
    jobs = plan.rates()
    for name in MAINLINE:
        own = [job for job in jobs if (job.network, job.kind) == (name, "mainline")]
        assert tuple(job.recipe.lr for job in own) == SEARCHED["mainline"]
        assert {(job.recipe.epochs, job.seed) for job in own} == {(plan.SEARCH_EPOCHS, plan.SEARCH_SEED)}
    assert plan.SEARCH_SEED not in plan.SEEDS


@pytest.mark.parametrize(
    "accuracies, rate",
    [({3e-4: 0.5, 1e-3: 0.6, 3e-3: 0.55}, None), ({1e-3: 0.6, 3e-3: 0.61}, 1e-2), ({3e-4: 0.7, 1e-3: 0.6}, 9e-5)],
)
def test_a_best_rate_at_an_end_is_followed_further(accuracies, rate):
    job = plan.further("lenet", "mainline", accuracies)
    assert (job and job.recipe.lr) == (rate and pytest.approx(rate, rel=0.01))


def test_the_recipe_takes_the_best_rate_of_the_search():
    for name in MAINLINE:
        tried = [row for row in table("rates.csv") if (row["network"], row["recipe"]) == (name, "mainline")]
        found = {row["lr"]: row["val_acc"] for row in tried}
        longer = catalog.tried(name, "mainline", "ties.csv")
        found = longer if len(longer) > 1 else found
        assert d2l.recipe(name, "mainline").lr == max(found, key=found.get)
        assert {float(row["lr"]) for row in tried} >= set(SEARCHED["mainline"]), f"{name}: the search is not whole"


def test_rates_that_a_search_hardly_tells_apart_are_tried_for_all_epochs(monkeypatch):
    tables = {"rates.csv": [(1e-3, 0.55), (3e-3, 0.61), (1e-2, 0.60)], "ties.csv": []}

    def table(name):
        return [{"network": "lenet", "recipe": "mainline", "lr": lr, "val_acc": found} for lr, found in tables[name]]

    monkeypatch.setattr(catalog, "table", table)
    jobs = plan.ties()
    assert [(job.recipe.lr, job.recipe.epochs, job.seed) for job in jobs] == [(3e-3, 10, 100), (1e-2, 10, 100)]
    assert {job.network for job in jobs} == {"lenet"} and all(job.chooses for job in jobs)
    assert {measure.table_of(job).name for job in jobs} == {measure.TIES}
    tables["ties.csv"] = [(1e-2, 0.66)]
    assert catalog.best_rate("lenet") == 3e-3, "one long run alone is compared with nothing"
    tables["ties.csv"] += [(3e-3, 0.63)]
    assert catalog.best_rate("lenet") == 1e-2 and plan.ties() == jobs
    tables["ties.csv"][1] = (3e-3, 0.64)
    more = plan.ties()
    assert more[:2] == jobs and [job.seed for job in more[2:]] == [101, 101, 102, 102], "two points may be the seed's"
    tables["ties.csv"] += [(1e-2, 0.60), (3e-3, 0.66)]
    assert catalog.best_rate("lenet") == 3e-3, "the mean over the seeds decides"
    tables["rates.csv"][2] = (1e-2, 0.59)
    assert plan.ties() == [] and catalog.best_rate("alexnet") == SEARCHED["mainline"][1]


def test_a_run_becomes_a_row_with_its_predictions(places):
    measure.do(small(), options())
    (row,) = stored(places)
    assert (row["network"], row["dataset"], row["images"], row["epochs"]) == ("lenet", "digits", "1257", "3")
    assert row["commit"] and row["torch"] and row["device"] and 0 < float(row["val_acc"]) <= 1
    kept = np.load(places / "predictions" / "lenet-0.npz")
    labels = np.load(places / "predictions" / "labels.npz")["labels"]
    assert f"{(kept['predicted'] == labels).mean():.4f}" == row["test_acc"]
    assert kept["probability"].dtype == np.uint8 and kept["probability"].min() >= 255 // 10 - 1
    assert not list(frozen.folder().glob("*.pt")), "the checkpoint goes when the row is there"


def test_a_search_looks_at_no_test_image(places, monkeypatch):
    seen = []
    evaluate = d2l.evaluate
    monkeypatch.setattr(d2l, "evaluate", lambda net, split: seen.append(len(split)) or evaluate(net, split))
    measure.do(small("rates", seed=100, lr=0.01), options())
    (row,) = stored(places, measure.RATES)
    assert "test_acc" not in row and float(row["val_acc"]) > 0 and len(seen) == 1
    assert not (places / "predictions").exists()


def test_a_stored_run_is_not_trained_again(places, monkeypatch):
    trained = []

    def train(job, *arguments):
        trained.append(job)
        return {**job.run, "test_acc": f"0.{len(trained)}", "device": "CPU", "train_seconds": ""}

    monkeypatch.setattr(training, "train", train)
    measure.do(small(), options())
    measure.do(small(), options())
    measure.do(small(seed=1), options())
    assert [job.seed for job in trained] == [0, 1]
    measure.do(small(), options(again=True))
    assert [(row["seed"], row["test_acc"]) for row in stored(places)] == [("1", "0.2"), ("0", "0.3")]


def test_a_row_with_a_better_rate_takes_the_place_of_the_old_one(places, monkeypatch):
    monkeypatch.setattr(training, "train", lambda job, *arguments: {**job.run, "device": "CPU"})
    for rate in (0.001, 0.01):
        measure.do(small(lr=rate), options())
        measure.do(small("ladder", kind="modern", lr=rate), options())
    assert [(row["recipe"], row["lr"]) for row in stored(places)] == [
        ("modern", "0.001"), ("mainline", "0.01"), ("modern", "0.01"),
    ]  # fmt: skip


def test_a_run_ends_after_the_epoch_in_which_its_time_is_up_and_goes_on_there(places, capsys):
    measure.do(small(), options(deadline=time.time() + 0.01))
    assert stored(places) == [] and "stopped, and kept" in capsys.readouterr().out
    assert list(frozen.folder().glob("*.pt"))
    measure.do(small(), options())
    assert "epoch 1 of" not in capsys.readouterr().out, "the first epoch is not trained twice"
    whole = stored(places)[0]
    assert whole["train_seconds"] == "", "part of the time was spent before"
    measure.do(small(), options(again=True))
    names = ("train_acc", "val_acc", "test_acc", "train_loss", "test_loss")
    assert [whole[name] for name in names] == [stored(places)[0][name] for name in names]


def test_nothing_begins_when_the_time_is_over(places, monkeypatch):
    monkeypatch.setattr(training, "train", lambda *arguments: pytest.fail("it began"))
    measure.do(small(), options(deadline=time.time() - 1))


def test_a_run_that_fails_is_named_and_the_others_go_on(places, capsys):
    measure.train_all([small(network="alexnet"), small()], options())
    out = capsys.readouterr().out
    assert "alexnet, mainline, digits at 28 px" in out and "smallest size that works is 67 px" in out
    assert [row["network"] for row in stored(places)] == ["lenet"]


def test_a_busy_machine_gives_no_seconds():
    clock = training.Clock(None, "a run")
    clock.others = 0.0
    assert clock.is_quiet
    clock.others = 0.2
    assert not clock.is_quiet
    clock.others, clock.resumed = 0.0, True
    assert not clock.is_quiet


def a_run(environment: dict[str, str], lines) -> None:
    """One run, in this process; what it prints goes into the pipe ``lines``."""
    os.environ.update(environment)
    torch.set_num_threads(1)
    os.dup2(lines.fileno(), 1)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    process.alone = lambda function, *arguments: function(*arguments)
    measure.do(small(network="lenet_batch_norm", seed=3, epochs=14), options())


@pytest.mark.slow
def test_killed_at_ten_random_moments_it_ends_with_the_same_row(places):
    """Each run is a process that was loaded before and then copied, since it is the loading that takes time."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "sklearn.datasets", "torch._dynamo"])
    environment = {name: os.environ[name] for name in (frozen.INTO, "D2LITE_CACHE", "D2LITE_PROFILE")}

    def start():
        reader, writer = context.Pipe(duplex=False)
        process = context.Process(target=a_run, args=(environment, writer))
        process.start()
        writer.close()
        return process, os.fdopen(os.dup(reader.fileno()), encoding="utf-8")

    def to_the_end():
        process, lines = start()
        lines.read()
        process.join()
        return stored(places)

    moments = random.Random(0)
    kills = 0
    while kills < 10:
        process, lines = start()
        for line in lines:
            if ": epoch" in line and moments.random() < 0.8:
                time.sleep(moments.uniform(0, 0.15))
                break
        process.kill()
        process.join()
        kills += 1
        assert stored(places) == [] or kills == 10, "the run was over before it was killed often enough"
    (row,) = to_the_end()
    path = places / measure.MEASURED
    path.write_text(path.read_text("utf-8").splitlines()[0] + "\n", "utf-8")
    (whole,) = to_the_end()
    names = set(row) - {"date", "train_seconds"}
    assert {name: row[name] for name in names} == {name: whole[name] for name in names}


PARENT = """
import os, time
from tools.measure import process

def run(path):
    open(path, "w").write(str(os.getpid()))
    time.sleep(60)

if __name__ == "__main__":
    process.alone(run, {path!r})
"""


def test_a_run_ends_with_the_process_that_started_it(tmp_path):
    path = tmp_path / "child"
    (tmp_path / "parent.py").write_text(PARENT.format(path=str(path)))
    environment = {**os.environ, "PYTHONPATH": str(project.ROOT)}
    with subprocess.Popen([sys.executable, str(tmp_path / "parent.py")], env=environment) as parent:
        while not path.exists() or not path.read_text():
            assert parent.poll() is None
            time.sleep(0.1)
        child = psutil.Process(int(path.read_text()))
        parent.kill()
    assert psutil.wait_procs([child], timeout=10)[1] == [], "it would train what another process has begun anew"


@pytest.mark.slow
def test_the_command_itself_starts_a_run_and_tells_what_it_said(places, tmp_path):
    """In a process that ``python -m`` began, where a fresh one knows nothing of what stands in ``__main__``."""
    nowhere = {"D2LITE_DATA": str(tmp_path / "no-data"), "https_proxy": "http://127.0.0.1:9"}
    command = [sys.executable, "-m", "tools.measure", "lenet", "--here", "--only", "mainline", "--seeds", "0"]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | nowhere, capture_output=True, text=True, timeout=120, check=False
    )
    assert not done.returncode, done.stderr
    assert "lenet, mainline, cifar10 at 72 px, lr 0.003, seed 0: left out." in done.stdout


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A small repository in place of this one."""
    root = tmp_path / "repository"
    (root / "tools").mkdir(parents=True)
    (root / "tools" / "some.py").write_text("one = 1\n", "utf-8")
    git = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@b"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "one"]):
        subprocess.run([*git, *arguments], check=True)
    monkeypatch.setattr(frozen.project, "ROOT", root)
    monkeypatch.setenv("D2LITE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(frozen.INTO, raising=False)
    monkeypatch.setattr(frozen.os, "chdir", lambda path: None)
    return root, git


def test_long_runs_have_a_worktree_of_their_own(repository, monkeypatch, capsys):
    root, git = repository
    begun = []
    monkeypatch.setattr(frozen.os, "execv", lambda *arguments: begun.append(os.environ[frozen.INTO]))
    monkeypatch.setattr(frozen.os, "environ", {**os.environ})
    frozen.enter()
    (tree,) = frozen.folder().glob("tree-*/")
    assert begun == [str(root)] and (tree / "tools" / "some.py").read_text("utf-8") == "one = 1\n"
    monkeypatch.setattr(frozen.project, "ROOT", tree)
    using = frozen.in_use()
    using.__enter__()
    frozen.enter()
    assert len(begun) == 1, "in the worktree the command goes on"
    monkeypatch.setattr(frozen.project, "ROOT", root)
    (root / "tools" / "some.py").write_text("one = 2\n", "utf-8")
    del frozen.os.environ[frozen.INTO]
    frozen.enter()
    assert "uncommitted changes are left out" in capsys.readouterr().out
    assert (tree / "tools" / "some.py").read_text("utf-8") == "one = 1\n"
    subprocess.run([*git, "commit", "-q", "-a", "-m", "two"], check=True)
    del frozen.os.environ[frozen.INTO]
    frozen.enter()
    assert len(list(frozen.folder().glob("tree-*/"))) == 2, "a worktree in use stays"
    using.__exit__(None, None, None)
    del frozen.os.environ[frozen.INTO]
    frozen.enter()
    (left,) = frozen.folder().glob("tree-*/")
    assert (left / "tools" / "some.py").read_text("utf-8") == "one = 2\n"


def test_a_cost_is_measured(monkeypatch):
    monkeypatch.setattr(costs, "ROUNDS", 2)
    row = costs.measure(d2l.recipe("lenet"))
    header = (ROOT / "d2lite" / "nets" / measure.COSTS).read_text("utf-8").splitlines()[0]
    assert row.keys() == set(header.split(",")) and row["channels"] == 3 and row["parameters"] == 62_006
    assert int(row["images_per_second"]) > 0
    recipe = d2l.recipe("lenet")
    few = torch.randn(costs.FEW, 3, recipe.size, recipe.size)
    held = costs.held(d2l.build(recipe, 3, 10, recipe.size), few, recipe.batch_size, recipe)
    assert int(row["memory_mb"]) == pytest.approx(held / 1e6, abs=1), "counted with the whole batch behind the few"


@pytest.mark.parametrize(("optimizer", "momentum", "numbers"), [("adamw", 0, 4), ("sgd", 0.9, 3), ("sgd", 0, 2)])
def test_what_a_step_holds_is_counted(optimizer, momentum, numbers):
    """Of two linear layers: the input and what the ReLU gives, which the second layer needs too, once."""
    recipe = dataclasses.replace(d2l.recipe("nin"), optimizer=optimizer, momentum=momentum)
    net = torch.nn.Sequential(torch.nn.Linear(100, 20), torch.nn.ReLU(), torch.nn.Linear(20, 10))
    held = costs.held(net, torch.randn(4, 100), 128, recipe)
    assert held == costs.held(net, torch.randn(128, 100)[:4], 128, recipe), "a few of a batch count as a few"
    assert held == 4 * (numbers * (100 * 20 + 20 + 20 * 10 + 10) + 128 * (100 + 20))


def test_the_command_line_says_what_is_there_and_what_is_missing(places, capsys, monkeypatch):
    monkeypatch.setitem(plan.GROUPS, "mainline", lambda: [small(), small(seed=1)])
    measure.do(small(), options())
    capsys.readouterr()
    assert measure.main(["--status", "--only", "mainline"]) == 0
    out = capsys.readouterr().out
    assert "mainline     1 of 2 runs" in out and "seed 1" in out and "seed 0" not in out
    with pytest.raises(SystemExit, match="2"):
        measure.main(["lenett"])
    assert "unknown network lenett. Known: linear, " in capsys.readouterr().err


def test_the_stored_predictions_are_those_of_the_stored_rows():
    folder = ROOT / "d2lite" / "nets" / "predictions"
    labels = np.load(folder / "labels.npz")["labels"]
    first = {}
    for row in d2l.measured(recipe="mainline"):
        first.setdefault(f"{row['network']}-{row['seed']}", row)
    kept = {path.stem: path for path in folder.glob("*.npz") if path.stem != "labels"}
    assert kept.keys() == first.keys(), "a main-line row and its predictions are stored together"
    for name, path in kept.items():
        predicted = np.load(path)["predicted"]
        assert path.stat().st_size <= 20_000 and predicted.shape == labels.shape == (10_000,)
        assert (predicted == labels).mean() == pytest.approx(first[name]["test_acc"], abs=6e-5)
