"""What Python objects lead to: attributes, items, closures, and the globals that code names."""

import functools
import random
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any

import numpy as np

from search.problem import fingerprint

_LEAVES = (type(None), bool, int, float, complex, str, bytes, np.generic, CodeType)
# no other mapping: reading the items of one may read a file
_CONTAINERS = (list, tuple, set, frozenset, deque, dict, MappingProxyType)
_GENERATORS = (random.Random, np.random.Generator, np.random.RandomState)
_TRACKING = {"Module", "AutoTrackable", "Variable", "TrackableDataStructure"}
# Libraries whose objects hold what their user gave them.
_HOLDERS = {"keras_tuner", "types", "search"}


@dataclass(frozen=True, slots=True)
class Reached:
    """An object, and whether its state belongs to Keras or to TensorFlow.

    The state of an object of theirs belongs to them, with all objects that it holds, and so does
    the state of a generator of random numbers. The state of users' lists and objects does not.
    """

    value: Any
    stateful: bool


def reached(roots: Iterable[Any]) -> Iterator[Reached]:
    """Yield each object that the roots lead to, once or, where both are true, with each flag."""
    seen: set[tuple[int, bool]] = set()
    alive: list[Any] = []  # an object that exists only here would leave its identity to another
    todo = [(root, False) for root in roots]
    while todo:
        value, inside = todo.pop()
        if isinstance(value, _LEAVES):
            continue
        inside = _stateful(value, inside)
        if (id(value), inside) in seen:
            continue
        seen.add((id(value), inside))
        alive.append(value)
        yield Reached(value, inside)
        todo += [(inner, inside) for inner in _inner(value, inside)]


def _stateful(value: Any, inside: bool) -> bool:
    if isinstance(value, FunctionType | MethodType | ModuleType | type):
        return False
    if isinstance(value, _GENERATORS):
        return True
    kind: Any = type(value)
    return inside or _of_keras(kind)


@functools.cache
def _of_keras(kind: Any) -> bool:
    """Whether it is a class of Keras's, or one of TensorFlow's that tracks variables."""
    for base in kind.__mro__:
        root = base.__module__.partition(".")[0]
        if root == "keras" or (root == "tensorflow" and base.__name__ in _TRACKING):
            return True
    return False


def _inner(value: Any, inside: bool) -> Iterable[Any]:
    if isinstance(value, FunctionType):
        return _of_function(value)
    if isinstance(value, MethodType):
        return (value.__func__, value.__self__)
    if isinstance(value, functools.partial):
        return (value.func, value.args, value.keywords)
    if type(value) is ModuleType:  # another type is one that is imported when it is touched
        return list(vars(value).values()) if _of_user(value.__name__) else ()
    if isinstance(value, type):
        return _of_class(value)
    if isinstance(value, property):
        return (value.fget, value.fset)
    function = _wrapped(value)
    if function is not None:
        return (function,)
    items = _items(value) if isinstance(value, _CONTAINERS) else []
    if _opaque(type(value)):
        return items
    return [*items, *_attributes(value), type(value)]


def _wrapped(value: Any) -> Any:
    """Return what a static method, a cached function, a `tf.function` or a proxy is made for."""
    for name in ("__func__", "__wrapped__", "python_function"):
        if hasattr(type(value), name) or name in getattr(value, "__dict__", {}):
            return getattr(value, name)
    return None


def _items(value: Any) -> list[Any]:
    if isinstance(value, dict | MappingProxyType):
        return [part for item in list(value.items()) for part in item]
    return list(value)


def _attributes(value: Any) -> Iterable[Any]:
    attributes = list(getattr(value, "__dict__", {}).values())
    for base in type(value).__mro__:
        slots = vars(base).get("__slots__", ())
        for slot in (slots,) if isinstance(slots, str) else slots:
            attributes.append(getattr(value, slot, None))
    return attributes


def _opaque(kind: type) -> bool:
    """Return whether objects of a class belong to a library and contain no user objects."""
    root = kind.__module__.partition(".")[0]
    if root == "tensorflow" and any(base.__name__ == "Variable" for base in kind.__mro__):
        return True  # its value is all that counts
    return root not in _HOLDERS and not _of_keras(kind) and not _of_user(kind.__module__)


@functools.cache
def _of_user(name: str) -> bool:
    """Whether a module is the user's."""
    module = sys.modules.get(name)
    return module is None or name == "__main__" or fingerprint.home(module) is not None


def _of_function(function: FunctionType) -> Iterable[Any]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # a variable that has no value yet
            continue
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    known = function.__globals__
    if not _of_user(str(known.get("__name__"))):
        return
    for name in fingerprint.names(function.__code__):
        if name in known:
            yield known[name]
        elif name in sys.modules:  # imported inside the function
            yield sys.modules[name]


def _of_class(kind: type) -> Iterable[Any]:
    for base in kind.__mro__:
        if base is not object and _of_user(base.__module__):
            yield from vars(base).values()
