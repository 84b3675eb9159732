"""Loading when something is wrong: damaged files, no network, bad mirrors, full disks, wrong arguments."""

import errno
import gzip
import pickle
import re
import socket
import subprocess
import threading
import time
import tracemalloc
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import permissions
import pytest
import torch
from datafiles import IDX_FILES, TRAIN, idx, pictures, small_cifar, small_fashion

import d2lite as d2l
from d2lite import data
from d2lite.data import download, errors, readers, store
from d2lite.data.catalog import DATASETS
from tools.prepare import as_root

WAYS_OUT = ("D2LITE_DATA", "python -m d2lite data fashion_mnist", "connect to the network")
IMAGES, LABELS = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    """An empty data folder and an empty cache, both in use; the full profile."""
    monkeypatch.setenv("D2LITE_PROFILE", "full")
    monkeypatch.setenv("D2LITE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("D2LITE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "_silent", {})
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def raw(tmp_path):
    """Where the cache keeps Fashion-MNIST."""
    return tmp_path / "cache" / "FashionMNIST" / "raw"


# Arguments


@pytest.mark.parametrize(
    ("name", "near"), [("fashion-mnist", "fashion_mnist"), ("FashionMNIST", "fashion_mnist"), ("cifar", "cifar10")]
)
def test_an_unknown_name_brings_the_nearest(name, near):
    for function in (data.load, data.is_available, data.prepare):
        with pytest.raises(ValueError, match=rf"did you mean '{near}'\?") as caught:
            function(name)
        assert all(known in str(caught.value) for known in DATASETS)


def test_a_name_like_no_other_brings_the_known_ones():
    with pytest.raises(ValueError, match=r"'zzz'\. Known: fashion_mnist, mnist, cifar10, digits\.") as caught:
        data.load("zzz")
    assert "did you mean" not in str(caught.value)
    with pytest.raises(ValueError, match="unknown data set None"):
        data.load(None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "size is 0: give a whole number from 1."),
        ({"size": -3}, "size is -3: give a whole number from 1."),
        ({"size": 28.0}, "size is 28.0: give a whole number from 1."),
        ({"size": (28, 28)}, r"size is \(28, 28\): give a whole number"),
        ({"size": True}, "size is True: give a whole number"),
        ({"batch_size": np.bool_(True)}, "batch_size is .*True.*: give a whole number"),
        ({"batch_size": np.float64(32)}, "batch_size is .*32.0.*: give a whole number"),
        ({"quick_images": True}, "quick_images is True: give a whole number"),
        ({"size": np.array([28])}, r"size is array\(\[28\]\): give a whole number"),
        ({"batch_size": 0}, "batch_size is 0: give a whole number from 1."),
        ({"batch_size": "32"}, "batch_size is '32': give a whole number"),
        ({"quick_images": 3}, "quick_images is 3: give a whole number from 4."),
    ],
)
def test_sizes_that_cannot_work(options, message):
    with pytest.raises(ValueError, match="^" + message):
        data.load("digits", **options)


def test_a_batch_larger_than_the_split_brings_one_that_works(monkeypatch):
    with pytest.raises(ValueError, match=r"batch_size 1,258 .* 1,257 training images: a batch size of 1,024 works"):
        data.load("digits", batch_size=1258)
    assert len(data.load("digits", batch_size=1257).train) == 1
    monkeypatch.setenv("D2LITE_PROFILE", "quick")
    with pytest.raises(ValueError, match=r"256 training images that the quick profile takes: a batch size of 256 w"):
        data.load("digits", batch_size=512, quick_images=256)
    loaded = data.load("digits", batch_size=256, quick_images=256)
    assert [len(y) for _, y in loaded.val] == [64]  # smaller splits are one short batch


@pytest.mark.parametrize("kind", [np.int64, np.uint8, np.array, torch.tensor])
def test_numpy_numbers_are_whole_numbers(kind):
    loaded = data.load("digits", size=kind(12), batch_size=kind(50), quick_images=kind(200))
    assert (loaded.size, loaded.batch_size, loaded.quick_images, len(loaded.train)) == (12, 50, 200, 26)
    assert {type(number) for number in (loaded.size, loaded.batch_size, loaded.train.batch_size)} == {int}


