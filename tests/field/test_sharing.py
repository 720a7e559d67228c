"""Trials share a graph only where nothing that is computed differs; folds share no fitted state."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from search import Choice, Data, Objective, Part, Problem, Space
from search.runtime.clock import SystemClock
from search.study.trial import Budget, Completed, EpochReport, Proposal, Task
from search.training.checkpoint import CheckpointFolder
from search.training.cross_validation import CrossValidation
from search.training.trainer import KerasTrainer
from tests.field.tables import data, new_trainer, table, train

Build = Callable[[bool], keras.Model]
WORDS = [f"w{number:02d}" for number in range(20)]


def texts(rows: int = 200) -> Data:
    x = np.array([WORDS[number % 20] for number in range(rows)])[:, None]
    return data(x, np.arange(rows) % 2)


def classifier(layers: list[Any], optimizer: Any = None, loss: Any = None) -> keras.Model:
    model = keras.Sequential([*layers, keras.layers.Dense(3, "softmax")])
    optimizer = optimizer or keras.optimizers.Adam(0.01)
    model.compile(optimizer, loss or "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def dense(optimizer: Any = None) -> keras.Model:
    return classifier([keras.Input((8,)), keras.layers.Dense(8, "relu")], optimizer)


def looked_up(layer: Any, *more: Any) -> keras.Model:
    return classifier([keras.Input((1,), dtype="string"), layer, *more])


def embedded() -> list[Any]:
    return [keras.layers.Embedding(40, 8), keras.layers.Flatten()]


def vocabulary_set(on: bool) -> keras.Model:
    layer = keras.layers.StringLookup(max_tokens=40)
    layer.set_vocabulary(WORDS if on else WORDS[::-1])
    return looked_up(layer, *embedded())


def vocabulary_adapted(on: bool) -> keras.Model:
    layer = keras.layers.StringLookup(max_tokens=12)
    layer.adapt(WORDS[:10] if on else WORDS[10:])
    return looked_up(layer, *embedded())


def text_vectorization(on: bool) -> keras.Model:
    layer = keras.layers.TextVectorization(max_tokens=40, output_sequence_length=1)
    layer.set_vocabulary(WORDS[:10] if on else WORDS[10:])
    return looked_up(layer, *embedded())


def weights_of_words(on: bool) -> keras.Model:
    layer = keras.layers.TextVectorization(max_tokens=40, output_mode="tf_idf")
    layer.set_vocabulary(WORDS, idf_weights=np.linspace(0, 1 if on else 9, 20))
    return looked_up(layer)


def regularizer_of_variables(on: bool) -> keras.Model:
    model = dense()
    for variable in model.trainable_variables:
        variable.regularizer = keras.regularizers.L2(float(on))
    return model


def constraint_of_a_variable(on: bool) -> keras.Model:
    model = dense()
    model.layers[0].kernel.constraint = keras.constraints.MaxNorm(0.1) if on else None
    return model


def excluded_from_weight_decay(on: bool) -> keras.Model:
    optimizer = keras.optimizers.AdamW(0.01, weight_decay=0.9)
    if on:
        optimizer.exclude_from_weight_decay(var_names=["kernel"])
    return dense(optimizer)


def loss_on_the_instance(on: bool) -> keras.Model:
    model = dense()
    if on:
        inner = model.compute_loss
        model.compute_loss = lambda *args, **given: 0.1 * inner(*args, **given)
    return model


def call_on_the_instance(on: bool) -> keras.Model:
    model = dense()
    inner = model.layers[0].call
    factor = 2.0 if on else 3.0
    model.layers[0].call = lambda inputs, **given: factor * inner(inputs, **given)
    return model


def apply_on_the_optimizer(on: bool) -> keras.Model:
    model = dense(keras.optimizers.SGD(0.1))
    inner = model.optimizer.apply
    if on:
        model.optimizer.apply = lambda grads, variables=None: inner(
            [-gradient for gradient in grads], variables
        )
    return model


def method_of_another_layer(on: bool) -> keras.Model:
    other = keras.layers.Dense(8, "relu" if on else "tanh")
    other.build((None, 8))
    layer = keras.layers.Dense(8, trainable=False)
    layer.call = other.call
    return classifier([keras.Input((8,)), layer])


def attribute_of_a_layer(on: bool) -> keras.Model:
    model = classifier([keras.Input((8,)), keras.layers.Rescaling(1.0)])
    model.layers[0].offset = 5.0 if on else 0.0
    return model


def closure(on: bool) -> keras.Model:
    factor = 2.0 if on else 0.5
    return classifier([keras.Input((8,)), keras.layers.Lambda(lambda x: x * factor)])


TEXTS = [vocabulary_set, vocabulary_adapted, text_vectorization, weights_of_words]
TABLES = [
    *(regularizer_of_variables, constraint_of_a_variable, excluded_from_weight_decay),
    *(loss_on_the_instance, call_on_the_instance, apply_on_the_optimizer),
    *(method_of_another_layer, attribute_of_a_layer, closure),
]


def switch(build: Build, own: Data) -> Problem:
    space = Space(Choice("on", (True, False)))
    goal = Objective("val_accuracy", "max")
    return Problem("switch", space, goal, lambda _: own, lambda p: build(p["on"]))


@pytest.mark.parametrize("build", [*TEXTS, *TABLES])
def test_a_trial_after_one_that_differs_is_as_it_is_alone(build: Build) -> None:
    problem = switch(build, texts() if build in TEXTS else data(*table(100)))
    trainer = new_trainer(problem)
    alone = {on: train(problem, {"on": on})[0] for on in (True, False)}
    assert train(problem, {"on": True}, trainer=trainer)[0] == alone[True]
    assert train(problem, {"on": False}, trainer=trainer, trial="2")[0] == alone[False]
    assert alone[True] != alone[False]


def test_a_model_is_handed_over_as_it_was_scored() -> None:
    problem = switch(vocabulary_set, texts())
    trainer = new_trainer(problem)
    for trial, on in (("1", True), ("2", False)):
        curve, outcome = train(problem, {"on": on}, trainer=trainer, trial=trial)
        recorded = tuple(EpochReport(trial, epoch, one, 0.0) for epoch, one in enumerate(curve, 1))
        task = Task(Proposal(trial, {"on": on}, Budget(0, 2)), 7, recorded)
        assert isinstance(outcome, Completed)
        model = trainer.restored(task, outcome.best_epoch)
        x, y = problem.load(None).validation.x, problem.load(None).validation.y
        accuracy = (np.asarray(model(x)).argmax(1) == y).mean()
        assert accuracy == pytest.approx(curve[outcome.best_epoch - 1]["val_accuracy"])


def own_words(part: Part) -> list[str]:
    return sorted({str(word) for word in part.x.ravel()})


def test_each_fold_and_the_final_model_have_the_vocabulary_of_their_own_rows(
    tmp_path: Any,
) -> None:
    x = np.array([f"w{number}" for number in np.random.default_rng(0).integers(0, 60, 60)])
    own = data(x[:, None], np.arange(60) % 3)
    seen: list[list[str]] = []

    def build(params: Any, words: list[str]) -> keras.Model:
        layer = keras.layers.StringLookup(max_tokens=80)
        layer.set_vocabulary(words)
        return looked_up(layer, keras.layers.Embedding(80, 4), keras.layers.Flatten())

    class Words(keras.callbacks.Callback):  # type: ignore[misc]  # untyped
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            words = self.model.layers[0].get_vocabulary(include_special_tokens=False)
            seen.append(words)

    space, goal = Space(Choice("on", (True, False))), Objective("val_loss", "min")
    problem = Problem(
        "folds",
        space,
        goal,
        lambda _: own,
        build,
        statistics=own_words,
        callbacks=lambda params: [Words()],
    )
    folding = CrossValidation(3, 0)
    trainer = KerasTrainer(
        problem,
        own,
        CheckpointFolder(tmp_path, "me"),
        SystemClock(),
        patience=None,
        most_epochs=9,
        folding=folding,
    )
    curve, _ = train(problem, {"on": True}, (0, 1), trainer=trainer)
    whole, grounds = folding.of(own)
    assert seen == [own_words(fold_data.part(whole)) for fold_data in grounds]
    assert len({tuple(words) for words in seen}) == 3
    task = Task(Proposal("1", {"on": True}, Budget(0, 1)), 7, (EpochReport("1", 1, curve[0], 0.0),))
    model = trainer.restored(task, 1)
    words = model.layers[0].get_vocabulary(include_special_tokens=False)
    assert words == own_words(whole.train)
