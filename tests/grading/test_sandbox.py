"""The sandbox itself, started by root and by an ordinary user: what reaches into it, and what it may use up."""

import contextlib
import functools
import json
import os
import py_compile
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import classroom
import ordinary
import psutil
import pytest

from assignments.grader import course, groups, sandbox, session, syscalls, warm, watch

SECRET = "CANVAS_TOKEN"
#: as root of a container that an ordinary user has started: no other user is to be had there
CONTAINER = ["unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--mount-proc"]
#: who starts the sandbox, and whether it is one of its own or a child of a warm one
WAYS = [(who, how) for who in ("own", "ordinary") if who == "own" or os.geteuid() == 0 for how in ("cold", "warm")]

#: run by the grader's own Python: starts sandboxes as marking does, and runs in each the code that it is given
ASK = """
import json, sys
from assignments.grader import sandbox, session, warm
limits = sandbox.Limits(cell=300, total=600)
nursery = warm.Nursery(limits) if sys.argv[1] == "warm" else None
for codes in json.load(sys.stdin):
    with session.Session(limits, nursery=nursery) as running:
        kind = type(running.process).__name__
        for code in codes:
            print(json.dumps([kind, running.ask("run", source=code).fields["result"]]))
"""


def ask(who: str, how: str, *codes: list[str]) -> list[str]:
    """What codes print; each list of them runs in one sandbox that ``who`` started."""
    by = {"own": [], "ordinary": ordinary.by(), "container": [*ordinary.by(), *CONTAINER]}[who]
    with tempfile.TemporaryDirectory() as home:
        os.chmod(home, 0o777)
        given = {**ordinary.environment(Path(home)), SECRET: "made-up", "TEACHERS": "made-up"}
        line = [*by, sys.executable, "-c", ASK, how]
        done = subprocess.run(
            line, input=json.dumps(codes), capture_output=True, text=True, check=False, env=given, cwd=course.ROOT
        )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    for kind, result in answers:
        assert result["error"] is None, result
        assert kind == {"cold": "Popen", "warm": "Child"}[how]
    return [result["printed"] for _, result in answers]


@pytest.fixture(scope="module")
def printed(needs_sandbox):
    """What each of ``CODES`` prints, the last of them in the next sandbox; a function of the way."""

    @functools.cache
    def found(who: str, how: str) -> dict[str, str]:
        for source in (course.ROOT / "d2lite" / "exercises").glob("ps*.py"):
            py_compile.compile(str(source))
        *most, last = CODES.values()
        return dict(zip(CODES, ask(who, how, most, [last]), strict=True))

    return found


ALONE = """
import os, socket
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
try:
    socket.create_connection(("1.1.1.1", 53), 1)
    found = "network"
except OSError:
    found = "none"
print(os.getuid(), status["CapEff"].strip(), found, os.path.exists("/etc/passwd"), status["Seccomp"].strip())
"""


@pytest.mark.slow(10)
def test_root_of_a_container_has_a_sandbox_too(needs_sandbox):
    (said,) = ask("container", "cold", [ALONE])
    assert said.split() == ["0", "0" * 16, "none", "False", "2"]


