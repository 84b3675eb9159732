"""The loop: against a loop written out, exact, repeatable, resumable, and clear about what does not fit."""

import ast
import dataclasses
import math
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from stopping import StopAfter, fit
from torch import nn
from torch.nn import functional as F

import d2lite as d2l
from d2lite.machine import devices
from d2lite.train import loop
from d2lite.train.board import Ticker

ROOM = Path(loop.__file__).parent


def make_net(outputs=10):
    d2l.seed_everything(1)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, outputs)
    )


@pytest.fixture(scope="module")
def digits():
    return d2l.load("digits", size=8, batch_size=50, device="cpu")


def batches(data, number):
    return [data.train.batch(slice(50 * i, 50 * (i + 1))) for i in range(number)]


@pytest.mark.parametrize("schedule", ["constant", "step", "one_cycle"])
@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_equals_a_loop_written_out(digits, schedule, name):
    train = batches(digits, 6)
    net, twin = make_net(), make_net()
    fit(net, SimpleNamespace(train=train, val=None), epochs=2, optimizer=name, schedule=schedule, weight_decay=0.01)
    twin.to(memory_format=torch.channels_last)
    if name == "sgd":
        stepper = torch.optim.SGD(twin.parameters(), lr=0.05, momentum=0.9, weight_decay=0.01)
    else:
        stepper = torch.optim.AdamW(twin.parameters(), lr=0.05, weight_decay=0.01)
    cycle = torch.optim.lr_scheduler.OneCycleLR(stepper, 0.05, total_steps=12, cycle_momentum=False)
    rates = []
    for step, (X, y) in enumerate(train + train):
        if schedule != "one_cycle":
            stepper.param_groups[0]["lr"] = 0.05 if schedule == "constant" or step < 6 else 0.005 if step < 9 else 5e-4
        rates.append(stepper.param_groups[0]["lr"])
        stepper.zero_grad()
        F.cross_entropy(twin(X), y).backward()
        stepper.step()
        cycle.step()
    assert len(set(rates)) == {"constant": 1, "step": 3, "one_cycle": 12}[schedule]
    for mine, reference in zip(net.parameters(), twin.parameters()):
        assert torch.allclose(mine, reference, atol=1e-6)


def test_learns_digits(digits):
    net = make_net()
    history = fit(net, digits, epochs=6)
    assert d2l.evaluate(net, digits.test).accuracy > 0.9
    assert history.last.train_loss < history[0].train_loss / 2
    assert history.best.val_accuracy == max(record.val_accuracy for record in history)


def test_evaluate_is_exact_when_the_last_batch_is_short(digits):
    net = make_net().train()
    X, y = digits.test.batch(range(digits.test.num_images))
    net.eval()
    with torch.no_grad():
        logits = net(X)
    net.train()
    metrics = d2l.evaluate(net, digits.test)
    assert digits.test.num_images % 50 != 0, "this test needs a short last batch"
    assert metrics.n == digits.test.num_images
    assert metrics.accuracy == (logits.argmax(1) == y).double().mean().item()
    assert metrics.loss == pytest.approx(F.cross_entropy(logits.double(), y).item(), rel=1e-6)
    assert net.training, "evaluate must give the mode back"


def test_evaluate_of_nothing():
    with pytest.raises(ValueError, match="no batches"):
        d2l.evaluate(make_net(), [])


def test_same_seed_same_history(digits):
    runs = []
    for seed in (1, 1, 2):
        net = make_net()
        d2l.seed_everything(seed)
        runs.append(fit(net, digits))
    assert runs[0] == runs[1]
    assert runs[0] != runs[2], "another seed must shuffle otherwise, or the first comparison proves nothing"


