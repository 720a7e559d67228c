"""One epoch of training and validation: in one TensorFlow graph, or by way of `keras.Model.fit`.

Between two steps of a small model `fit` spends more time than on the step itself. Here the whole
epoch is one call into TensorFlow, through Keras's public `train_step` and `test_step`: equal to
`fit` bit for bit, and several times faster.
"""

import warnings
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from search.problem import Data, Part

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

EVALUATION_BATCH = 1000

Order: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"


class Epochs(Protocol):
    """Trains a model, an epoch at a time."""

    def run(self, order: Order) -> dict[str, float]:
        """Train on the examples in this order, in batches, the last one maybe smaller; evaluate.

        Returns all metrics by Keras's names, those on the validation part with "val_" in front.
        """
        ...


class TensorData:
    """The training and validation parts as tensors, made once and shared by all models."""

    def __init__(self, data: Data) -> None:
        import keras
        import tensorflow as tf

        self.sizes = len(data.train.x), len(data.validation.x)
        self.train, self.validation = (
            keras.tree.map_structure(tf.constant, (part.x, part.y))
            for part in (data.train, data.validation)
        )


class GraphEpochs:
    """The epoch as one TensorFlow graph.

    Raises: whatever Keras or TensorFlow raise where the model cannot be traced so; the model is
    then as it was.
    """

    def __init__(self, model: "keras.Model", data: TensorData, batch_size: int) -> None:
        import tensorflow as tf

        self._model = model
        _create_metrics(model, data)
        epoch = tf.function(
            lambda order: _epoch(model, data, batch_size, order),
            input_signature=[tf.TensorSpec([data.sizes[0]], tf.int32)],
            autograph=False,
        )
        self._epoch = epoch.get_concrete_function()

    def run(self, order: Order) -> dict[str, float]:
        """Train one epoch and evaluate, in one call into TensorFlow."""
        import tensorflow as tf

        metrics = self._epoch(tf.constant(order, tf.int32))
        return {name: float(value) for name, value in metrics.items()}


def _epoch(
    model: "keras.Model", data: TensorData, batch_size: int, order: "tf.Tensor"
) -> dict[str, "tf.Tensor"]:
    import keras
    import tensorflow as tf

    def train(start: "tf.Tensor", stop: "tf.Tensor") -> None:
        rows = order[start:stop]
        batch = keras.tree.map_structure(lambda a: tf.gather(a, rows), data.train)
        _refuse_own_logs(model, model.train_step(batch))

    def test(start: "tf.Tensor", stop: "tf.Tensor") -> None:
        batch = keras.tree.map_structure(lambda a: a[start:stop], data.validation)
        _refuse_own_logs(model, model.test_step(batch))

    def loop(step: Any, size: int, batch: int) -> dict[str, "tf.Tensor"]:
        def body(start: "tf.Tensor") -> tuple["tf.Tensor"]:
            stop = tf.minimum(start + batch, size)
            step(start, stop)
            return (stop,)

        model.reset_metrics()
        tf.while_loop(lambda start: start < size, body, (0,), parallel_iterations=1)
        # a value read now, not a reference to a variable that the next loop resets
        return {k: tf.identity(v) for k, v in model.get_metrics_result().items()}

    trained = loop(train, data.sizes[0], batch_size)
    tested = loop(test, data.sizes[1], EVALUATION_BATCH)
    return trained | {f"val_{name}": value for name, value in tested.items()}


def _refuse_own_logs(model: "keras.Model", logs: dict[str, Any]) -> None:
    """`fit` reports what the last step returned where that is more than the metrics."""
    if set(logs) != set(model.get_metrics_result()):
        raise ValueError("its steps report values that are no metrics")


def _create_metrics(model: "keras.Model", data: TensorData) -> None:
    """Have the model create its metrics' variables: none may be created inside a loop.

    The call must leave no trace: a layer may draw random numbers, or count, in every call.
    """
    import keras

    states = [(v, v.numpy()) for v in model.non_trainable_variables]
    x, y = keras.tree.map_structure(lambda a: a[:1], data.train)
    predicted = model(x, training=False)
    model.compute_loss(x=x, y=y, y_pred=predicted)
    model.compute_metrics(x, y, predicted)
    model.reset_metrics()
    for variable, value in states:
        variable.assign(value)


class FitEpochs:
    """The epoch by way of `fit` and `evaluate`: for every model that Keras can train."""

    def __init__(self, model: "keras.Model", data: Data, batch_size: int) -> None:
        self._model = model
        self._data = data
        self._batch_size = batch_size

    def run(self, order: Order) -> dict[str, float]:
        """Train one epoch and evaluate, as Keras does it."""
        import keras

        x, y = keras.tree.map_structure(
            lambda a: a[order], (self._data.train.x, self._data.train.y)
        )
        history = self._model.fit(x, y, batch_size=self._batch_size, shuffle=False, verbose=0)
        metrics = {name: float(values[-1]) for name, values in history.history.items()}
        tested = evaluate(self._model, self._data.validation)
        return metrics | {f"val_{name}": value for name, value in tested.items()}


def epochs(model: "keras.Model", data: Data, tensors: TensorData, batch_size: int) -> Epochs:
    """The fastest way to train this model that gives the numbers that `fit` gives."""
    reason = _needs_fit(model)
    if reason is None:
        try:
            return GraphEpochs(model, tensors, batch_size)
        except Exception as error:  # noqa: BLE001 - a model is the user's code: `fit` decides
            reason = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    warnings.warn(f"training by keras's fit, which is slower ({reason})", stacklevel=2)
    return FitEpochs(model, data, batch_size)


def _needs_fit(model: "keras.Model") -> str | None:
    """Why the model must be trained by `fit`; None where its steps are all there is to it."""
    import keras

    if model.run_eagerly:
        return "compiled with run_eagerly"
    for method in ("fit", "make_train_function", "evaluate", "make_test_function"):
        if getattr(type(model), method) is not getattr(keras.Model, method):
            return f"{type(model).__name__} has a {method} of its own"
    return None


def evaluate(model: "keras.Model", part: Part) -> dict[str, float]:
    """The model's loss and metrics on a part of the data, by name."""
    metrics = model.evaluate(
        part.x, part.y, batch_size=EVALUATION_BATCH, verbose=0, return_dict=True
    )
    return {name: float(value) for name, value in metrics.items()}
