"""A trial in two parts equals the trial in one, whatever its state hangs on."""

import random
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from search.errors import SearchWarning
from tests.field.tables import RATE, data, dense, problem, table, train

X, Y = table(120)


def network(kind: Any = keras.Sequential, *layers: Any) -> keras.Model:
    return kind([keras.Input((8,)), *layers, keras.layers.Dense(3, "softmax")])


def compiled(model: keras.Model, **more: Any) -> keras.Model:
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", **more)
    return model


class TwoOptimizers(keras.Sequential):
    """Trains by an optimizer that hangs in a dictionary, and is built at the first step."""

    def train_step(self, batch: Any) -> Any:
        x, y = batch
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x=x, y=y, y_pred=self(x, training=True))
        if not hasattr(self, "scale"):
            self.scale = tf.Variable(1.0, trainable=False)
        self.scale.assign(self.scale * 0.7)
        gradients = [self.scale * g for g in tape.gradient(loss, self.trainable_variables)]
        self.more["second"].apply(gradients, self.trainable_variables)
        self._loss_tracker.update_state(loss)
        return self.get_metrics_result()


def two_optimizers(params: Any) -> keras.Model:
    model = compiled(network(TwoOptimizers))
    model.more = {"second": keras.mixed_precision.LossScaleOptimizer(keras.optimizers.Adam(0.01))}
    return model


def eager_two_optimizers(params: Any) -> keras.Model:
    model = two_optimizers(params)
    model.run_eagerly = True
    return model


class Counting(keras.layers.Layer):
    """Scales by a number that counts the calls, and by draws of its own generator."""

    def __init__(self) -> None:
        super().__init__()
        self._calls = {"all": 0, "history": [np.zeros(2)]}
        self.draws = np.random.default_rng(3)

    def call(self, x: Any, training: bool = False) -> Any:
        if training:
            self._calls["all"] += 1
            self._calls["history"].append(np.full(2, self._calls["all"]))
        noise = self.draws.normal() if training else 0.0
        return x * (
            1 + 0.01 * self._calls["all"] * float(np.sum(self._calls["history"][-1])) + noise
        )


def counting(params: Any) -> keras.Model:
    return compiled(network(keras.Sequential, Counting()), run_eagerly=True)


WEIGHT = tf.Variable(1.0, trainable=False)


def weighted_loss(params: Any) -> keras.Model:
    WEIGHT.assign(1.0)

    def loss(y: Any, predicted: Any) -> Any:
        return WEIGHT * keras.losses.sparse_categorical_crossentropy(y, predicted)

    model = network()
    model.compile("adam", loss)
    return model


