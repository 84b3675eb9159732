"""Residual networks against torchvision: parameters, outputs, gradients; sizes that do not fit; the exercises."""

import itertools

import pytest
import torch
import torchvision
from networks import count, on_meta
from torch import nn
from torch.nn import functional as F

import d2lite as d2l
from d2lite.exercises import resnet as answers
from d2lite.models import resnet
from d2lite.models.resnet import Bottleneck, Residual, ResNet

# three channels, 1000 classes, as torchvision 0.29.2's weight metadata give them (model_facts.csv), with their GMACs
PARAMETERS = {"resnet18": 11_689_512, "resnet34": 21_797_672, "resnet50": 25_557_032}
GMACS = {"resnet18": 1.814, "resnet34": 3.664, "resnet50": 4.089}


def randomize(net):
    """Fresh BatchNorm layers hide what is missing or misplaced."""
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for values in (layer.weight, layer.running_var):
                nn.init.uniform_(values, 0.5, 1.0)
            for values in (layer.bias, layer.running_mean):
                nn.init.normal_(values, std=0.1)
    return net


def twins(name):
    """Ours and torchvision's, with equal weights."""
    torch.manual_seed(0)
    ours = randomize(getattr(resnet, name)(3, 1000))
    theirs = on_meta(getattr(torchvision.models, name)).to_empty(device="cpu")
    theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True)))
    return ours, theirs


@pytest.mark.parametrize("name", PARAMETERS)
def test_equals_torchvision(name):
    ours, theirs = (net.eval() for net in twins(name))
    assert count(ours) == count(theirs) == PARAMETERS[name]
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = theirs(images)
        assert (expected[0] - expected[1]).abs().max() > 0.1, "networks that ignore their input agree easily"
        assert (ours(images) - expected).abs().max() < 1e-5 * expected.abs().max()
        # the comparison can fail: a single shift of the first BatchNorm is felt at the output
        ours.stem[0][1].bias[3] += 0.5
        assert (ours(images) - expected).abs().max() > 1e-5 * expected.abs().max()


def test_gradients_and_running_statistics_equal_torchvision():
    ours, theirs = twins("resnet18")
    images, target = torch.randn(4, 3, 40, 40), torch.tensor([7, 1, 1, 3])
    for net in (ours, theirs):
        F.cross_entropy(net.train()(images), target).backward()
    for mine, its in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert mine.grad.abs().max() > 0
        torch.testing.assert_close(mine.grad, its.grad, rtol=1e-3, atol=1e-5 * its.grad.abs().max().item())
    for mine, its in zip(ours.buffers(), theirs.buffers(), strict=True):
        torch.testing.assert_close(mine, its)


@pytest.mark.parametrize("name", GMACS)
def test_summary_agrees_with_the_published_counts(name):
    net = on_meta(getattr(resnet, name), 3, 1000)
    summary = d2l.summary(net, (1, 3, 224, 224))
    assert summary.parameters == PARAMETERS[name]
    assert summary.macs / 1e9 == pytest.approx(GMACS[name], rel=0.005)


@pytest.mark.parametrize("name", ["resnet8", "resnet18", "resnet26", "resnet34", "resnet50"])
def test_the_name_counts_the_layers(name):
    net = on_meta(getattr(resnet, name))
    on_shortcuts = [m for block in net.stages.modules() if hasattr(block, "shortcut") for m in block.shortcut.modules()]
    weighted = [m for m in net.modules() if isinstance(m, (nn.Conv2d, nn.Linear)) and m not in on_shortcuts]
    assert len(weighted) == int(name[6:])


def test_one_channel_ten_classes():
    assert count(on_meta(resnet.resnet18)) == 11_175_370
    assert count(on_meta(resnet.resnet26)) == 17_446_090


def test_the_small_one_is_the_papers_four_times_as_wide_and_keeps_the_size():
    net = on_meta(resnet.resnet8, 3)
    stages = sum(9 * (a * b + b * b) + 4 * b + (a != b) * (a * b + 2 * b) for a, b in ((64, 64), (64, 128), (128, 256)))
    assert count(net) == (9 * 3 * 64 + 2 * 64) + stages + (256 + 1) * 10
    X, shapes = torch.empty(2, 3, 32, 32, device="meta"), []
    for part in (net.stem, *net.stages):
        X = part(X)
        shapes.append(tuple(X.shape[1:3]))
    assert shapes == [(64, 32), (64, 32), (128, 16), (256, 8)]
    with pytest.raises(ValueError, match="smallest size that works is 3 px"):
        on_meta(resnet.resnet8, size=2)


