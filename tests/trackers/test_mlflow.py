"""What a study leaves in MLflow, undisturbed, cut anywhere, or written anew from its journal."""

import json
import logging
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from search.export.base import Exported
from search.study.events import Entry, LimitsChanged, Stopped
from search.study.study_record import StudyRecord, fold
from search.trackers import _mlflow_views
from search.trackers._mlflow_runs import EPOCH_SECONDS, TRIAL, connect
from search.trackers.mlflow import MlflowTracker
from tests.records import (
    CREATED_MS,
    asked,
    completed,
    entries,
    header,
    play,
    reported,
    short_life,
    whole_life,
)
from tests.trackers.contract import TrackerContract


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    """MLflow's empty database: making its tables takes seconds, copying them does not."""
    path = tmp_path_factory.mktemp("template") / "mlflow.db"
    connect(f"sqlite:///{path}")
    return path


@dataclass(frozen=True)
class Place:
    """A store in a folder, and what MLflow holds there."""

    folder: Path

    @property
    def uri(self) -> str:
        return f"sqlite:///{self.folder / 'mlflow.db'}"

    def tracker(self) -> MlflowTracker:
        return MlflowTracker(self.uri, self.folder / "artifacts")

    @property
    def client(self):
        return connect(self.uri)

    def runs(self, study: str = "demo-1", problem: str = "demo"):
        experiment = self.client.get_experiment_by_name(problem)
        found = self.client.search_runs(
            [experiment.experiment_id], f"tags.`search.study` = '{study}'"
        )
        parents = [run for run in found if TRIAL not in run.data.tags]
        children = {run.data.tags[TRIAL]: run for run in found if TRIAL in run.data.tags}
        assert len(parents) + len(children) == len(found), "a trial has two runs"
        assert len(parents) == 1
        return parents[0], children

    def curve(self, run, metric: str) -> list[tuple[int, float]]:
        history = self.client.get_metric_history(run.info.run_id, metric)
        return sorted((point.step, point.value) for point in history)

    def text(self, run, name: str) -> str:
        return Path(self.client.download_artifacts(run.info.run_id, name)).read_text()

    def content(self, study: str = "demo-1"):
        """All that a study left, but for ids, names of the study, and times of the clock."""
        parent, children = self.runs(study)
        return {name: self._content(run) for name, run in {"": parent, **children}.items()}

    def _content(self, run):
        own = ("mlflow.parentRunId", "mlflow.runName", "mlflow.user", "search.study")
        return {
            "status": run.info.status,
            "tags": {k: v for k, v in run.data.tags.items() if k not in own},
            "params": run.data.params,
            "curves": {name: self.curve(run, name) for name in run.data.metrics},
            "files": sorted(f.path for f in self.client.list_artifacts(run.info.run_id)),
        }


@pytest.fixture
def place(template, tmp_path) -> Place:
    shutil.copy(template, tmp_path / "mlflow.db")
    return Place(tmp_path)


def live(place: Place, journal: list[Entry], exported: Exported | None = None) -> StudyRecord:
    """A study from its first moment to its last, undisturbed."""
    record = fold(journal[:1])
    tracker = place.tracker()
    tracker.start_study(record)
    play(tracker, record, journal[1:])
    tracker.end_study(record, exported)
    return record


class TestMlflow(TrackerContract):
    @pytest.fixture
    def make(self, place):
        return place.tracker


def test_a_study_is_one_parent_and_one_child_per_trial(place):
    live(place, whole_life())
    parent, children = place.runs()

    assert sorted(children) == ["0", "1", "2", "3", "4"]
    assert {c.data.tags["mlflow.parentRunId"] for c in children.values()} == {parent.info.run_id}
    assert parent.info.run_name == "demo-1"
    assert children["0"].info.run_name == "trial 0 baseline"
    assert children["4"].info.run_name == "trial 4"
    assert parent.data.tags["search.backend"] == "hyperband"
    assert parent.data.tags["search.seed"] == "3"
    assert parent.data.tags["search.version.keras"] == "3.15.1"
    assert parent.data.tags["search.digest.data"] == "cd" * 32
    assert parent.inputs.dataset_inputs[0].dataset.name == "demo"
    assert parent.data.params == {
        "config.problem": "demo",
        "config.max_epochs": "3",
        "config.assignments": '["a=1,2"]',
        "space.layers": "Int low=1 high=3",
        "space.optimizer": 'Choice options=["sgd", "adam"]',
    }
    assert json.loads(place.text(parent, "space.json"))[0]["name"] == "layers"


