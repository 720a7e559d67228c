"""What a trainer is: one task in, one report per epoch, one outcome out."""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from search.study.trial import Decision, EpochReport, Outcome, Task

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


class CheckpointTransport(Protocol):
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
class WorkerContext:
    """What a worker offers to those who train in it: a folder of its own.

    `transport`: carries checkpoints; None where the worker sees the study's own disk.
    """

    scratch: Path
    transport: CheckpointTransport | None = None
