"""Functional Keras models in MLflow, and a standard output that holds the answer alone."""

import json
from pathlib import Path

import keras
import numpy as np

from search.cli.main import main
from search.export.base import Exported
from search.trackers._mlflow_model import only_keras
from tests.problems import functional
from tests.records import whole_life
from tests.trackers.test_mlflow import Place, live, place, template

__all__ = ["place", "template"]  # fixtures

PROBLEM = Path(__file__).parent.parent / "problems" / "functional.py"


def test_a_functional_model_needs_no_code_of_the_users():
    assert only_keras(functional.build({"neurons": 4}))


def test_a_functional_model_with_constants_and_slices_needs_no_code_of_the_users():
    images = keras.Input((8, 8))
    halves = images[:, :4, ...] * np.ones((4, 8), np.float32)
    assert only_keras(keras.Model(images, keras.ops.sum(halves, axis=(1, 2))))


def test_a_function_of_the_users_is_foreign_in_a_functional_model():
    images = keras.Input((8, 8))
    assert not only_keras(keras.Model(images, keras.layers.Lambda(lambda x: 2 * x)(images)))


def test_a_functional_model_is_registered_as_keras_saves_it(place, tmp_path):
    model = functional.build({"neurons": 4})
    model.save(tmp_path / "model.keras")
    live(place, whole_life(), Exported(tmp_path, np.ones((2, 8, 8), np.float32)))

    assert list((place.folder / "artifacts").rglob("model.keras"))
    assert not list((place.folder / "artifacts").rglob("saved_model.pb"))


def test_a_model_with_classes_of_the_users_is_registered_without_a_word(
    place, tmp_path, capsys, own_classes
):
    @keras.saving.register_keras_serializable("tests")
    class Classifier(keras.Model):
        def __init__(self, **settings):
            super().__init__(**settings)
            self.dense = keras.layers.Dense(2)

        def call(self, inputs):
            return self.dense(inputs)

    model = Classifier()
    example = np.ones((2, 3), np.float32)
    model(example)
    model.save(tmp_path / "model.keras")
    live(place, whole_life(), Exported(tmp_path, example))

    assert list((place.folder / "artifacts").rglob("saved_model.pb"))
    assert capsys.readouterr().out == ""


def test_run_json_prints_nothing_but_the_document_of_a_functional_problem(place: Place, capsys):
    words = ["run", str(PROBLEM), "--backend", "randomized", "--trials", "1", "--max-epochs", "1"]
    words += ["--workers", "1"]
    code = main([*words, "--store", str(place.folder), "--json", "--quiet"])

    assert code == 0
    document = json.loads(capsys.readouterr().out)
    assert document["mlflow"] is not None
    (version,) = place.client.search_model_versions("name = 'functional'")
    assert version.tags["search.trial"] == document["best"]["trial"]
