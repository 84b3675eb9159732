"""The architecture explorer: every number is that of the network itself, at any width and size."""

import math

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import d2lite as d2l
from d2lite.models import alexnet, batch_norm, densenet, googlenet, nin, resnet, vgg
from d2lite.widgets import ArchitectureExplorer
from d2lite.widgets.architecture import costs, growth
from d2lite.widgets.layers import NETWORKS, described

SILENT = ("Flatten", "Dropout", "Identity")  # rows of the summary that the explorer does not list
# each network at a size of its own, which leaves halves to round; the cheap ones to trace also elsewhere
SETTINGS = [(name, 213 + index, 3, 17 * (index + 1)) for index, name in enumerate(NETWORKS)]
SETTINGS += [(name, size, 1, 10) for name in ("lenet", "alexnet", "vgg11", "nin", "densenet") for size in (67, 96)]


def built(name, size, channels=1, classes=10):
    with torch.device("meta"):
        return NETWORKS[name][1](channels, classes, size)


@pytest.mark.parametrize("name, size, channels, classes", SETTINGS)
def test_every_row_is_that_of_the_summary(name, size, channels, classes):
    summary = d2l.summary(built(name, size, channels, classes), (1, channels, size, size), depth=2)
    listed = costs(described(name)["rows"], size, channels, classes)
    assert (sum(row[2] for row in listed), sum(row[3] for row in listed)) == (summary.parameters, summary.macs)
    groups, names, latest = {}, [row[0] for row in listed], None
    for row in summary.rows:
        if row.type not in SILENT:
            latest = row.name if row.name in names else latest
            groups.setdefault(latest, []).append(row)
    assert [*groups] == names
    for (_, shape, parameters, macs, _), group in zip(listed, groups.values()):
        assert group[-1].output_shape == (1, *shape)
        assert (sum(row.parameters for row in group), sum(row.macs for row in group)) == (parameters, macs)


class Written(TorchDispatchMode):
    """Counts the bytes that operations write: their outputs, but for views and integer positions."""

    def __init__(self):
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        first = out[0] if isinstance(out, (tuple, list)) else out
        if not func.is_view and first.is_floating_point():
            self.bytes += first.numel() * first.element_size()
        return out


@pytest.mark.parametrize(
    "name", [name for name in NETWORKS if name != "lenet_batch_norm"]
)  # it writes its BatchNorm out
def test_memory_is_what_a_forward_pass_writes(name):
    size = max(97, described(name)["smallest"])
    net, image = built(name, size).eval(), torch.empty(1, 1, size, size, device="meta")
    with torch.no_grad(), Written() as written:
        net(image)
    assert sum(row[4] for row in costs(described(name)["rows"], size)) == written.bytes


def scaled_googlenet(w, norm):
    blocks = {
        name: (int(c1 * w), tuple(int(c * w) for c in c2), tuple(int(c * w) for c in c3), int(c4 * w))
        for name, (c1, c2, c3, c4) in googlenet.BLOCKS.items()
    }
    a, b, unit, pool = int(64 * w), int(192 * w), googlenet.conv_unit, googlenet.halving_pool
    layers, channels = [unit(1, a, 7, 2, norm), pool(), unit(a, a, 1, 1, norm), unit(a, b, 3, 1, norm), pool()], b
    for name, (c1, c2, c3, c4) in blocks.items():
        layers += [pool()] if name in ("4a", "5a") else []
        layers.append(googlenet.Inception(channels, c1, c2, c3, c4, norm))
        channels = c1 + c2[1] + c3[1] + c4
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


def scaled_lenet(w, norm):
    a, b = (math.floor(c * w + 0.5) for c in (6, 16))
    layers = [nn.Conv2d(1, a, 5, padding=2), norm(a), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(a, b, 5), norm(b)]
    layers += [nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(b * 22 * 22, 120), norm(120), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(120, 84), norm(84), nn.ReLU(), nn.Linear(84, 10))


