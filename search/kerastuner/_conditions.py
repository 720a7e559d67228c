"""What runs that differ in one parameter say of the others: under which values each was asked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from search.space.parameters import Float, Int, Parameter, Params, Scalar

# More values than this in a condition are no condition a person would read.
_MOST_VALUES = 1000


class Shown(Protocol):
    """One run: the values of all parameters that it asked for, and whether it came to its end."""

    @property
    def values(self) -> Params:
        """By name, in the order of asking."""
        ...

    @property
    def whole(self) -> bool:
        """Whether a name that is missing was not asked for."""
        ...


@dataclass(frozen=True, slots=True)
class Varied:
    """Runs that differ in the value of one parameter only; `tried` by that value."""

    parameter: Parameter
    context: Shown
    tried: Mapping[Scalar, Shown]

    @property
    def name(self) -> str:
        """The parameter's name."""
        return self.parameter.name

    @property
    def decides(self) -> bool:
        """Whether the values ask for different names."""
        asked = [set(shown.values) for shown in self.tried.values() if shown.whole]
        return any(names != asked[0] for names in asked[1:])


def allowed(varied: Varied, child: str) -> tuple[Scalar, ...] | None:
    """The values under which `child` is asked for; None where they make no difference to it.

    None too where they cannot make one: a Float's values, or a child that is asked for first.
    """
    parameter = varied.parameter
    if isinstance(parameter, Float) or child == varied.name:
        return None
    whole = {value: shown for value, shown in varied.tried.items() if shown.whole}
    having = {value for value, shown in whole.items() if child in shown.values}
    if not having or len(having) == len(whole):
        return None
    order = list(whole[next(iter(having))].values)
    if order.index(child) < order.index(varied.name):
        return None
    if not isinstance(parameter, Int):
        return tuple(option for option in parameter.options if option in having)
    values = [value for value in parameter.values() if _holds(value, whole, having)]
    return tuple(values) if len(values) <= _MOST_VALUES else None


def _holds(value: int, whole: Iterable[Scalar], having: set[Scalar]) -> bool:
    """Whether the tried values around this one, or itself, ask for the child."""
    tried = sorted(int(one) for one in whole)
    below = [one for one in tried if one <= value] or tried[:1]
    above = [one for one in tried if one >= value] or tried[-1:]
    return below[-1] in having or above[0] in having


def in_short(names: Iterable[str], most: int = 3) -> str:
    """The names, or the first of them and how many more.

    >>> in_short(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    listed = list(names)
    rest = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + rest
