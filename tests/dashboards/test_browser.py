"""What tests ask of a page: each question has a page that passes and one that does not."""

import asyncio
from pathlib import Path

import pytest

from tests.browser import Trace, focus_is_visible, overflowing, traces, wait_for_figures

PAGE = """<!doctype html><meta charset="utf-8"><style>
  body {{ margin: 0 }} #seen:focus {{ outline: 2px solid blue }} #unseen:focus {{ outline: none }}
  #wide {{ width: {wide}px; height: 9px }} #box {{ overflow-x: auto }}
</style><button id="seen">a</button><button id="unseen">b</button>
<div id="wide"></div><div id="box"><div style="width: 3000px; height: 9px"></div></div>"""


@pytest.fixture
def written(tmp_path):
    def written(text: str) -> str:
        path: Path = tmp_path / "page.html"
        path.write_text(text)
        return path.as_uri()

    return written


def test_what_is_wider_than_the_viewport_is_named(open_page, written):
    page = open_page(written(PAGE.format(wide=500)), width=390).page
    assert [line.partition(":")[0] for line in overflowing(page)] == ["document", "div#wide"]
    assert overflowing(open_page(written(PAGE.format(wide=300)), width=390).page) == []


def test_a_focus_without_a_mark_is_found(open_page, written):
    page = open_page(written(PAGE.format(wide=1))).page
    assert focus_is_visible(page, "#seen")
    assert not focus_is_visible(page, "#unseen")
    with pytest.raises(AssertionError, match="#wide must be reached"):
        focus_is_visible(page, "#wide", tabs=5)


def test_errors_and_failed_requests_are_kept(open_page, written):
    page = '<script>console.error("one"); throw Error("two")</script><img src="missing.png">'
    opened = open_page(written(page), scheme="dark", offline=True)
    opened.page.wait_for_load_state()
    # Chromium says a failed request on the console as well
    failed = "Failed to load resource: net::ERR_FILE_NOT_FOUND"
    assert sorted(opened.errors) == sorted([failed, "one", "two"])
    assert len(opened.failed) == 1
    assert "missing.png" in opened.failed[0]
    assert opened.faults(known=["one", "two", "missing.png", failed]) == []
    assert opened.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")


def test_the_traces_of_a_figure_are_counted(open_page, written):
    import plotly.graph_objects as go

    figure = go.Figure(
        [
            go.Scatter(x=[1, 2, 3], y=[4, 5, 6], name="a curve"),
            go.Parcoords(dimensions=[{"values": [1, 2]}, {"values": [3, 4]}], name="trials"),
            go.Heatmap(z=[[1, 2, 3], [4, 5, 6]], name="cells"),
        ]
    )
    page = open_page(written(figure.to_html(include_plotlyjs=True)), offline=True).page
    wait_for_figures(page, 1)
    assert traces(page) == [
        [
            Trace("scatter", "a curve", 3),
            Trace("parcoords", "trials", 2),
            Trace("heatmap", "cells", 6),
        ]
    ]


def test_an_event_loop_runs_in_this_thread_while_the_browser_is_open(browser):
    """Why it is opened for a file and not for the session."""
    assert asyncio.get_running_loop().is_running()
