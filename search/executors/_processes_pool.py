"""The worker processes of this machine: started early, known until they end, then started again."""

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
    silent: bool = False  # its connection is at its end


class WorkerPool:
    """A process for each of `environments`, which says what is added to its environment.

    Each may use `bytes_limit` of memory. `load` is called in it first, where it is known by its
    module and name. One that ends is started again, but for those that cannot load what they need.
    """

    def __init__(
        self, environments: Sequence[Mapping[str, str]], load: Load, bytes_limit: int
    ) -> None:
        # CUDA does not survive a fork, nor do some of macOS's libraries
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
        """How many workers have loaded what they need."""
        return sum(worker.ready for worker in self._workers.values())

    def free(self, busy: Collection[int]) -> int | None:
        """A worker that is ready and not busy; None where there is none."""
        ready = (number for number, worker in self._workers.items() if worker.ready)
        return next((number for number in ready if number not in busy), None)

    def send(self, number: int, message: object) -> None:
        """Send a message to a worker; one that has ended says so by itself."""
        try:
            self._workers[number].process.connection.send(message)
        except OSError:
            return

    def receive(self, seconds: float) -> tuple[int, Any] | None:
        """The next message of a worker, with its number; a text is why that worker ended.

        None where nothing came within `seconds`.

        Raises: SearchError when workers die before they have loaded what they need.
        """
        if not self._inbox:
            self._listen(seconds)
        return self._inbox.popleft() if self._inbox else None

    def replace(self, number: int) -> None:
        """Kill a worker, whatever it is doing, and start another in its place."""
        self._forget(number)
        self._start(number)

    def refuse(self, number: int, error: SearchError) -> None:
        """Do without a worker that cannot load what it needs.

        Raises: `error`, where it was the last one.
        """
        self._forget(number)
        if not self._workers:
            raise error
        text = f"a worker is left out, the others continue: {error}"
        warnings.warn(text, SearchWarning, stacklevel=2)

    def close(self) -> None:
        """End all workers, and return when they are gone; may be called twice."""
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
        self._inbox = deque(said for said in self._inbox if said[0] != number)

    def _listen(self, seconds: float) -> None:
        """Take what is there, and wait for it where nothing is."""
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
                    self._hear(number)  # what it said before it ended
                self._ended(number, worker, end)

    def _hear(self, number: int) -> None:
        """Take one message of a worker."""
        worker = self._workers[number]
        try:
            said = worker.process.connection.recv()
        except Exception:  # noqa: BLE001 - its end, half a message, or one that nobody can read
            worker.silent = True
            worker.process.kill()
            return
        if isinstance(said, Remarked):
            warnings.warn(said.text, SearchWarning, stacklevel=2)
            return
        if isinstance(said, Ready):
            worker.ready = True
            self._deaths = 0
        self._inbox.append((number, said))

    def _ended(self, number: int, worker: _Worker, end: str) -> None:
        """Start another in its place, and have the end said after all that it said itself."""
        worker.process.connection.close()
        self._inbox.append((number, end))
        if not worker.ready:
            self._deaths += 1
            if self._deaths >= _MOST_DEATHS:
                del self._workers[number]
                raise SearchError(
                    f"A worker must live until it has loaded the data; {self._deaths} died before, "
                    f"the last one thus: {end}. Use fewer --workers, or see what load does."
                )
        self._start(number)


def local(
    environments: Sequence[Mapping[str, str]], load: Load, *, memory_bytes: int
) -> WorkerPool:
    """Start a process on this machine for each environment, and do not wait for it.

    All may use `memory_bytes` together. Where no environment asks for anything (GPUs), all are
    forked from one that has imported what they need.
    """
    return WorkerPool(environments, load, memory_bytes // len(environments))
