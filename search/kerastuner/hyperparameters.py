"""KerasTuner's hyperparameters and this platform's parameters: from one to the other and back."""

import json
import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from search.kerastuner._conditions import in_short
from search.kerastuner.discovery import Asked
from search.space.parameters import Choice, Float, Int, Parameter, Params, Scalar

if TYPE_CHECKING:
    import keras_tuner

# A range of more values than this is visited by a grid at a few levels, as KerasTuner's own does.
_GRID_VALUES = 10
_MIRRORED = "_mirrored"
_SHARE = "_share"
# A name with more ranges than this is one parameter, whatever decides between them.
_MOST_DEFINITIONS = 8

# The choices that were made, by name, in the order of asking.
Context: TypeAlias = tuple[tuple[str, Any], ...]


class Names:
    """The parameter of each hyperparameter, in the order in which they are requested.

    A name becomes an identifier. Hyperparameters of one name but with other values or other
    conditions are different parameters, as they are different for KerasTuner: units, units__2, ...
    `levels`: how many values of a continuous range a grid visits.

    `scaled`: families (a kind, a name, conditions) whose values depend on other hyperparameters.
    Each is one parameter, NAME_share: a number from 0, the low end of the requested range, to 1,
    its high end. `depending`: families that were found to depend on others since then.
    """

    def __init__(self, levels: int, scaled: Collection[str] = ()) -> None:
        self._levels = levels
        self._scaled = frozenset(scaled)
        self._known: dict[str, tuple[str, Parameter]] = {}
        self._taken: dict[str, str] = {}
        self._shares: set[str] = set()
        self._seen: dict[str, dict[str, set[Context]]] = {}
        self.depending: set[str] = set()

    def of(self, hyperparameter: Any, context: "Context | None" = None) -> Parameter | None:
        """The parameter for a hyperparameter; None for a Fixed one, which is no question.

        `context`: the choices that were made before it was asked for. Where one family has two
        definitions after the same choices, a number decides which of them is asked for.
        """
        family, config = _family(hyperparameter)
        definition = f"{family} {config}"
        if family in self._scaled:
            definition = family
        elif context is not None:
            self._compare(family, definition, context)
        if definition not in self._known:
            parameter = self._made(hyperparameter, share=family in self._scaled)
            if parameter is None:
                return None
            parameter = replace(parameter, when=self._when(hyperparameter.conditions))
            self._known[definition] = hyperparameter.name, parameter
            self._taken[parameter.name] = definition
        return self._known[definition][1]

    def value(self, hyperparameter: Any, parameter: Parameter, drawn: Scalar) -> Any:
        """The hyperparameter's value for the parameter's."""
        if parameter.name in self._shares:
            return _at_share(hyperparameter, float(drawn))
        return _mirrored(parameter, drawn)

    def drawn(self, hyperparameter: Any, parameter: Parameter, value: Any) -> Any:
        """The parameter's value for the hyperparameter's, which may lie outside its range."""
        if parameter.name in self._shares:
            return min(max(float(hyperparameter.value_to_prob(value)), 0.0), 1.0)
        return _mirrored(parameter, value)

    def choices(self, given: "keras_tuner.HyperParameters") -> "Context":
        """The choices among what has been asked for, other than those that depend on numbers."""
        return tuple(
            (one.name, given.values[one.name])
            for one in given.space
            if type(one).__name__ in ("Choice", "Boolean")
            and one.name in given.values
            and _family(one)[0] not in self._scaled
        )

    def plain(self, params: Params) -> dict[str, Scalar]:
        """Values by KerasTuner's names and in its terms, but for shares: their range decides."""
        return {
            name: _mirrored(parameter, params[parameter.name])
            for name, parameter in self._known.values()
            if parameter.name in params and parameter.name not in self._shares
        }

    def params(self, plain: Mapping[str, Any]) -> dict[str, Scalar]:
        """The parameters for values by KerasTuner's names: those that can take them."""
        found: dict[str, Scalar] = {}
        for name, parameter in self._known.values():
            if parameter.name in self._shares and parameter.name not in plain:
                continue
            if name in plain and parameter.name not in self._shares:
                value = _mirrored(parameter, plain[name])
                if parameter.holds(value):
                    found[parameter.name] = value
            elif parameter.name in plain:
                found[parameter.name] = plain[parameter.name]
        return found

    def ambiguous(self, plain: Mapping[str, Any]) -> bool:
        """Return whether one of these names has several parameters, or a share."""
        names = [name for name, _ in self._known.values()]
        shares = {name for name, one in self._known.values() if one.name in self._shares}
        return any(names.count(name) > 1 or name in shares for name in plain)

    def hyper_names(self) -> dict[str, str]:
        """KerasTuner's name of each parameter."""
        return {parameter.name: name for name, parameter in self._known.values()}

    def remarks(self) -> list[str]:
        """Return remarks for the user about the shares."""
        names = self.hyper_names()
        shares = {names[share]: share for share in names if share in self._shares}
        if not shares:
            return []
        return [
            f"{in_short(shares)}: the range depends on other parameters, so "
            f"{in_short(shares.values())} is searched: 0 is the low end of the range that build "
            "asks for, 1 its high end"
        ]

    def _compare(self, family: str, definition: str, context: "Context") -> None:
        seen = self._seen.setdefault(family, {})
        seen.setdefault(definition, set()).add(context)
        same = any(context in seen[other] for other in seen if other != definition)
        if same or len(seen) > _MOST_DEFINITIONS:
            self.depending.add(family)

    def _made(self, hyperparameter: Any, *, share: bool) -> Parameter | None:
        kind = type(hyperparameter).__name__
        if share:
            name = self._free(f"{hyperparameter.name}{_SHARE}", counts=False)
            self._shares.add(name)
            return Float(name, 0.0, 1.0, levels=self._levels)
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


