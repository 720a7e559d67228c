"""What is made before `build` is called: every trial finds it in its first state, or is refused."""

import random
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from search import Data, Problem
from search.errors import UsageError
from search.runtime import tensorflow_setup
from search.runtime.clock import SystemClock
from search.training.checkpoint import CheckpointFolder
from search.training.cross_validation import CrossValidation
from search.training.trainer import KerasTrainer
from search.tuning import tune
from tests.field.tables import RATE, data, new_trainer, problem, table, train

SLOW = {"rate": 1e-3}


def compiled(layers: list[Any], optimizer: Any = None, **more: Any) -> keras.Model:
    model = keras.Sequential([keras.Input((8,)), *layers])
    optimizer = optimizer or keras.optimizers.Adam(0.01)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"], **more)
    return model


def softmax() -> Any:
    return keras.layers.Dense(3, "softmax")


def base() -> Any:
    """A base that each trial trains further."""
    layers = [keras.layers.Dense(16, "relu"), keras.layers.Dense(3)]
    made = keras.Sequential([keras.Input((8,)), *layers])
    return lambda p: compiled([made, keras.layers.Softmax()])


def switched() -> Any:
    """A base that is frozen in some trials, as a hypermodel holds it."""

    class Hyper:
        def __init__(self) -> None:
            self.base = keras.Sequential([keras.Input((8,)), keras.layers.Dense(16, "relu")])

        def build(self, p: Any) -> keras.Model:
            self.base.trainable = p["rate"] != RATE["rate"]
            return compiled([self.base, softmax()])

    return Hyper().build


def unbuilt_layer() -> Any:
    made = keras.layers.Dense(6, "relu")
    return lambda p: compiled([made, keras.layers.Dense(4, "relu"), softmax()])


def low_rank() -> Any:
    made = keras.Sequential([keras.Input((8,)), keras.layers.Dense(16, "relu")])

    def build(p: Any) -> keras.Model:
        made.layers[0].enable_lora(2 if p["rate"] == RATE["rate"] else 3)
        return compiled([made, softmax()])

    return build


def optimizer() -> Any:
    made = keras.optimizers.Adam(0.01)
    return lambda p: compiled([keras.layers.Dense(8 if p == RATE else 5, "relu"), softmax()], made)


def random_layers() -> Any:
    augmentation = keras.Sequential([keras.layers.GaussianNoise(0.5), keras.layers.Dropout(0.3)])
    return lambda p: compiled([augmentation, softmax()])


def initializer() -> Any:
    generator = keras.random.SeedGenerator(3)
    made = keras.initializers.HeNormal(generator)
    return lambda p: compiled([keras.layers.Dense(8, kernel_initializer=made), softmax()])


def numbers() -> Any:
    generator, own, tensors = np.random.default_rng(0), random.Random(0), tf.Variable(1.0)

    def build(p: Any) -> keras.Model:
        tensors.assign_add(generator.random() + own.random())
        return compiled([keras.layers.Rescaling(float(tensors)), softmax()])

    return build


def attribute() -> Any:
    made = {"layers": [keras.layers.Rescaling(1.0)]}
    made["layers"][0].counts = np.zeros(2)

    def build(p: Any) -> keras.Model:
        layer = made["layers"][0]
        layer.counts += 1
        layer.scale += float(layer.counts[0])
        return compiled([*made["layers"], softmax()])

    return build


def whole_model() -> Any:
    made = compiled([softmax()])
    return lambda p: made


def lists_of_layers() -> Any:
    class Blocks(keras.layers.Layer):  # type: ignore[misc]  # untyped
        def __init__(self) -> None:
            super().__init__()
            self.blocks: list[Any] = []
            self.calls = 0

        def call(self, x: Any) -> Any:
            self.calls += 1
            for block in self.blocks:
                x = block(x)
            return x * self.calls

    made = Blocks()

    def build(p: Any) -> keras.Model:
        made.blocks.append(keras.layers.Dense(4))
        return compiled([made, softmax()])

    return build


