"""Slices: the score against each parameter alone."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dashboards.figures import theme
from dashboards.figures.scores import PREFIX, parameters, scored
from search.objective import Objective

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


def slices(
    trials: "pd.DataFrame",
    objective: Objective,
    space: Sequence[Mapping[str, Any]] | None = None,
    names: Sequence[str] | None = None,
) -> "go.Figure":
    """One small chart per parameter, a point per trial, coloured by the order of the trials.

    `space`: `Tables.space`, for logarithmic axes and the order of options. `names`: which
    parameters, in this order (see `important`); by default all, at most 12.
    """
    import plotly.graph_objects as go

    found = scored(trials)
    if found.empty:
        return theme.said("Slices", "No trial has a score yet.")
    figure = theme.blank("Slices")
    for name in names or parameters(found):
        figure.add_trace(
            go.Scatter(x=found[PREFIX + name], y=found["score"], mode="markers", name=name)
        )
    return figure
