"""`doctor`: what is installed, where data come from, and whether the store is sound."""

import importlib.metadata
import platform
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from search import journal as journals
from search.commands.common import artifact_root, out, read, store_of, tracking_uri
from search.config import Environment
from search.datasets import base as datasets
from search.errors import JournalError, SearchError
from search.store import Store

PACKAGES = (
    *("tensorflow", "keras", "keras-tuner", "optuna", "scikit-learn", "scikeras"),
    *("mlflow", "pandas", "numpy"),
)


def main(options: Namespace, environment: Environment) -> int:
    """Print what was found, a line each; 1 when something is wrong. Or rebuild MLflow."""
    store = store_of(options)
    if options.rebuild is not None:
        return _rebuild(store, environment, options.rebuild)
    sound = True
    for good, text in _checks(store, environment, options.data_dir or environment.data_dir):
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
            yield False, f"{package} is not installed; `pip install -e .` brings it"
    for name in datasets.names():
        statuses = datasets.module(name).describe(data_dir)
        found = [status for status in statuses if status.available]
        listed = "; ".join(f"{status.name}: {status.detail}" for status in found or statuses)
        yield bool(found), f"data set {name}: {listed}"
    yield from _store(store)
    yield True, f"MLflow: {tracking_uri(store, environment)}"


def _store(store: Store) -> Iterator[tuple[bool, str]]:
    if not store.journals.is_dir():
        yield True, f"store {store.root}: no studies yet"
        return
    for name in store.studies():
        try:
            record, state = read(store, name)
        except JournalError as error:
            yield False, f"study {name}: {error}"
            continue
        owner = journals.writer(store.journal(name))
        running = f", run by process {owner}" if owner is not None else ""
        yield True, f"study {name}: {state}, {len(record.trials)} trials{running}"


def _rebuild(store: Store, environment: Environment, study: str) -> int:
    from search.trackers.mlflow import MlflowTracker

    path = store.existing(study)
    owner = journals.writer(path)
    if owner is not None:
        raise SearchError(f"study {study} is being run by process {owner}; wait for it to end")
    record, _ = read(store, study)
    tracker = MlflowTracker(tracking_uri(store, environment), artifact_root(store, environment))
    tracker.forget(record)
    tracker.start_study(record)
    tracker.end_study(record, None)
    out(f"study {study}: {len(record.trials)} trials written to MLflow from the journal")
    return 0
