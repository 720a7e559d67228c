"""MLflow's side of a study: its store, the problem's experiment, and the runs, read and written."""

import contextlib
import itertools
import logging
import os
import re
import sqlite3
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.errors import SearchError, SearchWarning, first_line
from search.problem.objective import Metrics
from search.study.events import StudyStarted
from search.trackers import _mlflow_database

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run as MlflowRun

STUDY, CREATED, TRIAL, STATE, OUTCOMES = (
    f"search.{word}" for word in ("study", "created", "trial", "state", "outcomes")
)
EPOCH_SECONDS = "epoch_seconds"
_METRICS_PER_CALL, _TEXTS_PER_CALL = 800, 100  # MLflow refuses more than 1,000 in all
_LONGEST_TEXT = 5000  # MLflow keeps 6,000 characters of a param and 8,000 of a tag


def study_filter(header: StudyStarted) -> str:
    """MLflow's condition for the runs of one study."""
    return f"tags.`{STUDY}` = '{header.study}' and tags.`{CREATED}` = '{header.created_ms}'"


@dataclass(frozen=True, slots=True)
class Point:
    """The values that belong to one moment of a run; written together or not at all."""

    values: Metrics
    step: int
    time_ms: int


@dataclass(slots=True)
class Run:
    """The content of one MLflow run as far as written; it changes only after a successful write."""

    run_id: str
    start_ms: int
    status: str
    tags: dict[str, str]
    params: dict[str, str] = field(default_factory=dict)
    epochs: set[int] = field(default_factory=set)
    outcomes: int = 0


def connect(uri: str, *, replace_damaged: bool = False) -> "MlflowClient":
    """Return a client of the store at `uri`; create a missing SQLite file first.

    `replace_damaged`: rename a SQLite file that cannot be used, and create a new one.

    Raises: SearchError for a SQLite file that cannot be used; any exception of MLflow.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when mlflow is imported
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")  # we try again ourselves
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")  # of 120 s, for a server that hangs
    # Otherwise links and progress bars run into our output as soon as there is a server.
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    from mlflow import MlflowClient

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # mlflow 3.17.2 prints the whole trace of a database error that it raises as well.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    database = _mlflow_database.sqlite_file(uri)
    if database is None:
        return MlflowClient(uri, uri)
    database.parent.mkdir(parents=True, exist_ok=True)
    with _mlflow_database.alone(database):
        return _opened(database, replace_damaged=replace_damaged)


def _opened(database: Path, *, replace_damaged: bool) -> "MlflowClient":
    """Open MLflow's SQLite file, made first where it is missing or empty; called under its lock."""
    if not database.exists() or database.stat().st_size == 0:
        _mlflow_database.make(database, _create_tables)
    reason = _mlflow_database.damage(database)
    if reason is None:
        try:
            return _client(_mlflow_database.sqlite_address(database))
        except Exception as error:
            reason = first_line(error)
            if isinstance(error, OSError) or _keeps(database):
                raise SearchError(
                    f"MLflow cannot open {database}: {reason}. Follow that advice, or move the "
                    "file away: the next run makes it again from the journals"
                ) from error
    if not replace_damaged:
        raise SearchError(
            f"MLflow's database {database} is damaged ({reason}). Run `python -m search doctor "
            "--rebuild STUDY`: it keeps the file under another name and makes a new one from the "
            "journals"
        )
    kept = _mlflow_database.set_aside(database)
    _mlflow_database.make(database, _create_tables)
    warnings.warn(
        f"MLflow's database was damaged ({reason}): it is kept as {kept}, and a new one is made "
        "from the journals",
        SearchWarning,
        stacklevel=2,
    )
    return _client(_mlflow_database.sqlite_address(database))


def _client(uri: str) -> "MlflowClient":
    """A client of a store, whose tables MLflow makes when it is first asked."""
    from mlflow import MlflowClient

    client = MlflowClient(uri, uri)
    client.search_experiments(max_results=1)
    database = _mlflow_database.sqlite_file(uri)
    if database is not None:
        _mlflow_database.remove_misread_folder(database)
    return client


def _create_tables(database: Path) -> None:
    """Have MLflow make the tables of a new SQLite file.

    mlflow 3.17.2, `SqlAlchemyStore._create_default_experiment`, writes the default place of
    artifacts into an SQL statement without quoting it, by default a folder below the working
    directory. As a file URI it has neither quotes nor colons that SQL would take for its own.
    """
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    address = _mlflow_database.sqlite_address(database)
    SqlAlchemyStore(address, (database.parent / "artifacts").as_uri())
    _mlflow_database.remove_misread_folder(database)


def _keeps(database: Path) -> bool:
    """Whether a database that MLflow refuses must be kept: it holds runs, or cannot be read now."""
    try:
        return _mlflow_database.holds_runs(database)
    except sqlite3.OperationalError as error:
        return "no such table" not in str(error)
    except sqlite3.DatabaseError:
        return False


