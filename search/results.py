"""Python API of recorded studies: the best trial, data frames and models."""

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from search._child_client import Request, ask
from search.engine.reopen import read
from search.errors import SearchError, unknown_name
from search.export import writer as exports
from search.export.reader import restored
from search.problem.pickling import PickledProblem
from search.problem.problem import Problem
from search.runtime.environment import Environment
from search.space.parameters import Params
from search.study import leaderboard
from search.study.events import StudyStarted
from search.study.store import Store
from search.study.study_record import StudyRecord, StudyState

if TYPE_CHECKING:
    import keras
    import pandas as pd

    from dashboards.tables.tables import Tables
    from search.engine.verification import Verification


@dataclass(frozen=True, slots=True)
class Best:
    """The best trial of a study.

    Attributes:
        trial: Name of the trial.
        score: Score of the trial.
        best_epoch: Epoch of the score, from 1.
        params: Values of the parameters.
        test: Metrics on the test set; empty without a test set or before the final evaluation.
        verified: Whether the exported model, loaded in a new process, has the recorded scores;
            None when this was not checked.
        reason: Why the model is not verified.
    """

    trial: str
    score: float
    best_epoch: int
    params: Params
    test: dict[str, float]
    verified: bool | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Study:
    """A recorded study, which may still be running. Each access reads the journal.

    Attributes:
        name: Name of the study.
        store: Folder of studies.
        problem: The tuned problem. A study that was started from Python needs it to train or to
            rebuild a model.
        pickled: The same problem, pickled for other processes.
        data_dir: Folder with the problem's data; by default SEARCH_DATA_DIR.

    Example:
        study = Study("digits-optuna-1")
        study.trials.sort_values("score")
    """

    name: str
    store: Path = Path("mlruns")
    problem: Problem | None = None
    pickled: PickledProblem | None = None
    data_dir: Path | None = None

    def __repr__(self) -> str:
        record, state = self._read()
        best = record.best()
        score = None if best is None else best.score
        found = "no score yet" if score is None else f"best {record.objective.metric} {score:.4f}"
        return f"<Study {self.name}: {state}, {len(record.trials)} trials, {found}>"

    def __str__(self) -> str:
        record, state = self._read()
        return leaderboard.table(record, state)

    @property
    def state(self) -> StudyState:
        """State of the study: "running", "finished", "interrupted" or "failed"."""
        return self._read()[1]

    @property
    def record(self) -> StudyRecord:
        """The complete record of the study; see `search.study.study_record`."""
        return self._read()[0]

    @property
    def best(self) -> Best:
        """The trial with the best score.

        Raises:
            SearchError: No trial has a score. The message has the error of the first failed trial.
        """
        record, _ = self._read()
        best = record.best()
        if best is None or best.score is None or best.best_epoch is None:
            outcomes = (trial.outcome for trial in record.trials.values())
            failed = next(filter(None, map(leaderboard.error, outcomes)), None)
            reason = f": {failed['kind']}: {failed['message']}" if failed else ""
            raise SearchError(
                f"Study {self.name} has no trial with a score{reason}. Correct the model, or "
                "continue the study with search.resume."
            )
        params, test = dict(best.params), record.tested(best)
        verified = record.verified(best)
        return Best(best.trial, best.score, best.best_epoch, params, test, *verified)

    @property
    def trials(self) -> "pd.DataFrame":
        """Data frame with one row per trial; see `dashboards.tables.frames.trials_frame`."""
        from dashboards.tables.frames import trials_frame

        return trials_frame(*self._read())

    @property
    def curves(self) -> "pd.DataFrame":
        """Data frame with one row per trial, epoch and metric; see `frames.curves_frame`."""
        from dashboards.tables.frames import curves_frame

        return curves_frame(self.record)

    @property
    def tables(self) -> "Tables":
        """Data frames for figures, read once; see `dashboards.tables` and `docs/charts.md`."""
        from dashboards.tables.tables import load

        return load(Store(self.store), self.name)

    def best_model(self) -> "keras.Model":
        """Return the winner's model. It takes raw inputs and predicts as in the study.

        Raises:
            SearchError: As in `model`.
        """
        return self.model()

    def model(self, trial: str | None = None) -> "keras.Model":
        """Return the model of a trial.

        Args:
            trial: Name of the trial; by default the winner.

        Returns:
            A Keras model that takes raw inputs.

        Raises:
            UsageError: The trial is unknown or has no score.
            SearchError: Neither Keras nor the problem can rebuild the model.
            StudyChangedError: The problem has changed since the study.
        """
        record, _ = self._read()
        if trial is not None and trial not in record.trials:
            raise unknown_name("trial", trial, record.trials)
        best, directory = record.best(), Store(self.store).export(self.name)
        asked = best is not None and trial in (None, best.trial)
        if best is not None and asked and exports.is_up_to_date(record, best, directory):
            return self._restored(directory, record.header)
        with tempfile.TemporaryDirectory(prefix="keras-search-") as scratch:
            folder = self.export(Path(scratch) / "model", trial=trial)
            return self._restored(folder, record.header)

    def _restored(self, folder: Path, header: StudyStarted) -> "keras.Model":
        data_dir = self.data_dir or Environment.read(os.environ).data_dir
        return restored(folder, header, self.problem, self.pickled, data_dir)

    def export(self, to: Path | str, format: str = "keras", *, trial: str | None = None) -> Path:
        """Export the model of a trial to a folder.

        A trial without a checkpoint is retrained from the record, in a child process.

        Args:
            to: Folder to write. An existing export is replaced.
            format: "keras" or "savedmodel".
            trial: Name of the trial; by default the winner.

        Returns:
            The path of the folder.

        Raises:
            UsageError: The trial is unknown or has no score, or the format or folder is invalid.
            SearchError: The model cannot be written.
            StudyChangedError: Problem or data have changed since the study.
        """
        name = self.name if trial is None else f"{self.name}/{trial}"
        words = ("export", name, "--to", str(to), "--format", format, *self._places())
        return Path(ask(Request(words, self.pickled)))

    def _places(self) -> tuple[str, ...]:
        """Return the options `--store` and `--data-dir`."""
        data_dir = () if self.data_dir is None else (f"--data-dir={self.data_dir}",)
        return f"--store={self.store}", *data_dir

    def verify(
        self,
        *trials: str,
        all: bool = False,
        sample: int | None = None,
        fit: bool = False,
    ) -> "list[Verification]":
        """Retrain trials, each alone in a new process, and compare every epoch with the record.

        Args:
            trials: Names of trials; by default the winner.
            all: Verify every trial.
            sample: Number of trials to verify: the winner and `sample - 1` others.
            fit: Train with Keras's `fit` and compare up to rounding. By default, trials train
                with the loop of a study and are compared bit for bit.

        Returns:
            A result for each trial: `same`, `exact`, and the first `difference` with its likely
            `cause`.

        Raises:
            UsageError: A trial is unknown, or the study has no winner.
        """
        from search.engine.verification import Verification

        names = [f"{self.name}/{trial}" for trial in trials] or [self.name]
        words = ["verify", *names, "--json", *self._places()]
        words += ["--all"] * all + ["--fit"] * fit
        words += [] if sample is None else ["--sample", str(sample)]
        document = json.loads(ask(Request(tuple(words), self.pickled)))
        return [Verification.from_plain(trial) for trial in document["trials"]]

    def _read(self) -> tuple[StudyRecord, StudyState]:
        return read(Store(self.store), self.name)
