"""A headless Chromium for tests that look at pages, and what they ask of a page.

A plugin of `tests/conftest.py`: every test has `browser` and `open_page`. The helpers take the
`page` of what `open_page` returns.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Response

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
MISSING = (
    f"tests of pages need a Chromium, got none of {', '.join(PROGRAMS)} on the path; "
    "install it with `apt-get install chromium`"
)
WAIT_MS = 30_000


@dataclass(frozen=True, slots=True)
class Opened:
    """A page, and what went wrong on it so far."""

    page: "Page"
    errors: list[str] = field(default_factory=list)  # of the console, and exceptions
    failed: list[str] = field(default_factory=list)  # requests: "<address>: <status or reason>"

    def faults(self, known: Sequence[str] = ()) -> list[str]:
        """All that went wrong, but for texts in which one of the known ones occurs."""
        return [
            text
            for text in (*self.errors, *self.failed)
            if not any(expected in text for expected in known)
        ]


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """One Chromium for the tests of a file.

    Not for the session: while Playwright is open, its event loop counts as running in the main
    thread, and whatever calls `asyncio.run` there (nbclient, kaleido) is refused.
    """
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.fail(MISSING, pytrace=False)
    # Chromium refuses to run as root with its sandbox; in containers tests often are root.
    words = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=words)
        yield browser
        browser.close()


OpenPage = Callable[..., Opened]


@pytest.fixture
def open_page(browser: "Browser") -> Iterator[OpenPage]:
    """Opens addresses: `open_page(url, width=390, scheme="dark", offline=True)`.

    Each call is a context of its own (no cookies, no cache), closed at the end of the test.
    """
    contexts = []

    def opened(
        url: str,
        *,
        width: int = 1280,
        height: int = 900,
        scheme: Literal["light", "dark"] = "light",
        offline: bool = False,
    ) -> Opened:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, offline=offline
        )
        contexts.append(context)
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        seen = Opened(page)

        def said(message: "ConsoleMessage") -> None:
            if message.type == "error":
                seen.errors.append(message.text)

        def answered(response: "Response") -> None:
            if response.status >= 400:
                seen.failed.append(f"{response.url}: {response.status}")

        page.on("console", said)
        page.on("pageerror", lambda error: seen.errors.append(str(error)))
        page.on("requestfailed", lambda r: seen.failed.append(f"{r.url}: {r.failure}"))
        page.on("response", answered)
        page.goto(url)
        return seen

    yield opened
    for context in contexts:
        context.close()


OVERFLOWING = """() => {
  const width = document.documentElement.clientWidth;
  const found = [];
  const wide = document.documentElement.scrollWidth;
  if (wide > width) found.push(`document: ${wide} px wide, the viewport ${width} px`);
  const kept = (element) => {
    for (let up = element.parentElement; up && up !== document.body; up = up.parentElement)
      if (getComputedStyle(up).overflowX !== 'visible') return true;
    return false;
  };
  for (const element of document.body.querySelectorAll('*')) {
    const box = element.getBoundingClientRect();
    if (box.width === 0 || box.height === 0) continue;
    if (box.right <= width + 1 && box.left >= -1) continue;
    if (kept(element)) continue;
    if (element.id === 'js-plotly-tester') continue;  // plotly measures texts in it, unseen
    const name = [element.tagName.toLowerCase(), element.id && '#' + element.id,
      ...[...element.classList].map(c => '.' + c)].filter(Boolean).join('');
    found.push(`${name}: from ${Math.round(box.left)} to ${Math.round(box.right)} px`);
  }
  return found;
}"""


def overflowing(page: "Page") -> list[str]:
    """What sticks out of the viewport to a side, one line each; [] for a page that fits.

    An element inside one that scrolls or clips does not count, unless the document itself is
    wider than the viewport.
    """
    found: list[str] = page.evaluate(OVERFLOWING)
    return found


LOOK = """(element) => {
  const s = getComputedStyle(element);
  const line = s.outlineStyle === 'none' || s.outlineWidth === '0px'
    ? 'no outline' : [s.outlineStyle, s.outlineWidth, s.outlineColor].join(' ');
  return [line, s.boxShadow, s.borderColor, s.backgroundColor, s.textDecoration].join('; ');
}"""


def focus_is_visible(page: "Page", selector: str, *, tabs: int = 200) -> bool:
    """Whether Tab reaches the first element that matches, and whether it then looks different.

    Raises: AssertionError when so many presses of Tab do not reach it.
    """
    element = page.locator(selector).first
    element.evaluate("element => element.blur()")
    at_rest = element.evaluate(LOOK)
    for _ in range(tabs):
        page.keyboard.press("Tab")
        if element.evaluate("element => element === document.activeElement"):
            return bool(element.evaluate(LOOK) != at_rest)
    raise AssertionError(f"{selector} must be reached by the Tab key, got elsewhere {tabs} times")


@dataclass(frozen=True, slots=True)
class Trace:
    """One trace of a plotly figure as the browser holds it."""

    type: str
    name: str
    points: int  # values of x or y; rows of parallel coordinates; cells of a matrix


TRACES = """(root) => {
  const size = (values) => values == null || values.length === undefined ? 0 : values.length;
  const points = (trace) => {
    if (trace.dimensions) return Math.max(0, ...trace.dimensions.map(d => size(d.values)));
    if (trace.z && size(trace.z)) return size(trace.z) * (size(trace.z[0]) || 1);
    return Math.max(...['x', 'y', 'r', 'labels', 'values', 'ids'].map(key => size(trace[key])));
  };
  const inside = [...root.querySelectorAll('.js-plotly-plot')];
  const figures = root.matches('.js-plotly-plot') ? [root, ...inside] : inside;
  // _fullData: in `data` an array may still be coded as base64
  return figures.map(figure => (figure._fullData || figure.data || []).map(trace => ({
    type: trace.type || 'scatter', name: trace.name || '', points: points(trace)})));
}"""


def traces(page: "Page", selector: str = "body") -> list[list[Trace]]:
    """The traces of each plotly figure in (or at) the first element that matches.

    Waits for the element, not for figures in it: see `wait_for_figures`.
    """
    figures: list[list[dict[str, Any]]] = page.locator(selector).first.evaluate(TRACES)
    return [[Trace(**trace) for trace in figure] for figure in figures]


def wait_for_figures(page: "Page", count: int, selector: str = "body") -> None:
    """Return once so many plotly figures with data are drawn inside the element.

    Raises: playwright's TimeoutError after half a minute.
    """
    drawn = """([selector, count]) => [...document.querySelectorAll(`${selector} .js-plotly-plot`)]
      .filter(figure => figure._fullData && figure._fullData.length
        && figure.querySelector('.main-svg')).length >= count"""
    page.wait_for_function(drawn, arg=[selector, count])
