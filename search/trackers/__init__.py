"""Views of a running study, which are written and never read back.

May import: `export`, `study` and what they may import.
"""

from typing import TYPE_CHECKING

from search._lazy_imports import lazy

if TYPE_CHECKING:
    from search.trackers.base import Slow, Tracker

__all__ = ["Slow", "Tracker"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "search.trackers.base": ("Slow", "Tracker"),
    },
)
