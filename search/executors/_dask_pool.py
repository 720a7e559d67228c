"""Manage the workers of a Dask cluster: warm them up, and follow their arrivals and ends."""

import contextlib
import pickle
import queue
import uuid
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search.errors import SearchError, SearchWarning
from search.executors._dask_task import Ready, Unfit, warm_up
from search.executors.base import Load
from search.runtime.clock import Clock

if TYPE_CHECKING:
    from distributed import Client, Future

_TOPICS = ("all", "worker-restart-memory")  # events of the scheduler and of nannies
_MOST_DEATHS = 4
_RESTART_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Joined:
    """A worker has joined the cluster and is loading problem and data."""

    worker: str
    warm_up: Any


@dataclass(frozen=True, slots=True)
class Left:
    """A worker has left the cluster. Its task is lost."""

    worker: str


@dataclass(frozen=True, slots=True)
class Exhausted:
    """A worker has used up its memory, and its nanny is about to kill it."""

    worker: str


class DaskWorkers:
    """The workers of a Dask cluster. A new worker loads problem and data, and is then ready.

    `inbox` contains messages of workers and scheduler in order; pass each message about a worker to
    `note`. `load` is called once in each worker, which imports it by module and name. `patience`:
    seconds without any worker after which the study fails.
    """

    def __init__(
        self,
        client: "Client",
        load: Load,
        clock: Clock,
        *,
        patience: float,
    ) -> None:
        self.client = client
        self.topic = f"search-{uuid.uuid4().hex}"
        self.inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._load = load
        self._clock = clock
        self._patience = patience
        self._closed = False
        self._warming: dict[str, Any] = {}
        self._ready: dict[str, int | None] = {}
        self._unfit: dict[str, SearchError] = {}
        self._exhausted: set[str] = set()
        self._deaths = 0
        self._alone_since: float | None = clock.seconds()
        self._address = client.scheduler.address
        self._connection = client.scheduler_comm
        client.subscribe_topic(self.topic, lambda event: self.inbox.put(pickle.loads(event[1])))
        for topic, hear in zip(_TOPICS, (self._heard, self._heard_of_memory), strict=True):
            client.subscribe_topic(topic, hear)
        for worker in client.scheduler_info(n_workers=-1)["workers"]:
            self.note(self._joined(worker))

    @property
    def slots(self) -> int:
        """Number of workers that are ready, at least 1, so that a task waits for the first worker.

        Counting only ready workers makes a proposal as late as possible, with all results known.
        """
        return max(1, len(self._ready))

    def free(self, busy: Collection[str]) -> str | None:
        """Return a worker that is ready and not busy; None without one."""
        return next((worker for worker in self._ready if worker not in busy), None)

    def note(self, message: Joined | Left | Ready | Unfit | Exhausted) -> None:
        """Handle a message about a worker.

        Raises: SearchError when no worker is left that can train.
        """
        worker = message.worker
        if isinstance(message, Joined):
            self._alone_since = None
            if worker not in self._ready:
                self._warming[worker] = message.warm_up
        elif isinstance(message, Left):
            self._miss(worker)
        elif isinstance(message, Exhausted):
            self._exhausted.add(worker)
        elif isinstance(message, Ready):
            if self._warming.pop(worker, None) is not None:
                self._ready[worker] = message.memory_limit
                self._deaths = 0
        else:
            self.refuse(worker, message.error)

    def check(self) -> None:
        """Check the connection and the time without workers.

        Raises: SearchError when there was no worker for too long, or the connection to the
        scheduler is broken.
        """
        if not self.connected:
            raise self._disconnected()
        now = self._clock.seconds()
        if self._alone_since is not None and now - self._alone_since >= self._patience:
            raise SearchError(
                f"The cluster has had no worker for {self._patience:.0f} s. Check why no worker "
                "starts (for example, memory), then resume the study."
            )

    @property
    def connected(self) -> bool:
        """Whether the connection to the scheduler is still the original one.

        Dask (distributed 2026.8) reconnects automatically, but the scheduler has then dropped this
        client's tasks and subscriptions: no message would arrive any more.
        """
        return self.client.status == "running" and self.client.scheduler_comm is self._connection

    @contextlib.contextmanager
    def connection(self) -> Iterator[None]:
        """Context for calls to the scheduler.

        Raises: SearchError instead of Dask's errors when the connection breaks.
        """
        from distributed.client import ClosedClientError

        try:
            yield
        except (OSError, CancelledError, ClosedClientError) as error:
            raise self._disconnected() from error

    def _disconnected(self) -> SearchError:
        return SearchError(
            f"The connection to the cluster's scheduler at {self._address} broke. All recorded "
            "results are kept. Check that the scheduler runs and is reachable, then resume the "
            "study."
        )

    def end_of(self, worker: str) -> str:
        """Return the reason why a worker left, as far as it is known."""
        limit = self._ready.get(worker)
        if limit is None:
            return "the worker died"
        size = f"its limit is {limit / 2**30:.1f} GiB"
        if worker in self._exhausted:
            return f"the worker ran out of memory: {size}"
        return f"the worker died (perhaps out of memory: {size})"

    def restart(self, workers: Sequence[str]) -> None:
        """Kill these worker processes; their nannies start new ones."""
        for worker in workers:
            self._miss(worker, expected=True)
        with contextlib.suppress(TimeoutError):
            self.client.restart_workers(list(workers), _RESTART_SECONDS, raise_for_error=False)

    def close(self) -> None:
        """Disconnect from the cluster. It may be called twice."""
        if not self._closed:
            self._closed = True
            if self.connected:
                for topic in (
                    self.topic,
                    *_TOPICS,
                ):  # or the scheduler would send to a closed client
                    self.client.unsubscribe_topic(topic)
            self.client.close()

    def _heard(self, event: tuple[float, Mapping[str, Any]]) -> None:
        """Handle an event of the scheduler, in Dask's thread."""
        action = event[1].get("action")
        if action == "add-worker":
            # in this thread: the coordinator may be busy with imports for seconds
            self.inbox.put(self._joined(event[1]["worker"]))
        elif action == "remove-worker":
            self.inbox.put(Left(event[1]["worker"]))

    def _heard_of_memory(self, event: tuple[float, Mapping[str, Any]]) -> None:
        """Handle an event of a nanny, in Dask's thread."""
        self.inbox.put(Exhausted(event[1]["worker"]))

    def _joined(self, worker: str) -> Joined:
        """Submit the warm-up of a worker. It may be called from any thread."""
        future = self.client.submit(
            warm_up, self._load, self.topic, workers=[worker], pure=False, retries=0
        )
        future.add_done_callback(lambda done: self._failed(worker, done))
        return Joined(worker, future)

    def _failed(self, worker: str, future: Any) -> None:
        """Handle a warm-up that could not run, in Dask's thread."""
        error = None if future.status != "error" else refusal(future)
        if error is not None:
            self.inbox.put(Unfit(worker, error))

    def refuse(self, worker: str, error: SearchError) -> None:
        """Exclude a worker that cannot load problem and data.

        Raises: `error`, for the last worker.
        """
        self._warming.pop(worker, None)
        self._ready.pop(worker, None)
        self._unfit[worker] = error
        if not self._warming and not self._ready:
            raise error
        text = f"a worker is excluded, the others continue: {error}"
        warnings.warn(text, SearchWarning, stacklevel=2)

    def _miss(self, worker: str, *, expected: bool = False) -> None:
        warming = self._warming.pop(worker, None)
        self._ready.pop(worker, None)
        self._unfit.pop(worker, None)
        if not self._warming and not self._ready:
            self._alone_since = self._clock.seconds()
        if warming is None or expected:
            return
        warming.cancel()
        self._deaths += 1
        if self._deaths >= _MOST_DEATHS:
            raise SearchError(
                f"{self._deaths} workers died while loading the data (last: "
                f"{self.end_of(worker)}). Use fewer --workers."
            )


def refusal(future: "Future") -> SearchError | None:
    """Return why Dask could not run a task; None if its worker died, which is a separate event."""
    error = future.exception()
    if type(error).__name__ == "KilledWorker":
        return None
    return SearchError(
        f"The cluster cannot run this project: {type(error).__name__}: {error}. Install the same "
        "version on the machines of the scheduler and of the workers."
    )
