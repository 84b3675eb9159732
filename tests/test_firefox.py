"""Every page and every interactive once in Firefox: nothing goes wrong, and each interactive answers the keyboard."""

import pytest
from firefox import NoFirefoxError, firefox

from tools import pages, prepare, project, served

pytestmark = pytest.mark.browser
END, HOME, UP, SPACE = "\ue010", "\ue011", "\ue013", " "  # WebDriver's codes of keys
STATE = """JSON.stringify(
    [...document.querySelectorAll(".d2l-widget")].map(box => [box.model.state.result, box.innerText])
)"""
# The first slider, list or switch of an interactive that can be seen, and not within what is folded. A lens comes late.
CONTROL = """(() => {{
    const box = document.querySelectorAll(".d2l-widget")[{number}];
    const all = kind => [...box.querySelectorAll(kind)].filter(one => one.checkVisibility());
    return [...all("[data-trait] :is(input, select)"), ...all("input[type=range]")][0];
}})()"""
# It stands in the middle of the window and has the focus.
FOCUS = f"""(() => {{{{
    const control = {CONTROL};
    control.scrollIntoView({{{{block: "center"}}}});
    control.focus();
    return control.type;
}}}})()"""


@pytest.fixture(scope="module")
def tab():
    """A tab of Firefox."""
    try:
        with firefox() as running:
            yield running
    except NoFirefoxError:
        pytest.skip(prepare.no_firefox())


@pytest.fixture(autouse=True)
def quiet(tab):
    """What goes wrong in a page is a failure of the test that opened it."""
    tab.problems.clear()
    yield
    assert tab.problems == []


@pytest.mark.parametrize("name", [*pages.names(), "search"])
def test_a_page_opens_and_does_not_scroll_sideways(name, tab, address):
    tab.open(f"{address}{name}.html")
    tab.wait_for(served.STARTED)
    assert tab.evaluate("document.querySelector('h1').innerText.length") > 3
    assert tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


@pytest.mark.parametrize("name", project.with_interactives())
def test_every_interactive_answers_the_keyboard(name, tab, address):
    tab.open(f"{address}{name}.html")
    tab.wait_for(served.STARTED)
    boxes = tab.evaluate("document.querySelectorAll('.d2l-widget').length")
    assert boxes > 0
    for number in range(boxes):
        tab.evaluate(
            f"document.querySelectorAll('.d2l-widget')[{number}].scrollIntoView()"
        )  # what comes late comes now
        tab.wait_for(f"Boolean({CONTROL.format(number=number)})")
        seen = {tab.evaluate(STATE)}
        kind = tab.evaluate(FOCUS.format(number=number))
        for key in (SPACE,) if kind == "checkbox" else (END, UP, HOME):  # the last of a list may be what is shown
            tab.press(key)
            tab.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            seen.add(tab.evaluate(STATE))
        assert len(seen) > 1, f"interactive {number + 1} of the page does not change"


def test_a_fault_is_seen(tab, address):
    tab.open(f"{address}index.html")
    tab.evaluate("console.error('broken on purpose')")
    tab.evaluate("true")
    assert tab.problems == ["broken on purpose"]
    tab.problems.clear()
    with pytest.raises(RuntimeError, match="missing"):
        tab.evaluate("missing.thing")
