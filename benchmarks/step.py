"""Where does a training step of LeNet + BN go? Milliseconds of the operations, and of the whole step in other ways.

It is the smallest network of the book, with a batch normalization written out, so that its step consists of many small
operations: the case in which arithmetic, and not the loading of images, decides how far ahead a faster loop can be. The
step is the bare one of ``common.stepper``; operations are timed by PyTorch's profiler, each without what it calls.

    python -m benchmarks.step [--pairs 7]
"""

import statistics

import torch
from torch.profiler import ProfilerActivity, profile

import d2lite as d2l
from benchmarks import common
from d2lite.machine.devices import fast_type

NAME, STEPS, LISTED = "lenet_batch_norm", 20, 10


def operations(train, on: torch.device) -> dict[str, float]:
    """Milliseconds a step of each operation, most first."""
    kinds = [ProfilerActivity.CUDA if on.type == "cuda" else ProfilerActivity.CPU]
    train(3)
    with profile(activities=kinds) as seen:
        train(STEPS)
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
        trains[way] = common.stepper(d2l.build(recipe, 1, 10, 28), X, y, *settings)
    times = common.in_turns(
        {way: lambda train=train: common.timed(lambda: train(STEPS), on) for way, train in trains.items()},
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
