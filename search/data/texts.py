"""Arrays of texts (str, bytes or objects), and their conversion for Keras."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from search.data import trees
from search.data.parts import Data, Part

STRING = "string"  # Keras's name of the dtype
_KINDS = "SUT"  # NumPy's kinds of bytes, of str, and of strings of variable length


def is_text(array: Any) -> bool:
    """Return whether a NumPy array contains texts, judged by its dtype and its first value."""
    kind = getattr(array.dtype, "kind", "")
    if kind in _KINDS:
        return bool(kind)
    return kind == "O" and array.size > 0 and isinstance(array.flat[0], str | bytes)


def is_text_dtype(dtype: str) -> bool:
    """Return whether a dtype's name means texts. Older exports have NumPy's names.

    >>> is_text_dtype("string"), is_text_dtype("<U51"), is_text_dtype("uint8")
    (True, True, False)
    """
    return dtype in (STRING, "object", "str") or dtype.lstrip("<>|=")[:1] in ("U", "S")


def keras_dtype(dtype: str) -> str:
    """Return Keras's name for the dtype of an input."""
    return STRING if is_text_dtype(dtype) else dtype


def dtype_of(array: Any) -> str:
    """Return Keras's name for the dtype of an array."""
    return STRING if is_text(array) else str(array.dtype)


def first_other(array: Any) -> int | None:
    """Return the index, in the flat array, of the first value that is not a text; None if none."""
    if array.dtype.kind in _KINDS:
        return None
    wrong = (index for index, value in enumerate(array.flat) if not isinstance(value, str | bytes))
    return next(wrong, None)


def as_objects(structure: Any) -> Any:
    """Convert arrays of texts to arrays of objects, which do not limit the length of a text."""

    def objects(array: Any) -> Any:
        return array.astype(object) if is_text(array) else array

    return trees.mapped(objects, structure)


def for_keras(data: Data) -> Data:
    """Convert all texts in the inputs to arrays of objects; return data without texts unchanged."""
    parts = [part for part in (data.train, data.validation, data.test) if part is not None]
    every = [array for part in parts for _, array in trees.named(part.x, "x")]
    if not any(getattr(array, "dtype", None) and array.dtype.kind in _KINDS for array in every):
        return data

    return with_inputs(as_objects, data)


def with_inputs(function: Callable[[Any], Any], data: Data) -> Data:
    """Return the data with a function applied to the inputs of each part."""

    def changed(part: Part) -> Part:
        return replace(part, x=function(part.x))

    test = None if data.test is None else changed(data.test)
    return replace(data, train=changed(data.train), validation=changed(data.validation), test=test)
