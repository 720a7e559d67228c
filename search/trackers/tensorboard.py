"""Write a study for TensorBoard: a folder of event files for each trial, and HParams data."""

from collections.abc import Sequence
from itertools import count
from pathlib import Path

from search.errors import SearchError
from search.export.base import Exported
from search.runtime.files import write_atomically
from search.study.study_record import StudyRecord, StudyState, TrialRecord
from search.study.trial import EpochReport, Outcome, Proposal
from search.trackers._tensorboard_events import Part, packed, study_parts, trial_parts


class TensorBoardTracker:
    """Write event files in TensorBoard's format, without TensorFlow.

    `folder/STUDY` contains the experiment, `folder/STUDY/TRIAL` the trial's metrics by epoch, its
    parameters, and its score, epochs and seconds at each outcome. If another study of that name
    is in `folder`, a number is appended to the name: the files of the other study stay unchanged.

    The record determines the content of each file, including times. A resumed study appends the
    missing bytes to each file, also if a killed process wrote only half of an event. A file with
    other content is replaced. Therefore no epoch is missing or written twice.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._study: StudyRecord | None = None
        self._place = folder
        self._files: dict[str, _EventFile] = {}

    def start_study(self, study: StudyRecord) -> None:
        """Write the missing events of all recorded trials."""
        self._study = study
        self._files = {}
        self._place = self._own_place(study)
        for trial in study.trials.values():
            self._bring(trial, "running")

    def start_trial(self, trial: TrialRecord, proposal: Proposal) -> None:
        """Write the parameters of the trial."""
        self._bring(trial, "running")

    def epoch(self, trial: TrialRecord, report: EpochReport) -> None:
        """Write the metrics of the epoch."""
        self._bring(trial, "running")

    def end_trial(self, trial: TrialRecord, outcome: Outcome) -> None:
        """Write the outcome of the trial."""
        self._bring(trial, "running")

    def end_study(self, study: StudyRecord, exported: Exported | None) -> None:
        """Write the final state of trials that were waiting for a promotion."""
        if self._study is None:  # it stopped before it started: there is nothing to end
            return
        for trial in study.trials.values():
            self._bring(trial, study.state)

    def _bring(self, trial: TrialRecord, state: StudyState) -> None:
        if self._study is None:
            raise RuntimeError("start_study must come before any other call")
        study, name = self._study, _file_name(self._study)
        if not self._files:
            # not before there is a trial: the baseline may lie outside the space
            self._files[""] = _EventFile(self._place / name)
            self._files[""].bring(study_parts(study))
        if trial.trial not in self._files:
            self._files[trial.trial] = _EventFile(self._place / trial.trial / name)
        self._files[trial.trial].bring(trial_parts(study, trial, state))

    def _own_place(self, study: StudyRecord) -> Path:
        """Return the folder of the study: the first name without events of other studies."""
        name, own = study.header.study, _file_name(study)
        places = (self._folder / (name if n == 1 else f"{name}.{n}") for n in count(1))
        return next(
            place
            for place in places
            if all(path.name == own for path in place.glob("**/events.out.tfevents.*"))
        )


def _file_name(study: StudyRecord) -> str:
    """Return the name of the event files, which TensorBoard recognizes; unique for each study."""
    created_ms = study.header.created_ms
    return f"events.out.tfevents.{created_ms // 1000}.{created_ms}"


class _EventFile:
    """An event file, and the number of events known to be in the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: int | None = None

    def bring(self, parts: Sequence[Part]) -> None:
        """Make the file contain exactly these events.

        Raises: SearchError when the file cannot be written.
        """
        try:
            if self._held is None:
                self._compare(packed(parts))
            elif self._held < len(parts):
                with self._path.open("ab") as file:
                    file.write(packed(parts[self._held :]))
        except OSError as error:
            raise SearchError(f"cannot write {self._path}: {error.strerror}") from error
        self._held = len(parts)

    def _compare(self, expected: bytes) -> None:
        there = self._path.read_bytes() if self._path.exists() else b""
        if there and expected.startswith(there):
            with self._path.open("ab") as file:  # a TensorBoard that is open reads on
                file.write(expected[len(there) :])
        else:
            write_atomically(self._path, expected)
