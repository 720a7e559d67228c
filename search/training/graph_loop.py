"""One epoch of training, and one of validation, in one TensorFlow graph each.

Between two steps of a small model `fit` spends more time than on the step itself. Here the whole
epoch is one call into TensorFlow, through Keras's public `train_step` and `test_step`: trained
equal to `fit` bit for bit, and several times faster.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from search.data import trees
from search.data.parts import Data
from search.training.fit_loop import EVALUATION_BATCH, Order, weighted
from search.training.metric_values import Logs
from search.training.model_steps import defines, packed, trace, why_not_evaluated

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

Specs: TypeAlias = Mapping[str, Any]  # of tensors, by name


class TensorData:
    """The training and validation parts as tensors, made once and shared by all models.

    `train` and `validation`: as Keras's `fit` gives them to the steps of a model; (x, y) or (x, y,
    weights), and x itself where there are no labels.

    Raises: UsageError for a class weight that cannot be applied.
    """

    def __init__(self, data: Data) -> None:
        import tensorflow as tf

        made: dict[int, tf.Tensor] = {}

        def tensor(array: Any) -> "tf.Tensor":
            # the parts of folds are the same arrays
            if id(array) not in made:
                made[id(array)] = tf.constant(array)
            return made[id(array)]

        self.sizes = data.train.size, data.validation.size
        parts = weighted(data), data.validation
        self.train, self.validation = (trees.mapped(tensor, packed(part)) for part in parts)


class GraphLoop:
    """The epoch as one TensorFlow graph; with `compiled_batch`, compiled by XLA for that batch.

    `rows`: how many an epoch trains on, all by default. A plain graph takes any number, a compiled
    one those that make as many whole batches. `batch_size`: a size of batches that the model takes.
    `unknown_draws`: random operations with an internal state in the graph, added by the caller.

    Raises: any exception of Keras or TensorFlow if the model cannot be traced in this form; the
    model is then unchanged.
    """

    def __init__(
        self,
        model: "keras.Model",
        data: TensorData,
        compiled_batch: int | None = None,
        rows: int | None = None,
        batch_size: int = 32,
    ) -> None:
        import tensorflow as tf

        self.unknown_draws: set[str] = set()
        evaluated = why_not_evaluated(model) is None
        train_logs, test_logs = _create_metrics(model, data, batch_size, evaluated=evaluated)
        self.way = "graph" if compiled_batch is None else "compiled"
        self.model = model

        def train(order: "tf.Tensor", batch_size: "tf.Tensor") -> dict[str, "tf.Tensor"]:
            model.reset_metrics()
            if compiled_batch is None:
                return _train(model, data, order, batch_size, train_logs) or _results(model)
            _train_compiled(model, data, order, compiled_batch, rows or data.sizes[0])
            return _results(model)

        def test(
            first: "tf.Tensor", stop: "tf.Tensor", size: "tf.Tensor"
        ) -> dict[str, "tf.Tensor"]:
            model.reset_metrics()
            return _test(model, data, (first, stop, size), test_logs) or _results(model)

        numbers, number = tf.TensorSpec([None], tf.int32), tf.TensorSpec([], tf.int32)
        self._train = _traced(train, [numbers, number])
        self._test = _traced(test, [number, number, number]) if evaluated else None
        self._validation_size = data.sizes[1]

    def train(self, order: Order, batch_size: int) -> Logs:
        """Train one epoch, in one call into TensorFlow."""
        import tensorflow as tf

        # every argument a tensor: a Python number would be traced as a constant
        return _logs(self._train(tf.constant(order, tf.int32), tf.constant(batch_size, tf.int32)))

    def test(
        self, first: int = 0, stop: int | None = None, batch_size: int = EVALUATION_BATCH
    ) -> Logs:
        """Evaluate, in one call into TensorFlow; without metrics where the model allows no more."""
        import tensorflow as tf

        if self._test is None:
            return {}
        span = first, self._validation_size if stop is None else stop, batch_size
        return _logs(self._test(*(tf.constant(number, tf.int32) for number in span)))


def _traced(function: Any, signature: list[Any]) -> Any:
    import tensorflow as tf

    traced = tf.function(function, input_signature=signature, autograph=False)
    return traced.get_concrete_function()


def _results(model: "keras.Model") -> dict[str, "tf.Tensor"]:
    import tensorflow as tf

    # values read now, not references to variables that the next loop resets
    return {name: tf.identity(value) for name, value in model.get_metrics_result().items()}


def _logs(metrics: dict[str, "tf.Tensor"]) -> Logs:
    """The metrics as `fit` has them in its logs: numbers, and arrays where they are none."""
    values = {name: value.numpy() for name, value in metrics.items()}
    return {name: float(value) if value.ndim == 0 else value for name, value in values.items()}


def _step(
    model: "keras.Model", data: TensorData, rows: "tf.Tensor", own: Specs | None = None
) -> list["tf.Tensor"]:
    import tensorflow as tf

    batch = trees.mapped(lambda array: tf.gather(array, rows), data.train)
    return _own_logs(model, model.train_step(batch), own or {})


def _train(
    model: "keras.Model", data: TensorData, order: "tf.Tensor", batch_size: "tf.Tensor", own: Specs
) -> dict[str, "tf.Tensor"]:
    """Train; what the last step gives where that is not the metrics, as `fit` reports it."""
    import tensorflow as tf

    size = tf.size(order)

    def body(start: "tf.Tensor", *_: "tf.Tensor") -> tuple["tf.Tensor", ...]:
        stop = tf.minimum(start + batch_size, size)
        return (stop, *_step(model, data, order[start:stop], own))

    return _looped(lambda start, *_: start < size, body, 0, own)


def _looped(more: Any, body: Any, first: Any, own: Specs) -> dict[str, "tf.Tensor"]:
    import tensorflow as tf

    begun = (first, *(tf.zeros(spec.shape, spec.dtype) for spec in own.values()))
    _, *last = tf.while_loop(more, body, begun, parallel_iterations=1)
    return dict(zip(own, last, strict=True))


def _train_compiled(
    model: "keras.Model", data: TensorData, order: "tf.Tensor", batch_size: int, rows: int
) -> None:
    """XLA takes batches of one size only: the last, smaller one is a step of the plain graph."""
    import tensorflow as tf

    whole = rows - rows % batch_size
    # XLA compiles anew for each length it is given
    first = tf.ensure_shape(order[:whole], [whole])

    def body(start: "tf.Tensor") -> tuple["tf.Tensor"]:
        _step(model, data, tf.slice(first, [start], [batch_size]))
        return (start + batch_size,)

    @tf.function(autograph=False, jit_compile=True)  # type: ignore[untyped-decorator]
    def batches() -> "tf.Tensor":
        return tf.while_loop(lambda start: start < whole, body, (0,), parallel_iterations=1)

    if whole:
        batches()
    if whole < rows:
        _step(model, data, order[whole:])


def _test(
    model: "keras.Model",
    data: TensorData,
    span: tuple["tf.Tensor", "tf.Tensor", "tf.Tensor"],
    own: Specs,
) -> dict[str, "tf.Tensor"]:
    import tensorflow as tf

    first, end, batch_size = span

    def body(start: "tf.Tensor", *_: "tf.Tensor") -> tuple["tf.Tensor", ...]:
        stop = tf.minimum(start + batch_size, end)
        batch = trees.mapped(lambda array: array[start:stop], data.validation)
        return (stop, *_own_logs(model, model.test_step(batch), own))

    return _looped(lambda start, *_: start < end, body, first, own)


def _own_logs(model: "keras.Model", logs: dict[str, Any], own: Specs) -> list["tf.Tensor"]:
    """Return the values of a step in the order of `own`; none if they are the metrics."""
    import tensorflow as tf

    if own:
        return [tf.cast(logs[name], spec.dtype) for name, spec in own.items()]
    if set(logs) != set(model.get_metrics_result()):
        raise ValueError("its steps report values that are no metrics")
    return []


def _specs(model: "keras.Model", logs: Any) -> Specs:
    """Return the values of a user-defined step that `fit` reports instead of the metrics."""
    return {} if set(logs) == set(model.get_metrics_result()) else dict(logs)


def _create_metrics(
    model: "keras.Model", data: TensorData, batch_size: int, *, evaluated: bool
) -> tuple[Specs, Specs]:
    """Have the model create its metrics' variables: none may be created inside a loop.

    The call must not change the state: a layer may draw random numbers, or count, in every call. It
    gets a batch as in training, because a loss may accept no other. User-defined steps may need no
    loss of `compile` and no `call`: they are traced. Return the values that the steps of training
    and evaluation report, if these are not the metrics.
    """
    import keras

    if defines(model, "train_step") or defines(model, "test_step"):
        train = _specs(model, trace(model.train_step, data.train))
        return train, _specs(model, trace(model.test_step, data.validation)) if evaluated else {}
    states = [(v, v.numpy()) for v in model.non_trainable_variables]
    first = trees.mapped(lambda array: array[:batch_size], data.train)
    x, y, weight = keras.utils.unpack_x_y_sample_weight(first)
    predicted = model(x, training=False)
    model.compute_loss(x=x, y=y, y_pred=predicted, sample_weight=weight)
    model.compute_metrics(x, y, predicted, sample_weight=weight)
    model.reset_metrics()
    for variable, value in states:
        variable.assign(value)
    return {}, {}
