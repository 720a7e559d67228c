"""What hangs on a model, its layers and callbacks: a walk over attributes, however they nest."""

import dis
import functools
import inspect
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from search.state import plain_data

_SIMPLE = (bool, int, float, str, type(None))
# Attributes that Keras sets while it trains, or that lead to all other layers.
_KERAS_SETS = frozenset(
    {
        *("_inbound_nodes", "_outbound_nodes", "_lock", "_model", "_tracker", "_auto_config"),
        *("built", "compiled", "loss", "stop_training", "name", "_path", "supports_jit"),
        *(
            "params",
            "validation_data",
            "stop_evaluating",
            "stop_predicting",
            "steps_per_execution",
            "unrolled_steps_per_execution",
        ),
    }
)
_LIBRARIES = frozenset({"tensorflow", "numpy", "keras", "search"}) | sys.stdlib_module_names


@dataclass(frozen=True, slots=True)
class Slot:
    """A place that holds a value: an attribute, or an item of a list or dictionary.

    `matters`: whether a value there that cannot be kept makes a difference to the training. `own`:
    whether it is an attribute that a class of Keras's assigns.
    """

    holder: Any
    key: Any
    is_item: bool = False
    matters: bool = True
    own: bool = False

    @property
    def value(self) -> Any:
        """Return the current value."""
        return self.holder[self.key] if self.is_item else getattr(self.holder, self.key)

    def set(self, value: Any) -> None:
        """Set the value."""
        if self.is_item:
            self.holder[self.key] = value
        else:
            setattr(self.holder, self.key, value)


@dataclass(frozen=True, slots=True)
class Found:
    """The values that a walk has found, by the path from its roots.

    `variables`: of TensorFlow and Keras. `generators`: random generators of Python and NumPy.
    `slots`: the places of data and of values of unknown kind. `holders`: the objects that were
    entered.
    """

    variables: dict[str, Any] = field(default_factory=dict)
    generators: dict[str, Any] = field(default_factory=dict)
    slots: dict[str, Slot] = field(default_factory=dict)
    holders: dict[str, Any] = field(default_factory=dict)


def walk(roots: Mapping[str, Any]) -> Found:
    """Return all values reached from these objects, in the same order for equal objects.

    User functions and methods are entered too. Of the values in their closures, and of the globals
    that they name, only variables and random generators count: other data there belong to the
    process and not to a trial.
    """
    walker = _Walker(Found(), {}, [])
    for name, root in roots.items():
        walker.visit(name, root, None, data=True)
    for path, function in walker.functions:  # becomes longer meanwhile
        for name, item in _reached(function):
            walker.visit(f"{path}:{name}", item, None, data=False)
    return walker.found


def is_variable(value: Any) -> bool:
    """Return whether it is a variable of TensorFlow or of Keras."""
    return hasattr(value, "assign") and hasattr(value, "shape") and hasattr(value, "numpy")


@dataclass(frozen=True, slots=True)
class _Walker:
    found: Found
    seen: dict[int, Any]  # the objects too, so that no number is given to two of them
    functions: list[tuple[str, FunctionType]]

    def visit(self, path: str, value: Any, slot: Slot | None, *, data: bool) -> None:
        """Enter a value, or note it; `slot`: where it is; `data`: whether data below it count."""
        if isinstance(value, _SIMPLE):
            self._note(path, slot)
        elif isinstance(value, ModuleType | type) or _passed_over(value) or id(value) in self.seen:
            return
        elif is_variable(value):
            self.seen[id(value)] = value
            self.found.variables[path] = value
        elif plain_data.generator_state(value) is not None:
            self.seen[id(value)] = value
            self.found.generators[path] = value
        elif isinstance(value, FunctionType | MethodType):
            self._note(path, slot)
            self._function(path, value)
        elif isinstance(value, list | tuple | dict):
            self._container(path, value, slot, data=data)
        elif _entered(value):
            self._object(path, value, data=data)
        else:
            self._note(path, slot)

    def _note(self, path: str, slot: Slot | None) -> None:
        if slot is not None:
            self.found.slots[path] = slot

    def _object(self, path: str, value: Any, *, data: bool) -> None:
        import keras

        self.seen[id(value)] = value
        self.found.holders[path] = value
        callback = isinstance(value, keras.callbacks.Callback)
        of_keras = _root(type(value)) == "keras"
        own = _assigned_by_keras(type(value))  # type: ignore[arg-type]  # a class is hashable
        for name, item in _attributes(value):
            if (name in own and name in _KERAS_SETS) or (own and name.startswith("_self_")):
                continue  # the last: TensorFlow's notes for its own checkpoints
            hidden = name.startswith("_") or not isinstance(item, _SIMPLE)
            matters = not (callback and of_keras)
            slot: Slot | None = Slot(value, name, matters=matters, own=name in own)
            if not data or (name in own and hidden and not callback):
                slot = None  # the library's own: only what it holds of others
            self.visit(f"{path}.{name}", item, slot, data=data)
        for base in type(value).__mro__:
            if _users(base):
                self._methods(base)

    def _methods(self, base: type) -> None:
        if id(base) in self.seen:
            return
        self.seen[id(base)] = base
        for name, member in vars(base).items():
            inner = getattr(member, "fget", None) or getattr(member, "__func__", member)
            if not name.startswith("__") or isinstance(inner, FunctionType):
                self.visit(f"{base.__qualname__}.{name}", inner, None, data=False)

    def _container(self, path: str, value: Any, slot: Slot | None, *, data: bool) -> None:
        if not any(map(_holds_objects, value.values() if isinstance(value, dict) else value)):
            self._note(path, slot)
            return
        self.seen[id(value)] = value
        items = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
        for key, item in items:
            fixed = slot is None or isinstance(value, tuple)
            inner = None if fixed else Slot(value, key, is_item=True)
            self.visit(f"{path}[{key!r}]", item, inner, data=data)

    def _function(self, path: str, value: Any) -> None:
        function = value.__func__ if isinstance(value, MethodType) else value
        if id(function) not in self.seen and _users(function):
            self.seen[id(function)] = function
            if isinstance(function, FunctionType):
                self.functions.append((path, function))


