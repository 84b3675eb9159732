"""What PyTorch people have: loaders, lists, data sets of single images; and what of it does not fit, told at once."""

import math
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from stopping import StopAfter, fit
from torch import nn
from torch.nn import functional as F
from torch.utils.data import ConcatDataset, DataLoader, IterableDataset, Subset, TensorDataset, random_split

import d2lite as d2l
from d2lite.train.batches import Fed

DRAW = torch.Generator().manual_seed(0)
X, Y = torch.rand(65, 1, 8, 8, generator=DRAW), torch.randint(10, (65,), generator=DRAW)
DATASET = TensorDataset(X, Y)
PICTURES = [(Image.fromarray((x[0] * 255).byte().numpy()), int(y)) for x, y in DATASET]


def loader(**options) -> DataLoader:
    return DataLoader(DATASET, **{"batch_size": 16, **options})


def linear(outputs=10) -> nn.Sequential:
    d2l.seed_everything(1)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, outputs))


def with_batch_norm() -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.BatchNorm1d(16), nn.Linear(16, 10))


class Own:
    """Batches of someone's whose attributes mean something else than ours."""

    batch_size, labels, images, size, num_images, total = 7, ["cat", "dog"], "a/path", 65, 3, "many"
    device, weight, shuffle, augment, quick_images, generator, train = "nowhere", 3.0, "yes", [], "no", 4, True

    def __len__(self):
        return 2

    def __iter__(self):
        return iter([(X, Y), [X, Y]])


class Endless(IterableDataset):
    def __iter__(self):
        while True:
            yield X[0], Y[0]


class EndlessWithLength(Endless):
    def __len__(self):
        return 64


@pytest.mark.parametrize(
    ("data", "validated"),
    [
        (loader(), False),
        (loader(collate_fn=None, shuffle=True), False),
        ((loader(), loader()), True),
        ([loader(), None], False),
        ((loader(), (batch for batch in [])), None),
        ([(X, Y), (X, Y)], False),
        ([[X, Y], [X, Y], [X, Y]], False),
        (([(X, Y)], [(X, Y)]), True),
        (Own(), False),
        ((Own(), Own()), True),
        (SimpleNamespace(train=loader()), False),
        (SimpleNamespace(train=Own(), val=loader()), True),
        (DataLoader(EndlessWithLength(), batch_size=16), False),
    ],
)
def test_fit_takes_what_people_have(data, validated):
    if validated is None:
        with pytest.raises(ValueError, match="data.val can be passed through only once"):
            fit(linear(), data)
    else:
        history = fit(linear(), data, epochs=2)
        assert len(history) == 2 and (history.last.val_loss is not None) == validated


def test_fewer_batches_than_a_length_promises_are_told():
    class Promising(IterableDataset):
        def __len__(self):
            return 65

        def __iter__(self):
            return iter([*DATASET][:40])

    for data in ((DataLoader(Promising(), batch_size=16), None), (loader(), DataLoader(Promising(), batch_size=16))):
        name = "data.train" if data[1] is None else "the split"
        with pytest.warns(RuntimeWarning, match=f"{name} ended after 3 of the 5 batches that its length promises"):
            assert len(fit(linear(), data, epochs=1)) == 1


def test_a_loader_gives_what_a_loop_written_out_gives():
    for generator in (None, torch.Generator().manual_seed(5)):
        net, twin, rates = linear(), linear(), []
        d2l.seed_everything(2)
        fit(net, loader(shuffle=True, generator=generator), epochs=2, schedule="constant", lr=0.1)
        d2l.seed_everything(2)
        if generator is not None:
            generator.manual_seed(5)
        stepper = torch.optim.SGD(twin.parameters(), lr=0.1, momentum=0.9)
        batches = loader(shuffle=True, generator=generator)
        for x, y in (batch for _ in range(2) for batch in batches):
            stepper.zero_grad()
            F.cross_entropy(twin(x), y).backward()
            stepper.step()
            rates.append(len(y))
        assert rates == [16, 16, 16, 16, 1] * 2
        for mine, reference in zip(net.parameters(), twin.parameters()):
            assert torch.allclose(mine, reference, atol=1e-6)


