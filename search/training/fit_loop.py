"""One epoch of training, and one of validation: what trains them, and how `fit` does."""

import contextlib
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from search.data import trees
from search.data.class_weights import class_labels, class_weights
from search.data.parts import Data, Part
from search.errors import SearchWarning
from search.training.metric_values import Logs, finite, metric_values
from search.training.model_steps import as_tensors, why_not_evaluated

if TYPE_CHECKING:
    import keras

EVALUATION_BATCH = 1000  # of epochs that are trained outside a study

Order: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"


class EpochLoop(Protocol):
    """Trains and evaluates one model, an epoch at a time; metrics go by Keras's names."""

    @property
    def way(self) -> str:
        """How it trains: "fit", "graph", or "compiled" by XLA."""
        ...

    def train(self, order: Order, batch_size: int) -> Logs:
        """Train on the examples in this order, in batches, the last one maybe smaller."""
        ...

    def test(
        self, first: int = 0, stop: int | None = None, batch_size: int = EVALUATION_BATCH
    ) -> Logs:
        """Evaluate on the validation part, or on its rows [first, stop), in batches."""
        ...


def weighted(data: Data) -> Part:
    """The training part, each example with the weight of its class where classes have weights."""
    if data.class_weight is None:
        return data.train
    checked = class_weights(data.class_weight, data.train.y, data.class_names)
    labels = class_labels(data.train.y)
    weights = np.ones(len(labels), np.float32)
    for label, weight in checked.items():
        weights[labels == label] = weight
    return Part(data.train.x, data.train.y, weights)


class FitLoop:
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

    def train(self, order: Order, batch_size: int) -> Logs:
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
        return {name: values[-1] for name, values in history.history.items()}

    def test(
        self, first: int = 0, stop: int | None = None, batch_size: int = EVALUATION_BATCH
    ) -> Logs:
        """Evaluate, as Keras does it."""
        held_out = self._validation.take(slice(first, stop))
        return evaluate(self._model, held_out, batch_size, self._hooks)


def _kept(model: "keras.Model", into: list[Any]) -> "keras.callbacks.Callback":
    """Keeps the weights of an epoch's end: `fit` puts averaged ones (EMA) into the model after."""
    import keras

    def keep(epoch: int, logs: Any) -> None:
        into.extend(variable.numpy() for variable in model.trainable_variables)

    return keras.callbacks.LambdaCallback(on_epoch_end=keep)


@contextlib.contextmanager
def averaged(model: "keras.Model") -> Iterator[None]:
    """Give the model the averaged weights of its optimizer (`use_ema`) within the block.

    The averaged weights are the result of the trial, so they are evaluated. Training continues with
    the other ones.
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
    text = f"training by keras's fit, which is slower ({reason})"
    warnings.warn(text, SearchWarning, stacklevel=2)


def evaluate(model: "keras.Model", part: Part, batch_size: int, hooks: Any = None) -> Logs:
    """The model's loss and metrics on a part of the data, by name.

    None without `compile`, or for a model that Keras cannot evaluate.
    """
    if not model.compiled or why_not_evaluated(model) is not None:
        return {}
    logs: Logs = model.evaluate(
        as_tensors(part.x),
        part.y,
        sample_weight=part.weights,
        batch_size=batch_size,
        verbose=0,
        return_dict=True,
        callbacks=hooks,
    )
    return logs


def metrics_on(model: "keras.Model", part: Part, batch_size: int) -> dict[str, float]:
    """Return the finite metrics of a model on a part of the data."""
    return finite(metric_values(evaluate(model, part, batch_size)))


def predictions(model: "keras.Model", part: Part, batch_size: int) -> Any:
    """What the model gives for the examples of a part: arrays `(n, ...)`, in its structure.

    By calls of the model, batch by batch: `predict` would trace a graph for what is done once.
    """
    import keras

    batches = []
    for start in range(0, part.size, batch_size):
        x = as_tensors(part.take(slice(start, start + batch_size)).x)
        given = trees.mapped(keras.ops.convert_to_numpy, model(x, training=False))
        batches.append([array for _, array in trees.named(given, "")])
    joined = iter([np.concatenate(pieces) for pieces in zip(*batches, strict=True)])
    return trees.mapped(lambda _: next(joined), given)
