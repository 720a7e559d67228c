"""Progress as JSON lines: the keys are a public interface, pinned here."""

import json
from io import StringIO
from pathlib import Path

import pytest

from search.export.base import Exported
from search.study.progress import Plan
from search.study.study_record import fold
from search.trackers.json_lines import JsonLinesTracker
from tests.records import play, whole_life
from tests.trackers.contract import TrackerContract
from tests.trackers.watching import PLAN, HandClock

STANDING = ["trials_done", "epochs_trained", "best"]
TIMES = ["elapsed", "left", "epochs_per_second"]


class TestJsonLines(TrackerContract):
    @pytest.fixture
    def make(self):
        return lambda: JsonLinesTracker(StringIO(), HandClock(), PLAN)


def lines(plan=PLAN):
    stream, clock, life = StringIO(), HandClock(), whole_life()
    record = fold(life[:1])
    tracker = JsonLinesTracker(stream, clock, plan)
    tracker.start_study(record)
    clock.now += 12.0
    play(tracker, record, life[1:])
    tracker.end_study(record, Exported(Path("exports") / "demo-1", None))
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_each_kind_of_event_has_these_keys_in_this_order():
    keys = {line["event"]: list(line) for line in lines()}
    about = ["study", "problem", "backend", "seed", "objective", "epochs_meaning", "planned"]
    end = ["state", "score", "best_epoch", "epochs", "error"]
    assert keys == {
        "start_study": ["event", *about, *STANDING, *TIMES],
        "start_trial": ["event", "trial", "params", "budget", "labels", *TIMES],
        "epoch": ["event", "trial", "epoch", "metrics", "seconds", *TIMES],
        "end_trial": ["event", "trial", *end, *STANDING, *TIMES],
        "end_study": ["event", "study", "state", "stopped", "export", *STANDING, *TIMES],
    }


def test_there_is_one_line_for_every_call():
    events = [line["event"] for line in lines()]
    assert {event: events.count(event) for event in events} == {
        "start_study": 1,
        "start_trial": 6,
        "epoch": 10,
        "end_trial": 6,
        "end_study": 1,
    }


def test_the_study_is_introduced_with_its_plan():
    first = lines()[0]
    assert first["objective"] == {"metric": "val_accuracy", "direction": "max"}
    assert first["planned"] == {"trials": 6, "epochs": 15, "seconds": None}
    assert (first["best"], first["left"]) == (None, None)


def test_outcomes_errors_and_the_best_so_far_are_told():
    ends = [line for line in lines() if line["event"] == "end_trial"]
    assert [line["state"] for line in ends] == [
        "completed",
        "waiting",
        "waiting",
        "failed",
        "pruned",
        "completed",
    ]
    assert ends[3]["error"] == {"kind": "ValueError", "message": "no such optimizer"}
    assert [line["best"]["trial"] for line in ends] == ["0", "0", "0", "0", "0", "2"]
    assert ends[0]["best"] == {"trial": "0", "score": 0.5, "best_epoch": 2, "spread": None}


def test_time_left_follows_from_seconds_per_epoch_and_the_epochs_still_planned():
    ends = [line for line in lines() if line["event"] == "end_trial"]
    assert [(line["elapsed"], line["left"]) for line in ends[:2]] == [(12.0, 48.0), (12.0, 24.0)]


def test_the_time_limit_caps_the_time_left():
    ends = lines(Plan(None, 1000, 20.0, "the budget"))
    assert ends[0]["left"] == 20.0
    assert ends[-1]["left"] == 8.0


def test_the_end_names_state_reason_and_export():
    last = lines()[-1]
    export = str(Path("exports") / "demo-1")
    assert (last["state"], last["stopped"], last["export"]) == ("finished", "exhausted", export)
