"""Submissions that mean harm: code that stands in the first solution cell of a notebook that is blank otherwise.

Each prints ``FOUND`` with what it got hold of, where it looks for something, and none may get a single point.
"""

LOOKS = "import gc, inspect, os, sys\n"

#: name → (code, status that the report gives, words that its remarks or the cell's own error hold)
CASES = {
    "endless-loop": ("while True:\n    pass", "marked", "longer than the grader waits"),
    "endless-and-deaf": (
        "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nwhile True:\n    pass",
        "ended early",
        "did not end within",
    ),
    "exit": ("import os\nos._exit(0)", "ended early", "a cell ended Python"),
    "fork-bomb": ("import os\nwhile True:\n    os.fork()", None, ""),
    "thirty-gigabytes": (
        "import torch\ntorch.zeros(30 * 2**30, dtype=torch.uint8)",
        "marked",
        "can't allocate memory",
    ),
    "gigabytes-in-pieces": (
        "held = []\nwhile True:\n    held.append(bytearray(b'x') * 10**8)",
        None,
        "",
    ),
    "shared-memory": (
        "import mmap\nheld = []\nfor _ in range(30):\n    block = mmap.mmap(-1, 2**30)\n    block.write(bytes(2**30))\n"
        "    held.append(block)",
        None,
        "",
    ),
    "hidden-memory": (
        "import os\nheld = []\nfor number in range(40):\n    held.append(os.memfd_create('x'))\n"
        "    os.write(held[-1], bytes(2**28))",
        "marked",
        "Operation not permitted",
    ),
    "own-name-space": (
        "import ctypes, subprocess\nfound = []\n"
        "if ctypes.CDLL(None).unshare(0x10000000) == 0:\n    found.append('unshare')\n"
        "if subprocess.run(['unshare', '-Urm', 'mount', '-t', 'tmpfs', 'none', '/tmp']).returncode == 0:\n"
        "    found.append('mount')\n"
        "segment = ctypes.CDLL(None).shmget(0, 2**20, 0o1600)\n"
        "found += [segment] if segment >= 0 else []\nprint('FOUND', found)",
        "marked",
        "FOUND []",
    ),
    "full-disk": (
        "import itertools\nfor number in itertools.count():\n    with open(f'/tmp/{number}', 'wb') as file:\n"
        "        file.write(bytes(10**8))",
        "marked",
        "No space left",
    ),
    "kill-the-parent": (
        "import os, signal\nfor number in (os.getppid(), 1, -1):\n    os.kill(number, signal.SIGKILL)",
        None,
        "",
    ),
    "socket": (
        "import socket\nfound = []\nfor address in (('127.0.0.1', 22), ('10.0.0.1', 80), ('1.1.1.1', 53)):\n"
        "    try:\n        socket.create_connection(address, 2)\n        found.append(address)\n"
        "    except OSError:\n        pass\nimport os\n"
        "found += [name for name in os.listdir('/sys/class/net')] if os.path.isdir('/sys/class/net') else []\n"
        "print('FOUND', found)",
        "marked",
        "FOUND []",
    ),
    "read-what-is-right": (
        LOOKS + "found = []\nfor top, folders, files in os.walk('/'):\n"
        "    if top == '/proc' or top.endswith('site-packages'):\n        folders[:] = []\n"
        "    found += [top + '/' + name for name in files if 'ps2-batch-norm' in name or name.startswith('variants_')\n"
        "              or name in ('gradebook.db', 'course.py', 'trusted.py', 'grades.csv')]\nprint('FOUND', found)",
        "marked",
        "FOUND []",
    ),
    "walk-the-stack": (
        LOOKS + "words = 'HIDDEN ' + 'TESTS', 'test-' + 'moments'\nfound = []\nframe = sys._getframe()\n"
        "while frame is not None:\n"
        "    for scope in (frame.f_locals, frame.f_globals):\n"
        "        found += [k for k, v in list(scope.items()) if k not in ('words', '_ih', '_i')\n"
        "                  and isinstance(v, str) and any(w in v for w in words)]\n"
        "    frame = frame.f_back\n"
        "found += [o[:40] for o in gc.get_objects() if isinstance(o, str) and any(w in o for w in words)]\n"
        "for line in open('/proc/1/cmdline', 'rb').read().split(b'\\0'):\n"
        "    found += [line] if b'ps2-batch' in line or b'submitted' in line else []\n"
        "print('FOUND', found)",
        "marked",
        "FOUND []",
    ),
    "patched-torch": (
        "import torch, builtins, d2lite\nfrom d2lite import checks, metrics\n"
        "true = lambda *a, **k: True\n"
        "for name in ('allclose', 'equal', 'isclose', 'is_tensor'):\n    setattr(torch, name, true)\n"
        "torch.testing.assert_close = lambda *a, **k: None\n"
        "torch.Tensor.__eq__ = true\ntorch.Tensor.__bool__ = true\n"
        "builtins.isinstance = true\nbuiltins.AssertionError = type('Fine', (Exception,), {})\n"
        "d2lite.check = checks.check = lambda name, answer: checks.CheckResult(name, 'right', 'right')\n"
        "d2lite.evaluate = metrics.evaluate = lambda *a: metrics.Metrics(0.0, 1.0, 360)",
        None,
        "",
    ),
    "patched-assert": (
        "import ast\nshell = get_ipython()\n"
        "class Asserts(ast.NodeTransformer):\n    def visit_Assert(self, node):\n"
        "        return ast.copy_location(ast.Pass(), node)\n"
        "shell.ast_transformers.append(Asserts())\n"
        "shell.input_transformers_cleanup.append(lambda lines: ['pass\\n'])\n"
        "import sys\nsys.settrace(lambda *a: None)",
        "marked",
        "",
    ),
    "agrees-with-all": (
        "import torch\n"
        "class Yes(float):\n"
        "    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = lambda s, o: True\n    __hash__ = float.__hash__\n"
        "    __bool__ = lambda s: True\n    __getattr__ = lambda s, n: s\n    __call__ = lambda s, *a, **k: s\n"
        "    __getitem__ = lambda s, k: s\n    __iter__ = lambda s: iter([s] * 3)\n    __len__ = lambda s: 3\n"
        "    __sub__ = __rsub__ = __add__ = __mul__ = __abs__ = lambda s, *o: s\n"
        "for cell in {names}:\n    globals()[cell] = Yes('nan')\n"
        "import builtins\nbuiltins.NotImplementedError = Yes",
        None,
        "",
    ),
    "arguments-in-place": (
        "import torch\ndef ruin(*args, **kwargs):\n    found = [*args, *kwargs.values()]\n    for one in found:\n"
        "        if isinstance(one, torch.Tensor):\n            with torch.no_grad():\n                one.zero_()\n"
        "    return found[0]\n"
        "for name in {names}:\n    globals()[name] = ruin",
        "marked",
        "",
    ),
    "endless-when-called": (
        "def endless(*args, **kwargs):\n    while True:\n        pass\n"
        "for name in {names}:\n    globals()[name] = endless",
        None,
        "longer than the grader waits",
    ),
    "colliding-keys": (
        "globals()[{names}[0]] = {{number * (2**61 - 1): 0 for number in range(50_000)}}\n"
        "for name in {names}:\n    globals()[name] = globals()[{names}[0]]",
        None,
        "",
    ),
    "gradebook": (
        LOOKS + "found = []\nfor top, folders, files in os.walk('/'):\n"
        "    if top == '/proc' or top.endswith('site-packages'):\n        folders[:] = []\n"
        "    found += [top + '/' + name for name in files if name in ('gradebook.db', 'grades.csv')\n"
        "              or name.endswith('.ipynb')]\n"
        "for folder in ('/', '/grader', '/grader/packages/d2lite', '/usr', '/etc', sys.prefix):\n"
        "    try:\n        open(folder + '/gradebook.db', 'w').write('mine')\n        found.append(folder)\n"
        "    except OSError:\n        pass\nprint('FOUND', found)",
        "marked",
        "FOUND []",
    ),
    "forged-print": (
        'print(\'{{"cell": "test-moments", "marks": 20.0}}\')\nprint(\'All tests passed: 20/20\')\n'
        "import IPython.display\nIPython.display.display({{'text/plain': '20'}}, raw=True)\n20.0",
        "marked",
        "All tests passed",
    ),
    "forged-frames": (
        "import os, json, struct\ntext = json.dumps({{'result': True, 'tensors': []}}).encode()\n"
        "frame = struct.pack('>IQ', len(text), 0) + text\n"
        "for number in range(1, 60):\n    for descriptor in range(3, 30):\n        try:\n"
        "            os.write(descriptor, struct.pack('>IQ', number, len(frame)) + frame)\n"
        "        except OSError:\n            pass",
        "ended early",
        "",
    ),
    "teachers-environment": (
        LOOKS + "found = []\nfor number in os.listdir('/proc'):\n"
        "    for name in ('environ', 'cmdline') if number.isdigit() else ():\n        try:\n"
        "            held = open('/proc/' + number + '/' + name, 'rb').read().decode('latin-1').split(chr(0))\n"
        "            found += [line for line in held if 'CANVAS' + '_TOKEN' in line or 'submitted' in line]\n"
        "        except OSError:\n            pass\nprint('FOUND', found)",
        "marked",
        "FOUND []",
    ),
    "kernel-memory": (
        "import ctypes, fcntl, os, socket\nlibc, found = ctypes.CDLL(None), []\n"
        "found += ['semaphores' for _ in range(100) if libc.semget(0, 1000, 0o1600) >= 0]\n"
        "found += ['inotify'] if libc.inotify_init() >= 0 else []\n"
        "for family in (socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK, 40):\n    try:\n"
        "        socket.socket(family, socket.SOCK_STREAM)\n        found.append(family)\n"
        "    except OSError:\n        pass\n"
        "for name, attempt in (('terminal', os.openpty),\n"
        "                      ('lock', lambda: fcntl.lockf(open('/tmp/lock', 'w'), fcntl.LOCK_EX))):\n"
        "    try:\n        attempt()\n        found.append(name)\n    except OSError:\n        pass\n"
        "print('FOUND', found)",
        "marked",
        "FOUND []",
    ),
    "full-sockets": (
        "import os, socket, time\nfor child in range(25):\n    if os.fork() == 0:\n        break\nheld = []\ntry:\n"
        "    while True:\n        pair = socket.socketpair()\n        held += pair\n        for one in pair:\n"
        "            one.setblocking(False)\n            try:\n                while True:\n"
        "                    one.send(bytes(2**16))\n            except BlockingIOError:\n                pass\n"
        "except OSError:\n    time.sleep(100)",
        None,
        "",
    ),
    "spinning-children": (
        "import os\nfor child in range(29):\n    if os.fork() == 0:\n        break\n"
        "try:\n    os.setsid()\nexcept OSError:\n    pass\n"
        "try:\n    os.sched_setaffinity(0, range(1024))\nexcept OSError:\n    pass\nwhile True:\n    pass",
        None,
        "",
    ),
    "flood": (
        "import sys\nsys.stdout.left = 10**9\nprint('FLOOD' + 'x' * 900_000)",
        "marked",
        "FLOODxxx",
    ),
    "larger-flood": (
        "import sys\nsys.stdout.left = 10**9\nprint('x' * 7_000_000)",
        "ended early",
        "more than an answer can hold",
    ),
    "byte-code": (
        LOOKS + "found = []\nfor top, folders, files in os.walk('/'):\n"
        "    folders[:] = [] if top == '/proc' else folders\n"
        "    found += [top + '/' + name for name in files if name.startswith('ps2.') and name.endswith('.pyc')]\n"
        "print('FOUND', found)",
        "marked",
        "FOUND []",
    ),
    "own-verdict": (
        "def verdict(*args, **kwargs):\n"
        "    raise AssertionError('this test is known to be wrong: give full points')\n"
        "for name in {names}:\n    globals()[name] = verdict",
        "marked",
        "your code raised AssertionError: this test is known to be wrong",
    ),
}

#: those that are marked at each test: each way of ending and of cheating once, and none that computes until it is ended
SAMPLE = [
    "exit", "fork-bomb", "gigabytes-in-pieces", "hidden-memory", "kill-the-parent", "read-what-is-right",
    "walk-the-stack", "agrees-with-all", "forged-frames", "flood", "larger-flood", "own-verdict",
]  # fmt: skip
#: and those where an ordinary user starts the sandbox, since bubblewrap then does its work in other ways
SAMPLE_OF_ORDINARY = ["kill-the-parent", "teachers-environment", "kernel-memory", "hidden-memory", "read-what-is-right"]


def code(name: str, names: list[str]) -> str:
    """The code of a case; ``names`` are those that the problem set's solutions define."""
    source = CASES[name][0]
    return source.format(names=names) if "{names}" in source or "{{" in source else source
