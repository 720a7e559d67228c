"""Learning curves: the best ones emphasised, the pruned ones faded."""

from typing import TYPE_CHECKING

from dashboards.figures import theme
from search.objective import Objective

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


def learning_curves(
    trials: "pd.DataFrame", curves: "pd.DataFrame", objective: Objective, metric: str | None = None
) -> "go.Figure":
    """A metric (by default the objective's) against the epoch, one line per trial."""
    import plotly.graph_objects as go

    shown = curves[curves["metric"] == (metric or objective.metric)]
    if shown.empty:
        return theme.said("Learning curves", "No epoch has been trained yet.")
    figure = theme.blank("Learning curves")
    for trial, curve in list(shown.groupby("trial", sort=False))[:20]:
        figure.add_trace(go.Scatter(x=curve["epoch"], y=curve["value"], name=f"trial {trial}"))
    return figure
