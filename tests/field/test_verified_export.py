"""The exported model is the one that was scored, or the end of the study says that it is not."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from search import Part
from search.errors import SearchError
from search.executors.fresh_process import FreshProcess
from search.study.event_json import decode, encode
from search.study.events import Entry, WinnerEvaluated
from search.training.checkpoint import CheckpointFolder
from tests.field.ended import ended, trained
from tests.field.tables import data, dense, problem, table

X, Y = table(200)
ACCURACY = ("val_accuracy", "max")


def facts(end) -> dict:
    return json.loads((end.directory / "export.json").read_text())


def test_a_model_that_was_scored_is_verified_and_says_so_everywhere(tmp_path):
    end = ended(problem(lambda _: dense(), data(X, Y), ACCURACY), tmp_path)
    assert (end.winner_evaluation.verified, end.winner_evaluation.reason) == (True, "")
    assert (facts(end)["verified"], facts(end)["reason"]) == (True, "")
    assert facts(end)["test"] == end.winner_evaluation.test
    assert end.warned == []


def test_inputs_scaled_in_fit_are_found_before_the_test_data_are_met(tmp_path):
    x = (1000 + 500 * X).astype("float32")
    mean, deviation = x[:120].mean(0), x[:120].std(0)

    def fit(params, model, d, callbacks):
        held = ((d.validation.x - mean) / deviation, d.validation.y)
        scaled = (d.train.x - mean) / deviation
        history = model.fit(scaled, d.train.y, epochs=5, validation_data=held, verbose=0)
        return {name: values[-1] for name, values in history.history.items()}

    end = ended(problem(lambda _: dense(), data(x, Y), ACCURACY, fit=fit), tmp_path)
    assert end.winner_evaluation.verified is False
    assert "inside the model" in end.winner_evaluation.reason
    assert facts(end)["verified"] is False
    assert end.exported is not None


@pytest.mark.parametrize("columns", [2, 4])
def test_columns_cut_in_fit_are_found(tmp_path, columns):
    x = X.copy()
    x[:, 4:] *= 50
    y = (x[:, 0] > x[:, 1]).astype("int64")

    def build(_):
        layers = keras.layers
        model = keras.Sequential(
            [
                keras.Input((None, 1)),
                layers.Conv1D(8, 2, padding="same", activation="relu"),
                layers.GlobalAveragePooling1D(),
                layers.Dense(2, "softmax"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def fit(params, model, d, callbacks):
        held = (d.validation.x[:, :columns], d.validation.y)
        history = model.fit(d.train.x[:, :columns], d.train.y, validation_data=held, verbose=0)
        return {name: values[-1] for name, values in history.history.items()}

    found = problem(build, data(x[..., None], y), ("val_loss", "min"), fit=fit)
    assert ended(found, tmp_path, epochs=1).winner_evaluation.verified is False


def test_standardised_labels_and_test_time_averaging_in_fit_are_found(tmp_path):
    y = (200_000 + 50_000 * X[:, 0]).astype("float32")

    def build(_):
        return dense("mse", ("mae",), units=1, activation="linear")

    def fit(params, model, d, callbacks):
        scaled = (d.train.y - 200_000) / 50_000
        model.fit(d.train.x, scaled, epochs=2, verbose=0)
        off = (d.validation.y - 200_000) / 50_000 - model(d.validation.x)[:, 0]
        return {"loss": 1.0, "val_mae": float(np.abs(off).mean())}

    found = problem(build, data(X, y), ("val_mae", "min"), fit=fit)
    assert ended(found, tmp_path, epochs=1).winner_evaluation.verified is False


def test_state_that_no_file_keeps_is_found(tmp_path, own_classes):
    @keras.saving.register_keras_serializable()
    class Remembers(keras.layers.Layer):
        """Adds what it was told in this process; neither config nor weights hold that."""

        told = 1.0

        def call(self, x):
            return x * type(self).told

    def build(_):
        model = keras.Sequential([keras.Input((8,)), Remembers(), keras.layers.Dense(3, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    found = problem(build, data(X, Y))
    end = trained(found, tmp_path)
    Remembers.told = 3.0
    end.evaluate_winner(found)
    assert end.winner_evaluation.verified is False
    assert "the exported model has loss" in end.winner_evaluation.reason


def test_a_graph_that_answers_otherwise_than_the_model_is_found(tmp_path, own_classes):
    @keras.saving.register_keras_serializable()
    class Told(keras.layers.Layer):
        """Multiplies by what it is told when it is loaded from a file, which no graph knows."""

        factor = 1.0

        def call(self, x):
            return x * self.factor

        @classmethod
        def from_config(cls, config):
            made = cls(**config)
            made.factor = 1.0
            return made

    def build(_):
        told = Told()
        model = keras.Sequential([keras.Input((8,)), told, keras.layers.Dense(3, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    found = problem(build, data(X, Y))
    end = trained(found, tmp_path)
    Told.factor = 5.0
    end.evaluate_winner(found)
    assert end.winner_evaluation.verified is False
    assert "the exported graph" in end.winner_evaluation.reason


def test_evaluation_that_draws_is_said_to_be_random(tmp_path, own_classes):
    @keras.saving.register_keras_serializable()
    class Noisy(keras.layers.Layer):
        def call(self, x):
            return x + tf.random.normal(tf.shape(x))

    def build(_):
        model = keras.Sequential([keras.Input((8,)), Noisy(), keras.layers.Dense(3, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    end = ended(problem(build, data(X, Y)), tmp_path)
    assert end.winner_evaluation.verified is False
    assert end.winner_evaluation.reason.startswith("evaluation is random")


def test_an_objective_of_the_users_is_checked_by_the_metrics_that_both_have(tmp_path):
    def fit(params, model, d, callbacks):
        history = model.fit(
            d.train.x, d.train.y, validation_data=(d.validation.x, d.validation.y), verbose=0
        )
        return {name: values[-1] for name, values in history.history.items()} | {"val_f": 0.5}

    end = ended(problem(lambda _: dense(), data(X, Y), ("val_f", "max"), fit=fit), tmp_path)
    assert end.winner_evaluation.verified is True
    assert "val_accuracy" in end.winner_evaluation.reason


def test_where_nothing_can_be_compared_that_is_said(tmp_path):
    def fit(params, model, d, callbacks):
        model.fit(d.train.x, d.train.y, verbose=0)
        return {"loss": 1.0, "val_f": 0.5}

    end = ended(problem(lambda _: dense(), data(X, Y), ("val_f", "max"), fit=fit), tmp_path)
    assert end.winner_evaluation.verified is None
    assert end.winner_evaluation.reason.startswith("nothing to compare")


def averaging(_):
    model = dense()
    optimizer = keras.optimizers.Adam(0.05, use_ema=True, ema_momentum=0.5)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy", "auc"][:1])
    return model


def halved(_):
    layers = keras.layers
    policy = keras.DTypePolicy("mixed_bfloat16")
    hidden = layers.Dense(16, "relu", dtype=policy)
    model = keras.Sequential([keras.Input((8,)), hidden, layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def untied(_):
    model = dense("binary_crossentropy", (), units=1, activation="sigmoid")
    counted = [keras.metrics.Precision(), keras.metrics.AUC(), "accuracy"]
    model.compile("sgd", "binary_crossentropy", metrics=counted)
    return model


@pytest.mark.parametrize("build", [averaging, halved])
def test_averaged_weights_and_mixed_precision_are_compared_like_with_like(tmp_path, build):
    end = ended(problem(build, data(X, Y), ACCURACY), tmp_path)
    assert end.winner_evaluation.verified is True, end.winner_evaluation.reason


def test_counted_metrics_and_weighted_examples_are_verified(tmp_path):
    binary = (Y > 0).astype("int64")
    whole = data(X, binary, class_weight={0: 2.0, 1: 1.0})
    heavy = np.linspace(0.5, 2, whole.validation.size).astype("float32")
    weighted = replace(whole, validation=Part(whole.validation.x, whole.validation.y, heavy))
    end = ended(problem(untied, weighted, ACCURACY), tmp_path)
    assert end.winner_evaluation.verified is True, end.winner_evaluation.reason


def test_each_fold_is_held_to_its_own_score(tmp_path):
    found = problem(lambda _: dense(), data(X, Y), ACCURACY)
    assert ended(found, tmp_path, cv=3).winner_evaluation.verified is True


def test_a_fold_whose_model_is_another_one_is_named(tmp_path):
    found = problem(lambda _: dense(), data(X, Y), ("val_loss", "min"))
    end = trained(found, tmp_path, cv=3)
    checkpoints = CheckpointFolder(tmp_path / "checkpoints", "me")
    saved = checkpoints.load("1")
    checkpoints.save("1", replace(saved, last=[saved.last[0] * 2, *saved.last[1:]]))
    end.evaluate_winner(found)
    assert end.winner_evaluation.verified is False
    assert end.winner_evaluation.reason.startswith("fold 1: ")


def failing_metric(_):
    class Fails(keras.metrics.Mean):
        def update_state(self, y_true, y_pred, sample_weight=None):
            raise RuntimeError("no such rows")

    model = dense(metrics=())
    model.compile("adam", "sparse_categorical_crossentropy", metrics=[Fails(name="f")])
    return model


def own_fit(params, model, d, callbacks):
    """Trains without the model's metrics, which cannot be evaluated."""
    return {"loss": 0.5, "val_f": 0.5}


