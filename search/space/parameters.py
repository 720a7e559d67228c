"""The kinds of parameter a space is made of: Int, Float and Choice, and when each is active."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

from search.space._scalars import to_python
from search.space._validation import (
    check_levels,
    check_name,
    check_range,
    check_shapes,
    check_step,
    refuse,
)

Scalar: TypeAlias = int | float | str | bool
Params: TypeAlias = Mapping[str, Scalar]
When: TypeAlias = Mapping[str, Scalar | tuple[Scalar, ...]]

SHAPES = ("free", "same", "funnel")
_EDGE = 1e-9  # relative slack when a step must land on the upper bound


@dataclass(frozen=True, slots=True)
class Int:
    """A whole number from `low` to `high`, both included.

    `log=True` draws evenly on a logarithmic scale. `step` keeps to low, low + step, ... `levels`
    are the values a grid visits: a tuple of them, or how many to spread over the range (by
    default every value). `when` names the values of other parameters under which this one is
    active. `per` names an Int: the parameter is repeated once for each of its counts, as name_1,
    name_2, ...; `shapes` then lets the search choose how the repetitions hang together: "free"
    (each its own), "same" (the first one everywhere), "funnel" (each half the one before).

    Raises: SpaceError where a rule is broken, with the rule, the value and the remedy.

    >>> Int("neurons", 16, 256, log=True).at(0.5)
    63
    """

    name: str
    low: int
    high: int
    step: int = 1
    log: bool = False
    levels: int | tuple[int, ...] | None = None
    when: When | None = None
    per: str | None = None
    shapes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _make_python(self)
        check_name(self.name)
        for word, value in (("low", self.low), ("high", self.high), ("step", self.step)):
            if not isinstance(value, int) or isinstance(value, bool):
                remedy = "use Float" if isinstance(value, float) else "give an int"
                refuse(self.name, f"{word} must be a whole number", f"{word}={value!r}", remedy)
        check_range(self.name, self.low, self.high, self.log)
        check_step(self.name, self.step, self.step != 1, self.log)
        if self.levels is not None and not isinstance(self.levels, int):
            object.__setattr__(self, "levels", tuple(self.levels))
        check_levels(self.name, self.levels, self.holds)
        check_shapes(self.name, self.per, self.shapes, SHAPES)

    def at(self, unit: float) -> int:
        """The value at `unit` of the way, 0 <= unit < 1: equal parts of the scale weigh equally."""
        if self.log:
            bottom, top = math.log(self.low - 0.5), math.log(self.high + 0.5)
            return min(max(round(math.exp(bottom + unit * (top - bottom))), self.low), self.high)
        return self.low + self.step * min(int(unit * self.count), self.count - 1)

    @property
    def count(self) -> int:
        """How many values there are."""
        return (self.high - self.low) // self.step + 1

    def values(self) -> Sequence[int]:
        """All values, ascending, without listing them."""
        return range(self.low, self.high + 1, self.step)

    def grid_levels(self) -> Sequence[int]:
        """The values a grid visits: the declared levels, else every value."""
        if isinstance(self.levels, int):
            return tuple(dict.fromkeys(self._spread(self.levels)))
        return self.levels or self.values()

    def _spread(self, count: int) -> list[int]:
        if not self.log:
            return [self.at(k / max(count - 1, 1)) for k in range(count)]
        ratio = self.high / self.low
        return [round(self.low * ratio ** (k / max(count - 1, 1))) for k in range(count)]

    def holds(self, value: object) -> bool:
        """Whether `value` is one this parameter can take."""
        return (
            isinstance(value, int)
            and not isinstance(value, bool)
            and self.low <= value <= self.high
            and (value - self.low) % self.step == 0
        )


@dataclass(frozen=True, slots=True)
class Float:
    """A number from `low` to `high`, both included.

    `log=True` draws evenly on a logarithmic scale, `step` keeps to low, low + step, ... (one or
    the other). `levels` are the values a grid visits: a tuple of them, or how many to spread over
    the range; a grid refuses a Float without levels or step. `when`, `per` and `shapes` as for Int.

    Raises: SpaceError where a rule is broken, with the rule, the value and the remedy.

    >>> round(Float("learning_rate", 1e-4, 1e-2, log=True).at(0.5), 6)
    0.001
    """

    name: str
    low: float
    high: float
    step: float | None = None
    log: bool = False
    levels: int | tuple[float, ...] | None = None
    when: When | None = None
    per: str | None = None
    shapes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _make_python(self)
        check_name(self.name)
        for word, value in (("low", self.low), ("high", self.high)):
            if isinstance(value, bool) or not isinstance(value, int | float):
                refuse(self.name, f"{word} must be a number", f"{word}={value!r}", "give a number")
            if not math.isfinite(value):
                refuse(
                    self.name, f"{word} must be finite", f"{word}={value!r}", "give a finite bound"
                )
        check_range(self.name, self.low, self.high, self.log)
        check_step(self.name, self.step, self.step is not None, self.log)
        # Whole numbers become floats: 0 and 0.0 would otherwise be two configurations.
        object.__setattr__(self, "low", float(self.low))
        object.__setattr__(self, "high", float(self.high))
        if self.levels is not None and not isinstance(self.levels, int):
            object.__setattr__(self, "levels", tuple(self.levels))
        check_levels(self.name, self.levels, self.holds)
        if isinstance(self.levels, tuple):
            object.__setattr__(self, "levels", tuple(map(self.nearest, self.levels)))
        check_shapes(self.name, self.per, self.shapes, ("free", "same"))

    def at(self, unit: float) -> float:
        """The value at `unit` of the way, 0 <= unit < 1: equal parts of the scale weigh equally."""
        if self.step is not None:
            count = self.count or 1
            return self._stepped(min(int(unit * count), count - 1))
        if self.log:
            bottom, top = math.log(self.low), math.log(self.high)
            value = math.exp(bottom + unit * (top - bottom))
        else:
            value = self.low + unit * (self.high - self.low)
        return min(max(value, self.low), self.high)

    @property
    def count(self) -> int | None:
        """How many values there are; None for a continuous range."""
        if self.low == self.high:
            return 1
        if self.step is None:
            return None
        return int((self.high - self.low) / self.step * (1 + _EDGE)) + 1

    def grid_levels(self) -> tuple[float, ...] | None:
        """The values a grid visits: the declared levels, else every step; None where neither is."""
        if isinstance(self.levels, int):
            units = [k / max(self.levels - 1, 1) for k in range(self.levels)]
            return tuple(dict.fromkeys(self._rounded(self.at(unit)) for unit in units))
        if self.levels:
            return self.levels
        count = self.count
        return None if count is None else tuple(map(self._stepped, range(count)))

    def step_of(self, value: float) -> int:
        """Which step of a stepped range `value` is nearest to, counted from 0 at `low`."""
        return 0 if self.step is None else round((value - self.low) / self.step)

    def nearest(self, value: float) -> float:
        """The value as `at` gives it: a float, and on its step where there is one."""
        return float(value) if self.step is None else self._stepped(self.step_of(value))

    def holds(self, value: object) -> bool:
        """Whether `value` is one this parameter can take."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if not self.low <= value <= self.high:
            return False
        slack = 0.0 if self.step is None else self.step * 1e-6
        return math.isclose(value, self.nearest(value), rel_tol=1e-11, abs_tol=slack)

    def _stepped(self, index: int) -> float:
        return self._rounded(self.low + index * (self.step or 0.0))

    def _rounded(self, value: float) -> float:
        """Without the noise of floating point in the last digits, but never outside the range."""
        return min(max(float(f"{value:.12g}"), self.low), self.high)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of `options`: strings, numbers or booleans, in no order, none equal to another.

    `when`, `per` and `shapes` as for Int ("funnel" only where all options are whole numbers).

    Raises: SpaceError where a rule is broken, with the rule, the value and the remedy.

    >>> Choice("activation", ("relu", "tanh")).at(0.75)
    'tanh'
    """

    name: str
    options: Sequence[Scalar]
    when: When | None = None
    per: str | None = None
    shapes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _make_python(self)
        check_name(self.name)
        if isinstance(self.options, str):
            refuse(
                self.name, "options must be a sequence", f"options={self.options!r}", "use a tuple"
            )
        object.__setattr__(self, "options", tuple(map(to_python, self.options)))
        if not self.options:
            refuse(self.name, "a Choice needs options", "none", "give at least one option")
        for option in self.options:
            if not isinstance(option, int | float | str):
                refuse(
                    self.name,
                    "options must be str, int, float or bool",
                    repr(option),
                    "give each option a name, and look the value up by it in build",
                )
            if isinstance(option, float) and not math.isfinite(option):
                refuse(self.name, "options must be finite", repr(option), "drop it")
        if len(set(self.options)) < len(self.options):  # 1, 1.0 and True are equal
            refuse(self.name, "options must differ", f"{self.options!r}", "remove the repeats")
        whole = all(isinstance(o, int) and not isinstance(o, bool) for o in self.options)
        check_shapes(self.name, self.per, self.shapes, SHAPES if whole else ("free", "same"))

    def at(self, unit: float) -> Scalar:
        """The option at `unit` of the way through them, 0 <= unit < 1."""
        return self.options[min(int(unit * self.count), self.count - 1)]

    @property
    def count(self) -> int:
        """How many options there are."""
        return len(self.options)

    def values(self) -> Sequence[Scalar]:
        """All options."""
        return self.options

    def grid_levels(self) -> Sequence[Scalar]:
        """The values a grid visits: every option."""
        return self.options

    def holds(self, value: object) -> bool:
        """Whether `value` is one of the options (True is not 1)."""
        return any(value == option and type(value) is type(option) for option in self.options)


Parameter: TypeAlias = Int | Float | Choice


def _make_python(parameter: Any) -> None:
    """Replace NumPy's values in the fields of a parameter by Python's."""
    for field in fields(parameter):
        object.__setattr__(parameter, field.name, to_python(getattr(parameter, field.name)))


@dataclass(frozen=True, slots=True)
class Condition:
    """When a parameter is active: its parent is one of `values`, or is at least `at_least`."""

    parent: str
    values: tuple[Scalar, ...] = ()
    at_least: int | None = None

    def met(self, value: Scalar) -> bool:
        """Whether the parent's value makes the parameter active."""
        if self.at_least is not None:
            return isinstance(value, int) and value >= self.at_least
        return any(value == known and type(value) is type(known) for known in self.values)


def conditions(parameter: Parameter) -> tuple[Condition, ...]:
    """The conditions that a parameter's `when` stands for."""
    return tuple(
        Condition(parent, tuple(values) if isinstance(values, tuple | list) else (values,))
        for parent, values in (parameter.when or {}).items()
    )
