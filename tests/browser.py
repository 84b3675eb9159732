"""A page with one interactive in a real browser, as a reader of the site has it: no kernel, no network."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from tools.project import STATE, VIEW

HOST = Path(__file__).resolve().parent.parent / "book" / "_static" / "widgets.js"


def html(widget) -> str:
    """A page that holds the widget's state as a built page does."""
    state = {name: value for name, value in widget.get_state().items() if name != "layout"}
    models = {"state": {"w": {"model_module": "anywidget", "state": state}}}
    stored = json.dumps(models).replace("</", "<\\/")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>test</title><body><h1>test</h1>'
        '<div class="d2l-widget"><img alt="still" src="data:,">'
        f'<script type="{VIEW}">{{"model_id": "w"}}</script></div>'
        f'<script type="{STATE}">{stored}</script><script>{HOST.read_text("utf-8")}</script></body></html>'
    )


# Of the thousands of colored words in code one of each kind is enough, and takes a tenth of the time. So is one formula
# in each kind of text, since all have the color of the text around them; of the others the letters are left.
ONE_OF_EACH = """() => {
    const seen = new Set();
    const first = (kind) => !seen.has(kind) && seen.add(kind);
    for (const word of document.querySelectorAll(".highlight pre span[class], .sig span[class]:not(:has(a))")) {
        if (!first(`${word.closest(".sig, pre").tagName} ${word.className}`)) word.replaceWith(...word.childNodes);
    }
    for (const formula of document.querySelectorAll(".math > .katex, .math > .katex-display")) {
        const text = formula.parentNode.parentNode, kind = `${text.tagName} ${text.closest("[class]").className}`;
        if (!first(kind)) formula.replaceWith(formula.textContent);
    }
}"""


# Contrast takes axe longer than all of its other rules. Where one text has enough, others of its color and size on the
# same backgrounds have, too. What is moved out of its place, or is drawn, may lie over something else than its
# ancestors: axe looks at it each time.
CONTRAST_ONCE = """() => {
    const check = axe._audit.checks["color-contrast"], whole = check.whole ??= check.evaluate;
    const grounds = new Map(), enough = new Set();
    const ground = (node) => {
        if (!node) return "";
        if (!grounds.has(node)) {
            const style = getComputedStyle(node), behind = ground(node.parentElement);
            const own = [style.backgroundColor, style.backgroundImage, style.opacity, style.filter, style.mixBlendMode];
            const moved = ["top", "left", "bottom", "right"].some((side) => parseFloat(style[side])) ||
                style.transform !== "none" || parseFloat(style.marginTop) < 0;
            const apart = ["absolute", "fixed", "sticky"].includes(style.position) || moved || node.ownerSVGElement;
            const plain = own.join() === "rgba(0, 0, 0, 0),none,1,none,normal";
            grounds.set(node, behind === null || apart ? null : plain ? behind : `${behind}/${own}`);
        }
        return grounds.get(node);
    };
    check.evaluate = function (node, ...more) {
        const behind = ground(node), style = getComputedStyle(node);
        const kind = [behind, style.color, style.fontSize, style.fontWeight, style.textShadow].join();
        if (behind !== null && enough.has(kind)) return true;
        const found = whole.call(this, node, ...more);
        if (found === true) enough.add(kind);
        return found;
    };
}"""


def violations(page, context=None, **options) -> list[dict]:
    """What axe finds on a page, of any impact, or in the parts of it that ``context`` selects: rules with their nodes.

    ``options`` are those of axe's run.
    """
    from axe_playwright_python.base import AXE_SCRIPT  # not there where there is no browser

    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    page.evaluate(CONTRAST_ONCE)
    given = [context, {"resultTypes": ["violations"], **options}]
    return page.evaluate("([context, options]) => axe.run(context ?? document, options)", given)["violations"]


AT_REST = """async () => {
    for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
    const long = new Promise((resolve) => setTimeout(resolve, 500));  // an animation that is not drawn never ends
    await Promise.race([long, Promise.allSettled(document.getAnimations().map((one) => one.finished))]);
}"""


def settle(page) -> None:
    """Wait until a page has come to rest after a change of its size or its colors."""
    page.evaluate(AT_REST)
    page.wait_for_timeout(50)


@contextlib.contextmanager
def tasks(page) -> Iterator[list[float]]:
    """What the tasks of the page's thread take meanwhile, in milliseconds of the processor, longest first.

    The list is filled at the end. During a task the page answers nobody. Waiting for a core is left out.
    """
    found = []
    page.context.browser.start_tracing(page=page, categories=["toplevel", "disabled-by-default-devtools.timeline"])
    try:
        yield found
    finally:
        events = json.loads(page.context.browser.stop_tracing())["traceEvents"]
    names = [event for event in events if event["name"] == "thread_name"]
    main = {(event["pid"], event["tid"]) for event in names if event["args"]["name"] == "CrRendererMain"}
    own = [event for event in events if event["name"] == "RunTask" and (event["pid"], event["tid"]) in main]
    found += sorted((event.get("tdur", 0) / 1000 for event in own), reverse=True)
    assert len(found) > 5, "the browser names its tasks otherwise"


