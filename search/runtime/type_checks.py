"""Type checks of arguments given by the user."""

import inspect
import numbers
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from search.errors import UsageError

if TYPE_CHECKING:
    pass


def check_kind(name: str, value: object, kind: type, remedy: str) -> None:
    """Check that the argument `name` is an instance of `kind`.

    Raises:
        UsageError: It is not. `remedy`: the sentence, without its period, that says what to do.
    """
    if not isinstance(value, kind):
        raise UsageError(f"{name} must be {_a(kind)}, not {_describe(value)}. {remedy}.")


def check_count(name: str, value: object, *, optional: bool) -> None:
    """Check that the argument `name` is an integer >= 1; `optional`: or None.

    Raises:
        UsageError: It is not.
    """
    if optional and value is None:
        return
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < 1:
        raise UsageError(f"{name} must be an integer >= 1, not {value!r}. Correct it.")


def check_function(name: str, value: Any, *arguments: str, also: Collection[str] = ()) -> None:
    """Check that the argument `name` is a function of these positional arguments.

    A Keras model is callable, but is refused. `also`: keyword arguments that the platform passes
    if the function has them.

    Raises:
        UsageError: It is not such a function; the message has the required signature.
    """
    wanted = f"({', '.join(arguments)})"
    # a call of a Keras model would end in an error about tensors
    if not callable(value) or type(value).__module__.split(".")[0] == "keras":
        raise UsageError(
            f"{name} must be a function of {wanted}, not {_describe(value)}. "
            f"Write def {name}{wanted}: ..."
        )
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):  # functions written in C may have no signature
        return
    try:
        keywords = {word: word for word in also if word in signature.parameters}
        signature.bind(*arguments, **keywords)
    except TypeError:
        raise UsageError(
            f"{name} must take {wanted}, but is {_name(value)}{signature}. Change its arguments."
        ) from None


def _describe(value: object) -> str:
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if inspect.isroutine(value):
        return f"the function {_name(value)}"
    if value is None or isinstance(value, str | int | float):
        return repr(value)
    return _a(type(value))


def _a(kind: type) -> str:
    return f"{'an' if kind.__name__[0] in 'AEIOU' else 'a'} {kind.__name__}"


def _name(value: object) -> str:
    return str(getattr(value, "__name__", type(value).__name__))
