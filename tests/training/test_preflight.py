"""What cannot be trained is told at the first trial, in the user's words; metrics from a curve."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from search import Objective, Problem
from search.cli.main import main
from search.data.from_arrays import split
from search.data.parts import Data, Part
from search.errors import DataError, UsageError
from search.training.checkpoint import CheckpointFolder
from tests.training.test_trainer import PROBLEM, metrics, task, train, trainer

FOUR = str(Path(__file__).parent.parent / "problems" / "wrong_labels.py")


def small(*layers, loss="sparse_categorical_crossentropy"):
    def build(params):
        import keras

        model = keras.Sequential([layer(keras) for layer in layers])
        model.compile("sgd", loss, metrics=["accuracy"])
        return model

    return replace(PROBLEM, build=build)


def own_loss(labels, predicted):
    return (predicted - 1.0) ** 2


def given(shape):
    return lambda keras: keras.Input(shape)


def dense(units):
    return lambda keras: keras.layers.Dense(units)


def data(x=(4,), y=None) -> Data:
    labels = np.arange(20) % 3 if y is None else y
    return split(Part(np.zeros((20, *x), "float32"), labels), 0.2, None)


def told(problem: Problem, examples: Data, tmp_path) -> None:
    folder = CheckpointFolder(tmp_path, "a study")
    train(trainer(examples, folder, problem).train(task()))


@pytest.mark.parametrize(
    ("problem", "examples", "message"),
    [
        (
            small(given((5,)), dense(3)),
            data(),
            r"requires examples of shape \(5,\), but they have \(4,\)",
        ),
        (small(given((4,)), dense(2)), data(), "has 2 units, but they are 0 to 2. Use 3 units"),
        (
            small(lambda keras: keras.layers.Conv2D(2, 3), dense(3)),
            data((4, 4)),
            r"first layer, conv2d\S*, cannot take examples of shape \(4, 4\) \(expected min_ndim=4",
        ),
        (
            small(given((4,)), dense(1), loss="binary_crossentropy"),
            data(),
            "binary_crossentropy requires labels from 0 to 1, but they are 0 to 2",
        ),
        (
            small(given((4,)), dense(3), loss="categorical_crossentropy"),
            data(),
            "Compile with sparse_categorical_crossentropy",
        ),
    ],
)
def test_a_model_that_does_not_fit_its_data_ends_the_study(problem, examples, message, tmp_path):
    with pytest.raises(DataError, match=message):
        told(problem, examples, tmp_path)


def test_what_keras_takes_is_not_refused(tmp_path):
    told(small(given((4,)), dense(3)), data(y=np.arange(20.0) % 3), tmp_path / "floats")
    told(small(dense(1), loss="mse"), data(), tmp_path / "unbuilt")
    told(small(given((4, 1)), dense(1), loss=own_loss), data(), tmp_path / "own")


def test_a_wrong_study_ends_with_one_line(tmp_path, capsys):
    words = ["run", FOUR, "--backend", "randomized", "--workers", "1", "--quiet"]
    assert main([*words, "--study", "wrong", "--store", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "labels must be in 0..2, because the last layer has 3 units, but they are 1 to 3" in said
    assert "Traceback" not in said


def test_a_missing_metric_is_told_with_the_nearest_one(tmp_path):
    typo = replace(small(given((4,)), dense(3)), objective=Objective("val_acuracy", "max"))
    with pytest.raises(UsageError, match="did you mean 'val_accuracy'"):
        told(typo, data(), tmp_path)


def smooth(curve):
    last = [epoch["val_loss"] for epoch in curve[-2:]]
    return {"val_loss_mean": sum(last) / len(last)}


def test_a_function_of_the_curve_is_a_metric_like_any_other(tmp_path):
    problem = replace(
        small(given((4,)), dense(3)), derived=smooth, objective=Objective("val_loss_mean", "min")
    )
    folder = CheckpointFolder(tmp_path / "whole", "a study")
    reports, outcome = train(trainer(data(), folder, problem).train(task()))
    losses = [report.metrics["val_loss"] for report in reports]
    means = [report.metrics["val_loss_mean"] for report in reports]
    assert means == [losses[0], *((a + b) / 2 for a, b in pairwise(losses))]
    assert outcome.score == min(means)
    parts = CheckpointFolder(tmp_path / "parts", "a study")
    first, _ = train(trainer(data(), parts, problem).train(task(0, 2)))
    rest, _ = train(trainer(data(), parts, problem).train(task(2, recorded=first)))
    assert metrics([*first, *rest]) == metrics(reports)


def test_a_derived_metric_takes_no_name_that_is_there(tmp_path):
    problem = replace(small(given((4,)), dense(3)), derived=lambda curve: {"loss": 1.0})
    with pytest.raises(UsageError, match="derived must give numbers by new names, got 'loss'"):
        told(problem, data(), tmp_path)
