"""Progress on the terminal: the choice of a form, and the live table (the only file with rich)."""

import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TextIO, cast

from search.errors import unknown_name
from search.progress import (
    Plan,
    Stopwatch,
    constant_params,
    current,
    final_state,
    seconds_left,
    shown_trials,
)
from search.record import StudyRecord, StudyState, TrialRecord
from search.seeds import Clock
from search.trackers.base import Exported, Tracker
from search.trial import EpochReport, Failed, Outcome, Proposal
from search.wording import (
    best_text,
    brief_params_text,
    done_text,
    encodable,
    failure_text,
    labels_text,
    meaning_text,
    score_text,
    stopped_text,
    time_text,
    title,
)

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, OverflowMethod, RenderableType
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text

__all__ = ["LiveTracker", "Plan", "create"]

MODES = ("auto", "rich", "plain", "json")
MOST_ROWS = 12
OTHER_LINES = 7  # of a frame: two above the table, its names, three below, one for the cursor
NARROW, ROOMY = 72, 100  # columns: below, the place column is left out; from there, wide gaps
PER_SECOND = 4
MOST_SHARE = (
    0.05  # of the time that may go into frames, which take longer the more trials there are
)
STYLES = {"failed": "red", "running": "cyan", "pruned": "dim", "waiting": "dim"}
_FILES = {"plain": "plain", "json": "json_lines"}


class _ModeModule(Protocol):
    def create(self, stream: TextIO, clock: Clock, plan: Plan) -> Tracker: ...


def create(mode: str, stream: TextIO, clock: Clock, plan: Plan) -> Tracker:
    """The tracker for a mode: "rich", "plain" or "json"; "auto" is rich where it can redraw.

    Raises: UsageError for another word.
    """
    if mode not in MODES:
        raise unknown_name("progress mode", mode, MODES)
    if mode == "rich" or (mode == "auto" and stream.isatty()):
        from rich.console import Console

        console = Console(file=stream, highlight=False)
        if mode == "rich" or not console.is_dumb_terminal:
            return LiveTracker(console, clock, plan)
    module = importlib.import_module(f"search.trackers.{_FILES.get(mode, 'plain')}")
    return cast(_ModeModule, module).create(stream, clock, plan)


class LiveTracker:
    """A table that is redrawn in place: trials in flight, the best and the latest, time left.

    The record given to `start_study` is read at later calls too, as it grows. A thread of rich
    redraws several times a second, so that time goes on during an epoch; it sees finished frames
    only. The last frame stays on the screen: a study cut off still shows where it was. `end_study`,
    `close` and any error in drawing give the cursor back.
    """

    def __init__(self, console: "Console", clock: Clock, plan: Plan) -> None:
        self._console = console
        self._watch = Stopwatch(clock)
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
        self._watch.start(study)
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
        self._draw_when_due(0.0)

    def epoch(self, trial: TrialRecord, report: EpochReport) -> None:
        """Show how far it is."""
        self._draw_when_due()

    def end_trial(self, trial: TrialRecord, outcome: Outcome) -> None:
        """Show it among the latest."""
        self._ended.pop(trial.trial, None)
        self._ended[trial.trial] = None
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

    def frame(self, study: StudyRecord, ending: str | None = None) -> "RenderableType":
        """The study as it stands, no taller than the terminal, for rich to print."""
        rows = max(1, min(MOST_ROWS, self._console.height - OTHER_LINES))
        return _frame(study, self._plan, self._watch, list(reversed(self._ended)), rows, ending)

    def _draw_when_due(self, rest: float = 1 / PER_SECOND) -> None:
        """Draw unless the last frame is younger than `rest` seconds, or too costly to be replaced.

        A younger one rich has hardly shown.
        """
        if self._watch.elapsed() >= self._drawn_at + max(rest, self._cost / MOST_SHARE):
            self._draw()

    def _draw(self, ending: str | None = None) -> None:
        if self._live is None or self._study is None:
            return
        try:
            began = self._watch.elapsed()
            self._live.update(self.frame(self._study, ending), refresh=ending is not None)
            self._drawn_at = self._watch.elapsed()
            self._cost = self._drawn_at - began
        except BaseException:
            self.close()
            raise


