"""What a tracker that fails is still told, and what the user reads of it."""

import warnings

import pytest

from search.study.study_record import fold
from search.trackers.dispatcher import TrackerDispatcher
from search.trackers.memory import MemoryTracker
from tests.records import play, short_life


class Frail:
    """Records the names of the calls made to it, and raises at those numbered in `fails`."""

    def __init__(self, *fails: int) -> None:
        self.calls: list[str] = []
        self._fails = fails

    def start_study(self, study) -> None:
        self._called("start_study")

    def start_trial(self, trial, proposal) -> None:
        self._called("start_trial")

    def epoch(self, trial, report) -> None:
        self._called("epoch")

    def end_trial(self, trial, outcome) -> None:
        self._called("end_trial")

    def end_study(self, study, exported) -> None:
        self._called("end_study")

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if len(self.calls) - 1 in self._fails:
            raise OSError(f"call {len(self.calls) - 1} found the database locked\nSQL: INSERT")


TRIAL = ["start_trial", "epoch", "end_trial"]
ALWAYS = tuple(range(100))


def told(*trackers) -> list[str]:
    """Tell the trackers of a study of three budgets; the texts of all warnings."""
    journal = short_life()
    record = fold(journal[:1])
    tracker_dispatcher = TrackerDispatcher(trackers)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        tracker_dispatcher.start_study(record)
        play(tracker_dispatcher, record, journal[1:])
        tracker_dispatcher.end_study(record, None)
    return [str(warning.message) for warning in seen]


def test_a_tracker_that_is_well_hears_everything_and_nothing_is_said():
    tracker = Frail()
    assert told(tracker) == []
    assert tracker.calls == ["start_study", *TRIAL, *TRIAL, *TRIAL, "end_study"]


@pytest.mark.parametrize(
    ("fails", "calls"),
    [
        (0, ["start_study"]),
        (1, ["start_study", "start_trial"]),
        (2, ["start_study", "start_trial", "epoch"]),
    ],
)
def test_a_hiccup_is_made_up_for_at_the_end_of_the_trial(fails, calls):
    tracker = Frail(fails)
    (warning,) = told(tracker)
    assert warning == (
        f"Frail failed (OSError: call {fails} found the database locked); the study goes on, "
        "and the tracker is tried again later"
    )
    assert tracker.calls == [*calls, "start_study", "end_trial", *TRIAL, *TRIAL, "end_study"]


def test_a_hiccup_at_the_end_of_a_trial_is_made_up_for_at_the_end_of_the_next():
    tracker = Frail(3)
    assert len(told(tracker)) == 1
    start = ["start_study", *TRIAL]
    assert tracker.calls == [*start, "start_study", "end_trial", *TRIAL, "end_study"]


def test_a_tracker_that_fails_twice_is_left_alone_until_the_study_ends():
    tracker = Frail(2, 3)
    assert len(told(tracker)) == 1
    assert tracker.calls == ["start_study", "start_trial", "epoch", "start_study", "end_study"]


def test_a_tracker_that_fails_again_after_a_recovery_is_warned_about_once():
    tracker = Frail(2, 6)
    assert len(told(tracker)) == 1
    first = ["start_study", "start_trial", "epoch", "start_study", "end_trial"]
    again = ["start_trial", "epoch", "start_study", "end_trial"]
    assert tracker.calls == [*first, *again, *TRIAL, "end_study"]


def test_a_tracker_that_fails_at_the_end_too_is_said_with_what_rebuilds_it():
    tracker = Frail(*ALWAYS)
    first, last = told(tracker)
    assert "call 0 found the database locked" in first
    assert last.startswith("Frail failed (OSError: call 2 found the database locked) at the end")
    assert "`python -m search doctor --rebuild demo-1`" in last
    assert tracker.calls == ["start_study", "start_study", "end_study"]


def test_the_others_hear_everything():
    well = MemoryTracker()
    alone = MemoryTracker()
    told(Frail(*ALWAYS), well)
    told(alone)
    assert well.calls == alone.calls
