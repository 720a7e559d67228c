"""Hyperparameter search for Keras: one search space, many algorithms, resumable studies."""

import importlib
from typing import TYPE_CHECKING, Any

from search.data.parts import Data, Part
from search.problem.objective import Objective
from search.problem.problem import Problem
from search.space.parameters import Choice, Float, Int, Params
from search.space.space import Space

if TYPE_CHECKING:
    from search.estimator import SearchCV
    from search.results import Study
    from search.tuning import load, resume, tune

__all__ = ["Choice", "Data", "Float", "Int", "Objective", "Params", "Part", "Problem", "SearchCV"]
__all__ += ["Space", "Study", "load", "resume", "tune"]
__version__ = "0.1.0"

# These need more than the standard library: import them on first use.
_LATE = {
    "SearchCV": "search.estimator",
    "Study": "search.results",
    "load": "search.tuning",
    "resume": "search.tuning",
    "tune": "search.tuning",
}


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LATE[name]), name)