def test_every_metric_of_every_epoch_is_a_curve_by_epoch(place):
    record = live(place, whole_life())
    _, children = place.runs()

    for name, trial in record.trials.items():
        for metric in ("loss", "val_accuracy", "learning_rate"):
            expected = list(enumerate(trial.values(metric), start=1))
            assert place.curve(children[name], metric) == expected
        assert place.curve(children[name], EPOCH_SECONDS) == [
            (report.epoch, report.seconds) for report in trial.curve
        ]


def test_a_promoted_trial_goes_on_in_its_own_run(place):
    live(place, whole_life())
    _, children = place.runs()
    run = children["2"]

    assert place.curve(run, "val_accuracy") == [(1, 0.6), (2, 0.7), (3, 0.65)]
    assert run.data.metrics["score"] == 0.7
    assert run.data.metrics["best_epoch"] == 2
    assert run.data.metrics["seconds"] == 0.75
    assert run.data.metrics["parameter_count"] == 1000
    assert run.data.params == {"layers": "3", "learning_rate": "0.03"}
    assert run.data.tags["search.budget"] == "[1,3)"
    assert run.data.tags["search.rung"] == "1"
    assert run.data.tags["search.bracket"] == "1"
    assert (run.info.status, run.data.tags["search.state"]) == ("FINISHED", "completed")


def test_a_promoted_trial_is_running_again(place):
    journal = whole_life()
    record = fold(journal[:1])
    tracker = place.tracker()
    tracker.start_study(record)
    play(tracker, record, journal[1:21])

    run = place.runs()[1]["2"]
    assert len(record.trials["2"].proposals) == 2
    assert (run.info.status, run.data.tags["search.state"]) == ("RUNNING", "running")


def test_pruned_failed_and_waiting_trials_say_so(place):
    journal = whole_life()
    record = fold(journal[:1])
    tracker = place.tracker()
    tracker.start_study(record)
    play(tracker, record, journal[1:20])
    waiting = place.runs()[1]["1"]
    play(tracker, record, journal[20:])
    tracker.end_study(record, None)
    _, children = place.runs()

    def state(run):
        return run.info.status, run.data.tags["search.state"]

    assert state(waiting) == ("FINISHED", "waiting")
    assert state(children["1"]) == ("FINISHED", "pruned")
    assert state(children["4"]) == ("FINISHED", "pruned")
    assert children["4"].data.metrics["score"] == 0.35
    assert state(children["3"]) == ("FAILED", "failed")
    assert children["3"].data.tags["search.error.kind"] == "ValueError"
    assert children["3"].data.tags["search.error.message"] == "no such optimizer"
    assert place.text(children["3"], "traceback.txt") == "Traceback: line 1\nline 2"
    assert "score" not in children["3"].data.metrics


def test_the_parent_holds_the_best_so_far_the_winner_and_the_leaderboard(place):
    live(place, whole_life())
    parent, _ = place.runs()

    best = [0.5, 0.6, 0.6, 0.6, 0.6, 0.7]
    assert place.curve(parent, "best_val_accuracy") == list(enumerate(best, start=1))
    assert parent.data.metrics["best_score"] == 0.7
    assert parent.data.metrics["test_accuracy"] == 0.68
    assert parent.data.tags["search.best.trial"] == "2"
    assert parent.data.tags["search.best.layers"] == "3"
    assert (parent.info.status, parent.data.tags["search.state"]) == ("FINISHED", "finished")
    lines = place.text(parent, "leaderboard.csv").splitlines()
    assert lines[0] == (
        "rank,trial,state,score,best_epoch,epochs,seconds,bracket,role,rung,layers,learning_rate"
    )
    assert lines[1].startswith("1,2,completed,0.7,2,3,0.75,1,,1,3,")
    assert len(lines) == 6


