"""Where the work runs, and what that device can do: kind, profile, arithmetic, memory."""

import os
import sys

import psutil
import torch


def device() -> torch.device:
    """The best device at hand, in the order CUDA, MPS, CPU; several processes cannot add on MPS, and get the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    alone = (os.environ.get("WORLD_SIZE") or "1") == "1"
    return torch.device("mps" if alone and torch.backends.mps.is_available() else "cpu")


def chosen(given: torch.device | str | None) -> torch.device:
    """The device that someone asks for; the best at hand for None.

    Raises:
        ValueError: there is none of that name, or it does not work here.
    """
    if given is None:
        return device()
    try:
        torch.empty(0, device=given).cpu()  # nor from meta does any number come
        return torch.device(given)
    except (RuntimeError, TypeError, AssertionError) as error:
        said = str(error).partition("\n")[0]
        raise ValueError(f"device is {given!r}: give 'cpu', or None for the best that works here ({said}).") from None


def check_held(what: str, tensor: torch.Tensor) -> None:
    """Raise ValueError unless all numbers of ``tensor`` are in memory, one after the other."""
    if tensor.is_meta:
        raise ValueError(f"{what} are on the meta device, without numbers: make them without device=meta.")
    if tensor.layout != torch.strided:
        raise ValueError(f"{what} are {tensor.layout}: give dense ones, as tensor.to_dense() makes them.")


def profile() -> str:
    """The active profile: ``"quick"`` or ``"full"``.

    The environment variable ``D2LITE_PROFILE`` decides; unset, it is ``"full"`` on CUDA and ``"quick"`` elsewhere.

    Raises:
        ValueError: ``D2LITE_PROFILE`` holds anything else.
    """
    chosen = os.environ.get("D2LITE_PROFILE") or ("full" if device().type == "cuda" else "quick")
    if chosen not in ("quick", "full"):
        raise ValueError(f"D2LITE_PROFILE is {chosen!r}: set it to 'quick' or 'full', or unset it.")
    return chosen


def fast_type(on: torch.device) -> torch.dtype:
    """The number type for which ``on`` has the fastest units, so that autocast saves time rather than costs it.

    Of GPUs those of compute capability 7.x, such as Colab's T4, have units for float16 alone, newer ones for bfloat16.
    """
    if on.type == "cuda":
        capability = torch.cuda.get_device_capability(on)
        return torch.bfloat16 if capability >= (8, 0) else torch.float16 if capability >= (7, 0) else torch.float32
    # PyTorch 2.7 does not name a CPU's features yet: there float32 is the safe answer.
    features = getattr(torch.cpu, "get_capabilities", dict)() if on.type == "cpu" else {}
    return torch.bfloat16 if features.get("avx512_bf16") or features.get("amx_bf16") else torch.float32


def device_name(on: torch.device | None = None) -> str:
    """A readable name for a device, such as ``"NVIDIA H200"`` or ``"CPU, 2 threads"``."""
    on = on or device()
    if on.type == "cuda":
        return torch.cuda.get_device_name(on)
    threads = torch.get_num_threads()
    return "Apple GPU (MPS)" if on.type == "mps" else f"CPU, {threads} thread{'' if threads == 1 else 's'}"


def free_memory(on: torch.device) -> int:
    """Bytes that can still be taken: on a CUDA device, else on this machine, by each process that shares it."""
    if on.type == "cuda":
        return torch.cuda.mem_get_info(on)[0]
    sharing = os.environ.get("LOCAL_WORLD_SIZE") or "1"  # as torchrun says; what is no number is not torchrun's
    return psutil.virtual_memory().available // (int(sharing) if sharing.isdecimal() and int(sharing) else 1)


def most_memory(on: torch.device) -> int:
    """The most memory so far, in bytes: of a CUDA device, else of this process (not on Windows)."""
    if on.type == "cuda":
        return torch.cuda.max_memory_allocated(on)
    import resource  # Windows has none

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
