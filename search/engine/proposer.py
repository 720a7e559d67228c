"""A backend as a study sees it: its own trials only, under the study's names and limits."""

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
    """Stands between a study and its backend.

    The baseline is not the backend's: it is left out of what the backend is told, and counted
    off its limit. After `adopt` the same holds for everything that came before.
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
        """Whether an ask makes sense: not while waiting for a tell, nor at the end."""
        return not self._waits and not self._exhausted

    @property
    def prunes(self) -> bool:
        """Whether the backend may stop a trial at a report."""
        return self._backend.prunes

    @property
    def waits(self) -> bool:
        """Whether the last ask was answered Wait and nothing has been told since."""
        return self._waits

    def limit(self, trials: int | None) -> None:
        """Set how many trials the study may hold in all (None: no end)."""
        self._backend.limit(None if trials is None else max(trials - self._others, 0))
        self._exhausted = False

    def ask(self) -> Answer:
        """The backend's next answer, its trial under the study's name."""
        answer = self._backend.ask()
        if isinstance(answer, Proposal) and self._shift:
            answer = replace(answer, trial=self._study_name(answer.trial))
        self._waits = isinstance(answer, Wait)
        self._exhausted = isinstance(answer, Exhausted)
        return answer

    def report(self, report: EpochReport) -> Decision:
        """The backend's decision; CONTINUE for a trial that is not its own."""
        if not self._owns(report.trial):
            return Decision.CONTINUE
        if self._shift:
            report = replace(report, trial=self._backend_name(report.trial))
        return self._backend.report(report)

    def tell(self, trial: str, outcome: Outcome) -> None:
        """Tell the backend, if the trial is its own."""
        self._waits = False
        if self._owns(trial):
            self._backend.tell(self._backend_name(trial), outcome)

    def adopt(self, record: StudyRecord) -> None:
        """Go on with a new backend that knows what was recorded, but is not held to it."""
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
        """Whether it is the backend's: not the baseline, which is 0, nor of a backend before it."""
        return int(trial) > self._shift

    def _study_name(self, trial: str) -> str:
        return str(int(trial) + self._shift)

    def _backend_name(self, trial: str) -> str:
        return str(int(trial) - self._shift)
