"""What each problem of the course is there to show."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search import Data
from search.datasets import base
from search.errors import DataError
from search.problem import loading
from search.problem.problem import Problem
from spaces import _earlier, _housing
from tests import problem_data


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return problem_data.folder_for_all(tmp_path_factory.mktemp("data"))


def loaded(name: str, folder: Path) -> tuple[Problem, Data]:
    found = loading.load(name).problem
    return found, problem_data.load(found, folder)


def weights(layer: Any) -> list[np.ndarray]:
    return [np.array(array) for array in layer.get_weights()]


@pytest.mark.parametrize(("layers", "solved"), [(0, False), (1, True)])
def test_xor_is_solved_only_with_a_hidden_layer(layers: int, solved: bool) -> None:
    import keras

    found = loading.load("xor").problem
    data = found.load(None)
    params = {"layers": layers, "optimizer": "adam", "learning_rate": 0.05}
    if layers:
        params |= {"neurons_1": 8, "activation_1": "tanh"}
    found.space.check(params)
    keras.utils.set_random_seed(0)
    model = found.build(params)
    model.fit(data.train.x, data.train.y, batch_size=4, epochs=4, verbose=0)
    scored = model.evaluate(data.validation.x, data.validation.y, verbose=0, return_dict=True)
    assert (scored["accuracy"] == 1.0) == solved


def test_iris_has_the_perceptron_in_its_space() -> None:
    found = loading.load("iris").problem
    assert found.baseline is not None
    data = found.load(None)
    model = found.builder(data.train)(found.baseline)
    assert [type(layer).__name__ for layer in model.layers] == ["Normalization", "Dense"]


def test_the_convolutional_network_is_built_as_its_params_say() -> None:
    found = loading.load("fashion_cnn").problem
    params = {
        "blocks": 2,
        "filters_shape": "free",
        "filters_1": 16,
        "filters_2": 32,
        "kernel_size": 5,
        "pooling": "average",
        "neurons": 64,
        "dropout": 0.25,
        "optimizer": "nadam",
        "learning_rate": 0.002,
        "batch_size": 128,
    }
    found.space.check(params)
    layers = found.build(params).layers
    convolutions = [layer for layer in layers if type(layer).__name__ == "Conv2D"]
    assert [layer.filters for layer in convolutions] == [16, 32]
    assert [layer.kernel_size for layer in convolutions] == [(5, 5), (3, 3)]
    kinds = [type(layer).__name__ for layer in layers]
    assert kinds.count("AveragePooling2D") == 2
    assert kinds[-4:] == ["Flatten", "Dropout", "Dense", "Dense"]


def test_stretch_searches_nothing_but_what_holds_a_large_network_back() -> None:
    found = loading.load("stretch").problem
    assert {node.name for node in found.space.nodes} == {"dropout", "l2"}
    assert found.patience
    model = found.build({"dropout": 0.2, "l2": 1e-4})
    dense = [layer for layer in model.layers if type(layer).__name__ == "Dense"]
    assert all(np.isclose(float(layer.kernel_regularizer.l2), 1e-4) for layer in dense[:-1])
    assert sum(type(layer).__name__ == "Dropout" for layer in model.layers) == len(dense) - 1


def test_housing_is_standardised_by_the_training_part_and_outliers_are_cut_off(
    folder: Path,
) -> None:
    import keras

    found, data = loaded("housing", folder)
    assert found.baseline is not None
    model = found.builder(data.train)(found.baseline)
    scaled = keras.Sequential(model.layers[:4])
    of_train = np.asarray(scaled(data.train.x))
    np.testing.assert_allclose(of_train.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(of_train.std(axis=0), 1, atol=1e-4)
    far = data.train.x.mean(axis=0, keepdims=True) + 1e6
    np.testing.assert_allclose(np.asarray(scaled(far)), _housing.LIMIT)


def test_the_wide_input_has_features_0_to_4_and_the_deep_one_2_to_7(folder: Path) -> None:
    x = loaded("housing", folder)[1].train.x
    two = loaded("housing_two_inputs", folder)[1].train.x
    np.testing.assert_array_equal(two["wide"], x[:, [0, 1, 2, 3, 4]])
    np.testing.assert_array_equal(two["deep"], x[:, [2, 3, 4, 5, 6, 7]])


@pytest.mark.parametrize("name", ["housing_two_outputs", "housing_subclassed"])
def test_the_losses_of_both_outputs_are_weighted_as_searched(name: str, folder: Path) -> None:
    found, data = loaded(name, folder)
    assert found.baseline is not None
    assert found.baseline["main_weight"] == 0.9
    model = found.builder(data.train)({**found.baseline, "main_weight": 0.7})
    part = data.validation
    scored = model.evaluate(part.x, part.y, batch_size=64, verbose=0, return_dict=True)
    both = 0.7 * scored["main_mse"] + 0.3 * scored["auxiliary_mse"]
    assert scored["loss"] == pytest.approx(both, rel=1e-4)


def test_the_subclassed_network_computes_what_the_functional_one_does(folder: Path) -> None:
    found, data = loaded("housing_two_outputs", folder)
    subclassed, _ = loaded("housing_subclassed", folder)
    assert found.space.describe() == subclassed.space.describe()
    params = {**found.baseline, "layers": 2, "neurons_shape": "funnel", "neurons_1": 60}
    one = found.builder(data.train)(params)
    other = subclassed.builder(data.train)(params)
    few = data.train.take(slice(5)).x
    other.predict_on_batch(few)
    hidden = [layer for layer in one.layers if type(layer).__name__ == "Dense"][:-2]
    its = [layer for layer in other.deep.layers if type(layer).__name__ == "Dense"]
    for mine, layer in zip(its, hidden, strict=True):
        mine.set_weights(weights(layer))
    for name in ("main", "auxiliary"):
        getattr(other, name).set_weights(weights(one.get_layer(name)))
    expected = one.predict_on_batch(few)
    for name, values in other.predict_on_batch(few).items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-5)


TRANSFER = {
    "reused": 2,
    "frozen": True,
    "layers": 1,
    "neurons_1": 50,
    "activation_1": "relu",
    "dropout": 0.0,
    "optimizer": "adam",
    "learning_rate": 0.003,
    "batch_size": 32,
}


@pytest.mark.parametrize("frozen", [True, False])
def test_layers_are_reused_from_the_earlier_model_and_stay_where_frozen(
    frozen: bool, folder: Path
) -> None:
    found, data = loaded("fashion_transfer", folder)
    params = {**TRANSFER, "frozen": frozen}
    found.space.check(params)
    model = found.builder(data.train)(params)
    assert model.name == f"from_{problem_data.EARLIER}"
    earlier = data.train.given["layers"]
    reused = [model.get_layer(f"reused_{index}") for index in (1, 2)]
    for layer, known in zip(reused, earlier, strict=True):
        np.testing.assert_array_equal(weights(layer)[0], known["kernel"])
        np.testing.assert_array_equal(weights(layer)[1], known["bias"])
    few = data.train.take(slice(32))
    model.train_on_batch(few.x, few.y)
    same = [
        np.array_equal(weights(x)[0], y["kernel"]) for x, y in zip(reused, earlier, strict=True)
    ]
    assert same == [frozen, frozen]


def test_more_layers_than_the_earlier_model_has_are_all_it_has(folder: Path) -> None:
    found, data = loaded("fashion_transfer", folder)
    shallow = {**data.train.given, "layers": data.train.given["layers"][:1]}
    model = found.build(TRANSFER, shallow)
    assert sum(layer.name.startswith("reused") for layer in model.layers) == 1


def test_another_earlier_model_is_other_data(folder: Path, tmp_path: Path) -> None:
    found, data = loaded("fashion_transfer", folder)
    again = found.load(folder / problem_data.EARLIER)
    assert base.digest(again) == base.digest(data)
    problem_data.earlier_export(tmp_path, "another")
    assert base.digest(found.load(tmp_path)) != base.digest(data)


def test_the_newest_export_of_the_right_problem_is_taken(tmp_path: Path) -> None:
    names = {"fashion-a": "fashion", "fashion-b": "fashion", "digits-c": "digits"}
    names["model-missing"] = "fashion"
    for age, (name, of) in enumerate(names.items()):
        about = tmp_path / "exports" / name / _earlier.ABOUT
        about.parent.mkdir(parents=True)
        about.write_text(json.dumps({"problem": of}))
        if name != "model-missing":
            (about.parent / _earlier.MODEL).touch()
        os.utime(about, (age, age))
    assert _earlier.find("fashion", tmp_path).name == "fashion-b"
    assert _earlier.find("fashion", tmp_path / "exports").name == "fashion-b"
    assert _earlier.find("fashion", tmp_path / "exports" / "fashion-a").name == "fashion-a"
    assert _earlier.find("digits", None, tmp_path / "exports").name == "digits-c"
    assert _earlier.find("digits", tmp_path / "no", tmp_path / "exports").name == "digits-c"


def test_without_an_earlier_study_the_message_says_which_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="run `python -m search run fashion` first"):
        loading.load("fashion_transfer").problem.load(tmp_path)