@pytest.mark.parametrize("generated", [False, True])
def test_a_run_on_a_loader_resumes_to_the_same_numbers(tmp_path, generated):
    def run(**options):
        d2l.seed_everything(3)
        generator = torch.Generator().manual_seed(5) if generated else None
        return fit(linear(), (loader(shuffle=True, generator=generator), loader()), **options)

    expected = run()
    run(checkpoint=tmp_path / "run.pt", listener=StopAfter(1))
    assert run(checkpoint=tmp_path / "run.pt") == expected
    kept = torch.load(tmp_path / "run.pt", weights_only=True)["settings"]
    assert kept["batch_size"] is None and kept["images"] == 65


def test_attributes_that_mean_something_else_are_not_believed(tmp_path):
    fit(linear(), Own(), epochs=1, checkpoint=tmp_path / "run.pt")
    kept = torch.load(tmp_path / "run.pt", weights_only=True)["settings"]
    assert {kept[name] for name in ("label", "size", "batch_size", "images", "shuffle", "augment", "mirrored")} == {
        None
    }


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "NoneType, which yields no batches: give what d2l.load or d2l.wrap returns, a DataLoader or"),
        ("fashion_mnist", "yields a str, not a batch"),
        ((X, Y), r"a Tensor, not a batch.*DataLoader\(TensorDataset"),
        (DATASET, r"yields \(Tensor, Tensor\), not batches.*d2l.wrap\(dataset\)"),
        (PICTURES, r"yields \(Image, int\), not batches.*d2l.wrap\(dataset\)"),
        (SimpleNamespace(train=PICTURES, val=None), r"d2l.wrap\(dataset\)"),
        ((batch for batch in [(X, Y)]), r"\(generator\) has no length.*give a list"),
        (DataLoader(Endless(), batch_size=16), "has no length"),
        ([], "no batches"),
        ((loader(), []), "data.val has no batches: give None"),
        (DataLoader(TensorDataset(X[:5], Y[:5]), batch_size=16, drop_last=True), "no batches"),
        ([{"image": X, "label": Y}], "a dict, not a batch.*collate_fn"),
        ([(X, Y, Y)], "a tuple, not a batch"),
        ([(X, Y), (X, Y[:3])], "65 images and 3 labels"),
        ([(X[:0], Y[:0])], "0 images and 0 labels"),
        ([((X * 255).byte(), Y)], r"images of data.train are torch.uint8.*X.float\(\) / 255.*d2l.wrap"),
        ((loader(), [((X * 255).byte(), Y)]), "images of data.val are torch.uint8"),
        ([(X, Y.float())], r"labels .* torch.float32 of shape \(65,\).*y.reshape\(-1\).long\(\)"),
        ([(X, Y[:, None])], r"labels .* torch.int64 of shape \(65, 1\).*y.reshape\(-1\).long\(\)"),
        ([(X, torch.eye(10)[Y])], r"labels .* shape \(65, 10\).*y.argmax\(1\)"),
        ([(X, Y.where(Y > 3, -100))], "run from -100 to 9.*-100, which F.cross_entropy skips"),
        ([(X, Y - 1)], "run from -1 to 8.*mend the labels"),
        ([(X, Y), (X, Y + 5)], "run from 5 to 14|run from 0 to 14"),
        ([(X, Y.to(torch.complex64))], r"labels .* torch.complex64 of shape \(65,\)"),
        ([(X.to(torch.complex64), Y)], "images of data.train are torch.complex64"),
        ([(torch.tensor(1.0), Y)], "not batches of images and labels"),
        ([(X.to_sparse(), Y)], r"images of data.train are torch.sparse_coo: give dense .* tensor.to_dense\(\)"),
        ([(X.to("meta"), Y)], "images of data.train are on the meta device, without numbers: make them"),
        ([(X, Y.to("meta"))], "labels of data.train are on the meta device"),
        ((loader(), [(X.to_sparse(), Y)]), "images of data.val are torch.sparse_coo"),
    ],
)
def test_data_that_do_not_fit(data, message):
    net = linear()
    before = [weight.clone() for weight in net.parameters()]
    with pytest.raises(ValueError, match=message):
        fit(net, data)
    assert all(torch.equal(*pair) for pair in zip(before, net.parameters())), "found out before the first step"


