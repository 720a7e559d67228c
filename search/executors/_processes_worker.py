"""Code that runs in a local worker process, and its messages to and from the coordinator."""

import functools
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from search.errors import SearchError
from search.executors._processes_child import CoordinatorGone, Link
from search.executors.base import Finished, Load, Lost, MakeTrainer, train, why_unfit
from search.runtime import user_warnings
from search.study.failures import as_known
from search.study.trial import Decision, EpochReport, Task
from search.training.base import Trainer, WorkerContext


@dataclass(frozen=True, slots=True)
class Order:
    """To a worker: train a task. `waits`: wait for the answer to each report."""

    make_trainer: MakeTrainer
    task: Task
    waits: bool


@dataclass(frozen=True, slots=True)
class Ready:
    """From a worker: it has loaded problem and data."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """From a worker: it cannot load problem and data."""

    error: SearchError


@dataclass(frozen=True, slots=True)
class Reported:
    """From a worker: it completed an epoch."""

    report: EpochReport


@dataclass(frozen=True, slots=True)
class Broken:
    """From a worker: the study cannot continue, with any trial."""

    error: SearchError


@dataclass(frozen=True, slots=True)
class Remarked:
    """From a worker: a warning of the platform or of user code, for the user."""

    text: str


def work(link: Link, load: Load) -> None:
    """Load problem and data, then train tasks until the coordinator closes the connection."""
    user_warnings.install(lambda text: link.send(Remarked(text)))
    place = WorkerContext(Path(tempfile.gettempdir()) / f"search-{os.getpid()}")
    link.send(_loaded(load, place))
    while True:
        order: Order = link.receive()
        link.send(_trained(link, order, place))


def _loaded(load: Load, place: WorkerContext) -> Ready | Unfit:
    error = why_unfit(load, place)
    return Ready() if error is None else Unfit(error)


@functools.lru_cache(maxsize=1)
def _trainer(make_trainer: MakeTrainer, place: WorkerContext) -> Trainer:
    """Create the trainer of this process, once."""
    return make_trainer(place)


def _trained(link: Link, order: Order, place: WorkerContext) -> Finished | Lost | Broken | Unfit:
    """Train one task and return its end."""
    task = order.task
    try:
        trainer = _trainer(order.make_trainer, place)
    except SearchError as error:
        return Unfit(as_known(error))

    def answer(report: EpochReport) -> Decision:
        link.send(Reported(report))
        decision: Decision = link.receive() if order.waits else Decision.CONTINUE
        return decision

    end = train(trainer, task, answer, passed_on=(CoordinatorGone,))
    return Broken(end) if isinstance(end, SearchError) else end
