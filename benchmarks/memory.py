"""How much memory does a training step need, and loading a data set? The most at any time, in MB (2^20 bytes).

Each is measured in a process of its own. Host memory is what was added to that process once PyTorch and d2lite were
loaded and their libraries had been used; device memory is what PyTorch had allocated there, and left empty without a
CUDA device.

    python -m benchmarks.memory [--networks resnet18]
"""

import os
from pathlib import Path
from types import SimpleNamespace

import torch
from torch.nn import functional as F

import d2lite as d2l
from benchmarks import common
from d2lite.data.catalog import DATASETS
from d2lite.data.loading import is_available
from d2lite.machine.devices import most_memory
from tools.measure.process import alone

STEPS = 3  # the second one has momentum and gradients of the first


def most_on_host() -> int:
    """The most memory of this process so far, in bytes.

    Linux's own record of the process: getrusage counts what the parent held when it started this one, too.
    """
    status = Path("/proc/self/status")
    if status.exists():
        peak = next(line for line in status.read_text("utf-8").splitlines() if line.startswith("VmHWM:"))
        return int(peak.split()[1]) * 1024
    return most_memory(torch.device("cpu"))


def start() -> tuple[torch.device, int]:
    """Use the libraries once, whose memory is nobody's; the device, and the host memory until here."""
    on = d2l.device()
    F.conv2d(torch.randn(2, 1, 8, 8, device=on), torch.randn(1, 1, 3, 3, device=on)).sum().item()
    if on.type == "cuda":
        torch.cuda.reset_peak_memory_stats(on)
    return on, most_on_host()


def figures(on: torch.device, before: int) -> dict:
    """The two columns of memory."""
    device = most_memory(on) / 2**20 if on.type == "cuda" else ""
    return {"host_mb": (most_on_host() - before) / 2**20, "device_mb": device}


def training(name: str) -> dict:
    """The row of a training step of a network, by its recipe."""
    recipe, size = d2l.recipe(name), common.SIZES[name]
    on, before = start()
    X = torch.randn(recipe.batch_size, 1, size, size, device=on).contiguous(memory_format=torch.channels_last)
    y = torch.randint(10, (recipe.batch_size,), device=on)
    data = SimpleNamespace(train=[(X, y)] * STEPS, val=None)
    net = d2l.build(recipe, 1, 10, size)
    d2l.fit(net, data, **{**recipe.fit_options, "epochs": 1, "quick_epochs": None}, listener=None)
    row = {"what": "training step", "name": name, "input_px": size, "batch_size": recipe.batch_size}
    return row | figures(on, before)


def loading(name: str) -> dict:
    """The row of loading a data set."""
    on, before = start()
    data = d2l.load(name, fallback=False)
    row = {"what": "data set", "name": name, "input_px": data.size, "batch_size": ""}
    return row | figures(on, before)


def main(argv: list[str] | None = None) -> int:
    """Command line."""
    parser = common.parser(__doc__, pairs=1)
    common.add_networks(parser)
    options = parser.parse_args(argv)
    os.environ["D2LITE_PROFILE"] = "full"
    networks, names = options.networks, [name for name in DATASETS if is_available(name)]
    if options.quick:
        networks, names = networks[:1], []
    rows = []
    for name in networks:
        print(f"{name} …", flush=True)
        rows.append(alone(training, name))
    for name in names:
        print(f"{name} …", flush=True)
        rows.append(alone(loading, name))
    return common.finish("memory", rows, options, keys=("what", "name"))


if __name__ == "__main__":
    raise SystemExit(main())
