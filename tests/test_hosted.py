"""Files kept in Google Drive: what `d2l.drive` gives on Colab, where Drive is refused, and anywhere else."""

import sys
import types
from pathlib import Path

import pytest
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
