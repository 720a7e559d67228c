"""Marks of values: equal as long as a value has not changed."""

import contextlib
import hashlib
import io
import pickle
import sys
from typing import Any

from search.state.attribute_walk import is_variable
from search.state.plain_data import Arrays, NotDataError, encode, text_of
from search.state.variable_values import array_of


def mark_of(value: Any) -> Any:
    """Return what is equal as long as a value has not changed."""
    if isinstance(value, bool | int | float | str | None):
        return type(value), repr(value)
    if is_variable(value):
        value = array_of(value)
    arrays: Arrays = []
    try:
        text = text_of(encode(value, arrays))
    except NotDataError:
        return _mark_of_object(value)
    digest = hashlib.blake2b(text.encode())
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.digest()


def _mark_of_object(value: Any) -> Any:
    if hasattr(value, "__next__") and not isinstance(value, io.IOBase):
        return object()  # how far an iterator has come cannot be told
    if type(value).__module__.partition(".")[0] in sys.stdlib_module_names and not callable(value):
        with contextlib.suppress(Exception):  # a lock, say
            return hashlib.blake2b(pickle.dumps(value)).digest()
    return _Same(value)


class _Same:
    """Equal for one and the same object, which is kept from being replaced at its address."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other._value is self._value

    __hash__ = None  # type: ignore[assignment]
