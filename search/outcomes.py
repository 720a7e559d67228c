"""From a curve to an outcome: where a score is taken, and where NaN becomes a failure."""

import difflib
import math
from collections.abc import Sequence

from search.errors import UsageError
from search.network import Network
from search.objective import Metrics, Objective
from search.trial import Completed, EpochReport, Failed, Pruned


def values(objective: Objective, curve: Sequence[EpochReport]) -> list[float]:
    """The objective's metric after epochs 1, 2, ...

    Raises: UsageError when the epochs do not have that metric, naming those they have.
    """
    if curve and objective.metric not in curve[0].metrics:
        reported = sorted(curve[0].metrics)
        close = difflib.get_close_matches(objective.metric, reported, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else "; compile it with that metric"
        raise UsageError(
            f"objective: the model must report {objective.metric!r}, got {', '.join(reported)}"
            f"{hint}"
        )
    return [report.metrics[objective.metric] for report in curve]


def over_folds(objective: Objective, folds: Sequence[Metrics]) -> dict[str, float]:
    """An epoch's metrics under cross-validation: means over the folds, and the objective by fold.

    `fold_1_<metric>`, ... are the objective's metric in each fold, `<metric>_std` is their standard
    deviation as scikit-learn has it (divided by the number of folds).
    """
    means = {name: _mean([fold[name] for fold in folds]) for name in folds[0]}
    metric = objective.metric
    if metric not in means:
        return means
    values = [fold[metric] for fold in folds]
    spread = math.sqrt(_mean([(value - means[metric]) ** 2 for value in values]))
    by_fold = {f"fold_{place}_{metric}": value for place, value in enumerate(values, start=1)}
    return means | {spread_metric(objective): spread} | by_fold


def spread_metric(objective: Objective) -> str:
    """The metric that says, under cross-validation, how far the folds lie apart."""
    return f"{objective.metric}_std"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def completed(
    objective: Objective,
    curve: Sequence[EpochReport],
    parameter_count: int,
    way: str = "",
    network: Network | None = None,
    *,
    stopped_early: bool,
) -> Completed:
    """What a trial that trained its budget or ran out of patience came to; `curve` not empty."""
    scores = values(objective, curve)
    best = objective.best_epoch(scores)
    return Completed(
        score=scores[best - 1],
        best_epoch=best,
        epochs=len(curve),
        seconds=_seconds(curve),
        parameter_count=parameter_count,
        stopped_early=stopped_early,
        way=way,
        network=network,
    )


def pruned(
    objective: Objective,
    curve: Sequence[EpochReport],
    parameter_count: int,
    way: str = "",
    network: Network | None = None,
) -> Pruned:
    """The outcome of a trial that its backend stopped; `curve` is not empty."""
    scores = values(objective, curve)
    best = objective.best_epoch(scores)
    seconds = _seconds(curve)
    return Pruned(scores[best - 1], best, len(curve), seconds, parameter_count, way, network)


def not_finite(metrics: Metrics, curve: Sequence[EpochReport]) -> Failed | None:
    """The failure that an epoch's metrics amount to when one of them is NaN or infinite, else None.

    `curve`: the epochs before it.
    """
    bad = sorted(name for name, value in metrics.items() if not math.isfinite(value))
    if not bad:
        return None
    epoch = len(curve) + 1
    return Failed(
        kind="nan",
        message=f"{', '.join(bad)} not finite in epoch {epoch}; a lower learning rate may help",
        traceback="",
        at_epoch=len(curve),
        seconds=_seconds(curve),
    )


def _seconds(curve: Sequence[EpochReport]) -> float:
    return round(sum(report.seconds for report in curve), 3)
