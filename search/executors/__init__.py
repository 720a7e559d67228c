"""Executors, which train trials: in this process, in local processes, on Dask, or simulated.

May import: `training` and what it may import.
"""

from typing import TYPE_CHECKING

from search._lazy_imports import lazy

if TYPE_CHECKING:
    from search.executors.base import EpochDone, Executor, Finished, Lost, Message

__all__ = ["EpochDone", "Executor", "Finished", "Lost", "Message"]

__getattr__, __dir__ = lazy(__name__, __file__)
