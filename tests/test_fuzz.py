"""Files altered at random: each is refused with the one error that was promised, or changes nothing.

FUZZ=2000 python -m pytest tests/test_fuzz.py        # so many altered files; without it, a few hundred
"""

import itertools
import os
import random

import pytest
import torch
from datafiles import small_cifar, small_fashion
from torch import nn

import d2lite as d2l
from d2lite import data

KINDS = 11  # of files, among which the alterations are shared out
ALTERED = -(-int(os.environ.get("FUZZ", "330")) // KINDS)


def flipped(content, draw):
    """One bit."""
    at = draw.randrange(len(content))
    return content[:at] + bytes([content[at] ^ (1 << draw.randrange(8))]) + content[at + 1 :]


def zeros(content, draw):
    """Up to 1 KiB of them, as a disk leaves them."""
    at, length = draw.randrange(len(content)), draw.choice([1, 4, 16, 512, 1024])
    return (content[:at] + bytes(length) + content[at + length :])[: len(content)]


def noise(content, draw):
    """Random bytes in place of others."""
    at, length = draw.randrange(len(content)), draw.choice([1, 2, 4, 8, 64])
    return content[:at] + draw.randbytes(length) + content[at + length :]


def cut(content, draw):
    """The beginning, or the end."""
    at = draw.randrange(len(content))
    return draw.choice([content[:at], content[at:]])


def without(content, draw):
    """Some bytes missing."""
    at = draw.randrange(len(content))
    return content[:at] + content[at + draw.choice([1, 7, 512]) :]


def longer(content, draw):
    """Some bytes too many."""
    at = draw.choice([0, draw.randrange(len(content)), len(content)])
    return content[:at] + draw.randbytes(draw.choice([1, 7, 512])) + content[at:]


def exchanged(content, draw):
    """Two blocks in each other's place."""
    length = draw.choice([1, 4, 64])
    one, other = sorted(draw.randrange(len(content)) for _ in range(2))
    two = content[other : other + length]
    between = content[one + len(two) : other]
    return content[:one] + two + between + content[one : one + len(two)] + content[other + len(two) :]


def at_the_edges(content, draw):
    """One byte of the first or last kilobyte, where archives, images and pickles say what they hold."""
    at = draw.randrange(min(1024, len(content)))
    at = at if draw.random() < 0.5 else len(content) - 1 - at
    return content[:at] + draw.randbytes(1) + content[at + 1 :]


def of_something_else(content, draw):
    """Another file under this name."""
    return draw.choice([b"", b"<html>log in first</html>", b"PK\x05\x06" + bytes(18), b"\x80\x04.", b"\x1f\x8b\x08"])


WAYS = [flipped, zeros, noise, cut, without, longer, exchanged, at_the_edges, of_something_else]


def altered(files, seed):
    """Alter one of ``files`` after another; yields its path and what was done to it, and puts it right again."""
    draw, contents = random.Random(seed), {path: path.read_bytes() for path in files}
    for number, way in zip(range(ALTERED), itertools.cycle(WAYS)):
        path = draw.choice(files)
        path.write_bytes(way(contents[path], draw))
        yield path, f"{path.name}, {way.__name__}, number {number} of seed {seed}"
        path.write_bytes(contents[path])


def make_net():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 10))


def copied(net):
    return {name: tensor.clone() for name, tensor in net.state_dict().items()}


def holds(net, weights):
    return all(torch.equal(weights[name], tensor) for name, tensor in net.state_dict().items())


def test_weights(tmp_path):
    net, refused = make_net(), 0
    for path, what in altered([d2l.save(net, tmp_path / "net.pt")], seed=1):
        other = make_net()
        before = copied(other)
        try:
            d2l.restore(other, path)
        except ValueError as error:
            assert str(path) in str(error), what
            assert holds(other, before), f"{what}: refused, but the network was changed"
            refused += 1
        else:
            assert holds(other, copied(net)), f"{what}: taken, with other weights"
    assert refused > ALTERED / 2


def test_checkpoints(tmp_path):
    digits = d2l.load("digits", size=8, batch_size=1257, device="cpu")
    options = {"optimizer": "adamw", "schedule": "constant", "precision": "float32", "checkpoint": tmp_path / "run.pt"}

    def run():
        d2l.seed_everything(3)
        net = make_net()
        return net, copied(net), lambda: d2l.fit(net, digits, 1, 0.05, quick_epochs=None, listener=None, **options)

    trained, _, start = run()
    history, after, refused = start(), torch.get_rng_state(), 0
    for path, what in altered([tmp_path / "run.pt"], seed=2):
        net, before, start = run()
        try:
            resumed = start()
        except ValueError as error:
            assert str(path) in str(error), what
            assert holds(net, before), f"{what}: refused, but the network was changed"
            refused += 1
        else:
            assert resumed == history and holds(net, copied(trained)), f"{what}: taken, with other contents"
            assert torch.equal(torch.get_rng_state(), after), what
    assert refused > ALTERED / 2


def test_histories(tmp_path):
    """They are text for people and carry no check sum: an altered digit is another number, but never another error."""
    records = [d2l.EpochRecord(epoch, 0.5, 0.8, None, 0.75, 0.1, 2.0, 100.0) for epoch in (1, 2, 3)]
    for path, what in altered([d2l.History(records).save(tmp_path / "history.json")], seed=3):
        try:
            d2l.History.load(path).to_frame()
        except ValueError as error:
            assert str(path) in str(error), what


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """An empty data folder and an empty cache, both in use; the full profile."""
    monkeypatch.setenv("D2LITE_PROFILE", "full")
    monkeypatch.setenv("D2LITE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("D2LITE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def tensors(name):
    loaded = data.load(name, batch_size=16, device="cpu")
    return [tensor for split in (loaded.train, loaded.val, loaded.test) for tensor in (split.images, split.labels)]


@pytest.mark.parametrize("form", ["idx", "bin", "py", "binary.tar.gz", "python.tar.gz", "hub", "jpeg"])
def test_data_files(monkeypatch, folder, form):
    if form == "idx":
        small_fashion(monkeypatch, folder)
    else:
        small_cifar(monkeypatch, folder, form)
    name, refused = "fashion_mnist" if form == "idx" else "cifar10", 0
    sound = tensors(name)
    for path, what in altered(sorted(path for path in folder.rglob("*") if path.is_file()), seed=4):
        try:
            now = tensors(name)
        except data.DataFileError as error:
            assert error.path == path and str(path) in str(error), what
            refused += 1
        else:
            assert all(map(torch.equal, now, sound)), f"{what}: taken, with other images or labels"
    assert refused > ALTERED / 2
