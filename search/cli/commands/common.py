"""What several commands share: where a study runs, how it is read, how results are printed."""

import contextlib
import json
import os
import shutil
import sys
import warnings
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from search.cli import summary
from search.engine.reopen import read as read
from search.engine.resolve import ResolvedStudy
from search.engine.run import Result, RunContext
from search.engine.workers import WorkerSpec
from search.errors import SearchError, SearchWarning, StudyInterrupted, UsageError, in_a_line
from search.executors import _hardware
from search.runtime.clock import SystemClock
from search.runtime.environment import Environment
from search.runtime.masking import masked
from search.runtime.time_limit import within
from search.study import journal as journals
from search.study import printed_commands
from search.study.events import LimitsChanged
from search.study.journal import Tail
from search.study.leaderboard import document
from search.study.progress_text import encodable
from search.study.store import Store
from search.study.study_record import StudyRecord
from search.trackers._mlflow_database import sqlite_address
from search.trackers.base import Tracker

if TYPE_CHECKING:
    from search.trackers.mlflow import MlflowTracker

# How long a command waits for MLflow where it is not what the command is for.
_MLFLOW_SECONDS = 15.0


def out(text: str) -> None:
    """Print a result to standard output."""
    sys.stdout.write(encodable(masked(text), sys.stdout.encoding) + "\n")


@contextlib.contextmanager
def prints_to_standard_error() -> Iterator[None]:
    """Send what the user's code prints to standard error: standard output is for results.

    So it is for prints of workers. What C code or `os.write` writes is redirected, too.
    """
    replaced = sys.stdout is not sys.__stdout__  # by a test or a notebook
    if replaced:
        with contextlib.redirect_stdout(sys.stderr):
            yield
        return
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def width() -> int | None:
    """The columns of standard output; None where it is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def note(text: str) -> None:
    """Print a remark to standard error."""
    sys.stderr.write(masked(text) + "\n")


def store_of(options: Namespace) -> Store:
    """The folder of studies that the user means."""
    return Store(options.store)


def tracking_uri(store: Store, environment: Environment) -> str:
    """Where MLflow's records go: MLFLOW_TRACKING_URI where it is set, else SQLite in the store."""
    return environment.tracking_uri or sqlite_address(store.database.absolute())


def artifact_root(store: Store, environment: Environment) -> Path | None:
    """Where MLflow's artifacts go; a tracking address of the user's own decides that itself."""
    return None if environment.tracking_uri else store.artifacts


def place(record: StudyRecord, store: Store, environment: Environment) -> dict[str, str] | None:
    """Where MLflow has the study; None, with a warning, where it cannot be asked."""
    from search.trackers.mlflow import MlflowTracker

    tracker = MlflowTracker(tracking_uri(store, environment))
    try:
        return within(_MLFLOW_SECONDS, lambda: tracker.locate(record))
    except Exception as error:  # noqa: BLE001 - tracker edge: a view never ends a command
        _warn_of_mlflow(f"MLflow cannot be asked for study {record.header.study}", error)
        return None


def view(record: StudyRecord, store: Store, environment: Environment) -> str | None:
    """The key of the study's saved view in MLflow; None, with a warning, where it has none."""
    from search.trackers.mlflow import MlflowTracker

    tracker = MlflowTracker(tracking_uri(store, environment))
    try:
        return within(_MLFLOW_SECONDS, lambda: tracker.view(record))
    except Exception as error:  # noqa: BLE001 - tracker edge: a view never ends a command
        _warn_of_mlflow("MLflow did not save the charts of the study", error)
        return None


def mlflow_error(error: Exception) -> str:
    """What MLflow's error says, in a line and without passwords, and what to do about it."""
    advice = "" if isinstance(error, SearchError) else ". Check MLFLOW_TRACKING_URI and its server"
    return f"{masked(in_a_line(error))}{advice}"


