"""What runs in a Dask worker, and the messages it sends to the coordinator's side."""

import functools
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from search.errors import SearchError
from search.executors.base import Finished, failure
from search.training.base import Trainer
from search.trial import Decision, EpochReport, Outcome, Task

MakeTrainer: TypeAlias = Callable[[], Trainer]


@dataclass(frozen=True, slots=True)
class Started:
    """A worker has begun with a task."""

    trial: str
    attempt: int
    worker: str


@dataclass(frozen=True, slots=True)
class Reported:
    """A worker completed an epoch."""

    attempt: int
    report: EpochReport


@dataclass(frozen=True, slots=True)
class Broken:
    """A worker met trouble that is not the trial's."""

    trial: str
    attempt: int
    error: SearchError


def reply_name(topic: str, task: Task) -> str:
    """The queue by which the answers to an attempt of a trial come."""
    return f"{topic}-{task.proposal.trial}-{task.attempt}"


@functools.lru_cache(maxsize=1)
def _trainer(make_trainer: MakeTrainer) -> Trainer:
    """The trainer of a worker: TensorFlow and the data are loaded once."""
    return make_trainer()


def warm_up(make_trainer: MakeTrainer) -> None:
    """Load TensorFlow and the data before the first task comes."""
    _trainer(make_trainer)


def train(make_trainer: MakeTrainer, task: Task, topic: str, waits: bool) -> None:
    """Train one task, in a worker; all that comes of it goes out as messages."""
    from distributed import Queue, get_client, get_worker

    worker = get_worker()
    trial, attempt = task.proposal.trial, task.attempt
    replies = Queue(reply_name(topic, task), client=get_client()) if waits else None

    def send(message: Any) -> None:
        worker.log_event(topic, pickle.dumps(message))

    send(Started(trial, attempt, worker.address))
    epochs = len(task.recorded)
    decision: Decision | None = None
    outcome: Outcome
    try:
        training = _trainer(make_trainer).train(task)
        while True:
            report = next(training) if decision is None else training.send(decision)
            epochs = report.epoch
            send(Reported(attempt, report))
            decision = Decision(replies.get()) if replies is not None else Decision.CONTINUE
    except StopIteration as stop:
        outcome = stop.value
    except SearchError as error:
        send(Broken(trial, attempt, error))
        return
    except Exception as error:  # noqa: BLE001 - worker boundary: a failed trial is data
        outcome = failure(error, epochs)
    send(Finished(trial, attempt, outcome))
