"""Adapter between a study and its backend: trial names, limits and the baseline."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from search.backends.base import Backend, Known
from search.space.parameters import Params
from search.study.study_record import StudyRecord
from search.study.trial import (
    Answer,
    Completed,
    Decision,
    EpochReport,
    Exhausted,
    Outcome,
    Proposal,
    Wait,
)

MakeBackend: TypeAlias = Callable[[Sequence[Known]], Backend]


class Proposer:
    """Adapter between a study and its backend.

    The baseline is not a trial of the backend: the backend gets no events of it, and its limit is
    smaller by one. After `adopt`, the same holds for all earlier trials.
    """

    def __init__(self, make: MakeBackend, baseline: Params | None) -> None:
        self._make = make
        self._backend = make([] if baseline is None else [Known(baseline)])
        self._others = 0 if baseline is None else 1
        self._shift = 0
        self._waits = False
        self._exhausted = False

    @property
    def ready(self) -> bool:
        """Whether the backend can be asked: not while it waits for a tell, and not at its end."""
        return not self._waits and not self._exhausted

    @property
    def prunes(self) -> bool:
        """Whether the backend may stop a trial at a report."""
        return self._backend.prunes

    @property
    def waits(self) -> bool:
        """Whether the last ask was answered Wait, without a tell since."""
        return self._waits

    def limit(self, trials: int | None) -> None:
        """Set the total number of trials of the study (None: no limit)."""
        self._backend.limit(None if trials is None else max(trials - self._others, 0))
        self._exhausted = False

    def ask(self) -> Answer:
        """Return the backend's next answer, with the study's name of the trial."""
        answer = self._backend.ask()
        if isinstance(answer, Proposal) and self._shift:
            answer = replace(answer, trial=self._study_name(answer.trial))
        self._waits = isinstance(answer, Wait)
        self._exhausted = isinstance(answer, Exhausted)
        return answer

    def report(self, report: EpochReport) -> Decision:
        """Return the backend's decision; CONTINUE for a trial that it did not propose."""
        if not self._owns(report.trial):
            return Decision.CONTINUE
        if self._shift:
            report = replace(report, trial=self._backend_name(report.trial))
        return self._backend.report(report)

    def tell(self, trial: str, outcome: Outcome) -> None:
        """Tell the backend the outcome of a trial that it proposed."""
        self._waits = False
        if self._owns(trial):
            self._backend.tell(self._backend_name(trial), outcome)

    def adopt(self, record: StudyRecord) -> None:
        """Continue with a new backend that gets the recorded trials as known results."""
        trials = record.trials.values()
        self._backend = self._make(
            [
                Known(trial.params, trial.score if isinstance(trial.outcome, Completed) else None)
                for trial in trials
            ]
        )
        self._others = len(trials)
        self._shift = max((int(trial.trial) for trial in trials), default=0)
        self._waits = False
        self.limit(record.limit.trials)

    def _owns(self, trial: str) -> bool:
        """Return whether the current backend proposed a trial: not the baseline, which is 0."""
        return int(trial) > self._shift

    def _study_name(self, trial: str) -> str:
        return str(int(trial) + self._shift)

    def _backend_name(self, trial: str) -> str:
        return str(int(trial) - self._shift)