def test_ids_of_a_study_are_found_and_nothing_is_made_by_looking(place, tmp_path):
    record = live(place, whole_life())
    parent, _ = place.runs()
    assert place.tracker().locate(record) == {
        "tracking_uri": place.uri,
        "experiment_id": parent.info.experiment_id,
        "run_id": parent.info.run_id,
    }

    empty = Place(tmp_path / "empty")
    assert empty.tracker().locate(record) is None
    assert not empty.folder.exists()


def test_the_ui_opens_on_training_runs_and_artifacts_lie_in_the_store(place):
    live(place, whole_life())
    experiment = place.client.get_experiment_by_name("demo")

    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    assert experiment.artifact_location == (place.folder / "artifacts").resolve().as_uri()


@pytest.mark.slow
def test_a_study_cut_between_any_journal_entry_and_mlflow_ends_as_if_undisturbed(place):
    live(place, short_life())
    expected = place.content()

    for cut in range(1, len(short_life()) + 1):
        journal = short_life(header(f"cut-{cut}"))
        record = fold(journal[:1])
        killed = place.tracker()
        killed.start_study(record)
        play(killed, record, journal[1 : cut - 1])  # the last entry is in the journal alone

        resumed = fold(journal[:cut])
        tracker = place.tracker()
        tracker.start_study(resumed)
        play(tracker, resumed, journal[cut:])
        tracker.end_study(resumed, None)

        assert place.content(f"cut-{cut}") == expected, f"cut after entry {cut}"


def test_an_interrupted_study_says_so_and_its_trial_goes_on(place):
    journal = whole_life()
    live(place, [*journal[:4], Entry(2.0, Stopped("interrupted"))])
    parent, children = place.runs()
    assert (parent.info.status, parent.data.tags["search.stopped"]) == ("KILLED", "interrupted")
    assert (children["0"].info.status, children["0"].data.tags["search.state"]) == (
        "KILLED",
        "waiting",
    )

    record = fold([*journal[:4], Entry(2.0, Stopped("interrupted"))])
    tracker = place.tracker()
    tracker.start_study(record)
    tracker.start_trial(record.trials["0"], record.trials["0"].proposals[-1])
    parent, children = place.runs()
    assert (parent.info.status, children["0"].info.status) == ("RUNNING", "RUNNING")
    play(tracker, record, journal[4:])
    tracker.end_study(record, None)

    assert place.curve(place.runs()[1]["0"], "val_accuracy") == [(1, 0.3), (2, 0.5), (3, 0.4)]
    assert place.runs()[0].info.status == "FINISHED"


def test_ctrl_c_in_the_middle_of_a_write_leaves_nothing_out(place):
    journal = whole_life()
    record = fold(journal[:1])
    tracker = place.tracker()
    tracker.start_study(record)
    play(tracker, record, journal[1:4])
    record.apply(journal[4])  # reported, but the call to the tracker did not come to its end
    record.apply(Entry(2.0, Stopped("interrupted")))
    tracker.end_study(record, None)

    assert place.curve(place.runs()[1]["0"], "val_accuracy") == [(1, 0.3), (2, 0.5)]


