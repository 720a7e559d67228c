"""A figure as a page shows it: title and note as text of the page, the rest as JSON to draw."""

import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboards.charts import Chart

if TYPE_CHECKING:
    import plotly.graph_objects as go

# Above the axes: nothing, titles of small charts, or labels of parallel axes.
_TOP_PLAIN, _TOP_SUBTITLES, _TOP_PARALLEL = 12, 32, 48


@dataclass(frozen=True, slots=True)
class Panel:
    """One figure of the page. `key` names it within the page; `height` in pixels.

    `note` is empty where there is none. `figure`: JSON that may stand in a script element; None
    where there is nothing to draw, and `note` says why.
    """

    key: str
    name: str
    title: str
    note: str
    figure: str | None = None
    height: int = 0


def panel(chart: Chart, key: str) -> Panel:
    """The panel of a chart, which stays as it is."""
    import plotly.graph_objects as go

    layout = chart.figure.layout
    title, note = _plain(layout.title.text), _plain(layout.title.subtitle.text)
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
    return Panel(key, chart.name, title, note, text.replace("<", "\\u003c"), height)


def _top(figure: "go.Figure") -> int:
    if any(trace.type == "parcoords" for trace in figure.data):
        return _TOP_PARALLEL
    above = [a for a in figure.layout.annotations if a.yref == "paper" and (a.y or 0) >= 1]
    return _TOP_SUBTITLES if above else _TOP_PLAIN


def _plain(text: str | None) -> str:
    """A text of plotly's, which may hold tags, as text."""
    return html.unescape(re.sub(r"<[^<>]*>", " ", text or "")).strip()