def _family(hyperparameter: Any) -> tuple[str, str]:
    """What hyperparameters share that differ in their values only; and those values."""
    config = {k: v for k, v in hyperparameter.get_config().items() if k != "default"}
    stated = {"name": config.pop("name"), "conditions": config.pop("conditions", [])}
    kind = type(hyperparameter).__name__
    return f"{kind} {json.dumps(stated, sort_keys=True)}", json.dumps(config, sort_keys=True)


def _at_share(hyperparameter: Any, share: float) -> Any:
    """The value at a share of the way through what a hyperparameter can be.

    KerasTuner 1.4.8 counts from 0 up to, but not including, 1 where there is a number of values.
    """
    kind = type(hyperparameter).__name__
    counted = kind != "Float" or hyperparameter.step is not None
    value = hyperparameter.prob_to_value(min(share, 1 - 1e-9) if counted else share)
    if kind not in ("Int", "Float"):
        return value
    return min(max(value, hyperparameter.min_value), hyperparameter.max_value)


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

    A value that is known for a name only, and that the range asked for does not hold, is replaced
    by the nearest one that it holds. `unknown`: told of a name for which there is no value in its
    range, and of what it gets instead.
    """
    import keras_tuner

    class Given(keras_tuner.HyperParameters):  # type: ignore[misc]  # untyped
        """Private names of keras-tuner 1.4.8 (engine/hyperparameters/hyperparameters.py)."""

        def __init__(self) -> None:
            super().__init__()
            self.drawn: dict[str, Scalar] = {}

        def _register(self, hyperparameter: Any, overwrite: bool = False) -> Any:
            parameter = names.of(hyperparameter, names.choices(self))
            if parameter is not None and self.is_active(hyperparameter):
                self._settle(hyperparameter, parameter)
            return super()._register(hyperparameter, overwrite)

        def _settle(self, hyperparameter: Any, parameter: Parameter) -> None:
            name = hyperparameter.name
            if parameter.name in params:
                drawn = self.drawn[parameter.name] = params[parameter.name]
                self.values[name] = names.value(hyperparameter, parameter, drawn)
                return
            if name in self.values:
                nearest = _nearest(hyperparameter, self.values[name])
                if nearest == self.values[name]:
                    return
                self.values[name] = nearest
            if unknown is not None:
                unknown(name, self.values.get(name, hyperparameter.default))

    return Given()


def _nearest(hyperparameter: Any, value: Any) -> Any:
    """The value, or what a hyperparameter can be instead: the nearest number, else its default."""
    kind = type(hyperparameter).__name__
    if kind not in ("Int", "Float"):
        held = [one for one in hyperparameter.values if one == value and type(one) is type(value)]
        return value if held else hyperparameter.default
    if isinstance(value, bool) or not isinstance(value, int | float):
        return hyperparameter.default
    inside = min(max(value, hyperparameter.min_value), hyperparameter.max_value)
    if hyperparameter.step is None:
        return inside
    if hyperparameter.sampling == "linear":
        low, step = hyperparameter.min_value, hyperparameter.step
        last = int((hyperparameter.max_value - low) // step)
        close = low + min(round((inside - low) / step), last) * step
    else:
        close = min(hyperparameter.values, key=lambda one: abs(one - inside))
    return value if math.isclose(close, value, rel_tol=1e-9) else close


def asked(names: Names, given: Any, *, whole: bool) -> Asked:
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
            value = given.drawn.get(parameter.name)
            if value is None:
                plain = given.values[hyperparameter.name]
                value = names.drawn(hyperparameter, parameter, plain)
            values[parameter.name] = value if parameter.holds(value) else parameter.at(0.0)
    return Asked(list(declared.values()), values, whole)
