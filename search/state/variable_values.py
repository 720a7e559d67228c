"""The values of variables of Keras and TensorFlow, as arrays that NumPy can write."""

from typing import TYPE_CHECKING, Any

import numpy as np

from search.errors import UsageError
from search.state.plain_data import Arrays

if TYPE_CHECKING:
    import keras


def array_of(variable: Any) -> "np.ndarray[Any, Any]":
    """Return a copy of a variable's value, in a type that NumPy can write."""
    array = np.array(variable.numpy())
    # bfloat16 and the like are no types of NumPy's own
    return array.astype(np.float32) if array.dtype.kind == "V" else array


def put(variable: Any, value: "np.ndarray[Any, Any]") -> None:
    """Put what `array_of` returned into a variable."""
    dtype = getattr(variable.dtype, "as_numpy_dtype", None)
    variable.assign(value if dtype is None else value.astype(dtype))


def optimizer_of(model: "keras.Model") -> Any:
    """Return the optimizer the model was compiled with; None where it was not."""
    return model.optimizer if model.compiled else None


def variables_of(model: "keras.Model") -> list[Any]:
    """Return the variables of a model and of the optimizer it was compiled with."""
    optimizer = optimizer_of(model)
    return [*model.variables, *([] if optimizer is None else optimizer.variables)]


def arrays_of(variables: list[Any]) -> Arrays:
    """Return the values of variables, as copies."""
    return [array_of(variable) for variable in variables]


def fits(variables: list[Any], arrays: Arrays) -> bool:
    """Return whether the shapes are the same."""
    return [tuple(variable.shape) for variable in variables] == [array.shape for array in arrays]


def assign(variables: list[Any], arrays: Arrays) -> None:
    """Put values into variables.

    Raises: UsageError where shapes differ.
    """
    if not fits(variables, arrays):
        raise UsageError(
            "The checkpoint is of another model: the problem has changed. Start a new study."
        )
    for variable, array in zip(variables, arrays, strict=True):
        put(variable, array)
