"""Progress as plain lines, for pipes and logs."""

from typing import TextIO

from search.export.base import Exported
from search.runtime.clock import Clock
from search.study.eta import Pace
from search.study.progress import Plan
from search.study.progress_text import (
    best_text,
    done_text,
    encodable,
    epochs_text,
    labels_text,
    meaning_text,
    outcome_text,
    params_text,
    rate_text,
    stopped_text,
    time_text,
    title,
)
from search.study.study_record import StudyRecord, TrialRecord
from search.study.trial import EpochReport, Outcome, Proposal


def create(stream: TextIO, clock: Clock, plan: Plan) -> "PlainTracker":
    """The tracker of the mode "plain"."""
    return PlainTracker(stream, clock, plan)


class PlainTracker:
    """One line for each start and end of a trial, and for each new best: for pipes and logs.

    The record given to `start_study` is read at later calls too, as it grows.
    """

    def __init__(self, stream: TextIO, clock: Clock, plan: Plan) -> None:
        self._stream = stream
        self._pace = Pace(clock)
        self._plan = plan
        self._study: StudyRecord | None = None
        self._best = ""

    def start_study(self, study: StudyRecord) -> None:
        """Print the start of the study, and the trials that it already has."""
        self._study = study
        self._pace.start(study)
        self._write(f"{title(study)}, {meaning_text(study, self._plan)}")
        self._best = best_text(study, study.best())
        if study.trials:
            self._write(f"resumed with {self._counts(study)}; {self._best}")

    def start_trial(self, trial: TrialRecord, proposal: Proposal) -> None:
        """Name the epochs to train and the configuration."""
        if self._study is not None:
            self._pace.note(self._study)
        verb = "goes on" if trial.curve else "starts"
        words = [epochs_text(trial, proposal), labels_text(proposal.labels)]
        words.append(params_text(trial.params))
        self._write(f"trial {trial.trial} {verb}: {', '.join(word for word in words if word)}")

    def epoch(self, trial: TrialRecord, report: EpochReport) -> None:
        """Record the epoch, and print nothing."""
        if self._study is not None:
            self._pace.note(self._study)

    def end_trial(self, trial: TrialRecord, outcome: Outcome) -> None:
        """Print the trial's outcome, the progress of the study, and the best if it changed."""
        study = self._study
        if study is None:
            return
        self._pace.note(study)
        left = time_text(self._pace.seconds_left(study, self._plan))
        standing = [self._counts(study), f"left {left}", rate_text(self._pace.epochs_per_second())]
        text = outcome_text(outcome, study.objective.metric)
        self._write(f"trial {trial.trial} {text} [{', '.join(filter(None, standing))}]")
        if (best := best_text(study, study.best())) != self._best:
            self._best = best
            self._write(best)

    def end_study(self, study: StudyRecord, exported: Exported | None) -> None:
        """Say why it stopped."""
        self._write(
            f"study {study.header.study} {stopped_text(study)}: {self._counts(study)}; "
            f"{best_text(study, study.best())}"
        )

    def _counts(self, study: StudyRecord) -> str:
        return f"{done_text(study, self._plan)}, elapsed {time_text(self._pace.elapsed())}"

    def _write(self, line: str) -> None:
        self._stream.write(encodable(line, self._stream.encoding) + "\n")
        self._stream.flush()
