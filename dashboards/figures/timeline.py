"""The timeline of the workers: who trained what, and when."""

from typing import TYPE_CHECKING

from dashboards.figures import theme

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


def timeline(budgets: "pd.DataFrame", seconds: float | None = None) -> "go.Figure":
    """A bar per budget in its worker's lane, coloured by outcome.

    `seconds`: where bars end that have not ended (`Tables.seconds`); by default where the last
    event of the budgets lies.
    """
    import plotly.graph_objects as go

    if budgets.empty:
        return theme.said("Timeline", "No trial has been proposed yet.")
    figure = theme.blank("Timeline")
    figure.add_trace(
        go.Bar(
            base=budgets["asked"],
            x=budgets["ended"] - budgets["asked"],
            y=budgets["lane"],
            orientation="h",
        )
    )
    return figure
