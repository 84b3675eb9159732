"""Many processes, one run: whose share is which, and what all of them together make of it.

``torchrun`` starts N processes, each with a copy of the network. Of every batch process r takes the images r, r + N,
r + 2N …; the gradients are averaged (``DistributedDataParallel``), so that the copies stay equal, and figures are
summed. A single process is rank 0 of 1: then nothing here communicates, and nothing costs time.
"""

import contextlib
import datetime
import os
import signal
import socket
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import nn

from .devices import device
from .printing import how_many

PATIENCE = datetime.timedelta(minutes=30)  # so long a silent process is waited for: it may be downloading
GRACE = 5.0  # seconds that a process has to end by itself when it is told to
# What the backends say when the process at the other end is gone
_LOST = ("connection closed", "connection reset", "connection refused", "broken pipe", "timed out", "timeout", "nccl")
T = TypeVar("T")


class ProcessLostError(RuntimeError):
    """Another process of this run ended or answers no more: nothing further can be computed together."""


def size() -> int:
    """The number of processes of this run; 1 unless ``processes`` joined several."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """The number of this process, from 0."""
    return dist.get_rank() if size() > 1 else 0


@contextlib.contextmanager
def processes() -> Iterator[None]:
    """Join the processes that ``torchrun`` started, for as long as the block runs; without torchrun do nothing.

    Each takes a GPU of its own (NCCL), or they share the CPU (gloo).

    Raises:
        ValueError: there are more processes on this machine than GPUs, or the environment is half that of torchrun.
        ProcessLostError: inside the block, when another process of the run is gone.
    """
    world = os.environ.get("WORLD_SIZE") or "1"  # some job schedulers set it, and leave it empty
    if world == "1":
        yield
        return
    if not world.isdecimal():
        raise ValueError(f"WORLD_SIZE is {world!r}, which is no number: start with torchrun, or unset WORLD_SIZE.")
    remedy = "start with torchrun, or unset WORLD_SIZE"
    for name in ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        if not (given := os.environ.get(name)):
            raise ValueError(f"WORLD_SIZE is set, but {name} is not: {remedy}.")
        # One process too many would wait for half an hour.
        if "RANK" in name and (not given.isdecimal() or int(given) >= int(world)):
            raise ValueError(f"{name} is {given!r}, none of {world} processes: {remedy}.")
    gpu = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if device().type == "cuda" else None
    if gpu is not None:
        if gpu.index >= (count := torch.cuda.device_count()):
            raise ValueError(
                f"process {gpu.index} of this machine finds {how_many(count, 'GPU')}: start with "
                f"--nproc-per-node={count}, or hide the GPUs (CUDA_VISIBLE_DEVICES=) to use the CPU."
            )
        torch.cuda.set_device(gpu)
    _end_when_told()
    try:
        dist.init_process_group("gloo" if gpu is None else "nccl", timeout=PATIENCE, device_id=gpu)
        yield
    except RuntimeError as error:
        if isinstance(error, ProcessLostError) or not any(text in str(error).lower() for text in _LOST):
            raise
        raise ProcessLostError(_lost(f"the connection to it broke ({str(error).splitlines()[0][:120]})")) from error
    dist.destroy_process_group()  # not after a failure: it would wait for processes that are gone


def _end_when_told() -> None:
    """End with an error on SIGTERM, which torchrun sends to the others when one process has failed.

    Python runs a handler between two of its own steps, and never while it waits for a GPU: so a thread listens too.
    """
    heard, told = socket.socketpair()
    told.setblocking(False)
    signal.signal(signal.SIGTERM, _told_to_stop)
    signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)

    def listen() -> None:
        with told:  # kept open as long as this thread lives
            while heard.recv(1)[0] != signal.SIGTERM:
                pass
            time.sleep(GRACE)
            print(f"d2lite: {_lost()}", file=sys.stderr, flush=True)
            os._exit(1)

    threading.Thread(target=listen, daemon=True).start()


def _told_to_stop(number: int, frame) -> None:
    raise ProcessLostError(_lost())


def _lost(how: str = "torchrun then ended this one") -> str:
    which = f"process {os.environ.get('RANK', '0')} of {os.environ.get('WORLD_SIZE', '1')}"
    return f"{which} cannot go on: another process of this run failed or was ended, and {how}."


@contextlib.contextmanager
def one_at_first() -> Iterator[None]:
    """The first process of each machine runs the block alone, then the others: what it downloads, they find."""
    first = (os.environ.get("LOCAL_RANK") or "0") == "0"
    if size() > 1 and not first:
        dist.barrier()
    yield
    if size() > 1 and first:
        dist.barrier()


def share(images: int) -> int:
    """How many of ``images`` images of one batch this process takes: numbers differ by one at most."""
    return len(range(rank(), images, size()))


@contextlib.contextmanager
def same_random_numbers() -> Iterator[None]:
    """Inside the block every process draws what process 0 draws; afterwards each draws numbers of its own.

    Process 0 draws as if it were alone. The others continue from a seed that follows from its state, so that a run is
    repeated, and resumed from a checkpoint of process 0, also by another number of processes.
    """
    state = from_first(torch.get_rng_state)
    torch.set_rng_state(state)
    yield
    if rank():
        torch.manual_seed(zlib.crc32(state.numpy().tobytes()) + rank())


def from_first(make: Callable[[], T]) -> T:
    """What ``make`` returns in process 0, for all; the others do not call it."""
    found: list = [None if rank() else make()]
    if size() > 1:
        dist.broadcast_object_list(found, src=0)
    return found[0]


def total(sums: torch.Tensor) -> torch.Tensor:
    """The sum of ``sums`` over all processes."""
    if size() > 1:
        sums = sums.to(device())  # NCCL adds on GPUs only
        dist.all_reduce(sums)
    return sums


def copies(net: nn.Module) -> nn.Module:
    """What to call for training: ``net``, or a wrapper that starts from process 0's weights and averages gradients."""
    return net if size() == 1 else nn.parallel.DistributedDataParallel(net)


def agree(net: nn.Module) -> None:
    """Take over process 0's buffers, such as the running statistics of a batch normalization.

    The wrapper of ``copies`` does so before each step; after the last one the copies differ by that step's images.
    """
    if size() > 1:
        for buffer in net.buffers():
            dist.broadcast(buffer, src=0)
