"""The trainer: one task in, one report per new epoch, one outcome out, exact across crashes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from search import outcomes, texts
from search.errors import SearchError
from search.problem import Data, Problem
from search.seeds import Clock
from search.stopping import stop_epoch
from search.study_rules import LATEST, TrainingRules
from search.training import missing, preflight, runtime
from search.training.base import Training
from search.training.checkpoint import Checkpoint, Checkpoints
from search.training.description import described
from search.training.folds import Folding, Ground, undivided
from search.training.graph import TensorData
from search.training.model import ModelRun, Place
from search.training.run import TrialRun
from search.training.shared import SharedEpochs
from search.trial import Decision, EpochReport, Outcome, Task

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What is made at the first trial and kept for all others: the data as tensors, statistics."""

    data: Data
    shared: SharedEpochs
    places: list[Place]


class KerasTrainer:
    """Trains a problem's models on its data.

    A checkpoint is written at the end of a budget, after every `checkpoint_seconds` of training
    since the last one, and when the training is closed between two epochs. `most_epochs`: what a
    trial of the study may have. `folding`: the folds of cross-validation; None means that the
    problem's own validation part is used. `rules`: those of the study.
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
        self._prepared: _Prepared | None = None
        self._checked = False

    def train(self, task: Task) -> Training:
        """Train one task; see `search.training.base.Trainer` for what a caller may rely on."""
        with runtime.gradients_released():
            return (yield from self._train(task))

    def _train(self, task: Task) -> Training:
        trial = task.proposal.trial
        run = self._run(task)
        if task.stopped or self._ended(run, task):
            return self._outcome(run, stopped=task.stopped)
        saved = self._usable(task)
        if saved is not None:
            run.restore(saved)
        saved_epoch, saved_at = run.epoch, self._clock.seconds()
        decision = Decision.CONTINUE
        try:
            # trained before a crash, but not yet reported
            for report in saved.curve[len(run.curve) :] if saved is not None else ():
                run.curve.append(report)
                decision = yield report
                if decision is Decision.STOP:
                    break
            run.catch_up(len(run.curve))
            while decision is Decision.CONTINUE and not self._ended(run, task):
                started = self._clock.seconds()
                metrics = run.train()
                failed = outcomes.not_finite(metrics, run.curve)
                if failed is not None:
                    return failed
                now = self._clock.seconds()
                run.take(EpochReport(trial, run.epoch + 1, metrics, round(now - started, 4)))
                if now - saved_at >= self._checkpoint_seconds:
                    self._checkpoints.save(trial, run.checkpoint())
                    saved_epoch, saved_at = run.epoch, self._clock.seconds()
                decision = yield run.curve[-1]
        finally:
            # an exception inside an epoch leaves the model between two steps: nothing to keep
            if run.whole and run.epoch > saved_epoch:
                self._checkpoints.save(trial, run.checkpoint())
        run.end()
        return self._outcome(run, stopped=decision is Decision.STOP)

    def restored(self, task: Task, epoch: int) -> "keras.Model":
        """The task's model as it was after `epoch`: from its checkpoint, or trained again.

        Under cross-validation one that is trained that long on all the examples that the folds had.
        The task's `recorded` curve must reach that epoch; a warning says when an epoch that is
        trained again differs from it.

        Raises: SearchError when training on all the examples diverges.
        """
        if self._folding is not None:
            return self._trained_on_all(task, epoch)
        run = self._run(task)
        saved = self._checkpoints.load(task.proposal.trial)
        if saved is not None and saved.best_epoch == epoch:
            run.use_best(saved.best)
            return run.model
        with runtime.gradients_released():
            run.catch_up(epoch)
        run.average()
        return run.model

    def _trained_on_all(self, task: Task, epoch: int) -> "keras.Model":
        prepared, params = self._ready(), task.proposal.params
        place = self._place(prepared.data, prepared.shared, undivided(prepared.data))
        most = int(params.get("epochs", self._most_epochs))
        model = ModelRun(self._problem, place, params, task.seed, most)
        spread = outcomes.spread_metric(self._problem.objective)
        with runtime.gradients_released():
            for report in task.recorded[:epoch]:
                # callbacks that look at the validation see what the folds came to
                known = {n: v for n, v in report.metrics.items() if n.startswith("val_")}
                known.pop(spread, None)
                metrics = model.train(report.epoch, known)
                failed = outcomes.not_finite(metrics, task.recorded[: report.epoch - 1])
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
        if saved is None or saved.epoch > task.proposal.budget.stop:
            return None
        both = zip(saved.curve, task.recorded, strict=False)
        return saved if all(dict(a.metrics) == dict(b.metrics) for a, b in both) else None

    def _run(self, task: Task) -> TrialRun:
        run = TrialRun(self._problem, self._ready().places, task, self._most_epochs)
        if not self._checked:
            preflight.check(run.any_model, self._data.train)
            if not (self._problem.fit or self._problem.derived or self._problem.callbacks):
                preflight.check_evaluation(run.any_model, self._problem.objective)
            if self._problem.fit is None:
                missing.check(run.any_model, self._data, self._problem.batch_size)
            self._checked = True
        return run

    def _ready(self) -> _Prepared:
        if self._prepared is None:
            runtime.prepare()
            runtime.settled()
            data, grounds = self._data, [undivided(self._data)]
            if self._folding is not None:
                data, grounds = self._folding.of(self._data)
            shared = SharedEpochs(data, TensorData(data))
            places = [self._place(data, shared, ground) for ground in grounds]
            self._prepared = _Prepared(data, shared, places)
        return self._prepared

    def _place(self, data: Data, shared: SharedEpochs, ground: Ground) -> Place:
        """Where a model is trained; statistics are fitted on what it is trained on, no more."""
        build = self._problem.builder(ground.part(data))
        return Place(build, data, ground, shared)

    def _ended(self, run: TrialRun, task: Task) -> bool:
        """Whether nothing is left to train: budget or patience used up, or a callback's word."""
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
            stopped_early=run.stopped or self._out_of_patience(run),
        )
