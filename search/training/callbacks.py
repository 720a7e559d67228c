"""Call the Keras callbacks of a problem around epochs that are not trained by `fit`.

`on_train_begin` is called once for each budget and each process that trains the trial, before the
state of the callback is restored. `on_epoch_begin`, `on_test_begin`, `on_test_end` and
`on_epoch_end` are called as in `fit`; `on_train_end` after the last epoch of a budget, and after a
failure. Values that `on_epoch_end` adds to its logs become metrics. A callback that sets
`model.stop_training` ends the trial. A callback with batch hooks makes the trial train with `fit`,
which calls them.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.errors import SearchWarning, UsageError
from search.problem._checks import takes_folder
from search.space.parameters import Params
from search.state.plain_data import decode
from search.training.metric_values import Logs
from search.training.model_steps import why_not_evaluated

if TYPE_CHECKING:
    import keras

_EVALUATION = ("on_test_begin", "on_test_end")
_BATCHES = tuple(
    f"on_{kind}batch_{edge}" for kind in ("", "train_", "test_") for edge in ("begin", "end")
)


class UserCallbacks:
    """Callbacks of one trial.

    Args:
        callbacks: The callbacks; may be empty.
        model: Model of the trial.
        epochs: Number of epochs, passed to the callbacks.
        steps: Batches per epoch, passed to the callbacks.
    """

    def __init__(
        self,
        callbacks: Sequence["keras.callbacks.Callback"],
        model: "keras.Model",
        epochs: int,
        steps: int,
    ) -> None:
        import keras

        self._callbacks = list(callbacks)
        self._model = model
        self._logs: dict[str, Any] = {}
        # last, like `History` in `fit`: it gets the logs with the additions of the others
        history = keras.callbacks.LambdaCallback(on_epoch_end=lambda _, logs: self._see(logs))
        self._all = keras.callbacks.CallbackList(
            [*self._callbacks, history] if self._callbacks else [],
            model=model,
            epochs=epochs,
            steps=steps,
            verbose=0,
        )

    @property
    def stopped(self) -> bool:
        """Whether a callback has stopped the training."""
        return bool(self._model.stop_training)

    def train_begin(self) -> None:
        """Call `on_train_begin`."""
        self._model.stop_training = False
        self._all.on_train_begin()

    def put(self, attributes: Sequence[Mapping[str, Any]]) -> None:
        """Restore the callbacks from a checkpoint of format 1.

        Args:
            attributes: Encoded attributes of each callback.
        """
        for callback, saved in zip(self._callbacks, attributes, strict=True):
            for name, value in saved.items():
                setattr(callback, name, decode(value, []))

    def epoch_begin(self, epoch: int) -> None:
        """Call `on_epoch_begin`.

        Args:
            epoch: Number of the epoch, from 1.
        """
        self._all.on_epoch_begin(epoch - 1)

    def test(self, evaluate: Callable[[], Logs], *, called: bool = False) -> Logs:
        """Evaluate between `on_test_begin` and `on_test_end`.

        As in Keras's `fit`, the hooks are not called for a model that is trained without an
        evaluation.

        Args:
            evaluate: Function that returns metrics by Keras's names.
            called: The user's `fit` has already called the hooks.

        Returns:
            The metrics.
        """
        model = self._model
        if called or (model.compiled and why_not_evaluated(model) is not None):
            return evaluate()
        self._all.on_test_begin()
        logs = evaluate()
        self._all.on_test_end(dict(logs))
        return logs

    def epoch_end(self, epoch: int, logs: Logs) -> Logs:
        """Call `on_epoch_end`.

        Args:
            epoch: Number of the epoch, from 1.
            logs: Metrics of the epoch.

        Returns:
            The logs, with the additions of the callbacks.
        """
        self._logs = {}
        self._all.on_epoch_end(epoch - 1, logs)
        return logs | self._logs

    def _see(self, logs: dict[str, Any]) -> None:
        self._logs = logs

    def train_end(self) -> None:
        """Call `on_train_end`, after the last epoch of a budget."""
        self._all.on_train_end()


def hook(callbacks: Sequence["keras.callbacks.Callback"]) -> "keras.callbacks.Callback | None":
    """Return a callback that calls the batch hooks of other callbacks.

    Args:
        callbacks: Callbacks of a trial.

    Returns:
        The callback; None when none of `callbacks` has batch hooks.
    """
    lookers = [callback for callback in callbacks if _looks_at_batches(callback)]
    return _passing(dict.fromkeys(_BATCHES[2:], lookers)) if lookers else None


def hook_of_fit(
    callbacks: Sequence["keras.callbacks.Callback"],
) -> "tuple[keras.callbacks.Callback, list[str]] | None":
    """Return a callback like `hook` for the user's `fit`, which also calls evaluation hooks.

    Args:
        callbacks: Callbacks of a trial.

    Returns:
        The callback, and a list that grows with each evaluation; None when none of `callbacks`
        has such hooks.
    """
    import keras

    overridden = {n for one in callbacks for n in _EVALUATION if _overrides(one, n)}
    lookers = [callback for callback in callbacks if _looks_at_batches(callback)]
    if not overridden and not lookers:
        return None
    evaluations: list[str] = []

    def note(logs: Any = None) -> None:
        evaluations.append("test")

    noted = keras.callbacks.LambdaCallback(on_test_end=note)
    hooks: dict[str, Sequence[Any]] = {name: [*callbacks, noted] for name in _EVALUATION}
    if lookers:
        hooks |= dict.fromkeys(_BATCHES[2:], lookers)
    return _passing(hooks), evaluations


def _passing(hooks: Mapping[str, Sequence[Any]]) -> "keras.callbacks.Callback":
    """Return a callback whose hooks call the hooks of other callbacks."""
    import keras

    class Passing(keras.callbacks.Callback):  # type: ignore[misc]
        """Calls the hooks of other callbacks."""

    def passed(name: str, callbacks: Sequence[Any]) -> Any:
        def call(self: Any, *args: Any, **logs: Any) -> None:
            for callback in callbacks:
                getattr(callback, name)(*args, **logs)

        return call

    for name, callbacks in hooks.items():
        setattr(Passing, name, passed(name, callbacks))
    return Passing()


def _looks_at_batches(callback: "keras.callbacks.Callback") -> bool:
    import keras

    if type(callback) is keras.callbacks.ModelCheckpoint:
        return bool(callback.save_freq != "epoch")
    return any(_overrides(callback, name) for name in _BATCHES)


def _overrides(callback: "keras.callbacks.Callback", name: str) -> bool:
    import keras

    base = keras.callbacks.Callback
    return getattr(type(callback), name) is not getattr(base, name) or name in vars(callback)


def user_callbacks(
    make: Callable[..., Sequence["keras.callbacks.Callback"]] | None,
    params: Params,
    folder: Path | None,
) -> list["keras.callbacks.Callback"]:
    """Create the callbacks of one trial, without those that the platform replaces.

    Args:
        make: The problem's `callbacks` function; None without one.
        params: Parameter values of the trial.
        folder: Folder of the trial, created when `make` takes it as second argument.

    Returns:
        The callbacks.

    Raises:
        UsageError: A callback would load the weights of another trial.
    """
    if make is None:
        return []
    if folder is not None and takes_folder(make):
        folder.mkdir(parents=True, exist_ok=True)
        callbacks = list(make(params, folder))
    else:
        callbacks = list(make(params))
    _check_files(callbacks, params, folder)
    return [callback for callback in callbacks if not _needless(callback)]


def _needless(callback: "keras.callbacks.Callback") -> bool:
    """Return whether the platform replaces a callback. Change one that is replaced in part."""
    import keras

    if type(callback) is keras.callbacks.TerminateOnNaN:
        _remark("TerminateOnNaN is not needed: a trial with a NaN loss fails in any case")
        return True
    if type(callback) is keras.callbacks.EarlyStopping and callback.restore_best_weights:
        callback.restore_best_weights = False
        _remark(
            "EarlyStopping(restore_best_weights=True) is not needed: the weights of the best epoch "
            "are kept and exported in any case"
        )
    return False


# Keras callbacks that write files: the attribute with the path, by class.
_FILES = {
    "ModelCheckpoint": "filepath",
    "CSVLogger": "filename",
    "TensorBoard": "log_dir",
    "BackupAndRestore": "backup_dir",
}


def _check_files(callbacks: Sequence[Any], params: Params, folder: Path | None) -> None:
    import keras

    for callback in callbacks:
        for name, attribute in _FILES.items():
            if not isinstance(callback, getattr(keras.callbacks, name)):
                continue
            if name == "BackupAndRestore":
                raise UsageError(
                    "BackupAndRestore is not allowed in a problem's callbacks: it would load the "
                    "weights of one trial into another. Remove it: trials are resumed from their "
                    "checkpoints."
                )
            path = str(getattr(callback, attribute))
            if not _differs(path, params, folder):
                _remark(
                    f"{name}({path!r}) writes to the same path in every trial. Take the trial's "
                    "folder as second argument, callbacks(params, folder), and write to it."
                )


def _differs(path: str, params: Params, folder: Path | None) -> bool:
    """Return whether a path is specific to a trial: in its folder, or with parameter values."""
    if folder is not None and Path(path).absolute().is_relative_to(folder.absolute()):
        return True
    found = [str(value) for value in params.values() if str(value) in path]
    return len(found) == len(params) > 0 or any(len(value) > 2 for value in found)


def _remark(text: str) -> None:
    warnings.warn(text, SearchWarning, stacklevel=2)
