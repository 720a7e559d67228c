"""Residuals of a regression model."""

from typing import TYPE_CHECKING

from dashboards.figures import theme

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

_BINS = 40
_MOST_DRAWN = 1500  # points that a page draws without delay, and without WebGL


def residuals(values: "pd.DataFrame", part: str = "test") -> "go.Figure":
    """Plot predicted against true values, and a histogram of the residuals.

    Of more than 1,500 values, evenly chosen ones are drawn as points; the histogram counts all.

    Args:
        values: Frame of `dashboards.tables.evaluation.residuals_frame`, with the columns true,
            predicted and residual (predicted minus true).
        part: Name of the data in the title, "test" or "validation".

    Returns:
        The plotly figure.
    """
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    title = f"Residuals on {part} data"
    if values.empty:
        return theme.said(title, "There are no finite predictions.")
    off = values["residual"]
    root = float((off**2).mean()) ** 0.5
    note = (
        f"Predicted minus true: mean {off.mean():+.3g}, root mean square {root:.3g}, median "
        f"absolute error {off.abs().median():.3g}; {len(values):,} values"
    )
    drawn = values.iloc[:: -(-len(values) // _MOST_DRAWN)]
    figure = make_subplots(rows=2, cols=1, row_heights=[0.68, 0.32], vertical_spacing=0.16)
    theme.styled(figure, title, note)
    figure.add_trace(
        go.Scatter(
            x=drawn["true"],
            y=drawn["predicted"],
            mode="markers",
            marker={"color": theme.BLUE, "size": 4, "opacity": 0.4},
            name="examples",
            hovertemplate="true %{x:.4g}, predicted %{y:.4g}<extra></extra>",
        ),
        row=1,
        col=1,
    )
    ends = [float(values["true"].min()), float(values["true"].max())]
    figure.add_trace(
        go.Scatter(
            x=ends,
            y=ends,
            mode="lines",
            line={"color": theme.ORANGE, "dash": "dash"},
            name="predicted = true",
            hoverinfo="skip",
        ),
        row=1,
        col=1,
    )
    figure.add_trace(
        go.Histogram(
            x=off,
            nbinsx=_BINS,
            marker={"color": theme.SKY},
            name="residuals",
            hovertemplate="%{x}: %{y}<extra></extra>",
        ),
        row=2,
        col=1,
    )
    figure.update_xaxes(title="true", row=1, col=1)
    figure.update_yaxes(title="predicted", row=1, col=1)
    figure.update_xaxes(title="predicted minus true", row=2, col=1)
    figure.update_yaxes(title="examples", row=2, col=1)
    figure.update_layout(height=620, showlegend=False)
    return figure
