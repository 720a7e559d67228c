"""Search spaces: parameter types, conditions, repetition, narrowing.

May import: `runtime`.
"""

from typing import TYPE_CHECKING

from search._lazy_imports import lazy

if TYPE_CHECKING:
    from search.space.narrowing import narrow
    from search.space.parameters import Choice, Condition, Float, Int, Parameter, Params, Scalar
    from search.space.space import Space

__all__ = [
    "Choice",
    "Condition",
    "Float",
    "Int",
    "Parameter",
    "Params",
    "Scalar",
    "Space",
    "narrow",
]

__getattr__, __dir__ = lazy(__name__, __file__)
