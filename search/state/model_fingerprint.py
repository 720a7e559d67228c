"""A fingerprint of a model: equal for two models only if they compute the same with equal weights.

A model computes what Keras's code makes of the objects that it can reach from the model. The
fingerprint is a digest of all these objects, of how they refer to each other, and of Keras's
configuration: attributes, constants, arrays, lookup tables, closures. It leaves out the values of
the variables that `SharedEpochs` copies. An object that it cannot read, or code that is not Keras's
own, makes it None, and such a model shares nothing.
"""

import functools
import hashlib
import inspect
import re
import sys
import weakref
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from types import (
    BuiltinFunctionType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
)
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

_SCALARS = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis), slice, range)
_LIBRARIES = {"keras", "tensorflow", "numpy", "optree", *sys.stdlib_module_names}
# Attributes of Keras's objects that no step reads: identities of objects, which differ between
# equal models, the seeds of weights, losses that each call forgets first, and whether to stop.
_UNREAD = {
    *("stored_ids", "_nodes", "_initial_seed", "_losses", "_loss_ids"),
    *("stop_training", "history"),
}
# Keras 3.15 draws an initializer's seed when it is made; variables are initialized by then.
_INITIALIZER_SEED = "_init_seed"
# TensorFlow's records for its checkpoints: references to what other attributes hold.
_CHECKPOINT_PREFIX = "_self_"
_LONG = 1000  # from here on the numbers and texts of a list are read at once: a vocabulary
# scikeras 0.13 gives these to Keras's classes, for pickle; no step calls them.
_COPIED_BY = {"__reduce__", "__reduce_ex__", "__copy__", "__deepcopy__"}


class _UnreadableError(Exception):
    """An object of which the fingerprint cannot tell what it computes."""


def fingerprint(model: "keras.Model") -> str | None:
    """Return the fingerprint of a built model; None for one that must not share anything.

    Two models with equal fingerprints have variables of equal shapes in the same order.
    """
    reader = _Reader(model)
    try:
        reader.read([*_configuration(), model])
    except _UnreadableError:
        return None
    return reader.digest()


def _configuration() -> Iterable[Any]:
    """Return what Keras and TensorFlow read of the process while a model is traced."""
    import keras
    import tensorflow as tf

    yield keras.config.floatx()
    yield keras.config.epsilon()
    yield keras.config.image_data_format()
    yield keras.config.dtype_policy()
    yield keras.config.is_flash_attention_enabled()
    yield tf.config.optimizer.get_jit()
    yield tf.config.experimental.tensor_float_32_execution_enabled()


class _Reader:
    """Reads each object once, in an order that depends on the references between them alone."""

    def __init__(self, model: "keras.Model") -> None:
        import keras
        import tensorflow as tf

        self._tf = tf
        self._policy = keras.DTypePolicy
        self._tables = (tf.lookup.StaticHashTable, tf.lookup.experimental.MutableHashTable)
        self._words: list[str] = []
        self._numbers: dict[int, int] = {}
        # an object that exists only while it is read would leave its number to another one
        self._read: list[Any] = []
        self._classes: set[type] = set()
        state = [*model.variables, *model.optimizer.variables]
        self._copied = {id(v.value): number for number, v in enumerate(state)}
        self._reset = {id(v.value) for v in model.metrics_variables}
        # optimizers of Keras 3.15 name variables by TensorFlow's numbers
        self._names = {v.value._unique_id: number for number, v in enumerate(state)}

    def digest(self) -> str:
        return hashlib.sha256("\n".join(self._words).encode(errors="surrogatepass")).hexdigest()

    def read(self, values: list[Any]) -> None:
        """Read the values and all that they refer to."""
        todo = values[::-1]
        while todo:
            value = todo.pop()
            if isinstance(value, _SCALARS):
                self._words.append(self._scalar(value))
                continue
            if isinstance(value, self._policy):  # a value: whether two layers share one is chance
                self._refuse_foreign(type(value))
                self._words.append(type(value).__qualname__)
                todo += _attributes(value)[::-1]
                continue
            number = self._numbers.setdefault(id(value), len(self._numbers))
            if number < len(self._read):
                self._words.append(f"again {number}")
                continue
            self._read.append(value)
            word, inner = self._object(value)
            self._words.append(f"{word} {len(inner)}")
            todo += inner[::-1]

    def _scalar(self, value: Any) -> str:
        if isinstance(value, str) and value in self._names:
            return f"variable {self._names[value]}"
        return f"{type(value).__name__} {value!r}"

    def _object(self, value: Any) -> tuple[str, list[Any]]:
        """Return a word for the object itself, and the objects that it refers to."""
        kind = type(value)
        name = f"{kind.__module__}.{kind.__qualname__}"
        for known, reader in _READERS:
            if issubclass(kind, known):
                self._refuse_foreign(kind)
                word, inner = reader(value)
                return f"{name} {word}", inner
        if isinstance(value, self._tf.Variable):
            return self._tf_variable(value), []
        if isinstance(value, self._tf.Tensor):
            return _tensor(value), []
        if isinstance(value, self._tables):
            return name, [value._default_value, *_table(value)]
        if isinstance(value, self._tf.DType | self._tf.TensorShape):
            return f"{name} {value!r}", []
        if name.startswith("tensorflow.python.trackable.data_structures."):
            return name, [value.__wrapped__]
        if name.endswith("distribute_lib._DefaultDistributionStrategy"):
            return name, []
        if _root(kind) != "keras":
            raise _UnreadableError(name)
        self._refuse_foreign(kind)
        return name, _attributes(value)

    def _tf_variable(self, value: Any) -> str:
        if id(value) in self._copied:
            place = str(self._copied[id(value)])
        elif id(value) in self._reset:
            place = "reset"
        else:
            place = _tensor(value.value())
        return f"variable {place} {value.shape} {value.dtype} {value.trainable}"

    def _refuse_foreign(self, kind: type) -> None:
        """Refuse a class that is not a library's own, or that somebody has changed."""
        for base in kind.__mro__:
            if base in self._classes or base is object:
                continue
            if _root(base) not in _LIBRARIES:
                raise _UnreadableError(f"{base.__module__}.{base.__qualname__}")
            if _root(base) == "keras":
                for name, member in vars(base).items():
                    if name in _COPIED_BY:
                        continue
                    function = getattr(member, "__func__", getattr(member, "fget", member))
                    if isinstance(function, FunctionType):
                        _refuse_own_code(function)
            self._classes.add(base)


