"""Exported models: write, read, check, evaluate and predict.

May import: `executors`, `datasets` and what they may import.
"""

from typing import TYPE_CHECKING

from search._lazy_imports import lazy

if TYPE_CHECKING:
    from search.export.base import Exported
    from search.export.evaluation import Evidence

__all__ = ["Evidence", "Exported"]

__getattr__, __dir__ = lazy(__name__, __file__)