def _passed_over(value: Any) -> bool:
    """Whether nothing of it is state: symbolic tensors, and what `fit` itself leaves behind."""
    import keras

    kind = type(value).__name__
    return kind in ("KerasTensor", "SymbolicTensor") or type(value) is keras.callbacks.History


def _entered(value: Any) -> bool:
    import tensorflow as tf

    if _root(type(value)) == "tensorflow":  # `tf.random.Generator` is one
        return isinstance(value, tf.__internal__.tracking.AutoTrackable)
    if any(_root(base) == "keras" for base in type(value).__mro__):
        return hasattr(value, "__dict__")
    return _users(type(value)) and next(_attributes(value), None) is not None


def _holds_objects(value: Any) -> bool:
    """Whether a list or dictionary with this in it is more than data."""
    if isinstance(value, (*_SIMPLE, type)):
        return False
    if isinstance(value, dict):
        return any(map(_holds_objects, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_holds_objects, value))
    return is_variable(value) or plain_data.generator_state(value) is not None or _entered(value)


def _attributes(value: Any) -> Iterator[tuple[str, Any]]:
    yield from list(getattr(value, "__dict__", {}).items())
    for base in type(value).__mro__:
        slots = vars(base).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if not name.startswith("__") and hasattr(value, name):
                yield name, getattr(value, name)


def _reached(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Return the values in a function's closure, and the globals that it names."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        try:
            yield name, cell.cell_contents
        except ValueError:  # a name without a value yet
            continue
    for name in sorted(_names(function.__code__)):
        if name in function.__globals__:
            yield name, function.__globals__[name]


def _names(code: CodeType) -> set[str]:
    inner = [_names(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*inner)


def _users(thing: Any) -> bool:
    """Return whether a class or function is defined in user code, not in an installed library."""
    module = str(getattr(thing, "__module__", None) or "")
    return _root(thing) not in _LIBRARIES and not _installed(module)


@functools.cache
def _installed(module: str) -> bool:
    file = getattr(sys.modules.get(module), "__file__", None) or ""
    return "site-packages" in Path(file).parts


def _root(thing: Any) -> str:
    return str(getattr(thing, "__module__", None) or "").partition(".")[0]


@functools.cache
def _assigned_by_keras(kind: type) -> frozenset[str]:
    """The attributes that Keras and TensorFlow assign in the classes above this one."""
    import keras

    bases = [base for base in kind.__mro__ if _root(base) in ("keras", "tensorflow")]
    usual = vars(keras.layers.Layer()) if keras.layers.Layer in bases else ()
    return frozenset(usual).union(*map(_assigned, bases))


@functools.cache
def _assigned(base: type) -> frozenset[str]:
    members = (getattr(member, "fset", None) or member for member in vars(base).values())
    codes = (getattr(inspect.unwrap(m), "__code__", None) for m in members if callable(m))
    return frozenset().union(*(_stored(code) for code in codes if code is not None))


def _stored(code: CodeType) -> set[str]:
    found = {str(s.argval) for s in dis.get_instructions(code) if s.opname == "STORE_ATTR"}
    inner = (_stored(constant) for constant in code.co_consts if isinstance(constant, CodeType))
    return found.union(*inner)
