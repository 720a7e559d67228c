"""Tidy frames of a study, from its journal and its export.

May import: `search.study`, `search.export` and what they may import; no other part.
"""

from typing import TYPE_CHECKING

from search._lazy_imports import lazy

if TYPE_CHECKING:
    from dashboards.tables.evaluation import confusion_frame, examples_frame, residuals_frame
    from dashboards.tables.frames import budgets_frame, curves_frame, failures_frame, trials_frame
    from dashboards.tables.tables import Tables, load

__all__ = [
    "Tables",
    "budgets_frame",
    "confusion_frame",
    "curves_frame",
    "examples_frame",
    "failures_frame",
    "load",
    "residuals_frame",
    "trials_frame",
]

__getattr__, __dir__ = lazy(__name__, __file__)