@pytest.mark.parametrize("options", [{}, {"optimizer": "adamw", "lr": 1e-3}, {"schedule": "constant"}])
def test_interrupted_and_resumed_equals_uninterrupted(digits, tmp_path, options):
    def net_with_dropout():  # its random numbers must go on where they stopped
        return nn.Sequential(*make_net()[:-1], nn.Dropout(0.5), nn.Linear(128, 10))

    whole = net_with_dropout()
    d2l.seed_everything(3)
    expected = fit(whole, digits, **options)

    path = tmp_path / "run.pt"
    net = net_with_dropout()
    d2l.seed_everything(3)
    partly = fit(net, digits, checkpoint=path, listener=StopAfter(1), **options)
    assert partly.interrupted and len(partly) == 1

    resumed = net_with_dropout()
    d2l.seed_everything(3)
    torch.manual_seed(99)  # another process would have another state: the checkpoint must bring the old one back
    history = fit(resumed, digits, checkpoint=path, **options)
    assert history == expected
    for mine, reference in zip(resumed.state_dict().values(), whole.state_dict().values()):
        assert torch.equal(mine, reference)


def test_interrupt_within_an_epoch_keeps_the_finished_ones(digits):
    class Interrupting(SimpleNamespace):
        passes = 0

        def __iter__(self):
            self.passes += 1
            for number, batch in enumerate(digits.train):
                if self.passes == 3 and number == 3:
                    raise KeyboardInterrupt
                yield batch

        def __len__(self):
            return len(digits.train)

    # the first pass is fit's look at shapes and labels, so that the third is the second epoch
    history = fit(make_net(), SimpleNamespace(train=Interrupting(), val=digits.val))
    assert history.interrupted and len(history) == 1


def test_checkpoint_of_another_run_is_refused(digits, tmp_path):
    path = tmp_path / "run.pt"
    fit(make_net(), digits, epochs=1, checkpoint=path)
    with pytest.raises(ValueError, match=r"another run.*lr: 0.05 there, 0.5 here.*delete"):
        fit(make_net(), digits, epochs=1, lr=0.5, checkpoint=path)


def test_checkpoint_of_other_data_or_network_is_refused(digits, tmp_path):
    path = tmp_path / "run.pt"
    fit(make_net(), digits, epochs=1, checkpoint=path)
    fewer = d2l.load("digits", size=8, batch_size=50, quick_images=1230, device="cpu")
    with pytest.raises(ValueError, match="images: 1257 there, 1230 here"):
        fit(make_net(), fewer, epochs=1, checkpoint=path)
    with pytest.raises(ValueError, match="precision: 'float32' there, 'bfloat16' here"):
        fit(make_net(), digits, epochs=1, precision="bfloat16", checkpoint=path)
    other = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    with pytest.raises(ValueError, match="does not fit this Sequential"):
        fit(other, digits, epochs=1, checkpoint=path)


def test_checkpoint_that_cannot_be_written_is_told_before_training(digits, tmp_path):
    heard = []

    class Hearing(d2l.Listener):
        def epoch(self, record):
            heard.append(record)

    with pytest.raises(OSError, match="folder .*nowhere does not exist"):
        fit(make_net(), digits, checkpoint=tmp_path / "nowhere" / "run.pt", listener=Hearing())
    assert not heard


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA: waiting for the device is what it counts")
def test_fit_waits_for_the_device_once_an_epoch_not_once_a_batch(monkeypatch):
    monkeypatch.setattr(Ticker, "due", lambda self: False)
    warned = []
    for size in (400, 50):
        data = d2l.load("digits", size=8, batch_size=size, device="cuda")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                fit(make_net(), data, epochs=1)
        finally:
            torch.cuda.set_sync_debug_mode("default")
        warned.append(sum("synchroniz" in str(warning.message) for warning in caught))
    assert warned[0] == warned[1]


def test_nan_loss_stops_and_says_what_to_do(digits):
    with pytest.raises(d2l.NonFiniteLossError, match=r"epoch 1.*smaller learning rate") as caught:
        fit(make_net(), digits, lr=1e8)
    assert len(caught.value.history) == 0


