"""The winner as a registered model: any MLflow client loads it and feeds it raw inputs."""

import pytest

from search.export.base import Exported
from search.study.events import StudyStarted
from search.study.study_record import fold
from search.trackers._mlflow_model import only_keras, registered_name
from tests.records import header, whole_life
from tests.trackers.test_mlflow import live, place, template

__all__ = ["place", "template"]  # fixtures

pytestmark = pytest.mark.usefixtures("own_classes")


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Exported:
    """A tiny network with its scaling inside, for raw 4x4 uint8 images."""
    import keras
    import numpy as np

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((4, 4), dtype="uint8"),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    folder = tmp_path_factory.mktemp("export")
    model.save(folder / "model.keras")
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 4), dtype=np.uint8)
    return Exported(folder, images)


@pytest.fixture
def load(place):
    """Load a registered model as any MLflow client does."""
    import mlflow

    def load_model(uri: str):
        mlflow.set_tracking_uri(place.uri)
        return mlflow.pyfunc.load_model(uri)

    yield load_model
    mlflow.set_tracking_uri(None)


def test_the_winner_is_a_registered_model_that_takes_raw_inputs(place, exported, load):
    import keras
    import numpy as np

    live(place, whole_life(), exported)
    loaded = load("models:/demo/1")

    expected = keras.saving.load_model(exported.directory / "model.keras").predict(
        exported.example, verbose=0
    )
    np.testing.assert_array_equal(loaded.predict(exported.example), expected)
    (image,) = loaded.metadata.signature.inputs.inputs
    assert (image.type, image.shape) == (np.dtype("uint8"), (-1, 4, 4))
    assert loaded.metadata.saved_input_example_info is not None
    parent, _ = place.runs()
    version = place.client.get_model_version("demo", "1")
    assert version.run_id == parent.info.run_id
    assert [m.model_id for m in parent.outputs.model_outputs] == [version.tags["search.model_id"]]
    assert version.tags["search.trial"] == "2"


def test_nothing_is_written_outside_the_store(place, exported, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    live(place, whole_life(), exported)

    assert list(elsewhere.iterdir()) == []


def test_a_winner_is_registered_once_however_often_the_study_ends(place, exported):
    live(place, whole_life(), exported)
    record = fold(whole_life())
    resumed = place.tracker()
    resumed.start_study(record)
    resumed.end_study(record, exported)
    resumed.forget(record)
    resumed.start_study(record)
    resumed.end_study(record, exported)

    (version,) = place.client.search_model_versions("name = 'demo'")
    parent, _ = place.runs()
    assert [m.model_id for m in parent.outputs.model_outputs] == [version.tags["search.model_id"]]


def test_a_model_with_classes_of_the_users_loads_without_them(place, tmp_path, load):
    import keras
    import numpy as np

    @keras.saving.register_keras_serializable("tests")
    class Doubled(keras.layers.Layer):
        def call(self, inputs):
            return 2.0 * inputs

    model = keras.Sequential([keras.Input((3,)), Doubled(), keras.layers.Dense(2)])
    model.save(tmp_path / "model.keras")
    example = np.ones((2, 3), np.float32)
    assert not only_keras(model)

    live(place, whole_life(), Exported(tmp_path, example))
    expected = model.predict(example, verbose=0)
    keras.saving.get_custom_objects().clear()
    loaded = load("models:/demo/1")

    np.testing.assert_allclose(loaded.predict(example), expected, rtol=1e-6)


def test_what_mlflow_keeps_no_graph_of_is_said(place, tmp_path):
    import keras
    import numpy as np

    @keras.saving.register_keras_serializable("tests")
    class Sum(keras.layers.Layer):
        def call(self, inputs):
            return inputs[0] + inputs[1]

    pair = [keras.Input((3,), name=name) for name in "ab"]
    keras.Model(pair, Sum()(pair)).save(tmp_path / "model.keras")
    example = {name: np.ones((2, 3), np.float32) for name in "ab"}
    with pytest.warns(UserWarning, match="demo-1 is not registered .*: it has several inputs and"):
        live(place, whole_life(), Exported(tmp_path, example))
    assert place.client.search_model_versions("name = 'demo'") == []


def test_a_problem_may_have_a_name_that_no_model_can_have(place, exported):
    started = header(problem="mine/blobs: 'two'")
    assert isinstance(started.event, StudyStarted)
    live(place, whole_life(started), exported)

    name = registered_name("mine/blobs: 'two'")
    assert len(place.client.search_model_versions(f"name = '{name}'")) == 1
