"""Count the configurations of a space, and enumerate the combinations of its conditions.

The count is a dynamic program over the nodes. Its state is the set of later nodes that the nodes
so far have made inactive, as the bits of an int. The order of the nodes keeps the number of states
small: a space with n pairs of a switch and its child is counted in n steps, not in 2 ** n.
"""

import functools
import operator
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from search.space._expansion import Node
from search.space.parameters import Choice, Float, Int, Parameter, Scalar

Structure: TypeAlias = dict[str, Sequence[Scalar] | None]
ValuesOf: TypeAlias = Callable[[Int | Choice], Sequence[Scalar]]
CountOf: TypeAlias = Callable[[Parameter], int | None]

# Limit on the states (sets of inactive nodes) while counting; above it the size is unknown.
MOST_STATES = 100_000
# Limit on the cached counts while configurations are found by their number.
_MOST_KEPT = 10_000


def all_values(parameter: Int | Choice) -> Sequence[Scalar]:
    """Return every value of a parameter, not only the levels of a grid."""
    return parameter.values()


def count(
    nodes: Sequence[Node],
    how_many: CountOf,
    values: ValuesOf = all_values,
) -> int | None:
    """Count the configurations without listing them.

    Args:
        nodes: The parameters of the space, parents first.
        how_many: Returns the number of values of a parameter; None for a continuous one.
        values: Returns the values of a parameter that other parameters depend on.

    Returns:
        The number of configurations. None if a continuous parameter can be active, or if counting
        would need more than MOST_STATES states.
    """
    if any(not node.conditions and how_many(node.parameter) is None for node in nodes):
        return None
    return Structures(nodes, how_many, values).size


class Structures:
    """Structures of a space (combinations of active parameters), found by number without a list.

    A structure maps the active names, in the order of the nodes, to values. A name that other
    parameters depend on maps to those of its `values` that lead to this structure; every other
    name maps to None and may have any value. Each configuration belongs to exactly one structure.
    Structures are ordered by the values of the parents; the first parent changes last.
    """

    def __init__(
        self, nodes: Sequence[Node], how_many: CountOf, values: ValuesOf = all_values
    ) -> None:
        self._nodes = nodes
        self._how_many = how_many
        self._order = counting_order(nodes)
        self._bit = {node.name: 1 << index for index, node in enumerate(self._order)}
        self._children = _children(nodes)
        self._groups = {
            name: [(group, self._made_inactive(name, group[0])) for group in groups]
            for name, groups in _groups(nodes, self._children, values).items()
        }
        self._kept: dict[tuple[int, int], int | None] = {}

    def _made_inactive(self, parent: str, value: Scalar | None) -> int:
        """Return the children that this value of a parent makes inactive; None: inactive parent."""
        return _union(
            self._bit[node.name]
            for node in self._children[parent]
            if value is None or not all(c.met(value) for c in node.conditions if c.parent == parent)
        )

    @property
    def size(self) -> int | None:
        """Number of configurations; None as for `count`."""
        return self._count(0, 0)

    def find(self, number: int) -> tuple[Structure, int]:
        """Return the structure of a configuration, and the configuration's number within it.

        `size` must be known and larger than `number`.
        """
        found: Structure = {}
        inactive, before = 0, 1
        for index, node in enumerate(self._nodes):
            if inactive & self._bit[node.name]:
                inactive |= self._made_inactive(node.name, None)
            elif node.name not in self._groups:
                found[node.name] = None
                before *= self._how_many(node.parameter) or 0
            else:
                for group, more in self._groups[node.name]:
                    here = before * len(group) * (self._count(index + 1, inactive | more) or 0)
                    if number < here:
                        break
                    number -= here
                found[node.name] = group
                inactive |= more
                before *= len(group)
        return found, number

    def _count(self, start: int, inactive: int) -> int | None:
        """Count the configurations of the nodes from `start` on, given the inactive nodes."""
        asked = start, inactive & _union(self._bit[node.name] for node in self._nodes[start:])
        if asked in self._kept:
            return self._kept[asked]
        later = {node.name for node in self._nodes[start:]}
        states: dict[int, int] | None = {asked[1]: 1}
        for node in self._order:
            if node.name in later and states is not None:
                states = self._after(node, states)
        total = None if states is None else sum(states.values())
        if len(self._kept) < _MOST_KEPT:
            self._kept[asked] = total
        return total

    def _after(self, node: Node, states: Mapping[int, int]) -> dict[int, int] | None:
        """Return the states after one more node, each with its number of configurations."""
        after: dict[int, int] = defaultdict(int)
        bit = self._bit[node.name]
        for inactive, ways in states.items():
            if inactive & bit:
                after[inactive & ~bit | self._made_inactive(node.name, None)] += ways
            elif node.name in self._groups:
                for group, more in self._groups[node.name]:
                    after[inactive | more] += ways * len(group)
            else:
                number = self._how_many(node.parameter)
                if number is None:
                    return None
                after[inactive] += ways * number
        return after if len(after) <= MOST_STATES else None


def _union(bits: Iterable[int]) -> int:
    return functools.reduce(operator.or_, bits, 0)


def counting_order(nodes: Sequence[Node]) -> list[Node]:
    """Return the nodes, parents first, with few parents that still have children to come."""
    children = _children(nodes)
    parents = {node.name: {c.parent for c in node.conditions} for node in nodes}
    waiting = {name: {child.name for child in some} for name, some in children.items()}
    left = {node.name: node for node in nodes}
    ordered: list[Node] = []

    def cost(name: str) -> tuple[int, int]:
        ended = sum(waiting[parent] == {name} for parent in parents[name])
        return bool(waiting.get(name)) - ended, -len(waiting.get(name, ()))

    while left:
        ready = (name for name in left if left.keys().isdisjoint(parents[name]))
        name = min(ready, key=cost)
        ordered.append(left.pop(name))
        for parent in parents[name]:
            waiting[parent].discard(name)
    return ordered


def _children(nodes: Sequence[Node]) -> dict[str, list[Node]]:
    """Map each parent's name to the nodes that depend on it."""
    children: dict[str, list[Node]] = defaultdict(list)
    for node in nodes:
        for parent in dict.fromkeys(condition.parent for condition in node.conditions):
            children[parent].append(node)
    return children


def _groups(
    nodes: Sequence[Node], children: Mapping[str, Sequence[Node]], values: ValuesOf
) -> dict[str, list[list[Scalar]]]:
    """Group each parent's values: all conditions treat the values of a group alike."""
    grouped = {}
    for node in nodes:
        # No condition may depend on a Float: the constructor refuses it.
        if node.name in children and not isinstance(node.parameter, Float):
            asked = [
                condition
                for child in children[node.name]
                for condition in child.conditions
                if condition.parent == node.name
            ]
            groups: dict[tuple[bool, ...], list[Scalar]] = defaultdict(list)
            for value in values(node.parameter):
                groups[tuple(c.met(value) for c in asked)].append(value)
            grouped[node.name] = list(groups.values())
    return grouped
