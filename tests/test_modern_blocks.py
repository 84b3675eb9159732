"""ResNeXt, MobileNetV2, ConvNeXt, RegNet and a Transformer's layer against torchvision and PyTorch; the exercises."""

from functools import partial

import pytest
import torch
import torchvision
from networks import count, on_meta
from torch import nn
from torch.nn import functional as F
from torchvision.models.regnet import BlockParams, RegNet

import d2lite as d2l
from d2lite.models import modern_blocks as modern

#: ours, torchvision's, parameters at 1,000 classes, millions of MACs at 224 px
PUBLISHED = {
    "resnext50": ("resnext50_32x4d", 25_028_904, 4230),
    "mobilenet_v2": ("mobilenet_v2", 3_504_872, 300.8),
    "convnext_tiny": ("convnext_tiny", 28_589_128, 4456),
    "regnet_x_400mf": ("regnet_x_400mf", 5_495_976, 413.8),
}


def scattered(net):
    """The network with norms, statistics and scales that are neither ones nor zeros."""
    for norm in (m for m in net.modules() if isinstance(m, nn.BatchNorm2d)):
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias, std=0.1)
        norm.running_var.uniform_(0.5, 1.5)
        norm.running_mean.normal_(std=0.1)
    for norm in (m for m in net.modules() if isinstance(m, nn.LayerNorm)):
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias, std=0.1)
    for block in (m for m in net.modules() if isinstance(m, modern.ConvNeXtBlock)):
        nn.init.uniform_(block.scale, 0.5, 1)
    return net


def with_weights_of(theirs, ours):
    """``theirs`` with the tensors of ``ours``, in their order; as many, of the same shapes."""
    theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True)))
    return theirs


def equal(ours, theirs, size=64):
    image = torch.randn(2, 3, size, size)
    with torch.no_grad():
        expected = theirs(image)
        assert expected.std() > 0.1, "dead activations would agree for any weights"
        scale = expected.std().item()
        torch.testing.assert_close(ours(image), expected, rtol=1e-4, atol=1e-4 * scale)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_networks_equal_torchvision(name):
    torch.manual_seed(0)
    theirs, parameters, macs = PUBLISHED[name]
    ours = scattered(getattr(modern, name)(3, 1000)).eval()
    theirs = with_weights_of(getattr(torchvision.models, theirs)(), ours).eval()
    assert count(ours) == count(theirs) == parameters
    assert d2l.summary(ours, (1, 3, 224, 224)).macs / 1e6 == pytest.approx(macs, rel=1e-3)
    equal(ours, theirs)
    # the comparison can fail: a shift of one channel in the first normalization is felt at the output
    norm = next(m for m in ours.modules() if isinstance(m, (nn.BatchNorm2d, nn.LayerNorm)))
    nn.init.constant_(norm.bias, 3)
    with pytest.raises(AssertionError):
        equal(ours, theirs)


@pytest.mark.parametrize("name", ["mobilenet_v2", "convnext_tiny"])
def test_gradients_equal_torchvision(name):
    torch.manual_seed(0)
    ours = scattered(getattr(modern, name)(3, 1000))
    theirs = with_weights_of(getattr(torchvision.models, PUBLISHED[name][0])(), ours)
    images, target = torch.randn(4, 3, 32, 32), torch.tensor([7, 1, 999, 0])
    for net in (ours, theirs):
        for layer in net.modules():  # what is drawn at random in training is left out
            if isinstance(layer, (nn.Dropout, torchvision.ops.StochasticDepth)):
                layer.eval()
        for layer in net.modules():
            if isinstance(layer, (nn.Dropout, torchvision.ops.StochasticDepth)):
                layer.p = 0.0
        F.cross_entropy(net(images), target).backward()
    for mine, its in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, its.grad, rtol=1e-3, atol=1e-5 * its.grad.abs().max().item() + 1e-7)


def test_the_gate_equals_torchvision():
    torch.manual_seed(0)
    ours = modern.SqueezeExcite(12, 3)
    theirs = with_weights_of(torchvision.ops.SqueezeExcitation(12, 3), ours)
    X = torch.randn(2, 12, 5, 7)
    torch.testing.assert_close(ours(X), theirs(X))
    assert (ours(X).abs() <= X.abs()).all() and not torch.equal(ours(X), X)


