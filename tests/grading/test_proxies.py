"""What tests hold of a student's work: copies and proxies that act like the thing, and never run its code here."""

import json
import os
import random

import classroom
import numpy as np
import pytest
import torch
from torch import nn

import d2lite as d2l
from assignments.grader import execute, protocol, proxies, sandbox
from assignments.grader.session import Ended, Session
from assignments.grader.trusted import Bench, TooLong

STUDENT = """
import torch
from torch import nn
import numpy as np

def power(X, exponent=2):
    return X**exponent

def same(X):
    return X

def add_one(X):
    X.add_(1)

def add_to_data(X):
    X.data += 1

def slow(seconds):
    import time
    time.sleep(seconds)

colliding = {number * (2**61 - 1): 0 for number in range(30_000)}

def pair(X):
    return {"twice": [2 * X], "n": len(X)}, None, "text", torch.float64

def bad(x):
    if x < 0:
        raise ValueError("below zero")
    raise KeyError("key") if x == 0 else SystemExit(3)

class Odd(Exception):
    pass

def odd():
    raise Odd("its own")

class Net(nn.Module):
    def __init__(self, n=3):
        super().__init__()
        self.linear = nn.Linear(n, 10)
        self.norm = nn.BatchNorm1d(10)
    def forward(self, X):
        return self.norm(self.linear(X.flatten(1)))

def keep(net, X):
    net.kept = net(X).sum()

class Yes:
    def __eq__(self, other): return True
    def __bool__(self): return True
    def __len__(self): return 7

import fractions
half = fractions.Fraction(1, 2)
net, yes, array, number = Net(), Yes(), np.arange(3), np.float32(0.5)
deep = []
for _ in range(5000):
    deep = [deep]
many = (n for n in range(3))
"""


@pytest.fixture(scope="module")
def session():
    # it imports PyTorch, and machines are busy
    limits = sandbox.Limits(cell=300, total=1000, cpu=1000)
    with Session(limits, unsafe=not classroom.sandboxed()) as running:
        proxies.connect(running)
        assert running.ask("run", source=STUDENT).fields["result"]["error"] is None
        yield running


@pytest.fixture
def get(session):
    return lambda name: proxies.fetch(session, name)


def test_plain_values_are_copies(get):
    assert get("number") == get("half") == 0.5 and list(get("many")) == [0, 1, 2]
    assert np.array_equal(get("array"), [0, 1, 2])
    with pytest.raises(NameError, match="nothing_here"):
        get("nothing_here")


def test_gradients_flow_through_calls(get):
    X = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    (get("power")(X, exponent=3) * 2).sum().backward()
    assert torch.allclose(X.grad, 6 * X.detach() ** 2)


def test_gradients_of_weights_gather_in_the_module(get):
    net = get("Net")(4)
    twin = nn.Sequential(nn.Linear(4, 10), nn.BatchNorm1d(10))
    names = {"0": "linear", "1": "norm"}
    net.load_state_dict({f"{names[k[0]]}{k[1:]}": v for k, v in twin.state_dict().items()})
    X = torch.randn(5, 4)
    target = torch.randn(5, 10)
    for one in (net, twin):
        ((one(X) - target) ** 2).sum().backward()
    assert torch.allclose(net.linear.weight.grad, twin[0].weight.grad, atol=1e-4)
    assert torch.allclose(net.norm.running_mean, twin[1].running_mean)
    named = dict(net.named_parameters())
    assert torch.allclose(named["linear.weight"].grad, twin[0].weight.grad, atol=1e-4)


def test_what_hangs_on_a_graph_says_so(get):
    """As a running mean that was computed with gradients does: a test sees it, and goes on computing with the copy."""
    net, X = get("Net")(), torch.randn(4, 3)
    net.kept = torch.zeros(())
    assert not net.kept.requires_grad and not net.norm.running_mean.requires_grad
    get("keep")(net, X)
    assert net.kept.requires_grad and not net.kept.is_leaf and net.linear.weight.is_leaf
    assert torch.equal(torch.as_tensor(net.kept).detach() * 2, 2 * net.kept)


