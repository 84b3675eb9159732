"""The rooms of d2lite: names that hide nothing, a way through them, and what readers of the first edition have."""

import importlib
import lzma
import pkgutil
import random
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import datafiles
import numpy as np
import pytest
from torch import nn

import d2lite as d2l
from d2lite import moved
from tools import project

OF_CHAPTERS = ("d2lite.models.", "d2lite.exercises.", "d2lite.widgets.")  # named after chapters and interactives
MODULES = [module.name for module in pkgutil.walk_packages(d2l.__path__, "d2lite.")]
#: files that d2lite wrote when commit 192936a was its newest: a run after its first epoch, and the weights of then
FIRST_EDITION = Path(__file__).with_name("first_edition")


@pytest.mark.parametrize("name", MODULES)
def test_no_module_hides_a_public_name(name):
    if not name.startswith(OF_CHAPTERS):
        assert name.rpartition(".")[2] not in d2l.__all__, f"rename {name}: d2lite has a public name like that"
    module, parent = importlib.import_module(name), importlib.import_module(name.rpartition(".")[0])
    assert getattr(parent, name.rpartition(".")[2]) is module, f"{parent.__name__} has another thing of that name"


# The exercises are left out: each registers its names, and none may be registered twice.
RELOADING = """
import importlib, pkgutil, sys, torch
import d2lite as d2l

kinds = {name: type(getattr(d2l, name)) for name in d2l.__all__}
found = [module.name for module in pkgutil.walk_packages(d2l.__path__, "d2lite.")]
assert d2l.check("vgg-1", None).status == "unanswered"
for name in ["d2lite.data", "d2lite", *found]:
    if not name.startswith("d2lite.exercises."):
        module = importlib.import_module(name)
        assert importlib.reload(module) is module
        assert {name: type(getattr(d2l, name)) for name in d2l.__all__} == kinds, name
        parent, _, last = name.rpartition(".")
        assert not parent or getattr(sys.modules[parent], last) is module, name

data = d2l.load("digits", size=8, device="cpu")
net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
assert len(d2l.fit(net, data, 1, 0.1, listener=None, quick_epochs=None)) == 1
assert d2l.check("vgg-1", None).status == "unanswered"
print(d2l.summary(net, (1, 1, 8, 8)).macs, d2l.recipe("lenet").name, callable(d2l.show_images), len(found))
"""


