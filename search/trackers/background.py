"""Run a slow tracker in a separate thread: no trial waits for it, and no event is lost."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from search.errors import SearchError
from search.export.base import Exported
from search.study.events import Asked, Entry, EpochRecorded, Told
from search.study.follower import Follower, GrowingJournal
from search.study.study_record import StudyRecord, TrialRecord
from search.study.trial import EpochReport, Outcome, Proposal
from search.trackers.base import Slow, rebuild_command

WAIT_SECONDS = 60.0  # for what is left to write when a study ends
PAUSE_SECONDS = 1.0  # between two writes: epochs that are shorter share one
PATIENCE_SECONDS = 2.0  # of waiting before the user is told of it


@dataclass(frozen=True, slots=True)
class _Ending:
    exported: Exported | None


class BackgroundTracker:
    """Sends a study to a slow tracker, from a thread that follows the study's journal.

    The search passes only the number of entries on disk: it copies and queues no entries, and no
    record is shared between threads. The thread starts after the first epoch: until then workers
    and the backend load, and use the processors. Entries that arrive while the tracker writes are
    written together, so a slow server means fewer and larger writes.

    An error in the thread is raised by the next call of a method, so that it is treated as any
    tracker's; `start_study` then has the thread try again. `end_study` waits for the entries left,
    at most `wait_seconds` or until Ctrl-C; `say` is called after `patience_seconds` of waiting.
    `follow` opens the journal of a study; `rebuild` is the command that writes it to MLflow again.
    """

    def __init__(
        self,
        tracker: Slow,
        follow: Callable[[str], GrowingJournal],
        say: Callable[[str], None] = lambda _: None,
        *,
        wait_seconds: float = WAIT_SECONDS,
        pause_seconds: float = PAUSE_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
        rebuild: Callable[[str], str] = rebuild_command,
    ) -> None:
        self._tracker = tracker
        self._follow = follow
        self._say = say
        self._rebuild = rebuild
        self._wait_seconds = wait_seconds
        self._pause_seconds = pause_seconds
        self._patience_seconds = patience_seconds
        self._study: StudyRecord | None = None
        # Under the lock, as both sides have a part in it:
        self._lock = threading.Lock()
        self._view: Follower | None = None
        self._on_disk = 0
        self._ending: _Ending | None = None
        self._failure: Exception | None = None
        self._at_work = False
        self._news = threading.Event()
        self._closing = threading.Event()
        self._begun = threading.Event()
        self._done = threading.Event()

    def start_study(self, study: StudyRecord) -> None:
        """Start to follow the study, or continue after an error."""
        if self._study is study or study.epochs_trained:
            self._begun.set()
        if self._study is not study:
            self._study = study
            with self._lock:
                self._view = Follower(self._follow(study.header.study))
        self._tell(study, None)

    def start_trial(self, trial: TrialRecord, proposal: Proposal) -> None:
        """Make the thread read the new entries."""
        self._read_on()

    def epoch(self, trial: TrialRecord, report: EpochReport) -> None:
        """Make the thread read the new entries. It starts to write at the first epoch."""
        self._read_on()
        self._begun.set()

    def end_trial(self, trial: TrialRecord, outcome: Outcome) -> None:
        """Make the thread read the new entries."""
        self._read_on()

    def end_study(self, study: StudyRecord, exported: Exported | None) -> None:
        """Wait until the remaining records are written, within the time limit.

        Raises: the error of the tracker; SearchError when some records have not been written yet.
        """
        if self._study is None:  # it stopped before it started: there is nothing to end
            return
        self._begun.set()
        self._tell(study, _Ending(exported))
        if not self._waited(study.header.study):
            raise SearchError("some records have not been written yet")
        self._raise_failure()

    def _read_on(self) -> None:
        self._raise_failure()
        if self._study is not None:
            # What a tracker is told of is on disk, and so is all that the record holds by then.
            with self._lock:
                self._on_disk = self._study.entries
            self._news.set()

    def _raise_failure(self) -> None:
        with self._lock:
            failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _tell(self, study: StudyRecord, ending: _Ending | None) -> None:
        """Make the thread read new entries. Start it if it is not running."""
        with self._lock:
            self._on_disk = study.entries
            self._ending = ending
            self._failure = None
            self._done.clear()
            if ending is None:
                self._closing.clear()
            else:
                self._closing.set()
            self._news.set()
            if not self._at_work:
                self._at_work = True
                # a daemon: a server that never answers must not keep the process
                threading.Thread(target=self._work, name="tracker", daemon=True).start()

    def _waited(self, study: str) -> bool:
        """Return whether the thread ended within the time limit and before Ctrl-C."""
        with contextlib.suppress(KeyboardInterrupt), _ctrl_c_raises():
            patience = min(self._patience_seconds, self._wait_seconds)
            if self._done.wait(patience):
                return True
            self._say(
                f"writing the last records to MLflow, {self._wait_seconds:.0f} s at most; Ctrl-C "
                f"ends the wait, and `{self._rebuild(study)}` writes the rest later"
            )
            self._done.wait(self._wait_seconds - patience)
        return self._done.is_set()

    def _work(self) -> None:
        """Run in the thread: update the tracker until the study ends or the tracker fails."""
        while True:
            with self._lock:
                view, ending = self._view, self._ending
            failure = None
            try:
                if view is not None:
                    self._pass_on(view)
            except Exception as error:  # noqa: BLE001 - tracker edge: a view never ends a study
                failure = error
            with self._lock:
                if failure is not None and self._ending is not ending:
                    self._news.set()  # the end may have been read, and have failed: once more
                    continue  # the study ended meanwhile: its end is tried at least once
                self._failure = failure
                self._at_work = False
                self._done.set()
                return

    def _pass_on(self, view: Follower) -> None:
        self._begun.wait()
        with self._lock:
            on_disk = self._on_disk
        _changed(view, on_disk)
        self._tracker.start_study(view.record)
        while True:
            self._news.wait()
            self._news.clear()
            with self._lock:
                on_disk, ending = self._on_disk, self._ending
            changed = _changed(view, on_disk)
            if ending is not None:
                return self._tracker.end_study(view.record, ending.exported)
            if changed:
                self._tracker.update(changed)
            self._closing.wait(self._pause_seconds)


def _changed(follower: Follower, number: int) -> list[TrialRecord]:
    """Read the entries up to this number, and return each changed trial once."""
    names = dict.fromkeys(filter(None, map(_trial, follower.read(number))))
    return [follower.record.trials[name] for name in names]


def _trial(entry: Entry) -> str | None:
    """Return the name of the trial that an entry belongs to; None if there is none."""
    event = entry.event
    if isinstance(event, EpochRecorded):
        return event.report.trial
    if isinstance(event, Told):
        return event.trial
    if isinstance(event, Asked) and isinstance(event.answer, Proposal):
        return event.answer.trial
    return None


@contextlib.contextmanager
def _ctrl_c_raises() -> Iterator[None]:
    """Make Ctrl-C raise KeyboardInterrupt, also after a first Ctrl-C has ended the study."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
