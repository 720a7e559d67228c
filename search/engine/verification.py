"""Verify recorded trials: retrain each alone in a new process, and compare it with the record."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from search.engine.retraining import fitted_again, fitted_perturbed, trained_again
from search.engine.worker_setup import versions_here
from search.errors import (
    DataError,
    SearchError,
    StudyChangedError,
    UsageError,
    unknown_name,
)
from search.executors.fresh_process import FreshProcess
from search.problem.pickling import PickledProblem
from search.study import journal as journals
from search.study.store import Store
from search.study.study_record import StudyRecord, TrialRecord, fold
from search.study.trial import Budget, Completed, Proposal, Pruned, Task
from search.training.keras_fit import FitCurve

COMPILED = 1e-4  # XLA computes sums in another order
ROUNDING = 1e-5
_SMALLEST = 1e-6
_UNSEEDED = "the model draws random numbers that Keras does not seed"
_ROOM = 10  # one perturbation shows only the order of magnitude of rounding errors


@dataclass(frozen=True, slots=True)
class Difference:
    """The first epoch that differs from the record. None: a missing metric or epoch."""

    epoch: int
    metric: str
    recorded: float | None
    trained: float | None


@dataclass(frozen=True, slots=True)
class Verification:
    """Result of the verification of one trial.

    `epochs`: number of compared epochs. `same`: whether they equal the record; None when they
    cannot be compared. `exact`: equal bit for bit, not only up to rounding. `cause`: the likely
    cause of a difference, the reason for no comparison, or metrics that were not compared.
    """

    trial: str
    epochs: int
    same: bool | None
    exact: bool = False
    difference: Difference | None = None
    cause: str = ""

    @property
    def plain(self) -> dict[str, Any]:
        """The result as JSON-serializable data."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Verification":
        """Create a result from the JSON data of `plain`."""
        found = plain["difference"]
        difference = None if found is None else Difference(**found)
        return cls(**{**plain, "difference": difference})

    def __str__(self) -> str:
        epochs = "1 epoch" if self.epochs == 1 else f"{self.epochs} epochs"
        if self.same is None and self.epochs:
            return f"trial {self.trial}: cannot be compared: {self.cause}"
        if self.same is None:
            return f"trial {self.trial}: nothing to compare ({self.cause})"
        if self.same:
            how = "bit for bit" if self.exact else "up to rounding"
            left_out = f" ({self.cause})" if self.cause else ""
            return f"trial {self.trial}: same, {how}, {epochs}{left_out}"
        if self.difference is None:
            return f"trial {self.trial}: DIFFERS, {self.cause}"
        one = self.difference
        values = f"{_number(one.recorded)} recorded, {_number(one.trained)} now"
        return f"trial {self.trial}: DIFFERS from epoch {one.epoch} on: {one.metric} {values}. " + (
            f"Likely cause: {self.cause}"
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """Selection of trials: named trials, every trial, a sample, or by default the winner."""

    trials: tuple[str, ...] = ()
    every: bool = False
    sample: int | None = None

    def of(self, record: StudyRecord) -> list[TrialRecord]:
        """Return the selected trials. A sample is the winner and others drawn by the study's seed.

        Raises: UsageError for an unknown trial, or a study without a winner.
        """
        for name in self.trials:
            if name not in record.trials:
                raise unknown_name("trial", name, record.trials)
        if self.trials:
            return [record.trials[name] for name in self.trials]
        trained = [trial for trial in record.trials.values() if len(trial.curve)]
        if self.every:
            return trained
        best = record.best()
        if best is None:
            raise UsageError(
                f"Study {record.header.study} has no trial with a score. Name a trial: "
                f"{record.header.study}/TRIAL."
            )
        others = [trial for trial in trained if trial.trial != best.trial]
        count = min((self.sample or 1) - 1, len(others))
        return [best, *random.Random(record.header.seed).sample(others, count)]


@dataclass(frozen=True, slots=True)
class Verifier:
    """Verify trials of a study, each in a separate new process.

    `fit`: train with Keras's `fit` instead of the platform's training loop.
    """

    record: StudyRecord
    fresh: FreshProcess
    data_dir: Path | None
    pickled: PickledProblem | None
    fit: bool = False

    def __call__(self, choice: Choice) -> Iterator[Verification]:
        """Verify the selected trials, one after the other.

        Raises: StudyChangedError or DataError when problem or data have changed.
        """
        for trial in choice.of(self.record):
            yield self._one(trial)

    def _one(self, trial: TrialRecord) -> Verification:
        if not len(trial.curve):
            return Verification(trial.trial, 0, None, cause="no epoch is recorded")
        recorded = [dict(report.metrics) for report in trial.curve]
        try:
            if self.fit:
                return self._by_fit(trial, recorded)
            found = self._run(trained_again, trial)
            difference = _first(recorded, found)
            if difference is None:
                return Verification(trial.trial, len(recorded), True, exact=True)
            cause = _cause(self.record, trial, difference, found, self._run(trained_again, trial))
        except (UsageError, StudyChangedError, DataError):
            raise
        except SearchError as error:
            return Verification(trial.trial, len(recorded), False, cause=str(error))
        return Verification(trial.trial, len(recorded), False, difference=difference, cause=cause)

    def _by_fit(self, trial: TrialRecord, recorded: Sequence[Mapping[str, float]]) -> Verification:
        """Compare with Keras's `fit`.

        XLA rounds differently from `fit`, and small differences grow over many steps. The tolerance
        for a compiled trial therefore includes the effect of a rounding error in its initial
        weights.
        """
        found: FitCurve = self._run(fitted_again, trial)
        result = _by_fit(trial, recorded, found)
        if result.same or not _is_compiled(trial):
            return result
        other: FitCurve = self._run(fitted_perturbed, trial)
        return _by_fit(trial, recorded, found, _growth(found.epochs, other.epochs))

    def _run(self, function: Any, trial: TrialRecord) -> Any:
        known = self.record.task(trial)
        proposal = Proposal(trial.trial, trial.params, Budget(0, trial.stop_epoch))
        task = Task(proposal, known.seed)
        header = self.record.header
        return self.fresh.run(function, header, task, len(trial.curve), self.data_dir, self.pickled)


def chosen(words: Sequence[str], *, every: bool, sample: int | None) -> tuple[str, Choice]:
    """Parse arguments like STUDY or STUDY/TRIAL. Return the study and the selected trials.

    Raises: UsageError for several studies, or for trials together with `every` or `sample`.
    """
    pairs = [word.partition("/") for word in words]
    studies = list(dict.fromkeys(study for study, _, _ in pairs))
    if len(studies) > 1:
        raise UsageError(
            f"verify takes trials of one study, not of {' and '.join(studies)}. Verify the studies "
            "one after the other."
        )
    trials = tuple(dict.fromkeys(trial for _, _, trial in pairs if trial))
    if sum((bool(trials), every, sample is not None)) > 1:
        raise UsageError("Trials, --all and --sample exclude each other. Give only one of them.")
    if sample is not None and sample < 1:
        raise UsageError(f"--sample {sample} is less than 1. Use 1 or more.")
    return studies[0], Choice(trials, every, sample)


def all_same(results: Sequence[Verification]) -> bool:
    """Return whether no trial differs from its record."""
    return not any(result.same is False for result in results)


def document(study: str, results: Sequence[Verification], *, fit: bool) -> dict[str, Any]:
    """Return the results as JSON-serializable data. Its keys are part of the public interface."""
    return {
        "study": study,
        "by": "fit" if fit else "trainer",
        "same": all_same(results),
        "trials": [result.plain for result in results],
    }


def opened(
    store: Store,
    study: str,
    fresh: FreshProcess,
    data_dir: Path | None,
    pickled: PickledProblem | None,
    *,
    fit: bool = False,
) -> Verifier:
    """Create the verifier of a recorded study.

    Raises: SearchError when the study does not exist or its journal is damaged.
    """
    record = fold(journals.read(store.existing(study)))
    return Verifier(record, fresh, data_dir, pickled, fit)


def _first(
    recorded: Sequence[Mapping[str, float]], found: Sequence[Mapping[str, float]]
) -> Difference | None:
    """Return the first epoch that differs, with the metric that differs most."""
    for epoch, one in enumerate(recorded, start=1):
        if epoch > len(found):
            return Difference(epoch, "the epoch", None, None)
        if dict(one) != dict(found[epoch - 1]):
            return _most(epoch, one, found[epoch - 1])
    return None


def _most(epoch: int, one: Mapping[str, float], other: Mapping[str, float]) -> Difference:
    def distance(name: str) -> float:
        if name not in one or name not in other:
            return float("inf")
        return abs(one[name] - other[name]) / max(abs(one[name]), abs(other[name]), _SMALLEST)

    name = max(sorted({*one, *other}), key=distance)
    return Difference(epoch, name, one.get(name), other.get(name))


def _cause(
    record: StudyRecord,
    trial: TrialRecord,
    difference: Difference,
    found: Sequence[Mapping[str, float]],
    again: Sequence[Mapping[str, float]],
) -> str:
    """Return the likely cause of a difference. `again`: metrics of a second retraining."""
    if list(map(dict, found)) != list(map(dict, again)):
        return (
            "training is random: two runs now differ from each other. Draw random numbers only "
            "from Keras's layers and seeded generators"
        )
    now = dict(versions_here())
    recorded = record.header.versions
    changed = [f"{n} {recorded[n]} -> {v}" for n, v in now.items() if recorded.get(n, v) != v]
    changed = [text for text in changed if not text.startswith("python ")]
    if changed:
        return f"versions differ from those of the study: {', '.join(changed)}"
    starts = [proposal.budget.start + 1 for proposal in trial.proposals[1:]]
    if difference.epoch in starts:
        return (
            "this is the first epoch after a promotion, so some state of the training was not "
            "restored"
        )
    if recorded.get("workers") == "cluster":
        return "the study was trained on another machine"
    return "effects of other trials in the same worker process, a crash of it, or another machine"


def _is_compiled(trial: TrialRecord) -> bool:
    return any(o.way == "compiled" for o in trial.outcomes if isinstance(o, Completed | Pruned))


def _growth(
    one: Sequence[Mapping[str, float]], other: Sequence[Mapping[str, float]]
) -> list[dict[str, float]]:
    """Return the size of rounding errors by epoch and metric, with a safety factor."""
    grown: dict[str, float] = {}
    found = []
    for mine, its in zip(one, other, strict=False):
        for name in mine.keys() & its.keys():
            grown[name] = max(grown.get(name, 0.0), _ROOM * abs(mine[name] - its[name]))
        found.append(dict(grown))
    return found


def _by_fit(
    trial: TrialRecord,
    recorded: Sequence[Mapping[str, float]],
    found: FitCurve,
    growth: Sequence[Mapping[str, float]] = (),
) -> Verification:
    """Compare the record with a curve of Keras's `fit`, up to rounding and its `growth`."""
    relative = COMPILED if _is_compiled(trial) else ROUNDING
    exact, left_out = True, set()
    for epoch, one in enumerate(recorded, start=1):
        if epoch > len(found.epochs):
            difference = Difference(epoch, "the epoch", None, None)
            return _differs_from_fit(trial, len(recorded), difference, found)
        other = found.epochs[epoch - 1]
        for name in sorted({*one, *other}):
            reason = next((r for p, r in found.incomparable.items() if name.startswith(p)), None)
            if reason is not None:
                left_out.add(f"{name} not compared: {reason}")
                continue
            mine, its = one.get(name), other.get(name)
            exact &= mine == its
            if mine is not None and its is not None:
                if _near(name, mine, its, relative, found):
                    continue
                if epoch <= len(growth) and abs(mine - its) <= growth[epoch - 1].get(name, 0.0):
                    left_out.add("compiled by XLA: differences are within grown rounding errors")
                    continue
            difference = Difference(epoch, name, mine, its)
            return _differs_from_fit(trial, len(recorded), difference, found)
    return Verification(
        trial.trial, len(recorded), True, exact=exact, cause="; ".join(sorted(left_out))
    )


def _near(name: str, one: float, other: float, relative: float, found: FitCurve) -> bool:
    if abs(one - other) <= max(relative * max(abs(one), abs(other)), _SMALLEST):
        return True
    if name.removeprefix("val_") in found.means or relative == ROUNDING:
        return False
    rows = found.held_out if name.startswith("val_") else found.rows
    return abs(one - other) <= (1 + rows // 1000) / rows * (1 + relative)


def _differs_from_fit(
    trial: TrialRecord, epochs: int, difference: Difference, found: FitCurve
) -> Verification:
    if found.unseeded:
        return Verification(trial.trial, epochs, None, cause=_UNSEEDED)
    return Verification(
        trial.trial,
        epochs,
        False,
        difference=difference,
        cause="the platform does not train this model like Keras's fit; verify it without --fit "
        "to see whether the platform's training is reproducible",
    )


def _number(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.9g}"
