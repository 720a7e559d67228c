"""Whole studies with `--cv`: ranked as scikit-learn ranks them, shown with their spread."""

import json
from pathlib import Path

import numpy as np
import pytest

from search.cli import summary
from search.cli.main import main
from search.engine.run import RunContext, resume, start
from search.errors import UsageError
from search.problem.problem import Problem
from search.runtime.clock import SystemClock
from search.seeds import seed_for
from search.study.config import StudyConfig, digest_of, from_plain
from search.study.leaderboard import document
from search.study.store import Store
from search.study.study_record import StudyRecord
from search.training.cross_validation import CrossValidation
from tests.problems import few

FOLDS = 2


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cv") / "mlruns"


@pytest.fixture
def context(store) -> RunContext:
    """Where studies run here: nobody watches."""
    return RunContext(Store(store), None, lambda setup, limit: (), SystemClock())


@pytest.fixture
def study(context):
    """Run a study: its record, the JSON document, and what is printed at its end."""

    def run(name: str, problem: str, backend: str, **settings) -> tuple[StudyRecord, dict, str]:
        problem = f"tests.problems.few:{problem}"
        result = start(StudyConfig(problem, backend, study=name, cv=FOLDS, **settings), context)
        record = result.record
        printed = summary.closing(record, result.exported, context.store, None)
        return record, document(record, record.state, None), printed

    return run


def scikit_learns_scores(
    problem: Problem, estimator, scoring: str, grid: str
) -> dict[float, float]:
    """The mean score of each learning rate by GridSearchCV, on the folds of the study."""
    from sklearn.model_selection import GridSearchCV

    data = problem.load(None)
    x = np.concatenate([data.train.x, data.validation.x])
    y = np.concatenate([data.train.y, data.validation.y])
    splits = list(CrossValidation(FOLDS, seed_for(0, "folds")).splits(data))
    rates = list(few.RATES)
    search = GridSearchCV(estimator, {grid: rates}, scoring=scoring, cv=splits, refit=False)
    search.fit(x, y)
    return dict(zip(rates, search.cv_results_["mean_test_score"], strict=True))


def ranking(scores: dict[float, float]) -> list[float]:
    return sorted(scores, key=lambda rate: scores[rate])


def by_rate(shown: dict) -> dict[float, float]:
    assert {trial["epochs"] for trial in shown["trials"]} == {6}
    assert {trial["best_epoch"] for trial in shown["trials"]} == {6}
    return {trial["params"]["learning_rate"]: trial["score"] for trial in shown["trials"]}


def test_classes_are_ranked_as_gridsearchcv_ranks_them(study):
    from scikeras.wrappers import KerasClassifier

    estimator = KerasClassifier(
        lambda rate: few.classifier({"learning_rate": rate}),
        rate=0.1,
        epochs=6,
        batch_size=32,
        verbose=0,
        random_state=1,
    )
    ours = by_rate(study("classes", "CLASSES", "grid")[1])
    theirs = scikit_learns_scores(few.CLASSES, estimator, "accuracy", "rate")
    assert ranking(ours) == ranking(theirs)
    assert ours == pytest.approx(theirs, abs=0.15)


def test_values_are_ranked_as_gridsearchcv_ranks_them_with_a_scaler_in_each_fold(study):
    import keras
    from scikeras.wrappers import KerasRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def plain(rate):
        hidden = [keras.layers.Dense(8, "relu"), keras.layers.Dense(1)]
        model = keras.Sequential([keras.Input((10,)), *hidden])
        model.compile(keras.optimizers.Adam(rate), "mse")
        return model

    wrapped = KerasRegressor(plain, rate=0.1, epochs=6, batch_size=32, verbose=0, random_state=1)
    ours = by_rate(study("values", "VALUES", "grid")[1])
    theirs = scikit_learns_scores(
        few.VALUES,
        make_pipeline(StandardScaler(), wrapped),
        "neg_mean_squared_error",
        "kerasregressor__rate",
    )
    assert ranking(ours) == ranking(theirs)[::-1]  # losses are to be small


