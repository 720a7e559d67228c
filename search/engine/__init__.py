"""Run a study: resolve settings, run the main loop, resume, manage workers, evaluate the winner.

May import: all packages above it in the table of docs/architecture.md, and `dashboards`.
"""

from typing import TYPE_CHECKING

from search._lazy_imports import lazy

if TYPE_CHECKING:
    from search.engine.coordinator import Coordinator
    from search.engine.run import RunContext, resume, start

__all__ = ["Coordinator", "RunContext", "resume", "start"]

__getattr__, __dir__ = lazy(__name__, __file__)
