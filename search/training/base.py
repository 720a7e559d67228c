"""What a trainer is: one task in, one report per epoch, one outcome out."""

from collections.abc import Generator
from typing import Protocol, TypeAlias

from search.trial import Decision, EpochReport, Outcome, Task

Training: TypeAlias = Generator[EpochReport, Decision, Outcome]


class Trainer(Protocol):
    """Turns a task into an outcome.

    Duties. `train` is a generator: it yields a report after each new epoch, is sent the decision,
    and returns the outcome. Nothing is yielded for epochs that `task.recorded` holds. Closing it
    between epochs keeps what was trained in a checkpoint. What it trains is a function of the
    problem and the task alone. It may raise anything: the executor makes that a `Failed`.
    """

    def train(self, task: Task) -> Training:
        """Train one task."""
        ...
