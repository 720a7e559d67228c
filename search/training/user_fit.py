"""Epochs by the user's `fit`: one call for each epoch, or one call for all of them."""

import inspect
from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from search.data.parts import Data
from search.problem.problem import Problem
from search.space.parameters import Params
from search.training.callbacks import hook, hook_of_fit
from search.training.fit_loop import EVALUATION_BATCH, Order, evaluate
from search.training.metric_values import Logs
from search.training.model_steps import for_fit
from search.training.user_fit_checks import FitChecks, watched

if TYPE_CHECKING:
    import keras

_VALIDATION = "val_"


class UserFitLoop:
    """Train the epochs of one model with the `fit` function of the problem; see `Problem.fit`.

    `callbacks`: the callbacks of the trial. `epochs`: the largest number of epochs that the trial
    may have. `checks`: the checks already made in this process.
    """

    way = "fit"

    def __init__(
        self,
        problem: Problem,
        params: Params,
        model: "keras.Model",
        data: Data,
        callbacks: "Sequence[keras.callbacks.Callback]",
        *,
        epochs: int,
        checks: FitChecks,
    ) -> None:
        assert problem.fit is not None  # the caller has looked
        self._fit = problem.fit
        self._whole = problem.fit_whole
        self._params = params
        self._model = model
        self._data = for_fit(data)
        given, self._evaluated = hook_of_fit(callbacks) or (None, [])
        batches = hook(callbacks)
        self._hooks = list(callbacks) if self._whole else [] if batches is None else [batches]
        self._callbacks = list(callbacks) if self._whole else [] if given is None else [given]
        self._epochs = epochs
        self._checks = checks
        self._epoch = 0
        self._batch_size = 32
        self._watched = False
        self._curve: deque[Mapping[str, Any]] | None = None
        self._tested: dict[str, Any] = {}

    @property
    def whole(self) -> bool:
        """Whether a single call of `fit` trains all epochs."""
        return self._whole

    @property
    def unfinished(self) -> bool:
        """Whether the model has been trained for more epochs than `train` has returned."""
        return bool(self._curve)

    @property
    def finished(self) -> bool:
        """Whether the single call of `fit` has ended and `train` has returned all of its epochs.

        Always False with one call per epoch.
        """
        return self._curve is not None and not self._curve

    def begin(self, epoch: int) -> None:
        """Set the number of the next epoch, counted from 1."""
        self._epoch = epoch

    def train(self, order: Order, batch_size: int) -> dict[str, Any]:
        """Train one epoch. The `fit` function determines the order of the data and the batch size.

        `batch_size`: batch size of the evaluation if a single call trains all epochs.
        """
        self._batch_size = batch_size
        self._evaluated.clear()
        metrics = self._of_whole() if self._whole else self._one()
        self._tested = {
            name.removeprefix(_VALIDATION): value
            for name, value in metrics.items()
            if name.startswith(_VALIDATION)
        }
        return {n: value for n, value in metrics.items() if not n.startswith(_VALIDATION)}

    @property
    def test_called(self) -> bool:
        """Whether the evaluation of the last epoch has called the test hooks of the callbacks."""
        return bool(self._tested and self._evaluated)

    def test(
        self, first: int = 0, stop: int | None = None, batch_size: int = EVALUATION_BATCH
    ) -> Logs:
        """Return the validation metrics of `fit`; without them, evaluate the compiled model.

        Keras evaluates on all validation data that `fit` receives.
        """
        if self._tested or self.unfinished:
            return self._tested
        return evaluate(self._model, self._data.validation, batch_size, self._hooks)

    def _one(self) -> Mapping[str, Any]:
        """Train the next epoch with one call, and return its metrics."""
        numbers = self._taken({"initial_epoch": self._epoch - 1, "epochs": self._epoch})
        if not self._checks.numbered or len(numbers) < 2:
            numbers = {}
        metrics: Mapping[str, Any]
        if self._watched:
            metrics = self._called(numbers)
            return metrics
        self._watched = True
        with watched(self._model) as calls:
            metrics = self._called(numbers)
        self._checks.look(self._model, self._data, self._callbacks, metrics, calls, self._epoch)
        return metrics

    def _of_whole(self) -> Mapping[str, Any]:
        """Return the metrics of the next epoch; the first time, train all epochs with one call."""
        if self._curve is None:
            with watched(self._model) as calls:
                last = dict(self._called(self._taken({"epochs": self._epochs})) or {})
            curve = [dict(epoch) for call in calls for epoch in call.curve] or [{}]
            if any(name.startswith(_VALIDATION) for name in last):
                self._checks.compare(self._model, self._data, last, calls)
            else:
                # of the model as it is now, which may not be the last epoch's
                part, hooks = self._data.validation, self._hooks
                tested = evaluate(self._model, part, self._batch_size, hooks)
                last |= {f"{_VALIDATION}{name}": value for name, value in tested.items()}
            curve[-1] |= last
            self._curve = deque(curve)
        return self._curve.popleft()

    def _called(self, numbers: Mapping[str, int]) -> Any:
        return self._fit(self._params, self._model, self._data, list(self._callbacks), **numbers)

    def _taken(self, numbers: dict[str, int]) -> dict[str, int]:
        """Return the keyword arguments that the `fit` function accepts."""
        parameters = inspect.signature(self._fit).parameters
        if any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values()):
            return numbers
        return {name: value for name, value in numbers.items() if name in parameters}
