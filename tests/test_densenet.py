"""DenseNet against torchvision: parameters, outputs, gradients; what a dense block keeps; the chapter's exercises."""

import math

import pytest
import torch
import torchvision
from networks import count, on_meta
from torch import nn

import d2lite as d2l
from d2lite.models import densenet as dense


@pytest.fixture
def twins():
    """Ours and torchvision's, on equal tensors: random weights, BatchNorms and running statistics included."""
    torch.manual_seed(0)
    ours, theirs = dense.densenet121(3, 1000), on_meta(torchvision.models.densenet121).to_empty(device="cpu")
    for norm in (m for m in ours.modules() if isinstance(m, nn.BatchNorm2d)):
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias, std=0.1)
        norm.running_var.uniform_(0.5, 1.5)
        norm.running_mean.normal_(std=0.1)
    theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True)))
    return ours, theirs


def test_densenet121_equals_torchvision(twins):
    ours, theirs = (net.eval() for net in twins)
    assert count(ours) == count(theirs) == 7_978_856
    image = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        expected = theirs(image)
        assert expected.std() > 0.1, "dead activations would agree for any weights"
        torch.testing.assert_close(ours(image), expected, rtol=1e-4, atol=1e-4)
        # the comparison can fail: one statistic of the first layer is felt at the output
        ours.stem[1].running_mean[3] += 0.5
        assert (ours(image) - expected).abs().max() > 1e-3


def test_gradients_and_statistics_equal_torchvision(twins):
    images, target = torch.randn(4, 3, 64, 64), torch.tensor([7, 1, 999, 0])
    for net in twins:
        nn.functional.cross_entropy(net.train()(images), target).backward()
    ours, theirs = twins
    for mine, its in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert mine.grad.abs().max() > 0
        torch.testing.assert_close(mine.grad, its.grad, rtol=1e-3, atol=1e-5)
    for mine, its in zip(ours.buffers(), theirs.buffers(), strict=True):
        torch.testing.assert_close(mine, its, rtol=1e-4, atol=1e-5)


def test_summary_agrees_with_the_published_counts():
    summary = d2l.summary(on_meta(dense.densenet121, 3, 1000), (1, 3, 224, 224))
    assert summary.parameters == 7_978_856 and summary.macs / 1e9 == pytest.approx(2.834, rel=0.005)
    # stem, two in each layer, transitions, classifier
    assert sum(row.type in ("Conv2d", "Linear") for row in summary.rows) == 121


def test_the_courses_network():
    net = on_meta(dense.densenet)
    assert count(net) == 758_226  # counted by the layer formulas from the earlier course's listing
    rows = d2l.summary(net, (1, 1, 96, 96), depth=2).rows
    shapes = [row.output_shape[1:3] for row in rows if row.name.startswith("blocks")]
    assert shapes == [(192, 24), (96, 12), (224, 12), (112, 6), (240, 6), (120, 3), (248, 3)]
    assert count(on_meta(dense.densenet, growth_rate=12)) < count(net) / 4


def test_a_block_keeps_its_input_and_each_layer_sees_all_before_it():
    block = dense.DenseBlock(4, 64, 32).eval()
    X = torch.randn(2, 64, 5, 7)
    assert [layer[0].num_features for layer in block.layers] == [64, 96, 128, 160]
    with torch.no_grad():
        Y = block(X)
        assert Y.shape == (2, 192, 5, 7) and torch.equal(Y[:, :64], X)
        for number, layer in enumerate(block.layers):
            seen = 64 + 32 * number
            torch.testing.assert_close(Y[:, seen : seen + 32], layer(Y[:, :seen]))
        block.layers[1][2].bias += 1  # a change in a layer leaves what came before, and moves all that follows
        changed = (block(X) - Y).abs().amax(dim=(0, 2, 3))
    assert changed[:96].max() == 0 and changed[96:].min() > 0


@pytest.mark.parametrize(("layer", "kernels"), [(dense.conv_block, [3]), (dense.bottleneck_block, [1, 3])])
def test_layers_normalize_first(layer, kernels):
    net = layer(48, 16)
    assert [type(m) for m in net] == [nn.BatchNorm2d, nn.ReLU, nn.Conv2d] * len(kernels)
    assert [m.kernel_size[0] for m in net if isinstance(m, nn.Conv2d)] == kernels
    assert layer(48, 16, False)[-1].bias is None and net(torch.randn(2, 48, 5, 5)).shape == (2, 16, 5, 5)