class Experiment:
    """The runs of one problem, in one experiment named after it; made with `open_experiment`."""

    def __init__(self, client: "MlflowClient", experiment_id: str, tags: Mapping[str, str]) -> None:
        self.client = client
        self.experiment_id = experiment_id
        self.tags = dict(tags)

    def tag(self, name: str, text: str) -> None:
        """Write a tag of the experiment itself where it is missing or another."""
        if self.tags.get(name) != text:
            self.client.set_experiment_tag(self.experiment_id, name, text)
            self.tags[name] = text

    def untag(self, name: str) -> None:
        """Delete a tag of the experiment itself, also where another process was first."""
        from mlflow.exceptions import MlflowException

        with contextlib.suppress(MlflowException):
            self.client.delete_experiment_tag(self.experiment_id, name)
        del self.tags[name]

    def runs(self, header: StudyStarted) -> tuple[Run | None, dict[str, Run]]:
        """The study's parent run, and the child runs by trial, as far as they exist."""
        parent: Run | None = None
        children: dict[str, Run] = {}
        for found in self._search(header):
            tags = dict(found.data.tags)
            run = Run(
                run_id=found.info.run_id,
                start_ms=found.info.start_time,
                status=found.info.status,
                tags=tags,
                params=dict(found.data.params),
                outcomes=int(tags.get(OUTCOMES, 0)),
            )
            if TRIAL in tags:
                children.setdefault(tags[TRIAL], run)
            else:
                parent = parent or run
        return parent, children

    def _search(self, header: StudyStarted) -> Iterator["MlflowRun"]:
        condition = study_filter(header)
        token = None
        while True:
            page = self.client.search_runs(
                [self.experiment_id],
                condition,
                max_results=1000,
                order_by=["attributes.start_time ASC"],
                page_token=token,
            )
            yield from page
            token = page.token
            if not token:
                return

    def create(self, name: str, tags: Mapping[str, str], start_ms: int | None) -> Run:
        """A new run; `start_ms` None means now."""
        info = self.client.create_run(
            self.experiment_id, start_time=start_ms, tags=dict(tags), run_name=name
        ).info
        return Run(info.run_id, info.start_time, info.status, dict(tags))

    def steps(self, run: Run, metric: str) -> set[int]:
        """The steps at which a metric is already written."""
        return {point.step for point in self.client.get_metric_history(run.run_id, metric)}

    def write(
        self,
        run: Run,
        points: Sequence[Point] = (),
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> None:
        """Write points, and what is new among params and tags, in as few calls as MLflow allows.

        Tags go last: the number of outcomes is one of them, and must not be ahead of the points.
        """
        from mlflow.entities import Metric, Param, RunTag

        new_params = _changed(params or {}, run.params)
        new_tags = _changed(tags or {}, run.tags)
        metric_parts = _packed(
            [
                [Metric(metric_key(k), float(v), p.time_ms, p.step) for k, v in p.values.items()]
                for p in points
            ]
        )
        param_parts = _parts([Param(*item) for item in new_params.items()])
        tag_parts = _parts([RunTag(*item) for item in new_tags.items()])
        calls = max(len(metric_parts), len(param_parts), len(tag_parts))
        tag_parts = [[]] * (calls - len(tag_parts)) + tag_parts
        for metrics, param_part, tag_part in itertools.zip_longest(
            metric_parts, param_parts, tag_parts, fillvalue=()
        ):
            self.client.log_batch(run.run_id, metrics, param_part, tag_part)
        run.params |= new_params
        run.tags |= new_tags

    def set_status(self, run: Run, status: str, end_ms: int) -> None:
        """RUNNING, or one of the words for an ended run with the time it ended."""
        if status == run.status:
            return
        if status == "RUNNING":
            self.client.update_run(run.run_id, status=status)
        else:
            self.client.set_terminated(run.run_id, status, end_ms)
        run.status = status


def open_experiment(client: "MlflowClient", name: str, artifact_root: Path | None) -> Experiment:
    """The experiment of that name, made or restored where it is missing or deleted."""
    from mlflow.exceptions import MlflowException

    location = artifact_root.resolve().as_uri() if artifact_root is not None else None
    found = client.get_experiment_by_name(name)
    database = _mlflow_database.sqlite_file(client.tracking_uri)
    if found is not None and location and database and found.artifact_location != location:
        with _mlflow_database.alone(database):
            _mlflow_database.relocate(database, found.artifact_location, location)
    if found is None:
        try:
            experiment_id = client.create_experiment(name, artifact_location=location)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        else:
            # Without this tag MLflow 3.17 opens a new experiment on its page for language models.
            client.set_experiment_tag(
                experiment_id, "mlflow.experimentKind", "custom_model_development"
            )
            return Experiment(client, experiment_id, {})
        found = client.get_experiment_by_name(name)
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return Experiment(client, found.experiment_id, found.tags)


def metric_key(name: str) -> str:
    """A metric or param name without the characters that MLflow refuses."""
    return re.sub(r"[^\w\-. /]", "_", name)


def _changed(wanted: Mapping[str, Any], written: Mapping[str, str]) -> dict[str, str]:
    texts = {metric_key(key): str(value)[:_LONGEST_TEXT] for key, value in wanted.items()}
    return {key: text for key, text in texts.items() if written.get(key) != text}


def _packed(groups: Sequence[list[Any]]) -> list[list[Any]]:
    """The groups joined up to MLflow's limit; none is split, so that none is half written."""
    batches: list[list[Any]] = []
    for group in groups:
        if not batches or len(batches[-1]) + len(group) > _METRICS_PER_CALL:
            batches.append([])
        batches[-1] += group
    return batches


def _parts(texts: Sequence[Any]) -> list[list[Any]]:
    return [list(texts[i : i + _TEXTS_PER_CALL]) for i in range(0, len(texts), _TEXTS_PER_CALL)]
