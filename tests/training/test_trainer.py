"""The trainer: trained in pieces, across crashes and rungs, equals trained at once."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from search import Objective, Problem, Space
from search.data.parts import Data, Part
from search.datasets import digits
from search.runtime.clock import SystemClock
from search.space.parameters import Choice
from search.study.trial import (
    Budget,
    Completed,
    Decision,
    EpochReport,
    Failed,
    Proposal,
    Pruned,
    Task,
)
from search.training.checkpoint import Checkpoint, CheckpointFolder
from search.training.trainer import KerasTrainer

EPOCHS = 4


class Folders:
    """Checkpoints in one folder after another."""

    def __init__(self, folder: CheckpointFolder) -> None:
        self.folder = folder

    def load(self, trial: str) -> Checkpoint | None:
        return self.folder.load(trial)

    def save(self, trial: str, checkpoint: Checkpoint) -> None:
        self.folder.save(trial, checkpoint)


def build(params):
    import keras

    model = keras.Sequential(
        [
            keras.Input((8, 8), dtype="float32"),
            keras.layers.Rescaling(1 / 16),
            keras.layers.Flatten(),
            keras.layers.Dense(12, "relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(10, "softmax"),
        ]
    )
    optimizer = {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD}[params["optimizer"]]
    rate = 1e30 if params.get("explode") else 0.01
    model.compile(optimizer(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


PROBLEM = Problem(
    name="small",
    space=Space(Choice("optimizer", ("adam", "sgd"))),
    objective=Objective("val_accuracy", "max"),
    load=digits.load,
    build=build,
)


@pytest.fixture(scope="module")
def data() -> Data:
    whole = digits.load(None)
    return replace(whole, train=Part(whole.train.x[:200], whole.train.y[:200]))


@pytest.fixture
def folder(tmp_path) -> CheckpointFolder:
    return CheckpointFolder(tmp_path / "checkpoints", "a study")


def trainer(data, folder, problem=PROBLEM, *, patience=None, every=0.0, most=9) -> KerasTrainer:
    return KerasTrainer(
        problem,
        data,
        folder,
        SystemClock(),
        patience=patience,
        most_epochs=most,
        checkpoint_seconds=every,
    )


@pytest.fixture(scope="module")
def kept(data):
    """Give one trainer to one test after another: what it has traced it need not trace again."""
    made = {}

    def kept(folder, every=0.0) -> KerasTrainer:
        if every not in made:
            folders = Folders(folder)
            made[every] = folders, trainer(data, folders, every=every)
        folders, own = made[every]
        folders.folder = folder
        return own

    return kept


def task(start=0, stop=EPOCHS, *, recorded=(), stopped=False, **params) -> Task:
    params = {"optimizer": "adam"} | params
    proposal = Proposal("1", params, Budget(start, stop))
    return Task(proposal, seed=7, recorded=tuple(recorded), stopped=stopped)


def train(training, *, epochs=None, stop_at=None):
    """Drive a training to its end, or close it after some epochs: the reports, and the outcome."""
    reports, decision = [], None
    while True:
        try:
            report = training.send(decision)
        except StopIteration as end:
            return reports, end.value
        reports.append(report)
        if epochs is not None and len(reports) == epochs:
            training.close()
            return reports, None
        decision = Decision.STOP if report.epoch == stop_at else Decision.CONTINUE


def test_statistics_are_fitted_once_on_the_training_part(data, folder):
    seen = []

    def statistics(part):
        seen.append(len(part.x))
        return float(part.x.max())

    def scaled(params, largest):
        seen.append(largest)
        return build(params)

    own = trainer(data, folder, replace(PROBLEM, build=scaled, statistics=statistics))
    for _ in range(2):
        train(own.train(task(0, 1)))
    assert seen == [200, 16.0, 16.0]


def metrics(reports) -> list[dict[str, float]]:
    return [dict(report.metrics) for report in reports]


@pytest.fixture(scope="module")
def straight(data, tmp_path_factory):
    folder = CheckpointFolder(tmp_path_factory.mktemp("straight"), "a study")
    reports, outcome = train(trainer(data, folder).train(task()))
    return reports, outcome, folder.load("1")


def test_an_unbroken_run_reports_every_epoch(straight):
    reports, outcome, checkpoint = straight
    assert [report.epoch for report in reports] == [1, 2, 3, 4]
    assert set(reports[0].metrics) == {
        "accuracy",
        "loss",
        "val_accuracy",
        "val_loss",
        "learning_rate",
    }
    scores = [report.metrics["val_accuracy"] for report in reports]
    assert isinstance(outcome, Completed)
    assert (outcome.score, outcome.best_epoch) == (max(scores), scores.index(max(scores)) + 1)
    assert (outcome.epochs, outcome.stopped_early) == (EPOCHS, False)
    assert outcome.parameter_count == 64 * 12 + 12 + 4 * 12 + 12 * 10 + 10
    assert checkpoint.epoch == EPOCHS


def same_state(one, other) -> bool:
    pairs = [*zip(one.last, other.last, strict=True), *zip(one.best, other.best, strict=True)]
    return one.best_epoch == other.best_epoch and all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_budgets_add_up_bit_for_bit(data, folder, tmp_path, optimizer):
    whole = CheckpointFolder(tmp_path / "whole", "a study")
    expected, end = train(trainer(data, whole).train(task(optimizer=optimizer)))
    reports = []
    for start, stop in ((0, 1), (1, 2), (2, EPOCHS)):
        part = task(start, stop, recorded=reports, optimizer=optimizer)
        new, outcome = train(trainer(data, folder).train(part))
        reports += new
    assert metrics(reports) == metrics(expected)
    assert replace(outcome, seconds=0) == replace(end, seconds=0)
    assert same_state(folder.load("1"), whole.load("1"))


@pytest.mark.parametrize("epochs", [1, 3])
def test_a_closed_training_goes_on_where_it_was(data, folder, straight, epochs):
    expected, end, state = straight
    begun, _ = train(trainer(data, folder, every=1e9).train(task()), epochs=epochs)
    assert folder.load("1").epoch == epochs
    rest, outcome = train(trainer(data, folder).train(task(recorded=begun)))
    assert metrics(begun + rest) == metrics(expected)
    assert replace(outcome, seconds=0) == replace(end, seconds=0)
    assert same_state(folder.load("1"), state)


@pytest.mark.parametrize(
    ("recorded", "saved"), [(0, 1), (0, 3), (2, 0), (2, 1), (3, 1), (2, 3), (4, 0), (4, 3)]
)
def test_journal_and_checkpoint_may_be_epochs_apart(kept, folder, straight, recorded, saved):
    expected, end, _ = straight
    if saved:
        train(kept(folder, every=1e9).train(task()), epochs=saved)
    again = kept(folder).train(task(recorded=expected[:recorded]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rest, outcome = train(again)
    assert [report.epoch for report in rest] == list(range(recorded + 1, EPOCHS + 1))
    assert metrics(rest) == metrics(expected[recorded:])
    assert replace(outcome, seconds=0) == replace(end, seconds=0)


def test_an_epoch_that_comes_out_differently_is_said_and_the_record_stands(kept, folder, straight):
    expected, _, _ = straight
    false = EpochReport("1", 1, {**expected[0].metrics, "val_accuracy": 0.123}, 1.0)
    with pytest.warns(UserWarning, match="epoch 1 came out differently"):
        _, outcome = train(kept(folder).train(task(recorded=[false])))
    assert folder.load("1").curve[0].metrics["val_accuracy"] == 0.123
    assert isinstance(outcome, Completed)


def test_a_stopped_trial_is_pruned_with_its_score(kept, folder, straight):
    expected, _, _ = straight
    reports, outcome = train(kept(folder).train(task()), stop_at=2)
    assert metrics(reports) == metrics(expected[:2])
    assert isinstance(outcome, Pruned)
    assert (outcome.at_epoch, outcome.score) == (
        2,
        max(report.metrics["val_accuracy"] for report in reports),
    )
    told = task(recorded=reports, stopped=True)
    again, same = train(kept(folder).train(told))
    assert again == []
    assert same == outcome


def test_a_trial_out_of_patience_stops_and_is_promoted_without_training(data, folder):
    flat = replace(PROBLEM, objective=Objective("learning_rate", "max"))
    reports, outcome = train(trainer(data, folder, flat, patience=2).train(task()))
    assert [report.epoch for report in reports] == [1, 2, 3]
    assert (outcome.stopped_early, outcome.best_epoch) == (True, 1)
    promoted = task(EPOCHS, 9, recorded=reports)
    again, same = train(trainer(data, folder, flat, patience=2).train(promoted))
    assert again == []
    assert same == outcome


def test_nan_becomes_a_failure_and_no_checkpoint(kept, folder):
    reports, outcome = train(kept(folder).train(task(optimizer="sgd", explode=True)))
    assert reports == []
    assert isinstance(outcome, Failed)
    assert (outcome.kind, outcome.at_epoch) == ("nan", 0)
    assert folder.load("1") is None


def test_the_best_epochs_weights_come_from_the_checkpoint_or_are_trained_again(
    data, folder, straight
):
    reports, outcome, state = straight
    done = task(recorded=reports)
    retrained = trainer(data, folder).restored(done, outcome.best_epoch)
    folder.save("1", state)
    restored = trainer(data, folder).restored(done, outcome.best_epoch)
    for one, other in zip(retrained.weights, restored.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    result = restored.evaluate(data.validation.x, data.validation.y, verbose=0, return_dict=True)
    assert result["accuracy"] == pytest.approx(outcome.score)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda params: None, "must return a keras.Model"),
        (lambda params: _uncompiled(), "must return a compiled model"),
    ],
)
def test_a_build_that_gives_no_model_is_told_in_the_users_terms(data, folder, broken, message):
    from search.errors import UsageError

    with pytest.raises(UsageError, match=message):
        train(trainer(data, folder, replace(PROBLEM, build=broken)).train(task()))


def _uncompiled():
    import keras

    return keras.Sequential([keras.Input((8, 8)), keras.layers.Flatten(), keras.layers.Dense(10)])


def test_a_missing_metric_names_those_there_are(data, folder):
    from search.errors import UsageError

    typo = replace(PROBLEM, objective=Objective("val_acuracy", "max"))
    with pytest.raises(UsageError, match=r"must report 'val_acuracy', got accuracy, "):
        train(trainer(data, folder, typo).train(task()))


def test_a_damaged_checkpoint_costs_training_only(kept, folder, straight, tmp_path):
    expected, _, _ = straight
    begun, _ = train(kept(folder).train(task()), epochs=2)
    file = tmp_path / "checkpoints" / "1.npz"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    rest, _ = train(kept(folder).train(task(recorded=begun)))
    assert metrics(begun + rest) == metrics(expected)


def test_the_checkpoint_of_an_earlier_study_of_that_name_counts_as_none(data, tmp_path, straight):
    expected, _, _ = straight
    places = tmp_path / "checkpoints"
    other = replace(PROBLEM, build=lambda params: build({**params, "optimizer": "sgd"}))
    train(trainer(data, CheckpointFolder(places, "earlier"), other).train(task()), epochs=3)
    reports, _ = train(trainer(data, CheckpointFolder(places, "later")).train(task()))
    assert metrics(reports) == metrics(expected)


def test_a_checkpoint_beyond_the_budget_is_not_used(kept, folder, straight):
    expected, _, _ = straight
    train(kept(folder).train(task()), epochs=3)
    reports, _ = train(kept(folder).train(task(0, 2)))
    assert metrics(reports) == metrics(expected[:2])


def test_a_checkpoint_that_cannot_be_written_is_no_failure_of_the_trial(data, tmp_path):
    from search.errors import SearchError
    from search.executors.inline import InlineExecutor

    (tmp_path / "checkpoints").write_text("a file where the folder should be")
    blocked = CheckpointFolder(tmp_path / "checkpoints", "a study")
    executor = InlineExecutor(trainer(data, blocked, every=1e9))
    executor.submit(task())
    executor.next_message()
    with pytest.raises(SearchError, match=r"cannot write the checkpoint .*then resume"):
        executor.close()


def sampling(params):
    """A model that draws random numbers in every call, evaluation included."""
    import keras

    class Noise(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.generator = keras.random.SeedGenerator(5)

        def call(self, inputs):
            shape = keras.ops.shape(inputs)
            return inputs + keras.random.normal(shape, stddev=0.1, seed=self.generator)

    layers = [keras.Input((8, 8)), keras.layers.Rescaling(1 / 16), keras.layers.Flatten()]
    model = keras.Sequential([*layers, Noise(), keras.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def test_a_model_that_always_draws_goes_on_exactly_too(data, folder, tmp_path):
    noisy = replace(PROBLEM, build=sampling)
    whole = CheckpointFolder(tmp_path / "whole", "a study")
    expected, _ = train(trainer(data, whole, noisy).train(task()))
    reports = []
    for start, stop in ((0, 1), (1, EPOCHS)):
        reports += train(trainer(data, folder, noisy).train(task(start, stop, recorded=reports)))[0]
    assert metrics(reports) == metrics(expected)


def test_a_trial_leaves_nothing_in_tensorflows_registries(data, folder):
    from tensorflow.python.framework import ops

    train(trainer(data, folder).train(task(0, 1)))
    before = set(ops.gradient_registry._registry)
    train(trainer(data, folder).train(task()), epochs=2)
    assert set(ops.gradient_registry._registry) == before


def test_other_threads_that_draw_change_no_model():
    import random
    import threading

    from search.runtime import tensorflow_setup

    def weights() -> list:
        tensorflow_setup.fresh(3)
        return [array.numpy() for array in build({"optimizer": "sgd"}).weights]

    expected, over = weights(), threading.Event()

    def draw() -> None:
        while not over.is_set():
            random.random()

    thread = threading.Thread(target=draw)
    thread.start()
    try:
        for _ in range(3):
            for one, other in zip(weights(), expected, strict=True):
                np.testing.assert_array_equal(one, other)
    finally:
        over.set()
        thread.join()
