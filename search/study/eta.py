"""How fast a running study goes, and when it will be done."""

from collections import deque
from dataclasses import dataclass

from search.runtime.clock import Clock
from search.study.progress import Plan
from search.study.study_record import StudyRecord, TrialRecord

WINDOW_SECONDS = 60.0  # of which the speed is told, or longer:
WINDOW_EPOCHS = 20  # so many epochs at least
_APART = 0.5  # seconds between two marks: a thousand workers need no mark for each epoch


class Pace:
    """Active seconds of a study, its epochs per second, and the seconds still to come.

    Duties of its owner: `start` first, `note` after each change of the record. Each answer costs
    the same however many trials there are. The clock may be the study's own, as a journal tells it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._zero = clock.seconds()
        self._marks: deque[tuple[float, int]] = deque()
        self._begun = (0.0, 0, 0.0)
        self._workers = 1

    def start(self, study: StudyRecord) -> None:
        """Start the estimate at the current record of the study, maybe with other workers."""
        self._zero = self._clock.seconds() - study.seconds
        self._marks = deque([(study.seconds, study.epochs_trained)])
        self._begun = (study.seconds, study.epochs_trained, study.work_seconds)
        self._workers = 1

    def note(self, study: StudyRecord) -> None:
        """Update the estimate after trials or epochs were added to the record."""
        self._workers = max(self._workers, study.flying)
        now, epochs, marks = self.elapsed(), study.epochs_trained, self._marks
        if len(marks) > 1 and now - marks[-2][0] < _APART:
            marks.pop()
        marks.append((now, epochs))
        while (
            len(marks) > 2
            and now - marks[1][0] >= WINDOW_SECONDS
            and epochs - marks[1][1] >= WINDOW_EPOCHS
        ):
            marks.popleft()

    def elapsed(self) -> float:
        """Active seconds until now: those recorded before, and those since `start`."""
        return self._clock.seconds() - self._zero

    def epochs_per_second(self) -> float | None:
        """Of all workers together, lately; None before there is an epoch since `start`.

        Over the last 60 active seconds, or the last 20 epochs where those took longer.
        """
        if not self._marks:
            return None
        began, before = self._marks[0]
        epochs, seconds = self._marks[-1][1] - before, self.elapsed() - began
        return epochs / seconds if epochs > 0 and seconds > 0 else None

    def seconds_left(self, study: StudyRecord, plan: Plan) -> float | None:
        """An estimate of the active seconds still to come; None while nothing is known.

        The epochs planned and not yet trained, of which as large a share will be trained as of
        those that were settled (pruning, early stopping and failures leave some out), at the work
        that an epoch took so far and the number of workers that were busy on average: waiting and
        start-up count. Not less than the longest trial in flight needs, for which the others wait
        at the end; not more than the time limit leaves.
        """
        known = [] if plan.seconds is None else [plan.seconds - self.elapsed()]
        if plan.epochs is not None and study.epochs_trained:
            known.append(self._work_left(study, plan.epochs))
        return max(min(known), 0.0) if known else None

    def _work_left(self, study: StudyRecord, planned: int) -> float:
        asked, trained = study.recent_share
        share = trained / asked if asked else 1.0
        flights = [_flight(trial, share, study) for trial in study.pending]
        begun = sum(flight.done for flight in flights)
        ended = study.settled_epochs - begun  # planned epochs of budgets that have an outcome
        # an epoch in flight counts as often as it will be trained: else quick ones count too often
        work = study.work_seconds + sum(flight.seconds_left for flight in flights)
        epoch = work / (study.epochs_trained + sum(flight.epochs_left for flight in flights))
        to_come = max(planned - ended - sum(flight.planned for flight in flights), 0) * share
        longest = max((flight.seconds_left for flight in flights), default=0.0)
        work = sum(flight.seconds_left for flight in flights) + to_come * epoch
        busy = self._busy(study)
        last = (1 - 1 / busy) / 2 * min(to_come, study.longest * share) * epoch if busy > 1 else 0.0
        return max(work / busy + last, longest)

    def _busy(self, study: StudyRecord) -> float:
        """How many workers were busy on average since `start`; before much is known, in all."""
        began, epochs, work = self._begun
        seconds = self.elapsed() - began
        if study.epochs_trained - epochs < WINDOW_EPOCHS:
            seconds, work = self.elapsed(), 0.0
        busy = (study.work_seconds - work) / seconds if seconds > 0 else 0.0
        return min(busy, self._workers) or 1.0


@dataclass(frozen=True, slots=True)
class _Flight:
    """The trained epochs of a trial in flight, and the epochs that it is expected to train."""

    planned: int
    done: int
    epochs_left: float
    seconds_left: float


def _flight(trial: TrialRecord, share: float, study: StudyRecord) -> _Flight:
    """The longer it has been trained, the less likely it is to be cut short."""
    planned = trial.stop_epoch - trial.start_epoch
    done = max(len(trial.curve) - trial.start_epoch, 0)
    epochs = (planned - done) * share ** ((planned - done) / planned)
    curve = trial.curve
    epoch = trial.seconds / len(curve) if curve else study.work_seconds / study.epochs_trained
    return _Flight(planned, done, epochs, epochs * epoch)