def test_labels_outside_after_the_first_batch_of_a_loader():
    later = DataLoader(TensorDataset(torch.cat([X, X]), torch.cat([Y, Y + 5])), batch_size=65)
    for data in (later, (loader(), later)):
        with pytest.raises(ValueError, match="labels run from 5 to 14 .*10 outputs.*num_classes=15"):
            fit(linear(), data)
    with pytest.raises(ValueError, match="labels run from 5 to 14 in the split"):
        d2l.evaluate(linear(), later)


@pytest.mark.parametrize("shape", [(65, 1, 9, 9), (65, 3, 8, 8)])
def test_a_later_batch_of_another_shape_is_told(shape):
    later = [(X, Y), (torch.rand(shape), Y)]
    for data in (later, (loader(), later)):
        with pytest.raises(d2l.InputShapeError, match=re.escape(f"an input of shape {shape} does not fit")):
            fit(linear(), data, epochs=1)


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (None, "is a NoneType, which yields no batches: give what d2l.load or d2l.wrap returns, a"),
        (3, "the split is a int"),
        (SimpleNamespace(val=None, test=loader()), "no batches: give one of its splits, such as data.test"),
        ((X, Y), "the split yields a Tensor, not a batch"),
        (DATASET, r"d2l.wrap\(dataset\)"),
        ([(X.to_sparse(), Y)], "torch.sparse_coo"),
        ([], "no batches"),
    ],
)
def test_what_evaluate_cannot_measure(split, message):
    with pytest.raises(ValueError, match=message):
        d2l.evaluate(linear(), split)


@pytest.mark.parametrize("no_net", [None, nn.Linear, len, "lenet", {}])
def test_what_is_no_network_is_told_wherever_one_is_given(no_net, tmp_path):
    given = [
        lambda: fit(no_net, loader()),
        lambda: d2l.evaluate(no_net, loader()),
        lambda: d2l.summary(no_net, (1, 1, 8, 8)),
        lambda: d2l.save(no_net, tmp_path / "net.pt"),
        lambda: d2l.restore(no_net, d2l.save(linear(), tmp_path / "sound.pt")),
        lambda: d2l.show_feature_maps(no_net, X[0], "0"),
        lambda: d2l.show_predictions(no_net, d2l.load("digits", batch_size=16)),
    ]
    for call in given:
        with pytest.raises(ValueError, match="net is .*give a network, such as d2l.build"):
            call()
    assert not (tmp_path / "net.pt").exists()


class Elsewhere(torch.Tensor):
    """A tensor that says it lies on a device which nobody should wait for."""

    device = torch.device("cuda")


def test_labels_on_a_device_are_compared_there_and_told_at_the_end():
    fed = Fed("data.train", [], None, torch.float32)
    for labels in ([0, 9], [3, 12]):
        y = torch.tensor(labels).as_subclass(Elsewhere)
        assert fed.inside(y, 10).tolist() == [labels[0], 9], "what is outside would stop the device for good"
    with pytest.raises(ValueError, match="labels run from 0 to 12 in data.train, but the network has 10 outputs"):
        fed.check_ends()
    fine = Fed("data.train", [], None, torch.float32)
    fine.inside(torch.tensor([0, 9]).as_subclass(Elsewhere), 10)
    fine.check_ends()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA: batches are brought there, or lie there")
def test_on_a_gpu_batches_come_to_the_network_and_stray_labels_end_in_a_message():
    data = DataLoader(DATASET, batch_size=13, pin_memory=True)
    net = linear()
    assert len(fit(net, (data, data), epochs=1)) == 1
    assert next(net.parameters()).is_cuda
    assert d2l.evaluate(net, data) == d2l.evaluate(net, [(X.cuda(), Y.cuda())])

    class OnTheDevice(Own):
        def __iter__(self):
            return iter([(X.cuda(), Y.cuda()), (X.cuda(), Y.cuda() + 5)])

    with pytest.raises(ValueError, match="labels run from 0 to 14"):
        fit(linear(), OnTheDevice(), epochs=1)
    with pytest.raises(ValueError, match="labels run from 0 to 14"):
        d2l.evaluate(linear().cuda(), OnTheDevice())
    assert math.isfinite(fit(linear(), data, epochs=1).last.train_loss), "the device still computes"


