"""Search space: parameters, conditions, repetition per layer, and shapes."""

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
    """Search space: the parameters of a problem.

    A space is immutable; `replace` and `without` return new spaces.

    Attributes:
        parameters: The parameters as declared.
        nodes: The searched parameters: repetitions (`per=`) are expanded, and every parent is
            before its children.

    Raises:
        SpaceError: There are no parameters, a parent is unknown, a name is repeated, conditions
            form a cycle, or a condition names a value that its parent does not have.

    Example:
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
        """Return a space derived from another one, without checking the values of conditions.

        A condition may name a value that the parent had before it was narrowed.
        """
        space = cls.__new__(cls)
        space._define(parameters)
        return space

    def _define(self, parameters: tuple[Parameter, ...]) -> None:
        if not parameters:
            raise SpaceError("A space needs at least one parameter. Write Space(Int(...), ...).")
        for parameter in parameters:
            if not isinstance(parameter, Int | Float | Choice):
                raise SpaceError(
                    "The arguments of Space must be Int, Float or Choice, not "
                    f"{type(parameter).__name__}. Write Space(Int(...), Float(...))."
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
        """Return the active parameters among `values`, in the order of the space.

        Args:
            values: At least a value for every active parameter; others are ignored.

        Returns:
            A dictionary of the active names and their values.
        """
        chosen: dict[str, Scalar] = {}
        for node in self.nodes:
            if node.active(chosen):
                chosen[node.name] = values[node.name]
        return chosen

    def check(self, params: Params) -> None:
        """Check that params are exactly the active parameters, with values of the space.

        Raises:
            SpaceError: A parameter is unknown, missing, inactive or out of range; the message
                names it.
        """
        names = {node.name for node in self.nodes}
        for name in params:
            if name not in names:
                raise SpaceError(str(unknown_name("parameter", name, names)))
        expected: dict[str, Scalar] = {}
        for node in self.nodes:
            if not node.active(expected):
                if node.name in params:
                    raise SpaceError(
                        f"{node.name}={params[node.name]!r} is set, but {node.name} is inactive "
                        f"with {expected!r}. Leave it out."
                    )
                continue
            if node.name not in params:
                raise SpaceError(
                    f"{node.name} is missing, but active with {expected!r}. Add a value for it."
                )
            if not node.parameter.holds(params[node.name]):
                raise SpaceError(
                    f"{node.name}={params[node.name]!r} is not a value of {node.parameter!r}. "
                    "Change the value, or widen the space."
                )
            expected[node.name] = params[node.name]

    def per_layer(self, params: Params, name: str) -> list[Any]:
        """Return the values of a repeated parameter as a list, one value per repetition.

        The values are computed from `params` according to the shape ("free", "same", "funnel").

        Args:
            params: Values of the active parameters.
            name: Name of a parameter with `per=`.

        Returns:
            One value per repetition; an empty list if the number of repetitions is 0.

        Raises:
            SpaceError: `name` is not a repeated parameter, or it is inactive in `params`.

        Example:
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
                f"{name} is inactive with {params!r}. Call per_layer only where {name} is active."
            )
        shape = params.get(f"{name}_shape", "free")
        if shape == "free":
            return [params[f"{name}_{index}"] for index in range(1, count + 1)]
        first = params[f"{name}_1"] if count else None
        if shape == "same":
            return [first] * count
        return [max(1, int(first or 1) // 2**index) for index in range(count)]

    def normal(self, params: Params) -> dict[str, Scalar]:
        """Return params in normal form: equal configurations get the same `key`.

        Values of a Float become floats, rounded to the nearest step of a stepped range.

        Example:
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
        """Number of configurations; None if it is infinite or too expensive to compute."""
        return count(self.nodes, lambda parameter: parameter.count)

    def without(self, name: str) -> "Space":
        """Return the space without one parameter; no other parameter may depend on it."""
        return Space.restricted(*(p for p in self.parameters if p.name != name))

    def replace(self, *parameters: Parameter) -> "Space":
        """Return the space in which these parameters replace those of the same names."""
        new = {parameter.name: parameter for parameter in parameters}
        return Space.restricted(*(new.get(p.name, p) for p in self.parameters))

    def describe(self) -> list[dict[str, Any]]:
        """Return the definition as JSON data: one object per parameter, without empty fields."""
        plain = [
            {"kind": type(p).__name__} | {k: v for k, v in asdict(p).items() if v not in (None, ())}
            for p in self.parameters
        ]
        described: list[dict[str, Any]] = json.loads(json.dumps(plain))  # tuples become lists
        return described


def from_description(described: Sequence[Mapping[str, Any]]) -> Space:
    """Return the space of a description by `Space.describe`.

    Example:
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
    """Convert the lists in JSON data to tuples."""
    if isinstance(value, Mapping):
        return {name: _tuples(inner) for name, inner in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def key(params: Params) -> str:
    """Return a text that identifies a configuration, independent of the order of its names."""
    return json.dumps(params, sort_keys=True)
