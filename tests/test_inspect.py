"""Shapes, parameters and MACs against torchvision, and what a network that does not fit is told."""

import pytest
import torch
import torchvision
from torch import nn

import d2lite as d2l

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
}


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


def small_net():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.BatchNorm2d(6), nn.MaxPool2d(2), nn.Conv2d(6, 8, 5), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(8 * 16, 10),
    )  # fmt: skip


def test_rows_by_hand():
    table = d2l.summary(small_net(), (2, 1, 28, 28))
    first, last = table.rows[0], table.rows[-1]
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


def test_wrong_channels():
    with pytest.raises(d2l.InputShapeError, match="3 channels.*takes 1.*in_channels=3"):
        d2l.summary(small_net(), (1, 3, 28, 28))


@pytest.mark.parametrize("shape", [(1, 1, 0, 28), (1, 1, -1, 28), (1, 1, 2.5, 28), (28,), 28, "28"])
def test_nonsense_shapes(shape):
    with pytest.raises(d2l.InputShapeError, match="positive whole numbers"):
        d2l.summary(small_net(), shape)
