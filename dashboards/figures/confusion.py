"""The confusion matrix of a classifier."""

from typing import TYPE_CHECKING

from dashboards.figures import theme

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

_MOST_WRITTEN = 20  # classes whose counts are written into the cells
# Opaque, so that plotly picks a readable colour for the counts.
_SCALE = ((0.0, "#F4F4F4"), (0.02, "#DCEAF4"), (0.5, theme.SKY), (1.0, theme.BLUE))


def confusion(counts: "pd.DataFrame", part: str = "test") -> "go.Figure":
    """Plot a confusion matrix as a heat map: colour is the share of a row, text the count.

    Args:
        counts: Number of examples by true class (rows) and predicted class (columns); see
            `dashboards.tables.evaluation.confusion_frame`. Empty for too many classes.
        part: Name of the data in the title, "test" or "validation".

    Returns:
        The plotly figure.
    """
    import numpy as np
    import plotly.graph_objects as go

    title = f"Confusion on {part} data"
    if counts.empty:
        return theme.said(title, "There are too many classes for a confusion matrix.")
    values = counts.to_numpy()
    whole = int(values.sum())
    totals = values.sum(axis=1, keepdims=True)
    shares = np.divide(values, totals, out=np.zeros(values.shape), where=totals > 0)
    right = float(np.trace(values)) / whole if whole else 0.0
    note = f"{right:.1%} of {whole:,} correct; colours are shares of a row, the true class."
    figure = theme.blank(title, note + _worst(counts))
    names = [str(name) for name in counts.index]
    figure.add_trace(
        go.Heatmap(
            x=names,
            y=names,
            z=shares,
            customdata=values,
            text=values if len(names) <= _MOST_WRITTEN else None,
            texttemplate="%{text}" if len(names) <= _MOST_WRITTEN else None,
            hovertemplate="%{y} predicted as %{x}: %{customdata} (%{z:.1%})<extra></extra>",
            colorscale=_SCALE,
            zmin=0,
            zmax=1,
            showscale=False,
            xgap=1,
            ygap=1,
        )
    )
    figure.update_xaxes(title="predicted", type="category", showgrid=False, tickangle=-45)
    figure.update_yaxes(title="true", type="category", showgrid=False, autorange="reversed")
    figure.update_layout(height=220 + 24 * min(len(names), 30))
    return figure


def _worst(counts: "pd.DataFrame") -> str:
    """Return a sentence on the most frequent confusion, or ""."""
    import numpy as np

    wrong = counts.to_numpy().copy()
    np.fill_diagonal(wrong, 0)
    row, column = divmod(int(wrong.argmax()), wrong.shape[1])
    if not wrong[row, column]:
        return ""
    pair = f"{counts.index[row]} predicted as {counts.columns[column]}"
    return f" Most frequent error: {pair}, {wrong[row, column]:,} times."
