"""Search algorithms, one file each, behind `ask`, `report` and `tell`.

May import: `study`, `space` and `runtime`.
"""

from typing import TYPE_CHECKING

from search._lazy_imports import lazy

if TYPE_CHECKING:
    from search.backends.base import Backend, BackendModule, BackendSettings, Known

__all__ = ["Backend", "BackendModule", "BackendSettings", "Known"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "search.backends.base": ("Backend", "BackendModule", "BackendSettings", "Known"),
    },
)