# Damaged files in the data folder


def cut(content):
    return content[: len(content) // 2]


def flip(content, at):
    return content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :]


def repack(change):
    return lambda content: gzip.compress(change(gzip.decompress(content)), 1)


DAMAGES = {
    "truncated": (IMAGES, cut, "is not a sound gzip file of .* ended before"),
    "one byte altered": (IMAGES, lambda c: flip(c, len(c) // 2), "gzip|damaged"),
    "empty": (LABELS, lambda c: b"", "is empty"),
    "a web page": (IMAGES, lambda c: b"<html>Service unavailable</html>", "the published bytes"),
    "images where labels belong": (
        LABELS,
        lambda c: gzip.compress(idx(pictures(9, 1, 28, 0)[..., 0])),
        "the published bytes",
    ),
    "only a header's beginning": (IMAGES, lambda c: gzip.compress(b"\0\0\x08"), "the published bytes"),
    "contents cut": (IMAGES, repack(lambda c: c[:-5]), "the published bytes"),
    "contents too long": (IMAGES, repack(lambda c: c + b"?"), "the published bytes"),
    "label out of range": (LABELS, repack(lambda c: c[:20] + b"\x0a" + c[21:]), "the published bytes"),
    "a label too few": (LABELS, lambda c: gzip.compress(idx(np.zeros(599, np.uint8))), "the published bytes"),
    "a pixel altered": (IMAGES, repack(lambda c: flip(c, 1000)), "does not hold the published bytes"),
    "a label altered": (LABELS, repack(lambda c: c[:20] + bytes([(c[20] + 1) % 10]) + c[21:]), "the published bytes"),
}


@pytest.mark.parametrize("profile", ["full", "quick"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_named_and_never_used(monkeypatch, folder, damage, profile):
    monkeypatch.setenv("D2LITE_PROFILE", profile)
    name, change, message = DAMAGES[damage]
    files = small_fashion(monkeypatch, folder)
    path = folder / "FashionMNIST" / "raw" / name
    path.write_bytes(change(files[name]))
    with pytest.raises(data.DataFileError, match=message) as caught:
        data.load("fashion_mnist", fallback=True)
    assert caught.value.path == path
    assert str(path) in str(caught.value) and "python -m d2lite data fashion_mnist" in str(caught.value)
    assert path.exists()  # the data folder is not ours to clean


def test_a_file_that_would_unpack_without_end_takes_no_memory(monkeypatch, folder):
    """What is sent may be small and unpack to gigabytes: no more is unpacked than a published file holds."""
    small_fashion(monkeypatch, folder)
    monkeypatch.setattr(readers, "LARGEST", 1 << 20)
    (folder / "FashionMNIST" / "raw" / IMAGES).write_bytes(gzip.compress(bytes(1 << 26)))
    tracemalloc.start()
    try:
        with pytest.raises(data.DataFileError, match="does not hold the published bytes"):
            data.load("fashion_mnist")
        assert tracemalloc.get_traced_memory()[1] < 1 << 24, "64 MiB were unpacked"
    finally:
        tracemalloc.stop()


def test_equal_numbers_of_too_few_images_and_labels(monkeypatch, folder):
    small_fashion(monkeypatch, folder)
    raw = folder / "FashionMNIST" / "raw"
    (raw / IMAGES).write_bytes(gzip.compress(idx(pictures(50, 1, 28, 0)[..., 0])))
    (raw / LABELS).write_bytes(gzip.compress(idx(np.zeros(50, np.uint8))))
    with pytest.raises(data.DataFileError, match="does not hold the published bytes"):
        data.load("fashion_mnist")


@pytest.mark.parametrize(
    ("form", "path", "change", "message"),
    [
        ("bin", "cifar-10-batches-bin/data_batch_3.bin", cut, "published bytes"),
        ("bin", "cifar-10-batches-bin/data_batch_3.bin", lambda c: b"\x0b" + c[1:], "published bytes"),
        ("bin", "cifar-10-batches-bin/test_batch.bin", lambda c: flip(c, 77), "published bytes"),
        ("py", "cifar-10-batches-py/data_batch_2", cut, "published bytes"),
        ("py", "cifar-10-batches-py/data_batch_2", lambda c: pickle.dumps({"a": 1}), "published bytes"),
        ("binary.tar.gz", "cifar-10-binary.tar.gz", cut, "published bytes"),
        ("python.tar.gz", "cifar-10-python.tar.gz", lambda c: b"", "is empty"),
        ("hub", "cifar10/train-00000-of-00001.parquet", cut, "published bytes"),
        ("jpeg", "cifar10-jpeg/test.parquet", lambda c: flip(c, 3000), "published bytes"),
    ],
)
def test_a_damaged_cifar_file_is_named(monkeypatch, folder, form, path, change, message):
    small_cifar(monkeypatch, folder, form)
    (folder / path).write_bytes(change((folder / path).read_bytes()))
    with pytest.raises(data.DataFileError, match=message) as caught:
        data.load("cifar10", batch_size=16)
    assert caught.value.path == folder / path


@pytest.mark.parametrize("kind", ["py", "python.tar.gz"])
def test_an_altered_pickle_is_not_opened(monkeypatch, folder, kind):
    small_cifar(monkeypatch, folder, kind)
    path = folder / ("cifar-10-batches-py/test_batch" if kind == "py" else "cifar-10-python.tar.gz")
    path.write_bytes(path.read_bytes() + b".")
    monkeypatch.setattr(readers, "batch", lambda name, data: pytest.fail("opened"))
    with pytest.raises(data.DataFileError, match="published bytes") as caught:
        data.load("cifar10", batch_size=16)
    assert caught.value.path == path


# Nothing there, no network


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def test_without_files_and_network_the_full_profile_names_three_ways_out(monkeypatch, folder):
    small_fashion(monkeypatch, None, mirrors=[closed_port(), closed_port()])
    with pytest.raises(data.NotFoundError, match="no mirror answers") as caught:
        data.load("fashion_mnist")
    assert all(way in str(caught.value) for way in WAYS_OUT) and str(folder) in str(caught.value)


def test_in_the_quick_profile_digits_stand_in_and_say_so_once(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("D2LITE_PROFILE", "quick")
    small_fashion(monkeypatch, None, mirrors=[closed_port()])
    loaded = data.load("fashion_mnist", augment=True)
    out = capsys.readouterr()
    assert out.out.count("\n") == 1 and out.err == ""
    assert "digits stand in for Fashion-MNIST" in out.out and all(way in out.out for way in WAYS_OUT)
    assert loaded.is_stand_in and loaded.label == "digits (standing in for Fashion-MNIST)"
    assert loaded.classes == tuple("0123456789") and (loaded.channels, loaded.size) == (1, 28)
    assert [s.num_images for s in (loaded.train, loaded.val, loaded.test)] == [1257, 180, 360]
    X, _ = loaded.train.batch(range(1257))
    assert abs(X.mean()) < 0.05 and abs(X.std() - 1) < 0.05
    assert not (tmp_path / "cache").exists()
    assert "digits (standing in for Fashion-MNIST)" in repr(loaded)


def test_a_stand_in_has_the_size_and_channels_of_what_was_asked_for(monkeypatch):
    small_fashion(monkeypatch, None, mirrors=[])
    monkeypatch.setitem(DATASETS, "cifar10", DATASETS["cifar10"].__class__(**{
        **vars(DATASETS["cifar10"]), "layouts": DATASETS["fashion_mnist"].layouts}))  # fmt: skip
    loaded = data.load("cifar10", fallback=True, size=64)
    X, _ = next(iter(loaded.train))
    assert X.shape == (128, 3, 64, 64) and loaded.train.images.shape == (1257, 3, 32, 32)
    assert len(loaded.mean) == len(loaded.std) == loaded.channels == 3


def test_the_caller_decides_about_stand_ins(monkeypatch):
    small_fashion(monkeypatch, None, mirrors=[closed_port()])
    assert data.load("fashion_mnist", fallback=True).is_stand_in
    monkeypatch.setenv("D2LITE_PROFILE", "quick")
    with pytest.raises(data.NotFoundError):
        data.load("fashion_mnist", fallback=False)


@pytest.mark.parametrize("trouble", ["no folder", "file missing", "unset"])
def test_the_message_says_where_was_looked(monkeypatch, folder, tmp_path, trouble):
    small_fashion(monkeypatch, folder, mirrors=[closed_port()])
    if trouble == "no folder":
        monkeypatch.setenv("D2LITE_DATA", str(tmp_path / "typo"))
    elif trouble == "unset":
        monkeypatch.delenv("D2LITE_DATA")
    else:
        (folder / "FashionMNIST" / "raw" / LABELS).unlink()
    said = {"no folder": "typo (there is no such folder)", "unset": "D2LITE_DATA is not set",
            "file missing": "which lacks FashionMNIST/raw/train-labels-idx1-ubyte"}[trouble]  # fmt: skip
    assert not data.is_available("fashion_mnist")
    with pytest.raises(data.NotFoundError) as caught:
        data.load("fashion_mnist")
    assert said in str(caught.value) and str(tmp_path / "cache") in str(caught.value)


def test_silent_mirrors_cost_one_waiting_time_and_then_none(monkeypatch):
    """Hosts that accept a connection and never answer, as behind some firewalls."""
    monkeypatch.setattr(download, "PROBE_SECONDS", 1.0)
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    small_fashion(monkeypatch, None, mirrors=[f"http://127.0.0.1:{one.getsockname()[1]}" for one in listeners])
    took = []
    for _ in range(2):
        started = time.monotonic()
        with pytest.raises(data.NotFoundError, match="no mirror answers"):
            data.load("fashion_mnist")
        took.append(time.monotonic() - started)
    for one in listeners:
        one.close()
    assert 0.9 < took[0] < 2.8 and took[1] < 0.9
    assert download.PROBE_SECONDS < download.REMEMBER_SECONDS


# Downloads, from a server of our own


class Server:
    """Serves ``files`` below several folders that stand for mirrors, each with its own fault.

    ``requests`` records (path, first byte asked for, bytes sent) of every GET.
    """

    def __init__(self, files):
        self.files, self.requests, self.broken = files, [], set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_HEAD(self):
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self):
                _, fault, name = self.path.split("/")
                content, start, status = outer.files[name], 0, 200
                asked = self.headers.get("Range")
                if fault in ("missing", "refuses"):
                    self.send_response(404 if fault == "missing" else 416)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                if fault == "wrong":
                    content = flip(content, len(content) // 2)
                if fault == "page":
                    content = b"<html>log in first</html>"
                if asked and fault not in ("ignores", "page"):
                    start, status = int(asked[len("bytes=") : -1]), 206
                    if start >= len(content):
                        outer.requests.append((self.path, start, 0))
                        self.send_response(416)
                        self.send_header("Content-Range", f"bytes */{len(content)}")
                        self.send_header("Content-Length", "0")
                        self.end_headers()
                        return
                body = content[start:]
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                if status == 206:
                    self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
                self.end_headers()
                breaks = fault == "dies" or (fault == "breaks" and name not in outer.broken)
                if breaks:
                    outer.broken.add(name)
                    body = body[: len(body) // 2] if fault == "breaks" else b""
                outer.requests.append((self.path, start, len(body)))  # before the client can be done with it
                self.wfile.write(body)
                self.close_connection = True

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def sent(self, name):
        return [(path.split("/")[1], start, count) for path, start, count in self.requests if path.endswith(name)]

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def serve(monkeypatch):
    """Starts a server with the given mirrors as the only source of the small Fashion-MNIST."""
    servers = []

    def start(*mirrors, pinned=True):
        server = Server(small_fashion(monkeypatch, None))
        small_fashion(monkeypatch, None, mirrors=[f"{server.url}/{mirror}" for mirror in mirrors], pinned=pinned)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.close()


def left_over(raw):
    return sorted(path.name for path in raw.iterdir() if path.name not in {f"{n}.gz" for n in IDX_FILES} | {".lock"})


@pytest.mark.parametrize("pinned", [True, False])
def test_files_are_downloaded_once_whole_and_byte_for_byte(serve, raw, capsys, pinned):
    server = serve("good", pinned=pinned)
    assert not data.is_available("fashion_mnist")
    assert data.load("fashion_mnist").train.num_images == TRAIN - 100
    assert {path.name: path.read_bytes() for path in raw.glob("*.gz")} == server.files and not left_over(raw)
    count = len(server.requests)
    assert count == 4 and data.is_available("fashion_mnist")
    data.load("fashion_mnist")
    assert len(server.requests) == count
    err = capsys.readouterr().err
    assert err.count("Downloading train-images-idx3-ubyte.gz (") == 1  # captured, so one line a file and no bar


@pytest.mark.parametrize("pinned", [True, False])
@pytest.mark.parametrize("bad", ["missing", "wrong", "page", "dies"])
def test_a_bad_mirror_is_passed_over(serve, raw, bad, pinned):
    server = serve(bad, "good", pinned=pinned)
    data.load("fashion_mnist")
    assert {path.name: path.read_bytes() for path in raw.glob("*.gz")} == server.files
    assert not [name for name in left_over(raw) if not name.endswith(".part")]


def test_a_refusing_mirror_is_passed_over(monkeypatch, serve, raw):
    server = serve("good")
    small_fashion(monkeypatch, None, mirrors=[closed_port(), f"{server.url}/good"])
    data.load("fashion_mnist")
    assert not left_over(raw)


def test_wrong_bytes_are_asked_for_once_more_only_if_a_partial_file_was_continued(serve, raw):
    server = serve("wrong")
    raw.mkdir(parents=True)
    for part in (False, True):
        if part:
            (raw / f"{IMAGES}.part").write_bytes(server.files[IMAGES][:1000])
        server.requests.clear()
        with pytest.raises(data.NotFoundError, match="delivered other bytes than published"):
            data.load("fashion_mnist")
        assert [start for _, start, _ in server.sent(IMAGES)] == ([1000, 0] if part else [0])
        assert not left_over(raw)


@pytest.mark.parametrize(
    ("mirrors", "said"),
    [
        (["missing"], "HTTP status 404"),
        (["refuses"], "HTTP status 416"),
        (["wrong", "page"], "delivered other bytes than published"),
        (["dies"], "broke off after 0 bytes"),
    ],
)
def test_when_no_mirror_delivers_the_reasons_are_given_and_nothing_stays(serve, raw, mirrors, said):
    server = serve(*mirrors)
    with pytest.raises(data.NotFoundError, match=said) as caught:
        data.load("fashion_mnist")
    assert IMAGES in str(caught.value) and all(way in str(caught.value) for way in WAYS_OUT)
    assert not list(raw.glob("*.gz")) and not left_over(raw)
    assert len(server.sent(IMAGES)) <= len(mirrors), "who sent nothing new is not asked again"
    assert {path.rpartition("/")[2] for path, _, _ in server.requests} <= {IMAGES}  # later files are not tried


def test_a_broken_transfer_is_continued_where_it_broke(serve, raw):
    server = serve("breaks")
    data.load("fashion_mnist")
    size = len(server.files[IMAGES])
    assert server.sent(IMAGES) == [("breaks", 0, size // 2), ("breaks", size // 2, size - size // 2)]
    assert (raw / IMAGES).read_bytes() == server.files[IMAGES] and not left_over(raw)


@pytest.mark.parametrize(("mirror", "start"), [("good", 1000), ("ignores", 0)])
def test_a_partial_file_is_continued_or_started_over(serve, raw, mirror, start):
    server = serve(mirror)
    raw.mkdir(parents=True)
    (raw / f"{IMAGES}.part").write_bytes(server.files[IMAGES][:1000])
    data.load("fashion_mnist")
    assert server.sent(IMAGES) == [(mirror, start, len(server.files[IMAGES]) - start)]
    assert (raw / IMAGES).read_bytes() == server.files[IMAGES] and not left_over(raw)


def test_a_partial_file_that_is_whole_needs_no_more_bytes(serve, raw):
    server = serve("good")
    raw.mkdir(parents=True)
    (raw / f"{IMAGES}.part").write_bytes(server.files[IMAGES])
    data.load("fashion_mnist")
    assert [count for _, _, count in server.sent(IMAGES)] == [0] and not left_over(raw)


@pytest.mark.parametrize("pinned", [True, False])
@pytest.mark.parametrize("mirror", ["good", "breaks"])
@pytest.mark.parametrize("length", ["shorter", "equal", "longer"])
def test_a_partial_file_of_something_else_is_started_over_at_the_same_mirror(serve, raw, mirror, length, pinned):
    server = serve(mirror, pinned=pinned)
    raw.mkdir(parents=True)
    size = {"shorter": 500, "equal": len(server.files[IMAGES]), "longer": 900_000}[length]
    tag = "" if pinned else "." + server.url.removeprefix("http://").replace(":", "_")
    (raw / f"{IMAGES}{tag}.part").write_bytes(b"?" * size)
    data.load("fashion_mnist")
    assert server.sent(IMAGES)[0][1] == size  # it was tried to continue
    assert (raw / IMAGES).read_bytes() == server.files[IMAGES] and not left_over(raw)


class Bar:
    """Stands in for the progress bar and raises ``error`` once ``after`` bytes have arrived."""

    def __init__(self, error, after):
        self.error, self.left = error, after

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def update(self, count):
        self.left -= count
        if self.left < 0:
            raise self.error


def test_an_interrupt_keeps_what_has_arrived_for_the_next_time(serve, raw, monkeypatch, capsys):
    server = serve("good")
    with monkeypatch.context() as patch:
        patch.setattr(download, "_progress", lambda *_: Bar(KeyboardInterrupt(), 100_000))
        with pytest.raises(KeyboardInterrupt):
            data.load("fashion_mnist")
    part = raw / f"{IMAGES}.part"
    assert f"continues from what is kept in {part}" in capsys.readouterr().err
    assert not list(raw.glob("*.gz")) and left_over(raw) == [part.name]
    have = part.stat().st_size
    assert have >= 100_000
    server.requests.clear()
    data.load("fashion_mnist")
    assert server.sent(IMAGES) == [("good", have, len(server.files[IMAGES]) - have)] and not left_over(raw)


def test_a_damaged_download_in_the_cache_is_fetched_again(serve, raw, capsys):
    server = serve("good")
    data.load("fashion_mnist")
    (raw / LABELS).write_bytes(cut(server.files[LABELS]))
    server.requests.clear()
    data.load("fashion_mnist")
    assert [path for path, _, _ in server.requests] == [f"/good/{LABELS}"]
    assert f"{raw / LABELS}: is not a sound gzip file" in capsys.readouterr().err


def test_a_damaged_download_is_an_error_where_there_is_no_network(serve, raw, monkeypatch):
    serve("good")
    data.load("fashion_mnist")
    (raw / LABELS).write_bytes(b"")
    small_fashion(monkeypatch, None, mirrors=[closed_port()])
    with pytest.raises(data.DataError, match=r"is empty.*no mirror answers") as caught:
        data.load("fashion_mnist", fallback=True)
    assert str(raw / LABELS) in str(caught.value) and not isinstance(caught.value, data.NotFoundError)


def test_prepare_downloads_verifies_and_says_where(serve, raw, capsys):
    serve("good")
    files = data.prepare("fashion_mnist")
    out = capsys.readouterr().out
    assert sorted(files) == sorted(raw.glob("*.gz")) and all(str(path) in out for path in files)
    (raw / IMAGES).write_bytes(b"")
    data.prepare("fashion_mnist")
    assert (raw / IMAGES).stat().st_size > 0
    assert data.prepare("digits") == [] and "comes with scikit-learn" in capsys.readouterr().out


@pytest.mark.parametrize("form", ["bin", "py", "binary.tar.gz", "python.tar.gz", "hub", "jpeg"])
def test_prepare_verifies_without_decoding_and_writes_nothing(monkeypatch, folder, tmp_path, form):
    small_cifar(monkeypatch, folder, form)
    monkeypatch.setattr(readers, "_decode", lambda *_: pytest.fail("decoded"))
    files = data.prepare("cifar10")
    assert sorted(files) == sorted(path for path in folder.rglob("*") if path.is_file())
    assert not (tmp_path / "cache").exists()
    for path in files:
        content = path.read_bytes()
        path.write_bytes(flip(content, len(content) - 1))
        with pytest.raises(data.DataFileError) as caught:
            data.prepare("cifar10")
        assert caught.value.path == path and "python -m d2lite data cifar10" in str(caught.value)
        path.write_bytes(content)


def test_the_documentation_names_the_folders_that_a_reader_may_choose():
    assert {"D2LITE_DATA", "D2LITE_CACHE", "D2LITE_MIRROR"} <= set(re.findall(r"D2LITE_\w+", data.load.__doc__))
    assert "D2LITE_CACHE" in data.prepare.__doc__


def test_the_root_argument_goes_before_the_environment_and_the_cache(monkeypatch, folder, tmp_path, serve):
    server = serve("good")
    data.load("fashion_mnist")
    assert store.find(DATASETS["fashion_mnist"]).files[0].is_relative_to(tmp_path / "cache")
    small_fashion(monkeypatch, folder, mirrors=[f"{server.url}/good"])
    assert store.find(DATASETS["fashion_mnist"]).files[0].is_relative_to(folder)
    small_fashion(monkeypatch, tmp_path / "own", mirrors=[f"{server.url}/good"])
    found = store.find(DATASETS["fashion_mnist"], tmp_path / "own")
    assert all(path.is_relative_to(tmp_path / "own") for path in found.files) and len(found.files) == 4


def test_two_processes_do_not_download_into_the_same_file(serve, raw):
    server = serve("good")
    errors = []

    def one():
        try:
            store.obtain(DATASETS["fashion_mnist"])
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors and len(server.requests) == 4  # flock holds between open files, so threads show it as well


# Disks


def test_a_full_disk_while_downloading_says_so_and_gives_the_space_back(serve, raw, monkeypatch):
    serve("good")
    monkeypatch.setattr(download, "_progress", lambda *_: Bar(OSError(errno.ENOSPC, "No space left on device"), 1e5))
    with pytest.raises(data.DataError, match=f"The disk is full: {raw} has no room for .*D2LITE_CACHE"):
        data.load("fashion_mnist", fallback=True)
    assert not left_over(raw) and not list(raw.glob("*.gz"))


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 300 kB, where one may be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = as_root("mount", "-t", "tmpfs", "-o", "size=300k,mode=1777", "tmpfs", str(disk))
    if not any(subprocess.run(words, capture_output=True).returncode == 0 for words in mount):
        pytest.skip("tests on a full disk (mounting one is not allowed): run them as root, or after `sudo -v`")
    yield disk
    for words in as_root("umount", str(disk)):
        subprocess.run(words, check=True)


def test_a_really_full_disk(serve, small_disk, monkeypatch):
    serve("good")
    monkeypatch.setenv("D2LITE_CACHE", str(small_disk))
    with pytest.raises(data.DataError, match="The disk is full"):
        data.load("fashion_mnist")
    raw = small_disk / "FashionMNIST" / "raw"
    assert not left_over(raw) and not list(raw.glob("*.gz"))


def test_a_cache_that_cannot_be_written(monkeypatch, folder, tmp_path, serve):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("D2LITE_CACHE", str(tmp_path / "file" / "cache"))
    serve("good")
    with pytest.raises(data.DataError, match=r"Cannot write to the cache folder .*Set D2LITE_CACHE"):
        data.load("fashion_mnist", fallback=True)
    small_cifar(monkeypatch, folder, "hub")
    assert data.load("cifar10", batch_size=16).train.num_images == 90


def test_a_read_only_data_folder_and_cache(monkeypatch, folder, tmp_path, small_disk):
    """Mounted read-only, which stops root as well; only root may mount, so the next test is for everyone else."""
    monkeypatch.setenv("D2LITE_DATA", str(small_disk))
    monkeypatch.setenv("D2LITE_CACHE", str(small_disk / "cache"))
    small_cifar(monkeypatch, small_disk, "jpeg")
    for words in as_root("mount", "-o", "remount,ro", str(small_disk)):
        subprocess.run(words, check=True)
    assert data.load("cifar10", batch_size=16).label == "CIFAR-10 (JPEG q75 copy)"


@pytest.mark.parametrize("form", ["jpeg", "hub", "bin"])
def test_a_data_folder_and_cache_without_write_permission(monkeypatch, folder, tmp_path, form):
    small_cifar(monkeypatch, folder, form)
    cache = tmp_path / "cache"
    cache.mkdir()
    folders = [cache, folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for path in folders:
        path.chmod(0o555)
    try:
        with permissions.bind():
            assert data.load("cifar10", batch_size=16).train.num_images == 90
            assert data.prepare("cifar10")
    finally:
        for path in folders:
            path.chmod(0o755)


def test_a_file_that_may_not_be_read_is_named(monkeypatch, folder):
    small_fashion(monkeypatch, folder)

    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    with pytest.raises(data.DataFileError, match=f"{IMAGES}: may not be read") as caught:
        data.load("fashion_mnist")
    assert "Change its permissions" in str(caught.value) and "Delete" not in str(caught.value)


@pytest.mark.parametrize("source", ["idx", "hub", "cache"])
def test_a_file_without_read_permission_is_named_and_kept(monkeypatch, folder, tmp_path, source):
    if source == "hub":
        small_cifar(monkeypatch, folder, "hub")
        path = folder / "cifar10" / "train-00000-of-00001.parquet"
    else:
        where = folder if source == "idx" else tmp_path / "cache"
        small_fashion(monkeypatch, where, mirrors=[closed_port()])
        path = where / "FashionMNIST" / "raw" / IMAGES
    path.chmod(0)
    with permissions.bind(), pytest.raises(data.DataFileError, match=r"may not be read .*Change its perm") as caught:
        data.load("cifar10" if source == "hub" else "fashion_mnist", batch_size=16)
    assert caught.value.path == path and path.exists()


def test_reading_knows_every_layout_of_the_table(tmp_path):
    assert {layout.kind for one in DATASETS.values() for layout in one.layouts} == {
        "idx", "parquet", "cifar-archive", "cifar-bin", "cifar-py"}  # fmt: skip
    for one in DATASETS.values():
        for layout in one.layouts:
            assert layout.train and layout.test
            for file in layout.files:
                assert all(
                    re.fullmatch(r"md5:\w{32}|sha256:\w{64}", one) for one in (file.hash, file.contents_hash) if one
                )
                assert (file.contents_hash if layout.kind == "idx" else file.hash) and "/" not in file.name
                assert bool(file.size) == bool(layout.mirrors), "whoever downloads is told how much"
            assert all(re.fullmatch(r"https?://.+/", mirror) for mirror in layout.mirrors)


@pytest.mark.parametrize(
    "error",
    [
        d2l.NotFoundError("CIFAR-10", "neither here nor there", "Copy it."),
        d2l.DataFileError("train.gz", "is cut short"),
        errors.UnreadableFileError("train.gz", "may not be read"),
        d2l.NonFiniteLossError(
            "the loss is nan", d2l.History([d2l.EpochRecord(1, 2.3, 0.1, None, None, 0.1, 1.0, 9.0)])
        ),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_comes_whole_from_another_process(error):
    there = pickle.loads(pickle.dumps(error))
    assert (type(there), str(there), vars(there)) == (type(error), str(error), vars(error))
