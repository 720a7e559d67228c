"""A user's callbacks see what they would see under `fit`, and go on where a trial goes on."""

from dataclasses import replace

import numpy as np
import pytest

from search.data.parts import Data
from search.datasets import digits
from search.study.trial import Decision
from search.training.checkpoint import CheckpointFolder
from tests.training.test_trainer import PROBLEM, build, metrics, task, train, trainer


@pytest.fixture(scope="module")
def data() -> Data:
    whole = digits.load(None)
    return Data(whole.train.take(slice(200)), whole.validation)


@pytest.fixture
def folder(tmp_path) -> CheckpointFolder:
    return CheckpointFolder(tmp_path / "checkpoints", "a study")


def with_callbacks(make):
    return replace(PROBLEM, callbacks=lambda params: [make()])


def in_parts(data, folder, problem, parts=((0, 1), (1, 2), (2, 4))):
    reports = []
    for start, stop in parts:
        part = task(start, stop, recorded=reports)
        new, outcome = train(trainer(data, folder, problem).train(part))
        reports += new
    return reports, outcome


def recorder(calls):
    import keras

    class Recorder(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            calls.append("train begin")

        def on_epoch_begin(self, epoch, logs=None):
            calls.append(f"epoch {epoch} begin")

        def on_test_begin(self, logs=None):
            calls.append("test begin")

        def on_test_end(self, logs=None):
            calls.append(f"test end {sorted(logs)}")

        def on_epoch_end(self, epoch, logs=None):
            calls.append(f"epoch {epoch} end {sorted(logs)}")

        def on_train_end(self, logs=None):
            calls.append("train end")

    return Recorder()


def test_epoch_hooks_are_called_in_keras_order_with_keras_logs(data, folder):
    calls, expected = [], []
    problem = with_callbacks(lambda: recorder(calls))
    _, outcome = train(trainer(data, folder, problem).train(task(0, 2)))
    model = build({"optimizer": "adam"})
    model.fit(
        data.train.x,
        data.train.y,
        validation_data=(data.validation.x, data.validation.y),
        epochs=2,
        callbacks=[recorder(expected)],
        verbose=0,
    )
    assert calls == expected
    assert outcome.way == "graph"


def plateau():
    import keras

    return keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=0, min_delta=10.0)


def test_a_callback_may_change_the_learning_rate_and_goes_on_with_its_state(data, folder, tmp_path):
    problem = with_callbacks(plateau)
    whole, _ = train(trainer(data, CheckpointFolder(tmp_path / "w", "a"), problem).train(task()))
    rates = [report.metrics["learning_rate"] for report in whole]
    # the first epoch is an improvement on nothing; then each epoch halves the rate of the next
    assert rates == pytest.approx([0.01, 0.01, 0.005, 0.0025])
    assert metrics(in_parts(data, folder, problem)[0]) == metrics(whole)


def stopper(at):
    import keras

    class Stopper(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.seen = 0

        def on_epoch_end(self, epoch, logs=None):
            self.seen += 1
            logs["seen"] = self.seen
            self.model.stop_training = self.seen >= at

    return Stopper()


def test_a_callback_may_end_a_trial_and_a_promotion_trains_no_more(data, folder):
    problem = with_callbacks(lambda: stopper(2))
    reports, outcome = train(trainer(data, folder, problem).train(task(0, 3)))
    assert [report.metrics["seen"] for report in reports] == [1, 2]
    assert outcome.stopped_early
    again, same = train(trainer(data, folder, problem).train(task(3, 9, recorded=reports)))
    assert again == []
    assert same == outcome


def test_a_trial_that_a_callback_ended_is_over_without_its_checkpoint_too(data, folder, tmp_path):
    problem = with_callbacks(lambda: stopper(2))
    reports, outcome = train(trainer(data, folder, problem).train(task(0, 3)))
    none = CheckpointFolder(tmp_path / "none", "a")
    again, same = train(trainer(data, none, problem).train(task(0, 3, recorded=reports)))
    assert again == []
    assert same == outcome


def test_what_a_callback_logs_is_a_metric_and_its_state_is_kept(data, folder):
    reports, _ = in_parts(data, folder, with_callbacks(lambda: stopper(99)))
    assert [report.metrics["seen"] for report in reports] == [1, 2, 3, 4]


def hoarder():
    import keras

    class Hoarder(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.weights = []

        def on_epoch_end(self, epoch, logs=None):
            self.weights.append(self.model.get_weights()[0])
            logs["drift"] = float(np.abs(self.weights[-1] - self.weights[0]).max())

    return Hoarder()


def test_arrays_are_kept_too(data, folder, tmp_path):
    problem = with_callbacks(hoarder)
    whole, _ = train(trainer(data, CheckpointFolder(tmp_path / "w", "a"), problem).train(task()))
    assert metrics(in_parts(data, folder, problem)[0]) == metrics(whole)


def iterating():
    import keras

    class Iterating(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.steps = iter(range(99))

        def on_epoch_end(self, epoch, logs=None):
            logs["step"] = next(self.steps)

    return Iterating()


def test_a_state_that_cannot_be_kept_costs_training_not_exactness(data, folder, tmp_path):
    problem = with_callbacks(iterating)
    whole, _ = train(trainer(data, CheckpointFolder(tmp_path / "w", "a"), problem).train(task()))
    with pytest.warns(UserWarning, match="trained again from its beginning"):
        reports, _ = in_parts(data, folder, problem)
    assert metrics(reports) == metrics(whole)


def test_a_callback_that_looks_at_batches_is_called_from_fit(data, folder, tmp_path):
    import keras

    batches = []

    class Batches(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            batches.append((batch, sorted(logs)))

        def on_test_batch_begin(self, batch, logs=None):
            batches.append("test")

    problem = with_callbacks(Batches)
    with pytest.warns(UserWarning, match="fit, which is slower .*a callback that looks into"):
        reports, outcome = train(trainer(data, folder, problem).train(task(0, 1)))
    assert outcome.way == "fit"
    # 200 rows in batches of 32; the validation part in one
    assert batches == [(batch, ["accuracy", "loss"]) for batch in range(7)] + ["test"]
    graph, _ = train(trainer(data, CheckpointFolder(tmp_path / "g", "a")).train(task(0, 1)))
    assert metrics(reports) == metrics(graph)


@pytest.mark.filterwarnings("ignore:ModelCheckpoint.* writes to the same path")
def test_a_checkpoint_callback_for_whole_epochs_needs_no_fit(data, folder, tmp_path):
    import keras

    path = str(tmp_path / "best.keras")
    problem = with_callbacks(lambda: keras.callbacks.ModelCheckpoint(path, save_best_only=True))
    _, outcome = train(trainer(data, folder, problem).train(task(0, 1)))
    assert outcome.way == "graph"
    assert keras.saving.load_model(path).count_params() == outcome.parameter_count


def test_a_pruned_trial_ends_its_callbacks_too(data, folder):
    calls = []
    problem = with_callbacks(lambda: recorder(calls))
    training = trainer(data, folder, problem).train(task())
    next(training)
    with pytest.raises(StopIteration):
        training.send(Decision.STOP)
    assert calls[-1] == "train end"
