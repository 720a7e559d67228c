"""Functions on a frame of trials that figures share: filter, rank and format."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from search.problem.objective import Objective
from search.study.progress_text import value_text

if TYPE_CHECKING:
    import pandas as pd

PREFIX = "params."


def scored(trials: "pd.DataFrame") -> "pd.DataFrame":
    """Return the trials with a finite score, in their order, with the index 0, 1, ..."""
    import numpy as np

    found: pd.DataFrame = trials[np.isfinite(trials["score"])]
    return found.reset_index(drop=True)


def ranked(trials: "pd.DataFrame", objective: Objective) -> "pd.DataFrame":
    """Return the trials with a score in the order of the leaderboard: completed trials first.

    Within completed and other trials, the best is first; of equal scores, the earlier trial.
    """
    found = scored(trials)
    key = found["score"].map(objective.sort_key)
    order = found.assign(_cut=found["state"] != "completed", _key=key)
    order = order.sort_values(["_cut", "_key"], kind="stable")
    return order.drop(columns=["_cut", "_key"]).reset_index(drop=True)


def winner(trials: "pd.DataFrame", objective: Objective) -> str | None:
    """Return the winner, as `StudyRecord.best` does; None when no trial has a score."""
    first = ranked(trials, objective)
    return None if first.empty else str(first["trial"].iloc[0])


def baseline(trials: "pd.DataFrame") -> str | None:
    """Return the baseline trial; None for a study without one."""
    if "labels.role" not in trials:
        return None
    found = trials.loc[trials["labels.role"] == "baseline", "trial"]
    return None if found.empty else str(found.iloc[0])


def parameters(trials: "pd.DataFrame") -> list[str]:
    """Return the names of the parameters, in the order of the columns."""
    return [name.removeprefix(PREFIX) for name in trials.columns if name.startswith(PREFIX)]


def better(objective: Objective) -> str:
    """Return "higher is better" or "lower is better"."""
    return "higher is better" if objective.direction == "max" else "lower is better"


def number(value: Any) -> str:
    """Return a parameter value or a score as short text."""
    return value_text(value, 4)


def described(trials: "pd.DataFrame") -> list[str]:
    """Return each trial's active parameters as lines of a hover text."""
    names = parameters(trials)
    columns: Sequence[list[Any]] = [trials[PREFIX + name].tolist() for name in names]
    return [
        "<br>".join(
            f"{name} = {number(value)}"
            for name, value in zip(names, row, strict=True)
            if value is not None and value == value
        )
        for row in (zip(*columns, strict=True) if columns else [()] * len(trials))
    ]


def focus(
    values: "pd.Series[float]", objective: Objective | None = None
) -> tuple[float, float] | None:
    """Return an axis range that excludes outliers; None without outliers.

    The loss of a diverged trial may be a million times the others. An outlier is beyond a quartile
    by five times the interquartile range. With an objective, only worse values are outliers.
    """
    import numpy as np

    finite = values[np.isfinite(values)]
    if len(finite) < 5:
        return None
    lower, upper = (float(finite.quantile(q)) for q in (0.25, 0.75))
    reach = 5 * (upper - lower)
    low, high = float(finite.min()), float(finite.max())
    below, above = low < lower - reach, high > upper + reach
    if objective is not None:
        below, above = (
            below and objective.direction == "max",
            above and objective.direction == "min",
        )
    if reach == 0 or not (below or above):
        return None
    low, high = lower - reach if below else low, upper + reach if above else high
    pad = 0.04 * (high - low)
    return low - pad, high + pad
