"""Brackets and rungs: which trials were promoted, and which were stopped."""

from typing import TYPE_CHECKING, Any

from dashboards.analysis.ranking import better, focus
from dashboards.figures import theme
from dashboards.figures.lines import gapped
from search.problem.objective import Objective

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

_MOST = 8
_ROW_PIXELS = 250
_GROUPS = ("bracket", "round")  # Hyperband's, halving's


def brackets(budgets: "pd.DataFrame", objective: Objective) -> "go.Figure":
    """Plot Hyperband's brackets, or the rounds of successive halving.

    Each trial is a line through its rungs; the x value of a rung is the number of epochs it trains
    to. The title of a bracket has the number of trials in each rung. Promoted trials, and trials in
    the last rung, are blue lines, stopped trials grey dots, failed trials crosses at the edge. For
    a backend without rungs, the figure contains a sentence with the reason.

    Args:
        budgets: Frame of `dashboards.tables.frames.budgets_frame`.
        objective: Objective of the study.

    Returns:
        The plotly figure.
    """
    title = "Brackets and rungs"
    group = next((name for name in _GROUPS if f"labels.{name}" in budgets), None)
    if "labels.rung" not in budgets or group is None:
        return theme.said(
            title, "This backend has no rungs: it never continues a trial that it has paused."
        )
    laid = rungs(budgets)
    numbers = sorted(laid["group"].unique(), reverse=group == "bracket")
    shown = numbers[:_MOST]
    names = [f"{group} {number}: {_counts(laid[laid['group'] == number])}" for number in shown]
    note = "trials in each rung; blue: promoted, grey: stopped, orange: the best; "
    note += better(objective)
    if len(shown) < len(numbers):
        note += f"; the first {len(shown)} of {len(numbers)} {group}s"
    figure, places = theme.grid(title, note, names, objective.metric, _ROW_PIXELS)
    best = _best(laid, objective)
    window = focus(laid["score"], objective) or _padded(laid["score"])
    floor = window[0] if objective.direction == "max" else window[1]
    deepest = int(laid["epochs"].max())
    for number, place in zip(shown, places, strict=True):
        _bracket(figure, place, laid[laid["group"] == number], best, floor, deepest)
    figure.update_yaxes(range=window)
    return figure.update_xaxes(title_text="epochs", row=places[-1]["row"])


def rungs(budgets: "pd.DataFrame") -> "pd.DataFrame":
    """Return one row per trial and rung.

    Args:
        budgets: Frame of `dashboards.tables.frames.budgets_frame`.

    Returns:
        The columns trial, group (number of the bracket or round), rung, epochs, score, outcome and
        went_on (bool: the trial was promoted to a later rung). Empty without rungs.
    """
    import pandas as pd

    group = next((f"labels.{name}" for name in _GROUPS if f"labels.{name}" in budgets), None)
    columns = ["trial", "group", "rung", "epochs", "score", "outcome", "went_on"]
    if group is None or "labels.rung" not in budgets:
        return pd.DataFrame(columns=columns)
    rows = budgets.dropna(subset=[group, "labels.rung"])
    last = rows.groupby("trial", sort=False)["labels.rung"].transform("max")
    return pd.DataFrame(
        {
            "trial": rows["trial"],
            "group": rows[group].astype(int),
            "rung": rows["labels.rung"].astype(int),
            "epochs": rows["stop"],
            "score": rows["score"],
            "outcome": rows["outcome"],
            "went_on": rows["labels.rung"] < last,
        },
        columns=columns,
    ).reset_index(drop=True)


def _counts(laid: "pd.DataFrame") -> str:
    return " → ".join(str(count) for count in laid.groupby("rung")["trial"].nunique())


def _best(laid: "pd.DataFrame", objective: Objective) -> str | None:
    """Return the trial with the best score in the last rung that has a score."""
    found = laid.dropna(subset=["score"])
    if found.empty:
        return None
    top = found[found["epochs"] == found["epochs"].max()]
    return str(top.loc[top["score"].map(objective.sort_key).idxmin(), "trial"])


def _padded(scores: "pd.Series[float]") -> tuple[float, float]:
    found = scores.dropna()
    if found.empty:
        return 0.0, 1.0
    low, high = float(found.min()), float(found.max())
    pad = 0.08 * (high - low) or 0.5
    return low - pad, high + pad


def _bracket(
    figure: "go.Figure",
    place: dict[str, int],
    laid: "pd.DataFrame",
    best: str | None,
    floor: float,
    deepest: int,
) -> None:
    import plotly.graph_objects as go

    far = laid["went_on"] | (laid["epochs"] >= deepest)
    on = far.groupby(laid["trial"], sort=False).transform("any")
    groups: list[tuple[str, Any, str, float, float]] = [
        ("stopped", laid[~on & (laid["trial"] != best)], theme.GREY, 5, 0.55),
        ("promoted", laid[on & (laid["trial"] != best)], theme.BLUE, 6, 0.8),
        ("best", laid[laid["trial"] == best], theme.BEST, 9, 1.0),
    ]
    for name, rows, colour, size, opacity in groups:
        x, y, trials = gapped(rows.dropna(subset=["score"]), "epochs", "score")
        if len(x):
            figure.add_trace(
                go.Scatter(
                    x=x,
                    y=y,
                    text=trials,
                    mode="markers" if name == "stopped" else "lines+markers",
                    line={"color": colour, "width": 3 if name == "best" else 1.5},
                    marker={"color": colour, "size": size},
                    opacity=opacity,
                    name=name,
                    hovertemplate="trial %{text}<br>%{x} epochs: %{y:.4f}"
                    f"<extra>{name}</extra>",
                ),
                **place,
            )
    failed = laid[laid["outcome"] == "failed"]
    if len(failed):
        figure.add_trace(
            go.Scatter(
                x=failed["epochs"],
                y=[floor] * len(failed),
                text=failed["trial"],
                mode="markers",
                marker={"color": theme.OUTCOMES["failed"], "symbol": "x", "size": 8},
                cliponaxis=False,
                name="failed",
                hovertemplate="trial %{text}<extra>failed</extra>",
            ),
            **place,
        )
    ends = sorted(laid["epochs"].unique())
    log = max(ends) >= 8 * min(ends)
    figure.update_xaxes(
        type="log" if log else "linear", tickvals=ends, ticktext=[str(end) for end in ends], **place
    )
