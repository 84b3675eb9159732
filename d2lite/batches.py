"""Images on the device as bytes, and what a training loop draws from them: normalised batches."""

from __future__ import annotations

import numbers
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F


class Split:
    """One split of a data set: iterating yields ``(X, y)``.

    ``X`` is float32 ``(N, C, size, size)``, normalised, in ``channels_last`` memory format; ``y`` is int64 ``(N,)``.
    Both are on the device. The last batch may be shorter. With ``shuffle`` each pass draws a new order from PyTorch's
    global CPU generator, so that ``seed_everything`` and a restored random state repeat it.

    Attributes:
        images: uint8 ``(n, C, h, w)`` on the device, at the size in which the data set comes.
        labels: int64 ``(n,)`` on the device.
        num_images: n.
        total: images in the split before the quick profile's cap.
    """

    def __init__(
        self,
        images: torch.Tensor,
        labels: torch.Tensor,
        *,
        mean: Sequence[float],
        std: Sequence[float],
        size: int,
        batch_size: int,
        total: int | None = None,
        shuffle: bool = False,
        augment: bool = False,
        mirrored: bool = True,
    ):
        """``images``: uint8 (n, h, w, C), rows as they lie in memory, which makes every batch channels_last."""
        self._rows = images.contiguous()
        self.labels = labels
        self.total = len(labels) if total is None else total
        self.size, self.batch_size = size, batch_size
        self.shuffle, self.augment, self.mirrored = shuffle, augment, mirrored
        # (x / 255 - mean) / std as one multiplication and one addition per pixel
        scale = torch.tensor(std, dtype=torch.float64).reciprocal()
        shift = -torch.tensor(mean, dtype=torch.float64) * scale
        self._scale = (scale / 255).float().to(images.device)
        self._shift = shift.float().to(images.device)

    @property
    def images(self) -> torch.Tensor:
        return self._rows.permute(0, 3, 1, 2)

    @property
    def num_images(self) -> int:
        return len(self.labels)

    def __len__(self) -> int:
        return -(-self.num_images // self.batch_size)

    def __repr__(self) -> str:
        of = "" if self.num_images == self.total else f" of {self.total:,}"
        return f"<Split: {self.num_images:,}{of} images in {len(self)} batches of up to {self.batch_size}>"

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        device, n = self.labels.device, self.num_images
        # All random numbers of a pass are drawn and sent to the device at once: a copy per batch would stall it.
        lazily = device.type == "cuda"
        order = torch.randperm(n).to(device, non_blocking=lazily) if self.shuffle else None
        moves = self._draw_moves(n).to(device, non_blocking=lazily) if self.augment else None
        for start in range(0, n, self.batch_size):
            stop = min(start + self.batch_size, n)
            if order is None:
                rows, y = self._rows[start:stop], self.labels[start:stop]
            else:
                index = order[start:stop]
                rows, y = self._rows.index_select(0, index), self.labels.index_select(0, index)
            if moves is not None:
                rows = self._move(rows, moves[:, start:stop])
            yield self._prepare(rows), y

    def batch(self, indices: int | slice | Sequence[int] | torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """``(X, y)`` of the images at ``indices`` of this split, prepared like a batch but never augmented.

        Booleans, one for each image of the split, choose the images at which they are true.

        Raises:
            IndexError: an index is outside the split or no whole number, or there are too many or too few booleans.
        """
        n = self.num_images
        if isinstance(indices, slice):
            indices = range(*indices.indices(n))
        if not isinstance(indices, (torch.Tensor, np.ndarray, numbers.Integral)):
            indices = list(indices)
        index = torch.as_tensor(indices).cpu()
        if index.dtype == torch.bool:
            if index.shape != (n,):
                raise IndexError(f"a mask of shape {tuple(index.shape)} does not fit this split of {n:,} images")
            index = index.nonzero()
        if index.numel() and (index.is_floating_point() or index.is_complex()):
            raise IndexError(f"indices must be whole numbers or booleans, not {index.dtype}")
        index = index.reshape(-1).long()
        outside = index[(index < -n) | (index >= n)]
        if len(outside):
            raise IndexError(f"index {int(outside[0])} is outside this split of {n:,} images (0 … {n - 1:,})")
        index = (index % n).to(self.labels.device)
        return self._prepare(self._rows.index_select(0, index)), self.labels.index_select(0, index)

    def _draw_moves(self, n: int) -> torch.Tensor:
        """Per image: vertical shift, horizontal shift (0 … 2·pad), and whether to mirror it."""
        reach = 2 * self._pad + 1
        return torch.stack([torch.randint(reach, (n,)), torch.randint(reach, (n,)), torch.randint(2, (n,))])

    @property
    def _pad(self) -> int:
        return max(1, self._rows.shape[1] // 8)  # 4 pixels at 32, as He et al. 2015 use

    def _move(self, rows: torch.Tensor, moves: torch.Tensor) -> torch.Tensor:
        """Shift-crops and mirrors ``rows`` (N, h, w, C) with a single gather; what comes in at the edge is black."""
        n, h, w, channels = rows.shape
        pad = self._pad
        padded = F.pad(rows, (0, 0, pad, pad, pad, pad))
        down, right, mirror = moves
        y = down[:, None] + torch.arange(h, device=rows.device)
        x = torch.arange(w, device=rows.device)[None].expand(n, w)
        if self.mirrored:
            x = torch.where(mirror[:, None].bool(), w - 1 - x, x)
        x = x + right[:, None]
        first = torch.arange(n, device=rows.device) * (h + 2 * pad)
        pixels = ((first[:, None] + y) * (w + 2 * pad))[:, :, None] + x[:, None, :]
        return padded.view(-1, channels).index_select(0, pixels.flatten()).view(n, h, w, channels)

    def _prepare(self, rows: torch.Tensor) -> torch.Tensor:
        X = rows.to(torch.float32).mul_(self._scale).add_(self._shift).permute(0, 3, 1, 2)
        native, wanted = tuple(X.shape[-2:]), (self.size, self.size)
        if native != wanted:
            # Averaging over several pixels matters only on the way down; on the way up both are the same, one slower.
            X = F.interpolate(X, wanted, mode="bilinear", align_corners=False, antialias=self.size < max(native))
        return X.contiguous(memory_format=torch.channels_last)


@dataclass(repr=False)
class ImageData:
    """A data set ready to train on: three splits and what they have in common.

    ``mean`` and ``std`` (per channel, for images in [0, 1]) are those of the published training images. ``is_stand_in``
    tells that these are scikit-learn's digits in place of the data set asked for. ``quick_images`` is the cap of the
    quick profile, whether or not it was reached.
    """

    name: str
    label: str
    classes: tuple[str, ...]
    channels: int
    size: int
    batch_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    train: Split
    val: Split
    test: Split
    is_stand_in: bool = False
    quick_images: int = 4096

    def denormalize(self, X: torch.Tensor) -> torch.Tensor:
        """Undo the normalisation: ``X`` float (…, C, H, W) → float in [0, 1], same shape and device."""
        shape = (-1, 1, 1)
        mean = torch.tensor(self.mean, device=X.device, dtype=torch.float32).view(shape)
        std = torch.tensor(self.std, device=X.device, dtype=torch.float32).view(shape)
        return (X.float() * std + mean).clamp(0, 1)

    def __repr__(self) -> str:
        parts = []
        for name in ("train", "val", "test"):
            split = getattr(self, name)
            of = "" if split.num_images == split.total else f" of {split.total:,}"
            parts.append(f"{split.num_images:,}{of} {name}")
        return (
            f"{self.label}: {', '.join(parts)} images, {len(self.classes)} classes, {self.channels} × {self.size} × "
            f"{self.size}, batches of {self.batch_size} on {self.train.labels.device}"
        )
