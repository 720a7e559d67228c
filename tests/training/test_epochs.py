"""The epoch in the graph equals `fit` bit for bit for all that the spaces use."""

import itertools
import warnings

import numpy as np
import pytest

from search.datasets import digits
from search.problem import Data, Part
from search.training import runtime
from search.training.epochs import FitEpochs, GraphEpochs, TensorData
from search.training.shared import SharedEpochs
from spaces import _mlp
from spaces.digits import PROBLEM


@pytest.fixture(scope="module")
def data() -> Data:
    whole = digits.load(None)  # 150 rows: the last batch is a partial one
    return Data(
        train=Part(whole.train.x[:150], whole.train.y[:150]),
        validation=Part(whole.validation.x[:70], whole.validation.y[:70]),
    )


@pytest.fixture(scope="module")
def tensors(data) -> TensorData:
    return TensorData(data)


def built(build, *arguments):
    runtime.fresh(3)
    model = build(*arguments)
    model.optimizer.build(model.trainable_variables)
    return model


def trained(way, batch_size=32, rows=150, count=2) -> list[dict[str, float]]:
    orders = [np.random.default_rng(epoch).permutation(rows) for epoch in range(count)]
    return [way.train(order, batch_size) | {"val": way.test()} for order in orders]


def same(build, data, tensors, *arguments, batch_size=32):
    one, other = built(build, *arguments), built(build, *arguments)
    fit = trained(FitEpochs(one, data), batch_size)
    graph = trained(GraphEpochs(other, tensors), batch_size)
    assert graph == fit
    pairs = zip(
        [*one.variables, *one.optimizer.variables],
        [*other.variables, *other.optimizer.variables],
        strict=True,
    )
    for a, b in pairs:
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=a.path)


CYCLE = itertools.cycle(_mlp.ACTIVATIONS)


@pytest.mark.parametrize("optimizer", _mlp.OPTIMIZERS)
def test_every_optimizer_with_dropout(data, tensors, optimizer):
    params = dict(PROBLEM.baseline) | {
        "layers": 2,
        "neurons_shape": "same",
        "activation_shape": "free",
        "activation_1": next(CYCLE),
        "activation_2": next(CYCLE),
        "optimizer": optimizer,
        "dropout": 0.2,
    }
    same(PROBLEM.build, data, tensors, params)


def richer():
    import keras

    inputs = keras.Input((8, 8))
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 16)(inputs))
    x = keras.layers.Dense(12, kernel_regularizer="l2")(x)
    x = keras.layers.Activation("relu")(keras.layers.BatchNormalization()(x))
    outputs = keras.layers.Dense(10, "softmax")(x)
    model = keras.Model(inputs, outputs)
    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, 3, 0.9)
    model.compile(
        keras.optimizers.Adam(schedule, clipnorm=1.0),
        "sparse_categorical_crossentropy",
        metrics=["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(2, name="top2")],
    )
    return model


def test_batch_normalisation_regularizers_schedules_and_several_metrics(data, tensors):
    same(richer, data, tensors, batch_size=40)


def subclassed(**compile_options):
    import keras

    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.flat = keras.layers.Flatten()
            self.out = keras.layers.Dense(10, "softmax")

        def call(self, inputs):
            return self.out(self.flat(inputs))

    model = Net()
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"], **compile_options)
    model(np.zeros((1, 8, 8), "float32"))
    return model


def test_subclassed_models(data, tensors):
    same(subclassed, data, tensors)


def test_models_that_draw_random_numbers_in_every_call(data, tensors):
    from tests.training.test_trainer import sampling

    same(sampling, data, tensors, {})


def own_fit():
    model = subclassed()
    kind = type(model)
    kind.fit = lambda self, *args, **kwargs: super(kind, self).fit(*args, **kwargs)
    return model


def untraceable():
    model = subclassed()
    kind = type(model)

    def train_step(self, batch):
        if float(np.asarray(batch[0]).max()) < 0:  # needs values: cannot be part of a graph
            raise ValueError
        return super(kind, self).train_step(batch)

    kind.train_step = train_step
    return model


def own_logs():
    model = subclassed()
    kind = type(model)
    kind.train_step = lambda self, batch: {**super(kind, self).train_step(batch), "extra": 1.0}
    return model


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (own_logs, "its steps report values that are no metrics"),
        (lambda: subclassed(run_eagerly=True), "compiled with run_eagerly"),
        (own_fit, "Net has a fit of its own"),
        (untraceable, "NotImplementedError|TypeError"),
    ],
)
def test_other_models_are_trained_by_fit_and_it_is_said(data, tensors, build, reason):
    model = built(build)
    with pytest.warns(UserWarning, match=f"training by keras's fit, .*({reason})"):
        own, way = SharedEpochs(data, tensors).of(model, 32, 9)
    assert own is model
    assert way.way == "fit"


def test_ordinary_models_are_trained_in_the_graph_without_a_word(data, tensors):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, way = SharedEpochs(data, tensors).of(built(subclassed), 32, 9)
    assert way.way == "graph"
