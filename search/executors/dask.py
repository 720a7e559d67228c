"""Trains in several processes by Dask: workers of one thread on this machine, or any Dask cluster.

Workers are processes of their own that never import the caller's `__main__`. Where one dies, its
nanny starts another; whether its trial is tried again is the coordinator's to say.
"""

import contextlib
import functools
import logging
import math
import os
import pickle
import queue
import signal
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search.executors._dask_worker import (
    Broken,
    MakeTrainer,
    Reported,
    Started,
    reply_name,
    train,
    warm_up,
)
from search.executors.base import Epoch, Finished, Lost, Message
from search.seeds import Clock
from search.trial import Decision, Task

if TYPE_CHECKING:
    from distributed import Client, Future

# Pausing and spilling serve data in Dask's own keeping; here they would only stop a trial half-way.
# `allowed-failures` 0: Dask must not run a trial again by itself, the coordinator knows its curve.
_CONFIG = {
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.worker-ttl": None,  # a worker that imports TensorFlow misses heartbeats
    "distributed.scheduler.work-stealing": False,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.profile.enabled": False,
}
# Dask (distributed 2026.8) has its workers return freed memory at once, by the first of these at
# 64 KiB; TensorFlow's steps, which allocate and free all the time, then take twice as long. A value
# that is set already goes before Dask's; setting one ends glibc's own tuning of the other.
_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(2**30), "MALLOC_MMAP_THRESHOLD_": str(2**25)}
_START_SECONDS = 60.0


@dataclass(slots=True)
class _Flight:
    """A task under way: when it began to train, on which worker, how far it is known."""

    task: Task
    future: "Future"
    epochs: int
    since: float
    worker: str | None = None


class DaskExecutor:
    """As many slots as the cluster has workers; made with `local` or `connected`.

    `make_trainer` is called once in each worker, where it is known by its module and name.
    `waits`: whether workers wait for the answer to each report; where a backend never prunes
    they need not. `timeout`: seconds that one attempt of a trial may take.
    """

    def __init__(
        self,
        client: "Client",
        make_trainer: MakeTrainer,
        clock: Clock,
        *,
        waits: bool,
        timeout: float | None = None,
        end: Callable[[], None] = lambda: None,
    ) -> None:
        self._client = client
        self._make_trainer = make_trainer
        self._clock = clock
        self._waits = waits
        self._timeout = timeout
        self._end = end
        self._topic = f"search-{uuid.uuid4().hex}"
        self._inbox: queue.Queue[Any] = queue.Queue()
        self._flights: dict[str, _Flight] = {}
        self._closed = False
        workers = list(client.scheduler_info(n_workers=-1)["workers"])
        self._slots = len(workers)
        client.subscribe_topic(self._topic, self._received)
        self._warm_ups = [
            client.submit(warm_up, make_trainer, workers=[worker], pure=False) for worker in workers
        ]

    @property
    def slots(self) -> int:
        """The workers that there were at the start."""
        return self._slots

    def submit(self, task: Task) -> None:
        """Send a task to a free worker."""
        trial = task.proposal.trial
        future = self._client.submit(
            train, self._make_trainer, task, self._topic, self._waits, pure=False, retries=0
        )
        self._flights[trial] = _Flight(task, future, len(task.recorded), self._clock.seconds())
        future.add_done_callback(functools.partial(self._ended, trial, task.attempt))

    def next_message(self, timeout: float | None = None) -> Message | None:
        """The next message of a current attempt; None after `timeout` seconds without one."""
        until = None if timeout is None else self._clock.seconds() + timeout
        while True:
            late = self._late()
            if late is not None:
                return self._abandon(late)
            message = self._take(until)
            if message is None:
                if until is not None and self._clock.seconds() >= until:
                    return None
                continue
            current = self._current(message)
            if current is not None:
                return current

    def cancel(self, trial: str) -> None:
        """Restart the worker that trains it: a thread inside TensorFlow cannot be stopped."""
        flight = self._flights.pop(trial, None)
        if flight is not None:
            self._stop(flight)

    def close(self) -> None:
        """End the workers; trials under way keep the checkpoint they have."""
        if self._closed:
            return
        self._closed = True
        self._flights.clear()
        self._client.close()
        self._end()

    def _take(self, until: float | None) -> Any:
        """What comes next into the inbox; None when nothing came before a deadline."""
        now = self._clock.seconds()
        deadlines = [self._deadline(flight) for flight in self._flights.values()]
        if until is not None:
            deadlines.append(until)
        # without a deadline wake up all the same, so that Ctrl-C is seen
        wait = min(deadlines, default=math.inf) - now
        try:
            return self._inbox.get(timeout=min(max(wait, 0.0), 1.0))
        except queue.Empty:
            return None

    def _current(self, message: Any) -> Message | None:
        """The message for the coordinator; None for one that is stale or only of use here."""
        if isinstance(message, Reported):
            flight = self._flights.get(message.report.trial)
            report = message.report
            if flight is None or flight.task.attempt != message.attempt:
                return None
            if report.epoch <= flight.epochs:  # a foreign scheduler ran the task again by itself
                return None
            flight.epochs = report.epoch
            name = reply_name(self._topic, flight.task)
            return Epoch(report, functools.partial(self._reply, name))
        flight = self._flights.get(message.trial)
        if flight is None or flight.task.attempt != message.attempt:
            return None
        if isinstance(message, Started):
            flight.worker, flight.since = message.worker, self._clock.seconds()
            return None
        del self._flights[message.trial]
        if isinstance(message, Broken):
            raise message.error
        result: Finished | Lost = message
        return result

    def _reply(self, name: str, decision: Decision) -> None:
        if self._waits:
            from distributed import Queue

            Queue(name, client=self._client).put(decision.value)

    def _deadline(self, flight: _Flight) -> float:
        """When the flight is late: never, as long as no worker has begun with it."""
        if self._timeout is None or flight.worker is None:
            return math.inf
        return flight.since + self._timeout

    def _late(self) -> _Flight | None:
        now = self._clock.seconds()
        return next((f for f in self._flights.values() if now >= self._deadline(f)), None)

    def _abandon(self, flight: _Flight) -> Lost:
        trial = flight.task.proposal.trial
        del self._flights[trial]
        self._stop(flight)
        return Lost(trial, flight.task.attempt, f"took longer than {self._timeout:g} s")

    def _stop(self, flight: _Flight) -> None:
        flight.future.cancel()
        if flight.worker is not None:
            self._client.restart_workers([flight.worker], raise_for_error=False)

    def _received(self, event: tuple[float, bytes]) -> None:
        """Take a worker's message, on Dask's thread."""
        self._inbox.put(pickle.loads(event[1]))

    def _ended(self, trial: str, attempt: int, future: "Future") -> None:
        """Learn that Dask is done with a task, on Dask's thread; a result has come as a message."""
        if future.status == "finished":
            return
        reason = "the worker died" if future.status == "error" else f"the task was {future.status}"
        self._inbox.put(Lost(trial, attempt, reason))


