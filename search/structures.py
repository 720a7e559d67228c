"""Counting the configurations of a space, and the ways its conditions can turn out."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from search.nodes import Node
from search.parameters import Choice, Condition, Float, Int, Parameter, Scalar

Structure: TypeAlias = dict[str, Sequence[Scalar] | None]
ValuesOf: TypeAlias = Callable[[Int | Choice], Sequence[Scalar]]


def all_values(parameter: Int | Choice) -> Sequence[Scalar]:
    """Every value of a parameter, not only the levels of a grid."""
    return parameter.values()


def count(
    nodes: Sequence[Node],
    how_many: Callable[[Parameter], int | None],
    values: ValuesOf = all_values,
) -> int | None:
    """How many configurations there are, counted without listing them.

    `how_many` values each parameter has (None: without end), and which `values` those have
    that others depend on. None where a parameter without end can be active.
    """
    ways: dict[tuple[tuple[str, Scalar], ...], int] = {(): 1}
    needed = _needed_until(nodes)
    groups = _groups(nodes, values)
    for index, node in enumerate(nodes):
        after: dict[tuple[tuple[str, Scalar], ...], int] = defaultdict(int)
        for state, before in ways.items():
            chosen = dict(state)
            options = [(chosen, 1)]
            if node.active(chosen):
                if node.name in groups:
                    options = [
                        (chosen | {node.name: group[0]}, len(group)) for group in groups[node.name]
                    ]
                else:
                    number = how_many(node.parameter)
                    if number is None:
                        return None
                    options = [(chosen, number)]
            for option, number in options:
                # Parents that no later node asks for are forgotten: this keeps the states few.
                kept = tuple((k, v) for k, v in option.items() if needed[k] > index)
                after[kept] += before * number
        ways = after
    return sum(ways.values())


def structures(nodes: Sequence[Node], values: ValuesOf) -> Iterator[Structure]:
    """The ways the conditions can turn out, each as its active names in order.

    A name that others depend on comes with those of its `values` that lead to this structure,
    every other name with None: it may take any value. Structures share no configuration, and
    together they hold all.
    """
    groups = _groups(nodes, values)
    todo: list[tuple[int, dict[str, Scalar], Structure]] = [(0, {}, {})]
    while todo:
        start, chosen, picked = todo.pop()
        for index in range(start, len(nodes)):
            node = nodes[index]
            if not node.active(chosen):
                continue
            if node.name not in groups:
                picked[node.name] = None
                continue
            first, *others = groups[node.name]
            for group in reversed(others):
                branch = chosen | {node.name: group[0]}
                todo.append((index + 1, branch, picked | {node.name: group}))
            chosen = chosen | {node.name: first[0]}
            picked[node.name] = first
        yield picked


def _needed_until(nodes: Sequence[Node]) -> dict[str, int]:
    """For each parent, the index of the last node that depends on it."""
    return {c.parent: i for i, node in enumerate(nodes) for c in node.conditions}


def _groups(nodes: Sequence[Node], values: ValuesOf) -> dict[str, list[list[Scalar]]]:
    """Each parent's values, together where no condition tells them apart."""
    asked: dict[str, list[Condition]] = defaultdict(list)
    for node in nodes:
        for condition in node.conditions:
            asked[condition.parent].append(condition)
    grouped = {}
    for node in nodes:
        # No condition may depend on a Float: the constructor refuses it.
        if node.name in asked and not isinstance(node.parameter, Float):
            groups: dict[tuple[bool, ...], list[Scalar]] = defaultdict(list)
            for value in values(node.parameter):
                groups[tuple(c.met(value) for c in asked[node.name])].append(value)
            grouped[node.name] = list(groups.values())
    return grouped
