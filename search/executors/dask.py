"""Executor on a Dask cluster with single-threaded workers.

When a worker dies, its nanny starts another. The coordinator decides whether to retry the trial.
"""

import functools
import math
import queue
import warnings
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from search.errors import SearchWarning
from search.executors._dask_cluster import connected
from search.executors._dask_pool import DaskWorkers, Exhausted, Joined, Left, refusal
from search.executors._dask_task import (
    Broken,
    EpochSent,
    Misfit,
    Ready,
    Remarked,
    Saved,
    Started,
    Unfit,
    attempt_name,
    train,
)
from search.executors.base import EpochDone, Finished, Lost, MakeTrainer, Message
from search.runtime.clock import Clock
from search.study.trial import Decision, Task

if TYPE_CHECKING:
    from distributed import Future, Queue, Variable

__all__ = ["DaskExecutor", "DaskWorkers", "Packed", "connected"]


class Packed(Protocol):
    """Checkpoints on the coordinator's disk, as bytes."""

    def packed(self, trial: str) -> bytes | None:
        """Return the trial's checkpoint; None without one."""
        ...

    def unpack(self, trial: str, content: bytes) -> None:
        """Replace the trial's checkpoint by one from a worker."""
        ...


@dataclass(slots=True)
class _Flight:
    """A running task on a worker. `epochs`: last known epoch; `since`: start of the training.

    `checkpoint_variable`: Dask variable for the checkpoint. `replies`: Dask queue for answers; None
    if the worker does not wait for answers.
    """

    task: Task
    worker: str
    future: "Future"
    epochs: int
    replies: "Queue | None"
    checkpoint_variable: "Variable"
    since: float | None = None

    def end(self) -> None:
        """Delete the queue and the variable of the task."""
        if self.replies is not None:
            self.replies.close()
        self.checkpoint_variable.delete()


