"""Messages between the grader and the process that runs a student's code: JSON, and the bytes of tensors after it.

Nothing is unpickled, so whatever arrives is data and never code. Both sides import this file, which knows of neither.
A message is a head (lengths), a JSON text, and a block of bytes that the JSON's tensors point into.
"""

import json
import math
import numbers
import struct

import numpy as np
import torch

DEEPEST = 100  # lists within lists
HEAD = struct.Struct(">IQ")  # bytes of JSON, bytes of tensors
MAX_JSON = 8 * 2**20
MAX_CELL = 2**20  # of JSON, about what a cell printed
MAX_BYTES = 64 * 2**20
DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
        torch.uint8, torch.uint16, torch.uint32, torch.uint64, torch.bool, torch.complex64, torch.complex128,
    )
}  # fmt: skip
PLAIN = (bool, int, float, str)


class ProtocolError(Exception):
    """What arrived is no message, or a value in it is none. The next message is read all the same."""


class Writer:
    """Collects what one message holds: the values as JSON, and the tensors among them in order.

    Args:
        reference: turns an object that is no plain data into a JSON dictionary, or raises TypeError.
    """

    def __init__(self, reference):
        self.reference = reference
        self.tensors: list[torch.Tensor] = []
        self.metas: list[dict] = []
        self.blocks: list[bytes] = []
        self.size = 0

    def value(self, value, depth: int = 0):
        """``value`` in a form that JSON can hold; tensors are put aside.

        Raises:
            TypeError, ValueError: it has none; says what to give instead.
        """
        if value is None or type(value) in PLAIN:
            return value
        if depth > DEEPEST:
            raise ValueError(f"more than {DEEPEST} lists, tuples or dictionaries within each other")
        if isinstance(value, torch.Tensor):
            return {"tensor": self._tensor(value)}
        if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biufc":
            return self._numpy(value)
        if isinstance(value, np.generic) and not isinstance(value, (np.void, np.object_)):
            return self.value(value.item(), depth + 1)
        if isinstance(value, torch.dtype):
            return {"dtype": str(value).removeprefix("torch.")}
        if isinstance(value, torch.device):
            return {"device": str(value)}
        if isinstance(value, (list, tuple)):
            kind = "list" if isinstance(value, list) else "tuple"
            return {kind: [self.value(item, depth + 1) for item in value]}
        if isinstance(value, dict):
            pairs = value.items()
            return {"dict": [[self.value(key, depth + 1), self.value(item, depth + 1)] for key, item in pairs]}
        if isinstance(value, numbers.Rational) and not isinstance(value, int):  # a fraction
            return float(value)
        if isinstance(value, PLAIN):  # a subclass, such as an IntEnum, goes as what it is one of
            return next(kind(value) for kind in PLAIN if isinstance(value, kind))
        if isinstance(value, complex):
            return {"complex": [value.real, value.imag]}
        return self.reference(value)

    def _numpy(self, value):
        """An array, or a number of NumPy's; what is wider than PyTorch knows is rounded to what it does."""
        if value.dtype.kind in "fc" and value.dtype.itemsize > (8 if value.dtype.kind == "f" else 16):
            value = value.astype(np.float64 if value.dtype.kind == "f" else np.complex128)
        if isinstance(value, np.generic):
            return self.value(value.item())
        plain = np.array(value, dtype=value.dtype.newbyteorder("="), order="C", subok=False)
        return {"array": self._tensor(torch.from_numpy(plain))}

    def _tensor(self, tensor: torch.Tensor) -> int:
        if tensor.layout != torch.strided or tensor.is_nested:
            raise TypeError(f"a {tensor.layout} tensor where one with all its numbers is expected: .to_dense()")
        if tensor.is_meta:
            raise TypeError("a tensor on the device meta, which has a shape and no numbers")
        if str(tensor.dtype).removeprefix("torch.") not in DTYPES:
            raise TypeError(f"a tensor of {tensor.dtype}, a type that is not asked for")
        grad = tensor.grad if tensor.is_leaf else None
        index = len(self.metas)
        self.tensors.append(tensor)
        self.metas.append({})
        raw = torch.empty(tensor.shape, dtype=tensor.dtype).copy_(tensor.detach())  # in order, whatever it was
        block = raw.reshape(-1).view(torch.uint8).numpy().tobytes() if raw.numel() else b""
        self.blocks.append(block)
        self.size += len(block)
        if self.size > MAX_BYTES:
            raise ValueError(f"more than {MAX_BYTES >> 20} MiB of numbers at once")
        self.metas[index] = {
            "dtype": str(raw.dtype).removeprefix("torch."),
            "shape": list(raw.shape),
            "requires_grad": tensor.requires_grad,
            "leaf": tensor.is_leaf,
            "grad": None if grad is None else self._tensor(grad),
        }
        return index

    def frame(self, **fields) -> bytes:
        """The whole message, as bytes to send. ``fields`` are JSON already (made by :meth:`value`)."""
        text = json.dumps({**fields, "tensors": self.metas}).encode()
        if len(text) > MAX_JSON:
            raise ValueError(f"more than {MAX_JSON >> 20} MiB of text at once")
        return HEAD.pack(len(text), self.size) + text + b"".join(self.blocks)


