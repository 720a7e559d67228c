"""Validation of the types and call signatures of a Problem's fields."""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from search.errors import UsageError
from search.problem.objective import Objective
from search.runtime.type_checks import check_count, check_function, check_kind
from search.space.space import Space

if TYPE_CHECKING:
    from search.problem.problem import Problem


def check_problem(problem: "Problem") -> None:
    """Validate the types and call signatures of a problem's fields.

    Raises:
        UsageError: A field has the wrong type, or a function has the wrong arguments.
    """
    check_kind("space", problem.space, Space, "Write Space(Int(...), Float(...), Choice(...))")
    remedy = 'Write Objective("val_loss", "min"), or another metric with "min" or "max"'
    check_kind("objective", problem.objective, Objective, remedy)
    check_function("load", problem.load, "data_dir")
    building = ("params",) if problem.statistics is None else ("params", "statistics")
    check_function("build", problem.build, *building)
    for name in ("batch_size", "evaluation_batch_size", "max_epochs"):
        check_count(name, getattr(problem, name), optional=name != "batch_size")
    functions = {
        "statistics": (problem.statistics, ("train",)),
        "derived": (problem.derived, ("curve",)),
        "fit": (problem.fit, ("params", "model", "data", "callbacks")),
    }
    callbacks = problem.callbacks
    if callbacks is not None:
        both = callable(callbacks) and takes_folder(callbacks)
        check_function("callbacks", callbacks, *(("params", "folder") if both else ("params",)))
    for name, (function, arguments) in functions.items():
        if function is not None:
            also = ("initial_epoch", "epochs") if name == "fit" else ()
            check_function(name, function, *arguments, also=also)
    if problem.fit_whole and problem.fit is None:
        raise UsageError("fit_whole=True requires a fit function. Pass fit=, or remove fit_whole.")


def takes_folder(callbacks: Callable[..., Any]) -> bool:
    """Return whether a problem's `callbacks` requires the trial's folder as second argument."""
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
