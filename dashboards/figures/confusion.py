"""The confusion matrix: what the examples of each class were taken for."""

from typing import TYPE_CHECKING

from dashboards.figures import theme

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

_MOST_WRITTEN = 20  # classes whose counts are written into the cells
# Opaque, so that plotly finds a colour for the counts that can be read on it.
_SCALE = ((0.0, "#F4F4F4"), (0.02, "#DCEAF4"), (0.5, theme.SKY), (1.0, theme.BLUE))


def confusion(counts: "pd.DataFrame", part: str = "test") -> "go.Figure":
    """A heat map: colour is the share within a row, its class; the text is the count.

    `counts`: rows are the true classes, columns what they were taken for; see
    `dashboards.tables.evaluation.confusion_frame`. `part`: of which data, for the title.
    """
    import numpy as np
    import plotly.graph_objects as go

    title = f"Confusion on {part} data"
    if counts.empty:
        return theme.said(title, "There are more classes than a matrix can show.")
    values = counts.to_numpy()
    whole = int(values.sum())
    totals = values.sum(axis=1, keepdims=True)
    shares = np.divide(values, totals, out=np.zeros(values.shape), where=totals > 0)
    right = float(np.trace(values)) / whole if whole else 0.0
    note = f"{right:.1%} of {whole:,} right; a row is a class, its colours are shares of the row."
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
            hovertemplate="%{y} taken for %{x}: %{customdata} (%{z:.1%})<extra></extra>",
            colorscale=_SCALE,
            zmin=0,
            zmax=1,
            showscale=False,
            xgap=1,
            ygap=1,
        )
    )
    figure.update_xaxes(title="taken for", type="category", showgrid=False, tickangle=-45)
    figure.update_yaxes(title="is", type="category", showgrid=False, autorange="reversed")
    figure.update_layout(height=220 + 24 * min(len(names), 30))
    return figure


def _worst(counts: "pd.DataFrame") -> str:
    """The pair that is confused most often, in words."""
    import numpy as np

    wrong = counts.to_numpy().copy()
    np.fill_diagonal(wrong, 0)
    row, column = divmod(int(wrong.argmax()), wrong.shape[1])
    if not wrong[row, column]:
        return ""
    pair = f"{counts.index[row]} taken for {counts.columns[column]}"
    return f" Most often: {pair}, {wrong[row, column]:,} times."
