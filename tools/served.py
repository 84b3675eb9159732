"""The built site in a browser, as it will be served: what its pages transfer, what goes wrong there, how fast it is.

It is served on this machine under the path that GitHub Pages will give it; what is not there is answered with 404.html.
"""

import contextlib
import functools
import gzip
import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlparse

from tools import project

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--use-fake-device-for-media-stream",  # a camera, for pages that were given the permission
]  # fmt: skip
PREFIX = urlparse(project.site_url()).path
# An interactive's script comes out of the page itself, so a network that rests does not tell that it has run.
STARTED = "[...document.querySelectorAll('.d2l-widget')].every(box => box.dataset.mounted)"
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
SHIFTS = """new Promise(resolve => new PerformanceObserver(list => resolve(
    list.getEntries().reduce((sum, entry) => sum + (entry.hadRecentInput ? 0 : entry.value), 0)
)).observe({type: "layout-shift", buffered: true}) ?? setTimeout(() => resolve(0), 100))"""
# From an event on an interactive to the second frame after it: by then its answer is on the screen.
ANSWERED = """() => {
    window.answered = [];
    for (const kind of ["input", "change", "keydown", "pointerdown"]) addEventListener(kind, event => {
        if (!event.target.closest(".d2l-widget")) return;
        const began = performance.now();
        requestAnimationFrame(() => requestAnimationFrame(() => window.answered.push(performance.now() - began)));
    }, {capture: true});
}"""


#: brings a browser, where a person runs it
BROWSER = "python -m playwright install --with-deps chromium"


class NoBrowserError(Exception):
    """No browser starts on this machine."""


@contextlib.contextmanager
def browser() -> Iterator:
    """A headless browser of Playwright's: the system's where that starts, else the one that Playwright downloaded.

    Raises:
        NoBrowserError: neither is there and starts.
    """
    from playwright.sync_api import Error, sync_playwright  # where there is no browser, this need not be there either

    with contextlib.ExitStack() as stack:
        playwright = stack.enter_context(sync_playwright())
        for program in [*filter(None, map(shutil.which, PROGRAMS)), None]:
            with contextlib.suppress(Error):
                running = playwright.chromium.launch(executable_path=program, args=FLAGS)
                stack.callback(running.close)
                break
        else:
            raise NoBrowserError(f"no browser that starts: install Chromium, or run `{BROWSER}`")
        yield running


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves the site below ``prefix``."""

    def __init__(self, *args, prefix: str, **options):
        self.prefix = prefix
        super().__init__(*args, **options)

    def translate_path(self, path):
        inside = path.startswith(self.prefix)
        return super().translate_path("/" + path.removeprefix(self.prefix)) if inside else "/nowhere"

    def send_error(self, code, message=None, explain=None):
        body = Path(self.directory, "404.html").read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def served(site: Path, prefix: str = PREFIX) -> Iterator[str]:
    """The address, with a slash at the end, at which the pages in the folder ``site`` are served meanwhile."""
    handler = functools.partial(Handler, prefix=prefix, directory=site)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{prefix}"
    finally:
        server.shutdown()
        server.server_close()


class Tab:
    """A tab of a browser, ``page`` of Playwright, that notes what goes wrong in it and what it transfers.

    A file that is not there is an error of the console; one that a page left early no longer waits for is none.
    """

    def __init__(self, page, address: str):
        self.page, self.address, self.problems, self.answers = page, address, [], []
        self.heard = {"console": self.note, "pageerror": self.note_error, "response": self.answer}
        for event, handler in self.heard.items():
            page.on(event, handler)

    def leave(self) -> None:
        """Listen no longer; the page may be used for something else."""
        for event, handler in self.heard.items():
            self.page.remove_listener(event, handler)

    def note(self, message) -> None:
        """Keep an error or a warning of the console."""
        if message.type in ("error", "warning"):
            self.problems.append(f"{message.type}: {message.text} ({message.location['url']})")

    def note_error(self, error) -> None:
        """Keep an error of a script."""
        self.problems.append(str(error))

    def answer(self, response) -> None:
        """Keep a response of the site; one of another host is a problem."""
        if response.url.startswith(self.address):
            self.answers.append(response)
        elif not response.url.startswith(("data:", "blob:")):
            self.problems.append(f"another host: {response.url}")

    def open(self, name: str) -> "Tab":
        """Go to a page of the site and wait until it has all it needs and its interactives have started."""
        self.page.goto(self.address + name, wait_until="networkidle")
        self.page.wait_for_function(STARTED)
        return self

    def kilobytes(self, pictures: bool = True) -> float:
        """What was transferred, each file packed with gzip, in thousands of bytes."""
        chosen = [answer for answer in self.answers if pictures or answer.request.resource_type != "image"]
        return sum(len(gzip.compress(answer.body(), 6)) for answer in chosen) / 1000

    def controls(self, interactive) -> list:
        """The inputs of an interactive that can be seen, each of one of its settings, and those that move a lens."""
        settings, lens = "[data-trait] :is(input, select):visible", ".d2l-lens input[type=range]:visible"
        return interactive.locator(f"{settings}, {lens}").all()

    def moves(self, control) -> Iterator[None]:
        """Move a control to both of its ends by the keyboard, a range by the mouse as well; a pause after each move.

        The last of a list may stand for what is shown already, so the one before it is chosen, too.
        """
        kind = control.evaluate("node => node.type")
        for key in {"checkbox": ("Space",), "select-one": ("End", "ArrowUp", "Home")}.get(kind, ("End", "Home")):
            control.press(key)
            yield
        if kind == "range":
            box = control.bounding_box()
            self.page.mouse.click(box["x"] + 0.4 * box["width"], box["y"] + box["height"] / 2)
            yield

    def slow(self) -> float:
        """Milliseconds within which nine of ten moves since ``ANSWERED`` ran were drawn; NaN where there were none."""
        self.page.wait_for_timeout(100)
        times = sorted(self.page.evaluate("window.answered"))
        return times[len(times) * 9 // 10] if times else float("nan")
