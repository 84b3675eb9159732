"""Where the work runs: device, profile, seeds, and what to print so that a run can be repeated."""

from __future__ import annotations

import datetime
import os
import platform
import random
import sys
from dataclasses import dataclass
from html import escape
from importlib import metadata
from typing import Any

import numpy as np
import psutil
import torch

from .arguments import whole

PROFILES = ("quick", "full")
_seed: int | None = None  # what seed_everything set last


def version() -> str:
    """The version of d2lite, as its installed metadata state it."""
    try:
        return metadata.version("d2lite")
    except metadata.PackageNotFoundError:
        return "not installed (run from a source folder)"


def device() -> torch.device:
    """The best device at hand, in the order CUDA, MPS, CPU; several processes cannot add on MPS, and get the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available() and os.environ.get("WORLD_SIZE", "1") == "1":
        return torch.device("mps")
    return torch.device("cpu")


def profile() -> str:
    """The active profile: ``"quick"`` or ``"full"``.

    The environment variable ``D2LITE_PROFILE`` decides; unset, it is ``"full"`` on CUDA and ``"quick"`` elsewhere.

    Raises:
        ValueError: ``D2LITE_PROFILE`` holds anything else.
    """
    chosen = os.environ.get("D2LITE_PROFILE", "")
    if not chosen:
        return "full" if device().type == "cuda" else "quick"
    if chosen not in PROFILES:
        raise ValueError(f"D2LITE_PROFILE is {chosen!r}: set it to 'quick' or 'full', or unset it.")
    return chosen


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and PyTorch (all devices).

    ``D2LITE_SEED``, where it is set, is added to ``seed``: the same notebook can so be re-run with other random
    numbers without an edit.

    Raises:
        ValueError: ``seed`` or ``D2LITE_SEED`` is no whole number, or their sum is outside the range of PyTorch's.
    """
    global _seed
    offset, given = os.environ.get("D2LITE_SEED", "0"), whole(seed)
    if given is None:
        raise ValueError(f"the seed is {seed!r}: give a whole number, such as 0.")
    try:
        given += int(offset)
    except ValueError:
        raise ValueError(f"D2LITE_SEED is {offset!r}: set it to a whole number, or unset it.") from None
    if not -(2**63) <= given < 2**64:
        raise ValueError(f"the seed is {given}: give a whole number of up to 64 bits, such as 0.")
    random.seed(given)
    np.random.seed(given % 2**32)
    torch.manual_seed(given)
    _seed = given


def last_seed() -> int | None:
    """What ``seed_everything`` set last in this process, ``D2LITE_SEED`` included; None before its first call."""
    return _seed


def random_state() -> dict[str, Any]:
    """The states of all generators that ``seed_everything`` seeds, and the seed, as tensors and plain numbers."""
    version, words, python_gauss = random.getstate()
    _, keys, position, has_gauss, gauss = np.random.get_state()
    return {
        "seed": _seed,
        "rng": torch.get_rng_state(),
        "rng_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "rng_mps": torch.mps.get_rng_state() if torch.backends.mps.is_available() else None,
        "rng_python": {"version": version, "words": torch.tensor(words), "gauss": python_gauss},
        "rng_numpy": {
            "keys": torch.from_numpy(keys.astype(np.int64)), "position": int(position), "has_gauss": int(has_gauss),
            "gauss": float(gauss),
        },
    }  # fmt: skip


def restore_random_state(state: dict[str, Any]) -> None:
    """Put back what ``random_state`` returned, and leave alone what ``state`` does not have, such as another device's.

    Checkpoints of the first versions have neither Python's nor NumPy's state, nor the seed.
    """
    global _seed
    if (python := state.get("rng_python")) is not None:
        random.setstate((python["version"], tuple(python["words"].tolist()), python["gauss"]))
    if (numpy := state.get("rng_numpy")) is not None:
        keys = numpy["keys"].numpy().astype(np.uint32)
        np.random.set_state(("MT19937", keys, numpy["position"], numpy["has_gauss"], numpy["gauss"]))
    torch.set_rng_state(state["rng"])
    if torch.cuda.is_available():
        for number, generator in enumerate(state["rng_cuda"][: torch.cuda.device_count()]):
            torch.cuda.set_rng_state(generator, number)
    if torch.backends.mps.is_available() and state["rng_mps"] is not None:
        torch.mps.set_rng_state(state["rng_mps"])
    _seed = state.get("seed", _seed)


def fast_bfloat16(on: torch.device) -> bool:
    """Whether ``on`` has arithmetic units for bfloat16, so that autocast saves time rather than costs it."""
    if on.type == "cuda":
        return torch.cuda.get_device_capability(on) >= (8, 0)
    if on.type == "cpu":
        # PyTorch names its CPU features only since 2.7; before that, float32 is the safe answer.
        features = getattr(torch.cpu, "get_capabilities", dict)()
        return bool(features.get("avx512_bf16") or features.get("amx_bf16"))
    return False


@dataclass(frozen=True)
class Provenance:
    """What a result depended on besides the code."""

    profile: str
    device: str
    torch: str
    python: str
    numpy: str
    d2lite: str
    date: str

    def __str__(self) -> str:
        return "\n".join(f"{name:8} {value}" for name, value in vars(self).items())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'
            for name, value in vars(self).items()
        )
        return f"<table>{rows}</table>"


def device_name(on: torch.device | None = None) -> str:
    """A readable name for a device, such as ``"NVIDIA H200"`` or ``"CPU, 2 threads"``."""
    on = on or device()
    if on.type == "cuda":
        return torch.cuda.get_device_name(on)
    if on.type == "mps":
        return "Apple GPU (MPS)"
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'' if threads == 1 else 's'}"


def free_memory(on: torch.device) -> int:
    """Bytes that can still be taken: on a CUDA device, else on this machine, by each process that shares it."""
    if on.type == "cuda":
        return torch.cuda.mem_get_info(on)[0]
    return psutil.virtual_memory().available // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # as torchrun says


def most_memory(on: torch.device) -> int:
    """The most memory so far, in bytes: of a CUDA device, else of this process (not on Windows)."""
    if on.type == "cuda":
        return torch.cuda.max_memory_allocated(on)
    import resource  # Windows has none

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def provenance() -> Provenance:
    """Profile, device, versions and date (UTC) of this run."""
    return Provenance(
        profile=profile(),
        device=device_name(),
        torch=torch.__version__,
        python=f"{platform.python_version()} on {sys.platform}",
        numpy=np.__version__,
        d2lite=version(),
        date=datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
    )
