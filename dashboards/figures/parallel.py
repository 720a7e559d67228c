"""Parallel coordinates: each trial is a line through its parameters, coloured by score."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dashboards.analysis.axes import Axis, axes
from dashboards.analysis.ranking import PREFIX, better, focus, ranked
from dashboards.figures import theme
from search.problem.objective import Objective

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

_MOST_AXES = 10
_INACTIVE = "–"  # the word "inactive" would cover the labels next to it
_BELOW = 0.15  # distance of inactive parameters below the axis, as a share of the span


def parallel_coordinates(
    trials: "pd.DataFrame",
    objective: Objective,
    space: Sequence[Mapping[str, Any]] | None = None,
    names: Sequence[str] | None = None,
) -> "go.Figure":
    """Plot one axis per parameter, and the score as the last axis.

    Drag along an axis to select trials; drag a name to move its axis. The line of a trial with an
    inactive parameter passes below the axis, at a dash.

    Args:
        trials: Frame of `dashboards.tables.frames.trials_frame`.
        objective: Objective of the study.
        space: `Tables.space`, for logarithmic axes and the order of options. Without a space,
            both are inferred from the values.
        names: Parameters to show, in this order (see `important`); by default the first ten of
            the frame.

    Returns:
        The plotly figure.
    """
    import plotly.graph_objects as go

    title = "Parameters of every trial"
    found = ranked(trials, objective)[::-1].reset_index(drop=True)  # the best are drawn last
    if found.empty:
        return theme.said(title, "No trial has a score yet.")
    known = axes(found, space)
    chosen = list(names or known)[: max(_MOST_AXES, len(names or ()))]
    dimensions = [_dimension(known[name], found[PREFIX + name]) for name in chosen]
    scores = found["score"]
    low, high = focus(scores, objective) or (float(scores.min()), float(scores.max()))
    shown = scores.clip(low, high)
    dimensions.append({"label": objective.metric, "values": shown, "range": _wide(low, high)})
    line = {
        "color": shown,
        "colorscale": [list(stop) for stop in theme.SCALE],
        "reversescale": objective.direction == "min",
        "cmin": low,
        "cmax": high,
        "showscale": False,
    }
    note = f"stronger colour: better ({better(objective)}); drag along an axis to select"
    if any(dimension["ticktext"][0] == _INACTIVE for dimension in dimensions[:-1]):
        note += f"; {_INACTIVE} means inactive"
    if len(chosen) < len(known):
        note += f"; {len(chosen)} of {len(known)} parameters"
    figure = theme.blank(title, note)
    figure.add_trace(
        go.Parcoords(
            line=line,
            dimensions=dimensions,
            labelangle=-20 if len(dimensions) > 3 else 0,
            labelfont={"size": 12, "color": theme.TEXT},
            tickfont={"size": 11, "color": theme.TEXT},
            rangefont={"size": 1, "color": "rgba(0, 0, 0, 0)"},  # hidden: ticks show the range
            unselected={"line": {"color": theme.GREY, "opacity": 0.08}},
        )
    )
    top = figure.layout.margin.t + 60
    return figure.update_layout(height=460, margin={"l": 60, "r": 60, "t": top, "b": 24})


def _dimension(axis: Axis, values: "pd.Series[Any]") -> dict[str, Any]:
    import numpy as np

    places = axis.coordinates(values)
    low, high = axis.span
    ticks, texts = axis.ticks()
    missing = np.isnan(places)
    if missing.any():
        below = low - _BELOW * (high - low)
        places = np.where(missing, below, places)
        ticks, texts, low = [below, *ticks], [_INACTIVE, *texts], below
    return {
        "label": axis.name,
        "values": places,
        "range": [low, high],
        "tickvals": ticks,
        "ticktext": texts,
    }


def _wide(low: float, high: float) -> list[float]:
    return [low, high] if low < high else [low - 0.5, high + 0.5]
