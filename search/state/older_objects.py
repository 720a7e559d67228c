"""Objects of Keras that are older than the call of `build`: their state is the same in each trial.

A layer, an optimizer or a variable that is made at the top of a file, in a closure or in the
constructor of a hypermodel is the same object in every trial of a process. The next trial would
start from its state at the end of the last one. The state of all these objects is saved before the
first call of `build`, and restored before every call. A model is refused if it has a variable that
is older than its build and whose state was not saved.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from search.errors import UsageError
from search.state.object_graph import Reached, reached
from search.state.object_state import state_of

if TYPE_CHECKING:
    import keras


class OlderObjects:
    """The objects that a problem's functions can reach, in the state in which they were found."""

    def __init__(self, roots: Iterable[Any], known: "OlderObjects | None" = None) -> None:
        """Note the state of what `roots` lead to; `known`: what is noted before, and stays so."""
        self._known = known
        self._objects: dict[int, Any] = {}
        self._restore: list[Callable[[], None]] = []
        for found in reached(roots):
            if not found.stateful or self._has(found.value):
                continue
            self._objects[id(found.value)] = found.value
            self._restore.append(state_of(found.value))

    def and_of(self, root: Any) -> "OlderObjects":
        """Return these objects and those that another root leads to, as they are now."""
        return OlderObjects([root], self)

    def restore(self) -> None:
        """Put all objects back, and keep Keras from giving their names to new layers."""
        if self._known is not None:
            self._known.restore()
        for restore in self._restore:
            restore()
        _reserve_names(self._objects.values())

    def used_by(self, model: "keras.Model", made_before: int) -> frozenset[int]:
        """Return the identities of the objects with a saved state that the model uses.

        `made_before`: the value of `variables_made` before the model's build.

        Raises: UsageError for a variable that is older than the build and whose state is not saved.
        """
        import keras
        import tensorflow as tf

        kinds = (
            *(keras.Layer, keras.optimizers.Optimizer, keras.metrics.Metric),
            *(keras.random.SeedGenerator, tf.Variable),
        )
        used = set()
        for found in reached([model]):
            if self._has(found.value):
                if isinstance(found.value, kinds):
                    used.add(id(found.value))
            elif isinstance(found.value, tf.Variable) and _number(found.value) < made_before:
                raise UsageError(_refusal(model, found))
        return frozenset(used)

    def _has(self, value: Any) -> bool:
        known = self._known is not None and self._known._has(value)
        return known or self._objects.get(id(value)) is value


def variables_made() -> int:
    """Return a number that is above those of all variables so far, and below those to come."""
    from tensorflow.python.framework import ops

    return int(ops.uid())


def _number(variable: Any) -> int:
    """Return the number that TensorFlow 2.21 gives each variable when it is made."""
    last = str(variable._unique_id).rpartition("_")[2]
    return int(last) if last.isdigit() else 0


def _refusal(model: "keras.Model", found: Reached) -> str:
    layers = [layer.name for layer in model.layers if _holds(layer, found.value)]
    of = f" of layer {layers[0]!r}" if layers else ""
    return (
        f"build: variable {found.value.name!r}{of} was made before this call of build and kept for "
        "it, so that this trial would start where another one ended. Make it inside build, or at "
        "the top of the problem's file"
    )


def _holds(layer: "keras.Layer", variable: Any) -> bool:
    return any(its.value is variable for its in layer.variables)


def _reserve_names(objects: Iterable[Any]) -> None:
    """Have Keras name new layers as if it had just named these: a model needs different names."""
    import keras
    from keras.src.backend.common import global_state

    numbers = global_state.get_global_attribute("object_name_uids", defaultdict(int), True)
    for layer in objects:
        if isinstance(layer, keras.Layer):
            prefix, _, last = layer.name.rpartition("_")
            prefix, number = (prefix, int(last)) if last.isdigit() else (layer.name, 0)
            numbers[prefix] = max(numbers.get(prefix, 0), number + 1)
