"""What a training step of each network takes, in time and memory: a pass of its own, on a quiet machine."""

import statistics
from types import SimpleNamespace

import torch
from torch.nn import functional as F

import d2lite as d2l
from d2lite.machine.devices import most_memory
from tools.measure.training import stamp

CHANNELS, CLASSES = 3, 10
STEPS, ROUNDS = 4, 5  # training steps timed together, and how often
COST = ("network", "input_px", "channels", "batch_size", "device")  # says of what a row is


def measure(recipe: d2l.Recipe) -> dict:
    """Time training steps of one network on random images and take the memory that they need; return its row."""
    on, size, batch = d2l.device(), recipe.size, recipe.batch_size
    X = torch.randn(batch, CHANNELS, size, size, device=on).contiguous(memory_format=torch.channels_last)
    y = torch.randint(CLASSES, (batch,), device=on)
    F.conv2d(X[:2], torch.randn(1, CHANNELS, 3, 3, device=on)).sum().item()  # the libraries' own memory does not count
    before = most_memory(on)
    net = d2l.build(recipe, CHANNELS, CLASSES, size)
    steps = STEPS if on.type == "cpu" else 25 * STEPS
    data = SimpleNamespace(train=[(X, y)] * steps, val=None)
    fit_options = {**recipe.fit_options, "epochs": ROUNDS + 1, "quick_epochs": None}
    history = d2l.fit(net, data, listener=None, **fit_options)
    median = statistics.median(record.seconds for record in list(history)[1:])  # the first one warms up
    memory = most_memory(on) - before
    summary = d2l.summary(net, (1, CHANNELS, size, size))
    return stamp({
        "network": recipe.name, "input_px": size, "channels": CHANNELS, "batch_size": batch,
        "parameters": summary.parameters, "macs": summary.macs, "images_per_second": f"{steps * batch / median:.0f}",
        "memory_mb": f"{memory / 2**20:.0f}",
    })  # fmt: skip
