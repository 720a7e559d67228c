"""The workers of a Dask cluster: started or found early, warmed up, known until they leave."""

import contextlib
import pickle
import queue
import uuid
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search.errors import SearchError
from search.executors._dask_task import Ready, Unfit, warm_up
from search.executors.base import Load
from search.runtime.clock import Clock

if TYPE_CHECKING:
    from distributed import Client, Future

_TOPICS = ("all", "worker-restart-memory")  # what scheduler and nannies say by themselves
_MOST_DEATHS = 4
_RESTART_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Joined:
    """A worker has come up and was told what to load."""

    worker: str
    warm_up: Any


@dataclass(frozen=True, slots=True)
class Left:
    """A worker is gone, with whatever it was doing."""

    worker: str


@dataclass(frozen=True, slots=True)
class Exhausted:
    """A worker is about to be ended by its nanny: it has used up its memory."""

    worker: str


class DaskWorkers:
    """Who can train: each worker loads what it needs as soon as it is there, then it is ready.

    `inbox` holds what workers and scheduler say, in order; `note` must be given every message of
    it that is about a worker. `load` is called once in each worker, where it is known by its module
    and name. `patience`: seconds without a single worker after which there is no hope for one.
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
        """How many workers are ready to train; never none, so that work is there for who comes.

        A proposal is made when a worker is ready for it, and with all that is known by then.
        """
        return max(1, len(self._ready))

    def free(self, busy: Collection[str]) -> str | None:
        """A worker that is ready and not busy; None where there is none."""
        return next((worker for worker in self._ready if worker not in busy), None)

    def note(self, message: Joined | Left | Ready | Unfit | Exhausted) -> None:
        """Take in what is said of a worker.

        Raises: SearchError when no worker is left that could train.
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
        """See that there is hope of a worker.

        Raises: SearchError when there has been none for too long, or the connection to the
        scheduler broke.
        """
        if not self.connected:
            raise self._disconnected()
        now = self._clock.seconds()
        if self._alone_since is not None and now - self._alone_since >= self._patience:
            raise SearchError(
                f"a worker is needed to train, got none for {self._patience:.0f} s; see why none "
                "starts (memory, say), then resume"
            )

    @property
    def connected(self) -> bool:
        """Whether the connection to the scheduler is the one that the study began with.

        Dask (distributed 2026.8) connects again by itself, but the scheduler has then dropped the
        tasks of this client and the topics that it listens to: nothing would ever be heard again.
        """
        return self.client.status == "running" and self.client.scheduler_comm is self._connection

    @contextlib.contextmanager
    def connection(self) -> Iterator[None]:
        """Calls to the scheduler: they fail where the connection breaks.

        Raises: SearchError in place of what Dask raises then.
        """
        from distributed.client import ClosedClientError

        try:
            yield
        except (OSError, CancelledError, ClosedClientError) as error:
            raise self._disconnected() from error

    def _disconnected(self) -> SearchError:
        return SearchError(
            f"the connection to the cluster's scheduler at {self._address} broke. Nothing recorded "
            "is lost: check that the scheduler runs and can be reached, then resume the study"
        )

    def end_of(self, worker: str) -> str:
        """Why a worker that left did so, as far as that is known."""
        limit = self._ready.get(worker)
        if limit is None:
            return "the worker died"
        size = f"its limit is {limit / 2**30:.1f} GiB"
        if worker in self._exhausted:
            return f"the worker ran out of memory: {size}"
        return f"the worker died (perhaps out of memory: {size})"

    def restart(self, workers: Sequence[str]) -> None:
        """End these processes, whatever they are doing, and have their nannies start new ones."""
        for worker in workers:
            self._miss(worker, expected=True)
        with contextlib.suppress(TimeoutError):
            self.client.restart_workers(list(workers), _RESTART_SECONDS, raise_for_error=False)

    def close(self) -> None:
        """Let go of the cluster; may be called twice."""
        if not self._closed:
            self._closed = True
            if self.connected:
                for topic in (self.topic, *_TOPICS):  # else the scheduler tells a closed client
                    self.client.unsubscribe_topic(topic)
            self.client.close()

    def _heard(self, event: tuple[float, Mapping[str, Any]]) -> None:
        """Take an event of the scheduler, on Dask's thread."""
        action = event[1].get("action")
        if action == "add-worker":
            # at once: the coordinator may be busy for seconds with imports of its own
            self.inbox.put(self._joined(event[1]["worker"]))
        elif action == "remove-worker":
            self.inbox.put(Left(event[1]["worker"]))

    def _heard_of_memory(self, event: tuple[float, Mapping[str, Any]]) -> None:
        """Take a nanny's word, on Dask's thread."""
        self.inbox.put(Exhausted(event[1]["worker"]))

    def _joined(self, worker: str) -> Joined:
        """Have a worker load what it needs, on whatever thread."""
        future = self.client.submit(
            warm_up, self._load, self.topic, workers=[worker], pure=False, retries=0
        )
        future.add_done_callback(lambda done: self._failed(worker, done))
        return Joined(worker, future)

    def _failed(self, worker: str, future: Any) -> None:
        """Learn, on Dask's thread, of a warm-up that could not run at all."""
        error = None if future.status != "error" else refusal(future)
        if error is not None:
            self.inbox.put(Unfit(worker, error))

    def refuse(self, worker: str, error: SearchError) -> None:
        """Do without a worker that cannot load what it needs.

        Raises: `error`, where it was the last one.
        """
        self._warming.pop(worker, None)
        self._ready.pop(worker, None)
        self._unfit[worker] = error
        if not self._warming and not self._ready:
            raise error
        warnings.warn(f"a worker is left out, the others continue: {error}", stacklevel=2)

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
                f"a worker must live until it has loaded the data, got {self._deaths} that died, "
                f"the last one thus: {self.end_of(worker)}; take fewer --workers"
            )


def refusal(future: "Future") -> SearchError | None:
    """Why Dask could not run a task; None where its worker died: that is heard otherwise."""
    error = future.exception()
    if type(error).__name__ == "KilledWorker":
        return None
    return SearchError(
        f"the cluster must be able to run this project, got {type(error).__name__}: {error}; "
        "install the same version on the scheduler's machine and on the workers'"
    )
