"""Parallel coordinates: every trial a line through its parameters, coloured by score."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dashboards.figures import theme
from dashboards.figures.scores import PREFIX, parameters, scored
from search.objective import Objective

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


def parallel_coordinates(
    trials: "pd.DataFrame",
    objective: Objective,
    space: Sequence[Mapping[str, Any]] | None = None,
    names: Sequence[str] | None = None,
) -> "go.Figure":
    """One axis per parameter, the score last; drag along an axis to brush.

    `space`: `Tables.space`, for logarithmic axes and the order of options. `names`: which
    parameters, in this order; by default all, or those that matter most where they are many.
    """
    import plotly.graph_objects as go

    found = scored(trials)
    if found.empty:
        return theme.said("Parallel coordinates", "No trial has a score yet.")
    figure = theme.blank("Parallel coordinates")
    dimensions = [
        {"label": name, "values": found[PREFIX + name]}
        for name in names or parameters(found)
        if found[PREFIX + name].dtype.kind in "if"
    ]
    figure.add_trace(go.Parcoords(line_color=found["score"], dimensions=dimensions))
    return figure
