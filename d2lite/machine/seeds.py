"""Random numbers that can be repeated: every generator a run draws from, its seed and its state."""

import json
import os
import random
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

from ..arguments import whole

Generator = torch.Generator | np.random.Generator | np.random.RandomState | random.Random
#: where data hold what may hold generators
INSIDE = ("train", "val", "source", "sampler", "batch_sampler", "dataset", "datasets", "collate_fn", "transform",
          "transforms", "target_transform")  # fmt: skip

_seed: int | None = None  # what seed_everything set last


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and PyTorch (all devices).

    ``D2LITE_SEED``, where it is set, is added to ``seed``: the same notebook can so be re-run with other random
    numbers without an edit.

    Raises:
        ValueError: ``seed`` or ``D2LITE_SEED`` is no whole number, or their sum is outside the range of PyTorch's.
    """
    global _seed
    offset, given = os.environ.get("D2LITE_SEED") or "0", whole(seed)
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


def generators(data: object) -> list[Generator]:
    """The generators that ``data`` hold themselves, or that their splits, samplers, data sets and transforms hold, each
    once."""
    places, found = [data], {}
    for place in places:
        held = {**getattr(place, "__dict__", {}), "generator": getattr(place, "generator", None)}
        own = (value for value in held.values() if isinstance(value, Generator))
        found |= {id(value): value for value in own if not isinstance(value, random.SystemRandom)}  # which has no state
        inside = [held[name] for name in INSIDE if name in held]
        inside += [one for name in ("datasets", "transforms") for one in _several(held.get(name))]
        places += [value for value in inside if all(value is not place for place in places)]
    return list(found.values())


def _several(held: Any) -> Any:
    return held if isinstance(held, (list, tuple)) else ()


def _kept(own: Any, state: Any = None) -> Any:
    """The state of a generator of the data's, where none is given to put back."""
    if isinstance(own, torch.Generator):
        return own.get_state() if state is None else own.set_state(state)
    if isinstance(own, np.random.Generator):
        if state is not None:
            own.bit_generator.state = json.loads(state)
        now: Any = own.bit_generator.state
    elif isinstance(own, random.Random):
        if state is not None:
            version, words, gauss = json.loads(state)
            own.setstate((version, tuple(words), gauss))
        now = own.getstate()
    else:
        if state is not None:
            own.set_state(json.loads(state))
        now = own.get_state(legacy=False)
    return json.dumps(now, default=np.ndarray.tolist)


def random_state(generators: Iterable[Generator] = ()) -> dict[str, Any]:
    """The states of all generators that ``seed_everything`` seeds and of ``generators``, and the seed, as tensors and
    plain numbers; of Python's and NumPy's in ``generators``, which may hold arrays, as JSON."""
    version, words, python_gauss = random.getstate()
    _, keys, position, has_gauss, gauss = np.random.get_state()
    keys = torch.from_numpy(np.asarray(keys, np.int64))  # PyTorch cannot send unsigned numbers to other processes
    return {
        "seed": _seed,
        "rng_data": [_kept(own) for own in generators],
        "rng": torch.get_rng_state(),
        "rng_cuda": torch.cuda.get_rng_state_all(),  # none without CUDA
        "rng_mps": torch.mps.get_rng_state() if torch.backends.mps.is_available() else None,
        "rng_python": {"version": version, "words": torch.tensor(words, device="cpu"), "gauss": python_gauss},
        "rng_numpy": {"keys": keys, "position": position, "has_gauss": has_gauss, "gauss": gauss},
    }


def restore_random_state(state: dict[str, Any], generators: Iterable[Generator] = ()) -> None:
    """Put back what ``random_state`` returned, and leave alone what ``state`` does not have, such as another device's.

    Checkpoints of the first versions have neither Python's nor NumPy's state, nor the seed, and one of the data's.
    """
    global _seed
    for pair in zip(generators, [own] if isinstance(own := state.get("rng_data"), torch.Tensor) else own or ()):
        _kept(*pair)
    if (python := state.get("rng_python")) is not None:
        random.setstate((python["version"], tuple(python["words"].tolist()), python["gauss"]))
    if (numpy := state.get("rng_numpy")) is not None:
        keys = numpy["keys"].numpy().astype(np.uint32)
        np.random.set_state(("MT19937", keys, numpy["position"], numpy["has_gauss"], numpy["gauss"]))
    torch.set_rng_state(state["rng"])
    for number, generator in enumerate(state["rng_cuda"][: torch.cuda.device_count()]):
        torch.cuda.set_rng_state(generator, number)
    if torch.backends.mps.is_available() and state["rng_mps"] is not None:
        torch.mps.set_rng_state(state["rng_mps"])
    _seed = state.get("seed", _seed)
