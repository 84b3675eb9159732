"""Files kept in Google Drive: what `d2l.drive` gives on Colab, where Drive is refused, and anywhere else.

KILLS=10 python -m pytest tests/test_hosted.py        # kills so many kernels; without it, three
"""

import os
import random
import signal
import sys
import time
import types
from pathlib import Path

import pytest
from jupyter_client.manager import start_new_kernel
from stopping import StopAfter, fit
from torch import nn

import d2lite as d2l
from d2lite.machine import drives


@pytest.fixture
def mounts(monkeypatch, tmp_path):
    """As on Colab, with a folder that stands for its /content/drive; the list of what was mounted."""
    asked = []
    google = types.ModuleType("google.colab")
    google.drive = types.SimpleNamespace(mount=asked.append)
    monkeypatch.setitem(sys.modules, "google.colab", google)
    monkeypatch.setattr(drives, "MOUNTED", tmp_path / "drive")
    return asked


def test_elsewhere_a_path_is_what_it_is():
    assert d2l.drive("run.pt") == Path("run.pt")


@pytest.mark.parametrize("path", [None, "", b"run.pt", 3])
def test_what_is_no_path_is_told(path):
    with pytest.raises(ValueError, match="is no path: give that of a file"):
        d2l.drive(path)


def test_on_colab_it_is_in_google_drive(mounts, tmp_path):
    kept = d2l.drive("week 2/run.pt")
    assert kept == tmp_path / "drive" / "MyDrive" / "d2lite" / "week 2" / "run.pt" and kept.parent.is_dir()
    assert mounts == [str(tmp_path / "drive")]
    assert d2l.drive(tmp_path / "run.pt") == tmp_path / "run.pt", "an absolute path is kept"
    assert len(mounts) == 1, "nobody is asked for Drive without need"


def test_a_run_goes_on_after_a_lost_session(mounts):
    data = d2l.load("digits", batch_size=64)

    def run(**options):
        d2l.seed_everything(0)
        return fit(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), data, 3, **options)

    whole = run()
    run(checkpoint=d2l.drive("run.pt"), listener=StopAfter(1))
    resumed = run(checkpoint=d2l.drive("run.pt"))
    assert [record.train_loss for record in resumed] == [record.train_loss for record in whole]


def test_a_refused_drive_is_told(mounts, monkeypatch):
    def refuse(path):
        raise ValueError("mount failed")

    monkeypatch.setattr(sys.modules["google.colab"].drive, "mount", refuse)
    with pytest.raises(OSError, match=r"Google Drive is not there \(mount failed\).*allow it, or give 'run.pt'"):
        d2l.drive("run.pt")


KILLS = int(os.environ.get("KILLS", "3"))
EPOCHS = 2 * KILLS + 2  # of 7 steps: no kernel gets through more than two of them

# A notebook's long cell, as on Colab. At step `stop` the kernel says who it is and waits to be killed.
SESSION = """
import os, pathlib, sys, time, types

google = types.ModuleType("google.colab")
google.drive = types.SimpleNamespace(mount=lambda path: None)
sys.modules["google.colab"] = google

import torch
from torch import nn

import d2lite as d2l
from d2lite.machine import drives

here = pathlib.Path({here!r})
drives.MOUNTED = here / "drive"
torch.set_num_threads(1)


def train(checkpoint, stop=None):
    data = d2l.load("digits", size=8, batch_size=200, device="cpu")
    d2l.seed_everything(3)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 10))
    steps = 0

    def count(net, inputs, outputs):
        nonlocal steps
        steps += net.training and not outputs.is_meta
        if net.training and steps == stop:
            (here / "draft").write_text(str(os.getpid()))
            (here / "draft").rename(here / "waits")
            time.sleep(600)

    net.register_forward_hook(count)
    return d2l.fit(net, data, {epochs}, 0.1, momentum=0.9, checkpoint=checkpoint, listener=None, quick_epochs=None)
"""


@pytest.fixture
def session(tmp_path):
    """What starts a kernel and gives it the cell; all of them have ended after the test."""
    managers = []

    def start():
        manager, client = start_new_kernel(kernel_name="python3")
        managers.append(manager)
        client.execute(SESSION.format(here=str(tmp_path), epochs=EPOCHS))
        return manager, client

    yield start
    for manager in managers:
        manager.shutdown_kernel(now=True)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="tests of killed kernels (no SIGKILL): run them on Linux")
def test_a_kernel_killed_at_random_steps_ends_with_the_history_of_one_that_ran_through(session, tmp_path):
    draw, kept = random.Random(KILLS), tmp_path / "drive" / "MyDrive" / "d2lite" / "run.pt"
    for least in [8] + [1] * (KILLS - 1):  # the first ends its first epoch
        manager, client = session()
        client.execute(f"train(d2l.drive('run.pt'), stop={draw.randint(least, 20)})")
        until = time.monotonic() + 240
        while not (tmp_path / "waits").exists():
            assert manager.is_alive() and time.monotonic() < until, "it never came to the step"
            time.sleep(0.05)
        os.kill(int((tmp_path / "waits").read_text()), signal.SIGKILL)
        (tmp_path / "waits").unlink()
        client.stop_channels()
    assert kept.is_file(), "no epoch was kept in Drive"
    _, client = session()
    said = []
    ask = "first = torch.load(d2l.drive('run.pt'), weights_only=True)['history']['records']\n"
    ask += "resumed, whole = train(d2l.drive('run.pt')), train(None)\n"
    ask += "print('equal' if resumed == whole else f'{resumed.records} is not {whole.records}', len(whole), len(first))"
    answer = client.execute_interactive(ask, timeout=240, output_hook=lambda message: said.append(message["content"]))
    client.stop_channels()
    assert answer["content"]["status"] == "ok", said
    verdict, epochs, before = "".join(content.get("text", "") for content in said).rsplit(maxsplit=2)
    assert verdict == "equal" and int(epochs) == EPOCHS and 1 <= int(before) < EPOCHS, said
