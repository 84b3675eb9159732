"""GoogLeNet: counts, shapes, torchvision's network rebuilt, sizes that do not fit; the chapter's exercises."""

import pytest
import torch
import torchvision
from networks import count, on_meta
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_weights

import d2lite as d2l
from d2lite.models import googlenet as g

BUDGETS = list(g.BLOCKS.values())


def randomized(net):
    """Biases, scales and running statistics at random too: zeros and ones would agree whatever is done with them."""
    for name, tensor in net.state_dict().items():
        if name.endswith(("bias", "running_mean")):
            tensor.normal_(std=0.1)
        elif tensor.dim() == 1:
            tensor.uniform_(0.5, 1.5)
    return net


@pytest.fixture(scope="module")
def twins():
    """Ours with torchvision's four differences, and torchvision's, of equal numbers."""
    torch.manual_seed(0)
    ours = randomized(g.GoogLeNet(3, 1000, size=224, batch_norm=True, large_kernel=3)).eval()
    for module in ours.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-3
    ours.body.pool4 = nn.MaxPool2d(2, stride=2, ceil_mode=True)
    theirs = torchvision.models.GoogLeNet(aux_logits=False, init_weights=False, dropout=0.0).eval()
    theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True)))
    return ours, theirs


def test_one_channel_ten_classes():
    # 5,977,530: counted by the layer formulas from the earlier course's listing
    assert count(on_meta(g.googlenet)) == 5_977_530
    norm = on_meta(g.googlenet_batch_norm)
    channels = sum(m.num_features for m in norm.modules() if isinstance(m, nn.BatchNorm2d))
    assert count(norm) == 5_977_530 + channels  # each channel's bias goes, a scale and a shift come
    assert channels == 7280


def test_equals_torchvision_with_its_differences(twins):
    ours, theirs = twins
    assert count(ours) == count(theirs) == 6_624_904
    # odd sides at each pooling too: how the last window hangs over shows there
    for size in (224, 97):
        image = torch.randn(2, 3, size, size)
        with torch.no_grad():
            expected = theirs(image)
            assert expected.std() > 0.1, "dead activations would agree for any weights"
            assert (ours(image) - expected).abs().max() < 1e-5 * expected.std()


def test_in_training_mode_too(twins):
    ours, theirs = twins
    image, target = torch.randn(4, 3, 64, 64), torch.tensor([7, 1, 2, 3])
    for net in twins:
        net.train().zero_grad()
        F.cross_entropy(net(image), target).backward()
    for (name, mine), its in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert mine.grad.abs().max() > 0, name
        torch.testing.assert_close(mine.grad, its.grad, rtol=1e-3, atol=1e-5)
    for mine, its in zip(ours.buffers(), theirs.buffers(), strict=True):
        torch.testing.assert_close(mine, its)
    for net in twins:
        net.eval()


@pytest.mark.parametrize("undo", ["epsilon", "pooling", "kernel", "batch_norm"])
def test_each_difference_matters(twins, undo):
    """Every one of the four is seen, in the outputs or already in the count."""
    _, theirs = twins
    options = {"batch_norm": undo != "batch_norm", "large_kernel": 5 if undo == "kernel" else 3}
    ours = g.GoogLeNet(3, 1000, 224, **options).eval()
    if undo in ("kernel", "batch_norm"):
        assert count(ours) != count(theirs)
        return
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True)))
    for module in ours.modules():
        if isinstance(module, nn.BatchNorm2d) and undo != "epsilon":
            module.eps = 1e-3
    if undo != "pooling":
        ours.body.pool4 = nn.MaxPool2d(2, stride=2, ceil_mode=True)
    image = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        expected = theirs(image)
        assert (ours(image) - expected).abs().max() > 1e-3 * expected.std()


