"""Whole studies on a slice of Fashion-MNIST: what MLflow and the document hold afterwards."""

import json
from pathlib import Path

import pytest

from search.backends import base as backends
from search.cli.main import main
from search.export import evaluation
from search.export.evaluation import Classified
from search.study import journal as journals
from search.study.events import Told

PROBLEM = str(Path(__file__).parents[1] / "problems" / "fashion_slice.py")
TRIALS = 6
# few networks, so that trials share their graphs: tracing them takes longer than their epochs
NARROW = ("layers=1,2", "neurons=100", "neurons_shape=same", "activation=relu")
NARROW += ("activation_shape=same", "initializer=he_normal", "optimizer=sgd", "dropout=0.0")
MAX_EPOCHS = {"hyperband": "3"}


@pytest.fixture(scope="module", params=backends.names())
def backend(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def store(backend, tmp_path_factory, with_database) -> Path:
    return with_database(tmp_path_factory.mktemp(backend) / "mlruns")


@pytest.fixture(scope="module")
def shown(backend, store) -> dict:
    """Run a study of six trials and read what `show --json` says."""
    words = ["run", PROBLEM, "--backend", backend, "--trials", str(TRIALS), "--study", "a-study"]
    words += ["--workers", "1", *(f"--set={values}" for values in NARROW)]
    epochs = MAX_EPOCHS.get(backend, "2")
    assert main([*words, "--max-epochs", epochs, "--store", str(store), "--quiet"]) == 0
    return document(store)


def document(store: Path) -> dict:
    """What `show --json` prints."""
    import contextlib
    import io

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert main(["show", "a-study", "--json", "--store", str(store)]) == 0
    return json.loads(printed.getvalue())


def test_the_document_has_the_names_that_are_promised(shown, backend):
    assert list(shown) == [
        "study",
        "problem",
        "backend",
        "state",
        "seed",
        "seconds",
        "epochs_trained",
        "objective",
        "best",
        "trials",
        "mlflow",
    ]
    best = ["trial", "score", "best_epoch", "params", "test", "verified", "reason", "spread"]
    assert list(shown["best"]) == best
    assert list(shown["trials"][0]) == [
        "trial",
        "state",
        "score",
        "params",
        "epochs",
        "best_epoch",
        "seconds",
        "labels",
        "error",
        "spread",
    ]
    assert list(shown["mlflow"]) == ["tracking_uri", "experiment_id", "run_id"]
    assert (shown["problem"], shown["backend"], shown["state"]) == (
        "fashion_slice",
        backend,
        "finished",
    )
    assert shown["objective"] == {"metric": "val_accuracy", "direction": "max"}


def test_the_cap_counts_the_baseline_and_is_reached(shown):
    assert len(shown["trials"]) == TRIALS
    assert shown["trials"][0]["labels"] == {"role": "baseline"}
    configurations = {json.dumps(trial["params"], sort_keys=True) for trial in shown["trials"]}
    assert len(configurations) == TRIALS


def test_the_winner_is_the_best_completed_trial_and_met_the_test_data(shown):
    completed = [trial for trial in shown["trials"] if trial["state"] == "completed"]
    assert shown["best"]["score"] == max(trial["score"] for trial in completed)
    assert set(shown["best"]["test"]) == {"loss", "accuracy"}
    assert 0.3 < shown["best"]["test"]["accuracy"] <= 1.0


def test_mlflow_holds_one_run_per_trial_with_every_epoch_once(shown):
    from mlflow import MlflowClient

    place = shown["mlflow"]
    client = MlflowClient(place["tracking_uri"])
    runs = client.search_runs([place["experiment_id"]], max_results=1000)
    children = [run for run in runs if run.data.tags.get("mlflow.parentRunId")]
    parents = [run for run in runs if run not in children]
    assert [run.info.run_id for run in parents] == [place["run_id"]]
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {place["run_id"]}
    by_trial = {run.data.tags["search.trial"]: run for run in children}
    assert sorted(by_trial) == sorted(trial["trial"] for trial in shown["trials"])
    assert len(children) == TRIALS
    for trial in shown["trials"]:
        run = by_trial[trial["trial"]]
        for metric in ("val_accuracy", "val_loss", "learning_rate"):
            steps = [m.step for m in client.get_metric_history(run.info.run_id, metric)]
            assert steps == list(range(1, trial["epochs"] + 1))
        assert run.data.metrics["score"] == trial["score"]
        assert run.data.tags["search.state"] == trial["state"]
    versions = client.search_model_versions("name = 'fashion_slice'")
    assert len(versions) == 1


def test_epochs_mean_what_the_backend_says(shown, backend):
    epochs = {trial["trial"]: trial["epochs"] for trial in shown["trials"][1:]}
    if backends.module(backend).EPOCHS_AS_BUDGET:
        assert set(epochs.values()) <= {1, 2, 3}
        assert all("epochs" not in trial["params"] for trial in shown["trials"])
        assert all("rung" in set(trial["labels"]) for trial in shown["trials"][1:])
    else:
        for trial in shown["trials"]:
            assert trial["epochs"] <= trial["params"]["epochs"] <= 2
            if trial["state"] == "completed":
                assert trial["epochs"] == trial["params"]["epochs"] == trial["best_epoch"]


def test_each_trial_tells_its_network_once_promoted_or_not(shown, store):
    told = [e.event for e in journals.read(store / "journals" / "a-study.jsonl")]
    told = [event for event in told if isinstance(event, Told)]
    with_one = [event.trial for event in told if event.outcome.network is not None]
    assert sorted(with_one) == sorted({event.trial for event in told})


def test_the_winner_leaves_pictures_of_what_it_took_for_something_else(shown, store):
    found = evaluation.read(store / "exports" / "a-study")
    assert isinstance(found, Classified)
    assert found.confusion.sum() == found.size
    right = found.confusion.trace() / found.size
    assert right == pytest.approx(shown["best"]["test"]["accuracy"])
    assert found.images.shape == (12, 28, 28)
    assert "Ankle boot" in (store / "exports" / "a-study" / "examples.svg").read_text()


def test_resume_of_a_finished_study_changes_nothing(shown, store):
    assert main(["resume", "a-study", "--store", str(store), "--quiet", "--json"]) == 0
    again = document(store)
    for volatile in ("seconds",):
        again.pop(volatile)
        shown = {key: value for key, value in shown.items() if key != volatile}
    assert again == shown


def test_more_trials_extend_the_study_and_keep_the_old_ones(shown, store, backend):
    words = ["resume", "a-study", "--trials", str(TRIALS + 3), "--store", str(store), "--quiet"]
    assert main(words) == 0
    longer = document(store)
    assert len(longer["trials"]) == TRIALS + 3
    old = {trial["trial"]: trial["params"] for trial in shown["trials"]}
    assert {t["trial"]: t["params"] for t in longer["trials"] if t["trial"] in old} == old
