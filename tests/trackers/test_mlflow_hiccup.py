"""MLflow out of reach for a while: at the end nothing is missing and nothing is there twice."""

import shutil
import sqlite3

import pytest

from search.study.study_record import fold
from search.trackers.dispatcher import TrackerDispatcher
from tests.records import header, play, short_life
from tests.trackers.test_mlflow import Place, live, place, template

__all__ = ["place", "template"]  # fixtures

CALLS = 11  # of a short life: the study begins, three budgets of three calls each, the study ends


class Unreachable:
    """Passes calls on, but for one, by number: it raises before, or after it was done."""

    def __init__(self, tracker, fails: int, *, after: bool) -> None:
        self._tracker = tracker
        self._fails = fails
        self._after = after
        self._made = 0

    def start_study(self, study) -> None:
        self._pass_on(lambda: self._tracker.start_study(study))

    def start_trial(self, trial, proposal) -> None:
        self._pass_on(lambda: self._tracker.start_trial(trial, proposal))

    def epoch(self, trial, report) -> None:
        self._pass_on(lambda: self._tracker.epoch(trial, report))

    def end_trial(self, trial, outcome) -> None:
        self._pass_on(lambda: self._tracker.end_trial(trial, outcome))

    def end_study(self, study, exported) -> None:
        self._pass_on(lambda: self._tracker.end_study(study, exported))

    def _pass_on(self, call) -> None:
        number, self._made = self._made, self._made + 1
        if number == self._fails and not self._after:
            raise OSError("database is locked")
        call()
        if number == self._fails:
            raise OSError("no answer in time")


def troubled(place: Place, study: str, fails: int, *, after: bool) -> None:
    """A study whose tracker fails at that call."""
    journal = short_life(header(study))
    record = fold(journal[:1])
    tracker_dispatcher = TrackerDispatcher([Unreachable(place.tracker(), fails, after=after)])
    tracker_dispatcher.start_study(record)
    play(tracker_dispatcher, record, journal[1:])
    tracker_dispatcher.end_study(record, None)


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_study_with_a_hiccup_at_any_call_ends_as_if_undisturbed(place, after):
    live(place, short_life())
    expected = place.content()

    for call in range(CALLS - 1):
        with pytest.warns(UserWarning, match="Unreachable failed") as seen:
            troubled(place, f"call-{call}", call, after=after)
        assert len(seen) == 1
        assert place.content(f"call-{call}") == expected, f"failed at call {call}"


def test_a_study_whose_database_cannot_be_opened_before_its_end_is_written_whole(
    tmp_path, place, template
):
    live(place, short_life())
    store = Place(tmp_path / "later")
    store.folder.write_text("a file where the store's folder should be")
    journal = short_life()
    record = fold(journal[:1])
    tracker_dispatcher = TrackerDispatcher([store.tracker()])
    with pytest.warns(UserWarning, match=r"MlflowTracker failed \(FileExistsError"):
        tracker_dispatcher.start_study(record)
    play(tracker_dispatcher, record, journal[1:])
    store.folder.unlink()
    store.folder.mkdir()
    shutil.copy(template, store.folder / "mlflow.db")
    tracker_dispatcher.end_study(record, None)

    assert store.content() == place.content()


def test_a_database_error_is_one_line_and_no_trace_of_mlflows(place, capfd):
    journal = short_life()
    record = fold(journal[:1])
    tracker_dispatcher = TrackerDispatcher([place.tracker()])
    tracker_dispatcher.start_study(record)
    with sqlite3.connect(place.folder / "mlflow.db") as database:
        database.execute("ALTER TABLE metrics RENAME TO elsewhere")
    database.close()
    with pytest.warns(UserWarning, match="MlflowTracker failed") as seen:
        play(tracker_dispatcher, record, journal[1:4])

    assert ["\n" in str(warning.message) for warning in seen] == [False]
    assert capfd.readouterr() == ("", "")
