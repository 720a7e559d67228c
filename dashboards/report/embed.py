"""Prepare a figure for a page: title and note as HTML text, the plot as JSON."""

import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboards.report.figure_list import Chart

if TYPE_CHECKING:
    import plotly.graph_objects as go

# Pixels above the axes: for no text, subplot titles, or labels of parallel axes.
_AXIS_WIDTH = 72
_TOP_PLAIN, _TOP_SUBTITLES, _TOP_PARALLEL = 12, 32, 48


@dataclass(frozen=True, slots=True)
class Panel:
    """One figure of the page. `key` is unique within the page; `height` is in pixels.

    `note`: a remark, or "". `figure`: JSON, safe inside a script element; None when there is
    nothing to draw, and `note` then gives the reason. `least`: the minimal width in pixels, below
    which the page scrolls the figure sideways; 0 for a figure that fits any width. `svg`: a
    drawing, inserted into the page unchanged.
    """

    key: str
    name: str
    title: str
    note: str
    figure: str | None = None
    height: int = 0
    least: int = 0
    svg: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """An SVG element of the platform, with escaped texts. `name`: as in `Chart`."""

    name: str
    title: str
    note: str
    svg: str


def panel(picture: Chart | Drawing, key: str) -> Panel:
    """Return the panel of a chart or a drawing. The chart is not modified."""
    if isinstance(picture, Drawing):
        return Panel(key, picture.name, picture.title, picture.note, svg=picture.svg)
    return _drawn(picture, key)


def _drawn(chart: Chart, key: str) -> Panel:
    import plotly.graph_objects as go

    layout = chart.figure.layout
    title, note = heading(chart.figure)
    if not chart.figure.data:
        reason = " ".join(_plain(annotation.text) for annotation in layout.annotations)
        return Panel(key, chart.name, title, f"{note} {reason}".strip())
    figure = go.Figure(chart.figure)
    top = _top(figure)
    before = layout.margin.t if layout.margin.t is not None else top
    height = int((layout.height or 400) - before + top)
    figure.update_layout(title=None, margin_t=top, height=height)
    text: str = figure.to_json()
    # no text of a user can close the script element, or start a comment inside it
    text = text.replace("<", "\\u003c")
    return Panel(key, chart.name, title, note, text, height, _least(figure))


def heading(figure: "go.Figure") -> tuple[str, str]:
    """Return the title of a figure and the note below it, each as one line of text."""
    title = figure.layout.title
    return _plain(title.text), _plain(title.subtitle.text)


def _top(figure: "go.Figure") -> int:
    if _axes(figure):
        return _TOP_PARALLEL
    texts = figure.layout.annotations
    above = [a for a in texts if (a.y or 0) > 0.95 and (a.yref == "paper" or "domain" in a.yref)]
    return _TOP_SUBTITLES if above else _TOP_PLAIN


def _least(figure: "go.Figure") -> int:
    """Return the minimal width: closer parallel axes have overlapping labels."""
    return _AXIS_WIDTH * _axes(figure)


def _axes(figure: "go.Figure") -> int:
    """Return the number of parallel axes of a figure."""
    return sum(len(trace.dimensions) for trace in figure.data if trace.type == "parcoords")


def _plain(text: str | None) -> str:
    """Return a plotly text without its HTML tags."""
    return html.unescape(re.sub(r"<[^<>]*>", " ", text or "")).strip()
