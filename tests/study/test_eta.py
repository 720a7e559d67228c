"""The time left, held against simulated studies whose end is known; and the epochs per second."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from search.backends import base as backends
from search.backends.base import BackendSettings
from search.engine.coordinator import Baseline, Coordinator
from search.engine.proposer import Proposer
from search.executors.simulated import SimulatedExecutor, VirtualClock
from search.export.base import Exported
from search.runtime.clock import Clock
from search.seeds import seed_for
from search.space.parameters import Params
from search.space.space import key
from search.study.eta import Pace
from search.study.events import Entry, LimitsChanged
from search.study.journal import Journal
from search.study.progress import Plan
from search.study.study_record import StudyRecord, fold
from search.study.trial import Budget, EpochReport, Outcome, Proposal
from search.trackers.dispatcher import TrackerDispatcher
from tests.records import asked, completed, entries, reported
from tests.support import BASELINE, OBJECTIVE, SPACE, accuracy, header
from tests.trackers.watching import HandClock

EPOCHS = 9
TRIALS = 60


def epoch_seconds(params: Params) -> float:
    """One to four seconds: larger networks take longer."""
    return 1 + 3 * seed_for(0, "seconds", key(params)) / 2**31


@dataclass
class Estimates:
    """A tracker that asks for the time left after each event."""

    clock: Clock
    plan: Plan
    told: list[tuple[float, float]] = field(default_factory=list)

    def start_study(self, study: StudyRecord) -> None:
        self.study = study
        self.pace = Pace(self.clock)
        self.pace.start(study)

    def start_trial(self, trial, proposal: Proposal) -> None:
        self.pace.note(self.study)

    def epoch(self, trial, report: EpochReport) -> None:
        self.pace.note(self.study)
        left = self.pace.seconds_left(self.study, self.plan)
        assert left is not None
        self.told.append((self.clock.seconds(), left))

    def end_trial(self, trial, outcome: Outcome) -> None:
        self.pace.note(self.study)

    def end_study(self, study: StudyRecord, exported: Exported | None) -> None:
        """Nothing is left."""


def factors(folder: Path, backend: str, workers: int, pruner: str | None) -> list[float]:
    """By how much estimates at 25, 50 and 75 % of a study miss the truth: 2 is double or half."""
    settings = BackendSettings(EPOCHS, pruner=pruner)
    module = backends.module(backend)
    proposer = Proposer(lambda known: module.create(SPACE, OBJECTIVE, settings, 0, known), None)
    proposer.limit(TRIALS)
    first = [Entry(0.0, header(backend)), Entry(0.0, LimitsChanged(TRIALS, None))]
    record, clock = fold(first), VirtualClock()
    epochs = module.planned_epochs(SPACE, settings, TRIALS - 1) + EPOCHS
    watch = Estimates(clock, Plan(TRIALS, epochs, None, ""))
    with Journal.create(folder / "study.jsonl", first) as journal:
        Coordinator(
            record=record,
            journal=journal,
            proposer=proposer,
            executor=SimulatedExecutor(
                OBJECTIVE, accuracy, clock, slots=workers, seconds=epoch_seconds
            ),
            tracker=TrackerDispatcher([watch]),
            clock=clock,
            baseline=Baseline(BASELINE.params, Budget(0, EPOCHS)),
        ).run()
    found = []
    for share in (0.25, 0.5, 0.75):
        at, left = min(watch.told, key=lambda told: abs(told[0] - share * clock.now))
        ratio = left / (clock.now - at)
        found.append(max(ratio, 1 / ratio))
    return found


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize(
    ("backend", "pruner", "within"),
    [
        ("randomized", None, (1.5, 1.5, 1.5)),
        ("grid", None, (1.5, 1.5, 1.5)),
        ("hyperband", None, (1.5, 1.5, 1.5)),
        ("halving", None, (1.5, 1.5, 1.5)),
        ("bayesian", None, (1.5, 1.5, 1.5)),
        ("optuna", "median", (6, 3.5, 2)),  # that it will prune shows once it does
        ("optuna", "asha", (3, 2, 2)),
        ("optuna", "hyperband", (3, 2, 2)),
    ],
)
def test_the_time_left_is_near_the_truth(tmp_path, backend, pruner, within, workers):
    found = factors(tmp_path, backend, workers, pruner)
    assert all(factor <= most for factor, most in zip(found, within, strict=True)), found


def paced(events, clock: HandClock) -> tuple[Pace, StudyRecord]:
    """A pace that has watched these events, each at its own time."""
    first, *following = entries(events)
    record = fold([first])
    pace = Pace(clock)
    pace.start(record)
    for entry in following:
        clock.now = 1000.0 + entry.seconds
        record.apply(entry)
        pace.note(record)
    return pace, record


def test_nothing_is_known_before_the_first_epoch():
    pace, record = paced([asked("1", 0, 3)], HandClock())
    assert pace.epochs_per_second() is None
    assert pace.seconds_left(record, Plan(5, 15, None, "")) is None


def test_the_speed_is_that_of_the_last_minute():
    clock = HandClock()
    quick = [event for n in range(1, 401) for event in [reported("1", n, 0.5)]]
    pace, record = paced([asked("1", 0, 1000), *quick], clock)  # 0.3 seconds each
    assert pace.epochs_per_second() == pytest.approx(1 / 0.3, rel=0.05)
    for epoch in range(401, 431):
        clock.now += 5.0
        record.apply(entries([reported("1", epoch, 0.5)])[1])
        pace.note(record)
    assert pace.epochs_per_second() == pytest.approx(1 / 5.0, rel=0.1)


def test_the_speed_falls_while_nothing_comes():
    clock = HandClock()
    pace, _ = paced([asked("1", 0, 9), reported("1", 1, 0.5), reported("1", 2, 0.5)], clock)
    before = pace.epochs_per_second()
    clock.now += 60.0
    after = pace.epochs_per_second()
    assert before is not None
    assert after is not None
    assert after < before / 10


def test_the_longest_trial_in_flight_is_waited_for():
    """Two of three workers are done; the third has eight epochs before it, of 0.25 seconds."""
    asks = [asked("1", 0, 1), asked("2", 0, 1), asked("3", 0, 9)]
    later = [reported(trial, 1, 0.5) for trial in "123"]
    later += [completed("1", 0.5, 1, 1), completed("2", 0.5, 1, 1)]
    clock = HandClock()
    pace, record = paced([], clock)
    for seconds, events in ((0.0, asks), (0.25, later)):
        clock.now = 1000.0 + seconds
        for event in events:
            record.apply(Entry(seconds, event))
            pace.note(record)
    assert pace.seconds_left(record, Plan(3, 11, None, "")) == pytest.approx(8 * 0.25)
