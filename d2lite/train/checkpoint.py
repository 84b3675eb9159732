"""Weights and runs on disk: whole or not at all, read without running their code, resumed to the same numbers."""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..arguments import plain
from ..files import check_zip, write_atomically
from ..machine import distributed
from ..machine.seeds import last_seed, random_state, restore_random_state
from .history import History

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


#: What every checkpoint holds, beside the states of the random generators.
PARTS = {
    "settings": dict, "net": dict, "optimizer": dict, "scheduler": dict, "history": dict, "rng": torch.Tensor,
}  # fmt: skip


#: Settings that the first checkpoints lack. None means unknown, and what is unknown here is no reason to refuse.
ADDED = ("seed", "init", "shuffle", "augment", "mirrored", "layers")


def settings_of(net: nn.Module, data) -> dict:
    """What of the network, the data and the seed decides the course of a run, as plain Python values.

    Of plain lists of batches little is known; they cannot be told apart. ``init``, how the weights started, cannot be
    seen in the weights of a run under way: it is known of a network that ``build`` made, which notes its recipe.
    """
    known = {name: _plain(getattr(data, name)) for name in ("label", "size", "batch_size") if hasattr(data, name)}
    if (images := getattr(data.train, "num_images", None)) is not None:
        known["images"] = _plain(images)
    init = getattr(getattr(net, "recipe", None), "init", None)
    return {
        **known,
        "seed": last_seed(),
        "init": init if isinstance(init, str) else None,
        **{name: _plain(getattr(data.train, name, None)) for name in ("shuffle", "augment", "mirrored")},
        # Names and shapes of the weights say nothing of activations, strides or dropout; the printed layers do.
        "layers": re.sub(r" at 0x[0-9a-fA-F]+", "", repr(net)),
    }


def _plain(value: object) -> bool | int | float | str | None:
    """``value`` as something that a file of plain data can hold."""
    value = plain(value)
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def own_generator(data) -> torch.Generator | None:
    """The generator from which ``data.train`` draws its order, where it has one of its own, as a ``DataLoader`` may."""
    generator = getattr(data.train, "generator", None)
    return generator if isinstance(generator, torch.Generator) else None


def save_run(
    path: str | os.PathLike, settings: dict, net: nn.Module, optimizer, scheduler, history: History,
    generator: torch.Generator | None = None,
) -> None:  # fmt: skip
    """Write weights, optimizer, schedule, history and the states of the random generators, whole or not at all.

    Of several processes only the first writes: what the others hold is the same, or follows from it.
    """
    if distributed.rank():
        return
    write_state(
        path,
        {
            "settings": settings,
            "net": net.state_dict(),
            "optimizer": optimizer.state_dict(),
            "scheduler": scheduler.state_dict(),
            "history": history.state_dict(),
            "rng_data": None if generator is None else generator.get_state(),
            **random_state(),
        },
    )


def resume_run(
    path: str | os.PathLike, settings: dict, net: nn.Module, optimizer, scheduler,
    generator: torch.Generator | None = None,
) -> History | None:  # fmt: skip
    """Put everything back as ``save_run`` found it; return the epochs that are done, or None where there is no file.

    In ``settings`` the seed becomes that with which the run began, in case nothing was seeded in this process.
    Of several processes the first reads, for all: their number may differ from that of the run that wrote the file.

    Raises:
        ValueError: the file is damaged, is no checkpoint, or belongs to a run with other settings, another seed or
            another network; says which.
    """
    state = distributed.from_first(lambda: read_state(path) if Path(path).exists() else None)
    if state is None:
        return None
    lacking = [name for name, kind in PARTS.items() if not isinstance(state.get(name), kind)]
    if lacking:
        raise ValueError(f"{path} is a d2lite file, but no checkpoint of a run (no {lacking[0]}): give another file.")
    saved = state["settings"]
    _refuse(path, _differences(saved, {name: value for name, value in settings.items() if name != "layers"}))
    check_same_shapes(net, state["net"], f"the checkpoint {path} holds a network")  # says more than the next line would
    _refuse(path, _differences(saved, {"layers": settings.get("layers")}))
    try:
        history = History.from_state_dict(state["history"])
        optimizer.load_state_dict(state["optimizer"])
        scheduler.load_state_dict(state["scheduler"])
        restore_random_state(state)
        if generator is not None and state.get("rng_data") is not None:
            generator.set_state(state["rng_data"])
        net.load_state_dict(state["net"])
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # sound by its check sums, but written by someone else
        raise ValueError(f"{path} is no checkpoint of d2lite ({type(error).__name__}): give another file.") from error
    settings["seed"] = saved.get("seed", settings.get("seed"))
    return history


def _differences(saved: dict, settings: dict) -> list[str]:
    differences = []
    for name, value in settings.items():
        unknown = name in ADDED and (name not in saved or value is None)
        if unknown or saved.get(name) == value:
            continue
        there = saved.get(name)
        if name == "layers":
            lines = itertools.zip_longest(str(there).splitlines(), value.splitlines(), fillvalue="")
            there, value = next((a.strip(), b.strip()) for a, b in lines if a != b)
        differences.append(f"{name}: {there!r} there, {value!r} here")
    return differences


def _refuse(path: str | os.PathLike, differences: list[str]) -> None:
    if differences:
        raise ValueError(
            f"the checkpoint {path} belongs to another run ({'; '.join(differences)}): use the same settings, give "
            "another file, or delete this one to start anew."
        )
