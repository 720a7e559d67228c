"""List the figures of one study in the order of the report, each with its file name."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboards.analysis.importance import important, plane
from dashboards.figures import (
    best_so_far,
    brackets,
    contours,
    importance,
    learning_curves,
    parallel,
    slices,
    spending,
    timeline,
)
from dashboards.tables.tables import Tables

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

_MOST_AXES = 9  # parameters: more axes are hard to read


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure and its name: letters and hyphens, the same in every report."""

    name: str
    figure: "go.Figure"


def charts(tables: Tables, importances: "pd.DataFrame") -> list[Chart]:
    """Return all figures of a study. A figure without data contains a sentence with the reason.

    `importances`: the frame of `dashboards.analysis.importance.importances`.
    """
    objective, space = tables.objective, tables.space
    trials, budgets, curves = tables.trials, tables.budgets, tables.curves
    first = important(importances, _MOST_AXES) or None
    found = [
        Chart("best-by-time", best_so_far.best_so_far(budgets, curves, objective, "seconds")),
        Chart("best-by-epochs", best_so_far.best_so_far(budgets, curves, objective, "epochs")),
        Chart("learning-curves", learning_curves.learning_curves(trials, curves, objective)),
        Chart(
            "parallel-coordinates", parallel.parallel_coordinates(trials, objective, space, first)
        ),
        Chart("importance", importance.importance(importances)),
        Chart("slices", slices.slices(trials, objective, space, first)),
    ]
    two = plane(trials, importances)
    if two is not None:
        found.append(Chart("contour", contours.contour(trials, objective, *two, space)))
    if "labels.rung" in budgets:
        found.append(Chart("brackets", brackets.brackets(budgets, objective)))
    return [
        *found,
        Chart("timeline", timeline.timeline(budgets, tables.seconds)),
        Chart("spending", spending.spending(trials, budgets, tables.seconds)),
    ]
