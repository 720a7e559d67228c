"""The remembering tracker."""

import pytest

from search.study.study_record import fold
from search.trackers.memory import MemoryTracker
from tests.records import asked, completed, entries, play, reported
from tests.trackers.contract import TrackerContract


class TestMemory(TrackerContract):
    @pytest.fixture
    def make(self):
        return MemoryTracker


def test_remembers_every_call_in_order():
    journal = entries([asked("1", 0, 1), reported("1", 1, 0.5), completed("1", 0.5, 1, 1)])
    record = fold(journal[:1])
    tracker = MemoryTracker()

    tracker.start_study(record)
    play(tracker, record, journal[1:])
    tracker.end_study(record, None)

    assert [call[0] for call in tracker.calls] == [
        "start_study",
        "start_trial",
        "epoch",
        "end_trial",
        "end_study",
    ]
    assert tracker.calls[0] == ("start_study", "demo-1", 0)
    assert tracker.calls[-1] == ("end_study", "demo-1", None)