def test_a_model_that_cannot_be_tested_ends_the_study_with_its_results(tmp_path):
    found = problem(failing_metric, data(X, Y), ("val_f", "max"), fit=own_fit)
    end = ended(found, tmp_path, epochs=1)
    assert end.exported is not None
    assert end.winner_evaluation.test == {}
    assert end.winner_evaluation.verified is None
    assert any("no test result" in said and "no such rows" in said for said in end.warned)
    again = end.evaluate_winner(found)  # a resume does not try again
    assert again.warned == []


def test_labels_that_only_the_test_part_has_end_the_study_with_its_results(tmp_path):
    whole = data(X, Y)
    odd = replace(whole, test=Part(whole.test.x[:, :5], whole.test.y))
    end = ended(problem(lambda _: dense(), odd, ACCURACY), tmp_path)
    assert end.exported is not None
    assert end.winner_evaluation.verified is True
    assert end.winner_evaluation.test == {}
    assert any("no test result" in said for said in end.warned)


def test_an_export_that_cannot_be_written_costs_the_export_only(tmp_path):
    class Unwritable(keras.layers.Layer):
        ready = True

        def get_config(self):
            if not self.ready:
                raise RuntimeError("not now")
            return super().get_config()

        def call(self, x):
            return x

    def build(_):
        model = keras.Sequential(
            [keras.Input((8,)), Unwritable(), keras.layers.Dense(3, "softmax")]
        )
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    found = problem(build, data(X, Y), ACCURACY)
    end = trained(found, tmp_path)
    Unwritable.ready = False
    end.evaluate_winner(found)
    assert end.exported is None
    assert set(end.winner_evaluation.test) == {"accuracy", "loss"}
    assert end.winner_evaluation.export == ""
    assert any("was not exported" in said and "not now" in said for said in end.warned)


