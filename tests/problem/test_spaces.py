"""Every problem in `spaces/` keeps what a problem promises."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search.data import trees
from search.datasets import digits
from search.problem import loading
from search.problem.problem import Problem
from search.space.parameters import Params
from tests import problem_data


def draw(found: Problem, seed: int) -> Params:
    rng = random.Random(seed)
    return found.space.active(
        {node.name: node.parameter.at(rng.random()) for node in found.space.nodes}
    )


def points(found: Problem) -> list[Params]:
    baseline = [found.baseline] if found.baseline is not None else []
    return [*baseline, *(draw(found, seed) for seed in range(5))]


@pytest.mark.parametrize("name", loading.names())
def test_a_problem_is_complete(name: str) -> None:
    found = loading.load(name).problem
    assert found.name == name
    assert found.description
    assert found.baseline is not None
    for node in found.space.nodes:
        assert node.parameter.grid_levels(), f"{node.name} has no levels for a grid"
    for params in points(found):
        found.space.check(params)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return problem_data.folder_for_all(tmp_path_factory.mktemp("data"))


@pytest.mark.parametrize("name", loading.names())
def test_a_model_takes_raw_inputs(name: str, folder: Path, tmp_path: Path) -> None:
    import keras

    found = loading.load(name).problem
    data = problem_data.load(found, folder)
    few = data.train.take(slice(3))
    build = found.builder(data.train)
    for params in points(found):
        model = build(params)
        assert model.compiled
        # called, not `predict`: that would trace a graph for each
        predicted = keras.tree.map_structure(np.asarray, model(few.x, training=False))
        takes = getattr(model, "inputs", None)  # a subclassed model takes what its call takes
        if takes:
            assert [facts(one) for one in takes] == [
                facts(one) for one in keras.tree.flatten(few.x)
            ]
        names = [name for name, _ in trees.named(few.y, "y")]
        assert [name for name, _ in trees.named(predicted, "y")] == names
        for _, values in trees.named(predicted, "y"):
            assert len(values) == 3
            assert np.isfinite(values).all()
            if len(data.class_names) > 2:
                assert values.shape == (3, len(data.class_names))
                np.testing.assert_allclose(values.sum(axis=1), 1.0, atol=1e-3)
    predicted = model.predict_on_batch(few.x)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False).predict_on_batch(few.x)
    for (_, one), (_, other) in zip(
        trees.named(predicted, ""), trees.named(again, ""), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def facts(array: Any) -> str:
    """Shape without the batch, and dtype."""
    return f"{tuple(array.shape[1:])} {np.dtype(array.dtype).name}"


def test_a_model_is_built_as_its_params_say() -> None:
    found = loading.load("fashion").problem
    model = found.build(
        {
            "layers": 3,
            "neurons_shape": "funnel",
            "neurons_1": 200,
            "activation_shape": "free",
            "activation_1": "selu",
            "activation_2": "tanh",
            "activation_3": "gelu",
            "initializer": "he_normal",
            "optimizer": "nesterov",
            "learning_rate": 0.02,
            "batch_size": 64,
            "dropout": 0.2,
            "epochs": 3,
        }
    )
    dense = [layer for layer in model.layers if type(layer).__name__ == "Dense"]
    assert [layer.units for layer in dense] == [200, 100, 50, 10]
    assert [layer.activation.__name__ for layer in dense] == ["selu", "tanh", "gelu", "softmax"]
    assert {type(layer.kernel_initializer).__name__ for layer in dense} == {"HeNormal"}
    dropouts = [layer.rate for layer in model.layers if type(layer).__name__ == "Dropout"]
    assert dropouts == [0.2, 0.2, 0.2]
    assert model.optimizer.momentum == 0.9
    assert model.optimizer.nesterov


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov", "rmsprop", "adam", "nadam"])
def test_every_optimizer_learns_the_digits(optimizer: str) -> None:
    import keras

    found = loading.load("digits").problem
    assert found.baseline is not None
    data = found.load(None)
    rate = {"sgd": 0.1, "momentum": 0.02, "nesterov": 0.02}.get(optimizer, 0.003)
    params = {**found.baseline, "optimizer": optimizer, "learning_rate": rate}
    found.space.check(params)
    keras.utils.set_random_seed(0)
    model = found.build(params)
    assert np.isclose(float(model.optimizer.learning_rate.numpy()), rate)
    model.fit(data.train.x, data.train.y, batch_size=32, epochs=5, verbose=0)
    scored = model.evaluate(data.validation.x, data.validation.y, verbose=0, return_dict=True)
    assert scored["accuracy"] > 0.85


def test_the_digits_problem_loads_the_digits_whatever_the_folder() -> None:
    found = loading.load("digits").problem
    np.testing.assert_array_equal(found.load(Path("nowhere")).train.x, digits.load().train.x)


def test_the_course_network_is_the_fashion_baseline() -> None:
    found = loading.load("fashion").problem
    assert found.baseline is not None
    model = found.build(found.baseline)
    assert model.count_params() == 266_610
    assert type(model.optimizer).__name__ == "SGD"
