"""Weights and training states on disk: written whole or not at all, read without running code from the file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .files import check_zip, write_atomically

FORMAT = 1


def save(net: nn.Module, path: str | os.PathLike) -> Path:
    """Write the network's parameters and buffers to ``path``.

    Raises:
        OSError: the folder is missing or read-only, or the disk is full; what stood at ``path`` before stays.
    """
    state = {name: tensor.detach().cpu() for name, tensor in net.state_dict().items()}
    return write_state(path, {"network": type(net).__name__, "state_dict": state})


def restore(net: nn.Module, path: str | os.PathLike) -> nn.Module:
    """Copy what ``save`` wrote into ``net``, on whichever device it is, and return ``net``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, or it holds another network; ``net`` is then unchanged.
    """
    content = read_state(path)
    saved = content.get("state_dict")
    if not isinstance(saved, dict):
        raise ValueError(f"{path} holds no network: give a file that d2lite.save wrote.")
    check_same_shapes(net, saved, f"{path} holds a {content.get('network', 'network')}")
    net.load_state_dict(saved)
    return net


def check_same_shapes(net: nn.Module, saved: dict[str, torch.Tensor], source: str) -> None:
    """Raise ValueError, which starts with ``source``, unless names and shapes of ``saved`` are those of ``net``."""
    own = net.state_dict()
    problems = [f"{name} is missing in the file" for name in own if name not in saved]
    problems += [f"{name} is not in this network" for name in saved if name not in own]
    problems += [
        f"{name} has shape {_shape(saved[name])} in the file and {_shape(own[name])} here"
        for name in own
        if name in saved and _shape(saved[name]) != _shape(own[name])
    ]
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise ValueError(
            f"{source} that does not fit this {type(net).__name__}: {'; '.join(problems[:3])}{more}. Build the network "
            "with the settings it was saved with."
        )


def _shape(entry: object) -> tuple[int, ...] | None:
    """Of a tensor; None of anything else, which a file of someone else's may hold under a tensor's name."""
    return tuple(entry.shape) if isinstance(entry, torch.Tensor) else None


def write_state(path: str | os.PathLike, state: dict[str, Any]) -> Path:
    """Write a dict of tensors, numbers, strings, lists and dicts to ``path``, whole or not at all."""
    return write_atomically(path, lambda file: torch.save({"d2lite_format": FORMAT, **state}, file))


def read_state(path: str | os.PathLike) -> dict[str, Any]:
    """Read what ``write_state`` wrote, onto the CPU; only plain data is accepted (``weights_only``).

    All check sums are compared before anything is read.

    Raises:
        FileNotFoundError, ValueError: no such file; or a file that is damaged or something else.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}: check the path, or save first.")
    try:
        check_zip(path)
    except ValueError as error:
        raise ValueError(f"{path} is damaged or not a d2lite file ({error}): give a sound copy of it.") from error
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # an archive of someone else's, which may hold anything
        kind = type(error).__name__
        raise ValueError(f"{path} is damaged or not a d2lite file ({kind}): give one that d2lite wrote.") from error
    if not isinstance(content, dict) or content.get("d2lite_format") != FORMAT:
        raise ValueError(f"{path} is not a d2lite file: give one that d2lite wrote.")
    return content
