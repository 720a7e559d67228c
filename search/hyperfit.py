"""An overridden `HyperModel.fit`: what it asks for, and how it trains a trial, epoch by epoch."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from search.class_weights import class_weights
from search.errors import UsageError
from search.objective import Metrics
from search.parameters import Params
from search.problem import Data, Part
from search.training.metric_values import metric_values, numbers_of

if TYPE_CHECKING:
    import keras

# Examples on which a fit that never calls Keras's own is tried out.
_EXAMPLES = 64


class _ReachedError(BaseException):
    """Keras's fit was reached: all that the user's fit asks for before it has been asked."""


class Probe:
    """Runs a user's `fit` up to where it calls Keras's; `remarks` say what it does otherwise.

    It is called as KerasTuner calls it: `fit(hp, model, x, y, validation_data=..., callbacks=...)`,
    with weights where the data have them. `own`: what it gives to Keras's fit of itself, and what
    must therefore not be given to it.
    """

    def __init__(self, fit: Callable[..., Any], data: Data, batch_size: int) -> None:
        self._fit = fit
        self._parameters = inspect.signature(fit).parameters
        few = slice(_EXAMPLES)
        weight = None if data.train.weights is not None else data.class_weight
        self._few = Data(data.train.take(few), data.validation.take(few), class_weight=weight)
        self._settings = {"epochs": 1, "verbose": 0, "batch_size": batch_size}
        self.own: set[str] = set()
        self.remarks: tuple[str, ...] = ()

    def __call__(self, hp: Any, model: "keras.Model") -> None:
        """Have it ask `hp` for what it needs; it trains on a few examples where it must."""
        import tensorflow as tf

        def reached(*args: Any, **settings: Any) -> None:
            self.own |= self._settings.keys() & settings.keys()
            if "epochs" in settings and "epochs" not in hp and settings["epochs"] != 1:
                self.remarks = (
                    f"its fit trains {settings['epochs']} epochs in one call; each call counts as "
                    'one epoch here; ask hp.Int("epochs", ...) for them, or pass on what it is '
                    "given",
                )
            raise _ReachedError

        model.fit = reached
        # a training loop of the user's is tried out without tracing it, which would take seconds
        eager = tf.config.functions_run_eagerly()
        tf.config.run_functions_eagerly(True)
        try:
            self._call(hp, model, self._few, [], {})
        except _ReachedError:
            return
        finally:
            tf.config.run_functions_eagerly(eager)

    def train(
        self,
        hp: Any,
        model: "keras.Model",
        data: Data,
        callbacks: Sequence["keras.callbacks.Callback"],
    ) -> Any:
        """Call it for one epoch; what it returns."""
        settings = {k: v for k, v in self._settings.items() if k not in self.own}
        return self._call(hp, model, data, list(callbacks), settings)

    def _call(
        self,
        hp: Any,
        model: "keras.Model",
        data: Data,
        callbacks: list["keras.callbacks.Callback"],
        settings: Mapping[str, Any],
    ) -> Any:
        train = data.train
        named: dict[str, Any] = {"validation_data": _tuple(data.validation), "callbacks": callbacks}
        if train.weights is not None:
            named["sample_weight"] = train.weights
        if data.class_weight is not None:
            named["class_weight"] = dict(
                class_weights(data.class_weight, train.y, data.class_names)
            )
        named |= settings
        kinds = [parameter.kind for parameter in self._parameters.values()]
        if inspect.Parameter.VAR_KEYWORD not in kinds:
            named = {name: value for name, value in named.items() if name in self._parameters}
        positional = [kind for kind in kinds if kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
        if inspect.Parameter.VAR_POSITIONAL in kinds or len(positional) >= 4:
            return self._fit(hp, model, train.x, train.y, **named)
        return self._fit(hp, model, x=train.x, y=train.y, **named)


class OwnFit:
    """`Problem.fit` of a hypermodel with a `fit` of its own."""

    def __init__(self, probe: Probe, hyperparameters: Callable[[Params], Any], metric: str) -> None:
        self._probe = probe
        self._hyperparameters = hyperparameters
        self._metric = metric

    def __call__(
        self,
        params: Params,
        model: "keras.Model",
        data: Data,
        callbacks: Sequence["keras.callbacks.Callback"],
    ) -> Metrics:
        """Train one epoch: a fit that sets its epochs by hp's "epochs" finds 1 there."""
        hp = self._hyperparameters({**params, "epochs": 1})
        return self._metrics(self._probe.train(hp, model, data, callbacks))

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
                "HyperModel.fit must return a History, metrics by name or the score, got "
                f"{result!r}; return what model.fit returns"
            )
        return {self._metric: result}


def _tuple(part: Part) -> tuple[Any, ...]:
    both = (part.x, part.y)
    return both if part.weights is None else (*both, part.weights)