def test_nan_in_the_images(digits):
    X, y = digits.train.batch(slice(0, 50))
    good, bad = (X, y), (torch.full_like(X, math.nan), y)
    data = SimpleNamespace(train=[good, bad], val=None)
    with pytest.raises(d2l.NonFiniteLossError, match="NaN in the images"):
        fit(make_net(), data)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs is 0: give a whole number from 1"),
        ({"epochs": 1.5}, "epochs is 1.5"),
        ({"lr": 0}, "lr is 0: give a positive"),
        ({"lr": math.nan}, "lr is nan"),
        ({"epochs": True}, "epochs is True: give a whole number from 1"),
        ({"epochs": np.float64(2)}, r"epochs is (np.float64\()?2\.0"),
        ({"quick_epochs": 0}, "quick_epochs is 0: give a whole number from 1"),
        ({"quick_epochs": True}, "quick_epochs is True"),
        ({"lr": True}, "lr is True: give a positive"),
        ({"lr": np.bool_(True)}, r"lr is (np\.)?True_?:"),
        ({"lr": "0.1"}, "lr is '0.1'"),
        ({"lr": 10**400}, "lr is 1000"),
        ({"lr": np.array([0.1])}, "lr is array"),
        ({"momentum": 1}, "momentum is 1: give a number from 0 to below 1"),
        ({"momentum": False}, "momentum is False"),
        ({"weight_decay": -1e-4}, "weight_decay is -0.0001: give a number from 0"),
        ({"weight_decay": math.inf}, "weight_decay is inf"),
        ({"label_smoothing": 1.5}, "label_smoothing is 1.5: give a number from 0 to 1"),
        ({"label_smoothing": None}, "label_smoothing is None"),
        ({"optimizer": "adam"}, "optimizer is 'adam': choose one of 'sgd', 'adamw'"),
        ({"schedule": "cosine"}, "choose one of 'one_cycle', 'step', 'constant'"),
        ({"precision": "fp8"}, "choose one of 'auto'"),
        ({"listener": "none"}, "listener is 'none': give \"auto\" .* None .* d2l.Listener"),
        ({"listener": True}, "listener is True"),
        ({"listener": d2l.Listener}, "listener is <class .*Listener'>: give"),
    ],
)
def test_arguments_that_make_no_sense(digits, options, message):
    with pytest.raises(ValueError, match=message):
        fit(make_net(), digits, **options)


def test_numbers_of_numpy_are_numbers(digits):
    runs = []
    for kind in (float, np.float64, np.array, torch.tensor):
        net = make_net()
        whole = int if kind is float else np.int64
        options = {"lr": kind(0.0625), "momentum": kind(0.5), "weight_decay": kind(0.125)}
        runs.append(fit(net, digits, epochs=whole(2), quick_epochs=whole(5), label_smoothing=kind(0.25), **options))
    assert runs[0] == runs[1] == runs[2] == runs[3]
    assert type(runs[1].last.lr) is float


@pytest.mark.parametrize("shape", [(np.int64(2), 1, np.int32(8), 8), np.array([2, 1, 8, 8]), torch.Size([2, 1, 8, 8])])
def test_shapes_of_numpy_are_shapes(shape):
    table = d2l.summary(make_net(), shape, depth=np.int64(1))
    assert table.input_shape == (2, 1, 8, 8) and {type(n) for n in table.input_shape} == {int}
    assert table.macs == d2l.summary(make_net(), (2, 1, 8, 8)).macs


@pytest.mark.parametrize("shape", [(True, 1, 8, 8), np.array([2.0, 1, 8, 8]), np.ones((2, 2), int), [2, [1, 8], 8]])
def test_shapes_that_are_none(shape):
    with pytest.raises(d2l.InputShapeError, match="positive whole numbers"):
        d2l.summary(make_net(), shape)
    with pytest.raises(ValueError, match="depth is True"):
        d2l.summary(make_net(), (2, 1, 8, 8), depth=True)


def test_a_split_takes_numpy_numbers_and_no_booleans(digits):
    images, labels = digits.train.images.permute(0, 2, 3, 1), digits.train.labels
    small = d2l.Split(images, labels, mean=[0.5], std=[0.5], size=np.uint8(8), batch_size=np.uint8(200))
    assert [len(y) for _, y in small] == [200] * 6 + [57]  # 1,257 is beyond a uint8
    for options in ({"size": True, "batch_size": 8}, {"size": 8, "batch_size": 0.5}):
        with pytest.raises(ValueError, match="(size is True|batch_size is 0.5): give a whole number from 1"):
            d2l.Split(images, labels, mean=[0.5], std=[0.5], **options)