WHOLE = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.uint16, torch.uint32, torch.uint64]


@pytest.mark.parametrize("kind", WHOLE)
def test_labels_of_any_whole_kind(kind):
    expected = fit(linear(), [(X, Y)])
    assert fit(linear(), [(X, Y.to(kind))]) == expected
    assert d2l.evaluate(linear(), [(X, Y.to(kind))]) == d2l.evaluate(linear(), [(X, Y)])
    assert len(fit(linear(2), [(X, Y > 4)], epochs=1)) == 1, "yes and no are two classes"


def test_images_come_in_the_number_type_of_the_network():
    single = fit(linear(), [(X, Y)])
    assert fit(linear(), [(X.double(), Y)]) == single
    assert fit(linear(), [(X.half().float(), Y)]).last.train_loss == pytest.approx(single.last.train_loss, rel=1e-3)
    exact = linear().double()
    assert fit(exact, [(X, Y)]).last.train_loss == pytest.approx(single.last.train_loss, rel=1e-5)
    assert next(exact.parameters()).dtype == torch.float64
    digits = d2l.load("digits", size=8, device="cpu")
    fit(exact, digits, epochs=1)
    for net in (exact, linear().bfloat16()):
        assert d2l.evaluate(net, digits.test).n == 360
        assert d2l.summary(net, (2, 1, 8, 8)).macs == 2 * 640


class Doubled(nn.Module):
    def __init__(self, make, always=False):
        super().__init__()
        self.net, self.make, self.always = linear(), make, always

    def forward(self, x):
        logits = self.net(x)
        return self.make(logits) if self.training or self.always else logits


class Views(nn.Module):
    def __init__(self, channels=1):
        super().__init__()
        self.conv, self.out = nn.Conv2d(channels, 6, 3), nn.Linear(6 * 36, 10)

    def forward(self, x):
        x = torch.relu(self.conv(x))
        return self.out(x.view(len(x), -1))


@pytest.mark.parametrize("channels", [1, 3])
def test_view_is_refused_wherever_images_are_given(channels):
    images = X.expand(-1, channels, -1, -1)
    data = d2l.wrap(TensorDataset(images, Y), batch_size=8)
    calls = [
        lambda net: d2l.summary(net, (2, channels, 8, 8)),
        lambda net: fit(net, data),
        lambda net: fit(net, [(images, Y)]),
        lambda net: d2l.evaluate(net, data.val),
        lambda net: d2l.evaluate(net, [(images, Y)]),
    ]
    for call in calls:
        with pytest.raises(d2l.InputShapeError, match=r"calls view.*channels_last.*x.flatten\(1\), or x.reshape"):
            call(Views(channels))


def test_of_a_network_that_needs_numbers_the_real_error_is_told():
    class Branches(Views):
        def forward(self, x):
            return super().forward(x if x.sum() < 1e9 else -x)

    for call in (lambda net: d2l.summary(net, (2, 1, 8, 8)), lambda net: fit(net, [(X, Y)])):
        with pytest.raises(d2l.InputShapeError, match="calls view.*channels_last"):
            call(Branches())

    class Flattens(Views):
        def forward(self, x):
            return self.out(self.conv(x if x.sum() < 1e9 else -x).flatten(1))

    with pytest.raises(d2l.InputShapeError, match=r"out \(Linear\) fails with “mat1 and mat2 [^“]*”\.$"):
        d2l.summary(Flattens(), (2, 1, 6, 6))


