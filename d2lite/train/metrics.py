"""Exact loss and accuracy: sums over samples, never a mean of batch means."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from ..data.splits import Split
from ..inspect.trace import InputShapeError, bare, called, in_mode, number_type
from ..machine import distributed
from .batches import Fed, check_iterable, check_labels


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

    def sums(self) -> torch.Tensor:
        """Loss, hits and samples of this process, summed: float64 (3,), on the CPU."""
        losses, hits = (torch.stack(parts).cpu().double().sum() if parts else 0.0 for parts in (self.losses, self.hits))
        return torch.tensor([losses, hits, self.n], dtype=torch.float64)

    def metrics(self, alone: bool = False) -> Metrics:
        """Of all processes of the run, each of which must ask for it; or of this one ``alone``."""
        loss, hits, n = (self.sums() if alone else distributed.total(self.sums())).tolist()
        if not n:
            raise ValueError("there is nothing to measure: the split has no batches.")
        return Metrics(loss / n, hits / n, int(n))


def widened(logits: torch.Tensor) -> torch.Tensor:
    """``logits`` as float32 where autocast left them narrower: a loss is not computed in half precision.

    Raises:
        InputShapeError: they are not one tensor (N, num_classes).
    """
    if not isinstance(logits, torch.Tensor):
        raise InputShapeError(
            f"the network gives a {type(logits).__name__}, not one tensor of logits (N, num_classes): let forward "
            "return the logits alone; torchvision's GoogLeNet and Inception do so with aux_logits=False."
        )
    if logits.dim() != 2:
        raise InputShapeError(
            f"the network's output has the shape {tuple(logits.shape)}, not (N, num_classes): flatten it at the end."
        )
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def evaluate(net: nn.Module, split: Iterable) -> Metrics:
    """Loss and accuracy of ``net`` over all of ``split``, from sums over samples, in evaluation mode.

    Args:
        net: maps (N, C, H, W) to logits (N, num_classes); its mode is the same afterwards as before.
        split: iterates (X, y), such as ``data.test`` or a ``DataLoader``; batches are brought to the network's device
            and number type. Under ``torchrun`` each process measures its share, and all get the figures of the whole.

    Raises:
        ValueError: images or labels do not fit; says what would.
    """
    check_iterable("the split", split)
    on = next((held.device for held in itertools.chain(bare(net).parameters(), net.buffers())), None)
    tally, fed = Tally(), Fed("the split", split, on, number_type(net))
    own = split if isinstance(split, Split) and split.device == on and fed.dtype == torch.float32 else None
    with in_mode(net, training=False), torch.no_grad():
        for X, y in own or fed:
            logits = widened(called(net, X, net))
            if own is None:
                y = fed.inside(y, logits.shape[1])
            elif not tally.n:
                check_labels("the split", own.labels, logits.shape[1])
            tally.add(F.cross_entropy(logits, y), logits, y)
    fed.check_ends()
    return tally.metrics()