def test_labels_out_of_range(digits):
    with pytest.raises(ValueError, match="labels run from 0 to 9.*5 outputs.*num_classes=10"):
        fit(make_net(outputs=5), digits)


def test_labels_out_of_range_in_plain_batches(digits):
    X, y = digits.train.batch(slice(0, 50))
    with pytest.raises(ValueError, match="labels run from 0 to 9.*5 outputs"):
        fit(make_net(outputs=5), SimpleNamespace(train=[(X, y)], val=None))


def test_wrong_channels_and_size(digits):
    three = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 10))
    with pytest.raises(d2l.InputShapeError, match="input has 1 channel, .*takes 3"):
        fit(three, digits)
    large = nn.Sequential(nn.Conv2d(1, 4, 11), nn.Flatten(), nn.Linear(4, 10))
    with pytest.raises(d2l.InputShapeError, match="smallest size that works is 11 px"):
        fit(large, digits)


def test_validation_labels_out_of_range(digits):
    images, labels = digits.val.images.permute(0, 2, 3, 1), digits.val.labels + 45
    val = d2l.Split(images, labels, mean=[0.5], std=[0.5], size=8, batch_size=50)
    for given in (val, list(val)):
        with pytest.raises(ValueError, match="labels run from 45 to 54 in data.val"):
            fit(make_net(), SimpleNamespace(train=digits.train, val=given))


def with_batch_norm():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.BatchNorm1d(16), nn.Linear(16, 10))


def test_a_last_batch_of_one_image_and_batch_norm(monkeypatch):
    monkeypatch.setenv("D2LITE_PROFILE", "quick")
    odd = d2l.load("digits", size=8, batch_size=8, quick_images=257, device="cpu")
    net = with_batch_norm()
    with pytest.raises(ValueError, match="257 images in batches of 8 leave a last batch of one.*batch_size=9"):
        fit(net, odd)
    assert net[2].num_batches_tracked == 0, "found out on meta tensors, before the first step"
    fit(with_batch_norm(), d2l.load("digits", size=8, batch_size=9, quick_images=257, device="cpu"), epochs=1)
    without = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    assert len(fit(without, odd, epochs=1)) == 1, "other networks do not mind"


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_very_short_runs_move_the_weights(digits, steps):
    net = make_net()
    before = net[0].weight.detach().clone()
    fit(net, SimpleNamespace(train=batches(digits, steps), val=None), epochs=1)
    assert (net[0].weight - before).abs().max() > 1e-3


class NeedsNumbers(nn.Module):
    """A forward that meta tensors cannot follow: a plain tensor, and a branch on a value."""

    def __init__(self):
        super().__init__()
        self.mean = torch.full((1, 64), 0.1)
        self.linear = nn.Linear(64, 10)

    def forward(self, X):
        assert torch.isfinite(X).all()
        return self.linear(X.flatten(1) - self.mean)


def test_networks_that_meta_tensors_cannot_follow_train(digits):
    lazy = nn.Sequential(nn.Flatten(), nn.LazyLinear(10))
    for net in (NeedsNumbers(), lazy):
        assert fit(net, digits, epochs=1).last.train_accuracy > 0.2
        assert d2l.summary(net, (2, 1, 8, 8)).macs == 2 * 640


class Told(d2l.Split):
    """Images of the digits in batches of 50, with what a test says of them."""

    def __init__(self, data, **facts):
        images = data.train.images[:250].permute(0, 2, 3, 1)
        super().__init__(images, data.train.labels[:250], mean=data.mean, std=data.std, size=8, batch_size=50)
        vars(self).update(facts)


