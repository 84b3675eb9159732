"""How heavy and how fast is each page of the built site? One row a page, with the system's Chromium.

Sizes are of what a first visit transfers, each file packed with gzip, in thousands of bytes; times are milliseconds, of
the first paint and of nine in ten moves of an interactive's control, until the answer is drawn. "Shift" is how far
things jump while the page loads (0 = not at all; up to 0.1 counts as good).

    make book && python -m benchmarks.pages
"""

import math

from benchmarks import common
from tools import pages, project, served

PAGES = pages.names()


def measure(browser, address: str, name: str) -> dict:
    """The row of one page."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tab = served.Tab(context.new_page(), address).open(f"{name}.html")
    paint, shift = tab.page.evaluate(served.PAINT), tab.page.evaluate(served.SHIFTS)
    tab.page.evaluate(served.ANSWERED)
    for interactive in tab.page.locator(".d2l-widget").all():
        for control in tab.controls(interactive):
            for _ in tab.moves(control):
                pass
    row = {"page": name, "kilobytes": tab.kilobytes(), "without_pictures": tab.kilobytes(pictures=False)}
    answer = tab.slow()
    row |= {"paint_ms": paint, "shift": shift, "answer_ms": "" if math.isnan(answer) else answer}
    context.close()
    for problem in tab.problems:
        print(f"{name}: {problem}")
    return row


def main(argv: list[str] | None = None) -> int:
    """Command line."""
    options = common.parser(__doc__, pairs=1).parse_args(argv)
    site = project.ROOT / "_build" / "html"
    if not (site / "speed.html").is_file():
        print("not measured: this needs the built site (`make book`)")
        return 0
    try:
        with served.served(site) as address, served.browser() as browser:
            rows = [measure(browser, address, name) for name in PAGES[: 1 if options.quick else None]]
    except served.NoBrowserError as error:
        print(f"not measured: {error}")
        return 0
    return common.finish("pages", rows, options)


if __name__ == "__main__":
    raise SystemExit(main())
