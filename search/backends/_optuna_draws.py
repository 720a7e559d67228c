"""Parameters as Optuna draws them: a number as it is, else the index of a step or option."""

from typing import TYPE_CHECKING

from search.space.parameters import Choice, Float, Int, Parameter, Scalar

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution


def distribution(parameter: Parameter) -> "BaseDistribution":
    """What Optuna draws for a parameter: a number as it is, else the index of a step or option.

    Indexes, because Optuna's own steps end in floating-point noise.
    """
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(parameter, Int):
        last = parameter.low + parameter.step * (parameter.count - 1)
        return IntDistribution(parameter.low, last, log=parameter.log, step=parameter.step)
    if isinstance(parameter, Float):
        if parameter.count is None:
            return FloatDistribution(parameter.low, parameter.high, log=parameter.log)
        return IntDistribution(0, parameter.count - 1)
    return CategoricalDistribution(range(parameter.count))


def draw(trial: "optuna.Trial", parameter: Parameter) -> float:
    """Let the trial draw from the parameter's distribution."""
    from optuna.distributions import FloatDistribution, IntDistribution

    name, drawn = parameter.name, distribution(parameter)
    if isinstance(drawn, IntDistribution):
        return trial.suggest_int(name, drawn.low, drawn.high, step=drawn.step, log=drawn.log)
    if isinstance(drawn, FloatDistribution):
        return trial.suggest_float(name, drawn.low, drawn.high, log=drawn.log)
    return trial.suggest_categorical(name, range(parameter.count or 1))


def to_value(parameter: Parameter, drawn: float) -> Scalar:
    """Return the parameter value for a draw."""
    if isinstance(parameter, Int):
        return int(drawn)
    if isinstance(parameter, Float) and parameter.count is None:
        return min(max(float(drawn), parameter.low), parameter.high)
    return parameter.at((int(drawn) + 0.5) / (parameter.count or 1))


def to_draw(parameter: Parameter, value: Scalar) -> float:
    """Return the draw for a parameter value: the inverse of `to_value`."""
    if isinstance(parameter, Choice):
        return parameter.options.index(value)
    if isinstance(parameter, Float) and parameter.count is not None:
        return parameter.step_of(float(value))
    return int(value) if isinstance(parameter, Int) else float(value)