def listing(num_classes=10):
    """The courses' ResNet-18, written out once more: every convolution with bias, shortcuts without BatchNorm."""

    def convs(a, b, stride):
        body = [nn.Conv2d(a, b, 3, stride, 1), nn.BatchNorm2d(b), nn.Conv2d(b, b, 3, 1, 1), nn.BatchNorm2d(b)]
        return nn.ModuleList(body + [nn.Conv2d(a, b, 1, stride)] * (stride > 1))

    widths = (64, 64, 128, 256, 512)
    blocks = [m for a, b in itertools.pairwise(widths) for m in (convs(a, b, 1 + (a != b)), convs(b, b, 1))]
    return nn.ModuleList([nn.Conv2d(1, 64, 7), nn.BatchNorm2d(64), *blocks, nn.Linear(512, num_classes)])


def test_the_listing_differs_by_its_biases_and_by_the_norms_of_its_shortcuts():
    ours = on_meta(resnet.resnet18)
    biases = sum(m.out_channels for m in ours.modules() if isinstance(m, nn.Conv2d))
    norms = sum(count(m.shortcut[1]) for m in ours.modules() if isinstance(getattr(m, "shortcut", None), nn.Sequential))
    assert count(ours) + biases - norms == count(on_meta(listing)) == 11_178_378


@pytest.mark.parametrize(("small_images", "stages", "smallest"), [(False, 4, 17), (True, 3, 3), (True, 1, 1)])
def test_the_smallest_size_is_the_last_that_halves(small_images, stages, smallest):
    def build(size):
        return ResNet(Residual, (1,) * stages, 1, 10, size, (4, 6, 8, 10)[:stages], small_images)

    net, sides = build(smallest), []
    for layer in net.modules():
        if getattr(layer, "stride", 1) not in (1, (1, 1)):
            layer.register_forward_hook(lambda layer, inputs, out: sides.append(inputs[0].shape[-1]))
    assert net(torch.randn(2, 1, smallest, smallest)).shape == (2, 10)
    assert min(sides, default=2) == 2
    with pytest.raises(ValueError, match=rf"smallest size that works is {smallest} px"):
        build(smallest - 1)


@pytest.mark.parametrize("name", ["resnet18", "resnet26", "resnet34", "resnet50"])
def test_factories_refuse_what_is_too_small(name):
    build = getattr(resnet, name)
    with pytest.raises(ValueError, match=r"16×16 px .* 5 halvings: .* 17 px"):
        on_meta(build, size=16)
    assert on_meta(build, size=17)(torch.empty(2, 1, 17, 17, device="meta")).shape == (2, 10)


def test_stages_and_widths_must_fit():
    with pytest.raises(ValueError):
        on_meta(ResNet, Residual, (2, 2, 2))


def test_shapes_at_224():
    net, X, sides = on_meta(resnet.resnet18), torch.empty(1, 1, 224, 224, device="meta"), []
    for part in (net.stem, *net.stages):
        X = part(X)
        sides.append(tuple(X.shape[1:3]))
    assert sides == [(64, 56), (64, 56), (128, 28), (256, 14), (512, 7)]


@pytest.mark.parametrize("block", [Residual, Bottleneck])
def test_a_silent_body_leaves_the_identity(block):
    width = 16 // block.expansion
    unit, X = block(16, width), torch.randn(4, 16, 5, 5).relu()
    assert not torch.equal(unit(X), X)
    nn.init.zeros_(unit.body[-1][1].weight)
    assert torch.equal(unit(X), X)


