"""The chapter on scaling out: its functions, its launcher, and its exercises."""

import linecache
import random
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
import torch.distributed as dist

import d2lite as d2l
from tools import pairs

CELLS = [cell for cell in pairs.read_source("scaling_out").cells if cell.cell_type == "code"]


def execute(names, *texts):
    """Run, in ``names``, the one cell of the chapter that holds each text; their sources can be inspected."""
    for text in texts:
        (source,) = [cell.source for cell in CELLS if text in cell.source]
        file = f"<scaling_out: {text}>"
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        exec(compile(source, file, "exec"), names)  # the book's own text
    return names


@pytest.fixture
def page(tmp_path):
    """Names of the chapter, with random images in its folder in place of real ones."""
    names = execute({}, "import subprocess", "def start(")
    d2l.seed_everything(0)
    torch.save((torch.randn(960, 1, 28, 28), torch.randint(10, (960,))), tmp_path / "data.pt")
    return {**names, "here": tmp_path}


@pytest.fixture
def in_folder(page, tmp_path_factory, monkeypatch):
    """The launcher of the chapter, working in our folder; nothing may be left elsewhere."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.setenv("TMPDIR", str(elsewhere))
    execute(page, "def launch(")
    yield page
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize(("n", "length"), [(1, 5), (2, 8), (3, 7), (4, 3), (5, 20), (8, 64)])
def test_a_ring_sums_and_sends_what_the_formula_says(n, length):
    ring = execute({"np": np, "pd": __import__("pandas")}, "def ring_all_reduce")["ring_all_reduce"]
    vectors = np.random.default_rng(n).normal(size=(n, length))
    before = vectors.copy()
    history, sent = ring(vectors)
    for own in history[-1]:
        np.testing.assert_allclose(np.concatenate(own), vectors.sum(axis=0))
    assert len(history) == 2 * (n - 1) + 1 and (vectors == before).all()
    assert sum(sent) == 2 * (n - 1) * length
    assert max(sent) <= 2 * (n - 1) * -(-length // n)
    for own in history[n - 1]:  # half-way each process owns one finished piece
        finished = [np.allclose(piece, part) for piece, part in zip(own, np.array_split(vectors.sum(axis=0), n))]
        assert sum(finished) >= 1


def test_one_process_of_one_is_the_plain_loop(page, monkeypatch):
    monkeypatch.chdir(page["here"])
    execute(page, "def data_parallel(", "whole = torch.tensor(whole")
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        used, losses, _ = page["data_parallel"]()
    finally:
        dist.destroy_process_group()
    assert torch.equal(losses, page["whole"]) and torch.equal(used.flatten(), torch.arange(960))


def test_shards_divide_each_batch(page, monkeypatch):
    """Three processes, played one after the other: all-reduce does nothing, which the shares do not notice."""
    monkeypatch.chdir(page["here"])
    execute(page, "def data_parallel(")
    monkeypatch.setattr(dist, "get_world_size", lambda: 3)
    monkeypatch.setattr(dist, "all_reduce", lambda tensor: None)
    used = []
    for rank in range(3):
        monkeypatch.setattr(dist, "get_rank", lambda rank=rank: rank)
        used.append(page["data_parallel"]()[0])
    together = torch.stack(used, dim=2).flatten(1)  # (20 batches, 48)
    assert torch.equal(together, torch.arange(960).reshape(20, 48))


@pytest.mark.slow
def test_two_processes_return_what_they_found(in_folder, tmp_path):
    source = (
        "def who():\n    return dist.get_rank(), dist.get_world_size(), twice(3)\n\n\ndef twice(x):\n    return 2 * x\n"
    )
    linecache.cache["<who>"] = (len(source), None, source.splitlines(keepends=True), "<who>")
    exec(compile(source, "<who>", "exec"), in_folder)
    assert in_folder["launch"](in_folder["who"], in_folder["twice"]) == [(0, 2, 6), (1, 2, 6)]


def test_what_fails_in_a_process_is_told(in_folder):
    with pytest.raises(RuntimeError, match="no such wheel"):
        in_folder["run"](sys.executable, "-c", "raise SystemExit('no such wheel')")
    assert in_folder["run"](sys.executable, "-c", "import os; print(os.getcwd())").strip() == str(in_folder["here"])


def test_the_plug_is_pulled_once_the_checkpoint_is_there(tmp_path):
    """The chapter's script, with a command line in the place of d2lite's: it writes, and would go on for long."""
    script = execute({}, "PULL_THE_PLUG = ")["PULL_THE_PLUG"]
    stub = "import sys, time\ndef main():\n    open(sys.argv[-1], 'w').close()\n    time.sleep(60)\n    print('late')"
    (tmp_path / "stopped.py").write_text(script.replace("from d2lite.__main__ import main", stub))
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "stopped.py", "file"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "") and time.perf_counter() - began < 50


def test_uneven_shares_on_other_images(page, capsys):
    execute(page, "of_means = sum", "an image of process 0 counts", "by_share = [", "variances.mean(0) + means")
    assert "0.083 and any other 0.125, instead of 0.111" in capsys.readouterr().out


def test_the_step_time_is_the_formula(page):
    execute(page, "def step_time(", "def costs(")
    step_time, nets = page["step_time"], page["NETS"]
    assert step_time(1, 0.5, 1e8, 1e9, 1e-3) == 0.5, "alone, nothing is sent"
    assert step_time(2, 0.5, 1e8, 1e9, 1e-3) == pytest.approx(0.25 + 0.1 + 0.002)
    assert step_time(4, 0.5, 1e8, 1e9, 1e-3) == pytest.approx(0.125 + 0.15 + 0.006)
    assert nets["ResNet-18"][1] == 4 * 11_689_512 and nets["VGG-11"][1] == 4 * 132_863_336, "torchvision's, in float32"
    assert nets["ResNet-18"][0] == pytest.approx(6 * 1.814e9 / 50e12, rel=1e-3)


def test_a_larger_rate_is_the_better_substitute_on_other_images(page):
    images, labels, *_ = page["start"](page["here"] / "data.pt")
    execute(page | {"images": images, "labels": labels}, "def walk(")


# The exercises: what is right, and what each likely mistake is told.


def shards(order, batch_size, rank, world):
    return [order[first : first + batch_size][rank::world] for first in range(0, len(order), batch_size)]


def contiguous(order, batch_size, rank, world):
    """Fair, too: each process takes a run of neighbors."""
    return [np.array_split(order[i : i + batch_size], world)[rank] for i in range(0, len(order), batch_size)]


def combine(counts, means, variances, weights=None):
    weights = counts if weights is None else weights
    total = sum(weights)
    mean = sum(n * m for n, m in zip(weights, means)) / total
    return mean, sum(n * (v + (m - mean) ** 2) for n, m, v in zip(weights, means, variances)) / total


def within_only(n, m, v):
    return combine(n, m, v)[0], sum(a * b for a, b in zip(n, v)) / sum(n)


def by_squares(n, m, v):
    mean, squares = combine(n, m, v)[0], [b + a * a for a, b in zip(m, v)]
    return mean, sum(a * b for a, b in zip(n, squares)) / sum(n) - mean**2


BYTES = 901_643_078
RIGHT = {1: BYTES, 2: shards, 3: combine, 4: 69}


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        *RIGHT.items(),
        (1, 901.643078e6),
        (2, contiguous),
        (2, lambda *arguments: map(torch.tensor, shards(*arguments))),
        (3, lambda *arguments: np.array(combine(*map(np.array, arguments)))),
        (3, lambda *arguments: torch.tensor(combine(*arguments), dtype=torch.float64)),
    ],
)
def test_right_answers(number, answer):
    result = d2l.check(f"scaling_out-{number}", answer)
    assert result, result


@pytest.mark.parametrize(
    ("number", "answer", "hint"),
    [
        (1, BYTES / 4, "four bytes"),
        (1, BYTES * 2, "not eight"),
        (1, BYTES / 2, "a second follows"),
        (1, 8 * 128_806_154, "N - 1 rounds, not N"),
        (1, 8 * BYTES, "asked is one"),
        (1, 4 * 128_806_154, "size of the gradient"),
        (1, 1, "an N-th"),
        (2, [[1]], "function itself"),
        (2, lambda *arguments: None, "returns nothing"),
        (2, lambda order, *others: order, "list of lists"),
        (2, lambda order, batch_size, rank, world: shards(order, batch_size, 0, world), "taken twice"),
        (2, lambda *arguments: [share[:2] for share in shards(*arguments)], "nobody's share"),
        (2, lambda *arguments: [[i + 200 for i in share] for share in shards(*arguments)], "nobody's share"),
        (2, lambda order, size, rank, world: shards(order[rank::world], size, 0, 1), "though it be empty"),
        (2, lambda order, size, rank, world: shards(order[len(order) // world * rank :][: len(order) // world],
                                                    -(-size // world), 0, 1), "divide each batch"),
        (2, lambda *arguments: [share for share in shards(*arguments) if share], "though it be empty"),
        (2, lambda order, size, rank, world: [
            order[i : i + size][rank:: world] if rank < world - 1 else order[i : i + size][rank:]
            for i in range(0, len(order), size)], "taken twice"),
        (2, lambda order, size, rank, world: [
            (b := order[i : i + size])[rank * (len(b) // world) : None if rank == world - 1
                                       else (rank + 1) * (len(b) // world)]
            for i in range(0, len(order), size)], "differ by one at most"),
        (2, lambda *arguments: [order[99] for order in arguments], "raised IndexError"),
        (3, (1, 2), "function itself"),
        (3, lambda *arguments: None, "returns nothing"),
        (3, lambda *arguments: 3.0, "two numbers"),
        (3, within_only, "spread belongs to it"),
        (3, lambda n, m, v: combine(n, m, v, [1] * len(n)), "weigh means"),
        (3, lambda n, m, v: (combine(n, m, v)[0], combine(n, m, v)[1] ** 0.5), "standard deviation"),
        (3, lambda n, m, v: (combine(n, m, v)[0], combine(n, m, v)[1] * sum(n) / (sum(n) - 1)), "biased variance"),
        (3, lambda *arguments: combine(*arguments)[::-1], "Return mean, variance"),
        (3, by_squares, "cancel in floating point"),
        (3, lambda n, m, v: (m[0], v[0]), "should give"),
        (4, 70, "neighbors"),
        (4, 71, "leaves out"),
        (4, 98, "2 (N - 1) times"),
        (4, 100, "bandwidth term"),
        (4, 2, "units"),
        (4, 69.28, "whole number"),
        (4, 5, "smallest"),
    ],
)  # fmt: skip
def test_wrong_answers_get_a_hint_of_their_own(number, answer, hint):
    result = d2l.check(f"scaling_out-{number}", answer)
    assert result.status == "wrong" and hint in result.message, result


def test_any_fair_division_is_right():
    """A process may take other images in every batch, as long as all of them agree."""

    def drawn(order, batch_size, rank, world):
        draw, found = random.Random(7), []
        for first in range(0, len(order), batch_size):
            batch = order[first : first + batch_size]
            draw.shuffle(batch)
            found.append(batch[rank::world])
        return found

    assert d2l.check("scaling_out-2", drawn)


@pytest.mark.parametrize("number", RIGHT)
def test_no_answer_yet(number):
    assert d2l.check(f"scaling_out-{number}", None).status == "unanswered"
