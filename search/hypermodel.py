"""A KerasTuner hypermodel as a problem: its space is found by building it, its `fit` runs."""

import contextlib
import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search import ceilings
from search.declared import check_function
from search.directions import known_direction, objective_of
from search.discovery import Asked, Discovery, discover
from search.errors import UsageError
from search.hyperfit import OwnFit, Probe
from search.hyperparameters import Names, asked, given
from search.objective import Metrics, Objective
from search.parameters import Params, Scalar
from search.problem import Data, Problem
from search.training import runtime

if TYPE_CHECKING:
    import keras

# What a trial gets for a name that no build of the discovery asked for.
_DEFAULT = (
    "{name}: the hypermodel asks for it, but no build while its space was found did; it gets its "
    "default {default!r} and is not searched"
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
) -> Problem:
    """The problem that a KerasTuner hypermodel poses, which any backend can then search.

    `hypermodel`: a `keras_tuner.HyperModel`, a function `build(hp)`, or a Tuner that has one.
    `load`: the data, or what loads them. `objective`: ours, KerasTuner's, or a metric's name where
    that tells whether large or small values are better (losses, errors, accuracies, F1, ...).
    `baseline` goes by KerasTuner's names. `levels`: what a grid visits of a continuous range. The
    other settings are those of `Problem`.

    The space is found here, by at most `most_builds` builds (`search.discovery`), and warnings say
    what could not be told. An overridden `HyperModel.fit` is called once for each epoch, with
    `epochs=1` where it does not set them itself (`search.hyperfit`).

    Raises: UsageError for an overridden `Tuner.run_trial`, for no hypermodel, or where the first
    build fails.
    """
    runtime.prepare()
    import keras_tuner

    hypermodel = _hypermodel(hypermodel)
    names = Names(levels)
    goal = _objective(objective)
    own_fit = type(hypermodel).fit is not keras_tuner.HyperModel.fit
    loader = _loader(load)
    probe = Probe(hypermodel.fit, loader(None), batch_size) if own_fit else None
    found = _discovered(hypermodel, names, probe, most_builds)
    for remark in (*found.remarks, *(probe.remarks if probe else ())):
        warnings.warn(f"{name}: {remark}", stacklevel=2)

    most_epochs = max_epochs or ceilings.of_space(found.space)

    def hyperparameters(params: Params) -> "keras_tuner.HyperParameters":
        hp = given(names, params, _say_default)
        hp.values.update(names.plain(params))
        return hp

    def build(params: Params) -> "keras.Model":
        # handed out by some backends, and no parameter then: a build that asks gets the ceiling
        return hypermodel.build(hyperparameters({"epochs": most_epochs, **params}))

    return Problem(
        name=name,
        space=found.space,
        objective=goal,
        load=loader,
        build=build,
        baseline=None if baseline is None else names.params(baseline),
        callbacks=callbacks,
        derived=derived,
        fit=OwnFit(probe, hyperparameters, goal.metric) if probe is not None else None,
        batch_size=batch_size,
        patience=patience,
        max_epochs=max_epochs,
        trials=trials,
        evaluation_batch_size=evaluation_batch_size,
        description=description or f"a KerasTuner hypermodel; {found.runs} builds found its space",
    )


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


def _discovered(hypermodel: Any, names: Names, probe: "Probe | None", most: int) -> Discovery:
    import keras

    def run(values: Params) -> Asked:
        hp, whole = given(names, values), True
        try:
            # what a build prints or warns of is for its trial, not for each of these
            with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                hypermodel.declare_hyperparameters(hp)
                model = hypermodel.build(hp)
                if probe is not None:
                    probe(hp, model)
        except Exception as error:
            if not values:  # the first one, at the hypermodel's own defaults
                raise UsageError(
                    "a hypermodel must build at its defaults, got "
                    f"{type(error).__name__}: {' '.join(str(error).split())}; correct it"
                ) from error
            whole = False
        # collecting garbage would take longer than most builds
        keras.backend.clear_session(free_memory=False)
        return asked(names, hp, whole=whole)

    found = discover(run, most)
    keras.backend.clear_session()
    return found


def _say_default(name: str, default: Scalar) -> None:
    warnings.warn(_DEFAULT.format(name=name, default=default), stacklevel=2)
