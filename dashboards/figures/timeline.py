"""Timeline of the workers: the budgets that each worker trained."""

from typing import TYPE_CHECKING, Any

from dashboards.figures import theme

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

_LANE_PIXELS = 44
_MOST_BARS = 600
_PATTERNS = {"failed": "x", "pruned": "/", "running": ""}  # for readers who cannot tell colours


def timeline(budgets: "pd.DataFrame", seconds: float | None = None) -> "go.Figure":
    """Plot one bar per budget in the lane of its worker, coloured by outcome.

    Bars have the name of their trial; more than 600 budgets are drawn as lines without names.

    Args:
        budgets: Frame of `dashboards.tables.frames.budgets_frame`.
        seconds: End of the bars of running budgets, in active seconds (`Tables.seconds`); by
            default the last event of the budgets.

    Returns:
        The plotly figure.
    """
    if budgets.empty:
        return theme.said("Timeline of the workers", "No trial has been proposed yet.")
    ends = ended(budgets, seconds)
    lanes = int(budgets["lane"].max()) + 1
    workers = "1 worker" if lanes == 1 else f"{lanes} workers"
    counts = budgets["outcome"].value_counts(sort=False)
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    figure = theme.blank("Timeline of the workers", f"{workers}; budgets: {outcomes}")
    draw = _bar if len(budgets) <= _MOST_BARS else _strokes
    for outcome in theme.OUTCOMES:
        chosen = budgets["outcome"] == outcome
        if chosen.any():
            figure.add_trace(draw(outcome, budgets[chosen], ends[chosen]))
    figure.update_xaxes(title_text="seconds of the study", rangemode="tozero")
    figure.update_yaxes(
        tickvals=list(range(lanes)),
        ticktext=[f"worker {lane + 1}" for lane in range(lanes)],
        range=[lanes - 0.5, -0.5],
        showgrid=False,
    )
    return figure.update_layout(
        barmode="overlay",
        height=figure.layout.margin.t + 110 + _LANE_PIXELS * lanes,
        uniformtext={"minsize": 9, "mode": "hide"},
        bargap=0.15,
        legend_y=-64 / (_LANE_PIXELS * lanes + 30),
    )


def ended(budgets: "pd.DataFrame", seconds: float | None = None) -> "pd.Series[float]":
    """Return the end of each budget in active seconds; for running budgets, the end of the study.

    Args:
        budgets: Frame of `dashboards.tables.frames.budgets_frame`.
        seconds: Active seconds of the study; by default the last event of the budgets.
    """
    last = float(max(budgets["asked"].max(), budgets["ended"].max(skipna=True)))
    if last != last:  # none has ended
        last = float(budgets["asked"].max())
    return budgets["ended"].fillna(max(last, seconds or 0.0))


def _bar(outcome: str, budgets: "pd.DataFrame", ends: "pd.Series[float]") -> "go.Bar":
    import plotly.graph_objects as go

    return go.Bar(
        base=budgets["asked"],
        x=ends - budgets["asked"],
        y=budgets["lane"],
        text=budgets["trial"],
        textposition="inside",
        insidetextanchor="middle",
        textangle=0,
        textfont={"color": "#FFFFFF"},
        orientation="h",
        name=outcome,
        marker={
            "color": theme.OUTCOMES[outcome],
            "pattern": {"shape": _PATTERNS.get(outcome, ""), "fgopacity": 0.5, "size": 5},
            "line": {"width": 0.5, "color": "#FFFFFF"},
        },
        customdata=_facts(budgets, ends),
        hovertemplate="trial %{customdata[0]}, epochs %{customdata[1]} to %{customdata[2]}<br>"
        "from %{customdata[3]:.1f} to %{customdata[4]:.1f} s, score %{customdata[5]}"
        f"<extra>{outcome}</extra>",
    )


def _strokes(outcome: str, budgets: "pd.DataFrame", ends: "pd.Series[float]") -> "go.Scatter":
    """Return one trace with a thick line from the start to the end of each budget."""
    import numpy as np
    import plotly.graph_objects as go

    gap = np.full(len(budgets), np.nan)
    x = np.column_stack([budgets["asked"], ends, gap]).ravel()
    return go.Scatter(
        x=x,
        y=np.repeat(budgets["lane"].to_numpy(), 3),
        text=np.repeat(budgets["trial"].to_numpy(), 3),
        mode="lines",
        line={"color": theme.OUTCOMES[outcome], "width": 22, "simplify": False},
        connectgaps=False,
        name=outcome,
        hovertemplate=f"trial %{{text}}, %{{x:.1f}} s<extra>{outcome}</extra>",
    )


def _facts(budgets: "pd.DataFrame", ends: "pd.Series[float]") -> list[list[Any]]:
    scores = ["none" if score != score else f"{score:.4f}" for score in budgets["score"]]
    columns = (
        budgets["trial"],
        budgets["start"],
        budgets["stop"],
        budgets["asked"],
        ends,
        scores,
    )
    return [list(row) for row in zip(*columns, strict=True)]
