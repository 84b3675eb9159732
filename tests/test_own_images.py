"""Images of one's own: folders of classes, files of every kind, what is left out, and what fits no memory."""

import itertools
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch import nn

import d2lite as d2l
from d2lite import data
from d2lite.data import corrections, pictures
from d2lite.data import folder as folders
from d2lite.data.errors import ImageFileError

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def full(monkeypatch, tmp_path):
    """The full profile, nothing published on this machine, and the folder of the test as the current one."""
    monkeypatch.setenv("D2LITE_PROFILE", "full")
    monkeypatch.setenv("D2LITE_DATA", str(tmp_path / "nothing"))
    monkeypatch.setenv("D2LITE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def picture(color=(200, 30, 30), width=40, height=30, mode="RGB") -> Image.Image:
    return Image.new("RGB", (width, height), color).convert(mode)


def make(top: Path, classes: dict[str, int], suffix=".png", size=(40, 30)) -> Path:
    """A folder of classes with so many images each. The red of an image numbers its class, green and blue the image."""
    for label, (name, count) in enumerate(sorted(classes.items())):
        (top / name).mkdir(parents=True)
        for i in range(count):
            picture((label, i // 256, i % 256), *size).save(top / name / f"{i:04}{suffix}")
    return top


def numbers(split) -> list[tuple[int, int]]:
    """Class and number of each image of ``make``."""
    pixels = split.images[:][:, :, 0, 0].tolist()
    return [(label, high * 256 + low) for label, high, low in pixels]


def load(top, **options):
    return d2l.load(top, **{"size": 8, "batch_size": 4, "device": "cpu", **options})


# What a folder becomes


def test_a_folder_of_classes_is_a_data_set(tmp_path):
    make(tmp_path / "pets", {"dog": 40, "cat": 20})
    loaded = load("pets")
    assert (loaded.name, loaded.label, loaded.classes) == ("pets", "pets", ("cat", "dog"))
    assert (loaded.channels, loaded.size, loaded.batch_size, loaded.is_stand_in) == (3, 8, 4, False)
    assert repr(loaded).startswith("pets: 48 train, 6 val, 6 test images, 2 classes, 3 × 8 × 8, batches of 4")
    every = [numbers(split) for split in (loaded.train, loaded.val, loaded.test)]
    assert sorted(itertools.chain(*every)) == [(0, i) for i in range(20)] + [(1, i) for i in range(40)]
    for split, known in zip((loaded.train, loaded.val, loaded.test), every):
        assert split.labels.tolist() == [label for label, _ in known] and split.labels.dtype == torch.int64
    X, _ = next(iter(loaded.train))
    assert X.shape == (4, 3, 8, 8) and X.dtype == torch.float32 and X.is_contiguous(memory_format=torch.channels_last)


def test_each_class_has_its_share_of_each_split(tmp_path):
    loaded = load(make(tmp_path / "x", {"a": 100, "b": 30, "c": 3}))
    counts = [torch.bincount(split.labels, minlength=3).tolist() for split in (loaded.train, loaded.val, loaded.test)]
    assert counts == [[80, 24, 1], [10, 3, 1], [10, 3, 1]]
    assert loaded.train.labels.tolist() != sorted(loaded.train.labels.tolist()), "the quick profile takes the first"


def test_the_split_is_fixed(tmp_path, monkeypatch):
    """By names alone: not by the seed, the file system's order, or where the folder lies. These are the ones."""
    make(tmp_path / "one", {"a": 12, "b": 11})
    shutil.copytree(tmp_path / "one", tmp_path / "else" / "two")
    torch.manual_seed(1), np.random.seed(1)
    first = load("one")
    real = os.walk

    def turned(*given, **options):
        for top, names, files in real(*given, **options):
            names.reverse()
            yield top, names, files[::-1]

    monkeypatch.setattr(os, "walk", turned)
    torch.manual_seed(2), np.random.seed(2)
    second = load(tmp_path / "else" / "two")
    for part in ("train", "val", "test"):
        assert numbers(getattr(first, part)) == numbers(getattr(second, part))
    assert numbers(first.val) == [(1, 2), (0, 11), (0, 10), (1, 10)]  # (class, number)
    assert numbers(first.test) == [(0, 6), (0, 8), (1, 9), (1, 8)]


def test_the_quick_profile_takes_the_first(tmp_path, monkeypatch):
    make(tmp_path / "x", {"a": 40, "b": 40})
    whole = load("x")
    monkeypatch.setenv("D2LITE_PROFILE", "quick")
    decoded = []
    real = pictures._decode
    monkeypatch.setattr(pictures, "_decode", lambda path, size: decoded.append(path) or real(path, size))
    quick = load("x", quick_images=16)
    assert [s.num_images for s in (quick.train, quick.val, quick.test)] == [16, 4, 8]
    assert [s.total for s in (quick.train, quick.val, quick.test)] == [64, 8, 8]
    assert numbers(quick.train) == numbers(whole.train)[:16] and "16 of 64 train" in repr(quick)
    assert len(decoded) == 28, "only what is taken is decoded"


@pytest.mark.parametrize(
    ("parts", "counts"),
    [
        ({"train": 20, "val": 6, "test": 4}, [40, 12, 8]),
        ({"train": 20, "test": 4}, [36, 4, 8]),
        ({"train": 20, "Valid": 6}, [36, 12, 4]),
        ({"Training": 20}, [32, 4, 4]),
    ],
)
def test_splits_that_have_folders_keep_them(tmp_path, parts, counts):
    for part, count in parts.items():
        make(tmp_path / "x" / part, {"a": count, "b": count})
    (tmp_path / "x" / "sample").mkdir()
    loaded = load("x")
    assert [s.num_images for s in (loaded.train, loaded.val, loaded.test)] == counts and loaded.classes == ("a", "b")


def test_a_test_folder_without_classes_is_not_taken(tmp_path):
    """As Kaggle has it, where the labels are the competition's secret."""
    make(tmp_path / "x" / "train", {"a": 20, "b": 20})
    (tmp_path / "x" / "test").mkdir()
    picture().save(tmp_path / "x" / "test" / "1.jpg")
    assert load("x").test.num_images == 4


def test_train_may_be_a_class(tmp_path):
    make(tmp_path / "vehicles", {"bus": 5, "train": 5})
    assert load("vehicles").classes == ("bus", "train")
    make(tmp_path / "dealt" / "train", {"bus": 5, "train": 5})
    make(tmp_path / "dealt" / "val", {"bus": 5, "train": 5})
    assert load("dealt").classes == ("bus", "train")


@pytest.mark.parametrize(
    "parts", [("train", "val"), ("Train", "Test"), ("dev", "test"), ("training", "validation", "testing")]
)
def test_splits_are_no_classes(tmp_path, parts, capsys):
    """Images without folders of classes, as for other tasks, are not told apart by the split that they are in."""
    make(tmp_path / "x", dict.fromkeys(parts, 20))
    with pytest.raises(data.DataError, match=f"x holds 0 folders of a class beside {', '.join(sorted(parts))}, and it"):
        load("x")
    make(tmp_path / "x", {"cat": 20, "dog": 20})
    assert load("x").classes == ("cat", "dog")
    assert f"Not loaded: {', '.join(sorted(parts))}. Of x, cat, dog are." in capsys.readouterr().out


def test_val_and_test_alone_are_no_classes(tmp_path):
    make(tmp_path / "x" / "val", {"cat": 20, "dog": 20})
    make(tmp_path / "x" / "test", {"cat": 20, "dog": 20})
    with pytest.raises(data.DataError, match="x holds 0 folders of a class beside test, val"):
        load("x")


def test_what_lies_beside_the_splits_is_told(tmp_path, capsys):
    for part in ("train", "Training", "dev", "eval", "extra"):
        make(tmp_path / "x" / part, {"cat": 20, "dog": 20})
    make(tmp_path / "x", {"test": 3})  # whose classes are the competition's secret
    loaded = load("x")
    assert (loaded.val.num_images, loaded.classes) == (40, ("cat", "dog"))
    assert capsys.readouterr().out == "Not loaded: Training, eval, extra, test. Of x, train, dev are.\n"


@pytest.mark.parametrize("size", [10**6, 4097, 0, -1, 1.5, True, "224", (8, 8)])
def test_a_size_that_is_none_or_fills_the_memory(tmp_path, size):
    make(tmp_path / "x", {"cat": 4, "dog": 4})
    for name in ("x", "digits"):
        with pytest.raises(ValueError, match=r"size is .*: give a whole number from 1 to 4,096"):
            load(name, size=size)


def test_classes_are_sorted_as_image_folder_sorts_them(tmp_path):
    datasets = pytest.importorskip("torchvision.datasets")
    make(tmp_path / "x", {"b": 3, "B": 3, "a10": 3, "a2": 3, "é": 3, "Z": 3})
    assert load("x").classes == tuple(datasets.ImageFolder(str(tmp_path / "x")).classes)


def test_images_lie_at_any_depth_and_hidden_files_do_not_count(tmp_path):
    top = make(tmp_path / "x", {"a": 4, "b": 4})
    make(top / "a" / "more", {"deep": 4})
    litter = ("@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found")
    places = (top / ".git", top / "__MACOSX" / "a", top / "a" / ".thumbnails", top / "a" / "__MACOSX")
    for hidden in (*places, *(place / name for name in litter for place in (top, top / "a"))):
        hidden.mkdir(parents=True)
        (hidden / "._1.png").write_bytes(b"no image")
        (hidden / "1.png").write_bytes(b"no image")
    for name in (".DS_Store", "._0000.png", "Thumbs.db", "notes.txt"):
        (top / "a" / name).write_bytes(b"no image")
        (top / name).write_bytes(b"no image")
    loaded = load("x", fallback=False)
    assert loaded.classes == ("a", "b") and loaded.train.num_images + loaded.val.num_images == 12 - 2


@pytest.mark.skipif(
    sys.platform == "win32", reason="tests of links (Windows asks for a privilege): run them on Linux or macOS"
)
def test_links_are_followed_and_may_lead_in_circles(tmp_path, monkeypatch):
    make(tmp_path / "store", {"a": 10, "b": 10})
    (tmp_path / "x" / "b").mkdir(parents=True)
    (tmp_path / "x" / "a").symlink_to(tmp_path / "store" / "a")
    for i in range(10):
        (tmp_path / "x" / "b" / f"{i}.png").symlink_to(tmp_path / "store" / "b" / f"{i:04}.png")
    (tmp_path / "x" / "b" / "round").symlink_to(tmp_path / "x" / "b")
    (tmp_path / "link").symlink_to(tmp_path / "x")
    entered, real = [], os.path.realpath
    monkeypatch.setattr(os.path, "realpath", lambda path, **options: entered.append(path) or real(path, **options))
    loaded = load("link")
    assert loaded.label == "link" and loaded.train.num_images == 16
    assert len(entered) == 2 + 3, "a, b and once more b, and no further round"


@pytest.mark.skipif(
    sys.platform == "win32", reason="tests of links (Windows asks for a privilege): run them on Linux or macOS"
)
@pytest.mark.parametrize("up", ["..", "../..", "."])
def test_a_link_up_does_not_bring_the_images_of_other_classes(tmp_path, up):
    make(tmp_path / "x", {"a": 10, "b": 10})
    (tmp_path / "x" / "a" / "up").symlink_to(up)
    loaded = load("x")
    splits = (loaded.train, loaded.val, loaded.test)
    assert sorted(itertools.chain(*map(numbers, splits))) == [(label, i) for label in (0, 1) for i in range(10)]
    assert all(split.labels.tolist() == [label for label, _ in numbers(split)] for split in splits)


@pytest.mark.parametrize("path", ["~/x", "./x", "x/", Path("x")])
def test_a_path_in_any_form(tmp_path, monkeypatch, path):
    monkeypatch.setenv("HOME", str(tmp_path)), monkeypatch.setenv("USERPROFILE", str(tmp_path))
    make(tmp_path / "x", {"a": 4, "b": 4})
    assert load(path).label == "x"


def test_a_data_set_goes_before_a_folder_of_its_name(tmp_path):
    make(tmp_path / "digits", {"a": 4, "b": 4})
    assert load("digits").train.num_images == 1257
    assert load("./digits").classes == ("a", "b")


def test_mean_and_deviation_are_those_of_the_training_images(tmp_path):
    make(tmp_path / "x", {"a": 30, "b": 30})
    loaded = load("x")
    images = loaded.train.images.double() / 255
    torch.testing.assert_close(torch.tensor(loaded.mean).double(), images.mean((0, 2, 3)), rtol=0, atol=1e-7)
    X, _ = loaded.train.batch([0, 5])
    torch.testing.assert_close((loaded.denormalize(X) * 255).round().byte(), loaded.train.images[[0, 5]])


def test_a_network_that_was_trained_before_may_bring_its_normalization(tmp_path):
    make(tmp_path / "x", {"a": 30, "b": 30})
    given = (np.float32([0.5, 0.4, 0.3]), torch.tensor([0.2, 0.25, 0.5]))
    loaded, plain = load("x", normalize=given), load("x")
    assert loaded.mean == pytest.approx((0.5, 0.4, 0.3)) and loaded.std == pytest.approx((0.2, 0.25, 0.5))
    (X, _), (own, _) = loaded.train.batch([3]), plain.train.batch([3])
    torch.testing.assert_close(loaded.denormalize(X), plain.denormalize(own))
    assert not torch.allclose(X, own)


@pytest.mark.parametrize(
    "given", ["imagenet", (0.5, 0.2), ([0.5], [0.2]), ([0.5] * 3, [0.2, 0, 0.2]), [[math.nan] * 3] * 2, 7]
)
def test_a_normalization_that_is_none(tmp_path, given):
    make(tmp_path / "x", {"a": 3, "b": 3})
    with pytest.raises(ValueError, match=r"normalize is .*: give \(mean, std\), three numbers each, with std above 0"):
        load("x", normalize=given)
    with pytest.raises(ValueError, match="normalize are for a folder"):
        d2l.load("digits", normalize=given)


def test_without_a_size_it_is_224(tmp_path):
    make(tmp_path / "x", {"a": 3, "b": 3})
    loaded = load("x", size=None, batch_size=2)
    assert loaded.size == 224 and loaded.val.images.shape == (2, 3, 224, 224)


# Pictures of every kind


def decode(path, size) -> np.ndarray:
    return next(pictures.decoded([path], size))


def red(image: np.ndarray) -> bool:
    return bool((np.abs(image.astype(int) - (200, 30, 30)) <= 6).all())


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".PNG", ".bmp", ".ppm", ".tif", ".TIFF", ".webp", ".gif"])
def test_every_format_in_any_case(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    picture().save(path)
    assert suffix.lower() in pictures.SUFFIXES and red(decode(path, 8))


@pytest.mark.parametrize(("mode", "suffix"), [("CMYK", ".jpg"), ("CMYK", ".tif"), ("P", ".png"), ("P", ".gif")])
def test_modes_of_color(tmp_path, mode, suffix):
    picture(mode=mode).save(tmp_path / f"x{suffix}")
    assert red(decode(tmp_path / f"x{suffix}", 8))


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [*(("L", end) for end in (".png", ".jpg", ".pgm", ".webp")), ("1", ".png"), ("LA", ".png")],
)
def test_gray_becomes_three_equal_channels(tmp_path, mode, suffix):
    image = Image.new("L", (20, 20), 255 if mode == "1" else 77).convert(mode)
    image.save(tmp_path / f"x{suffix}")
    decoded = decode(tmp_path / f"x{suffix}", 8)
    assert decoded.shape == (8, 8, 3) and (decoded == (255 if mode == "1" else 77)).all()


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("value", [0, 77, 255])
def test_sixteen_bits_have_the_right_brightness(tmp_path, suffix, value):
    Image.fromarray(np.full((20, 20), value * 257, np.uint16)).save(tmp_path / f"x{suffix}")
    assert (decode(tmp_path / f"x{suffix}", 8) == value).all()


@pytest.mark.parametrize(("value", "seen"), [(0.5, 128), (128, 128), (1, 255), (-1, None), (300, None), (np.nan, None)])
def test_floats_run_to_1_or_to_255(tmp_path, value, seen):
    Image.fromarray(np.full((20, 20), value, np.float32)).save(tmp_path / "x.tif")
    decoded = decode(tmp_path / "x.tif", 8)
    if seen is None:
        assert "cannot be decoded (its numbers run from" in str(decoded)
    else:
        assert (decoded == seen).all()


@pytest.mark.parametrize("suffix", [".heic", ".AVIF", ".jfif"])
def test_what_pillow_may_not_know_is_named_and_not_passed_over(tmp_path, capsys, suffix):
    make(tmp_path, {"cat": 6, "dog": 6})
    (tmp_path / "cat" / f"new{suffix}").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    load(tmp_path)
    assert f"new{suffix} cannot be decoded" in capsys.readouterr().out


def test_sixteen_bits_in_the_other_byte_order(tmp_path):
    (tmp_path / "x.pgm").write_bytes(b"P5 20 20 65535\n" + np.full(400, 77 * 257, ">u2").tobytes())
    assert (decode(tmp_path / "x.pgm", 8) == 77).all()


def transparent(mode, suffix, path):
    image = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    image.paste((200, 30, 30, 255), (10, 0, 20, 20))
    if mode == "key":  # one color of a palette that counts as none
        image = Image.new("P", (20, 20), 0)
        image.putpalette([0, 0, 0, 200, 30, 30])
        image.paste(1, (10, 0, 20, 20))
        return image.save(path, transparency=0)
    return image.convert(mode).save(path)


@pytest.mark.parametrize(("mode", "suffix"), [("RGBA", ".png"), ("RGBA", ".webp"), ("key", ".png"), ("key", ".gif")])
def test_what_is_transparent_is_white(tmp_path, mode, suffix):
    path = tmp_path / f"x{suffix}"
    transparent(mode, suffix, path)
    decoded = decode(path, 20)
    assert (decoded[:, :8] >= 250).all() and (np.abs(decoded[:, 12:].astype(int) - (200, 30, 30)) < 12).all()


def test_of_an_animation_the_first_frame(tmp_path):
    frames = [picture(color) for color in ((200, 30, 30), (0, 0, 0), (255, 255, 255))]
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:])
    assert red(decode(tmp_path / "x.gif", 8))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_the_camera_was_held_in_any_way(tmp_path, orientation, suffix):
    """Stored so that a reader who turns it as EXIF says sees red above and left."""
    seen = Image.new("RGB", (40, 40), "blue")
    ImageDraw.Draw(seen).rectangle((0, 0, 39, 15), fill="red")
    ImageDraw.Draw(seen).rectangle((0, 0, 5, 39), fill="red")
    flips = Image.Transpose
    undo = {2: flips.FLIP_LEFT_RIGHT, 3: flips.ROTATE_180, 4: flips.FLIP_TOP_BOTTOM, 5: flips.TRANSPOSE,
            6: flips.ROTATE_90, 7: flips.TRANSVERSE, 8: flips.ROTATE_270}  # fmt: skip
    stored = seen.transpose(undo[orientation]) if orientation in undo else seen
    exif = Image.Exif()
    exif[0x112] = orientation
    stored.save(tmp_path / f"x{suffix}", exif=exif)
    decoded = decode(tmp_path / f"x{suffix}", 40).astype(int)
    assert decoded[8, 20, 0] > 200 and decoded[30, 2, 0] > 200 and decoded[30, 30, 2] > 200 and decoded[30, 38, 2] > 200


