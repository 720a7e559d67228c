"""Functions that several commands share: build the run context, read studies, print results."""

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

# How long a command waits for MLflow when it needs MLflow only for a link.
_MLFLOW_SECONDS = 15.0


def out(text: str) -> None:
    """Print a result to standard output."""
    sys.stdout.write(encodable(masked(text), sys.stdout.encoding) + "\n")


@contextlib.contextmanager
def prints_to_standard_error() -> Iterator[None]:
    """Redirect the output of user code to standard error: standard output is for results.

    Redirect the file descriptor, and with it the output of C code, `os.write` and workers.
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
    """Return the columns of the terminal; None when standard output is not a terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def note(text: str) -> None:
    """Print a message to standard error."""
    sys.stderr.write(masked(text) + "\n")


def store_of(options: Namespace) -> Store:
    """Return the store that `--store` names."""
    return Store(options.store)


def tracking_uri(store: Store, environment: Environment) -> str:
    """Return MLFLOW_TRACKING_URI, or by default the address of the SQLite file in the store."""
    return environment.tracking_uri or sqlite_address(store.database.absolute())


def artifact_root(store: Store, environment: Environment) -> Path | None:
    """Return the artifact folder in the store; None when MLFLOW_TRACKING_URI sets the server."""
    return None if environment.tracking_uri else store.artifacts


def place(record: StudyRecord, store: Store, environment: Environment) -> dict[str, str] | None:
    """Return the MLflow location of the study; None, with a warning, when MLflow fails."""
    from search.trackers.mlflow import MlflowTracker

    tracker = MlflowTracker(tracking_uri(store, environment))
    try:
        return within(_MLFLOW_SECONDS, lambda: tracker.locate(record))
    except Exception as error:  # noqa: BLE001 - tracker edge: a view never ends a command
        _warn_of_mlflow(f"Cannot find study {record.header.study} in MLflow", error)
        return None


def view(record: StudyRecord, store: Store, environment: Environment) -> str | None:
    """Return the key of the study's saved view in MLflow; None, with a warning, without one."""
    from search.trackers.mlflow import MlflowTracker

    tracker = MlflowTracker(tracking_uri(store, environment))
    try:
        return within(_MLFLOW_SECONDS, lambda: tracker.view(record))
    except Exception as error:  # noqa: BLE001 - tracker edge: a view never ends a command
        _warn_of_mlflow("MLflow did not save the charts of the study", error)
        return None


def mlflow_error(error: Exception) -> str:
    """Return MLflow's error as one line without passwords, with advice."""
    advice = "" if isinstance(error, SearchError) else ". Check MLFLOW_TRACKING_URI and its server"
    return f"{masked(in_a_line(error))}{advice}"


def _warn_of_mlflow(what: str, error: Exception) -> None:
    warnings.warn(f"{what}: {mlflow_error(error)}", SearchWarning, stacklevel=3)


def recorded(store: Store) -> Iterator[StudyRecord]:
    """Yield the studies of a store that are readable and not running."""
    for name in store.studies():
        with contextlib.suppress(SearchError, OSError):
            if journals.writer(store.journal(name)) is None:
                yield read(store, name)[0]


def mlflow_tracker(store: Store, environment: Environment) -> "MlflowTracker":
    """Create the MLflow tracker for the studies of a store."""
    from search.trackers.mlflow import MlflowTracker

    uri, root = tracking_uri(store, environment), artifact_root(store, environment)
    return MlflowTracker(uri, root, lambda: recorded(store))


def surroundings(options: Namespace, environment: Environment) -> RunContext:
    """Build the context of a run: store, data folder, workers and trackers."""
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
        # last: closing MLflow may take a while, and the console must draw its last frame first
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
    """Return where the study trains: on the Dask cluster of `--cluster`, or in local processes."""
    if options.cluster is not None and options.workers is not None:
        raise UsageError(
            f"--workers {options.workers} has no effect with --cluster: the cluster has its own "
            "workers. Remove one of the two options."
        )
    gpus = _hardware.gpus(environment.visible_gpus)
    worker_spec = WorkerSpec(None, options.cluster, gpus, options.trial_timeout)
    if options.workers == "auto":
        return worker_spec.sized()
    return replace(worker_spec, workers=options.workers)


def _nothing(_: str) -> None:
    """Discard a message."""


def _talks(options: Namespace) -> bool:
    """Return whether to print messages for people to standard error."""
    return not options.quiet and options.progress != "json"


def finish(
    options: Namespace, environment: Environment, store: Store, work: Callable[[], Result]
) -> int:
    """Run `work`, print its result and return the exit code; 130 after an interrupt."""
    try:
        with prints_to_standard_error():
            result = work()
    except StudyInterrupted as interrupt:
        note(f"interrupted; continue: {printed_commands.resume_command(interrupt.study, store)}")
        return interrupt.exit_code
    record = result.record
    if options.json:
        where = place(record, store, environment)
        out(json.dumps(document(record, record.state, where), indent=2))
    else:
        out(summary.closing(record, result.exported, store, width()))
    return 1 if record.state == "failed" else 0
