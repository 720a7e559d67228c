"""Data frames from a study's record."""

import math

from dashboards.tables.frames import CURVES, FACTS, curves_frame, trials_frame
from search.study.study_record import fold
from tests.records import header, whole_life


def test_one_row_per_trial_with_state_score_params_and_labels():
    frame = trials_frame(fold(whole_life())).set_index("trial")

    assert list(frame["state"]) == ["completed", "pruned", "completed", "failed", "pruned"]
    assert frame.loc["2", "score"] == 0.7
    assert frame.loc["2", "best_epoch"] == 2
    assert frame.loc["2", "epochs"] == 3
    assert frame.loc["2", "seconds"] == 0.75
    assert frame.loc["4", "params.layers"] == 2
    assert frame.loc["2", "labels.rung"] == 1
    assert frame.loc["0", "labels.role"] == "baseline"
    assert math.isnan(frame.loc["3", "score"])
    assert math.isnan(frame.loc["0", "labels.rung"])


def test_the_state_of_the_study_may_be_known_better_than_by_the_journal():
    record = fold(whole_life()[:8])

    assert list(trials_frame(record, "interrupted")["state"]) == ["completed", "waiting"]
    assert list(trials_frame(record)["state"]) == ["completed", "running"]


def test_curves_are_tidy_and_hold_every_epoch_of_every_metric():
    record = fold(whole_life())
    frame = curves_frame(record)

    assert list(frame.columns) == list(CURVES)
    assert len(frame) == 3 * record.epochs_trained
    chosen = frame[(frame["trial"] == "2") & (frame["metric"] == "val_accuracy")]
    assert list(chosen["epoch"]) == [1, 2, 3]
    assert list(chosen["value"]) == [0.6, 0.7, 0.65]


def test_a_study_without_trials_gives_frames_without_rows():
    record = fold([header()])

    assert trials_frame(record).empty
    assert list(trials_frame(record).columns) == list(FACTS)
    assert curves_frame(record).empty
    assert list(curves_frame(record).columns) == list(CURVES)
