"""A user's Keras callbacks around epochs that do not run in `fit`, and their state in checkpoints.

`on_train_begin` is called once for each budget and each process that trains the trial, before its
state is put back; `on_epoch_begin`, `on_test_begin`, `on_test_end` and `on_epoch_end` as under
`fit`; `on_train_end` after the last epoch of a budget, and where a trial fails. What `on_epoch_end`
adds to its logs becomes metrics. A callback that sets `model.stop_training` ends the trial. Hooks
for batches are called from `fit`, which then trains the trial.
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
    """The callbacks of one trial, which may be none."""

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
        # comes last, as `History` does in `fit`: it sees what the others have put into their logs
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
        """Whether one of them ended the training."""
        return bool(self._model.stop_training)

    def train_begin(self) -> None:
        """Start."""
        self._model.stop_training = False
        self._all.on_train_begin()

    def put(self, attributes: Sequence[Mapping[str, Any]]) -> None:
        """Give each callback the attributes that a checkpoint of format 1 has for it."""
        for callback, saved in zip(self._callbacks, attributes, strict=True):
            for name, value in saved.items():
                setattr(callback, name, decode(value, []))

    def epoch_begin(self, epoch: int) -> None:
        """Before the epoch with this number, from 1."""
        self._all.on_epoch_begin(epoch - 1)

    def test(self, evaluate: Callable[[], Logs], *, called: bool = False) -> Logs:
        """Evaluate, with the hooks before and after; metrics go by Keras's names.

        `called`: a `fit` of the user's has called them. As under Keras's `fit` they are not called
        for a model that it trains without an evaluation.
        """
        model = self._model
        if called or (model.compiled and why_not_evaluated(model) is not None):
            return evaluate()
        self._all.on_test_begin()
        logs = evaluate()
        self._all.on_test_end(dict(logs))
        return logs

    def epoch_end(self, epoch: int, logs: Logs) -> Logs:
        """After the epoch; the logs, with what the callbacks have added."""
        self._logs = {}
        self._all.on_epoch_end(epoch - 1, logs)
        return logs | self._logs

    def _see(self, logs: dict[str, Any]) -> None:
        self._logs = logs

    def train_end(self) -> None:
        """After the last epoch of a budget."""
        self._all.on_train_end()


def hook(callbacks: Sequence["keras.callbacks.Callback"]) -> "keras.callbacks.Callback | None":
    """A callback that passes on to these what happens to batches; None where none of them looks."""
    lookers = [callback for callback in callbacks if _looks_at_batches(callback)]
    return _passing(dict.fromkeys(_BATCHES[2:], lookers)) if lookers else None


def hook_of_fit(
    callbacks: Sequence["keras.callbacks.Callback"],
) -> "tuple[keras.callbacks.Callback, list[str]] | None":
    """A callback as `hook`, for a `fit` of the user's, that passes on evaluations too.

    With a list of the evaluations that it has passed on. None where no callback looks at either.
    """
    import keras

    overridden = {n for one in callbacks for n in _EVALUATION if _overrides(one, n)}
    lookers = [callback for callback in callbacks if _looks_at_batches(callback)]
    if not overridden and not lookers:
        return None
    seen: list[str] = []

    def note(logs: Any = None) -> None:
        seen.append("test")

    noted = keras.callbacks.LambdaCallback(on_test_end=note)
    hooks: dict[str, Sequence[Any]] = {name: [*callbacks, noted] for name in _EVALUATION}
    if lookers:
        hooks |= dict.fromkeys(_BATCHES[2:], lookers)
    return _passing(hooks), seen


def _passing(hooks: Mapping[str, Sequence[Any]]) -> "keras.callbacks.Callback":
    """A callback each of whose hooks calls those of others, and that has no others."""
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
    """Return the callbacks of one trial, without what the platform does by itself.

    `folder`: the trial's own, which is made where `make` takes it.

    Raises: UsageError for a callback that would load another trial's weights.
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
    """Whether a callback of Keras's does what happens anyway; it is changed where a part does."""
    import keras

    if type(callback) is keras.callbacks.TerminateOnNaN:
        _remark("TerminateOnNaN is not needed: a trial whose loss is NaN ends as failed anyway")
        return True
    if type(callback) is keras.callbacks.EarlyStopping and callback.restore_best_weights:
        callback.restore_best_weights = False
        _remark(
            "EarlyStopping(restore_best_weights=True) is not needed: the weights of the best epoch "
            "are kept and exported anyway"
        )
    return False


# What Keras's callbacks write to, by their class and attribute.
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
                    "BackupAndRestore must not be among a problem's callbacks: it would load the "
                    "weights of one trial into another. Leave it out: trials are continued from "
                    "their checkpoints"
                )
            path = str(getattr(callback, attribute))
            if not _differs(path, params, folder):
                _remark(
                    f"{name}({path!r}) writes to the same place in every trial. Take the trial's "
                    "folder as second argument, callbacks(params, folder), and write there"
                )


def _differs(path: str, params: Params, folder: Path | None) -> bool:
    """Whether a path is one trial's: in its folder, or with a value of its parameters in it."""
    if folder is not None and Path(path).absolute().is_relative_to(folder.absolute()):
        return True
    found = [str(value) for value in params.values() if str(value) in path]
    return len(found) == len(params) > 0 or any(len(value) > 2 for value in found)


def _remark(text: str) -> None:
    warnings.warn(text, SearchWarning, stacklevel=2)
