"""A tracker that remembers the calls made to it: for tests, and for notebooks that look back."""

from search.export.base import Exported
from search.study.study_record import StudyRecord, TrialRecord
from search.study.trial import EpochReport, Outcome, Proposal


class MemoryTracker:
    """Keeps each call as a tuple of its name and what it was about, in `calls`.

    >>> tracker = MemoryTracker()
    >>> tracker.calls
    []
    """

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []

    def start_study(self, study: StudyRecord) -> None:
        """Remember the study's name and how many trials it already had."""
        self.calls.append(("start_study", study.header.study, len(study.trials)))

    def start_trial(self, trial: TrialRecord, proposal: Proposal) -> None:
        """Remember the proposal."""
        self.calls.append(("start_trial", trial.trial, proposal))

    def epoch(self, trial: TrialRecord, report: EpochReport) -> None:
        """Remember the report."""
        self.calls.append(("epoch", trial.trial, report))

    def end_trial(self, trial: TrialRecord, outcome: Outcome) -> None:
        """Remember the outcome."""
        self.calls.append(("end_trial", trial.trial, outcome))

    def end_study(self, study: StudyRecord, exported: Exported | None) -> None:
        """Remember why the study stopped."""
        self.calls.append(("end_study", study.header.study, study.stopped))
