"""Trains in this process, one epoch per message: for debuggers, `workers=0` from Python.

It survives no trial that kills the process, hangs or eats memory.
"""

from collections.abc import Callable

from search.errors import SearchError
from search.executors.base import EpochDone, Finished, Message, end_of
from search.study.trial import Decision, EpochReport, Task
from search.training.base import Trainer, Training


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
        except KeyboardInterrupt:  # Ctrl-C, and not to be told from one that the trial raised
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
        """Close the trial's training, which keeps its last checkpoint."""
        if self._task is not None and self._task.proposal.trial == trial:
            self.close()

    def close(self) -> None:
        """Close the current training, if there is one."""
        if self._task is not None and self._training is not None:
            self._training.close()
        self._task = None