def test_a_study_shows_its_spread_and_hands_over_a_model_of_all_data(study, store, capsys):
    record, shown, printed = study("shown", "CLASSES", "randomized", trials=2, max_epochs=2)
    best = shown["best"]
    assert f"{best['score']:.4f} ± {best['spread']:.4f}" in printed
    assert "(retrained for 2 epochs on training and validation data together)" in printed
    assert "--cv 2" in printed
    last = record.trials[best["trial"]].curve[-1].metrics
    folds = [last[f"fold_{number}_val_accuracy"] for number in (1, 2)]
    assert best["score"] == pytest.approx(np.mean(folds))
    assert best["spread"] == pytest.approx(np.std(folds))
    assert {trial["spread"] is None for trial in shown["trials"]} == {False}

    assert main(["export", "shown", "--to", str(store / "again"), "--store", str(store)]) == 0
    assert "was cross-validated: retraining it" in capsys.readouterr().err
    import keras

    first, again = (
        keras.saving.load_model(folder / "model.keras")
        for folder in (store / "exports" / "shown", store / "again")
    )
    for one, other in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    facts = json.loads((store / "again" / "export.json").read_text())
    assert (facts["cv"], facts["spread"]) == (2, best["spread"])

    assert main(["doctor", "--store", str(store)]) == 0
    assert "cross-validated: an epoch trains 2 models" in capsys.readouterr().out


def test_a_pruner_sees_the_means_and_a_study_that_was_cut_ends_as_it_would_have(context, study):
    whole, shown, _ = study("cut", "CLASSES", "optuna", sampler="random", trials=9, max_epochs=3)
    assert "pruned" in {trial["state"] for trial in shown["trials"]}
    path = context.store.journal("cut")
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:20]))
    again = resume("cut", context).record
    for one, other in zip(whole.trials.values(), again.trials.values(), strict=True):
        assert [dict(r.metrics) for r in one.curve] == [dict(r.metrics) for r in other.curve]
        assert one.score == other.score
    assert whole.best().trial == again.best().trial


def test_more_folds_than_examples_of_a_class_are_refused_before_a_study_begins(store, capsys):
    words = ["run", "tests.problems.few:CLASSES", "--cv", "50", "--study", "never"]
    assert main([*words, "--store", str(store), "--workers", "1", "--quiet"]) == 2
    assert (
        "--cv must be at most the 12 examples of the rarest label, 4, got 50"
        in capsys.readouterr().err
    )
    assert not (store / "journals" / "never.jsonl").exists()
    assert main([*words[:3], "1"]) == 2
    assert "--cv must be at least 2, not 1" in capsys.readouterr().err


def test_settings_without_folds_are_recorded_as_they_were_before():
    plain = StudyConfig("digits").plain()
    assert digest_of(plain) == "2536090f397219fe3861833458c2de61418f5bdb9934d7a5c532ecd5a4481ca3"
    assert from_plain(plain).cv is None
    assert from_plain(StudyConfig("digits", cv=5).plain()).cv == 5
    with pytest.raises(UsageError, match="--cv must be at least 2"):
        StudyConfig("digits", cv=1)


def test_a_fit_of_its_own_trains_every_fold_and_the_winner_once_more(study, store):
    import keras

    record, shown, _ = study("fitted", "OWN_FIT", "randomized", trials=2, max_epochs=2)
    assert [trial["state"] for trial in shown["trials"]] == ["completed"] * 2
    last = record.trials[shown["best"]["trial"]].curve[-1].metrics
    folds = [last[f"fold_{number}_val_accuracy"] for number in (1, 2)]
    assert last["val_accuracy"] == pytest.approx(sum(folds) / 2)
    assert shown["best"]["spread"] == pytest.approx(abs(folds[0] - folds[1]) / 2)
    test = few.few_digits(None).test
    model = keras.saving.load_model(store / "exports" / "fitted" / "model.keras")
    assert model.evaluate(test.x, test.y, verbose=0)[1] == shown["best"]["test"]["accuracy"]
