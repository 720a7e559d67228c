"""Convert a KerasTuner hypermodel to a Problem: its space is found by building models."""

import pickle
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from search.data.parts import Data
from search.errors import SearchWarning, UsageError
from search.kerastuner import space_search
from search.kerastuner.fit import FitFacts, OwnFit, Probe
from search.kerastuner.hyperparameters import given
from search.problem import import_context
from search.problem.directions import known_direction, objective_of
from search.problem.objective import Metrics, Objective
from search.problem.problem import Problem
from search.runtime.clock import SystemClock
from search.runtime.process_state import left_as_it_was
from search.runtime.type_checks import check_function
from search.space.parameters import Params, Scalar
from search.space.space import key
from search.study import epoch_ceiling

if TYPE_CHECKING:
    import keras
    import keras_tuner

# Warning about a name that no build requested while the space was found.
_DEFAULT = (
    "{name}: the hypermodel requests this hyperparameter in a combination that was not built "
    "while its space was found. It has the value {value!r} there and is not searched."
)


def from_hypermodel(
    hypermodel: Any,
    load: Data | Callable[[Path | None], Data],
    objective: "Objective | str | Any",
    *,
    name: str,
    baseline: Mapping[str, Scalar] | None = None,
    callbacks: "Callable[[Params], Sequence[keras.callbacks.Callback]] | None" = None,
    derived: Callable[[Sequence[Metrics]], Metrics] | None = None,
    batch_size: int = 32,
    patience: int | None = 3,
    max_epochs: int | None = None,
    evaluation_batch_size: int | None = None,
    trials: int = 20,
    description: str = "",
    levels: int = 3,
    most_builds: int = 200,
    fit_whole: bool = False,
) -> Problem:
    """Convert a KerasTuner hypermodel to a Problem that any backend can search.

    The space is found by building the hypermodel (`search.kerastuner.discovery`). Warnings name
    the hyperparameters whose conditions remain unknown. An overridden `HyperModel.fit` is called
    once for each epoch n: with `initial_epoch=n - 1` and `epochs=n` if it passes them to Keras's
    `fit`, otherwise with `epochs=1` (`search.kerastuner.fit`).

    Args:
        hypermodel: A `keras_tuner.HyperModel`, a function `build(hp)`, or a Tuner with one of
            these.
        load: The data, or a function `load(data_dir)` that returns them.
        objective: An `Objective`, a `keras_tuner.Objective`, or the name of a metric whose
            direction is known (losses, errors, accuracies, F1, ...).
        name: Name of the problem.
        baseline: Values you use now, by KerasTuner's names.
        callbacks: As for `Problem`.
        derived: As for `Problem`.
        batch_size: As for `Problem`.
        patience: As for `Problem`.
        max_epochs: As for `Problem`.
        evaluation_batch_size: As for `Problem`.
        trials: As for `Problem`.
        description: As for `Problem`.
        levels: Number of values that a grid visits in a continuous range.
        most_builds: Largest number of models built to find the space.
        fit_whole: Call an overridden `fit` once for all epochs; see `Problem`.

    Returns:
        The problem, with the space found.

    Raises:
        UsageError: `hypermodel` is not a hypermodel, overrides `Tuner.run_trial`, or its first
            build fails; or the objective's direction is not known.
        DataError: An overridden `fit` needs other inputs than the data have.
    """
    import keras_tuner

    hypermodel = _hypermodel(hypermodel)
    goal = _objective(objective)
    loader = _loader(load)
    known = _known(name)
    if known is None:
        probe = None
        if type(hypermodel).fit is not keras_tuner.HyperModel.fit:
            probe = Probe(hypermodel.fit, loader(import_context.data_dir()), whole=fit_whole)
        with left_as_it_was():
            found = space_search.find(
                hypermodel, probe, levels=levels, most_builds=most_builds, clock=SystemClock()
            )
        facts = None if probe is None else probe.facts
        own = None if baseline is None else space_search.baseline(hypermodel, found.names, baseline)
        known = Known(name, found, facts, own)
    for remark in known.found.remarks:
        warnings.warn(f"{name}: {remark}", SearchWarning, stacklevel=2)
    build = HypermodelBuild(
        hypermodel, known, max_epochs or epoch_ceiling.of_space(known.found.discovery.space)
    )
    fit = None
    if known.fit is not None:
        fit = OwnFit(
            hypermodel.fit,
            known.fit,
            build.as_built,
            goal.metric,
            batch_size,
            whole=fit_whole,
        )
    runs = known.found.discovery.runs
    return Problem(
        name=name,
        space=known.found.discovery.space,
        objective=goal,
        load=loader,
        build=build,
        baseline=known.baseline,
        callbacks=callbacks,
        derived=derived,
        fit=fit,
        fit_whole=fit_whole,
        batch_size=batch_size,
        patience=patience,
        max_epochs=max_epochs,
        trials=trials,
        evaluation_batch_size=evaluation_batch_size,
        description=description or f"a KerasTuner hypermodel; {runs} builds found its space",
    )


