"""Use of the workers' time: training by the state of trials, overhead, and idle time."""

from typing import TYPE_CHECKING

from dashboards.figures import theme
from dashboards.figures.timeline import ended

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

COLUMNS = ("what", "seconds", "share")
TRAINING = {
    "completed": "epochs of completed trials",
    "pruned": "epochs of pruned trials",
    "failed": "epochs of failed trials",
    "running": "epochs of running trials",
}
AROUND = "outside the epochs: building, compiling, saving"
IDLE = "workers without a trial"


def spent(
    trials: "pd.DataFrame", budgets: "pd.DataFrame", seconds: float | None = None
) -> "pd.DataFrame":
    """Return the seconds of all workers by use, and their share of the total time.

    The total is the number of workers times the active seconds of the study. Its parts are: epochs,
    by the state of the trial; time of a proposal outside its epochs; time of a worker without a
    proposal.

    Args:
        trials: Frame of `dashboards.tables.frames.trials_frame`.
        budgets: Frame of `dashboards.tables.frames.budgets_frame`.
        seconds: Active seconds of the study (`Tables.seconds`); by default until the last event
            of the budgets.

    Returns:
        The columns COLUMNS, without parts of zero seconds. Empty without proposals.
    """
    import pandas as pd

    if budgets.empty:
        return pd.DataFrame(columns=list(COLUMNS)).astype({"seconds": float, "share": float})
    ends = ended(budgets, seconds)
    held = (ends - budgets["asked"]).clip(lower=0.0)
    # workers and the study have different clocks: epochs may seem longer than their proposal
    held = held.where(held > budgets["seconds"], budgets["seconds"])
    whole = (budgets["lane"].max() + 1) * max(float(ends.max()), seconds or 0.0)
    states = trials.set_index("trial")["state"].replace("waiting", "running")
    by_state = budgets["seconds"].groupby(budgets["trial"].map(states)).sum()
    parts = {words: float(by_state.get(state, 0.0)) for state, words in TRAINING.items()}
    parts[AROUND] = float((held - budgets["seconds"]).sum())
    parts[IDLE] = max(0.0, float(whole - held.sum()))
    total = sum(parts.values())
    rows = [(what, took, took / total) for what, took in parts.items() if took > 0]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"seconds": float, "share": float})


def spending(
    trials: "pd.DataFrame", budgets: "pd.DataFrame", seconds: float | None = None
) -> "go.Figure":
    """Plot the frame of `spent` as bars, in seconds and per cent.

    Args:
        trials: Frame of `dashboards.tables.frames.trials_frame`.
        budgets: Frame of `dashboards.tables.frames.budgets_frame`.
        seconds: As in `spent`.

    Returns:
        The plotly figure.
    """
    import plotly.graph_objects as go

    frame = spent(trials, budgets, seconds)
    if frame.empty:
        return theme.said("Use of the time", "No trial has been proposed yet.")
    colours = {words: theme.OUTCOMES[state] for state, words in TRAINING.items()}
    colours |= {AROUND: theme.BASELINE, IDLE: theme.GREY}
    total = f"{frame['seconds'].sum():.1f} seconds, sum over all workers"
    figure = theme.blank("Use of the time", total)
    figure.add_trace(
        go.Bar(
            x=frame["seconds"],
            y=[_broken(what) for what in frame["what"]],
            orientation="h",
            marker={"color": [colours[what] for what in frame["what"]]},
            text=[
                f"{took:.1f} s, {share:.0%}"
                for took, share in zip(frame["seconds"], frame["share"], strict=True)
            ],
            textposition="auto",
            customdata=frame["share"],
            hovertemplate="%{y}: %{x:.1f} s, %{customdata:.1%}<extra></extra>",
        )
    )
    figure.update_xaxes(title_text="seconds", rangemode="tozero")
    figure.update_yaxes(autorange="reversed", showgrid=False)
    height = figure.layout.margin.t + 60 + 44 * len(frame)
    return figure.update_layout(height=height, showlegend=False)


def _broken(what: str) -> str:
    """Break a label into two lines, so that the bars stay visible on a narrow page."""
    head, colon, tail = what.partition(": ")
    if colon:
        return f"{head}:<br>{tail}"
    words = what.split()
    half = len(words) // 2
    return f"{' '.join(words[:half])}<br>{' '.join(words[half:])}"
