"""VGG against torchvision: parameters, outputs, gradients; sizes that do not fit; the chapter's exercises."""

import itertools

import pytest
import torch
import torchvision
from networks import count, on_meta
from torch import nn

import d2lite as d2l
from d2lite.models import vgg

BUILDERS = (vgg.vgg11, vgg.vgg13, vgg.vgg16, vgg.vgg19)
# three channels, 1000 classes; 11 and 16 as in torchvision 0.29.2's weight metadata (model_facts.csv), with their GMACs
PARAMETERS = {"vgg11": 132_863_336, "vgg13": 133_047_848, "vgg16": 138_357_544, "vgg19": 143_667_240}
GMACS = {"vgg11": 7.609, "vgg16": 15.470}


def with_weights(net):
    """Random weights of healthy scale, biases included, for a network built on meta."""
    net.to_empty(device="cpu").apply(vgg.he_init)
    for name, parameter in net.named_parameters():
        if name.endswith("bias"):
            nn.init.normal_(parameter, std=0.1)
    return net


def twins(build, **kwargs):
    """Ours and torchvision's, on the same tensors, in evaluation mode."""
    torch.manual_seed(0)
    ours = with_weights(on_meta(build, 3, 1000, **kwargs)).eval()
    theirs = on_meta(getattr(torchvision.models, build.__name__), init_weights=False).eval()
    theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True)), assign=True)
    return ours, theirs


@pytest.mark.parametrize("build", BUILDERS, ids=lambda build: build.__name__)
def test_equals_torchvision(build):
    ours, theirs = twins(build)
    assert count(ours) == count(theirs) == PARAMETERS[build.__name__]
    image = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        expected = theirs(image)
        assert expected.std() > 0.1, "dead activations would agree for any weights"
        assert (ours(image) - expected).abs().max() < 1e-5
        # the comparison can fail: a single bias of the first layer is felt at the output
        ours.features[0][0].bias[3] += 0.5
        assert (ours(image) - expected.clone()).abs().max() > 1e-5


@pytest.mark.slow
def test_gradients_equal_torchvision():
    ours, theirs = twins(vgg.vgg11)
    # assign=True shares values; separate gradients need parameters of their own
    for mine, its in zip(ours.parameters(), theirs.parameters(), strict=True):
        its.data = mine.data
        assert its is not mine and its.data_ptr() == mine.data_ptr()
    image, target = torch.randn(1, 3, 224, 224), torch.tensor([7])
    for net in (ours, theirs):
        nn.functional.cross_entropy(net(image), target).backward()
    for mine, its in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert mine.grad.abs().max() > 0
        torch.testing.assert_close(mine.grad, its.grad, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("name", GMACS)
def test_summary_agrees_with_the_published_counts(name):
    summary = d2l.summary(on_meta(getattr(vgg, name), 3, 1000), (1, 3, 224, 224))
    assert summary.parameters == PARAMETERS[name]
    assert summary.macs / 1e9 == pytest.approx(GMACS[name], rel=0.005)
    weighted = [row for row in summary.rows if row.parameters]
    assert len(weighted) == int(name[3:])


def test_one_channel_ten_classes():
    # counted by the layer formulas from the earlier course's listing
    assert count(on_meta(vgg.vgg11)) == 128_806_154
    assert count(on_meta(vgg.vgg11_quarter)) == 43_093_322


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("arch", [vgg.VGG11, vgg.VGG16, ((1, 4),), ((2, 4), (1, 8))])
def test_the_smallest_size_is_the_smallest(arch, padding):
    size = vgg.smallest_size(arch, padding)
    net = on_meta(vgg.VGG, arch, 1, 10, size, padding, head_width=16)
    assert net(torch.empty(2, 1, size, size, device="meta")).shape == (2, 10)
    with pytest.raises(ValueError, match=rf"smallest size that works is {size} px"):
        vgg.VGG(arch, 1, 10, size - 1, padding)


def test_too_small_names_the_block():
    with pytest.raises(ValueError, match=r"96×96 px is used up in block 4 of 5.* 212 px"):
        vgg.VGG(vgg.VGG16, 3, 10, 96, padding=0)


@pytest.mark.parametrize("size", [32, 33, 63, 64, 96, 97])
def test_the_head_fits_every_size(size):
    net = on_meta(vgg.vgg11_quarter, size=size)
    assert net(torch.empty(2, 1, size, size, device="meta")).shape == (2, 10)


def test_unpadded_shapes():
    net = on_meta(vgg.VGG, vgg.VGG16, in_channels=3, size=224, padding=0)
    sides = [row.output_shape[-1] for row in d2l.summary(net, (1, 3, 224, 224), depth=2).rows[:5]]
    assert sides == [110, 53, 23, 8, 1]


def test_smallest_unpadded_size_is_the_reach_of_one_unit():
    """Back-propagation, and not the formula: which pixels does the one unit that is left depend on?"""
    arch = tuple((n, 1) for n, _ in vgg.VGG11)
    size = vgg.smallest_size(arch, padding=0)
    blocks = nn.Sequential(*(vgg.vgg_block(n, 1, 1, padding=0) for n, _ in arch))
    for module in blocks.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.ones_(module.weight)
    for block in blocks:
        block[-1] = nn.AvgPool2d(2)  # a maximum would let one path through
    image = torch.ones(1, 1, size, size, requires_grad=True)
    blocks(image).sum().backward()
    assert size == 150 and (image.grad > 0).all()


def test_he_init_keeps_the_scale():
    torch.manual_seed(0)
    conv, linear = nn.Conv2d(16, 64, 3), nn.Linear(512, 256)
    for layer, fan_in in ((conv, 144), (linear, 512)):
        vgg.he_init(layer)
        assert layer.weight.var().item() == pytest.approx(2 / fan_in, rel=0.1) and not layer.bias.any()


# The exercises: what is right, and what each likely mistake is told.


def patch(arch, pool=1, doubling=True):
    side, step = 1, 1
    for num_convs, _ in arch:
        side += 2 * step * num_convs + pool * step
        step *= 2 if doubling else 1
    return side


def light(*widths, bias=True, flatten=True):
    """VGG-11 with an averaging head; ``widths`` are those of its linear layers, from input to output."""
    net = on_meta(vgg.vgg11)
    linears = [on_meta(nn.Linear, a, b, bias) for a, b in itertools.pairwise(widths)]
    net.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), *[nn.Flatten()] * flatten, *linears)
    return net


