"""AlexNet against torchvision: parameters, outputs, gradients; sizes that do not fit; the chapter's exercises."""

import copy
import itertools

import pytest
import torch
import torchvision
from networks import count, on_meta
from torch import nn
from torch.nn import functional as F

import d2lite as d2l
from d2lite.models import alexnet as chapter

TORCHVISION_CHANNELS = (64, 192, 384, 256, 256)


def sides(net, size, channels=1):
    """Side of each map that the net's convolutions and poolings put out."""
    rows = d2l.summary(net, (1, channels, size, size)).rows
    return [row.output_shape[-1] for row in rows if row.type in ("Conv2d", "MaxPool2d")]


@pytest.fixture(scope="module")
def twins():
    """torchvision's network rebuilt from the chapter's pieces, and its own, on the same tensors, in evaluation mode."""
    torch.manual_seed(0)
    ours = on_meta(
        lambda: nn.Sequential(
            chapter.alexnet_features(3, TORCHVISION_CHANNELS, padding=2),
            nn.AdaptiveAvgPool2d(6),
            chapter.alexnet_head(256 * 36, 1000),
        )
    ).to_empty(device="cpu")
    ours.apply(chapter.he_init).eval()
    for name, parameter in ours.named_parameters():
        if name.endswith("bias"):
            nn.init.normal_(parameter, std=0.1)
    theirs = on_meta(torchvision.models.alexnet).eval()
    # copies, so that each has gradients of its own
    values = [tensor.clone() for tensor in ours.state_dict().values()]
    theirs.load_state_dict(dict(zip(theirs.state_dict(), values, strict=True)), assign=True)
    return ours, theirs


@pytest.mark.parametrize("size", [63, 160, 224])
def test_pieces_equal_torchvision(twins, size):
    ours, theirs = twins
    assert count(ours) == count(theirs) == 61_100_840
    assert sides(ours[0], size, 3) == sides(theirs.features, size, 3)
    image = torch.randn(1, 3, size, size)
    with torch.no_grad():
        expected = theirs(image)
        assert expected.std() > 0.1, "dead activations would agree for any weights"
        assert (ours(image) - expected).abs().max() < 1e-5
        # the comparison can fail: one bias of the first layer is felt at the output
        broken = copy.deepcopy(ours[0])
        broken[0].bias[3] += 0.5
        assert (ours[2](ours[1](broken(image))) - expected).abs().max() > 1e-5


@pytest.mark.slow
def test_gradients_equal_torchvision(twins):
    ours, theirs = twins
    image, target = torch.randn(1, 3, 95, 95), torch.tensor([7])
    for net in (ours, theirs):
        net.zero_grad()
        F.cross_entropy(net(image), target).backward()
    for mine, its in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert mine.grad.abs().max() > 0
        torch.testing.assert_close(mine.grad, its.grad, rtol=1e-4, atol=1e-7)


def test_the_summary_of_torchvisions_network_agrees_with_its_weight_metadata(twins):
    assert d2l.summary(twins[0], (1, 3, 224, 224)).macs / 1e9 == pytest.approx(0.714, rel=0.005)


def test_parameters():
    assert count(on_meta(chapter.alexnet)) == 46_764_746  # by the layer formulas from the earlier course's listing
    paper = on_meta(chapter.alexnet, 3, 1000, size=227)
    assert count(paper) == 62_378_344  # the usual count of the one-tower network
    assert paper.head[1].in_features == 9216


def test_shapes_at_224():
    net = on_meta(chapter.alexnet)
    assert sides(net, 224) == [54, 26, 26, 12, 12, 12, 12, 5]
    assert net.head[1].in_features == 6400
    assert net(torch.empty(2, 1, 224, 224, device="meta")).shape == (2, 10)


@pytest.mark.parametrize("size", [67, 68, 72, 98, 99, 160, 194, 195, 226, 227])
def test_the_head_fits_every_size(size):
    net = on_meta(chapter.alexnet, 3, 7, size)
    assert net(torch.empty(2, 3, size, size, device="meta")).shape == (2, 7)
    assert chapter.head_inputs(size) == net.head[1].in_features
    expected = [size]
    for window in chapter.WINDOWS:
        expected.append(chapter.output_size(expected[-1], *window))
    assert sides(net, size, 3) == expected[1:]


