"""One trial's model while it trains: its state, its curve, and the weights of its best epoch."""

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from search.errors import UsageError
from search.outcomes import values
from search.parameters import Params
from search.problem import Data, Part, Problem
from search.seeds import seed_for
from search.training import preflight, runtime
from search.training.callbacks import State, UserCallbacks, hook, say_state_is_lost
from search.training.checkpoint import Arrays, Checkpoint
from search.training.epochs import Epochs, OwnEpochs, averaged
from search.training.shared import SharedEpochs
from search.trial import EpochReport, Task

if TYPE_CHECKING:
    import keras

Build: TypeAlias = Callable[[Params], "keras.Model"]


class TrialRun:
    """A model built for a task, and how far it has come.

    `curve` is what is known of the trial; `epoch` is how far the model itself has been trained,
    which after a crash may be less. `whole` is False while an epoch is under way. `build`: the
    problem's, for this data. `most_epochs`: what a trial of this study may have.
    """

    def __init__(
        self,
        problem: Problem,
        build: Build,
        data: Data,
        shared: SharedEpochs,
        task: Task,
        most_epochs: int,
    ) -> None:
        params = task.proposal.params
        self._problem = problem
        self._shared = shared
        self._task = task
        self._rows = data.train.size
        self._batch_size = int(params.get("batch_size", problem.batch_size))
        self._most_epochs = int(params.get("epochs", most_epochs))
        self._prepared: tuple[Epochs, UserCallbacks] | None = None
        self._restored: State | None = None
        self.curve = list(task.recorded)
        self._data = data
        self.model = _built(build, data.train, task, compiled=problem.fit is None)
        self.epoch = 0
        self.best_epoch = 0
        self.best: Arrays = []
        self.whole = True

    @property
    def parameter_count(self) -> int:
        """How many numbers the model holds, optimizer left out."""
        return int(self.model.count_params())

    @property
    def way(self) -> str:
        """How it is trained: "fit", "graph" or "compiled"."""
        return self._ready()[0].way

    @property
    def stopped(self) -> bool:
        """Whether a callback ended the training."""
        if self._prepared is None:
            return bool(self._restored and self._restored["stopped"])
        return self._prepared[1].stopped

    def restore(self, checkpoint: Checkpoint) -> None:
        """Put the model where the checkpoint was taken, unless callbacks cannot be put there.

        Raises: UsageError when the checkpoint is of another model.
        """
        if self._problem.callbacks is not None and checkpoint.callbacks is None:
            say_state_is_lost()
            return
        if self._problem.fit is not None and not _fits(self._variables(), checkpoint.last):
            return  # its fit makes variables (compiles anew, say): trained again, same result
        self._restored = checkpoint.callbacks
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
        epochs, callbacks = self._ready()
        epoch = self.epoch + 1
        self.whole = False
        callbacks.epoch_begin(epoch)
        if self._problem.fit is not None:
            runtime.seeded(seed_for(self._task.seed, "fit", epoch))
        generator = np.random.default_rng(seed_for(self._task.seed, "order", epoch))
        metrics = epochs.train(generator.permutation(self._rows), self._batch_size)
        rate = getattr(_optimizer(self.model), "learning_rate", None)
        if rate is not None:
            rate = float(np.asarray(rate))
        callbacks.test_begin()
        with averaged(self.model):
            tested = epochs.test()
        callbacks.test_end(tested)
        metrics |= {f"val_{name}": value for name, value in tested.items()}
        metrics = callbacks.epoch_end(epoch, metrics)
        metrics = metrics if rate is None else metrics | {"learning_rate": rate}
        return metrics if self._problem.derived is None else self._with_derived(metrics)

    def _with_derived(self, metrics: dict[str, float]) -> dict[str, float]:
        """The metrics of the next epoch, with those that the problem derives from the curve."""
        curve = [dict(report.metrics) for report in self.curve[: self.epoch]]
        more = {} if self._problem.derived is None else self._problem.derived([*curve, metrics])
        for name, value in more.items():
            if name in metrics or not isinstance(value, int | float | np.number):
                raise UsageError(
                    f"derived must give numbers by new names, got {name!r}: {value!r}; the model "
                    f"reports {', '.join(sorted(metrics))}"
                )
        return metrics | {name: float(value) for name, value in more.items()}

    def _ready(self) -> tuple[Epochs, UserCallbacks]:
        """What trains, made when first needed: a model that is only looked at needs no graph."""
        if self._prepared is None:
            problem, params = self._problem, self._task.proposal.params
            given = [] if problem.callbacks is None else list(problem.callbacks(params))
            epochs: Epochs
            if problem.fit is not None:
                epochs = OwnEpochs(problem.fit, params, self.model, self._data, hook(given))
            else:
                self.model, epochs = self._shared.of(
                    self.model, self._batch_size, self._most_epochs, hook(given)
                )
            callbacks = UserCallbacks(given, self.model, self._most_epochs)
            self._prepared = epochs, callbacks
            callbacks.train_begin(self._restored)
        return self._prepared

    def take(self, report: EpochReport) -> None:
        """Count the epoch just trained, and keep its weights if it is the best one."""
        if report.epoch > len(self.curve):
            self.curve.append(report)
        self.epoch = report.epoch
        scores = values(self._problem.objective, self.curve[: self.epoch])
        if self._problem.objective.best_epoch(scores) == self.epoch:
            with averaged(self.model):
                self.best, self.best_epoch = _arrays(self.model.variables), self.epoch
        self.whole = True

    def end(self) -> None:
        """Tell the callbacks that a budget is used up; nothing may be taken from the model then."""
        if self._prepared is not None:
            self._prepared[1].train_end()

    def checkpoint(self) -> Checkpoint:
        """The state after the last whole epoch."""
        return Checkpoint(
            tuple(self.curve[: self.epoch]),
            _arrays(self._variables()),
            self.best,
            self.best_epoch,
            self._restored if self._prepared is None else self._prepared[1].state(),
        )

    def use_best(self, checkpoint: Checkpoint) -> None:
        """Give the model the weights of the checkpoint's best epoch."""
        _assign(self.model.variables, checkpoint.best)

    def _variables(self) -> list[Any]:
        optimizer = _optimizer(self.model)
        return [*self.model.variables, *([] if optimizer is None else optimizer.variables)]


def _built(build: Build, part: Part, task: Task, *, compiled: bool) -> "keras.Model":
    """The model for a task, seeded, with all its variables; `compiled`: whether it must be.

    Raises: UsageError for what is no model, or one that is not compiled.
    """
    import keras

    runtime.fresh(task.seed)
    model = build(task.proposal.params)
    if not isinstance(model, keras.Model):
        raise UsageError(f"build must return a keras.Model, got {model!r}; return the model")
    if compiled and not model.compiled:
        raise UsageError("build must return a compiled model; call model.compile(...) in it")
    if not model.built:
        preflight.call(model, part)
    optimizer = _optimizer(model)
    if optimizer is not None:
        optimizer.build(model.trainable_variables)
    return model


def _optimizer(model: "keras.Model") -> Any:
    """The optimizer the model was compiled with; None where it was not."""
    return model.optimizer if model.compiled else None


def _arrays(variables: list[Any]) -> Arrays:
    return [np.array(variable.numpy()) for variable in variables]


def _fits(variables: list[Any], arrays: Arrays) -> bool:
    return [tuple(variable.shape) for variable in variables] == [array.shape for array in arrays]


def _assign(variables: list[Any], arrays: Arrays) -> None:
    if not _fits(variables, arrays):
        raise UsageError("checkpoint is of another model: the problem has changed; run it anew")
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
