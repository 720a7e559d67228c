"""Conditions that can hold: a value in `when` must be one that the parent can take."""

import difflib
from collections.abc import Sequence
from typing import NoReturn

from search.errors import SpaceError
from search.space._expansion import Node
from search.space.parameters import Choice, Float, Int, Parameter, Scalar


def check_conditions(nodes: Sequence[Node]) -> None:
    """Refuse a condition on a value that its parent can never have.

    Raises: SpaceError naming the parameter, the value and the nearest one that the parent takes.
    """
    parents = {node.name: node.parameter for node in nodes}
    for node in nodes:
        for condition in node.conditions:
            for value in condition.values:
                if not parents[condition.parent].holds(value):
                    _refuse(node.name, parents[condition.parent], value)


def _refuse(name: str, parent: Parameter, value: Scalar) -> NoReturn:
    raise SpaceError(
        f"{name}: when={{{parent.name!r}: {value!r}}} can never hold, as {parent.name} is "
        f"{_described(parent)}. Write {nearest(parent, value)!r}, or another of its values"
    )


def _described(parent: Parameter) -> str:
    if isinstance(parent, Choice):
        return f"one of {', '.join(map(repr, parent.options))}"
    steps = "" if parent.step in (None, 1) else f" in steps of {parent.step:g}"
    kind = "a whole number" if isinstance(parent, Int) else "a number"
    return f"{kind} from {parent.low} to {parent.high}{steps}"


def nearest(parent: Parameter, value: Scalar) -> Scalar:
    """Return the value of a parameter that is meant most likely by one that it cannot take.

    >>> nearest(Choice("optimizer", ("sgd", "adam")), "sdg")
    'sgd'
    >>> nearest(Int("layers", 1, 3), "2")
    2
    """
    number = _number(value)
    if isinstance(parent, Float):
        return parent.low if number is None else min(max(number, parent.low), parent.high)
    if isinstance(parent, Int):
        if number is None or number != number:
            return parent.low
        steps = round((min(max(number, parent.low), parent.high) - parent.low) / parent.step)
        return parent.low + parent.step * min(steps, parent.count - 1)
    numbers = {option: _number(option) for option in parent.options}
    known = {option: one for option, one in numbers.items() if one is not None}
    if number is not None and known:
        return min(known, key=lambda option: abs(known[option] - number))
    by_text = {str(option).lower(): option for option in parent.options}
    close = difflib.get_close_matches(str(value).lower(), by_text, n=1, cutoff=0.0)
    return by_text[close[0]] if close else parent.options[0]


def _number(value: Scalar) -> float | None:
    """A value as a number, also one that was written as text; None where it is none."""
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None
