"""Synthetic studies as journal entries, and a stand-in for the coordinator that plays them."""

from collections.abc import Iterable, Sequence

from search.problem.objective import Objective
from search.study.events import (
    Asked,
    Entry,
    EpochRecorded,
    Event,
    LimitsChanged,
    Stopped,
    StudyStarted,
    Told,
    WinnerEvaluated,
)
from search.study.study_record import StudyRecord
from search.study.trial import (
    Budget,
    Completed,
    Decision,
    EpochReport,
    Failed,
    Outcome,
    Proposal,
    Pruned,
)
from search.trackers.base import Tracker

CREATED_MS = 1_700_000_000_000


def header(study: str = "demo-1", problem: str = "demo", created_ms: int = CREATED_MS) -> Entry:
    return Entry(
        0.0,
        StudyStarted(
            study=study,
            problem=problem,
            backend="hyperband",
            seed=3,
            objective=Objective("val_accuracy", "max"),
            config={"problem": problem, "max_epochs": 3, "sampler": None, "assignments": ["a=1,2"]},
            space=[
                {"kind": "Int", "name": "layers", "low": 1, "high": 3, "log": False},
                {"kind": "Choice", "name": "optimizer", "options": ["sgd", "adam"]},
            ],
            digests={"problem": "ab" * 32, "data": "cd" * 32, "settings": "ef" * 32},
            versions={"python": "3.11.2", "keras": "3.15.1"},
            created_ms=created_ms,
        ),
    )


def asked(
    trial: str,
    start: int,
    stop: int,
    *,
    may_continue: bool = False,
    params: dict[str, int | float | str | bool] | None = None,
    **labels: str | int,
) -> Event:
    """A proposal; `params` default to two that follow from the trial's number."""
    own = {"layers": 1 + int(trial) % 3, "learning_rate": 0.01 * (1 + int(trial))}
    budget = Budget(start, stop)
    return Asked(Proposal(trial, params or own, budget, labels, may_continue), trial == "0")


def reported(trial: str, epoch: int, score: float, decision: Decision = Decision.CONTINUE) -> Event:
    metrics = {"loss": 1 - score, "val_accuracy": score, "learning_rate": 0.01}
    return EpochRecorded(EpochReport(trial, epoch, metrics, 0.25), decision)


def completed(trial: str, score: float, best_epoch: int, epochs: int) -> Event:
    return Told(trial, Completed(score, best_epoch, epochs, 0.25 * epochs, 1000))


def entries(events: Iterable[Event], first: Entry | None = None) -> list[Entry]:
    """The journal of these events, 0.3 active seconds apart."""
    after = [Entry(round(0.3 * n, 3), event) for n, event in enumerate(events, start=1)]
    return [first or header(), *after]


def whole_life(first: Entry | None = None) -> list[Entry]:
    """Baseline, rungs with a promotion, a failure, a pruned trial; trial 2 wins, trial 1 waits."""
    failure = Failed("ValueError", "no such optimizer", "Traceback: line 1\nline 2", 1, 0.25)
    return entries(
        [
            LimitsChanged(5, None),
            asked("0", 0, 3, role="baseline"),
            reported("0", 1, 0.3),
            reported("0", 2, 0.5),
            reported("0", 3, 0.4),
            completed("0", 0.5, 2, 3),
            asked("1", 0, 1, may_continue=True, rung=0, bracket=1),
            asked("2", 0, 1, may_continue=True, rung=0, bracket=1),
            reported("1", 1, 0.2),
            reported("2", 1, 0.6),
            completed("2", 0.6, 1, 1),
            completed("1", 0.2, 1, 1),
            asked("3", 0, 3, rung=1, bracket=0),
            reported("3", 1, 0.1),
            Told("3", failure),
            asked("4", 0, 3, rung=1, bracket=0),
            reported("4", 1, 0.3),
            reported("4", 2, 0.35, Decision.STOP),
            Told("4", Pruned(0.35, 2, 2, 0.5, 2000)),
            asked("2", 1, 3, rung=1, bracket=1),
            reported("2", 2, 0.7),
            reported("2", 3, 0.65),
            completed("2", 0.7, 2, 3),
            Stopped("exhausted"),
            WinnerEvaluated("2", {"loss": 0.4, "accuracy": 0.68}, "exports/demo-1"),
        ],
        first,
    )


def short_life(first: Entry | None = None) -> list[Entry]:
    """One event of each kind, a promotion and a failure."""
    return entries(
        [
            LimitsChanged(3, None),
            asked("1", 0, 1, may_continue=True, rung=0),
            reported("1", 1, 0.5),
            completed("1", 0.5, 1, 1),
            asked("2", 0, 1, may_continue=True, rung=0),
            reported("2", 1, 0.1),
            Told("2", Failed("nan", "loss not finite in epoch 2", "Traceback: line 1", 1, 0.25)),
            asked("1", 1, 2, rung=1),
            reported("1", 2, 0.6),
            completed("1", 0.6, 2, 2),
            Stopped("exhausted"),
            WinnerEvaluated("1", {"accuracy": 0.55}, "exports/demo-1"),
        ],
        first,
    )


def play(tracker: Tracker, record: StudyRecord, following: Sequence[Entry]) -> None:
    """Apply entries to the record and tell the tracker, in the coordinator's order."""
    for entry in following:
        record.apply(entry)
        event = entry.event
        if isinstance(event, Asked) and isinstance(event.answer, Proposal):
            tracker.start_trial(record.trials[event.answer.trial], event.answer)
        elif isinstance(event, EpochRecorded):
            tracker.epoch(record.trials[event.report.trial], event.report)
        elif isinstance(event, Told):
            outcome: Outcome = event.outcome
            tracker.end_trial(record.trials[event.trial], outcome)
