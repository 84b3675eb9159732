"""Small data sets on disk, in the formats of the real ones, for the tests of loading."""

import gzip
import hashlib
import io
import pickle
import tarfile
from dataclasses import replace

import numpy as np

from d2lite.data.catalog import DATASETS, File

TRAIN, TEST, VAL = 600, 200, 100
IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def md5(data: bytes) -> str:
    return "md5:" + hashlib.md5(data).hexdigest()


def idx(array: np.ndarray) -> bytes:
    """An IDX file of unsigned bytes."""
    return (
        (0x800 + array.ndim).to_bytes(4, "big") + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()
    )


def pictures(n: int, channels: int, size: int, seed: int) -> np.ndarray:
    """Random images (n, size, size, channels) of which the first two bytes number the image."""
    images = np.random.RandomState(seed).randint(0, 256, (n, size, size, channels)).astype(np.uint8)
    images[:, 0, 0, 0], images[:, 0, 1, 0] = np.arange(n) // 256, np.arange(n) % 256
    return images


def numbers(images) -> list[int]:
    """Which images (n, C, h, w) these are: the inverse of ``pictures``."""
    return (images[:, 0, 0, 0].long() * 256 + images[:, 0, 0, 1].long()).tolist()


def small_fashion(monkeypatch, folder, *, packed=True, mirrors=(), pinned=True):
    """A Fashion-MNIST of 600 + 200 images in ``folder`` (None: nowhere); returns its files' bytes by name.

    ``mirrors`` are addresses that serve the files; ``pinned`` is whether the packed files have a known check sum.
    """
    contents = {}
    for part, n, seed in (("train", TRAIN, 1), ("t10k", TEST, 2)):
        contents[f"{part}-images-idx3-ubyte"] = idx(pictures(n, 1, 28, seed)[..., 0])
        contents[f"{part}-labels-idx1-ubyte"] = idx(np.random.RandomState(seed).randint(0, 10, n).astype(np.uint8))
    zipped = {f"{name}.gz": gzip.compress(data, 1, mtime=0) for name, data in contents.items()}
    real = DATASETS["fashion_mnist"]
    files = [
        File(f"{name}.gz", len(data), md5(data) if pinned else None, md5(contents[name]))
        for name, data in ((name, zipped[f"{name}.gz"]) for name in IDX_FILES)
    ]
    layout = replace(
        real.layouts[0], train=tuple(files[:2]), test=tuple(files[2:]), mirrors=tuple(f"{one}/" for one in mirrors)
    )
    small = replace(real, train_images=TRAIN, test_images=TEST, val_images=VAL, layouts=(layout,))
    monkeypatch.setitem(DATASETS, "fashion_mnist", small)
    files = zipped if packed else contents
    if folder is not None:
        target = folder / "FashionMNIST" / "raw"
        target.mkdir(parents=True)
        for name, data in files.items():
            (target / name).write_bytes(data)
    return files


def small_cifar(monkeypatch, folder, form):
    """A CIFAR-10 of 5 × 20 + 20 images in ``folder``; ``form``: bin, py, binary.tar.gz, python.tar.gz, hub, jpeg."""
    from PIL import Image

    n = 20
    images, labels = pictures(6 * n, 3, 32, 3), np.arange(6 * n) % 10
    files = {}
    for i in range(6):
        some, those = images[i * n : (i + 1) * n].transpose(0, 3, 1, 2).reshape(n, -1), labels[i * n : (i + 1) * n]
        name = "test_batch" if i == 5 else f"data_batch_{i + 1}"
        records = np.concatenate([those[:, None].astype(np.uint8), some], axis=1).tobytes()
        batch = pickle.dumps({b"data": some, b"labels": those.tolist()}, protocol=2)
        files[f"cifar-10-batches-bin/{name}.bin"], files[f"cifar-10-batches-py/{name}"] = records, batch
    if form in ("bin", "py"):
        files = {name: data for name, data in files.items() if f"-{form}/" in name}
    elif form.endswith("tar.gz"):
        inside, buffer = "-bin/" if form.startswith("binary") else "-py/", io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            for name, data in files.items():
                if inside in name:
                    member = tarfile.TarInfo(name)
                    member.size = len(data)
                    archive.addfile(member, io.BytesIO(data))
        files = {f"cifar-10-{form}": buffer.getvalue()}
    else:
        import pyarrow as pa
        import pyarrow.parquet as pq

        pattern = "cifar10-jpeg/{}.parquet" if form == "jpeg" else "cifar10/{}-00000-of-00001.parquet"
        files = {}
        for part, rows in (("train", slice(0, 5 * n)), ("test", slice(5 * n, None))):
            encoded = []
            for image in images[rows]:
                buffer = io.BytesIO()
                Image.fromarray(image).save(buffer, "JPEG" if form == "jpeg" else "PNG")
                encoded.append({"bytes": buffer.getvalue(), "path": None})
            buffer = io.BytesIO()
            pq.write_table(pa.table({"img": encoded, "label": labels[rows]}), buffer)
            files[pattern.format(part)] = buffer.getvalue()
    real = DATASETS["cifar10"]
    sums = {name: md5(content) for name, content in files.items()}

    def here(layout):
        """The same layout, of these files."""
        parts = {
            part: tuple(
                replace(file, hash=sums.get(f"{layout.folder}/{file.name}".lstrip("/"), file.hash))
                for file in getattr(layout, part)
            )
            for part in ("train", "test")
        }
        return replace(layout, mirrors=(), **parts)

    layouts = tuple(map(here, real.layouts))
    small = replace(real, train_images=5 * n, test_images=n, val_images=10, layouts=layouts)
    monkeypatch.setitem(DATASETS, "cifar10", small)
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return images.transpose(0, 3, 1, 2), labels
