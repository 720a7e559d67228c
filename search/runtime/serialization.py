"""What Keras writes down of a model: whose code it is made of."""

from collections.abc import Iterator
from typing import Any

# What Keras serializes without a module though it is no code: functional models are full of these.
_VALUES = {"__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__slice__", "__ellipsis__"}


def only_keras(written: Any) -> bool:
    """Whether a serialized model consists of Keras's own classes and functions alone.

    >>> only_keras({"module": "keras.layers", "class_name": "Dense", "config": {"units": 2}})
    True
    >>> only_keras([{"module": "mine", "class_name": "Noise", "config": {}}])
    False
    """
    return all(str(module).split(".")[0] == "keras" for module in _modules(written))


def _modules(written: Any) -> Iterator[Any]:
    """The module of every object in it; None for one that Keras does not know."""
    if isinstance(written, dict):
        if "class_name" in written and "config" in written and written["class_name"] not in _VALUES:
            yield written.get("module")
        written = list(written.values())
    for value in written:
        if isinstance(value, dict | list | tuple):  # not for each number of a matrix
            yield from _modules(value)
