"""`SearchCV` keeps scikit-learn's rules, and its answers are those of the study."""

import pickle
from functools import partial

import numpy as np
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_diabetes, load_wine
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator, estimator_checks_generator

from search import Choice, Float, SearchCV, Space
from search._estimator_models import TunedClassifier, TunedRegressor
from search.errors import UsageError

KIND = Choice("kind", ("plain", "steep"))
SPACE = Space(Float("rate", 0.05, 0.1))
# Why SearchCV fails a check of scikit-learn's: name and reason. None at present.
EXPECTED: dict[str, str] = {}


def build(params, facts):
    import keras

    classes = facts.get("n_classes_")
    if classes is None:
        out, loss = keras.layers.Dense(facts["n_outputs_"]), "mse"
    else:
        share = "softmax" if classes > 1 else "sigmoid"  # Keras warns of a softmax over one
        out, loss = keras.layers.Dense(classes, share), "sparse_categorical_crossentropy"
    model = keras.Sequential([keras.Input(facts["X_shape_"][1:]), out])
    model.compile(keras.optimizers.SGD(params["rate"]), loss)
    return model


# one trial, in this process: the checks fit about a hundred times
cheap = partial(
    *(SearchCV, build, SPACE), backend="randomized", trials=1, max_epochs=1, batch_size=4, workers=0
)


@pytest.mark.slow
def test_scikit_learns_own_checks_pass() -> None:
    results = check_estimator(cheap(), expected_failed_checks=EXPECTED, on_skip=None, on_fail=None)
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    assert failed == {}
    assert {r["check_name"] for r in results if r["status"] == "xfail"} == set(EXPECTED)


@pytest.mark.slow
def test_scikit_learns_checks_of_regressors_pass() -> None:
    ran = 0
    for estimator, check in estimator_checks_generator(cheap(task="regression")):
        if "regressor" in check.func.__name__:
            check(estimator)
            ran += 1
    assert ran > 4


def test_it_is_what_it_says_it_is() -> None:
    assert is_classifier(cheap())
    assert not is_classifier(cheap(task="regression"))
    assert is_regressor(cheap(task="regression"))
    # scikeras 0.13 says neither under scikit-learn 1.9
    assert is_classifier(TunedClassifier())
    assert is_regressor(TunedRegressor())


def test_a_pipeline_with_names_of_classes_is_fitted_and_pickled(tmp_path) -> None:
    x, y = load_wine(return_X_y=True, as_frame=True)
    names = np.array(["barolo", "grignolino", "barbera"])[y]
    space = Space(KIND, Float("rate", 0.01, 0.1, when={"kind": "plain"}))
    searched = SearchCV(
        *(named, space), backend="randomized", trials=4, max_epochs=3, workers=0, store=tmp_path
    )
    pipeline = make_pipeline(StandardScaler(), searched).fit(x, names)
    assert pipeline.score(x, names) > 0.8
    assert set(pipeline.predict(x)) == set(names)
    shares = pipeline.predict_proba(x[:1])
    assert shares.shape == (1, 3)
    assert np.isclose(shares.sum(), 1)
    results, best = searched.cv_results_, searched.best_index_
    assert results["rank_test_score"][best] == 1
    assert results["mean_test_score"][best] == searched.best_score_
    assert results["mean_test_score"].max() == searched.best_score_
    assert results["params"][searched.best_index_] == searched.best_params_
    assert np.ma.is_masked(results["param_rate"]) == (len(set(results["param_kind"])) > 1)
    assert len(searched.study_.trials) == 4
    again = pickle.loads(pickle.dumps(pipeline))
    assert np.array_equal(again.predict_proba(x), pipeline.predict_proba(x))


def named(params, facts):
    return build({"rate": params.get("rate", 0.2)}, facts)


def test_a_regression_answers_in_the_form_of_its_targets() -> None:
    x, y = load_diabetes(return_X_y=True)
    searched = clone(cheap(task="regression", max_epochs=1)).fit(x, np.stack([y, -y], axis=1))
    assert searched.predict(x[:3]).shape == (3, 2)
    assert searched.best_score_ < 0  # the loss, so that larger is better
    assert not hasattr(searched, "predict_proba")


def test_without_refit_there_is_nothing_to_predict_with() -> None:
    x, y = load_wine(return_X_y=True)
    searched = cheap(refit=False).fit(x, y)
    assert searched.best_params_
    with pytest.raises(AttributeError, match="predict"):
        searched.predict(x)


def test_a_function_needs_a_space() -> None:
    x, y = load_wine(return_X_y=True)
    with pytest.raises(UsageError, match="`space` is required"):
        SearchCV(build).fit(x, y)
