"""KerasTuner hypermodels, unchanged: every backend searches their spaces, and their fit runs."""

import functools
import json
import warnings
from pathlib import Path

import keras
import keras_tuner
import numpy as np
import pytest
from keras import layers

from search import Objective, Problem
from search.backends import base as backends
from search.backends.base import BackendSettings
from search.cli.main import main
from search.errors import UsageError
from search.kerastuner.hypermodel import from_hypermodel
from search.kerastuner.hyperparameters import Names, given
from search.runtime.clock import SystemClock
from search.space.parameters import Choice, Float, Int
from search.study.trial import Budget, Completed, Proposal, Task
from search.training.checkpoint import CheckpointFolder
from search.training.trainer import KerasTrainer
from tests.problems import hypermodels
from tests.training.test_trainer import metrics, train

FILE = str(Path(__file__).parents[1] / "problems" / "hyper_file.py")
EXAMPLES = {
    "layered": (hypermodels.layered, "val_accuracy"),
    "scoped": (hypermodels.scoped, "val_accuracy"),
    "fitting": (hypermodels.Fitting(), keras_tuner.Objective("val_accuracy", "max")),
    "scoring": (hypermodels.Scoring(), Objective("val_error", "min")),
    "looping": (hypermodels.Looping(), "val_loss"),
}


@functools.cache
def problem(name: str) -> Problem:
    hypermodel, objective = EXAMPLES[name]
    return from_hypermodel(hypermodel, hypermodels.load, objective, name=name)


def when(name: str) -> dict:
    return {p.name: dict(p.when) for p in problem(name).space.parameters if p.when}


def trainer(found: Problem, folder: Path) -> KerasTrainer:
    data = found.load(None)
    checkpoints = CheckpointFolder(folder, "a study")
    return KerasTrainer(found, data, checkpoints, SystemClock(), patience=None, most_epochs=2)


