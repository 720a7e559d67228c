"""The trainer: one task in, one report per new epoch, one outcome out, exact across crashes."""

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from search.data.parts import Data, Part
from search.errors import SearchError, SearchWarning
from search.problem.problem import Problem
from search.runtime import tensorflow_setup
from search.runtime.clock import Clock
from search.runtime.keras_configuration import KerasConfiguration
from search.space.parameters import Params
from search.state.trial_state import StateLostError
from search.study import outcomes
from search.study.early_stopping import stop_epoch
from search.study.rules import LATEST, TrainingRules
from search.study.trial import Decision, EpochReport, Outcome, Task
from search.training.architecture import described
from search.training.base import Training
from search.training.checkpoint import Checkpoint, Checkpoints
from search.training.cross_validation import CrossValidation
from search.training.metric_values import finite
from search.training.trial_run import TrialRun
from search.training.trial_runs import TrialRuns

if TYPE_CHECKING:
    import keras


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
        folding: CrossValidation | None = None,
        checkpoint_seconds: float = 2.0,
        rules: TrainingRules = LATEST,
        keras: KerasConfiguration | None = None,
        files: Path | None = None,
    ) -> None:
        self._problem = problem
        self._checkpoints = checkpoints
        self._clock = clock
        self._patience = patience
        self._folding = folding
        self._checkpoint_seconds = checkpoint_seconds
        self._runs = TrialRuns(
            problem,
            data,
            most_epochs=most_epochs,
            folding=folding,
            rules=rules,
            keras=keras,
            files=files,
        )

    def train(self, task: Task) -> Training:
        """Train one task; see `search.training.base.Trainer` for what a caller may rely on."""
        process = self._runs.process(task)
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
                self._runs.put_back()
            process.end()

    def _train(self, task: Task) -> Training:
        with tensorflow_setup.gradients_released():
            run = self._runs.of(task)
            if task.stopped or self._ended(run, task):
                run.without_callbacks()
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
        again = self._runs.of(task)
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
        self._runs.put_back()

    def evaluation_batch_size(self, model: "keras.Model", params: Params, part: Part) -> int:
        """Return the rows in a batch in which a trained model is evaluated on a part."""
        return self._runs.evaluation_batch_size(model, params, part)

    def restored(self, task: Task, epoch: int) -> "keras.Model":
        """The task's model as it was after `epoch`: from its checkpoint, or trained again.

        Under cross-validation one that is trained that long on all the examples that the folds had.
        The task's `recorded` curve must reach that epoch; a warning says when an epoch that is
        trained again differs from it.

        Raises: SearchError when training on all the examples diverges.
        """
        process = self._runs.process(task)
        with process:
            model = self._restored(task, epoch)
        process.end()
        return model

    def _restored(self, task: Task, epoch: int) -> "keras.Model":
        if self._folding is not None:
            return self._trained_on_all(task, epoch)
        run = self._runs.of(task, "again")
        saved = self._checkpoints.load(task.proposal.trial)
        whole = saved is not None and saved.best_epoch == epoch and saved.agrees(task.recorded)
        if saved is not None and whole and run.use_best(saved.best):
            return run.model
        with tensorflow_setup.gradients_released():
            run.catch_up(epoch)
        run.hand_over()
        return run.model

    @property
    def measures(self) -> bool:
        """Whether it evaluates the models itself; otherwise the user's `fit` does."""
        return self._problem.fit is None

    def folds(self, task: Task) -> Iterator[FoldModel]:
        """Under cross-validation the model of each fold, as the trial's checkpoint has it.

        None where there is no checkpoint, or none that a model can be put to.
        """
        process = self._runs.process(task)
        with process:
            run = self._restored_folds(task)
        if run is not None:
            models = run.averaged_models()
            for place in self._runs.places:
                with process:
                    model = next(models)
                yield FoldModel(model, place.fold_data.parts(place.data).validation, run.epoch)
        process.end()

    def _restored_folds(self, task: Task) -> TrialRun | None:
        run, saved = self._runs.of(task), self._usable(task)
        if self._folding is None or saved is None:
            return None
        run.without_callbacks()
        try:
            run.restore(saved)
        except StateLostError:
            return None
        return run

    def _trained_on_all(self, task: Task, epoch: int) -> "keras.Model":
        model = self._runs.on_all(task)
        spread = outcomes.spread_metric(self._problem.objective)
        with tensorflow_setup.gradients_released():
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
        model.hand_over()
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
