"""What can be found out before the first step: options, networks, shapes and labels that do not fit."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

from ..arguments import check_real
from ..data.splits import ImageData, Split
from ..files import check_regular
from ..inspect.trace import InputShapeError, bare, forward_on_meta, number_type, trace
from ..machine import distributed
from ..machine.devices import device, profile
from ..machine.printing import how_many
from ..machine.seeds import generators, random_state, restore_random_state
from .batches import Batch, Data, Fed, check_batch, check_iterable, check_labels, length
from .metrics import widened

CHOICES = {
    "optimizer": ("sgd", "adamw"),
    "schedule": ("one_cycle", "step", "constant"),
    "precision": ("auto", "float32", "bfloat16", "float16"),
}
NUMBERS: dict[str, tuple[Callable[[float], bool], str]] = {
    "lr": (lambda value: value > 0, "a positive learning rate, such as 0.1"),
    "momentum": (lambda value: 0 <= value < 1, "a number from 0 to below 1, such as 0.9"),
    "weight_decay": (lambda value: value >= 0, "a number from 0, such as 5e-4"),
    "label_smoothing": (lambda value: 0 <= value <= 1, "a number from 0 to 1, such as 0.1"),
}


def fact(source: Any, name: str) -> Any:
    """What an ``ImageData``, a ``Split`` or a ``DataLoader`` tells of itself; None is unknown.

    Others are not believed: their ``size`` or ``labels`` may be anything.
    """
    source = source.source if isinstance(source, Fed) else source
    if isinstance(source, DataLoader) and name == "num_images" and not isinstance(source.dataset, IterableDataset):
        return length(source.sampler)
    own = isinstance(source, (ImageData, Split)) or (isinstance(source, DataLoader) and name == "batch_size")
    return getattr(source, name, None) if own else None


def check_options(options: dict[str, Any]) -> dict[str, Any]:
    """The options of ``fit``, their numbers as floats; raise ValueError, with what to give, where one does not fit."""
    for name, known in CHOICES.items():
        if options[name] not in known:
            raise ValueError(f"{name} is {options[name]!r}: choose one of {', '.join(map(repr, known))}.")
    return options | {name: check_real(name, options[name], *limits) for name, limits in NUMBERS.items()}


def check_writable(path: str | os.PathLike) -> None:
    """Raise OSError unless a file can be written at ``path``: better now than after an hour of training."""
    folder = Path(os.path.realpath(check_regular(path))).parent
    try:
        tempfile.TemporaryFile(dir=folder).close()  # permissions alone do not tell, as of /proc or on Windows
    except OSError as error:
        why = "may not be written" if folder.is_dir() else "does not exist"
        raise OSError(f"cannot write {path}: the folder {folder} {why}. Make it, or give another path.") from error


def check_fit(net: nn.Module, data: Data) -> tuple[torch.device, Any]:
    """Find out before the first step whether network, image size, channels, labels and batches fit each other.

    Returns:
        Where the network must go, and ``data`` as it is then given them: batches that lie elsewhere, or are not as
        ``Split`` makes them, are brought there.
    """
    net = bare(net)
    _check_network(net)
    train, val = data.train, data.val
    shape, labels, on = _look("data.train", train)
    outputs = _outputs(net, shape)
    check_labels("data.train", labels, outputs)
    if val is not None:
        val_shape, val_labels, _ = _look("data.val", val, counted=False)
        if val_shape != shape:
            trace(net, val_shape)
        check_labels("data.val", val_labels, outputs)
    _check_last_batch(net, shape, train)
    if isinstance(train, Split) and number_type(net) == torch.float32:
        return on, data
    least = 2 if _needs_two(net, shape) else 1
    known = isinstance(train, (Split, list, tuple))  # whose labels are checked, all of them
    fed = Fed("data.train", train, on, number_type(net), None if known else outputs, least)
    return on, SimpleNamespace(train=fed, val=val)


def _check_network(net: nn.Module) -> None:
    if not torch.is_grad_enabled():
        raise ValueError("gradients are off here: call fit outside of torch.no_grad() and torch.inference_mode().")
    weights = list(net.parameters())
    if any(weight.is_meta for weight in weights):
        raise ValueError("the network's weights are on the meta device, without numbers: build it without device=meta.")
    if not any(weight.requires_grad for weight in weights):
        remedy = "call layer.requires_grad_(True) for the layers that are to learn"
        raise ValueError(f"no weight of the network requires a gradient, so that nothing can be trained: {remedy}.")
    if (dtype := number_type(net)) in (torch.float16, torch.bfloat16):
        remedy = "call net.float(); fit computes in half precision by itself, see precision"
        raise ValueError(f"the network's weights are {dtype}, too coarse to be trained: {remedy}.")
    kinds = {weight.dtype for weight in weights if weight.is_floating_point() or weight.is_complex()}
    odd = kinds - {dtype, torch.float16, torch.bfloat16}  # narrow ones that are frozen may be meant for autocast
    if odd:
        found = " and ".join(sorted(map(str, {dtype} & kinds | odd)))
        raise ValueError(f"the network's weights are {found}: give all one kind of real numbers, as net.float() does.")


def _look(name: str, batches: Any, counted: bool = True) -> tuple[tuple[int, ...], torch.Tensor, torch.device]:
    """Of ``batches``: the shape of two images, labels (all, where they are known), and where a network should be."""
    if isinstance(batches, Split) and len(batches):
        return (2, batches.images.shape[1], batches.size, batches.size), batches.labels, batches.device
    count = length(batches)
    if count == 0:
        remedy = "there is nothing to train on" if counted else "give None to train without validation"
        raise ValueError(f"{name} has no batches: {remedy}.")
    check_iterable(name, batches)
    if counted and count is None:
        remedy = "give a list of its batches, or a class whose __len__ says how many make an epoch"
        raise ValueError(f"{name} ({type(batches).__name__}) has no length, from which the rate follows: {remedy}.")
    X, y = _first(name, batches)
    if isinstance(batches, (list, tuple)):
        y = torch.cat([check_batch(name, batch)[1].cpu() for batch in batches])
    return (2, *X.shape[1:]), y, device() if X.device.type == "cpu" else X.device


def _first(name: str, batches: Any) -> Batch:
    """The first batch; what draws random numbers for it draws the same ones again in the first epoch."""
    own = generators(batches)
    state = random_state(own)
    passing = iter(batches)
    if passing is batches:
        raise ValueError(f"{name} can be passed through only once, and each epoch does: give a list of its batches.")
    batch = next(passing, None)
    restore_random_state(state, own)
    if batch is None:
        raise ValueError(f"{name} has no batches: there is nothing to train on.")
    return check_batch(name, batch)


def _outputs(net: nn.Module, shape: tuple[int, ...]) -> int:
    """How many classes the network tells apart in training, for images of ``shape``."""
    found = trace(net, shape)[-1].output_shape
    logits, problem = _in_training(net, shape)
    if problem is None:
        found = tuple(widened(logits).shape)
        if not logits.requires_grad:
            remedy = "take detach(), argmax, torch.no_grad() and the like out of forward"
            raise ValueError(f"the network's output has no gradient, so that nothing can be trained: {remedy}.")
    elif "meta" not in problem.lower():  # not one that cannot be followed without numbers
        raise InputShapeError(f"an input of shape {shape} fits the network, but in training it fails with “{problem}”.")
    if len(found) != 2 or found[0] != shape[0]:
        wanted = f"({shape[0]}, number of classes)"
        raise InputShapeError(f"the network gives an output of shape {found} for {shape[0]} images, not {wanted}.")
    return found[1]


def _in_training(net: nn.Module, shape: tuple[int, ...]) -> tuple[Any, str | None]:
    """The network's output in training mode, without numbers, and what it fails with; None where it does not."""
    try:
        return forward_on_meta(net, shape, training=True), None
    except Exception as error:
        return None, str(error).partition("\n")[0] or type(error).__name__


