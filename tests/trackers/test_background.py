"""A slow tracker in a thread of its own: nothing waits for it, nothing is lost or queued."""

import os
import signal
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path

import pytest

from search.errors import SearchError
from search.export.base import Exported
from search.study.events import Entry, LimitsChanged
from search.study.journal import Journal, Tail
from search.study.study_record import StudyRecord, TrialRecord, fold
from search.trackers.background import BackgroundTracker
from search.trackers.dispatcher import TrackerDispatcher
from tests.records import header, play, short_life, whole_life
from tests.scripted import ScriptedBackend
from tests.support import SimulatedStudy
from tests.trackers.contract import TrackerContract
from tests.trackers.test_mlflow import Place, live, place, template

__all__ = ["place", "template"]  # fixtures


class Ledger:
    """A slow tracker that keeps how many epochs it was shown of each trial, at every call.

    It begins a call only when it may: `gate` is closed and opened by the test.
    """

    def __init__(self, *fails: int) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.calls: list[tuple[str, dict[str, int]]] = []
        self.threads: set[str] = set()
        self.state: str | None = None
        self._fails = fails

    def start_study(self, study: StudyRecord) -> None:
        self._called("start_study", list(study.trials.values()))

    def update(self, trials: Sequence[TrialRecord]) -> None:
        self._called("update", trials)

    def end_study(self, study: StudyRecord, exported: Exported | None) -> None:
        self._called("end_study", list(study.trials.values()))
        self.state = study.state

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.calls]

    def _called(self, name: str, trials: Sequence[TrialRecord]) -> None:
        self.threads.add(threading.current_thread().name)
        self.entered.set()
        self.gate.wait()
        self.calls.append((name, {trial.trial: len(trial.curve) for trial in trials}))
        if len(self.calls) - 1 in self._fails:
            raise OSError(f"call {len(self.calls) - 1} found no server")


def background(ledger, path: Path, say=lambda _: None, **seconds: float) -> BackgroundTracker:
    limits = {"wait_seconds": 60.0, "pause_seconds": 0.0, "patience_seconds": 60.0} | seconds
    return BackgroundTracker(ledger, lambda _: Tail(path), say, **limits)


def join() -> None:
    """Wait for the thread of a tracker that failed."""
    for thread in threading.enumerate():
        if thread.name == "tracker":
            thread.join()


def study(path: Path, tracker: BackgroundTracker) -> SimulatedStudy:
    return SimulatedStudy(path, ScriptedBackend, LimitsChanged(7, None), tracker=tracker)


class Headers:
    """A journal of which no more than the header can be read."""

    def __init__(self) -> None:
        self._entries = [header()]

    def until(self, number: int) -> list[Entry]:
        entries, self._entries = self._entries, []
        return entries


class TestBackground(TrackerContract):
    @pytest.fixture
    def make(self):
        return lambda: BackgroundTracker(Ledger(), lambda _: Headers(), pause_seconds=0.0)


def test_a_study_ends_all_its_trials_while_the_tracker_hangs_and_all_is_written_after(tmp_path):
    path, ledger = tmp_path / "s.jsonl", Ledger()
    ledger.gate.clear()
    tracker = background(ledger, path)
    record = study(path, tracker).start()

    assert record.state == "finished"
    assert ledger.calls == []
    ledger.gate.set()
    tracker.end_study(record, None)
    assert ledger.names[0] == "start_study"
    assert ledger.calls[-1] == ("end_study", {n: len(t.curve) for n, t in record.trials.items()})
    assert ledger.state == "finished"
    assert ledger.threads == {"tracker"}


def test_what_comes_while_the_tracker_writes_is_written_together(tmp_path):
    path, ledger = tmp_path / "s.jsonl", Ledger()
    journal = whole_life()
    tracker = background(ledger, path)
    with Journal.create(path, journal[:4]) as written:
        record = fold(journal[:4])
        ledger.gate.clear()
        tracker.start_study(record)
        ledger.entered.wait()  # it is in its first call, and stays there
        for entry in journal[4:]:
            written.append(entry)
        written.commit()
        play(tracker, record, journal[4:])
        ledger.gate.set()
        tracker.end_study(record, None)

    assert len(ledger.calls) <= 3  # the start, one update at most for 21 events, the end
    assert ledger.calls[-1] == ("end_study", {n: len(t.curve) for n, t in record.trials.items()})


def test_an_end_that_fails_is_said_at_once(tmp_path):
    path, ledger = tmp_path / "s.jsonl", Ledger(1, 2, 3)
    journal = whole_life()
    record = fold(journal)
    tracker = background(
        ledger, path, lambda _: ledger.gate.set(), patience_seconds=0.0, wait_seconds=9.0
    )
    with Journal.create(path, journal) as _:
        ledger.gate.clear()
        tracker.start_study(record)
        ledger.entered.wait()  # in its first call, which ends once the end of the study waits
        with pytest.raises(OSError, match="found no server"):
            tracker.end_study(record, None)


