"""One model while it trains: its epochs, the callbacks around them, and the state that goes on."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from search.errors import BuildError, UsageError, unknown_name
from search.parameters import Params
from search.problem import Data, Part, Problem
from search.seeds import seed_for
from search.space import Space
from search.training import preflight, runtime
from search.training.callbacks import State, UserCallbacks, hook
from search.training.checkpoint import Arrays
from search.training.epochs import Epochs, OwnEpochs, averaged
from search.training.folds import Ground
from search.training.shared import SharedEpochs

if TYPE_CHECKING:
    import keras

Build: TypeAlias = Callable[[Params], "keras.Model"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model is trained: how it is built, on which rows of which data, by which epochs."""

    build: Build
    data: Data
    ground: Ground
    shared: SharedEpochs


class ModelRun:
    """A model built for a configuration, and trained from epoch to epoch.

    `seed`: of its weights and of the order of its data. `most_epochs`: what it may come to have.

    Models that share a traced graph take turns: `leave` takes this one's values out of the graph's
    model, for another to be trained there, and the next epoch puts them back.
    """

    def __init__(
        self, problem: Problem, place: Place, params: Params, seed: int, most_epochs: int
    ) -> None:
        self._problem = problem
        self._place = place
        self._params = params
        self._seed = seed
        self._batch_size = int(params.get("batch_size", problem.batch_size))
        self._most_epochs = most_epochs
        self._prepared: tuple[Epochs, UserCallbacks] | None = None
        self._restored: State | None = None
        self._away: tuple[Arrays, bool] | None = None
        compiled = problem.fit is None
        self.model = _built(
            place.build, place.data.train, problem.space, params, seed, compiled=compiled
        )

    @property
    def parameter_count(self) -> int:
        """How many numbers the model holds, optimizer left out."""
        return int(self.model.count_params())

    @property
    def variable_count(self) -> int:
        """How many arrays `state` has."""
        return len(self._variables())

    @property
    def way(self) -> str:
        """How it is trained: "fit", "graph" or "compiled"."""
        return self.ready()[0].way

    @property
    def stopped(self) -> bool:
        """Whether a callback ended the training."""
        if self._away is not None:
            return self._away[1]
        if self._prepared is None:
            return bool(self._restored and self._restored["stopped"])
        return self._prepared[1].stopped

    def restore(self, arrays: Arrays, callbacks: State | None) -> None:
        """Put the freshly built model where `state` and `callbacks` were taken.

        Raises: UsageError when they are of another model.
        """
        self._restored = callbacks
        assign(self._variables(), arrays)

    def takes(self, arrays: Arrays) -> bool:
        """Whether these arrays are of this model's shapes."""
        return fits(self._variables(), arrays)

    def train(self, epoch: int, known: Mapping[str, float] | None = None) -> dict[str, float]:
        """Train the next epoch and evaluate it: all metrics, and the learning rate at its end.

        The order of the data is a function of (seed, epoch): an epoch trained again is the same.
        `known`: what callbacks see instead of an evaluation, for which nothing is left.
        """
        epochs, callbacks = self.ready()
        self._enter()
        ground = self._place.ground
        callbacks.epoch_begin(epoch)
        if self._problem.fit is not None:
            runtime.seeded(seed_for(self._seed, "fit", epoch))
        generator = np.random.default_rng(seed_for(self._seed, "order", epoch))
        order = ground.rows[generator.permutation(len(ground.rows))]
        metrics = epochs.train(order, self._batch_size)
        rate = getattr(_optimizer(self.model), "learning_rate", None)
        if rate is not None:
            rate = float(np.asarray(rate))
        if known is None:
            callbacks.test_begin()
            with averaged(self.model):
                tested = epochs.test(ground.first, ground.stop)
            callbacks.test_end(tested)
            known = {f"val_{name}": value for name, value in tested.items()}
        metrics = callbacks.epoch_end(epoch, metrics | dict(known))
        return metrics if rate is None else metrics | {"learning_rate": rate}

    def ready(self) -> tuple[Epochs, UserCallbacks]:
        """What trains, made when first needed: a model that is only looked at needs no graph."""
        if self._prepared is None:
            problem, place = self._problem, self._place
            given = [] if problem.callbacks is None else list(problem.callbacks(self._params))
            epochs: Epochs
            if problem.fit is not None:
                share = place.ground.parts(place.data)
                epochs = OwnEpochs(problem.fit, self._params, self.model, share, hook(given))
            else:
                self.model, epochs = place.shared.of(
                    self.model,
                    self._batch_size,
                    self._most_epochs,
                    hook(given),
                    rows=len(place.ground.rows),
                )
            callbacks = UserCallbacks(given, self.model, self._most_epochs)
            self._prepared = epochs, callbacks
            callbacks.train_begin(self._restored)
        return self._prepared

    def leave(self) -> None:
        """Let another train the model that this one trains, until the next epoch."""
        if self._away is None:
            self._away = arrays_of(self._variables()), self.stopped

    def _enter(self) -> None:
        if self._away is not None:
            values, stopped = self._away
            assign(self._variables(), values)
            self.model.stop_training = stopped
            self._away = None

    def state(self) -> Arrays:
        """Every variable of model and optimizer."""
        return arrays_of(self._variables()) if self._away is None else self._away[0]

    def callbacks_state(self) -> State | None:
        """The state of the callbacks, as JSON data; None where it cannot be kept."""
        if self._prepared is None:
            return self._restored
        state = self._prepared[1].state()
        return None if state is None else state | {"stopped": self.stopped}

    def handed_over(self) -> Arrays:
        """The model's variables as a trial that ends now would hand them over."""
        with averaged(self.model):
            return arrays_of(self.model.variables)

    def average(self) -> None:
        """Give the model for good the averaged weights of an optimizer that keeps some."""
        assign(self.model.variables, self.handed_over())

    def end(self) -> None:
        """Tell the callbacks that a budget is used up; nothing may be taken from the model then."""
        if self._prepared is not None and self._problem.callbacks is not None:
            self._enter()
            self._prepared[1].train_end()

    def _variables(self) -> list[Any]:
        optimizer = _optimizer(self.model)
        return [*self.model.variables, *([] if optimizer is None else optimizer.variables)]


