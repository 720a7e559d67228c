"""Retrain a trial from its first epoch, with the platform's loop or with Keras's `fit`.

These functions run in a process that has not trained before; see `search.executors.fresh_process`.
"""

import contextlib
import tempfile
from dataclasses import replace
from pathlib import Path

from search.engine.reopen import refuse_changes
from search.engine.worker_setup import Loaded, WorkerInputs, folding_of, trainer, versions_here
from search.problem.pickling import PickledProblem
from search.study.config import from_plain
from search.study.events import StudyStarted
from search.study.rules import training_rules
from search.study.trial import Budget, Decision, Task
from search.training.base import WorkerContext
from search.training.checkpoint import Checkpoint
from search.training.keras_fit import FitCurve, fit_curve


def trained_again(
    header: StudyStarted,
    task: Task,
    epochs: int,
    data_dir: Path | None,
    pickled: PickledProblem | None,
) -> list[dict[str, float]]:
    """Train the model of a task with the platform's training loop, for at most `epochs` epochs.

    Returns: The metrics of each epoch.

    Raises: StudyChangedError when problem or data have changed.
    """
    loaded = _loaded(header, data_dir, pickled)
    found: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory(prefix="keras-search-") as folder:
        made = trainer(loaded.setup, loaded.data, _NoCheckpoints(), header.rules, Path(folder))
        work = made.train(task)
        with contextlib.suppress(StopIteration):  # the training ended early
            report = next(work)
            found.append(dict(report.metrics))
            while len(found) < epochs:
                report = work.send(Decision.CONTINUE)
                found.append(dict(report.metrics))
            work.close()
    return found


def fitted_perturbed(
    header: StudyStarted,
    task: Task,
    epochs: int,
    data_dir: Path | None,
    pickled: PickledProblem | None,
) -> FitCurve:
    """Call `fitted_again` with initial weights that are changed by a rounding error."""
    return fitted_again(header, task, epochs, data_dir, pickled, perturbed=True)


def fitted_again(
    header: StudyStarted,
    task: Task,
    epochs: int,
    data_dir: Path | None,
    pickled: PickledProblem | None,
    *,
    perturbed: bool = False,
) -> FitCurve:
    """Train the model of a task for `epochs` epochs with Keras's `fit`.

    `perturbed`: change the initial weights by a rounding error.

    Raises: StudyChangedError when problem or data have changed.
    """
    loaded = _loaded(header, data_dir, pickled)
    setup = loaded.setup
    task = replace(task, proposal=replace(task.proposal, budget=Budget(0, epochs)))
    rules = training_rules(header.rules)
    folding, most = folding_of(setup.config), setup.settings.max_epochs
    return fit_curve(setup.problem, loaded.data, task, folding, rules, most, perturbed=perturbed)


class _NoCheckpoints:
    """A checkpoint store that stores nothing, so that a trial is trained from its first epoch."""

    def load(self, trial: str) -> Checkpoint | None:
        return None

    def save(self, trial: str, checkpoint: Checkpoint) -> None:
        pass


class _NoTransport:
    """A checkpoint transport that transfers nothing."""

    def brought(self, trial: str) -> bytes | None:
        return None

    def send(self, trial: str, content: bytes) -> None:
        pass


def _loaded(header: StudyStarted, data_dir: Path | None, pickled: PickledProblem | None) -> Loaded:
    """Load the problem and the data of the study like a worker."""
    worker_inputs = WorkerInputs(
        from_plain(header.config), data_dir, versions_here(), pickled=pickled
    )
    loaded = worker_inputs(WorkerContext(Path(), _NoTransport()))
    refuse_changes(header, loaded.setup, loaded.data)
    return loaded
