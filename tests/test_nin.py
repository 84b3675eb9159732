"""NiN against its definition, piece by piece in torch: values, gradients, counts, sizes; the chapter's exercises."""

import pytest
import torch
from networks import count, on_meta
from torch import nn
from torch.nn import functional as F

import d2lite as d2l
from d2lite.models import nin


def random_weights(net):
    """Weights and biases that hide nothing: no identity, no zero."""
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=(2 / max(parameter[0].numel(), 8)) ** 0.5)
    return net


def by_hand(net, X, relu_on_logits):
    """The network's output from the listing: functions of torch alone, and 1×1 convolutions as matrix products."""
    weights = iter(net.parameters())

    def block(X, last_relu=True, **options):
        X = F.conv2d(X, next(weights), next(weights), **options).relu()
        for number in range(2):
            matrix, bias = next(weights)[:, :, 0, 0], next(weights)
            X = torch.einsum("kc,nchw->nkhw", matrix, X) + bias[:, None, None]
            if number == 0 or last_relu:
                X = X.relu()
        return X

    X = F.max_pool2d(block(X, stride=4), 3, 2)
    X = F.max_pool2d(block(X, padding=2), 3, 2)
    X = F.max_pool2d(block(X, padding=1), 3, 2)
    return block(X, padding=1, last_relu=relu_on_logits).mean(dim=(2, 3))


@pytest.mark.parametrize("relu_on_logits", [False, True])
def test_values_and_gradients_are_those_of_the_listing(relu_on_logits):
    torch.manual_seed(0)
    net = random_weights(nin.NiN(3, 10, 99, relu_on_logits).double()).eval()
    X, y = torch.randn(2, 3, 99, 99, dtype=torch.float64), torch.tensor([3, 8])
    found = []
    for logits in (net(X), by_hand(net, X, relu_on_logits)):
        assert logits.shape == (2, 10) and logits.std() > 0.1, "dead activations would agree for any weights"
        net.zero_grad()
        F.cross_entropy(logits, y).backward()
        found.append([logits.detach(), *(parameter.grad for parameter in net.parameters())])
    assert len(found[0]) == 1 + 24
    for a, b in zip(*found, strict=True):
        assert a.abs().max() > 0
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-11)
    assert (found[0][0].min() >= 0) == relu_on_logits, "only a ReLU keeps the logits from being negative"


def test_counts_and_shapes():
    net = on_meta(nin.nin)
    # counted by the layer formulas from the earlier course's listing
    assert count(net) == 1_992_166 == count(on_meta(nin.nin_relu_on_logits))
    assert count(on_meta(nin.nin, 3)) - count(net) == 2 * 96 * 121
    rows = d2l.summary(net, (1, 1, 224, 224), depth=2).rows
    sides = [row.output_shape[-1] for row in rows if len(row.output_shape) == 4]
    assert sides == [54, 26, 26, 12, 12, 5, 5, 5, 1]
    assert rows[-1].output_shape == (1, 10) and not any(isinstance(m, nn.Linear) for m in net.modules())


