"""What ``fit`` and ``evaluate`` take, and how batches of anyone's become those that the network is given."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Protocol

import torch

from ..machine.devices import check_held

Batch = tuple[torch.Tensor, torch.Tensor]

TAKEN = (
    "give what d2l.load or d2l.wrap returns, a DataLoader or other sized iterable of batches (X, y), or a pair (train, "
    "val) of these. Tensors make DataLoader(TensorDataset(X, y), batch_size=128); of dicts a collate_fn makes pairs"
)


class Batches(Protocol):
    """Batches (X, y), as often as they are asked for, and how many there are, such as a ``DataLoader``."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Any]: ...


class Data(Protocol):
    """Batches to train on and, or None, to measure on."""

    @property
    def train(self) -> Batches: ...

    @property
    def val(self) -> Iterable[Any] | None: ...


def parts_of(data: Data | Batches | tuple[Batches, Iterable[Any] | None]) -> Any:
    """``data`` as it is, where ``data.train`` are batches; else what a pair, or batches alone, make."""
    given: Any = data
    whole = hasattr(data, "val") or not hasattr(data, "__iter__")  # a flag of a data set is called train as well
    if whole and hasattr(getattr(data, "train", None), "__iter__"):
        return given if hasattr(data, "val") else SimpleNamespace(train=given.train, val=None)
    pair = isinstance(data, (tuple, list)) and len(data) == 2
    if not pair or any(isinstance(part, torch.Tensor) or _is_batch(part) for part in given):
        given = (data, None)
    return SimpleNamespace(train=given[0], val=given[1])


def _is_batch(item: object) -> bool:
    return isinstance(item, (tuple, list)) and len(item) == 2 and all(isinstance(part, torch.Tensor) for part in item)


def check_iterable(name: str, batches: Any) -> None:
    """Raise ValueError where nothing can be drawn from ``batches``, as from a data set with its splits."""
    if not hasattr(batches, "__iter__") and not hasattr(batches, "__getitem__"):
        remedy = "give one of its splits, such as data.test" if hasattr(batches, "test") else TAKEN
        raise ValueError(f"{name} is a {type(batches).__name__}, which yields no batches: {remedy}.")


def check_batch(name: str, batch: Any) -> Batch:
    """The X and y of a batch that ``name`` yields; raise ValueError unless it is a pair of fitting tensors."""
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        raise ValueError(f"{name} yields a {type(batch).__name__}, not a batch (X, y): {TAKEN}.")
    X, y = batch
    if not _is_batch(batch) or not X.dim() or not y.dim():
        raise ValueError(
            f"{name} yields ({type(X).__name__}, {type(y).__name__}), not batches of images and labels as tensors: of "
            "a data set of single images make d2l.wrap(dataset), or DataLoader(dataset, batch_size=128)."
        )
    check_held(f"the images of {name}", X)
    check_held(f"the labels of {name}", y)
    if not X.is_floating_point():
        remedy = "give floats, such as X.float() / 255, or d2l.wrap(dataset), which scales and normalizes"
        raise ValueError(f"the images of {name} are {X.dtype}: {remedy}.")
    if len(X) != len(y) or not len(y):
        raise ValueError(f"a batch of {name} has {len(X)} images and {len(y)} labels: give as many of both, not none.")
    if y.is_floating_point() or y.is_complex() or y.dim() > 1:
        remedy = "y.argmax(1)" if y[0].numel() > 1 else "y.reshape(-1).long()"
        kind = f"{y.dtype} of shape {tuple(y.shape)}"
        raise ValueError(f"the labels of {name} are {kind}: give whole numbers of shape ({len(y)},), such as {remedy}.")
    return X, y.long()  # of unsigned ones of more than 8 bits PyTorch knows no least


def check_labels(name: str, labels: torch.Tensor, outputs: int) -> None:
    """Raise ValueError unless all ``labels`` run from 0 to below ``outputs``."""
    low, high = (int(end) for end in labels.aminmax())
    if low < 0 or high >= outputs:
        remedy = "mend the labels" if low < 0 else f"build it with num_classes={high + 1}, or mend the labels"
        if low == -100:
            remedy = "leave these images out; -100, which F.cross_entropy skips, is no label here"
        outside = f"the labels run from {low} to {high} in {name}, but the network has {outputs} outputs"
        raise ValueError(f"{outside}, for labels 0 to {outputs - 1}: {remedy}.")


def length(batches: Any) -> int | None:
    """How many batches there are; None where that is not known."""
    try:
        return len(batches)
    except (TypeError, NotImplementedError):  # a generator, a DataLoader of an IterableDataset
        return None


@dataclass
class Fed:
    """The batches of ``source`` as a network takes them: X in its number type, images channels_last, y int64, both on
    its device. With ``outputs`` labels outside are an error, and a batch of one image where ``least`` is 2.

    No more batches are taken than ``source`` has by its length, where it has one.
    """

    name: str
    source: Any
    on: torch.device | None  # None: where they are
    dtype: torch.dtype
    outputs: int | None = None
    least: int = 1
    ends: list[torch.Tensor] = field(default_factory=list)  # least and greatest labels that wait to be checked

    def __len__(self) -> int:
        return len(self.source)

    def __iter__(self) -> Iterator[Batch]:
        cuda = self.on is not None and self.on.type == "cuda"  # copies to elsewhere must be waited for
        promised, done = length(self.source), 0
        for batch in itertools.islice(self.source, promised):
            X, y = check_batch(self.name, batch)
            if len(y) < self.least:
                remedy = "leave it out, as DataLoader(…, drop_last=True) does"
                raise ValueError(f"{self.name} yields a batch of one image, too few for batch normalization: {remedy}.")
            y = y if self.outputs is None else self.inside(y, self.outputs)
            form = torch.channels_last if X.dim() == 4 else torch.preserve_format
            X = X.to(device=self.on, dtype=self.dtype, non_blocking=cuda, memory_format=form)
            yield X, y.to(device=self.on, non_blocking=cuda)
            done += 1
        self.check_ends()
        if promised and done < promised:
            said = f"{self.name} ended after {done} of the {promised} batches that its length promises"
            warnings.warn(
                f"{said}: mend its __len__. The learning rate follows data.train's.", RuntimeWarning, stacklevel=2
            )

    def inside(self, y: torch.Tensor, outputs: int) -> torch.Tensor:
        """``y``, compared with ``outputs``: on the CPU at once; elsewhere, not to wait, by ``check_ends``. There the
        nearest label stands in until then, since a GPU would stop for good at one outside."""
        if y.device.type == "cpu":
            check_labels(self.name, y, outputs)
            return y
        self.outputs = outputs
        self.ends.append(torch.stack(y.aminmax()))
        return y.clamp(0, outputs - 1)

    def check_ends(self) -> None:
        """Raise ValueError if labels were outside."""
        if self.ends:
            check_labels(self.name, torch.stack(self.ends), self.outputs or 0)
            self.ends.clear()
