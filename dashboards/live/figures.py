"""The figures of the live page, by the names that a reader can choose."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dashboards.analysis.importance import important, plane
from dashboards.analysis.ranking import parameters
from dashboards.figures import theme
from dashboards.figures.best_so_far import best_so_far
from dashboards.figures.brackets import brackets
from dashboards.figures.contours import contour
from dashboards.figures.importance import importance
from dashboards.figures.learning_curves import learning_curves
from dashboards.figures.parallel import parallel_coordinates
from dashboards.figures.slices import slices
from dashboards.figures.spending import spending
from dashboards.figures.timeline import timeline
from dashboards.report.embed import heading
from dashboards.tables.tables import Tables

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

MOST = 10  # parameters in one figure, the most important first
_HEIGHT = 400  # default height in pixels
_TOP, _NAMED = 28, 72  # pixels above a plot; above axes with names at their tops

# Returns the frame of `importances`. It is computed on the first call, which takes seconds.
Ranking = Callable[[], "pd.DataFrame"]
Drawing = Callable[[Tables, Ranking], "go.Figure"]


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure with its height in pixels, title and note; its width is that of the page."""

    figure: "go.Figure"
    height: int
    title: str
    note: str


def _names(tables: Tables, ranking: Ranking) -> list[str] | None:
    few = len(parameters(tables.trials)) <= MOST
    return None if few else important(ranking(), MOST) or None


def _parallel(tables: Tables, ranking: Ranking) -> "go.Figure":
    names = _names(tables, ranking)
    return parallel_coordinates(tables.trials, tables.objective, tables.space, names)


def _slices(tables: Tables, ranking: Ranking) -> "go.Figure":
    return slices(tables.trials, tables.objective, tables.space, _names(tables, ranking))


def _contour(tables: Tables, ranking: Ranking) -> "go.Figure":
    two = plane(tables.trials, ranking())
    if two is None:
        title = "Two parameters together"
        return theme.said(title, "The two most important parameters are not known yet.")
    return contour(tables.trials, tables.objective, *two, tables.space)


EXPLORED: Mapping[str, Drawing] = {
    "timeline": lambda tables, _: timeline(tables.budgets, tables.seconds),
    "parallel coordinates": _parallel,
    "importance": lambda _, ranking: importance(ranking()),
    "slices": _slices,
    "contour": _contour,
    "brackets": lambda tables, _: brackets(tables.budgets, tables.objective),
    "use of the time": lambda tables, _: spending(tables.trials, tables.budgets, tables.seconds),
}


def best(tables: Tables, against: str) -> Shown:
    """Draw the best score so far, against "seconds" or "epochs"."""
    axis: Any = "epochs" if against == "epochs" else "seconds"
    return shown(
        best_so_far(tables.budgets, tables.curves, tables.objective, axis), tables, f"best {axis}"
    )


def curves(tables: Tables, metric: str | None) -> Shown:
    """Draw the learning curves of a metric, by default of the objective."""
    known = metric if metric in metrics(tables) else None
    figure = learning_curves(tables.trials, tables.curves, tables.objective, known)
    return shown(figure, tables, f"curves {known}")


def explored(tables: Tables, ranking: Ranking, word: str) -> Shown:
    """Draw the figure of EXPLORED with this name."""
    return shown(EXPLORED[word](tables, ranking), tables, word)


def metrics(tables: Tables) -> Sequence[str]:
    """Return the metrics with learning curves, the objective first."""
    found = [str(name) for name in tables.curves["metric"].unique()]
    return sorted(found, key=lambda name: name != tables.objective.metric)


def shown(figure: "go.Figure", tables: Tables, word: str) -> Shown:
    """Prepare a figure for the page. Zoom and hidden traces survive the next drawing."""
    words, note = heading(figure)
    top = _NAMED if any(trace.type == "parcoords" for trace in figure.data) else _TOP
    height = int(figure.layout.height or _HEIGHT) - int(figure.layout.margin.t or 0) + top
    figure.update_layout(
        height=None,
        autosize=True,
        title=None,
        margin={"t": top},
        modebar={"bgcolor": "rgba(0, 0, 0, 0)", "color": theme.GREY, "activecolor": theme.BLUE},
        uirevision=f"{tables.study} {word}",
    )
    return Shown(figure, height, words, note)
