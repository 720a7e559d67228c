"""MLflow's tracker without its thread: each event is written before the call returns."""

from search.study.study_record import TrialRecord
from search.study.trial import EpochReport, Outcome, Proposal
from search.trackers.mlflow import MlflowTracker


class DirectMlflowTracker(MlflowTracker):
    def start_trial(self, trial: TrialRecord, proposal: Proposal) -> None:
        self.update([trial])

    def epoch(self, trial: TrialRecord, report: EpochReport) -> None:
        self.update([trial])

    def end_trial(self, trial: TrialRecord, outcome: Outcome) -> None:
        self.update([trial])
