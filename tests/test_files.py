"""Weights, histories and checkpoints on disk: whole or not at all, and clear when something is wrong."""

import errno
import os
import sys

import numpy as np
import pytest
import torch
from torch import nn

import d2lite as d2l
from d2lite.files import check_zip, write_atomically
from d2lite.train.validate import check_writable


def make_net():
    return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))


def test_save_and_restore_give_the_same_network(tmp_path):
    net, other = make_net(), make_net()
    net(torch.randn(8, 4))  # moves the running statistics, which must be stored too
    path = d2l.save(net, tmp_path / "net.pt")
    assert d2l.restore(other, path) is other
    for mine, theirs in zip(net.state_dict().values(), other.state_dict().values()):
        assert torch.equal(mine, theirs)


def test_restore_refuses_another_network_and_leaves_it_alone(tmp_path):
    path = d2l.save(make_net(), tmp_path / "net.pt")
    other = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 5))
    before = {name: tensor.clone() for name, tensor in other.state_dict().items()}
    with pytest.raises(ValueError, match=r"2.weight has shape \(2, 3\) in the file and \(5, 3\) here"):
        d2l.restore(other, path)
    with pytest.raises(ValueError, match="is not in this network"):
        d2l.restore(nn.Sequential(nn.Linear(4, 3)), path)
    assert all(torch.equal(before[name], tensor) for name, tensor in other.state_dict().items())


