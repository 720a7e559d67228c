"""What a study has come to: the fold of its journal's events. Nothing here is stored twice."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from search.errors import JournalError
from search.events import (
    Adopted,
    Asked,
    Entry,
    Judged,
    Limited,
    Reported,
    Stopped,
    StudyStarted,
    Told,
)
from search.objective import Objective
from search.parameters import Params
from search.seeds import seed_for
from search.trial import (
    Completed,
    Decision,
    EpochReport,
    Failed,
    Outcome,
    Proposal,
    Pruned,
    Task,
)

TrialState: TypeAlias = Literal["completed", "pruned", "failed", "running", "waiting"]
StudyState: TypeAlias = Literal["running", "finished", "interrupted", "failed"]


@dataclass(slots=True)
class TrialRecord:
    """One trial: its proposals in order, an outcome for each that has ended, one unbroken curve."""

    trial: str
    proposals: list[Proposal] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    curve: list[EpochReport] = field(default_factory=list)
    told_to_stop: bool = False

    @property
    def params(self) -> Params:
        """The trial's configuration."""
        return self.proposals[-1].params

    @property
    def pending(self) -> bool:
        """Whether its last proposal has no outcome yet."""
        return len(self.outcomes) < len(self.proposals)

    @property
    def outcome(self) -> Outcome | None:
        """What came of the last proposal that has ended."""
        return self.outcomes[-1] if self.outcomes else None

    @property
    def score(self) -> float | None:
        """The score of the last outcome that has one."""
        scores = [o.score for o in self.outcomes if isinstance(o, Completed | Pruned)]
        return scores[-1] if scores else None

    @property
    def best_epoch(self) -> int | None:
        """The epoch of that score."""
        epochs = [o.best_epoch for o in self.outcomes if isinstance(o, Completed | Pruned)]
        return epochs[-1] if epochs else None

    @property
    def seconds(self) -> float:
        """Seconds of work that its recorded epochs took."""
        return sum(report.seconds for report in self.curve)

    def values(self, metric: str) -> list[float]:
        """One metric by epoch."""
        return [report.metrics[metric] for report in self.curve]

    def state(self, study: StudyState) -> TrialState:
        """What the trial counts as, given the state of its study."""
        if self.pending:
            return "running" if study == "running" else "waiting"
        if isinstance(self.outcome, Failed):
            return "failed"
        if isinstance(self.outcome, Pruned):
            return "pruned"
        if self.proposals[-1].may_continue:
            return "pruned" if study == "finished" else "waiting"
        return "completed"


class StudyRecord:
    """A study as its journal tells it, entry by entry."""

    def __init__(self, header: StudyStarted) -> None:
        self.header = header
        self.trials: dict[str, TrialRecord] = {}
        self.told: list[Told] = []
        self.limit = Limited(None, None)
        self.seconds = 0.0
        self.stopped: str | None = None
        self.judged: Judged | None = None
        self.judged_before = 0  # earlier winners that met the test data

    @property
    def objective(self) -> Objective:
        """What the study optimises."""
        return self.header.objective

    @property
    def state(self) -> StudyState:
        """The state by the journal alone; a process that was killed leaves "running" behind."""
        if self.stopped is None:
            return "running"
        if self.stopped in ("interrupted", "failed"):
            return "interrupted" if self.stopped == "interrupted" else "failed"
        return "finished"

    @property
    def epochs_trained(self) -> int:
        """Epochs over all trials; one that was trained again after a crash counts once."""
        return sum(len(trial.curve) for trial in self.trials.values())

    def apply(self, entry: Entry) -> None:
        """Take the next entry of the journal.

        Raises: JournalError when it does not fit what came before.
        """
        event = entry.event
        self.seconds = entry.seconds
        if isinstance(event, Stopped):
            self.stopped = event.reason
            return
        if isinstance(event, Judged):
            if self.judged is not None and self.judged.trial != event.trial:
                self.judged_before += 1
            self.judged = event
            return
        self.stopped = None
        if isinstance(event, Asked):
            if isinstance(event.answer, Proposal):
                proposal = event.answer
                trial = self.trials.setdefault(proposal.trial, TrialRecord(proposal.trial))
                trial.proposals.append(proposal)
                trial.told_to_stop = False
        elif isinstance(event, Reported):
            trial = self._trial(event.report.trial)
            if event.report.epoch != len(trial.curve) + 1:
                raise JournalError(
                    f"trial {trial.trial}: epoch {len(trial.curve) + 1} must come next, got "
                    f"{event.report.epoch}; the journal has been edited"
                )
            trial.curve.append(event.report)
            trial.told_to_stop = event.decision is Decision.STOP
        elif isinstance(event, Told):
            self._trial(event.trial).outcomes.append(event.outcome)
            self.told.append(event)
        elif isinstance(event, Limited):
            self.limit = event
        elif not isinstance(event, Adopted):
            raise JournalError(
                "a journal has one header, got a second; the journal has been edited"
            )

    def task(self, trial: TrialRecord, attempt: int = 1) -> Task:
        """What a worker needs to train, or to train again, the trial's last proposal."""
        return Task(
            proposal=trial.proposals[-1],
            seed=seed_for(self.header.seed, trial.trial, "training"),
            recorded=tuple(trial.curve),
            attempt=attempt,
            stopped=trial.told_to_stop,
        )

    def _trial(self, name: str) -> TrialRecord:
        if name not in self.trials:
            raise JournalError(f"trial {name} was never proposed; the journal has been edited")
        return self.trials[name]

    def best(self) -> TrialRecord | None:
        """The winner: best score among completed trials, the earlier among equals.

        Where none completed (a study stopped early), the best of those that have a score; None
        where none has.
        """
        scored = [trial for trial in self.trials.values() if trial.score is not None]
        state = "finished" if self.state == "running" else self.state
        full = [trial for trial in scored if trial.state(state) == "completed"]
        return min(
            full or scored,
            key=lambda trial: self.objective.sort_key(trial.score or 0.0),
            default=None,
        )


def fold(entries: Iterable[Entry]) -> StudyRecord:
    """The record of a study from the entries of its journal.

    Raises: JournalError when the first entry is not a header, or an entry does not fit.
    """
    iterator = iter(entries)
    first = next(iterator, None)
    if first is None or not isinstance(first.event, StudyStarted):
        raise JournalError("a journal must begin with its header; the file is empty or edited")
    record = StudyRecord(first.event)
    for entry in iterator:
        record.apply(entry)
    return record
