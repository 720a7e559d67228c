"""A user's Keras callbacks around epochs that do not run in `fit`, and their state in checkpoints.

`on_train_begin` is called once for each budget and each process that trains the trial, before the
callback's state is put back; `on_epoch_begin`, `on_test_begin`, `on_test_end` and `on_epoch_end` as
under `fit`; `on_train_end` after the last epoch of a budget. What `on_epoch_end` adds to its logs
becomes metrics. A callback that sets `model.stop_training` ends the trial. Hooks for batches are
called from `fit`, which then trains the trial.
"""

import functools
import importlib
import json
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from search.errors import SearchWarning

if TYPE_CHECKING:
    import keras

# What a checkpoint keeps: whether the training was told to stop, and each callback's attributes.
State: TypeAlias = dict[str, Any]

_BATCHES = tuple(
    f"on_{kind}batch_{edge}" for kind in ("", "train_", "test_") for edge in ("begin", "end")
)
_NOT_STATE = {"_model", "params", "validation_data"}
_FUNCTION = "__function__"
_UNKNOWN = object()


class UserCallbacks:
    """The callbacks of one trial, which may be none."""

    def __init__(
        self, callbacks: Sequence["keras.callbacks.Callback"], model: "keras.Model", epochs: int
    ) -> None:
        import keras

        self._callbacks = list(callbacks)
        self._model = model
        self._begun: list[dict[str, Any]] = []
        self._logs: dict[str, Any] = {}
        # comes last, as `History` does in `fit`: it sees what the others have put into their logs
        history = keras.callbacks.LambdaCallback(on_epoch_end=lambda _, logs: self._see(logs))
        self._all = keras.callbacks.CallbackList(
            [*self._callbacks, history] if self._callbacks else [], model=model, epochs=epochs
        )

    @property
    def stopped(self) -> bool:
        """Whether one of them ended the training."""
        return bool(self._model.stop_training)

    def train_begin(self, state: State | None) -> None:
        """Start; `state` is what `state()` gave after the last epoch that is not trained again."""
        self._model.stop_training = False
        self._all.on_train_begin()
        self._begun = [dict(vars(callback)) for callback in self._callbacks]
        if not state:
            return
        self._model.stop_training = state["stopped"]
        for callback, saved in zip(self._callbacks, state["callbacks"], strict=True):
            for name, plain in saved.items():
                setattr(callback, name, _value(plain))

    def epoch_begin(self, epoch: int) -> None:
        """Before the epoch with this number, from 1."""
        self._all.on_epoch_begin(epoch - 1)

    def test_begin(self) -> None:
        """Before the evaluation."""
        self._all.on_test_begin()

    def test_end(self, metrics: dict[str, float]) -> None:
        """After the evaluation, with its metrics by Keras's names."""
        self._all.on_test_end(dict(metrics))

    def epoch_end(self, epoch: int, metrics: dict[str, float]) -> dict[str, float]:
        """After the epoch; the metrics, with what the callbacks have added."""
        self._logs = {}
        self._all.on_epoch_end(epoch - 1, metrics)
        return metrics | {name: float(value) for name, value in self._logs.items()}

    def _see(self, logs: dict[str, Any]) -> None:
        self._logs = logs

    def train_end(self) -> None:
        """After the last epoch of a budget."""
        self._all.on_train_end()

    def state(self) -> State | None:
        """What a checkpoint must hold of them; None where that cannot be known."""
        both = zip(self._callbacks, self._begun, strict=True)
        attributes = [_attributes(callback, begun) for callback, begun in both]
        if None in attributes:
            return None
        return {"stopped": self.stopped, "callbacks": attributes}


def hook(callbacks: Sequence["keras.callbacks.Callback"]) -> "keras.callbacks.Callback | None":
    """A callback that passes on to these what happens to batches; None where none of them looks."""
    import keras

    lookers = [callback for callback in callbacks if _looks_at_batches(callback)]
    if not lookers:
        return None

    class Batches(keras.callbacks.Callback):  # type: ignore[misc]
        """Calls every hook for batches, and no other."""

    def passed(name: str) -> Any:
        def call(self: Any, batch: int, logs: Any = None) -> None:
            for callback in lookers:
                getattr(callback, name)(batch, logs)

        return call

    for name in _BATCHES[2:]:
        setattr(Batches, name, passed(name))
    return Batches()


def _looks_at_batches(callback: "keras.callbacks.Callback") -> bool:
    import keras

    if type(callback) is keras.callbacks.ModelCheckpoint:
        return bool(callback.save_freq != "epoch")
    kind, base = type(callback), keras.callbacks.Callback
    return any(getattr(kind, name) is not getattr(base, name) for name in _BATCHES) or any(
        name in vars(callback) for name in _BATCHES
    )


def _attributes(
    callback: "keras.callbacks.Callback", begun: dict[str, Any]
) -> dict[str, Any] | None:
    """The attributes that make up a callback's state, as JSON data; None where some cannot be.

    `begun`: its attributes when the training began. Functions are no state as long as they stay.
    """
    found = {}
    for name, value in vars(callback).items():
        if name in _NOT_STATE or (callable(value) and begun.get(name) is value):
            continue
        plain = _plain(value)
        if plain is _UNKNOWN:
            return None
        found[name] = plain
    return found


def _plain(value: Any) -> Any:
    """A value as JSON data: a number, a text, a structure of them, or a function by its name."""
    if callable(value):
        # Keras 3.15 chooses the comparison of a monitored metric when the first epoch is over
        name = f"{getattr(value, '__module__', '')}:{getattr(value, '__qualname__', '')}"
        try:
            return {_FUNCTION: name} if _named(name) is value else _UNKNOWN
        except (ImportError, AttributeError, ValueError):
            return _UNKNOWN
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        value = value.item()
    try:
        return value if json.loads(json.dumps(value)) == value else _UNKNOWN
    except (TypeError, ValueError):
        return _UNKNOWN


def _value(plain: Any) -> Any:
    return _named(plain[_FUNCTION]) if isinstance(plain, dict) and _FUNCTION in plain else plain


def _named(name: str) -> Any:
    module, _, path = name.partition(":")
    return functools.reduce(getattr, path.split("."), importlib.import_module(module))


def say_state_is_lost() -> None:
    """Tell the user, once, that callbacks cannot be put back where they were."""
    warnings.warn(
        "a callback keeps a state that a checkpoint cannot hold (arrays, objects): a trial that "
        "goes on is trained again from its beginning, with the same result",
        SearchWarning,
        stacklevel=2,
    )
