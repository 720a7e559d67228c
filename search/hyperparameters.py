"""KerasTuner's hyperparameters and this platform's parameters: from one to the other and back."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from search.discovery import Asked
from search.parameters import Choice, Float, Int, Parameter, Params, Scalar

if TYPE_CHECKING:
    import keras_tuner

# A range of more values than this is visited by a grid at a few levels, as KerasTuner's own does.
_GRID_VALUES = 10
_MIRRORED = "_mirrored"


class Names:
    """Which parameter stands for which hyperparameter, as they come to be known.

    A name becomes an identifier. Hyperparameters of one name but with other values or other
    conditions are different parameters, as they are different for KerasTuner: units, units__2, ...
    `levels`: how many values of a continuous range a grid visits.
    """

    def __init__(self, levels: int) -> None:
        self._levels = levels
        self._known: dict[str, tuple[str, Parameter]] = {}
        self._taken: dict[str, str] = {}

    def of(self, hyperparameter: Any) -> Parameter | None:
        """The parameter for a hyperparameter; None for a Fixed one, which is no question."""
        config = {k: v for k, v in hyperparameter.get_config().items() if k != "default"}
        definition = f"{type(hyperparameter).__name__} {json.dumps(config, sort_keys=True)}"
        if definition not in self._known:
            parameter = self._made(hyperparameter)
            if parameter is None:
                return None
            parameter = replace(parameter, when=self._when(hyperparameter.conditions))
            self._known[definition] = hyperparameter.name, parameter
            self._taken[parameter.name] = definition
        return self._known[definition][1]

    def plain(self, params: Params) -> dict[str, Scalar]:
        """Values by KerasTuner's names and in its terms."""
        return {
            name: _mirrored(parameter, params[parameter.name])
            for name, parameter in self._known.values()
            if parameter.name in params
        }

    def params(self, plain: Mapping[str, Any]) -> dict[str, Scalar]:
        """The parameters for values by KerasTuner's names: those that can take them."""
        found: dict[str, Scalar] = {}
        for name, parameter in self._known.values():
            if name in plain:
                value = _mirrored(parameter, plain[name])
                if parameter.holds(value):
                    found[parameter.name] = value
            elif parameter.name in plain:
                found[parameter.name] = plain[parameter.name]
        return found

    def _made(self, hyperparameter: Any) -> Parameter | None:
        kind = type(hyperparameter).__name__
        counts = kind == "Int" and hyperparameter.min_value >= 1
        name = self._free(hyperparameter.name, counts=counts)
        if kind == "Fixed":
            return None
        if kind == "Boolean":
            return Choice(name, (False, True))
        if kind == "Choice":
            return Choice(name, tuple(dict.fromkeys(hyperparameter.values)))
        low, high = hyperparameter.min_value, hyperparameter.max_value
        step, sampling = hyperparameter.step, hyperparameter.sampling
        number: type[Int] | type[Float] = Int if kind == "Int" else Float
        if sampling == "linear" and step is not None:
            few = isinstance(step, int) and (high - low) // step < _GRID_VALUES
            levels = None if few or kind == "Float" else self._levels
            if kind == "Int":
                return Int(name, low, high, step=step, levels=levels)
            return Float(name, low, high, step=step)
        if step is not None:
            # each value so many times the one before: no range of ours, but a list of values
            convert = int if kind == "Int" else float
            return Choice(name, tuple(dict.fromkeys(map(convert, hyperparameter.values))))
        if sampling == "reverse_log":
            name += _MIRRORED
        return number(name, low, high, log=sampling != "linear", levels=self._levels)

    def _free(self, name: str, *, counts: bool) -> str:
        word = re.sub(r"\W", "_", name)
        word = word if word.isidentifier() else f"_{word}"
        free, number = word, 2
        # "epochs" is how long a trial trains: an Int, or another word
        while free in self._taken or (free == "epochs" and not counts):
            free, number = f"{word}__{number}", number + 1
        return free

    def _when(self, stated: Any) -> dict[str, tuple[Scalar, ...]] | None:
        """The conditions a hyperparameter was declared under, by the parents' identifiers."""
        when: dict[str, tuple[Scalar, ...]] = {}
        for condition in stated:
            parents = [p for name, p in self._known.values() if name == condition.name]
            if not parents or isinstance(parents[0], Float):
                continue  # depends on a Float or a Fixed one: what builds ask for will tell
            parent = parents[0].name
            before = when.get(parent, condition.values)
            values = tuple(v for v in condition.values if parents[0].holds(v) and v in before)
            if values:
                when[parent] = values
        return when or None


def _mirrored(parameter: Parameter, value: Any) -> Any:
    """The value that KerasTuner's reverse_log gives for one that is drawn on a log scale, and back.

    KerasTuner 1.4.8 (hp_types/numerical.py): max + min - min * (max / min) ** (1 - u).
    """
    if isinstance(parameter, Choice) or not parameter.name.endswith(_MIRRORED):
        return value
    mirrored = parameter.low + parameter.high - value
    return min(max(mirrored, parameter.low), parameter.high)


def given(
    names: Names, params: Params, unknown: Callable[[str, Scalar], None] | None = None
) -> "keras_tuner.HyperParameters":
    """Hyperparameters that have a trial's values, for code that asks for them.

    `unknown`: told of a name for which there is no value, and of the default it gets instead.
    """
    import keras_tuner

    class Given(keras_tuner.HyperParameters):  # type: ignore[misc]  # untyped
        """Private names of keras-tuner 1.4.8 (engine/hyperparameters/hyperparameters.py)."""

        def _register(self, hyperparameter: Any, overwrite: bool = False) -> Any:
            parameter = names.of(hyperparameter)
            name = hyperparameter.name
            if parameter is not None and self.is_active(hyperparameter):
                if parameter.name in params:
                    self.values[name] = _mirrored(parameter, params[parameter.name])
                elif name not in self.values and unknown is not None:
                    unknown(name, hyperparameter.default)
            return super()._register(hyperparameter, overwrite)

    return Given()


def asked(names: Names, given: "keras_tuner.HyperParameters", *, whole: bool) -> Asked:
    """What code has asked these hyperparameters for."""
    declared: dict[str, Parameter] = {}
    values: dict[str, Scalar] = {}
    met: set[str] = set()
    for hyperparameter in given.space:
        parameter = names.of(hyperparameter)
        if parameter is None:
            continue
        declared.setdefault(parameter.name, parameter)
        # two of one name in one build share the first one's value, as in KerasTuner
        if given.is_active(hyperparameter) and hyperparameter.name not in met:
            met.add(hyperparameter.name)
            value = _mirrored(parameter, given.values[hyperparameter.name])
            values[parameter.name] = value if parameter.holds(value) else parameter.at(0.0)
    return Asked(list(declared.values()), values, whole)
