"""Scores: which direction is better, and what becomes of the values that a model reports."""

from typing import Any

import keras
import keras_tuner
import pytest

from search import Objective
from search.directions import known_direction, objective_of
from search.errors import UsageError
from search.hypermodel import from_hypermodel
from tests.field.tables import data, dense, table

X, Y = table(200)


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
    with pytest.raises(UsageError, match=rf'give Objective\("val_{name}", "max"\)'):
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
