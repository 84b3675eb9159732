"""Pictures in files of their own, of any size and kind: as squares of bytes, decoded when they are asked for."""

import os
import stat
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch

from .errors import ImageFileError

# Also those that Pillow may lack: what it cannot decode is named, and not passed over.
SUFFIXES = (".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pgm", ".png", ".ppm",
            ".tif", ".tiff", ".webp")  # fmt: skip


def decoded(paths: Sequence[Path], size: int) -> Iterator[np.ndarray | ImageFileError]:
    """Each picture as uint8 (size, size, 3), or what is wrong with its file.

    It is upright and over white; the shorter edge is resized to ``size``, and of the longer the middle is taken.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow decodes outside the interpreter lock
        yield from pool.map(lambda path: _decode(path, size), paths)


def _decode(path: Path, size: int) -> np.ndarray | ImageFileError:
    from PIL import Image, ImageOps

    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would be waited for, a device may have no end
            raise ValueError("it is no file")
        with Image.open(path) as image:
            image.draft("RGB", (2 * size, 2 * size))  # a JPEG is decoded no larger than resizing needs
            return fitted(np.asarray(colors(ImageOps.exif_transpose(image))), size)
    except MemoryError:  # whatever the file holds
        raise
    except Exception as error:  # there is hardly one that altered bytes cannot provoke
        return ImageFileError(path, f"cannot be decoded ({getattr(error, 'strerror', None) or error})")


def fitted(image: np.ndarray, size: int) -> np.ndarray:
    """``image``, uint8 (h, w, C), with its shorter edge resized to ``size``, and the middle of the longer one."""
    from PIL import Image, ImageOps

    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    return np.asarray(ImageOps.fit(picture, (size, size), Image.Resampling.BILINEAR)).reshape(size, size, -1)


def colors(image):
    """Pillow's ``image`` as RGB with 8 bits, over white where it is transparent."""
    from PIL import Image

    if image.mode[0] == "I":  # 16 bits
        image = Image.fromarray((np.asarray(image).clip(0, 65535) // 257).astype(np.uint8))
    if image.mode == "F":  # from 0 to 1, or to 255
        values = np.asarray(image)
        if not 0 <= values.min() <= values.max() <= 255:
            raise ValueError(f"its numbers run from {values.min():g} to {values.max():g}, not to 1 or 255")
        image = Image.fromarray((values * (255 if values.max() <= 1 else 1)).round().astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return image.convert("RGB")


class Photographs:
    """Pictures that fit no memory, in the place of a tensor of bytes: an index decodes those it chooses.

    They are (n, size, size, 3), or with ``channels_first`` (n, 3, size, size), and lie on no device.

    Raises:
        ImageFileError: by an index, where a file was removed or damaged since.
    """

    device, dtype = torch.device("meta"), torch.uint8

    def __init__(self, paths: Sequence[Path], size: int, channels_first: bool = False):
        self._paths, self._size, self._channels_first = paths, size, channels_first
        self.shape = torch.Size([len(paths), *((3, size, size) if channels_first else (size, size, 3))])

    def __len__(self) -> int:
        return len(self._paths)

    def contiguous(self) -> "Photographs":
        return self

    def permute(self, *_: int) -> "Photographs":
        """Channels go to the front: the one order in which they are asked for."""
        return Photographs(self._paths, self._size, channels_first=True)

    def index_select(self, _: int, index: torch.Tensor) -> torch.Tensor:
        return self[index]

    def __getitem__(self, index) -> torch.Tensor:
        chosen = torch.arange(len(self))[index.cpu() if isinstance(index, torch.Tensor) else index]
        rows = list(decoded([self._paths[i] for i in chosen.reshape(-1).tolist()], self._size))
        if broken := [row for row in rows if isinstance(row, ImageFileError)]:
            raise broken[0]
        images = torch.from_numpy(np.array(rows, np.uint8)).reshape(*chosen.shape, self._size, self._size, 3)
        return images.movedim(-1, -3) if self._channels_first else images
