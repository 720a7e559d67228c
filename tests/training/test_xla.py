"""Compiled epochs: what the rule says, how near they come to the plain graph, how they go on."""

from dataclasses import replace

import numpy as np
import pytest

from search.data.parts import Data
from search.datasets import digits
from search.runtime import tensorflow_setup
from search.training import xla
from search.training.checkpoint import CheckpointFolder
from search.training.graph_loop import GraphLoop, TensorData
from tests.training.test_trainer import PROBLEM, metrics, task, train, trainer

MANY = 10**6


def build(params):
    import keras

    layers = [keras.layers.Rescaling(1 / 16), keras.layers.Flatten()]
    layers += [keras.layers.Dense(12, params.get("activation", "relu"))]
    layers += [keras.layers.BatchNormalization()] if params.get("norm") else []
    layers += [keras.layers.Dropout(0.2)] if params.get("dropout") else []
    layers += [keras.layers.Dense(10, "softmax")]
    model = keras.Sequential([keras.Input((8, 8)), *layers])
    optimizer = params.get("optimizer", keras.optimizers.Adam)
    options = {"momentum": 0.9} if params.get("momentum") else {}
    model.compile(
        optimizer(0.01, **options),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        **({"jit_compile": True} if params.get("jit") else {}),
    )
    model.optimizer.build(model.trainable_variables)
    return model


def convolutional():
    import keras

    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3)])
    model.add(keras.layers.Flatten())
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def own_step():
    import keras

    class Net(keras.Sequential):
        def train_step(self, batch):
            return super().train_step(batch)

    model = Net([keras.Input((8,)), keras.layers.Dense(2)])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def test_the_rule():
    import keras

    sgd = keras.optimizers.SGD
    tensorflow_setup.fresh(0)
    assert xla.compiles(build({}), MANY)
    assert xla.compiles(build({"optimizer": sgd, "momentum": True}), MANY)
    assert not xla.compiles(build({}), 1000), "compiling costs more than so few steps can gain"
    fewest = [xla.compiles(build({"optimizer": sgd}), steps) for steps in (9_000, 11_000)]
    assert fewest == [False, True], "plain sgd gains less"
    assert not xla.compiles(build({"dropout": True}), MANY)
    assert not xla.compiles(convolutional(), MANY)
    assert not xla.compiles(own_step(), MANY)
    replaced = build({})
    inner = replaced.layers[2].call
    replaced.layers[2].call = lambda inputs, **given: inner(inputs, **given)
    assert not xla.compiles(replaced, MANY)
    assert xla.compiles(build({"optimizer": sgd, "jit": True}), 1), "the user has asked for it"


def test_a_larger_model_is_compiled_for_fewer_steps():
    import keras

    def wide(width):
        model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(width)])
        model.compile("adam", "mse")
        return model

    assert [xla.compiles(wide(width), 6_000) for width in (10, 10_000)] == [False, True]


@pytest.fixture(scope="module")
def data() -> Data:
    whole = digits.load(None)
    return Data(whole.train.take(slice(150)), whole.validation)


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("optimizer", ["Adam", "RMSprop", "Nadam", "SGD"])
def test_compiled_epochs_differ_within_rounding(data, optimizer, norm):
    import keras

    tensors = TensorData(data)
    kind = getattr(keras.optimizers, optimizer)
    params = {"optimizer": kind, "norm": norm, "momentum": optimizer == "SGD"}
    curves = []
    for batch in (None, 32):  # 150 = 4 x 32 + 22: the last batch is a partial one
        tensorflow_setup.fresh(5)
        way = GraphLoop(build(params), tensors, batch)
        orders = [np.random.default_rng(epoch).permutation(150) for epoch in range(3)]
        curves.append([way.train(order, 32) | {"val_loss": way.test()["loss"]} for order in orders])
    assert way.way == "compiled"
    plain, compiled = curves
    for one, other in zip(plain, compiled, strict=True):
        assert other["loss"] == pytest.approx(one["loss"], rel=1e-4)
        assert other["val_loss"] == pytest.approx(one["val_loss"], rel=1e-4)
        assert other["accuracy"] == pytest.approx(one["accuracy"], abs=1 / 150)


def test_fewer_rows_than_a_batch(data):
    few = Data(data.train.take(slice(20)), data.validation)
    tensorflow_setup.fresh(5)
    way = GraphLoop(build({}), TensorData(few), 32)
    assert way.train(np.arange(20), 32)["loss"] > 0


def test_a_compiled_trial_says_so_and_goes_on_bit_for_bit(data, tmp_path):
    problem = replace(PROBLEM, build=lambda params: build({}))
    folders = [CheckpointFolder(tmp_path / name, "a study") for name in ("whole", "parts")]
    whole, end = train(trainer(data, folders[0], problem, most=MANY).train(task()))
    reports = []
    for start, stop in ((0, 1), (1, 2), (2, 4)):
        part = task(start, stop, recorded=reports)
        new, outcome = train(trainer(data, folders[1], problem, most=MANY).train(part))
        reports += new
    assert metrics(reports) == metrics(whole)
    assert replace(outcome, seconds=0) == replace(end, seconds=0)
    assert end.way == "compiled"
    short, plain = train(
        trainer(data, CheckpointFolder(tmp_path / "c", "a"), problem).train(task())
    )
    assert plain.way == "graph"
    assert metrics(short) != metrics(whole)
