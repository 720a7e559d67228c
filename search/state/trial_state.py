"""The state of a trial beside its model's variables: what a checkpoint keeps of it, and what not.

A model may hold other optimizers, variables, numbers; so may its layers and the user's callbacks.
What has changed since the model was built and traced is kept by its path from there. What cannot be
kept is named: such a trial is trained from its beginning when it continues.
"""

import contextlib
import hashlib
import io
import pickle
import sys
import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from search.errors import SearchError
from search.state.attribute_walk import Found, Slot, is_variable, walk
from search.state.plain_data import (
    Arrays,
    Kept,
    NotDataError,
    decode,
    encode,
    generator_state,
    set_generator_state,
    text_of,
)
from search.state.variable_values import array_of, put


class StateLostError(SearchError):
    """A part of a trial's state cannot be kept, or cannot be put back; the message names it."""


class LateVariables:
    """The variables that are created while a model is trained, by an optimizer's first step say.

    Within `watch` they are noted in their order, and those that a checkpoint has a value for begin
    with that value.
    """

    def __init__(self) -> None:
        self._made: list[weakref.ref[Any]] = []
        self._waiting: dict[int, np.ndarray[Any, Any]] = {}
        self._epochs = 0
        self._repeated = False

    @contextlib.contextmanager
    def watch(self) -> Iterator[None]:
        """Note what is created within."""
        import tensorflow as tf

        def create(make: Any, **settings: Any) -> Any:
            value = self._waiting.pop(len(self._made), None)
            if value is not None:
                settings["initial_value"] = value
            variable = make(**settings)
            self._made.append(weakref.ref(variable))
            self._repeated |= self._epochs > 0
            return variable

        with tf.variable_creator_scope(create):
            yield

    def epoch_trained(self) -> None:
        """Count an epoch.

        Raises: StateLostError where a variable that a checkpoint has a value for was not created.
        """
        self._epochs += 1
        if self._waiting:
            raise StateLostError("a variable that the training had created was not created again")

    def alive(self) -> dict[int, Any]:
        """Return those that are still in use, by their number."""
        found = ((number, reference()) for number, reference in enumerate(self._made))
        return {number: variable for number, variable in found if variable is not None}

    def used(self, but: set[int]) -> dict[int, Any]:
        """Return those in use by their number, except for those with one of these ids.

        Raises: StateLostError where later epochs create some too: they have no fixed number.
        """
        found = {number: v for number, v in self.alive().items() if id(v) not in but}
        if found and self._repeated:
            raise StateLostError("variables are created after the first epoch")
        return found

    def put(self, number: int, value: "np.ndarray[Any, Any]") -> None:
        """Give a value to the variable with this number, now or when it is created."""
        made = self.alive()
        if number in made:
            _assign(f"variable {number}", made[number], value)
        elif number < len(self._made):
            raise StateLostError(f"variable {number} is no longer there")
        else:
            self._waiting[number] = value