@pytest.mark.parametrize("name", ["regnet_x_400mf", "regnet_x_800mf", "regnet_x_8gf", "regnet_x_32gf"])
def test_the_line_of_widths_is_that_of_torchvision(name):
    settings = {
        "regnet_x_400mf": (22, 24, 24.48, 2.54, 16), "regnet_x_800mf": (16, 56, 35.73, 2.28, 16),
        "regnet_x_8gf": (23, 80, 49.56, 2.88, 120), "regnet_x_32gf": (23, 320, 69.86, 2.0, 168),
    }[name]  # fmt: skip
    depths, widths, groups = modern.regnet_stages(*settings)
    theirs = BlockParams.from_init_params(*settings)
    assert (depths, widths, groups) == (theirs.depths, theirs.widths, theirs.group_widths)


def test_any_network_of_the_space_is_torchvisions_with_a_gate_or_without():
    """XBlock with a bottleneck, a group width and a gate, as RegNetY has them."""
    torch.manual_seed(0)
    settings = BlockParams(
        depths=[1, 2], widths=[16, 32], group_widths=[8, 8], bottleneck_multipliers=[1.0, 1.0], strides=[2, 2],
        se_ratio=0.25,
    )  # fmt: skip
    block = partial(modern.XBlock, group_width=8, gate=0.25)
    ours = scattered(modern.AnyNet(block, (1, 2), (16, 32), 3, 10)).eval()
    theirs = with_weights_of(RegNet(settings, num_classes=10), ours).eval()
    equal(ours, theirs)