def _built(
    build: Build, part: Part, space: Space, params: Params, seed: int, *, compiled: bool
) -> "keras.Model":
    """The model of a configuration, seeded, with all its variables; `compiled`: it must be.

    Raises: BuildError for what is no model, or one that is not compiled.
    """
    import keras

    runtime.fresh(seed)
    try:
        model = build(params)
    except KeyError as error:
        raise _asked(error, space, params) from error
    if not isinstance(model, keras.Model):
        raise BuildError(f"build must return a keras.Model, got {model!r}; return the model")
    if compiled and not model.compiled:
        raise BuildError("build must return a compiled model; call model.compile(...) in it")
    if not model.built:
        preflight.call(model, part)
    optimizer = _optimizer(model)
    if optimizer is not None:
        optimizer.build(model.trainable_variables)
    return model


def _asked(error: KeyError, space: Space, params: Params) -> Exception:
    """What an error of `build` amounts to that asks `params` for a name that is not there."""
    name = error.args[0] if error.args else None
    if not isinstance(name, str) or name in params:
        return error
    known = {node.name for node in space.nodes}
    if name in known:
        return LookupError(
            f"build asks for params[{name!r}], which this configuration does not have; ask for it "
            f"only where it is active, or write params.get({name!r})"
        )
    close = difflib.get_close_matches(name, [*known, *(p.name for p in space.parameters)], n=1)
    return unknown_name("parameter", name, known) if close else error


def _optimizer(model: "keras.Model") -> Any:
    """The optimizer the model was compiled with; None where it was not."""
    return model.optimizer if model.compiled else None


def arrays_of(variables: list[Any]) -> Arrays:
    """The values of variables, as copies."""
    return [np.array(variable.numpy()) for variable in variables]


def fits(variables: list[Any], arrays: Arrays) -> bool:
    """Whether the shapes are the same."""
    return [tuple(variable.shape) for variable in variables] == [array.shape for array in arrays]


def assign(variables: list[Any], arrays: Arrays) -> None:
    """Put values into variables.

    Raises: UsageError where shapes differ.
    """
    if not fits(variables, arrays):
        raise UsageError("checkpoint is of another model: the problem has changed; run it anew")
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
