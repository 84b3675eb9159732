"""Images on the device as bytes, and what a training loop draws from them: normalized batches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from ..arguments import check_whole
from ..machine import distributed
from ..machine.devices import free_memory
from ..machine.printing import printable
from .pictures import Photographs
from .streaming import streamed

LARGEST_SIZE = 4096  # pixels: beyond them no network of the book fits into memory
KEPT = 1 / 4  # of the free memory is what resized images may take


class Split:
    """One split of a data set: iterating yields ``(X, y)``.

    ``X`` is float32 ``(N, C, size, size)``, normalized, in ``channels_last`` memory format; ``y`` is int64 ``(N,)``.
    Both are on the device. The last batch may be shorter. With ``shuffle`` each pass draws a new order from PyTorch's
    global CPU generator, so that ``seed_everything`` and a restored random state repeat it. Under ``torchrun`` each
    process gets its share of every batch.

    Images that must be resized are resized in the first pass and kept, where memory allows; augmented ones change with
    each pass. Images that lie elsewhere than on the device, because they do not fit it, are brought batch by batch.

    Attributes:
        images: uint8 ``(n, C, h, w)``, at the size in which the data set comes.
        labels: int64 ``(n,)``.
        device: where the batches are.
        num_images: n, of all processes together.
        total: images in the split before the quick profile's cap.
        files: the paths of the images that :func:`d2lite.load` found in a folder, in their order; else None.
    """

    def __init__(
        self, images: torch.Tensor, labels: torch.Tensor, *, mean: Sequence[float], std: Sequence[float], size: int,
        batch_size: int, total: int | None = None, shuffle: bool = False, augment: bool = False, mirrored: bool = True,
        device: torch.device | None = None, files: Sequence[Path] | None = None,
    ):  # fmt: skip
        """``images``: uint8 (n, h, w, C), rows as they lie in memory, which makes every batch channels_last.

        ``device`` says where the batches go; None leaves them where the images are.
        """
        self._rows = images.contiguous()
        self._pad = max(1, images.shape[1] // 8)  # 4 pixels at 32, as He et al. 2015 use
        self._resized: torch.Tensor | None = None  # float32 (n, size, size, C), normalized, from the first pass on
        self.labels = labels
        self.files = None if files is None else tuple(files)
        self.total = len(labels) if total is None else total
        self.size = check_whole("size", size, 1, LARGEST_SIZE)
        self.batch_size = check_whole("batch_size", batch_size, 1)
        self.shuffle, self.augment, self.mirrored = shuffle, augment, mirrored
        # (x / 255 - mean) / std as one multiplication and one addition per pixel
        scale = torch.tensor(std, dtype=torch.float64).reciprocal()
        shift = -torch.tensor(mean, dtype=torch.float64) * scale
        self._scale, self._shift = torch.stack([scale / 255, shift]).float().to(device or images.device)
        self.device = self._scale.device  # with its number: "cuda" and "cuda:0" do not compare equal

    @property
    def images(self) -> torch.Tensor:
        return self._rows.permute(0, 3, 1, 2)

    @property
    def num_images(self) -> int:
        return len(self.labels)

    def __len__(self) -> int:
        return -(-self.num_images // self.batch_size)

    @property
    def _counted(self) -> str:
        return f"{self.num_images:,}" + (f" of {self.total:,}" if self.num_images != self.total else "")

    def __repr__(self) -> str:
        return f"<Split: {self._counted} images in {len(self)} batches of up to {self.batch_size}>"

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        self._keep_resized()
        n, order, moves = self.num_images, None, None
        # All random numbers of a pass are drawn and sent to the device at once: a copy per batch would stall it.
        if self.shuffle or self.augment:
            cuda = self.device.type == "cuda"
            with distributed.same_random_numbers():
                order = torch.randperm(n).to(self.labels.device, non_blocking=cuda) if self.shuffle else None
                moves = self._draw_moves(n).to(self.device, non_blocking=cuda) if self.augment else None
        rank, processes = distributed.rank(), distributed.size()
        starts = range(0, n, self.batch_size)
        shares = [slice(start + rank, min(start + self.batch_size, n), processes) for start in starts]
        shares = [share for share in shares if share.start < share.stop]  # a short last batch may not reach everyone
        indices = (share if order is None else order[share] for share in shares)
        here = self._rows.device == self.device
        batches = map(self._take, indices) if here else streamed(self._take, indices, self.device)
        for share, (rows, y) in zip(shares, batches):
            yield self._prepare(rows if moves is None else self._move(rows, moves[:, share])), y

    def weight(self, step: int) -> float:
        """What this process's mean loss over its share of batch ``step`` (from 1) counts in the mean over processes.

        It is 1 but for a short last batch that cannot be dealt evenly.
        """
        images = min(self.batch_size, self.num_images - (step - 1) * self.batch_size)
        return distributed.share(images) * distributed.size() / images

    def batch(self, indices: int | slice | Sequence[int] | torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """``(X, y)`` of the images at ``indices`` of this split, prepared like a batch but never augmented.

        Booleans, one for each image of the split, choose the images at which they are true.

        Raises:
            IndexError: an index is outside the split or no whole number, or there are too many or too few booleans.
        """
        n = self.num_images
        given = indices.cpu().numpy() if isinstance(indices, torch.Tensor) else indices
        try:  # as NumPy takes them, which knows all of these forms
            index = np.arange(n)[list(given) if isinstance(given, Sequence) else given]
        except IndexError as error:
            raise IndexError(f"{error}, in this split of {n:,} images") from None
        rows, y = self._take(torch.from_numpy(index.reshape(-1)).to(self.labels.device))
        return self._prepare(rows.to(self.device)), y.to(self.device)

    def _take(self, indices: slice | torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        rows = self._rows if self._resized is None else self._resized
        if isinstance(indices, slice):  # copied, since a caller may change a batch in place
            return rows[indices].clone(), self.labels[indices].clone()
        return rows.index_select(0, indices), self.labels.index_select(0, indices)

    def _keep_resized(self) -> None:
        """Resize all images once, where they need it, are the same in each pass, and fit."""
        n, *native, channels = self._rows.shape
        if self._resized is not None or self.augment or native == [self.size] * 2 or self._rows.device != self.device:
            return
        if 4 * n * self.size**2 * channels > KEPT * free_memory(self.device):
            return
        resized = torch.empty((n, self.size, self.size, channels), device=self.device)
        for rows, part in zip(self._rows.split(self.batch_size), resized.split(self.batch_size)):
            part.copy_(self._prepare(rows).permute(0, 2, 3, 1))
        self._resized = resized

    def _draw_moves(self, n: int) -> torch.Tensor:
        """Per image: vertical shift, horizontal shift (0 … 2·pad), and whether to mirror it."""
        reach = 2 * self._pad + 1
        return torch.stack([torch.randint(reach, (n,)), torch.randint(reach, (n,)), torch.randint(2, (n,))])

    def _move(self, rows: torch.Tensor, moves: torch.Tensor) -> torch.Tensor:
        """Shift-crops and mirrors ``rows`` (N, h, w, C) with a single gather; what comes in at the edge is black."""
        (n, h, w, channels), pad = rows.shape, self._pad
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
        if rows.is_floating_point():  # resized and normalized before
            return rows.permute(0, 3, 1, 2)
        X = rows.to(torch.float32).mul_(self._scale).add_(self._shift).permute(0, 3, 1, 2)
        native, wanted = X.shape[-2:], (self.size, self.size)
        if native != wanted:
            # Averaging over several pixels matters only on the way down; on the way up both are the same, one slower.
            X = F.interpolate(X, wanted, mode="bilinear", align_corners=False, antialias=self.size < max(native))
        return X.contiguous(memory_format=torch.channels_last)


@dataclass(repr=False)
class ImageData:
    """A data set ready to train on: three splits and what they have in common.

    ``mean`` and ``std`` (per channel, for images in [0, 1]) are those of the published training images. ``is_stand_in``
    tells that these are scikit-learn's digits in place of the data set asked for. ``quick_images`` is the cap of the
    quick profile, whether or not it was reached. ``folder`` is that of images of one's own.
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
    folder: Path | None = None

    def photograph(self, path: str | Path) -> torch.Tensor:
        """The picture in a file, as a batch of one, prepared as :func:`d2lite.load` prepares those of a folder.

        It is float32 ``(1, C, size, size)``, upright, over white, cut to a square, normalized by ``mean`` and ``std``,
        and on the device. Where the data set is gray, so is the picture.

        Raises:
            ImageFileError: it cannot be decoded.
        """
        X = self.test._prepare(Photographs([Path(path)], self.size)[:].to(self.test.device))
        return X if self.channels == 3 else X.mean(1, keepdim=True)

    def denormalize(self, X: torch.Tensor) -> torch.Tensor:
        """Undo the normalization: ``X`` float (…, C, H, W) → float in [0, 1], same shape and device.

        Raises:
            ValueError: ``X`` has other channels than the data, or whole numbers, which are not normalized.
        """
        X = torch.as_tensor(X)
        if X.shape[-3:-2] != (self.channels,) or not X.is_floating_point():
            given = f"{X.dtype} of shape {tuple(X.shape)}"
            raise ValueError(f"X is {given}: give normalized images, float (N, {self.channels}, H, W).")
        mean, std = torch.tensor([self.mean, self.std], device=X.device, dtype=torch.float32)[..., None, None]
        return (X.float() * std + mean).clamp(0, 1)

    def __repr__(self) -> str:
        return printable(
            f"{self.label}: {self.train._counted} train, {self.val._counted} val, {self.test._counted} test images, "
            f"{len(self.classes)} classes, {self.channels} × {self.size} × {self.size}, batches of {self.batch_size} "
            f"on {self.train.device}"
        )