def scaled_nin(w):
    a, b, c = int(96 * w), int(256 * w), int(384 * w)
    blocks = (nin.nin_block(1, a, 11, stride=4), nin.nin_block(a, b, 5, padding=2), nin.nin_block(b, c, 3, padding=1))
    pooled = [layer for block in blocks for layer in (block, nn.MaxPool2d(3, stride=2))]
    last = nin.nin_block(c, 10, 3, padding=1, last_relu=False)
    return nn.Sequential(*pooled, last, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def scaled(name, w):
    """The network for 96 px with ``w`` times the channels, built without the explorer's description."""
    if name.startswith("vgg"):
        arch = {"vgg16_unpadded": vgg.VGG16}.get(name) or getattr(vgg, name.upper())
        unpadded = name.endswith("unpadded")
        return vgg.VGG([(n, int(c * w)) for n, c in arch], size=224 if unpadded else 96, padding=1 - unpadded)
    if name.startswith("resnet"):
        kind = resnet.Bottleneck if name == "resnet50" else resnet.Residual
        count = {"resnet18": (2, 2, 2, 2), "resnet26": (3, 3, 3, 3)}.get(name, (3, 4, 6, 3))
        return resnet.ResNet(kind, count, size=96, widths=[int(c * w) for c in (64, 128, 256, 512)])
    if name == "densenet":
        return densenet.DenseNet((4, 4, 4, 4), growth_rate=int(32 * w), num_channels=int(64 * w))
    if name == "densenet121":
        layer = densenet.bottleneck_block
        return densenet.DenseNet(
            (6, 12, 24, 16), growth_rate=int(32 * w), num_channels=int(64 * w), layer=layer, bias=False
        )
    if name.startswith("googlenet"):
        return scaled_googlenet(w, name.endswith("norm"))
    if name.startswith("lenet"):
        return scaled_lenet(w, batch_norm.BatchNorm if name.endswith("norm") else lambda channels: nn.Identity())
    if name == "nin":
        return scaled_nin(w)
    channels = [int(c * w) for c in alexnet.CHANNELS]
    return nn.Sequential(alexnet.alexnet_features(1, channels), alexnet.alexnet_head(channels[-1]))


@pytest.mark.parametrize("name, width", [(name, (0.25, 0.5, 2.0)[index % 3]) for index, name in enumerate(NETWORKS)])
def test_other_widths_are_those_of_networks_so_built(name, width):
    size = 224 if name == "vgg16_unpadded" else 96
    with torch.device("meta"):
        summary = d2l.summary(scaled(name, width), (1, 1, size, size))
    listed = costs(described(name)["rows"], size, width=width)
    assert (sum(row[2] for row in listed), sum(row[3] for row in listed)) == (summary.parameters, summary.macs)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_smallest_image_is_that_of_the_class(name):
    smallest = described(name)["smallest"]
    built(name, smallest)
    with pytest.raises(ValueError, match=str(smallest)):
        built(name, smallest - 1)
    assert all(min(shape) > 0 for _, shape, *_ in costs(described(name)["rows"], smallest))


def test_the_page_shows_the_same_numbers(mounted):
    page = mounted.open(ArchitectureExplorer())
    for network in NETWORKS:
        page.set("network", network)
        for trait, value in (("width", 0.75), ("size", 213), ("channels", 3), ("classes", 100), ("width", 1)):
            page.set(trait, value)
            arguments = [page.get(trait) for trait in ("size", "channels", "classes", "width")]
            expected = costs(described(network)["rows"], *arguments)
            assert [(name, tuple(shape), *counts) for name, shape, *counts in page.result["rows"]] == expected
        shown = f"{page.result['parameters']:,} parameters and {page.result['macs']:,} multiply"
        assert shown in page.say and page.result["bytes"] == sum(row[4] for row in expected)
        assert page.page.locator("tbody tr").count() == len(expected)
        page.set("width", 2)
        assert page.result["grown"] == pytest.approx(growth(network, 2, *arguments[:3]), rel=1e-12)


def test_twice_the_channels_are_shown_when_asked_for(mounted):
    """The question of the chapter: what doubles, and what quadruples?"""
    page = mounted.open(ArchitectureExplorer())
    dashed = page.page.locator(".d2l-stage svg line")
    assert "times" not in page.say and dashed.count() == 0
    page.page.click(".d2l-answer")
    parameters, macs, memory = growth("vgg11", 2, 224)
    assert 3.9 < parameters < 4 and 3.9 < macs < 4 and memory == 2
    assert "4\u00a0times the parameters and 3.99\u00a0times the work, and write 2\u00a0times the bytes" in page.say
    page.page.wait_for_timeout(600)
    assert dashed.count() == 3 * 5 + 2, (
        "a dashed line where costs differ: five blocks, and the inputs of the first linear layer"
    )


def test_one_goes_through_the_blocks(mounted):
    page = mounted.open(ArchitectureExplorer())
    note, stage = page.page.locator(".d2l-note").nth(1), page.page.locator(".d2l-look")
    assert note.inner_text().startswith("Block 6 of 8, linear, puts out 4096: 103\u00a0M\u00a0parameters (80%)")
    stage.focus()
    for key, start in (
        ("ArrowLeft", "Block 5 of 8, "),
        ("ArrowRight", "Block 6 of 8, "),
        ("ArrowRight", "Block 7 of 8, "),
    ):
        page.page.keyboard.press(key)
        assert note.inner_text().startswith(start)
    assert "head.4" in stage.get_attribute("aria-label")
    box = stage.bounding_box()
    point = box["x"] + 690 / 9 * 1.5, box["y"] + 100
    page.page.mouse.move(*point)
    assert note.inner_text().startswith("Block 1 of 8, conv 3×3, max-pool, puts out 64×112×112: 640\u00a0parameters")
    page.page.mouse.click(*point)
    page.page.mouse.move(point[0] + 200, point[1])
    assert note.inner_text().startswith("Pinned: Block 1 of 8")
    page.page.get_by_role("button", name="reset", exact=True).click()
    assert note.inner_text().startswith("Block 6 of 8")


def test_slabs_move_to_the_sizes_of_another_network_unless_the_reader_wants_no_motion(mounted):
    page = mounted.open(ArchitectureExplorer())
    slabs = "document.querySelector('.d2l-stage svg').innerHTML"
    page.set("network", "resnet50")
    early = page.page.evaluate(slabs)
    page.page.wait_for_timeout(700)
    late = page.page.evaluate(slabs)
    assert early != late
    page.page.emulate_media(reduced_motion="reduce")
    page.set("network", "vgg11")
    page.set("network", "resnet50")
    assert page.page.evaluate(slabs) == late


def test_an_image_that_is_too_small_leaves_the_stage_as_it_was(mounted):
    page = mounted.open(ArchitectureExplorer())
    height = page.page.locator(".d2l-interactive").bounding_box()["height"]
    page.press("size", "Home")
    page.page.wait_for_timeout(800)
    assert page.say.endswith("the smallest size that works is 32 px.")
    assert abs(page.page.locator(".d2l-interactive").bounding_box()["height"] - height) < 60
    assert (
        page.page.locator(".d2l-note[role=status]").inner_text()
        == "Too small: shown is the smallest image that works, 32 px."
    )
    page.press("size", "End")
    assert page.page.locator(".d2l-note[role=status]").inner_text() == ""


def test_mouse_and_keyboard(mounted):
    page = mounted.open(ArchitectureExplorer())
    assert "Linear layers hold 93% of the parameters and do 1.6% of the work" in page.say
    page.control("network").select_option("ResNet-18")
    assert page.get("network") == "resnet18" and page.result["parameters"] == 11_175_370
    assert (
        "are in block 6 (4 conv 3×3, conv 1×1; stages.3 in code); the most work" in page.say
        and "hold less than 0.1%" in page.say
    )
    page.press("size", "ArrowLeft", 3)
    assert page.get("size") == 221 and "221×221 px" in page.say
    page.drag("size", 0.01)
    assert page.result == {"network": "resnet18", "smallest": 17} and "smallest size that works is 17 px" in page.say


@pytest.mark.parametrize("trait", ["network", "width", "size", "channels", "classes"])
def test_nonsense_is_brought_back(mounted, trait):
    page = mounted.open(ArchitectureExplorer())
    for value in ("NaN", "Infinity", -1e9, 1e9, 0, 3.7, None, "many", "VGG-11"):
        page.set(trait, value)
        assert page.say.startswith(("VGG-11", "An image of 8×8 px is too small for VGG-11"))
        assert page.result["network"] == "vgg11" == page.get("network")


def test_python_brings_nonsense_back_too():
    explorer = ArchitectureExplorer(network="vgg12", width=float("nan"), size=1e9, channels=None, classes="many")
    assert repr(explorer) == "ArchitectureExplorer(channels=1, classes=10, network='vgg11', size=320, width=1.0)"
    assert len(explorer.picture().axes) == 3
    assert ArchitectureExplorer(size=8).picture().get_suptitle() == "VGG-11, 32×32 px"  # the smallest that works


def test_a_unit_stands_apart_from_its_number(mounted):
    page = mounted.open(ArchitectureExplorer())
    page.page.locator(".d2l-look").focus()
    page.page.keyboard.press("End")
    assert "40\u00a0B written" in page.page.inner_text(".d2l-interactive")


def dragged(page, column: int, right: float, up: float = 0) -> None:
    """Drag the slab of a column of the drawing, from 0, by so many pixels."""
    box, count = (
        page.page.locator(".d2l-slabs").bounding_box(),
        len(page.get("networks")[page.get("network")]["rows"]) + 1,
    )
    x, y, mouse = box["x"] + box["width"] * (column + 0.5) / count, box["y"] + 170, page.page.mouse
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + right / 2, y - up / 2, steps=3)
    mouse.move(x + right, y - up, steps=3)
    mouse.up()


