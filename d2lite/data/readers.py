"""Readers of data files: IDX (MNIST), CIFAR-10's binary and Python batches, and parquet with encoded images.

They take files that :mod:`store` has found to be those published, by their check sums, and return NumPy arrays.
"""

import gzip
import hashlib
import io
import os
import pickle
import tarfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from .errors import DataFileError

Batch = tuple[np.ndarray, np.ndarray]  # images and labels


def has_digest(data: bytes | Path, expected: str) -> bool:
    """Whether the check sum of some bytes or of a file is the expected one, ``"md5:…"`` or ``"sha256:…"``."""
    algorithm, _, wanted = expected.partition(":")
    value = hashlib.new(algorithm, usedforsecurity=False)
    with open(data, "rb") if isinstance(data, Path) else io.BytesIO(data) as file:
        while block := file.read(1 << 20):
            value.update(block)
    return value.hexdigest() == wanted


def read_bytes(path: Path) -> bytes:
    """The contents of a file, unpacked if its name ends in .gz, unless a browser did that and left the name."""
    packed = path.read_bytes()
    try:
        return gzip.decompress(packed) if path.suffix == ".gz" and not packed.startswith(b"\0\0\x08") else packed
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataFileError(path, f"is not a sound gzip file of {len(packed):,} bytes ({error})") from None


def idx_array(data: bytes) -> np.ndarray:
    """What an IDX file of unsigned bytes holds.

    Format: http://yann.lecun.com/exdb/mnist/ — two zero bytes, type 8, number of dimensions, sizes (big-endian).
    """
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(np.frombuffer(data, ">u4", data[3], offset=4))


def batch_records(data: bytes) -> Batch:
    """CIFAR-10's binary form: records of 1 label byte and 3,072 pixel bytes (channel, row, column)."""
    table = np.frombuffer(data, np.uint8).reshape(-1, 1 + 3 * 32 * 32)
    return table[:, 1:].reshape(-1, 3, 32, 32), table[:, 0]


def batch_pickle(data: bytes) -> Batch:
    """CIFAR-10's Python form: a pickled dict of images (n, 3072) and labels.

    A pickle can run code, or ask for any memory: its bytes must be the published ones, by their check sum.
    """
    batch = pickle.loads(data, encoding="bytes")
    return batch[b"data"].reshape(-1, 3, 32, 32), np.asarray(batch[b"labels"])


def archive_batches(path: Path, train: bool) -> list[Batch]:
    """The batches in cifar-10-binary.tar.gz or cifar-10-python.tar.gz, in order, without unpacking to disk."""
    folder, suffix, parse = ("py", "", batch_pickle) if "python" in path.name else ("bin", ".bin", batch_records)
    stems = [f"data_batch_{i}" for i in range(1, 6)] if train else ["test_batch"]
    names = [f"cifar-10-batches-{folder}/{stem}{suffix}" for stem in stems]
    found = {}
    with tarfile.open(path, "r|gz") as archive:  # one pass: seeking in a gzip stream would unpack it again
        for member in archive:
            if member.isfile() and member.name in names and (content := archive.extractfile(member)):
                found[member.name] = content.read()
    return [parse(found[name]) for name in names]


def read_parquet(path: Path, rows: np.ndarray) -> Batch:
    """Images and labels at ``rows`` of a parquet file with columns ``img.bytes`` and ``label``."""
    import pyarrow.parquet as pq

    table = pq.ParquetFile(path).read(columns=["img.bytes", "label"]).take(rows)
    return _decode(table.column("img").combine_chunks().field("bytes").to_pylist()), table.column("label").to_numpy()


def _decode(encoded: list[bytes]) -> np.ndarray:
    from PIL import Image

    out, share = np.empty((len(encoded), 32, 32, 3), np.uint8), 500

    def some(start: int) -> None:
        for i in range(start, min(start + share, len(encoded))):
            with Image.open(io.BytesIO(encoded[i])) as image:
                out[i] = np.asarray(image.convert("RGB"))

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow decodes outside the interpreter lock
        list(pool.map(some, range(0, len(encoded), share)))
    return out
