"""The state of one object as it is now, as a function that puts it back."""

import copy
import random
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

import numpy as np

Restore = Callable[[], None]


def state_of(value: Any) -> Restore:
    """Return a function that puts the object back as it is now; what it holds is not copied.

    The state is an object's attributes, a container's items, a variable's value, the position of a
    generator of random numbers.
    """
    parts = [part for part in (_content(value), _attributes(value)) if part is not None]

    def restore() -> None:
        for part in parts:
            part()

    return restore


def _content(value: Any) -> Restore | None:
    if isinstance(value, list):
        # the methods of list itself: Keras's and TensorFlow's own lists track what is added
        items = list.copy(value)
        return lambda: list.__setitem__(value, slice(None), items)
    if isinstance(value, OrderedDict):
        return _ordered(value)
    if isinstance(value, dict) and issubclass(type(value), dict):
        return _mapping(value)
    if isinstance(value, set):
        return _set(value)
    if isinstance(value, deque):
        return _deque(value)
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, random.Random):
        position = value.getstate()
        return lambda: value.setstate(position)
    if isinstance(value, np.random.Generator):
        bits = value.bit_generator
        state = copy.deepcopy(bits.state)
        return lambda: setattr(bits, "state", state)
    if isinstance(value, np.random.RandomState):
        legacy = value.get_state()
        return lambda: value.set_state(legacy)
    return _variable(value)


def _ordered(value: "OrderedDict[Any, Any]") -> Restore:
    items = list(value.items())

    def restore() -> None:
        OrderedDict.clear(value)
        for key, item in items:
            OrderedDict.__setitem__(value, key, item)

    return restore


def _mapping(value: dict[Any, Any]) -> Restore:
    items = dict(value)

    def restore() -> None:
        dict.clear(value)
        dict.update(value, items)

    return restore


def _set(value: set[Any]) -> Restore:
    items = set(value)

    def restore() -> None:
        set.clear(value)
        set.update(value, items)

    return restore


def _deque(value: "deque[Any]") -> Restore:
    items = list(value)

    def restore() -> None:
        value.clear()
        value.extend(items)

    return restore


def _array(value: "np.ndarray[Any, Any]") -> Restore | None:
    if not value.flags.writeable:
        return None
    numbers = value.copy()
    return lambda: value.__setitem__(..., numbers)


def _variable(value: Any) -> Restore | None:
    import tensorflow as tf

    if not isinstance(value, tf.Variable):
        return None
    content, trainable = np.array(value.numpy()), value.trainable

    def restore() -> None:
        value.assign(content)
        value._trainable = trainable  # Keras sets it with that of its own variable

    return restore


def _attributes(value: Any) -> Restore | None:
    import tensorflow as tf

    attributes = getattr(value, "__dict__", None)
    if not isinstance(attributes, dict) or isinstance(value, tf.Variable):
        return None
    kept = dict(attributes)

    def restore() -> None:
        attributes.clear()
        attributes.update(kept)

    return restore
