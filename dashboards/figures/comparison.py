"""Comparison of several studies."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dashboards.analysis.ranking import better, focus
from dashboards.figures import theme
from dashboards.figures.best_so_far import improvements
from search.problem.objective import Objective

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from dashboards.tables.tables import Tables

COLUMNS = (
    *("study", "problem", "backend", "state", "metric", "best_trial", "best", "trials", "epochs"),
    *("seconds", "seconds_to_best", "seconds_to_common"),
)
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")


def compared(studies: "Mapping[str, Tables]") -> "pd.DataFrame":
    """Return one row per study, in their order.

    Args:
        studies: Tables of each study by its name.

    Returns:
        The columns COLUMNS. `best`: score of the winner. `seconds_to_best`: active seconds until
        the best score of any budget. `seconds_to_common`: active seconds until the worst of the
        studies' best scores, which all studies reached; NaN when the objectives differ. Unknown
        values are NaN.
    """
    import pandas as pd

    steps = {name: improvements(one.budgets, one.objective) for name, one in studies.items()}
    common = _common(studies, steps)
    rows = []
    for name, one in studies.items():
        of_best = one.trials.loc[one.trials["trial"] == one.best, "score"]
        reached = steps[name]
        row = (
            *(name, one.problem, one.backend, one.state, one.objective.metric, one.best),
            float(of_best.iloc[0]) if len(of_best) else math.nan,
            *(len(one.trials), one.record.epochs_trained, one.seconds),
            float(reached["ended"].iloc[-1]) if len(reached) else math.nan,
            _first(reached, one.objective, common),
        )
        rows.append(row)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def comparison(studies: "Mapping[str, Tables]") -> "go.Figure":
    """Plot the best score so far of each study against its active seconds.

    Args:
        studies: Tables of each study by its name. Studies without a score are named in the note.

    Returns:
        The plotly figure.
    """
    import pandas as pd
    import plotly.graph_objects as go

    title = "Best score so far of each study"
    objectives = _objectives(studies)
    drawn = {name: improvements(one.budgets, one.objective) for name, one in studies.items()}
    drawn = {name: steps for name, steps in drawn.items() if len(steps)}
    if not drawn:
        return theme.said(title, "No trial has a score yet.")
    one = next(iter(objectives)) if len(objectives) == 1 else None
    note = better(one) if one else "the studies have different objectives; compare only the shapes"
    without = [name for name in studies if name not in drawn]
    if without:
        note += f"; without a score: {', '.join(without)}"
    figure = theme.blank(title, note)
    for place, (name, steps) in enumerate(drawn.items()):
        last = max(studies[name].seconds, steps["ended"].iloc[-1])
        figure.add_trace(
            go.Scatter(
                x=[*steps["ended"], last],
                y=[*steps["score"], steps["score"].iloc[-1]],
                customdata=[*steps["trial"], steps["trial"].iloc[-1]],
                mode="lines",
                line={
                    "shape": "hv",
                    "width": 3,
                    "color": theme.COLOURS[place % len(theme.COLOURS)],
                    "dash": _DASHES[place // len(theme.COLOURS) % len(_DASHES)],
                },
                name=f"{name} ({studies[name].backend})",
                hovertemplate="trial %{customdata}: %{y:.4f} at %{x:.1f} s"
                f"<extra>{name}</extra>",
            )
        )
    scores = pd.concat([steps["score"] for steps in drawn.values()])
    figure.update_xaxes(title_text="seconds of each study", rangemode="tozero")
    figure.update_yaxes(
        title_text=one.metric if one else "score", range=focus(scores, one) if one else None
    )
    return figure


def _objectives(studies: "Mapping[str, Tables]") -> set[Objective]:
    return {one.objective for one in studies.values()}


def _common(studies: "Mapping[str, Tables]", steps: "Mapping[str, pd.DataFrame]") -> float | None:
    """Return the worst of the studies' best scores; None without one common objective."""
    objectives = _objectives(studies)
    bests = [float(one["score"].iloc[-1]) for one in steps.values() if len(one)]
    if len(objectives) != 1 or not bests:
        return None
    return max(bests, key=next(iter(objectives)).sort_key)


def _first(steps: "pd.DataFrame", objective: Objective, score: float | None) -> float:
    """Return the seconds until a study reached a score or a better one; NaN if it did not."""
    if score is None or steps.empty:
        return math.nan
    reached = steps[steps["score"].map(objective.sort_key) <= objective.sort_key(score)]
    return float(reached["ended"].iloc[0]) if len(reached) else math.nan
