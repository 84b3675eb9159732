"""Checkpoints of a run: all it takes to go on after an interrupt, to the same numbers."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import nn

from . import parallel
from .checkpoints import load_exactly, read_state, write_state
from .history import History


def settings_of(data) -> dict:
    """What of the data decides the course of a run; empty for plain lists of batches, which cannot be told apart."""
    names = ("label", "size", "batch_size")
    known = {name: getattr(data, name) for name in names if hasattr(data, name)}
    images = getattr(data.train, "num_images", None)
    return known if images is None else {**known, "images": images}


def save_run(path: str | os.PathLike, settings: dict, net: nn.Module, optimizer, scheduler, history: History) -> None:
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
            "rng": torch.get_rng_state(),
            "rng_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
            "rng_mps": torch.mps.get_rng_state() if torch.backends.mps.is_available() else None,
        },
    )


def resume_run(path: str | os.PathLike, settings: dict, net: nn.Module, optimizer, scheduler) -> History | None:
    """Put everything back as ``save_run`` found it; return the epochs that are done, or None where there is no file.

    Of several processes the first reads, for all: their number may differ from that of the run that wrote the file.

    Raises:
        ValueError: the file is damaged, or belongs to a run with other settings or another network; says which.
    """
    state = parallel.from_first(lambda: read_state(path) if Path(path).exists() else None)
    if state is None:
        return None
    saved = state.get("settings", {})
    different = [
        f"{key}: {saved.get(key)!r} there, {value!r} here" for key, value in settings.items() if saved.get(key) != value
    ]
    if different:
        raise ValueError(
            f"the checkpoint {path} belongs to another run ({'; '.join(different)}): use the same settings, give "
            "another file, or delete this one to start anew."
        )
    load_exactly(net, state["net"], f"the checkpoint {path} holds a network")
    optimizer.load_state_dict(state["optimizer"])
    scheduler.load_state_dict(state["scheduler"])
    torch.set_rng_state(state["rng"])
    if torch.cuda.is_available():
        for number, generator in enumerate(state["rng_cuda"][: torch.cuda.device_count()]):
            torch.cuda.set_rng_state(generator, number)
    if torch.backends.mps.is_available() and state["rng_mps"] is not None:
        torch.mps.set_rng_state(state["rng_mps"])
    return History.from_state_dict(state["history"])
