"""An overridden `HyperModel.fit`: what it asks for, and how it trains a trial, epoch by epoch."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search.data.class_weights import class_weights
from search.data.parts import Data, Part
from search.errors import UsageError
from search.problem.objective import Metrics
from search.space.parameters import Params
from search.training import model_checks
from search.training.metric_values import metric_values, numbers_of
from search.training.user_fit_checks import by_name

if TYPE_CHECKING:
    import keras

# Examples on which a fit is tried out.
_EXAMPLES = 64
# What a fit may set by itself, and what it is given for its second epoch.
_SETTINGS = {"epochs", "verbose", "batch_size"}
_SECOND = {"initial_epoch": 1, "epochs": 2}
_WHOLE = "from_hypermodel(..., fit_whole=True)"


@dataclass(frozen=True, slots=True)
class FitFacts:
    """What was seen of a user's `fit`: `own` settings of Keras's fit, and what to tell the user.

    `own` must not be given to it. `numbered`: it passes on `initial_epoch`, so that an epoch can be
    trained under its number.
    """

    own: frozenset[str] = frozenset()
    numbered: bool = False
    remarks: tuple[str, ...] = ()


class Probe:
    """Tries a user's `fit` without training: calls of Keras's fit do nothing, all else is run.

    It is called as KerasTuner calls it: `fit(hp, model, x, y, validation_data=..., callbacks=...)`,
    with weights where the data have them. `whole`: it is to be called once for all epochs.
    """

    def __init__(self, fit: Callable[..., Any], data: Data, *, whole: bool = False) -> None:
        self._fit = fit
        few = slice(_EXAMPLES)
        weight = None if data.train.weights is not None else data.class_weight
        self._few = Data(data.train.take(few), data.validation.take(few), class_weight=weight)
        self._whole = whole
        self._own: set[str] | None = None
        self._numbered = True
        self._remarks: dict[str, None] = {}

    @property
    def facts(self) -> FitFacts:
        """What was seen in all calls."""
        return FitFacts(frozenset(self._own or ()), self._numbered, tuple(self._remarks))

    def __call__(self, hp: Any, model: "keras.Model") -> None:
        """Have it ask `hp` for what it needs; it trains on a few examples where it must.

        Raises: DataError for a model that does not take the data as they are.
        """
        import tensorflow as tf

        if model.built:
            model_checks.check_given(model, self._few.train)
        # a training loop of the user's is tried out without tracing it, which would take seconds
        eager = tf.config.functions_run_eagerly()
        tf.config.run_functions_eagerly(True)
        try:
            if self._own is None:
                calls = self._try(hp, model, {})
                set_by_itself = _SETTINGS & {name for call in calls for name in call}
                self._own = set_by_itself - inspect.signature(self._fit).parameters.keys()
            given = {n: value for n, value in _SECOND.items() if n not in self._own}
            if self._whole:
                del given["initial_epoch"]
            self._learn(hp, self._try(hp, model, given), given)
        finally:
            tf.config.run_functions_eagerly(eager)

    def _try(self, hp: Any, model: "keras.Model", given: Mapping[str, int]) -> list[dict[str, Any]]:
        """Run it with a fit that does nothing, else with Keras's; the settings of the calls."""
        calls: list[dict[str, Any]] = []
        trains = model.fit

        def reached(*args: Any, **settings: Any) -> "keras.callbacks.History":
            calls.append(by_name(trains, args, settings)[1])
            return _untrained()

        model.fit = reached
        try:
            call(self._fit, hp, model, self._few, [], given)
        except Exception:
            if not calls:
                raise
        else:
            return calls
        finally:
            del model.fit
        try:  # what follows may need what a training leaves
            call(self._fit, hp, model, self._few, [], {"verbose": 0, "epochs": 1} if given else {})
        except Exception as error:  # noqa: BLE001 - the user's code: anything may come
            self._remarks[
                "its fit could not be tried to its end "
                f"({type(error).__name__}: {' '.join(str(error).split())}), so parameters that it "
                "asks for after its first model.fit are not searched. Ask for them before that, or "
                "in build"
            ] = None
        return calls

    def _learn(self, hp: Any, calls: Sequence[Mapping[str, Any]], given: Mapping[str, int]) -> None:
        others = [settings["epochs"] for settings in calls if "epochs" in settings]
        others = [n for n in others if n not in (1, given.get("epochs")) and not _asked(hp, n)]
        self._numbered &= bool(calls) and all(
            call.get("initial_epoch") == given.get("initial_epoch", 0)
            and (call.get("epochs") == given.get("epochs", 0) or _asked(hp, call.get("epochs")))
            for call in calls
        )
        if self._whole:
            return
        if len(calls) > 1:
            self._remarks[
                f"its fit calls model.fit {len(calls)} times, and is called once for each epoch, "
                f"so all its phases are repeated in each epoch. Use {_WHOLE}"
            ] = None
        elif others:
            self._remarks[
                f"its fit trains {others[0]} epochs in one call; each call counts as one epoch "
                f'here. Ask hp.Int("epochs", ...) for them, pass on what it is given, or use '
                f"{_WHOLE}"
            ] = None


