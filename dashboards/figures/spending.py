"""Where the time went: training of trials that completed, were pruned or failed, and waiting."""

from typing import TYPE_CHECKING

from dashboards.figures import theme

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

COLUMNS = ("what", "seconds", "share")


def spent(
    trials: "pd.DataFrame", budgets: "pd.DataFrame", seconds: float | None = None
) -> "pd.DataFrame":
    """Seconds of the workers by what they did, and their share: the columns COLUMNS."""
    import pandas as pd

    rows = trials.groupby("state", sort=False)["seconds"].sum()
    total = rows.sum()
    return pd.DataFrame(
        {"what": rows.index, "seconds": rows.values, "share": rows.values / (total or 1)},
        columns=list(COLUMNS),
    )


def spending(
    trials: "pd.DataFrame", budgets: "pd.DataFrame", seconds: float | None = None
) -> "go.Figure":
    """The frame of `spent` as bars, in seconds and per cent."""
    import plotly.graph_objects as go

    frame = spent(trials, budgets, seconds)
    if frame.empty:
        return theme.said("Where the time went", "No trial has been proposed yet.")
    figure = theme.blank("Where the time went")
    figure.add_trace(go.Bar(x=frame["seconds"], y=frame["what"], orientation="h"))
    return figure
