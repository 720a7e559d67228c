"""Contour plot: the score as a function of two parameters."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dashboards.analysis.axes import Axis, axes
from dashboards.analysis.ranking import PREFIX, better, focus, number, scored, winner
from dashboards.figures import theme
from dashboards.figures.slices import TURNS, positions
from search.problem.objective import Objective

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import plotly.graph_objects as go

_GRID = 60
_MARGIN = 0.04


def contour(
    trials: "pd.DataFrame",
    objective: Objective,
    x: str,
    y: str,
    space: Sequence[Mapping[str, Any]] | None = None,
) -> "go.Figure":
    """Plot the score over two parameters, interpolated between the trials.

    There is no extrapolation beyond the trials. Only trials with both parameters count. Two
    categorical parameters give the mean score of each pair of options; a categorical and a numeric
    parameter give points without a surface.

    Args:
        trials: Frame of `dashboards.tables.frames.trials_frame`.
        objective: Objective of the study.
        x: Name of the parameter on the x axis.
        y: Name of the parameter on the y axis.
        space: `Tables.space`, for logarithmic axes and the order of options.

    Returns:
        The plotly figure.
    """
    title = f"{x} and {y}"
    found = scored(trials)
    known = axes(found, space)
    if x in known and y in known:
        found = found.dropna(subset=[PREFIX + x, PREFIX + y]).reset_index(drop=True)
    if found.empty or x not in known or y not in known:
        return theme.said(title, f"No trial with a score has both {x} and {y}.")
    across, up = known[x], known[y]
    shade = _shade(found["score"], objective)
    if across.options is not None and up.options is not None:
        figure = _pairs(found, objective, across, up, shade, title)
    else:
        figure = _plane(found, objective, across, up, shade, title)
    _points(figure, found, objective, across, up, shade)
    figure.update_xaxes(title_text=x)
    figure.update_yaxes(title_text=y)
    return figure.update_layout(showlegend=False, height=440)


def _shade(scores: "pd.Series[float]", objective: Objective) -> dict[str, Any]:
    low, high = focus(scores, objective) or (float(scores.min()), float(scores.max()))
    return {
        "low": low,
        "high": high if high > low else low + 1e-9,
        "colorscale": [list(stop) for stop in theme.SCALE],
        "reversescale": objective.direction == "min",
    }


def _plane(
    found: "pd.DataFrame",
    objective: Objective,
    across: Axis,
    up: Axis,
    shade: Mapping[str, Any],
    title: str,
) -> "go.Figure":
    """Interpolate linearly on the triangles between the trials, inside their convex hull."""
    import numpy as np
    import plotly.graph_objects as go

    figure = theme.blank(
        title, f"{objective.metric}, {better(objective)}; a point is a trial, the star is the best"
    )
    if across.options is not None or up.options is not None:
        return figure
    at = np.column_stack([axis.coordinates(found[PREFIX + axis.name]) for axis in (across, up)])
    lows = np.array([across.span[0], up.span[0]])
    widths = np.array([across.span[1], up.span[1]]) - lows
    grids = [np.linspace(*axis.span, _GRID) for axis in (across, up)]
    surface = _interpolated((at - lows) / widths, found["score"].to_numpy())
    if surface is None:
        return theme.noted(figure, "no interpolation: the trials are too close to a line")
    figure.add_trace(
        go.Contour(
            x=grids[0],
            y=grids[1],
            z=np.clip(surface, shade["low"], shade["high"]),
            zmin=shade["low"],
            zmax=shade["high"],
            colorscale=shade["colorscale"],
            reversescale=shade["reversescale"],
            colorbar={"thickness": 12},
            contours={"coloring": "heatmap"},
            line={"width": 0.5, "color": theme.GREY},
            hoverinfo="skip",
        )
    )
    return figure


def _interpolated(
    at: "np.ndarray[Any, Any]", scores: "np.ndarray[Any, Any]"
) -> "np.ndarray[Any, Any] | None":
    """Return the surface on a grid over the unit square; None for points on a line."""
    import numpy as np
    import pandas as pd
    from scipy.interpolate import LinearNDInterpolator
    from scipy.spatial import QhullError

    # the mean of trials with equal values: interpolation needs one value per point
    means = (
        pd.DataFrame({"x": at[:, 0], "y": at[:, 1], "z": scores}).groupby(["x", "y"])["z"].mean()
    )
    places = np.array(means.index.tolist(), dtype=float).reshape(-1, 2)
    if len(places) < 4:
        return None
    unit = np.linspace(0, 1, _GRID)
    try:
        found = LinearNDInterpolator(places, means.to_numpy())(*np.meshgrid(unit, unit))
    except QhullError:
        return None
    surface: np.ndarray[Any, Any] = np.asarray(found, dtype=float)
    return surface if np.isfinite(surface).any() else None


def _pairs(
    found: "pd.DataFrame",
    objective: Objective,
    across: Axis,
    up: Axis,
    shade: Mapping[str, Any],
    title: str,
) -> "go.Figure":
    """Draw the mean score of each pair of options, with the number of trials in the hover text."""
    import numpy as np
    import plotly.graph_objects as go

    columns = across.coordinates(found[PREFIX + across.name]).astype(int)
    rows = up.coordinates(found[PREFIX + up.name]).astype(int)
    shape = (len(up.options or ()), len(across.options or ()))
    total, count = np.zeros(shape), np.zeros(shape, dtype=int)
    np.add.at(total, (rows, columns), found["score"].to_numpy())
    np.add.at(count, (rows, columns), 1)
    means = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    figure = theme.blank(
        title,
        f"{objective.metric}, {better(objective)}; a cell is the mean of its trials, the star is "
        "the best",
    )
    return figure.add_trace(
        go.Heatmap(
            z=means,
            zmin=shade["low"],
            zmax=shade["high"],
            customdata=count,
            colorscale=shade["colorscale"],
            reversescale=shade["reversescale"],
            xgap=2,
            ygap=2,
            colorbar={"thickness": 12},
            hovertemplate="mean %{z:.4f} of %{customdata} trials<extra></extra>",
        )
    )


def _points(
    figure: "go.Figure",
    found: "pd.DataFrame",
    objective: Objective,
    across: Axis,
    up: Axis,
    shade: Mapping[str, Any],
) -> None:
    import numpy as np
    import plotly.graph_objects as go

    places = [
        positions(axis, found[PREFIX + axis.name], turn)
        for axis, turn in zip((across, up), TURNS, strict=True)
    ]
    surface = bool(figure.data)
    best = found["trial"].to_numpy() == winner(found, objective)
    texts = [[*map(number, found[PREFIX + axis.name])] for axis in (across, up)]
    hover = np.column_stack([found["trial"].to_numpy(), *texts, found["score"].map(number)])
    for chosen, symbol, size in ((~best, "circle", theme.dot(len(found))), (best, "star", 14)):
        marker: dict[str, Any] = {
            "symbol": symbol,
            "size": size,
            "line": {"width": 1 if len(found) <= 100 else 0.4, "color": "#FFFFFF"},
            "color": found["score"].to_numpy()[chosen],
            "cmin": shade["low"],
            "cmax": shade["high"],
            "colorscale": shade["colorscale"],
            "reversescale": shade["reversescale"],
            "showscale": not surface and symbol == "circle",
            "colorbar": {"thickness": 12},
        }
        if symbol == "star":
            marker |= {"color": theme.BEST, "line": {"width": 1, "color": "#000000"}}
        figure.add_trace(
            go.Scatter(
                x=places[0][0][chosen],
                y=places[1][0][chosen],
                customdata=hover[chosen],
                mode="markers",
                marker=marker,
                hovertemplate=f"trial %{{customdata[0]}}<br>{across.name} = %{{customdata[1]}}<br>"
                f"{up.name} = %{{customdata[2]}}<br>"
                f"{objective.metric} %{{customdata[3]}}<extra></extra>",
            )
        )
    for (_, ticks, words, span), update in zip(
        places, (figure.update_xaxes, figure.update_yaxes), strict=True
    ):
        pad = _MARGIN * (span[1] - span[0])
        update(tickvals=ticks, ticktext=words, range=[span[0] - pad, span[1] + pad], showgrid=False)
