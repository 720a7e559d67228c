"""Expand the parameters of a space to nodes: one node per searched name, parents first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from search.errors import SpaceError, unknown_name
from search.space.parameters import Choice, Condition, Float, Int, Parameter, Params, conditions


@dataclass(frozen=True, slots=True)
class Node:
    """A searched parameter under its final name, with its conditions."""

    parameter: Parameter
    conditions: tuple[Condition, ...]

    @property
    def name(self) -> str:
        """The parameter's final name."""
        return self.parameter.name

    def active(self, values: Params) -> bool:
        """Return whether the parents' values make this parameter active.

        A missing parent makes it inactive.
        """
        return all(c.parent in values and c.met(values[c.parent]) for c in self.conditions)


def refuse_repeats(names: list[str]) -> None:
    """Raise a SpaceError for a repeated name."""
    for name in names:
        if names.count(name) > 1:
            raise SpaceError(
                f"{name}: {names.count(name)} parameters have this name. Rename all but one."
            )


def repeated(parameter: Parameter, by_name: Mapping[str, Parameter]) -> list[Node]:
    """Return the node of a parameter, or one node per repetition and one for their shape."""
    declared = conditions(parameter)
    for condition in declared:
        if not condition.values:
            raise SpaceError(
                f"{parameter.name}: when= has no values for {condition.parent!r}. List at least "
                "one value."
            )
        for value in condition.values:
            if not isinstance(value, int | float | str):
                raise SpaceError(
                    f"{parameter.name}: when= has {value!r} for {condition.parent!r}, which is "
                    "not a value. Write one value or a tuple of values."
                )
    plain = replace(parameter, when=None, per=None, shapes=())
    if parameter.per is None:
        return [Node(plain, declared)]
    counter = by_name.get(parameter.per)
    if counter is None:
        raise _unknown_parent(parameter.name, parameter.per, by_name)
    if counter.per is not None:
        raise SpaceError(
            f"{parameter.name}: per= names {counter.name!r}, which is itself repeated. Count the "
            "repetitions with a separate Int."
        )
    most = _largest_count(parameter.name, counter)
    nodes = []
    free = declared
    name = parameter.name
    if parameter.shapes:
        several = Condition(counter.name, at_least=2)
        nodes.append(Node(Choice(f"{name}_shape", parameter.shapes), (*declared, several)))
        free = (*declared, Condition(f"{name}_shape", ("free",)))
    for index in range(1, most + 1):
        base = declared if index == 1 else free
        if index > 1 and parameter.shapes and "free" not in parameter.shapes:
            break
        counted = Condition(counter.name, at_least=index)
        nodes.append(Node(replace(plain, name=f"{name}_{index}"), (*base, counted)))
    return nodes


def _largest_count(name: str, counter: Parameter) -> int:
    values: Sequence[object] = ()
    if isinstance(counter, Int):
        values = (counter.low, counter.high)
    elif isinstance(counter, Choice):
        values = counter.options
    counts = [v for v in values if isinstance(v, int) and not isinstance(v, bool) and v >= 0]
    if not values or len(counts) < len(values):
        raise SpaceError(
            f"{name}: per= must name a parameter whose values are integers >= 0, not {counter!r}. "
            "Count the repetitions with an Int."
        )
    return max(counts)


def parents_first(nodes: list[Node]) -> tuple[Node, ...]:
    """Sort nodes so that parents precede children; keep the given order otherwise."""
    by_name = {node.name: node for node in nodes}
    done: dict[str, Node] = {}
    under_way: list[str] = []

    def visit(node: Node) -> None:
        if node.name in done:
            return
        if node.name in under_way:
            cycle = " -> ".join([*under_way[under_way.index(node.name) :], node.name])
            raise SpaceError(
                f"{node.name}: the conditions form a cycle ({cycle}). Remove one of them."
            )
        under_way.append(node.name)
        for condition in node.conditions:
            parent = by_name.get(condition.parent)
            if parent is None:
                raise _unknown_parent(node.name, condition.parent, by_name)
            if isinstance(parent.parameter, Float):
                raise SpaceError(
                    f"{node.name}: a condition cannot depend on the Float {condition.parent}. "
                    "Make the parent a Choice or an Int."
                )
            visit(parent)
        under_way.pop()
        done[node.name] = node

    for node in nodes:
        visit(node)
    return tuple(done.values())


def _unknown_parent(name: str, parent: str, known: Mapping[str, object]) -> SpaceError:
    return SpaceError(f"{name}: {unknown_name('parent parameter', parent, set(known) - {name})}")
