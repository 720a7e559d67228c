"""One epoch of training, and one of validation: what trains them, and how `fit` does."""

import contextlib
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from search import arrays
from search.errors import UsageError
from search.parameters import Params
from search.problem import Data, Fit, Part
from search.training.steps import as_tensors, for_fit, why_not_evaluated

if TYPE_CHECKING:
    import keras

EVALUATION_BATCH = 1000

Order: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"


class Epochs(Protocol):
    """Trains and evaluates one model, an epoch at a time; metrics go by Keras's names."""

    @property
    def way(self) -> str:
        """How it trains: "fit", "graph", or "compiled" by XLA."""
        ...

    def train(self, order: Order, batch_size: int) -> dict[str, float]:
        """Train on the examples in this order, in batches, the last one maybe smaller."""
        ...

    def test(self, first: int = 0, stop: int | None = None) -> dict[str, float]:
        """Evaluate on the validation part, or on its rows [first, stop)."""
        ...


def weighted(data: Data) -> Part:
    """The training part, each example with the weight of its class where classes have weights.

    Labels are integers `(n,)` or `(n, 1)`, or one-hot `(n, k)`, as `fit` takes them.

    Raises: UsageError for several outputs, which `fit` refuses too.
    """
    if data.class_weight is None:
        return data.train
    labels = data.train.y
    if not isinstance(labels, np.ndarray):
        raise UsageError("class_weight is for models with one output; give weights per output")
    labels = labels.argmax(1) if labels.ndim > 1 and labels.shape[1] > 1 else labels.reshape(-1)
    weights = np.ones(len(labels), np.float32)
    for label, weight in data.class_weight.items():
        weights[labels == label] = weight
    return Part(data.train.x, data.train.y, weights)


class FitEpochs:
    """The epoch by way of `fit` and `evaluate`: for every model that Keras can train.

    `hook` is a callback for what happens within the epoch.
    """

    way = "fit"

    def __init__(
        self, model: "keras.Model", data: Data, hook: "keras.callbacks.Callback | None" = None
    ) -> None:
        self._model = model
        self._train = weighted(data)
        self._validation = data.validation
        self._hooks = [] if hook is None else [hook]

    def train(self, order: Order, batch_size: int) -> dict[str, float]:
        """Train one epoch, as Keras does it."""
        part = self._train.take(order)
        raw: list[Any] = []
        history = self._model.fit(
            as_tensors(part.x),
            part.y,
            sample_weight=part.weights,
            batch_size=batch_size,
            shuffle=False,
            verbose=0,
            callbacks=[*self._hooks, _kept(self._model, raw)],
        )
        for variable, value in zip(self._model.trainable_variables, raw, strict=True):
            variable.assign(value)
        return {name: float(values[-1]) for name, values in history.history.items()}

    def test(self, first: int = 0, stop: int | None = None) -> dict[str, float]:
        """Evaluate, as Keras does it."""
        return evaluate(self._model, self._validation.take(slice(first, stop)), self._hooks)


class OwnEpochs:
    """The epoch by way of the problem's own `fit`; see `Problem.fit`."""

    way = "fit"

    def __init__(
        self,
        fit: Fit,
        params: Params,
        model: "keras.Model",
        data: Data,
        hook: "keras.callbacks.Callback | None",
    ) -> None:
        self._fit = fit
        self._params = params
        self._model = model
        self._data = for_fit(data)
        self._hooks = [] if hook is None else [hook]
        self._tested: dict[str, float] = {}

    def train(self, order: Order, batch_size: int) -> dict[str, float]:
        """Train one epoch; the order of the data and the size of a batch are its own affair."""
        metrics = self._fit(self._params, self._model, self._data, self._hooks)
        prefix = "val_"
        self._tested = {
            name.removeprefix(prefix): float(value)
            for name, value in metrics.items()
            if name.startswith(prefix)
        }
        return {n: float(value) for n, value in metrics.items() if not n.startswith(prefix)}

    def test(self, first: int = 0, stop: int | None = None) -> dict[str, float]:
        """What it gave of validation data, else Keras's evaluation of a compiled model.

        Of the data it was given, that is all of the validation part.
        """
        if self._tested:
            return self._tested
        return evaluate(self._model, self._data.validation, self._hooks)


def _kept(model: "keras.Model", into: list[Any]) -> "keras.callbacks.Callback":
    """Keeps the weights of an epoch's end: `fit` puts averaged ones (EMA) into the model after."""
    import keras

    def keep(epoch: int, logs: Any) -> None:
        into.extend(variable.numpy() for variable in model.trainable_variables)

    return keras.callbacks.LambdaCallback(on_epoch_end=keep)


@contextlib.contextmanager
def averaged(model: "keras.Model") -> Iterator[None]:
    """Within, the model has the averaged weights of an optimizer that keeps some (`use_ema`).

    Those are what a trial hands over, hence what is evaluated; training goes on with the others.
    """
    optimizer = model.optimizer if model.compiled else None
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    if optimizer is None or not optimizer.use_ema:
        yield
        return
    raw = [variable.numpy() for variable in model.trainable_variables]
    optimizer.finalize_variable_values(model.trainable_variables)
    try:
        yield
    finally:
        for variable, value in zip(model.trainable_variables, raw, strict=True):
            variable.assign(value)


def needs_fit(model: "keras.Model") -> str | None:
    """Why the model must be trained by `fit`; None where its steps are all there is to it."""
    import keras

    if model.run_eagerly:
        return "compiled with run_eagerly"
    for method in ("fit", "make_train_function", "evaluate", "make_test_function"):
        if getattr(type(model), method) is not getattr(keras.Model, method):
            return f"{type(model).__name__} has a {method} of its own"
    return None


def say_fit(reason: str) -> None:
    """Tell the user, once for each reason, that training goes by `fit`."""
    warnings.warn(f"training by keras's fit, which is slower ({reason})", stacklevel=2)


def evaluate(model: "keras.Model", part: Part, hooks: Any = None) -> dict[str, float]:
    """The model's loss and metrics on a part of the data, by name.

    None without `compile`, or for a model that Keras cannot evaluate.
    """
    if not model.compiled or why_not_evaluated(model) is not None:
        return {}
    metrics = model.evaluate(
        as_tensors(part.x),
        part.y,
        sample_weight=part.weights,
        batch_size=EVALUATION_BATCH,
        verbose=0,
        return_dict=True,
        callbacks=hooks,
    )
    return {name: float(value) for name, value in metrics.items()}


def predictions(model: "keras.Model", part: Part) -> Any:
    """What the model gives for the examples of a part: arrays `(n, ...)`, in its structure.

    By calls of the model, batch by batch: `predict` would trace a graph for what is done once.
    """
    import keras

    batches = []
    for start in range(0, part.size, EVALUATION_BATCH):
        x = as_tensors(part.take(slice(start, start + EVALUATION_BATCH)).x)
        given = arrays.mapped(keras.ops.convert_to_numpy, model(x, training=False))
        batches.append([array for _, array in arrays.named(given, "")])
    joined = iter([np.concatenate(pieces) for pieces in zip(*batches, strict=True)])
    return arrays.mapped(lambda _: next(joined), given)