def test_an_extended_study_may_have_another_winner(place):
    first = whole_life()
    live(place, first)
    record = fold(first)
    wider = {"layers": 9, "width": 64}
    more = [
        LimitsChanged(6, None),
        asked("5", 0, 1, params=wider),
        reported("5", 1, 0.9),
        completed("5", 0.9, 1, 1),
        Stopped("exhausted"),
    ]
    later = [replace(entry, seconds=entry.seconds + 20) for entry in entries(more)[1:]]
    tracker = place.tracker()
    tracker.start_study(record)
    play(tracker, record, later)
    tracker.end_study(record, None)
    parent, children = place.runs()

    assert len(children) == 6
    best = {k: v for k, v in parent.data.tags.items() if k.startswith("search.best.")}
    assert best == {
        "search.best.trial": "5",
        "search.best.layers": "9",
        "search.best.width": "64",
    }
    assert parent.data.metrics["best_score"] == 0.9
    assert place.curve(parent, "best_val_accuracy")[-2:] == [(6, 0.7), (7, 0.9)]


def test_a_study_is_written_anew_from_its_record(place, tmp_path, template):
    live(place, whole_life())
    expected = place.content()
    record = fold(whole_life())

    tracker = place.tracker()
    tracker.forget(record)
    tracker.start_study(record)
    tracker.end_study(record, None)
    assert place.content() == expected

    elsewhere = Place(tmp_path / "elsewhere")
    elsewhere.folder.mkdir()
    shutil.copy(template, elsewhere.folder / "mlflow.db")
    tracker = elsewhere.tracker()
    tracker.start_study(record)
    tracker.end_study(record, None)
    assert elsewhere.content() == expected


def test_a_study_of_the_same_name_made_later_is_another_study(place):
    live(place, whole_life())
    live(place, [header(created_ms=1_800_000_000_000), *whole_life()[1:7]])

    experiment = place.client.get_experiment_by_name("demo")
    found = place.client.search_runs([experiment.experiment_id])
    assert len(found) == 6 + 2


def test_an_experiment_deleted_in_the_ui_comes_back_with_the_next_study(place):
    live(place, whole_life())
    client = place.client
    client.delete_experiment(client.get_experiment_by_name("demo").experiment_id)

    live(place, whole_life(header("demo-2")))

    assert len(place.runs("demo-2")[1]) == 5


def test_a_trial_with_a_long_curve_and_many_params_is_written_anew(place):
    params = {f"width_{n}": n for n in range(150)}
    epochs = [reported("1", epoch, 0.5) for epoch in range(1, 601)]
    journal = entries(
        [asked("1", 0, 600, params=params), *epochs, completed("1", 0.5, 1, 600)],
        header("long"),
    )
    record = fold(journal)
    tracker = place.tracker()
    tracker.start_study(record)
    tracker.end_study(record, None)
    run = place.runs("long")[1]["1"]

    assert [step for step, _ in place.curve(run, "loss")] == list(range(1, 601))
    assert len(run.data.params) == 150


def test_mlflow_is_silent(place, caplog, capfd):
    caplog.set_level(logging.INFO)
    live(place, whole_life())

    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


def view_of(place: Place) -> str:
    """The text of the study's saved view."""
    experiment = place.client.get_experiment_by_name("demo")
    return str(experiment.tags[f"{_mlflow_views.TAG}demo-1-{CREATED_MS}"])


def test_views_are_written_at_the_start_and_again_when_outcomes_have_doubled(place):
    record = fold([header()])
    tracker = place.tracker()
    tracker.start_study(record)
    seen = [view_of(place)]
    for n in range(1, 8):
        name, score = str(n), n / 9
        events = [asked(name, 0, 1, params={"rate": n, "layers": n % 2}), reported(name, 1, score)]
        for entry in entries([*events, completed(name, score, 1, 1)])[1:]:
            record.apply(entry)
        tracker.update([record.trials[name]])
        seen.append(view_of(place))

    assert [n for n in range(1, 8) if seen[n] != seen[n - 1]] == [4]


def test_a_view_that_was_deleted_is_written_by_a_look_at_it(place):
    record = live(place, whole_life())
    written = view_of(place)
    key = f"demo-1-{CREATED_MS}"
    experiment_id = place.tracker().locate(record)["experiment_id"]
    place.client.delete_experiment_tag(experiment_id, _mlflow_views.TAG + key)

    assert place.tracker().view(record) == key
    assert view_of(place) == written