class DaskExecutor:
    """Executor with one slot per ready worker of a Dask cluster.

    `make_trainer` is called once in each worker, which imports it by module and name.
    `checkpoints`: sent between worker and coordinator, which have different disks. `waits`: workers
    wait for the answer to each report; not needed for a backend that never prunes. `timeout`:
    time limit in seconds for one attempt of a trial.
    """

    def __init__(
        self,
        workers: DaskWorkers,
        make_trainer: MakeTrainer,
        checkpoints: Packed,
        clock: Clock,
        *,
        waits: bool,
        timeout: float | None = None,
    ) -> None:
        self._workers = workers
        self._make_trainer = make_trainer
        self._checkpoints = checkpoints
        self._clock = clock
        self._waits = waits
        self._timeout = timeout
        self._waiting: deque[Task] = deque()
        self._flights: dict[str, _Flight] = {}

    @property
    def slots(self) -> int:
        """Number of ready workers."""
        return self._workers.slots

    def submit(self, task: Task) -> None:
        """Queue a task for the next worker that is ready and free."""
        self._waiting.append(task)
        with self._workers.connection():
            self._dispatch()

    def next_message(self, timeout: float | None = None) -> Message | None:
        """Return the next message of a running attempt.

        Return None after `timeout` seconds without a message, or when the number of slots grows.
        """
        with self._workers.connection():
            return self._next_message(timeout)

    def _next_message(self, timeout: float | None) -> Message | None:
        until = None if timeout is None else self._clock.seconds() + timeout
        slots = self.slots
        while True:
            late = self._late()
            if late is not None:
                return self._abandon(late)
            received = self._take(until)
            if received is not None:
                message = self._understood(received)
                self._dispatch()
                if message is not None:
                    return message
            elif until is not None and self._clock.seconds() >= until:
                return None
            if self.slots > slots:
                return None
            self._workers.check()

    def cancel(self, trial: str) -> None:
        """Restart the worker of the trial: a thread inside TensorFlow cannot be stopped."""
        self._waiting = deque(t for t in self._waiting if t.proposal.trial != trial)
        flight = self._flights.pop(trial, None)
        if flight is not None:
            with self._workers.connection():
                self._stop([flight])

    def close(self) -> None:
        """Stop all tasks. Running trials keep their last checkpoint."""
        self._waiting.clear()
        flights, self._flights = list(self._flights.values()), {}
        if flights and self._workers.connected:  # the workers outlive this study
            self._stop(flights)
        self._workers.close()

    def _dispatch(self) -> None:
        """Send queued tasks to workers that are ready and free."""
        while self._waiting:
            worker = self._workers.free({flight.worker for flight in self._flights.values()})
            if worker is None:
                return
            self._launch(self._waiting.popleft(), worker)

    def _launch(self, task: Task, worker: str) -> None:
        from distributed import Queue, Variable

        client, topic = self._workers.client, self._workers.topic
        trial, name = task.proposal.trial, attempt_name(topic, task)
        replies = Queue(name, client=client) if self._waits else None
        checkpoint_variable = Variable(name, client=client)
        content = self._checkpoints.packed(trial)
        if content is not None:
            checkpoint_variable.set(content)
        future = client.submit(
            train,
            self._make_trainer,
            task,
            topic,
            waits=self._waits,
            brings=content is not None,
            workers=[worker],
            pure=False,
            retries=0,
        )
        self._flights[trial] = _Flight(
            task, worker, future, len(task.recorded), replies, checkpoint_variable
        )
        future.add_done_callback(functools.partial(self._ended, trial, task.attempt))

    def _take(self, until: float | None) -> Any:
        """Return the next item of the inbox; None after the next deadline."""
        deadlines = [self._deadline(flight) for flight in self._flights.values()]
        if until is not None:
            deadlines.append(until)
        # wake up also without a deadline, to handle Ctrl-C
        wait = min(deadlines, default=math.inf) - self._clock.seconds()
        try:
            return self._workers.inbox.get(timeout=min(max(wait, 0.0), 1.0))
        except queue.Empty:
            return None

    def _understood(self, said: Any) -> Message | None:
        """Handle a received item. Return the message for the coordinator, or None."""
        if isinstance(said, Remarked):
            warnings.warn(said.text, SearchWarning, stacklevel=2)
            return None
        if isinstance(said, Joined | Left | Ready | Unfit | Exhausted):
            lost = self._lost(said.worker) if isinstance(said, Left) else None
            self._workers.note(said)
            return lost
        flight = self._flights.get(said.trial)
        if flight is None or flight.task.attempt != said.attempt:
            return None
        if isinstance(said, EpochSent):
            flight.epochs = said.report.epoch
            return EpochDone(said.report, functools.partial(_reply, flight.replies))
        if isinstance(said, Started):
            flight.since = self._clock.seconds()
            return None
        if isinstance(said, Saved):
            self._checkpoints.unpack(said.trial, flight.checkpoint_variable.get())
            return None
        del self._flights[said.trial]
        flight.end()
        if isinstance(said, Broken):
            raise said.error
        if isinstance(said, Misfit):  # the worker is unsuitable, not the task
            self._waiting.appendleft(flight.task)
            self._workers.refuse(flight.worker, said.error)
            return None
        if isinstance(said, Lost):  # the trial may have left the process in a bad state
            self._workers.restart([flight.worker])
        end: Finished | Lost = said
        return end

    def _lost(self, worker: str) -> Lost | None:
        """Return the loss of the attempt that ran on a worker; None for an idle worker."""
        for trial, flight in self._flights.items():
            if flight.worker == worker:
                del self._flights[trial]
                flight.future.cancel()  # the scheduler must not retry the task itself
                flight.end()
                return Lost(trial, flight.task.attempt, self._workers.end_of(worker))
        return None

    def _deadline(self, flight: _Flight) -> float:
        """Return the deadline of a task; infinity before its worker has started it."""
        if self._timeout is None or flight.since is None:
            return math.inf
        return flight.since + self._timeout

    def _late(self) -> _Flight | None:
        now = self._clock.seconds()
        return next((f for f in self._flights.values() if now >= self._deadline(f)), None)

    def _abandon(self, flight: _Flight) -> Lost:
        trial = flight.task.proposal.trial
        del self._flights[trial]
        self._stop([flight])
        return Lost(trial, flight.task.attempt, f"took longer than {self._timeout:g} s")

    def _stop(self, flights: list[_Flight]) -> None:
        for flight in flights:
            flight.future.cancel()
            flight.end()
        self._workers.restart([flight.worker for flight in flights])

    def _ended(self, trial: str, attempt: int, future: "Future") -> None:
        """Handle a task that could not run, in Dask's thread."""
        error = None if future.status != "error" else refusal(future)
        if error is not None:
            self._workers.inbox.put(Broken(trial, attempt, error))


def _reply(replies: "Queue | None", decision: Decision) -> None:
    if replies is not None:
        replies.put(decision.value)
