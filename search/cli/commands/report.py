"""`report`: write one study, or a comparison of several, as one HTML file."""

import warnings
from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from dashboards.report.sections import Study
from dashboards.report.winner import pictures
from dashboards.tables import tables
from search.cli import summary
from search.cli.commands.common import mlflow_error, note, out, store_of, tracking_uri
from search.errors import JournalError, SearchError, SearchWarning, UsageError
from search.export import writer
from search.runtime.environment import Environment
from search.runtime.files import write_atomically
from search.runtime.time_limit import within
from search.study import printed_commands
from search.study.store import Store
from search.study.study_record import StudyRecord

_UPLOAD_SECONDS = 30.0


def main(options: Namespace, environment: Environment) -> int:
    """Write the report, log it to MLflow, and write figures as files with `--figures`."""
    from dashboards.figures.save import save
    from dashboards.report.report import Report

    store = store_of(options)
    names = list(dict.fromkeys(options.study))
    refuse_target(options.to)  # fail before the figures are drawn, which takes seconds
    studies, damaged = _readable(store, names)
    report = Report(studies, damaged)
    _write(options.to, report.html())
    out(str(options.to))
    records = [study.tables.record for study in studies]
    _log(records, options.to, store, environment)
    if options.figures is not None:
        _make_folder(options.figures)
        figures = {chart.name: chart.figure for chart in report.charts()}
        for path in save(figures, options.figures, options.format):
            out(str(path))
    return 1 if damaged else 0


def _readable(store: Store, names: Sequence[str]) -> tuple[list[Study], dict[str, str]]:
    """Return the studies that can be read, and why the others cannot.

    Raises: JournalError when none can be read.
    """
    studies: list[Study] = []
    damaged: dict[str, JournalError] = {}
    for name in names:
        try:
            studies.append(_study(store, name))
        except JournalError as error:
            damaged[name] = error
    if not studies:
        raise next(iter(damaged.values()))
    reasons = {name: str(reason) for name, reason in damaged.items()}
    for name, reason in reasons.items():
        note(f"study {name} is not in the report: {reason}")
    return studies, reasons


def refuse_target(path: Path) -> None:
    """Check that a report may be written to `path`.

    Raises: UsageError for a folder, or an existing file that is not a report.
    """
    from dashboards.report.report import GENERATOR

    if path.is_dir():
        raise UsageError(
            f"--to {path} is a folder. Name a file in the folder, for example {path}/report.html."
        )
    try:
        with path.open("rb") as file:
            is_report = GENERATOR.encode() in file.read(2000)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unwritable(path, error) from error
    if not is_report:
        raise UsageError(
            f"--to {path} exists and is not a report, so it is not overwritten. Choose another "
            "file name."
        )


def _study(store: Store, name: str) -> Study:
    found = tables.load(store, name)
    record, folder = found.record, store.export(name)
    best = record.best()
    model = folder if best is not None and writer.is_up_to_date(record, best, folder) else None
    commands = [
        (word, _anywhere(command)) for word, command in summary.next_commands(record, model, store)
    ]
    return Study(found, commands, model, pictures(record, model))


def _anywhere(command: str) -> str:
    """Return a command without the path of this machine's Python, for readers elsewhere."""
    return f"python -m search {command.partition(' -m search ')[2]}"


def _write(path: Path, text: str) -> None:
    """Write a file atomically."""
    try:
        write_atomically(path, text.encode())
    except OSError as error:
        raise _unwritable(path, error) from error


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SearchError(
            f"Cannot create the --figures folder '{folder}': {error.strerror or error}. Choose "
            "another folder."
        ) from error


def _unwritable(path: Path, error: OSError) -> SearchError:
    return SearchError(
        f"Cannot write --to '{path}': {error.strerror or error}. Choose another file name."
    )


def _log(
    records: Sequence[StudyRecord], path: Path, store: Store, environment: Environment
) -> None:
    """Log the report to each study's run in MLflow. An error of MLflow is only a warning."""
    from search.trackers.mlflow import MlflowTracker

    tracker = MlflowTracker(tracking_uri(store, environment))
    name = "report.html" if len(records) == 1 else "comparison.html"
    try:
        for record in records:
            attach = partial(tracker.attach, record, path, name)
            if not within(_UPLOAD_SECONDS, attach):
                study = record.header.study
                note(
                    f"The report was not logged to MLflow, which has no run of study {study}. "
                    "Write the study to MLflow with "
                    f"`{printed_commands.rebuild_command(study, store)}`."
                )
    except Exception as error:  # noqa: BLE001 - tracker edge: a view never ends a command
        text = f"the report was not logged to MLflow: {mlflow_error(error)}"
        warnings.warn(text, SearchWarning, stacklevel=2)
