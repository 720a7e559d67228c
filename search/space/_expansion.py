"""What a space's parameters come to: one node per name that is searched, parents first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from search.errors import SpaceError, unknown_name
from search.space.parameters import Choice, Condition, Float, Int, Parameter, Params, conditions


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
        """Whether the values of the parents make this parameter active; an absent one does not."""
        return all(c.parent in values and c.met(values[c.parent]) for c in self.conditions)


def refuse_repeats(names: list[str]) -> None:
    """Refuse a name that stands there more than once."""
    for name in names:
        if names.count(name) > 1:
            raise SpaceError(
                f"{name}: names must differ, got it {names.count(name)} times; rename one of them"
            )


def repeated(parameter: Parameter, by_name: Mapping[str, Parameter]) -> list[Node]:
    """The node of a parameter, or one node for each repetition and one for their shape."""
    own = conditions(parameter)
    for condition in own:
        if not condition.values:
            raise SpaceError(
                f"{parameter.name}: when={condition.parent!r} needs values, got none; give at "
                f"least one"
            )
        for value in condition.values:
            if not isinstance(value, int | float | str):
                raise SpaceError(
                    f"{parameter.name}: when={condition.parent!r} needs values or a tuple of "
                    f"them, got {value!r}; list the values"
                )
    plain = replace(parameter, when=None, per=None, shapes=())
    if parameter.per is None:
        return [Node(plain, own)]
    counter = by_name.get(parameter.per)
    if counter is None:
        raise _unknown_parent(parameter.name, parameter.per, by_name)
    if counter.per is not None:
        raise SpaceError(
            f"{parameter.name}: per= must name a parameter that is not itself repeated, got "
            f"{counter.name!r}; count with an Int of its own"
        )
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
    values: Sequence[object] = ()
    if isinstance(counter, Int):
        values = (counter.low, counter.high)
    elif isinstance(counter, Choice):
        values = counter.options
    counts = [v for v in values if isinstance(v, int) and not isinstance(v, bool) and v >= 0]
    if not values or len(counts) < len(values):
        raise SpaceError(f"{name}: per= must name an Int >= 0, got {counter!r}; count with an Int")
    return max(counts)


def parents_first(nodes: list[Node]) -> tuple[Node, ...]:
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
