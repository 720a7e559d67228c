"""A search space: parameters, conditions, per-layer repetition and shapes as one definition."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from typing import Any

from search.errors import SpaceError, unknown_name
from search.space._condition_values import check_conditions
from search.space._enumeration import count
from search.space._expansion import parents_first, refuse_repeats, repeated
from search.space.parameters import Choice, Float, Int, Parameter, Params, Scalar


class Space:
    """The parameters of a problem. Parameters with `per=` are repeated, parents come first.

    `nodes` are the parameters as they are searched, in an order in which every parent stands
    before its children. A space never changes; `replace` and `without` give new ones.

    Raises: SpaceError for no parameters at all, an unknown parent, a duplicate name, a cycle of
    conditions, or a condition on a value that its parent cannot take.

    >>> from search import Int
    >>> space = Space(Int("layers", 1, 2), Int("neurons", 8, 64, per="layers"))
    >>> [node.name for node in space.nodes]
    ['layers', 'neurons_1', 'neurons_2']
    >>> space.active({"layers": 1, "neurons_1": 8, "neurons_2": 32})
    {'layers': 1, 'neurons_1': 8}
    """

    def __init__(self, *parameters: Parameter) -> None:
        self._define(parameters)
        check_conditions(self.nodes)

    @classmethod
    def restricted(cls, *parameters: Parameter) -> "Space":
        """Return a space made of another one, whose conditions have been checked.

        Where a parent has fewer values than it had, a condition may name one that is gone.
        """
        space = cls.__new__(cls)
        space._define(parameters)
        return space

    def _define(self, parameters: tuple[Parameter, ...]) -> None:
        if not parameters:
            raise SpaceError("a space needs parameters, got none; give at least one to search")
        for parameter in parameters:
            if not isinstance(parameter, Int | Float | Choice):
                raise SpaceError(
                    "a space takes Int, Float and Choice one after the other, got a "
                    f"{type(parameter).__name__}; write Space(Int(...), Float(...))"
                )
        self.parameters = parameters
        names = [parameter.name for parameter in parameters]
        refuse_repeats(names)
        by_name = {parameter.name: parameter for parameter in parameters}
        nodes = [node for parameter in parameters for node in repeated(parameter, by_name)]
        refuse_repeats([node.name for node in nodes])
        self.nodes = parents_first(nodes)

    def __contains__(self, name: object) -> bool:
        return any(node.name == name for node in self.nodes)

    def __repr__(self) -> str:
        return f"Space({', '.join(map(repr, self.parameters))})"

    def active(self, values: Params) -> dict[str, Scalar]:
        """Only the active ones of `values`, in the order of the space.

        `values` holds a value for every name that turns out active (more do no harm).
        """
        chosen: dict[str, Scalar] = {}
        for node in self.nodes:
            if node.active(chosen):
                chosen[node.name] = values[node.name]
        return chosen

    def check(self, params: Params) -> None:
        """Refuse params that are not exactly the active names with values they can take.

        Raises: SpaceError naming the parameter.
        """
        known = {node.name for node in self.nodes}
        for name in params:
            if name not in known:
                raise SpaceError(str(unknown_name("parameter", name, known)))
        expected: dict[str, Scalar] = {}
        for node in self.nodes:
            if not node.active(expected):
                if node.name in params:
                    raise SpaceError(
                        f"{node.name}: is not active beside {expected!r}, got "
                        f"{params[node.name]!r}; leave it out"
                    )
                continue
            if node.name not in params:
                raise SpaceError(f"{node.name}: is active beside {expected!r} and missing; give it")
            if not node.parameter.holds(params[node.name]):
                raise SpaceError(
                    f"{node.name}: must be a value of {node.parameter!r}, got {params[node.name]!r}"
                )
            expected[node.name] = params[node.name]

    def per_layer(self, params: Params, name: str) -> list[Any]:
        """The values of a repeated parameter, one for each repetition, whatever their shape.

        >>> from search import Int
        >>> width = Int("width", 8, 64, per="layers", shapes=("funnel",))
        >>> space = Space(Int("layers", 1, 3), width)
        >>> space.per_layer({"layers": 3, "width_shape": "funnel", "width_1": 64}, "width")
        [64, 32, 16]
        """
        parameter = next((p for p in self.parameters if p.name == name), None)
        if parameter is None or parameter.per is None:
            repeated = [p.name for p in self.parameters if p.per is not None]
            raise SpaceError(str(unknown_name("repeated parameter", name, repeated)))
        count = int(params.get(parameter.per, 0))
        if parameter.per not in params or (count and f"{name}_1" not in params):
            raise SpaceError(
                f"{name}: is not active beside {params!r}; ask for it only where it is"
            )
        shape = params.get(f"{name}_shape", "free")
        if shape == "free":
            return [params[f"{name}_{index}"] for index in range(1, count + 1)]
        first = params[f"{name}_1"] if count else None
        if shape == "same":
            return [first] * count
        return [max(1, int(first or 1) // 2**index) for index in range(count)]

    def normal(self, params: Params) -> dict[str, Scalar]:
        """The params with each value as `at` gives it, so that `key` knows equal ones as equal.

        >>> Space(Float("dropout", 0, 1, step=0.1)).normal({"dropout": 0})
        {'dropout': 0.0}
        """
        floats = {
            node.name: node.parameter for node in self.nodes if isinstance(node.parameter, Float)
        }
        return {
            name: floats[name].nearest(float(value)) if name in floats else value
            for name, value in params.items()
        }

    @cached_property
    def size(self) -> int | None:
        """How many different configurations there are; None where there is no end or no count."""
        return count(self.nodes, lambda parameter: parameter.count)

    def without(self, name: str) -> "Space":
        """The space less one parameter that no other depends on."""
        return Space.restricted(*(p for p in self.parameters if p.name != name))

    def replace(self, *parameters: Parameter) -> "Space":
        """The space with the parameters of these names exchanged for these."""
        new = {parameter.name: parameter for parameter in parameters}
        return Space.restricted(*(new.get(p.name, p) for p in self.parameters))

    def describe(self) -> list[dict[str, Any]]:
        """The definition as JSON data, one object per parameter, defaults left out."""
        plain = [
            {"kind": type(p).__name__} | {k: v for k, v in asdict(p).items() if v not in (None, ())}
            for p in self.parameters
        ]
        described: list[dict[str, Any]] = json.loads(json.dumps(plain))  # tuples become lists
        return described


def from_description(described: Sequence[Mapping[str, Any]]) -> Space:
    """The space that `Space.describe` has described.

    >>> from search import Int
    >>> space = Space(Int("layers", 1, 2), Float("dropout", 0.0, 0.5, when={"layers": 2}))
    >>> from_description(space.describe()).describe() == space.describe()
    True
    """
    kinds: dict[str, Callable[..., Parameter]] = {"Int": Int, "Float": Float, "Choice": Choice}
    plain = ({k: _tuples(v) for k, v in fields.items() if k != "kind"} for fields in described)
    made = (kinds[d["kind"]](**fields) for d, fields in zip(described, plain, strict=True))
    return Space.restricted(*made)


def _tuples(value: Any) -> Any:
    """JSON data with its lists as tuples."""
    if isinstance(value, Mapping):
        return {name: _tuples(inner) for name, inner in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def key(params: Params) -> str:
    """A text that is equal for equal configurations, whatever the order of their names."""
    return json.dumps(params, sort_keys=True)
