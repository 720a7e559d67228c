"""Checks that a value given by a user is of the right type."""

import inspect
import numbers
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from search.errors import UsageError

if TYPE_CHECKING:
    pass


def check_kind(place: str, value: object, kind: type, remedy: str) -> None:
    """Refuse a value that is no `kind`.

    Raises: UsageError with the remedy.
    """
    if not isinstance(value, kind):
        raise UsageError(f"{place} must be {_a(kind)}, got {_said(value)}; {remedy}")


def check_count(place: str, value: object, *, optional: bool) -> None:
    """Refuse what is no whole number from 1; `optional`: None is one.

    Raises: UsageError.
    """
    if optional and value is None:
        return
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < 1:
        raise UsageError(f"{place} must be a whole number from 1, got {value!r}; correct it")


def check_function(place: str, value: Any, *arguments: str, also: Collection[str] = ()) -> None:
    """Refuse what cannot be called with these arguments, by their order; a Keras model among it.

    `also`: keywords that it is given where it takes them.

    Raises: UsageError with how it must begin.
    """
    wanted = f"({', '.join(arguments)})"
    # a model can be called too, which would end in words about tensors
    if not callable(value) or type(value).__module__.split(".")[0] == "keras":
        raise UsageError(
            f"{place} must be a function of {wanted}, got {_said(value)}; "
            f"write def {place}{wanted}: ..."
        )
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):  # written in C, without one
        return
    try:
        taken = {name: name for name in also if name in signature.parameters}
        signature.bind(*arguments, **taken)
    except TypeError:
        raise UsageError(
            f"{place} must take {wanted}, got {_named(value)}{signature}; change its arguments"
        ) from None


def _said(value: object) -> str:
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if inspect.isroutine(value):
        return f"the function {_named(value)}"
    if value is None or isinstance(value, str | int | float):
        return repr(value)
    return _a(type(value))


def _a(kind: type) -> str:
    return f"{'an' if kind.__name__[0] in 'AEIOU' else 'a'} {kind.__name__}"


def _named(value: object) -> str:
    return str(getattr(value, "__name__", type(value).__name__))
