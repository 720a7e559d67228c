"""The loop: order of events, waiting, pruning, promotions, failures, losses, limits of time."""

import pytest

from search.engine.coordinator import Coordinator
from search.engine.proposer import Proposer
from search.errors import AlikeError, DataError, SearchError
from search.executors.base import EpochDone, Finished
from search.executors.simulated import SimulatedExecutor
from search.runtime.clock import VirtualClock
from search.study.events import Asked, Entry, EpochRecorded, Event, LimitsChanged, Stopped, Told
from search.study.study_record import TrialRecord, fold
from search.study.trial import (
    Budget,
    Completed,
    Decision,
    EpochReport,
    Failed,
    Proposal,
    Pruned,
    Task,
    Wait,
)
from search.trackers.memory import MemoryTracker
from tests.scripted import ScriptedBackend
from tests.support import BASELINE, OBJECTIVE, SimulatedStudy, accuracy, header


def study(tmp_path, **settings) -> SimulatedStudy:
    settings.setdefault("limit", LimitsChanged(7, None))
    return SimulatedStudy(tmp_path / "a-study.jsonl", ScriptedBackend, **settings)


def test_a_study_runs_to_its_end(tmp_path):
    record = study(tmp_path).start()
    assert (record.state, record.stopped) == ("finished", "exhausted")
    assert list(record.trials) == ["0", "1", "2", "3", "4", "5", "6"]
    assert record.trials["0"].params == BASELINE.params
    assert len(record.trials["0"].curve) == 9
    assert all(
        [report.epoch for report in trial.curve] == list(range(1, len(trial.curve) + 1))
        for trial in record.trials.values()
    )


def test_a_promoted_trial_keeps_one_unbroken_curve(tmp_path):
    record = study(tmp_path).start()
    promoted = [trial for trial in record.trials.values() if len(trial.proposals) == 2]
    assert len(promoted) == 1
    assert [report.epoch for report in promoted[0].curve] == list(range(1, 10))
    assert promoted[0].state(record.state) == "completed"
    left_behind = [t for t in record.trials.values() if t.state("finished") == "pruned"]
    assert {len(trial.curve) for trial in left_behind} == {2, 3}
    assert record.best() is not None


def test_each_event_comes_after_what_it_answers(tmp_path):
    shown = study(tmp_path, slots=3)
    shown.start()
    asked: set[str] = set()
    waiting = False
    for event in shown.events():
        if isinstance(event, Asked):
            assert not waiting, "asked again before anything was told"
            waiting = isinstance(event.answer, Wait)
            if isinstance(event.answer, Proposal):
                asked.add(event.answer.trial)
        elif isinstance(event, EpochRecorded):
            assert event.report.trial in asked
        elif isinstance(event, Told):
            assert event.trial in asked
            waiting = False
    assert isinstance(event, Stopped)


