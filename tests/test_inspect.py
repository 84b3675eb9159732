"""Shapes, parameters and MACs against torchvision, and what a network that does not fit is told."""

import copy
import random
import threading

import numpy as np
import pytest
import torch
import torchvision
from torch import nn
from torch.nn.parameter import is_lazy
from torchvision.models import get_model_builder, list_models, regnet

import d2lite as d2l
from d2lite.inspect import summarize
from d2lite.inspect.trace import copied, trace
from d2lite.models.vgg import vgg11

# parameters and GMACs as torchvision 0.29.2 states them in its weights' metadata (3 channels, 1000 classes, 224 px)
FACTS = {
    "alexnet": (61_100_840, 0.714),
    "vgg11": (132_863_336, 7.609),
    "vgg16": (138_357_544, 15.470),
    "googlenet": (6_624_904, 1.498),
    "resnet18": (11_689_512, 1.814),
    "resnet34": (21_797_672, 3.664),
    "resnet50": (25_557_032, 4.089),
    "densenet121": (7_978_856, 2.834),
    "vit_b_16": (86_567_656, 17.564),
}
CLASSIFIERS = list_models(module=torchvision.models)
FAMILIES = sorted({get_model_builder(name).__module__ for name in CLASSIFIERS})


@pytest.mark.parametrize("name", FACTS)
def test_parameters_and_macs_agree_with_torchvision(name):
    options = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    with torch.device("meta"):
        net = getattr(torchvision.models, name)(**options)
    parameters, gmacs = FACTS[name]
    table = d2l.summary(net, (1, 3, 224, 224))
    assert table.parameters == parameters
    assert table.macs / 1e9 == pytest.approx(gmacs, rel=0.005)
    assert sum(row.parameters for row in table.rows) == parameters, "the rows must add up to the whole"
    assert sum(row.macs for row in table.rows) == table.macs


def added(table):
    """The parameters and MACs of all rows."""
    return sum(row.parameters for row in table.rows), sum(row.macs for row in table.rows)


def check_sums(net, shape):
    """The rows of each table that there can be add up to the whole, and no table has two rows for one thing."""
    tables = [d2l.summary(net, shape, depth) for depth in (None, 1, 2, 3, 4, 9)]
    for table in tables:
        assert added(table) == (table.parameters, table.macs) == (tables[0].parameters, tables[0].macs)
        uncalled = [row.name for row in table.rows if not row.output_shape]
        assert len(uncalled) == len(set(uncalled)) and not {row.name for row in table.rows if row.macs} & set(uncalled)
    return tables[0]


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_rows_add_up_in_all_classifiers_of_torchvision(monkeypatch, family):
    made = regnet.BlockParams.from_init_params

    def computed(*args, **options):  # which it cannot be on the meta device
        with torch.device("cpu"):
            return made(*args, **options)

    monkeypatch.setattr(regnet.BlockParams, "from_init_params", computed)
    for name in (name for name in CLASSIFIERS if get_model_builder(name).__module__ == family):
        options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
        with torch.device("meta"):
            net = getattr(torchvision.models, name)(**options)
        calls = summarize._traced(net, (1, 3, 224, 224))
        with monkeypatch.context() as patch:
            patch.setattr(summarize, "_traced", lambda net, shape, calls=calls: calls)
            patch.setattr(summarize, "copied", lambda net: net)  # nothing is run in it any more
            table = check_sums(net, (1, 3, 224, 224))
        assert table.parameters == sum(parameter.numel() for parameter in net.parameters())
        for weights in torchvision.models.get_model_weights(name):
            if weights.transforms.keywords["crop_size"] == 224:
                assert table.macs / 1e9 == pytest.approx(weights.meta["_ops"], abs=0.001), name


class Gated(nn.Module):
    """Holds parameters itself, in a list and in a layer that it never calls, beside a layer that it calls."""

    def __init__(self):
        super().__init__()
        self.inside = nn.ModuleList([nn.Conv2d(3, 8, 3)])
        self.weight = nn.Parameter(torch.randn(10, 8))
        self.more = nn.ParameterList([torch.randn(10, 10), torch.randn(10)])
        self.unused = nn.Sequential(nn.Linear(5, 5), nn.Linear(5, 5))

    def forward(self, x):
        x = nn.functional.linear(self.inside[0](x).mean((2, 3)), self.weight)
        return nn.functional.linear(x, *self.more)


class Attention(nn.Module):
    """What its layers hold is used without calling them; with ``branch``, meta tensors cannot follow."""

    def __init__(self, branch=False):
        super().__init__()
        self.branch = branch
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)
        self.alone = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x):
        if self.branch and x.sum() > 1e9:
            return x
        x = self.encoder(x.flatten(1, 2))
        return self.alone(x, x, x)[0].mean(1)