def test_summary_agrees_with_the_published_counts():
    net = on_meta(g.GoogLeNet, 3, 1000, 224, batch_norm=True, large_kernel=3)
    assert d2l.summary(net, (1, 3, 224, 224)).macs / 1e9 == pytest.approx(1.498, rel=0.005)
    weighted = [m for m in net.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    assert len(weighted) == 58


def test_shapes_at_96_pixels():
    net = on_meta(g.googlenet)
    rows = {row.name: row.output_shape for row in d2l.summary(net, (1, 1, 96, 96), depth=2).rows}
    names = ("stem.0", "stem.1", "body.pool3", "body.pool4", "body.5b", "head.1")
    assert [rows[name][-1] for name in names] == [24, 12, 6, 3, 3, 1024]
    assert [rows[f"body.{name}"][1] for name in g.BLOCKS] == [256, 480, 512, 512, 512, 528, 832, 832, 1024]


@pytest.mark.parametrize("batch_norm", [False, True])
def test_branches_are_stacked_in_order(batch_norm):
    block = g.Inception(6, 2, (3, 4), (5, 7), 1, batch_norm).eval()
    X = torch.randn(2, 6, 9, 9)
    first, second, third, fourth = block(X).split([2, 4, 7, 1], dim=1)
    assert torch.equal(first, block.branch1(X)) and torch.equal(second, block.branch2(X))
    assert torch.equal(third, block.branch3(X)) and torch.equal(fourth, block.branch4(X))
    assert (block(X) >= 0).all(), "every branch ends with a ReLU"
    kernels = [m.kernel_size[0] for m in block.modules() if isinstance(m, nn.Conv2d)]
    assert kernels == [1, 1, 3, 1, 5, 1]


def test_reach_of_each_branch():
    """Back-propagation, and not the kernel's name: how far each branch of a block sees."""
    block = g.Inception(1, 1, (1, 1), (1, 1), 1)
    for module in block.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.ones_(module.weight), nn.init.zeros_(module.bias)
    for channel, reach in ((0, 1), (1, 3), (2, 5), (3, 1)):  # a maximum passes the gradient to one pixel
        image = torch.rand(1, 1, 11, 11) + 0.1
        image.requires_grad_()
        block(image)[0, channel, 5, 5].backward()
        assert int((image.grad[0, 0] > 0).sum()) == reach**2
    moved = torch.zeros(1, 1, 11, 11)
    moved[0, 0, 4, 6] = 1.0
    assert block(moved)[0, 3, 5, 5] == 1 and block(moved)[0, 3, 5, 3] == 0


def test_batch_norm_leaves_no_bias():
    for net, norm in ((on_meta(g.googlenet), False), (on_meta(g.googlenet_batch_norm), True)):
        convs = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
        assert all((conv.bias is None) == norm for conv in convs)
        assert sum(isinstance(m, nn.BatchNorm2d) for m in net.modules()) == norm * len(convs)
        assert sum(isinstance(m, nn.ReLU) for m in net.modules()) == len(convs) == 57


def test_the_plain_network_can_compute_what_the_one_with_batch_norm_does():
    """In prediction each convolution absorbs its BatchNorm, so the two are one function of different weights."""
    torch.manual_seed(0)
    normed, plain = randomized(g.googlenet_batch_norm()).eval(), g.googlenet().eval()
    norms = [m for m in normed.modules() if isinstance(m, nn.BatchNorm2d)]
    convs, targets = ([m for m in net.modules() if isinstance(m, nn.Conv2d)] for net in (normed, plain))
    for conv, norm, target in zip(convs, norms, targets, strict=True):
        statistics = norm.running_mean, norm.running_var, norm.eps
        target.weight, target.bias = fuse_conv_bn_weights(conv.weight, None, *statistics, norm.weight, norm.bias)
    plain.head.load_state_dict(normed.head.state_dict())
    X = torch.randn(2, 1, 64, 64)
    with torch.no_grad():
        expected = normed(X)
        assert (plain(X) - expected).abs().max() < 1e-4 * expected.std()
        targets[-1].bias.add_(1)
        assert (plain(X) - expected).abs().max() > 1e-2 * expected.std()


@pytest.mark.parametrize("build", [g.googlenet, g.googlenet_batch_norm])
def test_the_smallest_size_is_the_smallest(build):
    net = on_meta(build, size=g.SMALLEST_SIZE)
    assert net(torch.empty(2, 1, g.SMALLEST_SIZE, g.SMALLEST_SIZE, device="meta")).shape == (2, 10)
    with pytest.raises(RuntimeError):
        net(torch.empty(2, 1, g.SMALLEST_SIZE - 1, g.SMALLEST_SIZE - 1, device="meta"))
    with pytest.raises(ValueError, match=r"30×30 px is used up .* smallest size that works is 31 px"):
        build(size=g.SMALLEST_SIZE - 1)


@pytest.mark.parametrize("side", range(2, 40))
def test_the_pooling_halves(side):
    assert g.halving_pool()(torch.zeros(1, 1, side, side)).shape[-1] == side // 2


def test_a_signal_survives_the_start():
    torch.manual_seed(0)
    net = g.googlenet(size=64)
    with torch.no_grad():
        out = net.body(net.stem(torch.randn(8, 1, 64, 64)))
    assert 0.1 < out.var(dim=0).mean().sqrt() < 10
    assert not net.head[-1].bias.any() and not net.stem[0][0][0].bias.any()


def test_other_budgets():
    blocks = {"3a": (4, (4, 8), (2, 2), 2), "4a": (8, (4, 8), (2, 4), 4)}
    net = on_meta(g.GoogLeNet, 3, 5, blocks=blocks)
    assert [name for name, _ in net.body.named_children()] == ["3a", "pool3", "4a"]
    assert net(torch.empty(2, 3, 96, 96, device="meta")).shape == (2, 5)


# The exercises: what is right, and what each likely mistake is told.

PAIR = (128, 41_432)


def inception_v2(in_channels, c1, c2, c3, c4, kernels=(3, 3), widen_first=True, relu=True):
    block = on_meta(g.Inception, in_channels, c1, c2, c3, c4)
    channels = [c3[0]] + ([c3[1]] * len(kernels) if widen_first else [c3[0], c3[1]])
    layers = [g.conv_unit(in_channels, c3[0], 1)]
    layers += [g.conv_unit(a, b, k) for a, b, k in zip(channels, channels[1:], kernels)]
    if not relu:
        layers[-1] = layers[-1][0]
    block.branch3 = nn.Sequential(*layers)
    return block


def no_relus(net):
    """A network with its ReLUs taken out."""
    for module in list(net.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.ReLU):
                setattr(module, name, nn.Identity())
    return net


class Parallel(nn.ModuleList):
    def forward(self, X):
        return torch.cat([branch(X) for branch in self], dim=1)


def build(
    in_channels, num_classes, *, large=5, bias=True, relu=(1, 3, 5, 7), halve=("4a", "5a"), budgets=g.BLOCKS, stride=2,
    pooling=nn.MaxPool2d,
):  # fmt: skip
    def conv(a, b, k, s=1):
        layers = [nn.Conv2d(a, b, k, s, padding=k // 2, bias=bias)] + [nn.ReLU()] * (k in relu)
        return nn.Sequential(*layers)

    def pool():
        return pooling(3, stride=2, ceil_mode=True)

    layers = [conv(in_channels, 64, 7, stride), pool(), conv(64, 64, 1), conv(64, 192, 3), pool()]
    c = 192
    for name, (c1, c2, c3, c4) in budgets.items():
        layers += [pool()] * (name in halve)
        five = nn.Sequential(conv(c, c3[0], 1), conv(*c3, large))
        three = nn.Sequential(conv(c, c2[0], 1), conv(*c2, 3))
        layers.append(Parallel([conv(c, c1, 1), three, five, nn.Sequential(nn.MaxPool2d(3, 1, 1), conv(c, c4, 1))]))
        c = c1 + c2[1] + c3[1] + c4
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, num_classes))


def auxiliary_share():
    net = on_meta(torchvision.models.GoogLeNet, aux_logits=True, init_weights=False)
    return [count(part) for part in (net.aux1, net.aux2, net)]


AUX1, AUX2, WHOLE = auxiliary_share()
SHARE = (AUX1 + AUX2) / WHOLE
RIGHT = {1: PAIR, 2: 220, 3: inception_v2, 4: SHARE, 5: build}


@pytest.mark.parametrize("number", RIGHT)
def test_right_answers(number):
    result = d2l.check(f"googlenet-{number}", RIGHT[number])
    assert result, result


def test_more_right_answers():
    assert d2l.check("googlenet-1", list(PAIR)) and d2l.check("googlenet-1", torch.tensor(PAIR))
    assert d2l.check("googlenet-4", round(SHARE, 3)) and d2l.check("googlenet-4", 0.49)
    assert d2l.check("googlenet-5", g.googlenet)
    assert PAIR[1] == count(g.Inception(100, 32, (48, 64), (8, 16), 16))


@pytest.mark.parametrize(
    ("name", "answer", "hint"),
    [
        ("1", (184, PAIR[1]), "inside their branches"),
        ("1", (228, PAIR[1]), "not passed on"),
        ("1", (100, PAIR[1]), "stacked"),
        ("1", (128, PAIR[1] - 184), "biases are missing"),
        ("1", (128, PAIR[1] - 16 * 8 * 16), "not nine"),
        ("1", (128, 1), "Six convolutions"),
        ("1", 128, "list or tuple of 2"),
        ("2", 221, "round down"),
        ("2", 220.7, "whole number"),
        ("2", 256, "nothing is reduced"),
        ("2", 64, "output channels"),
        ("2", 17, "solve"),
        ("3", inception_v2(192, *BUDGETS[0]), "function itself"),
        ("3", lambda *args: None, "return"),
        ("3", lambda *args: on_meta(g.Inception, *args), "replace it"),
        ("3", lambda *args: inception_v2(*args, kernels=(3,)), "one 3×3 convolution is missing"),
        ("3", lambda *args: inception_v2(*args, widen_first=False), "already goes to c3[1]"),
        ("3", lambda *args: inception_v2(*args, kernels=(3, 5)), "parameters, not"),
        ("3", lambda *args: inception_v2(*args, relu=False), "negative numbers"),
        ("3", lambda *args: no_relus(inception_v2(*args)), "negative numbers"),
        ("3", lambda a, c1, c2, c3, c4: on_meta(g.Inception, a, c1, c2, c3, c4 + 1), "stack four branches"),
        ("4", 100 * SHARE, "between 0 and 1"),
        ("4", AUX1 / WHOLE, "one classifier"),
        ("4", AUX2 / WHOLE, "one classifier"),
        ("4", (AUX1 + AUX2) / (WHOLE - AUX1 - AUX2), "included"),
        ("4", 1 - SHARE, "everything else"),
        ("4", 0.2, "aux1 and net.aux2"),
        ("5", on_meta(g.googlenet), "function itself"),
        ("5", lambda *args: None, "return"),
        ("5", lambda a, b: build(a, 7), "(2, 10)"),
        ("5", lambda *args: build(*args, large=3), "nine 5×5"),
        ("5", lambda *args: build(*args, halve=("4a",)), "sides 48"),
        ("5", lambda *args: build(*args, bias=False), "biases"),
        ("5", lambda *args: build(*args, relu=(1, 3, 7)), "negative numbers"),
        ("5", lambda *args: build(*args, relu=()), "negative numbers"),
        ("5", lambda *args: build(*args, halve=("3b", "5a")), "Halve before 4a"),
        ("5", lambda *args: build(*args, halve=("4b", "5b")), "Halve before 4a"),
        ("5", lambda *args: build(*args, pooling=nn.AvgPool2d), "take the maximum"),
        ("5", lambda *args: build(*args, budgets={"3a": BUDGETS[0]}), "6 in each of the nine"),
        ("5", lambda *args: nn.Sequential(build(*args)[:-3], nn.Flatten(), nn.Linear(9216, 10)), "average"),
    ],
)
def test_wrong_answers_get_a_hint_of_their_own(name, answer, hint):
    result = d2l.check(f"googlenet-{name}", answer)
    assert result.status == "wrong" and hint in result.message, result


@pytest.mark.parametrize("number", range(1, 6))
def test_no_answer_yet(number):
    assert d2l.check(f"googlenet-{number}", None).status == "unanswered"
