"""Train the small network whose weights ship with d2lite, on all classes of CIFAR-10 but two.

The two that it never saw stand in for a reader's own photographs in the chapter on these. An interrupted run goes on
where it was: `make pretrained` again.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

import d2lite as d2l
from d2lite.data.assemble import image_data
from d2lite.data.download import cache_folder
from d2lite.files import write_atomically
from d2lite.nets import weights
from tools import project
from tools.measure.training import Clock, stamp

NETWORK, SEED = "resnet8_narrow", 0


def without(data: d2l.ImageData, left_out: tuple[str, ...]) -> d2l.ImageData:
    """``data`` without the images of the classes that are ``left_out``; the others get new numbers in their order."""
    kept = [label for label, name in enumerate(data.classes) if name not in left_out]
    number = torch.full((len(data.classes),), -1)
    number[kept] = torch.arange(len(kept))
    arrays, totals = {}, {}
    for part in ("train", "val", "test"):
        split = getattr(data, part)
        labels = number[split.labels.cpu()]
        images = split.images.permute(0, 2, 3, 1).cpu()[labels >= 0]
        arrays[part], totals[part] = (images.numpy(), labels[labels >= 0].numpy()), len(images)
    return image_data(
        data.name, data.label, [data.classes[label] for label in kept], arrays, size=data.size,
        batch_size=data.batch_size, augment=data.train.augment, totals=totals,
    )  # fmt: skip


def write(facts: Mapping, state: Mapping[str, np.ndarray]) -> None:
    """Store weights with ``facts`` on where they come from, in a file that holds nothing but arrays."""
    told = np.frombuffer(json.dumps(dict(facts)).encode(), np.uint8)
    arrays: dict[str, Any] = {weights.FACTS: told, **state}
    write_atomically(weights.FILE, lambda file: np.savez_compressed(file, **arrays))


def main(arguments: list[str] | None = None) -> None:
    """Train, measure on the test images, and write the weights with their origin into the package."""
    parser = argparse.ArgumentParser(prog="tools.pretrain", description=__doc__)
    parser.add_argument("--epochs", type=int, default=16, help="passes over the training images (default: %(default)s)")
    epochs = parser.parse_args(arguments).epochs
    os.environ["D2LITE_PROFILE"] = "full"
    recipe = replace(d2l.recipe(NETWORK, "ten_minutes"), label_smoothing=0, epochs=epochs)
    d2l.seed_everything(SEED)
    data = without(d2l.load(recipe.dataset, fallback=False, **recipe.load_options), weights.LEFT_OUT)
    net = d2l.build(recipe, data.channels, len(data.classes), data.size)
    path = cache_folder() / "pretrained.pt"
    history = d2l.fit(net, data, listener=Clock(None, "pretrained"), checkpoint=path, **recipe.fit_options)
    if history.interrupted:
        sys.exit("Interrupted: `make pretrained` goes on where this was.")
    rounded = {name: value.half() if value.is_floating_point() else value for name, value in net.state_dict().items()}
    net.load_state_dict(rounded)  # what is measured is what ships
    facts = {
        "network": NETWORK, "classes": list(data.classes), "left_out": weights.LEFT_OUT,
        "size": data.size, "mean": data.mean, "std": data.std, "dataset": data.label,
        "images": data.train.num_images, "epochs": recipe.epochs, "lr": recipe.lr, "seed": SEED,
        "test_accuracy": round(d2l.evaluate(net, data.test).accuracy, 4),
    }  # fmt: skip
    write(stamp(facts), {name: value.cpu().numpy() for name, value in rounded.items()})
    path.unlink(missing_ok=True)
    size = weights.FILE.stat().st_size
    print(f"{weights.FILE.relative_to(project.ROOT)}: {size / 1e6:.2f} MB, test accuracy {facts['test_accuracy']}")


if __name__ == "__main__":
    main()