@pytest.mark.parametrize("size", [67, 68, 98, 99, 130, 131, 224])
def test_any_size_is_averaged_over_its_whole_map(size):
    net = on_meta(nin.nin, size=67)
    maps = net.features(torch.empty(2, 1, size, size + 32, device="meta"))
    side = (((size - 11) // 4 + 1 - 3) // 2 + 1 - 3) // 2 + 1
    assert maps.shape == (2, 10, (side - 3) // 2 + 1, (side - 3) // 2 + 2)
    assert net(torch.empty(2, 1, size, size + 32, device="meta")).shape == (2, 10)


def test_the_smallest_size_is_the_smallest():
    assert on_meta(nin.nin, size=67)(torch.empty(1, 1, 67, 67, device="meta")).shape == (1, 10)
    with pytest.raises(ValueError, match="66×66 px.*smallest size that works is 67 px"):
        nin.nin(size=66)
    with pytest.raises(RuntimeError, match="too small"):
        on_meta(nin.nin)(torch.empty(1, 1, 66, 66, device="meta"))


def test_dropout_stands_before_the_last_block_alone():
    torch.manual_seed(0)
    net = nin.nin(size=67)
    X = torch.randn(2, 1, 67, 67)
    assert torch.equal(net.features[:6](X), net.eval().features[:6](X))
    maps = net.features[:6](X)
    net.train()
    assert net.features[6](maps).ne(maps).any() and not torch.equal(net(X), net(X))


def test_a_block_starts_as_its_first_convolution():
    torch.manual_seed(0)
    net = nin.nin(3, 10, 67).eval()
    X = torch.randn(2, 3, 67, 67)
    for index in (0, 2, 4):
        block = net.features[index]
        expected = block[0](X).relu()
        assert expected.std() > 0.1 and torch.allclose(block(X), expected)
        fan_in = block[0].weight[0].numel()
        assert block[0].weight.var().item() == pytest.approx(2 / fan_in, rel=0.1) and not block[0].bias.any()
        X = net.features[index + 1](expected)
    assert torch.allclose(net.features[7](X), net.features[7][0](X).relu() / 10, atol=1e-6)


@pytest.mark.parametrize("last_relu", [True, False])
def test_a_block_ends_with_a_relu_unless_told(last_relu):
    block = nin.nin_block(4, 8, kernel_size=3, padding=1, last_relu=last_relu)
    assert [type(m) for m in block] == [nn.Conv2d, nn.ReLU] * 3 if last_relu else [nn.Conv2d, nn.ReLU] * 2 + [nn.Conv2d]
    assert block(torch.randn(1, 4, 6, 6)).shape == (1, 8, 6, 6)


# The exercises: what is right, and what each likely mistake is told.


def side(size, up=0, stem=True, poolings=3):
    if stem:
        size = (size - 11 + 3 * up) // 4 + 1
    for _ in range(poolings):
        size = (size - 3 + up) // 2 + 1
    return size


def one_by_one(X, weight, bias):
    return torch.einsum("kc,nchw->nkhw", weight, X) + bias[:, None, None]


def swapped(net, X, first=True):
    block = net.features[-1]
    maps = block[:-1](net.features[:-1](X))
    if first:
        return block[-1](maps.mean(dim=(2, 3), keepdim=True)).flatten(1)
    return block[-1](maps).mean(dim=(2, 3))


def built(in_channels, num_classes, *, relu=False, kernel=5, blocks=3, head=None):
    def block(inputs, outputs, kernel, last=True):
        sizes = ((inputs, kernel), (outputs, 1), (outputs, 1))
        layers = [m for c, k in sizes for m in (nn.Conv2d(c, outputs, k, padding=(k - 1) // 2), nn.ReLU())]
        return layers if last else layers[:-1]

    layers = []
    for _ in range(blocks - 1):
        layers += [*block(in_channels, 192, kernel), nn.MaxPool2d(3, 2, 1), nn.Dropout(0.5)]
        in_channels = 192
    return nn.Sequential(*layers, *block(192, num_classes, 3, relu), *(head or (nn.AdaptiveAvgPool2d(1), nn.Flatten())))


RIGHT = {1: 446_108, 2: side, 3: one_by_one, 4: swapped, 5: built}


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        *((f"nin-{number}", answer) for number, answer in RIGHT.items()),
        ("nin-1", torch.tensor(446_108)),
        ("nin-2", lambda n: on_meta(nin.nin).features(torch.empty(1, 1, n, n, device="meta")).shape[-1]),
        ("nin-3", lambda X, w, b: F.linear(X.movedim(1, -1), w, b).movedim(-1, 1)),
        ("nin-4", lambda net, X: F.linear(
            net.features[-1][:-1](net.features[:-1](X)).mean(dim=(2, 3)),
            net.features[-1][-1].weight.flatten(1), net.features[-1][-1].bias)),
    ],
)  # fmt: skip
def test_right_answers(name, answer):
    result = d2l.check(name, answer)
    assert result, result


@pytest.mark.parametrize(
    ("name", "answer", "hint"),
    [
        ("nin-1", 444_616, "bias"),
        ("nin-1", 223_054, "two"),
        ("nin-1", 445_888, "last block"),
        ("nin-1", 1_569_290, "other four"),
        ("nin-1", 2_015_398, "whole network"),
        ("nin-1", 7, "c² weights"),
        ("nin-1", "many", "whole number"),
        ("nin-2", 5, "function itself"),
        ("nin-2", lambda n: side(n, up=1), "round down"),
        ("nin-2", lambda n: side(n, stem=False), "stem is missing"),
        ("nin-2", lambda n: side(n, poolings=2), "too few"),
        ("nin-2", lambda n: side(n, poolings=4), "too many"),
        ("nin-2", lambda n: side(n) ** 2, "pixels of a map"),
        ("nin-2", lambda n: 5, "for 67 px it gives 5"),
        ("nin-3", torch.zeros(2), "function itself"),
        ("nin-3", lambda X, w, b: None, "return"),
        ("nin-3", lambda X, w, b: F.linear(X.movedim(1, -1), w, b), "second place"),
        ("nin-3", lambda X, w, b: X, "only the channels change"),
        ("nin-3", lambda X, w, b: one_by_one(X, w, 0 * b), "bias is missing"),
        ("nin-3", lambda X, w, b: one_by_one(X, w, b).relu(), "without a ReLU"),
        ("nin-3", lambda X, w, b: -one_by_one(X, w, b), "values are not"),
        ("nin-3", lambda X, w, b: X @ w, "raised RuntimeError"),
        ("nin-4", 3, "function itself"),
        ("nin-4", lambda net, X: net(X), "average first"),
        ("nin-4", lambda net, X: swapped(net, X, first=False), "average first"),
        ("nin-4", lambda net, X: None, "return statement"),
        ("nin-4", lambda net, X: net.features(X), "flatten"),
        ("nin-4", lambda net, X: 2 * swapped(net, X), "differ"),
        ("nin-5", on_meta(nin.nin, 3), "function itself"),
        ("nin-5", lambda *args: None, "return"),
        ("nin-5", lambda *args: built(*args, relu=True), "on the logits"),
        ("nin-5", lambda *args: built(*args, kernel=3), "Kernels of 5"),
        ("nin-5", lambda *args: built(*args, blocks=2), "nine"),
        ("nin-5", lambda *args: built(*args, head=(nn.Flatten(), nn.Linear(640, 10))), "48 px"),
        ("nin-5", lambda *args: built(*args, head=(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(10, 10))), "linear layer"),
        ("nin-5", lambda *args: built(*args, head=(nn.AdaptiveAvgPool2d(1),)), "(2, 10)"),
        ("nin-5", lambda *args: nn.Sequential(*(m for m in built(*args) if not isinstance(m, nn.ReLU))), "0 ReLUs"),
    ],
)  # fmt: skip
def test_wrong_answers_get_a_hint_of_their_own(name, answer, hint):
    result = d2l.check(name, answer)
    assert result.status == "wrong" and hint in result.message, result


@pytest.mark.parametrize("number", range(1, 6))
def test_no_answer_yet(number):
    assert d2l.check(f"nin-{number}", None).status == "unanswered"
