"""The epoch in the graph equals `fit` bit for bit for all that the spaces use."""

import itertools
import warnings
from dataclasses import replace

import numpy as np
import pytest

from search.data.parts import Data, Part
from search.datasets import digits
from search.runtime import tensorflow_setup
from search.training.fit_loop import FitLoop, averaged
from search.training.graph_cache import SharedGraphs
from search.training.graph_loop import GraphLoop, TensorData
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
    tensorflow_setup.fresh(3)
    model = build(*arguments)
    model.optimizer.build(model.trainable_variables)
    return model


def trained(way, batch_size=32, rows=150, count=2) -> list[dict[str, float]]:
    orders = [np.random.default_rng(epoch).permutation(rows) for epoch in range(count)]
    return [way.train(order, batch_size) | {"val": way.test()} for order in orders]


def same(build, data, tensors, *arguments, batch_size=32) -> list[dict[str, float]]:
    one, other = built(build, *arguments), built(build, *arguments)
    fit = trained(FitLoop(one, data), batch_size)
    graph = trained(GraphLoop(other, tensors), batch_size)
    assert graph == fit
    pairs = zip(
        [*one.variables, *one.optimizer.variables],
        [*other.variables, *other.optimizer.variables],
        strict=True,
    )
    for a, b in pairs:
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=a.path)
    return graph


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


def halves(part: Part) -> Part:
    """Upper halves to one input, whole images to another; digit and parity to be told."""
    x = {"upper": part.x[:, :4].reshape(-1, 32), "whole": part.x.reshape(-1, 64)}
    return Part(x, (part.y, (part.y % 2).astype("float32")), part.weights)


def two_by_two(**options):
    import keras

    upper, whole = keras.Input((32,), name="upper"), keras.Input((64,), name="whole")
    hidden = keras.layers.Dense(8, "relu")(keras.layers.Concatenate()([upper, whole]))
    digit = keras.layers.Dense(10, "softmax", name="digit")(hidden)
    odd = keras.layers.Dense(1, "sigmoid", name="odd")(upper)
    model = keras.Model({"upper": upper, "whole": whole}, (digit, odd))
    model.compile(
        "rmsprop",
        ["sparse_categorical_crossentropy", "binary_crossentropy"],
        loss_weights=[0.9, 0.1],
        metrics=[["accuracy"], ["accuracy"]],
        **options,
    )
    return model


def test_several_inputs_and_outputs_with_loss_weights(data):
    both = Data(halves(data.train), halves(data.validation))
    metrics = same(two_by_two, both, TensorData(both))
    assert {"digit_accuracy", "odd_accuracy", "digit_loss", "odd_loss"} <= set(metrics[0])


def test_weights_for_each_output(data):
    uneven = np.linspace(0, 2, 150, dtype="float32")
    train = replace(halves(data.train), weights=(uneven, uneven[::-1].copy()))
    both = Data(train, halves(data.validation))
    plain = Data(halves(data.train), halves(data.validation))

    def build():
        return two_by_two(weighted_metrics=[["accuracy"], []])

    assert same(build, both, TensorData(both)) != same(build, plain, TensorData(plain))


@pytest.mark.parametrize("one_hot", [False, True])
def test_class_weights_count_as_fit_counts_them(data, one_hot):
    weight = {3: 5.0, 8: 0.0}
    kind = "categorical_crossentropy" if one_hot else "sparse_categorical_crossentropy"

    def labels(part):
        return Part(part.x, np.eye(10, dtype="float32")[part.y] if one_hot else part.y)

    def build():
        model = subclassed()
        model.compile("sgd", kind, metrics=["accuracy"])
        return model

    weighing = Data(labels(data.train), labels(data.validation), class_weight=weight)
    metrics = same(build, weighing, TensorData(weighing), batch_size=150)
    model = built(build)
    order = np.random.default_rng(0).permutation(150)
    history = model.fit(
        weighing.train.x[order],
        weighing.train.y[order],
        batch_size=150,
        shuffle=False,
        class_weight=weight,
        verbose=0,
    )
    assert history.history["loss"] == [metrics[0]["loss"]]


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(data, tensors, policy):
    def build():
        import keras

        layers = [keras.layers.Rescaling(1 / 16), keras.layers.Flatten()]
        layers += [keras.layers.Dense(12, "relu", dtype=policy)]
        layers += [keras.layers.Dense(10, "softmax")]
        model = keras.Sequential([keras.Input((8, 8)), *layers])
        optimizer = keras.optimizers.Adam()
        if policy == "mixed_float16":
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    same(build, data, tensors)


def test_averaged_weights_are_evaluated_and_training_goes_on_without_them(data, tensors):
    def build():
        import keras

        model = subclassed()
        optimizer = keras.optimizers.SGD(0.05, use_ema=True, ema_momentum=0.5)
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    same(build, data, tensors)
    model, plain = built(build), built(subclassed)
    plain.optimizer.learning_rate = 0.05
    way = GraphLoop(model, tensors)
    assert trained(way) == trained(GraphLoop(plain, tensors))
    with averaged(model):
        scored = way.test()
        expected = model.evaluate(data.validation.x, data.validation.y, verbose=0, return_dict=True)
    assert scored["loss"] == pytest.approx(expected["loss"])
    assert scored["loss"] != way.test()["loss"]


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
        (lambda: subclassed(run_eagerly=True), "compiled with run_eagerly"),
        (own_fit, "Net has a fit of its own"),
        (untraceable, "NotImplementedError|TypeError"),
    ],
)
def test_other_models_are_trained_by_fit_and_it_is_said(data, tensors, build, reason):
    model = built(build)
    with pytest.warns(UserWarning, match=f"training by keras's fit, .*({reason})"):
        own, way = SharedGraphs(data, tensors).of(model, 32, 9)
    assert own is model
    assert way.way == "fit"


def test_what_a_step_reports_beside_the_metrics_is_reported(data, tensors):
    _, way = SharedGraphs(data, tensors).of(built(own_logs), 32, 9)
    assert way.way == "graph"
    assert way.train(np.arange(data.train.size), 32)["extra"] == 1.0


def test_ordinary_models_are_trained_in_the_graph_without_a_word(data, tensors):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, way = SharedGraphs(data, tensors).of(built(subclassed), 32, 9)
    assert way.way == "graph"
