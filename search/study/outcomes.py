"""Compute the outcome of a trial from its learning curve: the score, or a failure for NaN."""

import difflib
import math
from collections.abc import Sequence

from search.errors import UsageError
from search.problem.objective import Metrics, Objective
from search.study.architecture import Network
from search.study.trial import Completed, EpochReport, Failed, Pruned

_LOSSES = ("loss", "val_loss")


def values(objective: Objective, curve: Sequence[EpochReport]) -> list[float]:
    """Return the objective's metric after epochs 1, 2, ...

    Raises:
        UsageError: An epoch lacks the metric; the message lists the reported metrics.
    """
    for report in curve:
        if objective.metric not in report.metrics:
            raise _missing(objective.metric, report)
    return [report.metrics[objective.metric] for report in curve]


def _missing(metric: str, report: EpochReport) -> UsageError:
    reported = sorted(report.metrics)
    parts = [name for name in reported if name.startswith((f"{metric}_0", f"{metric}_at_0"))]
    if parts:
        return UsageError(
            f"objective {metric!r} must be one number, got several ({parts[0]}, ...); compile the "
            'metric with average="macro" or another average, or name one of them as the objective'
        )
    if report.epoch > 1:
        return UsageError(
            f"objective: every epoch must report {metric!r}, got none in epoch {report.epoch}; "
            "report it in each epoch"
        )
    close = difflib.get_close_matches(metric, reported, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else "; compile it with that metric"
    return UsageError(
        f"objective: the model must report {metric!r}, got {', '.join(reported)}{hint}"
    )


def over_folds(objective: Objective, folds: Sequence[Metrics]) -> dict[str, float]:
    """Combine the metrics of an epoch over the folds of cross-validation.

    Returns:
        Means of the metrics that all folds have; `fold_1_<metric>`, ... with the objective's
        metric in each fold; and `<metric>_std`, their population standard deviation, as in
        scikit-learn.
    """
    common = [name for name in folds[0] if all(name in fold for fold in folds)]
    means = {name: _mean([fold[name] for fold in folds]) for name in common}
    metric = objective.metric
    if metric not in means:
        return means
    values = [fold[metric] for fold in folds]
    spread = math.sqrt(_mean([(value - means[metric]) ** 2 for value in values]))
    by_fold = {f"fold_{number}_{metric}": value for number, value in enumerate(values, start=1)}
    return means | {spread_metric(objective): spread} | by_fold


def spread_metric(objective: Objective) -> str:
    """Return the name of the metric with the standard deviation over the folds."""
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
    """Build the outcome of a trial that used its budget or stopped early; `curve` is not empty."""
    reached = pruned(objective, curve, parameter_count, way, network)
    return Completed(
        reached.score,
        reached.best_epoch,
        len(curve),
        reached.seconds,
        parameter_count,
        stopped_early,
        way,
        network,
    )


def pruned(
    objective: Objective,
    curve: Sequence[EpochReport],
    parameter_count: int,
    way: str = "",
    network: Network | None = None,
) -> Pruned:
    """Build the outcome of a trial that its backend stopped; `curve` is not empty."""
    scores = values(objective, curve)
    best = objective.best_epoch(scores)
    seconds = _seconds(curve)
    return Pruned(scores[best - 1], best, len(curve), seconds, parameter_count, way, network)


def not_finite(
    objective: Objective, metrics: Metrics, curve: Sequence[EpochReport]
) -> Failed | None:
    """Return a failure if the loss or the objective of an epoch is NaN or infinite.

    Other metrics do not end a trial: precision, for instance, is undefined until an example is
    predicted positive.

    Args:
        objective: The objective.
        metrics: Metrics of the epoch.
        curve: The epochs before it.

    Returns:
        The failure; None if the values are finite.
    """
    deciding = (*_LOSSES, objective.metric)
    if all(math.isfinite(metrics[name]) for name in deciding if name in metrics):
        return None
    bad = sorted({name for name in deciding if not math.isfinite(metrics.get(name, 0.0))})
    diverged = any(name in _LOSSES for name in bad)
    advice = (
        "a lower learning rate may help"
        if diverged
        else "define its value where it divides by zero, or choose another objective"
    )
    return Failed(
        kind="nan" if diverged else "objective",
        message=f"{', '.join(bad)} not finite in epoch {len(curve) + 1}; {advice}",
        traceback="",
        at_epoch=len(curve),
        seconds=_seconds(curve),
    )


def _seconds(curve: Sequence[EpochReport]) -> float:
    return round(sum(report.seconds for report in curve), 3)
