"""Trains in this process, one epoch per message: no threads, no cluster, `--workers 1`."""

from collections.abc import Callable

from search.errors import SearchError
from search.executors.base import Epoch, Finished, Message, failure
from search.training.base import Trainer, Training
from search.trial import Decision, EpochReport, Task


class InlineExecutor:
    """One slot; a trial advances by one epoch whenever `next_message` is called.

    Not before its last epoch was answered, though: until then there is no message.
    """

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._task: Task | None = None
        self._advance: Callable[[], EpochReport] | None = None
        self._training: Training | None = None
        self._epochs = 0

    @property
    def slots(self) -> int:
        """One."""
        return 1

    def submit(self, task: Task) -> None:
        """Make the task the current one; nothing is trained yet."""
        if self._task is not None:
            raise ValueError(f"trial {self._task.proposal.trial} is still under way")
        training = self._trainer.train(task)
        self._task, self._training = task, training
        self._advance = lambda: next(training)
        self._epochs = len(task.recorded)

    def next_message(self, timeout: float | None = None) -> Message | None:
        """Train one epoch of the current task, however long it takes; None without one to train."""
        task, training, advance = self._task, self._training, self._advance
        if task is None or training is None or advance is None:
            return None
        try:
            report = advance()
        except StopIteration as stop:
            self._task = None
            return Finished(task.proposal.trial, task.attempt, stop.value)
        except SearchError:  # the platform's own trouble (a full disk), or wrong use: no trial's
            self._task = None
            raise
        except Exception as error:  # noqa: BLE001 - worker boundary: a failed trial is data
            self._task = None
            return Finished(task.proposal.trial, task.attempt, failure(error, self._epochs))
        self._epochs = report.epoch
        self._advance = None

        def reply(decision: Decision) -> None:
            self._advance = lambda: training.send(decision)

        return Epoch(report, reply)

    def cancel(self, trial: str) -> None:
        """Close the trial's training, which keeps its last checkpoint."""
        if self._task is not None and self._task.proposal.trial == trial:
            self.close()

    def close(self) -> None:
        """Close the current training, if there is one."""
        if self._task is not None and self._training is not None:
            self._training.close()
        self._task = None
