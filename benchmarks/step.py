"""Where does a training step of LeNet + BN go? Milliseconds of the operations, and of the whole step in other ways.

It is the smallest network of the book, with a batch normalization written out, so that its step consists of many small
operations: the case in which arithmetic, and not the loading of images, decides how far ahead a faster loop can be. The
step is the bare one of ``benchmarks.loop``; operations are timed by PyTorch's profiler, each without what it calls.

    python -m benchmarks.step [--pairs 7]
"""

import statistics

import torch
from torch import nn
from torch.nn import functional as F
from torch.profiler import ProfilerActivity, profile

import d2lite as d2l
from benchmarks import common
from d2lite.machine.devices import fast_type

NAME, STEPS, LISTED = "lenet_batch_norm", 20, 10


def stepper(net: nn.Module, X: torch.Tensor, y: torch.Tensor, dtype: torch.dtype, compiled: bool):
    """A function that trains ``net`` for some steps on one batch."""
    net.to(X.device, memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(net.parameters(), lr=common.RATE, momentum=common.MOMENTUM, fused=True)
    scaler = torch.amp.GradScaler(X.device.type, enabled=dtype == torch.float16)
    model = torch.compile(net) if compiled else net

    def train(steps: int = STEPS) -> None:
        for _ in range(steps):
            with torch.autocast(X.device.type, dtype=dtype, enabled=dtype != torch.float32):
                logits = model(X)
            loss = F.cross_entropy(logits.float(), y)
            optimizer.zero_grad(set_to_none=True)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()

    return train


def operations(train, on: torch.device) -> dict[str, float]:
    """Milliseconds a step of each operation, most first."""
    kinds = [ProfilerActivity.CUDA if on.type == "cuda" else ProfilerActivity.CPU]
    train(3)
    with profile(activities=kinds) as seen:
        train()
        common.wait(on)
    attribute = "self_device_time_total" if on.type == "cuda" else "self_cpu_time_total"
    spent = {event.key: getattr(event, attribute) / 1000 / STEPS for event in seen.key_averages()}
    return dict(sorted(spent.items(), key=lambda item: -item[1]))


def main(argv: list[str] | None = None) -> int:
    """Command line."""
    options = common.parser(__doc__, pairs=7).parse_args(argv)
    recipe, on = d2l.recipe(NAME), d2l.device()
    draw = torch.Generator().manual_seed(0)
    X = torch.randn(recipe.batch_size, 1, 28, 28, generator=draw).to(on, memory_format=torch.channels_last)
    y = torch.randint(10, (recipe.batch_size,), generator=draw).to(on)
    types = {str(dtype).removeprefix("torch."): dtype for dtype in (torch.float32, fast_type(on))}
    used = list(types)[-1]  # what fit takes
    ways = {name: (dtype, False) for name, dtype in types.items()}
    if not options.quick:  # translating takes up to a minute
        ways |= {f"{name}, compiled": (dtype, True) for name, dtype in types.items()}
    trains = {}
    for way, settings in ways.items():
        d2l.seed_everything(0)
        trains[way] = stepper(d2l.build(recipe, 1, 10, 28), X, y, *settings)
    times = common.in_turns(
        {way: lambda train=train: common.timed(train, on) for way, train in trains.items()},
        1 if options.quick else options.pairs,
    )
    base = {"pairs": 1 if options.quick else options.pairs, "batch_size": recipe.batch_size}
    rows = []
    for way, spent in times.items():
        step = 1000 * statistics.median(spent) / STEPS
        rate = 1000 * recipe.batch_size / step
        rows.append({"what": f"whole step, {way}", **base, "ms": step, "images_per_second": rate})
    listed = operations(trains[used], on)
    whole = sum(listed.values())
    first = dict(list(listed.items())[:LISTED])
    for name, spent in (first | {"all else": whole - sum(first.values())}).items():
        rows.append({"what": f"{name}, {used}", **base, "ms": spent, "share": spent / whole})
    empty = dict.fromkeys(("what", "pairs", "batch_size", "ms", "images_per_second", "share"), "")
    return common.finish("step", [empty | row for row in rows], options)


if __name__ == "__main__":
    raise SystemExit(main())