def test_a_slab_is_dragged_and_its_own_block_changes(mounted):
    page, plain = mounted.open(ArchitectureExplorer()), costs(described("vgg11")["rows"], 224)
    goal, note = page.page.locator(".d2l-goal"), page.page.locator(".d2l-note").nth(1)
    assert goal.inner_text().startswith("A challenge: keep a quarter of the parameters")
    dragged(page, 3, 60)
    rows = page.result["rows"]
    assert [row[1][0] for row in rows] == [64, 128, 512, 512, 512, 4096, 4096, 10], "twice its channels"
    changed = [
        name for name, *row in rows if row != list(map(list_if_tuple, plain[[p[0] for p in plain].index(name)][1:]))
    ]
    assert changed == ["features.2", "features.3"], "its own weights, and those that read its output"
    assert "puts out 512×28×28 (published: 256×28×28)" in note.inner_text()
    parameters = sum(row[2] for row in rows)
    assert f"That is {parameters / sum(row[2] for row in plain):.3g}" in page.say.replace("\u00a0", " ")
    page.page.get_by_role("button", name="reset", exact=True).click()
    assert [row[2:] for row in page.result["rows"]] == [list(row[2:]) for row in plain]
    for column in (6, 7):
        dragged(page, column, -180)
    assert goal.get_attribute("data-reached") == "true" and goal.inner_text().startswith("✓ A quarter")
    dragged(page, 8, 60)
    assert page.result["rows"][-1][1] == [10], "the classes are given"


