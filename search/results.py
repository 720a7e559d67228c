"""A study as Python code sees it: its best trial, its tables, its models."""

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
    """The winner of a study. `test`: its metrics on the test data, empty where there are none.

    `verified`: whether the exported model, loaded in a new process, has the recorded scores; None
    where that was not checked. `reason`: why not.
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
    """A recorded study. What it says is read from the journal each time: it may be under way.

    `problem`: what is tuned, where the caller has it: a study that was begun from Python knows its
    problem by that alone. `pickled` is the same as it travels. `data_dir`: the folder with the
    problem's data, by default that of SEARCH_DATA_DIR.
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
        """Whether it is running, finished, interrupted or failed."""
        return self._read()[1]

    @property
    def record(self) -> StudyRecord:
        """All that the journal tells; see `search.study.study_record`."""
        return self._read()[0]

    @property
    def best(self) -> Best:
        """The trial with the best score.

        Raises: SearchError where no trial has one, with what the first failed of.
        """
        record, _ = self._read()
        best = record.best()
        if best is None or best.score is None or best.best_epoch is None:
            outcomes = (trial.outcome for trial in record.trials.values())
            failed = next(filter(None, map(leaderboard.error, outcomes)), None)
            reason = f": {failed['kind']}: {failed['message']}" if failed else ""
            raise SearchError(
                f"study {self.name} must have a trial with a score, got none{reason}; correct "
                "the model, or go on with search.resume"
            )
        params, test = dict(best.params), record.tested(best)
        verified = record.verified(best)
        return Best(best.trial, best.score, best.best_epoch, params, test, *verified)

    @property
    def trials(self) -> "pd.DataFrame":
        """One row per trial; see `dashboards.tables.frames.trials_frame`."""
        from dashboards.tables.frames import trials_frame

        return trials_frame(*self._read())

    @property
    def curves(self) -> "pd.DataFrame":
        """One row per trial, epoch and metric; see `dashboards.tables.frames.curves_frame`."""
        from dashboards.tables.frames import curves_frame

        return curves_frame(self.record)

    @property
    def tables(self) -> "Tables":
        """All that figures need, read once; see `dashboards.tables` and `docs/charts.md`."""
        from dashboards.tables.tables import load

        return load(Store(self.store), self.name)

    def best_model(self) -> "keras.Model":
        """The winner's model, which takes raw inputs and predicts as it did in the study.

        Raises: as `model`.
        """
        return self.model()

    def model(self, trial: str | None = None) -> "keras.Model":
        """The model of a trial, by default the winner's.

        Raises: UsageError for an unknown trial or one without a score; SearchError for a model
        that neither Keras nor the problem can make again; StudyChangedError when the problem is no
        longer the one that was tuned.
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
        """Write the model of a trial, by default the winner's, as a folder; its path.

        `format`: "keras" or "savedmodel". A trial whose checkpoint was cleaned away is trained
        again from the record, in a process of its own.

        Raises: as the command `export`.
        """
        name = self.name if trial is None else f"{self.name}/{trial}"
        words = ("export", name, "--to", str(to), "--format", format, *self._places())
        return Path(ask(Request(words, self.pickled)))

    def _places(self) -> tuple[str, ...]:
        """The options that say where the study and its data are."""
        data_dir = () if self.data_dir is None else (f"--data-dir={self.data_dir}",)
        return f"--store={self.store}", *data_dir

    def verify(
        self,
        *trials: str,
        all: bool = False,
        sample: int | None = None,
        fit: bool = False,
    ) -> "list[Verification]":
        """Train trials again, each alone in a new process, and compare every epoch with the record.

        Args:
            trials: Which ones; by default the winner.
            all: Every trial.
            sample: The winner and so many others, less one.
            fit: Train by Keras's own `fit` and compare within rounding, rather than by the training
                loop of a study, bit for bit.

        Returns:
            A result for each trial: `same`, `exact`, and the first `difference` with its likely
            `cause`.

        Raises:
            UsageError: For an unknown trial, or a study without a winner.
        """
        from search.engine.verification import Verification

        names = [f"{self.name}/{trial}" for trial in trials] or [self.name]
        words = ["verify", *names, "--json", *self._places()]
        words += ["--all"] * all + ["--fit"] * fit
        words += [] if sample is None else ["--sample", str(sample)]
        said = json.loads(ask(Request(tuple(words), self.pickled)))
        return [Verification.from_plain(one) for one in said["trials"]]

    def _read(self) -> tuple[StudyRecord, StudyState]:
        return read(Store(self.store), self.name)
