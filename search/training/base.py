"""Trainer protocol: train one task, with one report per epoch and one outcome."""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from search.study.trial import Decision, EpochReport, Outcome, Task

Training: TypeAlias = Generator[EpochReport, Decision, Outcome]


class Trainer(Protocol):
    """Train tasks.

    Duties:
        - `train` is a generator: it yields a report after each new epoch, receives the decision by
          `send`, and returns the outcome. It yields nothing for epochs in `task.recorded`.
        - Closing the generator between epochs keeps the training state in a checkpoint.
        - The result depends only on the problem and the task.
        - It may raise any exception; the executor converts it to a `Failed` outcome.
    """

    def train(self, task: Task) -> Training:
        """Train one task.

        Args:
            task: Proposal, seed and recorded epochs of a trial.

        Returns:
            A generator of reports that returns the outcome.
        """
        ...


class CheckpointTransport(Protocol):
    """Transfer a trial's checkpoint, as bytes, between a worker and the disk of the study.

    Both methods are called for the running trial, from the thread that trains it.
    """

    def brought(self, trial: str) -> bytes | None:
        """Return the checkpoint that was sent with the task.

        Args:
            trial: Name of the trial.

        Returns:
            The checkpoint; None without one.
        """
        ...

    def send(self, trial: str, content: bytes) -> None:
        """Send a checkpoint, which is written before the trial's next message is handled.

        Args:
            trial: Name of the trial.
            content: The checkpoint.
        """
        ...


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """Environment of a worker process.

    Attributes:
        scratch: Folder for files of this worker.
        transport: Transfer of checkpoints; None for a worker that shares the study's disk.
    """

    scratch: Path
    transport: CheckpointTransport | None = None