@dataclass(frozen=True, slots=True)
class Known:
    """Properties of a hypermodel: its search space, the behaviour of its `fit`, its baseline."""

    name: str
    found: space_search.Found
    fit: FitFacts | None
    baseline: Params | None


class HypermodelBuild:
    """The `build` function of a problem that wraps a KerasTuner hypermodel.

    `known` holds the search space already discovered, so that other processes need not discover it
    again. `max_epochs`: value of a hyperparameter `epochs` that is not a parameter of the space.
    """

    def __init__(self, hypermodel: Any, known: Known, max_epochs: int) -> None:
        self.known = known
        self._hypermodel = hypermodel
        self._max_epochs = max_epochs
        self._built: tuple[str, dict[str, Any]] = ("", {})

    def __call__(self, params: Params) -> "keras.Model":
        """Build the model with the values of a trial."""
        # handed out by some backends, and no parameter then: a build that asks gets the ceiling
        hp = self._hyperparameters({"epochs": self._max_epochs, **params})
        model = self._hypermodel.build(hp)
        self._built = key(_without_epochs(params)), dict(hp.values)
        return model

    def as_built(self, params: Params) -> "keras_tuner.HyperParameters":
        """Return the hyperparameters of a trial after its model was built, tied values included."""
        hp = self._hyperparameters(params)
        place, values = self._built
        if place == key(_without_epochs(params)):
            hp.values = {**values, **hp.values}
        return hp

    def _hyperparameters(self, params: Params) -> "keras_tuner.HyperParameters":
        names = self.known.found.names
        hp = given(names, params, _say_default)
        hp.values.update(names.plain(params))
        return hp


def _without_epochs(params: Params) -> Params:
    return {name: value for name, value in params.items() if name != "epochs"}


def _known(name: str) -> Known | None:
    """Return the properties discovered by another process; None if there are none yet."""
    content = import_context.found()
    known = None if content is None else cast("Known", pickle.loads(content))
    return known if known is not None and known.name == name else None


def found_of(problem: Problem) -> bytes | None:
    """Serialize the properties of a hypermodel for other processes; None for other problems."""
    if not isinstance(problem.build, HypermodelBuild):
        return None
    return pickle.dumps(problem.build.known)


def _hypermodel(given_one: Any) -> Any:
    """Return the HyperModel of a HyperModel, a build function or a Tuner."""
    import keras_tuner

    one = given_one
    kind: Any = one if isinstance(one, type) else type(one)
    if issubclass(kind, keras_tuner.Tuner):
        if not kind.run_trial.__module__.startswith("keras_tuner."):
            raise UsageError(
                f"{kind.__name__} overrides run_trial, which builds, trains and scores in one call "
                "and so cannot be stopped early or resumed. Move its code into HyperModel.build "
                "and HyperModel.fit."
            )
        one = getattr(one, "hypermodel", one)
    if isinstance(one, type):
        raise UsageError(
            f"The hypermodel is the class {one.__name__}, not an object. Pass {one.__name__}(...)."
        )
    if isinstance(one, keras_tuner.HyperModel):
        return one
    check_function("build", one, "hp")
    return _Function(one)


def _Function(build: Any) -> Any:  # noqa: N802 - a class that needs keras_tuner to be defined
    import keras_tuner

    class Function(keras_tuner.HyperModel):  # type: ignore[misc]  # untyped
        def build(self, hp: Any) -> Any:
            return build(hp)

    return Function()


def _objective(objective: Any) -> Objective:
    import keras_tuner

    if isinstance(objective, Objective):
        return objective
    if isinstance(objective, str):
        return objective_of(objective)
    if not isinstance(objective, keras_tuner.Objective) or isinstance(objective.name, list):
        raise UsageError(f"objective must be one metric, not {objective!r}. Pass Objective(...).")
    known = known_direction(objective.name)
    if known is not None and known != objective.direction:
        # KerasTuner makes one of a bare name too, and guesses "min" for most names
        raise UsageError(
            f"The KerasTuner objective has direction {objective.direction!r} for "
            f"{objective.name!r}, whose best value is its {known}imum. Pass "
            f'search.Objective("{objective.name}", "{known}").'
        )
    return Objective(objective.name, objective.direction)


def _loader(load: Data | Callable[[Path | None], Data]) -> Callable[[Path | None], Data]:
    if isinstance(load, Data):
        return lambda _: load
    return load


def _say_default(name: str, value: Scalar) -> None:
    warnings.warn(_DEFAULT.format(name=name, value=value), SearchWarning, stacklevel=2)
