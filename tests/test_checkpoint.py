"""Checkpoints: the same run goes on, for every random source, and no other; what is none is told so by name."""

import os
import random
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from stopping import StopAfter, fit
from torch import nn
from torch.utils.data import BatchSampler, ConcatDataset, DataLoader, Dataset, RandomSampler, Subset, TensorDataset

import d2lite as d2l
from d2lite.__main__ import main
from d2lite.machine import seeds
from d2lite.nets import catalog
from d2lite.train import checkpoint


def make_net(activation=nn.ReLU, dropout=0.5):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), activation(), nn.Dropout(dropout), nn.Linear(16, 10))


@pytest.fixture(scope="module")
def digits():
    return d2l.load("digits", size=8, batch_size=100, device="cpu")


@pytest.fixture(autouse=True)
def not_seeded(monkeypatch):
    """As in a new process: nobody has called ``seed_everything``."""
    monkeypatch.setattr(seeds, "_seed", None)
    monkeypatch.delenv("D2LITE_SEED", raising=False)


class FromEverywhere:
    """Batches in whose making every generator that ``seed_everything`` seeds has a part, and one of their own."""

    def __init__(self, split):
        self.split, self.generator = split, torch.Generator().manual_seed(4)

    def __len__(self):
        return len(self.split)

    def __iter__(self):
        for X, y in self.split:
            X = X + random.gauss(0, 0.1) + np.random.normal(0, 0.1)  # the normal ones keep every second number back
            yield X + 0.1 * torch.randn(1, generator=self.generator), y


def scramble():
    """Every generator somewhere else, by hand, as in a process that did other things before."""
    for draw in (random.seed, np.random.seed, torch.manual_seed):
        draw(99)
    random.gauss(0, 1), np.random.normal()


def test_every_random_source_goes_on_where_it_was(digits, tmp_path):
    def start():
        random.gauss(0, 1), np.random.normal()  # so that when the first epoch ends, one of each pair is still kept back
        return make_net(), SimpleNamespace(train=FromEverywhere(digits.train), val=digits.val)

    d2l.seed_everything(3)
    whole, data = start()
    expected = fit(whole, data)
    after = random.random(), np.random.rand(), torch.rand(1).item(), torch.rand(1, generator=data.train.generator)

    d2l.seed_everything(3)
    path = tmp_path / "run.pt"
    net, data = start()
    assert len(fit(net, data, checkpoint=path, listener=StopAfter(1))) == 1
    scramble()
    resumed, data = start()
    assert fit(resumed, data, checkpoint=path) == expected
    assert all(torch.equal(a, b) for a, b in zip(resumed.state_dict().values(), whole.state_dict().values()))
    assert (
        random.random(), np.random.rand(), torch.rand(1).item(), torch.rand(1, generator=data.train.generator)
    ) == after  # fmt: skip


class Noisy(Dataset):
    def __init__(self, generator):
        self.generator = generator

    def __len__(self):
        return 64

    def __getitem__(self, index):
        return torch.full((1, 8, 8), index / 64) + self.noise(), index % 10

    def noise(self):
        if isinstance(self.generator, torch.Generator):
            return torch.rand(1, generator=self.generator)
        if isinstance(self.generator, random.Random):
            return self.generator.gauss(0, 1)  # as the next line: of two that are made at once, one is kept
        return float(self.generator.normal())


class Transformed(Dataset):
    """As torchvision's data sets: what draws is not the data set."""

    def __init__(self, transform):
        self.transform = transform

    def __len__(self):
        return 33

    def __getitem__(self, index):
        return self.transform(torch.full((1, 8, 8), index / 64)), index % 10


class Jitter:
    def __init__(self, generator):
        self.generator = generator

    def __call__(self, image):
        return image + self.generator.random()


class Both:
    def __init__(self, *transforms):
        self.transforms = list(transforms)

    def __call__(self, image):
        for transform in self.transforms:
            image = transform(image)
        return image


def seeded(seed):
    return torch.Generator().manual_seed(seed)


IMAGES = TensorDataset(torch.rand(64, 1, 8, 8, generator=seeded(1)), torch.arange(64) % 10)


