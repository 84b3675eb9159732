"""Have ready what the tests need of this machine: the chapters' data, browsers, a Chinese font, and the sandbox that
marking runs in.

    python -m tools.prepare [data | browser | Firefox | font | sandbox ...]

Nothing here fails. Where there are no data, digits stand in; what cannot be tested without a browser or a sandbox is
said at the end of the tests, with the command that mends it (see `conftest.py`).
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator

from tools import served

FIREFOX = ("firefox", "firefox-esr")
CHINESE_FONT = "fonts-noto-cjk"
LIMIT, INSTALLING = 400, 600  # seconds: a slow mirror must not eat the time of the tests
PLAYWRIGHT = [sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"]
# Ubuntu forbids programs the name spaces that a sandbox is made of. In CI the machine is there for one run, so that it
# may be allowed; on a person's machine it is told.
ALLOW = ["sysctl", "-w", "kernel.apparmor_restrict_unprivileged_userns=0"]


def run(words: list[str], limit: float, **options) -> bool:
    """Whether a command, which may not ask anything, ends well and in time."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    options = {"check": False, "stdin": subprocess.DEVNULL, "env": environment, **options}
    try:
        return subprocess.run(words, timeout=limit, **options).returncode == 0
    except (subprocess.TimeoutExpired, OSError):
        return False


def is_root() -> bool:
    """Whether this process may change the machine."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def as_root(*words: str) -> Iterator[list[str]]:
    """A command as root gives it; nothing where that would ask for a password, or the program is not there."""
    if shutil.which(words[0]) is None:
        return
    if is_root():
        yield [*words]
    elif shutil.which("sudo") and not subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode:
        yield ["sudo", "-n", *words]


def apt(package: str) -> Iterator[list[str]]:
    """The commands that install a package of Debian or Ubuntu."""
    yield from as_root("apt-get", "update", "-qq")
    yield from as_root("apt-get", "install", "-y", "-qq", "--no-install-recommends", package)


def by_hand(package: str) -> str:
    """What a person does to have a package."""
    if shutil.which("apt-get") is None:
        return f"install {package}"
    return f"{'' if is_root() else 'sudo '}apt install {package}"


def no_browser() -> str:
    """Which tests have to be left out without a browser, why, and what mends it."""
    return f"tests in a browser (none that starts): {served.BROWSER}"


def without_browser() -> str | None:
    """What there is to say for want of a browser; None where one starts."""
    try:
        with served.browser():
            return None
    except served.NoBrowserError:
        return no_browser()


def no_firefox() -> str:
    """The same of Firefox."""
    return f"tests in Firefox (none that starts): {by_hand('firefox-esr')}"


def without_firefox() -> str | None:
    """What there is to say where there is no Firefox; whether it starts, its tests say."""
    return None if any(map(shutil.which, FIREFOX)) else no_firefox()


def no_font() -> str:
    """The same of a Chinese font."""
    return f"tests of Chinese print (no font with Chinese signs): {by_hand(CHINESE_FONT)}"


def without_font() -> str | None:
    """What there is to say for want of one, or of a browser that draws; None where it is there.

    Fontconfig, which browsers ask, knows at once. A browser takes seconds to start, so it has the last word only where
    Fontconfig knows of no such font, or is not there.
    """
    if shutil.which("fc-list"):
        done = subprocess.run(["fc-list", ":lang=zh-cn", "family"], capture_output=True, text=True, check=False)
        if done.stdout.strip():
            return None
    from tools.editions.language import CHINESE, NoFontError

    try:
        with served.browser() as browser:
            CHINESE.drawn(browser.new_page())
    except served.NoBrowserError:
        return no_browser()
    except NoFontError:
        return no_font()
    return None


def without_sandbox() -> str | None:
    """The same for want of a sandbox; None where one works."""
    from assignments.grader import sandbox  # it needs more packages than the data do

    sandbox.check.cache_clear()
    try:
        sandbox.check()
    except sandbox.SandboxError:
        kind = "tests of marking in the sandbox"
        if shutil.which("bwrap") is None:
            return f"{kind} (no bubblewrap): {by_hand('bubblewrap')}"
        return f"{kind} (bubblewrap may not work): on Ubuntu sudo {' '.join(ALLOW)}, in a container --privileged"
    return None


def ways_to_a_browser() -> Iterator[list[str]]:
    """What may bring one, each if nothing before did: Playwright's own, the system's, libraries for Playwright's."""
    yield PLAYWRIGHT
    yield from apt("chromium")
    if any(as_root("apt-get")):
        yield [*PLAYWRIGHT, "--with-deps"]


def ways_to_a_sandbox() -> Iterator[list[str]]:
    """What may bring it, each if nothing before did."""
    yield from apt("bubblewrap")
    if os.environ.get("CI") == "true":
        yield from as_root(*ALLOW)


def provide(name: str, without: Callable[[], str | None], ways: Callable[[], Iterator[list[str]]]) -> None:
    """Try what may bring something until it is there."""
    if without() is None:
        return
    for words in ways():
        print(f"no {name} here, so: {' '.join(words)}", flush=True)
        worked = run(words, INSTALLING, stdout=subprocess.DEVNULL)
        if worked and without() is None:
            print(f"the {name} is there", flush=True)
            return
    print(f"still no {name}: {without()}", flush=True)


def data() -> None:
    """Have each data set, from wherever it can be had."""
    if not run([sys.executable, "-m", "d2lite", "data"], LIMIT):
        print("not all data are here: digits stand in, and outputs that depend on the data are run but not compared")


def main(wanted: list[str]) -> int:
    """Have ready what is ``wanted``, or all."""
    steps = {
        "data": data,
        "browser": lambda: provide("browser", without_browser, ways_to_a_browser),
        "Firefox": lambda: provide("Firefox", without_firefox, lambda: apt("firefox-esr")),
        "font": lambda: provide("Chinese font", without_font, lambda: apt(CHINESE_FONT)),
        "sandbox": lambda: provide("sandbox", without_sandbox, ways_to_a_sandbox),
    }
    for name in wanted or steps:
        steps[name]()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
