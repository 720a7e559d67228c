"""A `fit` of the user's own: numbered epochs, what is made in it, its inputs, one call for all."""

import warnings
from dataclasses import replace

import keras
import keras_tuner
import numpy as np
import pytest

from search import Data, Part
from search.engine.resolve import resolve
from search.errors import DataError, SearchWarning, UsageError
from search.kerastuner.hypermodel import from_hypermodel
from search.study.config import StudyConfig
from search.study.trial import Budget, Decision, EpochReport, Proposal, Task
from search.training.checkpoint import CheckpointFolder
from tests.field.tables import RATE, data, dense, new_trainer, problem, table, train

X, Y = table(200)
UP = ("val_accuracy", "max")
FOUR = {**RATE, "epochs": 4}


def build(params):
    return dense()


def last(history):
    return {name: values[-1] for name, values in history.history.items()}


def held(d):
    return d.validation.x, d.validation.y


def remarks(found, **more):
    """Train one epoch; the remarks that were made."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        train(found, RATE, (0, 1), **more)
    return [str(one.message) for one in said if one.category is SearchWarning]


class Tuned(keras_tuner.HyperModel):
    def build(self, hp):
        return dense(rate=hp.Float("rate", 1e-3, 1e-1))


def from_tuned(kind, d=None, objective="val_accuracy", **more):
    return from_hypermodel(kind(), d or data(X, Y), objective, name="own", **more)


def test_a_schedule_by_epoch_number_made_in_fit_is_that_of_plain_fit():
    def rates(epoch, rate):
        return 0.1 * 0.5**epoch

    class Own(Tuned):
        def fit(self, hp, model, x, y, callbacks=(), **kw):
            schedule = keras.callbacks.LearningRateScheduler(rates)
            return model.fit(x, y, callbacks=[*callbacks, schedule], **kw)

    def fit(params, model, d, callbacks, **settings):
        schedule = keras.callbacks.LearningRateScheduler(rates)
        return last(
            model.fit(
                d.train.x,
                d.train.y,
                validation_data=held(d),
                verbose=0,
                callbacks=[*callbacks, schedule],
                **settings,
            )
        )

    for found in (from_tuned(Own), problem(build, data(X, Y), UP, fit=fit)):
        with warnings.catch_warnings():
            warnings.simplefilter("error", SearchWarning)
            first, _ = train(found, RATE, (0, 3))
            parts, _ = train(found, RATE, (0, 1), (1, 3))
        assert np.allclose([epoch["learning_rate"] for epoch in first], [0.1, 0.05, 0.025])
        assert parts == first


def test_a_searched_number_of_epochs_is_counted_up_to():
    class Own(Tuned):
        def fit(self, hp, model, x, y, **kw):
            return model.fit(x, y, epochs=hp.Int("epochs", 1, 4), **kw)

    seen = []
    found = from_tuned(Own, callbacks=lambda params: [_Numbers(seen)])
    with warnings.catch_warnings():
        warnings.simplefilter("error", SearchWarning)
        curve, _ = train(found, {**RATE, "epochs": 3}, (0, 3))
    assert len(curve) == 3
    assert seen == [0, 1, 2]


class _Numbers(keras.callbacks.Callback):
    def __init__(self, seen):
        super().__init__()
        self.seen = seen

    def on_epoch_begin(self, epoch, logs=None):
        self.seen.append(epoch)


@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.callbacks.EarlyStopping("val_loss", patience=2),
        lambda: keras.callbacks.ReduceLROnPlateau("val_loss", patience=1),
        lambda: _Numbers([]),
    ],
)
def test_callbacks_with_a_state_made_in_fit_are_named(make):
    def fit(params, model, d, callbacks, **settings):
        history = model.fit(
            d.train.x,
            d.train.y,
            validation_data=held(d),
            verbose=0,
            callbacks=[*callbacks, make()],
            **settings,
        )
        return last(history)

    (said,) = remarks(problem(build, data(X, Y), UP, fit=fit))
    assert said.startswith(f"{type(make()).__name__} made inside fit sees one epoch at a time")
    assert "callbacks= of the problem" in said


def test_callbacks_and_epochs_that_are_given_by_position_are_seen():
    def fit(params, model, d, callbacks):
        stop = keras.callbacks.EarlyStopping("loss", patience=9)
        return last(model.fit(d.train.x, d.train.y, 32, 3, 0, [*callbacks, stop]))

    epochs, stopping = remarks(problem(build, data(X, Y), fit=fit))
    assert "trained 3 epochs in one call" in epochs
    assert stopping.startswith("EarlyStopping made inside fit")


def test_a_validation_split_of_the_training_data_is_noticed():
    def fit(params, model, d, callbacks):
        return last(model.fit(d.train.x, d.train.y, validation_split=0.2, verbose=0))

    (said,) = remarks(problem(build, data(X, Y), fit=fit))
    assert "they are not the scores of this model on these data" in said


def test_a_schedule_in_a_fit_that_drops_the_number_of_its_epoch_is_named():
    def fit(params, model, d, callbacks):
        schedule = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.1 * 0.5**epoch)
        return last(model.fit(d.train.x, d.train.y, verbose=0, callbacks=[schedule]))

    (said,) = remarks(problem(build, data(X, Y), fit=fit))
    assert said.startswith("LearningRateScheduler made inside fit")


def scaled(d, scale, shift=0.0):
    return Data(*(Part(part.x * scale + shift, part.y) for part in (d.train, d.validation, d.test)))


def test_inputs_scaled_in_fit_are_noticed_with_both_scores():
    d = scaled(data(X, Y), 500, 1000)
    mean, std = d.train.x.mean(0), d.train.x.std(0)

    def fit(params, model, d, callbacks, **settings):
        scored = (d.validation.x - mean) / std, d.validation.y
        inputs = (d.train.x - mean) / std
        return last(model.fit(inputs, d.train.y, validation_data=scored, verbose=0))

    (said,) = remarks(problem(build, d, UP, fit=fit))
    assert "it passes other validation data to model.fit" in said
    assert "Normalization" in said


def test_labels_scaled_in_fit_are_noticed():
    prices = (200_000 + 50_000 * X.sum(1)).astype("float32")

    def fit(params, model, d, callbacks):
        def small(y):
            return (y - 200_000) / 50_000

        scored = d.validation.x, small(d.validation.y)
        return last(model.fit(d.train.x, small(d.train.y), validation_data=scored, verbose=0))

    def regression(params):
        return dense("mse", (), units=1, activation=None)

    (said,) = remarks(problem(regression, data(X, prices), fit=fit))
    assert "val_loss" in said
    assert "will not match the scores" in said


def test_scores_of_an_ensemble_are_noticed_where_no_input_was_changed():
    def fit(params, model, d, callbacks):
        model.fit(d.train.x, d.train.y, verbose=0)
        return {"val_accuracy": 0.99}

    (said,) = remarks(problem(build, data(X, Y), UP, fit=fit))
    assert "fit returned val_accuracy 0.99, but the model has" in said


def test_a_fit_that_scores_what_it_is_given_hears_nothing_and_trains_as_without_the_check():
    def own(verbose):
        def fit(params, model, d, callbacks, **settings):
            noisy = d.train.x + np.random.default_rng(0).normal(size=d.train.x.shape)
            history = model.fit(noisy, d.train.y, validation_data=held(d), verbose=0, **settings)
            return last(history) if verbose else {"val_loss": last(history)["val_loss"]}

        return problem(_dropping, data(X, Y), fit=fit)

    with warnings.catch_warnings():
        warnings.simplefilter("error", SearchWarning)
        checked, _ = train(own(verbose=True), RATE, (0, 3))
        parts, _ = train(own(verbose=True), RATE, (0, 1), (1, 3))
    assert parts == checked


def _dropping(params):
    inputs = keras.Input((8,))
    outputs = keras.layers.Dense(3, "softmax")(keras.layers.Dropout(0.5)(inputs))
    model = keras.Model(inputs, outputs)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class _Cutting(keras_tuner.HyperModel):
    """Takes the first columns in `fit`; `shape` gives the Input for that many."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape

    def build(self, hp):
        inputs = keras.Input((self.shape(hp.Choice("columns", [4, 8])), 1))
        pooled = keras.layers.GlobalAveragePooling1D()(keras.layers.Conv1D(4, 2)(inputs))
        model = keras.Model(inputs, keras.layers.Dense(3, "softmax")(pooled))
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def fit(self, hp, model, x, y, validation_data=None, **kw):
        columns = hp.get("columns")
        xv, yv = validation_data
        return model.fit(x[:, :columns], y, validation_data=(xv[:, :columns], yv), **kw)