@pytest.mark.parametrize("groups", [1, 2, 4, 8])
def test_a_grouped_convolution_is_a_loop_and_a_dense_one_with_zeros(groups):
    torch.manual_seed(0)
    conv, norm = modern.conv_norm(8, 16, 3, 2, groups).double().eval()
    X = torch.randn(2, 8, 7, 6, dtype=torch.double)
    expected, dense = torch.zeros(2, 16, 4, 3, dtype=torch.double), torch.zeros(16, 8, 3, 3, dtype=torch.double)
    for out in range(16):
        first = out // (16 // groups) * (8 // groups)  # of the channels that its group reads
        dense[out, first : first + 8 // groups] = conv.weight[out]
        for n, i, j in [(n, i, j) for n in range(2) for i in range(4) for j in range(3)]:
            padded = F.pad(X[n], (1, 1, 1, 1))
            patch = padded[first : first + 8 // groups, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
            expected[n, out, i, j] = (patch * conv.weight[out]).sum()
    torch.testing.assert_close(conv(X), expected)
    torch.testing.assert_close(conv(X), F.conv2d(X, dense, padding=1, stride=2))
    assert conv.weight.numel() == 9 * 8 * 16 // groups and conv.bias is None and norm.num_features == 16


@pytest.mark.parametrize(("channels", "groups"), [(6, 1), (6, 2), (12, 3), (12, 12)])
def test_the_shuffle_is_pytorchs(channels, groups):
    X = torch.randn(2, channels, 3, 4)
    torch.testing.assert_close(modern.channel_shuffle(X, groups), nn.ChannelShuffle(groups)(X))


def test_a_separable_convolution_costs_what_the_equation_says():
    full, pair = modern.conv_norm(48, 32, 3), modern.separable(48, 32)
    full, pair = (d2l.summary(net, (1, 48, 10, 10)).macs for net in (full, pair))
    assert full == 9 * 48 * 32 * 100 and pair / full == pytest.approx(1 / 32 + 1 / 9)


def test_the_inverted_residual_adds_where_shapes_are_kept():
    torch.manual_seed(0)
    for stride, out, adds in ((1, 8, True), (2, 8, False), (1, 12, False)):
        block = modern.InvertedResidual(8, out, stride, expansion=3).eval()
        X = torch.randn(2, 8, 6, 6)
        expected = block.body(X) + X if adds else block.body(X)
        torch.testing.assert_close(block(X), expected)
    gated = modern.InvertedResidual(8, 8, gate=True)
    assert count(gated) - count(modern.InvertedResidual(8, 8)) == 2 * 48 * 2 + 48 + 2


def test_normalization_over_channels_is_that_of_each_pixel():
    torch.manual_seed(0)
    X, norm = torch.randn(2, 6, 3, 4), modern.ChannelNorm(6)
    mean, var = X.mean(dim=1, keepdim=True), X.var(dim=1, keepdim=True, unbiased=False)
    torch.testing.assert_close(norm(X), (X - mean) / (var + 1e-6).sqrt())


def test_attention_is_pytorchs_transformer_layer():
    torch.manual_seed(0)
    ours = modern.Attention(12, heads=3)
    theirs = nn.TransformerEncoderLayer(12, 3, 48, 0.0, "gelu", batch_first=True, norm_first=True)
    tensors = [
        *ours.qkv.parameters(), *ours.out.parameters(), *ours.mixing.parameters(), *ours.norms.parameters(),
    ]  # fmt: skip
    theirs.load_state_dict(dict(zip(theirs.state_dict(), tensors, strict=True)))
    X = torch.randn(2, 7, 12)
    torch.testing.assert_close(ours(X), theirs(X))


def test_the_transformer_sees_places():
    torch.manual_seed(0)
    net = modern.VisionTransformer(3, 10, size=16, channels=12, depth=1, heads=3).eval()
    X = torch.randn(2, 3, 16, 16)
    moved = X.roll(4, dims=3)  # by one patch
    assert net(X).shape == (2, 10) and (net(X) - net(moved)).abs().max() > 1e-4
    nn.init.zeros_(net.places)
    torch.testing.assert_close(net(X), net(moved), msg="without places, the order of tokens does not matter")


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("size", [32, 75])
def test_other_sizes_and_channels(name, size):
    net = on_meta(getattr(modern, name), size=size).eval()
    assert net(torch.empty(2, 1, size, size, device="meta")).shape == (2, 10)


# The exercises: what is right, and what each likely mistake is told.


def block(*, relu=nn.ReLU6, depthwise=True, adds=True, last=nn.Identity, after=nn.Identity, bias=False, norms=3):
    """The class of Exercise 4, or one with a mistake in it."""

    class Block(nn.Module):
        def __init__(self, channels, expansion):
            super().__init__()
            inner = channels * expansion
            up, down = nn.Conv2d(channels, inner, 1, bias=bias), nn.Conv2d(inner, channels, 1, bias=bias)
            spatial = nn.Conv2d(inner, inner, 3, padding=1, groups=inner if depthwise else 1, bias=bias)
            third = nn.BatchNorm2d(channels) if norms == 3 else nn.Identity()
            self.body = nn.Sequential(
                up, nn.BatchNorm2d(inner), relu(), spatial, nn.BatchNorm2d(inner), relu(), down, third, last()
            )
            self.after = after()

        def forward(self, X):
            return self.after(self.body(X) + (X if adds else 0))

    return Block


RIGHT = {1: 20736, 2: 72, 3: 5.998, 4: block(), 5: 76}
WRONG = [
    (1, 165_888, "without groups"), (1, 2592, "one group"), (1, 20_928, "biases"), (1, 7, "192 output channels"),
    (2, 71, "a little more than"), (2, 64, "1/64"), (2, 10, "equation"),
    (3, 0.06, "give percent"), (3, 11.316, "two linear"), (3, 50, "49 · 96"),
    (4, 5, "the class itself"), (4, block()(4, 3), "the class itself"), (4, block(depthwise=False), "not depthwise"),
    (4, block(adds=False), "shortcut is missing"), (4, block(relu=nn.ReLU), "ReLU6"), (4, block(bias=True), "bias"),
    (4, block(last=nn.ReLU6), "last convolution"), (4, block(after=nn.ReLU), "follows the addition"),
    (4, block(norms=2), "BatchNorm after each"), (4, block(relu=nn.Identity), "values are not"),
    (5, 19, "in patches"), (5, 22, "adds 4 pixels"), (5, 3, "count in patches"),
]  # fmt: skip


@pytest.mark.parametrize("number", RIGHT)
def test_right_answers(number):
    result = d2l.check(f"modern_blocks-{number}", RIGHT[number])
    assert result, result


@pytest.mark.parametrize(("number", "answer", "hint"), WRONG)
def test_wrong_answers_get_their_hint(number, answer, hint):
    result = d2l.check(f"modern_blocks-{number}", answer)
    assert not result and hint in result.message, result.message


def test_an_empty_answer_is_no_wrong_one():
    for number in RIGHT:
        assert d2l.check(f"modern_blocks-{number}", None).status == "unanswered"
