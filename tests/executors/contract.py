"""What every executor promises, whatever is behind it; subclassed for each."""

from collections.abc import Callable, Iterator

import pytest

from search.executors.base import EpochDone, Executor, Finished, Message
from search.study.trial import (
    Budget,
    Completed,
    Decision,
    EpochReport,
    Failed,
    Proposal,
    Pruned,
    Task,
)


def task(trial: str, stop: int = 3, *, recorded=(), attempt: int = 1, **params) -> Task:
    return Task(Proposal(trial, params, Budget(0, stop)), 0, tuple(recorded), attempt)


def next_message_of(executor: Executor) -> Message:
    """The next message; an executor with more slots than before comes back without one."""
    slots = executor.slots
    while True:
        message = executor.next_message(60.0)
        if message is not None:
            return message
        assert executor.slots > slots, "nothing came for a minute"
        slots = executor.slots


def until_finished(
    executor: Executor, decide: Callable[[EpochReport], Decision] = lambda _: Decision.CONTINUE
) -> tuple[list[EpochReport], list[Message]]:
    """Answer epochs until one trial ends: the reports, and the message of the end."""
    reports = []
    while True:
        message = next_message_of(executor)
        if not isinstance(message, EpochDone):
            return reports, message
        reports.append(message.report)
        message.reply(decide(message.report))


def until_there_are(executor: Executor, slots: int) -> None:
    """Wait for so many workers."""
    for _ in range(60):
        if executor.slots == slots:
            return
        assert executor.next_message(1.0) is None
    raise AssertionError(f"still {executor.slots} slots after a minute")


class ExecutorContract:
    @pytest.fixture
    def executor(self) -> Iterator[Executor]:
        """Subclasses make one that trains with FakeTrainer, or as it would."""
        raise NotImplementedError

    def test_epochs_come_in_order_and_then_the_outcome(self, executor):
        executor.submit(task("1", stop=3))
        reports, end = until_finished(executor)
        assert [report.epoch for report in reports] == [1, 2, 3]
        assert {report.trial for report in reports} == {"1"}
        assert isinstance(end, Finished)
        assert (end.trial, end.attempt) == ("1", 1)
        assert isinstance(end.outcome, Completed)
        assert (end.outcome.score, end.outcome.epochs) == (0.3, 3)

    def test_stop_ends_the_trial_as_pruned(self, executor):
        executor.submit(task("1", stop=9))
        stop = {2: Decision.STOP}
        reports, end = until_finished(executor, lambda r: stop.get(r.epoch, Decision.CONTINUE))
        assert [report.epoch for report in reports] == [1, 2]
        assert isinstance(end.outcome, Pruned)
        assert end.outcome.at_epoch == 2

    def test_recorded_epochs_are_not_reported_again(self, executor):
        known = [EpochReport("1", epoch, {"val_accuracy": epoch / 10}, 0.0) for epoch in (1, 2)]
        executor.submit(task("1", stop=4, recorded=known, attempt=2))
        reports, end = until_finished(executor)
        assert [report.epoch for report in reports] == [3, 4]
        assert (end.attempt, end.outcome.epochs) == (2, 4)

    def test_an_exception_is_a_failed_trial_and_the_next_one_runs(self, executor):
        executor.submit(task("1", fails_at=2))
        reports, end = until_finished(executor)
        assert len(reports) == 1
        assert isinstance(end.outcome, Failed)
        assert (end.outcome.kind, end.outcome.message) == ("ValueError", "no such layer")
        assert end.outcome.at_epoch == 1
        executor.submit(task("2", stop=1))
        assert until_finished(executor)[1].outcome.score == 0.1

    def test_nothing_under_way_gives_no_message(self, executor):
        assert executor.next_message(0.0) is None

    def test_a_trial_whose_epoch_is_not_answered_does_not_go_on(self, executor):
        executor.submit(task("1", stop=2))
        first = next_message_of(executor)
        assert isinstance(first, EpochDone)
        assert executor.next_message(0.0) is None
        first.reply(Decision.CONTINUE)
        reports, _ = until_finished(executor)
        assert [report.epoch for report in reports] == [2]

    def test_all_slots_can_be_filled(self, executor):
        for number in range(executor.slots):
            executor.submit(task(str(number), stop=2))
        ended = {until_finished(executor)[1].trial for _ in range(executor.slots)}
        assert ended == {str(number) for number in range(executor.slots)}

    def test_a_cancelled_trial_is_heard_of_no_more(self, executor):
        executor.submit(task("1", stop=50))
        message = next_message_of(executor)
        assert isinstance(message, EpochDone)
        message.reply(Decision.CONTINUE)
        executor.cancel("1")
        executor.submit(task("2", stop=1))
        reports, end = until_finished(executor)
        assert {report.trial for report in reports} == {"2"}
        assert end.trial == "2"

    def test_it_can_be_closed_twice_with_a_trial_under_way(self, executor):
        executor.submit(task("1", stop=50))
        executor.next_message(60.0)
        executor.close()
        executor.close()
