"""Readers of data files: IDX (MNIST), CIFAR-10's binary and Python batches, and parquet with encoded images.

They return NumPy arrays and raise :class:`DataFileError`, which names the file, says what is wrong and what to do.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import os
import pickle
import tarfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

import numpy as np

from .errors import DataError, DataFileError, UnreadableFileError

CIFAR_BATCH = 10000  # images in each of CIFAR-10's batch files


def digest(data: bytes | np.ndarray | Path, algorithm: str) -> str:
    """``"md5:…"`` or ``"sha256:…"`` of some bytes, of an array's contents (in C order) or of a file."""
    value = hashlib.new(algorithm, usedforsecurity=False)
    if isinstance(data, Path):
        with open(data, "rb") as file:
            while block := file.read(1 << 20):
                value.update(block)
    else:
        value.update(data)
    return f"{algorithm}:{value.hexdigest()}"


def read_bytes(path: Path) -> bytes:
    """The contents of a file, unpacked if its name ends in .gz."""
    try:
        packed = path.read_bytes()
    except PermissionError:
        raise UnreadableFileError(path) from None
    if not packed:
        raise DataFileError(path, "is empty")
    if path.suffix != ".gz":
        return packed
    try:
        return gzip.decompress(packed)
    except EOFError:
        raise DataFileError(path, f"is truncated (ends after {len(packed):,} bytes)") from None
    except gzip.BadGzipFile as error:
        raise DataFileError(path, f"is not a sound gzip file ({error})") from None
    except zlib.error as error:
        raise DataFileError(path, f"is damaged ({error})") from None


def read_idx(path: Path, dimensions: int) -> tuple[np.ndarray, bytes]:
    """An IDX file of unsigned bytes with 1 (labels) or 3 (images) dimensions: the array, and the unpacked contents.

    Format: http://yann.lecun.com/exdb/mnist/ — two zero bytes, type 8, number of dimensions, sizes (big-endian).
    """
    data = read_bytes(path)
    header = 4 + 4 * dimensions
    if len(data) < header:
        raise DataFileError(path, f"is truncated (holds {len(data)} bytes, less than an IDX header)")
    magic = int.from_bytes(data[:4], "big")
    if magic != 0x800 + dimensions:
        what = {1: "labels", 3: "images"}[dimensions]
        raise DataFileError(path, f"starts with {magic:#010x}, an IDX file of {what} with {0x800 + dimensions:#010x}")
    shape = tuple(int(n) for n in np.frombuffer(data, ">u4", dimensions, offset=4))
    wanted = header + math.prod(shape)
    if len(data) != wanted:
        kind = "is truncated" if len(data) < wanted else "is too long"
        raise DataFileError(path, f"{kind} (its header announces {wanted:,} bytes, it holds {len(data):,})")
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape), data


def batch_records(path: Path, data: bytes) -> tuple[np.ndarray, np.ndarray]:
    """CIFAR-10's binary form: records of 1 label byte and 3,072 pixel bytes (channel, row, column)."""
    record = 1 + 3 * 32 * 32
    if len(data) != CIFAR_BATCH * record:
        kind = "is truncated" if len(data) < CIFAR_BATCH * record else "is too long"
        raise DataFileError(path, f"{kind} ({len(data):,} bytes; a CIFAR-10 batch has {CIFAR_BATCH * record:,})")
    table = np.frombuffer(data, np.uint8).reshape(CIFAR_BATCH, record)
    return table[:, 1:].reshape(-1, 3, 32, 32), table[:, 0].astype(np.int64)


class _ArraysOnly(pickle.Unpickler):
    """Unpickles NumPy arrays in plain containers and nothing else: a data file must not be able to run code."""

    allowed: ClassVar[dict] = {
        ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
        ("numpy._core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("_codecs", "encode"): lambda text, _: text.encode("latin1"),  # how Python 3 writes bytes in old protocols
    }

    def find_class(self, module: str, name: str):
        try:
            return self.allowed[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}") from None


def batch_pickle(path: Path, data: bytes) -> tuple[np.ndarray, np.ndarray]:
    """CIFAR-10's Python form: a pickled dict of images (n, 3072) and labels. Altered bytes can ask a pickle's reader
    for anything, such as 16 GiB of memory: compare the check sum first."""
    try:
        batch = _ArraysOnly(io.BytesIO(data), encoding="bytes").load()
        images = np.asarray(batch[b"data"], dtype=np.uint8).reshape(-1, 3, 32, 32)
        labels = np.asarray(batch[b"labels"], dtype=np.int64)
    except Exception as error:  # there is hardly one that a pickle cannot provoke
        raise DataFileError(path, f"is not a batch of CIFAR-10 ({error})") from None
    return images, labels


def archive_batches(path: Path, train: bool) -> list[tuple[np.ndarray, np.ndarray]]:
    """The batches in cifar-10-binary.tar.gz or cifar-10-python.tar.gz, in order, without unpacking to disk."""
    binary = "binary" in path.name
    stem, suffix = ("cifar-10-batches-bin", ".bin") if binary else ("cifar-10-batches-py", "")
    names = [f"{stem}/data_batch_{i}{suffix}" for i in range(1, 6)] if train else [f"{stem}/test_batch{suffix}"]
    found = {}
    try:
        with tarfile.open(path, "r|gz") as archive:  # one pass: seeking in a gzip stream would unpack it again
            for member in archive:
                if member.name in names and member.isfile():
                    found[member.name] = archive.extractfile(member).read()
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise DataFileError(path, f"is truncated or not a tar.gz archive ({error})") from None
    missing = [name for name in names if name not in found]
    if missing:
        raise DataFileError(path, f"holds no {missing[0]}")
    return [(batch_records if binary else batch_pickle)(path, found[name]) for name in names]


def _decode(encoded: list[bytes], path: Path) -> np.ndarray:
    from PIL import Image

    out = np.empty((len(encoded), 32, 32, 3), np.uint8)

    def one(i: int) -> None:
        with Image.open(io.BytesIO(encoded[i])) as image:
            if image.size != (32, 32):
                raise DataFileError(path, f"image {i} is {image.size[0]} × {image.size[1]} pixels, not 32 × 32")
            out[i] = np.asarray(image.convert("RGB"))

    def some(start: int) -> None:
        for i in range(start, min(start + 500, len(encoded))):
            try:
                one(i)
            except (OSError, SyntaxError, TypeError) as error:
                raise DataFileError(path, f"image {i} cannot be decoded ({error})") from None

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow decodes outside the interpreter lock
        list(pool.map(some, range(0, len(encoded), 500)))
    return out


def read_parquet(path: Path, rows: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Images (only ``rows``, if given) and all labels of a parquet file with columns ``img.bytes`` and ``label``."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise DataError(f"{path} is a parquet file; reading it takes `pip install pyarrow`.") from None
    try:
        table = pq.ParquetFile(path).read(columns=["img.bytes", "label"])
        column = table.column("img").combine_chunks()
        labels = table.column("label").to_numpy()
        encoded = column.field("bytes") if rows is None else column.field("bytes").take(pa.array(rows))
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise DataFileError(path, f"is damaged or not a parquet file of images ({error})") from None
    return _decode(encoded.to_pylist(), path), labels