@pytest.mark.parametrize("make", [
    lambda: DataLoader(IMAGES, 16, shuffle=True, generator=seeded(2)),
    lambda: DataLoader(IMAGES, batch_sampler=BatchSampler(RandomSampler(IMAGES, generator=seeded(2)), 16, False)),
    lambda: DataLoader(IMAGES, 16, sampler=RandomSampler(IMAGES, generator=seeded(2)), generator=seeded(3)),
    lambda: DataLoader(Noisy(seeded(2)), 16),
    lambda: DataLoader(Subset(Noisy(np.random.default_rng(2)), range(32)), 16),
    lambda: DataLoader(Noisy(np.random.Generator(np.random.MT19937(2))), 16),
    lambda: (DataLoader(IMAGES, 16), DataLoader(Noisy(seeded(2)), 16, shuffle=True, generator=seeded(3))),
    lambda: DataLoader(Subset(Noisy(np.random.RandomState(2)), range(33)), 16),
    lambda: DataLoader(Subset(Noisy(random.Random(2)), range(33)), 16),
    lambda: DataLoader(ConcatDataset([IMAGES, Noisy(np.random.default_rng(2))]), 16),
    lambda: DataLoader(Transformed(Jitter(np.random.default_rng(2))), 16),
    lambda: DataLoader(Transformed(Both(Jitter(random.Random(2)), Jitter(np.random.RandomState(3)))), 16),
])  # fmt: skip
def test_generators_go_on_wherever_the_data_hold_them(tmp_path, make):
    def run(**options):
        d2l.seed_everything(3)
        net = make_net()
        return fit(net, make(), epochs=2, **options), net

    expected, whole = run()
    run(checkpoint=tmp_path / "run.pt", listener=StopAfter(1))
    history, net = run(checkpoint=tmp_path / "run.pt")
    assert history == expected and torch.equal(net[-1].weight, whole[-1].weight)


def begun(path, digits, seed=0, net=None, **options):
    """A run that stopped after its first epoch; returns its file."""
    d2l.seed_everything(seed)
    fit(net or make_net(), digits, checkpoint=path, listener=StopAfter(1), **options)
    return path


def test_another_seed_is_refused(digits, tmp_path, monkeypatch):
    path = begun(tmp_path / "run.pt", digits, seed=0)
    d2l.seed_everything(5)
    with pytest.raises(ValueError, match=r"run\.pt belongs to another run \(seed: 0 there, 5 here\)"):
        fit(make_net(), digits, checkpoint=path)
    monkeypatch.setenv("D2LITE_SEED", "2")
    d2l.seed_everything(0)
    with pytest.raises(ValueError, match="seed: 0 there, 2 here"):
        fit(make_net(), digits, checkpoint=path)
    d2l.seed_everything(-2)
    assert len(fit(make_net(), digits, checkpoint=path)) == 3


def test_where_nothing_was_seeded_the_run_keeps_the_seed_with_which_it_began(digits, tmp_path, monkeypatch):
    path = begun(tmp_path / "run.pt", digits, seed=7)
    monkeypatch.setattr(seeds, "_seed", None)
    fit(make_net(), digits, checkpoint=path, listener=StopAfter(2))
    assert seeds.last_seed() == 7
    d2l.seed_everything(8)
    with pytest.raises(ValueError, match="seed: 7 there, 8 here"):
        fit(make_net(), digits, checkpoint=path)


def test_a_run_without_a_seed_is_nobodys_seed(digits, tmp_path):
    path = tmp_path / "run.pt"
    fit(make_net(), digits, checkpoint=path, listener=StopAfter(1))
    assert len(fit(make_net(), digits, checkpoint=path, listener=StopAfter(2))) == 2
    d2l.seed_everything(5)
    with pytest.raises(ValueError, match="seed: None there, 5 here"):
        fit(make_net(), digits, checkpoint=path)


@pytest.mark.parametrize("part", ["augment", "shuffle", "mirrored"])
def test_other_augmentation_or_order_is_refused(digits, tmp_path, part):
    path = begun(tmp_path / "run.pt", digits)
    other = d2l.load("digits", size=8, batch_size=100, device="cpu")
    setattr(other.train, part, not getattr(other.train, part))
    there = getattr(digits.train, part)
    with pytest.raises(ValueError, match=f"{part}: {there} there, {not there} here"):
        fit(make_net(), other, checkpoint=path)


def test_other_layers_with_the_same_weights_are_refused(digits, tmp_path):
    path = begun(tmp_path / "run.pt", digits)
    for net, message in (
        (make_net(nn.Tanh), r"layers: '\(2\): ReLU\(\)' there, '\(2\): Tanh\(\)' here"),
        (make_net(dropout=0.1), "p=0.5.*there.*p=0.1.*here"),
    ):
        with pytest.raises(ValueError, match=message):
            fit(net, digits, checkpoint=path)