def test_a_fixed_input_that_fit_cuts_to_is_refused_before_the_study_with_the_way():
    with pytest.raises(DataError, match="cuts or changes the inputs, do it inside the model"):
        from_hypermodel(_Cutting(int), data(X[..., None], Y), "val_accuracy", name="cut")

    def fit(params, model, d, callbacks):
        return last(model.fit(d.train.x[:, :4], d.train.y, verbose=0))

    with pytest.raises(DataError, match="do it inside the model"):
        train(problem(lambda params: dense(width=4), data(X, Y), fit=fit), RATE, (0, 1))


def test_a_free_input_that_fit_cuts_is_noticed():
    noisy = X * np.array([1, 1, 1, 1, 50, 50, 50, 50], "float32")
    cutting = _Cutting(lambda columns: None)
    found = from_hypermodel(cutting, data(noisy[..., None], Y), "val_accuracy", name="cut")
    with pytest.warns(SearchWarning, match="passes other validation data to model.fit"):
        train(found, {"columns": 4}, (0, 1))


class _Phases(Tuned):
    """Two phases, of all epochs but one and of one; a parameter of the second."""

    def fit(self, hp, model, x, y, epochs=1, **kw):
        model.fit(x, y, epochs=epochs, **kw)
        fine = hp.Float("fine_rate", 1e-4, 1e-2)
        model.compile(keras.optimizers.Adam(fine), model.loss, metrics=["accuracy"])
        return model.fit(x, y, epochs=2, **kw)


