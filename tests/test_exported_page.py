"""A network as one HTML file: it computes what PyTorch does, prepares pictures as `load` does, and asks for nothing."""

import io
import re

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

import d2lite as d2l
from d2lite.data.pictures import fitted

CLASSES = [f"class {number}" for number in range(10)]
COLORS = {"mean": (0.49, 0.48, 0.45), "std": (0.25, 0.24, 0.26)}


class Mixture(nn.Module):
    """What the chapters' networks do not have: groups, dilation, "same", functions, a mean, averages at the border."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding="same", dilation=2)
        self.biased = nn.BatchNorm2d(8)
        self.depthwise = nn.Conv2d(8, 8, (5, 3), stride=(2, 1), padding=(2, 1), groups=8, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.average = nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False)
        self.ceil = nn.AvgPool2d(2, stride=2, padding=1, ceil_mode=True)
        self.last = nn.Linear(16, 10)

    def forward(self, X):
        X = F.silu(self.biased(self.conv(X)))
        Y = self.norm(self.depthwise(X))
        Y = torch.cat((F.relu6(Y), torch.tanh(self.norm(Y))), dim=1)
        Y = self.ceil(self.average(F.max_pool2d(Y, 2, stride=1)))
        Y = F.dropout(Y.mean((2, 3)), training=self.training).view(-1, 16)
        return self.last(Y).reshape(-1, 10, 1, 1).mean((2, 3))


def built(name, size):
    return d2l.build(d2l.recipe(name), 3, 10, size)


NETWORKS = {
    "nin": 72, "googlenet": 48, "googlenet_batch_norm": 48, "resnet8_narrow": 32, "densenet": 48,
}  # fmt: skip


def stirred(net):
    """With BatchNorm statistics and weights that are not those of the start, so that a forgotten one shows."""
    torch.manual_seed(0)
    net(torch.randn(8, 3, 80, 80)) if isinstance(net, Mixture) else None
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                for numbers in (module.weight, module.running_var):
                    numbers.uniform_(0.5, 1.5)
                for numbers in (module.bias, module.running_mean):
                    numbers.normal_(0, 0.3)
    return net.eval()


def logits(net, images, mean, std):
    X = images.float() / 255
    mean, std = (torch.tensor(value).reshape(1, -1, 1, 1) for value in (mean, std))
    with torch.no_grad():
        return net((X - mean) / std)


@pytest.fixture(scope="module")
def reader(chromium):
    context = chromium.new_context(offline=True)
    page = context.new_page()
    page.problems = []
    page.on("console", lambda message: page.problems.append(message.text))
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("request", lambda request: page.problems.append(request.url) if request.url[:4] == "http" else None)
    yield page
    context.close()


def opened(reader, path):
    reader.problems.clear()
    reader.goto(path.as_uri())
    assert not reader.problems
    return reader


def assert_agreement(reader, net, images, mean, std):
    """For each image the page and PyTorch agree in the logits, relative to the largest, and in the probabilities."""
    wanted = logits(net, images, mean, std)
    for image, own in zip(images, wanted, strict=True):
        found = reader.evaluate("bytes => classify(bytes)", image.permute(1, 2, 0).flatten().tolist())
        assert (torch.tensor(found["logits"]) - own).abs().max() < 1e-4 * max(1, own.abs().max())
        assert found["probabilities"] == pytest.approx(own.softmax(0).tolist(), abs=1e-4)
    assert wanted.std(dim=0).max() > 0.01, "the images make no difference"


@pytest.mark.parametrize("name", [*NETWORKS, "mixture"])
def test_the_page_computes_what_pytorch_does(name, reader, tmp_path):
    size = NETWORKS.get(name, 33)
    net = stirred(Mixture() if name == "mixture" else built(name, size))
    images = torch.randint(256, (3, 3, size, size), dtype=torch.uint8)
    images[0] //= 4
    path = d2l.export_page(net, CLASSES, tmp_path / "network.html", size=size, **COLORS, images=images)
    page = opened(reader, path)
    assert_agreement(page, net, images, **COLORS)
    assert page.locator("#samples button").count() == 3 and page.locator("#bars tr").count() == 10


def test_gray_pictures_and_the_batchnorm_that_follows_no_convolution(reader, tmp_path):
    net = stirred(nn.Sequential(nn.BatchNorm2d(1), nn.Conv2d(1, 4, 3), nn.Sigmoid(), nn.Flatten(), nn.Linear(144, 12)))
    images = torch.randint(256, (2, 1, 8, 8), dtype=torch.uint8)
    names = [f"</script><b>{number}</b>" for number in range(12)]
    path = d2l.export_page(
        net, names, tmp_path / "gray.html", size=8, mean=0.3, std=0.4, title="A & <b>", images=images
    )
    page = opened(reader, path)
    assert_agreement(page, net, images, [0.3], [0.4])
    assert page.title() == page.inner_text("h1") == "A & <b>"
    assert page.locator("#bars tr").count() == 5, "of many classes the most probable"
    assert "<b>11</b>" in page.inner_text("#about") and not page.locator("main b").count()


def photograph(width, height):
    """Smooth areas and edges, in color, as PNG bytes and as an array."""
    y, x = np.mgrid[:height, :width]
    shades = np.stack((x * 255 / width, y * 255 / height, 128 + 127 * np.sin((x + y) / 9)), -1)
    shades[height // 3 : height // 2, width // 4 : width // 2] = (250, 20, 20)
    pixels, packed = shades.astype(np.uint8), io.BytesIO()
    Image.fromarray(pixels).save(packed, "PNG")
    return packed.getvalue(), pixels


@pytest.mark.parametrize(("width", "height"), [(300, 200), (97, 260), (20, 20), (2400, 1500)])
def test_a_picture_is_prepared_as_load_prepares_a_folder(width, height, reader, tmp_path):
    net = stirred(built("resnet8_narrow", 32))
    page = opened(reader, d2l.export_page(net, CLASSES, tmp_path / "network.html", size=32, **COLORS))
    content, pixels = photograph(width, height)
    page.set_input_files("#file", {"name": "photo.png", "mimeType": "image/png", "buffer": content})
    page.locator("#bars tr").first.wait_for()
    shown = page.evaluate("[...one('seen').getContext('2d').getImageData(0, 0, 32, 32).data]")
    shown = np.array(shown, dtype=int).reshape(32, 32, 4)[..., :3]
    apart = np.abs(shown - fitted(pixels, 32))
    assert apart.mean() < 0.5 and apart.max() <= 2, "of 255 levels"
    guess = logits(net, torch.as_tensor(shown.astype(np.uint8)).permute(2, 0, 1)[None], **COLORS).argmax().item()
    assert page.inner_text("#say").startswith(f"{CLASSES[guess]}: ")


def test_a_file_that_is_no_picture_is_said(reader, tmp_path):
    net = stirred(built("resnet8_narrow", 32))
    page = opened(reader, d2l.export_page(net, CLASSES, tmp_path / "network.html", size=32, **COLORS))
    page.set_input_files("#file", {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no picture"})
    page.get_by_text("notes.txt is no picture").wait_for()
    assert not page.locator("#bars tr").count()


class Deciding(nn.Module):
    def forward(self, X):
        return X if X.mean() > 0 else -X


class Two(nn.Module):
    def forward(self, X):
        return X, X


class Constant(nn.Module):
    def __init__(self):
        super().__init__()
        self.offset = nn.Parameter(torch.ones(1, 3, 8, 8))

    def forward(self, X):
        return (X + self.offset).flatten(1)


def ends(*layers):
    return nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(10))


def infinite():
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 10))
    nn.init.constant_(net[1].bias, torch.inf)
    return net


GOOD = {"size": 8, **COLORS}


@pytest.mark.parametrize(
    ("net", "given", "said"),
    [
        (Deciding(), GOOD, "cannot be taken apart: its forward decides"),
        (Two(), GOOD, "something else than one tensor"),
        (Constant(), GOOD, "does not depend on the picture"),
        (ends(nn.Softplus()), GOOD, "no Softplus runs in the page"),
        (ends(nn.GroupNorm(1, 3)), GOOD, "no GroupNorm runs in the page"),
        (ends(nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect")), GOOD, "padding_mode has to be 'zeros'"),
        (ends(nn.AdaptiveAvgPool2d(3)), GOOD, "its windows are unequal"),
        (ends(nn.MaxPool2d(2, dilation=2)), GOOD, "neither dilation"),
        (nn.Sequential(nn.Linear(8, 10)), GOOD, "no Linear runs in the page, at least not on 3 × 8 × 8"),
        (nn.Sequential(nn.Flatten(), nn.Linear(192, 9)), GOOD, "puts out 9 for an image, and there are 10 classes"),
        (nn.Sequential(nn.Flatten(), nn.Linear(191, 10)), GOOD, r"does not take images of \(1, 3, 8, 8\)"),
        (infinite(), GOOD, "infinite or none"),
        (ends(), {**GOOD, "std": (1, 0, 1)}, "normalize no picture"),
        (ends(), {**GOOD, "mean": (1, 1)}, "normalize no picture"),
        (ends(), {**GOOD, "mean": (float("nan"),) * 3}, "normalize no picture"),
        (ends(), {**GOOD, "size": 0}, "size"),
        (ends(), {**GOOD, "images": torch.zeros(2, 3, 8, 8)}, r"images are torch.float32 \(2, 3, 8, 8\)"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else None,
)
def test_what_cannot_run_is_said_and_nothing_is_written(net, given, said, tmp_path):
    net.eval()
    if any(isinstance(layer, nn.LazyLinear) for layer in net.modules()):
        net(torch.zeros(1, 3, 8, 8))
    path = tmp_path / "network.html"
    path.write_text("before")
    with pytest.raises(ValueError, match=said):
        d2l.export_page(net, CLASSES, path, **given)
    assert path.read_text() == "before" and [*tmp_path.iterdir()] == [path]


def test_a_path_that_cannot_be_written_is_named(tmp_path):
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 10))
    with pytest.raises(OSError, match=re.escape(str(tmp_path / "missing" / "page.html"))):
        d2l.export_page(net, CLASSES, tmp_path / "missing" / "page.html", **GOOD)


def test_the_network_itself_stays_as_it_was(tmp_path):
    net = built("resnet8_narrow", 32).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    d2l.export_page(net, CLASSES, tmp_path / "network.html", size=32, **COLORS)
    assert net.training and all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