def list_if_tuple(value):
    return list(value) if isinstance(value, tuple) else value


def test_the_first_slab_is_the_image_and_blocks_that_add_change_together(mounted):
    page = mounted.open(ArchitectureExplorer())
    page.control("network").select_option("ResNet-18")
    goal, note = page.page.locator(".d2l-goal"), page.page.locator(".d2l-note").nth(1)
    assert goal.inner_text().startswith("A challenge: do half of the work")
    dragged(page, 0, 0, -80)
    assert page.get("size") == round(224 * 2 ** (-80 / 120)) and goal.inner_text().startswith("✓ Half of the work")
    dragged(page, 3, 60)
    assert page.get("width") == 2 and "all of them change together" in note.inner_text()
    assert goal.get_attribute("data-reached") == "false"


def test_keys_change_a_block_and_a_finger_that_scrolls_does_not(mounted):
    page = mounted.open(ArchitectureExplorer())
    page.page.locator(".d2l-slabs").focus()
    for key in ("Home", "ArrowRight", "+", "+", "+", "+", "-"):
        page.page.keyboard.press(key)
    assert page.result["rows"][0][1] == [round(64 * 2**0.75), 112, 112]
    page.page.keyboard.press("Home")
    page.page.keyboard.press("-")
    assert page.get("size") == round(224 * 2 ** (-1 / 8))
    before, slabs = page.get("own"), page.page.locator(".d2l-slabs")
    box = slabs.bounding_box()
    where = {"pointerId": 7, "pointerType": "touch", "clientX": box["x"] + 190, "clientY": box["y"] + 150}
    page.page.evaluate("HTMLElement.prototype.setPointerCapture = () => {}")
    slabs.dispatch_event("pointerdown", where)
    slabs.dispatch_event("pointermove", where | {"clientX": where["clientX"] + 40})
    assert page.get("own") != before
    slabs.dispatch_event("pointercancel", where)
    assert page.get("own") == before
