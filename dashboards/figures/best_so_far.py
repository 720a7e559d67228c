"""The best score so far against time or epochs: is it worth going on?"""

from typing import TYPE_CHECKING, Literal

from dashboards.figures import theme
from dashboards.figures.scores import better
from search.objective import Objective

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

Against = Literal["seconds", "epochs"]


def best_so_far(
    budgets: "pd.DataFrame",
    curves: "pd.DataFrame",
    objective: Objective,
    against: Against = "seconds",
) -> "go.Figure":
    """Each budget's score when it ended, and the best of all until then as steps.

    `against`: active seconds of the study, or epochs trained by all trials together.
    """
    import plotly.graph_objects as go

    figure = theme.blank(f"Best {objective.metric} so far", better(objective))
    ended = budgets.dropna(subset=["score", "ended"]).sort_values("ended", kind="stable")
    if ended.empty:
        return theme.said("Best score so far", "No trial has a score yet.")
    x = ended["ended"] if against == "seconds" else ended["epochs"].cumsum()
    best = ended["score"].cummax() if objective.direction == "max" else ended["score"].cummin()
    figure.add_trace(go.Scatter(x=x, y=ended["score"], mode="markers", name="trials"))
    figure.add_trace(go.Scatter(x=x, y=best, line_shape="hv", name="best so far"))
    return figure
