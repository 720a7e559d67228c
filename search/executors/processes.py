"""Trains in processes of this machine, one trial at a time in each; none of them is this one.

A trial that kills its process, hangs or eats memory costs itself one attempt, and no other trial
anything. What a process says travels on a socket pair, which nobody else can open.
"""

import math
from collections import deque
from dataclasses import dataclass

from search.executors._processes_pool import WorkerPool
from search.executors._processes_worker import Broken, Order, Ready, Reported, Unfit
from search.executors.base import EpochDone, Finished, Lost, MakeTrainer, Message
from search.runtime.clock import Clock
from search.study.trial import Decision, Task

_LONGEST_WAIT_SECONDS = 1.0  # wake up now and then, so that Ctrl-C is seen


@dataclass(slots=True)
class _Flight:
    """A task under way in a worker, since when it trains, and whether it waits for answers."""

    task: Task
    worker: int
    since: float


class ProcessExecutor:
    """As many slots as there are workers that are ready, at least one.

    `make_trainer` is called once in each worker, where it is known by its module and name.
    `waits`: whether workers wait for the answer to each report; where a backend never prunes they
    need not. `timeout`: seconds that one attempt of a trial may take.
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
        """The workers that are ready; never none, so that work is there for who comes.

        A proposal is made when a worker is ready for it, and with all that is known by then.
        """
        return max(1, self._pool.ready)

    def submit(self, task: Task) -> None:
        """Send a task to a worker, as soon as one is ready and free."""
        self._waiting.append(task)
        self._dispatch()

    def next_message(self, timeout: float | None = None) -> Message | None:
        """The next message.

        None after `timeout` seconds without one, or when there are more slots than before.
        """
        now = self._clock.seconds()
        until = math.inf if timeout is None else now + timeout
        slots = self.slots
        while True:
            late = self._late()
            if late is not None:
                return self._abandon(late)
            said = self._pool.receive(self._seconds_to(until))
            if said is not None:
                message = self._understood(*said)
                self._dispatch()
                if message is not None:
                    return message
            elif self._clock.seconds() >= until:
                return None
            if self.slots > slots:
                return None

    def cancel(self, trial: str) -> None:
        """Kill the worker that trains it, and start another."""
        self._waiting = deque(t for t in self._waiting if t.proposal.trial != trial)
        for worker, flight in list(self._flights.items()):
            if flight.task.proposal.trial == trial:
                del self._flights[worker]
                self._pool.replace(worker)

    def close(self) -> None:
        """End the workers; trials under way keep the checkpoint they have."""
        self._waiting.clear()
        self._flights.clear()
        self._pool.close()

    def _dispatch(self) -> None:
        """Give waiting tasks to workers that are ready and free."""
        while self._waiting:
            worker = self._pool.free(self._flights)
            if worker is None:
                return
            task = self._waiting.popleft()
            self._flights[worker] = _Flight(task, worker, self._clock.seconds())
            self._pool.send(worker, Order(self._make_trainer, task, self._waits))

    def _understood(self, worker: int, said: object) -> Message | None:
        """The message for the coordinator; None for one that is only of use here."""
        if isinstance(said, Reported):
            flight = self._flights[worker]
            return EpochDone(said.report, lambda decision: self._reply(flight, decision))
        if isinstance(said, Ready):
            return None
        ended = self._flights.pop(worker, None)
        if isinstance(said, Unfit):
            if ended is not None:  # no fault of the task's
                self._waiting.appendleft(ended.task)
            self._pool.refuse(worker, said.error)
            return None
        if isinstance(said, Broken):
            raise said.error
        if isinstance(said, Finished):
            return said
        if isinstance(said, Lost):  # the trial is done for, and so is what it left behind
            self._pool.replace(worker)
            return said
        reason = str(said)  # its end
        if ended is None:
            return None
        return Lost(ended.task.proposal.trial, ended.task.attempt, reason)

    def _reply(self, flight: _Flight, decision: Decision) -> None:
        if self._waits and self._flights.get(flight.worker) is flight:
            self._pool.send(flight.worker, decision)

    def _seconds_to(self, until: float) -> float:
        """How long to wait for a message: to the next deadline, or to a moment."""
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
