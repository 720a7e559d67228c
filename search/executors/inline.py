"""Executor in this process, for debuggers: `workers=0` from Python.

A trial that exits, hangs or runs out of memory affects this process.
"""

from collections.abc import Callable

from search.errors import SearchError
from search.executors.base import EpochDone, Finished, Message, end_of
from search.study.trial import Decision, EpochReport, Task
from search.training.base import Trainer, Training


class InlineExecutor:
    """Executor with one slot. Each call of `next_message` trains one epoch.

    Before the last epoch is answered, there is no message.
    """

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._task: Task | None = None
        self._advance: Callable[[], EpochReport] | None = None
        self._training: Training | None = None
        self._epochs = 0

    @property
    def slots(self) -> int:
        """1."""
        return 1

    def submit(self, task: Task) -> None:
        """Make the task the current one, without training yet."""
        if self._task is not None:
            raise ValueError(f"trial {self._task.proposal.trial} is still running")
        training = self._trainer.train(task)
        self._task, self._training = task, training
        self._advance = lambda: next(training)
        self._epochs = len(task.recorded)

    def next_message(self, timeout: float | None = None) -> Message | None:
        """Train one epoch of the current task, without a time limit. Return None without a task."""
        task, training, advance = self._task, self._training, self._advance
        if task is None or training is None or advance is None:
            return None
        try:
            report = advance()
        except StopIteration as stop:
            self._task = None
            return Finished(task.proposal.trial, task.attempt, stop.value)
        except KeyboardInterrupt:  # Ctrl-C; one that the trial raised looks the same
            self._task = None
            raise
        except BaseException as error:
            self._task = None
            end = end_of(error, task, self._epochs)
            if isinstance(end, SearchError):
                raise end from error
            return end
        self._epochs = report.epoch
        self._advance = None

        def reply(decision: Decision) -> None:
            self._advance = lambda: training.send(decision)

        return EpochDone(report, reply)

    def cancel(self, trial: str) -> None:
        """Close the training of the trial, which keeps its last checkpoint."""
        if self._task is not None and self._task.proposal.trial == trial:
            self.close()

    def close(self) -> None:
        """Close the current training, if any."""
        if self._task is not None and self._training is not None:
            self._training.close()
        self._task = None
