"""Progress on the terminal: the choice of a form, and the live table."""

import importlib
import sys
from typing import TYPE_CHECKING, Protocol, TextIO, cast

from search.errors import unknown_name
from search.export.base import Exported
from search.runtime.clock import Clock
from search.study.eta import Pace
from search.study.progress import Plan
from search.study.progress_text import stopped_text
from search.study.study_record import StudyRecord, TrialRecord
from search.study.trial import EpochReport, Outcome, Proposal
from search.trackers._console_frame import Frame, frame
from search.trackers._modes import PROGRESS_MODES
from search.trackers.base import Tracker

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

__all__ = ["LiveTracker", "Plan", "create"]

MOST_ROWS = 12
OTHER_LINES = 7  # of a frame: two above the table, its names, three below, one for the cursor
PER_SECOND = 4
MOST_SHARE = (
    0.05  # of the time that may go into frames, which take longer the more trials there are
)
_FILES = {"plain": "plain_text", "json": "json_lines"}


class _ModeModule(Protocol):
    def create(self, stream: TextIO, clock: Clock, plan: Plan) -> Tracker: ...


def create(mode: str, stream: TextIO, clock: Clock, plan: Plan) -> Tracker:
    """The tracker for a mode: "rich", "plain" or "json"; "auto" is rich where it can redraw.

    Raises: UsageError for another word.
    """
    if mode not in PROGRESS_MODES:
        raise unknown_name("progress mode", mode, PROGRESS_MODES)
    if mode == "rich" or (mode == "auto" and stream.isatty()):
        from rich.console import Console

        console = Console(file=stream, highlight=False)
        if mode == "rich" or not console.is_dumb_terminal:
            return LiveTracker(console, clock, plan)
    module = importlib.import_module(f"search.trackers.{_FILES.get(mode, 'plain_text')}")
    return cast(_ModeModule, module).create(stream, clock, plan)


class LiveTracker:
    """A table that is redrawn in place: trials in flight, the best and the latest, time left.

    The record given to `start_study` is read at later calls too, as it grows. A thread of rich
    redraws several times a second, so that the time advances during an epoch; it reads complete
    frames only. The last frame stays on the screen, also if the study is killed. `end_study`,
    `close` and any error in drawing give the cursor back.
    """

    def __init__(self, console: "Console", clock: Clock, plan: Plan) -> None:
        self._console = console
        self._pace = Pace(clock)
        self._plan = plan
        self._live: Live | None = None
        self._study: StudyRecord | None = None
        self._ended: dict[str, None] = {}
        self._drawn_at = 0.0
        self._cost = 0.0

    def start_study(self, study: StudyRecord) -> None:
        """Begin to draw, with all that the record holds already."""
        from rich.live import Live

        self.close()
        self._study = study
        self._pace.start(study)
        self._ended = {name: None for name, trial in study.trials.items() if not trial.pending}
        self._live = Live(
            console=self._console,
            refresh_per_second=PER_SECOND,
            # results printed to a pipe must reach it; on a terminal they would tear the table
            redirect_stdout=sys.stdout.isatty(),
            redirect_stderr=True,
        )
        self._live.start()
        self._draw()

    def start_trial(self, trial: TrialRecord, proposal: Proposal) -> None:
        """Show it in flight at once: its first epoch may be long in coming."""
        self._ended.pop(trial.trial, None)
        self._note()
        self._draw_when_due(0.0)

    def epoch(self, trial: TrialRecord, report: EpochReport) -> None:
        """Show how far it is."""
        self._note()
        self._draw_when_due()

    def end_trial(self, trial: TrialRecord, outcome: Outcome) -> None:
        """Show it among the latest."""
        self._ended.pop(trial.trial, None)
        self._ended[trial.trial] = None
        self._note()
        self._draw_when_due()

    def end_study(self, study: StudyRecord, exported: Exported | None) -> None:
        """Leave the last frame on the screen."""
        self._study = study
        self._draw(stopped_text(study))
        self.close()

    def close(self) -> None:
        """Stop drawing and give the cursor back; harmless when repeated."""
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    def frame(self, study: StudyRecord, ending: str | None = None) -> Frame:
        """Return the state of the study, within the terminal's height, for rich to print."""
        rows = max(1, min(MOST_ROWS, self._console.height - OTHER_LINES))
        return frame(study, self._plan, self._pace, list(reversed(self._ended)), rows, ending)

    def _note(self) -> None:
        if self._study is not None:
            self._pace.note(self._study)

    def _draw_when_due(self, rest: float = 1 / PER_SECOND) -> None:
        """Draw unless the last frame is younger than `rest` seconds, or too costly to be replaced.

        A younger one rich has hardly shown.
        """
        if self._pace.elapsed() >= self._drawn_at + max(rest, self._cost / MOST_SHARE):
            self._draw()

    def _draw(self, ending: str | None = None) -> None:
        if self._live is None or self._study is None:
            return
        try:
            began = self._pace.elapsed()
            self._live.update(self.frame(self._study, ending), refresh=ending is not None)
            self._drawn_at = self._pace.elapsed()
            self._cost = self._drawn_at - began
        except BaseException:
            self.close()
            raise
