"""What a training step of each network takes: time, measured on a quiet machine, and memory, counted."""

import statistics
from types import SimpleNamespace

import torch
from torch import nn

import d2lite as d2l
from tools.measure.training import stamp

CHANNELS, CLASSES = 3, 10
STEPS, ROUNDS = 4, 5  # training steps timed together, and how often
FEW = 4  # images that are enough to count what a forward pass keeps
COST = ("network", "input_px", "channels", "batch_size", "device")  # says of what a row is


def measure(recipe: d2l.Recipe) -> dict:
    """Time training steps of one network on random images and count the memory that they need; return its row."""
    on, size, batch = d2l.device(), recipe.size, recipe.batch_size
    X = torch.randn(batch, CHANNELS, size, size, device=on).contiguous(memory_format=torch.channels_last)
    y = torch.randint(CLASSES, (batch,), device=on)
    net = d2l.build(recipe, CHANNELS, CLASSES, size)
    steps = STEPS if on.type == "cpu" else 25 * STEPS
    data = SimpleNamespace(train=[(X, y)] * steps, val=None)
    fit_options = {**recipe.fit_options, "epochs": ROUNDS + 1, "quick_epochs": None}
    history = d2l.fit(net, data, listener=None, **fit_options)
    median = statistics.median(record.seconds for record in list(history)[1:])  # the first one warms up
    memory = held(net.cpu(), X[:FEW].cpu(), batch, recipe)
    summary = d2l.summary(net, (1, CHANNELS, size, size))
    return stamp({
        "network": recipe.name, "input_px": size, "channels": CHANNELS, "batch_size": batch,
        "parameters": summary.parameters, "macs": summary.macs, "images_per_second": f"{steps * batch / median:.0f}",
        "memory_mb": f"{memory / 1e6:.0f}",
    })  # fmt: skip


def held(net: nn.Module, X: torch.Tensor, batch: int, recipe: d2l.Recipe) -> float:
    """Bytes that a training step in float32 holds: weights, gradients, the optimizer's averages, and feature maps.

    The maps are those that the forward pass keeps for the backward pass, for ``batch`` images; X holds a few of these.
    A process needs more, such as PyTorch itself and the allocator's leftovers: that is the same for every network, or
    luck, and made the peak of a process a poor measure of a network.
    """
    weights = {tensor.untyped_storage().data_ptr() for tensor in (*net.parameters(), *net.buffers())}
    kept = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        X = X.clone()  # a few of a batch lie in the storage of all of it
        logits = net.train()(X)  # named, so that what it needs lives until all is counted
    numbers = {"adamw": 4, "sgd": 3 if recipe.momentum else 2}[recipe.optimizer]  # for each weight
    return 4 * numbers * sum(p.numel() for p in net.parameters()) + sum(kept.values()) * batch / len(logits)
