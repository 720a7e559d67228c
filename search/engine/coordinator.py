"""THE loop of a study: ask, submit, report, tell; each event in the journal before it counts."""

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

# Messages that are handled before their events are committed: a bound on how long replies wait.
_GROUP = 1000
# Seconds after which an ask counts as slow: what was decided before it is let out first.
_SLOW_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Baseline:
    """The settings in use today, to be trained as trial 0 for a whole budget."""

    params: Params
    budget: Budget

    def proposal(self) -> Proposal:
        """The proposal that no backend makes."""
        return Proposal(BASELINE_TRIAL, self.params, self.budget, {"role": "baseline"})


class Coordinator:
    """Runs a study from where its record stands to its end, or until time is up.

    Each turn takes all the messages that are there, puts the backend's answers to them and its
    next proposals into the journal, commits once, and only then lets anything out: replies and
    tasks to workers, calls to the tracker, in the order of their events. So a kill at any moment
    leaves a journal that replays to a state from which nothing was seen that is not recorded.

    A study whose first trials fail alike ends (see `search.study.failures`), unless it is to
    `keep_going`.
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
        """Raise the study's caps."""
        self.write(limit)
        self._proposer.limit(limit.trials)

    def adopt(self, versions: Mapping[str, str], rules: int | None = None) -> None:
        """Go on with a new backend that is told what the record holds; `rules`: as in `Adopted`."""
        self.write(Adopted(versions, rules))
        self._proposer.adopt(self._record)

    def run(self) -> None:
        """Work until nothing is left to do or the time is up, and record why it ended.

        Raises: AlikeError when the first trials fail alike.
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
        """Stop where it stands, at the user's wish: checkpoints are kept, nothing is told."""
        self._stop("interrupted")

    def write(self, event: Event) -> None:
        """Put an event into the journal and the record; it is on disk when this returns."""
        self._append(event)
        self._commit()

    def _propose(self) -> bool:
        """Have one new proposal submitted; False when there is none to be had now."""
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
                    "a backend must not wait when no trial is under way; this is a bug of the "
                    f"backend {self._record.header.backend!r}"
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
        """Wait for a message, then take all that are there without waiting."""
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
            return  # of an attempt that was given up
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
        """End a study of which nothing but one failure has come so far."""
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
        self._effects.clear()  # Ctrl-C came before they were let out: there is no one to hear them
        self.write(Stopped(reason))

    def _remaining(self) -> float | None:
        limit = self._record.limit.seconds
        return None if limit is None else limit - self._seconds()

    def _seconds(self) -> float:
        return self._before + self._clock.seconds() - self._started

    def _append(self, event: Event) -> None:
        """Put an event into the journal, then into the record; it counts once committed."""
        entry = Entry(self._seconds(), event)
        self._journal.append(entry)
        self._record.apply(entry)

    def _commit(self) -> None:
        """Make durable what was appended, then let out what follows from it."""
        self._journal.commit()
        effects, self._effects = self._effects, []
        for effect in effects:
            effect()