def test_build_that_fails_at_the_end_costs_test_and_export(tmp_path):
    calls = []

    def build(_):
        calls.append(1)
        if len(calls) > 1:
            raise RuntimeError("only once")
        return dense()

    end = ended(problem(build, data(X, Y), ACCURACY), tmp_path)
    assert end.exported is None
    assert end.record.winner_evaluation is None
    assert any("only once" in said for said in end.warned)


def test_old_journals_have_no_verdict_and_new_ones_keep_it():
    old = '{"event":"judge","at":1.0,"trial":"2","test":{},"export":"e"}'
    assert decode(old).event == WinnerEvaluated("2", {}, "e", None, "")
    assert encode(decode(old)) == old
    for event in (WinnerEvaluated("2", {}, "e", True), WinnerEvaluated("2", {}, "e", False, "why")):
        assert decode(encode(Entry(1.0, event))).event == event


def doubled(number: int) -> int:
    return 2 * number


def refused(_: int) -> int:
    raise ValueError("not\nthis")


def pid(_: int) -> int:
    import os

    return os.getpid()


def killed(_: int) -> int:
    import os
    import signal

    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def test_functions_run_in_fresh_processes_one_after_the_other():
    fresh = FreshProcess()
    assert fresh.run(doubled, 4) == 8
    with pytest.raises(SearchError, match="ValueError: not this"):
        fresh.run(refused, 1)
    with pytest.raises(SearchError, match="SIGKILL"):
        fresh.run(killed, 1)
    assert fresh.run(pid, 1) != fresh.run(pid, 1)
