"""Trials share a traced epoch where their models are equal but for variables, never otherwise."""

import numpy as np
import pytest

from search.data.parts import Data
from search.datasets import digits
from search.runtime import tensorflow_setup
from search.training.graph_cache import SharedGraphs
from search.training.graph_loop import GraphLoop, TensorData


@pytest.fixture(scope="module")
def data() -> Data:
    whole = digits.load(None)
    return Data(whole.train.take(slice(100)), whole.validation.take(slice(40)))


@pytest.fixture(scope="module")
def tensors(data) -> TensorData:
    return TensorData(data)


def build(seed=1, *, rate=0.1, momentum=0.0, l2=0.0, dropout=0.0, width=8, mean=0.0, loss=None):
    import keras

    tensorflow_setup.fresh(seed)
    scaling = keras.layers.Normalization(axis=None)
    scaling.adapt(np.array([mean - 4, mean + 4]))
    layers = [scaling, keras.layers.Flatten()]
    layers += [keras.layers.Dense(width, "relu", kernel_regularizer=keras.regularizers.L2(l2))]
    layers += [keras.layers.Dropout(dropout), keras.layers.Dense(10, "softmax")]
    model = keras.Sequential([keras.Input((8, 8)), *layers])
    model.compile(
        keras.optimizers.SGD(rate, momentum=momentum),
        loss or "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.optimizer.build(model.trainable_variables)
    return model


def trained(model, way, batch_size) -> tuple[list, list[np.ndarray]]:
    orders = [np.random.default_rng(epoch).permutation(100) for epoch in range(2)]
    metrics = [way.train(order, batch_size) | {"val": way.test()} for order in orders]
    return metrics, [v.numpy() for v in [*model.variables, *model.optimizer.variables]]


def alone(tensors, batch_size, **settings):
    model = build(**settings)
    return trained(model, GraphLoop(model, tensors), batch_size)


def equal(one, other) -> bool:
    pairs = zip(one[1], other[1], strict=True)
    return one[0] == other[0] and all(np.array_equal(a, b) for a, b in pairs)


ALTERNATING = [
    {"l2": 0.0},
    {"l2": 0.1},
    {"dropout": 0.5},
    {"momentum": 0.9},
    {"l2": 0.0, "seed": 2},
    {"rate": 0.01},
    {"momentum": 0.5},
    {"dropout": 0.1},
    {"mean": 3.0},
    {"l2": 0.1, "rate": 0.3, "seed": 3},
    {"width": 9},
    {"dropout": 0.5, "rate": 0.2},
]


def test_alternating_trials_train_as_they_would_alone(data, tensors):
    shared = SharedGraphs(data, tensors)
    graphs = []
    for index, settings in enumerate(ALTERNATING):
        batch_size = (16, 32, 33)[index % 3]
        model, way = shared.of(build(**settings), batch_size, 9)
        graphs.append(way)
        assert equal(trained(model, way, batch_size), alone(tensors, batch_size, **settings)), (
            settings
        )
    sharing = [graphs.index(graph) for graph in graphs]
    assert sharing == [0, 1, 2, 3, 0, 0, 6, 7, 8, 1, 10, 2]


def test_a_model_that_goes_on_is_shared_with_its_state(data, tensors):
    shared = SharedGraphs(data, tensors)
    model, way = shared.of(build(), 32, 9)
    trained(model, way, 32)
    begun = build(rate=0.05, seed=4)
    begun.optimizer.iterations.assign(7)
    begun.layers[2].bias.assign(np.arange(8))
    model, again = shared.of(begun, 32, 9)
    assert again is way
    assert int(model.optimizer.iterations) == 7
    np.testing.assert_array_equal(model.layers[2].bias, np.arange(8))


def own_loss(y_true, y_pred):
    import keras

    return keras.losses.sparse_categorical_crossentropy(y_true, y_pred)


def own_layer():
    import keras

    class Scale(keras.layers.Layer):
        def call(self, inputs):
            return inputs / 16

    model = keras.Sequential([keras.Input((8, 8)), Scale(), keras.layers.Flatten()])
    model.add(keras.layers.Dense(10, "softmax"))
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.mark.parametrize("foreign", [lambda: build(loss=own_loss), own_layer])
def test_a_model_with_code_of_the_users_is_traced_for_itself(data, tensors, foreign):
    shared = SharedGraphs(data, tensors)
    first = shared.of(foreign(), 32, 9)[1]
    other = foreign()
    model, second = shared.of(other, 32, 9)
    assert model is other
    assert second is not first


def test_only_so_many_are_kept(data, tensors):
    shared = SharedGraphs(data, tensors, most=2)
    first = shared.of(build(width=5), 32, 9)[1]
    shared.of(build(width=6), 32, 9)
    assert shared.of(build(width=5), 32, 9)[1] is first
    shared.of(build(width=7), 32, 9)
    shared.of(build(width=8), 32, 9)
    assert shared.of(build(width=5), 32, 9)[1] is not first
