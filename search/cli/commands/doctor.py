"""`doctor`: check package versions, data sources and the store; rebuild MLflow runs."""

import importlib.metadata
import platform
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from search.cli.commands.common import (
    mlflow_error,
    mlflow_tracker,
    out,
    read,
    store_of,
    tracking_uri,
)
from search.datasets import base as datasets
from search.engine.resolve import resolve
from search.engine.worker_setup import load
from search.errors import JournalError, SearchError
from search.export import writer
from search.export.base import Exported
from search.runtime.environment import Environment
from search.runtime.masking import masked
from search.study import journal as journals
from search.study import printed_commands
from search.study.config import from_plain
from search.study.store import Store
from search.study.study_record import StudyRecord
from search.trackers._mlflow_database import damage
from search.trackers.mlflow import MlflowTracker

_ANSWER_SECONDS = 15.0

PACKAGES = (
    *("tensorflow", "keras", "keras-tuner", "optuna", "scikit-learn", "scikeras"),
    *("mlflow", "pandas", "numpy"),
)


def main(options: Namespace, environment: Environment) -> int:
    """Print one line per check and return 1 if one failed; with `--rebuild`, rebuild MLflow."""
    store, data_dir = store_of(options), options.data_dir or environment.data_dir
    if options.rebuild is not None:
        return _rebuild(store, environment, options.rebuild, data_dir)
    sound = True
    for good, text in _checks(store, environment, data_dir):
        out(f"{'ok  ' if good else 'BAD '} {text}")
        sound = sound and good
    return 0 if sound else 1


def _checks(
    store: Store, environment: Environment, data_dir: Path | None
) -> Iterator[tuple[bool, str]]:
    yield True, f"Python {platform.python_version()}"
    for package in PACKAGES:
        try:
            yield True, f"{package} {importlib.metadata.version(package)}"
        except importlib.metadata.PackageNotFoundError:
            yield False, f"{package} is not installed; install it with `pip install -e .`"
    for name in datasets.names():
        statuses = datasets.module(name).describe(data_dir)
        found = [status for status in statuses if status.available]
        # a source that can be downloaded is no fault: data are downloaded on first use
        possible = [status for status in statuses if status.available is None]
        listed = "; ".join(f"{s.name}: {s.detail}" for s in found or possible or statuses)
        yield bool(found or possible), f"data set {name}: {listed}"
    yield from _store(store)
    yield _mlflow(store, environment)


def _mlflow(store: Store, environment: Environment) -> tuple[bool, str]:
    """Check that MLflow's database or server answers."""
    address = masked(tracking_uri(store, environment))
    if environment.tracking_uri is None:
        if not store.database.exists():
            return True, f"MLflow: {address} (created by the first run)"
        reason = damage(store.database)
        if reason is not None:
            return False, (
                f"MLflow: {address} is damaged ({reason}); the next run, or `doctor --rebuild "
                "STUDY`, renames the database and creates a new one from the journals"
            )
    try:
        MlflowTracker(tracking_uri(store, environment)).check(_ANSWER_SECONDS)
    except Exception as error:  # noqa: BLE001 - tracker edge: any library behind an address
        return False, f"MLflow: {address} does not answer: {mlflow_error(error)}"
    return True, f"MLflow: {address}"


def _store(store: Store) -> Iterator[tuple[bool, str]]:
    if not store.journals.is_dir():
        yield True, f"store {store.root}: no studies yet"
        return
    for name in store.misnamed():
        yield False, f"journal {name!r}: the file name is not a valid study name. Rename the file."
    for name in store.studies():
        try:
            record, state = read(store, name)
        except JournalError as error:
            yield False, f"study {name}: {error}"
            continue
        owner = journals.writer(store.journal(name))
        running = "" if owner is None else f", running in process {owner or 'unknown'}"
        cv = record.header.config.get("cv")
        folds = f", cross-validated: an epoch trains {cv} models" if cv else ""
        yield True, f"study {name}: {state}, {len(record.trials)} trials{folds}{running}"


def _rebuild(store: Store, environment: Environment, study: str, data_dir: Path | None) -> int:
    path = store.existing(study)
    owner = journals.writer(path)
    if owner is not None:
        raise SearchError(
            f"study {study} is running in process {owner or 'unknown'}. Wait until it ends."
        )
    record, _ = read(store, study)
    exported, missing = None, ""
    try:
        exported = _winner(store, record, data_dir)
    except SearchError as error:
        missing = f" ({error})"
    tracker = mlflow_tracker(store, environment)
    try:
        tracker.check(_ANSWER_SECONDS)
        tracker.forget(record)
        tracker.start_study(record)
        tracker.end_study(record, exported)
    except Exception as error:  # tracker edge: any library behind an address
        address = masked(tracking_uri(store, environment))
        raise SearchError(
            f"study {study} was not written to MLflow at {address}: {mlflow_error(error)}"
        ) from error
    out(f"study {study}: {len(record.trials)} trials written to MLflow from the journal")
    if exported is None and record.best() is not None:
        out(
            f"the exported model of the winner is missing{missing}; export and register it with "
            f"`{printed_commands.resume_command(study, store)}`"
        )
    return 0


def _winner(store: Store, record: StudyRecord, data_dir: Path | None) -> Exported | None:
    """Return the exported winner with examples of the problem's data; None without an export."""
    best, directory = record.best(), store.export(record.header.study)
    if best is None or not writer.is_up_to_date(record, best, directory):
        return None
    settings = resolve(from_plain(record.header.config), data_dir=data_dir)
    return writer.winner(directory, load(settings, data_dir))