class Reader:
    """Reads one message back. ``resolve`` turns the dictionary of a reference into an object.

    Raises:
        ProtocolError: the message is broken, whoever broke it.
    """

    def __init__(self, text: bytes, block: bytes, resolve):
        self.resolve = resolve
        try:
            self.fields = json.loads(text)
            metas = self.fields.pop("tensors")
            self.metas, self.tensors, start = metas, [], 0
            # tensors arrive in the order of sending; a gradient follows the tensor whose it is
            for meta in metas:
                tensor, start = self._tensor(meta, block, start)
                self.tensors.append(tensor)
            if start != len(block):
                raise ValueError("bytes are left over")
        except ProtocolError:
            raise
        except Exception as error:
            raise ProtocolError(f"not a message: {error}") from None

    @staticmethod
    def _tensor(meta: dict, block: bytes, start: int):
        dtype, shape = DTYPES[meta["dtype"]], [int(side) for side in meta["shape"]]
        if len(shape) > 32 or any(side < 0 for side in shape):
            raise ProtocolError("a tensor of an impossible shape")
        size = math.prod(shape) * torch.empty(0, dtype=dtype).element_size()
        if start + size > len(block):
            raise ProtocolError("a tensor lacks bytes")
        if size == 0:
            return torch.empty(shape, dtype=dtype), start
        raw = torch.frombuffer(bytearray(block[start : start + size]), dtype=torch.uint8)
        return raw.view(dtype).reshape(shape), start + size

    def differentiable(self) -> list[bool]:
        """For each tensor, whether gradients are to be sent back to what it was computed from."""
        return [bool(meta.get("requires_grad")) and not meta.get("leaf") for meta in self.metas]

    def needed(self) -> list[bool]:
        """For each tensor, whether its own gradient is asked for."""
        return [bool(meta.get("requires_grad")) for meta in self.metas]

    def value(self, item, depth: int = 0):
        """The value that JSON ``item`` stands for, with the tensors of this message."""
        if item is None or type(item) in PLAIN:
            return item
        if not isinstance(item, dict) or not item or depth > DEEPEST + 1:
            raise ProtocolError("not a value")
        kind, held = next(iter(item.items()))
        try:
            if kind == "tensor":
                return self._with_grad(held)
            if kind == "array":
                return self.tensors[held].numpy()
            if kind == "dtype":
                return DTYPES[held]
            if kind == "complex":
                return complex(*held)
            if kind == "device":
                return torch.device(held)
            if kind == "list":
                return [self.value(entry, depth + 1) for entry in held]
            if kind == "tuple":
                return tuple(self.value(entry, depth + 1) for entry in held)
            if kind == "iterator":
                return iter([self.value(entry, depth + 1) for entry in held])
            if kind == "dict":
                return {self.value(key, depth + 1): self.value(entry, depth + 1) for key, entry in held}
        except ProtocolError:
            raise
        except Exception as error:
            raise ProtocolError(f"not a value: {error}") from None
        return self.resolve(item)

    def _with_grad(self, index: int) -> torch.Tensor:
        """A tensor; a leaf such as a parameter comes as a leaf, with its gradient."""
        tensor, meta = self.tensors[index], self.metas[index]
        if meta.get("leaf") and meta.get("requires_grad") and tensor.is_leaf and tensor.is_floating_point():
            tensor.requires_grad_()
            if meta.get("grad") is not None:
                tensor.grad = self.tensors[meta["grad"]]
        return tensor
