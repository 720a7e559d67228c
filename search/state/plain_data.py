"""Values as JSON data with arrays next to it: what a checkpoint can hold of Python's objects."""

import collections
import functools
import importlib
import json
import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

from search.errors import SearchError

# The arrays that encoded data refer to by their position.
Arrays: TypeAlias = list[np.ndarray[Any, Any]]
# JSON data that refer to arrays next to them.
Kept: TypeAlias = dict[str, Any]

_KIND = "~"
_FUNCTION = "__function__"
_DTYPES = "biufcSU"  # what `np.savez` writes without pickle


class NotDataError(SearchError):
    """A value cannot be written as data, or written data cannot be read in this process."""


def encode(value: Any, arrays: Arrays) -> Any:
    """Return a value as JSON data; its arrays are appended to `arrays`.

    Numbers, texts, bytes, arrays, tensors, functions by their name, and lists, tuples, sets,
    dictionaries and deques of them.

    Raises: NotDataError for any other value.
    """
    try:
        return _encoded(value, arrays)
    except RecursionError as error:
        raise NotDataError("a structure contains itself") from error


def decode(plain: Any, arrays: Arrays) -> Any:
    """Return the value that `encode` wrote.

    Raises: NotDataError for what `encode` did not write, or names that cannot be imported here.
    """
    try:
        return _decoded(plain, arrays)
    except (LookupError, TypeError, ValueError, AttributeError, ImportError) as error:
        raise NotDataError(f"damaged: {error}") from error


def generator_state(value: Any) -> Any | None:
    """Return the state of a random generator of Python or NumPy; None for any other object."""
    if isinstance(value, random.Random) and not isinstance(value, random.SystemRandom):
        return value.getstate()
    if isinstance(value, np.random.Generator):
        return value.bit_generator.state
    if isinstance(value, np.random.RandomState):
        return value.get_state(legacy=False)
    return None


def set_generator_state(value: Any, state: Any) -> None:
    """Put a random generator of Python or NumPy into a state that `generator_state` returned."""
    if isinstance(value, random.Random):
        value.setstate(state)
    elif isinstance(value, np.random.Generator):
        value.bit_generator.state = state
    else:
        value.set_state(state)


def _encoded(value: Any, arrays: Arrays) -> Any:
    if value is None or type(value) in (bool, int, float, str):
        return value
    writer = _WRITERS.get(type(value)) or _writer_of_kind(value)
    if writer is not None:
        return writer(value, arrays)
    if callable(value):
        # Keras 3.15 chooses the comparison of a monitored metric when the first epoch is over
        name = f"{getattr(value, '__module__', '')}:{getattr(value, '__qualname__', '')}"
        try:
            found = _named(name)
        except (ImportError, AttributeError, ValueError):
            found = None
        if found is value:
            return {_FUNCTION: name}
    raise NotDataError(f"{type(value).__name__} is no data")


def _writer_of_kind(value: Any) -> "Callable[[Any, Arrays], Any] | None":
    """Return how a tensor, an array's scalar, or a list or dictionary of Keras's is written."""
    root = type(value).__module__.partition(".")[0]
    if isinstance(value, np.generic):
        return functools.partial(_array, kind="scalar")
    if root == "keras" and isinstance(value, list):
        return lambda value, arrays: _encoded(list(value), arrays)
    if root == "keras" and isinstance(value, dict):
        return lambda value, arrays: _encoded(dict(value), arrays)
    if root == "keras" and isinstance(value, set):
        return functools.partial(_items, kind="set")
    if root == "tensorflow" and callable(getattr(value, "numpy", None)):
        return _tensor if not hasattr(value, "assign") else None
    return None


def _tensor(value: Any, arrays: Arrays) -> Any:
    return _array(value.numpy(), arrays, kind="tensor")


def _array(value: Any, arrays: Arrays, kind: str = "array") -> Any:
    array = np.asarray(value)
    if array.dtype.kind not in _DTYPES:
        raise NotDataError(f"an array of {array.dtype} is no data")
    # a copy: the array goes on changing
    arrays.append(np.array(array))
    return {_KIND: kind, "index": len(arrays) - 1}


def _items(value: Iterable[Any], arrays: Arrays, kind: str) -> Any:
    if kind.endswith("set"):  # in one order in every process
        value = sorted(value, key=repr)
    return {_KIND: kind, "items": [_encoded(item, arrays) for item in value]}


def _pairs(value: Mapping[Any, Any], arrays: Arrays, kind: str) -> Any:
    plain = kind == "dict" and all(type(key) is str for key in value)
    if plain and not {_KIND, _FUNCTION} & value.keys():
        return {key: _encoded(item, arrays) for key, item in value.items()}
    items = [[_encoded(key, arrays), _encoded(item, arrays)] for key, item in value.items()]
    return {_KIND: kind, "items": items}


def _deque(value: "collections.deque[Any]", arrays: Arrays) -> Any:
    return {**_items(value, arrays, "deque"), "most": value.maxlen}


def _default(value: "collections.defaultdict[Any, Any]", arrays: Arrays) -> Any:
    return {**_pairs(value, arrays, "defaultdict"), "make": _encoded(value.default_factory, arrays)}


_WRITERS: dict[type, Callable[[Any, Arrays], Any]] = {
    list: lambda value, arrays: [_encoded(item, arrays) for item in value],
    tuple: functools.partial(_items, kind="tuple"),
    set: functools.partial(_items, kind="set"),
    frozenset: functools.partial(_items, kind="frozenset"),
    collections.deque: _deque,
    dict: functools.partial(_pairs, kind="dict"),
    collections.OrderedDict: functools.partial(_pairs, kind="OrderedDict"),
    collections.Counter: functools.partial(_pairs, kind="Counter"),
    collections.defaultdict: _default,
    bytes: lambda value, _: {_KIND: "bytes", "hex": value.hex()},
    complex: lambda value, _: {_KIND: "complex", "parts": [value.real, value.imag]},
    np.ndarray: _array,
}
_SEQUENCES: dict[str, Callable[[list[Any]], Any]] = {
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "dict": dict,
    "OrderedDict": collections.OrderedDict,
    "Counter": lambda items: collections.Counter(dict(items)),
}


def _decoded(plain: Any, arrays: Arrays) -> Any:
    if isinstance(plain, list):
        return [_decoded(item, arrays) for item in plain]
    if not isinstance(plain, dict):
        return plain
    if _FUNCTION in plain:
        return _named(plain[_FUNCTION])
    if _KIND not in plain:
        return {key: _decoded(item, arrays) for key, item in plain.items()}
    kind = plain[_KIND]
    if kind in ("array", "scalar", "tensor"):
        return _from_array(np.array(arrays[plain["index"]]), kind)
    if kind == "bytes":
        return bytes.fromhex(plain["hex"])
    if kind == "complex":
        return complex(*plain["parts"])
    items = [_decoded(item, arrays) for item in plain["items"]]
    if kind == "deque":
        return collections.deque(items, plain["most"])
    if kind == "defaultdict":
        return collections.defaultdict(_decoded(plain["make"], arrays), items)
    return _SEQUENCES[kind](items)


def _from_array(array: "np.ndarray[Any, Any]", kind: str) -> Any:
    if kind == "tensor":
        import tensorflow as tf

        return tf.constant(array)
    return array[()] if kind == "scalar" else array


def _named(name: str) -> Any:
    module, _, path = name.partition(":")
    return functools.reduce(getattr, path.split("."), importlib.import_module(module))


def text_of(plain: Any) -> str:
    """Return encoded data as one text, equal where the data are equal."""
    return json.dumps(plain, sort_keys=True)