class NamesItsPlace(nn.Flatten):
    """Prints a function of its own, as some layers do: with an address that is another in each process."""

    def extra_repr(self):
        return f"<function kernel at {hex(id(self))}>"


def test_addresses_in_printed_layers_do_not_count(digits, tmp_path):
    def net():
        return nn.Sequential(NamesItsPlace(), nn.Linear(64, 10))

    kept = net()  # so that the other one lies elsewhere
    path = begun(tmp_path / "run.pt", digits, net=kept)
    assert len(fit(net(), digits, checkpoint=path)) == 3


COMMAND = ["train", "lenet", "--data", "digits", "--size", "28", "--batch-size", "200", "--profile", "quick"]


@pytest.fixture
def stopped(monkeypatch, tmp_path):
    """The checkpoint of a command that was interrupted after the first of two epochs."""
    path = tmp_path / "run.pt"
    with monkeypatch.context() as patch:
        patch.setattr("d2lite.train.loop.make_listener", lambda asked: StopAfter(1))
        assert main([*COMMAND, "--epochs", "2", "--checkpoint", str(path)]) == 130
    return path


def test_the_command_refuses_another_seed(stopped, capsys):
    assert main([*COMMAND, "--epochs", "2", "--seed", "5", "--checkpoint", str(stopped)]) == 1
    said = capsys.readouterr()
    assert "seed: 0 there, 5 here" in said.err and "test accuracy" not in said.out.splitlines()[-1]
    assert main([*COMMAND, "--epochs", "2", "--checkpoint", str(stopped)]) == 0


def test_the_command_refuses_another_start_of_the_weights(stopped, capsys, monkeypatch):
    monkeypatch.setitem(catalog._RECIPES, "lenet", replace(d2l.recipe("lenet"), init="xavier"))
    assert main([*COMMAND, "--epochs", "2", "--checkpoint", str(stopped)]) == 1
    assert "init: 'own' there, 'xavier' here" in capsys.readouterr().err


@pytest.mark.parametrize("seed", ["18446744073709551616", "-9223372036854775809"])
def test_the_command_says_which_seeds_there_are(capsys, seed):
    assert main([*COMMAND, "--seed", seed]) == 2
    assert f"the seed is {seed}: give a whole number of up to 64 bits" in capsys.readouterr().err


def test_the_first_checkpoints_resume(digits, tmp_path):
    d2l.seed_everything(3)
    expected = fit(make_net(), digits)
    path = begun(tmp_path / "run.pt", digits, seed=3)
    state = checkpoint.read_state(path)
    for name in ("seed", "rng_python", "rng_numpy", "rng_data"):
        del state[name]
    for name in ("seed", "init", "shuffle", "augment", "mirrored", "layers"):
        del state["settings"][name]
    checkpoint.write_state(path, state)
    d2l.seed_everything(5)
    resumed = fit(make_net(), digits, checkpoint=path)
    assert resumed == expected


@pytest.mark.parametrize(
    "options",
    [
        {"lr": np.logspace(-2, -1, 3)[1], "epochs": np.int64(2), "momentum": np.float32(0.5)},
        {"lr": np.float32(0.1), "label_smoothing": np.float64(0.1), "weight_decay": np.array(5e-4), "epochs": 2},
        {"lr": torch.tensor(0.1), "epochs": torch.tensor(2), "quick_epochs": np.int32(2)},
        {"lr": 1, "optimizer": "adamw", "schedule": "constant", "epochs": 2},
    ],
)
def test_numpy_numbers_can_be_read_again(tmp_path, options):
    data = d2l.load("digits", size=np.int64(8), batch_size=np.int32(200), quick_images=np.int64(4000), device="cpu")
    data.batch_size, data.train.batch_size = np.int64(200), np.int64(200)  # as in a class of one's own
    path = tmp_path / "run.pt"
    d2l.seed_everything(np.int64(2))
    first = fit(make_net(), data, checkpoint=path, listener=StopAfter(1), **options)
    settings = checkpoint.read_state(path)["settings"]
    assert {type(value) for value in settings.values()} <= {bool, int, float, str, type(None)}
    assert settings["batch_size"] == 200 and settings["size"] == 8
    assert len(first) == 1 and len(fit(make_net(), data, checkpoint=path, **options)) == 2


# Files that are no checkpoints


def as_bytes(write, path):
    write(path)
    return path.read_bytes()


