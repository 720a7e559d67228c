"""Pool of local worker processes, which are restarted when they end."""

import sys
import warnings
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Any

from search.errors import SearchError, SearchWarning
from search.executors import _processes_worker
from search.executors._processes_started import ProcessServer, StartedProcess, process_server
from search.executors._processes_worker import Ready, Remarked
from search.executors.base import Load

_MOST_DEATHS = 4


@dataclass(slots=True)
class _Worker:
    process: StartedProcess
    ready: bool = False
    silent: bool = False  # the connection is closed


class WorkerPool:
    """Worker processes, one per item of `environments`: its additional environment variables.

    `bytes_limit`: memory limit of each. A worker first calls `load`, which it imports by module and
    name. A worker that ends is restarted, unless it cannot load problem and data.
    """

    def __init__(
        self, environments: Sequence[Mapping[str, str]], load: Load, bytes_limit: int
    ) -> None:
        # neither CUDA nor some libraries of macOS survive a fork
        self._forks = sys.platform == "linux" and not any(environments)
        self._environments = environments
        self._load = load
        self._bytes_limit = bytes_limit
        self._server = process_server(forks=self._forks)
        self._workers: dict[int, _Worker] = {}
        self._inbox: deque[tuple[int, Any]] = deque()
        self._deaths = 0
        self._closed = False
        for number in range(len(environments)):
            self._start(number)

    @property
    def ready(self) -> int:
        """Number of workers that have loaded problem and data."""
        return sum(worker.ready for worker in self._workers.values())

    def free(self, busy: Collection[int]) -> int | None:
        """Return a worker that is ready and not busy; None without one."""
        ready = (number for number, worker in self._workers.items() if worker.ready)
        return next((number for number in ready if number not in busy), None)

    def send(self, number: int, message: object) -> None:
        """Send a message to a worker. The end of a worker is reported by `receive`."""
        try:
            self._workers[number].process.connection.send(message)
        except OSError:
            return

    def receive(self, seconds: float) -> tuple[int, Any] | None:
        """Return the next message of a worker, with its number; a text is the reason of its end.

        Return None when no message arrives within `seconds`.

        Raises: SearchError when workers die before they have loaded problem and data.
        """
        if not self._inbox:
            self._listen(seconds)
        return self._inbox.popleft() if self._inbox else None

    def replace(self, number: int) -> None:
        """Kill a worker and start another."""
        self._forget(number)
        self._start(number)

    def refuse(self, number: int, error: SearchError) -> None:
        """Exclude a worker that cannot load problem and data.

        Raises: `error`, for the last worker.
        """
        self._forget(number)
        if not self._workers:
            raise error
        text = f"a worker is excluded, the others continue: {error}"
        warnings.warn(text, SearchWarning, stacklevel=2)

    def close(self) -> None:
        """End all workers and wait for their end. It may be called twice."""
        processes = [worker.process for worker in self._workers.values()]
        for number in list(self._workers):
            self._forget(number)
        if self._forks:
            self._server.wait_for_ends(processes)
        elif not self._closed:
            self._server.close()
        self._closed = True

    def _start(self, number: int) -> None:
        if self._server.dead:
            self._server = process_server(forks=self._forks)
        process = self._server.start(
            _processes_worker.__name__,
            _processes_worker.work.__name__,
            self._load,
            environment=self._environments[number],
            bytes_limit=self._bytes_limit,
        )
        self._workers[number] = _Worker(process)

    def _forget(self, number: int) -> None:
        self._workers.pop(number).process.close()
        self._inbox = deque(message for message in self._inbox if message[0] != number)

    def _listen(self, seconds: float) -> None:
        """Receive available messages; without any, wait for the first."""
        by_connection = {
            worker.process.connection: number
            for number, worker in self._workers.items()
            if not worker.silent
        }
        server: ProcessServer = self._server
        for source in wait([server.control, *by_connection], seconds):
            if source is server.control:
                server.listen()
            else:
                self._hear(by_connection[source])  # type: ignore[index]
        for number, worker in list(self._workers.items()):
            end = worker.process.end
            if end is not None:
                while not worker.silent and worker.process.connection.poll():
                    self._hear(number)  # messages from before its end
                self._ended(number, worker, end)

    def _hear(self, number: int) -> None:
        """Receive one message of a worker."""
        worker = self._workers[number]
        try:
            message = worker.process.connection.recv()
        except Exception:  # noqa: BLE001 - end of the process, or an incomplete or invalid message
            worker.silent = True
            worker.process.kill()
            return
        if isinstance(message, Remarked):
            warnings.warn(message.text, SearchWarning, stacklevel=2)
            return
        if isinstance(message, Ready):
            worker.ready = True
            self._deaths = 0
        self._inbox.append((number, message))

    def _ended(self, number: int, worker: _Worker, end: str) -> None:
        """Report the end of a worker after its last message, and start another."""
        worker.process.connection.close()
        self._inbox.append((number, end))
        if not worker.ready:
            self._deaths += 1
            if self._deaths >= _MOST_DEATHS:
                del self._workers[number]
                raise SearchError(
                    f"{self._deaths} workers died while loading the data (last: {end}). Use fewer "
                    "--workers, or check the problem's load function."
                )
        self._start(number)


def local(
    environments: Sequence[Mapping[str, str]], load: Load, *, memory_bytes: int
) -> WorkerPool:
    """Start a local process for each environment, without waiting for it.

    `memory_bytes`: memory limit of all workers together. If no environment has variables (for
    GPUs), all workers are forked from a process that has imported TensorFlow.
    """
    return WorkerPool(environments, load, memory_bytes // len(environments))