class Reused:
    """Pages that tests get one after the other: a new one costs more than a second of the processor.

    A page that is given back is empty: no script, timer, worker or listener of its document is left, and its media,
    mouse and size are as at the start. What a site kept in the browser is forgotten; what was transferred is not.
    """

    def __init__(self, browser):
        self.browser, self.contexts, self.taken = browser, {}, []

    def page(self, **options):
        """An empty page in a context with these options; those of one test with the same options are its tabs."""
        key = repr(sorted(options.items()))
        if key not in self.contexts:
            self.contexts[key] = (self.browser.new_context(**options), [], options)
        context, pages, _ = self.contexts[key]
        page = next((page for page in pages if page not in self.taken), None)
        if page is None:
            page = self._window_beside(pages[0]) if pages else context.new_page()
            pages.append(page)
        self.taken.append(page)
        return page

    @staticmethod
    def _window_beside(page):
        """A page in the same context and a window of its own: a tab behind another one is drawn once in a second."""
        with page.context.expect_page() as opened:
            page.evaluate("open('about:blank', '', 'popup,noopener')")
        return opened.value

    def back(self) -> None:
        """Empty the pages that were taken; where one has crashed or its clock was stopped, give its context up."""
        from playwright.sync_api import Error  # not there where there is no browser

        for key, (context, pages, options) in list(self.contexts.items()):
            try:
                used = [page for page in pages if page in self.taken]
                if any(page.evaluate("'__pwClock' in globalThis") for page in used):
                    raise Error("Playwright's clock stays for as long as the context")
                if used:
                    self._empty(context, pages, used, options)
            except Error:
                context.close()
                del self.contexts[key]
        self.taken.clear()

    def _empty(self, context, pages: list, used: list, options: dict) -> None:
        for page in context.pages:
            if page not in pages:
                page.close()
        for page in used:
            kept = urlsplit(page.url)
            page.unroute_all()
            page.mouse.up()
            page.mouse.move(0, 0)  # here, since after a move on an empty page the next one captures no pointer
            page.goto("about:blank")
            page.emulate_media(media="null", color_scheme="null", reduced_motion="null")
            page.set_viewport_size(options.get("viewport", {"width": 1280, "height": 720}))
            if kept.netloc:
                forgotten = {"origin": f"{kept.scheme}://{kept.netloc}", "storageTypes": "local_storage,cookies"}
                context.new_cdp_session(page).send("Storage.clearDataForOrigin", forgotten)
        if not options.get("offline"):
            context.set_offline(False)
            context.clear_permissions()


class Mounted:
    """An interactive on a page of its own: set its controls as people do, read what it shows."""

    def __init__(self, page):
        self.page, self.problems = page, []
        self.heard = {"console": self._note, "pageerror": self._note_error, "request": self._note_request}
        for event, handler in self.heard.items():
            page.on(event, handler)

    def __enter__(self) -> "Mounted":
        return self

    def __exit__(self, *raised) -> None:
        """Stop listening, since another test may get the page; nothing may have gone wrong there."""
        for event, handler in self.heard.items():
            self.page.remove_listener(event, handler)
        assert self.problems == [], f"the page complained {self.problems}"

    def _note(self, message) -> None:
        if message.type != "log":
            self.problems.append(message.text)

    def _note_error(self, error) -> None:
        self.problems.append(str(error))

    def _note_request(self, request) -> None:
        if request.url.startswith("http"):
            self.problems.append(request.url)

    def open(self, widget, scheme: str = "light", width: int = 900) -> "Mounted":
        """Show ``widget``; its script must run."""
        self.page.emulate_media(color_scheme=scheme)
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.set_content(html(widget))
        self.page.wait_for_selector(".d2l-widget[data-mounted]", timeout=10_000)
        return self

    @property
    def result(self) -> dict:
        """The numbers that the page shows."""
        return self.page.evaluate("document.querySelector('.d2l-widget').model.get('result')")

    @property
    def say(self) -> str:
        """The sentence below the stage."""
        return self.page.inner_text(".d2l-say")

    def get(self, trait: str):
        """The value of a trait in the page."""
        return self.page.evaluate("name => document.querySelector('.d2l-widget').model.get(name)", trait)

    def set(self, trait: str, value) -> None:
        """Give a trait a value, sensible or not, as a program would; NaN and infinity may be given as text."""
        script = "([name, value]) => document.querySelector('.d2l-widget').model.set(name, value)"
        if value in ("NaN", "Infinity"):
            script = script.replace("name, value)", "name, Number(value))")
        self.page.evaluate(script, [trait, value])

    def control(self, trait: str):
        """The input of a trait, to press keys on or to fill."""
        return self.page.locator(f"[data-trait={trait}] :is(input, select)")

    def press(self, trait: str, key: str, times: int = 1) -> None:
        """Press a key on a control."""
        self.control(trait).focus()
        for _ in range(times):
            self.page.keyboard.press(key)

    def drag(self, trait: str, share: float) -> None:
        """Click on a range at ``share`` of its width."""
        box = self.control(trait).bounding_box()
        self.page.mouse.click(box["x"] + share * box["width"], box["y"] + box["height"] / 2)


def commit(where, guess: int | str, sure: int = 75) -> None:
    """Answer a question where it is asked: choose (the place from 1 on) or type, say how sure, and commit."""
    if isinstance(guess, int):
        where.locator(f"[name^=d2l-guess]:not([name$=sure])[value='{guess}']").check()
    else:
        where.get_by_label("Your guess").fill(guess)
    where.locator(f"[name$=sure][value='{sure}']").check()
    where.get_by_role("button", name="Commit my guess").click()
