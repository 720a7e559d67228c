"""KerasTuner's hypermodels as problems.

May import: `training`, `problem` and what they may import.
"""

from typing import TYPE_CHECKING

from search._lazy_imports import lazy

if TYPE_CHECKING:
    from search.kerastuner.hypermodel import from_hypermodel

__all__ = ["from_hypermodel"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "search.kerastuner.hypermodel": ("from_hypermodel",),
    },
)
