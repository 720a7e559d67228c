"""The state of a trial other than its model's variables, and which part a checkpoint stores.

A model may hold other optimizers, variables, numbers; so may its layers and the user's callbacks.
A value that has changed since the model was built and traced is stored by its path in the model. A
value that cannot be stored is named: to continue, its trial is trained again from the first epoch.
"""

import contextlib
import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from search.errors import SearchError
from search.state.attribute_walk import Found, Slot, walk
from search.state.plain_data import (
    Arrays,
    Kept,
    NotDataError,
    decode,
    encode,
    generator_state,
    set_generator_state,
)
from search.state.value_marks import mark_of
from search.state.variable_values import array_of, put


class StateLostError(SearchError):
    """A part of a trial's state cannot be stored or restored; the message names it."""


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
    """The stored state of a model and its callbacks, without the variables `own`, stored apart.

    Create it after the model is built and traced and `on_train_begin` of the callbacks was called:
    later changes are stored.
    """

    def __init__(
        self, roots: Mapping[str, Any], own: Sequence[Any], late: LateVariables | None = None
    ) -> None:
        self._roots = roots
        self._own = {id(inner) for variable in own for inner in _both(variable)}
        self._late = late or LateVariables()
        found = walk(roots)
        self._known = {path: mark_of(slot.value) for path, slot in found.slots.items()}
        self._known |= {path: mark_of(v) for path, v in self._others(found).items()}
        self._known |= {path: mark_of(generator_state(v)) for path, v in found.generators.items()}
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

    def put(self, kept: Kept, arrays: Arrays, root: str | None = None) -> None:
        """Restore the state that `kept` returned, in a model and callbacks made the same way.

        `root`: the only one of the roots whose state is restored.

        Raises: StateLostError where they differ.
        """
        found = walk(self._roots if root is None else {root: self._roots[root]})
        if root is not None:
            kept = _of_root(kept, root, found)
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
        return path not in self._known or mark_of(value) != self._known[path]

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


def _of_root(kept: Kept, root: str, found: Found) -> Kept:
    """The part of what `kept` returned that is reached from one root."""
    reached = found.variables.keys() | found.generators.keys()  # from methods too, by their class

    def within(path: str) -> bool:
        return path in reached or path.startswith((f"{root}.", f"{root}["))

    return {
        name: {key: one for key, one in items.items() if within(_path(key, one, name))}
        for name, items in kept.items()
    }


def _path(key: str, item: Any, name: str) -> str:
    """The path of an item that `kept` returned; variables that are created late have a number."""
    return item["path"] or "" if name == "late" else key


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
