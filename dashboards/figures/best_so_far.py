"""Optimization history: the best score so far against time or epochs."""

from typing import TYPE_CHECKING, Literal

from dashboards.analysis.ranking import better, focus
from dashboards.figures import theme
from search.problem.objective import Objective

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

Against = Literal["seconds", "epochs"]
_AXES = {
    "seconds": ("ended", "seconds of the study"),
    "epochs": ("trained", "epochs trained, all trials together"),
}


def best_so_far(
    budgets: "pd.DataFrame",
    curves: "pd.DataFrame",
    objective: Objective,
    against: Against = "seconds",
) -> "go.Figure":
    """Plot the score of each budget when it ended, and the best score so far as steps.

    Running trials are at the right, with their best value so far. Without a score, the figure
    contains a sentence with the reason.

    Args:
        budgets: Frame of `dashboards.tables.frames.budgets_frame`.
        curves: Frame of `curves_frame`, for the running trials.
        objective: Objective of the study.
        against: "seconds" for active seconds of the study, "epochs" for the epochs that all
            trials together have trained.

    Returns:
        The plotly figure.
    """
    import plotly.graph_objects as go

    column, words = _AXES[against]
    title = f"Best {objective.metric} so far, by {against}"
    steps = improvements(budgets, objective)
    if steps.empty:
        return theme.said(title, "No trial has a score yet.")
    ended = budgets.dropna(subset=["score", "ended"])
    last = max(ended[column].max(), budgets["trained"].max() if against == "epochs" else 0.0)
    figure = theme.blank(title, f"{better(objective)}; a point is a finished budget")
    for outcome in ("completed", "pruned"):
        rows = ended[ended["outcome"] == outcome]
        if rows.empty:
            continue
        figure.add_trace(
            go.Scatter(
                x=rows[column],
                y=rows["score"],
                customdata=rows[["trial", "start", "stop"]].to_numpy(),
                hovertemplate="trial %{customdata[0]}, epochs %{customdata[1]} to "
                f"%{{customdata[2]}}<br>{objective.metric} %{{y:.4f}}<extra>{outcome}</extra>",
                mode="markers",
                marker={
                    "color": theme.OUTCOMES[outcome],
                    "size": theme.dot(len(rows)),
                    "opacity": 0.75 if len(rows) <= 500 else 1,
                },
                name=outcome,
            )
        )
    figure.add_trace(
        go.Scatter(
            x=[*steps[column], last],
            y=[*steps["score"], steps["score"].iloc[-1]],
            customdata=[*steps["trial"], steps["trial"].iloc[-1]],
            hovertemplate=f"trial %{{customdata}}<br>{objective.metric} %{{y:.4f}}"
            "<extra>best so far</extra>",
            mode="lines",
            line={"shape": "hv", "width": 3, "color": theme.BEST},
            name="best so far",
        )
    )
    _baseline(figure, ended, column, float(last))
    _under_way(figure, budgets, curves, objective, float(last))
    figure.update_xaxes(title_text=words, rangemode="tozero")
    figure.update_yaxes(title_text=objective.metric, range=focus(ended["score"], objective))
    return figure


def improvements(budgets: "pd.DataFrame", objective: Objective) -> "pd.DataFrame":
    """Return the budgets with a better score than all earlier ones, in the order they ended.

    Args:
        budgets: Frame of `dashboards.tables.frames.budgets_frame`.
        objective: Objective of the study.
    """
    ended = budgets.dropna(subset=["score", "ended"]).sort_values("ended", kind="stable")
    key = ended["score"].map(objective.sort_key)
    before = key.cummin().shift()
    return ended[before.isna() | (key < before)].reset_index(drop=True)


def _baseline(figure: "go.Figure", ended: "pd.DataFrame", column: str, last: float) -> None:
    """Draw the score of the baseline, from the time when it ended."""
    import plotly.graph_objects as go

    if "labels.role" not in ended:
        return
    for row in ended[ended["labels.role"] == "baseline"].tail(1).to_dict("records"):
        figure.add_trace(
            go.Scatter(
                x=[row[column], last],
                y=[row["score"]] * 2,
                mode="lines",
                line={"dash": "dash", "width": 2, "color": theme.BASELINE},
                hovertemplate="baseline %{y:.4f}<extra></extra>",
                name="baseline",
            )
        )


def _under_way(
    figure: "go.Figure",
    budgets: "pd.DataFrame",
    curves: "pd.DataFrame",
    objective: Objective,
    last: float,
) -> None:
    import plotly.graph_objects as go

    running = budgets.loc[budgets["outcome"] == "running", "trial"]
    shown = curves[(curves["metric"] == objective.metric) & curves["trial"].isin(running)]
    if shown.empty:
        return
    by_trial = shown.groupby("trial", sort=False)["value"]
    best = by_trial.max() if objective.direction == "max" else by_trial.min()
    figure.add_trace(
        go.Scatter(
            x=[last] * len(best),
            y=best,
            customdata=best.index,
            mode="markers",
            marker={"color": theme.OUTCOMES["running"], "symbol": "circle-open", "size": 8},
            hovertemplate="trial %{customdata}: %{y:.4f} so far<extra>running</extra>",
            name="running",
        )
    )
