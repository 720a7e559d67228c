"""Main loop of a study: ask, submit, report, tell. Each event is first written to the journal."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from search.engine.proposer import Proposer
from search.errors import AlikeError, SearchError
from search.executors.base import EpochDone, Executor, Finished, Lost, Message
from search.runtime.clock import Clock
from search.space.parameters import Params
from search.study.events import (
    Adopted,
    Asked,
    Entry,
    EpochRecorded,
    Event,
    LimitsChanged,
    Stopped,
    Told,
)
from search.study.journal import Journal
from search.study.study_record import StudyRecord
from search.study.trial import BASELINE_TRIAL, Budget, Failed, Outcome, Proposal
from search.trackers.base import Tracker

# Maximum number of messages per commit, which limits how long replies wait.
_GROUP = 1000
# Seconds from which on an ask is slow: the next turn commits before it asks again.
_SLOW_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Baseline:
    """The user's current settings, trained as trial 0 for a full budget."""

    params: Params
    budget: Budget

    def proposal(self) -> Proposal:
        """Return the proposal of the baseline, which no backend makes."""
        return Proposal(BASELINE_TRIAL, self.params, self.budget, {"role": "baseline"})


class Coordinator:
    """Run a study from the state of its record to its end, or to its time limit.

    Each turn handles all available messages, appends the backend's answers and next proposals to
    the journal, and commits once. Only then it runs the effects, in the order of their events:
    replies and tasks for workers, calls of the tracker. After a kill at any time, the journal
    therefore contains everything that workers and trackers have received.

    A study whose first trials fail with the same error ends (see `search.study.failures`), unless
    `keep_going` is set.
    """

    def __init__(
        self,
        *,
        record: StudyRecord,
        journal: Journal,
        proposer: Proposer,
        executor: Executor,
        tracker: Tracker,
        clock: Clock,
        baseline: Baseline | None,
        attempts: int = 2,
        keep_going: bool = False,
    ) -> None:
        self._record = record
        self._journal = journal
        self._proposer = proposer
        self._executor = executor
        self._tracker = tracker
        self._clock = clock
        self._baseline = baseline
        self._attempts = attempts
        self._keep_going = keep_going
        self._in_flight: dict[str, int] = {}
        self._effects: list[Callable[[], object]] = []
        self._slow = False
        self._started = clock.seconds()
        self._before = record.seconds

    def extend(self, limit: LimitsChanged) -> None:
        """Record new limits of the study, and pass them to the backend."""
        self.write(limit)
        self._proposer.limit(limit.trials)

    def adopt(self, versions: Mapping[str, str], rules: int | None = None) -> None:
        """Continue with a new backend that gets the recorded trials. `rules`: as in `Adopted`."""
        self.write(Adopted(versions, rules))
        self._proposer.adopt(self._record)

    def run(self) -> None:
        """Run until no trials are left or the time limit is reached, and record the reason.

        Raises: AlikeError when the first trials fail with the same error.
        """
        self._tracker.start_study(self._record)
        again = deque(trial for trial in self._record.trials.values() if trial.pending)
        while True:
            remaining = self._remaining()
            if remaining is not None and remaining <= 0:
                self._commit()
                return self._stop("time")
            self._refuse_failures_alike()
            while again and len(self._in_flight) < self._executor.slots:
                self._submit(again.popleft().trial, attempt=1)
            while not again and len(self._in_flight) < self._executor.slots:
                if self._slow:
                    self._commit()
                if not self._propose():
                    break
            self._commit()
            if not self._in_flight:
                return self._stop(self._reason())
            self._receive(remaining)

    def interrupt(self) -> None:
        """Stop at the user's request. Keep checkpoints, and record no outcomes."""
        self._stop("interrupted")

    def write(self, event: Event) -> None:
        """Write an event to the journal and the record. It is on disk when this returns."""
        self._append(event)
        self._commit()

    def _propose(self) -> bool:
        """Submit one new proposal. Return False when there is none at this time."""
        if self._baseline is not None and BASELINE_TRIAL not in self._record.trials:
            asked = Asked(self._baseline.proposal(), by_study=True)
        elif self._proposer.ready:
            started = self._clock.seconds()
            asked = Asked(self._proposer.ask())
            self._slow = self._clock.seconds() - started > _SLOW_SECONDS
        else:
            return False
        self._append(asked)
        if not isinstance(asked.answer, Proposal):
            if not self._in_flight and self._proposer.waits:
                raise SearchError(
                    f"Backend {self._record.header.backend!r} is waiting although no trial is "
                    "running. This is a bug in the backend."
                )
            return False
        self._submit(asked.answer.trial, attempt=1)
        return True

    def _submit(self, name: str, attempt: int) -> None:
        self._in_flight[name] = attempt

        def submit() -> None:
            trial = self._record.trials[name]
            self._executor.submit(self._record.task(trial, attempt))
            if attempt == 1:
                self._tracker.start_trial(trial, trial.proposal)

        self._effects.append(submit)

    def _receive(self, timeout: float | None) -> None:
        """Wait for a message, then handle it and all other available messages."""
        message = self._executor.next_message(timeout)
        for _ in range(_GROUP):
            if message is None:
                return
            self._handle(message)
            message = self._executor.next_message(0.0)
        if message is not None:
            self._handle(message)

    def _handle(self, message: Message) -> None:
        if isinstance(message, EpochDone):
            self._epoch(message)
        elif self._in_flight.get(message.trial) != message.attempt:
            return  # from an attempt that was given up
        elif isinstance(message, Finished):
            if message.refusal is not None and not self._record.epochs_trained:
                raise message.refusal
            self._finished(message.trial, message.outcome)
        else:
            self._lost(message)

    def _epoch(self, message: EpochDone) -> None:
        report = message.report
        decision = self._proposer.report(report)
        self._append(EpochRecorded(report, decision))
        trial = self._record.trials[report.trial]
        self._effects.append(lambda: message.reply(decision))
        self._effects.append(lambda: self._tracker.epoch(trial, report))

    def _finished(self, name: str, outcome: Outcome) -> None:
        del self._in_flight[name]
        trial = self._record.trials[name]
        outcome = trial.final_outcome(outcome)
        self._append(Told(name, outcome))
        self._proposer.tell(name, outcome)
        self._effects.append(lambda: self._tracker.end_trial(trial, outcome))

    def _lost(self, message: Lost) -> None:
        if message.attempt < self._attempts:
            self._submit(message.trial, message.attempt + 1)
            return
        trial = self._record.trials[message.trial]
        failed = Failed("lost", message.reason, message.traceback, len(trial.curve), trial.seconds)
        self._finished(message.trial, failed)

    def _refuse_failures_alike(self) -> None:
        """End a study in which all first trials failed with the same error."""
        alike = None if self._keep_going else self._record.failing_alike()
        if alike is not None:
            self._commit()
            self._stop("failed")
            raise AlikeError(alike)

    def _reason(self) -> str:
        outcomes = [trial.outcome for trial in self._record.trials.values()]
        failed = all(isinstance(outcome, Failed) for outcome in outcomes)
        return "failed" if failed and outcomes else "exhausted"

    def _stop(self, reason: str) -> None:
        self._executor.close()
        self._effects.clear()  # left over after Ctrl-C: the executor is closed
        self.write(Stopped(reason))

    def _remaining(self) -> float | None:
        limit = self._record.limit.seconds
        return None if limit is None else limit - self._seconds()

    def _seconds(self) -> float:
        return self._before + self._clock.seconds() - self._started

    def _append(self, event: Event) -> None:
        """Append an event to the journal and the record. It counts after the commit."""
        entry = Entry(self._seconds(), event)
        self._journal.append(entry)
        self._record.apply(entry)

    def _commit(self) -> None:
        """Write appended events to disk, then run their effects."""
        self._journal.commit()
        effects, self._effects = self._effects, []
        for effect in effects:
            effect()
