"""Tracker protocol: write the events of a study to the terminal, MLflow or another system."""

from collections.abc import Callable, Sequence
from typing import Protocol

from search.export.base import Exported
from search.study.study_record import StudyRecord, TrialRecord
from search.study.trial import EpochReport, Outcome, Proposal


class Tracker(Protocol):
    """Write the events of a study. The search never reads from a tracker.

    Duties:
        - All calls come from one thread, after the event is in the journal.
        - `start_study` is called first, with all recorded trials; a resumed study already has
          some. The tracker must write the missing epochs, and no epoch twice.
        - A promoted trial gets a second `start_trial`.
        - `end_study` is the last call in a process. A study that is resumed gets it again.
        - Any method may raise: the study continues, and the user gets one warning. The tracker is
          called again at the next end of a trial, with `start_study` before `end_trial`, to catch
          up. If this fails too, the next call is `end_study`, which is always made.
    """

    def start_study(self, study: StudyRecord) -> None:
        """Handle the start or the resumption of a study.

        Args:
            study: Record of the study, which grows while the study runs.
        """
        ...

    def start_trial(self, trial: TrialRecord, proposal: Proposal) -> None:
        """Handle a proposal that is sent to a worker.

        Args:
            trial: Record of the trial, which already contains the proposal.
            proposal: The proposal.
        """
        ...

    def epoch(self, trial: TrialRecord, report: EpochReport) -> None:
        """Handle a completed epoch.

        Args:
            trial: Record of the trial, which already contains the epoch.
            report: Report of the epoch.
        """
        ...

    def end_trial(self, trial: TrialRecord, outcome: Outcome) -> None:
        """Handle the outcome of a proposal.

        Args:
            trial: Record of the trial, which already contains the outcome.
            outcome: The outcome.
        """
        ...

    def end_study(self, study: StudyRecord, exported: Exported | None) -> None:
        """Handle the end of a study in this process.

        Args:
            study: Record of the study.
            exported: The winner's exported model; None without one.
        """
        ...


class FirstEpoch:
    """Tracker that calls a function after each epoch; before the first, workers are loading."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call

    def start_study(self, study: StudyRecord) -> None:
        """Do nothing."""

    def start_trial(self, trial: TrialRecord, proposal: Proposal) -> None:
        """Do nothing."""

    def epoch(self, trial: TrialRecord, report: EpochReport) -> None:
        """Call the function, which must allow repeated calls."""
        self._call()

    def end_trial(self, trial: TrialRecord, outcome: Outcome) -> None:
        """Do nothing."""

    def end_study(self, study: StudyRecord, exported: Exported | None) -> None:
        """Do nothing."""


class Slow(Protocol):
    """Slow tracker that handles many events in one call; `background.py` runs it in a thread.

    Duties:
        - All calls come from one thread, which is not the thread of the search. The record belongs
          to this tracker.
        - `start_study` is called first, and again after a method raised, with the current record.
        - `end_study` is called last.
    """

    def start_study(self, study: StudyRecord) -> None:
        """Handle the start or the resumption of a study.

        Args:
            study: Record of the study.
        """
        ...

    def update(self, trials: Sequence[TrialRecord]) -> None:
        """Handle changes of trials.

        Args:
            trials: Records of the trials that have changed since the last call.
        """
        ...

    def end_study(self, study: StudyRecord, exported: Exported | None) -> None:
        """Handle the end of a study in this process.

        Args:
            study: Record of the study, with all changes since the last call.
            exported: The winner's exported model; None without one.
        """
        ...


def rebuild_command(study: str) -> str:
    """Return the command that writes a study of the default store to MLflow again."""
    return f"python -m search doctor --rebuild {study}"
