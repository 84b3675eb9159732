"""Several processes, one run: shares, sums, the same curve as one process, checkpoints, and a process that dies."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch

import d2lite as d2l
from d2lite.data.splits import Split
from d2lite.machine import distributed
from d2lite.train import checkpoint
from d2lite.train.metrics import Tally

pytestmark = pytest.mark.slow

TOGETHER = Path(__file__).with_name("together.py")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "D2LITE_PROFILE": "quick"}
ENVIRONMENT["PYTHONPATH"] = os.pathsep.join([str(TOGETHER.parents[1]), os.environ.get("PYTHONPATH", "")])
TRAIN = ["-m", "d2lite", "train", "lenet", "--data", "digits", "--size", "16", "--batch-size", "64"]


def launcher(number: int) -> list[str]:
    """The command that starts ``number`` processes; plain Python for one."""
    if number == 1:
        return [sys.executable]
    return [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={number}"]


def run(number: int, *arguments) -> subprocess.CompletedProcess:
    """Run a command with ``number`` processes; fail where it fails.

    Threads of gloo outlive their group once a ``DistributedDataParallel`` used it, and very rarely (seen once, then
    not in 40 runs) one of them aborts the process at its end: then it is run again.
    """
    for _ in range(2):
        done = subprocess.run(
            [*launcher(number), *map(str, arguments)], env=ENVIRONMENT, capture_output=True, text=True, timeout=240,
            check=False,
        )  # fmt: skip
        if "terminate called without an active exception" not in done.stderr:
            break
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """What each process of a run of ``number`` saw; made once."""
    made = {}

    def get(number: int) -> list[dict]:
        if number not in made:
            folder = tmp_path_factory.mktemp(f"processes-{number}")
            run(number, TOGETHER, folder, IMAGES, 4)
            made[number] = [json.loads((folder / f"{rank}.json").read_text("utf-8")) for rank in range(number)]
        return made[number]

    return get


# 4 epochs of 6 steps; the last batch of each has 3 images, 2 + 1 or 1 + 1 + 1
IMAGES = 83


@pytest.mark.parametrize("number", [2, 3])
def test_several_processes_give_the_loss_curve_of_one(trained, number):
    alone, together = trained(1)[0], trained(number)
    for process in together:
        for one, many in zip(alone["records"], process["records"], strict=True):
            for key in ("train_loss", "train_accuracy", "val_loss", "val_accuracy"):
                assert many[key] == pytest.approx(one[key], abs=1e-9), key
        for one, many in zip(alone["weights"], process["weights"], strict=True):
            assert many == pytest.approx(one, abs=1e-9)
    losses = [record["train_loss"] for record in alone["records"]]
    assert max(losses) - min(losses) > 0.01, "nothing was learned: equality would say nothing"


@pytest.mark.parametrize("number", [2, 3])
def test_shares_are_disjoint_and_complete(trained, number):
    alone, together = trained(1)[0], trained(number)
    for part in ("train", "val"):
        for epoch, batches in enumerate(alone[part]):
            for step, batch in enumerate(batches):
                shares = [process[part][epoch][step] for process in together]
                assert [batch[rank::number] for rank in range(number)] == shares


def test_other_processes_draw_numbers_of_their_own(trained):
    drawn = [process["drawn"] for process in trained(3)]
    assert drawn[0] == trained(1)[0]["drawn"], "process 0 must draw as if it were alone"
    assert len(set(drawn)) == 3


def test_buffers_are_those_of_process_0_after_an_epoch(trained):
    assert [process["mean"] for process in trained(3)] == [[0.0, 0.0]] * 3


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("n", [7, 16, 33])
def test_every_image_goes_to_one_process(monkeypatch, size, n):
    images = torch.arange(n, dtype=torch.uint8).view(n, 1, 1, 1)
    split = Split(images, torch.arange(n), mean=[0.0], std=[1.0], size=1, batch_size=8)
    monkeypatch.setattr(distributed, "size", lambda: size)
    labels, weights = [], [0.0] * len(split)
    for rank in range(size):
        monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
        labels += [label for _, y in split for label in y.tolist()]
        for step in range(1, len(split) + 1):
            weights[step - 1] += split.weight(step)
            assert split.weight(step) == pytest.approx(
                size * distributed.share(min(8, n - 8 * (step - 1))) / min(8, n - 8 * (step - 1))
            )
    assert sorted(labels) == list(range(n))
    assert weights == pytest.approx([size] * len(split)), "the mean over processes must weigh every image alike"


def test_one_process_communicates_with_nobody():
    with distributed.processes(), distributed.same_random_numbers(), distributed.one_at_first():
        assert not torch.distributed.is_initialized()
    net = torch.nn.Linear(2, 2)
    assert (distributed.rank(), distributed.size(), distributed.share(7)) == (0, 1, 7)
    assert distributed.copies(net) is net
    assert distributed.from_first(lambda: 5) == 5


def test_a_share_without_images_adds_nothing():
    assert Tally().sums().tolist() == [0, 0, 0]


def test_a_batch_too_small_for_all_processes_is_told_before_the_first_step(monkeypatch):
    data = d2l.load("digits", batch_size=4, quick_images=1257, device="cpu")  # the last batch: one image
    monkeypatch.setattr(distributed, "size", lambda: 3)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
    with pytest.raises(ValueError, match=r"1,257 images in batches of 4 .* too few for 3 processes.*_size=") as told:
        d2l.fit(net, data, 1, 0.1, listener=None)
    works = int(str(told.value).rpartition("batch_size=")[2].rstrip("."))
    assert (1257 % works or works) >= 6


def test_more_processes_than_any_batch_can_serve(monkeypatch):
    monkeypatch.setattr(distributed, "size", lambda: 30)
    split = Split(torch.zeros(20, 8, 8, 1, dtype=torch.uint8), torch.zeros(20, dtype=torch.long), mean=[0.0], std=[1.0],
                  size=8, batch_size=5)  # fmt: skip
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
    with pytest.raises(ValueError, match="too few for 30 processes: use fewer processes, or more images"):
        d2l.fit(net, SimpleNamespace(train=split, val=None), 1, 0.1, listener=None)


def test_half_of_what_torchrun_sets_is_an_error(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(ValueError, match="RANK is not: start with"), distributed.processes():
        pass


def test_a_process_that_python_cannot_interrupt_ends_all_the_same():
    """While it waits for a GPU, as here for a long computation in C, no handler of Python's runs."""
    program = (
        "import hashlib; from d2lite.machine import distributed as d; d.GRACE = 0.2; d._end_when_told(); "
        "print('ready', flush=True); hashlib.pbkdf2_hmac('sha256', b'', b'', 10**9)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        try:
            assert running.stdout.readline() == "ready\n"
            running.terminate()
            assert "cannot go on" in running.communicate(timeout=20)[1]
            assert running.returncode == 1
        finally:
            running.kill()


def test_more_processes_than_gpus(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("RANK", "2")
    monkeypatch.setenv("LOCAL_RANK", "2")
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", "29500")
    monkeypatch.setattr(distributed, "device", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ValueError, match="finds 2 GPUs: start with --nproc-per-node=2"), distributed.processes():
        pass


def losses(path: Path) -> list[float]:
    return [record["val_loss"] for record in json.loads(path.read_text("utf-8"))["records"]]


def test_a_checkpoint_resumes_with_another_number_of_processes_and_one_reports(tmp_path):
    """LeNet has neither dropout nor batch normalization: whoever trains it, the curve is that of one process."""
    whole, parts, checkpoint = tmp_path / "whole.json", tmp_path / "parts.json", tmp_path / "run.pt"
    run(1, *TRAIN, "--epochs", 3, "--history", whole)
    stopped = [*launcher(1), str(TOGETHER.with_name("stopping.py")), *TRAIN[2:], "--epochs", "3", "--checkpoint"]
    subprocess.run([*stopped, str(checkpoint)], env=ENVIRONMENT, capture_output=True, timeout=240, check=False)
    saved = ["--checkpoint", checkpoint, "--history", parts, "--save", tmp_path / "weights.pt"]
    done = run(2, *TRAIN, "--epochs", 3, *saved)
    assert f"resumed from {checkpoint} after epoch 1 of 3" in done.stdout
    assert losses(parts) == pytest.approx(losses(whole), abs=0.02)  # bfloat16, where the processor has it
    assert len(losses(parts)) == 3
    for line in ("digits: ", "epoch 3/3", "test accuracy", "weights:", "history:"):
        assert done.stdout.count(line) == 1, line


def test_only_the_first_process_writes_checkpoints(monkeypatch, tmp_path):
    net = torch.nn.Linear(2, 2)
    stepper = torch.optim.SGD(net.parameters(), lr=0.1)
    for rank, expected in ((1, []), (0, ["run.pt"])):
        monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
        checkpoint.save_run(tmp_path / "run.pt", {}, {"net": net, "optimizer": stepper, "history": d2l.History()})
        assert [path.name for path in tmp_path.iterdir()] == expected


def test_being_told_to_stop_is_a_lost_run():
    with pytest.raises(distributed.ProcessLostError, match="process 0 of 1 cannot go on: .* then ended this one"):
        distributed._told_to_stop(signal.SIGTERM, None)


def test_a_process_that_dies_ends_the_run_with_a_clear_error(tmp_path):
    checkpoint = tmp_path / "run.pt"
    with (tmp_path / "log").open("w+", encoding="utf-8") as log:
        running = subprocess.Popen(
            [*launcher(2), *TRAIN, "--epochs", "10000", "--checkpoint", str(checkpoint)], env=ENVIRONMENT, stdout=log,
            stderr=log,
        )  # fmt: skip
        try:
            until = time.monotonic() + 120
            while not checkpoint.exists() and time.monotonic() < until and running.poll() is None:
                time.sleep(0.1)
            workers = [p for p in psutil.Process(running.pid).children() if "train" in p.cmdline()]
            assert len(workers) == 2
            began = time.monotonic()
            workers[1].kill()
            assert running.wait(timeout=60) != 0
            assert time.monotonic() - began < 40
        finally:
            running.kill()
        log.seek(0)
        text = log.read()
    assert "process 0 of 2 cannot go on: another process of this run failed or was ended" in text
    assert f"{checkpoint} holds the finished epochs: the same command, with any number of processes" in text
    assert not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in workers)
    saved = torch.load(checkpoint, weights_only=True)
    assert saved["history"]["records"], "the checkpoint must hold whole epochs"
    # The same command with one process goes on there; ``stopping`` ends it after an epoch.
    done = subprocess.run(
        [*launcher(1), str(TOGETHER.with_name("stopping.py")), *TRAIN[2:], "--epochs", "10000", "--checkpoint",
         str(checkpoint)], env=ENVIRONMENT, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert f"resumed from {checkpoint} after epoch {len(saved['history']['records'])} of 10000" in done.stdout