def test_two_phases_are_named_and_what_the_second_one_asks_for_is_found():
    with pytest.warns(SearchWarning, match="calls model.fit 2 times.*fit_whole=True"):
        found = from_tuned(_Phases)
    assert {node.name for node in found.space.nodes} == {"rate", "fine_rate"}


def test_what_a_fit_asks_for_after_a_use_of_its_curve_is_found():
    class Curved(Tuned):
        def fit(self, hp, model, x, y, **kw):
            history = model.fit(x, y, **kw)
            best = min(history.history["val_loss"])
            hp.Choice("after", [1, 2] if len(history.epoch) else [3])
            return best + model.predict(x[:2], verbose=0).sum() * hp.Float("weight", 0.0, 1.0)

    found = from_tuned(Curved, objective=keras_tuner.Objective("score", "min"))
    assert {node.name for node in found.space.nodes} == {"rate", "after", "weight"}


def test_a_fit_with_two_phases_is_trained_whole_as_by_hand():
    with warnings.catch_warnings():
        warnings.simplefilter("error", SearchWarning)
        found = from_tuned(_Phases, fit_whole=True)
        params = {"rate": 0.05, "fine_rate": 0.001}
        curve, outcome = train(found, params, (0, 9))
    assert len(curve) == 9 + 2
    assert outcome.score == curve[-1]["val_accuracy"]
    assert (outcome.best_epoch, outcome.stopped_early) == (11, False)
    rates = [epoch["learning_rate"] for epoch in curve]
    assert np.allclose(rates, [0.05] * 9 + [0.001] * 2)
    assert curve[9]["loss"] < curve[0]["loss"]  # the second phase continues the first one


