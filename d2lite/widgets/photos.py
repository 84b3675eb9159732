"""Two photographs that come with scikit-learn, cut and shrunk to a few pixels: real images that need no data file."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

CREDITS = {
    "china": "Photograph: danielbuechele, CC BY 2.0, from scikit-learn; cut and shrunk.",
    "flower": "Photograph: vultilion, CC BY 2.0, from scikit-learn; cut and shrunk.",
}


def photo(name: str, rows: int, columns: int, left: float = 0.5) -> np.ndarray:
    """The photograph ``"china"`` or ``"flower"`` as uint8 (rows, columns, 3), each pixel the mean of a square.

    The photographs have 427 × 640 pixels, so at most as many rows and columns can be had.

    Args:
        left: where the cut lies if the photograph is wider: 0 at its left side, 1 at its right side.

    Raises:
        FileNotFoundError: scikit-learn has no photograph of that name.
    """
    # The file beside scikit-learn's modules: importing these takes seconds, and they would decode both photographs.
    folder = Path(find_spec("sklearn").origin).parent / "datasets" / "images"
    whole = np.asarray(Image.open(folder / f"{name}.jpg").convert("RGB"), dtype=float)
    height, width = whole.shape[:2]
    side = min(height // rows, width // columns)
    top, begin = (height - side * rows) // 2, round(left * (width - side * columns))
    cut = whole[top : top + side * rows, begin : begin + side * columns]
    return cut.reshape(rows, side, columns, side, 3).mean((1, 3)).round().astype(np.uint8)