def test_fit_makes_use_of_what_a_split_tells_of_itself(digits, monkeypatch, tmp_path):
    monkeypatch.setenv("D2LITE_PROFILE", "quick")
    told = []

    class Hearing(d2l.Listener):
        def start(self, run):
            told.append((run.epochs, run.notes))

    data = dataclasses.replace(digits, train=Told(digits, total=1000), quick_images=750)
    fit(make_net(), data, epochs=9, quick_epochs=1, listener=Hearing(), checkpoint=tmp_path / "run.pt")
    assert told == [(3, ["quick profile: 250 of 1,000 images, 3 of 9 epochs"])]
    kept = torch.load(tmp_path / "run.pt", weights_only=True)["settings"]
    assert {name: kept[name] for name in ("label", "size", "batch_size", "images", "shuffle", "augment")} == {
        "label": "digits", "size": 8, "batch_size": 50, "images": 250, "shuffle": False, "augment": False
    }  # fmt: skip


def test_whoever_has_the_four_calls_may_listen(digits):
    heard = []
    calls = {name: lambda *told, name=name: heard.append(name) for name in ("start", "progress", "epoch", "end")}
    fit(make_net(), digits, epochs=1, listener=SimpleNamespace(**calls))
    assert heard[0] == "start" and heard[-2:] == ["epoch", "end"]


def test_fit_weighs_each_batch_as_its_data_say(digits):
    steps, nets = [], [make_net(), make_net()]
    start = nets[0][0].weight.detach().clone()
    for net, weight in zip(nets, (1.0, 0.5)):
        train = Told(digits, weight=lambda step, weight=weight: (steps.append(step), weight)[1])
        fit(net, SimpleNamespace(train=train, val=None), epochs=1, momentum=0)
    assert steps == [1, 2, 3, 4, 5] * 2
    assert (nets[1][0].weight - start).norm() < 0.7 * (nets[0][0].weight - start).norm()


