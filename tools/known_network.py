"""Store the small trained network for the pages of the site, where no notebook runs it.

`python -m tools.known_network` writes `known_network.json` beside this file: the steps of `d2l.pretrained()`, its
weights in six bits each, and a photograph of each of its classes, out of those that the comparison shows. The site
hands it to pages that ask for it; see `script`.
"""

import base64
import io
import json

from tools import files, project

STORED = project.ROOT / "tools" / "known_network.json"
WIDGETS = project.ROOT / "d2lite" / "widgets"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"  # a weight is one: from -31 to 31 steps
LARGEST = 31
PARTS = ("exported_network.js", "known_network.js", "photo_lens.js", "photo_lens.css")
#: which of the comparison's images are shown: one of each class, named correctly, those first of which it is less sure
SHOWN = (101, 9, 96, 118, 55, 37, 49, 61)


def packed(numbers, steps) -> tuple[str, list[float], list[float]]:
    """The weights as letters, the step of each output channel, and the biases, in the order of the steps."""
    import torch

    letters, sizes, biases = [], [], []
    for step in steps:
        if "weight" not in step:
            continue
        count = step["bias"] - step["weight"]
        channels = step["shape"][0]
        weight = numbers[step["weight"] : step["bias"]].reshape(channels, count // channels)
        size = weight.abs().amax(1).clamp_min(1e-12) / LARGEST
        levels = torch.round(weight / size[:, None]) + LARGEST
        letters += ["".join(LETTERS[int(level)] for level in row) for row in levels]
        sizes += [float(f"{value:.5g}") for value in size]
        biases += [float(f"{value:.5g}") for value in numbers[step["bias"] : step["bias"] + channels]]
    return "".join(letters), sizes, biases


def unpacked(stored):
    """All numbers as the page has them."""
    import torch

    values, at, channel = [], 0, 0
    for step in stored["steps"]:
        if "weight" not in step:
            continue
        channels, count = step["shape"][0], step["bias"] - step["weight"]
        places = torch.tensor([LETTERS.index(letter) - LARGEST for letter in stored["letters"][at : at + count]])
        sizes = torch.tensor(stored["sizes"][channel : channel + channels])
        values.append((places.reshape(channels, -1) * sizes[:, None]).flatten())
        values.append(torch.tensor(stored["biases"][channel : channel + channels]))
        at, channel = at + count, channel + channels
    return torch.cat(values)


def photographs(classes) -> list[dict]:
    """Photographs with their labels, as PNG in base64, out of the state of the comparison's interactive."""
    import nbformat
    from PIL import Image

    from tools import notebooks

    nb = nbformat.read(project.notebook("comparison"), as_version=4)
    state = next(model["state"] for model in notebooks.widgets(nb).values() if "pixels" in model["state"])
    sheet = Image.open(io.BytesIO(base64.b64decode(state["pixels"].partition(",")[2]))).convert("RGB")
    found = []
    for at in SHOWN:
        sheet.crop((0, 32 * at, 32, 32 * at + 32)).save(file := io.BytesIO(), "PNG", optimize=True)
        label = state["classes"][state["labels"][at]]
        assert label in classes, label
        found.append({"label": label, "png": base64.b64encode(file.getvalue()).decode()})
    return found


def script() -> str:
    """What a page loads: the lens of an interactive, the network, its photographs, and what runs it in a worker."""
    net = json.loads(STORED.read_text("utf-8"))
    shown = [{"name": one["label"], "src": f"data:image/png;base64,{one['png']}"} for one in net.pop("photographs")]
    texts = {name: (WIDGETS / name).read_text("utf-8") for name in PARTS}
    network, worker, lens, style = texts.values()
    told = {"source": f"{network}\n{worker}", "lens": lens, "style": style, "photographs": shown, "net": net}
    return f"self.d2lKnown = {json.dumps(told)};\n"


def main() -> int:
    """Pack, measure, store."""
    import torch

    import d2lite as d2l
    from d2lite.widgets.exported_page import steps_of

    known = d2l.pretrained()
    steps, numbers = steps_of(known.net, torch.zeros(1, 3, known.size, known.size), len(known.classes))
    letters, sizes, biases = packed(numbers, steps)
    stored = {
        "classes": [*known.classes], "size": known.size, "mean": [*known.mean], "std": [*known.std], "steps": steps,
        "letters": letters, "sizes": sizes, "biases": biases, "origin": known.dataset,
        "photographs": photographs(known.classes),
    }  # fmt: skip
    files.write(STORED, json.dumps(stored) + "\n")
    print(f"{STORED.name}: {STORED.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
