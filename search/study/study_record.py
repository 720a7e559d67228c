"""The record of a study, computed from the events of its journal."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from search.errors import JournalError
from search.problem.objective import Objective
from search.seeds import seed_for
from search.study.event_checks import IMPOSSIBLE
from search.study.events import (
    Adopted,
    Asked,
    Entry,
    EpochRecorded,
    LimitsChanged,
    Stopped,
    StudyStarted,
    Told,
    WinnerEvaluated,
)
from search.study.failures import FIRST, failing_alike
from search.study.trial import BASELINE_TRIAL, Decision, Outcome, Proposal, Task
from search.study.trial_record import Shared, StudyState, TrialRecord, TrialState

__all__ = ["StudyRecord", "StudyState", "TrialRecord", "TrialState", "fold"]

_DECAY = 0.5 ** (1 / 4)  # of the weight of an outcome with each that follows: half after four


@dataclass(slots=True)
class _First:
    """The best trial for which `counts` is true; of equal scores, the earlier trial."""

    objective: Objective
    counts: Callable[[TrialRecord], bool]
    trial: TrialRecord | None = None
    key: tuple[float, int] | None = None
    stale: bool = False

    def changed(self, trial: TrialRecord) -> None:
        """Update the best trial after a change of `trial`."""
        key = self._key(trial)
        if key is not None and (self.key is None or key <= self.key):
            self.trial, self.key = trial, key
        elif trial is self.trial:
            self.stale = True  # it got worse: any other may be first now

    def among(self, trials: Iterable[TrialRecord]) -> TrialRecord | None:
        """Return the best of all trials; None if `counts` is true for none."""
        if self.stale:
            self.trial, self.key, self.stale = None, None, False
            for trial in trials:
                self.changed(trial)
        return self.trial

    def _key(self, trial: TrialRecord) -> tuple[float, int] | None:
        score = trial.score
        if score is None or not self.counts(trial):
            return None
        return self.objective.sort_key(score), trial.place


def _any(trial: TrialRecord) -> bool:
    return True


def _completed(trial: TrialRecord) -> bool:
    return trial.completed


class StudyRecord:
    """State of a study, updated with each entry of its journal.

    `header`: the header of the journal, with the current rules of the study. `told`: trials in the
    order of their outcomes. `entries`: number of applied entries including the header, which equals
    the number of lines of the journal. Values that views need after every event are updated
    incrementally, so that the cost of an event does not grow with the number of trials.
    """

    def __init__(self, header: StudyStarted) -> None:
        self.header = header
        self.trials: dict[str, TrialRecord] = {}
        self.told: list[TrialRecord] = []
        self.entries = 1
        self.epochs_trained = 0  # one that was trained again after a crash counts once
        self.work_seconds = 0.0  # that those epochs took, of all workers
        self.recent_share = (0.0, 0.0)  # epochs of budgets that ended: planned and trained, faded
        self.longest = 0  # where the longest budget so far stops
        self.limit = LimitsChanged(None, None)
        self.seconds = 0.0
        self.stopped: str | None = None
        self.winner_evaluation: WinnerEvaluated | None = None
        self.earlier_winner_evaluations = 0  # earlier winners that met the test data
        self._first_told: list[Outcome] = []
        self._pending: dict[str, TrialRecord] = {}
        self._settled = 0
        self._first = _First(header.objective, _any)
        self._first_completed = _First(header.objective, _completed)
        self._shared = Shared()
        self._metrics: tuple[str, ...] = ()

    @property
    def objective(self) -> Objective:
        """The objective of the study."""
        return self.header.objective

    @property
    def state(self) -> StudyState:
        """The state according to the journal; still "running" if the process was killed."""
        if self.stopped is None:
            return "running"
        if self.stopped in ("interrupted", "failed"):
            return "interrupted" if self.stopped == "interrupted" else "failed"
        return "finished"

    @property
    def pending(self) -> list[TrialRecord]:
        """Trials whose last proposal has no outcome yet, in the order of their creation."""
        return sorted(self._pending.values(), key=lambda trial: trial.place)

    @property
    def flying(self) -> int:
        """Number of pending trials."""
        return len(self._pending)

    @property
    def settled_epochs(self) -> int:
        """Number of planned epochs that are trained or no longer needed.

        Epochs are no longer needed after early stopping, pruning or a failure. For a pending trial,
        only the trained epochs count.
        """
        return self._settled + sum(
            max(trial.start_epoch, len(trial.curve)) for trial in self._pending.values()
        )

    def apply(self, entry: Entry) -> None:
        """Apply the next entry of the journal.

        Raises: JournalError when the entry is inconsistent with earlier entries.
        """
        self.entries += 1
        try:
            self._apply(entry)
        except IMPOSSIBLE as error:
            raise JournalError(f"line {self.entries} of the journal is damaged: {error}") from error

    def _apply(self, entry: Entry) -> None:
        event = entry.event
        self.seconds = entry.seconds
        if isinstance(event, Stopped):
            self.stopped = event.reason
            if event.reason == "failed":
                self._first_told = []
            return
        if isinstance(event, WinnerEvaluated):
            if self.winner_evaluation is not None and self.winner_evaluation.trial != event.trial:
                self.earlier_winner_evaluations += 1
            self.winner_evaluation = event
            return
        self.stopped = None
        if isinstance(event, Asked):
            if isinstance(event.answer, Proposal):
                self._proposed(event.answer)
        elif isinstance(event, EpochRecorded):
            trial = self._trial(event.report.trial)
            trial.add_report(event.report, stop_decided=event.decision is Decision.STOP)
            self._metrics = trial.curve.names
            self.epochs_trained += 1
            self.work_seconds += event.report.seconds
        elif isinstance(event, Told):
            trial = self._trial(event.trial)
            if trial.trial not in self._pending:
                raise JournalError(
                    f"trial {trial.trial}: an outcome must answer a proposal, got one too many; "
                    "the journal has been edited"
                )
            trial.add_outcome(event.outcome, self._shared)
            if len(self._first_told) <= FIRST:
                self._first_told.append(event.outcome)
            planned, trained = trial.stop_epoch - trial.start_epoch, len(trial.curve)
            trained -= min(trial.start_epoch, trained)
            self.recent_share = (
                _DECAY * self.recent_share[0] + planned,
                _DECAY * self.recent_share[1] + trained,
            )
            del self._pending[trial.trial]
            self._settled += trial.stop_epoch
            self.told.append(trial)
            self._moved(trial)
        elif isinstance(event, LimitsChanged):
            self.limit = event
        elif isinstance(event, Adopted):
            if event.rules is not None:
                self.header = replace(self.header, rules=event.rules)
        else:
            raise JournalError(
                "a journal has one header, got a second; the journal has been edited"
            )

    def failing_alike(self) -> str | None:
        """Return an error message if the first trials all failed with the same error.

        The first trials are the first ones with an outcome, since the study last stopped as failed
        if it did. None for other outcomes, and once more trials have an outcome.
        """
        return failing_alike(self._first_told)

    def _proposed(self, proposal: Proposal) -> None:
        trial = self.trials.get(proposal.trial)
        if trial is None:
            trial = TrialRecord(proposal.trial, len(self.trials), self.seconds, self._metrics)
            self.trials[proposal.trial] = trial
        elif trial.trial in self._pending:
            raise JournalError(
                f"trial {trial.trial}: a proposal must follow the outcome of the last one; the "
                "journal has been edited"
            )
        else:
            self._settled -= trial.stop_epoch
        trial.add_proposal(proposal, self._shared)
        self.longest = max(self.longest, proposal.budget.stop)
        self._pending[trial.trial] = trial
        self._moved(trial)

    def _moved(self, trial: TrialRecord) -> None:
        self._first.changed(trial)
        self._first_completed.changed(trial)

    def task(self, trial: TrialRecord, attempt: int = 1) -> Task:
        """Return the task that makes a worker train the last proposal of a trial."""
        return Task(
            proposal=trial.proposal,
            seed=seed_for(self.header.seed, trial.trial, "training"),
            recorded=tuple(trial.curve),
            attempt=attempt,
            stopped=trial.stop_decided,
        )

    def _trial(self, name: str) -> TrialRecord:
        if name not in self.trials:
            raise JournalError(f"trial {name} was never proposed; the journal has been edited")
        return self.trials[name]

    def best(self) -> TrialRecord | None:
        """Return the winner: the completed trial with the best score.

        Of equal scores, the earlier trial wins. If no trial has completed, the winner is the best
        of all trials with a score; None if there are none.
        """
        return self._first_completed.among(self.trials.values()) or self.ahead()

    @property
    def baseline(self) -> TrialRecord | None:
        """The trial of the baseline, the settings you use now; None if the study has none."""
        return self.trials.get(BASELINE_TRIAL)

    def tested(self, trial: TrialRecord) -> dict[str, float]:
        """Return the test metrics of a trial; empty if it was not evaluated on the test set."""
        winner_evaluation = self.winner_evaluation
        return (
            dict(winner_evaluation.test)
            if winner_evaluation is not None and winner_evaluation.trial == trial.trial
            else {}
        )

    def verified(self, trial: TrialRecord) -> tuple[bool | None, str]:
        """Return whether the exported model of a trial has the recorded scores, and why not.

        (None, "") if the model was not checked.
        """
        winner_evaluation = self.winner_evaluation
        if winner_evaluation is None or winner_evaluation.trial != trial.trial:
            return None, ""
        return winner_evaluation.verified, winner_evaluation.reason

    def ahead(self) -> TrialRecord | None:
        """Return the trial with the best score at any budget; of equal scores, the earlier one."""
        return self._first.among(self.trials.values())


def fold(entries: Iterable[Entry]) -> StudyRecord:
    """Compute the record of a study from the entries of its journal.

    Raises: JournalError when the first entry is not a header, or an entry is inconsistent.
    """
    iterator = iter(entries)
    first = next(iterator, None)
    if first is None or not isinstance(first.event, StudyStarted):
        raise JournalError("a journal must begin with its header; the file is empty or edited")
    record = StudyRecord(first.event)
    for entry in iterator:
        record.apply(entry)
    return record
