"""Exact loss and accuracy: sums over samples, never a mean of batch means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from .shapes import in_mode


@dataclass(frozen=True)
class Metrics:
    """Mean loss (nats a sample) and accuracy (fraction) over ``n`` samples, exact also when the last batch is short."""

    loss: float
    accuracy: float
    n: int


class Tally:
    """Adds up loss and hits of batches without waiting for the device; ``metrics`` waits, once."""

    def __init__(self) -> None:
        self.losses: list[torch.Tensor] = []
        self.hits: list[torch.Tensor] = []
        self.n = 0

    def add(self, mean_loss: torch.Tensor, logits: torch.Tensor, y: torch.Tensor) -> None:
        self.losses.append(mean_loss.detach() * len(y))
        self.hits.append((logits.detach().argmax(dim=1) == y).sum())
        self.n += len(y)

    def metrics(self) -> Metrics:
        if not self.n:
            raise ValueError("there is nothing to measure: the split has no batches.")
        loss = torch.stack(self.losses).cpu().double().sum().item()
        return Metrics(loss / self.n, torch.stack(self.hits).sum().item() / self.n, self.n)


def evaluate(net: nn.Module, split: Iterable) -> Metrics:
    """Loss and accuracy of ``net`` over all of ``split``, from sums over samples, in evaluation mode.

    Args:
        net: maps (N, C, H, W) to logits (N, num_classes); its mode is the same afterwards as before.
        split: iterates (X, y) on the network's device, such as ``data.test``.
    """
    tally = Tally()
    with in_mode(net, training=False), torch.no_grad():
        for X, y in split:
            logits = net(X)
            tally.add(F.cross_entropy(logits.float(), y), logits, y)
    return tally.metrics()