class Tries(nn.Module):
    """A layer fails in the middle, and another takes its place."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Linear(99, 1))
        self.second = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())

    def forward(self, x):
        try:
            return self.first(x)
        except RuntimeError:
            return self.second(x)


class Shared(nn.Module):
    """A block that holds a list, in two places and once more from outside."""

    def __init__(self):
        super().__init__()
        block = Listed()
        self.one, self.other = nn.Sequential(block, nn.ReLU()), nn.Sequential(nn.Identity(), block, block)

    def forward(self, x):
        return self.one[0].layers[0](self.other(self.one(x)))


class Listed(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)])

    def forward(self, x):
        return self.layers[1](self.layers[0](x))


class Late(nn.Module):
    """Makes its layer when it first sees an image."""

    def __init__(self):
        super().__init__()
        self.layer = None

    def forward(self, x):
        x = x.flatten(1)
        self.layer = self.layer or nn.Linear(x.shape[1], 10)
        return self.layer(x)


def tied():
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 192), nn.Linear(192, 192))
    net[2].weight = net[1].weight
    return net


def parametrized():
    kinds = nn.utils.parametrizations.weight_norm, nn.utils.parametrizations.spectral_norm
    return nn.Sequential(*(kind(nn.Conv2d(3, 3, 3)) for kind in kinds))


MADE_UP = {
    "gated": Gated, "attention": Attention, "attention with numbers": lambda: Attention(branch=True), "tries": Tries,
    "shared": Shared, "late": Late, "tied": tied, "parametrized": parametrized,
    "spectral norm": lambda: nn.utils.spectral_norm(nn.Conv2d(3, 3, 3)),
    "memory": lambda: nn.Sequential(nn.Flatten(2), nn.LSTM(64, 5)),
    "lazy": lambda: nn.Sequential(*lazy_layers()),
    "parallel": lambda: nn.DataParallel(nn.Sequential(nn.Conv2d(3, 3, 3))),
    "half": lambda: nn.Sequential(nn.Conv2d(3, 3, 3)).half(),
    "double": lambda: nn.Sequential(nn.Conv2d(3, 3, 3)).double(),
    "a layer": lambda: nn.Conv2d(3, 3, 3), "no layer": nn.Sequential, "no parameter": nn.ReLU,
}  # fmt: skip


def lazy_layers():
    return nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(10)


@pytest.mark.parametrize("kind", MADE_UP)
def test_rows_add_up_in_made_up_networks(kind):
    net = MADE_UP[kind]().eval()
    before = {name: (type(tensor), id(tensor)) for name, tensor in net.state_dict(keep_vars=True).items()}
    table = check_sums(net, (2, 3, 8, 8))
    after = net.state_dict(keep_vars=True)
    assert {name: (type(tensor), id(tensor)) for name, tensor in after.items()} == before, "it holds the same tensors"
    if not any(map(is_lazy, net.parameters())) and kind != "late":
        assert table.parameters == sum(parameter.numel() for parameter in net.parameters())


def rows(net, shape=(1, 3, 8, 8), depth=None):
    return {row.name: (row.type, row.parameters, row.macs) for row in d2l.summary(net, shape, depth).rows}


def test_what_a_module_holds_itself_has_a_row():
    assert rows(Gated()) == {
        "inside.0": ("Conv2d", 224, 7776), "Gated": ("Gated", 80, 180), "more": ("ParameterList", 110, 0),
        "unused.0": ("Linear", 30, 0), "unused.1": ("Linear", 30, 0),
    }  # fmt: skip
    assert rows(Gated(), depth=1)["unused"] == ("Sequential", 60, 0)
    assert "more      ParameterList  –" in str(d2l.summary(Gated(), (1, 3, 8, 8)))
    assert rows(Attention())["alone"] == ("MultiheadAttention", 8 * 24 + 24 + 64 + 8, 24 * 8 * 32 + 2 * 2 * 24 * 24 * 4)
    assert rows(Attention(branch=True)) == rows(Attention()), "zeros are counted like shapes"


def test_a_shared_module_has_a_name_and_its_macs_in_each_place():
    shared = nn.Conv2d(8, 8, 3, padding=1)
    net = nn.Sequential(nn.Conv2d(3, 8, 1), nn.Sequential(shared, nn.ReLU()), nn.Sequential(shared, nn.ReLU()))
    found = rows(net)
    assert found["1.0"] == ("Conv2d", 584, 36_864) and found["2.0"] == ("Conv2d", 0, 36_864)
    assert [call.name for call in trace(Shared(), (1, 3, 8, 8))] == [
        "one.0.layers.0", "one.0.layers.1", "one.0", "one.1", "one", "other.0", "other.1.layers.0", "other.1.layers.1",
        "other.1", "other.1.layers.0", "other.1.layers.1", "other.1", "other", "one.0.layers.0", "",
    ]  # fmt: skip


def test_a_layer_that_failed_has_no_row():
    assert rows(Tries()) == {
        "first.0": ("Conv2d", 112, 3888),  # which came before the layer that failed
        "second.0": ("Conv2d", 112, 3888), "second.1": ("ReLU", 0, 0), "first.1": ("Linear", 100, 0),
    }  # fmt: skip


def test_lazy_layers_are_counted_and_stay_lazy():
    net = nn.Sequential(*lazy_layers())
    assert list(rows(net).values()) == [
        ("Conv2d", 112, 3888), ("BatchNorm2d", 8, 0), ("Flatten", 0, 0), ("Linear", 1450, 1440)
    ]  # fmt: skip
    assert all(map(is_lazy, net.parameters()))
    with pytest.raises(d2l.InputShapeError, match=r"0 \(Conv2d\) fails with “Calculated") as caught:
        d2l.summary(net, (1, 3, 2, 2))
    assert "No square size" not in str(caught.value), "none was tried"
    assert all(map(is_lazy, net.parameters()))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Using `torch.compile:UserWarning")
def test_compiled_networks_look_like_others():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sequential(nn.Conv2d(4, 4, 3), nn.ReLU()))
    in_place = copy.deepcopy(net)
    in_place.compile()
    partly = nn.Sequential(net[0], torch.compile(net[1]))
    for compiled in (torch.compile(net), in_place, partly):
        assert str(d2l.summary(compiled, (1, 3, 8, 8))) == str(d2l.summary(net, (1, 3, 8, 8)))


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning", "ignore:.*torch.jit:DeprecationWarning")
def test_rows_add_up_in_scripted_networks():
    layer = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    for net in (torch.jit.script(layer), torch.jit.trace(layer, torch.zeros(1, 3, 8, 8))):
        for around in (net, nn.Sequential(net, nn.Flatten())):
            assert added(check_sums(around, (1, 3, 8, 8))) == (112, 3888)


class Counts(nn.Module):
    """Keeps all kinds of notes in its forward, and draws random numbers; with ``branch``, zeros are needed."""

    def __init__(self, branch):
        super().__init__()
        self.branch = branch
        self.layer = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout())
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))
        self.register_buffer("new", torch.zeros(()))
        self.plain, self.number, self.seen, self.last = torch.zeros(1), 0, [], None

    def forward(self, x):
        if self.branch and x.sum() > 1e9:
            return x
        self.calls += 1
        self.new = self.new + 1
        self.plain += 1
        self.number += 1
        self.seen.append(x.shape)
        self.layer[0].weight.data.clamp_(-0.01, 0.01)
        self.last = self.layer(x) + random.random() + np.random.rand()
        return self.last + nn.functional.dropout(torch.rand(1).to(x.device) + torch.rand_like(self.last))


@pytest.mark.parametrize("branch", [False, True])
def test_summary_changes_nothing(branch):
    net = Counts(branch)
    net.layer[1].eval()
    hooks = [net.layer.register_forward_hook(lambda *_: None), net.register_forward_pre_hook(lambda *_: None)]
    net(torch.rand(2, 3, 8, 8))
    modes = [module.training for module in net.modules()]
    values = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    kept = net.plain.clone(), net.number, list(net.seen), net.last
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    table = check_sums(net, (2, 3, 8, 8))
    assert table.macs == 2 * 4 * 36 * 27
    assert [module.training for module in net.modules()] == modes
    assert all(torch.equal(values[name], tensor) for name, tensor in net.state_dict().items())
    assert (net.plain, net.number, net.seen, net.last) == kept
    assert torch.equal(torch.get_rng_state(), states[0]) and random.getstate() == states[1]
    assert np.random.get_state()[1].tolist() == states[2]
    assert net.layer._forward_hooks and net._forward_pre_hooks and not net.layer[0]._forward_hooks
    for hook in hooks:
        hook.remove()


@pytest.mark.parametrize("branch", [False, True])
def test_a_trace_leaves_parameters_and_buffers_alone(branch):
    """As ``fit`` takes one; also of a network that cannot be copied."""
    net = Counts(branch)
    values = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    trace(net, (2, 3, 8, 8))
    net.lock = threading.Lock()
    assert copied(net) is net and d2l.summary(net, (2, 3, 8, 8)).parameters == 120
    assert net.training
    assert all(torch.equal(values[name], tensor) for name, tensor in net.state_dict().items())


def small_net():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.BatchNorm2d(6), nn.MaxPool2d(2), nn.Conv2d(6, 8, 5), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(8 * 16, 10),
    )  # fmt: skip


def test_rows_by_hand():
    table = d2l.summary(small_net(), (2, 1, 28, 28))
    first, last = table.rows[0], table.rows[-1]
    assert [row.name for row in table.rows] == list("0123456"), "those without parameters and MACs too"
    assert (first.name, first.type, first.output_shape) == ("0", "Conv2d", (2, 6, 24, 24))
    assert first.parameters == 6 * 25 + 6 and first.macs == 2 * 6 * 24 * 24 * 25
    assert last.output_shape == (2, 10) and last.macs == 2 * 128 * 10
    frame = table.to_frame()
    assert frame["parameters_share"].sum() == pytest.approx(1) and frame["macs_share"].sum() == pytest.approx(1)
    assert "2 × 6 × 24 × 24" in str(table) and "<table>" in table._repr_html_()


def test_summary_leaves_the_network_as_it_was():
    net = small_net().train()
    net[0].eval()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    d2l.summary(net, (2, 1, 28, 28))
    assert net.training and net[1].training and not net[0].training
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())


def test_shared_parameters_count_once():
    layer = nn.Linear(4, 4)
    table = d2l.summary(nn.Sequential(layer, nn.ReLU(), layer), (1, 4))
    assert table.parameters == 20 == sum(row.parameters for row in table.rows)
    assert table.macs == 32 == sum(row.macs for row in table.rows)


def test_a_module_that_stands_twice_is_left_whole():
    block = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    net = nn.Sequential(nn.ModuleList([block, block])[0], block, block)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    d2l.summary(net, (2, 4))
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())


def test_depth_lists_blocks():
    with torch.device("meta"):
        net = torchvision.models.resnet18()
    names = [row.name for row in d2l.summary(net, (1, 3, 64, 64), depth=1).rows]
    assert names == [name for name, _ in net.named_children()]
    with pytest.raises(ValueError, match="depth is 0"):
        d2l.summary(net, (1, 3, 64, 64), depth=0)


def test_too_small_names_the_layer_and_the_smallest_size():
    with pytest.raises(d2l.InputShapeError, match=r"3 \(Conv2d\).*smallest size that works is 28 px"):
        d2l.summary(small_net(), (1, 1, 8, 8))


def test_too_large_for_the_head_names_the_sizes_that_work():
    with pytest.raises(d2l.InputShapeError, match=r"6 \(Linear\).*takes 28 to 31 px"):
        d2l.summary(small_net(), (1, 1, 64, 64))


@pytest.mark.parametrize(
    ("stride", "low", "high"), [(1, 9, 9), (2, 17, 18), (5, 41, 45), (32, 257, 288), (64, 449, 512)]
)
def test_sizes_that_work_are_found_however_few(stride, low, high):
    side = -(-low // stride)
    net = nn.Sequential(nn.Conv2d(1, 1, 1, stride=stride), nn.Flatten(), nn.Linear(side**2, 1))
    with pytest.raises(d2l.InputShapeError, match=f"takes {low} to {high} px"):
        d2l.summary(net, (1, 1, 500, 700))


def test_sizes_that_work_need_not_lie_side_by_side():
    net = nn.Sequential(nn.Conv2d(1, 1, 1), nn.PixelUnshuffle(2), nn.Conv2d(4, 1, 2))
    with pytest.raises(d2l.InputShapeError, match="the smallest size that works is 4 px"):
        d2l.summary(net, (1, 1, 2, 2))


def test_sizes_are_found_soon():
    net = vgg11(size=224)
    calls = []
    net.features[0].register_forward_pre_hook(lambda *_: calls.append(1))
    with pytest.raises(d2l.InputShapeError, match="takes 224 to 255 px"):
        d2l.summary(net, (1, 1, 256, 256))
    assert len(calls) < 100


def test_wrong_channels():
    with pytest.raises(d2l.InputShapeError, match="3 channels.*takes 1.*in_channels=3"):
        d2l.summary(small_net(), (1, 3, 28, 28))


@pytest.mark.parametrize("shape", [(1, 1, 0, 28), (1, 1, -1, 28), (1, 1, 2.5, 28), (28,), 28, "28"])
def test_nonsense_shapes(shape):
    with pytest.raises(d2l.InputShapeError, match="positive whole numbers"):
        d2l.summary(small_net(), shape)
