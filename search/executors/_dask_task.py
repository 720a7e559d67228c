"""Code that runs in a Dask worker, and the messages it sends to the coordinator."""

import contextlib
import ctypes
import functools
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search.errors import SearchError, UsageError
from search.executors import base
from search.executors.base import Load, MakeTrainer
from search.runtime import user_warnings
from search.study.failures import as_known
from search.study.trial import Decision, EpochReport, Task
from search.training.base import Trainer, WorkerContext


@dataclass(frozen=True, slots=True)
class Ready:
    """A worker has loaded problem and data. `memory_limit`: in bytes; None for no limit."""

    worker: str
    memory_limit: int | None


@dataclass(frozen=True, slots=True)
class Unfit:
    """A worker cannot load problem and data."""

    worker: str
    error: SearchError


@dataclass(frozen=True, slots=True)
class OfTask:
    """A message about one attempt of a trial."""

    trial: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Started(OfTask):
    """A worker has started a task."""


@dataclass(frozen=True, slots=True)
class Saved(OfTask):
    """A checkpoint is ready for the coordinator."""


@dataclass(frozen=True, slots=True)
class EpochSent(OfTask):
    """A worker completed an epoch."""

    report: EpochReport


@dataclass(frozen=True, slots=True)
class Misfit(OfTask):
    """A worker cannot create the study's trainer: its problem or data differ."""

    error: SearchError


@dataclass(frozen=True, slots=True)
class Broken(OfTask):
    """The study cannot continue, with any trial."""

    error: SearchError


@dataclass(frozen=True, slots=True)
class Remarked:
    """A warning of the platform or of user code, for the user."""

    text: str


def attempt_name(topic: str, task: Task) -> str:
    """Return the name of the Dask queue and variable of one attempt of a trial."""
    return f"{topic}-{task.proposal.trial}-{task.attempt}"


class _Transport:
    """Transfer of checkpoints by a Dask variable, for one task at a time."""

    def __init__(self) -> None:
        self._checkpoint_variable: Any = None
        self._full = False
        self._announce: Callable[[], None] = lambda: None

    def open(self, checkpoint_variable: Any, announce: Callable[[], None], *, full: bool) -> None:
        """Prepare for a task. `full`: its Dask variable already contains a checkpoint."""
        self._checkpoint_variable, self._announce, self._full = checkpoint_variable, announce, full

    def brought(self, trial: str) -> bytes | None:
        """Return the checkpoint that was sent with the task, or the last one sent since."""
        return self._checkpoint_variable.get() if self._full else None

    def send(self, trial: str, content: bytes) -> None:
        """Store the checkpoint in the Dask variable, and notify the coordinator."""
        self._checkpoint_variable.set(content)
        self._full = True
        self._announce()


@functools.cache
def _transport() -> _Transport:
    return _Transport()


@functools.cache
def _place() -> WorkerContext:
    from distributed import get_worker

    # Dask deletes this folder with the worker
    return WorkerContext(Path(get_worker().local_directory) / "study", _transport())


@functools.lru_cache(maxsize=1)
def _trainer(make_trainer: MakeTrainer) -> Trainer:
    """Create the trainer of a worker, once: it loads TensorFlow and the data."""
    return make_trainer(_place())


def warm_up(load: Load, topic: str) -> None:
    """Load problem and data before the first task, and report the result."""
    from distributed import get_worker

    worker = get_worker()
    _keep_memory()
    # Pausing and spilling are for data that Dask stores. Here they would stop a running trial.
    memory = worker.memory_manager
    memory.memory_target_fraction = memory.memory_spill_fraction = False
    memory.memory_pause_fraction = False
    user_warnings.install(lambda text: worker.log_event(topic, pickle.dumps(Remarked(text))))
    error = _other_kind(worker.state.nthreads, worker.nanny) or base.why_unfit(load, _place())
    message: Ready | Unfit = Ready(worker.address, memory.memory_limit)
    if error is not None:
        message = Unfit(worker.address, _of_worker(worker.address, error))
    worker.log_event(topic, pickle.dumps(message))


def train(make_trainer: MakeTrainer, task: Task, topic: str, *, waits: bool, brings: bool) -> None:
    """Train one task in a worker, and send its reports and its end as messages.

    `waits`: wait for the answer to each report. `brings`: a checkpoint was sent with the task.
    """
    from distributed import Queue, Variable, get_client, get_worker

    worker = get_worker()
    trial, attempt = task.proposal.trial, task.attempt
    name = attempt_name(topic, task)

    def send(message: Any) -> None:
        worker.log_event(topic, pickle.dumps(message))

    send(Started(trial, attempt))
    replies = Queue(name, client=get_client()) if waits else None
    checkpoint_variable = Variable(name, client=get_client())
    _transport().open(checkpoint_variable, lambda: send(Saved(trial, attempt)), full=brings)
    try:
        trainer = _trainer(make_trainer)
    except SearchError as error:
        send(Misfit(trial, attempt, _of_worker(worker.address, error)))
        return

    def answer(report: EpochReport) -> Decision:
        send(EpochSent(trial, attempt, report))
        return Decision(replies.get()) if replies is not None else Decision.CONTINUE

    end = base.train(trainer, task, answer)
    if replies is not None:
        replies.close()
    if isinstance(end, SearchError):
        send(Broken(trial, attempt, _of_worker(worker.address, end)))
    else:
        send(end)


def _other_kind(threads: int, nanny: str | None) -> UsageError | None:
    if threads == 1 and nanny is not None:
        return None
    return UsageError(
        f"it has {threads} threads and {nanny or 'no nanny'}, but needs one thread and a nanny. "
        "Start it with `dask worker --nthreads 1 --nworkers N`."
    )


def _of_worker(address: str, error: SearchError) -> SearchError:
    known = as_known(error)
    return type(known)(f"worker {address}: {known}")


def _keep_memory() -> None:
    """Make glibc keep freed memory for later allocations.

    Dask (distributed 2026.8) makes its workers return freed memory at once, by an environment
    variable that glibc reads at the start. TensorFlow's steps, which allocate and free often, then
    take twice as long. Both thresholds are set, because setting one disables glibc's automatic
    adjustment of the other.
    """
    trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h
    with contextlib.suppress(AttributeError, OSError):  # another C library
        glibc = ctypes.CDLL(None)
        glibc.mallopt(trim_threshold, 2**30)
        glibc.mallopt(mmap_threshold, 2**25)
