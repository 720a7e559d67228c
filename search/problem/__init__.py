"""Problems: data, model function, space and objective; how a problem is found and validated.

May import: `data`, `space` and `runtime`.
"""

from typing import TYPE_CHECKING

from search._lazy_imports import lazy

if TYPE_CHECKING:
    from search.data.parts import Data, Part
    from search.problem.loading import ResolvedProblem
    from search.problem.objective import Objective
    from search.problem.problem import Problem

__all__ = ["Data", "Objective", "Part", "Problem", "ResolvedProblem"]

__getattr__, __dir__ = lazy(__name__, __file__)