def test_it_begins_when_the_first_epoch_is_over(tmp_path):
    path, ledger = tmp_path / "s.jsonl", Ledger()
    journal = whole_life()
    tracker = background(ledger, path)
    with Journal.create(path, journal[:4]) as _:
        record = fold(journal[:3])
        tracker.start_study(record)
        tracker.start_trial(record.trials["0"], record.trials["0"].proposals[0])
        assert not ledger.entered.is_set()
        record.apply(journal[3])
        tracker.epoch(record.trials["0"], record.trials["0"].curve[0])
        ledger.entered.wait()
        tracker.end_study(record, None)
    assert ledger.calls[0] == ("start_study", {"0": 1})


def test_the_tracker_is_shown_no_event_that_is_not_on_disk(tmp_path):
    path, ledger = tmp_path / "s.jsonl", Ledger()
    journal = whole_life()
    tracker = background(ledger, path)
    with Journal.create(path, journal) as _:
        record = fold(journal[:4])  # the search knows of one epoch; the file holds the whole life
        tracker.start_study(record)
        tracker.end_study(record, None)

    assert ledger.calls[-1] == ("end_study", {"0": 1})


def test_the_wait_at_the_end_is_bounded_and_names_what_writes_the_rest(tmp_path):
    path, ledger, said = tmp_path / "s.jsonl", Ledger(), []
    ledger.gate.clear()
    tracker = background(ledger, path, said.append, wait_seconds=0.01, patience_seconds=0.0)
    record = study(path, tracker).start()
    with pytest.warns(UserWarning, match=r"have not been written.*doctor --rebuild a-study"):
        TrackerDispatcher([tracker]).end_study(record, None)

    (line,) = said
    assert "Ctrl-C ends the wait" in line
    assert "`python -m search doctor --rebuild a-study`" in line
    ledger.gate.set()


def test_ctrl_c_ends_the_wait_and_no_more_than_that(tmp_path):
    path, ledger = tmp_path / "s.jsonl", Ledger()
    ledger.gate.clear()

    def press(_line: str) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    tracker = background(ledger, path, press, wait_seconds=600.0, patience_seconds=0.0)
    record = study(path, tracker).start()
    with pytest.raises(SearchError, match="some records have not been written yet"):
        tracker.end_study(record, None)

    assert signal.getsignal(signal.SIGINT) is before
    ledger.gate.set()


def test_nothing_is_said_of_a_wait_that_is_short(tmp_path):
    path, said = tmp_path / "s.jsonl", []
    tracker = background(Ledger(), path, said.append)
    tracker.end_study(study(path, tracker).start(), None)
    assert said == []


def test_an_error_is_raised_by_a_later_call_and_a_new_start_goes_on(tmp_path):
    path, ledger = tmp_path / "s.jsonl", Ledger(0)
    journal = whole_life()
    with Journal.create(path, journal) as _:
        record = fold(journal)
        tracker = background(ledger, path)
        tracker.start_study(record)
        ledger.entered.wait()
        join()
        with pytest.raises(OSError, match="call 0 found no server"):
            tracker.epoch(record.trials["0"], record.trials["0"].curve[0])
        tracker.start_study(record)
        tracker.end_study(record, None)

    epochs = {name: len(trial.curve) for name, trial in record.trials.items()}
    assert ledger.calls[0] == ledger.calls[1] == ("start_study", epochs)
    assert ledger.calls[-1] == ("end_study", epochs)


def test_an_error_at_the_end_is_raised_there_after_one_more_try(tmp_path):
    path, ledger = tmp_path / "s.jsonl", Ledger(*range(9))
    ledger.gate.clear()
    tracker = background(ledger, path)
    record = study(path, tracker).start()
    ledger.entered.wait()
    opening = threading.Thread(target=ledger.gate.set)
    opening.start()
    with pytest.raises(OSError, match="found no server"):
        tracker.end_study(record, None)
    opening.join()
    assert 1 <= len(ledger.calls) <= 2


def test_mlflow_holds_the_same_as_when_it_is_written_at_once(place: Place, tmp_path):
    live(place, whole_life())
    expected = place.content()
    journal = whole_life(header("behind"))
    path = tmp_path / "behind.jsonl"
    with Journal.create(path, journal[:2]) as written:
        record = fold(journal[:2])
        tracker = background(place.tracker(), path)
        tracker.start_study(record)
        for entry in journal[2:]:
            written.append(entry)
            written.commit()
            play(tracker, record, [entry])
        tracker.end_study(record, None)

    assert place.content("behind") == expected


def test_a_dead_server_costs_no_trial_and_the_journal_writes_it_later(
    place: Place, tmp_path, monkeypatch
):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    from search.trackers.mlflow import MlflowTracker

    path = tmp_path / "dead.jsonl"
    nobody = MlflowTracker("http://127.0.0.1:9")  # the discard port: connections are refused
    journal = short_life(header("dead"))
    tracker_dispatcher = TrackerDispatcher([background(nobody, path)])
    with Journal.create(path, journal[:2]) as written:
        record = fold(journal[:2])
        tracker_dispatcher.start_study(record)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one at the first call after the failure, if any
            for entry in journal[2:]:
                written.append(entry)
                written.commit()
                play(tracker_dispatcher, record, [entry])
        with pytest.warns(UserWarning, match=r"doctor --rebuild dead"):
            tracker_dispatcher.end_study(record, None)
    assert record.state == "finished"

    live(place, short_life())
    later = place.tracker()
    later.start_study(record)
    later.end_study(record, None)
    assert place.content("dead") == place.content()
