"""THE loop of a study: ask, submit, report, tell; each event in the journal before it counts."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from search.errors import SearchError
from search.events import Adopted, Asked, Entry, Event, Limited, Reported, Stopped, Told
from search.executors.base import Epoch, Executor, Finished, Lost
from search.journal import Journal
from search.parameters import Params
from search.proposer import Proposer
from search.record import StudyRecord
from search.seeds import Clock
from search.trackers.base import Tracker
from search.trial import (
    BASELINE_TRIAL,
    Budget,
    EpochReport,
    Failed,
    Outcome,
    Proposal,
)


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

    Order of each step: an ask or a report goes to the backend, its answer to the journal, then to
    the worker; a tell goes to the journal, then to the backend; the tracker comes last. So a kill
    between any two of these leaves a journal that replays to the same state.
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
    ) -> None:
        self._record = record
        self._journal = journal
        self._proposer = proposer
        self._executor = executor
        self._tracker = tracker
        self._clock = clock
        self._baseline = baseline
        self._attempts = attempts
        self._in_flight: dict[str, int] = {}
        self._started = clock.seconds()
        self._before = record.seconds

    def extend(self, limit: Limited) -> None:
        """Raise the study's caps."""
        self.write(limit)
        self._proposer.limit(limit.trials)

    def adopt(self, versions: Mapping[str, str]) -> None:
        """Go on with a new backend that is told what the record holds."""
        self.write(Adopted(versions))
        self._proposer.adopt(self._record)

    def run(self) -> None:
        """Work until nothing is left to do or the time is up, and record why it ended."""
        self._tracker.start_study(self._record)
        again = deque(trial for trial in self._record.trials.values() if trial.pending)
        while True:
            remaining = self._remaining()
            if remaining is not None and remaining <= 0:
                return self._stop("time")
            while again and len(self._in_flight) < self._executor.slots:
                trial = again.popleft()
                self._submit(trial.proposals[-1], attempt=1)
            while not again and len(self._in_flight) < self._executor.slots:
                if not self._propose():
                    break
            if not self._in_flight:
                return self._stop(self._reason())
            message = self._executor.next_message(remaining)
            if isinstance(message, Epoch):
                self._epoch(message)
            elif isinstance(message, Finished):
                if self._in_flight.get(message.trial) == message.attempt:
                    self._finished(message.trial, message.outcome)
            elif isinstance(message, Lost):
                self._lost(message)

    def interrupt(self) -> None:
        """Stop where it stands, at the user's wish: checkpoints are kept, nothing is told."""
        self._stop("interrupted")

    def _propose(self) -> bool:
        """Submit one new proposal; False when there is none to be had now."""
        if self._baseline is not None and BASELINE_TRIAL not in self._record.trials:
            asked = Asked(self._baseline.proposal(), by_study=True)
        elif self._proposer.ready:
            asked = Asked(self._proposer.ask())
        else:
            return False
        self.write(asked)
        if not isinstance(asked.answer, Proposal):
            if not self._in_flight and self._proposer.waits:
                raise SearchError(
                    "a backend must not wait when no trial is under way; this is a bug of the "
                    f"backend {self._record.header.backend!r}"
                )
            return False
        self._submit(asked.answer, attempt=1)
        return True

    def _submit(self, proposal: Proposal, attempt: int) -> None:
        trial = self._record.trials[proposal.trial]
        self._in_flight[proposal.trial] = attempt
        self._executor.submit(self._record.task(trial, attempt))
        if attempt == 1:
            self._tracker.start_trial(trial, proposal)

    def _epoch(self, message: Epoch) -> None:
        report: EpochReport = message.report
        decision = self._proposer.report(report)
        self.write(Reported(report, decision))
        message.reply(decision)
        self._tracker.epoch(self._record.trials[report.trial], report)

    def _finished(self, name: str, outcome: Outcome) -> None:
        del self._in_flight[name]
        self.write(Told(name, outcome))
        self._proposer.tell(name, outcome)
        self._tracker.end_trial(self._record.trials[name], outcome)

    def _lost(self, message: Lost) -> None:
        if self._in_flight.get(message.trial) != message.attempt:
            return
        trial = self._record.trials[message.trial]
        if message.attempt < self._attempts:
            self._submit(trial.proposals[-1], message.attempt + 1)
            return
        failed = Failed("lost", message.reason, "", len(trial.curve), trial.seconds)
        self._finished(message.trial, failed)

    def _reason(self) -> str:
        outcomes = [trial.outcome for trial in self._record.trials.values()]
        failed = all(isinstance(outcome, Failed) for outcome in outcomes)
        return "failed" if failed else "exhausted"

    def _stop(self, reason: str) -> None:
        self._executor.close()
        self.write(Stopped(reason))

    def _remaining(self) -> float | None:
        limit = self._record.limit.seconds
        return None if limit is None else limit - self._seconds()

    def _seconds(self) -> float:
        return self._before + self._clock.seconds() - self._started

    def write(self, event: Event) -> None:
        """Put an event into the journal, then into the record."""
        entry = Entry(self._seconds(), event)
        self._journal.append(entry)
        self._record.apply(entry)
