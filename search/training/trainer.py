"""The trainer: one task in, one report per new epoch, one outcome out, exact across crashes."""

import contextlib
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from search import outcomes, texts
from search.errors import SearchError, SearchWarning
from search.parameters import Params
from search.problem import Data, Part, Problem
from search.seeds import Clock
from search.stopping import stop_epoch
from search.study_rules import LATEST, TrainingRules
from search.training import missing, preflight, runtime
from search.training.base import Training
from search.training.checkpoint import Checkpoint, Checkpoints
from search.training.description import described
from search.training.epochs import evaluate
from search.training.evaluation import each_row_alone, evaluation_rows, fixed_batch, is_stateful
from search.training.fit_watch import FitChecks
from search.training.folds import Folding, Ground, undivided
from search.training.graph import TensorData
from search.training.keras_configuration import KerasConfiguration
from search.training.metric_values import finite
from search.training.model import ModelRun, Place
from search.training.older_objects import OlderObjects
from search.training.process_state import TrialProcess
from search.training.run import TrialRun
from search.training.shared import SharedEpochs
from search.training.state import StateLostError
from search.trial import Decision, EpochReport, Outcome, Task

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What is made at the first trial and kept for all others: the data as tensors, statistics."""

    data: Data
    shared: SharedEpochs
    older: OlderObjects
    places: list[Place]


@dataclass(frozen=True, slots=True)
class FoldModel:
    """The model of a fold after `epoch`, and the part of the data that it is evaluated on."""

    model: "keras.Model"
    part: Part
    epoch: int


class KerasTrainer:
    """Trains a problem's models on its data.

    A checkpoint is written at the end of a budget, after every `checkpoint_seconds` of training
    since the last one, and when the training is closed between two epochs. `most_epochs`: what a
    trial of the study may have. `folding`: the folds of cross-validation; None means that the
    problem's own validation part is used. `rules`: those of the study. `keras`: Keras's
    configuration once the problem is loaded, by default what this thread has. `files`: where each
    trial has a folder for what its callbacks write, by default a temporary one.
    """

    def __init__(
        self,
        problem: Problem,
        data: Data,
        checkpoints: Checkpoints,
        clock: Clock,
        *,
        patience: int | None,
        most_epochs: int,
        folding: Folding | None = None,
        checkpoint_seconds: float = 2.0,
        rules: TrainingRules = LATEST,
        keras: KerasConfiguration | None = None,
        files: Path | None = None,
    ) -> None:
        self._problem = problem
        self._data = texts.for_keras(data)
        self._checkpoints = checkpoints
        self._clock = clock
        self._patience = patience
        self._most_epochs = most_epochs
        self._folding = folding
        self._checkpoint_seconds = checkpoint_seconds
        self._rules = rules
        self._keras = keras or KerasConfiguration.noted()
        self._files = files
        self._prepared: _Prepared | None = None
        self._checked = False
        self._said: set[str] = set()
        self._fit_checks = FitChecks(numbered=rules.numbers_epochs_in_fit)

    def train(self, task: Task) -> Training:
        """Train one task; see `search.training.base.Trainer` for what a caller may rely on."""
        self._import()
        process = TrialProcess(task.proposal.trial, self._configuration, self._said)
        training = self._train(task)
        try:
            with process:
                report = next(training)
            while True:
                decision = yield report
                with process:
                    report = training.send(decision)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome
        finally:
            with process:
                training.close()
                self.put_back()
            process.end()

    def _train(self, task: Task) -> Training:
        with runtime.gradients_released():
            run = self._run(task)
            if task.stopped or self._ended(run, task):
                return self._outcome(run, stopped=task.stopped)
            saved = self._usable(task)
            if saved is not None:
                run = self._continued(run, task, saved)
            try:
                return (yield from self._epochs(run, task, saved))
            except GeneratorExit:
                raise
            except BaseException:
                # Keras's callbacks close their files then
                with contextlib.suppress(Exception):
                    run.end()
                raise

    def _continued(self, run: TrialRun, task: Task, saved: Checkpoint) -> TrialRun:
        """The trial where its checkpoint was taken, or at its beginning where that cannot be."""
        try:
            run.restore(saved)
        except StateLostError as error:
            return self._begun_again(run, task, error)
        return run

    def _begun_again(self, run: TrialRun, task: Task, error: StateLostError) -> TrialRun:
        warnings.warn(
            f"trial {task.proposal.trial} is trained again from its beginning, with the same "
            f"result: a checkpoint cannot hold all of its state ({error})",
            SearchWarning,
            stacklevel=2,
        )
        again = self._run(task)
        again.curve = run.curve
        return again

    def _epochs(self, run: TrialRun, task: Task, saved: Checkpoint | None) -> Training:
        trial = task.proposal.trial
        saved_epoch, saved_at = run.epoch, self._clock.seconds()
        decision = Decision.CONTINUE
        try:
            # trained before a crash, but not yet reported
            for report in saved.curve[len(run.curve) :] if saved is not None else ():
                run.curve.append(report)
                decision = yield report
                if decision is Decision.STOP:
                    break
            while decision is Decision.CONTINUE and not self._ended(run, task):
                started = self._clock.seconds()
                try:
                    metrics = _next_epoch(run)
                except StateLostError as error:  # told by the first epoch that is trained
                    run = self._begun_again(run, task, error)
                    metrics = _next_epoch(run)
                if metrics is None:
                    break
                failed = outcomes.not_finite(self._problem.objective, metrics, run.curve)
                if failed is not None:
                    run.end()
                    return failed
                metrics = finite(metrics)
                now = self._clock.seconds()
                run.take(EpochReport(trial, run.epoch + 1, metrics, round(now - started, 4)))
                if run.whole and now - saved_at >= self._checkpoint_seconds:
                    self._checkpoints.save(trial, run.checkpoint())
                    saved_epoch, saved_at = run.epoch, self._clock.seconds()
                decision = yield run.curve[-1]
        finally:
            # an exception inside an epoch leaves the model between two steps: nothing to keep
            if run.whole and run.epoch > saved_epoch:
                self._checkpoints.save(trial, run.checkpoint())
        run.end()
        return self._outcome(run, stopped=decision is Decision.STOP)

    def put_back(self) -> None:
        """Put objects that are older than `build` back: another study here may use them."""
        if self._prepared is not None:
            self._prepared.older.restore()

    def restored(self, task: Task, epoch: int) -> "keras.Model":
        """The task's model as it was after `epoch`: from its checkpoint, or trained again.

        Under cross-validation one that is trained that long on all the examples that the folds had.
        The task's `recorded` curve must reach that epoch; a warning says when an epoch that is
        trained again differs from it.

        Raises: SearchError when training on all the examples diverges.
        """
        self._import()
        process = TrialProcess(task.proposal.trial, self._configuration, self._said)
        with process:
            model = self._restored(task, epoch)
        process.end()
        return model

    def _restored(self, task: Task, epoch: int) -> "keras.Model":
        if self._folding is not None:
            return self._trained_on_all(task, epoch)
        run = self._run(task)
        saved = self._checkpoints.load(task.proposal.trial)
        whole = saved is not None and saved.best_epoch == epoch and saved.agrees(task.recorded)
        if saved is not None and whole and run.use_best(saved.best):
            return run.model
        with runtime.gradients_released():
            run.catch_up(epoch)
        run.average()
        return run.model

    @property
    def measures(self) -> bool:
        """Whether it evaluates the models itself, rather than a `fit` of the user's."""
        return self._problem.fit is None

    def folds(self, task: Task) -> Iterator[FoldModel]:
        """Under cross-validation the model of each fold, as the trial's checkpoint has it.

        None where there is no checkpoint, or none that a model can be put to.
        """
        self._import()
        process = TrialProcess(task.proposal.trial, self._configuration, self._said)
        with process:
            run = self._restored_folds(task)
        if run is not None:
            models = run.averaged_models()
            for place in self._ready().places:
                with process:
                    model = next(models)
                yield FoldModel(model, place.ground.parts(place.data).validation, run.epoch)
        process.end()

    def _restored_folds(self, task: Task) -> TrialRun | None:
        run, saved = self._run(task), self._usable(task)
        if self._folding is None or saved is None:
            return None
        try:
            run.restore(saved)
        except StateLostError:
            return None
        return run

    def _trained_on_all(self, task: Task, epoch: int) -> "keras.Model":
        prepared, params = self._ready(), task.proposal.params
        place = self._place(prepared, undivided(prepared.data))
        most = int(params.get("epochs", self._most_epochs))
        folder = self._folder(task.proposal.trial) / "all"
        model = ModelRun(self._problem, place, params, task.seed, most, folder)
        spread = outcomes.spread_metric(self._problem.objective)
        with runtime.gradients_released():
            for report in task.recorded[:epoch]:
                # callbacks that look at the validation see what the folds came to
                known = {n: v for n, v in report.metrics.items() if n.startswith("val_")}
                known.pop(spread, None)
                metrics = model.train(report.epoch, known)
                before = task.recorded[: report.epoch - 1]
                failed = outcomes.not_finite(self._problem.objective, metrics, before)
                if failed is not None:
                    raise SearchError(
                        f"trial {task.proposal.trial}: training on all examples of the folds must "
                        f"work, got {failed.message}; export another trial"
                    )
        model.average()
        return model.model

    def _usable(self, task: Task) -> Checkpoint | None:
        """The trial's checkpoint, if it lies on the recorded curve and within the budget.

        A journal that was put back from a copy may know less than the checkpoint, or other things.
        """
        saved = self._checkpoints.load(task.proposal.trial)
        if saved is None:
            return None
        if saved.epoch > task.proposal.budget.stop and not self._problem.fit_whole:
            return None
        return saved if saved.agrees(task.recorded) else None

    def _run(self, task: Task) -> TrialRun:
        folder = self._folder(task.proposal.trial)
        run = TrialRun(self._problem, self._ready().places, task, self._most_epochs, folder)
        if self._problem.fit is not None:  # it may feed each model otherwise
            preflight.check_given(run.any_model, self._data.train)
        if not self._checked:
            preflight.check(run.any_model, self._data.train)
            if not (self._problem.fit or self._problem.derived or self._problem.callbacks):
                preflight.check_evaluation(run.any_model, self._problem.objective)
            if self._problem.fit is None:
                missing.check(run.any_model, self._data, self._problem.batch_size)
            self._checked = True
        if self._problem.fit is None:
            self._check_batches(run.any_model, self._batch_size(task.proposal.params))
        return run

    def _check_batches(self, model: "keras.Model", batch_size: int) -> None:
        """Refuse a model that takes batches of one size where its data give it others."""
        own = fixed_batch(model) or (batch_size if is_stateful(model) else None)
        if own is None:
            return
        counts: dict[str, tuple[int, int]] = {}
        for place in self._ready().places:
            held_out = place.ground.stop - place.ground.first
            counts["training"] = len(place.ground.rows), batch_size
            counts["validation"] = held_out, self._given_batch_size or own
            preflight.check_batches(model, self._data.train, own, counts)
        if self._data.test is not None:
            test = {"test": (self._data.test.size, self._given_batch_size or own)}
            preflight.check_batches(model, self._data.train, own, test)

    def _folder(self, trial: str) -> Path:
        if self._files is None:
            self._files = Path(tempfile.mkdtemp(prefix="search-trials-"))
        return self._files / trial

    def _import(self) -> None:
        """Import TensorFlow, whose settings are the platform's own and no trial's."""
        if self._prepared is None:
            runtime.prepare()
            runtime.settled()
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
            shared = SharedEpochs(data, TensorData(data))
            prepared = _Prepared(data, shared, OlderObjects([self._problem]), [])
            prepared.places.extend(self._place(prepared, ground) for ground in grounds)
            self._prepared = prepared
        return self._prepared

    def _place(self, prepared: _Prepared, ground: Ground) -> Place:
        """Where a model is trained; statistics are fitted on what it is trained on, no more."""
        build = self._problem.builder(ground.part(prepared.data))
        return Place(
            build,
            prepared.data,
            ground,
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

    def _ended(self, run: TrialRun, task: Task) -> bool:
        """Whether nothing is left to train: budget or patience used up, or a callback's word."""
        if self._problem.fit_whole:
            return run.stopped  # when its one call has returned, however many epochs that made
        return (
            len(run.curve) >= task.proposal.budget.stop or run.stopped or self._out_of_patience(run)
        )

    def _out_of_patience(self, run: TrialRun) -> bool:
        objective = self._problem.objective
        scores = outcomes.values(objective, run.curve)
        return stop_epoch(scores, objective.direction, self._patience) is not None

    def _outcome(self, run: TrialRun, *, stopped: bool) -> Outcome:
        objective, network = self._problem.objective, described(run.any_model)
        if stopped:
            return outcomes.pruned(objective, run.curve, run.parameter_count, run.way, network)
        return outcomes.completed(
            objective,
            run.curve,
            run.parameter_count,
            run.way,
            network,
            stopped_early=not self._problem.fit_whole
            and (run.stopped or self._out_of_patience(run)),
        )


def _next_epoch(run: TrialRun) -> dict[str, float] | None:
    """Train the epoch after the known ones; None where the training had ended with them.

    That is known once they are trained again: by a callback, or by the end of a whole fit.
    """
    run.catch_up(len(run.curve))
    return None if run.stopped else run.train()