def test_an_argument_given_back_is_a_result(get):
    X = torch.ones(2, requires_grad=True)
    (3 * get("same")(X)).sum().backward()
    assert torch.equal(X.grad, torch.full((2,), 3.0))


def test_without_gradients(get):
    X = torch.randn(2, 3, requires_grad=True)
    with torch.no_grad():
        assert not get("power")(X).requires_grad


def test_changes_in_place_reach_a_test_only_where_it_says_so(get, session):
    X = torch.zeros(3)
    assert get("add_one")(X) is None and torch.equal(X, torch.zeros(3))
    bench = Bench(session, 5, {"add_one", "add_to_data"})
    for name in ("add_one", "add_to_data"):
        source = f"import torch\nX = torch.zeros(3)\n{name}(X)\nX.sum().item() + 1"
        assert bench.run(source, "kept") == (None, 1.0)
        assert bench.run(source, "changed", in_place=True) == (None, 4.0)


def test_a_slow_function_costs_its_test_and_no_other(session):
    bench = Bench(session, 1.5, {"slow", "number"})
    error, _ = bench.run("slow(1)\nslow(1)", "twice")
    assert isinstance(error, (TimeoutError, TooLong)), error
    assert bench.run("number", "next") == (None, 0.5)


def test_what_cannot_be_decoded_in_time_ends_the_test(session):
    bench = Bench(session, 1.0, {"colliding", "number"})
    error, _ = bench.run("len(colliding)", "keys")
    assert isinstance(error, TooLong), error
    assert bench.run("number", "next") == (None, 0.5)


def test_structures(get):
    held, nothing, text, dtype = get("pair")(torch.ones(2))
    assert torch.equal(held["twice"][0], torch.full((2,), 2.0)) and held["n"] == 2
    assert (nothing, text, dtype) == (None, "text", torch.float64)


def test_modules(get):
    net = get("net")
    assert isinstance(net, nn.Module) and not isinstance(get("power"), nn.Module)
    assert [name for name, _ in net.named_parameters()] == ["linear.weight", "linear.bias", "norm.weight", "norm.bias"]
    assert sum(p.numel() for p in net.parameters()) == 60 and net.training
    assert not net.eval().training and net.train().training


def test_evaluate(get):
    data = d2l.load("digits", device="cpu")
    net = get("Net")(64)
    assert d2l.evaluate(net, data.val).n == 180 and net.training


def test_errors_arrive_as_what_they_are(get):
    with pytest.raises(ValueError, match="below zero"):
        get("bad")(-1)
    with pytest.raises(KeyError, match="key"):
        get("bad")(0)
    with pytest.raises(proxies.StudentError, match="SystemExit"):
        get("bad")(1)
    with pytest.raises(Exception, match="Odd: its own"):
        get("odd")()
    with pytest.raises(AttributeError):
        _ = get("net").nothing


def test_an_object_that_agrees_with_all_does_not(get):
    yes = get("yes")
    assert yes != 7 and len(yes) == 7
    with pytest.raises(TypeError, match="plain value is expected"):
        bool(yes)
    with pytest.raises(TypeError):
        torch.allclose(yes, torch.zeros(1))


def test_a_test_cannot_hand_its_own_code_over(get):
    with pytest.raises(TypeError, match="cannot hand a function"):
        get("power")(lambda: None)


def test_what_cannot_be_sent_is_an_error_and_no_end(get, session):
    with pytest.raises((RecursionError, ValueError)):
        get("deep")
    assert get("number") == 0.5


def test_the_names_of_a_test_are_its_own(session):
    tests = Bench(session, 5, {"power", "number"})
    error, _ = tests.run("X = torch.ones(2)", "one")
    assert "name 'torch' is not defined" in str(error)  # the student's torch may be anything
    error, value = tests.run("import torch\nX = torch.ones(2)\n0.5 * power(X).sum().item()", "two")
    assert error is None and value == 1.0
    assert "power" not in tests.names and "X" in tests.names
    error, _ = tests.run("assert number == 1, 'a hint'", "three")
    assert str(error) == "a hint"


def test_a_test_does_not_run_for_ever(session):
    error, _ = Bench(session, 0.5, set()).run("while True: pass", "loop")
    assert "did not end within" in str(error)


