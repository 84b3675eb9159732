"""Loading: what the splits hold, what a batch is, and what is the same from one load to the next."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from datafiles import TEST, TRAIN, VAL, numbers, small_cifar, small_fashion

from d2lite import data
from d2lite.data import loading, readers
from d2lite.data.catalog import DATASETS
from d2lite.data.splits import Split

REAL = [name for name, dataset in DATASETS.items() if dataset.layouts]


def needs(name: str):
    """The mark of a test that needs a data set as it is published."""
    reason = f"tests of the published images (no {name}): python -m d2lite data {name}"
    return pytest.mark.skipif(not data.is_available(name), reason=reason)


real = pytest.mark.parametrize("name", [pytest.param(name, marks=needs(name)) for name in REAL])


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """An empty data folder and an empty cache, both in use; the full profile on the CPU."""
    monkeypatch.setenv("D2LITE_PROFILE", "full")
    monkeypatch.setenv("D2LITE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("D2LITE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def fashion(monkeypatch, folder):
    small_fashion(monkeypatch, folder)
    return lambda **options: data.load("fashion_mnist", device="cpu", **options)


def some_split(n=10, h=28, w=28, channels=1, **options):
    images = torch.from_numpy(np.random.RandomState(0).randint(0, 256, (n, h, w, channels)).astype(np.uint8))
    options = {"mean": (0.3,) * channels, "std": (0.4,) * channels, "size": h, "batch_size": 4, **options}
    return Split(images, torch.arange(n), **options)


# Splits


def test_training_and_validation_images_share_out_the_published_ones(fashion):
    loaded = fashion()
    train, val, test = (numbers(split.images) for split in (loaded.train, loaded.val, loaded.test))
    assert (len(train), len(val), len(test)) == (TRAIN - VAL, VAL, TEST)
    assert sorted(train + val) == list(range(TRAIN))
    assert sorted(test) == list(range(TEST))


@pytest.mark.parametrize("packed", [True, False], ids=["gz", "unpacked"])
def test_every_image_keeps_its_label(monkeypatch, folder, packed):
    files = small_fashion(monkeypatch, folder, packed=packed)
    loaded = data.load("fashion_mnist", device="cpu")
    for split, part in ((loaded.train, "train"), (loaded.val, "train"), (loaded.test, "t10k")):
        content = files.get(f"{part}-labels-idx1-ubyte") or __import__("gzip").decompress(
            files[f"{part}-labels-idx1-ubyte.gz"]
        )
        labels = np.frombuffer(content, np.uint8, offset=8)
        assert split.labels.tolist() == labels[numbers(split.images)].tolist()


def test_digits_have_their_own_test_split(folder):
    from sklearn.datasets import load_digits

    loaded = data.load("digits", device="cpu")
    splits = (loaded.train, loaded.val, loaded.test)
    assert [split.num_images for split in splits] == [1257, 180, 360]
    every = torch.cat([split.images.flatten(1) for split in splits])
    published = np.round(load_digits().data / 16 * 255)
    assert sorted(map(tuple, every.tolist())) == sorted(map(tuple, published.tolist()))
    assert not loaded.is_stand_in


@real
def test_real_data_are_whole(name, monkeypatch):
    monkeypatch.setenv("D2LITE_PROFILE", "full")
    loaded = data.load(name, device="cpu")
    n = DATASETS[name].train_images
    assert [s.num_images for s in (loaded.train, loaded.val, loaded.test)] == [n - 5000, 5000, 10000]
    labels = torch.cat([loaded.train.labels, loaded.val.labels])
    if name != "mnist":
        assert torch.bincount(labels).tolist() == [n // 10] * 10
        assert torch.bincount(loaded.test.labels).tolist() == [1000] * 10
    else:
        assert torch.bincount(labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert loaded.val.labels.bincount().min() > 400
    images = torch.cat([loaded.train.images, loaded.val.images]).permute(1, 0, 2, 3).flatten(1)
    # A lossy copy has nearly the statistics of the original.
    tolerance = 2e-3 if "JPEG" in loaded.label else 5.1e-5
    counts = torch.stack([torch.bincount(channel.int(), minlength=256) for channel in images]).double()
    levels = torch.arange(256, dtype=torch.float64) / 255
    mean = (counts * levels).sum(1) / counts.sum(1)
    std = ((counts * levels**2).sum(1) / counts.sum(1) - mean**2).sqrt()
    torch.testing.assert_close(mean, torch.tensor(loaded.mean).double(), rtol=0, atol=tolerance)
    torch.testing.assert_close(std, torch.tensor(loaded.std).double(), rtol=0, atol=tolerance)


@needs("fashion_mnist")
def test_first_fashion_mnist_images_are_the_known_ones(monkeypatch):
    """Sample images of the published set: the first training images are an ankle boot and a T-shirt."""
    monkeypatch.setenv("D2LITE_PROFILE", "full")
    loaded = data.load("fashion_mnist", device="cpu")
    rows = loading._split_rows(DATASETS["fashion_mnist"])
    order = [*rows["val"], *rows["train"]]
    labels = torch.cat([loaded.val.labels, loaded.train.labels])
    assert [loaded.classes[labels[order.index(i)]] for i in (0, 1, 3, 5)] == [
        "ankle boot",
        "t-shirt",
        "dress",
        "pullover",
    ]


# The quick profile


def test_quick_profile_takes_the_first_of_a_fixed_permutation(fashion, monkeypatch):
    whole = fashion()
    monkeypatch.setenv("D2LITE_PROFILE", "quick")
    quick, again, fewer = fashion(quick_images=200), fashion(quick_images=200), fashion(quick_images=40, batch_size=8)
    assert [s.num_images for s in (quick.train, quick.val, quick.test)] == [200, 50, 100]
    assert [s.total for s in (quick.train, quick.val, quick.test)] == [500, 100, 200]
    for part in ("train", "val", "test"):
        images = getattr(quick, part).images
        assert torch.equal(images, getattr(again, part).images)
        assert torch.equal(images, getattr(whole, part).images[: len(images)])
        assert torch.equal(getattr(fewer, part).images, images[: getattr(fewer, part).num_images])
    assert quick.quick_images == 200
    assert "200 of 500 train" in repr(quick) and "500 train" in repr(whole)


def test_the_held_out_images_do_not_depend_on_the_seed(fashion):
    torch.manual_seed(1), np.random.seed(1)
    first = numbers(fashion().val.images)
    torch.manual_seed(2), np.random.seed(2)
    assert numbers(fashion().val.images) == first


def test_loading_draws_no_random_numbers(fashion):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    fashion()
    assert torch.equal(torch.get_rng_state(), before)


# Passes over a split


def order_of_a_pass(split, seed):
    torch.manual_seed(seed)
    return torch.cat([y for _, y in split]).tolist()


def test_the_seed_decides_the_order_of_training_images_only():
    split = some_split(n=50, shuffle=True)
    assert order_of_a_pass(split, 1) == order_of_a_pass(split, 1) != order_of_a_pass(split, 2)
    torch.manual_seed(1)
    first, second = (torch.cat([y for _, y in split]).tolist() for _ in range(2))
    assert first != second and sorted(first) == sorted(second) == list(range(50))
    fixed = some_split(n=50)
    assert order_of_a_pass(fixed, 1) == order_of_a_pass(fixed, 2) == list(range(50))


def test_only_training_images_are_shuffled(fashion):
    loaded = fashion()
    assert order_of_a_pass(loaded.train, 0) != loaded.train.labels.tolist()
    assert order_of_a_pass(loaded.val, 0) == loaded.val.labels.tolist()
    assert order_of_a_pass(loaded.test, 0) == loaded.test.labels.tolist()


@pytest.mark.parametrize(("n", "sizes"), [(10, [4, 4, 2]), (8, [4, 4]), (3, [3]), (4, [4])])
def test_the_last_short_batch_counts(n, sizes):
    split = some_split(n=n, shuffle=True)
    assert [len(y) for _, y in split] == [len(X) for X, _ in split] == sizes
    assert len(split) == len(sizes)


def test_images_and_labels_stay_together_when_shuffled_and_moved(fashion):
    for augment in (False, True):
        loaded = fashion(augment=augment)
        by_number = dict(zip(numbers(loaded.train.images), loaded.train.labels.tolist(), strict=True))
        plain = fashion().train
        if not augment:
            for X, y in plain:
                known = numbers((loaded.denormalize(X) * 255).round())
                assert [by_number[i] for i in known] == y.tolist()
        else:
            torch.manual_seed(3)
            moved = torch.cat([y for _, y in loaded.train])
            torch.manual_seed(3)
            assert torch.equal(moved, torch.cat([y for _, y in plain]))


# A batch


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [28, 64, 20])
@pytest.mark.parametrize("augment", [False, True])
def test_a_batch_is_normalized_float_in_channels_last(channels, size, augment):
    split = some_split(channels=channels, size=size, shuffle=True, augment=augment)
    for X, y in split:
        assert X.shape == (len(y), channels, size, size) and X.dtype == torch.float32 and y.dtype == torch.int64
        assert X.stride() == (channels * size * size, 1, channels * size, channels)
    assert split.images.shape == (10, channels, 28, 28) and split.images.dtype == torch.uint8


def test_normalization_is_per_channel():
    split = some_split(channels=3, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6))
    X, _ = next(iter(split))
    wanted = (split.images[:4].double() / 255 - torch.tensor([0.1, 0.2, 0.3]).view(-1, 1, 1)) / torch.tensor(
        [0.4, 0.5, 0.6]
    ).view(-1, 1, 1)
    torch.testing.assert_close(X.double(), wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [40, 12])
@pytest.mark.parametrize("width", [28, 20, 40])
def test_resizing_is_bilinear_and_averages_on_the_way_down(size, width):
    split = some_split(size=size, w=width, channels=3)
    X, _ = next(iter(split))
    plain = (split.images[:4].float() / 255 - 0.3) / 0.4
    wanted = F.interpolate(plain, (size, size), mode="bilinear", align_corners=False, antialias=True)
    torch.testing.assert_close(X, wanted, rtol=0, atol=1e-5)


def test_denormalize_gives_the_pixels_back(fashion):
    loaded = fashion()
    X, _ = next(iter(loaded.val))
    assert torch.equal((loaded.denormalize(X) * 255).round().to(torch.uint8), loaded.val.images[: len(X)])
    shown = loaded.denormalize(torch.full((3, 1, 28, 28), 9.0))
    assert shown.max() == 1 and shown.shape == (3, 1, 28, 28)


def test_batch_takes_indices_in_any_form():
    split = some_split(augment=True)
    whole, _ = split.batch(range(10))
    torch.testing.assert_close(whole, (split.images.float() / 255 - 0.3) / 0.4)
    for indices in ([3, 0, -1], torch.tensor([3, 0, 9]), np.array([3, 0, 9])):
        X, y = split.batch(indices)
        assert torch.equal(X, whole[[3, 0, 9]]) and y.tolist() == [3, 0, 9]
    assert split.batch(slice(2, 5))[1].tolist() == [2, 3, 4] and split.batch(7)[1].tolist() == [7]
    for wrong in ([10], -11, [0, 99]):
        with pytest.raises(IndexError, match="is out of bounds .* in this split of 10 images"):
            split.batch(wrong)


@pytest.mark.parametrize("form", [torch.tensor, np.array, list])
def test_a_mask_chooses_images(form):
    split, mask = some_split(n=4), [True, False, False, True]
    X, y = split.batch(form(mask))
    assert y.tolist() == [0, 3] and torch.equal(X, split.batch([0, 3])[0])
    for wrong in (mask[:3], [*mask, True], [mask]):
        with pytest.raises(IndexError, match="(did not match|too many indices).* in this split of 4 images"):
            split.batch(form(wrong))


@pytest.mark.parametrize("one", [np.int64(3), np.int32(-7), torch.tensor(3), torch.tensor([[3]]), np.array(3)])
def test_batch_takes_a_single_number_in_any_form(one):
    X, y = some_split().batch(one)
    assert X.shape == (1, 1, 28, 28) and y.tolist() == [3]


@pytest.mark.parametrize(
    ("indices", "said"),
    [([0, -99999], "index -99999 is"), ([0, 99, 1], "index 99 is"), (np.int64(-11), "index -11 is"),
     ([0.5, 1.0], "integer or boolean arrays are valid indices, in this")],
)  # fmt: skip
def test_a_wrong_index_is_named(indices, said):
    with pytest.raises(IndexError, match=said):
        some_split().batch(indices)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_pass_does_not_wait_for_the_device():
    images = torch.zeros(64, 28, 28, 3, dtype=torch.uint8, device="cuda")
    split = Split(images, torch.zeros(64, dtype=torch.int64, device="cuda"), mean=(0.3,) * 3, std=(0.4,) * 3, size=64,
                  batch_size=10, shuffle=True, augment=True)  # fmt: skip
    torch.cuda.set_sync_debug_mode("error")
    try:
        batches = list(split)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert [len(y) for _, y in batches] == [10] * 6 + [4]


# Augmentation


def moves_of(image, moved, mirrored):
    """All (down, right, mirror) that turn ``image`` into ``moved`` (h, w), by brute force."""
    h, w = image.shape
    pad = h // 8
    found = []
    for mirror in (False, True) if mirrored else (False,):
        padded = F.pad(image, (pad,) * 4)
        for down in range(2 * pad + 1):
            for right in range(2 * pad + 1):
                crop = padded[down : down + h, right : right + w]
                if torch.equal(crop.flip(1) if mirror else crop, moved):
                    found.append((down, right, mirror))
    return found


@pytest.mark.parametrize("mirrored", [True, False])
@pytest.mark.parametrize("width", [16, 24])
def test_augmentation_shifts_and_mirrors(mirrored, width):
    split = some_split(n=60, h=16, w=width, augment=True, mirrored=mirrored, batch_size=60)
    torch.manual_seed(0)
    moved = split._move(split._rows, split._draw_moves(60))[..., 0]
    found = [moves_of(image[0], other, mirrored) for image, other in zip(split.images, moved, strict=True)]
    assert all(len(moves) == 1 for moves in found)
    downs, rights, mirrors = (set(kind) for kind in zip(*(moves[0] for moves in found), strict=True))
    assert downs == rights == set(range(5)) and mirrors == ({False, True} if mirrored else {False})


def test_augmentation_is_for_training_images_and_new_in_each_pass(fashion):
    loaded = fashion(augment=True)
    assert loaded.train.augment and not loaded.val.augment and not loaded.test.augment
    assert torch.equal(next(iter(loaded.val))[0], next(iter(loaded.val))[0])

    def a_pass(seed):
        torch.manual_seed(seed)
        return torch.cat([X for X, _ in loaded.train])

    assert torch.equal(a_pass(1), a_pass(1))
    torch.manual_seed(1)
    first, second = (torch.cat([X for X, _ in loaded.train]) for _ in range(2))
    assert not torch.equal(first.sort(0).values, second.sort(0).values)


def test_digits_are_not_mirrored(folder):
    assert not data.load("digits", augment=True).train.mirrored
    assert not data.load("mnist", augment=True, fallback=True, root=folder).train.mirrored


# CIFAR-10 in all its forms


@pytest.mark.parametrize("form", ["bin", "py", "binary.tar.gz", "python.tar.gz", "hub"])
def test_cifar_reads_the_same_from_every_lossless_form(monkeypatch, folder, form):
    images, labels = small_cifar(monkeypatch, folder, form)
    loaded = data.load("cifar10", batch_size=32, device="cpu")
    assert loaded.label == "CIFAR-10" and loaded.channels == 3 and loaded.size == 32
    for split in (loaded.train, loaded.val, loaded.test):
        which = np.array(numbers(split.images))
        assert np.array_equal(split.images.numpy(), images[which]) and split.labels.tolist() == labels[which].tolist()
    assert sorted(numbers(loaded.train.images) + numbers(loaded.val.images)) == list(range(100))
    assert sorted(numbers(loaded.test.images)) == list(range(100, 120))


def test_a_lossy_copy_is_labeled(monkeypatch, folder):
    images, _ = small_cifar(monkeypatch, folder, "jpeg")
    loaded = data.load("cifar10", batch_size=32, device="cpu")
    assert loaded.label == "CIFAR-10 (JPEG q75 copy)" and "JPEG q75 copy" in repr(loaded)
    assert loaded.train.num_images == 90 and loaded.train.images.shape[1:] == images.shape[1:]


def test_the_quick_profile_decodes_only_what_it_takes(monkeypatch, folder):
    small_cifar(monkeypatch, folder, "hub")
    whole = data.load("cifar10", batch_size=32, device="cpu")
    monkeypatch.setenv("D2LITE_PROFILE", "quick")
    decoded = []
    real_decode = readers._decode
    monkeypatch.setattr(readers, "_decode", lambda e: decoded.append(len(e)) or real_decode(e))
    quick = data.load("cifar10", batch_size=8, quick_images=16, device="cpu")
    assert decoded == [20, 8]
    assert torch.equal(quick.train.images, whole.train.images[:16]) and quick.train.total == 90
    assert quick.val.labels.tolist() == whole.val.labels[:4].tolist()


def test_nothing_is_written_by_loading(monkeypatch, folder, tmp_path):
    small_fashion(monkeypatch, folder)
    small_cifar(monkeypatch, folder, "jpeg")

    def state():
        return sorted((str(p), p.stat().st_mtime_ns, p.stat().st_size) for p in folder.rglob("*"))

    before = state()
    data.load("fashion_mnist"), data.load("cifar10", batch_size=32)
    assert state() == before and not (tmp_path / "cache").exists()


# Files that lie where others put them, under the names that others give


PLACES = {
    "with a dot, unpacked": ("FashionMNIST/raw/{}", lambda name: name.replace("-idx", ".idx"), False),
    "with a dot, packed": ("FashionMNIST/raw/{}", lambda name: name.replace("-idx", ".idx"), True),
    "flat": ("{}", str, True),
    "Kaggle's": ("{}", lambda name: name.replace("-idx", ".idx"), False),
    "Kaggle's folders": ("fashionmnist/{0}/{0}", str, False),
    "below Kaggle's input": ("fashion-mnist dataset/{}", lambda name: name.replace("-idx", ".idx"), False),
    "without raw": ("FashionMNIST/{}", str, True),
    "lower case": ("fashion_mnist/raw/{}", str, False),
    "one folder more": ("Fashion-MNIST/FashionMNIST/raw/{}", str, True),
    "unpacked by a browser": ("FashionMNIST/raw/{}.gz", str, False),
}


@pytest.mark.parametrize("place", PLACES)
def test_idx_files_are_found_as_others_name_them(monkeypatch, folder, tmp_path, place):
    form, named, packed = PLACES[place]
    files = small_fashion(monkeypatch, tmp_path / "usual", packed=packed)
    for name, content in files.items():
        path = folder / form.format(named(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    assert data.is_available("fashion_mnist")
    loaded = data.load("fashion_mnist", device="cpu")
    usual = data.load("fashion_mnist", device="cpu", root=tmp_path / "usual")
    assert torch.equal(loaded.train.images, usual.train.images) and torch.equal(loaded.test.labels, usual.test.labels)
    assert all(path.is_relative_to(folder) for path in data.prepare("fashion_mnist"))


def test_the_data_folder_may_be_the_folder_of_the_files(monkeypatch, folder):
    small_fashion(monkeypatch, folder)
    for root in (folder / "FashionMNIST", folder / "FashionMNIST" / "raw"):
        assert data.load("fashion_mnist", device="cpu", root=root).train.num_images == TRAIN - VAL


@pytest.mark.parametrize("root", [b"/data", 3, True, ["/data"]])
def test_a_data_folder_that_is_no_path(root):
    for ask in (data.load, data.is_available):
        with pytest.raises(ValueError, match="is no path"):
            ask("fashion_mnist", root=root)


@pytest.mark.parametrize("form", ["bin", "py", "binary.tar.gz", "python.tar.gz", "hub", "jpeg"])
@pytest.mark.parametrize("place", ["flat", "named", "within"])
def test_cifar_is_found_where_others_put_it(monkeypatch, folder, tmp_path, form, place):
    images, _ = small_cifar(monkeypatch, tmp_path, form)
    sources = [path for path in tmp_path.rglob("*") if path.is_file() and folder not in path.parents]
    target = {"flat": folder, "named": folder / "CIFAR10", "within": folder / "cifar-10-batches-py"}[place]
    for path in sources:
        target.mkdir(exist_ok=True)
        path.rename(target / path.name)
    loaded = data.load("cifar10", batch_size=32, device="cpu")
    assert loaded.train.num_images == 90
    if form != "jpeg":
        assert np.array_equal(loaded.test.images.numpy(), images[numbers(loaded.test.images)])


def test_flat_files_of_another_set_are_not_taken_for_it(monkeypatch, folder, tmp_path):
    """MNIST and Fashion-MNIST give their files the same names."""
    small_fashion(monkeypatch, None)
    for name, content in small_fashion(monkeypatch, None).items():
        (folder / name).write_bytes(content)
    assert data.is_available("fashion_mnist") and not data.is_available("mnist")
    monkeypatch.setitem(DATASETS, "mnist", DATASETS["mnist"].__class__(**{
        **vars(DATASETS["mnist"]), "layouts": (replace(DATASETS["mnist"].layouts[0], mirrors=()),)}))  # fmt: skip
    with pytest.raises(data.NotFoundError) as caught:
        data.load("mnist")
    assert "lacks MNIST/raw/train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images" in str(caught.value)
    assert f"{folder} holds t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz, train-images" in str(caught.value)


def test_the_cache_goes_before_other_peoples_places(monkeypatch, folder, tmp_path):
    for name, content in small_fashion(monkeypatch, tmp_path / "cache").items():
        (folder / name).write_bytes(content)
    assert all(path.is_relative_to(tmp_path / "cache") for path in data.prepare("fashion_mnist"))


def test_wanted_and_seen_names_are_told(monkeypatch, folder):
    small_fashion(monkeypatch, None, mirrors=[])
    for name in ("mnist.npz", ".hidden", *(f"b{i}.csv" for i in range(8))):
        (folder / name).touch()
    with pytest.raises(data.NotFoundError) as caught:
        data.load("fashion_mnist")
    assert f"{folder} holds b0.csv, b1.csv, b2.csv, b3.csv, b4.csv, b5.csv and 3 more)" in str(caught.value)
    raw = folder / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    with pytest.raises(data.NotFoundError, match=r"FashionMNIST.raw holds nothing\)"):
        data.load("fashion_mnist")
    (raw / "train_images").touch()
    with pytest.raises(data.NotFoundError, match=r"t10k-labels-idx1-ubyte; .*FashionMNIST.raw holds train_images\)"):
        data.load("fashion_mnist")
