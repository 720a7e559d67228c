"""Whether a model and its data fit each other, told before the first trial of a process trains."""

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from search import fitness
from search.problem import Part

if TYPE_CHECKING:
    import keras

Shape: TypeAlias = tuple[int | None, ...]


def check(model: "keras.Model", part: Part) -> None:
    """Refuse a built model that cannot be trained on these examples, where that can be told.

    The model may be left in another state: it is not one to train. What Keras itself raises is
    left to the trial, which fails.

    Raises: DataError in terms of inputs, outputs and labels.
    """
    expected = _inputs(model)
    if expected is not None:
        fitness.check_inputs(expected, part.x)
    if not model.compiled or not isinstance(part.y, np.ndarray):
        return
    loss = _name(model.loss)
    predicted = model(part.take(slice(1)).x, training=False)
    if loss is not None and getattr(predicted, "shape", None) is not None:
        fitness.check_labels(loss, part.y, tuple(predicted.shape[1:]))


def _inputs(model: "keras.Model") -> dict[str, Shape] | Shape | None:
    """The shapes that the model declares, by name where there are several; None where it does not.

    A model that was built by being called declares none.
    """
    try:
        declared = model.input
    except (AttributeError, ValueError):  # a subclass of keras.Model
        return None
    if isinstance(declared, dict):
        return {name: tuple(tensor.shape[1:]) for name, tensor in declared.items()}
    if isinstance(declared, list | tuple) and len(declared) > 1:
        return {tensor.name: tuple(tensor.shape[1:]) for tensor in model.inputs}
    return tuple(model.inputs[0].shape[1:])


def _name(loss: Any) -> str | None:
    """Keras's name of a loss that is one of its own; None for others, and for several."""
    import keras

    try:
        found = keras.losses.get(loss) if isinstance(loss, str) else loss
    except ValueError:
        return None
    if found is None or not getattr(found, "__module__", "").startswith("keras."):
        return None
    if not isinstance(found, keras.losses.Loss):
        return str(getattr(found, "__name__", ""))
    function = getattr(found, "fn", None)  # Keras's losses are classes around its functions
    return None if function is None else str(getattr(function, "__name__", ""))
