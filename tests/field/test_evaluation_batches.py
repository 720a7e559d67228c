"""Evaluation: in the batches of the training, or in others where the result is the same."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

from search import Data, Part, Problem
from search.errors import DataError, UsageError
from search.study.rules import training_rules
from search.study.trial import Budget, Proposal, Task
from search.training.cross_validation import CrossValidation
from search.training.evaluation import evaluation_rows, means_over_rows
from search.training.fit_loop import metrics_on
from tests.field.tables import RATE, data, dense, new_trainer, problem, table, train

X, Y = table(640)
HALVES = Data(Part(X[:320], Y[:320]), Part(X[320:], Y[320:]))
layers = keras.layers


def contrast(y_true: Any, y_pred: Any) -> Any:
    """A loss over the batch: each row against all others."""
    scores = keras.ops.matmul(y_pred, keras.ops.transpose(y_pred))
    rows = keras.ops.arange(keras.ops.shape(scores)[0])
    return keras.losses.sparse_categorical_crossentropy(rows, scores, from_logits=True)


def net(*hidden: Any, loss: Any = "mse", metrics: Any = (), shape: Any = (8,)) -> keras.Model:
    """Build a network that hardly learns, with other layers before its last."""
    last = layers.Dense(3, "softmax", kernel_initializer=keras.initializers.GlorotUniform(1))
    model = keras.Sequential([keras.Input(shape), *hidden, last])
    model.compile(keras.optimizers.SGD(1e-9), loss, metrics=list(metrics))
    return model


def contrastive(params: Any) -> keras.Model:
    """Build a network whose outputs are all the same."""
    return net(layers.Dense(4, kernel_initializer="zeros"), loss=contrast)


def fitted(p: Problem, size: int) -> dict[str, float]:
    """Return what plain `fit` reports of validation data after one epoch."""
    d = p.load(None)
    model = p.build(RATE)
    history = model.fit(
        *(d.train.x, d.train.y), validation_data=(d.validation.x, d.validation.y),
        batch_size=size, verbose=0, shuffle=False,
    )  # fmt: skip
    return {name: values[0] for name, values in history.history.items() if name[:4] == "val_"}


def summed(params: Any) -> keras.Model:
    """Build a network with a loss that adds up rows."""
    return net(loss=keras.losses.SparseCategoricalCrossentropy(reduction="sum"))


def with_dice(params: Any) -> keras.Model:
    """Build a network with a metric over the batch."""
    own = keras.losses.Dice()
    return net(loss="categorical_crossentropy", metrics=[own])


@pytest.mark.parametrize("size", [16, 48])
@pytest.mark.parametrize("build", [contrastive, summed, with_dice])
def test_what_is_no_mean_over_rows_is_evaluated_as_fit_evaluates_it(size: int, build: Any) -> None:
    d = HALVES
    if build is with_dice:
        one_hot = np.eye(3, dtype="float32")[Y]
        d = Data(Part(X[:320], one_hot[:320]), Part(X[320:], one_hot[320:]))
    p = problem(build, d, batch_size=size)
    curve, _ = train(p, RATE, (0, 1))
    for name, value in fitted(p, size).items():
        assert curve[0][name] == pytest.approx(value, rel=1e-5), name


def test_a_size_that_the_problem_states_is_used_whatever_the_training_has() -> None:
    p = problem(contrastive, HALVES, batch_size=16, evaluation_batch_size=64)
    curve, _ = train(p, RATE, (0, 1))
    assert curve[0]["loss"] == pytest.approx(np.log(16), abs=0.01)
    assert curve[0]["val_loss"] == pytest.approx(np.log(64), abs=0.01)


def test_a_study_of_earlier_rules_is_evaluated_as_it_was_started() -> None:
    p = problem(contrastive, HALVES, batch_size=16)
    trainer = new_trainer(p, rules=training_rules(1))
    curve, _ = train(p, RATE, (0, 1), trainer=trainer)
    assert curve[0]["val_loss"] == pytest.approx(np.log(320), abs=0.01)


def test_folds_and_test_data_are_evaluated_in_the_same_batches() -> None:
    d = replace(HALVES, test=Part(X[:80], Y[:80]))
    p = problem(contrastive, d, batch_size=16)
    trainer = new_trainer(p, folding=CrossValidation(4, 0))
    curve, _ = train(p, RATE, (0, 1), trainer=trainer)
    assert curve[0]["val_loss"] == pytest.approx(np.log(16), abs=0.01)
    trainer = new_trainer(p)
    model = trainer.restored(Task(Proposal("1", RATE, Budget(0, 1)), 7), 0)
    assert metrics_on(model, d.test, trainer.evaluation_batch_size(model, RATE, d.test)) == {
        "loss": pytest.approx(np.log(16), abs=0.01)
    }


@pytest.mark.parametrize("size", [0, -1, 1.5, True, "32"])
def test_a_size_that_is_no_count_is_refused(size: Any) -> None:
    with pytest.raises(UsageError, match="evaluation_batch_size must be an integer >= 1"):
        problem(contrastive, HALVES, evaluation_batch_size=size)


def test_means_over_rows_are_the_same_in_larger_batches() -> None:
    def build(params: Any) -> keras.Model:
        metrics = ["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(2)]
        return net(layers.BatchNormalization(momentum=1.0), layers.Dropout(0.5), metrics=metrics,
                   loss="sparse_categorical_crossentropy")  # fmt: skip

    p = problem(build, HALVES, batch_size=16)
    model = build({})
    model.evaluate(X[:1], Y[:1], verbose=0)
    assert evaluation_rows(model, 16) == 1000
    curve, _ = train(p, RATE, (0, 1), seed=0)
    for name, value in fitted(p, 16).items():
        assert curve[0][name] == pytest.approx(value, rel=1e-5), name


def known(model: keras.Model, shape: tuple[int, ...] = (8,)) -> keras.Model:
    """Return the model with its metrics made."""
    y = np.zeros((2, 3), "float32")
    model.evaluate(np.zeros((2, *shape), "float32"), y, verbose=0)
    return model


def functional(*steps: Any) -> keras.Model:
    """Build a network of one input and these calls."""
    tensor = given = keras.Input((8,))
    for step in steps:
        tensor = step(tensor)
    model = keras.Model(given, layers.Dense(3)(tensor))
    model.compile("sgd", "mse")
    return model


class Own(keras.Sequential):
    """A model whose step may do anything."""


def hung() -> keras.Model:
    """Build a network with a method put on it."""
    model = net()
    model.compute_loss = lambda *args, **more: keras.ops.sum(args[2])
    return model


NOT_BY_ROW = {
    "an activation over the batch": lambda: net(layers.Dense(3, lambda x: x - x[:1])),
    "an operation over the batch": lambda: functional(lambda x: x - keras.ops.mean(x, 0)),
    "a layer of the user's": lambda: net(layers.Lambda(lambda x: x)),
    "dropout at inference": lambda: functional(lambda x: layers.Dropout(0.5)(x, training=True)),
    "a regularizer of outputs": lambda: net(layers.Dense(3, activity_regularizer="l2")),
    "a mask": lambda: net(layers.Embedding(5, 4, mask_zero=True), layers.LSTM(3)),
    "a correlation over rows": lambda: net(metrics=[keras.metrics.PearsonCorrelation(axis=0)]),
    "a sum": lambda: net(loss=keras.losses.MeanSquaredError(reduction="sum")),
    "a loss over the batch": lambda: net(loss=keras.losses.Tversky()),
    "a metric of the user's": lambda: net(metrics=[lambda a, b: keras.ops.max(b)]),
    "a method put on the model": hung,
    "a norm over the batch": lambda: net(layers.UnitNormalization(axis=0)),
    "a softmax over the batch": lambda: net(layers.Softmax(axis=-2)),
    "attention": lambda: functional(
        layers.Reshape((4, 2)), lambda x: layers.MultiHeadAttention(2, 2)(x, x), layers.Flatten()
    ),
}


@pytest.mark.parametrize("what", NOT_BY_ROW)
def test_what_may_look_at_the_whole_batch_is_evaluated_in_those_of_the_training(what: str) -> None:
    assert evaluation_rows(known(NOT_BY_ROW[what]()), 16) == 16


def test_a_model_of_the_users_class_is_evaluated_in_the_batches_of_the_training() -> None:
    model = Own([keras.Input((8,)), layers.Dense(3)])
    model.compile("sgd", "mse")
    assert not means_over_rows(known(model))


def test_large_outputs_are_evaluated_in_few_rows_and_never_fewer_than_in_training() -> None:
    shape = (96, 96, 3)
    model = net(layers.Conv2D(48, 3), layers.GlobalAveragePooling2D(), shape=shape)
    known(model, shape)
    assert 16 <= evaluation_rows(model, 16) <= 24
    assert evaluation_rows(model, 64) == 64


def recurrent(stateful: bool = True) -> Any:
    """Return a build function of a network that takes batches of 32."""

    def build(params: Any) -> keras.Model:
        given = keras.Input(batch_shape=(32, 4, 2))
        model = keras.Model(given, layers.Dense(1)(layers.LSTM(4, stateful=stateful)(given)))
        model.compile("adam", "mse")
        return model

    return build


SERIES = np.random.default_rng(0).normal(size=(170, 4, 2)).astype("float32")
MEANS = SERIES.mean((1, 2))


def series(first: int, second: int, third: int) -> Data:
    """Return data with so many training, validation and test rows."""
    ends = np.cumsum([first, second, third])
    rows = [slice(0, ends[0]), slice(ends[0], ends[1]), slice(ends[1], ends[2])]
    return Data(*(Part(SERIES[cut], MEANS[cut]) for cut in rows))


def test_a_stateful_network_is_evaluated_in_its_batches_as_by_fit() -> None:
    curve, _ = train(problem(recurrent(), series(64, 64, 32)), RATE, (0, 1))
    assert np.isfinite(curve[0]["val_loss"])


def test_a_stateful_network_without_an_input_is_built_for_its_batches() -> None:
    def build(params: Any) -> keras.Model:
        model = keras.Sequential([layers.LSTM(4, stateful=True), layers.Dense(1)])
        model.compile("adam", "mse")
        return model

    curve, _ = train(problem(build, series(64, 64, 32)), RATE, (0, 1))
    assert np.isfinite(curve[0]["val_loss"])
    with pytest.raises(DataError, match="batches of 32 examples, and 40 validation examples"):
        train(problem(build, series(64, 40, 32)), RATE, (0, 1))


@pytest.mark.parametrize(
    ("counts", "size", "message"),
    [
        ((64, 40, 32), 32, "40 validation examples in batches of 32 give it one of 8"),
        ((70, 64, 32), 32, "70 training examples in batches of 32 give it one of 6"),
        ((64, 64, 40), 32, "40 test examples"),
        ((64, 64, 32), 16, "64 training examples in batches of 16 give it one of 16"),
    ],
)
def test_a_remainder_that_the_model_does_not_take_is_refused(
    counts: tuple[int, int, int], size: int, message: str
) -> None:
    with pytest.raises(DataError, match=f"takes batches of 32 examples, and {message}"):
        train(problem(recurrent(), series(*counts), batch_size=size), RATE, (0, 1))


def test_a_fixed_batch_without_a_state_takes_a_remainder() -> None:
    curve, _ = train(problem(recurrent(stateful=False), series(70, 40, 40)), RATE, (0, 1))
    assert np.isfinite(curve[0]["val_loss"])


def test_a_loss_that_takes_one_size_of_batches_only_is_trained_in_a_graph() -> None:
    def by_halves(y_true: Any, y_pred: Any) -> Any:
        return keras.ops.mean(keras.ops.reshape(y_pred, (2, 16, 3)) ** 2, axis=(1, 2))

    d = data(X, Y)
    _, outcome = train(problem(lambda params: dense(by_halves, []), d), RATE, (0, 1))
    assert outcome.way == "graph"


def test_losses_of_outputs_are_evaluated_as_by_fit() -> None:
    x, y = table(200)

    def build(params: Any) -> keras.Model:
        inputs = keras.Input((8,))
        outputs = [
            keras.layers.Dense(1, kernel_initializer="ones", name=name)(inputs)
            for name in ("main", "other")
        ]
        model = keras.Model(inputs, outputs)
        model.compile(keras.optimizers.SGD(1e-9), "mse")
        return model

    def labels(rows: slice) -> Any:
        return [x[rows, :1].copy(), y[rows].astype("float32")[:, None]]

    train_rows, held_out = slice(0, 100), slice(100, 143)  # 43: a last batch of 11
    parts = [Part(x[rows], labels(rows)) for rows in (train_rows, held_out)]
    own = problem(build, Data(*parts), batch_size=32)
    curve, _ = train(own, RATE, (0, 1))
    model = build(RATE)
    plain = model.evaluate(parts[1].x, parts[1].y, batch_size=32, verbose=0, return_dict=True)
    for name, value in plain.items():
        assert np.isclose(curve[0][f"val_{name}"], value, rtol=1e-5), name
    other = model.evaluate(parts[1].x, parts[1].y, batch_size=43, verbose=0, return_dict=True)
    assert not np.isclose(plain["main_loss"], other["main_loss"], rtol=1e-5)