def test_the_same_numbers_for_everybody(session):
    source = "import torch\nassert (torch.rand(1) - (draw := float(torch.rand(1)))).abs() >= 0, ''\ndraw"
    assert (
        Bench(session, 5, {"power", "number"}).run(source, "a")[1]
        == Bench(session, 5, {"power", "number"}).run(source, "a")[1]
    )


#: code of a value → what arrives; None where it is an error that says what to give instead
ODD = {
    "np.uint32(7)": 7,
    "np.array([1, 2], dtype=np.uint32)": np.array([1, 2], dtype=np.uint32),
    "np.array([1, 2], dtype=np.uint16)": np.array([1, 2], dtype=np.uint16),
    "np.array([2**64 - 1], dtype=np.uint64)": np.array([2**64 - 1], dtype=np.uint64),
    "np.array([1.5, 2], dtype='>f8')": np.array([1.5, 2]),
    "np.arange(6).reshape(2, 3)[:, ::-2]": np.array([[2, 0], [5, 3]]),
    "np.array(3.5)": np.array(3.5),
    "np.longdouble(0.5)": 0.5,
    "np.array([0.5], dtype=np.longdouble)": np.array([0.5]),
    "np.array([1 + 2j], dtype=np.complex64)": np.array([1 + 2j], dtype=np.complex64),
    "np.complex64(1 + 2j)": 1 + 2j,
    "np.ma.masked_array([1, 2], [False, True])": np.array([1, 2]),
    "np.bool_(True)": True,
    "np.str_('x')": "x",
    "torch.tensor([1, 2], dtype=torch.uint16)": torch.tensor([1, 2], dtype=torch.uint16),
    "torch.tensor([1, 2], dtype=torch.uint32)": torch.tensor([1, 2], dtype=torch.uint32),
    "torch.tensor([1 + 2j]).conj()": torch.tensor([1 - 2j]),
    "torch.tensor([1 + 2j]).conj().imag": torch.tensor([-2.0]),
    "torch.zeros(0, 3)": torch.zeros(0, 3),
    "torch.ones(2).expand(3, 2)": torch.ones(3, 2),
    "torch.ones(1, dtype=torch.float8_e4m3fn)": None,
    "torch.ones(2, 2).to_sparse()": None,
    "torch.ones(2, 2).to_sparse_csr()": None,
    "torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.quint8)": None,
    "torch.ones(2, device='meta')": None,
    "torch.nested.nested_tensor([torch.ones(1), torch.ones(2)])": None,
    "torch.Size([2, 3])": (2, 3),
    "2**200": 2**200,
    "10**5000": None,
    "1 + 2j": 1 + 2j,
    "chr(0xD800) + 'x'": "\ud800x",
    "{(1, 'a'): None, 2.5: [True]}": {(1, "a"): None, 2.5: [True]},
    "nested(90)": ...,
    "nested(250)": None,
    "nested(100_000)": None,
    "circle": None,
    "circles": None,
    "Sly('text')": "text",
    "Unsayable()": None,
}
MAKE_ODD = """
import sys

def nested(depth):
    made = []
    for _ in range(depth):
        made = [made]
    return made

circle = []
circle.append(circle)
circles = {}
circles["again"] = (circles,)

class Sly(str):
    def __getitem__(self, key): return self

class Unsayable:
    def __getattribute__(self, name): raise type(sys.modules["os"].name, (Exception,), {"__str__": lambda s: 5})
    def __class__(self): raise ValueError
"""


@pytest.mark.parametrize("code", ODD)
def test_an_odd_value_is_an_answer_or_an_error_and_never_the_end(session, code):
    found = session.ask("run", source=f"{MAKE_ODD}\nodd_value = {code}").fields["result"]
    assert found["error"] is None, found
    want = ODD[code]
    bench = Bench(session, 20, {"odd_value", "number"})
    bench.names["seen"] = []
    error, _ = bench.run("seen.append(odd_value)", "odd")
    if want is None:
        assert error is not None or type(bench.names["seen"][0]) is proxies.Proxy
    else:
        assert error is None
        (got,) = bench.names["seen"]
        if isinstance(want, torch.Tensor):
            assert got.dtype == want.dtype and got.shape == want.shape and got.tolist() == want.tolist()
        elif isinstance(want, np.ndarray):
            assert got.dtype == want.dtype and got.shape == want.shape and np.array_equal(got, want)
        elif want is not ...:
            assert got == want and type(got) is type(want)
    assert bench.run("number", "next") == (None, 0.5), "only that test may fail"


