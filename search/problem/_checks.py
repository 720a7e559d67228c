"""Whether what a user hands over is of the right kind, told where it is handed over."""

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