@pytest.mark.slow
def test_a_module_can_be_loaded_again():
    done = subprocess.run([sys.executable, "-c", RELOADING], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split() == ["640", "lenet", "True", str(len(MODULES))]


@pytest.mark.parametrize(
    "line",
    [
        # the chapters and problem sets of the first edition, all of their imports
        "from d2lite.datasets import DATASETS",
        "from d2lite.frontier import choose, frontier",
        "from d2lite.models.alexnet import alexnet",
        "from d2lite.models.data_and_training import lenet",
        "from d2lite.models.nin import nin",
        "from d2lite.models.resnet import resnet18",
        "from d2lite.models.vgg import he_init, vgg11",
        "from d2lite.models.vgg import vgg19",
        "from d2lite.networks import NETWORKS",
        "from d2lite.recipes import LADDER, MAINLINE, TEN_MINUTES, table",
        "from d2lite.results import published_table",
        "from d2lite.results import stored",
        "from d2lite.statistics import image_error, mean_difference, pooled_sd",
        "from d2lite.statistics import permutation_test, rank_correlation",
        "from d2lite.widgets.live_network import rounded",
        # what their prose named, and other forms of the same
        "from d2lite.data import DATASETS, DataError, DataFileError, ImageData, NotFoundError, Split",
        "from d2lite.data import is_available, load, prepare",
        "from d2lite.training import fit; assert fit is d2lite.fit",
        "from d2lite.listeners import Listener; assert Listener is d2lite.Listener",
        "from d2lite.history import History; assert History is d2lite.History",
        "from d2lite import metrics; metrics.evaluate",
        "import d2lite.batches; d2lite.batches.Split",
        "import d2lite.networks as networks; networks.NETWORKS",
    ],
)
def test_imports_that_readers_have(line):
    exec(line, {"d2lite": d2l})


@pytest.mark.parametrize("old", moved.MOVED)
def test_old_names_lead_somewhere_and_hide_nothing(old):
    assert old not in {path.stem for path in Path(d2l.__file__).parent.iterdir()}, f"d2lite has a module {old} again"
    for place in moved.MOVED[old].split():
        assert find_spec(f"d2lite.{place}"), f"{place} is no module: mend d2lite/moved.py"
    module = importlib.import_module(f"d2lite.{old}")
    assert old not in d2l.__all__ or callable(getattr(d2l, old))
    for name in ("no_such_name", "__file__"):  # who looks through all modules for files loads none of the new ones
        with pytest.raises(AttributeError, match=f"d2lite.{old}' has no attribute '{name}'"):
            getattr(module, name)


def entries(action) -> list[str]:
    """Modules of ``d2lite.data`` in the order in which ``action`` calls into them from outside, and who called."""
    seen = []

    def profiler(frame, event, _):
        module = frame.f_globals.get("__name__", "")
        if event == "call" and module.startswith("d2lite.data."):
            caller = frame.f_back
            while caller and not caller.f_globals.get("__name__", "").startswith(("d2lite", __name__)):
                caller = caller.f_back
            if caller and caller.f_globals["__name__"] != module:
                seen.append((caller.f_globals["__name__"].rpartition(".")[2], module.rpartition(".")[2]))

    before = sys.getprofile()
    sys.setprofile(profiler)
    try:
        action()
    finally:
        sys.setprofile(before)
    return seen


@pytest.mark.parametrize("name", ["digits", "fashion_mnist", "cifar10"])
def test_from_name_to_tensor_no_room_is_entered_twice(name, monkeypatch, tmp_path):
    monkeypatch.setenv("D2LITE_DATA", str(tmp_path))
    monkeypatch.setenv("D2LITE_CACHE", str(tmp_path / "cache"))
    if name == "fashion_mnist":
        datafiles.small_fashion(monkeypatch, tmp_path)
    elif name == "cifar10":
        datafiles.small_cifar(monkeypatch, tmp_path, "py")
    seen = entries(lambda: d2l.load(name, batch_size=16, device="cpu"))
    into = [module for _, module in seen]
    order = ["loading", "store", "download", "readers", "splits"]
    first = [module for module in dict.fromkeys(into) if module in order]
    assert first == [module for module in order if module in first], f"the way goes {' → '.join(first)}"
    assert into.count("loading") == 1 and "splits" in first
    assert into.count("store") == ("store" in first) == (name != "digits"), "all of a data set's files: one call"
    back = [f"{caller} → {module}" for caller, module in seen if caller in order[1:] and module == "loading"]
    assert back == [], "nothing on the way calls back"


def test_the_book_itself_imports_from_the_rooms():
    for path in sorted(project.BOOK.glob("*.md")):
        for module in re.findall(r"^\s*from d2lite\.(\w+)", path.read_text("utf-8"), re.M):
            assert module not in moved.MOVED, f"{path.name}: d2lite.{module} is an old name, see d2lite/moved.py"


def make_net() -> nn.Sequential:
    return nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4, 10))


def test_a_run_that_the_first_edition_began_goes_on(tmp_path, monkeypatch):
    monkeypatch.setenv("D2LITE_PROFILE", "quick")
    path = tmp_path / "run.pt"
    path.write_bytes(lzma.decompress((FIRST_EDITION / "run.pt.xz").read_bytes()))
    data = d2l.load("digits", size=8, batch_size=256, device="cpu")
    net, options = make_net(), {"precision": "float32", "quick_epochs": None, "listener": None}
    d2l.seed_everything(0)
    history = d2l.fit(net, data, 2, 0.5, checkpoint=path, **options)
    assert [record.epoch for record in history] == [1, 2]
    assert [record.val_loss for record in history] == pytest.approx([2.3340552, 2.3237653], rel=1e-5)
    assert net[2].bias[:3].tolist() == pytest.approx([-0.003022, -0.208222, 0.041833], abs=1e-5)
    # the other generators are where they were then, and these states were made by hand
    assert random.getstate() == (3, (7,) * 624 + (5,), 0.25)
    _, keys, *others = np.random.get_state()
    assert (keys == 9).all() and others == [3, 1, 0.5]
    d2l.seed_everything(1)
    path.write_bytes(lzma.decompress((FIRST_EDITION / "run.pt.xz").read_bytes()))
    with pytest.raises(ValueError, match="belongs to another run .seed: 0 there, 1 here"):
        d2l.fit(make_net(), data, 2, 0.5, checkpoint=path, **options)


def test_weights_of_the_first_edition_are_restored():
    net = d2l.restore(make_net(), FIRST_EDITION / "weights.pt")
    assert net[2].bias[:3].tolist() == pytest.approx([0.0039, -0.2197, 0.0605], abs=1e-4)
    assert net[2].weight.sum().item() == pytest.approx(-1.5473, abs=1e-4)