@pytest.mark.parametrize("backend", ["grid", "randomized", "hyperband", "optuna"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_every_backend_searches_a_documented_hypermodel(name, backend, tmp_path):
    found = problem(name)
    settings = BackendSettings(max_epochs=1)
    space = found.space
    if backends.module(backend).EPOCHS_AS_BUDGET and "epochs" in space:
        space = space.without("epochs")
    searching = backends.module(backend).create(space, found.objective, settings, seed=1)
    searching.limit(3)
    proposals = [searching.ask() for _ in range(3)]
    for proposal in proposals:
        space.check(proposal.params)
    first = Proposal("1", proposals[0].params, Budget(0, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing is asked for that the space lacks
        reports, outcome = train(trainer(found, tmp_path).train(Task(first, seed=3)))
    assert isinstance(outcome, Completed), outcome
    assert outcome.score == reports[0].metrics[found.objective.metric]


def test_loops_branches_and_scopes_become_conditions():
    assert when("layered") == {"units_1": {"num_layers": (2, 3)}, "units_2": {"num_layers": (3,)}}
    assert when("scoped") == {
        "mlp_units": {"model_type": ("mlp",)},
        "rate": {"model_type": ("mlp",)},
        "cnn_filters": {"model_type": ("cnn",)},
    }
    assert "builds found its space" in problem("scoped").description


def test_the_model_is_built_with_the_values_of_the_trial():
    model = problem("scoped").build({"model_type": "cnn", "cnn_filters": 6})
    assert [type(layer).__name__ for layer in model.layers][1] == "Conv2D"
    assert model.layers[1].filters == 6


@pytest.mark.parametrize("name", ["fitting", "looping"])
def test_a_fit_of_its_own_goes_on_where_it_was(name, tmp_path):
    found = problem(name)
    params = {node.name: node.parameter.at(0.6) for node in found.space.nodes}

    def task(start, stop, recorded=()):
        return Task(Proposal("1", params, Budget(start, stop)), seed=7, recorded=tuple(recorded))

    whole, _ = train(trainer(found, tmp_path / "whole").train(task(0, 2)))
    first, _ = train(trainer(found, tmp_path / "parts").train(task(0, 1)))
    second, _ = train(trainer(found, tmp_path / "parts").train(task(1, 2, first)))
    assert metrics([*first, *second]) == metrics(whole)


def test_a_file_with_a_hypermodel_is_run(tmp_path, capsys):
    words = ["run", FILE, "--backend", "randomized", "--trials", "2", "--workers", "1", "--quiet"]
    assert main([*words, "--study", "kt", "--store", str(tmp_path)]) == 0
    capsys.readouterr()
    assert main(["show", "kt", "--json", "--store", str(tmp_path)]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [trial["state"] for trial in shown["trials"]] == ["completed"] * 2
    assert {"units", "normalize", "shuffle", "batch_size"} == set(shown["best"]["params"])
    assert set(shown["best"]["test"]) == {"accuracy", "loss"}
    model = keras.saving.load_model(tmp_path / "exports" / "kt" / "model.keras")
    assert model.predict(hypermodels.load().test.x, verbose=0).shape == (100, 10)


def test_every_kind_of_hyperparameter_has_its_parameter():
    hp = keras_tuner.HyperParameters()
    hp.Int("a", 2, 10, step=4)
    hp.Int("b", 1, 512)
    hp.Int("c", 2, 33, step=2, sampling="log")
    hp.Float("d", 0.1, 1.0, step=0.3)
    hp.Float("e/f", 1e-3, 1.0, sampling="log")
    hp.Float("g", 0.001, 10, step=10, sampling="log")
    hp.Choice("h 1", [1.0, 2.0])
    hp.Boolean("1i")
    hp.Fixed("j", 3)
    hp.Choice("epochs", [1, 2])
    names = Names(levels=3)
    assert [names.of(one) for one in hp.space] == [
        Int("a", 2, 10, step=4),
        Int("b", 1, 512, levels=3),
        Choice("c", (2, 4, 8, 16, 32)),
        Float("d", 0.1, 1.0, step=0.3),
        Float("e_f", 1e-3, 1.0, log=True, levels=3),
        Choice("g", (0.001, 0.01, 0.1, 1.0, 10.0)),
        Choice("h_1", (1.0, 2.0)),
        Choice("_1i", (False, True)),
        None,
        Choice("epochs__2", (1, 2)),
    ]
    assert names.plain({"e_f": 0.5, "h_1": 2.0}) == {"e/f": 0.5, "h 1": 2.0}
    assert names.params({"e/f": 0.5, "h_1": 1.0}) == {"e_f": 0.5, "h_1": 1.0}


def test_a_reverse_log_range_is_drawn_as_kerastuner_draws_it():
    ask = {"name": "momentum", "min_value": 0.01, "max_value": 1.0, "sampling": "reverse_log"}
    names = Names(levels=3)
    hp = keras_tuner.HyperParameters()
    hp.Float(**ask)
    parameter = names.of(hp.space[0])
    assert parameter == Float("momentum_mirrored", 0.01, 1.0, log=True, levels=3)
    for unit in (0.0, 0.3, 0.9):
        got = given(names, {"momentum_mirrored": parameter.at(1 - unit)}).Float(**ask)
        assert got == pytest.approx(hp.space[0].prob_to_value(unit))


def test_one_name_with_two_ranges_is_two_parameters():
    def build(hp):
        wide = hp.Choice("wide", [False, True])
        units = hp.Int("units", 64, 128, step=64) if wide else hp.Int("units", 1, 2)
        return hypermodels.compiled(
            keras.Sequential([layers.Flatten(), layers.Dense(units), layers.Dense(10)])
        )

    found = from_hypermodel(build, hypermodels.load, "val_accuracy", name="two")
    assert {p.name: p.when for p in found.space.parameters} == {
        "wide": None,
        "units": {"wide": (False,)},
        "units__2": {"wide": (True,)},
    }
    assert found.build({"wide": True, "units__2": 128}).layers[1].units == 128


def test_a_name_that_no_build_showed_gets_its_default_and_is_said():
    asked_for = []

    def build(hp):
        hp.Choice("kind", ["a", "b"])
        if asked_for:
            hp.Int("late", 5, 9)
        return hypermodels.compiled(keras.Sequential([layers.Flatten(), layers.Dense(10)]))

    found = from_hypermodel(build, hypermodels.load, "val_accuracy", name="late")
    asked_for.append(True)
    with pytest.warns(UserWarning, match="late: the hypermodel requests this .*the value 5"):
        found.build({"kind": "a"})


def test_defaults_may_be_the_baseline_by_kerastuners_names():
    found = from_hypermodel(
        hypermodels.scoped,
        hypermodels.load,
        "val_accuracy",
        name="based",
        baseline={"model type": "cnn", "cnn/filters": 4},
    )
    assert found.baseline == {"model_type": "cnn", "cnn_filters": 4}


class _Silent(hypermodels.Fitting):
    def fit(self, hp, model, x, y, **kwargs):
        model.evaluate(x[:1], y[:1], verbose=0)


@pytest.mark.parametrize(
    ("hypermodel", "objective", "message"),
    [
        (hypermodels.Tuner, "val_accuracy", "Tuner overrides run_trial.*HyperModel"),
        (hypermodels.Fitting, "val_accuracy", "is the class Fitting, not an object. Pass Fitting"),
        (3, "val_accuracy", "build must be a function of .hp., not 3. Write def build.hp."),
        (hypermodels.layered, "val_oddness", "the direction of this metric is not known"),
        (hypermodels.layered, ["val_loss", "loss"], "must be one metric"),
        (
            lambda hp: 1 / 0,
            "val_loss",
            "cannot be built with its default values: ZeroDivisionError",
        ),
    ],
)
def test_what_cannot_be_searched_is_refused_with_the_reason(hypermodel, objective, message):
    with pytest.raises(UsageError, match=message):
        from_hypermodel(hypermodel, hypermodels.load, objective, name="refused")


def test_a_fit_that_returns_nothing_ends_the_study(tmp_path):
    found = from_hypermodel(_Silent(), hypermodels.load, "val_accuracy", name="silent")
    task = Task(Proposal("1", {"units": 8}, Budget(0, 1)), seed=0)
    with pytest.raises(UsageError, match=r"HyperModel.fit must return a History.*not None"):
        train(trainer(found, tmp_path).train(task))


def test_a_fit_with_epochs_of_its_own_is_said():
    class Ten(hypermodels.Fitting):
        def fit(self, hp, model, x, y, **kwargs):
            return model.fit(x, y, epochs=10, **kwargs)

    with pytest.warns(UserWarning, match="trains 10 epochs in one call"):
        from_hypermodel(Ten(), hypermodels.load, "val_accuracy", name="ten")


def test_a_tuner_gives_its_hypermodel(tmp_path):
    tuner = keras_tuner.RandomSearch(
        hypermodels.scoped, "val_accuracy", max_trials=1, directory=tmp_path
    )
    found = from_hypermodel(tuner, hypermodels.load(), tuner.oracle.objective, name="tuned")
    assert "model_type" in found.space
    assert np.isfinite(found.load(None).train.x).all()
