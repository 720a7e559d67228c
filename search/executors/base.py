"""Where trials train: what an executor promises to the coordinator."""

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
    """A worker completed an epoch and waits: `reply` must be called once, from the same thread."""

    report: EpochReport
    reply: Callable[[Decision], None]


@dataclass(frozen=True, slots=True)
class Finished:
    """A worker is done with a task.

    `refusal`: what the outcome says of the problem as a whole; it ends a study of which no trial
    has trained yet.
    """

    trial: str
    attempt: int
    outcome: Outcome
    refusal: SearchError | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """A worker died over a task; the coordinator decides whether it is tried again.

    `traceback`: where, if that is known.
    """

    trial: str
    attempt: int
    reason: str
    traceback: str = ""


Message: TypeAlias = EpochDone | Finished | Lost


def end_of(error: BaseException, task: Task, at_epoch: int) -> Finished | Lost | SearchError:
    """What a trial that raised this has come to; call it while the exception is handled.

    An Exception fails the trial. Any other BaseException (`sys.exit`, KeyboardInterrupt, one of
    the user's own) costs it the attempt, as the death of its process does. A SearchError that the
    platform raised, and not code of the user's, is about the problem or the study: see `Finished`,
    or raise what is returned.
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


Load: TypeAlias = Callable[[WorkerContext], object]
MakeTrainer: TypeAlias = Callable[[WorkerContext], Trainer]


class Executor(Protocol):
    """Trains tasks and sends back what happens, in the order in which it happens.

    Duties. All calls come from one thread. At most `slots` tasks are under way. Messages of one
    trial come in order: its epochs, each answered before the next, then exactly one Finished or
    Lost: see `end_of`. What no trial could do better (a checkpoint that cannot
    be written) comes out of `next_message` as a SearchError, and ends the study.
    """

    @property
    def slots(self) -> int:
        """How many tasks may be under way at once."""
        ...

    def submit(self, task: Task) -> None:
        """Start a task; there must be a free slot."""
        ...

    def next_message(self, timeout: float | None = None) -> Message | None:
        """The next message; None when `timeout` seconds passed without one.

        With a timeout of 0 it takes what is there: epochs may be answered after it, and a trial
        whose epoch is not yet answered does not go on.
        """
        ...

    def cancel(self, trial: str) -> None:
        """Stop a trial soon, keep its last checkpoint, and send nothing more of it."""
        ...

    def close(self) -> None:
        """Cancel what is under way and release everything; may be called twice."""
        ...