def built(arch, in_channels, num_classes, *, relu=True, hidden=4096, padding=1, bias=True, layers_of_head=3):
    layers = []
    for num_convs, channels in arch:
        for _ in range(num_convs):
            layers += [nn.Conv2d(in_channels, channels, 3, padding=padding, bias=bias)] + [nn.ReLU()] * relu
            in_channels = channels
        layers.append(nn.MaxPool2d(2))
    layers += [nn.Flatten(), nn.Linear(in_channels * 49, hidden), nn.ReLU(), nn.Dropout()]
    if layers_of_head == 3:
        layers += [nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout()]
    return nn.Sequential(*layers, nn.Linear(hidden, num_classes))


def ratio(index, in_channels=1):
    nets = [(on_meta(vgg.vgg11, in_channels, size=size), size) for size in (224, 56)]
    large, little = (d2l.summary(net, (1, in_channels, size, size)) for net, size in nets)
    return (large.parameters / little.parameters, large.macs / little.macs)[index]


RIGHT = {1: (0, 0, 1, 1, 1), 2: patch, 3: light(512, 10), 4: ratio(1), 5: built, 6: (2.1745, 10.654)}


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        *((f"vgg-{number}", answer) for number, answer in RIGHT.items()),
        ("vgg-1", [0, 0, 1, 1, 1]),
        ("vgg-1", torch.tensor([0, 0, 1, 1, 1])),
        ("vgg-2", lambda arch: vgg.smallest_size(arch, padding=0)),
        ("vgg-4", torch.tensor(ratio(1))),
        ("vgg-4", round(ratio(1), 2)),
        ("vgg-5", lambda arch, channels, classes: vgg.VGG(arch, channels, classes)),
        ("vgg-6", [2.17, 10.65]),
    ],
)
def test_right_answers(name, answer):
    result = d2l.check(name, answer)
    assert result, result


@pytest.mark.parametrize(
    ("name", "answer", "hint"),
    [
        ("vgg-1", [1, 1, 2, 2, 2], "beyond the first"),
        ("vgg-1", [1, 1, 1, 1, 1], "add up to 5"),
        ("vgg-1", [1, 1, 1, 0, 0], "first number of each pair"),
        ("vgg-1", 3, "list"),
        ("vgg-1", [3], "give 5 numbers"),
        ("vgg-2", 268, "function itself"),
        ("vgg-2", lambda arch: patch(arch, pool=0), "window"),
        ("vgg-2", lambda arch: patch(arch, pool=0, doubling=False), "poolings are missing"),
        ("vgg-2", lambda arch: vgg.smallest_size(arch[::-1], padding=0), "reverse"),
        ("vgg-2", lambda arch: 1, "by hand"),
        ("vgg-2", lambda arch: arch + 1, "raised TypeError"),
        ("vgg-3", 9_224_458, "network itself"),
        ("vgg-3", on_meta(vgg.vgg11), "96"),
        ("vgg-3", light(1, 10, flatten=False), "flatten"),
        ("vgg-3", light(512, 10, bias=False), "ten parameters"),
        ("vgg-3", light(512, 4096, 4096, 10), "hidden layer"),
        ("vgg-3", light(512, 64, 10), "another count"),
        ("vgg-4", 16, "pixels alone"),
        ("vgg-4", 1 / ratio(1), "inverse"),
        ("vgg-4", ratio(0), "ratio of the parameters"),
        ("vgg-4", 7.5e9, "divide"),
        ("vgg-4", "16", "one number"),
        ("vgg-5", on_meta(vgg.vgg16), "function itself"),
        ("vgg-5", lambda *args: None, "return"),
        ("vgg-5", lambda *args: built(*args, padding=0), "Padding of 1"),
        ("vgg-5", lambda *args: built(*args, relu=False), "ReLUs"),
        ("vgg-5", lambda *args: built(*args, hidden=1024), "4096"),
        ("vgg-5", lambda *args: built(*args, bias=False), "biases"),
        ("vgg-5", lambda *args: built(*args, layers_of_head=2), "layers with weights"),
        ("vgg-5", lambda arch, channels, classes: built(arch, channels, 10), "(2, 1000)"),
        ("vgg-6", (10.654, 2.1745), "swapped"),
        ("vgg-6", (1 / 2.1745, 1 / 10.654), "wrong way round"),
        ("vgg-6", (2.1745, 5.0), "parameters are right"),
        ("vgg-6", (2.108, 10.57), "1000 classes"),
        ("vgg-6", 2.17, "list or tuple of 2"),
    ],
)  # fmt: skip
def test_wrong_answers_get_a_hint_of_their_own(name, answer, hint):
    result = d2l.check(name, answer)
    assert result.status == "wrong" and hint in result.message, result


@pytest.mark.parametrize("number", range(1, 7))
def test_no_answer_yet(number):
    assert d2l.check(f"vgg-{number}", None).status == "unanswered"
