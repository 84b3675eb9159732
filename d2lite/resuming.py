"""Checkpoints of a run: all it takes to go on after an interrupt, to the same numbers."""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path

import torch
from torch import nn

from . import parallel
from .arguments import plain
from .checkpoints import check_same_shapes, read_state, write_state
from .device import last_seed, random_state, restore_random_state
from .history import History
from .recipes import Recipe

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
    recipe = getattr(net, "recipe", None)
    return {
        **known,
        "seed": last_seed(),
        "init": recipe.init if isinstance(recipe, Recipe) else None,
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
    if parallel.rank():
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
    state = parallel.from_first(lambda: read_state(path) if Path(path).exists() else None)
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
