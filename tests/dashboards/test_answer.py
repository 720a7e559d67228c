"""The answer of a study: the best trial in numbers, and how far they may be trusted."""

from dataclasses import replace

import pytest

from dashboards.answer import answer, noise, settings
from search.events import Entry, Reported, StudyStarted
from search.record import fold
from tests.records import header, whole_life


def test_the_best_trial_against_the_next_and_the_baseline():
    found = answer(fold(whole_life()))

    assert found is not None
    assert (found.trial, found.score, found.best_epoch, found.epochs) == ("2", 0.7, 2, 3)
    assert (found.runner_up, found.lead) == ("0", pytest.approx(0.2))
    assert found.gain == pytest.approx(0.2)
    assert found.test == {"loss": 0.4, "accuracy": 0.68}
    assert (found.parameter_count, found.seconds_per_epoch) == (1000, 0.25)


def test_noise_is_what_epochs_leave_of_a_straight_line():
    found = noise(fold(whole_life()))

    # completed trials: 0.6, 0.7, 0.65 leaves 0.00375, and 0.3, 0.5, 0.4 leaves 0.015
    assert found.source == "epochs"
    assert found.value == pytest.approx(((0.00375 + 0.015) / 2) ** 0.5)


def test_under_cross_validation_noise_is_the_spread_over_the_folds():
    entries = []
    for entry in whole_life():
        event = entry.event
        if isinstance(event, StudyStarted):
            event = replace(event, config={**event.config, "cv": 3})
        elif isinstance(event, Reported):
            metrics = {**event.report.metrics, "val_accuracy_std": 0.01 * event.report.epoch}
            event = replace(event, report=replace(event.report, metrics=metrics))
        entries.append(Entry(entry.seconds, event))
    found = noise(fold(entries))

    assert (found.value, found.source) == (0.02, "folds")


def test_two_epochs_say_nothing_of_noise():
    entries = [
        entry
        for entry in whole_life()[:13]
        if not (isinstance(entry.event, Reported) and entry.event.report.epoch > 2)
    ]

    assert noise(fold(entries)).source == "none"


def test_settings_stand_beside_the_baseline():
    rows = {row.name: row for row in settings(fold(whole_life()))}

    assert (rows["layers"].best, rows["layers"].baseline, rows["layers"].values) == (3, 1, "1 to 3")
    assert rows["layers"].changed
    assert rows["learning_rate"].values == ""  # not in the space


def test_without_a_score_there_is_no_answer():
    assert answer(fold([header()])) is None