def test_a_value_that_cannot_be_read_costs_its_own_question(session, monkeypatch):
    """Whatever sent it: what is read there is data, and where the next message begins is known."""
    bench = Bench(session, 20, {"net", "number"})
    forged = "import protocol\nprotocol.Writer.value = lambda self, value, depth=0: {'tensor': 10**6}"
    assert session.ask("run", source=f"import protocol\nkept = protocol.Writer.value\n{forged}").fields["result"]
    error, _ = bench.run("net", "forged")
    assert isinstance(error, protocol.ProtocolError), error
    session.ask("run", source="protocol.Writer.value = kept")
    assert bench.run("number", "next") == (None, 0.5)


def test_words_of_a_student_are_told_as_such(session):
    bench = Bench(session, 20, {"bad", "verdict"})
    session.ask("run", source="def verdict():\n    raise AssertionError('known to be wrong: give full points')")
    for code, visible, hidden in [
        ("verdict()", "your code raised AssertionError: known to be wrong", "your code raised AssertionError on other"),
        ("bad(0)", "your code raised KeyError: 'key'", "your code raised KeyError on other values"),
        ("bad(1)", "your code raised an error of its own: SystemExit: 3", "your code raised an error of its own on"),
        ("assert False, 'a hint'", "a hint", "a hint"),
    ]:
        error, _ = bench.run(code, "test")
        assert execute.message(error).startswith(visible) and execute.message(error, True).startswith(hidden), error


@pytest.mark.parametrize("seed", range(40))
def test_broken_messages_are_told_as_such(seed):
    rng = random.Random(seed)
    writer = protocol.Writer(lambda value: {"handle": 0, "module": False})
    held = writer.value([torch.ones(2, 3), {"a": (1, None)}, object()])
    frame = bytearray(writer.frame(result=held))
    text, _ = protocol.HEAD.unpack(frame[: protocol.HEAD.size])
    body = frame[protocol.HEAD.size :]
    for _ in range(rng.randint(1, 6)):
        body[rng.randrange(len(body))] = rng.randrange(256)
    try:
        reader = protocol.Reader(bytes(body[:text]), bytes(body[text:]), lambda item: item)
        reader.value(reader.fields.get("result"))
    except protocol.ProtocolError:
        pass


@pytest.mark.parametrize(
    "meta",
    [
        {"dtype": "float32", "shape": [-1]},
        {"dtype": "float32", "shape": [10**12]},
        {"dtype": "object", "shape": [1]},
        {"dtype": "float32", "shape": [1] * 100},
        {"dtype": "float32", "shape": "x"},
        {},
    ],
)
def test_impossible_tensors(meta):
    text = json.dumps({"tensors": [meta], "result": {"tensor": 0}}).encode()
    with pytest.raises(protocol.ProtocolError):
        protocol.Reader(text, b"\0" * 4, lambda item: item)


def test_an_ended_process_is_told(tmp_path):
    with Session(sandbox.Limits(cell=5), unsafe=not classroom.sandboxed()) as running:
        proxies.connect(running)
        with pytest.raises(Ended, match="a cell ended Python"):
            running.ask("run", source="import os; os._exit(1)")
        with pytest.raises(Ended, match="a cell ended Python"):
            proxies.fetch(running, "x")
    assert running.process.poll() is not None


def test_without_a_sandbox_its_folder_goes_as_well():
    with Session(sandbox.Limits(cell=5), unsafe=True) as running:
        proxies.connect(running)
        running.ask("run", source="import os; open('left', 'w').write('x'); where = os.getcwd()")
        where = proxies.fetch(running, "where")
        assert os.path.exists(where)
    assert not os.path.exists(where)
