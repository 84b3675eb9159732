"""The command line where things are odd: no home, a narrow encoding, a closed pipe, missing packages, wrong usage."""

import argparse
import contextlib
import io
import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
from collections import namedtuple
from importlib import metadata
from pathlib import Path

import pooch
import pytest
import torch
from torch import nn

import d2lite as d2l
from d2lite import checks, commands, data, doctor, requirements
from d2lite.__main__ import main
from d2lite.data.download import cache_folder
from d2lite.files import named_folder
from d2lite.machine.printing import how_many, printable
from d2lite.train.board import LineBoard, Run, make_listener

ROOT = Path(__file__).parent.parent
PAGES = ("cp1252", "cp1251", "cp932", "ascii", "utf-8")


def python(*arguments, **options):
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, **options)


def buffered() -> dict[str, str]:
    """The environment, but for what makes Python write each line at once: then nothing is left to write at the end."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


# What is printed


@pytest.fixture(params=PAGES)
def page(request):
    """Standard output as a file or a pipe in a code page gives it: what that lacks is an error."""
    return io.TextIOWrapper(io.BytesIO(), encoding=request.param, errors="strict")


def shown(stream):
    stream.flush()
    return stream.buffer.getvalue().decode(stream.encoding)


def test_what_a_script_prints_never_ends_it(page, monkeypatch):
    monkeypatch.setitem(checks._EXERCISES, "odd", (lambda answer: "× and ½ of Łódź", "3 · 3² → 27"))
    things = [d2l.summary(nn.Linear(4, 2), (1, 4)), d2l.check("odd", 3), d2l.check("vgg-1", None)]
    things += [d2l.load("digits"), d2l.story("lenet"), d2l.provenance(), d2l.History()]
    with contextlib.redirect_stdout(page):
        for thing in things:
            print(thing)
            print(repr(thing))
        d2l.tell("{n} × {n} – about **{n}**", n=3)
        LineBoard().start(Run(1, 1, ["resumed from данные.pt"]))
    text = shown(page)
    assert "input 1 x 4" in text or "input 1 × 4" in text
    if page.encoding == "ascii":
        assert "[wrong] odd: x and 1/2 of ?odz" in text and "-----" in text and "3 x 3 - about **3**" in text
    if page.encoding == "utf-8":
        assert "✗ odd: × and ½ of Łódź" in text and "─────" in text


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("utf-8", "a × b – 3² ✓ ¼ é Ł"),
        ("ascii", "a x b - 3^2 [right] 1/4 e ?"),
        ("cp1252", "a × b – 3² [right] ¼ é ?"),
        ("cp1251", "a x b – 3^2 [right] 1/4 e ?"),
    ],
)
def test_only_what_cannot_be_shown_is_spelled(encoding, expected):
    with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), encoding=encoding)):
        assert printable("a × b – 3² ✓ ¼ é Ł") == expected


def test_html_has_all_letters_whatever_the_output_lacks(page):
    with contextlib.redirect_stdout(page):
        shown = d2l.check("vgg-1", None)._repr_html_() + d2l.summary(nn.Linear(4, 2), (1, 4))._repr_html_()
    assert "…" in shown and "×" in shown


def test_training_is_reported_in_any_encoding(page, tmp_path):
    file = ["--save", str(tmp_path / "3×Łódź.pt")]
    with contextlib.redirect_stdout(page):
        assert main(["train", "lenet", "--data", "digits", "--epochs", "1", "--batch-size", "512", *file]) == 0
    assert "epoch 1/1" in shown(page) and "test accuracy" in shown(page) and "weights: " in shown(page)


def test_no_output_at_all_is_no_trouble(monkeypatch):
    """A program without a console, such as pythonw, has no streams."""
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert printable("×") == "×" and type(make_listener("auto")) is LineBoard
    assert main(["train", "--list"]) == 0


def test_nouns_suit_their_numbers():
    assert [how_many(n, "image") for n in (0, 1, 2, 60_000)] == ["0 images", "1 image", "2 images", "60,000 images"]
    record = d2l.EpochRecord(1, 0.5, 0.8, None, None, 0.1, 2.0, 100.0)
    assert repr(d2l.History([record])) == "History(1 epoch)" and repr(d2l.History()) == "History(0 epochs)"


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["train", "--list"], ["--help"], ["doctor"]])
def test_a_reader_who_closes_the_pipe_ends_it_quietly(arguments):
    command = [sys.executable, "-m", "d2lite", *arguments]
    ends = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, env=buffered(), **ends) as process:
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (141, b"")


@pytest.mark.slow
@pytest.mark.skipif(
    not os.path.exists("/dev/full"), reason="tests of a full disk (no /dev/full is here): run them on Linux"
)
def test_output_on_a_full_disk_is_one_line():
    with open("/dev/full", "w") as full:
        command, ends = [sys.executable, "-m", "d2lite", "train", "--list"], {"stdout": full, "stderr": subprocess.PIPE}
        done = subprocess.run(command, cwd=ROOT, env=buffered(), **ends, text=True, check=False)
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "No space left" in done.stderr


def test_interrupted(monkeypatch, capsys):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(d2l, "load", interrupt)
    assert main(["train", "lenet", "--data", "digits"]) == 130
    assert capsys.readouterr().err == "d2lite: interrupted.\n"


# Usage


def test_version_and_help(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"d2lite {d2l.__version__}\n"
    parsers = [commands._parser()]
    for parser in parsers:
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                parsers += action.choices.values()
            else:
                assert action.help, f"{parser.prog}: {action.option_strings} has no help"
    assert len(parsers) == 4
    assert main(["train", "--help"]) == 0 and "--checkpoint FILE" in capsys.readouterr().out


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a text file, an empty folder and a link; what loads data there is a failure."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text").write_text("root:x:0:0\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("net.pt")
    (tmp_path / "again").symlink_to(".")
    monkeypatch.setattr("d2lite.data.store.read", lambda *_: pytest.fail("data are loaded"))
    monkeypatch.setattr(d2l, "fit", lambda *_, **__: pytest.fail("it trains"))
    return tmp_path


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--save folder", "cannot write folder: it is a folder"),
        ("--save net.pt --history folder", "cannot write folder: it is a folder"),
        ("--checkpoint folder", "it is a folder"),
        ("--history nowhere/h.json", "nowhere does not exist. Make it"),
        ("--history text/h.json", "does not exist. Make it"),
        ("--save /dev/null", "it is a device or a pipe"),
        ("--save=", "--save has no path"),
        ("--save " + 300 * "n", "File name too long"),
        ("--save net.pt --history net.pt", "--save and --history name one file"),
        ("--save net.pt --history ./net.pt", "--save and --history name one file"),
        ("--save net.pt --checkpoint link", "--save and --checkpoint name one file"),
        ("--history folder/../net.pt --checkpoint again/net.pt", "--history and --checkpoint name one file"),
        ("--checkpoint text", "text is damaged or not a d2lite file"),
        ("--seed 99999999999999999999", "give a whole number of up to 64 bits"),
        ("--seed -99999999999999999999", "give a whole number of up to 64 bits"),
        ("--seed 1.5", "--seed: invalid int value"),
        ("--epochs 0", "--epochs is 0: give a whole number from 1"),
        ("--epochs -1", "--epochs is -1"),
        ("--lr nan", "--lr is nan: give a positive learning rate"),
        ("--lr -1", "--lr is -1.0"),
        ("--lr inf", "--lr is inf"),
        ("--size 7", "the smallest size"),
        ("--size 0", "--size is 0"),
        ("--size 1000000000000000000", "give a whole number from 1 to 4,096"),
        ("--batch-size 0", "--batch-size is 0"),
        ("--batch-size 100000", "batch_size 100,000 is larger than"),
        ("--data nosuch", "'nosuch'"),
        ("--data digts", "did you mean 'digits'"),
        ("--recipe nosuch", "--recipe: invalid choice"),
        ("--profile fast", "--profile: invalid choice"),
        ("--nosuch", "unrecognized arguments"),
    ],
)
def test_wrong_usage_is_one_line_before_data_are_loaded(folder, options, says, capsys):
    before = sorted(folder.iterdir())
    assert main(["train", "lenet", *options.split(" ")]) == 2
    said = capsys.readouterr()
    assert says in said.err and said.err.startswith("d2lite: ") and said.err.count("\n") == 1 and not said.out
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("words", ["train nosuch", "train", "", "nosuch", "data digits nosuch", "data fashon_mnist"])
def test_wrong_words(words, capsys):
    assert main(words.split()) == 2
    said = capsys.readouterr()
    assert said.err.startswith("d2lite: ") and said.err.count("\n") == 1 and not said.out


def test_one_file_under_two_names_is_refused(folder, capsys, monkeypatch):
    (folder / "one").write_text("")
    os.link(folder / "one", folder / "two")
    monkeypatch.setenv("HOME", str(folder))  # a shell leaves the ~ of --save=~/one as it is
    for one, two in (("one", "two"), ("~/one", "one"), (str(folder / "new"), "~/new")):
        for other in ("history", "checkpoint"):
            assert main(["train", "lenet", f"--save={one}", f"--{other}={two}"]) == 2
            assert "name one file" in capsys.readouterr().err


def test_a_history_that_cannot_be_written_does_not_cost_the_weights(tmp_path, monkeypatch, capsys):
    def full(self, path):
        raise OSError("No space left on device")

    monkeypatch.setattr(d2l.History, "save", full)
    files = ["--save", str(tmp_path / "net.pt"), "--history", str(tmp_path / "h.json")]
    assert main(["train", "lenet", "--data", "digits", "--epochs", "1", "--batch-size", "512", *files]) == 1
    assert (tmp_path / "net.pt").is_file() and "No space left" in capsys.readouterr().err


# The doctor, and what it diagnoses


def report(capsys):
    code = main(["doctor"])
    return code, capsys.readouterr().out


@pytest.fixture
def package(tmp_path, monkeypatch):
    """``package(code, version)``: what d2lite needs is no-such-package>=2.1 alone, of this version, with this code."""
    monkeypatch.setattr(requirements, "needed", lambda: {"python": "3.10", "no-such-package": "2.1"})
    monkeypatch.syspath_prepend(tmp_path)

    def make(code, version):
        (tmp_path / "no_such_package.py").write_text(code)
        info = tmp_path / "no_such_package-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: no-such-package\n{version}\n")

    yield make
    sys.modules.pop("no_such_package", None)


def test_doctor(capsys):
    code, out = report(capsys)
    assert code == 0 and "All that d2lite needs is here" in out and "Trouble" not in out
    assert all(text in out for text in (torch.__version__, "scikit-learn", "fashion_mnist", "GiB"))


def test_doctor_names_what_is_missing(capsys, package):
    code, out = report(capsys)
    assert code == 1 and 'pip install "no-such-package>=2.1"' in out and "no-such-package missing" in out


@pytest.mark.parametrize(
    ("code", "version", "wrong"),
    [
        ("", "Version: 2.1", ""),
        ("", "Version: 10.0.1", ""),
        ("", "Version: 2.1.0a0+git123", ""),
        ("", "Version: 0.1", "0.1, too old: d2lite needs 2.1 or later"),
        ("", "Version: 2.0.9", "2.0.9, too old"),
        ("__version__ = '3.0'", "", ""),  # no version in damaged metadata
        ("import nothing_of_this_name", "Version: 2.1", "2.1, damaged (ModuleNotFoundError: No module named 'nothing"),
        ("raise OSError('libcudart.so.12: cannot open')", "Version: 2.1", "damaged (OSError: libcudart.so.12"),
        ("raise ValueError('numpy.dtype size changed')", "Version: 2.1", "damaged (ValueError: numpy.dtype"),
        ("(", "Version: 2.1", "damaged (SyntaxError"),
    ],
)
def test_doctor_knows_old_and_damaged_packages(code, version, wrong, capsys, package):
    package(code, version)
    ended, out = report(capsys)
    assert ended == bool(wrong) and wrong in out
    assert bool(wrong) == ('pip install "no-such-package>=2.1"' in out)


def test_doctor_knows_an_old_python(capsys, monkeypatch):
    monkeypatch.setattr(requirements, "needed", lambda: {"python": "3.99"})
    code, out = report(capsys)
    assert code == 1 and "too old: d2lite needs 3.99 or later" in out


def test_what_is_needed_is_known_with_and_without_an_installation(monkeypatch, tmp_path):
    from_source = requirements.needed()
    assert from_source["python"] == "3.10" and from_source["torch"] == "2.7"
    (own,) = metadata.distributions(name="d2lite", path=[sysconfig.get_path("purelib")])
    stated = [line for line in own.requires if "extra ==" not in line]
    assert sorted(stated) == sorted(f"{name}>={least}" for name, least in from_source.items() if name != "python")
    monkeypatch.setattr(requirements, "SOURCE", tmp_path / "pyproject.toml")
    assert requirements.needed() == from_source
    (tmp_path / "pyproject.toml").write_text('name = "another"')
    assert requirements.needed() == from_source, "someone else's file is not read"

    monkeypatch.setattr(metadata, "requires", lambda name: None)
    with pytest.raises(LookupError, match="do not say what it needs"):
        requirements.needed()


def test_doctor_goes_on_after_any_trouble(capsys, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("made to fail")

    monkeypatch.setattr("d2lite.machine.threads.report", fail)
    monkeypatch.setattr(requirements, "needed", fail)
    monkeypatch.setattr(data, "is_available", fail)
    monkeypatch.setattr("d2lite.data.download.cache_folder", fail)
    monkeypatch.setattr("d2lite.machine.versions.device_name", fail)
    monkeypatch.setattr("d2lite.machine.versions.Provenance", fail)
    code, out = report(capsys)
    assert code == 1 and out.count("cannot be looked at (RuntimeError: made to fail): mend that.\n\n") == len(
        doctor.PARTS
    )


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("D2LITE_PROFILE", "fast", "D2LITE_PROFILE is 'fast': set it to 'quick' or 'full'"),
        ("D2LITE_DATA", "{}/file", "file, which is a file: set it to a folder"),
        ("D2LITE_DATA", "{}/nowhere", "nowhere, which is not there: set it to a folder"),
        ("D2LITE_DATA", "~nobody-of-this-name/data", "there is no such home: give a path without ~"),
        ("D2LITE_CACHE", "{}/file", "set D2LITE_CACHE to a folder that you may write to"),
        ("D2LITE_CACHE", "{}/file/cache", "set D2LITE_CACHE to a folder that you may write to"),
        ("D2LITE_CACHE", "~nobody-of-this-name/x", "there is no such home: give a path without ~"),
    ],
)
def test_doctor_names_a_variable_that_is_wrong(variable, value, says, capsys, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(variable, value.format(tmp_path))
    code, out = report(capsys)
    assert code == 1 and says in out and "To mend" in out
    assert "threads" in out and "torch " in out and ("free there" in out or variable == "D2LITE_CACHE")


def test_doctor_on_a_full_disk_and_with_a_cache_that_cannot_be_written(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("D2LITE_CACHE", str(tmp_path / "a" / "b"))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: namedtuple("Usage", "free")(10))
    code, out = report(capsys)
    assert code == 1 and "has 0.0 GiB left" in out and "D2LITE_CACHE" in out and not list(tmp_path.iterdir())

    def read_only(**options):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.TemporaryFile", read_only)
    code, out = report(capsys)
    assert code == 1 and "Read-only file system" in out and "set D2LITE_CACHE" in out


# No home


@pytest.fixture
def homeless(monkeypatch):
    """A container's user without HOME and without an entry in passwd."""

    def unknown(uid):
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("HOME", "XDG_CACHE_HOME", "D2LITE_CACHE", "D2LITE_DATA"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(RuntimeError, match="home"):
        Path("~").expanduser()


def test_without_a_home_all_goes_on(homeless, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert cache_folder() == tmp_path / f"d2lite-{os.getuid()}"
    assert data.is_available("digits") and not data.is_available("mnist")
    code, out = report(capsys)
    assert code == 0 and str(cache_folder()) in out
    assert main(["train", "lenet", "--data", "digits", "--epochs", "1", "--batch-size", "512"]) == 0


def test_a_home_that_is_spelled_out_is_none_that_can_be_named(homeless, monkeypatch):
    for name in ("D2LITE_CACHE", "D2LITE_DATA"):
        monkeypatch.setenv(name, "~/data")
        with pytest.raises(ValueError, match=f"{name} is '~/data', and there is no such home: give a path without ~"):
            data.is_available("mnist")
        monkeypatch.delenv(name)
    assert named_folder("D2LITE_DATA") is None


def test_the_cache_of_one_who_has_a_home(monkeypatch, tmp_path):
    monkeypatch.delenv("D2LITE_CACHE", raising=False)
    assert cache_folder() == Path(pooch.os_cache("d2lite"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("D2LITE_CACHE", "~/here")
    assert cache_folder() == tmp_path / "here"


def test_a_home_that_may_not_be_entered_hides_no_data(monkeypatch, tmp_path):
    """HOME=/root, as images of containers set it, for a user who is not root."""

    def denied(self, *arguments, **options):
        raise PermissionError(13, "Permission denied", str(self))

    for name in ("is_file", "is_dir", "exists"):
        monkeypatch.setattr(Path, name, denied)
    monkeypatch.delenv("D2LITE_DATA", raising=False)
    monkeypatch.setenv("D2LITE_CACHE", str(tmp_path))
    assert not data.is_available("cifar10") and data.is_available("digits")


# Without the packages: -S leaves out those that are installed, as in a clone with another Python


def test_the_doctor_works_without_torch():
    done = python("-S", "-m", "d2lite", "doctor")
    assert done.returncode == 1 and not done.stderr
    assert "`pip install torch`" in done.stdout and "torch          missing" in done.stdout
    assert 'pip install "torch>=2.7" "numpy>=1.26"' in done.stdout and "D2LITE_CACHE" not in done.stdout


def test_commands_without_torch_say_so_in_a_line():
    done = python("-S", "-m", "d2lite", "train", "lenet")
    assert done.returncode == 1 and not done.stdout and done.stderr.count("\n") == 1
    assert "d2lite needs torch, which is not installed here: `pip install torch`" in done.stderr


def test_importing_d2lite_without_torch_says_what_to_do():
    done = python("-S", "-c", "import d2lite")
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1 and last.startswith("ImportError: d2lite needs torch") and "`pip install torch`" in last
