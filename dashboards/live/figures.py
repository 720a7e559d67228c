"""The figures of the page by their words: which there are, and how one is drawn."""

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

MOST = 10  # parameters in one figure: those that matter most
_HEIGHT = 400  # pixels, where a figure does not say
_TOP, _NAMED = 28, 72  # above the first line; above axes that are named at their tops

# The frame of `importances`: made when a figure asks for it, which takes seconds.
Ranking = Callable[[], "pd.DataFrame"]
Drawing = Callable[[Tables, Ranking], "go.Figure"]


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure, the pixels that it wants, and what stands above it; its width is the page's."""

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
        return theme.said(title, "The two that matter most are shown once they are known.")
    return contour(tables.trials, tables.objective, *two, tables.space)


EXPLORED: Mapping[str, Drawing] = {
    "timeline": lambda tables, _: timeline(tables.budgets, tables.seconds),
    "parallel coordinates": _parallel,
    "importance": lambda _, ranking: importance(ranking()),
    "slices": _slices,
    "contour": _contour,
    "brackets": lambda tables, _: brackets(tables.budgets, tables.objective),
    "where the time went": lambda tables, _: spending(
        tables.trials, tables.budgets, tables.seconds
    ),
}


def best(tables: Tables, against: str) -> Shown:
    """The best score so far, against "seconds" or "epochs"."""
    way: Any = "epochs" if against == "epochs" else "seconds"
    return shown(
        best_so_far(tables.budgets, tables.curves, tables.objective, way), tables, f"best {way}"
    )


def curves(tables: Tables, metric: str | None) -> Shown:
    """The learning curves of a metric, by default the objective's."""
    known = metric if metric in metrics(tables) else None
    figure = learning_curves(tables.trials, tables.curves, tables.objective, known)
    return shown(figure, tables, f"curves {known}")


def explored(tables: Tables, ranking: Ranking, word: str) -> Shown:
    """One of EXPLORED."""
    return shown(EXPLORED[word](tables, ranking), tables, word)


def metrics(tables: Tables) -> Sequence[str]:
    """The metrics that have curves, the objective's first."""
    found = [str(name) for name in tables.curves["metric"].unique()]
    return sorted(found, key=lambda name: name != tables.objective.metric)


def shown(figure: "go.Figure", tables: Tables, word: str) -> Shown:
    """The figure ready for the page: what is zoomed or hidden stays so when it is drawn anew."""
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
