"""Check how the user's `fit` calls Keras's `fit`, and whether its scores are the model's."""

import contextlib
import inspect
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from search.data.parts import Data
from search.errors import SearchWarning
from search.training.model_steps import why_not_evaluated

if TYPE_CHECKING:
    import keras

# Beyond what another order of sums makes of a mean, in float32 and under mixed precision.
_ROUNDING = 1e-3
_ROUNDING_MIXED = 2e-2
_NOT_STATE = {"_model", "params", "validation_data"}
_WHOLE = "fit_whole=True, which calls fit once for all epochs"


@dataclass(slots=True)
class Call:
    """One call of `model.fit`: its settings, callbacks with their state, and its epochs."""

    settings: Mapping[str, Any]
    callbacks: list[Any]
    before: list[dict[str, str]]
    after: list[dict[str, str]] = field(default_factory=list)
    curve: list[dict[str, Any]] = field(default_factory=list)

    @property
    def first_epoch(self) -> int | None:
        """The `initial_epoch` that it was given; None where it was given none."""
        return self.settings.get("initial_epoch")

    @property
    def batch_size(self) -> int | None:
        """The size of the batches in which it evaluates; None for Keras's default."""
        return self.settings.get("validation_batch_size") or self.settings.get("batch_size")


@contextlib.contextmanager
def watched(model: "keras.Model") -> Iterator[list[Call]]:
    """Within, each call of the model's `fit` is noted; it trains as it would."""
    import keras

    calls: list[Call] = []
    fit = model.fit

    def noted(*args: Any, **settings: Any) -> Any:
        args, settings = by_name(fit, args, settings)
        given = settings.get("callbacks")
        listed = getattr(given, "callbacks", given)
        listed = list(listed) if isinstance(listed, list | tuple) else [listed] if listed else []
        call = Call(settings, listed, [_state(one) for one in listed])
        calls.append(call)
        recorder = _recorder(model, call.curve)
        if isinstance(given, keras.callbacks.CallbackList):
            given.append(recorder)
        else:
            settings = {**settings, "callbacks": [*listed, recorder]}
        result = fit(*args, **settings)
        call.after = [_state(one) for one in listed]
        return result

    model.fit = noted
    try:
        yield calls
    finally:
        del model.fit