@pytest.mark.parametrize(("stride", "channels"), [(2, 16), (1, 8), (2, 8)])
def test_a_new_shape_is_projected(stride, channels):
    unit = Residual(16, channels, stride)
    assert [type(m) for m in unit.shortcut] == [nn.Conv2d, nn.BatchNorm2d] and unit.shortcut[0].bias is None
    assert unit(torch.randn(2, 16, 7, 7)).shape == (2, channels, -(-7 // stride), -(-7 // stride))
    assert isinstance(Residual(16, 16).shortcut, nn.Identity)


def test_he_init_is_used():
    torch.manual_seed(0)
    conv = ResNet(Residual, (1, 1), widths=(32, 64), small_images=True).stages[1][0].body[2][0]
    assert conv.weight.var().item() == pytest.approx(2 / (9 * 64), rel=0.05)


# The exercises: what is right, and what each likely mistake is told.


def option_a(X, out_channels, stride, front=False, pool=None, fill=0.0):
    X = pool(X, stride, ceil_mode=True) if pool and stride > 1 else X[:, :, ::stride, ::stride]
    missing = out_channels - X.shape[1]
    return F.pad(X, (0, 0, 0, 0, missing, 0) if front else (0, 0, 0, 0, 0, missing), value=fill)


def zero_init(net, value=0.0, kinds=nn.Module, bias=False):
    for block in net.modules():
        if hasattr(block, "body") and isinstance(block, kinds):
            nn.init.constant_(block.body[-1][1].weight, value)
            if bias:
                nn.init.zeros_(block.body[-1][1].bias)
    return net


def all_norms(net, part=""):
    for name, layer in net.named_modules():
        if isinstance(layer, nn.BatchNorm2d) and part in name:
            nn.init.zeros_(layer.weight)


def in_place(net):
    zero_init(net)


SHARE = 0.9801656732719317
RIGHT = {1: 36, 2: option_a, 3: zero_init, 4: (3, 8, 36, 3), 5: SHARE}


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        *((f"resnet-{number}", answer) for number, answer in RIGHT.items()),
        ("resnet-3", in_place),
        ("resnet-4", torch.tensor([3, 8, 36, 3])),
        ("resnet-5", torch.tensor(SHARE)),
    ],
)
def test_right_answers(name, answer):
    result = d2l.check(name, answer)
    assert result, result


@pytest.mark.parametrize(
    ("name", "answer", "hint"),
    [
        ("resnet-1", 33, "shortcuts hold some"),
        ("resnet-1", 34, "linear layer"),
        ("resnet-1", 49, "three stages"),
        ("resnet-1", 20, "isinstance"),
        ("resnet-2", 3, "function itself"),
        ("resnet-2", lambda X, c, s: None, "return"),
        ("resnet-2", lambda X, c, s: X, "shape (2, 6, 3, 3)"),
        ("resnet-2", lambda X, c, s: option_a(X, c, s, front=True), "behind the channels"),
        ("resnet-2", lambda X, c, s: option_a(X, c, s, pool=F.avg_pool2d), "without averaging"),
        ("resnet-2", lambda X, c, s: option_a(X, c, s, pool=F.max_pool2d), "largest"),
        ("resnet-2", lambda X, c, s: option_a(X, c, s, fill=1.0), "should be zero"),
        ("resnet-2", lambda X, c, s: option_a(X.flip(2, 3), c, s), "some values differ"),
        ("resnet-3", 0, "function itself"),
        ("resnet-3", lambda net: net, "nothing has changed"),
        ("resnet-3", all_norms, "shortcuts"),
        ("resnet-3", lambda net: all_norms(net, ".body."), "last BatchNorm"),
        ("resnet-3", lambda net: zero_init(net, bias=True), "β"),
        ("resnet-3", lambda net: zero_init(net, value=0.1), "not zero"),
        ("resnet-3", lambda net: zero_init(net, kinds=Residual), "Bottleneck"),
        ("resnet-3", lambda net: nn.Sequential(net), "other layers"),
        ("resnet-4", (3, 4, 6, 3), "50 layers"),
        ("resnet-4", (3, 36, 8, 3), "parameters instead"),
        ("resnet-4", (8, 3, 36, 3), "three blocks each"),
        ("resnet-4", (3, 8.5, 35.5, 3), "whole number"),
        ("resnet-4", 50, "list or tuple"),
        ("resnet-5", 100 * SHARE, "percentage"),
        ("resnet-5", 17 / 55, "math.comb"),
        ("resnet-5", 1 - SHARE, "the others"),
        ("resnet-5", answers._share(19, 34), "both belong"),
        ("resnet-5", answers._share(20, 34), "both belong"),
        ("resnet-5", 0.5, "math.comb(54, k)"),
    ],
)
def test_wrong_answers_get_a_hint_of_their_own(name, answer, hint):
    result = d2l.check(name, answer)
    assert result.status == "wrong" and hint in result.message, result


@pytest.mark.parametrize("number", range(1, 6))
def test_no_answer_yet(number):
    assert d2l.check(f"resnet-{number}", None).status == "unanswered"


@pytest.mark.parametrize("name", ["resnet50", "resnet101", "resnet152"])
def test_the_formula_of_exercise_4_is_torchvisions_count(name):
    blocks = {"resnet50": (3, 4, 6, 3), "resnet101": (3, 4, 23, 3), "resnet152": (3, 8, 36, 3)}[name]
    expected = count(on_meta(getattr(torchvision.models, name)))
    assert answers._parameters(blocks) == expected == count(on_meta(ResNet, Bottleneck, blocks, 3, 1000))