class Anneal(keras.callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        WEIGHT.assign(WEIGHT * 0.5)


class Averages(keras.callbacks.Callback):
    """Keeps averages of the weights, an array, and puts them back."""

    def __init__(self) -> None:
        super().__init__()
        self.mean: Any = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        now = self.model.get_weights()
        self.mean = (
            now if self.mean is None else [(a + b) / 2 for a, b in zip(self.mean, now, strict=True)]
        )
        self.model.set_weights(self.mean)


class WarmUp(keras.callbacks.Callback):
    def on_train_begin(self, logs: Any = None) -> None:
        self.model.optimizer.learning_rate.assign(0.001)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.model.optimizer.learning_rate.assign(self.model.optimizer.learning_rate * 2)


def plain(params: Any) -> keras.Model:
    return dense()


@pytest.mark.parametrize(
    ("build", "callbacks"),
    [
        (two_optimizers, None),
        (eager_two_optimizers, None),
        (counting, None),
        (weighted_loss, lambda params: [Anneal()]),
        (plain, lambda params: [Averages()]),
        (plain, lambda params: [WarmUp()]),
    ],
    ids=["lazy optimizer", "lazy and eager", "python data", "global variable", "arrays", "begin"],
)
@pytest.mark.filterwarnings("ignore:training by keras's fit")
def test_state_is_kept(build: Any, callbacks: Any) -> None:
    p = problem(build, data(X, Y), callbacks=callbacks)
    assert train(p, RATE, (0, 3))[0] == train(p, RATE, (0, 1), (1, 3))[0]


def drawing(draw: Any) -> keras.layers.Layer:
    class Draws(keras.layers.Layer):
        def call(self, x: Any, training: bool = False) -> Any:
            return x + draw(x) if training else x

    return Draws()


def by_numpy(x: Any) -> Any:
    drawn = tf.numpy_function(lambda: np.random.normal() + random.random(), [], tf.float64)
    return tf.cast(tf.ensure_shape(drawn, []), tf.float32)


DRAWS = {
    "normal": lambda x: tf.random.normal(tf.shape(x)),
    "seeded": lambda x: tf.random.uniform(tf.shape(x), seed=5),
    "integers": lambda x: tf.cast(tf.random.uniform(tf.shape(x), 0, 3, tf.int32), tf.float32),
    "gamma": lambda x: tf.random.gamma(tf.shape(x), 2.0),
    "shuffled": lambda x: tf.random.shuffle(x),
    "generator": lambda x: tf.random.get_global_generator().normal(tf.shape(x)),
    "keras": lambda x: keras.random.normal(keras.ops.shape(x)),
    "numpy": by_numpy,
}


@pytest.mark.parametrize("name", DRAWS)
def test_draws_follow_from_the_epoch(name: str) -> None:
    p = problem(lambda _: compiled(network(keras.Sequential, drawing(DRAWS[name]))), data(X, Y))
    whole = train(p, RATE, (0, 3))[0]
    assert whole == train(p, RATE, (0, 1), (1, 3))[0]
    assert len({epoch["loss"] for epoch in whole}) == 3


@pytest.mark.filterwarnings("ignore:training by keras's fit")
@pytest.mark.parametrize("name", ["normal", "keras", "numpy"])
@pytest.mark.parametrize("eager", [False, True])
def test_draws_follow_from_the_epoch_by_fit_too(name: str, *, eager: bool) -> None:
    class Looks(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            """Makes the trial go by `fit`."""

    def build(params: Any) -> keras.Model:
        return compiled(network(keras.Sequential, drawing(DRAWS[name])), run_eagerly=eager)

    p = problem(build, data(X, Y), callbacks=lambda params: [Looks()])
    assert train(p, RATE, (0, 3))[0] == train(p, RATE, (0, 1), (1, 3))[0]


def test_a_trial_draws_the_same_after_another_one() -> None:
    from tests.field.tables import new_trainer

    p = problem(lambda _: compiled(network(keras.Sequential, drawing(DRAWS["keras"]))), data(X, Y))
    alone = train(p, RATE, (0, 2))[0]
    shared = new_trainer(p)
    train(p, RATE, (0, 2), trainer=shared, trial="0", seed=8)
    assert train(p, RATE, (0, 2), trainer=shared)[0] == alone


def samplers(x: Any) -> Any:
    drawn = tf.random.log_uniform_candidate_sampler([[1]], 1, 4, unique=True, range_max=1000)
    return tf.cast(tf.reduce_sum(drawn.sampled_candidates), tf.float32) / 1000


def walking(params: Any) -> keras.Model:
    """A model with an iterator: how far it has come cannot be told."""
    model = compiled(network(keras.Sequential, Counting()), run_eagerly=True)
    model.steps = iter(range(100))
    return model


class Steps(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.model.optimizer.learning_rate.assign(0.01 * (1 + next(self.model.steps)))


@pytest.mark.filterwarnings("ignore:training by keras's fit")
@pytest.mark.parametrize(
    ("build", "callbacks", "reason"),
    [
        (walking, lambda params: [Steps()], "model.steps: range_iterator is no data"),
        (
            lambda _: compiled(network(keras.Sequential, drawing(samplers))),
            None,
            "LogUniformCandidateSampler",
        ),
    ],
    ids=["iterator", "sampler"],
)
def test_what_cannot_be_kept_is_trained_from_its_beginning(
    build: Any, callbacks: Any, reason: str
) -> None:
    p = problem(build, data(X, Y), callbacks=callbacks)
    whole = train(p, RATE, (0, 3))[0]
    with pytest.warns(SearchWarning, match=f"from its beginning, with the same result.*{reason}"):
        assert train(p, RATE, (0, 1), (1, 3))[0] == whole


def test_a_model_compiled_again_by_a_callback_trains_with_its_new_optimizer() -> None:
    class Slower(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                self.model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")

    p = problem(lambda _: compiled(network()), data(X, Y), callbacks=lambda params: [Slower()])
    with pytest.warns(UserWarning, match="a callback compiles the model again"):
        whole = train(p, RATE, (0, 3))[0]
    assert whole[1]["val_loss"] == pytest.approx(whole[2]["val_loss"])
    assert whole[0]["learning_rate"] != whole[1]["learning_rate"] == 0.0
