"""Weights and runs on disk: whole or not at all, read without running their code, resumed to the same numbers."""

import itertools
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..arguments import plain
from ..files import check_zip, path_of, readable, write_atomically
from ..inspect.trace import COMPILED, bare, plain_name
from ..machine import distributed
from ..machine.seeds import Generator, last_seed, random_state, restore_random_state
from .batches import Data
from .history import History
from .validate import fact

FORMAT = 1


def weights_of(state: dict[str, Any]) -> dict[str, Any]:
    """``state`` under the names that it has where nothing is compiled."""
    return {plain_name(name): tensor for name, tensor in state.items()}


def load_weights(net: nn.Module, saved: dict[str, Any]) -> None:
    """Copy ``saved`` into ``net``, whichever of the two was compiled."""
    net, saved = bare(net), weights_of(saved)
    net.load_state_dict({name: saved[plain_name(name)] for name in net.state_dict()})


def save(net: nn.Module, path: str | os.PathLike) -> Path:
    """Write the network's parameters and buffers to ``path``.

    Raises:
        OSError: the folder is missing or read-only, or the disk is full; what stood at ``path`` before stays.
    """
    state = {name: tensor.detach().cpu() for name, tensor in weights_of(bare(net).state_dict()).items()}
    return write_state(path, {"network": type(bare(net)).__name__, "state_dict": state})


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
    load_weights(net, saved)
    return net


def check_same_shapes(net: nn.Module, saved: dict[str, torch.Tensor], source: str) -> None:
    """Raise ValueError, which starts with ``source``, unless names and shapes of ``saved`` are those of ``net``."""
    # None of what is no tensor: a file of someone else's may hold anything under a tensor's name
    own, there = (
        {name: tuple(entry.shape) if isinstance(entry, torch.Tensor) else None for name, entry in state.items()}
        for state in (weights_of(bare(net).state_dict()), weights_of(saved))
    )
    problems = [f"{name} is missing in the file" for name in own if name not in there]
    problems += [f"{name} is not in this network" for name in there if name not in own]
    both = [name for name in own if name in there]
    problems += [f"{n} has shape {there[n]} in the file and {own[n]} here" for n in both if there[n] != own[n]]
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise ValueError(
            f"{source} that does not fit this {type(bare(net)).__name__}: {'; '.join(problems[:3])}{more}. Build the "
            "network with the settings it was saved with."
        )


def write_state(path: str | os.PathLike, state: dict[str, Any]) -> Path:
    """Write a dict of tensors, numbers, strings, lists and dicts to ``path``, whole or not at all."""
    return write_atomically(path, lambda file: torch.save({"d2lite_format": FORMAT, **state}, file))


def read_state(path: str | os.PathLike) -> dict[str, Any]:
    """Read what ``write_state`` wrote, onto the CPU; only plain data is accepted (``weights_only``).

    All check sums are compared before anything is read.

    Raises:
        FileNotFoundError, ValueError: no such file; or a file that is damaged or something else.
    """
    path = readable(path)
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


#: What every checkpoint holds, beside the states of the other random generators.
PARTS = {**dict.fromkeys(("settings", "net", "optimizer", "scheduler", "history"), dict), "rng": torch.Tensor}
#: Settings that the first checkpoints lack: no reason to refuse one.
ADDED = ("seed", "init", "shuffle", "augment", "mirrored", "layers")


def settings_of(net: nn.Module, data: Data) -> dict[str, Any]:
    """What of the network, the data and the seed decides the course of a run, as plain values; None is unknown.

    Of plain lists of batches little is known; they cannot be told apart. ``init``, how the weights started, cannot be
    seen in the weights of a run under way: it is known of a network that ``build`` made, which notes its recipe.
    """
    init = getattr(getattr(net, "recipe", None), "init", None)
    settings = {
        **{name: fact(data, name) for name in ("label", "size", "batch_size")},
        "images": fact(data.train, "num_images"), "seed": last_seed(), "init": init if isinstance(init, str) else None,
        **{name: fact(data.train, name) for name in ("shuffle", "augment", "mirrored")},
        # Names and shapes of the weights say nothing of activations, strides or dropout; the printed layers do.
        "layers": re.sub(r" at 0x[0-9a-fA-F]+", "", repr(bare(net))),
    }  # fmt: skip
    if COMPILED in settings["layers"]:  # of layers that were compiled one by one other things are printed
        del settings["layers"]
    settings = {name: plain(value) for name, value in settings.items()}
    return {name: v if v is None or isinstance(v, (bool, int, float, str)) else str(v) for name, v in settings.items()}


def save_run(
    path: str | os.PathLike, settings: dict, parts: dict[str, Any], generators: Sequence[Generator] = ()
) -> None:
    """Write all ``parts`` of a run (net, optimizer, scheduler, scaler, history) and the states of the random
    generators, ``generators`` of the data among them, whole or not at all.

    Of several processes only the first writes: what the others hold is the same, or follows from it.
    """
    if distributed.rank():
        return
    states = {name: part.state_dict() for name, part in parts.items()}
    states["net"] = weights_of(bare(parts["net"]).state_dict())
    write_state(path, {"settings": settings, **states, **random_state(generators)})


def resume_run(
    path: str | os.PathLike, settings: dict, parts: dict[str, Any], generators: Sequence[Generator] = ()
) -> bool:
    """Put everything back as ``save_run`` found it, the epochs that are done into the history; False without a file.

    In ``settings`` the seed becomes that with which the run began, in case nothing was seeded in this process.
    Of several processes the first reads, for all: their number may differ from that of the run that wrote the file.

    Raises:
        ValueError: the file is damaged, is no checkpoint, or belongs to a run with other settings, another seed or
            another network; says which.
    """
    state = distributed.from_first(lambda: read_state(path) if path_of(path).exists() else None)
    if state is None:
        return False
    lacking = [name for name, kind in PARTS.items() if not isinstance(state.get(name), kind)]
    if lacking:
        raise ValueError(f"{path} is a d2lite file, but no checkpoint of a run (no {lacking[0]}): give another file.")
    saved, net = state["settings"], parts["net"]
    _check_same_run(path, saved, {name: value for name, value in settings.items() if name != "layers"})
    check_same_shapes(net, state["net"], f"the checkpoint {path} holds a network")  # says more than the next line would
    _check_same_run(path, saved, {"layers": settings.get("layers")})
    try:
        done = History.from_state_dict(state["history"])
        for name in ("optimizer", "scheduler", "scaler"):
            if name != "scaler" or state.get(name):  # empty but in float16; the first checkpoints lack it
                parts[name].load_state_dict(state[name])
        restore_random_state(state, generators)
        load_weights(net, state["net"])
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # sound by its check sums, but written by someone else
        raise ValueError(f"{path} is no checkpoint of d2lite ({type(error).__name__}): give another file.") from error
    settings["seed"] = saved.get("seed", settings.get("seed"))
    parts["history"].records.extend(done)
    return True


def _check_same_run(path: str | os.PathLike, saved: dict, settings: dict) -> None:
    differences = []
    for name, here in settings.items():
        there = saved.get(name)
        if here is None or there == here or (name in ADDED and name not in saved):
            continue
        if name == "layers":  # all of them would be too long
            lines = itertools.zip_longest(str(there).splitlines(), here.splitlines(), fillvalue="")
            there, here = next((a.strip(), b.strip()) for a, b in lines if a != b)
        differences.append(f"{name}: {there!r} there, {here!r} here")
    if differences:
        raise ValueError(
            f"the checkpoint {path} belongs to another run ({'; '.join(differences)}): use the same settings, give "
            "another file, or delete this one to start anew."
        )
