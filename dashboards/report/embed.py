"""A figure as a page shows it: title and note as text of the page, the rest as JSON to draw."""

import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboards.report.figure_list import Chart

if TYPE_CHECKING:
    import plotly.graph_objects as go

# Above the axes: nothing, titles of small charts, or labels of parallel axes.
_AXIS_WIDTH = 72
_TOP_PLAIN, _TOP_SUBTITLES, _TOP_PARALLEL = 12, 32, 48


@dataclass(frozen=True, slots=True)
class Panel:
    """One figure of the page. `key` names it within the page; `height` in pixels.

    `note` is empty where there is none. `figure`: JSON that may stand in a script element; None
    where there is nothing to draw, and `note` says why. `least`: pixels of width below which it
    cannot be read, and is scrolled sideways; 0 for one that fits any page. `svg`: a drawing, which
    goes into the page as it is.
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
    """An SVG element, made here: its texts are escaped. `name` as of a `Chart`."""

    name: str
    title: str
    note: str
    svg: str


def panel(picture: Chart | Drawing, key: str) -> Panel:
    """The panel of a chart, which stays as it is, or of a drawing."""
    if isinstance(picture, Drawing):
        return Panel(key, picture.name, picture.title, picture.note, svg=picture.svg)
    return _drawn(picture, key)


def _drawn(chart: Chart, key: str) -> Panel:
    import plotly.graph_objects as go

    layout = chart.figure.layout
    title, note = heading(chart.figure)
    if not chart.figure.data:
        said = " ".join(_plain(annotation.text) for annotation in layout.annotations)
        return Panel(key, chart.name, title, f"{note} {said}".strip())
    figure = go.Figure(chart.figure)
    top = _top(figure)
    before = layout.margin.t if layout.margin.t is not None else top
    height = int((layout.height or 400) - before + top)
    figure.update_layout(title=None, margin_t=top, height=height)
    text: str = figure.to_json()
    # no string of a user's ends the script element, or begins a comment in it
    text = text.replace("<", "\\u003c")
    return Panel(key, chart.name, title, note, text, height, _least(figure))


def heading(figure: "go.Figure") -> tuple[str, str]:
    """The title of a figure and the note below it, each as one line of text."""
    title = figure.layout.title
    return _plain(title.text), _plain(title.subtitle.text)


def _top(figure: "go.Figure") -> int:
    if _axes(figure):
        return _TOP_PARALLEL
    texts = figure.layout.annotations
    above = [a for a in texts if (a.y or 0) > 0.95 and (a.yref == "paper" or "domain" in a.yref)]
    return _TOP_SUBTITLES if above else _TOP_PLAIN


def _least(figure: "go.Figure") -> int:
    """Parallel axes need their distance, or their labels run into each other."""
    return _AXIS_WIDTH * _axes(figure)


def _axes(figure: "go.Figure") -> int:
    """How many parallel axes a figure has."""
    return sum(len(trace.dimensions) for trace in figure.data if trace.type == "parcoords")


def _plain(text: str | None) -> str:
    """A text of plotly's, which may hold tags, as text."""
    return html.unescape(re.sub(r"<[^<>]*>", " ", text or "")).strip()
