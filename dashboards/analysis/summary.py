"""Summarize the result of a study: best settings, their score, and its noise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from statistics import fmean, median
from typing import Literal

from search.space.parameters import Choice, Parameter, Scalar
from search.space.space import from_description
from search.study import progress_text
from search.study.leaderboard import gain, ranked, spread
from search.study.study_record import StudyRecord, TrialRecord
from search.study.trial import Failed

_WINDOW = 5  # epochs around the best epoch, and best trials, used to estimate the noise


@dataclass(frozen=True, slots=True)
class Noise:
    """Estimated standard deviation of a score; `value` is None without an estimate.

    `source` is the method of the estimate:

    - "folds": the standard deviation over the folds of the best trial.
    - "epochs": the fluctuation of the objective between epochs, around the best epochs of the best
      trials. It is computed from third differences, which are almost 0 for a smooth curve. The
      effect of another seed or of other validation data is not included, and may be larger.
    - "none": the record contains too few epochs for an estimate.
    """

    value: float | None
    source: Literal["folds", "epochs", "none"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One parameter: its range, and its values in the best trial and the baseline.

    A value is None if the parameter is inactive in that trial. `changed`: whether the two values
    differ; False without a baseline.
    """

    name: str
    best: Scalar | None
    baseline: Scalar | None
    values: str
    changed: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """Key figures of the best trial of a study.

    `runner_up`: the second best completed trial. `lead`: difference between the two scores.
    `gain`: improvement over the baseline; None without a baseline, or if the baseline is best.
    `verified`: whether the exported model has the recorded scores; None if not checked. `reason`:
    why the model is not verified. `seconds_per_epoch`: the median, so that building the graph in
    the first epoch has no effect.
    """

    trial: str
    score: float
    best_epoch: int
    epochs: int
    noise: Noise
    runner_up: str | None
    lead: float | None
    gain: float | None
    test: Mapping[str, float]
    verified: bool | None
    reason: str
    parameter_count: int | None
    seconds_per_epoch: float
    settings: Sequence[Setting]


def answer(record: StudyRecord) -> Answer | None:
    """Return the result of a study; None when no trial has a score."""
    best = record.best()
    if best is None or best.score is None or best.best_epoch is None:
        return None
    objective = record.objective
    other = _next(record, best)
    lead = None
    if other is not None and other.score is not None:
        lead = objective.sort_key(other.score) - objective.sort_key(best.score)
    verified, reason = record.verified(best)
    counts = [o.parameter_count for o in best.outcomes if not isinstance(o, Failed)]
    return Answer(
        trial=best.trial,
        score=best.score,
        best_epoch=best.best_epoch,
        epochs=len(best.curve),
        noise=noise(record),
        runner_up=None if other is None else other.trial,
        lead=lead,
        gain=None if best.is_baseline else gain(record),
        test=record.tested(best),
        verified=verified,
        reason=reason,
        parameter_count=(counts[-1] or None) if counts else None,
        seconds_per_epoch=median(report.seconds for report in best.curve),
        settings=settings(record),
    )


def noise(record: StudyRecord) -> Noise:
    """Estimate the noise of the best trial's score from the record."""
    best = record.best()
    over_folds = None if best is None else spread(record, best)
    if over_folds is not None:
        return Noise(over_folds, "folds")
    jumps: list[float] = []
    for trial in _completed(record)[:_WINDOW] or ([best] if best is not None else []):
        jumps += _jumps(_around(trial.values(record.objective.metric), trial.best_epoch or 1))
    if not jumps:
        return Noise(None, "none")
    # independent errors of variance v give third differences of variance (1 + 9 + 9 + 1) v
    return Noise(sqrt(fmean(jump**2 for jump in jumps) / 20), "epochs")


def settings(record: StudyRecord) -> list[Setting]:
    """Return the parameters of the best trial and the baseline, in the order of the space."""
    best, baseline = record.best(), record.baseline
    mine = {} if best is None else best.params
    theirs = {} if baseline is None else baseline.params
    nodes = {node.name: node.parameter for node in from_description(record.header.space).nodes}
    order = dict.fromkeys([*nodes, *mine, *theirs])  # the baseline may have other parameters
    return [
        Setting(
            name,
            mine.get(name),
            theirs.get(name),
            values_text(nodes[name]) if name in nodes else "",
            baseline is not None and mine.get(name) != theirs.get(name),
        )
        for name in order
        if name in mine or name in theirs
    ]


def values_text(parameter: Parameter) -> str:
    """Return the range or options of a parameter as text.

    >>> from search.parameters import Float, Int
    >>> values_text(Float("learning_rate", 1e-4, 0.1, log=True)), values_text(Int("layers", 1, 3))
    ('0.0001 to 0.1, logarithmic', '1 to 3')
    """
    if isinstance(parameter, Choice):
        return ", ".join(map(str, parameter.options))
    words = f"{parameter.low:g} to {parameter.high:g}"
    if parameter.step not in (None, 1):
        words += f" in steps of {parameter.step:g}"
    return f"{words}, logarithmic" if parameter.log else words


def value_text(value: Scalar | None) -> str:
    """Return a parameter's value as short text; a dash for an inactive parameter.

    >>> value_text(0.0123456), value_text(300), value_text(None)
    ('0.01235', '300', '–')
    """
    return "–" if value is None else progress_text.value_text(value, 4)


def _completed(record: StudyRecord) -> list[TrialRecord]:
    return [trial for trial in ranked(record) if trial.completed and trial.score is not None]


def _next(record: StudyRecord, best: TrialRecord) -> TrialRecord | None:
    return next((trial for trial in _completed(record) if trial.trial != best.trial), None)


def _around(values: Sequence[float], epoch: int) -> Sequence[float]:
    """Return up to _WINDOW values around an epoch (1-based), shifted inwards at the ends."""
    first = min(max(epoch - 1 - _WINDOW // 2, 0), max(len(values) - _WINDOW, 0))
    return values[first : first + _WINDOW]


def _jumps(values: Sequence[float]) -> Sequence[float]:
    """Return third differences: 0 along a parabola; empty for fewer than four values."""
    for _ in range(3):
        values = [after - before for before, after in pairwise(values)]
    return values
