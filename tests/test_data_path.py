"""Where images are while a network trains on them: resized once and kept, or streamed from the host to the device."""

import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest
import torch
from torch import nn

import d2lite as d2l
from d2lite.data import loading, splits
from d2lite.data.splits import Split
from d2lite.data.streaming import AHEAD, streamed

CPU = torch.device("cpu")


def make(size=12, device=None, n=30, channels=3, **options) -> Split:
    """A split of random images of 8 × 8 pixels."""
    draw = torch.Generator().manual_seed(0)
    images = torch.randint(256, (n, 8, 8, channels), dtype=torch.uint8, generator=draw)
    settings = {"mean": [0.5] * channels, "std": [0.25] * channels, "size": size, "batch_size": 8, **options}
    return Split(images, torch.arange(n), device=device, **settings)


def passed(split: Split) -> tuple[torch.Tensor, torch.Tensor]:
    """All of one pass."""
    parts = list(split)
    return torch.cat([X for X, _ in parts]), torch.cat([y for _, y in parts])


@pytest.fixture
def no_memory(monkeypatch):
    """A machine on which nothing more can be kept."""
    monkeypatch.setattr(splits, "free_memory", lambda on: 0)


@pytest.mark.parametrize("size", [5, 12])
@pytest.mark.parametrize("channels", [1, 3])
def test_kept_images_are_those_that_each_pass_would_resize(monkeypatch, size, channels):
    kept = make(size, channels=channels, shuffle=True)
    d2l.seed_everything(1)
    twice = [passed(kept), passed(kept)]
    assert kept._resized is not None
    monkeypatch.setattr(splits, "free_memory", lambda on: 0)
    fresh = make(size, channels=channels, shuffle=True)
    d2l.seed_everything(1)
    for X, y in twice:
        again, labels = passed(fresh)
        assert torch.equal(y, labels)
        assert torch.equal(X, again)
    assert fresh._resized is None
    X, _ = next(iter(kept))
    assert X.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(kept.batch([3, 1])[0], fresh.batch([3, 1])[0])


def test_changing_a_batch_in_place_changes_no_kept_image():
    split = make()
    before = passed(split)[0]
    for X, y in split:
        X.zero_()
        y.zero_()
    assert torch.equal(passed(split)[0], before)
    assert split.labels.max() > 0


def test_images_are_resized_once(monkeypatch):
    calls = []
    resize = splits.F.interpolate
    monkeypatch.setattr(splits.F, "interpolate", lambda *args, **kwargs: calls.append(1) or resize(*args, **kwargs))
    split = make()
    for _ in range(3):
        passed(split)
    assert len(calls) == len(split)


@pytest.mark.parametrize("options", [{"size": 8}, {"augment": True}])
def test_what_needs_no_resizing_or_changes_in_each_pass_is_not_kept(options):
    split = make(**options)
    passed(split)
    assert split._resized is None


def test_nothing_is_kept_where_memory_is_short(no_memory):
    split = make()
    passed(split)
    assert split._resized is None


def test_an_interrupted_first_pass_keeps_nothing_half_done(monkeypatch):
    split, prepare = make(), Split._prepare
    calls = []

    def interrupted(self, rows):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return prepare(self, rows)

    monkeypatch.setattr(Split, "_prepare", interrupted)
    with pytest.raises(KeyboardInterrupt):
        next(iter(split))
    assert split._resized is None
    assert torch.equal(passed(split)[0], passed(make())[0])


def test_streamed_batches_come_in_order_and_whole():
    rows, places = torch.arange(50), list(torch.arange(50).split(7))
    threads = set()

    def fetch(index):
        threads.add(threading.current_thread())
        return rows[index] * 2, rows[index]

    found = list(streamed(fetch, iter(places), CPU))
    assert torch.equal(torch.cat([double for double, _ in found]), rows * 2)
    assert [len(y) for _, y in found] == [len(place) for place in places]
    assert threading.current_thread() not in threads, "gathering must not keep the thread that trains"