def test_restore_names_what_is_wrong_with_the_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.pt"):
        d2l.restore(make_net(), tmp_path / "nothing.pt")
    whole = d2l.save(make_net(), tmp_path / "net.pt").read_bytes()
    for content in (b"", b"not a network", whole[: len(whole) // 2]):
        broken = tmp_path / "broken.pt"
        broken.write_bytes(content)
        with pytest.raises(ValueError, match="broken.pt is damaged"):
            d2l.restore(make_net(), broken)
    torch.save({"a": 1}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match="not a d2lite file"):
        d2l.restore(make_net(), tmp_path / "other.pt")


@pytest.mark.parametrize(("field", "value"), [(10, 8), (20, 0), (24, 2**31), (24, 0), (slice(20, 28), 0)])
def test_an_entry_that_announces_what_is_not_there_is_refused_before_it_is_read(tmp_path, field, value):
    path = d2l.save(make_net(), tmp_path / "net.pt")
    content = bytearray(path.read_bytes())
    entry = content.rindex(b"PK\x01\x02", 0, content.rindex(b"archive/data/0"))  # in the directory at the end
    where = field if isinstance(field, slice) else slice(field, field + (2 if field == 10 else 4))
    content[entry + where.start : entry + where.stop] = value.to_bytes(where.stop - where.start, "little")
    path.write_bytes(content)
    with pytest.raises(ValueError, match="the entry of 'archive/data/0' is not as it was written"):
        check_zip(path)
    with pytest.raises(ValueError, match="net.pt is damaged"):
        d2l.restore(make_net(), path)


def test_files_with_code_are_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    torch.save({"d2lite_format": 1, "state_dict": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(ValueError, match="damaged"):
        d2l.restore(make_net(), tmp_path / "evil.pt")
    assert not (tmp_path / "ran").exists()


def fail_with(error):
    def write(file):
        file.write(b"half of it")
        raise error

    return write


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, error):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(type(error)) as caught:
        write_atomically(path, fail_with(error))
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]
    if isinstance(error, OSError):
        assert caught.value.errno == errno.ENOSPC
        assert str(path) in str(caught.value) and "Free some space" in str(caught.value)


def test_full_disk_while_checkpointing_leaves_no_partial_file(tmp_path, monkeypatch):
    data = d2l.load("digits", size=8, batch_size=200, device="cpu")
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    monkeypatch.setattr(torch, "save", lambda state, file: fail_with(OSError(errno.ENOSPC, "No space left"))(file))
    with pytest.raises(OSError, match="cannot write.*run.pt.*Free some space"):
        d2l.fit(net, data, 1, 0.1, checkpoint=tmp_path / "run.pt", listener=None)
    assert not list(tmp_path.iterdir())


def test_files_are_as_readable_as_others(tmp_path):
    (tmp_path / "other").write_bytes(b"")
    path = d2l.save(make_net(), tmp_path / "net.pt")
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_name_as_long_as_names_may_be_is_written(tmp_path):
    name = "é" * 125 + ".pt"  # 253 bytes of the 255 that there are
    assert d2l.save(make_net(), tmp_path / name).is_file()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_link_stays_a_link(tmp_path):
    """A checkpoint that is a link to another disk is kept there."""
    (tmp_path / "disk").mkdir()
    link = tmp_path / "run.pt"
    link.symlink_to("disk/net.pt")
    for number in (1, 2):
        d2l.save(nn.Linear(number, 1), link)
        assert link.is_symlink() and (tmp_path / "disk" / "net.pt").is_file()
    assert d2l.restore(nn.Linear(2, 1), link)
    assert {path.name for path in tmp_path.rglob("*")} == {"disk", "net.pt", "run.pt"}


def test_only_a_file_is_replaced(tmp_path):
    """Whoever may write to /dev may also put a file in the place of /dev/null."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("pipe")
    for name, what in (("pipe", "a device or a pipe"), ("link", "a device or a pipe"), ("folder", "a folder")):
        with pytest.raises(OSError, match=f"cannot write .*{name}: it is {what}. Give the path of a file"):
            d2l.save(make_net(), tmp_path / name)
        with pytest.raises(OSError, match=f"it is {what}"):
            check_writable(tmp_path / name)
    assert (tmp_path / "pipe").is_fifo() and (tmp_path / "folder").is_dir() and len(list(tmp_path.iterdir())) == 3


@pytest.mark.skipif(sys.platform != "linux", reason="tests of a file system (no /proc): Linux")
def test_a_folder_that_takes_no_files_is_told_whatever_its_permissions():
    """As of a network drive, or on Windows, they say that it does."""
    with pytest.raises(OSError, match="cannot write /proc/x.pt: the folder /proc may not be written"):
        check_writable("/proc/x.pt")


@pytest.mark.parametrize("path", [None, "", b"net.pt", 3, 1.5, True, ["net.pt"], "net\0.pt"])
def test_what_is_no_path_is_told(path):
    """3 would be an open file, and True standard output."""
    for call in (d2l.save, d2l.restore, lambda net, path: check_writable(path)):
        with pytest.raises(ValueError, match="is no path: give that of a file, such as 'run.pt'"):
            call(make_net(), path)
    with pytest.raises(ValueError, match="is no path"):
        d2l.History([]).save(path)


def test_the_home_folder_is_spelled_out_wherever_a_path_is_given(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert d2l.save(make_net(), "~/net.pt") == tmp_path / "net.pt"
    d2l.restore(make_net(), "~/net.pt")
    assert d2l.History([]).save("~/run.json") == tmp_path / "run.json" and len(d2l.History.load("~/run.json")) == 0
    assert d2l.drive("~/run.pt") == tmp_path / "run.pt"
    batches = [(torch.randn(8, 4), torch.zeros(8, dtype=torch.long))]
    for _ in range(2):
        history = d2l.fit(make_net(), batches, 1, 0.1, checkpoint="~/run.pt", listener=None)
    assert len(history) == 1 and {path.name for path in tmp_path.iterdir()} == {"net.pt", "run.json", "run.pt"}
    monkeypatch.chdir(tmp_path)
    assert d2l.save(make_net(), "~nobody-of-that-name.pt").is_file(), "as a shell takes it"


def test_where_no_file_can_be_the_message_says_so(tmp_path):
    (tmp_path / "circle").symlink_to("circle")
    for name, why in (("circle", "Too many levels"), ("n" * 300, "name too long")):
        for call in (lambda path: d2l.save(make_net(), path), check_writable, d2l.History([]).save):
            with pytest.raises(OSError, match=f"^cannot write .*{name}: .*{why}.*. Give the path of a file"):
                call(tmp_path / name)
    for name in ("circle", "n" * 300, "", "nothing"):  # the folder itself, too
        for read in (lambda path: d2l.restore(make_net(), path), d2l.History.load):
            with pytest.raises(FileNotFoundError, match=f"there is no file .*{name}: check the path, or save first"):
                read(tmp_path / name)


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(OSError, match="cannot write.*nowhere.*Give a path in a folder that exists"):
        d2l.save(make_net(), tmp_path / "nowhere" / "net.pt")


def test_history_round_trip_and_frame(tmp_path):
    record = d2l.EpochRecord(1, 0.5, 0.8, None, None, 0.1, 2.0, 100.0)
    history = d2l.History([record, d2l.EpochRecord(2, 0.4, 0.9, 0.6, 0.7, 0.1, 2.0, 100.0)], interrupted=True)
    assert d2l.History.load(history.save(tmp_path / "h.json")) == history
    frame = history.to_frame()
    assert list(frame.index) == [1, 2] and frame.loc[2, "val_accuracy"] == 0.7
    assert history.best.epoch == 1, "0.8 in training, where there was no validation, beats 0.7"
    assert len(history.plot().axes) == 2
    (tmp_path / "bad.json").write_text('{"records": 3')
    with pytest.raises(ValueError, match="bad.json is not a saved history"):
        d2l.History.load(tmp_path / "bad.json")
    with pytest.raises(ValueError, match="empty"):
        d2l.History().best  # noqa: B018


def test_a_history_takes_numpy_numbers_and_is_checked_when_it_is_read(tmp_path):
    record = d2l.EpochRecord(np.int64(1), np.float32(0.5), np.float64(0.75), None, None, np.float32(0.1), 2.0, 100.0)
    path = d2l.History([record]).save(tmp_path / "h.json")
    assert d2l.History.load(path).last.train_accuracy == 0.75
    whole = path.read_text()
    for old, new in (("0.75", '"high"'), ("0.75", "null"), ("0.75", "true"), ("[", "[" * 100_000), ("1", "9" * 5000)):
        path.write_text(whole.replace(old, new, 1))
        with pytest.raises(ValueError, match="h.json is not a saved history"):
            d2l.History.load(path)


def test_clock_does_not_count_in_comparisons():
    fast, slow = (d2l.EpochRecord(1, 0.5, 0.8, 0.6, 0.7, 0.1, seconds, 1 / seconds) for seconds in (1.0, 9.0))
    assert fast == slow
    assert fast != d2l.EpochRecord(1, 0.5, 0.8, 0.6, 0.71, 0.1, 1.0, 1.0)
