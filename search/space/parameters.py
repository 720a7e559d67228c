"""Parameter types of a space (Int, Float, Choice), and the conditions under which one is active."""

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
_EDGE = 1e-9  # relative tolerance for a last step on the upper bound


@dataclass(frozen=True, slots=True)
class Int:
    """Integer parameter.

    Attributes:
        name: A Python identifier.
        low: Smallest value, included.
        high: Largest value, included.
        step: Distance between values: low, low + step, ...
        log: Sample uniformly on a logarithmic scale. Requires low > 0 and step 1.
        levels: Values a grid visits: a tuple of values, or a number of values spread over the
            range. Default: every value.
        when: Parents and the values of each for which this parameter is active, such as
            `{"optimizer": ("sgd", "rmsprop")}`.
        per: Name of an Int that counts repetitions: the parameter is repeated as name_1, name_2,
            ... With `shapes`, or as a list, `Space.per_layer` returns the values.
        shapes: Relations between the repetitions that the search chooses from: "free" (independent
            values), "same" (all equal the first), "funnel" (each is half the previous one).

    Raises:
        SpaceError: A field is invalid. The message has the rule, the value and the remedy.

    Example:
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
                remedy = "Use Float" if isinstance(value, float) else "Use an int"
                refuse(self.name, f"{word} must be an integer", f"{word}={value!r}", remedy)
        check_range(self.name, self.low, self.high, self.log)
        check_step(self.name, self.step, self.step != 1, self.log)
        if self.levels is not None and not isinstance(self.levels, int):
            object.__setattr__(self, "levels", tuple(self.levels))
        check_levels(self.name, self.levels, self.holds)
        check_shapes(self.name, self.per, self.shapes, SHAPES)

    def at(self, unit: float) -> int:
        """Return the value at position `unit` of the scale, 0 <= unit < 1.

        A uniform `unit` gives a uniform sample on the (linear or logarithmic) scale.
        """
        if self.log:
            bottom, top = math.log(self.low - 0.5), math.log(self.high + 0.5)
            return min(max(round(math.exp(bottom + unit * (top - bottom))), self.low), self.high)
        return self.low + self.step * min(int(unit * self.count), self.count - 1)

    @property
    def count(self) -> int:
        """Number of values."""
        return (self.high - self.low) // self.step + 1

    def values(self) -> Sequence[int]:
        """Return all values in ascending order, as a range."""
        return range(self.low, self.high + 1, self.step)

    def grid_levels(self) -> Sequence[int]:
        """Return the values a grid visits: the declared levels; without levels, every value."""
        if isinstance(self.levels, int):
            return tuple(dict.fromkeys(self._spread(self.levels)))
        return self.levels or self.values()

    def _spread(self, count: int) -> list[int]:
        if not self.log:
            return [self.at(k / max(count - 1, 1)) for k in range(count)]
        ratio = self.high / self.low
        return [round(self.low * ratio ** (k / max(count - 1, 1))) for k in range(count)]

    def holds(self, value: object) -> bool:
        """Return whether `value` is a value of this parameter."""
        return (
            isinstance(value, int)
            and not isinstance(value, bool)
            and self.low <= value <= self.high
            and (value - self.low) % self.step == 0
        )


@dataclass(frozen=True, slots=True)
class Float:
    """Floating-point parameter.

    Attributes:
        name: A Python identifier.
        low: Smallest value, included.
        high: Largest value, included.
        step: Distance between values: low, low + step, ... None for a continuous range.
        log: Sample uniformly on a logarithmic scale. Requires low > 0 and excludes `step`.
        levels: Values a grid visits: a tuple of values, or a number of values spread over the
            range. Grid search requires `levels` or `step`.
        when: As for `Int`.
        per: As for `Int`.
        shapes: As for `Int`, without "funnel".

    Raises:
        SpaceError: A field is invalid. The message has the rule, the value and the remedy.

    Example:
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
                refuse(self.name, f"{word} must be a number", f"{word}={value!r}", "Use a number")
            if not math.isfinite(value):
                refuse(
                    self.name, f"{word} must be finite", f"{word}={value!r}", "Use a finite bound"
                )
        check_range(self.name, self.low, self.high, self.log)
        check_step(self.name, self.step, self.step is not None, self.log)
        # Integers become floats: 0 and 0.0 would otherwise be two configurations.
        object.__setattr__(self, "low", float(self.low))
        object.__setattr__(self, "high", float(self.high))
        if self.levels is not None and not isinstance(self.levels, int):
            object.__setattr__(self, "levels", tuple(self.levels))
        check_levels(self.name, self.levels, self.holds)
        if isinstance(self.levels, tuple):
            object.__setattr__(self, "levels", tuple(map(self.nearest, self.levels)))
        check_shapes(self.name, self.per, self.shapes, ("free", "same"))

    def at(self, unit: float) -> float:
        """Return the value at position `unit` of the scale, 0 <= unit < 1.

        A uniform `unit` gives a uniform sample on the (linear or logarithmic) scale.
        """
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
        """Number of values; None for a continuous range."""
        if self.low == self.high:
            return 1
        if self.step is None:
            return None
        return int((self.high - self.low) / self.step * (1 + _EDGE)) + 1

    def grid_levels(self) -> tuple[float, ...] | None:
        """Return the values a grid visits: the declared levels; without levels, every step.

        None for a continuous range without levels.
        """
        if isinstance(self.levels, int):
            units = [k / max(self.levels - 1, 1) for k in range(self.levels)]
            return tuple(dict.fromkeys(self._rounded(self.at(unit)) for unit in units))
        if self.levels:
            return self.levels
        count = self.count
        return None if count is None else tuple(map(self._stepped, range(count)))

    def step_of(self, value: float) -> int:
        """Return the index of the step nearest to `value`, counted from 0 at `low`."""
        return 0 if self.step is None else round((value - self.low) / self.step)

    def nearest(self, value: float) -> float:
        """Return `value` as a float, rounded to the nearest step of a stepped range."""
        return float(value) if self.step is None else self._stepped(self.step_of(value))

    def holds(self, value: object) -> bool:
        """Return whether `value` is a value of this parameter."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if not self.low <= value <= self.high:
            return False
        slack = 0.0 if self.step is None else self.step * 1e-6
        return math.isclose(value, self.nearest(value), rel_tol=1e-11, abs_tol=slack)

    def _stepped(self, index: int) -> float:
        return self._rounded(self.low + index * (self.step or 0.0))

    def _rounded(self, value: float) -> float:
        """Round off floating-point noise in the last digits, and stay inside the range."""
        return min(max(float(f"{value:.12g}"), self.low), self.high)


@dataclass(frozen=True, slots=True)
class Choice:
    """Categorical parameter: one of several options without an order.

    Attributes:
        name: A Python identifier.
        options: Distinct strings, finite numbers or booleans; 1, 1.0 and True count as equal.
        when: As for `Int`.
        per: As for `Int`.
        shapes: As for `Int`; "funnel" requires that all options are integers.

    Raises:
        SpaceError: A field is invalid. The message has the rule, the value and the remedy.

    Example:
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
                self.name, "options must be a sequence", f"options={self.options!r}", "Use a tuple"
            )
        object.__setattr__(self, "options", tuple(map(to_python, self.options)))
        if not self.options:
            refuse(self.name, "options must not be empty", "options=()", "List at least one option")
        for option in self.options:
            if not isinstance(option, int | float | str):
                refuse(
                    self.name,
                    "options must be str, int, float or bool",
                    f"option {option!r}",
                    "Name each option by a text, and look up the object by this text in build",
                )
            if isinstance(option, float) and not math.isfinite(option):
                refuse(self.name, "options must be finite", f"option {option!r}", "Remove it")
        if len(set(self.options)) < len(self.options):  # 1, 1.0 and True are equal
            refuse(
                self.name,
                "options must be distinct",
                f"options={self.options!r}",
                "Remove the duplicates",
            )
        whole = all(isinstance(o, int) and not isinstance(o, bool) for o in self.options)
        check_shapes(self.name, self.per, self.shapes, SHAPES if whole else ("free", "same"))

    def at(self, unit: float) -> Scalar:
        """Return the option at position `unit` of the list, 0 <= unit < 1."""
        return self.options[min(int(unit * self.count), self.count - 1)]

    @property
    def count(self) -> int:
        """Number of options."""
        return len(self.options)

    def values(self) -> Sequence[Scalar]:
        """Return all options."""
        return self.options

    def grid_levels(self) -> Sequence[Scalar]:
        """Return the values a grid visits: every option."""
        return self.options

    def holds(self, value: object) -> bool:
        """Return whether `value` is one of the options (True is not 1)."""
        return any(value == option and type(value) is type(option) for option in self.options)


Parameter: TypeAlias = Int | Float | Choice


def _make_python(parameter: Any) -> None:
    """Convert the fields of a parameter to plain Python values."""
    for field in fields(parameter):
        object.__setattr__(parameter, field.name, to_python(getattr(parameter, field.name)))


@dataclass(frozen=True, slots=True)
class Condition:
    """Condition on a parent: its value is one of `values`, or is at least `at_least`."""

    parent: str
    values: tuple[Scalar, ...] = ()
    at_least: int | None = None

    def met(self, value: Scalar) -> bool:
        """Return whether a value of the parent fulfils the condition."""
        if self.at_least is not None:
            return isinstance(value, int) and value >= self.at_least
        return any(value == one and type(value) is type(one) for one in self.values)


def conditions(parameter: Parameter) -> tuple[Condition, ...]:
    """Return the conditions in a parameter's `when`."""
    return tuple(
        Condition(parent, tuple(values) if isinstance(values, tuple | list) else (values,))
        for parent, values in (parameter.when or {}).items()
    )
