"""One trial while it trains: its model, or one for each fold in lockstep, and its curve."""

import math
import warnings
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from search.errors import SearchWarning, UsageError
from search.problem.problem import Problem
from search.seeds import seed_for
from search.state.plain_data import Arrays, Kept
from search.state.trial_state import StateLostError
from search.state.variable_values import assign, fits
from search.study import outcomes
from search.study.outcomes import values
from search.study.trial import EpochReport, Task
from search.training.checkpoint import Checkpoint
from search.training.fit_loop import averaged
from search.training.metric_values import finite, metric_values, numbers_of
from search.training.model_run import ModelRun, TrainingContext

if TYPE_CHECKING:
    import keras


class TrialRun:
    """The models of a task, and their completed epochs.

    There is one model, or with cross-validation one for each fold: every epoch trains each of them,
    and the trial's metrics are means over them. `curve`: the recorded epochs of the trial. `epoch`:
    the epochs that the models have completed, which may be fewer after a crash. `whole` is False
    while an epoch is running. `most_epochs`: the maximum number of epochs of a trial of this study.
    """

    def __init__(
        self,
        problem: Problem,
        places: Sequence[TrainingContext],
        task: Task,
        most_epochs: int,
        folder: Path | None = None,
    ) -> None:
        params = task.proposal.params
        most = int(params.get("epochs", most_epochs))
        self._problem = problem
        self._alternating: bool | None = None
        seeds = [task.seed]
        if len(places) > 1:
            seeds = [seed_for(task.seed, "fold", number + 1) for number in range(len(places))]
        folders = [folder]
        if folder is not None and len(places) > 1:
            folders = [folder / f"fold-{number + 1}" for number in range(len(places))]
        self._models = [
            ModelRun(problem, place, params, seed, most, own)
            for place, seed, own in zip(places, seeds, folders, strict=True)
        ]
        _refuse_common(self._models)
        self.curve = list(task.recorded)
        self.epoch = 0
        self.best_epoch = 0
        self.best: Arrays = []
        self.whole = True

    @property
    def any_model(self) -> "keras.Model":
        """The model, or that of the first fold."""
        return self._models[0].model

    @property
    def model(self) -> "keras.Model":
        """The model; without cross-validation there is one."""
        (only,) = self._models
        return only.model

    @property
    def parameter_count(self) -> int:
        """How many numbers a model holds, optimizer left out."""
        return self._models[0].parameter_count

    @property
    def way(self) -> str:
        """How it is trained: "fit", "graph" or "compiled"."""
        return self._models[0].way

    @property
    def stopped(self) -> bool:
        """Whether a callback ended the training: of one fold, it ends that of all."""
        return any(model.stopped for model in self._models)

    @property
    def unfinished(self) -> bool:
        """Whether a model is trained further than `epoch`, by a `fit` that trains all epochs."""
        return any(model.unfinished for model in self._models)

    def without_callbacks(self) -> None:
        """Call none of the user's callbacks: the models are evaluated or described, not trained."""
        for model in self._models:
            model.without_callbacks()

    def restore(self, checkpoint: Checkpoint) -> None:
        """Restore the models from the checkpoint.

        Raises: UsageError if the checkpoint is of another model; StateLostError if it does not
        contain all of the state, or the state cannot be restored.
        """
        if checkpoint.lost is not None:
            raise StateLostError(checkpoint.lost)
        values = iter(checkpoint.last)
        arrays = [list(islice(values, model.variable_count)) for model in self._models]
        arrays[-1] += values
        fitting = zip(self._models, arrays, strict=True)
        if self._problem.fit is not None and not all(model.takes(some) for model, some in fitting):
            raise StateLostError("its fit creates variables")
        kept = checkpoint.states or [None] * len(self._models)
        for model, some, state in zip(self._models, arrays, kept, strict=True):
            model.restore(some, state, checkpoint.arrays)
            if len(self._models) > 1:
                model.leave()  # the next one may be given the same graph
        self.epoch, self.best, self.best_epoch = (
            checkpoint.epoch,
            checkpoint.best,
            checkpoint.best_epoch,
        )

    def catch_up(self, epoch: int) -> None:
        """Train again the recorded epochs up to this one; they must give the recorded metrics."""
        while self.epoch < epoch:
            known = self.curve[self.epoch]
            metrics = self.train()
            if finite(metrics) != dict(known.metrics):
                warnings.warn(
                    f"trial {known.trial}: epoch {known.epoch} came out differently when it was "
                    f"trained again; the recorded values are kept",
                    SearchWarning,
                    stacklevel=2,
                )
            self.take(known)

    def train(self) -> dict[str, float]:
        """Train the next epoch and evaluate it: all metrics, those that are not finite included."""
        epoch = self.epoch + 1
        self.whole = False
        if len(self._models) == 1:
            return self._with_derived(self._models[0].train(epoch))
        alternating = self._take_turns()
        by_fold = []
        for model in self._models:
            by_fold.append(model.train(epoch))
            if alternating:
                model.leave()
        return self._with_derived(outcomes.over_folds(self._problem.objective, by_fold))

    def _with_derived(self, metrics: dict[str, float]) -> dict[str, float]:
        """The metrics of the next epoch, with those that the problem derives from the curve."""
        if self._problem.derived is None:
            return metrics
        before = [dict(report.metrics) for report in self.curve[: self.epoch]]
        # a value that an epoch lacks was not finite there: a difference to it is no KeyError
        missing = dict.fromkeys((name for one in [*before, metrics] for name in one), math.nan)
        more = self._problem.derived([*(missing | one for one in before), metrics])
        for name, value in more.items():
            if name in metrics or numbers_of(value) is None:
                raise UsageError(
                    f"derived must give numbers by new names, got {name!r}: {value!r}; the model "
                    f"reports {', '.join(sorted(metrics))}"
                )
        return metrics | metric_values(more)

    def _take_turns(self) -> bool:
        """Whether the folds share traced graphs, and so must leave them to each other."""
        if self._alternating is None:
            for model in self._models:
                model.ready()
                model.leave()  # the next one may be given the same graph
            graphs = {id(model.model) for model in self._models}
            self._alternating = len(graphs) < len(self._models)
        return self._alternating

    def take(self, report: EpochReport) -> None:
        """Count the epoch just trained, and keep its weights if it is the best one.

        Weights of folds are not kept: the result of a trial is a model trained on the data of all
        folds.
        """
        if report.epoch > len(self.curve):
            self.curve.append(report)
        self.epoch = report.epoch
        scores = values(self._problem.objective, self.curve[: self.epoch])
        if self._problem.objective.best_epoch(scores) == self.epoch:
            self.best_epoch = self.epoch
            if len(self._models) == 1:
                self.best = self._models[0].handed_over()
        self.whole = not self.unfinished

    def end(self) -> None:
        """Tell callbacks that a budget is used up; nothing may be taken from the models then."""
        for model in self._models:
            model.end()
            if self._alternating:
                model.leave()

    def checkpoint(self) -> Checkpoint:
        """The state after the last whole epoch."""
        last = [array for model in self._models for array in model.state()]
        arrays: Arrays = []
        states: tuple[Kept, ...] = ()
        lost = None
        try:
            states = tuple(model.kept(arrays) for model in self._models)
        except StateLostError as error:
            lost = str(error)
        return Checkpoint(
            tuple(self.curve[: self.epoch]),
            last,
            self.best,
            self.best_epoch,
            states,
            arrays,
            lost,
        )

    def hand_over(self) -> None:
        """End the training, and assign the weights that are the result of the trial."""
        (only,) = self._models
        only.hand_over()

    def averaged_models(self) -> "Iterator[keras.Model]":
        """The models, each with the averaged weights of an optimizer that keeps some.

        Each is valid until the next one is asked for: models may share a traced graph.
        """
        for model in self._models:
            model.enter()
            with averaged(model.model):
                yield model.model
            model.leave()

    def use_best(self, best: Arrays) -> bool:
        """Give the model the weights of a best epoch; False where it has other variables."""
        variables = self.model.variables
        if not fits(variables, best):
            return False
        assign(variables, best)
        return True


def _refuse_common(models: Sequence[ModelRun]) -> None:
    """Refuse folds whose models have an object in common: each would train that of the others."""
    seen: set[int] = set()
    for model in models:
        if seen & model.older:
            raise UsageError(
                "build: the models of the folds share a layer, an optimizer or a variable that was "
                "made before build was called, so that each fold would train that of the others. "
                "Make it inside build, or leave out --cv"
            )
        seen |= model.older