def test_damaged_exif_does_not_spoil_a_picture(tmp_path):
    picture().save(tmp_path / "x.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert red(decode(tmp_path / "x.jpg", 8))


@pytest.mark.parametrize(("width", "height"), [(300, 100), (100, 300)])
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_the_shorter_edge_is_resized_and_the_middle_cut_out(tmp_path, width, height, suffix):
    image = Image.new("RGB", (width, height), "blue")
    left, top = (width - 100) // 2, (height - 100) // 2
    image.paste((200, 30, 30), (left, top, left + 100, top + 100))
    image.save(tmp_path / f"x{suffix}", **({"quality": 95} if suffix == ".jpg" else {}))
    decoded = decode(tmp_path / f"x{suffix}", 20)
    assert red(decoded[2:-2, 2:-2]) and decoded.shape == (20, 20, 3)


def test_a_picture_is_resized_as_torchvision_does(tmp_path):
    transforms = pytest.importorskip("torchvision.transforms")
    image = Image.fromarray(np.random.RandomState(0).randint(0, 256, (64, 96, 3)).astype(np.uint8))
    image.save(tmp_path / "x.png")
    wanted = transforms.Compose([transforms.Resize(16), transforms.CenterCrop(16)])(image)
    assert np.abs(decode(tmp_path / "x.png", 16).astype(int) - np.asarray(wanted).astype(int)).max() <= 1


def test_a_small_picture_is_enlarged(tmp_path):
    picture(width=1, height=3).save(tmp_path / "x.png")
    assert red(decode(tmp_path / "x.png", 32))


# Damage


def damaged(path: Path, how: str) -> None:
    noise = Image.fromarray(np.random.RandomState(0).randint(0, 256, (200, 200, 3)).astype(np.uint8))
    noise.save(path, "PNG" if how == "truncated png" else "JPEG")
    content = path.read_bytes()
    if how.startswith("truncated"):
        path.write_bytes(content[: len(content) // 2])
    elif how == "text":
        path.write_text("This is a photograph of a cat.")
    elif how == "video":
        path.write_bytes(b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(range(256)) * 40)
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "broken link":
        path.unlink()
        path.symlink_to("gone.jpg")


DAMAGE = {
    "truncated": "cannot be decoded (.*truncated",
    "truncated png": "cannot be decoded (",
    "text": "cannot be decoded (cannot identify",
    "video": "cannot be decoded (cannot identify",
    "empty": "cannot be decoded (cannot identify",
    "broken link": "cannot be decoded (No such file",
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_image_is_named_and_left_out_or_an_error(tmp_path, capsys, how):
    make(tmp_path / "x", {"a": 20, "b": 20})
    path = Path("x", "b", "0007.jpg")
    damaged(path, how)
    loaded = load("x")
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and str(path) in out and "fallback=False" in out
    assert re.search(DAMAGE[how].replace("(", r"\("), out)
    splits = (loaded.train, loaded.val, loaded.test)
    assert sum(split.num_images for split in splits) == sum(split.total for split in splits) == 40
    assert sorted(itertools.chain(*map(numbers, splits))) == [(label, i) for label in (0, 1) for i in range(20)]
    assert all(split.labels.tolist() == [label for label, _ in numbers(split)] for split in splits)
    with pytest.raises(data.DataFileError, match=DAMAGE[how].replace("(", r"\(")) as caught:
        load("x", fallback=False)
    assert caught.value.path == path and "Delete it, or put a sound copy in its place" in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="tests of pipes (none here): run them on Linux or macOS")
def test_pipes_and_devices_among_the_images_are_named_and_not_waited_for(tmp_path, capsys):
    make(tmp_path / "x", {"a": 20, "b": 20})
    os.mkfifo(tmp_path / "x" / "a" / "pipe.jpg")
    (tmp_path / "x" / "b" / "endless.jpg").symlink_to("/dev/zero")
    (tmp_path / "x" / "b" / "folder.jpg").mkdir()
    assert load("x").train.num_images == 28
    out = capsys.readouterr().out
    assert out.count("(it is no file)") == 2 and "pipe.jpg" in out and "endless.jpg" in out


def test_too_little_memory_is_not_blamed_on_a_file(tmp_path, monkeypatch):
    make(tmp_path / "x", {"a": 20, "b": 20})

    def full(*arguments):
        raise MemoryError

    monkeypatch.setattr(pictures, "fitted", full)
    with pytest.raises(MemoryError):
        load("x")


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "", 3.5, "meta"])
def test_a_device_that_is_not_here(tmp_path, device):
    make(tmp_path / "x", {"a": 10, "b": 10})
    for call in (lambda: load("x", device=device), lambda: d2l.wrap([(picture(), 0)] * 9, 8, 2, device=device)):
        with pytest.raises(ValueError, match="device is .*give 'cpu', or None for the best that works here"):
            call()


def test_many_damaged_images_are_one_line(tmp_path, capsys):
    make(tmp_path / "x", {"a": 20, "b": 20})
    for i in range(5, 10):
        (tmp_path / "x" / "a" / f"{i:04}.png").write_bytes(b"")
    loaded = load("x")
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and out.count("0000.png") == 0 and " and 2 more. With" in out
    assert sum(split.num_images for split in (loaded.train, loaded.val, loaded.test)) == 35


def test_where_no_image_is_sound_there_is_no_data_set(tmp_path):
    make(tmp_path / "x", {"a": 5, "b": 5})
    for path in (tmp_path / "x").rglob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(data.DataError, match=r"x.[ab].0\d+\.png: cannot be decoded .*Delete it"):
        load("x", size=None)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("factor", [1.5, 4])
def test_a_decompression_bomb_is_named(tmp_path, monkeypatch, capsys, factor):
    """Pillow warns of the first, and refuses the second; neither warning says which file it was."""
    make(tmp_path / "x", {"a": 10, "b": 10})
    picture(width=100, height=100).save(tmp_path / "x" / "a" / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", int(10_000 / factor))
    loaded = load("x")
    assert sum(split.num_images for split in (loaded.train, loaded.val, loaded.test)) == 20
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and "bomb.png cannot be decoded (Image size (10000 pixels) exceeds limit" in out


# Folders laid out otherwise


def test_a_folder_without_classes_brings_the_layout(tmp_path):
    (tmp_path / "x").mkdir()
    picture().save(tmp_path / "x" / "1.jpg")
    with pytest.raises(data.DataError, match="holds 0 folders of a class, and it takes two") as caught:
        load("x")
    said = str(caught.value)
    assert str(Path("x", "cat", "1.jpg")) in said and "train, val and test" in said and "fashion_mnist, mnist" in said


def test_one_class_is_an_error(tmp_path):
    make(tmp_path / "x" / "flowers", {"daisy": 4, "rose": 4})
    with pytest.raises(data.DataError, match="x holds 1 folder of a class, and it takes two"):
        load("x")
    assert load("x/flowers").classes == ("daisy", "rose")


def test_an_empty_class_is_an_error(tmp_path):
    make(tmp_path / "x", {"a": 4, "b": 4})
    (tmp_path / "x" / "c").mkdir()
    (tmp_path / "x" / "c" / "1.mov").write_bytes(b"?")
    with pytest.raises(
        data.DataError, match=r"x.c holds no images to train with.*Remove it, or put images in it.*\.jpg"
    ):
        load("x")


def test_a_class_of_the_test_alone_is_an_error(tmp_path):
    make(tmp_path / "x" / "train", {"a": 4, "b": 4})
    make(tmp_path / "x" / "test", {"a": 4, "c": 4})
    with pytest.raises(data.DataError, match=r"x.train.c holds no images to train with.* also in val and test"):
        load("x")


def test_a_class_may_lack_in_the_test(tmp_path):
    make(tmp_path / "x" / "train", {"a": 4, "b": 4})
    make(tmp_path / "x" / "test", {"b": 4})
    assert load("x").test.labels.tolist() == [1] * 4


def test_too_few_images_to_hold_out(tmp_path):
    make(tmp_path / "x", {"a": 2, "b": 2})
    with pytest.raises(data.DataError, match="too few images to hold some out: give a class at least 3"):
        load("x")


def test_fewer_images_than_a_batch(tmp_path):
    make(tmp_path / "x", {"a": 10, "b": 10})
    with pytest.raises(ValueError, match=r"batch_size 128 is larger than the 16 training images: a batch size of 16 w"):
        load("x", batch_size=128)
    assert len(load("x", batch_size=16).train) == 1


def test_an_archive_is_to_be_unpacked(tmp_path):
    shutil.make_archive(str(tmp_path / "x"), "zip", make(tmp_path / "x", {"a": 4, "b": 4}))
    with pytest.raises(ValueError, match=r"x\.zip.*the path of their folder \(unpack an archive first\)"):
        load("x.zip")


@pytest.mark.parametrize("name", ["fashon_mnist", "no/such/folder", Path("pets"), "", None, b"mnist", 3, ["mnist"]])
def test_a_name_of_neither_brings_both(name):
    both = "unknown data set .*Known: fashion_mnist, mnist.*there is no such folder"
    with pytest.raises(ValueError, match=both) as caught:
        d2l.load(name)
    assert ("did you mean 'fashion_mnist'?" in str(caught.value)) == (name == "fashon_mnist")


# What fits no memory


@pytest.fixture
def no_memory(monkeypatch):
    """A machine that can keep no images."""
    monkeypatch.setattr(folders.devices, "free_memory", lambda on: 0)


def test_streamed_images_are_those_that_are_kept(tmp_path, monkeypatch):
    make(tmp_path / "x", {"a": 40, "b": 30}, size=(20, 16))
    (tmp_path / "x" / "a" / "bad.png").write_bytes(b"")
    kept = load("x", augment=True)
    monkeypatch.setattr(folders.devices, "free_memory", lambda on: 0)
    streamed = load("x", augment=True)
    assert isinstance(streamed.train._rows, pictures.Photographs) and isinstance(kept.train._rows, torch.Tensor)
    assert repr(kept) == repr(streamed) and kept.mean == pytest.approx(streamed.mean)
    assert kept.train.images.shape == streamed.train.images.shape and len(kept.val.images) == len(streamed.val.images)
    for part in ("train", "val", "test"):
        one, other = getattr(kept, part), getattr(streamed, part)
        batches = []
        for split in (one, other):
            torch.manual_seed(3)
            batches.append([*split, *split])
        for (X, y), (again, labels) in zip(*batches, strict=True):
            assert torch.equal(X, again) and torch.equal(y, labels)
            assert X.stride() == again.stride() and X.dtype == again.dtype
        for index in ([1, 0], slice(0, 4, 2), 2, torch.tensor([2, 1]), np.array([0])):
            assert torch.equal(one.batch(index)[0], other.batch(index)[0])
            assert torch.equal(one.images[index], other.images[index])
        mask = one.labels == 1
        assert torch.equal(one.images[mask], other.images[mask])
    assert len(list(zip(streamed.val.images, kept.val.images))) == streamed.val.num_images  # it ends


def test_an_image_that_goes_bad_later_is_named(tmp_path, no_memory):
    make(tmp_path / "x", {"a": 20, "b": 20})
    loaded = load("x")
    path = tmp_path / "x" / "a" / "0003.png"
    path.unlink()
    with pytest.raises(ImageFileError, match="No such file") as caught:
        for split in (loaded.train, loaded.val, loaded.test):
            list(split)
    assert caught.value.path == Path("x", "a", "0003.png")


PROGRAM = """
import sys, psutil
import d2lite as d2l
from d2lite.data import folder
if sys.argv[1] == "streamed":
    folder.devices.free_memory = lambda on: 0
    folder.SAMPLE = 100
here, seen, most = psutil.Process(), 0, 0
loaded = d2l.load("x", size=160, batch_size=32, device="cpu")
for split in (loaded.train, loaded.val):
    for _, y in split:
        seen, most = seen + len(y), max(most, here.memory_info().rss)
print(seen, type(loaded.train.images).__name__, most // 2**20)
"""


@pytest.mark.slow
def test_thousands_of_photographs_are_streamed_in_little_memory(tmp_path):
    """2,400 of 160 px are 184 MB as bytes. Names of a few files are as good as files here."""
    for name in ("a", "b"):
        (tmp_path / "x" / name).mkdir(parents=True)
        picture().save(tmp_path / f"{name}.jpg")
        for i in range(1200):
            os.link(tmp_path / f"{name}.jpg", tmp_path / "x" / name / f"{i}.jpg")
    most = {}
    for how in ("kept", "streamed"):
        command = [sys.executable, "-c", PROGRAM, how]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        seen, kind, most[how] = done.stdout.split()
        assert (int(seen), kind) == (2160, "Photographs" if how == "streamed" else "Tensor")
    assert int(most["kept"]) - int(most["streamed"]) > 100, most


# Scenes: near-duplicates on one side of the split


def bursts(top: Path, classes: dict[str, list[int]]) -> Path:
    """A folder in which each class has scenes of so many images each: ``s3_01.png`` is the second of its fourth."""
    for label, (name, sizes) in enumerate(sorted(classes.items())):
        (top / name).mkdir(parents=True)
        for scene, size in enumerate(sizes):
            for i in range(size):
                picture((label, scene, i)).save(top / name / f"{name}{scene}_{i:02}.png")
    return top


def scene(path: Path) -> str:
    return path.stem.split("_")[0]


def test_a_scene_stays_on_one_side_of_the_split(tmp_path):
    sizes = [5, 3, 7, 4, 6, 5, 2, 8, 5, 5]
    top = bursts(tmp_path / "x", {"a": sizes, "b": sizes})
    apart = load(top, group=scene)
    splits = (apart.train, apart.val, apart.test)
    found = [{*map(scene, split.files)} for split in splits]
    assert sum(map(len, found)) == len(set().union(*found)) == 20, "in no two splits"
    assert sorted(path for split in splits for path in split.files) == sorted(top.rglob("*.png"))
    for split in splits[1:]:
        assert [0 < count <= 5 for count in torch.bincount(split.labels).tolist()] == [True, True], "a tenth of 50"
    mixed = load(top)
    assert {*map(scene, mixed.train.files)} & {*map(scene, mixed.test.files)}, "without it they meet"
    again = load(top, group=lambda path: (1, scene(path)))
    assert again.test.files == apart.test.files, "the key itself does not matter"


def test_scenes_of_one_image_change_nothing(tmp_path):
    make(tmp_path / "x", {"a": 40, "b": 31, "c": 3})
    alone, plain = load("x", group=lambda path: path), load("x")
    for part in ("train", "val", "test"):
        assert getattr(alone, part).files == getattr(plain, part).files


def test_a_large_scene_is_held_out_where_there_is_no_smaller_one(tmp_path):
    loaded = load(bursts(tmp_path / "x", {"a": [9, 8, 9, 9], "b": [9, 8, 9, 9]}), group=scene)
    assert sorted({*map(scene, loaded.val.files)}) == ["a1", "b1"] and loaded.test.num_images == 18


def test_a_scene_of_two_classes_is_held_out_once(tmp_path):
    top = bursts(tmp_path / "x", {"a": [3] * 10, "b": [3] * 10})
    shared = load(top, group=lambda path: scene(path)[1:])
    assert [{scene(path)[1:] for path in split.files} for split in (shared.val, shared.test)] != [set(), set()]
    assert {scene(path)[1:] for path in shared.val.files} & {scene(path)[1:] for path in shared.train.files} == set()
    assert torch.bincount(shared.val.labels).tolist() == torch.bincount(shared.test.labels).tolist() == [3, 3]


def test_too_few_scenes_are_told(tmp_path):
    for count in (1, 2):
        top = bursts(tmp_path / str(count), {"a": [10] * 4, "b": [10] * count})
        with pytest.raises(data.DataError, match=f"b has images of {count} scene.*another place, or on another day"):
            load(top, group=scene)


def test_a_scene_in_two_splits_that_have_folders_is_told(tmp_path):
    make(tmp_path / "x" / "train", {"a": 8, "b": 8})
    make(tmp_path / "x" / "test", {"a": 2})
    assert load("x", group=lambda path: path).test.labels.tolist() == [0, 0], "a class may lack in a given test"
    with pytest.raises(
        data.DataError, match=r"000[01]\.png is in train and .*000[01]\.png in test, and by group"
    ) as told:
        load("x", group=lambda path: path.name)
    assert "Move one of them" in str(told.value)


def test_a_published_data_set_has_no_scenes():
    with pytest.raises(ValueError, match="group .*for a folder"):
        d2l.load("digits", group=scene)


@pytest.mark.parametrize(("one", "other"), [("Golden Retriever", "golden_retriever"), ("café", "cafe\u0301")])
def test_two_spellings_of_a_class_are_told(tmp_path, capsys, one, other):
    if (tmp_path / "x").mkdir() or (tmp_path / one).mkdir() or (tmp_path / other).exists():
        pytest.skip("tests of spellings (this file system knows one of them): run them on Linux")
    make(tmp_path / "x", {one: 4, other: 4, "pug": 4})
    assert len(load("x").classes) == 3
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and out.startswith("Two spellings of one class? ") and "pug" not in out
    assert repr(one) in out and repr(other) in out


# Corrections of labels


def corrected(top: Path, *lines: str, first="file,decision,class") -> Path:
    (top / "corrections.csv").write_text("\n".join([first, *lines]) + "\n", "utf-8")
    return top


def names(split) -> list[tuple[str, int]]:
    return [(path.parent.name + "/" + path.name, label) for path, label in zip(split.files, split.labels.tolist())]


def test_corrections_are_honored_and_move_no_image_to_another_split(tmp_path, capsys):
    top = make(tmp_path / "x", {"a": 40, "b": 40})
    before = load(top)
    gone, taught, tested = before.train.files[0], before.train.files[1], before.test.files[0]
    file = {path: path.relative_to(top).as_posix() for path in (gone, taught, tested)}
    other = {path: "b" if path.parent.name == "a" else "a" for path in file}
    capsys.readouterr()
    corrected(top, f"{file[gone]},drop,", f"{file[taught]},relabel,{other[taught]}", f"{file[tested]}, keep ,", "")
    after = load(top)
    assert capsys.readouterr().out == "corrections.csv: 1 relabeled, 1 dropped, 1 kept.\n"
    wanted = {file[taught]: "ab".index(other[taught])}
    assert names(after.train) == [(name, wanted.get(name, label)) for name, label in names(before.train)[1:]]
    for part in ("val", "test"):
        assert names(getattr(after, part)) == names(getattr(before, part))
    assert after.folder == top and (after.train.total, before.train.total) == (63, 64)
    pixels = dict(zip(before.train.files, before.train.images))
    assert all(torch.equal(image, pixels[path]) for path, image in zip(after.train.files, after.train.images))


def test_corrections_of_a_folder_with_splits(tmp_path):
    for part in ("train", "test"):
        make(tmp_path / "x" / part, {"a": 20, "b": 20})
    corrected(tmp_path / "x", "test/a/0003.png,relabel,b", "train/b/0000.png,drop,")
    loaded = load("x")
    assert torch.bincount(loaded.test.labels).tolist() == [19, 21] and len(loaded.train.labels) == 35
    assert loaded.folder == Path("x") and loaded.test.files[0].parts[:2] == ("x", "test")


BAD_TABLES = {
    "": "its first line is '', not 'file,decision,class'",
    "file;decision;class\na/0000.png;drop;\n": "its first line is 'file;decision;class', not",
    "file,decision,class\na/0000.png,drop\n": "line 2 has 2 fields, not 3",
    "file,decision,class\n\na/0009.png,drop,\n": "line 3 names 'a/0009.png', and there is no such image here. Mend",
    "file,decision,class\nb/0005.png,drop,\n": "no such image here; did you mean 'a/0005.png'?",
    "file,decision,class\n../x/a/0000.png,drop,\n": "names '../x/a/0000.png', and there is no such image",
    "file,decision,class\na/0000.png,keep,\na/0000.png,drop,\n": "line 3 names 'a/0000.png' a second time",
    "file,decision,class\na/0000.png,remove,\n": "decides 'remove': it must be keep, relabel or drop",
    "file,decision,class\na/0000.png,relabel,c\n": "gives the class 'c', which is none of a, b",
    "file,decision,class\na/0000.png,relabel,\n": "gives the class '', which is none of a, b",
    "file,decision,class\na/0000.png,drop,b\n": "gives a class to an image that it wants to drop",
    'file,decision,class\n"a/0000.png,drop,\n': "cannot be read (unexpected end of data)",
    "file,decision,class\n" + "".join(f"b/000{i}.png,drop,\n" for i in range(5)): "b is, in the training split, with",
}  # fmt: skip


@pytest.mark.parametrize("table", BAD_TABLES)
def test_a_table_of_corrections_that_does_not_fit_is_told(tmp_path, table):
    top = make(tmp_path / "x", {"a": 6, "b": 5})
    (top / "corrections.csv").write_text(table)
    with pytest.raises(data.DataError) as told:
        load("x")
    assert BAD_TABLES[table] in str(told.value) and "corrections.csv: " in str(told.value)
    assert "Mend the table, or delete it" in str(told.value)


def test_a_table_of_corrections_that_is_none(tmp_path, monkeypatch):
    top = make(tmp_path / "x", {"a": 5, "b": 5})
    (top / "corrections.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(data.DataError, match="cannot be read .*utf-8"):
        load("x")
    monkeypatch.setattr(corrections, "LARGEST", 2)
    with pytest.raises(data.DataError, match="too large"):
        load("x")


def test_corrections_come_back_as_they_were_written(tmp_path):
    top = make(tmp_path / "x", {"a, b": 6, 'say "c"': 6})
    given = {"a, b/0001.png": ("relabel", 'say "c"'), 'say "c"/0000.png': ("drop", ""), "a, b/0000.png": ("keep", "")}
    path = corrections.write_corrections(top, given)
    files = [image.relative_to(top).as_posix() for image in top.rglob("*.png")]
    assert corrections.read_corrections(top, files, ["a, b", 'say "c"']) == given
    path.write_text("\ufeff" + path.read_text("utf-8").replace("\n", "\r\n"), "utf-8")  # as Excel saves it
    assert corrections.read_corrections(top, files, ["a, b", 'say "c"']) == given
    corrections.write_corrections(top, {})
    assert not path.exists() and corrections.read_corrections(top, files, []) == {}


# One photograph, where the network is used


def hard_to_prepare(top: Path) -> Path:
    """Two classes of large JPEGs, which a reader that does not care decodes otherwise, and of transparent PNGs."""
    noise = np.random.RandomState(0)
    for name in ("a", "b"):
        (top / name).mkdir(parents=True)
        for i in range(6):
            coarse = Image.fromarray(noise.randint(0, 256, (60, 80, 3)).astype(np.uint8))
            exif = Image.Exif()
            exif[0x112] = (1, 6)[i % 2]  # upright, or on its side
            coarse.resize((1600, 1200)).save(top / name / f"{i}.jpg", quality=90, exif=exif)
            layer = coarse.convert("RGBA")
            layer.putalpha(Image.fromarray(noise.randint(0, 2, (60, 80)).astype(np.uint8) * 255))
            layer.save(top / name / f"{i}.png")
    return top


def test_one_photograph_is_prepared_as_those_of_a_folder(tmp_path):
    loaded = load(hard_to_prepare(tmp_path / "x"), size=32, normalize=([0.5, 0.4, 0.3], [0.2, 0.3, 0.4]))
    for split in (loaded.train, loaded.val, loaded.test):
        together, _ = split.batch(range(split.num_images))
        apart = torch.cat([loaded.photograph(path) for path in split.files])
        assert apart.shape == together.shape and apart.dtype == torch.float32 and torch.equal(apart, together)
    assert torch.equal(loaded.photograph(str(split.files[0])), together[:1])


def test_one_photograph_for_a_network_of_gray_images(tmp_path):
    Image.new("RGB", (50, 40), (30, 60, 90)).save(tmp_path / "x.png")
    digits = d2l.load("digits", size=16, batch_size=4, device="cpu")
    seen = digits.denormalize(digits.photograph(tmp_path / "x.png"))
    assert torch.allclose(seen, torch.full((1, 1, 16, 16), 60 / 255))


def test_one_photograph_that_is_none_is_named(tmp_path):
    loaded = load(make(tmp_path / "x", {"a": 6, "b": 6}))
    (tmp_path / "y.jpg").write_bytes(b"no picture")
    for path in (tmp_path / "y.jpg", tmp_path / "nowhere.jpg"):
        with pytest.raises(ImageFileError, match=re.escape(f"{path}: cannot be decoded")):
            loaded.photograph(path)


# The rest of the package


@pytest.mark.parametrize("memory", ["kept", "streamed"])
def test_everything_else_works_on_it(tmp_path, monkeypatch, capsys, memory):
    import matplotlib

    matplotlib.use("agg")
    for name, color in {"blue": (20, 20, 220), "red": (220, 20, 20)}.items():
        (tmp_path / "x" / name).mkdir(parents=True)
        for i in range(30):
            picture(color, 20 + i, 40 - i).save(tmp_path / "x" / name / f"{i}.jpg")
    if memory == "streamed":
        monkeypatch.setattr(folders.devices, "free_memory", lambda on: 0)
    loaded = load("x", size=8, augment=True)
    d2l.seed_everything(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 2))
    history = d2l.fit(net, loaded, 3, 0.05, listener=None, checkpoint=tmp_path / "run.pt")
    assert d2l.evaluate(net, loaded.test).accuracy == 1 and history.last.val_accuracy == 1
    d2l.show_images(loaded.train.images[:6], loaded.train.labels[:6], classes=loaded.classes)
    d2l.show_predictions(net, loaded)
    again = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 2))
    assert len(d2l.fit(again, loaded, 3, 0.05, listener=None, checkpoint=tmp_path / "run.pt")) == 3


@pytest.mark.slow
def test_the_command_line_trains_on_a_folder(tmp_path):
    make(tmp_path / "pets", {"cat": 30, "dog": 30}, size=(32, 32))
    command = "-m d2lite train lenet --data pets --size 28 --batch-size 16 --epochs 1 --profile quick"
    done = subprocess.run([sys.executable, *command.split()], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "pets: 48 train, 6 val, 6 test images, 2 classes, 3 × 28 × 28" in done.stdout
    assert "images of pets" in done.stdout
