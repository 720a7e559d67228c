"""Scores: which direction is better, and what becomes of the values that a model reports."""

import math
from fractions import Fraction
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest
import tensorflow as tf

from search import Float, Objective, Space
from search.engine.reopen import refuse_direction
from search.engine.resolve import resolve
from search.errors import SearchWarning, StudyChangedError, UsageError
from search.estimator import SearchCV
from search.kerastuner.hypermodel import from_hypermodel
from search.problem.directions import known_direction, objective_of
from search.problem.objective import Metrics
from search.problem.pickling import pack
from search.study.config import StudyConfig
from search.study.events import StudyStarted
from search.study.trial import Failed
from search.training.cross_validation import CrossValidation
from search.training.metric_values import metric_values, numbers_of
from tests.field.tables import RATE, data, dense, new_trainer, problem, table, train

X, Y = table(200)
ONE_HOT = np.eye(3, dtype="float32")[Y]


def hypermodel(hp: Any) -> keras.Model:
    """Build a network with a searched learning rate."""
    return dense(rate=hp.Float("rate", 1e-3, 1e-1))


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        *((f"val_{name}", "max") for name in ("accuracy", "acc", "auc", "AUC", "f1_score")),
        *((f"val_{name}", "max") for name in ("r2_score", "weighted_recall", "binary_io_u")),
        *((name, "min") for name in ("loss", "val_loss", "val_mse", "val_MeanSquaredError")),
        *((f"val_{name}", "min") for name in ("false_negatives", "kl_divergence", "huber")),
    ],
)
def test_the_direction_of_a_known_metric_is_taken_from_its_name(name: str, direction: str) -> None:
    assert known_direction(name) == direction


@pytest.mark.parametrize(
    "name",
    [
        *("dice", "tversky", "cosine_similarity", "circle"),  # losses of Keras by these names
        *("mean_io_u", "precision_at_recall", "one_hot_mean_io_u"),  # no metrics without arguments
        *("mcc", "f1", "precision_1", "dense_loss", "score", "g_loss"),
    ],
)
def test_the_direction_of_any_other_metric_is_asked_for(name: str) -> None:
    with pytest.raises(UsageError, match=rf'Pass Objective\("val_{name}", "max"\)'):
        from_hypermodel(hypermodel, data(X, Y), f"val_{name}", name="p")


def test_a_direction_that_keras_tuner_guessed_is_not_taken() -> None:
    guessed = keras_tuner.oracles.RandomSearchOracle(objective="val_f1_score").objective
    assert guessed.direction == "min"
    with pytest.raises(UsageError, match=r'search.Objective\("val_f1_score", "max"\)'):
        from_hypermodel(hypermodel, data(X, Y), guessed, name="p")


def test_a_direction_that_the_user_gives_is_taken() -> None:
    given = keras_tuner.Objective("val_dice", "max")
    found = from_hypermodel(hypermodel, data(X, Y), given, name="p")
    assert found.objective == Objective("val_dice", "max")
    assert objective_of("val_f1_score") == Objective("val_f1_score", "max")


def test_searchcv_takes_a_name_that_tells_its_direction() -> None:
    space = Space(Float("rate", 1e-3, 1e-1))
    search = SearchCV(lambda params, facts: dense(), space, objective="val_mcc")
    with pytest.raises(UsageError, match=r'Pass Objective\("val_mcc", "max"\)'):
        search.fit(X[:20], Y[:20])
    assert search.set_params(objective="val_auc").get_params()["objective"] == "val_auc"


def test_a_study_that_was_started_in_the_guessed_direction_is_not_continued() -> None:
    pickled = pack(problem(hypermodel, data(X, Y), ("val_f1_score", "max")))
    setup = resolve(StudyConfig(pickled.word, "randomized"), pickled)
    then = Objective("val_f1_score", "min")
    config = setup.config.plain()
    header = StudyStarted("p-1", "p", "randomized", 0, then, config, [], {}, {}, 0)
    with pytest.raises(
        StudyChangedError, match=r"started with val_f1_score \(min\).*now has .*max"
    ):
        refuse_direction(header, setup)


