"""The figures of the page by their words: which there are, and how one is drawn."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dashboards.figures import theme
from dashboards.figures.best_so_far import best_so_far
from dashboards.figures.brackets import brackets
from dashboards.figures.contours import contour
from dashboards.figures.importance import importance, importances, important
from dashboards.figures.learning_curves import learning_curves
from dashboards.figures.parallel import parallel_coordinates
from dashboards.figures.slices import slices
from dashboards.figures.spending import spending
from dashboards.figures.timeline import timeline
from dashboards.tables import Tables

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST = 12  # parameters in one figure
_HEIGHT = 400

Drawing = Callable[[Tables], "go.Figure"]


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure and the pixels that it wants; its width is the page's."""

    figure: "go.Figure"
    height: int


def _importance(tables: Tables) -> "go.Figure":
    return importance(importances(tables.trials, tables.objective, tables.space))


def _parallel(tables: Tables) -> "go.Figure":
    return parallel_coordinates(tables.trials, tables.objective, tables.space)


def _slices(tables: Tables) -> "go.Figure":
    return slices(tables.trials, tables.objective, tables.space)


def _contour(tables: Tables) -> "go.Figure":
    names = important(importances(tables.trials, tables.objective, tables.space), 2)
    if len(names) < 2:
        return theme.said(
            "Two parameters together", "Two parameters are chosen once it is known what matters."
        )
    return contour(tables.trials, tables.objective, names[0], names[1], tables.space)


EXPLORED: Mapping[str, Drawing] = {
    "parallel coordinates": _parallel,
    "importance": _importance,
    "slices": _slices,
    "contour": _contour,
    "brackets": lambda tables: brackets(tables.budgets, tables.objective),
    "timeline": lambda tables: timeline(tables.budgets, tables.seconds),
    "where the time went": lambda tables: spending(tables.trials, tables.budgets, tables.seconds),
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


def explored(tables: Tables, word: str) -> Shown:
    """One of EXPLORED."""
    return shown(EXPLORED[word](tables), tables, word)


def metrics(tables: Tables) -> Sequence[str]:
    """The metrics that have curves, the objective's first."""
    found = [str(name) for name in tables.curves["metric"].unique()]
    return sorted(found, key=lambda name: name != tables.objective.metric)


def shown(figure: "go.Figure", tables: Tables, word: str) -> Shown:
    """The figure ready for the page: what is zoomed or hidden stays so when it is drawn anew."""
    height = int(figure.layout.height or _HEIGHT)
    figure.update_layout(height=None, autosize=True, uirevision=f"{tables.study} {word}")
    return Shown(figure, height)
