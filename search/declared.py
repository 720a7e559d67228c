"""Whether what a user hands over is of the right kind, told where it is handed over."""

import inspect
import numbers
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from search.errors import UsageError
from search.objective import Objective
from search.space import Space

if TYPE_CHECKING:
    from search.problem import Problem


def check_problem(problem: "Problem") -> None:
    """Refuse a problem that is made of other things than it says.

    Raises: UsageError for a space, an objective or a function that is none.
    """
    check_kind("space", problem.space, Space, "write Space(Int(...), Float(...), Choice(...))")
    remedy = 'write Objective("val_loss", "min"), or another metric with "min" or "max"'
    check_kind("objective", problem.objective, Objective, remedy)
    check_function("load", problem.load, "data_dir")
    building = ("params",) if problem.statistics is None else ("params", "statistics")
    check_function("build", problem.build, *building)
    for place in ("batch_size", "evaluation_batch_size", "max_epochs"):
        check_count(place, getattr(problem, place), optional=place != "batch_size")
    others = {
        "statistics": (problem.statistics, ("train",)),
        "derived": (problem.derived, ("curve",)),
        "fit": (problem.fit, ("params", "model", "data", "callbacks")),
    }
    callbacks = problem.callbacks
    if callbacks is not None:
        both = callable(callbacks) and takes_folder(callbacks)
        check_function("callbacks", callbacks, *(("params", "folder") if both else ("params",)))
    for place, (function, arguments) in others.items():
        if function is not None:
            also = ("initial_epoch", "epochs") if place == "fit" else ()
            check_function(place, function, *arguments, also=also)
    if problem.fit_whole and problem.fit is None:
        raise UsageError(
            "fit_whole=True must come with a fit, got none. Give fit=, or leave fit_whole out"
        )


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


def takes_folder(callbacks: Callable[..., Any]) -> bool:
    """Return whether a problem's `callbacks` must be given the trial's folder too."""
    try:
        signature = inspect.signature(callbacks)
    except (TypeError, ValueError):
        return False
    return not _binds(signature, 1) and _binds(signature, 2)


def _binds(signature: inspect.Signature, count: int) -> bool:
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True


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