@pytest.mark.parametrize(
    ("value", "numbers"),
    [
        (np.float32([0.5]), [0.5]),
        (np.array([[1, 2], [3, 4]]), [1.0, 2.0, 3.0, 4.0]),
        (tf.constant([0.25, 0.5], tf.bfloat16), [0.25, 0.5]),
        ([True, 2], [1.0, 2.0]),
        (Fraction(1, 4), [0.25]),
        (10**30, [1e30]),
        *((value, None) for value in ("fine", "0.5", None, object(), {"a": 1}, [], [None], 1j)),
        (np.zeros(101), None),
    ],
)
def test_the_numbers_in_a_value(value: Any, numbers: list[float] | None) -> None:
    assert numbers_of(value) == numbers


def test_a_vector_does_not_take_the_name_of_another_metric() -> None:
    found = metric_values({"precision": np.array([0.1, 0.2]), "precision_1": 0.9})
    assert found == {"precision_at_0": 0.1, "precision_at_1": 0.2, "precision_1": 0.9}


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_a_metric_that_gives_a_vector_is_recorded_by_class(run_eagerly: bool) -> None:
    def build(params: Any) -> keras.Model:
        metrics = [keras.metrics.F1Score(), keras.metrics.Precision(thresholds=[0.3, 0.5])]
        model = dense("categorical_crossentropy", ["accuracy", *metrics])
        model.run_eagerly = run_eagerly
        return model

    goal = ("val_accuracy", "max")
    if run_eagerly:
        with pytest.warns(UserWarning, match="run_eagerly"):
            curve, _ = train(problem(build, data(X, ONE_HOT), goal), RATE, (0, 1))
    else:
        curve, _ = train(problem(build, data(X, ONE_HOT), goal), RATE, (0, 1))
    expected = {f"{kind}f1_score_{k}" for kind in ("", "val_") for k in range(3)}
    assert expected | {"val_precision_0", "val_precision_1"} < set(curve[0])


def test_a_vector_of_one_is_a_number_and_may_be_the_objective() -> None:
    def build(params: Any) -> keras.Model:
        metric = keras.metrics.F1Score(threshold=0.5)
        return dense("binary_crossentropy", [metric], units=1, activation="sigmoid")

    labels = (Y[:, None] == 0).astype("float32")
    goal = ("val_f1_score", "max")
    _, outcome = train(problem(build, data(X, labels), goal), RATE, (0, 1))
    assert 0 < outcome.score < 1


def test_a_vector_as_objective_is_refused_naming_average() -> None:
    p = problem(
        lambda params: dense("categorical_crossentropy", [keras.metrics.F1Score()]),
        data(X, ONE_HOT),
        ("val_f1_score", "max"),
    )
    with pytest.raises(
        UsageError, match=r'one number, got several \(val_f1_score_0, .*average="ma'
    ):
        train(p, RATE, (0, 1))


class Logs(keras.callbacks.Callback):
    """Puts values into the logs that are no numbers, or not finite in the first epoch."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Add them."""
        logs |= {"said": "fine", "nothing": None, "pair": np.array([1.0, epoch])}
        logs["ratio"] = 1.0 if epoch else math.inf


def test_what_a_callback_reports_is_recorded_where_it_is_numbers() -> None:
    p = problem(lambda params: dense(), data(X, Y), callbacks=lambda params: [Logs()])
    with pytest.warns(SearchWarning) as said:
        curve, _ = train(p, RATE, (0, 2))
    assert [(epoch["pair_0"], epoch["pair_1"]) for epoch in curve] == [(1.0, 0.0), (1.0, 1.0)]
    assert ["ratio" in epoch for epoch in curve] == [False, True]
    assert not {"said", "nothing"} & set(curve[1])
    texts = {str(one.message) for one in said}
    assert len(texts) == 3  # "said", "nothing" and "ratio", whatever the number of epochs
    assert any("'said' is not recorded" in text and "str" in text for text in texts)


