"""Readers of data files: IDX (MNIST), CIFAR-10's binary and Python batches, and parquet with encoded images.

Files are compared with their check sums before anything opens them; what readers return are NumPy arrays.
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

from .catalog import File
from .errors import DataFileError

PACKED = b"\x1f\x8b"  # how a gzip file begins; some browsers unpack one and leave its name
LARGEST = 1 << 26  # bytes: no published IDX file unpacks to more, and what was sent must not fill the memory
Batch = tuple[np.ndarray, np.ndarray]  # images and labels


def checked(file: File, path: Path) -> bytes:
    """What lies at ``path``, unpacked if it is an IDX file, provided that it is ``file`` as it was published.

    Raises:
        DataFileError: it is not.
    """
    data, expected = path.read_bytes(), file.contents_hash or file.hash or ""
    if not data:
        raise DataFileError(path, "is empty")
    if file.contents_hash and data.startswith(PACKED):
        try:
            data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(LARGEST)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataFileError(path, f"is not a sound gzip file of {len(data):,} bytes ({error})") from None
    algorithm, _, digest = expected.partition(":")
    if hashlib.new(algorithm, data, usedforsecurity=False).hexdigest() != digest:
        what = f"does not hold the published bytes (check sum is not {expected}), so it is altered or truncated"
        raise DataFileError(path, what)
    return data


def idx_array(data: bytes) -> np.ndarray:
    """What an IDX file of unsigned bytes holds.

    Format: http://yann.lecun.com/exdb/mnist/ — two zero bytes, type 8, number of dimensions, sizes (big-endian).
    """
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(np.frombuffer(data, ">u4", data[3], offset=4))


def batch(name: str, data: bytes) -> Batch:
    """Images and labels in one of CIFAR-10's batches: in its binary form or its Python form, as the name tells.

    A pickle can run code, or ask for any memory: its bytes must be the published ones, by their check sum.
    """
    if name.endswith(".bin"):  # records of 1 label byte and 3,072 pixel bytes (channel, row, column)
        table = np.frombuffer(data, np.uint8).reshape(-1, 1 + 3 * 32 * 32)
        return table[:, 1:].reshape(-1, 3, 32, 32), table[:, 0]
    pickled = pickle.loads(data, encoding="bytes")
    return pickled[b"data"].reshape(-1, 3, 32, 32), np.asarray(pickled[b"labels"])


def archive_batches(data: bytes, train: bool) -> list[Batch]:
    """The batches in cifar-10-binary.tar.gz or cifar-10-python.tar.gz, in order, without unpacking to disk."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data), mode="r|gz") as archive:  # one pass: to seek would unpack it again
        for member in archive:
            if ("/data_batch" if train else "/test_batch") in member.name and (content := archive.extractfile(member)):
                found[member.name] = content.read()
    return [batch(name, found[name]) for name in sorted(found)]


def read_parquet(data: bytes, rows: np.ndarray) -> Batch:
    """Images and labels at ``rows`` of a parquet file with columns ``img.bytes`` and ``label``."""
    import pyarrow.parquet as pq

    table = pq.ParquetFile(io.BytesIO(data)).read(columns=["img.bytes", "label"]).take(rows)
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
