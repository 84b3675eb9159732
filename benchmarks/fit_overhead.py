"""How much slower is ``d2l.fit`` than a bare loop over the same batches? Prints one table.

Both train the same network from the same weights on the same batches, already loaded on the device, with the same
arithmetic. They take turns, in alternating order, so that a machine that slows down slows both; the ratio is the median
of the pairs' ratios (1 = as fast as the bare loop). Times are whole calls, set-up included.

    python benchmarks/fit_overhead.py [--pairs 5]
"""

import argparse
import statistics
import time
from collections.abc import Callable
from types import SimpleNamespace

import torch
from torch import nn
from torch.nn import functional as F

import d2lite as d2l
from d2lite.device import device_name, fast_bfloat16
from d2lite.models.data_and_training import lenet
from d2lite.models.vgg import vgg11_quarter

# name, network, image size, batch size, batches, passes over the batches in one timed call
CASES = [("LeNet", lenet, 28, 128, 40, 4), ("VGG-11÷4", vgg11_quarter, 64, 64, 6, 1)]


def bare_loop(net: nn.Module, batches: list, passes: int, lr: float) -> None:
    """The least that training takes: forward, loss, backward, step."""
    net.to(batches[0][0].device, memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9, fused=True)
    on = batches[0][0].device
    for _ in range(passes):
        for X, y in batches:
            with torch.autocast(on.type, dtype=torch.bfloat16, enabled=fast_bfloat16(on)):
                logits = net(X)
            loss = F.cross_entropy(logits.float(), y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()


def fit(net: nn.Module, batches: list, passes: int, lr: float) -> None:
    """The same by the book's loop, with the listener that suits this place."""
    d2l.fit(net, SimpleNamespace(train=batches, val=None), passes, lr, momentum=0.9, listener=d2l.Listener())


def seconds(train: Callable, network: Callable, size: int, batches: list, passes: int) -> float:
    """Wall time of one call, the device's queue drained before and after."""
    d2l.seed_everything(0)
    net = network(size=size)
    wait = torch.cuda.synchronize if batches[0][0].is_cuda else lambda: None
    wait()
    began = time.perf_counter()
    train(net, batches, passes, 0.01)
    wait()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=5, help="timed pairs of each case, after one that does not count")
    pairs = parser.parse_args().pairs
    print(f"d2l.fit against a bare loop over the same preloaded batches ({device_name()}, torch {torch.__version__})")
    print(f"{'network':10} {'px':>4} {'batch':>5} {'bare loop':>16} {'d2l.fit':>16} {'ratio':>6}  range of the pairs")
    for name, network, size, batch_size, number, passes in CASES:
        on = d2l.device()
        generator = torch.Generator().manual_seed(0)
        batches = []
        for _ in range(number):
            X = torch.randn(batch_size, 1, size, size, generator=generator)
            y = torch.randint(10, (batch_size,), generator=generator)
            batches.append((X.to(on, memory_format=torch.channels_last), y.to(on)))
        images = batch_size * number * passes
        times: dict[Callable, list[float]] = {bare_loop: [], fit: []}
        for pair in range(pairs + 1):
            for train in (bare_loop, fit) if pair % 2 else (fit, bare_loop):
                spent = seconds(train, network, size, batches, passes)
                if pair:
                    times[train].append(spent)
        ratios = [bare / ours for bare, ours in zip(times[bare_loop], times[fit])]
        rates = [f"{images / statistics.median(spent):>9,.0f} img/s" for spent in times.values()]
        print(
            f"{name:10} {size:4} {batch_size:5} {rates[0]:>16} {rates[1]:>16} {statistics.median(ratios):6.3f}  "
            f"{min(ratios):.3f}–{max(ratios):.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