class TrialState:
    """What is kept of a model and its callbacks beside `own`, the variables kept for themselves.

    To be made when the model is built and traced, and its callbacks have been told that training
    begins: from there on changes count.
    """

    def __init__(
        self, roots: Mapping[str, Any], own: Sequence[Any], late: LateVariables | None = None
    ) -> None:
        self._roots = roots
        self._own = {id(inner) for variable in own for inner in _both(variable)}
        self._late = late or LateVariables()
        found = walk(roots)
        self._known = {path: _mark(slot.value) for path, slot in found.slots.items()}
        self._known |= {path: _mark(v) for path, v in self._others(found).items()}
        self._known |= {path: _mark(generator_state(v)) for path, v in found.generators.items()}
        self._holders = {id(holder): holder for holder in found.holders.values()}

    def kept(self, arrays: Arrays, root: str | None = None) -> Kept:
        """Return what has changed, as JSON data; arrays are appended to `arrays`.

        `root`: the only one of the roots to look at.

        Raises: StateLostError for a change that cannot be kept.
        """
        found = walk({n: one for n, one in self._roots.items() if root in (None, n)})
        paths = {id(holder): path for path, holder in found.holders.items()}
        data = {}
        for path, slot in found.slots.items():
            if self._changed(path, slot.value) and self._counts(path, slot):
                on = None if slot.is_item else [paths[id(slot.holder)], slot.key]
                data[path] = {"on": on, "value": self._encoded(path, slot, arrays)}
        data = {path: item for path, item in data.items() if item["value"] is not _LEFT_OUT}
        others = {p: v for p, v in self._others(found).items() if self._changed(p, v)}
        states = {path: generator_state(value) for path, value in found.generators.items()}
        but = self._own | _of_metrics(found)
        places = {id(inner): path for path, v in found.variables.items() for inner in _both(v)}
        late = {
            str(number): {
                "path": places.get(id(variable)),
                "value": encode(array_of(variable), arrays),
            }
            for number, variable in self._late.used(but=but).items()
        }
        return {
            "data": data,
            "variables": {path: encode(array_of(v), arrays) for path, v in others.items()},
            "generators": {
                path: encode(state, arrays)
                for path, state in states.items()
                if self._changed(path, state)
            },
            "late": late,
        }

    def put(self, kept: Kept, arrays: Arrays) -> None:
        """Put back what `kept` returned, in a model and callbacks made the same way.

        Raises: StateLostError where they differ.
        """
        found = walk(self._roots)
        try:
            for path, item in kept["data"].items():
                _slot(found, path, item["on"]).set(decode(item["value"], arrays))
            for path, value in kept["variables"].items():
                _assign(path, found.variables[path], decode(value, arrays))
            for path, state in kept["generators"].items():
                set_generator_state(found.generators[path], decode(state, arrays))
            for number, item in kept["late"].items():
                value = decode(item["value"], arrays)
                if item["path"] in found.variables:  # also where another trial's graph is used
                    _assign(item["path"], found.variables[item["path"]], value)
                else:
                    self._late.put(int(number), value)
        except (NotDataError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise StateLostError(f"{error}") from error

    def _others(self, found: Found) -> dict[str, Any]:
        late = {id(variable) for variable in self._late.alive().values()}
        return {
            path: variable
            for path, variable in found.variables.items()
            if not {id(inner) for inner in _both(variable)} & (self._own | late)
        }

    def _changed(self, path: str, value: Any) -> bool:
        return path not in self._known or _mark(value) != self._known[path]

    def _counts(self, path: str, slot: Slot) -> bool:
        """Whether a change there is the user's.

        Raises: StateLostError in an object that was made while the model trained.
        """
        if path in self._known or id(slot.holder) in self._holders:
            return path in self._known or not slot.own or not _of_model(slot.holder)
        if type(slot.holder).__module__.partition(".")[0] == "keras":
            return False
        raise StateLostError(f"{path} belongs to an object that was made during training")

    def _encoded(self, path: str, slot: Slot, arrays: Arrays) -> Any:
        try:
            return encode(slot.value, arrays)
        except NotDataError as error:
            if not slot.matters:
                return _LEFT_OUT
            raise StateLostError(f"{path}: {error}") from error


_LEFT_OUT = object()


def _of_metrics(found: Found) -> set[int]:
    """The variables of metrics: Keras resets those there are before an epoch creates the others."""
    import keras

    metrics = (one for one in found.holders.values() if isinstance(one, keras.metrics.Metric))
    return {id(inner) for one in metrics for variable in one.variables for inner in _both(variable)}


def _of_model(holder: Any) -> bool:
    """Whether it is a layer or model: Keras's `fit` sets attributes of those."""
    import keras

    return isinstance(holder, keras.layers.Layer)


def _assign(path: str, variable: Any, value: "np.ndarray[Any, Any]") -> None:
    if tuple(variable.shape) != value.shape:
        raise StateLostError(f"{path} has another shape")
    put(variable, value)


def _both(variable: Any) -> tuple[Any, ...]:
    """A variable of Keras and the one of TensorFlow within it."""
    inner = getattr(variable, "_value", None)
    return (variable,) if inner is None else (variable, inner)


def _slot(found: Found, path: str, on: Any) -> Slot:
    if path in found.slots or on is None:
        return found.slots[path]
    return Slot(found.holders[on[0]], on[1])


def _mark(value: Any) -> Any:
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