@dataclass(frozen=True, slots=True)
class _Frame:
    """One state of a study in words; until the next one only its times go on."""

    head: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    done: str
    left: float | None
    feet: tuple[str, ...]
    watch: Stopwatch
    made_at: float
    ending: str | None

    def __rich_console__(
        self, console: "Console", options: "ConsoleOptions"
    ) -> Iterator["RenderableType"]:
        from rich.text import Text

        # rich's mark for cut text is no ASCII, and would break the stream
        cut: OverflowMethod = "crop" if options.ascii_only else "ellipsis"

        def line(words: str, style: str = "") -> Text:
            fit = encodable(words, console.encoding)
            return Text(fit, style=style, no_wrap=True, overflow=cut)

        yield from map(line, self.head)
        yield self._table(line, options.max_width)
        yield line(f"{self.done}, {self._times()}")
        yield from map(line, self.feet)

    def _table(self, line: "Callable[[str, str], Text]", width: int) -> "Table":
        from rich.table import Table

        table = Table(box=None, padding=(0, 2 if width >= ROOMY else 1, 0, 0), expand=True)
        shown = [n for n, name in enumerate(self.columns) if width >= NARROW or "/" not in name]
        for n in shown:
            fills = self.columns[n] == "parameters"
            heading = line(self.columns[n], "bold")
            table.add_column(heading, ratio=1 if fills else None, no_wrap=True)
        for row in self.rows:
            style = STYLES.get(row[1], "")
            table.add_row(*(line(row[n], style) for n in shown))
        return table

    def _times(self) -> str:
        if self.ending is not None:
            return f"elapsed {time_text(self.made_at)}, {self.ending}"
        elapsed = self.watch.elapsed()
        left = None if self.left is None else max(self.left - (elapsed - self.made_at), 0.0)
        return f"elapsed {time_text(elapsed)}, left {time_text(left)}"


def _frame(
    study: StudyRecord,
    plan: Plan,
    watch: Stopwatch,
    ended: Sequence[str],
    most_rows: int,
    ending: str | None,
) -> _Frame:
    elapsed = watch.elapsed()
    best, constant = study.best(), constant_params(study)
    trials = shown_trials(study, best, ended, most_rows)
    labels = list(dict.fromkeys(name for t in trials for name in _ranks(t)))
    state: StudyState = "running" if ending is None else final_state(study)
    rows = tuple(
        (
            f"{trial.trial}{' *' if trial is best else ''}",
            trial.state(state),
            *([_place(trial, labels)] if labels else []),
            brief_params_text(trial.params, constant),
            f"{len(trial.curve)}/{trial.stop_epoch}",
            *map(score_text, current(study, trial)),
        )
        for trial in trials
    )
    place = ["/".join(labels)] if labels else []
    columns = ("trial", "state", *place, "parameters", "epoch", "now", "best")
    return _Frame(
        head=(title(study), meaning_text(study, plan)),
        columns=columns,
        rows=rows,
        done=done_text(study, plan),
        left=seconds_left(study, plan, elapsed),
        feet=(best_text(study, best), *_failures(study, ended)),
        watch=watch,
        made_at=elapsed,
        ending=ending,
    )


def _ranks(trial: TrialRecord) -> dict[str, str | int]:
    """The labels that place a trial in its algorithm; a role, such as baseline, is none."""
    return {name: v for name, v in trial.proposal.labels.items() if name != "role"}


def _place(trial: TrialRecord, labels: Sequence[str]) -> str:
    ranks = _ranks(trial)
    if not ranks:
        return labels_text(trial.proposal.labels)
    return "/".join(str(ranks.get(name, "-")) for name in labels)


def _failures(study: StudyRecord, ended: Sequence[str]) -> list[str]:
    """How many failed, and the latest of them as far as the order is known."""
    failed = [
        (name, outcome)
        for name in ended
        if isinstance(outcome := study.trials[name].outcome, Failed)
    ]
    if not failed:
        return []
    name, latest = failed[0]
    return [f"failed: {len(failed)}, trial {name} with {failure_text(latest)}"]
