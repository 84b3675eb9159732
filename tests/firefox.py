"""Firefox without a window, driven by WebDriver BiDi, which it speaks by itself: https://w3c.github.io/webdriver-bidi."""

import contextlib
import itertools
import json
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import websocket

from tools.prepare import FIREFOX

STARTING, ANSWERING = 60, 30  # seconds, on a machine that has every core at work on other tests
LISTENING = re.compile(r"WebDriver BiDi listening on (ws://\S+)")


class NoFirefoxError(Exception):
    """Firefox is not there, or does not start."""


class Firefox:
    """One tab of a running Firefox; ``problems`` are errors and warnings of its pages."""

    def __init__(self, socket: websocket.WebSocket):
        self.socket, self.numbers, self.problems = socket, itertools.count(1), []
        self.send("session.new", capabilities={})
        self.send("session.subscribe", events=["log.entryAdded"])
        self.tab = self.send("browsingContext.getTree")["contexts"][0]["context"]

    def send(self, method: str, **params) -> dict:
        """Give a command and wait for its result; what is told meanwhile is noted.

        Raises:
            RuntimeError: Firefox refuses the command.
        """
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("method") == "log.entryAdded" and message["params"]["level"] in ("error", "warn"):
                self.problems.append(message["params"]["text"])
            if message.get("id") == number:
                if message["type"] == "error":
                    raise RuntimeError(f"{method}: {message['message']}")
                return message["result"]

    def open(self, address: str) -> None:
        """Go to a page and wait until it is loaded."""
        self.send("browsingContext.navigate", context=self.tab, url=address, wait="complete")

    def evaluate(self, script: str):
        """The value of a script, or of its promise: a number, text, truth, or nothing.

        Raises:
            RuntimeError: the script fails.
        """
        target = {"context": self.tab}
        result = self.send("script.evaluate", expression=script, target=target, awaitPromise=True, userActivation=True)
        if result["type"] == "exception":
            raise RuntimeError(f"{script}: {result['exceptionDetails']['text']}")
        return result["result"].get("value")

    def wait_for(self, script: str) -> None:
        """Wait until a script is true.

        Raises:
            TimeoutError: it does not become true.
        """
        until = time.monotonic() + ANSWERING
        while not self.evaluate(script):
            if time.monotonic() > until:
                raise TimeoutError(f"still not true: {script}")
            time.sleep(0.05)

    def press(self, key: str) -> None:
        """Press and release a key, by WebDriver's code for it."""
        actions = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        device = {"type": "key", "id": "keyboard", "actions": actions}
        self.send("input.performActions", context=self.tab, actions=[device])


@contextlib.contextmanager
def firefox() -> Iterator[Firefox]:
    """A Firefox with a profile of its own, which goes with it.

    Raises:
        NoFirefoxError: none is here, or it does not start.
    """
    program = next(filter(None, map(shutil.which, FIREFOX)), None)
    if program is None:
        raise NoFirefoxError("no Firefox here")
    with contextlib.ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        command = [
            program,
            "--headless",
            "--no-remote",
            "--profile",
            home,
            "--remote-debugging-port",
            "0",
            "about:blank",
        ]
        # It keeps settings of the desktop below HOME as well, which need not be there.
        environment = {
            "HOME": home,
            "PATH": str(Path(program).parent),
            "MOZ_CRASHREPORTER_DISABLE": "1",
            "LANG": "C.UTF-8",
        }
        running = subprocess.Popen(
            command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment
        )
        stack.callback(running.wait)
        stack.callback(running.terminate)
        address = _address(running)
        socket = websocket.create_connection(f"{address}/session", timeout=ANSWERING, suppress_origin=True)
        stack.callback(socket.close)
        yield Firefox(socket)


def _address(running: subprocess.Popen) -> str:
    """Where it listens, which it says on its error output; that is read on, so that it never waits to be heard."""
    found: list[str] = []

    def read() -> None:
        for line in running.stderr or ():
            found.extend(LISTENING.findall(line))

    threading.Thread(target=read, daemon=True).start()
    until = time.monotonic() + STARTING
    while not found:
        if running.poll() is not None or time.monotonic() > until:
            raise NoFirefoxError("Firefox does not start, or speaks no WebDriver BiDi")
        time.sleep(0.05)
    return found[0]
