"""What runs in a worker process of this machine, and what passes between it and its coordinator."""

import functools
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from search.errors import SearchError
from search.executors._processes_child import CoordinatorGone, Link
from search.executors.base import Finished, Load, Lost, MakeTrainer, end_of
from search.runtime import user_warnings
from search.study.failures import as_known, text_of
from search.study.trial import Decision, EpochReport, Task
from search.training.base import Trainer, WorkerContext


@dataclass(frozen=True, slots=True)
class Order:
    """To a worker: train this; `waits` for the answer to each report."""

    make_trainer: MakeTrainer
    task: Task
    waits: bool


@dataclass(frozen=True, slots=True)
class Ready:
    """From a worker: it has loaded what training needs."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """From a worker: it cannot load what training needs."""

    error: SearchError


@dataclass(frozen=True, slots=True)
class Reported:
    """From a worker: it completed an epoch."""

    report: EpochReport


@dataclass(frozen=True, slots=True)
class Broken:
    """From a worker: the study cannot continue, whatever the trial."""

    error: SearchError


@dataclass(frozen=True, slots=True)
class Remarked:
    """From a worker: a remark, or a warning of the user's code, for the user."""

    text: str


def work(link: Link, load: Load) -> None:
    """Load what training needs, then train what comes, until the coordinator closes."""
    user_warnings.install(lambda text: link.send(Remarked(text)))
    place = WorkerContext(Path(tempfile.gettempdir()) / f"search-{os.getpid()}")
    link.send(_loaded(load, place))
    while True:
        order: Order = link.receive()
        link.send(_trained(link, order, place))


def _loaded(load: Load, place: WorkerContext) -> Ready | Unfit:
    try:
        load(place)
    except SearchError as error:
        return Unfit(as_known(error))
    except Exception as error:  # noqa: BLE001 - worker boundary
        text = (
            f"must be able to load problem and data, got {type(error).__name__}: {text_of(error)}"
        )
        return Unfit(SearchError(text))
    return Ready()


@functools.lru_cache(maxsize=1)
def _trainer(make_trainer: MakeTrainer, place: WorkerContext) -> Trainer:
    """The trainer of this process, made once."""
    return make_trainer(place)


def _trained(link: Link, order: Order, place: WorkerContext) -> Finished | Lost | Broken | Unfit:
    """Train one task; what came of it."""
    task = order.task
    epochs = len(task.recorded)
    decision: Decision | None = None
    try:
        trainer = _trainer(order.make_trainer, place)
    except SearchError as error:
        return Unfit(as_known(error))
    try:
        training = trainer.train(task)
        while True:
            report = next(training) if decision is None else training.send(decision)
            epochs = report.epoch
            link.send(Reported(report))
            decision = link.receive() if order.waits else Decision.CONTINUE
    except StopIteration as stop:
        return Finished(task.proposal.trial, task.attempt, stop.value)
    except CoordinatorGone:
        raise
    except BaseException as error:  # noqa: BLE001 - worker boundary: only signals end a study
        end = end_of(error, task, epochs)
        return Broken(end) if isinstance(end, SearchError) else end
