"""All trackers of a study as one that never raises: a broken one is warned about and dropped."""

import warnings
from collections.abc import Callable, Sequence

from search.record import StudyRecord, TrialRecord
from search.trackers.base import Exported, Tracker
from search.trial import EpochReport, Outcome, Proposal


class Audience:
    """Passes each call on to every tracker that has not failed yet."""

    def __init__(self, trackers: Sequence[Tracker]) -> None:
        self._trackers = list(trackers)

    def start_study(self, study: StudyRecord) -> None:
        """Pass it on."""
        self._each(lambda tracker: tracker.start_study(study))

    def start_trial(self, trial: TrialRecord, proposal: Proposal) -> None:
        """Pass it on."""
        self._each(lambda tracker: tracker.start_trial(trial, proposal))

    def epoch(self, trial: TrialRecord, report: EpochReport) -> None:
        """Pass it on."""
        self._each(lambda tracker: tracker.epoch(trial, report))

    def end_trial(self, trial: TrialRecord, outcome: Outcome) -> None:
        """Pass it on."""
        self._each(lambda tracker: tracker.end_trial(trial, outcome))

    def end_study(self, study: StudyRecord, exported: Exported | None) -> None:
        """Pass it on."""
        self._each(lambda tracker: tracker.end_study(study, exported))

    def _each(self, call: Callable[[Tracker], None]) -> None:
        for tracker in list(self._trackers):
            try:
                call(tracker)
            except Exception as error:  # noqa: BLE001 - tracker edge: a view never ends a study
                self._trackers.remove(tracker)
                warnings.warn(
                    f"{type(tracker).__name__} failed and is left out from here on "
                    f"({type(error).__name__}: {error}); the journal goes on, and "
                    "`python -m search doctor --rebuild STUDY` writes MLflow anew from it",
                    stacklevel=2,
                )