def _warn_of_mlflow(what: str, error: Exception) -> None:
    warnings.warn(f"{what}: {mlflow_error(error)}", SearchWarning, stacklevel=3)


def recorded(store: Store) -> Iterator[StudyRecord]:
    """The studies of a store whose journals can be read and that nobody is running."""
    for name in store.studies():
        with contextlib.suppress(SearchError, OSError):
            if journals.writer(store.journal(name)) is None:
                yield read(store, name)[0]


def mlflow_tracker(store: Store, environment: Environment) -> "MlflowTracker":
    """MLflow's tracker of the store's studies."""
    from search.trackers.mlflow import MlflowTracker

    uri, root = tracking_uri(store, environment), artifact_root(store, environment)
    return MlflowTracker(uri, root, lambda: recorded(store))


def surroundings(options: Namespace, environment: Environment) -> RunContext:
    """Where a study runs, with MLflow and the terminal watching."""
    store, clock = store_of(options), SystemClock()
    say = note if _talks(options) else _nothing

    def trackers(setup: ResolvedStudy, limit: LimitsChanged) -> Sequence[Tracker]:
        from search.study.progress import Plan
        from search.trackers import console
        from search.trackers.background import BackgroundTracker
        from search.trackers.tensorboard import TensorBoardTracker

        watching: list[Tracker] = []
        if _talks(options):
            for remark in setup.remarks():
                note(remark)
        if not options.quiet:
            plan = Plan(
                trials=limit.trials,
                epochs=setup.planned_epochs(limit),
                seconds=limit.seconds,
                epochs_meaning=setup.epochs_meaning(),
            )
            watching.append(console.create(options.progress, sys.stderr, clock, plan))
        if options.tensorboard is not None:
            watching.append(TensorBoardTracker(options.tensorboard))
        mlflow = mlflow_tracker(store, environment)
        # last: at the end of the study it may be waited for, after the last frame was drawn
        follow = partial(_follow, store)
        watching.append(BackgroundTracker(mlflow, follow, say, rebuild=partial(_rebuild, store)))
        return watching

    return RunContext(
        store,
        options.data_dir or environment.data_dir,
        trackers,
        clock,
        worker_spec=_worker_spec(options, environment),
        say=say,
        keep_going=options.keep_going,
    )


def _follow(store: Store, study: str) -> Tail:
    return Tail(store.journal(study))


def _rebuild(store: Store, study: str) -> str:
    return printed_commands.command_line("doctor", "--rebuild", study, store=store)


def _worker_spec(options: Namespace, environment: Environment) -> WorkerSpec:
    """Who trains: the workers of `--cluster`, or as many processes here as were asked for."""
    if options.cluster is not None and options.workers is not None:
        raise UsageError(
            f"--cluster has workers of its own, got --workers {options.workers} too; drop one"
        )
    gpus = _hardware.gpus(environment.visible_gpus)
    worker_spec = WorkerSpec(None, options.cluster, gpus, options.trial_timeout)
    if options.workers == "auto":
        return worker_spec.sized()
    return replace(worker_spec, workers=options.workers)


def _nothing(_: str) -> None:
    """What is said where no one is to be told."""


def _talks(options: Namespace) -> bool:
    """Whether remarks for people belong on standard error."""
    return not options.quiet and options.progress != "json"


def finish(
    options: Namespace, environment: Environment, store: Store, work: Callable[[], Result]
) -> int:
    """Do the work of `run` or `resume` and print what came of it; 130 when it was interrupted."""
    try:
        with prints_to_standard_error():
            result = work()
    except StudyInterrupted as interrupt:
        note(f"interrupted; go on with: {printed_commands.resume_command(interrupt.study, store)}")
        return interrupt.exit_code
    record = result.record
    if options.json:
        where = place(record, store, environment)
        out(json.dumps(document(record, record.state, where), indent=2))
    else:
        out(summary.closing(record, result.exported, store, width()))
    return 1 if record.state == "failed" else 0
