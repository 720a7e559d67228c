"""Models without labels: autoencoders, a diffusion model; trained as by `fit(x)`."""

import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from search import Data, Part
from search.data.from_arrays import dataset_part, part, split
from search.errors import DataError, UsageError
from search.runtime import tensorflow_setup
from search.seeds import seed_for
from search.training.checkpoint import CheckpointFolder
from tests.field.tables import RATE, new_trainer, problem, train

X = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
HALVES = Data(Part(X[:40], None), Part(X[40:], None))
LOSS = ("loss", "min")


class Own(keras.Model):
    """An autoencoder with a step of its own, and no `call`."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.tracker = keras.metrics.Mean(name="loss")

    @property
    def metrics(self) -> list[Any]:
        return [self.tracker]

    def train_step(self, data: Any) -> Any:
        assert not isinstance(data, tuple)
        with tf.GradientTape() as tape:
            loss = keras.ops.mean((self.dense(data) - data) ** 2)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        self.tracker.update_state(loss)
        return {"loss": self.tracker.result()}


class Evaluable(Own):
    """The same, which can be evaluated."""

    def test_step(self, data: Any) -> Any:
        self.tracker.update_state(keras.ops.mean((self.dense(data) - data) ** 2))
        return {"loss": self.tracker.result()}


def own(kind: type[keras.Model], *, built: bool = True) -> Any:
    """A function that builds and compiles a model of this class."""

    def build(params: Any) -> keras.Model:
        model = kind()
        if built:
            model.dense.build((None, 4))
        model.compile(keras.optimizers.Adam(params["rate"]))
        return model

    return build


@pytest.mark.parametrize("built", [True, False])
def test_a_model_with_only_a_train_step_is_trained_as_fit_trains_it(built: bool) -> None:
    build = own(Own, built=built)
    curve, _ = train(problem(build, HALVES, LOSS), RATE, (0, 1))
    tensorflow_setup.fresh(7)
    order = np.random.default_rng(seed_for(7, "order", 1)).permutation(40)
    history = build(RATE).fit(X[order], epochs=1, batch_size=32, shuffle=False, verbose=0).history
    assert curve[0]["loss"] == history["loss"][0]
    assert set(curve[0]) == {"loss", "learning_rate"}


def test_a_model_with_a_test_step_is_evaluated() -> None:
    curve, _ = train(problem(own(Evaluable), HALVES, ("val_loss", "min")), RATE, (0, 2))
    assert curve[1]["val_loss"] < curve[0]["val_loss"]


def test_its_epochs_are_traced() -> None:
    trainer = new_trainer(problem(own(Own), HALVES, LOSS))
    _, outcome = train(problem(own(Own), HALVES, LOSS), RATE, (0, 1), trainer=trainer)
    assert outcome.way == "graph"  # type: ignore[union-attr]


def test_a_model_that_cannot_be_evaluated_is_refused_where_its_evaluation_is_the_objective() -> (
    None
):
    with pytest.raises(UsageError, match=r"Own defines no `call` and no `test_step`.* fit="):
        train(problem(own(Own), HALVES), RATE, (0, 1))


def _autoencoder(params: Any) -> keras.Model:
    inputs = keras.Input((4,))
    outputs = keras.layers.Dense(4)(keras.layers.Dense(2)(inputs))
    model = keras.Model(inputs, outputs)

    class Loss(keras.layers.Layer):  # type: ignore[misc]
        def call(self, pair: Any) -> Any:
            self.add_loss(keras.ops.mean((pair[0] - pair[1]) ** 2))
            return pair[1]

    model = keras.Model(inputs, Loss()([inputs, outputs]))
    model.compile(keras.optimizers.Adam(params["rate"]))
    return model


@pytest.mark.parametrize("cut", ["part", "dataset", "tuple", "split"])
def test_a_loss_that_a_layer_adds_needs_no_labels(cut: str) -> None:
    dataset = tf.data.Dataset.from_tensor_slices(X)
    data = {
        "part": lambda: HALVES,
        "dataset": lambda: Data(dataset_part(dataset.batch(8)), HALVES.validation),
        "tuple": lambda: Data(
            dataset_part(tf.data.Dataset.from_tensor_slices((X,)).batch(8)), HALVES.validation
        ),
        "split": lambda: split(part(X, None)),
    }[cut]()
    curve, _ = train(problem(_autoencoder, data), RATE, (0, 2))
    assert curve[1]["val_loss"] < curve[0]["val_loss"]


def test_a_diffusion_model_is_trained() -> None:
    class Diffusion(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.net = keras.layers.Dense(4)
            self.seeds = keras.random.SeedGenerator(1)
            self.noise_tracker = keras.metrics.Mean(name="n_loss")

        def call(self, x: Any, time: Any) -> Any:
            return self.net(x) * time

        def train_step(self, x: Any) -> Any:
            noise = keras.random.normal(keras.ops.shape(x), seed=self.seeds)
            with tf.GradientTape() as tape:
                loss = keras.ops.mean((self(x + noise, time=0.5) - noise) ** 2)
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply(gradients, self.trainable_variables)
            self.noise_tracker.update_state(loss)
            return {"n_loss": self.noise_tracker.result()}

    def build(params: Any) -> keras.Model:
        model = Diffusion()
        model.compile(keras.optimizers.Adam(params["rate"]))
        return model

    curve, _ = train(problem(build, HALVES, ("n_loss", "min")), RATE, (0, 3))
    assert curve[2]["n_loss"] < curve[0]["n_loss"]
    with pytest.raises(UsageError, match="takes more than the inputs"):
        train(problem(build, HALVES), RATE, (0, 1))


def test_it_continues_exactly() -> None:
    straight, _ = train(problem(own(Own), HALVES, LOSS), RATE, (0, 4))
    parts, _ = train(problem(own(Own), HALVES, LOSS), RATE, (0, 1), (1, 4))
    assert parts == straight


def test_weights_without_labels_are_refused() -> None:
    from search.problem._data_checks import check_data

    with pytest.raises(DataError, match="weights"):
        check_data(Data(Part(X, None, np.ones(60)), Part(X, None)))
    with pytest.raises(UsageError, match="class_weight needs labels"):
        Data(Part(X, None), Part(X, None), class_weight={0: 2.0})
    with pytest.raises(DataError, match="labels"):
        check_data(Data(Part(X, X), Part(X, None)))


def test_the_winner_is_restored_and_exported(tmp_path: Path) -> None:
    from search.export import writer
    from search.study.trial import Budget, Proposal, Task

    given = problem(own(Own), HALVES, LOSS)
    folder = CheckpointFolder(Path(tempfile.mkdtemp()), "me")
    trainer = new_trainer(given, folder)
    task = Task(Proposal("1", RATE, Budget(0, 1)), 7, ())
    list(trainer.train(task))
    model = trainer.restored(task, 1)
    writer.write(model, tmp_path / "winner", {"trial": "1"})
    assert (tmp_path / "winner" / "model.keras").is_file()
    with pytest.raises(Exception, match="has no `call`"):
        writer.write(model, tmp_path / "served", {"trial": "1"}, kind="savedmodel")