def _root(kind: type) -> str:
    return kind.__module__.partition(".")[0]


def _attributes(value: Any) -> list[Any]:
    inner: list[Any] = []
    attributes = dict(getattr(value, "__dict__", {}))
    for base in type(value).__mro__:
        slots = vars(base).get("__slots__", ())
        for slot in (slots,) if isinstance(slots, str) else slots:
            if not slot.startswith("__") and hasattr(value, slot):
                attributes[slot] = getattr(value, slot)
    if _INITIALIZER_SEED in attributes:
        attributes.pop("seed", None)
    for name, attribute in attributes.items():
        if name not in _UNREAD and not name.startswith(_CHECKPOINT_PREFIX):
            inner += (name, attribute)
    return inner


def own_code(value: Any) -> bool:
    """Return whether a value is a function or a method whose code is not a library's."""
    function = getattr(value, "__func__", value)
    if not isinstance(function, FunctionType):
        return False
    home = str(function.__globals__.get("__name__", "")).partition(".")[0]
    return home not in _LIBRARIES and not home.startswith("namedtuple_")


def _refuse_own_code(function: FunctionType) -> None:
    if own_code(function):
        raise _UnreadableError(f"{function.__module__}.{function.__qualname__}")


def _function(value: FunctionType) -> tuple[str, list[Any]]:
    _refuse_own_code(value)
    cells = [_cell(cell) for cell in value.__closure__ or ()]
    defaults = [*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).items()]
    return f"{value.__qualname__} {id(value.__code__)}", [*cells, *defaults]


def _cell(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # a variable that has no value yet
        return "empty cell"


def _class(value: type) -> tuple[str, list[Any]]:
    if _root(value) not in _LIBRARIES:
        raise _UnreadableError(f"{value.__module__}.{value.__qualname__}")
    return f"{value.__module__}.{value.__qualname__} {id(value)}", []


def _array(value: Any) -> tuple[str, list[Any]]:
    array = np.ascontiguousarray(value)
    if array.dtype.hasobject:
        word, inner = _sequence(array.ravel().tolist())
        return f"{np.shape(value)} {word}", inner
    content = hashlib.sha256(array.reshape(-1).view(np.uint8).data).hexdigest()
    return f"{array.dtype} {np.shape(value)} {content}", []


def _tensor(value: Any) -> str:
    if not hasattr(value, "numpy"):
        raise _UnreadableError("a symbolic tensor")
    array = value.numpy()
    if isinstance(array, bytes):
        return f"tensor {array!r}"
    word, inner = _array(array)
    return f"tensor {word} {inner!r}"


def _table(value: Any) -> Iterable[Any]:
    keys, values = (np.asarray(part.numpy()) for part in value.export())
    order = np.argsort(keys)
    return keys[order], values[order]


def _items(value: Any) -> tuple[str, list[Any]]:
    return "", [part for item in value.items() for part in item]


def _set(value: Any) -> tuple[str, list[Any]]:
    if not all(isinstance(item, _SCALARS) for item in value):
        raise _UnreadableError("a set of objects")
    return "", sorted(value, key=repr)


def _sequence(value: Any) -> tuple[str, list[Any]]:
    items = list(value)
    if len(items) > _LONG and {type(item) for item in items} <= {int, float, str, bytes}:
        return hashlib.sha256(repr(items).encode(errors="surrogatepass")).hexdigest(), []
    return "", items


# What is read by its class, in the order in which classes are tried.
_READERS: list[tuple[type | tuple[type, ...], Callable[[Any], tuple[str, list[Any]]]]] = [
    ((list, tuple, deque), _sequence),
    ((OrderedDict, defaultdict, dict), _items),
    ((set, frozenset), _set),
    ((np.ndarray, np.generic), _array),
    (np.dtype, lambda value: (str(value), [])),
    (FunctionType, _function),
    (MethodType, lambda value: ("", [value.__func__, value.__self__])),
    (functools.partial, lambda value: ("", [value.func, list(value.args), dict(value.keywords)])),
    (
        (BuiltinFunctionType, np.ufunc, GetSetDescriptorType, MemberDescriptorType),
        lambda value: (f"{value.__name__} {id(value)}", []),
    ),
    (type, _class),
    (ModuleType, lambda value: (f"{value.__name__} {id(value)}", [])),
    (re.Pattern, lambda value: (f"{value.pattern!r} {value.flags}", [])),
    (inspect.Signature, lambda value: (str(value), [])),
    (weakref.ref, lambda value: ("", [value()])),
]
