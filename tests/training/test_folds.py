"""Cross-validation: the folds, their models in lockstep, and what goes on after a crash."""

from dataclasses import replace

import numpy as np
import pytest

from search import Data, Objective, Part
from search.errors import UsageError
from search.runtime.clock import SystemClock
from search.seeds import seed_for
from search.study.outcomes import over_folds
from search.training.checkpoint import CheckpointFolder
from search.training.cross_validation import CrossValidation
from search.training.trainer import KerasTrainer
from tests.problems import few
from tests.training.test_callbacks import stopper
from tests.training.test_trainer import PROBLEM, metrics, same_state, task, train

FOLDING = CrossValidation(3, 5)


@pytest.fixture(scope="module")
def data() -> Data:
    return few.few_digits(None)


@pytest.fixture
def folder(tmp_path) -> CheckpointFolder:
    return CheckpointFolder(tmp_path / "checkpoints", "a study")


def trainer(data, folder, problem=PROBLEM, folding=FOLDING, *, patience=None, every=0.0, most=9):
    return KerasTrainer(
        problem,
        data,
        folder,
        SystemClock(),
        patience=patience,
        most_epochs=most,
        folding=folding,
        checkpoint_seconds=every,
    )


def test_every_example_is_validated_once_and_classes_are_spread(data):
    whole, grounds = FOLDING.of(data)
    assert whole.train.x is whole.validation.x
    both = np.concatenate([data.train.x, data.validation.x])
    assert sorted(map(bytes, whole.train.x)) == sorted(map(bytes, both))
    assert [fold_data.first for fold_data in grounds] + [241] == [0, *(g.stop for g in grounds)]
    for fold_data in grounds:
        held_out = range(fold_data.first, fold_data.stop)
        assert sorted([*fold_data.rows, *held_out]) == list(range(241))
        counts = np.bincount(whole.validation.y[held_out], minlength=10)
        shares = np.bincount(whole.train.y, minlength=10) / 3
        assert (abs(counts - shares) < 1).all()


def test_equal_seeds_give_equal_folds_and_others_do_not(data):
    splits = [list(folding.splits(data)) for folding in (FOLDING, FOLDING, CrossValidation(3, 6))]
    first, again, other = [[tuple(rows) for _, rows in split] for split in splits]
    assert first == again
    assert first != other


def test_values_are_cut_without_strata_and_weights_go_along():
    x, y = np.arange(10.0), np.arange(10.0) / 10
    part = Part({"a": x[:6], "b": [x[:6]]}, y[:6], np.arange(6.0))
    whole, grounds = CrossValidation(4, 0).of(Data(part, Part({"a": x[6:], "b": [x[6:]]}, y[6:])))
    assert sorted(fold_data.stop - fold_data.first for fold_data in grounds) == [2, 2, 3, 3]
    np.testing.assert_array_equal(whole.train.x["a"], whole.train.x["b"][0])
    np.testing.assert_array_equal(whole.train.x["a"], whole.train.y * 10)
    expected = np.where(whole.train.x["a"] < 6, whole.train.x["a"], 1.0)
    np.testing.assert_array_equal(whole.train.weights, expected)
    assert whole.validation.weights is None, "the problem does not weigh its validation"


def test_too_many_folds_are_refused_in_the_users_terms(data):
    y = np.array([0] * 9 + [1] * 3)
    rare = Data(Part(y, y[:10]), Part(y, y[10:]))
    with pytest.raises(UsageError, match=r"at most the 3 examples of the rarest label, 1, got 4"):
        CrossValidation(4, 0).check(rare)
    CrossValidation(3, 0).check(rare)
    values = replace(rare, train=Part(y[:10], y[:10] / 2), validation=Part(y[10:], y[10:] / 2))
    with pytest.raises(UsageError, match=r"at most the 12 examples of training and validation"):
        CrossValidation(13, 0).check(values)


def test_metrics_are_means_with_every_fold_and_the_spread():
    objective = Objective("val_loss", "min")
    folds = [{"loss": 1.0, "val_loss": 4.0}, {"loss": 3.0, "val_loss": 8.0}]
    assert over_folds(objective, folds) == {
        **{"loss": 2.0, "val_loss": 6.0, "val_loss_std": 2.0},
        **{"fold_1_val_loss": 4.0, "fold_2_val_loss": 8.0},
    }


def with_plateau():
    import keras

    def plateau(params):
        return [keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=0, min_delta=9)]

    return replace(PROBLEM, callbacks=plateau)


@pytest.mark.parametrize(
    "case", ["shared graph and callbacks", "statistics", "compiled", "own fit"]
)
def test_folds_in_lockstep_are_what_each_would_be_alone(data, folder, tmp_path, case):
    problem, params, most = PROBLEM, {}, 9
    if case == "statistics":
        data, problem, params = few.diabetes(None), few.VALUES, {"learning_rate": 0.01}
    elif case == "shared graph and callbacks":
        problem = with_plateau()
    elif case == "own fit":
        problem, params = few.OWN_FIT, {"learning_rate": 0.01}
    else:
        problem, params, most = few.CLASSES, {"learning_rate": 0.01}, 10**6
    two = CrossValidation(2, 5)
    own = trainer(data, folder, problem, two, most=most)
    reports, outcome = train(own.train(task(0, 2, **params)))
    whole, grounds = two.of(data)
    alone = []
    for number, fold_data in enumerate(grounds, start=1):
        held_out = whole.validation.take(slice(fold_data.first, fold_data.stop))
        fold = Data(whole.train.take(fold_data.rows), held_out)
        seeded = replace(task(0, 2, **params), seed=seed_for(7, "fold", number))
        single = CheckpointFolder(tmp_path / str(number), "a study")
        alone.append(train(trainer(fold, single, problem, None, most=most).train(seeded))[0])
    assert outcome.way == {"compiled": "compiled", "own fit": "fit"}.get(case, "graph")
    for epoch, report in enumerate(reports):
        folds = [dict(fold[epoch].metrics) for fold in alone]
        assert dict(report.metrics) == over_folds(problem.objective, folds)


