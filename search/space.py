"""A search space: parameters with conditions, per-layer repetition and shapes, as one definition."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from search.errors import SpaceError, unknown_name
from search.parameters import Choice, Condition, Float, Int, Parameter, Params, Scalar, conditions


@dataclass(frozen=True, slots=True)
class Node:
    """One parameter as it is searched: under its final name, with the conditions it depends on."""

    parameter: Parameter
    conditions: tuple[Condition, ...]

    @property
    def name(self) -> str:
        """The parameter's final name."""
        return self.parameter.name

    def active(self, values: Params) -> bool:
        """Whether the values of the parents make this parameter active; an absent parent does not."""
        return all(c.parent in values and c.met(values[c.parent]) for c in self.conditions)


class Space:
    """The parameters of a problem. Parameters with `per=` are repeated, parents come first.

    `nodes` are the parameters as they are searched, in an order in which every parent stands
    before its children. A space never changes; `narrow` and `without` give new ones.

    Raises: SpaceError for an unknown parent, a duplicate name, or a cycle of conditions.

    >>> space = Space(Int("layers", 1, 2), Int("neurons", 8, 64, per="layers"))
    >>> [node.name for node in space.nodes]
    ['layers', 'neurons_1', 'neurons_2']
    >>> space.active({"layers": 1, "neurons_1": 8, "neurons_2": 32})
    {'layers': 1, 'neurons_1': 8}
    """

    def __init__(self, *parameters: Parameter) -> None:
        self.parameters = parameters
        names = [parameter.name for parameter in parameters]
        _refuse_repeats(names)
        by_name = {parameter.name: parameter for parameter in parameters}
        nodes = [node for parameter in parameters for node in _repeated(parameter, by_name)]
        _refuse_repeats([node.name for node in nodes])
        self.nodes = _parents_first(nodes)

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

        >>> space = Space(Int("layers", 1, 3), Int("width", 8, 64, per="layers", shapes=("funnel",)))
        >>> space.per_layer({"layers": 3, "width_shape": "funnel", "width_1": 64}, "width")
        [64, 32, 16]
        """
        parameter = next((p for p in self.parameters if p.name == name), None)
        if parameter is None or parameter.per is None:
            repeated = [p.name for p in self.parameters if p.per is not None]
            raise SpaceError(str(unknown_name("repeated parameter", name, repeated)))
        count = int(params[parameter.per])
        shape = params.get(f"{name}_shape", "free")
        if shape == "free":
            return [params[f"{name}_{index}"] for index in range(1, count + 1)]
        first = params[f"{name}_1"] if count else None
        if shape == "same":
            return [first] * count
        return [max(1, int(first or 1) // 2**index) for index in range(count)]

    @cached_property
    def size(self) -> int | None:
        """How many different configurations there are; None where a parameter is continuous."""
        return self._count([node.parameter.count for node in self.nodes])

    def _count(self, counts: list[int | None]) -> int | None:
        """Count configurations without listing them: only the values of parents are remembered."""
        parents = {c.parent for node in self.nodes for c in node.conditions}
        memory: dict[tuple[int, tuple[tuple[str, Scalar], ...]], int | None] = {}

        def from_node(index: int, chosen: dict[str, Scalar]) -> int | None:
            if index == len(self.nodes):
                return 1
            key = (index, tuple(chosen.items()))
            if key not in memory:
                memory[key] = count_node(index, chosen)
            return memory[key]

        def count_node(index: int, chosen: dict[str, Scalar]) -> int | None:
            node, count = self.nodes[index], counts[index]
            if not node.active(chosen):
                return from_node(index + 1, chosen)
            if node.name not in parents:
                rest = from_node(index + 1, chosen)
                return None if rest is None or count is None else rest * count
            total = 0
            for value in node.parameter.grid_levels() or ():
                rest = from_node(index + 1, chosen | {node.name: value})
                if rest is None:
                    return None
                total += rest
            return total

        return from_node(0, {})

    def without(self, name: str) -> "Space":
        """The space less one parameter that no other depends on."""
        return Space(*(p for p in self.parameters if p.name != name))

    def replace(self, *parameters: Parameter) -> "Space":
        """The space with the parameters of these names exchanged for these."""
        new = {parameter.name: parameter for parameter in parameters}
        return Space(*(new.get(p.name, p) for p in self.parameters))

    def describe(self) -> list[dict[str, Any]]:
        """The definition as JSON data, one object per parameter, defaults left out."""
        return [
            {"kind": type(p).__name__} | {k: v for k, v in asdict(p).items() if v not in (None, ())}
            for p in self.parameters
        ]

    @property
    def digest(self) -> str:
        """A SHA-256 of the definition, in hexadecimal."""
        text = json.dumps(self.describe(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def key(params: Params) -> str:
    """A text that is equal for equal configurations, whatever the order of their names."""
    return json.dumps(params, sort_keys=True)


def _refuse_repeats(names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise SpaceError(
                f"{name}: names must differ, got it {names.count(name)} times; rename one of them"
            )


def _repeated(parameter: Parameter, by_name: Mapping[str, Parameter]) -> list[Node]:
    """The node of a parameter, or one node for each repetition and one for their shape."""
    own = conditions(parameter)
    for condition in own:
        if not condition.values:
            raise SpaceError(f"{parameter.name}: when={condition.parent!r} needs values, got none")
    plain = replace(parameter, when=None, per=None, shapes=())
    if parameter.per is None:
        return [Node(plain, own)]
    counter = by_name.get(parameter.per)
    if counter is None:
        raise _unknown_parent(parameter.name, parameter.per, by_name)
    most = _largest_count(parameter.name, counter)
    nodes = []
    free = own
    name = parameter.name
    if parameter.shapes:
        several = Condition(counter.name, at_least=2)
        nodes.append(Node(Choice(f"{name}_shape", parameter.shapes), (*own, several)))
        free = (*own, Condition(f"{name}_shape", ("free",)))
    for index in range(1, most + 1):
        base = own if index == 1 else free
        if index > 1 and parameter.shapes and "free" not in parameter.shapes:
            break
        counted = Condition(counter.name, at_least=index)
        nodes.append(Node(replace(plain, name=f"{name}_{index}"), (*base, counted)))
    return nodes


def _largest_count(name: str, counter: Parameter) -> int:
    values = [counter.high] if isinstance(counter, Int) else list(getattr(counter, "options", ()))
    if not values or not all(
        isinstance(v, int) and not isinstance(v, bool) and v >= 0 for v in values
    ):
        raise SpaceError(f"{name}: per= must name an Int >= 0, got {counter!r}; count with an Int")
    return max(int(value) for value in values)


def _parents_first(nodes: list[Node]) -> tuple[Node, ...]:
    """The nodes in an order in which parents precede children, otherwise as they were given."""
    by_name = {node.name: node for node in nodes}
    done: dict[str, Node] = {}
    under_way: list[str] = []

    def place(node: Node) -> None:
        if node.name in done:
            return
        if node.name in under_way:
            cycle = " -> ".join([*under_way[under_way.index(node.name) :], node.name])
            raise SpaceError(
                f"{node.name}: conditions must not form a cycle, got {cycle}; drop one"
            )
        under_way.append(node.name)
        for condition in node.conditions:
            parent = by_name.get(condition.parent)
            if parent is None:
                raise _unknown_parent(node.name, condition.parent, by_name)
            if isinstance(parent.parameter, Float):
                raise SpaceError(
                    f"{node.name}: a condition needs an Int or a Choice, got the Float "
                    f"{condition.parent}; make it a Choice"
                )
            place(parent)
        under_way.pop()
        done[node.name] = node

    for node in nodes:
        place(node)
    return tuple(done.values())


def _unknown_parent(name: str, parent: str, known: Mapping[str, object]) -> SpaceError:
    return SpaceError(f"{name}: {unknown_name('parent parameter', parent, set(known) - {name})}")
