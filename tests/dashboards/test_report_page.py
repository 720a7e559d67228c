"""The report in a browser, offline: it draws, fits, can be read and used."""

import pytest

from dashboards.report.report import Report
from dashboards.report.sections import Study
from tests.browser import focus_is_visible, overflowing, traces, wait_for_figures
from tests.dashboards.studies import simulated_tables

CONTRAST = """() => {
  const light = (text) => {
    const [r, g, b] = text.match(/[\\d.]+/g).map(Number).map(v => v / 255)
      .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const back = light(getComputedStyle(document.body).backgroundColor);
  const ratio = (colour) => {
    const own = light(colour);
    return (Math.max(own, back) + 0.05) / (Math.min(own, back) + 0.05);
  };
  const texts = [...document.querySelectorAll('p, dt, dd, th, td, h2, .plot .xtick text')];
  const own = (e) => getComputedStyle(e)[e.matches('text') ? 'fill' : 'color'];
  return Math.min(...texts.map(e => ratio(own(e))));
}"""


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "a-study.jsonl"
    return simulated_tables(path, "halving", trials=20)


@pytest.fixture(scope="module")
def address(study, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(Report([Study(study, [("go on", "python -m search resume x")])]).html())
    return path.as_uri()


def draw_all(page) -> int:
    """Scroll through the page as a reader does; how many figures were drawn."""
    places = page.locator("[data-figure]")
    for place in range(places.count()):
        places.nth(place).scroll_into_view_if_needed()
    wait_for_figures(page, places.count())
    return int(places.count())


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_all_is_drawn_without_network_errors_or_overflow(study, address, open_page, width, scheme):
    opened = open_page(address, width=width, scheme=scheme, offline=True)
    page = opened.page

    assert draw_all(page) == 10
    # plotly.js 4.1 measures texts in an element of its own, far to the left
    assert overflowing(page) == []
    assert opened.faults() == []
    assert page.evaluate(CONTRAST) >= 4.5
    (axes,) = traces(page, "#study-1-parallel-coordinates")[0]
    assert axes.points == study.trials["score"].notna().sum()
    (bars,) = traces(page, "#study-1-timeline")
    assert sum(trace.points for trace in bars) == len(study.budgets)
    assert len(traces(page, "#study-1-best-by-time")[0]) == 3


@pytest.mark.slow
def test_figures_wait_until_they_come_near_and_all_are_drawn_for_paper(address, open_page):
    page = open_page(address, scheme="dark").page
    wait_for_figures(page, 1)

    assert page.locator(".js-plotly-plot").count() < 10
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    wait_for_figures(page, 10)
    widths = page.evaluate(
        "[...document.querySelectorAll('.main-svg')].map(e => e.getBoundingClientRect().width)"
    )
    assert max(widths) <= 680
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert back == "rgb(255, 255, 255)"


@pytest.mark.slow
def test_the_table_is_sorted_and_opened_with_the_keyboard(address, open_page):
    page = open_page(address).page
    first = page.locator(".trials tbody tr").first
    seconds = page.locator(".trials thead button", has_text="seconds")
    cells = page.locator(".trials tbody tr td:nth-child(5)")

    for selector in ("nav a", ".trials thead button", "summary"):
        assert focus_is_visible(page, selector), selector
    seconds.focus()
    page.keyboard.press("Enter")
    shown = [float(text) for text in cells.all_inner_texts()]
    assert shown == sorted(shown)
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("seconds")
    page.keyboard.press("Enter")
    assert [float(text) for text in cells.all_inner_texts()] == sorted(shown, reverse=True)
    first.locator("summary").focus()
    page.keyboard.press("Enter")
    assert first.locator("dt", has_text="learning_rate").is_visible()
