"""Axes for parameters: linear, logarithmic, or ordered categories."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dashboards.analysis.ranking import PREFIX, number, parameters
from search.space.parameters import Choice
from search.space.space import from_description
from search.study.progress_text import clipped

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

INACTIVE = "inactive"
_MAGNITUDES = 100  # ratio from which on values without a declared scale get a logarithmic axis
_CLIP = 18  # characters of a category's text


@dataclass(frozen=True, slots=True)
class Axis:
    """Axis of one parameter.

    A coordinate is the value, its log10 on a logarithmic axis, or the index of an option.
    `options`: None for a numeric parameter. `low`, `high`: bounds, as values of the parameter.
    """

    name: str
    log: bool = False
    whole: bool = False
    low: float = 0.0
    high: float = 1.0
    options: tuple[Any, ...] | None = None

    def coordinates(self, values: "pd.Series[Any]") -> "np.ndarray[Any, Any]":
        """Return the coordinates of values; NaN for missing values (inactive parameters)."""
        import numpy as np

        if self.options is not None:
            places = {option: float(place) for place, option in enumerate(self.options)}
            return np.array([places.get(value, math.nan) for value in values], dtype=float)
        plain = np.array([_float(value) for value in values], dtype=float)
        if not self.log:
            return plain
        return np.log10(np.where(plain > 0, plain, np.nan))

    @property
    def span(self) -> tuple[float, float]:
        """The bounds as coordinates, with a margin of half a category."""
        if self.options is not None:
            return -0.5, len(self.options) - 0.5
        low, high = (math.log10(v) if self.log else v for v in (self.low, self.high))
        if low == high:
            return low - 0.5, high + 0.5
        return low, high

    def ticks(self, most: int = 5) -> tuple[list[float], list[str]]:
        """Return coordinates and texts of about `most` ticks, or of every category."""
        if self.options is not None:
            texts = [clipped(number(option), _CLIP) for option in self.options]
            return [float(k) for k in range(len(texts))], texts
        if self.log:
            return _log_ticks(self.low, self.high, most)
        return _even_ticks(self.low, self.high, most, whole=self.whole)


def axes(
    trials: "pd.DataFrame", space: Sequence[Mapping[str, Any]] | None = None
) -> dict[str, Axis]:
    """Return the axis of each parameter in a frame of trials, by name.

    `space`: description of the space, with scales, bounds and the order of options. Without a
    space, and for parameters that are not in the space, the axis is inferred from the values.
    """
    declared = {} if space is None else {n.name: n.parameter for n in from_description(space).nodes}
    found = {}
    for name in parameters(trials):
        values = [v for v in trials[PREFIX + name] if v is not None and v == v]
        parameter = declared.get(name)
        if parameter is None:
            found[name] = _inferred(name, values)
        elif isinstance(parameter, Choice):
            extra = [v for v in dict.fromkeys(values) if v not in parameter.options]
            found[name] = Axis(name, options=(*parameter.options, *extra))
        else:
            numbers = [float(parameter.low), float(parameter.high), *map(float, values)]
            whole = isinstance(parameter.low, int)
            # a baseline may be outside the space
            log = parameter.log and min(numbers) > 0
            found[name] = Axis(name, log, whole, min(numbers), max(numbers))
    return found


def _inferred(name: str, values: Sequence[Any]) -> Axis:
    numeric = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    if not numeric or not values:
        return Axis(name, options=tuple(dict.fromkeys(values)))
    low, high = float(min(values)), float(max(values))
    whole = all(float(value).is_integer() for value in values)
    return Axis(name, low > 0 and high / low >= _MAGNITUDES, whole, low, high)


def _float(value: Any) -> float:
    return math.nan if value is None else float(value)


def _log_ticks(low: float, high: float, most: int) -> tuple[list[float], list[str]]:
    """Return ticks at powers of ten; if these are fewer than three, also at 2 and 5 times them."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    step = max(1, math.ceil((last - first) / most))
    values = [10.0**power for power in range(first, last + 1, step)]
    inside = [v for v in values if low * 0.999 <= v <= high * 1.001]
    if len(inside) < 3:
        finer = [k * 10.0**power for power in range(first, last + 1) for k in (1, 2, 5)]
        inside = [v for v in finer if low * 0.999 <= v <= high * 1.001]
    if len(inside) < 2:
        inside = sorted({low, high})
    return [math.log10(v) for v in inside], [f"{v:g}" if v < 1e5 else f"{v:.0e}" for v in inside]


def _even_ticks(
    low: float, high: float, most: int, *, whole: bool
) -> tuple[list[float], list[str]]:
    if low == high:
        return [low], [f"{low:g}"]
    rough = (high - low) / most
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(k * magnitude for k in (1, 2, 5, 10) if k * magnitude >= rough)
    if whole:
        step = max(1.0, round(step))
    first = math.ceil(low / step - 1e-9)
    values = [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]
    return values, [f"{v:g}" for v in values]