def test_the_smallest_size_is_the_smallest():
    assert chapter.smallest_size() == 67
    with pytest.raises(RuntimeError):
        on_meta(chapter.alexnet_features)(torch.empty(1, 1, 66, 66, device="meta"))


@pytest.mark.parametrize("size", [66, 28, 1, 0])
def test_too_small_names_the_smallest(size):
    with pytest.raises(ValueError, match=rf"{size}×{size} px leaves nothing.*smallest size that works is 67 px"):
        chapter.alexnet(size=size)


@pytest.mark.parametrize("stem_padding", [0, 1, 2])
def test_smallest_size_for_other_windows(stem_padding):
    size = chapter.smallest_size(((11, 4, stem_padding), *chapter.WINDOWS[1:]))
    features = on_meta(chapter.alexnet_features, padding=stem_padding)
    assert features(torch.empty(1, 1, size, size, device="meta")).shape == (1, 256, 1, 1)
    with pytest.raises(RuntimeError):
        features(torch.empty(1, 1, size - 1, size - 1, device="meta"))


def test_without_padding_the_smallest_image_is_what_one_unit_sees():
    """Back-propagation, and not the formula: which pixels does the one unit that is left depend on?"""
    windows = [(kernel, stride, 0) for kernel, stride, _ in chapter.WINDOWS]
    size = chapter.smallest_size(windows)
    image = torch.ones(1, 1, size, size, dtype=torch.float64, requires_grad=True)
    out = image
    for kernel, stride, _ in windows:
        out = F.conv2d(out, torch.ones(1, 1, kernel, kernel, dtype=torch.float64), stride=stride)
    assert size == 195 and out.shape[-2:] == (1, 1)
    out.sum().backward()
    assert (image.grad > 0).all()


@pytest.mark.parametrize("kernel", [1, 2, 3, 5, 11])
def test_output_size_equals_torch(kernel):
    for n, stride, padding, dilation in itertools.product((1, 7, 10, 23, 24), (1, 2, 3, 4), (0, 1, 2), (1, 2)):
        predicted = chapter.output_size(n, kernel, stride, padding, dilation)
        layer = nn.Conv2d(1, 1, kernel, stride, padding, dilation)
        if predicted < 1:
            with pytest.raises(RuntimeError):
                layer(torch.zeros(1, 1, n, n))
        else:
            assert layer(torch.zeros(1, 1, n, n)).shape == (1, 1, predicted, predicted)


def test_one_number_of_the_first_map_is_a_sum_of_products():
    torch.manual_seed(0)
    stem, image = chapter.alexnet_features()[0], torch.randn(1, 1, 224, 224)
    patch = image[0, 0, 4 * 20 : 4 * 20 + 11, 4 * 33 : 4 * 33 + 11]
    by_hand = (stem.weight[17, 0] * patch).sum() + stem.bias[17]
    torch.testing.assert_close(stem(image)[0, 17, 20, 33], by_hand, atol=1e-5, rtol=1e-5)


def test_the_activation_is_used_everywhere():
    kinds = [type(m) for m in on_meta(chapter.alexnet, activation=nn.Sigmoid).modules()]
    assert kinds.count(nn.Sigmoid) == 7 and nn.ReLU not in kinds and kinds.count(nn.Dropout) == 2


def test_dropout_is_at_work_in_training_alone():
    torch.manual_seed(0)
    net, image = chapter.AlexNet(size=67, units=64), torch.randn(2, 1, 67, 67)
    assert not torch.equal(net(image), net(image))
    net.eval()
    assert torch.equal(net(image), net(image))


def test_he_init_keeps_the_scale():
    torch.manual_seed(0)
    net = chapter.AlexNet(size=67, units=256)
    for layer, fan_in in ((net.features[3], 96 * 25), (net.head[1], 256)):
        assert layer.weight.var().item() == pytest.approx(2 / fan_in, rel=0.1) and not layer.bias.any()


# The exercises: what is right, and what each likely mistake is told.


def stem(first=7, second=3, *, strides=(2, 2), padding=0, channels=96, relus=2, extra=(), dilation=1):
    one = nn.Conv2d(1, 16, first, strides[0], padding)
    two = nn.Conv2d(16, channels, second, strides[1], dilation=dilation)
    return nn.Sequential(one, *[nn.ReLU()] * (relus > 0), two, *[nn.ReLU()] * (relus > 1), *extra)