FOREIGN = {
    "empty": lambda path: b"",
    "a text": lambda path: b"root:x:0:0:root:/root:/bin/bash\n" * 40,
    "a number": lambda path: b"1",
    "an old pickle": lambda path: as_bytes(
        lambda p: torch.save({"a": 1}, p, _use_new_zipfile_serialization=False), path
    ),
    "arrays of NumPy": lambda path: as_bytes(lambda p: np.savez(p, a=np.arange(3)), path.with_suffix(".npz")),
    "someone's tensors": lambda path: as_bytes(lambda p: torch.save([torch.zeros(3)], p), path),
    "weights": lambda path: d2l.save(make_net(), path).read_bytes(),
    "nothing in it": lambda path: checkpoint.write_state(path, {}).read_bytes(),
    "parts of other kinds": lambda path: checkpoint.write_state(
        path, {"settings": 3, "net": [], "optimizer": {}, "scheduler": {}, "history": {}, "rng": torch.zeros(1)}
    ).read_bytes(),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_what_is_no_checkpoint_is_named(digits, tmp_path, what):
    path = tmp_path / "run.pt"
    path.write_bytes(content := FOREIGN[what](path))
    with pytest.raises(ValueError, match=r"run\.pt (is|holds)") as caught:
        fit(make_net(), digits, checkpoint=path)
    assert "delete" not in str(caught.value), "it may be a file that its owner needs"
    assert path.read_bytes() == content


def test_a_checkpoint_cut_anywhere_is_named(digits, tmp_path):
    content = begun(tmp_path / "run.pt", digits).read_bytes()
    for length in (1, 30, 100, *range(1000, len(content), len(content) // 7), len(content) - 1):
        (tmp_path / "run.pt").write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"run\.pt is damaged or not a d2lite file"):
            fit(make_net(), digits, checkpoint=tmp_path / "run.pt")


@pytest.mark.parametrize("part", ["optimizer", "history", "rng", "rng_numpy", "rng_python", "net"])
def test_a_checkpoint_with_parts_that_make_no_sense_is_named(digits, tmp_path, part):
    path = begun(tmp_path / "run.pt", digits)
    state = checkpoint.read_state(path)
    nonsense = {"rng": torch.zeros(3, dtype=torch.uint8), "net": dict.fromkeys(state["net"], 3)}
    checkpoint.write_state(path, {**state, part: nonsense.get(part, {"state": 3, "records": [{"epoch": 1}]})})
    net = make_net()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    with pytest.raises(ValueError, match=r"run\.pt (is no checkpoint of d2lite|holds a network)"):
        fit(net, digits, checkpoint=path)
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())


def test_a_folder_is_no_checkpoint(digits, tmp_path, capsys):
    with pytest.raises(OSError, match="cannot write .*: it is a folder"):
        fit(make_net(), digits, checkpoint=tmp_path)
    assert main([*COMMAND, "--checkpoint", str(tmp_path)]) == 2
    assert "it is a folder" in capsys.readouterr().err


KILLED = """
import os, random, signal, sys
import sklearn.datasets
import torch
from torch import nn
import d2lite as d2l

torch.optim.SGD(nn.Linear(1, 1).parameters(), 0.1)  # imports much of PyTorch, as the digits do: once, not in each child

def train(path, kill_at=None):
    data = d2l.load("digits", size=8, batch_size=200, device="cpu")  # here, since threads would not survive a fork
    d2l.seed_everything(3)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 10))
    if path and os.path.exists(path):
        torch.manual_seed(99)  # as in another process: only the checkpoint brings the state back
    seen = 0

    def count(net, inputs, outputs):
        nonlocal seen
        seen += net.training
        if seen == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    net.register_forward_hook(count)
    return d2l.fit(net, data, epochs=8, lr=0.1, momentum=0.9, checkpoint=path, listener=None, quick_epochs=None)

folder, pick = sys.argv[1], random.Random(0)
killed = 0
for _ in range(10):
    child = os.fork()
    if child == 0:
        train(f"{folder}/run.pt", pick.randint(2, 16))
        os._exit(0)
    killed += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    pick.random()
print(killed, "killed")
resumed, whole = train(f"{folder}/run.pt"), train(None)
print("equal" if resumed == whole else f"{resumed} is not {whole}")
"""


@pytest.mark.slow
@pytest.mark.skipif(
    not hasattr(os, "fork"), reason="tests of a killed process (no os.fork here): run them on Linux or a Mac"
)
def test_a_process_killed_at_ten_random_steps_ends_with_the_history_of_one_that_ran_through(tmp_path):
    script = tmp_path / "killed.py"
    script.write_text(KILLED, encoding="utf-8")
    ran = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split("\n")[-3:] == ["10 killed", "equal", ""], ran.stdout
