"""What a run shows in a notebook, in a terminal and in captured output."""

import base64
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import textwrap
import time

import nbformat
import pytest
from nbclient import NotebookClient
from torch import nn

import d2lite as d2l
from d2lite.train.board import LineBoard, NotebookBoard, Progress, Run, Ticker, epoch_line, make_listener

TRAIN = textwrap.dedent(
    """
    import d2lite as d2l
    from torch import nn
    data = d2l.load("digits", size=8, batch_size=200, quick_images=600, device="cpu")
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    """
)
FIT = 'h = d2l.fit(net, data, 3, 0.1, quick_epochs=2, precision="float32")'


def run_notebook(*cells):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    return [cell.outputs for cell in notebook.cells]


@pytest.fixture(scope="module")
def notebook():
    """The outputs of a run without ipywidgets, and of another in the same kernel with it."""
    hide, show = "import sys; sys.modules['ipywidgets'] = None", "del sys.modules['ipywidgets']"
    _, _, without, _, with_them = run_notebook(hide, TRAIN, FIT, show, FIT)
    return {"without ipywidgets": without, "with ipywidgets": with_them}


@pytest.fixture(params=["with ipywidgets", "without ipywidgets"])
def outputs(request, notebook):
    return notebook[request.param]


@pytest.mark.slow
def test_notebook_shows_curves_once_and_the_table(outputs):
    images = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(images) == 1, "one figure, redrawn in place"
    metadata = images[0]["metadata"]["image/png"]
    assert "epoch 2/3" in metadata["alt"] or "epoch 2/2" in metadata["alt"]
    png = base64.b64decode(images[0]["data"]["image/png"])
    assert int.from_bytes(png[16:20], "big") == 2 * metadata["width"], "PNG at twice the size it is shown at"


@pytest.mark.slow
def test_notebook_ends_with_the_epoch_table_and_no_progress_bar(outputs):
    html = "".join(output.get("data", {}).get("text/html", "") for output in outputs)
    assert html.count("<tr>") == 3 and "<progress" not in html
    assert "quick profile: 600 of 1,257 images, 2 of 3 epochs" in html
    plain = "".join(output.get("data", {}).get("text/plain", "") for output in outputs)
    assert "epoch 2/2: train loss" in plain, "GitHub and text readers see the epochs too"


def test_notebook_redraws_both_displays_while_it_trains(monkeypatch):
    drawn = []

    class Display:
        def __init__(self, name):
            self.name = name

        def update(self, bundle, **options):
            drawn.append((self.name, bundle))

    displays = iter([Display("figure"), Display("status")])
    monkeypatch.setattr("IPython.display.display", lambda *args, **options: next(displays))
    monkeypatch.setattr(Ticker, "due", lambda self: True)
    data = d2l.load("digits", size=8, batch_size=200, quick_images=600, device="cpu")
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    d2l.fit(net, data, 2, 0.1, quick_epochs=2, listener=NotebookBoard())
    bars = [bundle["text/html"] for name, bundle in drawn if name == "status"]
    assert [f'value="{step}"' in bar for step, bar in enumerate(bars[:-1], start=1)] == [True] * 6
    assert "left" in bars[1] and "<progress" not in bars[-1]
    assert sum(name == "figure" for name, _ in drawn) == 6 + 2 + 1, "at each tick, each epoch, and at the end"


def test_notebook_bar_moves_and_tells_the_time_left():
    board = NotebookBoard()
    board.run, board.history, board.first_step, board.began = Run(4, 10), d2l.History(), 0, time.perf_counter() - 5
    html = board._bar(Progress(2, 20, 40, 0.5, 0.8, 1.0))
    assert 'max="40" value="20"' in html and "epoch 2 of 4, about 5 s left" in html


@pytest.fixture(scope="module")
def shown():
    """What a program prints and complains of while its output is captured, and then what it shows on a terminal."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))  # a new terminal has no width
    to_terminal = f"import os, sys; sys.stdout.flush(); [os.dup2({slave}, number) for number in (1, 2)]\n"
    code = TRAIN + FIT + "\n" + to_terminal + "import d2lite.train.board as l; l.Ticker.due = lambda self: True\n" + FIT
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        pass_fds=[slave],
        env={**os.environ, "D2LITE_PROFILE": "quick"},
    )
    os.close(slave)
    captured, complaints = process.stdout.read(), process.stderr.read()
    terminal = b""
    while True:
        try:
            piece = os.read(master, 4096)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        terminal += piece
    os.close(master)
    assert process.wait() == 0, complaints + terminal.decode()
    return captured, complaints, terminal.decode()


@pytest.mark.slow
def test_captured_output_has_one_line_an_epoch(shown):
    captured, complaints, _ = shown
    lines = captured.splitlines()
    assert [line.split(":")[0] for line in lines] == ["quick profile", "epoch 1/2", "epoch 2/2"]
    assert "\r" not in captured and complaints == ""


@pytest.mark.slow
def test_terminal_has_a_bar_and_one_line_an_epoch(shown):
    *_, text = shown
    assert "epoch 1/2: train loss" in text and "epoch 2/2: train loss" in text
    assert "train loss" in text and "%|" in text, "a tqdm bar must have been drawn"


def test_listener_suits_the_place():
    assert type(make_listener()) is LineBoard, "under pytest, output is captured"


def test_interrupt_is_reported(capsys):
    board = LineBoard()
    board.end(d2l.History([d2l.EpochRecord(1, 0.5, 0.8, 0.4, 0.9, 0.1, 1.0, 10.0)], interrupted=True))
    assert capsys.readouterr().out == "interrupted: 1 epoch is finished and kept.\n"


def test_epoch_line_without_validation():
    line = epoch_line(d2l.EpochRecord(2, 0.5, 0.8, None, None, 0.1, 2.0, 1234.0), 5)
    assert line == "epoch 2/5: train loss 0.5000 accuracy 0.8000 (2.0 s, 1,234 images/s)"