def test_root_of_a_container_becomes_nobody_else(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    for few, expected in (("0 1000 1\n1 100000 65536\n", None), ("0 0 4294967295\n", 0)):
        monkeypatch.setattr(Path, "read_text", lambda path, encoding, few=few: few)
        sandbox._has_users.cache_clear()
        assert sandbox.me() == expected and (sandbox._uid(7) is None) == (expected is None)
    monkeypatch.undo()
    sandbox._has_users.cache_clear()


LOOKS = """
import os, sys
found = []
for number in os.listdir("/proc"):
    for name in ("environ", "cmdline", "cwd", "root"):
        try:
            path = f"/proc/{number}/{name}"
            held = os.readlink(path) if name in ("cwd", "root") else open(path, "rb").read().decode("latin-1")
            found += [(number, name, line) for line in held.split(chr(0))
                      if number.isdigit() and any(word in line for word in WORDS)]
        except OSError:
            pass
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
rights = {status[name].strip() for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")}
sealed = os.getuid() != 0, rights == {"0" * 16}, int(status["NoNewPrivs"]), int(status["Seccomp"])
others = [n for n in os.listdir("/proc") if n.isdigit() and n not in ("1", str(os.getpid()))]
descriptors = set()
for number in os.listdir("/proc/self/fd"):
    if os.path.exists(f"/proc/self/fd/{number}"):  # the folder itself was open, too
        descriptors.add(os.readlink(f"/proc/self/fd/{number}").split(":")[0])
print("FOUND", found, sealed, others, sorted(descriptors - {"/dev/null", "pipe"}))
"""


@pytest.mark.slow(40)
@pytest.mark.parametrize(("who", "how"), WAYS)
def test_nothing_of_the_teacher_reaches_a_student(printed, who, how):
    assert printed(who, how)["looks"] == "FOUND [] (True, True, 1, 2) [] []\n", printed(who, how)["looks"]


BREAKS_IN = """
import ctypes, os, signal
found = []
for number in (1, os.getppid()):
    try:
        open(f"/proc/{number}/mem", "r+b").close()
        found.append("memory")
    except OSError:
        pass
    try:
        os.kill(number, signal.SIGKILL)
    except OSError:
        pass
for top in ("/", "/tmp", "/dev", "/dev/shm", "/grader", "/usr", "/etc", "/root"):
    try:
        open(f"{top}/left", "w").write("x")
    except OSError:
        continue
    found += [top] if top not in ("/tmp", "/dev/shm") else []
print("FOUND", found, os.listdir("/tmp"), os.listdir("/dev/shm"))
import torch, builtins
torch.left, builtins.left = 1, 1
"""
LEFT = """
import builtins, os, torch
print("LEFT", [one for one in (torch, builtins) if hasattr(one, "left")],
      [one for one in ("/tmp/left", "/dev/shm/left") if os.path.exists(one)])
"""


@pytest.mark.parametrize(("who", "how"), WAYS)
def test_nothing_is_broken_into_and_nothing_stays(printed, who, how):
    assert printed(who, how)["breaks in"].startswith("FOUND [] "), printed(who, how)["breaks in"]
    assert printed(who, how)["left"] == "LEFT [] []\n"


CALLS = """
import ctypes, fcntl, os, socket
libc, found = ctypes.CDLL(None, use_errno=True), []
for name, (number, *given) in CALLS.items():
    if libc.syscall(number, *given) >= 0:
        found.append(name)
for family in range(64):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
        try:
            socket.socket(family, kind)
            found += [(family, int(kind))] if family != socket.AF_UNIX else []
        except OSError:
            pass
def tried(name, attempt):
    try:
        attempt()
        found.append(name)
    except OSError:
        pass
here, there = socket.socketpair()
tried("buffer", lambda: here.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**20))
tried("lock", lambda: fcntl.lockf(open("/tmp/locked", "w"), fcntl.LOCK_EX))
tried("pipe", lambda: fcntl.fcntl(os.pipe()[1], 1031, 2**20))
tried("terminal", os.openpty)
tried("device", lambda: os.open("/dev/ptmx", os.O_RDWR))
print("FOUND", found)
import torch
from torch.utils.data import DataLoader, TensorDataset
loader = DataLoader(TensorDataset(torch.arange(20.0).reshape(10, 2)), batch_size=5, num_workers=2)
print("loaded", sum(batch[0].sum().item() for batch in loader))
"""


#: by number, since a name that is missing in the filter's table would be missing here as well
MUST = {"semget": (64, 190), "shmget": (29, 194), "msgget": (68, 186), "inotify_init1": (294, 26), "io_setup": (206, 0)}


def calls() -> dict[str, tuple[int, ...]]:
    """The system calls that are refused on this machine, each with arguments of which some would be granted."""
    column = syscalls.ARCHITECTURES.get(os.uname().machine, (0,))[0]
    names = {name: numbers[column] for name, numbers in {**syscalls.DENIED, **MUST}.items()}
    refused = {name: number for name, number in names.items() if number is not None and name != "setsid"}
    return {name: (number, 0, 1, 0o1600) for name, number in refused.items()}


@pytest.mark.skipif(
    os.uname().machine not in syscalls.ARCHITECTURES,
    reason="tests of system calls (none are filtered on this processor): run them on x86_64 or aarch64",
)
@pytest.mark.parametrize(("who", "how"), WAYS)
def test_what_makes_memory_that_nobody_counts_is_refused(printed, who, how):
    """And a data loader with workers, which needs sockets between them, works."""
    assert printed(who, how)["calls"].split("\n")[:2] == ["FOUND []", "loaded 190.0"], printed(who, how)["calls"]


BYTE_CODE = """
import os, sys
import d2lite as d2l
found = []
for top in ["/grader", *(path for path in sys.path if path.endswith("site-packages"))]:
    for folder, _, files in os.walk(top):
        found += [f"{folder}/{name}" for name in files
                  if name.startswith("ps") and name.endswith(".pyc") and "exercises" in folder]
print("FOUND", found, d2l.check("ps2-2", 48))
"""


@pytest.mark.parametrize(("who", "how"), WAYS)
def test_no_byte_code_tells_the_answers(printed, who, how):
    """The grader's own processes write it beside the checks, at any time."""
    assert printed(who, how)["byte code"].startswith("FOUND [] ✗ ps2-2: checks are silent"), printed(who, how)


WORDS = [SECRET, "made-up", str(course.ROOT / "d2lite"), str(course.ROOT / "assignments")]
CODES = {
    "looks": f"WORDS = {WORDS}\n{LOOKS}",
    "calls": f"CALLS = {calls()}\n{CALLS}",
    "byte code": BYTE_CODE,
    "breaks in": BREAKS_IN,
    "left": LEFT,
}


@pytest.fixture(scope="module")
def nursery(needs_sandbox):
    """A warm Python in a sandbox."""
    with contextlib.closing(warm.Nursery(sandbox.Limits())) as made:
        yield made


@pytest.mark.slow(10)
def test_a_child_that_cannot_be_sealed_is_none(nursery, monkeypatch):
    """Then there is a whole sandbox for the submission, and the next may have a child again."""
    settings = {"memory": 2**30, "processes": 32, "disk": 2**20}
    with monkeypatch.context() as patch:
        patch.setattr(sandbox, "readable", lambda: [Path("/tmp/nowhere")])
        with pytest.raises(sandbox.ColdError, match="No such file"):
            nursery.child(settings, sandbox._uid(7), None)
    with monkeypatch.context() as patch:
        patch.setattr(type(nursery), "child", lambda *args: (_ for _ in ()).throw(sandbox.ColdError("no")))
        with session.Session(sandbox.Limits(cell=100), nursery=nursery) as running:
            assert isinstance(running.process, subprocess.Popen)
    with session.Session(sandbox.Limits(cell=100), nursery=nursery) as running:
        assert isinstance(running.process, warm.Child)


def test_a_child_ends_with_all_that_came_of_it(nursery):
    with session.Session(sandbox.Limits(cell=100), nursery=nursery) as running:
        source = "import os, time\nfor number in range(3):\n    os.fork() or time.sleep(1000)"
        threading.Thread(target=lambda: running.ask("run", source=source), daemon=True).start()
        until = time.monotonic() + 60
        while len(family := list(watch.tree(running.process.pid))) < 5 and time.monotonic() < until:
            time.sleep(0.05)
    assert len(family) == 5 and running.process.poll() is not None
    until = time.monotonic() + 20
    while any(map(psutil.pid_exists, family)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(map(psutil.pid_exists, family)) and nursery.process.poll() is None


@pytest.mark.slow(10)
def test_a_nursery_does_not_outlive_its_worker(needs_sandbox):
    code = (
        "import time\nfrom assignments.grader import sandbox, warm\n"
        "made = warm.Nursery(sandbox.Limits())\nprint(made.process.pid, flush=True)\ntime.sleep(1000)"
    )
    line = [sys.executable, "-c", code]
    with subprocess.Popen(line, stdout=subprocess.PIPE, cwd=course.ROOT, text=True) as worker:
        family = list(watch.tree(int(worker.stdout.readline())))
        worker.kill()
    until = time.monotonic() + 20
    while any(map(psutil.pid_exists, family)) and time.monotonic() < until:
        time.sleep(0.05)
    assert len(family) >= 3 and not any(map(psutil.pid_exists, family))


#: name → code that takes memory of the kernel's, more than is allowed
TAKES = {
    "sockets": """
import os, socket, time
for child in range(20):
    if os.fork() == 0:
        break
held = []
try:
    while True:
        pair = socket.socketpair()
        held += pair
        for one in pair:
            one.setblocking(False)
            try:
                while True:
                    one.send(bytes(2**16))
            except BlockingIOError:
                pass
except OSError:
    time.sleep(30)
""",
    "files": """
import os
for child in range(6):
    if os.fork() == 0:
        break
os.makedirs(f"/tmp/{os.getpid()}")
os.chdir(f"/tmp/{os.getpid()}")
number = 0
while True:
    os.close(os.open(f"{number}", os.O_CREAT))
    number += 1
""",
}


def used_up(code: str, **limits) -> str:
    """Why a session ended in which code was run."""
    with session.Session(sandbox.Limits(cell=200, total=300, **limits)) as running:
        with pytest.raises(session.Ended) as ended:
            running.ask("run", source=code)
        assert running.process.poll() is not None
    return str(ended.value)


@pytest.mark.slow(10)
@pytest.mark.parametrize("name", TAKES)
def test_memory_of_the_kernel_counts(needs_sandbox, monkeypatch, name):
    """Where the kernel bounds nothing: what is seen from outside is enough."""
    monkeypatch.setattr(groups, "make", lambda memory: None)
    if name == "files":
        monkeypatch.setattr(watch, "INODE", 2**14)  # as if there had been time to make many
    monkeypatch.setattr(watch, "_fields", lambda *args: 0)  # and whatever the processes show
    assert used_up(TAKES[name], total_memory=2**29) == session.MEMORY


@pytest.mark.slow(5)
def test_a_group_of_the_kernel_bounds_what_nobody_sees(needs_sandbox, monkeypatch):
    if groups.place() is None:
        pytest.skip(
            "tests of memory groups (none can be made here): run them as root, or in systemd-run --user --scope"
        )
    monkeypatch.setattr(watch, "memory", lambda *args: 0)
    monkeypatch.setattr(sandbox, "BESIDE", 0)
    code = "held = []\nwhile True:\n    held.append(bytearray(b'x') * 10**7)"
    assert used_up(code, total_memory=2**30, memory=2**32) == session.MEMORY
    groups._remove_all()
    assert not list(groups.place().glob(f"{groups.PREFIX}{os.getpid()}-*"))


@pytest.mark.slow(5)
def test_the_time_of_all_processes_counts(needs_sandbox):
    code = "import os\nfor child in range(4):\n    os.fork()\nwhile True:\n    pass"
    assert "more than the 10 s of processor time" in used_up(code, cpu=10.0)


def test_a_machine_short_of_memory_is_no_fault_of_the_submission(needs_sandbox, monkeypatch):
    with session.Session(sandbox.Limits()) as running:
        monkeypatch.setattr(watch, "is_short", lambda: True)
        with pytest.raises(session.Ended, match="the machine ran short of memory"):
            running.ask("run", source="import time\ntime.sleep(10)")
        assert running.doubt == "the machine ran short of memory"


def test_groups_of_both_versions(tmp_path, monkeypatch):
    """Of the second, the nearest folder above that hands the bound on and may be written to."""
    monkeypatch.setattr(groups, "ROOT", tmp_path)
    own = tmp_path / "user.slice" / "session"
    own.mkdir(parents=True)
    for folder in (tmp_path, own, own.parent):
        (folder / "cgroup.procs").touch()
        (folder / "cgroup.subtree_control").write_text("cpu memory" if folder == own.parent else "cpu")
    (tmp_path / "cgroup.controllers").touch()
    lines = {"second": "0::/user.slice/session", "first": "4:cpu:/\n3:memory:/user.slice\n0::/", "none": "1:cpu:/"}
    real = Path.read_text
    found = {}
    for name, text in lines.items():

        def read(path, *args, text=text, **more):
            return text if str(path) == "/proc/self/cgroup" else real(path, *args, **more)

        monkeypatch.setattr(Path, "read_text", read)
        with contextlib.suppress(AttributeError):
            groups.place.cache_clear()
        found[name] = groups.place()
    groups.place.cache_clear()
    assert found == {"second": own.parent, "first": None, "none": None}


def test_who_waits_for_the_processor_is_seen():
    assert watch.waited("self") >= 0 and watch.waited(2**22 + 1) == 0
    assert watch.seconds(os.getpid()) > 0 and os.getpid() in set(watch.tree(os.getppid()))
    assert classroom.sandboxed() in (True, False)
