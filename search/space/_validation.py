"""Validation of a single parameter."""

import math
from collections.abc import Callable
from typing import NoReturn

from search.errors import SpaceError


def refuse(name: str, rule: str, got: str, remedy: str) -> NoReturn:
    """Raise a SpaceError with the broken rule, the value and the remedy."""
    raise SpaceError(f"{name}: {rule} ({got}). {remedy}.")


def check_name(name: str) -> None:
    """Check that a name is a Python identifier.

    It becomes a dictionary key, an MLflow tag and a word of the command line.
    """
    if not isinstance(name, str) or not name.isidentifier():
        raise SpaceError(
            f"A parameter's name must be a Python identifier, not {name!r}. Use letters, digits "
            "and _, and begin with a letter."
        )


def check_range(name: str, low: float, high: float, log: bool) -> None:
    """Check that low <= high, that high - low is finite, and that low > 0 if `log`."""
    if low > high:
        refuse(name, "low must be <= high", f"low={low!r}, high={high!r}", "Swap them")
    if not math.isfinite(high - low):
        refuse(name, "high - low must be finite", f"low={low!r}, high={high!r}", "Narrow the range")
    if log and low <= 0:
        refuse(name, "low must be > 0 with log=True", f"low={low!r}", "Raise low, or use log=False")


def check_step(name: str, step: float | None, stepped: bool, log: bool) -> None:
    """Check that a step is a positive number, and that `log` is not set with it."""
    if step is None:
        return
    if isinstance(step, bool) or not isinstance(step, int | float) or not math.isfinite(step):
        refuse(name, "step must be a finite number", f"step={step!r}", "Use a positive step")
    if step <= 0:
        refuse(name, "step must be > 0", f"step={step!r}", "Use a positive step")
    if stepped and log:
        refuse(name, "step and log=True exclude each other", f"step={step!r}", "Remove one of them")


def check_levels(
    name: str, levels: int | tuple[float, ...] | None, holds: Callable[[object], bool]
) -> None:
    """Check the levels of a grid: distinct values in the range, or a count >= 1."""
    if levels is None:
        return
    if isinstance(levels, int):
        if levels < 1 or isinstance(levels, bool):
            refuse(name, "levels must be >= 1", f"levels={levels}", "Use at least one level")
        return
    if not levels:
        refuse(name, "levels must not be empty", "levels=()", "List at least one value")
    for level in levels:
        if not holds(level):
            refuse(
                name,
                "every level must be a value of the range",
                f"level {level!r}",
                "Widen the range, or remove the level",
            )
    if len(set(levels)) < len(levels):
        refuse(name, "levels must be distinct", f"levels={levels!r}", "Remove the duplicates")


def check_shapes(
    name: str, per: str | None, shapes: tuple[str, ...], known: tuple[str, ...]
) -> None:
    """Check that shapes are known and distinct, and that the parameter is repeated (`per`)."""
    if shapes and per is None:
        refuse(
            name,
            "shapes require per=",
            f"shapes={shapes!r}",
            "Name the parameter that counts the repetitions in per=",
        )
    if len(set(shapes)) < len(shapes):
        refuse(name, "shapes must be distinct", f"shapes={shapes!r}", "Remove the duplicates")
    for shape in shapes:
        if shape not in known:
            raise SpaceError(
                f"{name}: unknown shape {shape!r}. Use one of {', '.join(map(repr, known))}."
            )