def by_name(
    fit: Callable[..., Any], args: tuple[Any, ...], settings: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a call of `fit` by their names, where they all have one."""
    named = [
        one.name
        for one in inspect.signature(fit).parameters.values()
        if one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    ]
    if len(args) > len(named) or settings.keys() & set(named[: len(args)]):
        return args, settings
    return (), {**dict(zip(named, args, strict=False)), **settings}


def _recorder(model: "keras.Model", curve: list[dict[str, Any]]) -> "keras.callbacks.Callback":
    """Keeps the logs of each epoch, with the learning rate at its end."""
    import keras

    def keep(epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        # fit has refused a model that is not compiled
        rate = getattr(model.optimizer, "learning_rate", None)
        rates = {} if rate is None else {"learning_rate": float(np.asarray(rate))}
        curve.append(dict(logs or {}) | rates)

    return keras.callbacks.LambdaCallback(on_epoch_end=keep)


def _state(callback: Any) -> dict[str, str]:
    return {n: repr(value) for n, value in vars(callback).items() if n not in _NOT_STATE}


class FitChecks:
    """Looks at the calls of a user's `fit` in one process, and says what should be otherwise.

    `numbered`: whether a `fit` that takes them is given the numbers of its epochs.
    """

    def __init__(self, *, numbered: bool = True) -> None:
        self.numbered = numbered
        self._compared = False

    def look(
        self,
        model: "keras.Model",
        data: Data,
        callbacks: Sequence[Any],
        metrics: Mapping[str, Any],
        calls: Sequence[Call],
        epoch: int,
    ) -> None:
        """Look at the call that trained an epoch: all that it was given, returned and did."""
        self._look_at_epochs(model, calls)
        for call in calls:
            _look_at_callbacks(call, callbacks, epoch)
        if not self._compared or any(_other_inputs(call, data) for call in calls):
            self._compared = True
            self.compare(model, data, metrics, calls)

    def _look_at_epochs(self, model: "keras.Model", calls: Sequence[Call]) -> None:
        trained = sum(len(call.curve) for call in calls)
        if trained > 1:
            how = f"{len(calls)} calls" if len(calls) > 1 else "one call"
            _say(
                f"fit is called once for each epoch, and trained {trained} epochs in {how} of "
                "model.fit. Pass on the epochs that it is given (**settings), or use "
                f"{_WHOLE}"
            )
        optimizer = model.optimizer if model.compiled else None
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        if calls and getattr(optimizer, "use_ema", False):
            _say(
                "model.fit ends by giving the model its averaged weights (use_ema), so that each "
                f"epoch after the first starts from averages. Use {_WHOLE}"
            )

    def compare(
        self, model: "keras.Model", data: Data, metrics: Mapping[str, Any], calls: Sequence[Call]
    ) -> None:
        """Hold the validation metrics that came out against the model on the validation data."""
        returned = {
            name.removeprefix("val_"): value
            for name, value in metrics.items()
            if name.startswith("val_")
        }
        batch = next((call.batch_size for call in reversed(calls) if call.batch_size), 32)
        if not returned or not model.compiled or why_not_evaluated(model) is not None:
            return
        changed = any(_other_inputs(call, data) for call in calls)
        try:
            found = _evaluated(model, data, batch)
            differ = _different(returned, found)
            if not differ or _different(found, _evaluated(model, data, batch)):
                return  # the same, or an evaluation that draws random numbers
        except Exception as error:  # noqa: BLE001 - the user's model: anything may come
            _say(
                "the model that fit trains cannot be evaluated on the validation data as they are, "
                f"nor on test data ({type(error).__name__}: {' '.join(str(error).split())[:200]}). "
                f"{_REMEDY}"
            )
            return
        name, (theirs, own) = differ
        reason = "it passes other validation data to model.fit. " if changed else ""
        _say(
            f"fit returned val_{name} {theirs:.6g}, but the model has {own:.6g} on the validation "
            f"data as they are: {reason or 'they are not the scores of this model on these data. '}"
            "Test result, export and predictions will not match the scores. "
            f"{_REMEDY if changed else _REMEDY_SCORES}"
        )


_REMEDY = (
    "Scale, cut or encode inside the model (layers.Normalization, Rescaling, Cropping1D, a slice) "
    "or in load"
)
_REMEDY_SCORES = (
    "Return what model.fit(..., validation_data=(data.validation.x, data.validation.y)) gives, and "
    "do in the model or in load what fit does to the data"
)


def _look_at_callbacks(call: Call, given: Sequence[Any], epoch: int) -> None:
    """Name the callbacks made inside `fit` that would have to know of earlier epochs."""
    numbered = call.first_epoch == epoch - 1
    both = zip(call.callbacks, call.before, call.after, strict=False)
    forgetful = [
        type(one).__name__
        for one, before, after in both
        if not any(one is known for known in given)
        and (before != after or (not numbered and not _needs_no_number(one)))
    ]
    if forgetful:
        _say(
            f"{', '.join(dict.fromkeys(forgetful))} made inside fit sees one epoch at a time and "
            "starts over each time, as fit is called once for each epoch. Give it as callbacks= of "
            f"the problem, or use {_WHOLE}"
        )


def _needs_no_number(callback: Any) -> bool:
    import keras

    return isinstance(callback, keras.callbacks.TerminateOnNaN | keras.callbacks.History)


def _other_inputs(call: Call, data: Data) -> bool:
    """Whether it was given validation data other than the problem's."""
    given = call.settings.get("validation_data")
    if given is None:
        return False
    if not isinstance(given, list | tuple) or len(given) < 2:
        return False  # a data set: what is in it is not known
    return not (_same(given[0], data.validation.x) and _same(given[1], data.validation.y))


def _same(given: Any, known: Any) -> bool:
    if given is known:
        return True
    if isinstance(known, Mapping):
        return isinstance(given, Mapping) and all(
            name in known and _same(one, known[name]) for name, one in given.items()
        )
    if isinstance(known, list | tuple):
        return isinstance(given, list | tuple) and all(map(_same, given, known))
    try:
        return bool(np.array_equal(np.asarray(given), np.asarray(known)))
    except (TypeError, ValueError):
        return False


def _evaluated(model: "keras.Model", data: Data, batch_size: int) -> dict[str, Any]:
    """Keras's evaluation, after which the model's state is as it was before."""
    part = data.validation
    before = [np.array(variable.numpy()) for variable in model.variables]
    try:
        found: dict[str, Any] = model.evaluate(
            part.x,
            part.y,
            sample_weight=part.weights,
            batch_size=batch_size,
            verbose=0,
            return_dict=True,
        )
    finally:
        for variable, value in zip(model.variables, before, strict=False):
            variable.assign(value)
    return found


def _different(
    returned: Mapping[str, Any], own: Mapping[str, Any]
) -> tuple[str, tuple[float, float]] | None:
    """The first metric of both that differs beyond rounding, the loss last; None for none."""
    import keras

    mixed = keras.config.dtype_policy().name.startswith("mixed")
    slack = _ROUNDING_MIXED if mixed else _ROUNDING
    for name in sorted(returned.keys() & own.keys(), key=lambda one: one == "loss"):
        theirs, mine = np.ravel(returned[name]), np.ravel(own[name])
        if theirs.shape != mine.shape or theirs.dtype.kind not in "fiu":
            continue
        for one, other in zip(theirs.tolist(), mine.tolist(), strict=True):
            alike = math.isclose(one, other, rel_tol=slack, abs_tol=1e-5)
            if not alike and not (math.isnan(one) and math.isnan(other)):
                return name, (float(one), float(other))
    return None


def _say(text: str) -> None:
    warnings.warn(text, SearchWarning, stacklevel=2)
