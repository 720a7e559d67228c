"""Follow the journals of running studies: read them incrementally, and limit redrawing."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dashboards.analysis.importance import importances
from dashboards.live.figures import Shown
from dashboards.live.snapshot import Standing, standing
from dashboards.tables.frames import Budgets
from dashboards.tables.tables import Tables, gathered
from search.errors import JournalError
from search.runtime.clock import Clock, VirtualClock
from search.study.eta import Pace
from search.study.events import EpochRecorded, Stopped, Told
from search.study.follower import Follower
from search.study.journal import Tail
from search.study.progress import Plan, state_on_disk
from search.study.store import Store
from search.study.study_record import StudyRecord, StudyState
from search.study.trial import Failed

if TYPE_CHECKING:
    import pandas as pd

LEAST_SECONDS = 2.0  # minimum between two drawings of figures and table
MOST_SHARE = 0.05  # maximum share of time for drawing while a study runs: training needs the CPU
MOST_SECONDS = 15.0  # maximum between two drawings, also on a busy machine


class _Followed:
    """One followed study: its record and budgets up to the last complete line of its journal."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = VirtualClock()  # the active time of the study
        self.pace = Pace(self.clock)
        self.budgets = Budgets()
        self.journal = Follower(Tail(path))
        self.failed: dict[str, Failed] = {}
        self.grown_at = 0.0
        self.drawn: Drawn | None = None
        self._stopped = True  # before the header, as between a stop and a resume
        self._seen = (0, 0)

    def replaced(self, found: os.stat_result) -> bool:
        """Return whether the file was replaced by the journal of another study with this name."""
        inode, size = self._seen
        return bool(inode) and (found.st_ino != inode or found.st_size < size)

    def read(self, found: os.stat_result, now: float) -> None:
        """Read the entries since the last call.

        Raises: JournalError for a damaged line.
        """
        if (found.st_ino, found.st_size) == self._seen:
            return
        for entry in self.journal.read():
            record = self.journal.record
            self.budgets.apply(entry)
            self.clock.now = max(self.clock.now, entry.seconds)
            if self._stopped and not isinstance(entry.event, Stopped):
                self.pace.start(record)
            self._stopped = record.stopped is not None
            if isinstance(entry.event, EpochRecorded | Told):
                self.pace.note(record)
            if isinstance(entry.event, Told):
                self.failed.pop(entry.event.trial, None)
                if isinstance(entry.event.outcome, Failed):
                    self.failed[entry.event.trial] = entry.event.outcome
        self._seen = (found.st_ino, found.st_size)
        self.grown_at = now


@dataclass(eq=False, slots=True)
class Drawn:
    """Data for the figures and the table until the next drawing.

    `number`: consecutive number of the drawing. `entries`: number of journal entries in it.
    `cost`: seconds spent on the drawing so far, including figures.
    """

    number: int
    entries: int
    tables: Tables
    at: float
    cost: float
    _ranking: "pd.DataFrame | None" = None
    _figures: dict[str, Shown] = field(default_factory=dict)

    def figure(self, word: str, draw: Callable[["Drawn"], Shown]) -> Shown:
        """Return a figure by its name. It is drawn once for all pages."""
        if word not in self._figures:
            self._figures[word] = draw(self)
        return self._figures[word]

    def ranking(self) -> "pd.DataFrame":
        """Return the parameter importances. The first call takes seconds."""
        if self._ranking is None:
            tables = self.tables
            self._ranking = importances(tables.trials, tables.objective, tables.space)
        return self._ranking


class Watcher:
    """Follow the studies of a store, for any number of pages and threads.

    `plan` returns the planned totals of a recorded study. Numbers follow the journal at each call
    of `look`. Tables for figures are computed again when the journal has grown; while the study
    runs, only after twenty times the duration of the last drawing, or 15 seconds.
    """

    def __init__(self, store: Store, plan: Callable[[StudyRecord], Plan], clock: Clock) -> None:
        self.store = store
        self._plan = plan
        self._clock = clock
        self._lock = threading.RLock()
        self._followed: dict[str, _Followed] = {}

    def studies(self) -> list[str]:
        """Return the studies of the store, the latest first."""
        return self.store.latest_first()

    def look(self, study: str) -> Standing:
        """Return the current status of a study.

        Raises: SearchError when the study does not exist, or its journal is damaged.
        """
        with self._lock:
            followed, record, state = self._read(study)
            drawn = self._drawn(followed, record, state)
            since = self._clock.seconds() - followed.grown_at if state == "running" else 0.0
            followed.clock.now = record.seconds + since
            plan = self._plan(record)
            return standing(record, state, plan, followed.pace, followed.failed, drawn.number)

    def drawn(self, study: str) -> Drawn:
        """Return the current data for the figures and the table of a study.

        Raises: as `look`.
        """
        with self._lock:
            return self._drawn(*self._read(study))

    def _read(self, study: str) -> tuple[_Followed, StudyRecord, StudyState]:
        path = self.store.existing(study)
        try:
            found = path.stat()
        except OSError as error:
            raise JournalError(f"Cannot read journal {path}: {error.strerror}") from error
        followed = self._followed.get(study)
        if followed is None or followed.replaced(found):
            followed = self._followed[study] = _Followed(path)
        try:
            followed.read(found, self._clock.seconds())
        except BaseException:
            del self._followed[study]  # an entry may be applied partially: start over next time
            raise
        record = followed.journal.record
        return followed, record, state_on_disk(record, path)

    def _drawn(self, followed: _Followed, record: StudyRecord, state: StudyState) -> Drawn:
        last, now = followed.drawn, self._clock.seconds()
        if last is not None:
            if last.entries == record.entries and last.tables.state == state:
                return last
            rest = min(max(LEAST_SECONDS, last.cost / MOST_SHARE), MOST_SECONDS)
            if state == "running" and now - last.at < rest:
                return last
        tables = gathered(record, state, followed.budgets)
        cost = self._clock.seconds() - now
        number = 1 if last is None else last.number + 1
        followed.drawn = Drawn(number, record.entries, tables, now, cost)
        return followed.drawn
