"""Parameter importances as bars with their uncertainty."""

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
    """Plot parameter importances as bars, the most important first, with the spread as whiskers.

    Args:
        frame: Frame of `importances`. For an empty frame, the figure contains a sentence with the
            reason.

    Returns:
        The plotly figure.
    """
    import plotly.graph_objects as go

    title = "Importance of each parameter"
    if frame.empty:
        return theme.said(
            title,
            f"Importances need at least {FEWEST} trials with a score, and different values of "
            "parameters and scores.",
        )
    names = important(frame, _MOST)
    total = frame["parameter"].nunique()
    note = (
        f"share of the explained variation, from {frame['trials'].iloc[0]} trials; whiskers: "
        f"standard deviation over {DRAWS} bootstrap samples"
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
    below = -30 / (40 * len(names) + 22)  # relative to this height; the template is for 400 pixels
    return figure.update_layout(height=height, barmode="group", bargap=0.25, legend_y=below)
