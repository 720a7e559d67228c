"""The answer of a study: the best trial in numbers, and how far they may be trusted."""

from dataclasses import replace

import pytest

from dashboards.analysis.summary import answer, noise, settings
from search.study.events import Entry, EpochRecorded, StudyStarted
from search.study.study_record import fold
from tests.records import asked, completed, entries, header, reported, whole_life


def test_the_best_trial_against_the_next_and_the_baseline():
    found = answer(fold(whole_life()))

    assert found is not None
    assert (found.trial, found.score, found.best_epoch, found.epochs) == ("2", 0.7, 2, 3)
    assert (found.runner_up, found.lead) == ("0", pytest.approx(0.2))
    assert found.gain == pytest.approx(0.2)
    assert found.test == {"loss": 0.4, "accuracy": 0.68}
    assert (found.parameter_count, found.seconds_per_epoch) == (1000, 0.25)


def curve(*values: float) -> list[Entry]:
    """A study of one trial."""
    reports = [reported("0", epoch, value) for epoch, value in enumerate(values, start=1)]
    best = values.index(max(values)) + 1
    count = len(values)
    return entries([asked("0", 0, count), *reports, completed("0", max(values), best, count)])


def test_noise_is_how_epochs_jump_around_a_smooth_curve():
    found = noise(fold(curve(0.1, 0.2, 0.3, 0.5)))  # 0.5 - 3 * 0.3 + 3 * 0.2 - 0.1 = 0.1

    assert found.source == "epochs"
    assert found.value == pytest.approx((0.1**2 / 20) ** 0.5)
    parabola = [0.9 - 0.02 * (5 - epoch) ** 2 for epoch in range(6)]
    assert noise(fold(curve(*parabola))).value == pytest.approx(0, abs=1e-12)


def test_only_epochs_around_the_best_count():
    start = [0.1, 0.5, 0.2, 0.6]
    quiet = noise(fold(curve(*start, 0.80, 0.82, 0.85, 0.84, 0.84)))
    alone = noise(fold(curve(0.80, 0.82, 0.85, 0.84, 0.84)))

    assert quiet.value == pytest.approx(alone.value)


def test_under_cross_validation_noise_is_the_spread_over_the_folds():
    life = []
    for entry in whole_life():
        event = entry.event
        if isinstance(event, StudyStarted):
            event = replace(event, config={**event.config, "cv": 3})
        elif isinstance(event, EpochRecorded):
            metrics = {**event.report.metrics, "val_accuracy_std": 0.01 * event.report.epoch}
            event = replace(event, report=replace(event.report, metrics=metrics))
        life.append(Entry(entry.seconds, event))
    found = noise(fold(life))

    assert (found.value, found.source) == (0.02, "folds")


def test_three_epochs_say_nothing_of_noise():
    assert noise(fold(whole_life())).source == "none"


def test_settings_stand_beside_the_baseline():
    rows = {row.name: row for row in settings(fold(whole_life()))}

    assert (rows["layers"].best, rows["layers"].baseline, rows["layers"].values) == (3, 1, "1 to 3")
    assert rows["layers"].changed
    assert rows["learning_rate"].values == ""  # not in the space


def test_without_a_score_there_is_no_answer():
    assert answer(fold([header()])) is None
