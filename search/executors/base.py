"""Executor protocol: train tasks and return messages to the coordinator."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from search.errors import SearchError
from search.study.failures import as_known, clipped, raised_by_user, text_of
from search.study.trial import Decision, EpochReport, Failed, Outcome, Task
from search.training.base import Trainer, WorkerContext


@dataclass(frozen=True, slots=True)
class EpochDone:
    """A worker completed an epoch and waits for the decision.

    Attributes:
        report: Report of the epoch.
        reply: Function that sends the decision to the worker. Call it once, from the thread that
            called `next_message`.
    """

    report: EpochReport
    reply: Callable[[Decision], None]


@dataclass(frozen=True, slots=True)
class Finished:
    """A worker finished a task.

    Attributes:
        trial: Name of the trial.
        attempt: Number of the attempt, from 1.
        outcome: Outcome of the task.
        refusal: Error that concerns the problem as a whole. It ends a study in which no trial has
            trained yet.
    """

    trial: str
    attempt: int
    outcome: Outcome
    refusal: SearchError | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """A worker died during a task. The coordinator decides whether to try the task again.

    Attributes:
        trial: Name of the trial.
        attempt: Number of the attempt, from 1.
        reason: One sentence.
        traceback: Traceback, or "" if unknown.
    """

    trial: str
    attempt: int
    reason: str
    traceback: str = ""


Message: TypeAlias = EpochDone | Finished | Lost


def end_of(error: BaseException, task: Task, at_epoch: int) -> Finished | Lost | SearchError:
    """Convert an exception of a trial to a message. Call it in the `except` block.

    Args:
        error: The exception.
        task: The task that raised it.
        at_epoch: Number of completed epochs.

    Returns:
        Finished with a failed outcome for an Exception, with a `refusal` if the platform, and not
        user code, raised a SearchError about the problem. Lost for any other BaseException
        (`sys.exit`, KeyboardInterrupt), as after the death of the process. A SearchError about the
        study as a whole: raise it.
    """
    trial, attempt = task.proposal.trial, task.attempt
    kind, text, where = type(error).__name__, text_of(error), clipped(traceback.format_exc())
    if not isinstance(error, Exception):
        reason = f"the trial raised {kind}" + (f": {text}" if text else "")
        return Lost(trial, attempt, reason, where)
    failed = Failed(kind, text, where, at_epoch)
    if not isinstance(error, SearchError) or error.scope == "trial" or raised_by_user(error):
        return Finished(trial, attempt, failed)
    known = as_known(error)
    return known if known.scope == "study" else Finished(trial, attempt, failed, known)


def train(
    trainer: Trainer,
    task: Task,
    answer: Callable[[EpochReport], Decision],
    passed_on: tuple[type[BaseException], ...] = (),
) -> Finished | Lost | SearchError:
    """Train a task to its end in this process; what it has come to, as `end_of` tells.

    `answer` is asked after each epoch. `passed_on`: what it may raise that is no end of the trial.
    """
    epochs = len(task.recorded)
    decision: Decision | None = None
    try:
        training = trainer.train(task)
        while True:
            report = next(training) if decision is None else training.send(decision)
            epochs = report.epoch
            decision = answer(report)
    except StopIteration as stop:
        return Finished(task.proposal.trial, task.attempt, stop.value)
    except passed_on:
        raise
    except BaseException as error:  # noqa: BLE001 - worker boundary: a failed trial is data
        return end_of(error, task, epochs)


Load: TypeAlias = Callable[[WorkerContext], object]
MakeTrainer: TypeAlias = Callable[[WorkerContext], Trainer]


def why_unfit(load: Load, place: WorkerContext) -> SearchError | None:
    """Load what training needs; why that failed, None where it did not."""
    try:
        load(place)
    except SearchError as error:
        return as_known(error)
    except Exception as error:  # noqa: BLE001 - worker boundary
        said = f"{type(error).__name__}: {text_of(error)}"
        return SearchError(f"must be able to load problem and data, got {said}")
    return None


class Executor(Protocol):
    """Train tasks and return messages in the order of events.

    Duties:
        - All calls come from one thread, and at most `slots` tasks run at a time.
        - The messages of a trial are in order: EpochDone for each epoch, each answered before the
          next, then exactly one Finished or Lost; see `end_of`.
        - `next_message` raises a SearchError for a failure that affects every trial, such as a
          checkpoint that cannot be written. The study then ends.
    """

    @property
    def slots(self) -> int:
        """Number of tasks that may run at a time."""
        ...

    def submit(self, task: Task) -> None:
        """Start a task. A slot must be free.

        Args:
            task: Task to train.
        """
        ...

    def next_message(self, timeout: float | None = None) -> Message | None:
        """Wait for the next message.

        A trial waits until its last epoch is answered. Epochs may be answered after later calls.

        Args:
            timeout: Seconds to wait; 0 returns only a message that is already there, None waits
                without limit.

        Returns:
            The message, or None after the timeout.

        Raises:
            SearchError: A failure that ends the study.
        """
        ...

    def cancel(self, trial: str) -> None:
        """Stop a trial soon and keep its last checkpoint. The trial sends no more messages.

        Args:
            trial: Name of the trial.
        """
        ...

    def close(self) -> None:
        """Cancel all tasks and release all resources. It may be called twice."""
        ...
