"""Where the work runs, and what that device can do: kind, profile, arithmetic, memory."""

from __future__ import annotations

import os
import sys

import psutil
import torch

PROFILES = ("quick", "full")


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


def fast_bfloat16(on: torch.device) -> bool:
    """Whether ``on`` has arithmetic units for bfloat16, so that autocast saves time rather than costs it."""
    if on.type == "cuda":
        return torch.cuda.get_device_capability(on) >= (8, 0)
    if on.type == "cpu":
        # PyTorch names its CPU features only since 2.7; before that, float32 is the safe answer.
        features = getattr(torch.cpu, "get_capabilities", dict)()
        return bool(features.get("avx512_bf16") or features.get("amx_bf16"))
    return False


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
