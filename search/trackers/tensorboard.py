"""A study in TensorBoard: a folder of events for each trial, and what HParams compares them by."""

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
    """Writes event files in TensorBoard's own format, without TensorFlow.

    `folder/STUDY` contains the experiment, `folder/STUDY/TRIAL` the trial's metrics by epoch, its
    parameters, and its score, epochs and seconds at each outcome. If another study of that name
    is in `folder`, a number is appended to the name: the files of the other study stay unchanged.

    The record determines the content of each file, times included. A resumed study appends the
    missing bytes to each file, also after half an event of a killed process. A file with other
    content is replaced. So no epoch is missing or written twice.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._study: StudyRecord | None = None
        self._place = folder
        self._files: dict[str, _EventFile] = {}

    def start_study(self, study: StudyRecord) -> None:
        """Bring every file to where the record is."""
        self._study = study
        self._files = {}
        self._place = self._own_place(study)
        for trial in study.trials.values():
            self._bring(trial, "running")

    def start_trial(self, trial: TrialRecord, proposal: Proposal) -> None:
        """Write its parameters."""
        self._bring(trial, "running")

    def epoch(self, trial: TrialRecord, report: EpochReport) -> None:
        """Write the epoch's metrics."""
        self._bring(trial, "running")

    def end_trial(self, trial: TrialRecord, outcome: Outcome) -> None:
        """Write the trial's outcome."""
        self._bring(trial, "running")

    def end_study(self, study: StudyRecord, exported: Exported | None) -> None:
        """Write the ends of trials that will not be promoted any more."""
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
        """The study's folder: the first of its name without another study's events."""
        name, own = study.header.study, _file_name(study)
        places = (self._folder / (name if n == 1 else f"{name}.{n}") for n in count(1))
        return next(
            place
            for place in places
            if all(path.name == own for path in place.glob("**/events.out.tfevents.*"))
        )


def _file_name(study: StudyRecord) -> str:
    """A name that TensorBoard knows event files by, and no other study's have."""
    created_ms = study.header.created_ms
    return f"events.out.tfevents.{created_ms // 1000}.{created_ms}"


class _EventFile:
    """A file of events, and how many of them it is known to hold."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: int | None = None

    def bring(self, parts: Sequence[Part]) -> None:
        """Have the file hold these events.

        Raises: SearchError when it cannot be written.
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
