"""What every tracker must take without raising: the whole life of a study, and its resumption."""

import copy

import pytest

from search.errors import SearchError
from search.study.events import Asked, Entry, Event, Stopped
from search.study.study_record import StudyRecord, fold
from search.study.trial import Proposal
from search.trackers.base import Tracker
from tests.records import asked, completed, entries, header, play, reported, whole_life


def _promotion(journal: list[Entry]) -> int:
    """Where in `whole_life` trial 2 is proposed for the second time."""
    proposals = [n for n, e in enumerate(journal) if _proposes(e.event, "2")]
    return proposals[1]


def _proposes(event: Event, trial: str) -> bool:
    return (
        isinstance(event, Asked)
        and isinstance(event.answer, Proposal)
        and event.answer.trial == trial
    )


class TrackerContract:
    """Subclass it, name it Test..., and have `make` return a tracker of yours, ready to start."""

    @pytest.fixture
    def make(self):
        raise NotImplementedError("return a function that makes a tracker, always of one store")

    def test_takes_the_whole_life_of_a_study(self, make):
        journal = whole_life()
        record = fold(journal[:1])
        tracker: Tracker = make()

        tracker.start_study(record)
        play(tracker, record, journal[1:])
        tracker.end_study(record, None)

        assert record.state == "finished"

    def test_leaves_the_record_as_it_was(self, make):
        journal = whole_life()
        record = fold(journal)
        before = copy.deepcopy(record.__dict__)
        tracker: Tracker = make()

        tracker.start_study(record)
        tracker.end_study(record, None)

        assert record.__dict__ == before

    def test_takes_a_study_without_trials(self, make):
        record = fold([header()])
        tracker: Tracker = make()

        tracker.start_study(record)
        play(tracker, record, entries([Stopped("failed")])[1:])
        tracker.end_study(record, None)

        assert record.trials == {}

    def test_takes_a_resume_that_begins_with_a_promotion(self, make):
        journal = whole_life()
        cut = _promotion(journal)
        record = fold(journal[:cut])
        first: Tracker = make()
        first.start_study(record)
        play(first, record, [Entry(9.0, Stopped("interrupted"))])
        first.end_study(record, None)

        resumed = fold([*journal[:cut], Entry(9.0, Stopped("interrupted"))])
        second: Tracker = make()
        second.start_study(resumed)
        play(second, resumed, journal[cut:])
        second.end_study(resumed, None)

        assert resumed.state == "finished"

    def test_takes_a_trial_that_is_submitted_again_after_a_resume(self, make):
        journal = entries([asked("1", 0, 3), reported("1", 1, 0.5)])
        record: StudyRecord = fold(journal)
        tracker: Tracker = make()

        tracker.start_study(record)
        tracker.start_trial(record.trials["1"], record.trials["1"].proposals[-1])
        play(tracker, record, entries([reported("1", 2, 0.6), completed("1", 0.6, 2, 2)])[1:])
        tracker.end_study(record, None)

        assert record.trials["1"].values("val_accuracy") == [0.5, 0.6]

    def test_may_be_ended_twice(self, make):
        journal = whole_life()
        record = fold(journal)
        tracker: Tracker = make()

        tracker.start_study(record)
        tracker.end_study(record, None)
        tracker.end_study(record, None)

        assert record.state == "finished"

    def test_may_be_ended_before_it_started(self, make):
        record = fold(whole_life())
        tracker: Tracker = make()

        try:
            tracker.end_study(record, None)
        except SearchError as error:
            pytest.fail(f"a study that fails early must still end: {error}")
