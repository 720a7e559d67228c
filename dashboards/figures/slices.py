"""Slices: the score against each parameter alone."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dashboards.analysis.axes import INACTIVE, Axis, axes
from dashboards.analysis.ranking import PREFIX, better, focus, number, scored, winner
from dashboards.figures import theme
from search.problem.objective import Objective

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import plotly.graph_objects as go

MOST = 12
_COLUMNS = 2  # as many as a telephone has room for
_ROW_PIXELS = 200
_JITTER = 0.36  # of a category's width, in all
# Steps that spread points evenly, along a line and, both together, over a plane (Roberts, 2018)
TURNS = (0.7548776662, 0.5698402910)
_SVG_POINTS = 3000  # above these WebGL draws


def slices(
    trials: "pd.DataFrame",
    objective: Objective,
    space: Sequence[Mapping[str, Any]] | None = None,
    names: Sequence[str] | None = None,
) -> "go.Figure":
    """One small chart per parameter, a point per trial, coloured by the order of the trials.

    `space`: `Tables.space`, for logarithmic axes and the order of options. `names`: which
    parameters, in this order (see `important`); by default the first MOST of the frame. Trials that
    do not have the parameter stand apart, at "inactive"; the winner is marked with a star.
    """
    from plotly.subplots import make_subplots

    title = "Score against each parameter"
    found = scored(trials)
    known = axes(found, space)
    chosen = list(names or list(known)[:MOST])
    if found.empty or not chosen:
        reason = "No trial has a score yet." if found.empty else "There are no parameters."
        return theme.said(title, reason)
    columns = min(_COLUMNS, len(chosen))
    rows = -(-len(chosen) // columns)
    figure = make_subplots(
        rows,
        columns,
        subplot_titles=chosen,
        shared_yaxes=True,
        horizontal_spacing=0.06,
        vertical_spacing=min(0.35 / rows, 70 / (_ROW_PIXELS * rows)),
    )
    note = f"{better(objective)}; later trials are stronger, the star is the winner"
    if len(chosen) < len(known):
        note += f"; {len(chosen)} of {len(known)} parameters"
    theme.styled(figure, title, note)
    gl = len(found) * len(chosen) > _SVG_POINTS
    for index, name in enumerate(chosen):
        place = {"row": index // columns + 1, "col": index % columns + 1}
        _slice(figure, place, known[name], found, objective, gl=gl)
    figure.update_yaxes(range=focus(found["score"], objective))
    figure.update_yaxes(title_text=objective.metric, col=1)
    figure.update_annotations(font_size=12)
    figure.update_layout(margin={"t": figure.layout.margin.t + 18})  # for the names on top
    height = figure.layout.margin.t + 40 + _ROW_PIXELS * rows
    return figure.update_layout(height=max(320, height), showlegend=False)


def _slice(
    figure: "go.Figure",
    place: Mapping[str, int],
    axis: Axis,
    found: "pd.DataFrame",
    objective: Objective,
    *,
    gl: bool,
) -> None:
    import numpy as np
    import plotly.graph_objects as go

    values = found[PREFIX + axis.name]
    x, ticks, texts, span = positions(axis, values)
    best = found["trial"].to_numpy() == winner(found, objective)
    hover = np.column_stack([found["trial"].to_numpy(), [*map(_said, values)]])
    scatter = go.Scattergl if gl else go.Scatter
    order = np.arange(len(found))
    for chosen, symbol, size in ((~best, "circle", theme.dot(len(found))), (best, "star", 13)):
        marker: dict[str, Any] = {
            "symbol": symbol,
            "size": size,
            "opacity": 0.8,
            "color": order[chosen],
            "cmin": 0,
            "cmax": max(1, len(found) - 1),
            "colorscale": [list(stop) for stop in theme.SCALE],
        }
        if symbol == "star":
            marker |= {"color": theme.BEST, "opacity": 1, "line": {"width": 1, "color": "#000000"}}
        figure.add_trace(
            scatter(
                x=x[chosen],
                y=found["score"].to_numpy()[chosen],
                customdata=hover[chosen],
                mode="markers",
                marker=marker,
                name=axis.name,
                hovertemplate=f"trial %{{customdata[0]}}<br>{axis.name} = %{{customdata[1]}}<br>"
                f"{objective.metric} %{{y:.4f}}<extra></extra>",
            ),
            **place,
        )
    pad = 0.04 * (span[1] - span[0])
    figure.update_xaxes(
        tickvals=ticks, ticktext=texts, range=[span[0] - pad, span[1] + pad], **place
    )


def positions(
    axis: Axis, values: "pd.Series[Any]", turn: float = TURNS[0]
) -> "tuple[np.ndarray[Any, Any], list[float], list[str], tuple[float, float]]":
    """Coordinates of a point per value, ticks and their texts, and the span of the axis.

    Points in a category are spread sideways, evenly and in turn, so that none hides another; those
    of inactive parameters have a place of their own on the left.
    """
    import numpy as np

    x = axis.coordinates(values)
    low, high = axis.span
    ticks, texts = axis.ticks(4)
    step = 1.0 if axis.options is not None else (high - low) / 6
    spread = ((np.arange(len(x)) * turn) % 1 - 0.5) * _JITTER * step
    missing = np.isnan(x)
    if axis.options is not None:
        x = x + spread
    if missing.any():
        apart = low - (0.5 if axis.options is not None else 1) * step
        x = np.where(missing, apart + spread, x)
        ticks, texts, low = [apart, *ticks], [INACTIVE, *texts], apart - step / 2
    return x, ticks, texts, (low, high)


def _said(value: Any) -> str:
    return INACTIVE if value is None or value != value else number(value)
