"""The style of all figures: a plotly template, and the meaning of colours.

The colours are from Okabe and Ito (Color Universal Design, 2008) and can be distinguished with any
colour vision; no information is given by colour alone. Backgrounds are transparent. Texts are in a
grey with a contrast above 4 to 1 on both white and black, so that a figure is readable on a light
and on a dark page.
"""

import textwrap
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import plotly.graph_objects as go

BLUE, ORANGE, GREEN, VERMILLION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, YELLOW, GREY = "#CC79A7", "#56B4E9", "#F0E442", "#8A8A8A"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, VERMILLION, SKY, GREY)
TEXT = "#7A7A7A"
GRID = "rgba(128, 128, 128, 0.25)"
BEST, BASELINE = ORANGE, PURPLE
OUTCOMES: Mapping[str, str] = {
    "completed": BLUE,
    "pruned": SKY,
    "failed": VERMILLION,
    "running": GREEN,
    "waiting": GREY,
}
# From worse to better: a better score has a stronger colour.
SCALE = ((0.0, "#B9B9B9"), (0.5, SKY), (1.0, BLUE))
# characters per line at a width of 390 pixels
_WIDTH, _TITLE_WIDTH = 56, 44


@cache
def template() -> "go.layout.Template":
    """Return the plotly template of all figures. Each figure copies it."""
    import plotly.graph_objects as go

    axis = {
        "automargin": True,
        "gridcolor": GRID,
        "linecolor": GRID,
        "zerolinecolor": GRID,
        "ticks": "",
        "title": {"standoff": 8},
    }
    return go.layout.Template(
        layout={
            "paper_bgcolor": "rgba(0, 0, 0, 0)",
            "plot_bgcolor": "rgba(0, 0, 0, 0)",
            "colorway": list(COLOURS),
            "font": {"family": "system-ui, sans-serif", "size": 12, "color": TEXT},
            "title": {
                "x": 0,
                "xref": "container",
                "y": 1,
                "yanchor": "top",
                "pad": {"l": 8, "t": 10},
                "xanchor": "left",
                "yref": "container",
                "font": {"size": 15},
                "subtitle": {"font": {"size": 12, "color": TEXT}},
            },
            "margin": {"l": 8, "r": 8, "t": 72, "b": 8, "autoexpand": True},
            "xaxis": axis,
            "yaxis": axis,
            "legend": {
                "orientation": "h",
                "x": 0,
                "xanchor": "left",
                "y": -0.2,
                "yanchor": "top",
                "bgcolor": "rgba(0, 0, 0, 0)",
            },
            "hoverlabel": {"align": "left", "namelength": -1},
            "colorscale": {"sequential": [list(stop) for stop in SCALE]},
            "hovermode": "closest",
            "barcornerradius": 2,
        }
    )


def blank(title: str, note: str = "") -> "go.Figure":
    """Return a figure without traces, with a title and a note below the title."""
    import plotly.graph_objects as go

    return styled(go.Figure(layout={"height": 400}), title, note)


def styled(figure: "go.Figure", title: str, note: str = "") -> "go.Figure":
    """Set the template, a title and a note on a figure, and return the figure."""
    lines = "<br>".join(textwrap.wrap(title, _TITLE_WIDTH))
    figure.update_layout(template=template(), title={"text": lines})
    return noted(figure, note)


def grid(
    title: str, note: str, names: Sequence[str], metric: str, row_pixels: int
) -> "tuple[go.Figure, list[dict[str, int]]]":
    """A figure of small charts with one axis of scores, and the row and column of each.

    Two side by side: as many as a telephone has room for.
    """
    from plotly.subplots import make_subplots

    columns = min(2, len(names))
    rows = -(-len(names) // columns)
    figure = make_subplots(
        rows,
        columns,
        subplot_titles=names,
        shared_yaxes=True,
        horizontal_spacing=0.06,
        vertical_spacing=min(0.35 / rows, 70 / (row_pixels * rows)),
    )
    styled(figure, title, note)
    figure.update_yaxes(title_text=metric, col=1)
    figure.update_annotations(font_size=12)
    figure.update_layout(margin={"t": figure.layout.margin.t + 18})  # for the names on top
    height = figure.layout.margin.t + 40 + row_pixels * rows
    figure.update_layout(height=height, showlegend=False)
    places = [{"row": n // columns + 1, "col": n % columns + 1} for n in range(len(names))]
    return figure, places


def noted(figure: "go.Figure", note: str) -> "go.Figure":
    """Set the note below the title, adjust the margin, and return the figure."""
    lines = textwrap.wrap(note, _WIDTH)
    figure.update_layout(title={"subtitle": {"text": "<br>".join(lines)}})
    titles = 1 + str(figure.layout.title.text).count("<br>")
    figure.update_layout(margin={"t": 26 + 20 * titles + 17 * len(lines)})
    # plotly 7.1 anchors the last line of a title: the first would be above the figure
    figure.update_layout(title={"pad": {"t": 10 + 20 * (titles - 1)}})
    return figure


def dot(count: int) -> float:
    """Return the size of a point in pixels: the more points, the smaller."""
    return 7 if count <= 100 else 5 if count <= 500 else 3


def said(title: str, sentence: str) -> "go.Figure":
    """Return a figure with a sentence that explains why there is nothing to draw."""
    figure = blank(title)
    figure.update_layout(height=160, xaxis_visible=False, yaxis_visible=False)
    figure.add_annotation(
        text="<br>".join(textwrap.wrap(sentence, _WIDTH)),
        showarrow=False,
        xref="paper",
        yref="paper",
        x=0,
        xanchor="left",
        y=0.5,
        align="left",
    )
    return figure
