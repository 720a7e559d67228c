"""Where trials train: what an executor promises to the coordinator."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from search.errors import SearchError
from search.trial import Decision, EpochReport, Outcome, Task


@dataclass(frozen=True, slots=True)
class Epoch:
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


Message: TypeAlias = Epoch | Finished | Lost


class Courier(Protocol):
    """Carries a trial's checkpoint, as bytes, between a worker and the disk of the study.

    Both calls are about the trial under way, from the thread that trains it.
    """

    def brought(self, trial: str) -> bytes | None:
        """What the task brought along; None for nothing."""
        ...

    def send(self, trial: str, content: bytes) -> None:
        """Have it written on the study's side before the trial's next message counts."""
        ...


@dataclass(frozen=True, slots=True)
class Workplace:
    """What a worker offers to those who train in it: a folder of its own.

    `courier`: carries checkpoints; None where the worker sees the study's own disk.
    """

    scratch: Path
    courier: Courier | None = None


class Executor(Protocol):
    """Trains tasks and sends back what happens, in the order in which it happens.

    Duties. All calls come from one thread. At most `slots` tasks are under way. Messages of one
    trial come in order: its epochs, each answered before the next, then exactly one Finished or
    Lost: see `search.executors.failures`. What no trial could do better (a checkpoint that cannot
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
