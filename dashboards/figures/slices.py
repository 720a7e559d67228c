"""Slice plots: the score against each parameter."""

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
_ROW_PIXELS = 200
_JITTER = 0.36  # total width of the jitter, as a share of a category's width
# Steps of the R2 sequence (Roberts, 2018): even spread along a line, and together over a plane.
TURNS = (0.7548776662, 0.5698402910)
_SVG_POINTS = 3000  # more points are drawn with WebGL


def slices(
    trials: "pd.DataFrame",
    objective: Objective,
    space: Sequence[Mapping[str, Any]] | None = None,
    names: Sequence[str] | None = None,
) -> "go.Figure":
    """Plot one small chart per parameter: a point per trial, coloured by the order of the trials.

    Trials with an inactive parameter are in a separate column "inactive"; the winner is a star.

    Args:
        trials: Frame of `dashboards.tables.frames.trials_frame`.
        objective: Objective of the study.
        space: `Tables.space`, for logarithmic axes and the order of options. Without a space,
            both are inferred from the values.
        names: Parameters to show, in this order (see `important`); by default the first MOST of
            the frame.

    Returns:
        The plotly figure.
    """
    title = "Score against each parameter"
    found = scored(trials)
    known = axes(found, space)
    chosen = list(names or list(known)[:MOST])
    if found.empty or not chosen:
        reason = "No trial has a score yet." if found.empty else "There are no parameters."
        return theme.said(title, reason)
    note = f"{better(objective)}; later trials have a stronger colour, the star is the winner"
    if len(chosen) < len(known):
        note += f"; {len(chosen)} of {len(known)} parameters"
    figure, places = theme.grid(title, note, chosen, objective.metric, _ROW_PIXELS)
    gl = len(found) * len(chosen) > _SVG_POINTS
    for name, place in zip(chosen, places, strict=True):
        _slice(figure, place, known[name], found, objective, gl=gl)
    figure.update_yaxes(range=focus(found["score"], objective))
    return figure.update_layout(height=max(320, figure.layout.height))


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
    hover = np.column_stack([found["trial"].to_numpy(), [*map(_value_text, values)]])
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
    """Return the coordinate of each value, tick positions, tick texts, and the axis range.

    Points in a category get an even jitter, so that they do not hide each other. Points of an
    inactive parameter are in a separate column at the left.

    Args:
        axis: Axis of the parameter.
        values: Values of the parameter, one per trial; missing when inactive.
        turn: Step of the jitter, one of TURNS.
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


def _value_text(value: Any) -> str:
    return INACTIVE if value is None or value != value else number(value)