def test_no_function_of_the_room_is_long_or_has_many_branches():
    for path in ROOM.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef):
                docstring = node.body[0] if ast.get_docstring(node) else None
                lines = node.end_lineno - node.lineno + 1
                lines -= docstring.end_lineno - docstring.lineno + 1 if docstring else 0
                assert lines <= 60, f"{path.name}: {node.name} has {lines} lines; part it"
    limits = ["lint.mccabe.max-complexity = 11", "lint.pylint.max-branches = 10"]  # one path more than branches
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "C901,PLR0912", str(ROOM)]
    command += [part for limit in limits for part in ("--config", limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_fit_takes_splits_without_an_image_data(digits):
    assert len(fit(make_net(), SimpleNamespace(train=digits.train, val=digits.val), epochs=1)) == 1


def test_no_batches():
    with pytest.raises(ValueError, match="no batches"):
        fit(make_net(), SimpleNamespace(train=[], val=None))


def test_quick_profile_caps_epochs_and_says_so(monkeypatch, digits, capsys):
    monkeypatch.setenv("D2LITE_PROFILE", "quick")
    few = d2l.load("digits", size=8, batch_size=50, quick_images=200, device="cpu")
    history = d2l.fit(make_net(), few, 10, 0.05, quick_epochs=2)
    assert len(history) == 2
    assert "quick profile: 200 of 1,257 images, 2 of 10 epochs" in capsys.readouterr().out
    monkeypatch.setenv("D2LITE_PROFILE", "full")
    everything = d2l.load("digits", size=8, batch_size=200, device="cpu")
    assert len(d2l.fit(make_net(), everything, 4, 0.05, quick_epochs=2)) == 4
    assert "quick" not in capsys.readouterr().out


def test_a_stand_in_runs_more_epochs_so_that_it_sees_as_many_images(monkeypatch, digits):
    monkeypatch.setenv("D2LITE_PROFILE", "quick")
    many = d2l.load("digits", size=8, batch_size=400, quick_images=3000, device="cpu")
    assert many.train.num_images == 1257
    assert len(d2l.fit(make_net(), many, 30, 0.05, quick_epochs=2, listener=None)) == math.ceil(2 * 3000 / 1257)


def test_listeners_hear_everything_in_order(digits, monkeypatch):
    heard = []

    class Recorder(d2l.Listener):
        def start(self, run):
            heard.append(("start", run.epochs, run.steps_per_epoch))

        def progress(self, progress):
            heard.append(("progress", progress.step))

        def epoch(self, record):
            heard.append(("epoch", record.epoch))

        def end(self, history):
            heard.append(("end", len(history)))

    monkeypatch.setattr(Ticker, "due", lambda self: True)
    fit(make_net(), SimpleNamespace(train=batches(digits, 2), val=None), epochs=2, listener=Recorder())
    assert heard == [
        ("start", 2, 2), ("progress", 1), ("progress", 2), ("epoch", 1), ("progress", 3), ("progress", 4), ("epoch", 2),
        ("end", 2),
    ]  # fmt: skip


def test_progress_comes_at_most_twice_a_second_and_stays_cheap(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("d2lite.train.board.time.perf_counter", lambda: now[0])
    ticker = Ticker()
    assert not ticker.due()
    now[0] += 0.5
    assert ticker.due()
    ticker.done(now[0])
    now[0] += 0.49
    assert not ticker.due()
    now[0] += 0.01
    assert ticker.due()
    began = now[0]
    now[0] += 0.1  # an expensive drawing
    ticker.done(began)
    now[0] += 2.9
    assert not ticker.due(), "a drawing of 0.1 s must leave the loop alone for 3 s"


def test_bfloat16_trains(digits):
    net = make_net()
    fit(net, digits, epochs=4, precision="bfloat16")
    assert next(net.parameters()).dtype == torch.float32
    assert d2l.evaluate(net, digits.test).accuracy > 0.85


def test_float16_trains_with_a_scaled_loss(digits):
    net = make_net()
    fit(net, digits, epochs=4, precision="float16")
    assert next(net.parameters()).dtype == torch.float32
    assert d2l.evaluate(net, digits.test).accuracy > 0.85


class Steep(nn.Module):
    """A linear classifier whose gradients are ``slope`` times as large, its logits as they were."""

    def __init__(self, slope):
        super().__init__()
        self.out, self.slope = nn.Linear(64, 10), slope
        nn.init.zeros_(self.out.weight)
        self.out.weight.register_hook(lambda gradient: gradient * slope)

    def forward(self, X):
        return self.out(X.flatten(1))


def one_batch(digits, times=1):
    return SimpleNamespace(train=[digits.train.batch(range(64))] * times, val=None)


def test_a_step_whose_gradients_overflow_float16_is_left_out(digits):
    net = Steep(math.inf)
    fit(net, one_batch(digits), epochs=1, precision="float16")
    assert not net.out.weight.any(), "the step was taken"
    with pytest.raises(d2l.NonFiniteLossError, match="too large for float16 in epoch 1.*precision='float32'"):
        fit(Steep(math.inf), one_batch(digits, 20), epochs=2, precision="float16")


def test_float16_goes_on_with_the_scale_that_it_found(digits, tmp_path):
    """From the scale with which a run begins, the first steps after a resume would be left out once more."""

    def run(**options):
        d2l.seed_everything(0)
        net = Steep(1e36)  # float32 holds up to 3.4e38: the first scale, 65536, is too large
        options = {"precision": "float16", "lr": 1e-37, "momentum": 0.0, "epochs": 2, **options}
        return fit(net, one_batch(digits, 20), **options), net

    whole, expected = run()
    run(checkpoint=tmp_path / "run.pt", listener=StopAfter(1))
    resumed, net = run(checkpoint=tmp_path / "run.pt")
    assert torch.equal(net.out.weight, expected.out.weight) and net.out.weight.any()
    assert [record.train_loss for record in resumed] == [record.train_loss for record in whole]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_float16_on_a_gpu(tmp_path):
    data = d2l.load("digits", batch_size=64)
    net = make_net()
    fit(net, data, epochs=4, precision="float16", checkpoint=tmp_path / "run.pt")
    assert d2l.evaluate(net, data.test).accuracy > 0.85


@pytest.mark.parametrize(
    ("capability", "fastest"), [((6, 0), "float32"), ((7, 5), "float16"), ((8, 0), "bfloat16"), ((12, 0), "bfloat16")]
)
def test_each_gpu_computes_in_what_it_has_units_for(capability, fastest, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda on: capability)
    assert devices.fast_type(torch.device("cuda")) == getattr(torch, fastest)
