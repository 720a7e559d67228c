"""The runs of trials: what they have in common in a process, and what is checked of each model."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from search.data import texts
from search.data.parts import Data, Part
from search.problem.problem import Problem
from search.runtime import tensorflow_setup
from search.runtime.keras_configuration import KerasConfiguration
from search.runtime.process_state import TrialProcess
from search.space.parameters import Params
from search.state.older_objects import OlderObjects
from search.study.rules import TrainingRules
from search.study.trial import Task
from search.training import model_checks
from search.training.cross_validation import CrossValidation, FoldData, undivided
from search.training.evaluation import each_row_alone, evaluation_rows, fixed_batch, is_stateful
from search.training.fit_loop import evaluate
from search.training.graph_cache import SharedGraphs
from search.training.graph_loop import TensorData
from search.training.missing_values import MissingValues
from search.training.model_run import ModelRun, TrainingContext
from search.training.trial_run import TrialRun
from search.training.user_fit_checks import FitChecks

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, slots=True)
class _Prepared:
    """Objects created at the first trial and shared by all others: data as tensors, statistics."""

    data: Data
    shared: SharedGraphs
    older: OlderObjects
    places: list[TrainingContext]


class TrialRuns:
    """Makes the runs of a study's trials; the data as tensors and traced graphs are common to them.

    `most_epochs`: what a trial of the study may have. `folding`: the folds of cross-validation.
    `keras`: Keras's configuration once the problem is loaded. `files`: where each trial has a
    folder for what its callbacks write; None: a temporary one.
    """

    def __init__(
        self,
        problem: Problem,
        data: Data,
        *,
        most_epochs: int,
        folding: CrossValidation | None,
        rules: TrainingRules,
        keras: KerasConfiguration | None,
        files: Path | None,
    ) -> None:
        self._problem = problem
        self._data = texts.for_keras(data)
        self._most_epochs = most_epochs
        self._folding = folding
        self._rules = rules
        self._keras = keras or KerasConfiguration.noted()
        self._files = files
        self._prepared: _Prepared | None = None
        self._checked = False
        self._missing = MissingValues(self._data)
        self._said: set[str] = set()
        self._fit_checks = FitChecks(numbered=rules.numbers_epochs_in_fit)

    def process(self, task: Task) -> TrialProcess:
        """Return the process-wide state for a trial; TensorFlow is imported before it is noted."""
        self._import()
        return TrialProcess(task.proposal.trial, self._configuration, self._said)

    @property
    def places(self) -> list[TrainingContext]:
        """Where the models of a trial are trained: one place, or one for each fold."""
        return self._ready().places

    def put_back(self) -> None:
        """Put objects that are older than `build` back: another study here may use them."""
        if self._prepared is not None:
            self._prepared.older.restore()

    def of(self, task: Task, part: str = "") -> TrialRun:
        """Build the models of a trial, and check them.

        `part`: a folder in the trial's, for what callbacks write while it is trained once more.

        Raises: DataError for models that the data do not fit.
        """
        folder = self._folder(task.proposal.trial) / part
        run = TrialRun(self._problem, self._ready().places, task, self._most_epochs, folder)
        if self._problem.fit is not None:  # it may feed each model otherwise
            model_checks.check_given(run.any_model, self._data.train)
        if not self._checked:
            model_checks.check(run.any_model, self._data.train)
            if not (self._problem.fit or self._problem.derived or self._problem.callbacks):
                model_checks.check_evaluation(run.any_model, self._problem.objective)
            self._checked = True
        if self._problem.fit is None:
            batch_size = self._batch_size(task.proposal.params)
            if not task.recorded:  # else it has trained
                self._missing.check(run.any_model, batch_size)
            self._check_batches(run.any_model, batch_size)
        return run

    def on_all(self, task: Task) -> ModelRun:
        """Build a trial's model to be trained on all the examples that the folds had."""
        prepared, params = self._ready(), task.proposal.params
        place = self._place(prepared, undivided(prepared.data))
        most = int(params.get("epochs", self._most_epochs))
        folder = self._folder(task.proposal.trial) / "all"
        return ModelRun(self._problem, place, params, task.seed, most, folder)

    def _check_batches(self, model: "keras.Model", batch_size: int) -> None:
        """Refuse a model that takes batches of one size where its data give it others."""
        own = fixed_batch(model) or (batch_size if is_stateful(model) else None)
        if own is None:
            return
        counts: dict[str, tuple[int, int]] = {}
        for place in self._ready().places:
            held_out = place.fold_data.stop - place.fold_data.first
            counts["training"] = len(place.fold_data.rows), batch_size
            counts["validation"] = held_out, self._given_batch_size or own
            model_checks.check_batches(model, self._data.train, own, counts)
        if self._data.test is not None:
            test = {"test": (self._data.test.size, self._given_batch_size or own)}
            model_checks.check_batches(model, self._data.train, own, test)

    def _folder(self, trial: str) -> Path:
        if self._files is None:
            self._files = Path(tempfile.mkdtemp(prefix="search-trials-"))
        return self._files / trial

    def _import(self) -> None:
        """Import TensorFlow, whose settings are the platform's own and no trial's."""
        if self._prepared is None:
            tensorflow_setup.prepare()
            tensorflow_setup.settled()
            self._keras = self._keras or KerasConfiguration.noted()

    @property
    def _configuration(self) -> KerasConfiguration | None:
        return self._keras if self._rules.keeps_keras_configuration else None

    def _ready(self) -> _Prepared:
        self._import()
        if self._prepared is None:
            data, grounds = self._data, [undivided(self._data)]
            if self._folding is not None:
                data, grounds = self._folding.of(self._data)
            shared = SharedGraphs(data, TensorData(data))
            prepared = _Prepared(data, shared, OlderObjects([self._problem]), [])
            prepared.places.extend(self._place(prepared, fold_data) for fold_data in grounds)
            self._prepared = prepared
        return self._prepared

    def _place(self, prepared: _Prepared, fold_data: FoldData) -> TrainingContext:
        """Where a model is trained; statistics are fitted on what it is trained on, no more."""
        build = self._problem.builder(fold_data.part(prepared.data))
        return TrainingContext(
            build,
            prepared.data,
            fold_data,
            prepared.shared,
            prepared.older.and_of(build),
            self._given_batch_size,
            self._rules,
            self._configuration,
            self._fit_checks,
        )

    @property
    def _given_batch_size(self) -> int | None:
        """The rows in a batch of the evaluation, where the problem or the study's rules say so."""
        return self._problem.evaluation_batch_size or self._rules.evaluation_batch_size

    def evaluation_batch_size(self, model: "keras.Model", params: Params, part: Part) -> int:
        """Return the rows in a batch in which a trained model is evaluated on a part."""
        batch_size = self._batch_size(params)
        if self._given_batch_size is not None:
            return self._given_batch_size
        if model.compiled and each_row_alone(model):
            evaluate(model, part.take(slice(batch_size)), batch_size)  # makes its metrics known
        return evaluation_rows(model, batch_size)

    def _batch_size(self, params: Params) -> int:
        return int(params.get("batch_size", self._problem.batch_size))