def test_reshape_and_a_view_of_channels_are_not_refused():
    class Reshapes(Views):
        def forward(self, x):
            x = self.conv(x)
            x = x.view(len(x), 2, 3, *x.shape[2:]).transpose(1, 2)  # as ShuffleNet does
            return self.out(x.reshape(len(x), -1))

    assert len(fit(Reshapes(), [(X, Y)], epochs=1)) == 1


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (nn.Linear, "net is <class .*give a network"),
        (nn.Flatten(), "no weight .* requires a gradient"),
        (linear().requires_grad_(False), r"no weight .* requires a gradient.*requires_grad_\(True\)"),
        (linear().to("meta"), "meta device"),
        (linear().half(), r"torch.float16, too coarse.*net.float\(\).*precision"),
        (linear().bfloat16(), "torch.bfloat16, too coarse"),
        (nn.Sequential(linear(20), nn.Linear(20, 10).double()), "are torch.float32 and torch.float64: .*net.float"),
        (nn.Sequential(nn.Flatten(), nn.Linear(64, 10, dtype=torch.cfloat)), "are torch.complex64: give all one kind"),
        (nn.Conv2d(1, 10, 8), r"shape \(2, 10, 1, 1\), not \(N, num_classes\): flatten"),
        (Doubled(lambda logits: (logits, logits)), "gives a tuple, not one tensor.*aux_logits=False"),
        (Doubled(lambda logits: {"out": logits}), "gives a dict"),
        (Doubled(lambda logits: logits.reshape(-1, 5)), r"output of shape \(4, 5\) for 2 images"),
        (Doubled(lambda logits: logits @ logits), "in training it fails with “"),
        (
            Doubled(lambda logits: logits.detach()),
            "output has no gradient, so that nothing can be trained: take detach",
        ),
        (Doubled(torch.no_grad()(lambda logits: logits * 1)), "output has no gradient"),
        (Doubled(lambda logits: F.one_hot(logits.argmax(1), 10).float()), "output has no gradient"),
    ],
)
def test_networks_that_cannot_be_trained(net, message):
    with pytest.raises(ValueError, match=message):
        fit(net, [(X, Y)])


@pytest.mark.parametrize("off", [torch.no_grad, torch.inference_mode])
def test_where_gradients_are_off_nothing_is_trained(off):
    with off(), pytest.raises(ValueError, match=r"gradients are off here: call fit outside of torch.no_grad\(\)"):
        fit(linear(), loader())
    with off():
        assert d2l.evaluate(linear(), loader()).n == 65


def test_a_forgotten_return_is_told():
    for call in (lambda net: fit(net, [(X, Y)]), lambda net: d2l.evaluate(net, [(X, Y)])):
        with pytest.raises(d2l.InputShapeError, match="gives a NoneType, not one tensor of logits"):
            call(Doubled(lambda logits: None, always=True))


def test_outputs_that_evaluate_cannot_measure():
    with pytest.raises(d2l.InputShapeError, match="gives a dict, not one tensor"):
        d2l.evaluate(Doubled(lambda logits: {"out": logits}, always=True), loader())
    with pytest.raises(d2l.InputShapeError, match="input has 1 channel, .*takes 3"):
        d2l.evaluate(nn.Sequential(nn.Conv2d(3, 4, 8), nn.Flatten()), loader())
    with pytest.raises(ValueError, match="labels run from 0 to 9 in the split"):
        d2l.evaluate(linear(5), d2l.wrap(PICTURES, batch_size=8).train)


def test_images_with_channels_at_the_end():
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.LazyLinear(10))
    net(X)
    with pytest.raises(d2l.InputShapeError, match=r"X.permute\(0, 3, 1, 2\)"):
        fit(net, [(X.permute(0, 2, 3, 1), Y)])


def test_a_frozen_part_stays():
    net = with_batch_norm()
    net[1].requires_grad_(False)
    before = [net[1].weight.clone(), net[3].weight.clone()]
    fit(net, [(X, Y)])
    assert torch.equal(net[1].weight, before[0]) and not torch.equal(net[3].weight, before[1])


def test_a_last_batch_of_one_image_from_a_loader_and_batch_norm():
    net = with_batch_norm()
    with pytest.raises(ValueError, match="65 images in batches of 16 leave .* one.*drop_last=True, or batch_size=17"):
        fit(net, loader())
    assert net[2].num_batches_tracked == 0
    with pytest.raises(ValueError, match="yields a batch of one image.*drop_last"):
        fit(net, [(X, Y), (X[:1], Y[:1])], epochs=1)
    for options in ({"drop_last": True}, {"batch_size": 17}, {"batch_size": 65}):
        assert len(fit(with_batch_norm(), loader(**options), epochs=1)) == 1
    assert len(fit(linear(), loader(), epochs=1)) == 1, "other networks do not mind"


def compiled(net):
    return torch.compile(net, backend="eager")


def compiled_inside(net):
    net[1] = compiled(net[1])
    return net