def _asked(hp: Any, epochs: Any) -> bool:
    """Whether that many epochs is what the hyperparameter "epochs" says."""
    return "epochs" in hp and epochs == hp.get("epochs")


class _Zeros(dict[str, list[float]]):
    """The curves of a fit that has trained nothing, whatever they are called."""

    def __missing__(self, name: str) -> list[float]:
        return [0.0]


def _untrained() -> "keras.callbacks.History":
    """Return the result of a fit of one epoch, without training."""
    import keras

    history = keras.callbacks.History()
    history.history = _Zeros(loss=[0.0], val_loss=[0.0])
    history.epoch = [0]
    return history


def call(
    fit: Callable[..., Any],
    hp: Any,
    model: "keras.Model",
    data: Data,
    callbacks: "list[keras.callbacks.Callback]",
    settings: Mapping[str, Any],
) -> Any:
    """Call a user's `HyperModel.fit` as KerasTuner does, with the settings that it takes."""
    train, parameters = data.train, inspect.signature(fit).parameters
    named: dict[str, Any] = {"validation_data": _tuple(data.validation), "callbacks": callbacks}
    if train.weights is not None:
        named["sample_weight"] = train.weights
    if data.class_weight is not None:
        named["class_weight"] = dict(class_weights(data.class_weight, train.y, data.class_names))
    named |= settings
    kinds = [parameter.kind for parameter in parameters.values()]
    if inspect.Parameter.VAR_KEYWORD not in kinds:
        named = {name: value for name, value in named.items() if name in parameters}
    positional = [kind for kind in kinds if kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    if inspect.Parameter.VAR_POSITIONAL in kinds or len(positional) >= 4:
        return fit(hp, model, train.x, train.y, **named)
    return fit(hp, model, x=train.x, y=train.y, **named)


class OwnFit:
    """`Problem.fit` of a hypermodel that defines `fit`.

    `hyperparameters`: those of a trial, as its build left them. `metric`: the metric of a score
    that is returned as a single number. `whole`: it is called once, for all epochs.
    """

    def __init__(
        self,
        fit: Callable[..., Any],
        facts: FitFacts,
        hyperparameters: Callable[[Params], Any],
        metric: str,
        batch_size: int,
        *,
        whole: bool,
    ) -> None:
        self._fit = fit
        self._facts = facts
        self._hyperparameters = hyperparameters
        self._metric = metric
        self._batch_size = batch_size
        self._whole = whole

    def __call__(
        self,
        params: Params,
        model: "keras.Model",
        data: Data,
        callbacks: "Sequence[keras.callbacks.Callback]",
        *,
        initial_epoch: int = 0,
        epochs: int = 1,
    ) -> Metrics:
        """Train the epochs after `initial_epoch` up to `epochs`, counted from 1.

        A fit that does not pass on `initial_epoch` trains one epoch, as number 1. One that sets its
        epochs by hp's "epochs" finds the last one there.
        """
        import keras

        numbers = {"initial_epoch": initial_epoch, "epochs": epochs}
        if not self._whole and not self._facts.numbered:
            numbers = {"epochs": epochs - initial_epoch}
        if self._whole:
            del numbers["initial_epoch"]
        settings = {**numbers, "verbose": 0, "batch_size": self._batch_size}
        settings = {name: one for name, one in settings.items() if name not in self._facts.own}
        hp = self._hyperparameters({**params, "epochs": numbers["epochs"]})
        result = call(self._fit, hp, model, data, list(callbacks), settings)
        if self._whole and (result is None or isinstance(result, keras.callbacks.History)):
            return {}  # its curve is known, and the model it leaves is evaluated
        return self._metrics(result)

    def _metrics(self, result: Any) -> Metrics:
        """Whatever KerasTuner takes from a fit, as metrics: a History, metrics, or the score."""
        import keras

        if isinstance(result, list) and result:
            every = [metric_values(self._metrics(one)) for one in result]
            return {name: sum(one[name] for one in every) / len(every) for name in every[0]}
        if isinstance(result, keras.callbacks.History):
            return {name: values[-1] for name, values in result.history.items()}
        if isinstance(result, Mapping):
            return result
        if numbers_of(result) is None:
            raise UsageError(
                "HyperModel.fit must return a History, a dictionary of metrics or the score, not "
                f"{result!r}. Return the result of model.fit."
            )
        return {self._metric: result}


def _tuple(part: Part) -> tuple[Any, ...]:
    both = (part.x, part.y)
    return both if part.weights is None else (*both, part.weights)
