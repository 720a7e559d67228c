"""One trial's model while it trains: its state, its curve, and the weights of its best epoch."""

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from search.errors import UsageError
from search.outcomes import values
from search.problem import Data, Part, Problem
from search.seeds import seed_for
from search.training import runtime
from search.training.checkpoint import Arrays, Checkpoint
from search.training.epochs import Epochs, TensorData, epochs
from search.trial import EpochReport, Task

if TYPE_CHECKING:
    import keras


class TrialRun:
    """A model built for a task, and how far it has come.

    `curve` is what is known of the trial; `epoch` is how far the model itself has been trained,
    which after a crash may be less. `whole` is False while an epoch is under way.
    """

    def __init__(self, problem: Problem, data: Data, tensors: TensorData, task: Task) -> None:
        self._problem = problem
        self._data = data
        self._tensors = tensors
        self._seed = task.seed
        self._batch_size = int(task.proposal.params.get("batch_size", problem.batch_size))
        self._epochs: Epochs | None = None
        self.curve = list(task.recorded)
        self.model = _built(problem, data.train, task)
        self.epoch = 0
        self.best_epoch = 0
        self.best: Arrays = []
        self.whole = True

    @property
    def parameter_count(self) -> int:
        """How many numbers the model holds, optimizer left out."""
        return int(self.model.count_params())

    def restore(self, checkpoint: Checkpoint) -> None:
        """Put the model where the checkpoint was taken.

        Raises: UsageError when the checkpoint is of another model.
        """
        _assign(self._variables(), checkpoint.last)
        self.epoch, self.best, self.best_epoch = (
            checkpoint.epoch,
            checkpoint.best,
            checkpoint.best_epoch,
        )

    def catch_up(self, epoch: int) -> None:
        """Train again the known epochs up to this one; they must come out as they are known."""
        while self.epoch < epoch:
            known = self.curve[self.epoch]
            metrics = self.train()
            if metrics != dict(known.metrics):
                warnings.warn(
                    f"trial {known.trial}: epoch {known.epoch} came out differently when it was "
                    f"trained again; the recorded values stand",
                    stacklevel=2,
                )
            self.take(known)

    def train(self) -> dict[str, float]:
        """Train the next epoch and evaluate it: all metrics, and the learning rate at its end.

        The order of the data is a function of (seed, epoch): an epoch trained again is the same.
        """
        self.whole = False
        if self._epochs is None:
            self._epochs = epochs(self.model, self._data, self._tensors, self._batch_size)
        generator = np.random.default_rng(seed_for(self._seed, "order", self.epoch + 1))
        metrics = self._epochs.run(generator.permutation(len(self._data.train.x)))
        rate = getattr(self.model.optimizer, "learning_rate", None)
        if rate is not None:
            metrics["learning_rate"] = float(np.asarray(rate))
        return metrics

    def take(self, report: EpochReport) -> None:
        """Count the epoch just trained, and keep its weights if it is the best one."""
        if report.epoch > len(self.curve):
            self.curve.append(report)
        self.epoch = report.epoch
        scores = values(self._problem.objective, self.curve[: self.epoch])
        if self._problem.objective.best_epoch(scores) == self.epoch:
            self.best, self.best_epoch = _arrays(self.model.variables), self.epoch
        self.whole = True

    def checkpoint(self) -> Checkpoint:
        """The state after the last whole epoch."""
        return Checkpoint(
            tuple(self.curve[: self.epoch]),
            _arrays(self._variables()),
            self.best,
            self.best_epoch,
        )

    def use_best(self, checkpoint: Checkpoint) -> None:
        """Give the model the weights of the checkpoint's best epoch."""
        _assign(self.model.variables, checkpoint.best)

    def _variables(self) -> list[Any]:
        return [*self.model.variables, *self.model.optimizer.variables]


def _built(problem: Problem, part: Part, task: Task) -> "keras.Model":
    import keras

    runtime.fresh(task.seed)
    model = problem.build(task.proposal.params)
    if not isinstance(model, keras.Model):
        raise UsageError(f"build must return a keras.Model, got {model!r}; return the model")
    if not model.compiled:
        raise UsageError("build must return a compiled model; call model.compile(...) in it")
    if not model.built:
        model(part.x[:1])
    model.optimizer.build(model.trainable_variables)
    return model


def _arrays(variables: list[Any]) -> Arrays:
    return [np.array(variable.numpy()) for variable in variables]


def _assign(variables: list[Any], arrays: Arrays) -> None:
    shapes = [tuple(variable.shape) for variable in variables]
    if shapes != [array.shape for array in arrays]:
        raise UsageError("checkpoint is of another model: the problem has changed; run it anew")
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