KINDS = [
    *(base, switched, unbuilt_layer, low_rank, optimizer, random_layers, initializer, numbers),
    *(attribute, whole_model, lists_of_layers),
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_trial_is_the_same_after_another_one_and_alone(kind: Any) -> None:
    several = problem(kind_in_its_first_state(kind), data(*table(100)))
    trainer = new_trainer(several)
    train(several, SLOW, trainer=trainer)
    after, _ = train(several, RATE, trainer=trainer, trial="2")
    alone, _ = train(problem(kind_in_its_first_state(kind), data(*table(100))), RATE, trial="2")
    assert after == alone


def kind_in_its_first_state(kind: Any) -> Any:
    tensorflow_setup.seeded(5)
    return kind()


@pytest.mark.parametrize("kind", [base, random_layers, optimizer])
def test_a_trial_in_two_parts_is_the_same_as_straight(kind: Any, tmp_path: Any) -> None:
    def trained(*budgets: tuple[int, int]) -> Any:
        several = problem(kind_in_its_first_state(kind), data(*table(100)))
        trainer = new_trainer(several, CheckpointFolder(tmp_path / str(len(budgets)), "me"))
        train(several, SLOW, (0, 1), trainer=trainer, trial="other")
        return train(several, RATE, *budgets, trainer=trainer)[0]

    assert trained((0, 1), (1, 2)) == trained((0, 2))


def test_statistics_that_are_layers_are_put_back() -> None:
    def statistics(part: Any) -> Any:
        layer = keras.layers.Normalization()
        layer.adapt(part.x)
        return [layer, keras.layers.Dropout(0.5, seed=1)]

    def build(p: Any, layers: Any) -> keras.Model:
        return compiled([*layers, softmax()])

    several = problem(build, data(*table(100)), statistics=statistics)
    trainer = new_trainer(several)
    train(several, SLOW, trainer=trainer)
    after, _ = train(several, RATE, trainer=trainer, trial="2")
    assert after == train(several, RATE, trial="2")[0]


def test_what_a_build_keeps_for_the_next_one_is_refused() -> None:
    kept: list[Any] = []

    def build(p: Any) -> keras.Model:
        if not kept:
            kept.append(keras.layers.Dense(16, "relu", name="kept"))
        return compiled([*kept, softmax()])

    several = problem(build, data(*table(100)))
    trainer = new_trainer(several)
    train(several, RATE, trainer=trainer)
    with pytest.raises(UsageError, match="of layer 'kept' was made before this call of build"):
        train(several, RATE, trainer=trainer, trial="2")


def test_folds_with_an_object_in_common_are_refused(tmp_path: Any) -> None:
    several = problem(base(), data(*table(100)))
    with pytest.raises(UsageError, match="the models of the folds share a layer"):
        train(several, RATE, trainer=folded(several, tmp_path))


def test_folds_keep_what_their_own_statistics_made(tmp_path: Any) -> None:
    def statistics(part: Any) -> Any:
        layer = keras.layers.Normalization()
        layer.adapt(part.x)
        return layer

    several = problem(
        lambda p, layer: compiled([layer, softmax()]), data(*table(100)), statistics=statistics
    )
    trainer = folded(several, tmp_path)
    first, _ = train(several, RATE, trainer=trainer)
    assert first == train(several, RATE, trainer=trainer, trial="2")[0]


def folded(several: Problem, folder: Any) -> KerasTrainer:
    return KerasTrainer(
        several,
        several.load(None),
        CheckpointFolder(folder, "me"),
        SystemClock(),
        patience=None,
        most_epochs=9,
        folding=CrossValidation(3, 0),
    )


def test_what_was_trained_is_left_as_it_was_found() -> None:
    made = keras.Sequential([keras.Input((8,)), keras.layers.Dense(16, "relu")])
    before = made.get_weights()
    own: Data = data(*table(100))
    train(problem(lambda p: compiled([made, softmax()]), own), RATE)
    for mine, its in zip(before, made.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, its)


def test_a_study_that_has_ended_leaves_the_next_one_the_first_state(tmp_path: Any) -> None:
    def study(folder: str) -> float:
        made = tune(
            PROBLEM_ON_A_BASE,
            backend="randomized",
            trials=1,
            max_epochs=2,
            workers=0,
            mlflow=False,
            quiet=True,
            store=tmp_path / folder,
        )
        score = made.best.score
        assert score is not None
        return score

    assert study("first") == study("second")


BASE = keras.Sequential([keras.Input((8,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(3)])
PROBLEM_ON_A_BASE = problem(lambda p: compiled([BASE, keras.layers.Softmax()]), data(*table(100)))
