"""All trackers of a study as one that never raises: one that fails rests and catches up later."""

import warnings
from collections.abc import Callable, Sequence

from search.errors import in_a_line
from search.export.base import Exported
from search.runtime.masking import masked
from search.study.study_record import StudyRecord, TrialRecord
from search.study.trial import EpochReport, Outcome, Proposal
from search.trackers.base import Tracker, rebuild_command


class TrackerDispatcher:
    """Passes each call on to every tracker that is well.

    One that raised rests until the next end of a trial, so that a dead server does not cost its
    timeout at every epoch; there it catches up, or rests until the end of the study. `rebuild`: the
    command that writes a study to MLflow again.
    """

    def __init__(
        self, trackers: Sequence[Tracker], rebuild: Callable[[str], str] = rebuild_command
    ) -> None:
        self._listeners = [_Listener(tracker, rebuild) for tracker in trackers]
        self._study: StudyRecord | None = None

    def start_study(self, study: StudyRecord) -> None:
        """Pass it on."""
        self._study = study
        self._each(lambda tracker: tracker.start_study(study))

    def start_trial(self, trial: TrialRecord, proposal: Proposal) -> None:
        """Pass it on."""
        self._each(lambda tracker: tracker.start_trial(trial, proposal))

    def epoch(self, trial: TrialRecord, report: EpochReport) -> None:
        """Pass it on."""
        self._each(lambda tracker: tracker.epoch(trial, report))

    def end_trial(self, trial: TrialRecord, outcome: Outcome) -> None:
        """Pass it on; a tracker that failed since the last one is first given the whole record."""

        def end(tracker: Tracker) -> None:
            tracker.end_trial(trial, outcome)

        def catch_up(tracker: Tracker) -> None:
            if self._study is not None:
                tracker.start_study(self._study)
            end(tracker)

        for listener in self._listeners:
            if listener.failures == 0:
                listener.tell(end)
            elif listener.failures == 1:
                listener.tell(catch_up)

    def end_study(self, study: StudyRecord, exported: Exported | None) -> None:
        """Pass it on to every tracker, the resting ones too."""
        for listener in self._listeners:
            listener.tell(
                lambda tracker: tracker.end_study(study, exported), ending=study.header.study
            )

    def _each(self, call: Callable[[Tracker], None]) -> None:
        for listener in self._listeners:
            if listener.failures == 0:
                listener.tell(call)


class _Listener:
    """One tracker, and how often in a row it has failed."""

    def __init__(self, tracker: Tracker, rebuild: Callable[[str], str]) -> None:
        self._rebuild = rebuild
        self.failures = 0
        self._tracker = tracker
        self._warned = False

    def tell(self, call: Callable[[Tracker], None], *, ending: str | None = None) -> None:
        """Make the call; `ending` names the study where no later call can make up for it."""
        try:
            call(self._tracker)
        except Exception as error:  # noqa: BLE001 - tracker edge: a view never ends a study
            self.failures += 1
            self._warn(error, ending)
        else:
            self.failures = 0

    def _warn(self, error: Exception, ending: str | None) -> None:
        failed = f"{type(self._tracker).__name__} failed ({masked(in_a_line(error))})"
        if ending is not None:
            text = (
                f"{failed} at the end of the study; `{self._rebuild(ending)}` writes MLflow again "
                "from the journal"
            )
        elif not self._warned:
            text = f"{failed}; the study goes on, and the tracker is tried again later"
        else:
            return
        self._warned = True
        warnings.warn(text, stacklevel=2)
