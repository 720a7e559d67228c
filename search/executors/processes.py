"""Executor in local processes, each of which trains one trial at a time.

A trial that kills its process, hangs or runs out of memory loses one attempt, and does not affect
other trials. Messages use socket pairs, which no other process can open.
"""

import math
from collections import deque
from dataclasses import dataclass

from search.executors._processes_pool import WorkerPool
from search.executors._processes_worker import Broken, Order, Ready, Reported, Unfit
from search.executors.base import EpochDone, Finished, Lost, MakeTrainer, Message
from search.runtime.clock import Clock
from search.study.trial import Decision, Task

_LONGEST_WAIT_SECONDS = 1.0  # wake up regularly to handle Ctrl-C


@dataclass(slots=True)
class _Flight:
    """A running task in a worker. `since`: start of the training."""

    task: Task
    worker: int
    since: float


class ProcessExecutor:
    """Executor with one slot per ready worker, and at least one slot.

    `make_trainer` is called once in each worker, which imports it by module and name. `waits`:
    workers wait for the answer to each report; not needed for a backend that never prunes.
    `timeout`: time limit in seconds for one attempt of a trial.
    """

    def __init__(
        self,
        pool: WorkerPool,
        make_trainer: MakeTrainer,
        clock: Clock,
        *,
        waits: bool,
        timeout: float | None = None,
    ) -> None:
        self._pool = pool
        self._make_trainer = make_trainer
        self._clock = clock
        self._waits = waits
        self._timeout = math.inf if timeout is None else timeout
        self._waiting: deque[Task] = deque()
        self._flights: dict[int, _Flight] = {}

    @property
    def slots(self) -> int:
        """Number of ready workers, at least 1, so that a task waits for the first worker.

        Counting only ready workers makes a proposal as late as possible, with all results known.
        """
        return max(1, self._pool.ready)

    def submit(self, task: Task) -> None:
        """Queue a task for the next worker that is ready and free."""
        self._waiting.append(task)
        self._dispatch()

    def next_message(self, timeout: float | None = None) -> Message | None:
        """Return the next message.

        Return None after `timeout` seconds without a message, or when the number of slots grows.
        """
        now = self._clock.seconds()
        until = math.inf if timeout is None else now + timeout
        slots = self.slots
        while True:
            late = self._late()
            if late is not None:
                return self._abandon(late)
            received = self._pool.receive(self._seconds_to(until))
            if received is not None:
                message = self._understood(*received)
                self._dispatch()
                if message is not None:
                    return message
            elif self._clock.seconds() >= until:
                return None
            if self.slots > slots:
                return None

    def cancel(self, trial: str) -> None:
        """Kill the worker of the trial, and start another."""
        self._waiting = deque(t for t in self._waiting if t.proposal.trial != trial)
        for worker, flight in list(self._flights.items()):
            if flight.task.proposal.trial == trial:
                del self._flights[worker]
                self._pool.replace(worker)

    def close(self) -> None:
        """End the workers. Running trials keep their last checkpoint."""
        self._waiting.clear()
        self._flights.clear()
        self._pool.close()

    def _dispatch(self) -> None:
        """Send queued tasks to workers that are ready and free."""
        while self._waiting:
            worker = self._pool.free(self._flights)
            if worker is None:
                return
            task = self._waiting.popleft()
            self._flights[worker] = _Flight(task, worker, self._clock.seconds())
            self._pool.send(worker, Order(self._make_trainer, task, self._waits))

    def _understood(self, worker: int, said: object) -> Message | None:
        """Handle a message of a worker. Return the message for the coordinator, or None."""
        if isinstance(said, Reported):
            flight = self._flights[worker]
            return EpochDone(said.report, lambda decision: self._reply(flight, decision))
        if isinstance(said, Ready):
            return None
        ended = self._flights.pop(worker, None)
        if isinstance(said, Unfit):
            if ended is not None:  # the worker is unsuitable, not the task
                self._waiting.appendleft(ended.task)
            self._pool.refuse(worker, said.error)
            return None
        if isinstance(said, Broken):
            raise said.error
        if isinstance(said, Finished):
            return said
        if isinstance(said, Lost):  # the trial may have left the process in a bad state
            self._pool.replace(worker)
            return said
        reason = str(said)  # why the worker ended
        if ended is None:
            return None
        return Lost(ended.task.proposal.trial, ended.task.attempt, reason)

    def _reply(self, flight: _Flight, decision: Decision) -> None:
        if self._waits and self._flights.get(flight.worker) is flight:
            self._pool.send(flight.worker, decision)

    def _seconds_to(self, until: float) -> float:
        """Return the seconds to wait for a message: to the next deadline, or to `until`."""
        deadlines = [flight.since + self._timeout for flight in self._flights.values()]
        wait = min([until, *deadlines]) - self._clock.seconds()
        return min(max(wait, 0.0), _LONGEST_WAIT_SECONDS)

    def _late(self) -> _Flight | None:
        now = self._clock.seconds()
        flights = self._flights.values()
        return next((flight for flight in flights if now >= flight.since + self._timeout), None)

    def _abandon(self, flight: _Flight) -> Lost:
        del self._flights[flight.worker]
        self._pool.replace(flight.worker)
        task = flight.task
        return Lost(task.proposal.trial, task.attempt, f"took longer than {self._timeout:g} s")
