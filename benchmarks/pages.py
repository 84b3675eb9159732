"""How heavy and how fast is each page of the built site? Prints one table, with the system's Chromium.

Sizes are of what a first visit transfers, each file packed with gzip, in thousands of bytes; times are milliseconds, of
the first paint and of nine in ten moves of an interactive's control, until the answer is drawn. "Shift" is how far
things jump while the page loads (0 = not at all; up to 0.1 counts as good).

    make book && python benchmarks/pages.py
"""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools import project, served  # noqa: E402 - the import needs the line above

PAGES = ["index", *project.chapters(), "status", "references"]


def measure(browser, address: str, name: str) -> str:
    """One row of the table."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tab = served.Tab(context.new_page(), address).open(f"{name}.html")
    paint, shift = tab.page.evaluate(served.PAINT), tab.page.evaluate(served.SHIFTS)
    tab.page.evaluate(served.ANSWERED)
    for interactive in tab.page.locator(".d2l-widget").all():
        for control in tab.controls(interactive):
            for _ in tab.moves(control):
                pass
    row = f"{name:18} {tab.kilobytes():6.0f} {tab.kilobytes(pictures=False):8.0f} {paint:7.0f} {shift:7.3f}"
    row += f" {tab.slow():7.0f}"
    context.close()
    return row + "".join(f"\n    {problem}" for problem in tab.problems)


def main() -> int:
    """Command line."""
    site = ROOT / "_build" / "html"
    if not (site / "index.html").is_file() or served.CHROMIUM is None:
        missing = (
            "Chromium: install it (Debian: apt install chromium)" if site.is_dir() else "the site: run `make book`"
        )
        print(f"not measured, for want of {missing}")
        return 0
    print(f"{'page':18} {'kB':>6} {'no pics':>8} {'paint':>7} {'shift':>7} {'answer':>7}")
    with served.served(site) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=served.CHROMIUM, args=served.FLAGS)
        for name in PAGES:
            print(measure(browser, address, name), flush=True)
        browser.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