def averaging(params, model, d, callbacks, epochs):
    """Stochastic weight averaging: the model that is left is none of an epoch's."""
    averages = []
    for _ in range(epochs):
        model.fit(d.train.x, d.train.y, validation_data=held(d), verbose=0, callbacks=callbacks)
        averages.append(model.get_weights())
    model.set_weights([np.mean(arrays, axis=0) for arrays in zip(*averages, strict=True)])


def test_the_score_of_a_whole_fit_is_that_of_the_model_it_leaves():
    found = problem(build, data(X, Y), UP, fit=averaging, fit_whole=True)
    assert (found.patience, found.objective.score_at) == (None, "last")
    trainer = new_trainer(found)
    curve, outcome = train(found, FOUR, (0, 4), trainer=trainer)
    reports = tuple(EpochReport("1", n + 1, one, 0.0) for n, one in enumerate(curve))
    model = trainer.restored(Task(Proposal("1", FOUR, Budget(0, 4)), 7, reports), 4)
    own = model.evaluate(*held(found.load(None)), verbose=0, return_dict=True)
    assert outcome.score == pytest.approx(own["accuracy"])
    assert curve[-1]["val_loss"] == pytest.approx(own["loss"])
    assert len(curve) == 4


def test_a_whole_fit_that_is_killed_between_epochs_starts_over(tmp_path):
    found = problem(build, data(X, Y), UP, fit=averaging, fit_whole=True)
    straight, _ = train(found, FOUR, (0, 4))
    folder = CheckpointFolder(tmp_path, "me")
    work = new_trainer(found, folder).train(Task(Proposal("1", FOUR, Budget(0, 4)), 7))
    first = next(work)
    work.close()
    assert folder.load("1") is None
    again = new_trainer(found, folder).train(Task(Proposal("1", FOUR, Budget(0, 4)), 7, (first,)))
    rest = [next(again), again.send(Decision.CONTINUE), again.send(Decision.CONTINUE)]
    assert [dict(one.metrics) for one in (first, *rest)] == straight


@pytest.mark.parametrize("kept", [True, False])
def test_a_whole_fit_that_is_killed_after_its_last_epoch_is_over(tmp_path, kept):
    found = problem(build, data(X, Y), UP, fit=averaging, fit_whole=True)
    straight, outcome = train(found, FOUR, (0, 4))
    folder = CheckpointFolder(tmp_path, "me")
    task = Task(Proposal("1", FOUR, Budget(0, 4)), 7)
    work = new_trainer(found, folder).train(task)
    reports = [next(work), *(work.send(Decision.CONTINUE) for _ in range(3))]
    work.close()
    assert [dict(one.metrics) for one in reports] == straight
    if not kept:
        folder = CheckpointFolder(tmp_path / "other", "me")
    again = new_trainer(found, folder).train(replace(task, recorded=tuple(reports)))
    with pytest.raises(StopIteration) as end:
        next(again)
    assert (end.value.value.score, end.value.value.epochs) == (outcome.score, 4)


def test_a_whole_fit_is_refused_where_trials_are_cut_into_epochs(tmp_path, monkeypatch):
    file = tmp_path / "whole.py"
    file.write_text(
        "from tests.field.test_own_fit import X, Y, averaging, build, data, problem\n"
        'PROBLEM = problem(build, data(X, Y), ("val_accuracy", "max"), fit=averaging, '
        "fit_whole=True)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    for more in (
        {"backend": "hyperband"},
        {"backend": "halving"},
        {"backend": "optuna"},
        {"backend": "randomized", "cv": 3},
        {"backend": "grid", "patience": 2},
    ):
        with pytest.raises(UsageError, match=r"one call of fit \(fit_whole=True\)"):
            resolve(StudyConfig(str(file), **more))
    assert resolve(StudyConfig(str(file), backend="optuna", pruner="none")).patience is None
    with pytest.raises(UsageError, match="fit_whole=True requires a fit"):
        problem(build, data(X, Y), fit_whole=True)
