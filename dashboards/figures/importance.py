"""How much each parameter matters, by Optuna's evaluators on the trials of any backend."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dashboards.figures import theme
from search.objective import Objective

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

COLUMNS = ("parameter", "evaluator", "importance", "spread")
FEWEST = 10


def importances(
    trials: "pd.DataFrame", objective: Objective, space: Sequence[Mapping[str, Any]]
) -> "pd.DataFrame":
    """One row per parameter and evaluator ("fANOVA", "PED-ANOVA"): the columns COLUMNS.

    `importance`: its share, 0 to 1, over all parameters. `spread`: the standard deviation of that
    over draws of the trials with replacement and seeds. Empty below FEWEST trials with a score.
    """
    import pandas as pd

    return pd.DataFrame(columns=list(COLUMNS)).astype({"importance": float, "spread": float})


def important(frame: "pd.DataFrame", n: int) -> list[str]:
    """The `n` parameters of the largest importance (mean over evaluators), largest first."""
    means = frame.groupby("parameter", sort=False)["importance"].mean()
    return [str(name) for name in means.sort_values(ascending=False, kind="stable").index[:n]]


def importance(frame: "pd.DataFrame") -> "go.Figure":
    """The frame of `importances` as bars with their spread."""
    import plotly.graph_objects as go

    if frame.empty:
        return theme.said(
            "What matters", f"Importance needs at least {FEWEST} trials with a score."
        )
    figure = theme.blank("What matters")
    for evaluator, rows in frame.groupby("evaluator", sort=False):
        figure.add_trace(
            go.Bar(y=rows["parameter"], x=rows["importance"], name=evaluator, orientation="h")
        )
    return figure
