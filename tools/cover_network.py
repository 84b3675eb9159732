"""Train the small network of handwritten digits on the first page, and store it with what it was measured to reach.

`python -m tools.cover_network` takes some minutes on two cores and needs MNIST. `cover_network.json` beside this file
holds the interactive's settings, the test accuracy, the date and the versions; `book/_static/cover_network.svg` is its
picture, for whoever has no script. The drawing that the page opens with is made of the points below, so no image of the
data set is stored.
"""

import base64
import datetime
import io
import json
import os
import re
import sys

from tools import files, project

STORED = project.ROOT / "tools" / "cover_network.json"
PICTURE = project.BOOK / "_static" / "cover_network.svg"
EPOCHS, WIDTH = 30, 2.5
#: the first digit, written by hand: points (row, column) in pixels, through which a smooth line goes
THREE = [
    (7.5, 9), (5.5, 11), (4.8, 14), (5.6, 17), (8, 18.5), (10.5, 17.5), (12.3, 15), (12.8, 12.5), (13, 15.5),
    (15, 18.5), (18, 19.3), (20.8, 18), (22.4, 15), (22.3, 12), (20.5, 9),
]  # fmt: skip
PNG = re.compile(r'(?<=data:image/png;base64,)[^"]+')
DARK = "<style>@media (prefers-color-scheme: dark) { text { fill: #ddd !important } }</style>"


def smooth(points, pieces: int = 3) -> list[list[float]]:
    """Points of a Catmull-Rom spline through ``points``."""
    import numpy as np

    ends = np.array([points[0], *points, points[-1]], float)
    line = []
    for before, start, end, after in zip(ends, ends[1:], ends[2:], ends[3:]):
        for share in np.arange(pieces) / pieces:
            bend = (2 * before - 5 * start + 4 * end - after, 3 * start - before - 3 * end + after)
            line.append(start + share * (end - before) / 2 + share**2 * bend[0] / 2 + share**3 * bend[1] / 2)
    return [[round(float(at), 1) for at in point] for point in [*line, ends[-1]]]


def network():
    """Two convolutions and a linear layer: (N, 1, 28, 28) → (N, 10)."""
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(1, 8, 5, stride=2, padding=2), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(784, 10),
    )  # fmt: skip


def interactive(net, mean: float, std: float):
    """The first page's interactive for a trained network."""
    from d2lite.widgets import LiveNetwork
    from d2lite.widgets.live_network import drawn

    strokes = [smooth(THREE)]
    images, digits = drawn(strokes, 28, WIDTH)[None], [str(digit) for digit in range(10)]
    look = {"strokes": strokes, "width": WIDTH, "centered": True, "compact": True}
    return LiveNetwork(net, images, digits, mean, std, **look)


def told(widget) -> str:
    """The picture of the interactive in words."""
    from d2lite.widgets.live_network import first_maps

    outputs = widget.activations(0)
    (first, *_), (second, *_) = (outputs[at].shape for at in first_maps([tuple(output.shape) for output in outputs]))
    share, digit = outputs[-1].softmax(0).max(0)
    return (
        f"A digit drawn by hand, the {first} and {second} maps that two layers of a small network make of it, and ten "
        f"bars, one for each digit: the network says {digit} and gives it {share:.0%}."
    )


def gray(png: str) -> str:
    """A PNG of gray maps, in base64, without the colors that it has no use for: half the size."""
    from PIL import Image

    Image.open(io.BytesIO(base64.b64decode(png))).convert("LA").save(packed := io.BytesIO(), "PNG", optimize=True)
    return base64.b64encode(packed.getvalue()).decode()


def picture(widget) -> str:
    """The picture of the interactive as SVG, whose text is light where the page is dark.

    The first page loads it, so it holds nothing that is not seen.
    """
    import matplotlib

    drawing, nothing = io.StringIO(), dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "d2l", "font.family": "sans-serif"}):
        widget.picture().savefig(drawing, format="svg", transparent=True, metadata=nothing)
    drawn = drawing.getvalue().replace("<defs>", f"{DARK}<defs>", 1)
    return PNG.sub(lambda found: gray(found[0]), drawn)


def main() -> int:
    """Train, measure, store."""
    os.environ["D2LITE_PROFILE"] = "full"
    import torch

    import d2lite as d2l
    from d2lite.widgets.live_network import rounded

    d2l.seed_everything(0)
    data, net = d2l.load("mnist", augment=True, fallback=False), network()
    d2l.fit(net, data, EPOCHS, 5e-3, optimizer="adamw", weight_decay=0.01)
    measured = d2l.evaluate(rounded(net), data.test)
    widget = interactive(net, *(float(torch.as_tensor(value).flatten()[0]) for value in (data.mean, data.std)))
    stored = {
        "date": f"{datetime.date.today()}", "accuracy": measured.accuracy, "images": measured.n,
        "numbers": sum(parameter.numel() for parameter in net.parameters()), "torch": torch.__version__,
        "python": sys.version.split(" ")[0], "d2lite": project.distribution()["version"], "alt": told(widget),
        "state": {**widget.settings(), "result": {}},
    }  # fmt: skip
    files.write(STORED, json.dumps(stored) + "\n")
    files.write(PICTURE, picture(widget))
    print(f"{measured.n} test images: {measured.accuracy:.4f} right; {STORED.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
