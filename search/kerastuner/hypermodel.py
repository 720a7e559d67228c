"""A KerasTuner hypermodel as a problem: its space is found by building it, its `fit` runs."""

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

# What a trial gets for a name that no build of the discovery asked for.
_DEFAULT = (
    "{name}: the hypermodel asks for it as no build did while its space was found; it gets "
    "{value!r} and is not searched there"
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
    """The problem that a KerasTuner hypermodel poses, which any backend can then search.

    `hypermodel`: a `keras_tuner.HyperModel`, a function `build(hp)`, or a Tuner that has one.
    `load`: the data, or what loads them. `objective`: ours, KerasTuner's, or a metric's name where
    that tells whether large or small values are better (losses, errors, accuracies, F1, ...).
    `baseline` goes by KerasTuner's names. `levels`: what a grid visits of a continuous range. The
    other settings are those of `Problem`.

    The space is found here, by at most `most_builds` builds (`search.kerastuner.discovery`), and
    warnings say what could not be found out. An overridden `HyperModel.fit` is called once for
    each epoch n, with `initial_epoch=n - 1` and `epochs=n` where it passes them on, else with
    `epochs=1` (`search.kerastuner.fit`). `fit_whole=True`: called once for all epochs, see
    `Problem`.

    Raises: UsageError for an overridden `Tuner.run_trial`, for no hypermodel, or where the first
    build fails; DataError where `fit` needs other inputs than the data have.
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
    """What was found of a hypermodel: its space, what its own `fit` does, its baseline."""

    name: str
    found: space_search.Found
    fit: FitFacts | None
    baseline: Params | None


class HypermodelBuild:
    """`Problem.build` of a hypermodel; `known` is what other processes need not find again."""

    def __init__(self, hypermodel: Any, known: Known, max_epochs: int) -> None:
        self.known = known
        self._hypermodel = hypermodel
        self._max_epochs = max_epochs
        self._built: tuple[str, dict[str, Any]] = ("", {})

    def __call__(self, params: Params) -> "keras.Model":
        """The model with a trial's values."""
        # handed out by some backends, and no parameter then: a build that asks gets the ceiling
        hp = self._hyperparameters({"epochs": self._max_epochs, **params})
        model = self._hypermodel.build(hp)
        self._built = key(_without_epochs(params)), dict(hp.values)
        return model

    def as_built(self, params: Params) -> "keras_tuner.HyperParameters":
        """The hyperparameters of a trial whose model has been built, values of shares included."""
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
    """What another process has found of this hypermodel; None where it is to be found here."""
    content = import_context.found()
    known = None if content is None else cast("Known", pickle.loads(content))
    return known if known is not None and known.name == name else None


def found_of(problem: Problem) -> bytes | None:
    """What another process that imports the problem need not find again; None for nothing."""
    if not isinstance(problem.build, HypermodelBuild):
        return None
    return pickle.dumps(problem.build.known)


def _hypermodel(given_one: Any) -> Any:
    """The HyperModel that was meant."""
    import keras_tuner

    one = given_one
    kind: Any = one if isinstance(one, type) else type(one)
    if issubclass(kind, keras_tuner.Tuner):
        if not kind.run_trial.__module__.startswith("keras_tuner."):
            raise UsageError(
                f"{kind.__name__}.run_trial must be KerasTuner's own, got an overridden one: it "
                "builds, trains and scores in one call, which cannot be cut into epochs, stopped "
                "early or resumed; put what it does into HyperModel.build and HyperModel.fit"
            )
        one = getattr(one, "hypermodel", one)
    if isinstance(one, type):
        raise UsageError(f"a hypermodel must be an object, got the class {one.__name__}; call it")
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
        raise UsageError(f"objective must be one metric, got {objective!r}; give Objective(...)")
    known = known_direction(objective.name)
    if known is not None and known != objective.direction:
        # KerasTuner makes one of a bare name too, and guesses "min" for most names
        raise UsageError(
            f"objective: KerasTuner's says {objective.direction!r} of {objective.name!r}, which is "
            f'better at its {known}; give search.Objective("{objective.name}", "{known}")'
        )
    return Objective(objective.name, objective.direction)


def _loader(load: Data | Callable[[Path | None], Data]) -> Callable[[Path | None], Data]:
    if isinstance(load, Data):
        return lambda _: load
    return load


def _say_default(name: str, value: Scalar) -> None:
    warnings.warn(_DEFAULT.format(name=name, value=value), SearchWarning, stacklevel=2)