def test_a_transition_averages():
    transition = dense.transition_block(6, 3).eval()
    X = torch.randn(2, 6, 9, 8)
    with torch.no_grad():
        halved = transition(X)
        maps = transition[:3](X)[:, :, :8]  # the ninth row has no partner
    torch.testing.assert_close(halved, maps.unflatten(3, (4, 2)).unflatten(2, (4, 2)).mean(dim=(3, 5)))


@pytest.mark.parametrize("arch", [(4, 4, 4, 4), (2,), (1, 1), (1, 1, 1)])
def test_the_smallest_size_is_the_smallest(arch):
    size = dense.smallest_size(arch)
    net = dense.DenseNet(arch, size=size, growth_rate=4, num_channels=8).eval()
    assert net(torch.randn(2, 1, size, size)).shape == (2, 10)
    with pytest.raises(ValueError, match=rf"smallest size that works is {size} px"):
        dense.DenseNet(arch, size=size - 1)
    if size > 1:
        with pytest.raises(RuntimeError):
            net(torch.randn(2, 1, size - 1, size - 1))


@pytest.mark.parametrize("build", [dense.densenet, dense.densenet121])
def test_too_small_is_told(build):
    with pytest.raises(ValueError, match=r"28×28 px is used up before the last of 4 dense blocks.* 29 px"):
        build(size=28)
    assert on_meta(build, size=29).eval()(torch.empty(2, 1, 29, 29, device="meta")).shape == (2, 10)


def test_biases_before_a_batch_norm_do_nothing():
    """Exercise 2, on the network: in training mode these 904 parameters have no influence and no gradient."""
    torch.manual_seed(0)
    net, X = dense.densenet(size=32, growth_rate=8).double(), torch.randn(4, 1, 32, 32, dtype=torch.double)
    before = net(X)
    before.square().sum().backward()
    convs = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    assert max(conv.bias.grad.abs().max() for conv in convs) < 1e-8 < net.head[-1].bias.grad.abs().min()
    for conv in convs:
        nn.init.normal_(conv.bias)
    torch.testing.assert_close(net(X), before)
    assert count(on_meta(dense.densenet)) - count(on_meta(dense.DenseNet, (4, 4, 4, 4), bias=False)) == 904


def test_he_init_keeps_the_scale():
    torch.manual_seed(0)
    conv = nn.Conv2d(16, 256, 3)
    dense.he_init(conv)
    assert conv.weight.var().item() == pytest.approx(2 / 144, rel=0.1) and not conv.bias.any()


# The exercises: what is right, and what each likely mistake is told.


def block(*, norm_first=True, bias=True, relu=True, listed=nn.ModuleList, order=1, dense=True, kernel=3):
    """The class of Exercise 4, or one with a mistake in it."""

    class Block(nn.Module):
        def __init__(self, num_convs, channels, growth):
            super().__init__()
            reads = [channels + growth * n if dense else channels for n in range(num_convs)]
            self.layers = listed([self.layer(c, growth) for c in reads])

        def layer(self, channels, growth):
            norm = nn.BatchNorm2d(channels if norm_first else growth)
            conv = nn.Conv2d(channels, growth, kernel, padding=kernel // 2, bias=bias)
            parts = [norm, *[nn.ReLU()] * relu]
            return nn.Sequential(*parts, conv) if norm_first else nn.Sequential(conv, *parts)

        def forward(self, X):
            out = X
            for layer in self.layers:
                new = layer(out if dense else X)
                out = torch.cat((out, new)[::order], dim=1)
            return out

    return Block


class ReluFirst(block()):
    """ReLU before BatchNorm, which counts and shapes do not show."""

    def layer(self, channels, growth):
        norm, relu, conv = super().layer(channels, growth)
        return nn.Sequential(relu, norm, conv)


class NormUnused(block()):
    """BatchNorm registered, and left out of the way through the layer."""

    def forward(self, X):
        for _, relu, conv in self.layers:
            X = torch.cat((X, conv(relu(X))), dim=1)
        return X


class RegisteredBackwards(block()):
    """Right, though the layers stand in the list from last to first."""

    def __init__(self, num_convs, channels, growth):
        super().__init__(num_convs, channels, growth)
        self.layers = nn.ModuleList(reversed(self.layers))

    def forward(self, X):
        for layer in reversed(self.layers):
            X = torch.cat((X, layer(X)), dim=1)
        return X


RIGHT = {
    1: (256, 512, 1280, 1664),
    2: 904,
    3: 231,
    4: block(),
    5: (29_952 * 32 * 14 * 14 * 4 / 1e6, 1024 * 32 * 14 * 14 * 4 / 1e6),
}


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        *RIGHT.items(),
        (1, torch.tensor([256, 512, 1280, 1664])),
        (2, 904.0),
        (4, dense.DenseBlock),
        (4, RegisteredBackwards),
        (5, (751.4, 25.7)),
    ],
)
def test_right_answers(number, answer):
    result = d2l.check(f"densenet-{number}", answer)
    assert result, result


