"""Brackets and rungs: which trials went on, which were left behind."""

from typing import TYPE_CHECKING

from dashboards.figures import theme
from search.objective import Objective

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


def brackets(budgets: "pd.DataFrame", objective: Objective) -> "go.Figure":
    """Hyperband's brackets, or the rounds of halving: each trial a line through its rungs.

    Backends without rungs give a figure that says so.
    """
    import plotly.graph_objects as go

    if "labels.rung" not in budgets:
        return theme.said("Brackets", "This backend has no rungs: each trial has one budget.")
    figure = theme.blank("Brackets")
    figure.add_trace(go.Scatter(x=budgets["stop"], y=budgets["score"], mode="markers"))
    return figure
