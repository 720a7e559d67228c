"""Validation of conditions: each value in `when` must be a value of the parent parameter."""

import difflib
from collections.abc import Sequence
from typing import NoReturn

from search.errors import SpaceError
from search.space._expansion import Node
from search.space.parameters import Choice, Float, Int, Parameter, Scalar


def check_conditions(nodes: Sequence[Node]) -> None:
    """Check that every condition names values of its parent parameter.

    Raises:
        SpaceError: A value is not in the parent's range. The message names the parameter, the
            value and the nearest valid value.
    """
    parents = {node.name: node.parameter for node in nodes}
    for node in nodes:
        for condition in node.conditions:
            for value in condition.values:
                if not parents[condition.parent].holds(value):
                    _refuse(node.name, parents[condition.parent], value)


def _refuse(name: str, parent: Parameter, value: Scalar) -> NoReturn:
    raise SpaceError(
        f"{name}: when={{{parent.name!r}: {value!r}}} can never hold, because {parent.name} is "
        f"{_describe(parent)}. Write {nearest(parent, value)!r}, or another of its values."
    )


def _describe(parent: Parameter) -> str:
    if isinstance(parent, Choice):
        return f"one of {', '.join(map(repr, parent.options))}"
    steps = "" if parent.step in (None, 1) else f" in steps of {parent.step:g}"
    kind = "a whole number" if isinstance(parent, Int) else "a number"
    return f"{kind} from {parent.low} to {parent.high}{steps}"


def nearest(parent: Parameter, value: Scalar) -> Scalar:
    """Return the valid value of a parameter that is nearest to an invalid one.

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
    numeric = {option: one for option, one in numbers.items() if one is not None}
    if number is not None and numeric:
        return min(numeric, key=lambda option: abs(numeric[option] - number))
    by_text = {str(option).lower(): option for option in parent.options}
    close = difflib.get_close_matches(str(value).lower(), by_text, n=1, cutoff=0.0)
    return by_text[close[0]] if close else parent.options[0]


def _number(value: Scalar) -> float | None:
    """Convert a value or its text to a number; return None if it is not a number."""
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None