def built(in_channels, num_classes, *, padding=0, channels=chapter.CHANNELS, units=4096, relu=True, drop=1, hidden=2):
    c1, c2, c3, c4, c5 = channels
    act, out = [nn.ReLU()] * relu, [nn.Dropout()] * drop
    layers = [nn.Conv2d(in_channels, c1, 11, 4, padding), *act, nn.MaxPool2d(3, 2)]
    layers += [nn.Conv2d(c1, c2, 5, padding=2), *act, nn.MaxPool2d(3, 2), nn.Conv2d(c2, c3, 3, padding=1), *act]
    layers += [nn.Conv2d(c3, c4, 3, padding=1), *act, nn.Conv2d(c4, c5, 3, padding=1), *act, nn.MaxPool2d(3, 2)]
    layers += [nn.Flatten(), nn.Linear(c5 * (36 if padding == 2 else 25), units), *act, *out]
    layers += [nn.Linear(units, units), *act, *out] * (hidden == 2)
    return nn.Sequential(*layers, nn.Linear(units, num_classes))


def rearranged(order):
    """The right stem's layers (convolution, ReLU, convolution, ReLU) in another order."""
    layers = list(stem())
    return nn.Sequential(*(layers[place] for place in order))


def averaged(*args):
    """AlexNet with average poolings."""
    return nn.Sequential(*(nn.AvgPool2d(3, 2) if isinstance(m, nn.MaxPool2d) else m for m in built(*args)))


def displaced(*args):
    """AlexNet with the first ReLU moved to the logits."""
    first, relu, *rest = built(*args)
    return nn.Sequential(first, *rest, relu)


def old_dropout(X, p, training, *, rate=None, scaled=1.0, factor=None, mask=None):
    """The dropout of 2012; the options are the mistakes that readers make."""
    if training:
        drawn = torch.rand_like(X) if mask is None else mask(X)
        return X * (drawn >= (p if rate is None else rate(p))) * (scaled if scaled == 1 else 1 / (1 - p))
    return X * (1 - p if factor is None else factor(p))


def dropout_slip(**options):
    return lambda *args: old_dropout(*args, **options)


def same_mask(X):
    return torch.rand(X.shape, dtype=X.dtype, generator=torch.Generator().manual_seed(1))


def cropped(X, size, *, last=1, flips=0.5, places="own", channels="together", diagonal=False):
    """Random crops; the options are mistakes."""
    crops, first = [], None
    for image in X:
        top = int(torch.randint(X.shape[2] - size + last, ()))
        left = top if diagonal else int(torch.randint(X.shape[3] - size + last, ()))
        top, left = first = (top, left) if places == "own" or first is None else first
        crop = image[:, top : top + size, left : left + size]
        if channels != "together":
            crop = torch.cat([crop[:1], crop[1:].flip(-1)])
        crops.append(crop.flip(-1) if torch.rand(()) < flips else crop)
    return torch.stack(crops)


def crop_slip(**options):
    return lambda X, size: cropped(X, size, **options)


RIGHT = {1: 63, 2: old_dropout, 3: stem(), 4: built, 5: cropped}


