"""The batch size of the evaluation of a model.

`fit` validates in the batches that it trains in. If the loss and all metrics are means over rows,
any other batch size gives the same values up to rounding, and a large one is several times faster
for small models. The classes of loss, metrics and layers decide; a model with an unknown class is
evaluated as by `fit`.
"""

import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

_MOST_ROWS = 1000
# Of the largest output of a layer: two of them live at once, well below what training keeps.
_BYTES = 32 * 2**20

# Keras's losses, and functions in metrics, that give each row a value of its own.
_FUNCTIONS = {
    *("mean_squared_error", "mean_absolute_error", "mean_absolute_percentage_error"),
    *("mean_squared_logarithmic_error", "huber", "log_cosh", "poisson", "kl_divergence"),
    *("hinge", "squared_hinge", "categorical_hinge", "cosine_similarity"),
    *("binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy"),
    *("categorical_focal_crossentropy", "sparse_categorical_crossentropy"),
    *("accuracy", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy"),
    *("top_k_categorical_accuracy", "sparse_top_k_categorical_accuracy"),
}
# Metrics that add up rows, or counts of rows, whatever the batches are.
_METRICS = {
    *("Mean", "MeanMetricWrapper", "RootMeanSquaredError", "R2Score", "AUC", "Precision", "Recall"),
    *("FalsePositives", "FalseNegatives", "TruePositives", "TrueNegatives", "F1Score"),
    *("FBetaScore", "SensitivityAtSpecificity", "SpecificityAtSensitivity", "PrecisionAtRecall"),
    *("RecallAtPrecision", "IoU", "BinaryIoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU"),
}
# Layers that give a row the same output in every batch, and need no memory beyond their outputs.
_LAYERS = {
    *("InputLayer", "Sequential", "Functional", "Dense", "EinsumDense", "Embedding", "Activation"),
    *("ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax", "Identity", "Flatten", "Reshape", "Permute"),
    *("RepeatVector", "Rescaling", "Normalization", "Resizing", "CenterCrop", "RandomCrop"),
    *("RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation", "RandomContrast"),
    *("RandomBrightness", "Dropout", "GaussianDropout", "GaussianNoise", "AlphaDropout"),
    *("BatchNormalization", "LayerNormalization", "UnitNormalization", "GroupNormalization"),
    *("RMSNormalization", "Concatenate", "Add", "Subtract", "Multiply", "Average", "Maximum"),
    *("Minimum", "Dot", "LSTM", "GRU", "SimpleRNN", "LSTMCell", "GRUCell", "SimpleRNNCell"),
    *("Bidirectional", "TimeDistributed"),
    *(f"SpatialDropout{n}D" for n in (1, 2, 3)),
    *(f"Conv{n}D{kind}" for n in (1, 2, 3) for kind in ("", "Transpose")),
    *(f"{kind}Conv{n}D" for n in (1, 2) for kind in ("Separable", "Depthwise")),
    *(f"{kind}Pooling{n}D" for n in (1, 2, 3) for kind in ("Max", "Average")),
    *(f"Global{kind}Pooling{n}D" for n in (1, 2, 3) for kind in ("Max", "Average")),
    *(f"{kind}{n}D" for n in (1, 2, 3) for kind in ("Cropping", "ZeroPadding", "UpSampling")),
}


def evaluation_rows(model: "keras.Model", batch_size: int) -> int:
    """Return the rows in a batch of the evaluation; `batch_size` is that of the training.

    A model that takes batches of one size is given those. `model` has its metrics' variables: a
    model whose metrics are not known yet is evaluated in the batches of the training.
    """
    own = fixed_batch(model)
    if own is not None:
        return own
    if not means_over_rows(model):
        return batch_size
    size = _bytes_of_a_row(model)
    return batch_size if size is None else max(batch_size, min(_MOST_ROWS, _BYTES // size))


def fixed_batch(model: "keras.Model") -> int | None:
    """Return the batch size in the shapes of the model's inputs; None where they have none."""
    try:
        inputs = list(model.inputs or [])
    except (AttributeError, ValueError):  # a subclassed model declares none
        return None
    return next((int(one.shape[0]) for one in inputs if one.shape[0] is not None), None)


def is_stateful(model: "keras.Model") -> bool:
    """Whether a layer keeps a state for each row of a batch, from one batch to the next."""
    return any(getattr(layer, "stateful", False) is True for layer in model._flatten_layers())


def means_over_rows(model: "keras.Model") -> bool:
    """Whether the loss and all metrics are known to be the same in batches of any size."""
    return (
        each_row_alone(model)
        and not _has_losses_of_outputs(model)
        and _losses_are_means(model)
        and all(map(_metric_adds_up_rows, _metrics(model)))
    )


def each_row_alone(model: "keras.Model") -> bool:
    """Whether the outputs for a row are known to be the same in every batch."""
    return all(map(_is_row_by_row, model._flatten_layers()))


def _is_row_by_row(layer: Any) -> bool:
    kind = type(layer)
    return (
        kind.__module__.startswith("keras.")
        and kind.__name__ in _LAYERS
        and not getattr(layer, "stateful", False)
        and not getattr(layer, "mask_zero", False)  # masked losses are means over what is valid
        and getattr(layer, "activity_regularizer", None) is None
        and not _is_over_rows(layer)
        and all(map(_is_layer, getattr(layer, "operations", ())))
        and not any(_is_called_specially(layer))
        and all(_is_of_keras(value) for name, value in _attributes(layer))
    )


def _is_over_rows(layer: Any) -> bool:
    """Whether it normalizes or joins along the first axis."""
    axis = getattr(layer, "axis", None)
    axes = axis if isinstance(axis, list | tuple) else [axis]
    ranks = {len(one.shape) for node in layer._inbound_nodes for one in node.output_tensors}
    return any(one == 0 or any(one == -rank for rank in ranks) for one in axes)


def _is_layer(operation: Any) -> bool:
    import keras

    return isinstance(operation, keras.layers.Layer)


def _is_called_specially(layer: Any) -> Iterator[bool]:
    """Whether it is called with `training=True`, a mask or an initial state, in each call."""
    for node in layer._inbound_nodes:
        yield any(
            value is not None and value is not False for value in node.arguments.kwargs.values()
        )


def _attributes(layer: Any) -> Iterator[tuple[str, Any]]:
    """Its attributes; of a model, those that take the place of a method."""
    import keras

    for name, value in vars(layer).items():
        if not isinstance(layer, keras.Model) or hasattr(type(layer), name):
            yield name, value


def _is_of_keras(value: Any) -> bool:
    """Return whether an attribute is not a user function: e.g. an activation of Keras."""
    return not callable(value) or str(getattr(value, "__module__", "")).startswith("keras.")


def _has_losses_of_outputs(model: "keras.Model") -> bool:
    """Whether the loss of each output is a metric too.

    Keras 3.15 (compile_utils.py) weighs a last, smaller batch like the others in these, so that
    their values depend on the batches; see test_losses_of_outputs_are_evaluated_as_by_fit.
    """
    return bool(getattr(model._compile_loss, "metrics", ()))


def _losses_are_means(model: "keras.Model") -> bool:
    import keras

    losses = [one for one in keras.tree.flatten(model.loss) if one is not None]
    return bool(losses) and all(map(_loss_is_mean, losses))


def _loss_is_mean(loss: Any) -> bool:
    import keras

    try:
        loss = keras.losses.get(loss) if isinstance(loss, str) else loss
    except ValueError:
        return False
    if not isinstance(loss, keras.losses.Loss):
        return _gives_rows(loss, {})
    kind = type(loss)
    return (
        kind.__module__.startswith("keras.")
        and loss.reduction in ("sum_over_batch_size", "mean")
        and not any(map(inspect.isroutine, [vars(loss).get("call"), vars(loss).get("__call__")]))
        and _gives_rows(getattr(loss, "fn", None), getattr(loss, "_fn_kwargs", {}))
    )


def _gives_rows(function: Any, settings: dict[str, Any]) -> bool:
    return (
        str(getattr(function, "__module__", "")).startswith("keras.")
        and getattr(function, "__name__", "") in _FUNCTIONS
        and settings.get("axis", -1) == -1
        and settings.get("ignore_class") is None
    )


def _metrics(model: "keras.Model") -> Iterator[Any]:
    for metric in model.metrics:
        if type(metric).__name__ != "CompileMetrics":
            yield metric
        elif metric.built:
            yield from metric.metrics
        else:
            yield None


def _metric_adds_up_rows(metric: Any) -> bool:
    import keras

    kind = type(metric)
    if not kind.__module__.startswith("keras."):
        return False
    if isinstance(metric, keras.metrics.MeanMetricWrapper):
        return _gives_rows(metric._fn, metric._fn_kwargs)
    return kind.__name__ in _METRICS


def _bytes_of_a_row(model: "keras.Model") -> int | None:
    """The bytes of a row in the largest output of a layer; None where a shape is not known."""
    most = 1
    for layer in model._flatten_layers(include_self=False):
        if not layer._inbound_nodes:  # part of another layer, or of a model called on its own
            continue
        for node in layer._inbound_nodes:
            for tensor in node.output_tensors:
                if None in tensor.shape[1:]:
                    return None
                width = 8 if str(tensor.dtype) in ("float64", "int64") else 4
                most = max(most, width * int(np.prod(tensor.shape[1:])))
    return most