def _needs_two(net: nn.Module, shape: tuple[int, ...]) -> bool:
    """Whether a batch normalization fails on one image, as a fully connected one does."""
    return "more than 1 value per channel" in str(_in_training(net, (1, *shape[1:]))[1])


def _check_last_batch(net: nn.Module, shape: tuple[int, ...], train: Any) -> None:
    """A fully connected batch normalization fails on one image, and a process on none, when an epoch is nearly over."""
    images, batch_size, loader = fact(train, "num_images"), fact(train, "batch_size"), isinstance(train, DataLoader)
    if not images or not batch_size or (loader and train.drop_last):
        return

    def last(batch_size: int) -> int:
        return images % batch_size or batch_size

    processes = 1 if loader else distributed.size()  # a DataLoader has the images of its process
    share = last(batch_size) // processes  # the smallest
    if share > 1 or (share == 1 and not _needs_two(net, shape)):
        return
    of = f" for one of {processes} processes" if processes > 1 else ""
    too_few = f"one image{of}, and batch normalization cannot work with one"
    if not share:
        too_few = f"{last(batch_size)}, too few for {processes} processes"
    sizes = range(batch_size + 1, images + batch_size)
    works = next((size for size in sizes if last(size) // processes > 1), None)
    remedy = f"load the data with batch_size={works}" if works else "use fewer processes, or more images"
    if loader:
        remedy = "give DataLoader drop_last=True" + (f", or batch_size={works}" if works else "")
    given = f"{how_many(images, 'image')} in batches of {batch_size}"
    raise ValueError(f"{given} leave a last batch of {too_few}: {remedy}.")


def epoch_budget(data: Data, epochs: int, quick_epochs: int | None) -> tuple[int, list[str]]:
    """Epochs to run under the active profile, and what to announce about it."""
    total, images = fact(data.train, "total"), fact(data.train, "num_images")
    if profile() != "quick" or quick_epochs is None or total is None:
        return epochs, []
    cap = max(quick_epochs, math.ceil(quick_epochs * (fact(data, "quick_images") or images) / images))
    run = min(epochs, cap)
    if run == epochs and images == total:
        return epochs, []
    return run, [f"quick profile: {images:,} of {total:,} images, {run} of {how_many(epochs, 'epoch')}"]