@pytest.mark.parametrize("second", [lambda net: net, compiled, compiled_inside, nn.DataParallel])
@pytest.mark.parametrize("first", [lambda net: net, compiled, compiled_inside, nn.DataParallel])
def test_weights_and_checkpoints_know_no_compilation(tmp_path, first, second):
    net, path = first(linear()), tmp_path / "run.pt"
    expected = fit(linear(), [(X, Y)], epochs=2)
    fit(net, [(X, Y)], epochs=2, checkpoint=path, listener=StopAfter(1))
    assert fit(second(linear()), [(X, Y)], epochs=2, checkpoint=path) == expected
    d2l.save(net, tmp_path / "net.pt")
    assert list(torch.load(tmp_path / "net.pt", weights_only=True)["state_dict"]) == ["1.weight", "1.bias"]
    other = d2l.restore(second(linear().requires_grad_(False).apply(zero)), tmp_path / "net.pt")
    for mine, reference in zip(other.parameters(), net.parameters()):
        assert torch.equal(mine, reference)


def zero(module):
    for weight in module.parameters():
        weight.data.zero_()


@pytest.mark.parametrize("name", ["WORLD_SIZE", "RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "D2LITE_SEED"])
def test_empty_variables_are_no_variables(monkeypatch, name):
    from d2lite.machine import devices, distributed

    monkeypatch.setenv(name, "")
    d2l.seed_everything(0)
    devices.free_memory(torch.device("cpu"))
    with distributed.processes(), distributed.one_at_first():
        assert distributed.size() == 1
        assert len(fit(linear(), [(X, Y)], epochs=1)) == 1
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert devices.device().type == "mps", "one process is alone"


def test_a_number_of_processes_that_is_none(monkeypatch):
    from d2lite.machine import distributed

    monkeypatch.setenv("WORLD_SIZE", "many")
    with pytest.raises(ValueError, match="WORLD_SIZE is 'many', which is no number"), distributed.processes():
        pass
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "")
    with pytest.raises(ValueError, match="WORLD_SIZE is set, but RANK is not"), distributed.processes():
        pass
    for number, place, wrong in (
        ("x", "0", "RANK is 'x'"),
        ("2", "0", "RANK is '2'"),
        ("1", "-1", "LOCAL_RANK is '-1'"),
    ):
        monkeypatch.setenv("RANK", number)
        monkeypatch.setenv("LOCAL_RANK", place)
        with pytest.raises(ValueError, match=f"{wrong}, none of 2 processes: start"), distributed.processes():
            pass
    monkeypatch.setenv("LOCAL_RANK", "1")
    for name in ("MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
        with pytest.raises(ValueError, match=f"but {name} is not: start with torchrun"), distributed.processes():
            pass
        monkeypatch.setenv(name, "29500")


@pytest.mark.parametrize("sharing", ["x", "0", "-1", "", "1.5"])
def test_a_number_of_processes_here_that_is_none_does_not_count(monkeypatch, sharing):
    from d2lite.machine import devices

    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    quarter = devices.free_memory(torch.device("cpu"))
    monkeypatch.setenv("LOCAL_WORLD_SIZE", sharing)
    assert devices.free_memory(torch.device("cpu")) > 2 * quarter


@pytest.mark.parametrize(
    "dataset",
    [
        PICTURES,
        DATASET,
        TensorDataset((X * 255).byte(), Y),
        TensorDataset(X, Y[:, None]),
        [(x[0].numpy(), np.int64(y)) for x, y in DATASET],
        [(x.numpy().transpose(1, 2, 0), y) for x, y in DATASET],
        random_split(DATASET, [65, 0])[0],
    ],
)
def test_wrap_takes_single_images_of_any_kind(dataset):
    data = d2l.wrap(dataset, batch_size=16, device="cpu")
    assert (data.train.num_images, data.val.num_images, data.test.num_images) == (59, 6, 0)
    assert data.classes == tuple("0123456789") and (data.channels, data.size) == (1, 8)
    assert data.train.images.dtype == torch.uint8
    x, _ = data.train.batch(slice(None))
    assert x.mean().abs() < 1e-3 and abs(x.std() - 1) < 1e-2
    bytes_of = {tuple(image.tobytes()): label for image, label in PICTURES}
    everything = [*zip(data.train.images, data.train.labels), *zip(data.val.images, data.val.labels)]
    for image, label in everything:
        floats = abs(torch.tensor(list(bytes_of)) - image.flatten().int()).amax(1)
        assert floats.min() <= 1 and bytes_of[tuple(list(bytes_of)[int(floats.argmin())])] == label
    again = d2l.wrap(dataset, batch_size=16, device="cpu")
    assert torch.equal(again.train.labels, data.train.labels), "the same images are held out each time"
    assert len(fit(linear(), data, epochs=1)) == 1


def test_wrap_takes_data_sets_of_torchvision():
    torchvision = pytest.importorskip("torchvision")
    plain = torchvision.datasets.FakeData(40, (3, 12, 12), 5)
    floats = torchvision.datasets.FakeData(40, (3, 12, 12), 5, transform=torchvision.transforms.ToTensor())
    plain.classes = floats.classes = ["a", "b", "c", "d", "e"]
    one, other = (d2l.wrap(d, 16, 8, test=d, augment=True, device="cpu") for d in (plain, floats))
    assert one.classes == ("a", "b", "c", "d", "e") and one.label == "FakeData"
    assert (one.channels, one.size, one.test.num_images) == (3, 16, 40)
    assert torch.equal(one.train.images, other.train.images), "what ToTensor did is undone exactly"
    assert one.train.augment and not one.val.augment


def test_wrap_with_sets_of_its_own_for_val_and_test(monkeypatch):
    train, val = random_split(DATASET, [50, 15], torch.Generator().manual_seed(0))
    data = d2l.wrap(train, batch_size=10, val=val, test=DATASET, device="cpu")
    assert (data.train.num_images, data.val.num_images, data.test.num_images) == (50, 15, 65)
    for share in (0.4, np.float32(0.4), np.array(0.4), torch.tensor(0.4)):  # NumPy's numbers have an index too
        assert d2l.wrap(DATASET, batch_size=10, val=share).val.num_images == 26
    monkeypatch.setenv("D2LITE_PROFILE", "quick")
    few = d2l.wrap(DATASET, batch_size=10, quick_images=20)
    assert (few.train.num_images, few.train.total, few.val.num_images) == (20, 59, 5)
    monkeypatch.setenv("D2LITE_PROFILE", "full")
    assert d2l.wrap(DATASET, batch_size=10, quick_images=20).train.num_images == 59


class Named(list):
    """Images of classes with names, as torchvision's data sets have them."""

    def __init__(self, items, classes):
        super().__init__(items)
        self.classes = classes if isinstance(classes, np.ndarray) else list(classes)


@pytest.mark.parametrize("classes", ["abcdefghij", np.array(list("abcdefghij"))])
@pytest.mark.parametrize(
    ("join", "name"),
    [
        (lambda one: ConcatDataset([one, one]), "ConcatDataset"),
        (lambda one: random_split(ConcatDataset([Subset(one, range(40)), one]), [100, 5])[0], "ConcatDataset"),
        (lambda one: Subset(one, range(60)), "Named"),
    ],
)
def test_wrap_finds_the_names_of_classes_inside(join, name, classes):
    data = d2l.wrap(join(Named(PICTURES, classes)), batch_size=4)
    assert data.classes == tuple("abcdefghij")
    assert data.name == name, "by which checkpoints know the data"


def of_sizes(*shapes):
    return [(Image.fromarray(np.full(shapes[i % len(shapes)], i, np.uint8)), i % 3) for i in range(30)]


def test_wrap_fits_images_of_other_shapes_only_where_a_size_is_given():
    for dataset, found in ((of_sizes((8, 8), (12, 9)), "8 × 8 to 12 × 9"), (of_sizes((8, 9)), "8 × 9")):
        with pytest.raises(ValueError, match=f"images have {found} pixels.*give size=8"):
            d2l.wrap(dataset, batch_size=4)
        data = d2l.wrap(dataset, 6, 4, device="cpu")
        assert data.train.images.shape == (27, 1, 6, 6)
        assert set(data.train.images.flatten(1).float().std(1).tolist()) == {0.0}
    mixed = d2l.wrap(of_sizes((8, 8), (8, 8, 3)), batch_size=4, device="cpu")
    assert mixed.channels == 3 and mixed.train.images.shape == (27, 3, 8, 8)
    narrow = d2l.wrap([(x.bfloat16(), y) for x, y in DATASET], batch_size=4, device="cpu")
    assert torch.equal(narrow.train.labels, d2l.wrap(DATASET, batch_size=4, device="cpu").train.labels)


@pytest.mark.parametrize(
    ("dataset", "options", "message"),
    [
        ([], {}, "is a list without images at indices.*torchvision.datasets.FashionMNIST"),
        ("a/path", {}, r"is a str .*d2l.load\(path\)"),
        (loader(), {}, "is a DataLoader without images.*d2l.fit"),
        (Endless(), {}, "is a Endless without images"),
        (iter(PICTURES), {}, "is a list_iterator"),
        (PICTURES, {"val": {}}, "is a dict without"),
        (PICTURES, {"val": 1.0}, "val is 1.0: give a data set, or a share such as 0.1"),
        (PICTURES, {"val": None}, "val is None"),
        (PICTURES, {"val": np.True_}, "val is np.True_|val is True"),
        (PICTURES, {"batch_size": 500}, "batch size of 32 works"),
        (PICTURES, {"size": 0}, "size is 0: give a whole number from 1 to 4,096"),
        (PICTURES, {"size": 10**6}, "size is 1000000: give a whole number from 1 to 4,096"),
        ((X, Y), {"batch_size": 128}, r"is a tuple without images at indices.*TensorDataset\(X, y\)"),
        ([*X], {"batch_size": 128}, "is a list without images at indices"),
        (Named(PICTURES, "ab"), {"val": Named(PICTURES, "ba")}, "stands for 'a' in one of the data sets and for 'b'"),
        (
            Named(PICTURES, "abc"),
            {"test": Named(PICTURES, "ab")},
            "stands for 'c' in one of the data sets and for None",
        ),
        (ConcatDataset([Named(PICTURES, "ab"), Named(PICTURES, "ac")]), {}, "'b' in one of the data sets and for 'c'"),
        ([{"image": 1, "label": 2}] * 9, {}, "is a dict: give pairs"),
        ([(1, 2, 3)] * 9, {}, "is a tuple: give pairs"),
        ([(1, 2)] * 9, {}, r"is a int of shape \(\), .* give a picture"),
        (TensorDataset(X.permute(0, 2, 3, 1), Y), {}, r"shape .*8, 1, 8.*a tensor \(C, H, W\)"),
        (TensorDataset(X * 2 - 1, Y), {}, r"holds float32 from -.*without Normalize"),
        (TensorDataset(X * math.nan, Y), {}, r"holds float32 from nan"),
        (TensorDataset((X * 255).int(), Y), {}, r"holds int32 from .*bytes \(uint8\)"),
        (TensorDataset(X, Y - 1), {}, r"label of item \d+ is tensor\(-1\): give the number of its class"),
        (TensorDataset(X, Y.float()), {}, r"is tensor\(\d.\): give the number"),
        (TensorDataset(X, torch.eye(10)[Y]), {}, "give the number of its class"),
        ([(x, "cat") for x, _ in DATASET], {}, "is 'cat': give the number"),
        ([(np.zeros((8, 8, c), np.uint8), 0) for c in (2, 3)] * 9, {}, "of one channel or three"),
        (None, {}, "is a NoneType without images"),
        ([(x, 10**9) for x, _ in DATASET], {}, "is 1000000000: give the number of its class, from 0"),
        ([(x, 10**30) for x, _ in DATASET], {}, "give the number of its class"),
        ([(x.to("meta"), 0) for x, _ in DATASET], {}, r"image \d+ are on the meta device, without numbers"),
        ([(x.to_sparse(), 0) for x, _ in DATASET], {}, r"image \d+ are torch.sparse_coo: give dense ones"),
        ([(np.zeros((0, 8), np.uint8), 0)] * 9, {}, r"of shape \(0, 8, 1\)"),
        (PICTURES, {"val": 0.999}, "no image is left to train on: give more"),
        (PICTURES[:1], {"batch_size": 1}, "no image is left to train on"),
    ],
)
def test_wrap_says_what_does_not_fit(dataset, options, message):
    with pytest.raises(ValueError, match=message):
        d2l.wrap(dataset, **{"batch_size": 2, **options})
