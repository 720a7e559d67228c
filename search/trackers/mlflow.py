"""A study in MLflow: a parent run per study, a child run with one unbroken curve per trial."""

import json
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from search.export.base import Exported
from search.runtime.masking import masked
from search.runtime.time_limit import within
from search.study.progress import final_state
from search.study.study_record import StudyRecord, StudyState, TrialRecord
from search.study.trial import Failed
from search.trackers import _mlflow_database, _mlflow_mapping, _mlflow_model, _mlflow_views
from search.trackers._mlflow_runs import (
    EPOCH_SECONDS,
    STATE,
    TRIAL,
    Experiment,
    Point,
    Run,
    connect,
    open_experiment,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient


class MlflowTracker:
    """Writes what is in the record and not yet in MLflow, at every call.

    So a resumed study, one whose MLflow data were deleted, and an undisturbed one are the same
    case. Every point has a step and a time that follow from the record (the run's start plus
    the seconds trained), so that a write repeated after a crash changes nothing.

    `tracking_uri`: any MLflow address. `artifact_root`: the folder of artifacts in the store, whose
    database is replaced when it is damaged; None leaves both to the server. `recorded`: all studies
    of the store, to be written again after that.
    """

    def __init__(
        self,
        tracking_uri: str,
        artifact_root: Path | None = None,
        recorded: Callable[[], Iterable[StudyRecord]] = tuple,
    ) -> None:
        self._uri = tracking_uri
        self._artifact_root = artifact_root
        self._recorded = recorded
        self._begun = False
        self._open: _OpenStudy | None = None

    def start_study(self, study: StudyRecord) -> None:
        """Make what is missing (database, experiment, runs) and write what is in the record."""
        self._begun = True
        self._open = _OpenStudy(self._experiment(study), study)
        self._open.write_all("running")
        self._restore_others(study)

    def update(self, trials: Sequence[TrialRecord]) -> None:
        """Write what is new of these trials, and the best score so far."""
        for trial in trials:
            self._started().write_trial(trial, "running")
        self._started().write_best_so_far()
        self._started().write_views_now_and_then()

    def end_study(self, study: StudyRecord, exported: Exported | None) -> None:
        """Write the final states, the winner, the leaderboard, and register the winner's model."""
        if not self._begun:  # it stopped before it started: there is nothing to end
            return
        # MLflow may not have been there when the study started.
        experiment = self._experiment(study) if self._open is None else self._open.experiment
        # Read anew what MLflow holds: Ctrl-C may have come in the middle of a write.
        self._open = _OpenStudy(experiment, study)
        # A journal without a last word was left by a process that was killed.
        state = final_state(study)
        self._open.write_all(state)
        self._open.write_end(state)
        if exported is not None:
            run_id = self._open.parent.run_id
            _mlflow_model.register(
                experiment.client, experiment.experiment_id, run_id, study, exported
            )
            for path in exported.pictures:
                experiment.client.log_artifact(run_id, str(path), "winner")
            database = _mlflow_database.sqlite_file(self._uri)
            if database is not None:  # the registry of models was opened too
                _mlflow_database.remove_misread_folder(database)

    def locate(self, study: StudyRecord) -> dict[str, str] | None:
        """Where the study's parent run is: "tracking_uri", "experiment_id" and "run_id".

        None where it is not in MLflow; nothing is made or changed.
        """
        database = _mlflow_database.sqlite_file(self._uri)
        if database is not None and not database.is_file():
            return None
        client = connect(self._uri)
        found = client.get_experiment_by_name(study.header.problem)
        if found is None:
            return None
        parent, _ = Experiment(client, found.experiment_id, found.tags).runs(study.header)
        if parent is None:
            return None
        ids = {"experiment_id": found.experiment_id, "run_id": parent.run_id}
        return {"tracking_uri": masked(self._uri), **ids}

    def attach(self, study: StudyRecord, file: Path, name: str) -> bool:
        """Put a file among the artifacts of the study's parent run, under this name.

        A file there of that name is replaced. False where MLflow does not have the study.
        """
        place = self.locate(study)
        if place is None:
            return False
        client = connect(self._uri)
        with tempfile.TemporaryDirectory(prefix="keras-search-") as scratch:
            named = Path(scratch) / name  # MLflow takes the name of the file
            named.symlink_to(file.absolute())
            client.log_artifact(place["run_id"], str(named))
        return True

    def view(self, study: StudyRecord) -> str:
        """The key of the study's saved view, which is written where MLflow has none.

        The study is in MLflow already: see `locate`.
        """
        client = connect(self._uri)
        found = client.get_experiment_by_name(study.header.problem)
        view = _mlflow_views.of_study(study)
        if view.tag not in found.tags:
            _save(Experiment(client, found.experiment_id, found.tags), study)
        return view.key

    def forget(self, study: StudyRecord) -> None:
        """Delete the study's runs; `start_study` then writes them again. Registered models stay."""
        self._begun, self._open = False, None
        experiment = self._experiment(study)
        parent, children = experiment.runs(study.header)
        for run in [*children.values(), *([parent] if parent is not None else [])]:
            experiment.client.delete_run(run.run_id)

    def check(self, seconds: float) -> None:
        """Send a request to MLflow, to check that it answers.

        Raises: TimeoutError after `seconds`; any exception of MLflow.
        """
        within(seconds, lambda: self._client().search_experiments(max_results=1))

    def _client(self) -> "MlflowClient":
        return connect(self._uri, replace_damaged=self._artifact_root is not None)

    def _experiment(self, study: StudyRecord) -> Experiment:
        return open_experiment(self._client(), study.header.problem, self._artifact_root)

    def _restore_others(self, study: StudyRecord) -> None:
        """Write the store's other studies where a damaged database was replaced by an empty one.

        Their registered models are left to `doctor --rebuild`, which has the data for an example.
        """
        database = _mlflow_database.sqlite_file(self._uri)
        if database is None or self._artifact_root is None:
            return
        marker = _mlflow_database.incomplete_marker(database)
        if not marker.exists():
            return
        for other in self._recorded():
            if other.header.identity != study.header.identity:
                tracker = MlflowTracker(self._uri, self._artifact_root)
                tracker.start_study(other)
                tracker.end_study(other, None)
        marker.unlink(missing_ok=True)

    def _started(self) -> "_OpenStudy":
        if self._open is None:
            raise RuntimeError("start_study must come before any other call")
        return self._open


class _OpenStudy:
    """The runs of one study as MLflow holds them now, and the record they must agree with."""

    def __init__(self, experiment: Experiment, record: StudyRecord) -> None:
        self.experiment = experiment
        self._record = record
        header = record.header
        parent, self._children = experiment.runs(header)
        for name, run in self._children.items():
            # A run whose outcomes are all written has all its epochs; the others are compared.
            trial = record.trials.get(name)
            if trial is not None and not trial.pending and run.outcomes == trial.ended:
                run.epochs = {report.epoch for report in trial.curve}
            else:
                run.epochs = experiment.steps(run, EPOCH_SECONDS)
        self._best = _mlflow_mapping.BestSoFar(record)
        self._viewed = 0
        self._best_steps: set[int] = set()
        if parent is not None:
            self._best_steps = experiment.steps(parent, f"best_{record.objective.metric}")
        self.parent = parent or experiment.create(
            header.study, _mlflow_mapping.study_tags(header), header.created_ms
        )

    def write_all(self, state: StudyState) -> None:
        """Bring every run to where the record is; `state` is the study's."""
        if not self.parent.params:
            self._write_head()
        tags = {STATE: state, "search.stopped": self._record.stopped or ""}
        self.experiment.write(self.parent, tags=tags)
        status = _mlflow_mapping.STUDY_STATUS[state]
        self.experiment.set_status(self.parent, status, self._end_ms())
        for trial in self._record.trials.values():
            self.write_trial(trial, state)
        self.write_best_so_far()
        self.write_views()

    def write_views(self) -> None:
        """The saved views of this study and of all, as the trials suggest them by now."""
        self._viewed = len(self._record.told)
        _save(self.experiment, self._record)

    def write_views_now_and_then(self) -> None:
        """Write them when the outcomes have doubled: a few times in all, however long it runs."""
        if len(self._record.told) >= max(4, 2 * self._viewed):
            self.write_views()

    def _write_head(self) -> None:
        """What the study is; params last, as their presence says that the rest is there."""
        header = self._record.header
        client, run_id = self.experiment.client, self.parent.run_id
        client.log_text(run_id, json.dumps(header.space, indent=2), "space.json")
        if "data" in header.digests:
            _mlflow_model.log_dataset(client, run_id, header.problem, header.digests["data"])
        self.experiment.write(self.parent, params=_mlflow_mapping.study_params(header))

    def write_trial(self, trial: TrialRecord, state: StudyState) -> None:
        """Bring one run to where the record is."""
        run = self._children.get(trial.trial)
        if run is None:
            run = self._create(trial, state)
        ends = _mlflow_mapping.times(run.start_ms, trial)
        points = [
            Point({**report.metrics, EPOCH_SECONDS: report.seconds}, report.epoch, end)
            for report, end in zip(trial.curve, ends[1:], strict=True)
            if report.epoch not in run.epochs
        ]
        for outcome in trial.outcomes[run.outcomes :]:
            logarithms = _mlflow_mapping.logarithms(self._record.header, trial.params)
            points.append(_mlflow_mapping.outcome_point(outcome, ends, logarithms))
            if isinstance(outcome, Failed) and outcome.traceback:
                self.experiment.client.log_text(run.run_id, outcome.traceback, "traceback.txt")
        tags = _mlflow_mapping.trial_tags(trial, state)
        self.experiment.write(run, points, trial.params, tags)
        run.epochs |= {report.epoch for report in trial.curve}
        run.outcomes = trial.ended
        self.experiment.set_status(run, _mlflow_mapping.trial_status(trial, state), ends[-1])

    def _create(self, trial: TrialRecord, state: StudyState) -> Run:
        """A trial's run. One that is not from now starts when the trial was proposed."""
        start_ms = None
        if not (trial.pending and state == "running"):
            start_ms = self._record.header.created_ms + round(1000 * trial.asked_at)
        name = f"trial {trial.trial} baseline" if trial.is_baseline else f"trial {trial.trial}"
        tags = _mlflow_mapping.identity(self._record.header)
        tags |= {TRIAL: trial.trial, "mlflow.parentRunId": self.parent.run_id}
        run = self.experiment.create(name, tags, start_ms)
        self._children[trial.trial] = run
        return run

    def write_best_so_far(self) -> None:
        """The best score after each outcome, over the seconds trained by then."""
        points = [point for point in self._best.points() if point.step not in self._best_steps]
        self.experiment.write(self.parent, points)

    def write_end(self, state: StudyState) -> None:
        """The winner and the leaderboard."""
        tags, values = _mlflow_mapping.winner(self._record)
        # A winner before this one may have had parameters that this one does not have.
        for key in [k for k in self.parent.tags if k.startswith("search.best.") and k not in tags]:
            self.experiment.client.delete_tag(self.parent.run_id, key)
            del self.parent.tags[key]
        self.experiment.write(self.parent, [Point(values, 0, self._end_ms())], tags=tags)
        best = self._record.best()
        if best is not None and best.trial in self._children:
            verified = _mlflow_mapping.verified_tags(self._record, best)
            self.experiment.write(self._children[best.trial], tags=verified)
        text = _mlflow_mapping.leaderboard(self._record, state)
        self.experiment.client.log_text(self.parent.run_id, text, "leaderboard.csv")

    def _end_ms(self) -> int:
        return self._record.header.created_ms + round(1000 * self._record.seconds)


def _save(experiment: Experiment, study: StudyRecord) -> None:
    """Write the views of a study; delete the oldest views beyond the limit."""
    for view in (_mlflow_views.of_study(study), _mlflow_views.of_all_studies(study.header)):
        experiment.tag(view.tag, view.text)
    for tag in _mlflow_views.surplus(list(experiment.tags), study.header):
        experiment.untag(tag)
