"""How much each parameter matters, as bars with their uncertainty."""

from typing import TYPE_CHECKING

from dashboards.analysis.importance import DRAWS, FEWEST, importances, important
from dashboards.figures import theme

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

__all__ = ["importance", "importances", "important"]
_MOST = 15
_COLOURS = {"fANOVA": theme.BLUE, "PED-ANOVA": theme.ORANGE}


def importance(frame: "pd.DataFrame") -> "go.Figure":
    """The frame of `importances` as bars, the most important on top; whiskers are the spread."""
    import plotly.graph_objects as go

    title = "How much each parameter matters"
    if frame.empty:
        return theme.said(
            title,
            f"This needs at least {FEWEST} trials with a score, and parameters and scores that "
            "differ between them.",
        )
    names = important(frame, _MOST)
    total = frame["parameter"].nunique()
    note = (
        f"share of what the parameters explain, from {frame['trials'].iloc[0]} trials; whiskers: "
        f"standard deviation over {DRAWS} draws of them with replacement"
    )
    if len(names) < total:
        note += f"; the first {len(names)} of {total} parameters"
    figure = theme.blank(title, note)
    for evaluator in frame["evaluator"].unique():
        rows = frame[frame["evaluator"] == evaluator].set_index("parameter").reindex(names)
        figure.add_trace(
            go.Bar(
                x=rows["importance"],
                y=names,
                error_x={"array": rows["spread"], "color": theme.TEXT, "thickness": 1.5},
                orientation="h",
                name=evaluator,
                marker={"color": _COLOURS.get(evaluator, theme.GREY)},
                hovertemplate="%{y}: %{x:.0%} ± %{error_x.array:.0%}"
                f"<extra>{evaluator}</extra>",
            )
        )
    figure.update_xaxes(tickformat=".0%", rangemode="nonnegative")
    figure.update_yaxes(autorange="reversed", showgrid=False, type="category")
    height = figure.layout.margin.t + 80 + 40 * len(names)
    below = -30 / (40 * len(names) + 22)  # in heights of the bars: the template's is for 400 pixels
    return figure.update_layout(height=height, barmode="group", bargap=0.25, legend_y=below)