class OwnForward(nn.Module):
    """A stem without layers for its ReLUs."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(1, 8, 5, 2), nn.Conv2d(8, 96, 4, 2)

    def forward(self, X):
        return F.relu(self.two(F.relu(self.one(X))))


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        *RIGHT.items(),
        (1, torch.tensor(63)),
        (2, lambda X, p, training: X * torch.bernoulli(torch.full_like(X, 1 - p)) if training else (1 - p) * X),
        (3, stem(5, 4)),
        (3, stem(3, 5)),
        (3, stem(padding="valid")),
        (3, OwnForward()),
        (4, chapter.alexnet),
        (4, lambda channels, classes: built(channels, classes, padding=1)),
    ],
)
def test_right_answers(number, answer):
    result = d2l.check(f"alexnet-{number}", answer)
    assert result, result


@pytest.mark.parametrize(
    ("number", "answer", "hint"),
    [
        (1, 67, "without padding"),
        (1, 65, "both sides"),
        (1, 62, "one pixel too few"),
        (1, 191, "first convolution only"),
        (1, 195, "one unit sees"),
        (1, 15, "walk through"),
        (1, 224, "far smaller"),
        (1, 100, "start from one unit"),
        (1, "63", "whole number"),
        (2, 5, "function dropout_of_2012 itself"),
        (2, nn.Dropout(0.5), "function dropout_of_2012 itself"),
        (2, lambda X, p, training: None, "shape of X"),
        (2, dropout_slip(rate=lambda p: 1 - p), "not of what is kept"),
        (2, dropout_slip(rate=lambda p: 0.5), "was zero."),
        (2, dropout_slip(scaled=2), "today's dropout"),
        (2, lambda X, p, training: old_dropout(X, p, training) * 3, "stay as it is"),
        (2, dropout_slip(mask=same_mask), "draw anew"),
        (2, dropout_slip(mask=lambda X: torch.rand(1, X.shape[1])), "whole rows or columns"),
        (2, dropout_slip(mask=lambda X: torch.rand(len(X), 1)), "whole rows or columns"),
        (2, dropout_slip(factor=lambda p: 1), "one factor is missing"),
        (2, dropout_slip(factor=lambda p: p), "share that was kept"),
        (2, dropout_slip(factor=lambda p: 0.5), "share that was kept"),
        (2, dropout_slip(factor=lambda p: 3), "multiply all of X"),
        (3, 11, "network itself"),
        (3, nn.Sequential(nn.Conv2d(1, 96, 11, 4), nn.ReLU()), "two convolutions"),
        (3, stem(extra=[nn.MaxPool2d(3, 2)]), "pooling"),
        (3, stem(strides=(4, 1)), "4 and 1"),
        (3, stem(padding=1), "no padding"),
        (3, stem(dilation=2), "dilation"),
        (3, stem(5, 5), "sees 13×13"),
        (3, stem(5, 3), "sees 9×9"),
        (3, stem(channels=64), "(2, 64, 54, 54)"),
        (3, stem(relus=1), "ReLU"),
        (3, rearranged((0, 2, 1, 3)), "ReLU"),
        (3, rearranged((1, 0, 3, 2)), "ReLU"),
        (3, stem((7, 1), (3, 5)), "sees 11×9"),
        (3, nn.Sequential(nn.Conv2d(3, 16, 7, 2), nn.ReLU(), nn.Conv2d(16, 96, 3, 2), nn.ReLU()), "3"),
        (4, on_meta(chapter.alexnet), "function itself"),
        (4, lambda *args: None, "return"),
        (4, lambda *args: built(*args, padding=2), "6400 values"),
        (4, lambda channels, classes: built(channels, 10), "(2, 1000)"),
        (4, lambda *args: built(*args, hidden=1), "3 linear layers"),
        (4, lambda *args: built(*args, channels=(64, 192, 384, 256, 256)), "Channels 96"),
        (4, lambda *args: built(*args, units=1024), "4096"),
        (4, lambda *args: built(*args, relu=False), "ReLUs"),
        (4, lambda *args: built(*args, drop=0), "dropouts"),
        (4, averaged, "three max-poolings"),
        (4, displaced, "where yours stand"),
        (4, lambda *args: built(*args).to("cpu"), "without .to"),
        (4, lambda *args: chapter.AlexNet(*args, size=227), "5 pixels a side"),
        (5, nn.Flatten(), "function random_crops itself"),
        (5, lambda X, size: None, "NoneType"),
        (5, lambda X, size: cropped(X, size + 1), "(600, 2, 6, 6)"),
        (5, crop_slip(channels="apart"), "same place, and mirrored together"),
        (5, lambda X, size: cropped(X, size).flip(-2), "no square pieces"),
        (5, crop_slip(places="one"), "draw one for each image"),
        (5, crop_slip(flips=0), "0.00 was mirrored"),
        (5, lambda X, size: crop_slip(flips=float(torch.rand(()) < 0.5))(X, size), "was mirrored"),
        (5, crop_slip(last=0), "is the last place drawn"),
        (5, crop_slip(diagonal=True), "the column apart from the row"),
    ],
)  # fmt: skip
def test_wrong_answers_get_a_hint_of_their_own(number, answer, hint):
    result = d2l.check(f"alexnet-{number}", answer)
    assert result.status == "wrong" and hint in result.message, result


@pytest.mark.parametrize("number", RIGHT)
def test_no_answer_yet(number):
    assert d2l.check(f"alexnet-{number}", None).status == "unanswered"