def bold_precision(y_true: Any, y_pred: Any) -> Any:
    """Precision where nothing is predicted to be positive at first: 0 / 0."""
    positive = keras.ops.cast(y_pred > 0.999, "float32")
    return keras.ops.sum(positive * y_true) / keras.ops.sum(positive)


def positives(params: Any) -> keras.Model:
    """Build a network for two classes with that metric."""
    return dense("binary_crossentropy", [bold_precision], units=1, activation="sigmoid")


TWO = data(X, (X[:, :1] > 0).astype("float32"))


def test_a_metric_that_is_undefined_ends_no_trial_and_is_missing() -> None:
    with pytest.warns(SearchWarning, match="'bold_precision' is not finite in some epochs"):
        curve, outcome = train(problem(positives, TWO), RATE, (0, 2))
    assert len(curve) == 2
    assert outcome.epochs == 2
    assert "bold_precision" not in curve[0]


def test_a_trial_with_a_missing_metric_continues_as_if_it_had_not_stopped() -> None:
    p = problem(positives, TWO)
    with pytest.warns(SearchWarning):
        straight, _ = train(p, RATE, (0, 3))
    with pytest.warns(SearchWarning):
        promoted, _ = train(p, RATE, (0, 1), (1, 3))
    assert straight == promoted


def test_folds_have_a_missing_metric_in_common() -> None:
    p = problem(positives, TWO)
    trainer = new_trainer(p, folding=CrossValidation(2, 0))
    with pytest.warns(SearchWarning):
        curve, outcome = train(p, RATE, (0, 1), trainer=trainer)
    assert "val_bold_precision" not in curve[0]
    assert outcome.score == curve[0]["val_loss"]


def test_an_objective_that_is_undefined_fails_the_trial_with_the_advice_for_it() -> None:
    _, outcome = train(problem(positives, TWO, ("val_bold_precision", "max")), RATE, (0, 2))
    assert isinstance(outcome, Failed)
    assert outcome.kind == "objective"
    assert "val_bold_precision not finite in epoch 1; define its value" in outcome.message
    assert "learning rate" not in outcome.message


def test_a_loss_that_is_undefined_fails_the_trial_with_the_advice_for_it() -> None:
    def endless(y_true: Any, y_pred: Any) -> Any:
        return keras.ops.mean(y_pred) * math.inf

    goal = ("val_accuracy", "max")
    _, outcome = train(problem(lambda params: dense(endless), data(X, Y), goal), RATE, (0, 2))
    assert isinstance(outcome, Failed)
    assert outcome.message == "loss, val_loss not finite in epoch 1; a lower learning rate may help"


def test_a_difference_to_the_epoch_before_is_missing_in_the_first() -> None:
    def derived(curve: list[Metrics]) -> Metrics:
        before = curve[-2]["val_loss"] if len(curve) > 1 else math.nan
        gain = before - curve[-1]["val_loss"]
        swing = gain - curve[-2]["gain"] if len(curve) > 2 else 0.0
        return {"gain": gain, "pair": np.array([swing, 1.0])}

    with pytest.warns(SearchWarning, match="'gain' is not finite"):
        curve, _ = train(problem(lambda params: dense(), data(X, Y), derived=derived), RATE, (0, 3))
    assert ["gain" in epoch for epoch in curve] == [False, True, True]
    assert curve[2]["pair_0"] == curve[2]["gain"] - curve[1]["gain"]


def test_an_objective_must_be_reported_in_every_epoch() -> None:
    class Sometimes(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch != 1:
                logs["mine"] = 1.0

    p = problem(
        lambda params: dense(), data(X, Y), ("mine", "max"), callbacks=lambda params: [Sometimes()]
    )
    with pytest.raises(UsageError, match="every epoch must report 'mine', got none in epoch 2"):
        train(p, RATE, (0, 3))