def local(
    workers: int,
    make_trainer: MakeTrainer,
    clock: Clock,
    *,
    waits: bool,
    timeout: float | None = None,
    memory_bytes: int | None = None,
) -> DaskExecutor:
    """Start `workers` processes on this machine; each may use `memory_bytes` (None: its share)."""
    import dask
    from distributed import Client, Scheduler, SpecCluster
    from distributed.deploy.subprocess import SubprocessWorker
    from distributed.system import MEMORY_LIMIT

    options = {
        "nthreads": 1,
        "memory_limit": memory_bytes or MEMORY_LIMIT // workers,
        "silence_logs": logging.CRITICAL,
        "config": _CONFIG,
        "env": {"TF_CPP_MIN_LOG_LEVEL": "3"},
        "dashboard": False,
    }
    kind = {"worker_class": "distributed.Nanny", "worker_kwargs": options}
    # The scheduler lives in this process: if it is killed, the workers lose it and end themselves.
    for name, value in _MEMORY.items():
        os.environ.setdefault(name, value)
    with dask.config.set(_CONFIG), _interrupts_ignored():
        cluster = SpecCluster(
            workers={i: {"cls": SubprocessWorker, "options": kind} for i in range(workers)},
            scheduler={
                "cls": Scheduler,
                "options": {"host": "127.0.0.1", "port": 0, "dashboard": False},
            },
            silence_logs=logging.CRITICAL,
        )
        client = Client(cluster, set_as_default=False)
        client.wait_for_workers(workers, timeout=_START_SECONDS)
    return DaskExecutor(
        client, make_trainer, clock, waits=waits, timeout=timeout, end=lambda: cluster.close()
    )


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Have processes started here ignore Ctrl-C: the coordinator ends them when it has closed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