@pytest.mark.parametrize(
    ("number", "answer", "hint"),
    [
        (1, (256, 640, 1664, 2688), "transitions are missing"),
        (1, (128, 256, 640, 832), "after the transitions"),
        (1, (256, 512, 1280, 832), "no transition"),
        (1, (256, 512, 1024, 1024), "DenseNet-121"),
        (1, (64, 96, 128, 160), "adds 32 channels"),
        (1, 1664, "list or tuple of 4"),
        (2, 914, "last ten"),
        (2, 512, "stem and the transitions"),
        (2, 840, "stem's convolution"),
        (2, 576, "transitions are missing"),
        (2, 4218, "a ReLU follows"),
        (2, 0, "every constant"),
        (2, 100, "all convolutions"),
        (3, 230, "next one"),
        (3, 230.4, "smallest whole number"),
        (3, 922, "not to 4k"),
        (3, 26, "second convolution"),
        (3, 100, "9·c·k"),
        (4, block()(2, 4, 3), "class itself"),
        (4, lambda *args: None, "nn.Module"),
        (4, block(listed=list), "nn.ModuleList"),
        (4, block(norm_first=False), "before the convolution"),
        (4, block(bias=False), "biases"),
        (4, block(kernel=1), "3×3"),
        (4, block(dense=False), "that read"),
        (4, block(order=-1), "comes last"),
        (4, block(relu=False), "values are not"),
        (4, ReluFirst, "values are not"),
        (4, NormUnused, "values are not"),
        (4, type("Halved", (block(),), {"forward": lambda self, X: X}), "should give"),
        (5, (29_952, 1024), "give megabytes"),
        (5, (375.7, 25.7), "two copies"),
        (5, (23.48, 0.803), "one image"),
        (5, (25.7, 751.4), "swapped"),
        (5, (751.4, 20.0), "first is right"),
        (5, (100.0, 25.7), "second is right"),
        (5, (1.0, 1.0), "One map"),
    ],
)  # fmt: skip
def test_wrong_answers_get_a_hint_of_their_own(number, answer, hint):
    result = d2l.check(f"densenet-{number}", answer)
    assert result.status == "wrong" and hint.lower() in result.message.lower(), result


def test_all_biases_are_counted():
    """The number behind a hint of Exercise 2, from the network."""
    assert sum(p.numel() for name, p in on_meta(dense.densenet).named_parameters() if name.endswith("bias")) == 4218


def test_the_bottleneck_breaks_even_where_exercise_3_says():
    def weights(layer, channels):
        return sum(m.weight.numel() for m in on_meta(layer, channels, 32) if isinstance(m, nn.Conv2d))

    for channels in (230, 231):
        cheaper = weights(dense.bottleneck_block, channels) < weights(dense.conv_block, channels)
        assert cheaper == (channels == 231) and math.ceil(36 * 32 / 5) == 231


@pytest.mark.parametrize("number", range(1, 6))
def test_no_answer_yet(number):
    assert d2l.check(f"densenet-{number}", None).status == "unanswered"
