"""Batches of images that do not fit the device: copied to it while it still computes on the batches before."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import torch

AHEAD = 2  # batches under way: one being copied while another waits its turn is enough to keep a device busy
Batch = tuple[torch.Tensor, ...]
Index = slice | torch.Tensor


def streamed(fetch: Callable[[Index], Batch], indices: Iterable[Index], on: torch.device) -> Iterator[Batch]:
    """``fetch(index)`` for each of ``indices``, in order, its tensors copied to ``on``.

    A thread of its own gathers the images of a batch, which takes as long as reading them does. To a CUDA device they
    go from pinned memory, on a stream of their own: neither the thread that trains nor the device waits for a copy.
    """
    copying = torch.cuda.Stream(on) if on.type == "cuda" else None

    def bring(index: Index):
        batch = fetch(index)
        if copying is None:
            return tuple(tensor.to(on) for tensor in batch), None
        with torch.cuda.stream(copying):
            return tuple(tensor.pin_memory().to(on, non_blocking=True) for tensor in batch), copying.record_event()

    def arrived(batch: Batch, copied) -> Batch:
        if copied is not None:
            training = torch.cuda.current_stream(on)
            training.wait_event(copied)
            for tensor in batch:
                tensor.record_stream(training)  # its memory is not given away while training still reads it
        return batch

    start = {"initializer": torch.cuda.set_device, "initargs": (on,)} if copying else {}  # else a thread uses GPU 0
    with ThreadPoolExecutor(1, thread_name_prefix="d2lite-stream", **start) as thread:
        under_way = deque()
        for index in indices:
            under_way.append(thread.submit(bring, index))
            if len(under_way) > AHEAD:
                yield arrived(*under_way.popleft().result())
        while under_way:
            yield arrived(*under_way.popleft().result())