@pytest.mark.parametrize("problem", [with_plateau(), few.VALUES, few.OWN_FIT], ids=lambda p: p.name)
def test_budgets_and_crashes_add_up_bit_for_bit(data, folder, tmp_path, problem):
    params, two = {}, CrossValidation(2, 5)
    if problem is few.VALUES:
        data = few.diabetes(None)
    if problem.space is few.CLASSES.space or problem is few.VALUES:
        params = {"learning_rate": 0.01}
    whole = CheckpointFolder(tmp_path / "whole", "a study")
    expected, end = train(trainer(data, whole, problem, two).train(task(0, 5, **params)))
    own = trainer(data, folder, problem, two)
    reports, _ = train(own.train(task(0, 1, **params)))
    # killed before its third epoch, which the journal has and the checkpoint has not
    second = task(1, 3, recorded=reports, **params)
    more, _ = train(own.train(second), epochs=1)
    reports = [*reports, *more, expected[2]]
    last = task(3, 5, recorded=reports, **params)
    rest, outcome = train(trainer(data, folder, problem, two).train(last))
    assert metrics([*reports, *rest]) == metrics(expected)
    assert replace(outcome, seconds=0) == replace(end, seconds=0)
    assert same_state(folder.load("1"), whole.load("1"))
    assert outcome.score == expected[outcome.best_epoch - 1].metrics[problem.objective.metric]


def test_patience_counts_on_the_mean(data, folder):
    flat = replace(PROBLEM, objective=Objective("learning_rate", "max"))
    reports, outcome = train(trainer(data, folder, flat, patience=2).train(task()))
    assert (len(reports), outcome.best_epoch, outcome.stopped_early) == (3, 1, True)


def test_a_callback_that_ends_one_fold_ends_all(data, folder):
    limits = iter([9, 2, 9])
    problem = replace(PROBLEM, callbacks=lambda params: [stopper(next(limits))])
    reports, outcome = train(trainer(data, folder, problem).train(task()))
    assert (len(reports), outcome.stopped_early) == (2, True)


def test_statistics_see_the_training_rows_of_their_fold_only(data, folder):
    seen = []

    def statistics(part):
        seen.append(part)
        return 0.0

    problem = replace(PROBLEM, statistics=statistics, build=lambda p, s: PROBLEM.build(p))
    own = trainer(data, folder, problem)
    reports, _ = train(own.train(task(0, 1)))
    whole, grounds = FOLDING.of(data)
    for fold_data, part in zip(grounds, seen, strict=True):
        np.testing.assert_array_equal(part.x, whole.train.x[fold_data.rows])
    own.restored(task(recorded=reports), 1)
    assert seen[-1].size == 241


def test_a_trial_hands_over_a_model_trained_on_all_the_examples(data, folder, tmp_path):
    reports, _ = train(trainer(data, folder).train(task(0, 3)))
    refit = trainer(data, folder).restored(task(recorded=reports), 2)
    whole, _ = FOLDING.of(data)
    plain = trainer(whole, CheckpointFolder(tmp_path / "plain", "a study"), folding=None)
    epochs, _ = train(plain.train(task(0, 2)))
    single = plain.restored(task(recorded=epochs), 2)
    for one, other in zip(refit.get_weights(), single.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_callbacks_of_the_last_model_see_what_the_folds_came_to(data, folder):
    seen = []

    def watcher(params):
        import keras

        return [keras.callbacks.LambdaCallback(on_epoch_end=lambda _, logs: seen.append(logs))]

    problem = replace(PROBLEM, callbacks=watcher)
    reports, _ = train(trainer(data, folder, problem).train(task(0, 1)))
    trainer(data, folder, problem).restored(task(recorded=reports), 1)
    known = {name: reports[0].metrics[name] for name in ("val_loss", "val_accuracy")}
    assert {name: value for name, value in seen[-1].items() if "val" in name} == known


def test_metrics_are_derived_from_the_mean_over_folds(data, folder):
    def worst(curve):
        return {"val_loss_worst": max(epoch["val_loss"] for epoch in curve)}

    problem = replace(PROBLEM, derived=worst, objective=Objective("val_loss_worst", "min"))
    reports, outcome = train(trainer(data, folder, problem).train(task(0, 3)))
    losses = [report.metrics["val_loss"] for report in reports]
    assert [r.metrics["val_loss_worst"] for r in reports] == [losses[0]] + [
        max(losses[:epoch]) for epoch in (2, 3)
    ]
    assert outcome.score == min(report.metrics["val_loss_worst"] for report in reports)