def test_streaming_stays_a_few_batches_ahead():
    """Memory is for the batches under way only; the rest has not been gathered when the first is used."""
    fetched = []
    flow = streamed(lambda index: fetched.append(index) or (index,), iter(torch.arange(20).split(1)), CPU)
    next(flow)
    assert len(fetched) <= AHEAD + 1
    flow.close()


def test_an_error_in_gathering_reaches_the_loop():
    def broken(index):
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(streamed(broken, [torch.arange(3)], CPU))


def test_a_set_on_the_host_is_brought_to_the_device():
    """`meta` is a device that every machine has: shapes without numbers."""
    split = make(device=torch.device("meta"), shuffle=True)
    assert split.images.device == CPU
    for X, y in split:
        assert (X.device.type, y.device.type) == ("meta", "meta")
        assert X.shape[1:] == (3, 12, 12)
    assert split._resized is None


def test_what_would_fill_the_device_stays_on_the_host(monkeypatch):
    # Nobody may ask for meta; here it stands for a device that holds little.
    monkeypatch.setattr(loading.devices, "chosen", torch.device)
    monkeypatch.setattr(loading.devices, "free_memory", lambda on: 100_000)  # digits: 115,008 bytes
    loaded = d2l.load("digits", size=8, device="meta")
    assert loaded.train.images.device == CPU
    assert loaded.train.device.type == "meta"
    monkeypatch.setattr(loading.devices, "free_memory", lambda on: 10_000_000)
    assert d2l.load("digits", size=8, device="meta").train.images.device.type == "meta"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_images_on_the_gpu_are_not_streamed():
    data = d2l.load("digits", size=12, device="cuda")  # not "cuda:0", which it becomes
    assert data.train.device == data.train.images.device
    passed(data.train)
    assert data.train._resized is not None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_streaming_to_a_gpu_gives_the_same_batches():
    on = torch.device("cuda")
    d2l.seed_everything(2)
    X, y = passed(make(device=on, shuffle=True, n=500))
    d2l.seed_everything(2)
    again, labels = passed(make(shuffle=True, n=500))
    assert X.device.type == "cuda"
    assert torch.equal(y.cpu(), labels)
    assert torch.allclose(X.cpu(), again, atol=1e-5)


@pytest.mark.slow
def test_fit_compiles_the_network_that_it_trains(monkeypatch, tmp_path):
    compiled = []
    really = torch.compile
    monkeypatch.setattr(torch, "compile", lambda net: compiled.append(net) or really(net, backend="eager"))
    histories, nets = [], []
    for compile in (False, True):
        d2l.seed_everything(0)
        net = nn.Sequential(nn.Flatten(), nn.Linear(192, 10))
        train = make(size=8, n=10)
        file = tmp_path / f"{compile}.pt"
        options = {"listener": None, "precision": "float32", "compile": compile, "checkpoint": file}
        histories.append(d2l.fit(net, SimpleNamespace(train=train, val=train), 2, 0.1, **options))
        nets.append(net)
    assert compiled == nets[1:]
    names = [list(torch.load(tmp_path / f"{compile}.pt", weights_only=True)["net"]) for compile in (False, True)]
    assert names[1] == names[0] == list(nets[1].state_dict()), "a checkpoint must fit the network itself"
    for plain, fast in zip(*histories):
        assert fast.val_loss == pytest.approx(plain.val_loss, abs=1e-6)


@pytest.mark.slow
def test_importing_brings_nothing_that_only_figures_tables_or_widgets_need():
    """They take longer to import than all the rest: in a terminal nobody should wait for them."""
    heavy = {"matplotlib", "pandas", "ipywidgets", "anywidget", "IPython", "sklearn", "pyarrow", "triton"}
    program = (
        "import sys, torch; before = set(sys.modules); import d2lite; "
        "print({name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not heavy & eval(done.stdout)


def test_names_that_are_imported_late_are_there():
    assert {"show_images", "widgets", "fit"} <= set(dir(d2l))
    assert d2l.show_images.__module__ == "d2lite.inspect.figures"
    with pytest.raises(AttributeError, match="module 'd2lite' has no attribute 'show_image'"):
        _ = d2l.show_image
