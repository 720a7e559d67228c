"""Write-only views of a study: what a tracker is told, and when."""

from collections.abc import Callable, Sequence
from typing import Protocol

from search.export.base import Exported
from search.study.study_record import StudyRecord, TrialRecord
from search.study.trial import EpochReport, Outcome, Proposal


class Tracker(Protocol):
    """A view of a study that is written and never read back by the search.

    Duties. All calls come from one thread, after the event is in the journal. `start_study`
    comes first, with everything recorded so far (a resumed study has trials already): the tracker
    brings itself up to date with it, so that no epoch is missing and none is there twice. A
    promoted trial gets a second `start_trial`. `end_study` may come more than once in the life of
    a study (a resume may follow), always last in a process. Any method may raise: the study goes
    on, the tracker is warned about once, and is called again at the next end of a trial, with
    `start_study` before `end_trial`, so that it can bring itself up to date; if that fails too, not
    before `end_study`, which always comes.
    """

    def start_study(self, study: StudyRecord) -> None:
        """The study begins, or goes on."""
        ...

    def start_trial(self, trial: TrialRecord, proposal: Proposal) -> None:
        """A proposal goes to a worker; `trial` already holds it."""
        ...

    def epoch(self, trial: TrialRecord, report: EpochReport) -> None:
        """An epoch was reported; `trial` already holds it."""
        ...

    def end_trial(self, trial: TrialRecord, outcome: Outcome) -> None:
        """The trial's last proposal has come to this; `trial` already holds it."""
        ...

    def end_study(self, study: StudyRecord, exported: Exported | None) -> None:
        """The study stopped; `exported` is the winner's model where there is one."""
        ...


class FirstEpoch:
    """Calls a function after the first epoch of a study: until then others load, and come first."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call

    def start_study(self, study: StudyRecord) -> None:
        """Do nothing."""

    def start_trial(self, trial: TrialRecord, proposal: Proposal) -> None:
        """Do nothing."""

    def epoch(self, trial: TrialRecord, report: EpochReport) -> None:
        """Make the call; it must be harmless when it is made again."""
        self._call()

    def end_trial(self, trial: TrialRecord, outcome: Outcome) -> None:
        """Do nothing."""

    def end_study(self, study: StudyRecord, exported: Exported | None) -> None:
        """Do nothing."""


class Slow(Protocol):
    """A view that takes its time, and takes many events in one go; `background.py` runs it.

    Duties. All calls come from one thread, which is not the search's: the record is this view's
    own. `start_study` comes first, and again after a method raised, with all that is known by then;
    `end_study` comes last.
    """

    def start_study(self, study: StudyRecord) -> None:
        """The study begins, or goes on."""
        ...

    def update(self, trials: Sequence[TrialRecord]) -> None:
        """These trials have changed since the last call."""
        ...

    def end_study(self, study: StudyRecord, exported: Exported | None) -> None:
        """The study stopped; what has changed since the last call is in the record."""
        ...


def rebuild_command(study: str) -> str:
    """Return the command that writes a study of the default store to MLflow again."""
    return f"python -m search doctor --rebuild {study}"
