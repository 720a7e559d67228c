"""The live table, and the choice between it and the plain forms."""

from io import BytesIO, StringIO, TextIOWrapper

import pytest
from rich.console import Console

from search.errors import UsageError
from search.study.events import Told
from search.study.progress import Plan
from search.study.study_record import StudyRecord, fold
from search.study.trial import EpochReport, Failed
from search.trackers.console import LiveTracker, create
from search.trackers.json_lines import JsonLinesTracker
from search.trackers.plain_text import PlainTracker
from tests.records import asked, completed, entries, play, reported, whole_life
from tests.trackers.contract import TrackerContract
from tests.trackers.watching import PLAN, HandClock

SHOW_CURSOR, HIDE_CURSOR = "\x1b[?25h", "\x1b[?25l"


class Terminal(StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def terminal(width: int = 80, height: int = 24, stream: StringIO | TextIOWrapper | None = None):
    return Console(
        file=stream or StringIO(),
        width=width,
        height=height,
        force_terminal=True,
        color_system=None,
        highlight=False,
        legacy_windows=False,
    )


@pytest.fixture
def life():
    return whole_life()


def screen(
    record: StudyRecord, plan: Plan = PLAN, *, width: int = 80, height: int = 24, after: float = 0
) -> list[str]:
    """The lines a terminal shows of this record, `after` seconds later."""
    clock = HandClock()
    tracker = LiveTracker(terminal(width, height), clock, plan)
    tracker.start_study(record)
    tracker.close()
    frame = tracker.frame(record)
    clock.now += after
    console = terminal(width, height)
    console.print(frame)
    return console.file.getvalue().splitlines()


def words(lines: list[str]) -> list[str]:
    """The lines without what only aligns them."""
    return [" ".join(line.split()) for line in lines]


class TestLive(TrackerContract):
    @pytest.fixture
    def make(self):
        return lambda: LiveTracker(terminal(), HandClock(), PLAN)


def test_the_first_frame_says_what_the_study_is_and_promises_nothing(life):
    assert words(screen(fold(life[:1]))) == [
        "study demo-1: problem demo, backend hyperband, seed 3",
        "val_accuracy (max), epochs: the budget, at most 3",
        "trial state parameters epoch curve now best",
        "trials 0/6, epochs 0/15, elapsed 0:00, left ?",
        "best: none yet",
    ]


def test_a_study_under_way_shows_best_latest_and_what_is_in_flight(life):
    record = fold(life[:-5])
    record.seconds = 60.0
    assert words(screen(record, width=120)[2:]) == [
        "trial state rung/bracket parameters epoch curve now best",
        "0 * completed baseline layers=1 lr=0.01 3/3 ▁█▅ 0.4000 0.5000",
        "4 pruned 1/0 layers=2 lr=0.05 2/3 ▁█ 0.3500 0.3500",
        "1 waiting 0/1 layers=2 lr=0.02 1/1 ▄ 0.2000 0.2000",
        "3 failed 1/0 layers=1 lr=0.04 1/3 ▄ 0.1000 0.1000",
        "2 running 1/1 layers=3 lr=0.03 1/3 ▄ 0.6000 0.6000",
        "trials 4/6, epochs 8/15, elapsed 1:00, left 0:20",
        "best: trial 0 (baseline), val_accuracy 0.5000 at epoch 2 "
        "(ahead after 1 epoch: trial 2, 0.6000)",
        "failed: 1, trial 3 with ValueError: no such optimizer",
    ]


def test_time_goes_on_in_a_frame_that_is_not_replaced(life):
    record = fold(life[:-5])
    record.seconds = 60.0
    assert "elapsed 1:05, left 0:15" in screen(record, after=5.0)[-3]
    assert "elapsed 2:00, left 0:00" in screen(record, after=60.0)[-3]


def test_the_time_limit_caps_the_time_left(life):
    record = fold(life[:1])
    assert "left 0:30" in screen(record, Plan(None, None, 30.0, "a ceiling"))[3]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal(life, width):
    record = fold([*life[:-3], *entries([Told("2", Failed("OSError", "é" * 300, "", 2))])[1:]])
    lines = screen(record, width=width)
    assert max(map(len, lines)) <= width
    assert len(lines) == 11


@pytest.mark.parametrize(("height", "rows"), [(24, 12), (12, 5), (8, 1), (3, 1)])
def test_many_trials_fit_a_low_terminal(height, rows):
    events = [event for n in map(str, range(40)) for event in (asked(n, 0, 1), reported(n, 1, 0.5))]
    events += [completed(str(n), 0.5, 1, 1) for n in range(30)]
    lines = screen(fold(entries(events)), height=height)
    assert len(lines) == rows + 5


def test_the_trials_in_flight_leave_room_for_the_best_and_the_latest():
    events = [event for n in map(str, range(40)) for event in (asked(n, 0, 1), reported(n, 1, 0.5))]
    events += [completed(str(n), 0.5 + n / 100, 1, 1) for n in range(20)]
    shown = [line.split()[0] for line in screen(fold(entries(events)))[3:15]]
    assert shown == ["19", "18", "17", "16", *map(str, range(32, 40))]


def test_parameters_that_never_differ_are_left_out():
    same = {"layers": 2, "optimizer": "adam"}
    events = [asked("1", 0, 1, params=same | {"rate": 0.1}), asked("2", 0, 1, params=same)]
    lines = words(screen(fold(entries(events))))
    assert lines[3:5] == ["1 running rate=0.1 0/1 - -", "2 running 0/1 - -"]


def test_the_last_frame_stays_and_the_cursor_comes_back(life):
    console, record = terminal(), fold(life[:1])
    tracker = LiveTracker(console, HandClock(), PLAN)
    tracker.start_study(record)
    play(tracker, record, life[1:])
    tracker.end_study(record, None)
    text = console.file.getvalue()
    assert text.rindex(SHOW_CURSOR) > text.rindex(HIDE_CURSOR)
    last = words(text.rsplit("study demo-1", 1)[1].splitlines())
    assert last[3] == "2 * completed 1/1 layers=3 lr=0.03 3/3 ▁█▅ 0.6500 0.7000"
    assert "trials 5/6, epochs 10/15, elapsed 0:00, finished" in last


def test_a_trial_left_behind_counts_as_pruned_at_the_end_only(life):
    console, record = terminal(), fold(life)
    tracker = LiveTracker(console, HandClock(), PLAN)
    tracker.start_study(record)
    tracker.end_study(record, None)
    rows = words(console.file.getvalue().splitlines())
    assert "1 pruned 0/1 layers=2 lr=0.02 1/1 ▄ 0.2000 0.2000" in rows


def test_close_gives_the_cursor_back_once_the_study_is_lost(life):
    console = terminal()
    tracker = LiveTracker(console, HandClock(), PLAN)
    tracker.start_study(fold(life[:8]))
    assert console.file.getvalue().startswith(HIDE_CURSOR)
    tracker.close()
    tracker.close()
    assert console.file.getvalue().count(SHOW_CURSOR) == 1


def test_an_error_while_drawing_gives_the_cursor_back(life):
    console, record = terminal(), fold(life[:4])
    tracker = LiveTracker(console, HandClock(), PLAN)
    tracker.start_study(record)
    record.trials["0"].curve.append(EpochReport("0", 2, {"loss": 1.0}, 0.1))
    with pytest.raises(KeyError):
        tracker.start_trial(record.trials["0"], record.trials["0"].proposals[0])
    assert console.file.getvalue().endswith(SHOW_CURSOR)


def test_epochs_faster_than_the_eye_do_not_redraw(life):
    clock, record = HandClock(), fold(life[:3])
    drawn: list[float] = []

    class Watched(LiveTracker):
        def frame(self, study, ending=None):
            drawn.append(clock.now)
            return super().frame(study, ending)

    tracker = Watched(terminal(), clock, PLAN)
    tracker.start_study(record)
    for _ in range(100):
        clock.now += 0.01
        tracker.epoch(record.trials["0"], EpochReport("0", 1, {"val_accuracy": 0.5}, 0.01))
    tracker.close()
    assert 3 <= len(drawn) <= 5


def test_a_terminal_without_unicode_gets_plain_letters(life):
    raw = BytesIO()
    console = terminal(40, stream=TextIOWrapper(raw, encoding="ascii"))
    failed = entries([Told("2", Failed("OSError", "é — é", "", 2))])[1:]
    record = fold(life[:-3])
    tracker = LiveTracker(console, HandClock(), PLAN)
    tracker.start_study(record)
    play(tracker, record, failed)
    tracker.end_study(record, None)
    console.file.flush()
    assert "failed: 2, trial 2 with OSError: ? ? ?\n" in raw.getvalue().decode("ascii")


@pytest.mark.parametrize(
    ("mode", "stream", "kind"),
    [
        ("auto", Terminal(), LiveTracker),
        ("auto", StringIO(), PlainTracker),
        ("rich", StringIO(), LiveTracker),
        ("plain", Terminal(), PlainTracker),
        ("json", Terminal(), JsonLinesTracker),
    ],
)
def test_the_mode_chooses_the_tracker(monkeypatch, mode, stream, kind):
    monkeypatch.setenv("TERM", "xterm")
    assert type(create(mode, stream, HandClock(), PLAN)) is kind


def test_a_terminal_that_cannot_redraw_gets_lines(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    assert type(create("auto", Terminal(), HandClock(), PLAN)) is PlainTracker


def test_an_unknown_mode_gets_the_nearest_one():
    with pytest.raises(UsageError, match="did you mean 'plain'"):
        create("plane", StringIO(), HandClock(), PLAN)
