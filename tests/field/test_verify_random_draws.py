"""`verify --fit` of models that draw random numbers: equal where each epoch is seeded."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from search.engine.verification import Choice, Verification, Verifier
from search.problem.problem import Problem
from search.study.events import EpochRecorded
from search.study.rules import LATEST
from search.study.study_record import fold
from search.study.trial import Budget, Decision, EpochReport, Proposal, Task
from search.training.cross_validation import CrossValidation
from search.training.keras_fit import FitCurve, fit_curve
from tests.field.tables import RATE, data, new_trainer, problem, table, train
from tests.records import asked, entries

X, Y = table(120)


def drawing(draw: Callable[[Any], Any], *, eager: bool = False, everywhere: bool = False) -> Any:
    """Return a `build` whose model adds what a function draws, in training or everywhere."""

    class Draws(keras.layers.Layer):
        def call(self, x: Any, training: bool = False) -> Any:
            return x + draw(x) if training or everywhere else x

    return lambda params: network(Draws(), eager=eager)


def network(*layers: keras.layers.Layer, eager: bool = False) -> keras.Model:
    model = keras.Sequential([keras.Input((8,)), *layers, keras.layers.Dense(3, "softmax")])
    sgd = keras.optimizers.SGD(0.1)
    model.compile(sgd, "sparse_categorical_crossentropy", metrics=["accuracy"], run_eagerly=eager)
    return model


@dataclass(frozen=True)
class Fits:
    """Gives a curve of Keras's fit in place of a fresh process."""

    curve: FitCurve

    def run(self, *_: Any) -> FitCurve:
        return self.curve


def verified(found: Problem, folding: CrossValidation | None = None) -> Verification:
    """Train a trial by the platform and by Keras's fit, and compare them."""
    trainer = new_trainer(found, folding=folding)
    recorded, _ = train(found, RATE, (0, 3), trainer=trainer)
    assert len({epoch["loss"] for epoch in recorded}) == 3
    task = Task(Proposal("1", RATE, Budget(0, 3)), 7)
    curve = fit_curve(found, found.load(None), task, folding, LATEST, 9)
    reports = [EpochReport("1", n, epoch, 0.1) for n, epoch in enumerate(recorded, start=1)]
    events = [asked("1", 0, 3), *(EpochRecorded(one, Decision.CONTINUE) for one in reports)]
    verifier = Verifier(fold(entries(events)), Fits(curve), None, None, fit=True)
    (result,) = verifier(Choice(("1",)))
    return result


def by_numpy(x: Any) -> Any:
    drawn = tf.numpy_function(lambda: np.random.normal() + random.random(), [], tf.float64)
    return tf.cast(tf.ensure_shape(drawn, []), tf.float32)


class Noise(keras.callbacks.Callback):
    """Changes weights by draws of NumPy and Python."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        kernel = self.model.layers[-1].kernel
        kernel.assign(kernel + np.random.normal(size=kernel.shape) * random.random())


class BatchNoise(keras.callbacks.Callback):
    """Changes the learning rate by draws of NumPy, before each step."""

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.model.optimizer.learning_rate.assign(np.random.uniform(0.01, 0.1))


DRAWS = {
    "uniform": lambda x: tf.random.uniform(tf.shape(x)),
    "a seed in the operation": lambda x: tf.random.normal(tf.shape(x), seed=5),
    "generator": lambda x: tf.random.get_global_generator().normal(tf.shape(x)),
    "keras": lambda x: keras.random.normal(keras.ops.shape(x)),
    "numpy in each step": by_numpy,
}


@pytest.mark.parametrize("name", DRAWS)
def test_draws_of_a_layer_are_those_of_fit(name: str) -> None:
    result = verified(problem(drawing(DRAWS[name]), data(X, Y)))
    assert result.same, str(result)


@pytest.mark.filterwarnings("ignore:training by keras's fit")
def test_draws_in_training_and_evaluation_of_an_eager_model_are_those_of_fit() -> None:
    def draw(x: Any) -> Any:
        return np.random.normal() + tf.random.normal(tf.shape(x))

    result = verified(problem(drawing(draw, eager=True, everywhere=True), data(X, Y)))
    assert result.same, str(result)


@pytest.mark.filterwarnings("ignore:training by keras's fit")
@pytest.mark.parametrize("made", [Noise, BatchNoise])
def test_draws_of_callbacks_and_unseeded_dropout_are_those_of_fit(made: Any) -> None:
    def build(params: Any) -> keras.Model:
        return network(keras.layers.Dropout(0.5), keras.layers.GaussianNoise(0.1))

    result = verified(problem(build, data(X, Y), callbacks=lambda params: [made()]))
    assert result.same, str(result)


def test_draws_of_each_fold_are_those_of_fit() -> None:
    found = problem(drawing(DRAWS["uniform"]), data(X, Y))
    result = verified(found, folding=CrossValidation(2, 0))
    assert result.same, str(result)


def sampler(x: Any) -> Any:
    drawn = tf.random.log_uniform_candidate_sampler([[1]], 1, 4, unique=True, range_max=1000)
    return tf.cast(tf.reduce_sum(drawn.sampled_candidates), tf.float32) / 1000


@pytest.mark.parametrize(
    "draw",
    [sampler, lambda x: np.random.normal()],  # the latter once, when the step is traced
    ids=["kernel", "while traced"],
)
def test_draws_that_no_seed_reaches_are_not_compared(draw: Any) -> None:
    result = verified(problem(drawing(draw), data(X, Y)))
    assert result.same is None
    assert str(result) == (
        "trial 1: cannot be compared: the model draws random numbers that Keras does not seed"
    )


def test_a_difference_that_is_no_draw_is_said_to_differ() -> None:
    class Counts(keras.callbacks.Callback):
        """Trains otherwise from one call to the next."""

        made = 0

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            Counts.made += 1
            self.model.optimizer.learning_rate.assign(0.01 * Counts.made)

    found = problem(drawing(DRAWS["uniform"]), data(X, Y), callbacks=lambda params: [Counts()])
    result = verified(found)
    assert result.same is False
    assert result.difference is not None
    assert result.difference.epoch == 1