class Durable:
    """A journal that knows which of its events are on disk, and how often it was committed."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.groups: list[int] = []
        self._appended: list[Event] = []

    def append(self, entry: Entry) -> None:
        self._appended.append(entry.event)

    def commit(self) -> None:
        self.groups.append(len(self._appended))
        self.events += self._appended
        self._appended = []


class Suspicious(SimulatedExecutor):
    """Takes a task or an answer only once the event behind it is on disk."""

    def __init__(self, journal: Durable, *arguments, **named) -> None:
        super().__init__(*arguments, **named)
        self._journal = journal
        self.replies = 0

    def submit(self, task: Task) -> None:
        assert task.proposal in [e.answer for e in self._journal.events if isinstance(e, Asked)]
        super().submit(task)

    def next_message(self, timeout=None):
        message = super().next_message(timeout)
        if not isinstance(message, EpochDone):
            return message

        def reply(decision) -> None:
            assert EpochRecorded(message.report, decision) in self._journal.events
            self.replies += 1
            message.reply(decision)

        return EpochDone(message.report, reply)


class SuspiciousTracker(MemoryTracker):
    def __init__(self, journal: Durable) -> None:
        super().__init__()
        self._journal = journal

    def start_trial(self, trial: TrialRecord, proposal: Proposal) -> None:
        assert proposal in [e.answer for e in self._journal.events if isinstance(e, Asked)]

    def epoch(self, trial: TrialRecord, report) -> None:
        assert report in [e.report for e in self._journal.events if isinstance(e, EpochRecorded)]

    def end_trial(self, trial: TrialRecord, outcome) -> None:
        assert Told(trial.trial, outcome) in self._journal.events


@pytest.mark.parametrize("slots", [1, 4])
def test_nothing_is_let_out_before_it_is_on_disk_and_one_sync_serves_many(slots):
    journal, clock = Durable(), VirtualClock()
    proposer = Proposer(ScriptedBackend, None)
    proposer.limit(12)
    executor = Suspicious(journal, OBJECTIVE, accuracy, clock, slots=slots)
    record = fold([Entry(0.0, header()), Entry(0.0, LimitsChanged(12, None))])
    Coordinator(
        record=record,
        journal=journal,
        proposer=proposer,
        executor=executor,
        tracker=SuspiciousTracker(journal),
        clock=clock,
        baseline=None,
    ).run()
    assert record.state == "finished"
    reports = sum(isinstance(event, EpochRecorded) for event in journal.events)
    assert executor.replies == reports == record.epochs_trained
    if slots == 1:  # each epoch is on disk before the next one is trained
        assert reports < len(journal.groups)
    else:
        assert len(journal.groups) < reports


def test_a_study_without_a_trial_has_not_failed(tmp_path):
    shown = study(tmp_path, limit=LimitsChanged(0, None))
    assert shown.start().state == "finished"
    assert shown.events()[-1] == Stopped("exhausted")


def test_no_more_than_the_slots_are_under_way(tmp_path):
    shown = study(tmp_path, slots=2, limit=LimitsChanged(20, None))
    shown.start()
    under_way, most = set(), 0
    for event in shown.events():
        if isinstance(event, Asked) and isinstance(event.answer, Proposal):
            under_way.add(event.answer.trial)
        elif isinstance(event, Told):
            under_way.remove(event.trial)
        most = max(most, len(under_way))
    assert most == 2


def test_a_failed_trial_never_ends_a_study(tmp_path):
    def broken(params, epoch):
        if params["optimizer"] == "adam":
            raise ValueError("no such optimizer here")
        return accuracy(params, epoch)

    record = study(tmp_path, metrics=broken).start()
    failed = [t for t in record.trials.values() if isinstance(t.outcome, Failed)]
    assert failed
    assert record.state == "finished"
    assert {trial.params["optimizer"] for trial in failed} == {"adam"}
    assert {trial.outcome.message for trial in failed} == {"no such optimizer here"}
    assert record.best() not in failed


def test_nan_is_a_failure_with_the_epoch_before_it(tmp_path):
    def diverging(params, epoch):
        return accuracy(params, epoch) | ({"loss": float("nan")} if epoch == 2 else {})

    record = study(tmp_path, metrics=diverging).start()
    assert record.state == "failed"
    assert {t.outcome.kind for t in record.trials.values()} == {"nan"}
    assert {t.outcome.at_epoch for t in record.trials.values()} == {1}


def test_a_lost_trial_is_tried_again_once_and_then_failed(tmp_path):
    shown = study(tmp_path, losses={"1": 1, "2": 9})
    record = shown.start()
    attempts = [task.attempt for task in shown.executor.submitted if task.proposal.trial == "1"]
    assert attempts[:2] == [1, 2]
    assert not isinstance(record.trials["1"].outcome, Failed)
    assert record.trials["2"].outcome == Failed(
        "lost", "simulated loss", "", record.trials["2"].outcome.at_epoch, seconds=2.0
    )


def test_time_ends_a_study_between_epochs_and_keeps_the_trial(tmp_path):
    record = study(tmp_path, limit=LimitsChanged(None, 12.0)).start()
    assert (record.stopped, record.state) == ("time", "finished")
    assert record.seconds == pytest.approx(12.0)
    pending = [trial for trial in record.trials.values() if trial.pending]
    assert [trial.state(record.state) for trial in pending] == ["waiting"]


def test_more_time_goes_on_where_it_stopped(tmp_path):
    shown = study(tmp_path, limit=LimitsChanged(None, 12.0))
    shown.start()
    record = shown.resume(raised=LimitsChanged(7, None))
    assert record.stopped == "exhausted"
    whole = SimulatedStudy(
        tmp_path / "whole.jsonl", ScriptedBackend, LimitsChanged(7, None)
    ).start()
    assert curves(record) == curves(whole)


def curves(record) -> dict[str, list[float]]:
    return {name: trial.values("val_accuracy") for name, trial in record.trials.items()}


class IdleWaiter(ScriptedBackend):
    def ask(self):
        return Wait()


def test_a_backend_that_waits_for_nothing_is_reported(tmp_path):
    idle = SimulatedStudy(tmp_path / "s.jsonl", IdleWaiter, LimitsChanged(3, None), baseline=None)
    with pytest.raises(SearchError, match="is waiting although no trial is running"):
        idle.start()


class BrokenTracker(MemoryTracker):
    def epoch(self, trial: TrialRecord, report) -> None:
        super().epoch(trial, report)
        raise RuntimeError("tracking server is gone")


def test_a_broken_tracker_warns_once_and_the_study_goes_on(tmp_path):
    tracker = BrokenTracker()
    with pytest.warns(UserWarning, match=r"BrokenTracker failed .*tracking server is gone") as seen:
        record = study(tmp_path, tracker=tracker).start()
    assert len(seen) == 1
    assert record.state == "finished"
    made = [call[0] for call in tracker.calls]
    assert made.count("epoch") == made.count("end_trial")  # one for each trial, not one per epoch
    assert made.count("epoch") < record.epochs_trained


def test_trackers_see_what_the_journal_holds_in_its_order(tmp_path):
    tracker = MemoryTracker()
    shown = study(tmp_path, tracker=tracker)
    shown.start()
    seen = [call[2] for call in tracker.calls if call[0] in ("start_trial", "epoch", "end_trial")]
    journaled = []
    for event in shown.events():
        if isinstance(event, Asked) and isinstance(event.answer, Proposal):
            journaled.append(event.answer)
        elif isinstance(event, EpochRecorded):
            journaled.append(event.report)
        elif isinstance(event, Told):
            journaled.append(event.outcome)
    assert seen == journaled
    assert any(isinstance(outcome, Pruned) for outcome in seen)
    assert any(isinstance(outcome, Completed) for outcome in seen)


def test_without_a_baseline_the_first_trial_is_the_backends(tmp_path):
    record = study(tmp_path, baseline=None, limit=LimitsChanged(2, None)).start()
    assert list(record.trials) == ["1", "2"]


def failing(message, epochs=0):
    """A problem whose every trial fails after some epochs, with this said of it."""
    numbers = iter(range(1000))

    def metrics(params, epoch):
        if epoch > epochs:
            raise ValueError(message(next(numbers)))
        return accuracy(params, epoch)

    return metrics


def test_three_first_trials_that_fail_alike_end_a_study_and_a_resume_tries_three_more(tmp_path):
    shown = study(
        tmp_path, metrics=failing(lambda number: f"shape (None, {number}) of dense_{number}")
    )
    with pytest.raises(AlikeError, match=r"failed alike: ValueError: shape \(None, 0"):
        shown.start()
    assert shown.events()[-1] == Stopped("failed")
    assert len([event for event in shown.events() if isinstance(event, Told)]) == 3
    with pytest.raises(AlikeError):
        shown.resume()
    assert len([event for event in shown.events() if isinstance(event, Told)]) == 6


@pytest.mark.parametrize(
    "metrics",
    [
        failing(lambda number: ("this", "that")[number % 2]),
        lambda params, epoch: {"loss": 1.0, "val_accuracy": float("nan")},
    ],
)
def test_failures_that_differ_and_divergence_do_not_end_a_study(tmp_path, metrics):
    record = study(tmp_path, metrics=metrics).start()
    assert record.stopped == "failed"
    assert len(record.told) == len(record.trials) > 3


def test_a_study_killed_among_failures_alike_ends_where_it_would_have(tmp_path):
    whole = study(tmp_path, metrics=failing(lambda _: "alike"))
    with pytest.raises(AlikeError):
        whole.start()
    for dies_after in range(1, len(whole.events()) - 2):
        folder = tmp_path / str(dies_after)
        folder.mkdir()
        killed = study(folder, metrics=failing(lambda _: "alike"))
        killed.start(dies_after=dies_after)
        with pytest.raises(AlikeError):
            killed.resume()
        assert killed.events()[1:] == whole.events()[1:]


def test_a_study_that_keeps_going_tries_them_all(tmp_path):
    shown = study(tmp_path, metrics=failing(lambda _: "alike"), keep_going=True)
    record = shown.start()
    assert len(record.told) == len(record.trials) > 3


def test_what_refuses_the_problem_ends_a_study_before_its_first_epoch_and_a_trial_after_it():
    refusal = DataError("labels must be from 0 to 9")

    def refused(trial):
        return Finished(trial, 1, Failed("DataError", str(refusal), "", 0), refusal)

    proposal = Proposal("1", {"layers": 1}, Budget(0, 2))
    first = [Entry(0.0, header()), Entry(0.0, Asked(proposal))]
    assert ended_by(fold(first), refused("1")) is refusal
    later = [*first, Entry(0.0, EpochRecorded(EpochReport("1", 1, {"val_accuracy": 1.0}, 0.0), GO))]
    assert ended_by(fold(later), refused("1")) is None


GO = Decision.CONTINUE


def ended_by(record, message):
    """The error that a message ends a study of this record with; None where it does not."""
    proposer = Proposer(ScriptedBackend, None)
    proposer.limit(0)
    coordinator = Coordinator(
        record=record,
        journal=Durable(),
        proposer=proposer,
        executor=Saying(message),
        tracker=MemoryTracker(),
        clock=VirtualClock(),
        baseline=None,
    )
    try:
        coordinator.run()
    except SearchError as error:
        return error
    return None


class Saying:
    """An executor that says one thing."""

    slots = 1

    def __init__(self, message) -> None:
        self._message = message

    def submit(self, task) -> None:
        pass

    def next_message(self, timeout=None):
        message, self._message = self._message, None
        return message

    def close(self) -> None:
        pass
