"""Plain progress: every line as it is written."""

from io import BytesIO, StringIO, TextIOWrapper

import pytest

from search.study.progress import Plan
from search.study.study_record import fold
from search.study.trial import Failed
from search.trackers.plain_text import PlainTracker
from tests.records import asked, entries, play, reported, whole_life
from tests.trackers.contract import TrackerContract
from tests.trackers.watching import PLAN, HandClock


class TestPlain(TrackerContract):
    @pytest.fixture
    def make(self):
        return lambda: PlainTracker(StringIO(), HandClock(), PLAN)


def test_a_study_from_start_to_end_line_by_line():
    stream, clock, life = StringIO(), HandClock(), whole_life()
    record = fold(life[:1])
    tracker = PlainTracker(stream, clock, PLAN)
    tracker.start_study(record)
    for entry in life[1:]:
        clock.now += 2.0
        play(tracker, record, [entry])
    tracker.end_study(record, None)
    assert stream.getvalue().splitlines() == [
        "study demo-1: problem demo, backend hyperband, seed 3, val_accuracy (max), "
        "epochs: the budget, at most 3",
        "trial 0 starts: epochs 1-3, baseline, layers=1 learning_rate=0.01",
        "trial 0 completed after 3 epochs: val_accuracy 0.5000 at epoch 2 "
        "[trials 1/6, epochs 3/15, elapsed 0:12, left 0:48, 0.25 epochs/s]",
        "best: trial 0 (baseline), val_accuracy 0.5000 at epoch 2",
        "trial 1 starts: epoch 1, rung 0 bracket 1, layers=2 learning_rate=0.02",
        "trial 2 starts: epoch 1, rung 0 bracket 1, layers=3 learning_rate=0.03",
        "trial 2 completed after 1 epoch: val_accuracy 0.6000 at epoch 1 "
        "[trials 2/6, epochs 5/15, elapsed 0:22, left 0:44, 0.23 epochs/s]",
        "best: trial 0 (baseline), val_accuracy 0.5000 at epoch 2 "
        "(ahead after 1 epoch: trial 2, 0.6000)",
        "trial 1 completed after 1 epoch: val_accuracy 0.2000 at epoch 1 "
        "[trials 3/6, epochs 5/15, elapsed 0:24, left 0:48, 0.21 epochs/s]",
        "trial 3 starts: epochs 1-3, rung 1 bracket 0, layers=1 learning_rate=0.04",
        "trial 3 failed after 1 epoch: ValueError: no such optimizer "
        "[trials 4/6, epochs 6/15, elapsed 0:30, left 0:24, 0.20 epochs/s]",
        "trial 4 starts: epochs 1-3, rung 1 bracket 0, layers=2 learning_rate=0.05",
        "trial 4 pruned after 2 epochs: val_accuracy 0.3500 at epoch 2 "
        "[trials 5/6, epochs 8/15, elapsed 0:38, left 0:13, 0.21 epochs/s]",
        "trial 2 goes on: epochs 2-3, rung 1 bracket 1, layers=3 learning_rate=0.03",
        "trial 2 completed after 3 epochs: val_accuracy 0.7000 at epoch 2 "
        "[trials 5/6, epochs 10/15, elapsed 0:46, left 0:07, 0.22 epochs/s]",
        "best: trial 2, val_accuracy 0.7000 at epoch 2",
        "study demo-1 finished: trials 5/6, epochs 10/15, elapsed 0:50; "
        "best: trial 2, val_accuracy 0.7000 at epoch 2",
    ]


def test_a_resumed_study_tells_what_it_has_and_counts_its_earlier_time():
    stream, clock, life = StringIO(), HandClock(), whole_life()
    tracker = PlainTracker(stream, clock, PLAN)
    record = fold(life[:8])
    record.seconds = 61.0
    tracker.start_study(record)
    assert stream.getvalue().splitlines()[1] == (
        "resumed with trials 1/6, epochs 3/15, elapsed 1:01; "
        "best: trial 0 (baseline), val_accuracy 0.5000 at epoch 2"
    )


def test_a_trial_submitted_again_names_the_epochs_still_to_train():
    stream = StringIO()
    record = fold(entries([asked("1", 0, 9), reported("1", 1, 0.5), reported("1", 2, 0.6)]))
    tracker = PlainTracker(stream, HandClock(), PLAN)
    tracker.start_study(record)
    tracker.start_trial(record.trials["1"], record.trials["1"].proposals[-1])
    assert stream.getvalue().splitlines()[-1].startswith("trial 1 goes on: epochs 3-9, ")


def test_without_a_plan_nothing_is_promised():
    stream, life = StringIO(), whole_life()
    record = fold(life[:1])
    tracker = PlainTracker(stream, HandClock(), Plan(None, None, None, "a ceiling"))
    tracker.start_study(record)
    play(tracker, record, life[1:7])
    assert "[trials 1, epochs 3, elapsed 0:00, left ?]" in stream.getvalue()


def test_a_message_of_several_lines_and_foreign_letters_stays_one_line_on_any_stream():
    raw = BytesIO()
    stream = TextIOWrapper(raw, encoding="ascii")
    record = fold(entries([asked("1", 0, 3)]))
    tracker = PlainTracker(stream, HandClock(), PLAN)
    tracker.start_study(record)
    tracker.end_trial(record.trials["1"], Failed("ValueError", "a\n  b — é", "trace", 0))
    last = raw.getvalue().decode("ascii").splitlines()[-1]
    assert last.startswith("trial 1 failed after 0 epochs: ValueError: a b ? ? [")


def test_a_study_cut_off_by_an_error_says_so():
    stream = StringIO()
    tracker = PlainTracker(stream, HandClock(), PLAN)
    record = fold(whole_life()[:4])
    tracker.start_study(record)
    tracker.end_study(record, None)
    assert stream.getvalue().splitlines()[-1] == (
        "study demo-1 stopped by an error: trials 0/6, epochs 1/15, elapsed 0:01; best: none yet"
    )
