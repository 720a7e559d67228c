"""Arrays of texts: of str, of bytes and of objects, as Keras takes them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from search.data import trees
from search.data.parts import Data, Part

STRING = "string"  # Keras's name of the dtype
_KINDS = "SUT"  # NumPy's kinds of bytes, of str, and of strings of variable length


def is_text(array: Any) -> bool:
    """Return whether a NumPy array holds texts, as far as its dtype and its first value say."""
    kind = getattr(array.dtype, "kind", "")
    if kind in _KINDS:
        return bool(kind)
    return kind == "O" and array.size > 0 and isinstance(array.flat[0], str | bytes)


def is_text_dtype(dtype: str) -> bool:
    """Return whether the name of a dtype is one of texts; exports have had NumPy's names for it.

    >>> is_text_dtype("string"), is_text_dtype("<U51"), is_text_dtype("uint8")
    (True, True, False)
    """
    return dtype in (STRING, "object", "str") or dtype.lstrip("<>|=")[:1] in ("U", "S")


def keras_dtype(dtype: str) -> str:
    """Return Keras's name for the dtype of an input."""
    return STRING if is_text_dtype(dtype) else dtype


def dtype_of(array: Any) -> str:
    """Return the dtype of an array by Keras's name."""
    return STRING if is_text(array) else str(array.dtype)


def first_other(array: Any) -> int | None:
    """Return the place of the first value that is no text in a flat array; None for texts only."""
    if array.dtype.kind in _KINDS:
        return None
    others = (place for place, value in enumerate(array.flat) if not isinstance(value, str | bytes))
    return next(others, None)


def as_objects(structure: Any) -> Any:
    """Return the same arrays with texts as arrays of objects, which have no longest text."""

    def objects(array: Any) -> Any:
        return array.astype(object) if is_text(array) else array

    return trees.mapped(objects, structure)


def for_keras(data: Data) -> Data:
    """Return the data with all texts as arrays of objects; without texts, the same data."""
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
