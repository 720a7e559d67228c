"""The rules of a single parameter, refused with the rule, what was got, and what to do."""

import math
from collections.abc import Callable
from typing import NoReturn

from search.errors import SpaceError


def refuse(name: str, rule: str, got: str, remedy: str) -> NoReturn:
    """Raise the error for a broken rule: what it says, what was got, what to do."""
    raise SpaceError(f"{name}: {rule}, got {got}; {remedy}")


def check_name(name: str) -> None:
    """A name can be a Python identifier: it becomes a key, an MLflow tag, a command-line word."""
    if not isinstance(name, str) or not name.isidentifier():
        refuse(
            str(name), "a name must be a Python identifier", repr(name), "use letters, digits and _"
        )


def check_range(name: str, low: float, high: float, log: bool) -> None:
    """A range goes from low to high, has a width, and is above 0 where it is logarithmic."""
    if low > high:
        refuse(name, "low must be <= high", f"low={low!r}, high={high!r}", "swap them")
    if not math.isfinite(high - low):
        refuse(name, "high - low must be finite", f"low={low!r}, high={high!r}", "narrow it")
    if log and low <= 0:
        refuse(name, "low must be > 0 with log=True", f"low={low!r}", "raise low or drop log")


def check_step(name: str, step: float | None, stepped: bool, log: bool) -> None:
    """A step is a positive number, and linear."""
    if step is None:
        return
    if isinstance(step, bool) or not isinstance(step, int | float) or not math.isfinite(step):
        refuse(name, "step must be a number", f"step={step!r}", "give a positive step")
    if step <= 0:
        refuse(name, "step must be > 0", f"step={step!r}", "give a positive step")
    if stepped and log:
        refuse(name, "step does not go with log=True", f"step={step!r}", "drop one of them")


def check_levels(
    name: str, levels: int | tuple[float, ...] | None, holds: Callable[[object], bool]
) -> None:
    """The levels of a grid lie in the range and differ, or are a number of them."""
    if levels is None:
        return
    if isinstance(levels, int):
        if levels < 1 or isinstance(levels, bool):
            refuse(name, "levels must be >= 1", f"levels={levels}", "give at least one")
        return
    if not levels:
        refuse(name, "levels must not be empty", "()", "give at least one value")
    for level in levels:
        if not holds(level):
            refuse(
                name,
                "levels must lie in the range",
                repr(level),
                "widen it or drop the level",
            )
    if len(set(levels)) < len(levels):
        refuse(name, "levels must differ", f"{levels!r}", "remove the repeats")


def check_shapes(
    name: str, per: str | None, shapes: tuple[str, ...], known: tuple[str, ...]
) -> None:
    """Shapes are known words, each once, and only for repeated parameters."""
    if shapes and per is None:
        refuse(
            name, "shapes need per=", f"shapes={shapes!r}", "name the counting parameter in per="
        )
    if len(set(shapes)) < len(shapes):
        refuse(name, "shapes must differ", f"{shapes!r}", "remove the repeats")
    for shape in shapes:
        if shape not in known:
            refuse(name, f"shapes must be among {known}", repr(shape), "use one of them")
